"""Bootstrap intervals by resampling: studentised means, differences, whole clusters, any statistic of two samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.stats.bootstrap import bootstrap_estimate, resample_indices, unit_sums
from assay.stats.calibration.inputs import finite_vector
from assay.stats.special import check_confidence

Floats = npt.NDArray[np.float64]


def studentised_bootstrap_mean(
    values: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    repeats: int = 9_999,
    unit: str = "score",
) -> Estimate:
    """The mean with a bootstrap-t interval: each resample brings its own standard error.

    For skewed values it covers where t, percentile and BCa do not yet. Memory: chunks of 262,144 draws.

    Args:
        values: Shape ``(n,)``, finite.
        rng: Source of randomness; the same state gives the same interval.
        clusters: Group of each value, shape ``(n,)``; whole groups are drawn then.
        confidence: Two-sided coverage.
        repeats: Resamples.
        unit: The scorer's unit.

    Returns:
        The mean; without bounds, and with the reason, where values do not vary or too many resamples do not.

    Raises:
        InvalidInputError: Values are not a finite vector, or lengths differ.

    Sources:
        Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 12.5; Hall (1988), Annals of Statistics
        16, 927-953.

    Examples:
        >>> e = studentised_bootstrap_mean([1.0, 2.0, 4.0, 8.0, 3.0, 5.0], rng=np.random.default_rng(1))
        >>> round(e.value, 3), e.method
        (3.833, 'bootstrap-t')
    """
    side = BootstrapSide.of(values, clusters, "values")
    return studentised_bootstrap([side], [1.0], rng, confidence=confidence, repeats=repeats, unit=unit)[0]


def bootstrap_difference(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    baseline_clusters: Sequence[Hashable] | None = None,
    candidate_clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    method: str = "studentised",
    repeats: int = 9_999,
    unit: str = "score",
) -> Estimate:
    """Difference of two independent means, candidate minus baseline, by resampling each side.

    Without clusters, ``ideal_bootstrap_difference`` gives ``bca`` and ``percentile`` faster and without randomness.
    Memory: chunks of 262,144 draws.

    Args:
        baseline: Shape ``(n,)``, finite.
        candidate: Shape ``(m,)``.
        rng: Source of randomness.
        baseline_clusters: Group of each value; whole groups are drawn.
        candidate_clusters: Likewise; a label on both sides names two groups.
        confidence: Two-sided coverage.
        method: ``studentised``, ``bca`` or ``percentile``.
        repeats: Resamples.
        unit: The scorer's unit.

    Raises:
        InvalidInputError: A side is not a finite vector, lengths differ or the method is unknown.

    Sources:
        As ``studentised_bootstrap_mean``; Davison & Hinkley (1997), sections 3.2 and 3.8.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> e = bootstrap_difference([1.0, 2.0, 3.0, 2.5], [2.0, 4.0, 9.0, 4.0], rng=rng, method="percentile")
        >>> e.value, e.low > 0.0
        (2.625, True)
    """
    sides = [
        BootstrapSide.of(candidate, candidate_clusters, "candidate values"),
        BootstrapSide.of(baseline, baseline_clusters, "baseline values"),
    ]
    if method == "studentised":
        return studentised_bootstrap(sides, [1.0, -1.0], rng, confidence=confidence, repeats=repeats, unit=unit)[0]
    draws = sides[0].resampled_means(rng, repeats) - sides[1].resampled_means(rng, repeats)
    return _two_sample(
        sides[0].mean - sides[1].mean, draws, [sides[0].left_out(), -sides[1].left_out()],
        n=sum(side.n for side in sides), clustered=any(side.clustered for side in sides), confidence=confidence,
        method=method, unit=unit,
    )  # fmt: skip


def bootstrap_statistic_difference(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    statistic: Callable[..., Any],
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    method: str = "bca",
    repeats: int = 9_999,
    unit: str = "score",
) -> Estimate:
    """Difference of any statistic of two independent samples, candidate minus baseline.

    Args:
        baseline: Shape ``(n,)``, finite.
        candidate: Shape ``(m,)``.
        statistic: Called with a matrix and ``axis=1``, e.g. ``numpy.std``; returns one number a row.
        rng: Source of randomness.
        confidence: Two-sided coverage.
        method: ``bca`` or ``percentile``; for quantiles prefer ``percentile``, or ``quantile_difference``.
        repeats: Resamples.
        unit: Unit of the statistic.

    Raises:
        InvalidInputError: A side is not a finite vector or the method is unknown.

    Sources:
        Efron & Tibshirani (1993), sections 8.3 and 14.3.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> bootstrap_statistic_difference([1.0, 2.0, 9.0], [2.0, 4.0, 11.0], np.median, rng=rng).value
        2.0
    """
    sides = [finite_vector(candidate, "candidate values"), finite_vector(baseline, "baseline values")]
    draws = [
        np.concatenate(
            [np.asarray(statistic(side[index], axis=1)) for index in resample_indices(rng, side.size, repeats)]
        )
        for side in sides
    ]
    whole = [float(statistic(side[None, :], axis=1)[0]) for side in sides]
    without = [_jackknife(side, statistic) if method == "bca" else side for side in sides]
    return _two_sample(
        whole[0] - whole[1], draws[0] - draws[1], [without[0], -without[1]], n=sides[0].size + sides[1].size,
        clustered=False, confidence=confidence, method=method, unit=unit,
    )  # fmt: skip


def _jackknife(data: Floats, statistic: Callable[..., Any]) -> Floats:
    n = data.size
    others, rows = np.arange(n - 1), max(1, (1 << 18) // n)
    parts = [
        np.asarray(statistic(data[others + (others >= np.arange(first, min(n, first + rows))[:, None])], axis=1))
        for first in range(0, n, rows)
    ]
    return np.concatenate(parts) if n > 1 else np.zeros(1)


def _two_sample(
    value: float,
    draws: Floats,
    left_out: list[Floats],
    *,
    n: int,
    clustered: bool,
    confidence: float,
    method: str,
    unit: str,
) -> Estimate:
    """BCa of two samples: each side's influences, (k - 1)/k of its jackknife gaps, in one acceleration."""
    gaps = [(side - side.mean()) * (side.size - 1.0) / side.size for side in left_out]
    units = sum(side.size for side in left_out)
    return bootstrap_estimate(
        value, draws, np.concatenate(gaps), n=n, units=min(units, 1) if min(map(len, left_out)) < 2 else units,
        confidence=confidence, method=method, clustered=clustered, unit=unit,
    )  # fmt: skip


class BootstrapSide(NamedTuple):
    """Sum and count of each thing that is drawn."""

    sums: Floats
    counts: Floats
    n: int

    @classmethod
    def of(cls, values: npt.ArrayLike, clusters: Sequence[Hashable] | None, name: str) -> BootstrapSide:
        data = finite_vector(values, name)
        return cls(*unit_sums(data, clusters), data.size)

    @property
    def mean(self) -> float:
        return float(self.sums.sum()) / self.n

    @property
    def clustered(self) -> bool:
        return self.sums.size < self.n

    def left_out(self) -> Floats:
        return np.asarray((self.sums.sum() - self.sums) / np.maximum(self.n - self.counts, 1.0))

    def resampled_means(self, rng: np.random.Generator, repeats: int) -> Floats:
        found = []
        for index in resample_indices(rng, self.sums.size, repeats):
            count = self.counts.take(index).sum(axis=1) if self.clustered else float(self.n)
            found.append(self.sums.take(index).sum(axis=1) / count)
        return np.concatenate(found)

    def variance(self, sums: Floats, counts: Floats) -> Floats:
        """Of the mean, of each row of units; cluster-robust (CR1) where units hold several values."""
        units = sums.shape[1]
        mean = sums.sum(axis=1) / counts.sum(axis=1)
        gaps = sums - mean[:, None] * counts
        return np.asarray(units / (units - 1.0) * np.square(gaps).sum(axis=1) / np.square(counts.sum(axis=1)))

    def resampled(self, rng: np.random.Generator, repeats: int) -> tuple[Floats, Floats]:
        """Means and their variances, shape ``(repeats,)`` each."""
        means, variances = [], []
        for index in resample_indices(rng, self.sums.size, repeats):
            sums = self.sums.take(index)
            counts = self.counts.take(index) if self.clustered else np.ones_like(sums)
            means.append(sums.sum(axis=1) / counts.sum(axis=1))
            variances.append(self.variance(sums, counts))
        return np.concatenate(means), np.concatenate(variances)


def studentised_bootstrap(
    sides: list[BootstrapSide],
    signs: list[float],
    rng: np.random.Generator,
    *,
    confidence: float,
    repeats: int,
    unit: str,
) -> tuple[Estimate, float | None]:
    """Bootstrap-t interval of a signed sum of means, and the p-value of 0 that agrees with it."""
    tail = 0.5 - check_confidence(confidence) / 2.0
    value = sum(sign * side.mean for sign, side in zip(signs, sides, strict=True))
    clustered = any(side.clustered for side in sides)
    units = sum(side.sums.size for side in sides)

    def answer(low: float | None, high: float | None, reason: str | None, std_error: float | None = None) -> Estimate:
        return Estimate(
            value=value, low=low, high=high, n=sum(side.n for side in sides), confidence=confidence, unit=unit,
            method="cluster-bootstrap-t" if clustered else "bootstrap-t", reason=reason, std_error=std_error,
            n_clusters=units if clustered else None,
        )  # fmt: skip

    if min(side.sums.size for side in sides) < 2:
        return answer(None, None, "all samples share one cluster" if clustered else "fewer than two samples"), None
    std_error = math.sqrt(sum(float(side.variance(side.sums[None, :], side.counts[None, :])[0]) for side in sides))
    if std_error <= 1e-13 * max(abs(side.mean) for side in sides):
        return answer(None, None, "every resample gives the same value"), None
    gap, variance = np.full(repeats, -value), np.zeros(repeats)
    for sign, side in zip(signs, sides, strict=True):
        means, variances = side.resampled(rng, repeats)
        gap += sign * means
        variance += variances
    errors = np.sqrt(variance)
    still = errors <= 1e-9 * std_error  # resamples of one repeated value: their t is as far out as can be
    away = np.where(np.abs(gap) <= 1e-12 * std_error, 0.0, np.copysign(np.inf, gap))
    t = np.sort(np.where(still, away, gap / np.where(still, 1.0, errors)))
    upper = float(t[min(repeats - 1, math.ceil((1.0 - tail) * repeats) - 1)])
    lower = float(t[max(0, math.floor(tail * repeats))])
    if math.isinf(upper) or math.isinf(lower):
        return answer(None, None, "too many resamples hold one repeated value", std_error), None
    seen = value / std_error
    extreme = min(int((t >= seen).sum()), int((t <= seen).sum())) + 1
    p_value = min(1.0, 2.0 * extreme / (repeats + 1.0))
    return answer(value - upper * std_error, value - lower * std_error, None, std_error), p_value
