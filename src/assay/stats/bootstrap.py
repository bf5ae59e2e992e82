"""Bootstrap intervals: BCa and percentile, over samples or over clusters, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.special import check_confidence, normal_cdf, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Hashable

Floats = npt.NDArray[np.float64]
CHUNK_CELLS = 1 << 18
"""Numbers drawn at a time: 2 MB of indices and as much of values, which stay in the cache."""


def bootstrap_mean(
    values: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    method: str = "bca",
    repeats: int = 9_999,
    unit: str = "score",
) -> Estimate:
    """The mean with a bootstrap interval; with clusters, whole clusters are drawn.

    Args:
        values: Shape ``(n,)``, finite.
        rng: Source of randomness; the same state gives the same interval.
        clusters: Group of each value, shape ``(n,)``.
        confidence: Two-sided coverage.
        method: ``bca`` (bias-corrected and accelerated) or ``percentile``.
        repeats: Resamples; the bounds carry a Monte-Carlo error of order 1/√repeats.
        unit: The scorer's unit.

    Returns:
        The estimate; without bounds, and with the reason, where every resample gives the same mean.

    Raises:
        InvalidInputError: Values are not a finite vector, lengths differ or the method is unknown.

    Sources:
        Efron (1987), JASA 82, 171-185 (BCa); Davison & Hinkley (1997), section 3.8 (clusters).

    Examples:
        >>> e = bootstrap_mean([1.0, 2.0, 4.0, 8.0], rng=np.random.default_rng(1))
        >>> e.value, e.method
        (3.75, 'bca')
    """
    data = _vector(values)
    sums, counts = unit_sums(data, clusters)
    units = sums.size

    def resample(index: npt.NDArray[np.intp]) -> Floats:
        if clusters is None:
            return np.asarray(sums.take(index).sum(axis=1) / units)
        return np.asarray(sums.take(index).sum(axis=1) / counts.take(index).sum(axis=1))

    draws = np.concatenate([resample(index) for index in resample_indices(rng, units, repeats)])
    left_out = (sums.sum() - sums) / np.maximum(counts.sum() - counts, 1.0)
    return bootstrap_estimate(
        float(data.mean()),
        draws,
        left_out,
        n=data.size,
        units=units,
        confidence=confidence,
        method=method,
        clustered=units < data.size,
        unit=unit,
    )


def bootstrap_statistic(
    values: npt.ArrayLike,
    statistic: Callable[..., Any],
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    method: str = "bca",
    repeats: int = 9_999,
    unit: str = "score",
) -> Estimate:
    """Any statistic of independent values with a bootstrap interval.

    Args:
        values: Shape ``(n,)``, finite.
        statistic: Called with a matrix of resamples and ``axis=1``, e.g. ``numpy.median``; returns one number a row.
        rng: Source of randomness.
        confidence: Two-sided coverage.
        method: ``bca`` or ``percentile``. For quantiles of few values prefer ``percentile``.
        repeats: Resamples.
        unit: Unit of the statistic.

    Raises:
        InvalidInputError: As in ``bootstrap_mean``.

    Examples:
        >>> bootstrap_statistic([1.0, 2.0, 9.0], np.median, rng=np.random.default_rng(1)).value
        2.0
    """
    data = _vector(values)
    n = data.size
    draws = np.concatenate([np.asarray(statistic(data[index], axis=1)) for index in resample_indices(rng, n, repeats)])
    others = np.arange(n - 1)
    rows = max(1, CHUNK_CELLS // max(n, 1))
    left_out = [
        np.asarray(statistic(data[others + (others >= np.arange(first, min(n, first + rows))[:, None])], axis=1))
        for first in range(0, n, rows)
    ]
    return bootstrap_estimate(
        float(statistic(data[None, :], axis=1)[0]),
        draws,
        np.concatenate(left_out),
        n=n,
        units=n,
        confidence=confidence,
        method=method,
        clustered=False,
        unit=unit,
    )


def _vector(values: npt.ArrayLike) -> Floats:
    data = np.asarray(values, dtype=float)
    if data.ndim != 1 or data.size == 0 or not np.isfinite(data).all():
        raise InvalidInputError(
            f"a bootstrap needs a vector of finite numbers, not shape {data.shape}", hint="leave unscored samples out"
        )
    return data


def unit_sums(data: Floats, clusters: Sequence[Hashable] | None) -> tuple[Floats, Floats]:
    """Sum and count of each thing that is drawn."""
    if clusters is None:
        return data, np.ones_like(data)
    if len(clusters) != data.size:
        raise InvalidInputError(f"{data.size} values come with {len(clusters)} clusters", hint="one cluster a value")
    codes: dict[Hashable, int] = {}
    group = np.array([codes.setdefault(label, len(codes)) for label in clusters])
    return np.bincount(group, weights=data).astype(np.float64), np.bincount(group).astype(np.float64)


def resample_indices(rng: np.random.Generator, units: int, repeats: int) -> Iterator[npt.NDArray[np.intp]]:
    """Which units each resample holds, shape ``(rows, units)``, as many rows at a time as fit ``CHUNK_CELLS``."""
    rows = max(1, CHUNK_CELLS // units)
    for first in range(0, repeats, rows):
        yield rng.integers(units, size=(min(rows, repeats - first), units))


def bootstrap_estimate(
    value: float,
    draws: Floats,
    left_out: Floats,
    *,
    n: int,
    units: int,
    confidence: float,
    method: str,
    clustered: bool,
    unit: str,
) -> Estimate:
    """Interval from the resampled values; ``left_out`` are the jackknife's values, which BCa needs."""
    if method not in ("bca", "percentile"):
        raise InvalidInputError(f"there is no bootstrap called {method!r}", hint="use 'bca' or 'percentile'")
    tails = (0.5 - check_confidence(confidence) / 2.0, 0.5 + confidence / 2.0)
    reason = None
    if units < 2:
        reason = "all samples share one cluster" if clustered else "fewer than two samples"
    elif draws.max() - draws.min() <= 1e-12 * max(abs(value), 1e-300):
        reason = "every resample gives the same value"
    elif method == "bca":
        corrected = _bca_levels(value, draws, left_out, tails)
        reason = "the value lies outside all resamples" if corrected is None else None
        tails = corrected or tails
    low, high = (None, None) if reason else (float(bound) for bound in np.quantile(draws, tails))
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        n=n,
        method=f"cluster-{method}" if clustered else method,
        unit=unit,
        reason=reason,
        n_clusters=units if clustered else None,
        std_error=None if reason else float(draws.std(ddof=1)),
    )


def _bca_levels(
    value: float, draws: Floats, left_out: Floats, tails: tuple[float, float]
) -> tuple[float, float] | None:
    """Levels of the bootstrap distribution that are the bounds (Efron 1987); ``None`` where undefined."""
    below = (np.count_nonzero(draws < value) + np.count_nonzero(draws <= value)) / (2.0 * draws.size)
    if not 0.0 < below < 1.0:
        return None
    bias = normal_quantile(float(below))
    gaps = left_out.mean() - left_out
    cubes, squares = float(np.sum(gaps**3)), float(np.sum(gaps**2))
    acceleration = cubes / (6.0 * squares**1.5) if squares > 0.0 else 0.0
    levels = []
    for tail in tails:
        shifted = bias + normal_quantile(tail)
        levels.append(normal_cdf(bias + shifted / (1.0 - acceleration * shifted)))
    return (levels[0], levels[1]) if all(math.isfinite(level) for level in levels) else None
