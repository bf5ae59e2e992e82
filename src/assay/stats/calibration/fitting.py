"""Fitting calibration maps by maximum likelihood or by pooling, and judging them on samples they have not seen."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.calibration.inputs import (
    Floats,
    Labels,
    binary_outcomes,
    class_labels,
    cluster_codes,
    finite_vector,
)
from assay.stats.calibration.maps import (
    CalibrationMap,
    IsotonicMap,
    PlattMap,
    TemperatureMap,
    logistic,
    logit_array,
    softmax,
)


def fit_platt(scores: npt.ArrayLike, outcomes: npt.ArrayLike) -> PlattMap:
    """Logistic map of any score, by maximum likelihood on Platt's smoothed targets.

    Right answers count as (N₊ + 1) / (N₊ + 2) and wrong ones as 1 / (N₋ + 2), so the fit stays finite even when the
    scores separate them. Two parameters: enough for 50 labelled samples or more.

    Args:
        scores: Any finite score, shape ``(n,)``.
        outcomes: 0 or 1, shape ``(n,)``; both must occur.

    Raises:
        InvalidInputError: Shapes differ, only one outcome occurs, or all scores are equal.

    Sources:
        Platt (1999), Advances in Large Margin Classifiers, 61-74; Lin, Lin & Weng (2007), Machine Learning 68,
        267-276 (Newton's method with backtracking).

    Examples:
        >>> fitted = fit_platt([-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1])
        >>> fitted.apply([0.0]).round(3).tolist()
        [0.5]
    """
    data, event = _scores_and_outcomes(scores, outcomes)
    positive = float(event.sum())
    negative = event.size - positive
    targets = np.where(event == 1.0, (positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0))
    centre, scale = float(data.mean()), float(data.std())
    if scale == 0.0:
        raise InvalidInputError("all scores are equal, so no map of them can be fitted", hint="give scores that differ")
    beta = _newton_logistic((data - centre) / scale, targets)
    slope = float(beta[1] / scale)
    return PlattMap(slope=slope, intercept=float(beta[0]) - slope * centre)


def _newton_logistic(x: Floats, targets: Floats) -> Floats:
    """Intercept and slope that maximise the likelihood of fractional targets; concave, so Newton with halving."""
    design = np.stack([np.ones_like(x), x], axis=1)
    beta = np.array([math.log(targets.mean() / (1.0 - targets.mean())), 0.0])
    loss = _cross_entropy(design @ beta, targets)
    for _ in range(100):
        p = logistic(design @ beta)
        gradient = design.T @ (targets - p)
        hessian = (design * (p * (1.0 - p))[:, None]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        length = 1.0
        while length > 1e-10:
            tried = beta + length * step
            new = _cross_entropy(design @ tried, targets)
            if new <= loss - 1e-4 * length * float(gradient @ step):
                break
            length *= 0.5
        else:
            break
        beta, loss = tried, new
        if float(np.abs(gradient).max()) <= 1e-9 * x.size:
            break
    return beta


def fit_isotonic(
    scores: npt.ArrayLike, outcomes: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> IsotonicMap:
    """Rising map of any score, by pooling adjacent violators; makes no assumption but that higher means likelier.

    It has as many parameters as the data make it take: give 500 labelled samples or more, and judge it on others.

    Args:
        scores: Any finite score, shape ``(n,)``.
        outcomes: 0 or 1, shape ``(n,)``.
        weights: Above 0, shape ``(n,)``; ``None`` counts every sample once.

    Raises:
        InvalidInputError: Shapes differ, only one outcome occurs, or a weight is not above 0.

    Sources:
        Ayer et al. (1955), Annals of Mathematical Statistics 26, 641-647; Zadrozny & Elkan (2002), KDD, 694-699.

    Examples:
        >>> fitted = fit_isotonic([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1])
        >>> fitted.apply([0.0, 1.5, 2.0, 9.0]).tolist()
        [0.0, 0.25, 0.5, 1.0]
    """
    from scipy.optimize import isotonic_regression

    data, event = _scores_and_outcomes(scores, outcomes)
    weight = np.ones_like(data) if weights is None else finite_vector(weights, "weights")
    if weight.size != data.size or weight.min() <= 0.0:
        raise InvalidInputError("weights do not fit the scores", hint="one weight above 0 for each score")
    levels, index = np.unique(data, return_inverse=True)
    mass = np.bincount(index, weights=weight)
    means = np.bincount(index, weights=weight * event) / mass
    fitted = np.clip(isotonic_regression(means, weights=mass).x, 0.0, 1.0)
    middle = np.ones(levels.size, dtype=bool)
    middle[1:-1] = (np.diff(fitted)[:-1] != 0.0) | (np.diff(fitted)[1:] != 0.0)  # inner points of flat runs say nothing
    return IsotonicMap(scores=tuple(levels[middle].tolist()), probabilities=tuple(fitted[middle].tolist()))


def fit_temperature(logits: npt.ArrayLike, outcomes: npt.ArrayLike) -> TemperatureMap:
    """One temperature that maximises the likelihood of the labels; never changes which class is on top.

    Args:
        logits: Log-odds of shape ``(n,)``, or logits (log-probabilities will do) of shape ``(n, classes)``.
        outcomes: 0 or 1, or the number of the right class, shape ``(n,)``.

    Raises:
        InvalidInputError: Shapes differ, or no temperature above 0 is best: every label is the top class (the limit
            is 0) or the logits say less than nothing (the limit is infinite).

    Sources:
        Guo et al. (2017), ICML, arXiv:1706.04599, section 4.2.

    Examples:
        >>> fitted = fit_temperature([2.0, 2.0, 2.0, -2.0], [1, 1, 0, 0])
        >>> round(fitted.temperature, 3)
        1.82
    """
    data = logit_array(logits)
    if data.ndim == 1:
        labels = binary_outcomes(outcomes, data.size).astype(np.intp)
        data = np.stack([np.zeros_like(data), data], axis=1)
    else:
        labels = class_labels(outcomes, data.shape[0], data.shape[1])
    data = data - data.max(axis=1, keepdims=True)
    chosen = np.take_along_axis(data, labels[:, None], axis=1)[:, 0]
    scale = float(np.abs(data).mean())

    def slope(sharpness: float) -> float:
        """Derivative of the log likelihood by 1 / temperature; falls as sharpness grows."""
        return float((chosen - (softmax(sharpness * data) * data).sum(axis=1)).mean())

    if scale == 0.0 or slope(0.0) <= 0.0:
        raise InvalidInputError(
            "the labels are no likelier where the logits are higher, so no temperature helps",
            hint="check that labels and logits belong together and have the same order of classes",
        )
    if (chosen == 0.0).all():
        raise InvalidInputError(
            "every label is the top class, so the best temperature is 0", hint="fit on data that hold some errors"
        )
    from scipy.optimize import brentq

    high = 1.0 / scale
    while slope(high) > 0.0:
        high *= 2.0
    return TemperatureMap(temperature=1.0 / float(brentq(slope, 0.0, high, xtol=1e-14 * high, rtol=1e-12)))


def cross_calibrated(
    scores: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    fit: Callable[[Floats, Floats], CalibrationMap],
    rng: np.random.Generator,
    folds: int = 5,
    clusters: Labels | None = None,
) -> Floats:
    """Probabilities of each sample from a map fitted without its fold, so that judging them is honest.

    A map judged on the samples it was fitted on looks better calibrated than it is. Folds keep clusters whole.

    Args:
        scores: Shape ``(n,)``, or ``(n, classes)`` with ``fit_temperature``.
        outcomes: Shape ``(n,)``.
        fit: ``fit_platt``, ``fit_isotonic``, ``fit_temperature`` or a function of the same form.
        rng: Draws the folds.
        folds: At least 2, at most the number of samples or clusters.
        clusters: Group of each sample.

    Returns:
        Out-of-fold probabilities, of the shape of ``scores``.

    Raises:
        InvalidInputError: The folds do not fit, or a fold cannot be fitted.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> x = rng.normal(size=200)
        >>> y = (rng.random(200) < 1 / (1 + np.exp(-x))).astype(float)
        >>> cross_calibrated(x, y, fit=fit_platt, rng=rng).shape
        (200,)
    """
    data = logit_array(scores)
    event = finite_vector(outcomes, "outcomes")
    if event.size != data.shape[0]:
        raise InvalidInputError(f"{data.shape[0]} scores come with {event.size} outcomes", hint="one outcome a score")
    codes = cluster_codes(clusters, event.size)
    units = event.size if codes is None else int(codes.max()) + 1
    if not 2 <= folds <= units:
        raise InvalidInputError(
            f"{units} samples or clusters do not fill {folds} folds", hint="2 <= folds <= that many"
        )
    fold = rng.permutation(np.arange(units) % folds)
    fold = fold if codes is None else fold[codes]
    answer = np.empty_like(data)
    for number in range(folds):
        held = fold == number
        answer[held] = fit(data[~held], event[~held]).apply(data[held])
    return answer


def _scores_and_outcomes(scores: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[Floats, Floats]:
    data = finite_vector(scores, "scores")
    event = binary_outcomes(outcomes, data.size)
    if event.min() == event.max():
        raise InvalidInputError(f"every outcome is {event[0]:.0f}", hint="a map needs both right and wrong examples")
    return data, event


def _cross_entropy(linear: Floats, targets: Floats) -> float:
    return float((np.logaddexp(0.0, linear) - targets * linear).sum())
