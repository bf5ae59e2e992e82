"""PPI and PPI++ for regression coefficients: least squares and logit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.prediction.inputs import Floats, check_choice, check_lam
from assay.stats.prediction.losses import (
    LinearLoss,
    LogitLoss,
    RegressionData,
    far_moments,
    far_spread,
    gradients,
    spread_of,
)
from assay.stats.special import check_confidence, normal_quantile, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class PpiRegression:
    """Coefficients in the order of the columns, and the weight the predictions got.

    Attributes:
        coefficients: One estimate a column, unit ``coefficient``.
        lam: Tuned or given weight of the predictions, in [0, 1].
    """

    coefficients: tuple[Estimate, ...]
    lam: float


def ppi_ols(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    unlabeled_features: npt.ArrayLike,
    unlabeled_predictions: npt.ArrayLike,
    *,
    lam: float | None = None,
    coordinate: int | None = None,
    method: str = "t",
    confidence: float = 0.95,
) -> PpiRegression:
    """Least-squares coefficients of the label on features, with prediction power.

    Args:
        features: Shape ``(n, d)``; add a column of ones for an intercept.
        labels: Shape ``(n,)``.
        predictions: Of the same inputs, shape ``(n,)``.
        unlabeled_features: Shape ``(N, d)``.
        unlabeled_predictions: Shape ``(N,)``.
        lam: Weight of the predictions in [0, 1]; tuned when left out, 1 is PPI.
        coordinate: Column whose variance λ minimises; without it their sum.
        method: ``normal`` as published, or ``t``: residuals of labelled inputs divided by 1 - leverage (HC3) and t
            with n - d degrees of freedom (one less for a tuned λ), which holds from about 20 labels on.
        confidence: Two-sided coverage of each coefficient.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite, columns are collinear or n ≤ d.

    Sources:
        Angelopoulos et al. (2023), Science 382, 669-674, algorithm 3; Angelopoulos, Duchi & Zrnic (2023),
        arXiv:2311.01453, sections 5 and 6; MacKinnon & White (1985) for HC3.

    Notes:
        Unlabelled rows are worked on 65,536 at a time.

    Examples:
        >>> x = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]
        >>> fit = ppi_ols(x, [1.0, 3.0, 5.0, 7.5], [1.0, 3.0, 5.0, 7.0], x, [1.0, 3.0, 5.0, 7.0], lam=1.0)
        >>> [round(c.value, 6) for c in fit.coefficients]
        [0.9, 2.15]
    """
    data = RegressionData.of(features, labels, predictions, unlabeled_features, unlabeled_predictions)
    return _regression(data, LinearLoss(data), lam, coordinate, method, confidence)


def ppi_logistic(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    unlabeled_features: npt.ArrayLike,
    unlabeled_predictions: npt.ArrayLike,
    *,
    lam: float | None = None,
    method: str = "t",
    confidence: float = 0.95,
) -> PpiRegression:
    """Logit coefficients of a 0/1 label on features, with prediction power.

    Args:
        features: Shape ``(n, d)``; add a column of ones for an intercept.
        labels: 0 or 1, shape ``(n,)``.
        predictions: Probabilities in [0, 1], shape ``(n,)``.
        unlabeled_features: Shape ``(N, d)``.
        unlabeled_predictions: Shape ``(N,)``.
        lam: As in ``ppi_ols``, like all that follow.
        method: See there.
        confidence: See there.

    Raises:
        InvalidInputError: As there; labels are not 0/1, predictions not in [0, 1], or the labels are separated by the
            features, so that the coefficients have no finite value.

    Sources:
        As ``ppi_ols``, algorithm 4 of the first.

    Examples:
        >>> x = [[1.0, k / 10] for k in range(20)]
        >>> y = [0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1]
        >>> p = [k / 20 for k in range(20)]
        >>> fit = ppi_logistic(x, y, p, x, p, lam=0.0)
        >>> round(fit.coefficients[1].value, 3)
        2.182
    """
    data = RegressionData.of(features, labels, predictions, unlabeled_features, unlabeled_predictions)
    if not np.all((data.y == 0.0) | (data.y == 1.0)):
        raise InvalidInputError("a label is neither 0 nor 1", hint="a logit needs 0/1 labels")
    if min(data.f.min(), data.far_f.min()) < 0.0 or max(data.f.max(), data.far_f.max()) > 1.0:
        raise InvalidInputError("a prediction lies outside [0, 1]", hint="give probabilities of the label 1")
    return _regression(data, LogitLoss(data), lam, None, method, confidence)


def _regression(
    data: RegressionData,
    model: LinearLoss | LogitLoss,
    lam: float | None,
    coordinate: int | None,
    method: str,
    confidence: float,
) -> PpiRegression:
    check_choice(method, ("t", "normal"), "method")
    check_confidence(confidence)
    d = data.x.shape[1]
    if coordinate is not None and not 0 <= coordinate < d:
        raise InvalidInputError(f"coordinate {coordinate} is none of {d} columns", hint="columns count from 0")
    weight = check_lam(lam)
    if weight is None:
        for at in (1.0, None):  # λ at the estimate of λ = 1, then once more at its own estimate
            weight = _tuned(data, model, model.point(1.0 if at else weight or 0.0), coordinate)
    assert weight is not None
    theta = model.point(weight)
    variance = _sandwich(data, model, theta, weight) if method == "normal" else model.small(theta, weight)
    upper = 0.5 + confidence / 2.0
    quantile = normal_quantile(upper) if method == "normal" else t_quantile(upper, max(data.n - d - (lam is None), 1))
    found = []
    for k in range(d):
        error = math.sqrt(max(float(variance[k, k]), 0.0))
        reason = None if error > 1e-12 * max(abs(float(theta[k])), 1e-300) else "the residuals do not vary"
        found.append(
            Estimate(
                value=float(theta[k]),
                low=None if reason else float(theta[k]) - quantile * error,
                high=None if reason else float(theta[k]) + quantile * error,
                confidence=confidence,
                n=data.n,
                method=f"{'ppi' if lam == 1.0 else 'ppi++'}-{method}",
                unit="coefficient",
                reason=reason,
                std_error=None if reason else error,
            )
        )
    return PpiRegression(coefficients=tuple(found), lam=float(weight))


def _tuned(data: RegressionData, model: LinearLoss | LogitLoss, theta: Floats, coordinate: int | None) -> float:
    """λ that minimises the summed (or one) variance, clipped to [0, 1]."""
    own, predicted = gradients(data, model, theta)
    centred = own - own.mean(axis=0), predicted - predicted.mean(axis=0)
    covariance = (centred[0].T @ centred[1] + centred[1].T @ centred[0]) / data.n
    total, products = far_moments(data, model, theta)
    count = data.n + data.size
    mean = (total + predicted.sum(axis=0)) / count
    pooled = (products + predicted.T @ predicted - count * np.outer(mean, mean)) / (count - 1)
    inverse = np.linalg.inv(model.hessian(theta, 1.0))
    side = inverse if coordinate is None else inverse[[coordinate]]
    above = float(np.trace(side @ covariance @ side.T))
    below = 2.0 * (1.0 + data.n / data.size) * float(np.trace(side @ pooled @ side.T))
    return 0.0 if below <= 0.0 else min(max(above / below, 0.0), 1.0)


def _sandwich(data: RegressionData, model: LinearLoss | LogitLoss, theta: Floats, lam: float) -> Floats:
    """H⁻¹ (λ² V_N / N + V_n / n) H⁻¹, as published."""
    own, predicted = gradients(data, model, theta)
    middle = spread_of(own - lam * predicted) / data.n
    if lam:
        middle = middle + lam * lam * far_spread(data, model, theta)
    inverse = np.linalg.inv(model.hessian(theta, lam))
    return np.asarray(inverse @ middle @ inverse, dtype=np.float64)
