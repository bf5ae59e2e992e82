"""Means and shares with their intervals, from Moments. Standard library only: this is the run path.

What is done where an interval is not obvious:

- A 0/1 score gets Wilson's interval, so 0 % and 100 % have one of honest width.
- A 0/1 score with clusters gets Wilson's interval on the effective number of samples (the variance is cluster-robust,
  the quantile is t with G - 1 degrees of freedom); at 0 % and 100 % the effective number is the number of clusters.
- A graded score whose values are all equal, or fewer than two values or clusters, gets no bounds and says why:
  a spread that was not seen cannot be estimated, and an interval of width 0 would claim certainty.
"""

from __future__ import annotations

import math

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.moments import Moments
from assay.stats.special import check_confidence, normal_quantile, t_quantile

NEW_INPUTS = "new inputs like these"
THESE_ITEMS = "these items"
SHARE_UNITS = ("share", "score")
"""Units in which a score that is always 0 or 1 is a share; a cost that is always 0 is not."""


def wilson(
    successes: float, n: float, confidence: float = 0.95, *, quantile: float | None = None
) -> tuple[float, float]:
    """Wilson's score interval of a proportion, within [0, 1].

    Args:
        successes: Between 0 and ``n``; fractions are allowed (effective counts).
        n: Trials, above 0.
        confidence: Two-sided coverage, in (0, 1).
        quantile: Used instead of the normal quantile.

    Sources:
        Wilson (1927), JASA 22, 209-212; Newcombe (1998), Statistics in Medicine 17, 857-872, method 3.

    Examples:
        >>> [round(bound, 4) for bound in wilson(81, 263)]
        [0.2553, 0.3662]
    """
    if n <= 0 or not 0 <= successes <= n:
        raise InvalidInputError(f"{successes} successes of {n} trials are not a proportion", hint="0 <= successes <= n")
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0) if quantile is None else quantile
    share, square = successes / n, z * z
    middle = (share + square / (2.0 * n)) / (1.0 + square / n)
    half = z * math.sqrt(share * (1.0 - share) / n + square / (4.0 * n * n)) / (1.0 + square / n)
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return low, high


def mean_variance(moments: Moments) -> float | None:
    """Variance of the mean: s²/n, or cluster-robust (CR1) where values share clusters; ``None`` when not estimable.

    Sources:
        Cameron & Miller (2015), J. Human Resources 50(2) (CR1, for a regression on a constant).
    """
    n, groups = moments.count, moments.n_clusters
    if groups < 2:
        return None
    if not moments.clustered:
        return moments.m2 / (n - 1) / n
    gap = moments.loose.mean - moments.mean
    squares = moments.loose.m2 + moments.loose.n * gap * gap
    squares += math.fsum((s.n * (s.mean - moments.mean)) ** 2 for s in moments.clusters.values())
    return groups / (groups - 1) * squares / (n * n)


def mean_estimate(
    moments: Moments,
    *,
    confidence: float = 0.95,
    unit: str = "score",
    estimand: str = NEW_INPUTS,
    unscored: int = 0,
    population: int | None = None,
) -> Estimate:
    """The mean with its interval; see the top of this module for how the method is chosen.

    Args:
        moments: Of the samples' values (epochs already reduced).
        confidence: Two-sided coverage, in (0, 1).
        unit: The scorer's unit; 0/1 values are a share only in ``share`` and ``score``.
        estimand: ``new inputs like these``, or ``these items`` together with ``population``.
        unscored: Samples left out, added to the ones ``moments`` knows of.
        population: Number of items of which the n were drawn at random without replacement, for the estimand
            ``these items``: the variance shrinks by (N - n) / (N - 1) and is 0 when all were seen.

    Raises:
        InvalidInputError: Population smaller than n, or given for another estimand.

    Examples:
        >>> e = mean_estimate(Moments.of([1] * 742 + [0] * 577), unit="share")
        >>> round(e.value, 4), round(e.low, 4), round(e.high, 4), e.method
        (0.5625, 0.5356, 0.5891, 'wilson')
        >>> mean_estimate(Moments.of([0.4])).reason
        'fewer than two scored samples'
    """
    check_confidence(confidence)
    left = finite_population_factor(moments.count, estimand, population)
    missing = moments.unscored + unscored

    def answer(
        low: float | None, high: float | None, method: str, *, reason: str | None = None, se: float | None = None
    ) -> Estimate:
        return Estimate(
            value=moments.mean if moments.count else None,
            low=low,
            high=high,
            confidence=confidence,
            n=moments.count,
            method=method,
            unit=unit,
            estimand=estimand,
            reason=reason,
            n_clusters=moments.n_clusters if moments.clustered else None,
            std_error=se,
            unscored=missing,
        )

    if moments.count == 0:
        return answer(None, None, "none", reason="no scored sample")
    if left == 0.0:
        return answer(moments.mean, moments.mean, "census", se=0.0)
    share = moments.all_binary and unit in SHARE_UNITS
    if share and not moments.clustered:
        low, high, se = wilson_bounds(moments.ones / moments.count, moments.count / left, confidence, None)
        return answer(low, high, "wilson", se=se)
    variance = mean_variance(moments)
    if variance is None:
        return answer(None, None, "cluster-t" if moments.clustered else "t", reason=too_few(moments))
    quantile = t_quantile(0.5 + confidence / 2.0, moments.n_clusters - 1)
    if share:
        low, high, se = wilson_bounds(
            moments.mean, effective_n(moments.mean, variance, moments.n_clusters) / left, confidence, quantile
        )
        return answer(low, high, "cluster-wilson", se=se)
    method = "cluster-t" if moments.clustered else "t"
    se = math.sqrt(variance * left)
    if se <= 1e-12 * max(abs(moments.mean), 1e-300):
        return answer(None, None, method, reason=_no_spread(moments))
    return answer(moments.mean - quantile * se, moments.mean + quantile * se, method, se=se)


def _no_spread(moments: Moments) -> str:
    what = f"the {moments.n_clusters:,} clusters" if moments.clustered else f"all {moments.count:,} scores"
    return f"{what} do not differ, so their spread is unknown"


def too_few(moments: Moments) -> str:
    """Why there is no variance: the reason of an estimate without bounds."""
    return "all samples share one cluster" if moments.clustered else "fewer than two scored samples"


def effective_n(share: float, variance: float, n_units: int) -> float:
    """Independent 0/1 samples that would give this variance of the share; ``n_units`` where the variance is 0."""
    spread = share * (1.0 - share)
    if spread <= 0.0 or variance <= 1e-15 * spread:
        return float(n_units)
    return spread / variance


def wilson_bounds(share: float, n: float, confidence: float, quantile: float | None) -> tuple[float, float, float]:
    """Bounds, and the standard error they imply, which is never 0."""
    used = normal_quantile(0.5 + confidence / 2.0) if quantile is None else quantile
    low, high = wilson(share * n, n, confidence, quantile=used)
    square = used * used
    return low, high, math.sqrt(share * (1.0 - share) / n + square / (4.0 * n * n)) / (1.0 + square / n)


def share_of(count: int, n: int, confidence: float, *, unscored: int = 0) -> Estimate:
    """The share of so many independent units, with Wilson's interval; n is at least 1."""
    low, high, std_error = wilson_bounds(count / n, n, confidence, None)
    return Estimate(
        value=count / n,
        low=low,
        high=high,
        n=n,
        method="wilson",
        confidence=confidence,
        unit="share",
        std_error=std_error,
        unscored=unscored,
    )


def finite_population_factor(n: int, estimand: str, population: int | None) -> float:
    """What is left of the variance when n of ``population`` items were drawn: (N - n) / (N - 1); 1 without it."""
    if population is None:
        return 1.0
    if estimand != THESE_ITEMS:
        raise InvalidInputError(
            f"a population size was given for the estimand {estimand!r}", hint=f"it belongs to {THESE_ITEMS!r}"
        )
    if population < max(n, 1):
        raise InvalidInputError(f"{n} samples cannot come from {population} items", hint="population >= n")
    return 0.0 if population == n else (population - n) / (population - 1)
