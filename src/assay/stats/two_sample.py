"""Two systems on different samples, where no pairing is possible. Standard library only."""

from __future__ import annotations

import math

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.moments import Moments
from assay.stats.scalar import SHARE_UNITS, mean_variance, too_few, wilson
from assay.stats.special import check_confidence, normal_quantile, t_quantile


def newcombe(
    baseline_successes: int, baseline_n: int, candidate_successes: int, candidate_n: int, *, confidence: float = 0.95
) -> Estimate:
    """Difference of two independent shares, candidate minus baseline, from their Wilson intervals.

    Sources:
        Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.

    Examples:
        >>> e = newcombe(48, 80, 56, 70)
        >>> round(e.low, 4), round(e.high, 4)
        (0.0524, 0.3339)
    """
    old, new = baseline_successes / baseline_n, candidate_successes / candidate_n
    old_low, old_high = wilson(baseline_successes, baseline_n, confidence)
    new_low, new_high = wilson(candidate_successes, candidate_n, confidence)
    low = new - old - math.hypot(new - new_low, old_high - old)
    high = new - old + math.hypot(new_high - new, old - old_low)
    return Estimate(
        value=new - old,
        low=low,
        high=high,
        confidence=confidence,
        n=baseline_n + candidate_n,
        method="newcombe",
        unit="share",
        std_error=0.5 * (high - low) / normal_quantile(0.5 + confidence / 2.0),
    )


def difference_of_means(
    baseline: Moments, candidate: Moments, *, confidence: float = 0.95, unit: str = "score"
) -> Estimate:
    """Difference of two independent means: Newcombe for 0/1 scores without clusters, else Welch's t.

    Clusters make both variances cluster-robust; Satterthwaite's degrees of freedom then count clusters.

    Raises:
        InvalidInputError: A side has no value.

    Sources:
        Welch (1947), Biometrika 34, 28-35; Satterthwaite (1946), Biometrics Bulletin 2, 110-114.

    Examples:
        >>> e = difference_of_means(Moments.of([1.0, 2.0, 3.0]), Moments.of([2.0, 4.0, 9.0]))
        >>> round(e.value, 6), e.method
        (3.0, 'welch')
    """
    check_confidence(confidence)
    if not baseline.count or not candidate.count:
        raise InvalidInputError("one side has no scored sample", hint="compare runs that both have scores")
    sides = (baseline, candidate)
    if unit in SHARE_UNITS and all(side.all_binary and not side.clustered for side in sides):
        return newcombe(baseline.ones, baseline.count, candidate.ones, candidate.count, confidence=confidence)
    value, n = candidate.mean - baseline.mean, baseline.count + candidate.count
    variances = [mean_variance(side) for side in sides]
    known = [variance for variance in variances if variance is not None]
    reason = None
    if len(known) < 2:
        reason = too_few(baseline if variances[0] is None else candidate)
    elif sum(known) <= 0.0:
        reason = "the scores of each side do not differ, so their spread is unknown"
    if reason is not None:
        return Estimate(
            value=value, low=None, high=None, confidence=confidence, n=n, method="welch", unit=unit, reason=reason
        )
    total = sum(known)
    freedom = total * total / sum(v * v / (s.n_clusters - 1) for v, s in zip(known, sides, strict=True))
    half = t_quantile(0.5 + confidence / 2.0, freedom) * math.sqrt(total)
    clusters = sum(side.n_clusters for side in sides) if any(side.clustered for side in sides) else None
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        confidence=confidence,
        n=n,
        method="welch",
        unit=unit,
        n_clusters=clusters,
        std_error=math.sqrt(total),
    )
