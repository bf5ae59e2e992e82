"""Rank ranges: the ranks a model may have, given which differences the data can tell from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.ratings.encoding import Floats
from assay.stats.ratings.table import NO_VARIANCE, RatingTable, quantile

Family = Literal["all", "model", "none"]
_CHUNK_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRange:
    """Where a model stands, 1 is best.

    Attributes:
        rank: By the point estimates, among rated models; ``None`` for a model without a rating.
        low: Best rank it may have.
        high: Worst rank it may have.
        reason: Why there is no rank, or why the range says nothing.
    """

    model: str
    rank: int | None
    low: int
    high: int
    reason: str | None = None


def rank_ranges(
    table: RatingTable,
    *,
    family: Family = "all",
    confidence: float | None = None,
    rng: np.random.Generator | None = None,
    draws: int = 4_000,
) -> tuple[RankRange, ...]:
    """From 1 + the models clearly better to K minus the models clearly worse, for every model.

    Overlap of two models' own intervals is not asked for: it is the difference that is tested, with its covariance,
    and there are K(K-1)/2 of them. A model without a rating may stand anywhere, and takes no rank from the others.

    Args:
        table: Ratings with covariance.
        family: What ``confidence`` is of: ``all``, that every model's range holds its true rank at once; ``model``,
            that one model's does, picked beforehand; ``none``, each difference by itself, as many leaderboards do,
            whose ranges are then too narrow.
        confidence: The table's own when left out.
        rng: With it, ``all`` and ``model`` use the largest of the correlated statistics, from normal (or t) draws;
            without, Bonferroni, which is a little wider and needs no draws.
        draws: Joint draws, at least 1,000; memory is 16 MB whatever their number.

    Raises:
        InvalidInputError: An argument is outside its range.

    Sources:
        Mogstad, Romano, Shaikh & Wilhelm (2024), Review of Economic Studies 91, 476-518 (ranks from simultaneous
        intervals of differences); Hothorn, Bretz & Westfall (2008), Biometrical Journal 50, 346-363 (the largest of
        correlated statistics).

    Examples:
        >>> from assay.stats.ratings.battles import PairCounts
        >>> from assay.stats.ratings.bradley_terry import bradley_terry
        >>> counts = PairCounts.of(["x", "x", "y"], ["y", "z", "z"], wins_a=[52, 90, 88], wins_b=[48, 10, 12])
        >>> [(r.model, r.low, r.high) for r in rank_ranges(bradley_terry(counts))]
        [('x', 1, 2), ('y', 1, 2), ('z', 3, 3)]
    """
    level = table.confidence if confidence is None else confidence
    if family not in ("all", "model", "none") or not 0.0 < level < 1.0:
        raise InvalidInputError(f"family {family!r} at {level} is unknown", hint="all, model or none, in (0, 1)")
    if draws < 1_000:
        raise InvalidInputError(f"{draws} draws are too few for a quantile", hint="at least 1,000")
    size = len(table.names)
    values, covariance = table.log_odds, table.covariance
    variance = np.diag(covariance)[:, None] + np.diag(covariance) - 2.0 * covariance
    error = np.sqrt(np.where(variance <= NO_VARIANCE, np.inf, variance))
    limits = _limits(covariance, error, table.freedom, family, level, rng, draws)
    gap = values[:, None] - values
    clear = limits[:, None] * error  # NaN where a model has no rating: it is clearly better or worse than nobody
    worse, better = (gap > clear).sum(axis=1), (-gap > clear).sum(axis=1)
    answers = []
    for model, name in enumerate(table.names):
        known = bool(np.isfinite(values[model]))
        answers.append(
            RankRange(
                model=name,
                rank=1 + int((values > values[model]).sum()) if known else None,
                low=1 + int(better[model]),
                high=size - int(worse[model]),
                reason=table.ratings[model].reason,
            )
        )
    return tuple(answers)


def _limits(
    covariance: Floats,
    error: Floats,
    freedom: float,
    family: Family,
    confidence: float,
    rng: np.random.Generator | None,
    draws: int,
) -> Floats:
    """Largest standardised difference that chance explains, for each model."""
    size = len(error)
    rated = np.flatnonzero(np.isfinite(np.diag(covariance)))
    limits = np.full(size, np.inf)
    if rated.size < 2:
        return limits
    if family == "none":
        limits[rated] = quantile(confidence, freedom)
        return limits
    if rng is None:
        tests = rated.size - 1 if family == "model" else rated.size * (rated.size - 1) / 2
        limits[rated] = quantile(1.0 - (1.0 - confidence) / tests, freedom)
        return limits
    root = _root(covariance[np.ix_(rated, rated)])
    scale = 1.0 / error[np.ix_(rated, rated)]
    largest = np.empty((draws, rated.size))
    block = max(1, _CHUNK_CELLS // rated.size**2)
    for start in range(0, draws, block):
        count = min(block, draws - start)
        drawn = rng.standard_normal((count, rated.size)) @ root
        if np.isfinite(freedom):
            drawn /= np.sqrt(rng.chisquare(freedom, size=(count, 1)) / freedom)
        apart = np.abs(drawn[:, :, None] - drawn[:, None, :]) * scale
        largest[start : start + count] = apart.max(axis=2)
    if family == "model":
        limits[rated] = np.quantile(largest, confidence, axis=0)
    else:
        limits[rated] = np.quantile(largest.max(axis=1), confidence)
    return limits


def _root(covariance: Floats) -> Floats:
    """A matrix whose transpose times itself is the covariance, which has rank K - 1."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))).T, dtype=np.float64)
