"""Quantiles with intervals from order statistics: no density is estimated and no shape assumed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import finite_vector
from assay.stats.special import binomial_cdf, check_confidence


def quantile_interval(
    values: npt.ArrayLike, quantile: float = 0.5, *, confidence: float = 0.95, unit: str = "score"
) -> Estimate:
    """A quantile with its exact interval: two order statistics, whatever the distribution.

    Each side errs with probability at most (1 - confidence) / 2, so coverage is at least nominal; ties keep it so.

    Args:
        values: Shape ``(n,)``, finite and independent.
        quantile: Which, in (0, 1); .5 is the median.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        The interpolated sample quantile; a bound that so few values cannot give is ``None`` with the reason (the
        95 % quantile needs 72 values for an upper bound at 95 %).

    Raises:
        InvalidInputError: Values are not a finite vector or the quantile lies outside (0, 1).

    Sources:
        Thompson (1936), Annals of Mathematical Statistics 7, 122-128; David & Nagaraja (2003), Order Statistics,
        section 7.1. The point estimate: Hyndman & Fan (1996), American Statistician 50, 361-365, type 7.

    Examples:
        >>> e = quantile_interval(range(1, 101))
        >>> e.value, e.low, e.high
        (50.5, 40.0, 61.0)
    """
    data = np.sort(finite_vector(values, "values"))
    n = data.size
    below, above = order_ranks(n, quantile, confidence=confidence)
    missing = [name for name, rank in (("lower", below), ("upper", above)) if rank is None]
    return Estimate(
        value=float(np.quantile(data, quantile)),
        low=None if below is None else float(data[below - 1]),
        high=None if above is None else float(data[above - 1]),
        n=n, method="order-statistics", confidence=confidence, unit=unit,
        reason=f"{n:,} values are too few for a {' and '.join(missing)} bound" if missing else None,
    )  # fmt: skip


def quantile_difference(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    quantile: float = 0.5,
    *,
    confidence: float = 0.95,
    unit: str = "score",
) -> Estimate:
    """Difference of a quantile of two independent samples, candidate minus baseline.

    The exact intervals of both sides add in squares (MOVER), so their asymmetry carries over. For shared samples take
    ``quantile_interval`` of the differences, which asks for the median change instead.

    Args:
        baseline: Shape ``(n,)``, finite and independent.
        candidate: Shape ``(m,)``.
        quantile: Which, in (0, 1).
        confidence: Two-sided coverage; approximate and rather above it.
        unit: The scorer's unit.

    Returns:
        The difference; without bounds, and with the reason, where a side is too small.

    Raises:
        InvalidInputError: As ``quantile_interval``.

    Sources:
        Zou & Donner (2008), Statistics in Medicine 27, 1693-1702 (MOVER); Price & Bonett (2002), J. Statistical
        Computation and Simulation 72, 119-124 (medians from order statistics).

    Examples:
        >>> e = quantile_difference(range(100), range(20, 120))
        >>> e.value, e.low < 20 < e.high
        (20.0, True)
    """
    old, new = (quantile_interval(side, quantile, confidence=confidence) for side in (baseline, candidate))
    assert old.value is not None and new.value is not None
    value, low, high = new.value - old.value, None, None
    reason = old.reason or new.reason
    if old.low is not None and old.high is not None and new.low is not None and new.high is not None:
        low = value - math.hypot(new.value - new.low, old.high - old.value)
        high = value + math.hypot(new.high - new.value, old.value - old.low)
        if low == high:
            low, high, reason = None, None, "the values about the quantile are all equal, so its spread is unknown"
    return Estimate(
        value=value, low=low, high=high, n=old.n + new.n, method="order-statistics-mover", confidence=confidence,
        unit=unit, reason=reason,
    )  # fmt: skip


def order_ranks(n: int, quantile: float, *, confidence: float) -> tuple[int | None, int | None]:
    """Ranks (from 1) of the order statistics that bound a quantile; ``None`` where n is too small.

    Raises:
        InvalidInputError: The quantile or the confidence lies outside (0, 1).

    Examples:
        >>> order_ranks(15, 0.5, confidence=0.95)
        (4, 12)
    """
    tail = 0.5 - check_confidence(confidence) / 2.0
    if not 0.0 < quantile < 1.0:
        raise InvalidInputError(f"there is no quantile {quantile}", hint="between 0 and 1; the median is 0.5")
    # of n values K lie below the quantile, K binomial: the r-th value lies above it with probability P(K <= r - 1)
    low = _last(n, lambda rank: binomial_cdf(rank - 1, n, quantile) <= tail)
    high = _last(n, lambda rank: binomial_cdf(n - rank, n, quantile) >= 1.0 - tail)
    return low or None, None if not high else n + 1 - high


def _last(n: int, holds: Callable[[int], bool]) -> int:
    """Greatest rank in 1..n for which a condition that turns false once holds; 0 when it never does."""
    inside, outside = 0, n + 1
    while outside - inside > 1:
        middle = (inside + outside) // 2
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return inside
