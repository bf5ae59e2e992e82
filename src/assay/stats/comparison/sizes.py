"""Effect sizes of two independent samples, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.stats.comparison.null_ranks import MidRanks
from assay.stats.comparison.result import TwoSamples
from assay.stats.special import check_confidence, normal_quantile

DEVIATIONS = "standard deviations"


def cohens_d(baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Difference of two means over their pooled standard deviation, with the exact interval for normal values.

    Args:
        baseline: Shape ``(n,)``, finite and independent, at least two values.
        candidate: Shape ``(m,)``, at least two values.
        confidence: Two-sided coverage, by the noncentral t distribution; it takes normal values of one variance.

    Returns:
        d; without bounds, and with the reason, where the values do not vary.

    Raises:
        InvalidInputError: A side is not a finite vector of two or more values.

    Sources:
        Cohen (1988), Statistical Power Analysis, section 2.2; Steiger & Fouladi (1997), in Harlow et al., What If
        There Were No Significance Tests?, chapter 9 (the interval).

    Examples:
        >>> e = cohens_d([1, 2, 3, 4, 5], [3, 4, 5, 6, 7])
        >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
        (1.265, -0.147, 2.615)
    """
    return _standardised(baseline, candidate, confidence=confidence, corrected=False)


def hedges_g(baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Cohen's d without its bias at small n: d times Γ(k/2) / (√(k/2) Γ((k - 1)/2)), k degrees of freedom.

    Args:
        baseline: As in ``cohens_d``.
        candidate: As in ``cohens_d``.
        confidence: Two-sided coverage; the bounds are those of d (they are bounds of the same population effect).

    Raises:
        InvalidInputError: As in ``cohens_d``.

    Sources:
        Hedges (1981), J. Educational Statistics 6, 107-128, equation 6e.

    Examples:
        >>> round(hedges_g([1, 2, 3, 4, 5], [3, 4, 5, 6, 7]).value, 3)
        1.142
    """
    return _standardised(baseline, candidate, confidence=confidence, corrected=True)


def _standardised(baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, confidence: float, corrected: bool) -> Estimate:
    from scipy.special import nctdtr

    check_confidence(confidence)
    old, new = TwoSamples.of(baseline, candidate, at_least=2)
    freedom = old.size + new.size - 2
    squares = sum(float(np.square(side - side.mean()).sum()) for side in (old, new))
    gap = float(new.mean() - old.mean())
    method = "hedges-g-noncentral-t" if corrected else "noncentral-t"
    deviation = math.sqrt(squares / freedom)
    if deviation <= 1e-13 * max(float(np.abs(old).max()), float(np.abs(new).max())):
        return Estimate(
            value=None, low=None, high=None, n=old.size + new.size, method=method, confidence=confidence,
            unit=DEVIATIONS, reason="the values within the sides do not vary",
        )  # fmt: skip
    scale = math.sqrt(old.size * new.size / (old.size + new.size))
    t, tail = gap / deviation * scale, 0.5 - confidence / 2.0
    reach = 12.0 + abs(t)
    low = _where(lambda c: float(nctdtr(freedom, c, t)) > 1.0 - tail, t - reach, t + reach)
    high = _where(lambda c: float(nctdtr(freedom, c, t)) > tail, t - reach, t + reach)
    bias = 1.0
    if corrected:
        bias = math.exp(math.lgamma(0.5 * freedom) - math.lgamma(0.5 * (freedom - 1))) / math.sqrt(0.5 * freedom)
    return Estimate(
        value=bias * gap / deviation, low=low / scale, high=high / scale, n=old.size + new.size, method=method,
        confidence=confidence, unit=DEVIATIONS,
    )  # fmt: skip


def _where(on_the_left: Callable[[float], bool], low: float, high: float) -> float:
    while high - low > 1e-10:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if on_the_left(middle) else (low, middle)
    return 0.5 * (low + high)


def cliffs_delta(baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """P(candidate > baseline) - P(candidate < baseline), in [-1, 1]; ties count for neither.

    Args:
        baseline: Shape ``(n,)``, finite and independent, at least two values; ordered levels as numbers will do.
        candidate: Shape ``(m,)``, at least two values.
        confidence: Two-sided coverage of the asymmetric interval, which stays inside [-1, 1].

    Returns:
        Delta. Where the sides do not overlap the variance is 0, and the bound is Wilson's for the smaller side with
        all (or none) of its values beyond the other. Without bounds, and with the reason, where all values are equal.

    Raises:
        InvalidInputError: A side is not a finite vector of two or more values.

    Sources:
        Cliff (1993), Psychological Bulletin 114, 494-509; Feng & Cliff (2004), J. Modern Applied Statistical Methods
        3, 322-332, equation 8 (the interval).

    Examples:
        >>> e = cliffs_delta([1, 2, 3, 4], [3, 4, 5, 6])
        >>> e.value
        0.75
    """
    old, new = TwoSamples.of(baseline, candidate, at_least=2)
    n, m = old.size, new.size
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    joint = MidRanks.of(np.concatenate([new, old])).ranks
    # mid-rank among all less mid-rank among its own = values of the other side below, ties half
    above = (joint[:m] - MidRanks.of(new).ranks) / n * 2.0 - 1.0
    below = 1.0 - (joint[m:] - MidRanks.of(old).ranks) / m * 2.0
    delta = float(above.mean())
    method, unit = "cliff-asymmetric", "delta"
    if float(old.min()) == float(old.max()) == float(new.min()) == float(new.max()):
        return Estimate(
            value=0.0, low=None, high=None, n=n + m, method=method, confidence=confidence, unit=unit,
            reason="all values are equal",
        )  # fmt: skip
    if abs(delta) == 1.0:
        near = (min(n, m) - z * z) / (min(n, m) + z * z)
        low, high = (near, 1.0) if delta > 0.0 else (-1.0, -near)
        return Estimate(value=delta, low=low, high=high, n=n + m, method=method, confidence=confidence, unit=unit)
    variance = float(above.var(ddof=1)) / m + float(below.var(ddof=1)) / n
    rest = 1.0 - delta * delta
    half = z * math.sqrt(variance * (rest * rest + z * z * variance))
    low, high = ((delta * rest + side * half) / (rest + z * z * variance) for side in (-1.0, 1.0))
    return Estimate(
        value=delta, low=max(-1.0, low), high=min(1.0, high), n=n + m, method=method, confidence=confidence, unit=unit,
        std_error=math.sqrt(variance),
    )  # fmt: skip
