"""Effect sizes with intervals: how large a difference is beside how much samples vary."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.moments import Moments
from assay.stats.scalar import mean_variance
from assay.stats.special import beta_quantile, check_confidence, normal_quantile, t_quantile


def cohens_dz(
    differences: Sequence[float],
    *,
    clusters: Sequence[str | None] | None = None,
    confidence: float = 0.95,
    method: str = "delta-t",
) -> Estimate:
    """Mean paired difference over the standard deviation of the differences.

    Args:
        differences: Candidate minus baseline, shape ``(n,)``.
        clusters: Group of each sample, ``None`` where it stands alone.
        confidence: Two-sided coverage.
        method: ``delta-t`` assumes no shape: the influence of each sample on d, cluster-robust. ``noncentral-t`` is
            exact for independent normal differences, and needs scipy.

    Returns:
        The effect in standard deviations; without bounds, and with the reason, when the differences do not vary.

    Raises:
        InvalidInputError: ``noncentral-t`` was asked for with clusters, or the method is unknown.

    Sources:
        Cumming & Finch (2001), Educ. Psychol. Meas. 61, 532-574 (noncentral t);
        Serfling (1980), Approximation Theorems, section 3.3 (delta method).

    Examples:
        >>> round(cohens_dz([0.2, 0.4, 0.1, 0.5]).value, 3)
        1.643
    """
    check_confidence(confidence)
    moments = Moments.of(differences, clusters)
    if method not in ("delta-t", "noncentral-t") or (method == "noncentral-t" and moments.clustered):
        raise InvalidInputError(
            f"cohens_dz has no {method!r} interval{' for clustered samples' if moments.clustered else ''}",
            hint="use method='delta-t'",
        )
    n = moments.count
    deviation = math.sqrt(moments.m2 / (n - 1)) if n > 1 else 0.0
    if moments.n_clusters < 2 or deviation <= 1e-12 * max(abs(moments.mean), 1e-300):
        return _effect(None, None, None, n=n, confidence=confidence, method=method, reason="differences do not vary")
    effect = moments.mean / deviation
    if method == "noncentral-t":
        low, high = _noncentral_bounds(effect, n, confidence)
        return _effect(effect, low, high, n=n, confidence=confidence, method=method)
    standard = [(value - moments.mean) / deviation for value in differences]
    influence = Moments.of([z - 0.5 * effect * (z * z - 1.0) for z in standard], clusters)
    std_error = math.sqrt(mean_variance(influence) or 0.0)
    half = t_quantile(0.5 + confidence / 2.0, moments.n_clusters - 1) * std_error
    return _effect(effect, effect - half, effect + half, n=n, confidence=confidence, method=method)


def _noncentral_bounds(effect: float, n: int, confidence: float) -> tuple[float, float]:
    from scipy.special import nctdtr

    t, tail = effect * math.sqrt(n), 0.5 - confidence / 2.0

    def crossing(probability: float) -> float:
        low, high = t - 40.0 - abs(t), t + 40.0 + abs(t)
        while high - low > 1e-10:
            middle = 0.5 * (low + high)
            if float(nctdtr(n - 1, middle, t)) > probability:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high) / math.sqrt(n)

    return crossing(1.0 - tail), crossing(tail)


def discordant_odds_ratio(gained: int, lost: int, *, n: int, confidence: float = 0.95) -> Estimate:
    """Samples gained for each one lost, with the exact (Clopper-Pearson) interval.

    It is the conditional odds ratio of the paired 2x2 table: above 1 the candidate wins more flips than it loses.

    Sources:
        Fagerland, Lydersen & Laake (2014), Statistics in Medicine 33, 2850-2875.

    Examples:
        >>> e = discordant_odds_ratio(7, 1, n=21)
        >>> e.value, round(e.low, 2), round(e.high, 1)
        (7.0, 0.9, 315.5)
    """
    tail, flips = 0.5 - check_confidence(confidence) / 2.0, gained + lost
    if gained < 0 or lost < 0 or flips > n:
        raise InvalidInputError(f"{gained} gained and {lost} lost of {n} pairs do not fit", hint="gained + lost <= n")
    low = 0.0 if gained == 0 else _odds(beta_quantile(tail, gained, lost + 1))
    high = None if lost == 0 else _odds(beta_quantile(1.0 - tail, gained + 1, lost))
    reason = None
    if flips == 0:
        reason = "no sample flipped either way"
    elif lost == 0:
        reason = "no sample was lost: the odds ratio has no upper bound"
    return Estimate(
        value=None if lost == 0 else gained / lost,
        low=None if flips == 0 else low,
        high=high,
        confidence=confidence,
        n=n,
        method="clopper-pearson",
        unit="odds ratio",
        reason=reason,
    )


def _odds(share: float) -> float:
    return share / (1.0 - share)


def cohens_h(
    baseline_successes: int, candidate_successes: int, n: int, *, both: int | None = None, confidence: float = 0.95
) -> Estimate:
    """Difference of arcsine-transformed shares: 0.2 small, 0.5 medium, 0.8 large.

    Args:
        baseline_successes: Right answers of the reference system, of n.
        candidate_successes: Right answers of the new system, of n.
        n: Samples of each system.
        both: Samples both have right, when the samples are the same ones; ``None`` for independent samples.
        confidence: Two-sided coverage (normal, on the transformed scale).

    Sources:
        Cohen (1988), Statistical Power Analysis, section 6.2; the paired variance by the delta method.

    Examples:
        >>> round(cohens_h(50, 75, 100).value, 4)
        0.5236
    """
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    old, new = baseline_successes / n, candidate_successes / n
    value = 2.0 * math.asin(math.sqrt(new)) - 2.0 * math.asin(math.sqrt(old))
    spread = math.sqrt(old * (1.0 - old) * new * (1.0 - new))
    correlation = 0.0 if both is None or spread == 0.0 else (both / n - old * new) / spread
    half = z * math.sqrt(max(2.0 - 2.0 * correlation, 0.0) / n)
    if half == 0.0:
        return _effect(
            value, None, None, n=n, confidence=confidence, method="arcsine", reason="no sample flipped either way"
        )
    return _effect(value, value - half, value + half, n=n, confidence=confidence, method="arcsine")


def _effect(
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    n: int,
    confidence: float,
    method: str,
    reason: str | None = None,
) -> Estimate:
    unit = "radians" if method == "arcsine" else "standard deviations"
    return Estimate(
        value=value, low=low, high=high, confidence=confidence, n=n, method=method, unit=unit, reason=reason
    )
