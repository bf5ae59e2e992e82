"""Draws with known probabilities: how to choose them, and means of values seen through them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.prediction.inputs import Floats, finite_vector
from assay.stats.scalar import NEW_INPUTS, THESE_ITEMS
from assay.stats.special import check_confidence, t_quantile

DEFAULT_FLOOR = 0.75
"""Least probability as a share of the uniform one: below it, rare items with huge weights ruin the interval."""


def inclusion_probabilities(
    scores: npt.ArrayLike, *, expected_n: float, floor: float = DEFAULT_FLOOR, certain: npt.ArrayLike | None = None
) -> Floats:
    """Probabilities that grow with a score (the expected size of the residual), each at least a floor.

    The budget-optimal probability is proportional to the residual's standard deviation (Neyman). Taken at its word it
    under-covers on skewed scales, since a rare item with a tiny probability carries a huge weight. So a share
    ``floor`` of the draw stays uniform and only the rest follows the scores.

    Args:
        scores: At least 0, shape ``(N,)``; all equal gives uniform probabilities.
        expected_n: Items to be drawn on average, in (0, N].
        floor: Smallest probability over the uniform one among items that are not certain, in [0, 1].
        certain: Items drawn with probability 1 (failures, critical ones), shape ``(N,)``; they count in
            ``expected_n``.

    Returns:
        Shape ``(N,)``, in (0, 1], adding up to ``expected_n``.

    Raises:
        InvalidInputError: A score is negative, ``floor`` is 0 while a score is 0, or more items are certain than drawn.

    Sources:
        Neyman (1934), JRSS 97, 558-625; Hesterberg (1995), Technometrics 37, 185-194 (defensive mixture).

    Examples:
        >>> inclusion_probabilities([1.0, 1.0, 2.0, 4.0], expected_n=2.0, floor=0.5).round(9).tolist()
        [0.375, 0.375, 0.5, 0.75]
    """
    size = finite_vector(scores, "scores")
    if size.min() < 0.0 or not 0.0 <= floor <= 1.0:
        raise InvalidInputError("scores below 0 or a floor outside [0, 1]", hint="scores are sizes; floor is a share")
    sure = np.zeros(size.size, dtype=bool) if certain is None else np.asarray(certain, dtype=bool)
    if sure.shape != size.shape:
        raise InvalidInputError(f"certain has shape {sure.shape}", hint="one truth value for every item")
    left, free = expected_n - float(sure.sum()), ~sure
    if not 0.0 < expected_n <= size.size or left < 0.0 or (left == 0.0 and free.any()):
        raise InvalidInputError(
            f"{expected_n:g} draws from {size.size} items of which {sure.sum()} are certain do not fit",
            hint="raise expected_n: every item needs a positive probability",
        )
    found = np.ones(size.size)
    if not free.any():
        return found
    uniform = left / free.sum()
    total = float(size[free].sum())
    if total == 0.0:
        found[free] = uniform
        return found
    found[free] = _capped(size[free], least=floor * uniform, total=left)
    if found.min() <= 0.0:
        raise InvalidInputError("an item would never be drawn", hint=f"raise the floor, e.g. to {DEFAULT_FLOOR}")
    return found


def _capped(scores: Floats, *, least: float, total: float) -> Floats:
    """least + k·score, capped at 1, with k such that the sum is right."""
    low, high = 0.0, 1.0
    while np.minimum(least + high * scores, 1.0).sum() < total and high < 1e300:
        high *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if np.minimum(least + middle * scores, 1.0).sum() < total:
            low = middle
        else:
            high = middle
    found = np.minimum(least + high * scores, 1.0)
    open_ = found < 1.0
    missing = total - float(found.sum())
    if open_.any() and missing > 1e-9 * total:  # items of score 0 take what the capped ones cannot
        found[open_] += missing / np.count_nonzero(open_)
    return found


def horvitz_thompson_mean(
    values: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    *,
    population: int,
    confidence: float = 0.95,
    unit: str = "score",
) -> Estimate:
    """Mean over N items of which a Poisson draw was seen: Σ y/π / N, exactly unbiased.

    On raw scores it is poor (half-widths of 8 to 10 times the Hájek mean's were measured): the random number of items
    drawn is in it, and where the scale's zero is. Use it on residuals, or take ``hajek_mean``.

    Args:
        values: Of the drawn items, shape ``(n,)``.
        probabilities: With which each was drawn, in (0, 1].
        population: N.
        confidence: Two-sided coverage.
        unit: Of the values.

    Raises:
        InvalidInputError: Shapes differ, a probability is outside (0, 1] or N < n.

    Sources:
        Horvitz & Thompson (1952), JASA 47, 663-685; Poisson variance: Särndal, Swensson & Wretman (1992), result 3.5.1.

    Examples:
        >>> e = horvitz_thompson_mean([2.0, 4.0, 3.0], [0.5, 0.5, 0.25], population=8)
        >>> e.value, round(e.std_error, 6)
        (3.0, 1.520691)
    """
    y, p = _drawn(values, probabilities, population)
    value = float((y / p).sum()) / population
    variance = float(((1.0 - p) * (y / p) ** 2).sum()) / population**2
    return _mean(value, variance, y, p, population, THESE_ITEMS, "horvitz-thompson", confidence, unit)


def hajek_mean(
    values: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    *,
    population: int | None = None,
    confidence: float = 0.95,
    unit: str = "score",
) -> Estimate:
    """Weighted mean Σ(y/π) / Σ(1/π) of items drawn with unequal probabilities.

    Args:
        values: Of the drawn items, shape ``(n,)``.
        probabilities: With which each was drawn, in (0, 1].
        population: N, for the estimand ``these items``; without it new inputs like these are meant.
        confidence: Two-sided coverage; the quantile is t with Kish's effective n less one degrees of freedom.
        unit: Of the values.

    Raises:
        InvalidInputError: As ``horvitz_thompson_mean``.

    Sources:
        Hájek (1971), in Godambe & Sprott, Foundations of Statistical Inference; Särndal, Swensson & Wretman (1992),
        result 5.7.1; Kish (1965), section 11.7.

    Examples:
        >>> e = hajek_mean([2.0, 4.0, 3.0], [0.5, 0.5, 0.25], population=8)
        >>> e.value
        3.0
    """
    y, p = _drawn(values, probabilities, population)
    w = 1.0 / p
    total = float(w.sum())
    value = float(w @ y) / total
    kish = total**2 / float(w @ w)
    kept = 1.0 - p if population is not None else 1.0
    variance = float((kept * np.square(w * (y - value))).sum()) / total**2 * kish / max(kish - 1.0, 1e-9)
    estimand = NEW_INPUTS if population is None else THESE_ITEMS
    return _mean(value, variance, y, p, population, estimand, "hajek", confidence, unit)


def _drawn(values: npt.ArrayLike, probabilities: npt.ArrayLike, population: int | None) -> tuple[Floats, Floats]:
    y = finite_vector(values, "values")
    p = finite_vector(probabilities, "probabilities", length=y.size)
    if p.min() <= 0.0 or p.max() > 1.0:
        raise InvalidInputError("a probability lies outside (0, 1]", hint="only known, positive probabilities count")
    if population is not None and population < y.size:
        raise InvalidInputError(f"{y.size} values cannot come from {population} items", hint="population >= n")
    return y, p


def _mean(
    value: float,
    variance: float,
    y: Floats,
    p: Floats,
    population: int | None,
    estimand: str,
    method: str,
    confidence: float,
    unit: str,
) -> Estimate:
    check_confidence(confidence)
    census = population == y.size and p.min() == 1.0
    kish = float((1.0 / p).sum() ** 2 / np.square(1.0 / p).sum())
    reason = None
    if not census and kish - 1.0 < 1.0 - 1e-9:
        reason = f"{y.size} values of such unequal probabilities are worth fewer than two"
    elif not census and float(np.ptp(y)) <= 1e-12 * float(np.abs(y).max()):
        reason = f"all {y.size:,} values are equal, so their spread is unknown"
    half = None
    if census:
        half = 0.0
    elif reason is None:
        half = t_quantile(0.5 + confidence / 2.0, kish - 1.0) * math.sqrt(variance)
    return Estimate(
        value=value,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
        confidence=confidence,
        n=y.size,
        method="census" if census else f"{method}-t",
        unit=unit,
        estimand=estimand,
        reason=reason,
        std_error=None if half is None else (0.0 if census else math.sqrt(variance)),
    )
