"""Mann-Whitney and Wilcoxon signed-rank tests, with Hodges-Lehmann's shift and its interval."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.stats.comparison.null_ranks import MidRanks, lower_rank, rank_sum_law, signed_rank_law, two_sided
from assay.stats.comparison.result import Comparison, TwoSamples, paired_values
from assay.stats.comparison.selection import pairwise_differences, walsh_averages
from assay.stats.special import check_confidence, normal_cdf, normal_quantile

EXACT_VALUES = 50
"""Values of both sides up to which Mann-Whitney's p-value is exact."""
EXACT_PAIRS = 100
"""Differences that are not 0 up to which the signed-rank p-value is exact."""
SHIFT = "shift between new inputs like these"


def mann_whitney(
    baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, confidence: float = 0.95, unit: str = "score"
) -> Comparison:
    """Rank-sum test of two independent samples, with the median of all pairwise differences.

    The p-value is about P(candidate > baseline) = P(candidate < baseline) for distributions of one shape; where the
    shapes differ it may reject although neither is larger. The shift is Hodges-Lehmann's, its interval made of order
    statistics of the differences. Up to 50 values the p-value is exact, with ties too; the interval is exact without
    ties and at least nominal with them. Time O((n + m) log) a bisection step; memory bounded, never n × m.

    Args:
        baseline: Shape ``(n,)``, finite.
        candidate: Shape ``(m,)``.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        ``statistic`` is U of the candidate: pairs it wins, a tie counting half. Bounds are ``None`` with a reason
        where so few values cannot reach the confidence.

    Raises:
        InvalidInputError: A side is not a vector of finite numbers.

    Sources:
        Mann & Whitney (1947), Annals of Mathematical Statistics 18, 50-60; Hodges & Lehmann (1963), ibid. 34,
        598-611; Hollander, Wolfe & Chicken (2014), Nonparametric Statistical Methods, sections 4.1-4.3.

    Examples:
        >>> c = mann_whitney([1.1, 2.2, 3.3, 4.4], [5.5, 6.6, 7.7, 8.8])
        >>> round(c.p_value, 4), c.statistic, round(c.effect.value, 2)
        (0.0286, 16.0, 4.4)
    """
    sides = TwoSamples.of(baseline, candidate)
    old, new = sides
    n, m = old.size, new.size
    tail = 0.5 - check_confidence(confidence) / 2.0
    found = MidRanks.of(np.concatenate([new, old]))
    rank_sum = float(found.ranks[:m].sum())
    wins = rank_sum - m * (m + 1) / 2.0
    total = n + m
    variance = n * m / 12.0 * (total + 1.0 - found.ties / (total * (total - 1.0)))
    exact = total <= EXACT_VALUES
    notes = (f"{found.tied:,} of {total:,} values equal another; a tied pair counts half",) if found.tied else ()
    if found.tied == total and found.ranks.min() == found.ranks.max():
        effect = _shift(0.0, None, None, total, "hodges-lehmann", confidence, unit, "all values are equal")
        return Comparison(effect=effect, p_value=1.0, statistic=wins, method="mann-whitney", exact=True, notes=notes)
    if exact:
        p_value = two_sided(rank_sum_law(found.ranks, m), round(2.0 * rank_sum))
        untied = rank_sum_law(np.arange(1.0, total + 1.0), m)[m * (m + 1) :: 2]
        rank = lower_rank(untied, tail)
    else:
        p_value = _normal_p(abs(wins - n * m / 2.0) - 0.5, variance)
        rank = _normal_rank(n * m / 2.0, math.sqrt(n * m * (total + 1.0) / 12.0), tail)
    centre, bounds = _centre_and_bounds(n * m, rank)
    values = pairwise_differences(old, new, [*centre, *bounds])
    return Comparison(
        effect=_effect(values, total, "hodges-lehmann", confidence, unit),
        p_value=p_value,
        statistic=wins,
        method="mann-whitney-exact" if exact else "mann-whitney",
        exact=exact,
        notes=notes,
    )


def wilcoxon_signed_rank(
    baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, confidence: float = 0.95, unit: str = "score"
) -> Comparison:
    """Signed-rank test over shared samples, with the median of all averages of two differences.

    It assumes differences that are symmetric about their centre. Differences of 0 are left out of the p-value (and
    counted in ``notes``), and stay in the estimate. Up to 100 others the p-value is exact, with ties too.

    Args:
        baseline: Shape ``(n,)``, finite.
        candidate: Shape ``(n,)``, same order of samples.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        ``statistic`` is the sum of the ranks of the differences above 0. Bounds are ``None`` with a reason where so
        few values cannot reach the confidence (five pairs reach .9375).

    Raises:
        InvalidInputError: Not two vectors of finite numbers of one length.

    Sources:
        Wilcoxon (1945), Biometrics Bulletin 1, 80-83; Tukey (1949), Memorandum 17, Princeton (Walsh averages);
        Hollander, Wolfe & Chicken (2014), Nonparametric Statistical Methods, sections 3.1-3.3.

    Examples:
        >>> c = wilcoxon_signed_rank([0, 0, 0, 0, 0, 0], [1.1, 2.2, 0.4, 1.9, 3.1, 2.6])
        >>> c.p_value, c.statistic, round(c.effect.value, 2)
        (0.03125, 21.0, 1.9)
    """
    differences = paired_values(baseline, candidate)
    tail = 0.5 - check_confidence(confidence) / 2.0
    moved = differences[differences != 0.0]
    n, used = differences.size, moved.size
    notes: tuple[str, ...] = ()
    if used < n:
        notes = (f"{n - used:,} of {n:,} differences are 0 and left out of the p-value",)
    if used == 0:
        effect = _shift(0.0, None, None, n, "walsh-averages", confidence, unit, "all differences are 0")
        return Comparison(effect=effect, p_value=1.0, statistic=0.0, method="wilcoxon", exact=True, notes=notes)
    found = MidRanks.of(np.abs(moved))
    if found.tied:
        notes += (f"{found.tied:,} of {used:,} differences equal another in size",)
    above = float(found.ranks[moved > 0.0].sum())
    exact = used <= EXACT_PAIRS
    if exact:
        p_value = two_sided(signed_rank_law(found.ranks), round(2.0 * above))
    else:
        variance = used * (used + 1.0) * (2.0 * used + 1.0) / 24.0 - found.ties / 48.0
        p_value = _normal_p(abs(above - used * (used + 1.0) / 4.0) - 0.5, variance)
    if n <= EXACT_PAIRS:
        rank = lower_rank(signed_rank_law(np.arange(1.0, n + 1.0))[::2], tail)
    else:
        rank = _normal_rank(n * (n + 1.0) / 4.0, math.sqrt(n * (n + 1.0) * (2.0 * n + 1.0) / 24.0), tail)
    centre, bounds = _centre_and_bounds(n * (n + 1) // 2, rank)
    return Comparison(
        effect=_effect(walsh_averages(differences, [*centre, *bounds]), n, "walsh-averages", confidence, unit),
        p_value=p_value,
        statistic=above,
        method="wilcoxon-exact" if exact else "wilcoxon",
        exact=exact,
        notes=notes,
    )


def _normal_p(distance: float, variance: float) -> float:
    """Two-sided, after the continuity correction."""
    return min(1.0, 2.0 * normal_cdf(-max(distance, 0.0) / math.sqrt(variance)))


def _normal_rank(mean: float, deviation: float, tail: float) -> int:
    """Rank of the bounding pair by the normal approximation, rounded outwards; 0 when there is none."""
    return max(0, math.floor(mean - normal_quantile(1.0 - tail) * deviation + 0.5))


def _centre_and_bounds(pairs: int, rank: int) -> tuple[list[int], list[int]]:
    """Ranks of the two middle pairs, and of the bounding ones where there are any."""
    return [(pairs + 1) // 2, pairs // 2 + 1], [rank, pairs + 1 - rank] if rank else []


def _effect(values: list[float], n: int, method: str, confidence: float, unit: str) -> Estimate:
    centre = 0.5 * (values[0] + values[1])
    if len(values) == 2:
        return _shift(centre, None, None, n, method, confidence, unit, f"{n} values cannot reach this confidence")
    low, high = values[2:]
    if low == high:
        return _shift(centre, None, None, n, method, confidence, unit, "nearly all pairs are tied")
    return _shift(centre, low, high, n, method, confidence, unit, None)


def _shift(
    value: float,
    low: float | None,
    high: float | None,
    n: int,
    method: str,
    confidence: float,
    unit: str,
    reason: str | None,
) -> Estimate:
    return Estimate(
        value=value, low=low, high=high, n=n, method=method, confidence=confidence, unit=unit, estimand=SHIFT,
        reason=reason,
    )  # fmt: skip
