"""Intervals of a correlation once its variance is known: on Fisher's z scale, or from resamples."""

from __future__ import annotations

import math

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Codes, Floats
from assay.stats.correlation.inputs import Kind, check_kind
from assay.stats.special import check_confidence, normal_quantile

ANALYTIC = {"pearson": "fisher-z", "spearman": "bonett-wright", "kendall": "fieller"}
UNIT = {"pearson": "r", "spearman": "rho", "kendall": "tau-b"}


def correlation_interval(r: float, *, n: int, kind: Kind = "pearson", confidence: float = 0.95) -> Estimate:
    """Interval of a correlation of which only its size and the number of pairs are known.

    Args:
        r: In [-1, 1].
        n: Pairs it was computed from.
        kind: ``pearson`` (Fisher), ``spearman`` (Bonett-Wright) or ``kendall`` (Fieller, no ties).
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: ``r`` is outside [-1, 1], ``n`` is below 1, or the kind is unknown.

    Sources:
        See ``pearson_correlation``, ``spearman_correlation`` and ``kendall_tau_b``.

    Examples:
        >>> e = correlation_interval(0.85, n=20)
        >>> round(e.low, 2), round(e.high, 2)
        (0.65, 0.94)
    """
    check_kind(kind)
    if not -1.0 <= r <= 1.0 or n < 1:
        raise InvalidInputError(f"r = {r} of {n} pairs is no correlation", hint="-1 <= r <= 1 and n >= 1")
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    variance = analytic_z_variance(r, n, kind)
    reason = None
    if variance is None:
        reason = f"{n} pairs are too few for this interval"
    elif abs(r) == 1.0:
        reason = "the scores agree perfectly, so the spread of the correlation is unknown"
    return on_z_scale(r, variance, z, reason, n=n, method=ANALYTIC[kind], confidence=confidence, unit=UNIT[kind])


def analytic_z_variance(r: float, n: int, kind: Kind) -> float | None:
    """Variance of atanh(r) for normal or continuous scores; ``None`` with too few pairs."""
    if kind == "kendall":
        return 0.437 / (n - 4) if n > 4 else None
    if n <= 3:
        return None
    return (1.0 + 0.5 * r * r if kind == "spearman" else 1.0) / (n - 3)


def influence_variance(influence: Floats, codes: Codes | None) -> tuple[float, int]:
    """Variance of a statistic from the influence of each item, and the independent units behind it (CR1)."""
    n = influence.size
    if codes is None:
        return float(influence @ influence) / (n * (n - 1.0)), n
    sums = np.bincount(codes, weights=influence)
    return float(sums @ sums) * sums.size / ((sums.size - 1.0) * n * n) if sums.size > 1 else 0.0, sums.size


def bootstrap_estimate(
    value: float | None,
    draws: Floats,
    *,
    n: int,
    confidence: float,
    unit: str,
    estimand: str = "new inputs like these",
    n_clusters: int | None = None,
    reason: str | None = None,
) -> Estimate:
    """Percentile interval; without bounds when more than one resample in a hundred has no value."""
    defined = draws[np.isfinite(draws)]
    missing = draws.size - defined.size
    if reason is None and missing > 0.01 * draws.size:
        reason = f"{missing:,} of {draws.size:,} resamples have no value"
    if reason is None and float(np.ptp(defined)) <= 1e-12:
        reason = "every resample gives the same value"
    low, high = (None, None) if reason else np.quantile(defined, [0.5 - confidence / 2.0, 0.5 + confidence / 2.0])
    return Estimate(
        value=value,
        low=None if low is None else float(low),
        high=None if high is None else float(high),
        n=n,
        method="percentile" if n_clusters is None else "cluster-percentile",
        confidence=confidence,
        unit=unit,
        estimand=estimand,
        reason=reason,
        n_clusters=n_clusters,
        std_error=None if reason else float(defined.std(ddof=1)),
    )


def on_z_scale(
    r: float,
    variance: float | None,
    quantile: float,
    reason: str | None,
    *,
    n: int,
    method: str,
    confidence: float,
    unit: str,
    n_clusters: int | None = None,
) -> Estimate:
    """A correlation with bounds that are symmetric about atanh(r); without them when there is a reason."""
    bounded = variance is not None and reason is None
    half = quantile * math.sqrt(variance) if variance is not None else 0.0
    return Estimate(
        value=float(r),
        low=math.tanh(math.atanh(r) - half) if bounded else None,
        high=math.tanh(math.atanh(r) + half) if bounded else None,
        n=n,
        method=method,
        confidence=confidence,
        unit=unit,
        reason=reason,
        n_clusters=n_clusters,
        std_error=math.sqrt(variance) * (1.0 - r * r) if variance is not None and bounded else None,
    )
