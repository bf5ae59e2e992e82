"""What is known about one true value: its interval at any confidence, and one-sided p-values against any threshold.

Comparisons and gates ask the same Evidence for both, so a verdict can never contradict the interval beside it: the
p-value against a threshold is below (1 - confidence) / 2 exactly when the bound at that confidence clears it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from assay.core.records import Estimate
from assay.stats.moments import Moments
from assay.stats.scalar import SHARE_UNITS, effective_n, mean_estimate, mean_variance, too_few
from assay.stats.special import normal_cdf, normal_quantile, t_sf


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An estimate that can be questioned.

    Attributes:
        estimate: Interval at a given confidence.
        score: Signed distance of the estimate from a hypothesised value, in standard errors under that hypothesis;
            ``None`` where the variance is unknown (the estimate then has no bounds, and says why).
        df: Degrees of freedom of that score; infinite for a normal one.
        n: Samples.
    """

    estimate: Callable[[float], Estimate]
    score: Callable[[float], float] | None
    df: float = math.inf
    n: int = 0

    def p_above(self, threshold: float) -> float | None:
        """One-sided p-value of "the true value is at most ``threshold``"."""
        return None if self.score is None else self._tail(self.score(threshold))

    def p_below(self, threshold: float) -> float | None:
        """One-sided p-value of "the true value is at least ``threshold``"."""
        return None if self.score is None else self._tail(-self.score(threshold))

    def std_dev(self, confidence: float = 0.95) -> float | None:
        """Standard deviation of one sample's contribution that the interval implies, for planning; design effect in."""
        found = self.estimate(confidence)
        if found.low is None or found.high is None or self.n == 0:
            return None
        return 0.5 * (found.high - found.low) * math.sqrt(self.n) / normal_quantile(0.5 + confidence / 2.0)

    def _tail(self, score: float) -> float:
        if math.isinf(score):
            return 0.0 if score > 0.0 else 1.0
        return normal_cdf(-score) if math.isinf(self.df) else t_sf(score, self.df)


def mean_evidence(moments: Moments, *, unit: str = "score", unscored: int = 0) -> Evidence:
    """Evidence on a mean or share; the method is chosen as ``scalar.mean_estimate`` does.

    Examples:
        >>> share = mean_evidence(Moments.of([1] * 60 + [0] * 40), unit="share")
        >>> round(share.p_above(0.5), 4)
        0.0228
    """

    def estimate(confidence: float) -> Estimate:
        return mean_estimate(moments, confidence=confidence, unit=unit, unscored=unscored)

    variance = mean_variance(moments)
    share = moments.count > 0 and moments.all_binary and unit in SHARE_UNITS
    mean, n = moments.mean, moments.count
    if share and not moments.clustered:
        return Evidence(estimate=estimate, score=lambda p: _share_score(mean, p, n), n=n)
    if variance is None or estimate(0.95).low is None:
        return Evidence(estimate=estimate, score=None, n=n)
    df = moments.n_clusters - 1
    if share:
        effective = effective_n(mean, variance, moments.n_clusters)
        return Evidence(estimate=estimate, score=lambda p: _share_score(mean, p, effective), df=df, n=n)
    std_error = math.sqrt(variance)
    return Evidence(estimate=estimate, score=lambda value: (mean - value) / std_error, df=df, n=n)


def _share_score(share: float, hypothesis: float, n: float) -> float:
    """Wilson's score; a hypothesis outside (0, 1) is contradicted by anything but itself."""
    spread = hypothesis * (1.0 - hypothesis)
    if spread > 0.0:
        return (share - hypothesis) / math.sqrt(spread / n)
    return 0.0 if share == hypothesis else math.copysign(math.inf, share - hypothesis)


def difference_evidence(differences: Moments, *, unit: str = "score", span: float = 1.0, unscored: int = 0) -> Evidence:
    """Evidence on the mean of paired differences, cluster-robust where samples share clusters.

    When every difference is the same (identical runs, mostly) the spread is unknown and a t interval would have
    width 0. All that n equal differences d show is that others are rare: at most a share u = z² / (N + z²) of new
    samples may differ (Wilson's bound at 0 of N independent samples or clusters), each by at most ``span``, so the
    mean lies between d - u(span + d) and d + u(span - d). For 0/1 scores this is Tango's interval.

    Args:
        differences: Moments of candidate minus baseline.
        unit: Of the scores.
        span: Largest difference that is possible; 0 when unknown, and then equal differences have no bounds.
        unscored: Samples left out.
    """
    n, groups, mean = differences.count, differences.n_clusters, differences.mean
    clustered = differences.clustered
    variance = mean_variance(differences)
    equal = variance is not None and math.sqrt(max(variance, 0.0)) <= 1e-12 * max(abs(mean), 1e-300)
    bounded = span >= abs(mean) and span > 0.0
    reason = None if n else "no sample is scored on both sides"
    if n and variance is None:
        reason = too_few(differences).replace("scored samples", "paired samples")
    elif equal and not bounded:
        reason = f"all {n:,} paired differences are equal, so their spread is unknown"
    if reason is not None or variance is None:
        method = "paired-cluster-t" if clustered else "paired-t"
        return Evidence(estimate=_unbounded(differences, method, unit, reason or "", unscored), score=None, n=n)
    if equal:
        return _equal_differences(mean, n, groups, unit=unit, span=span, unscored=unscored, clustered=clustered)
    std_error = math.sqrt(variance)

    def estimate(confidence: float) -> Estimate:
        found = mean_estimate(differences, confidence=confidence, unit="difference", unscored=unscored)
        return Estimate(
            value=found.value,
            low=found.low,
            high=found.high,
            confidence=confidence,
            n=n,
            method=f"paired-{found.method}",
            unit=unit,
            n_clusters=found.n_clusters,
            std_error=found.std_error,
            unscored=unscored,
        )

    return Evidence(estimate=estimate, score=lambda value: (mean - value) / std_error, df=groups - 1, n=n)


def _unbounded(differences: Moments, method: str, unit: str, reason: str, unscored: int) -> Callable[[float], Estimate]:
    value = differences.mean if differences.count else None
    return lambda confidence: Estimate(
        value=value,
        low=None,
        high=None,
        confidence=confidence,
        n=differences.count,
        method=method,
        unit=unit,
        reason=reason,
        unscored=unscored,
    )


def _equal_differences(
    mean: float, n: int, groups: int, *, unit: str, span: float, unscored: int, clustered: bool
) -> Evidence:
    def estimate(confidence: float) -> Estimate:
        square = normal_quantile(0.5 + confidence / 2.0) ** 2
        rare = square / (groups + square)
        return Estimate(
            value=mean,
            low=mean - rare * (span + mean),
            high=mean + rare * (span - mean),
            confidence=confidence,
            n=n,
            method="equal-differences",
            unit=unit,
            n_clusters=groups if clustered else None,
            unscored=unscored,
        )

    def score(value: float) -> float:
        room = span + mean if value < mean else span - mean
        rare = abs(mean - value) / room if room > 0.0 else math.inf
        if value == mean:
            return 0.0
        distance = math.inf if rare >= 1.0 else math.sqrt(groups * rare / (1.0 - rare))
        return math.copysign(distance, mean - value)

    return Evidence(estimate=estimate, score=score, n=n)
