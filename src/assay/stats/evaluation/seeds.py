"""Several seeds on the same items: seeds and items are crossed, and both are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats
from assay.stats.special import check_confidence, t_quantile, t_sf

SeedEstimand = Literal["new seeds, new items", "new seeds, these items", "these seeds, new items"]
_ESTIMANDS = ("new seeds, new items", "new seeds, these items", "these seeds, new items")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSummary:
    """Mean over seeds and items.

    Attributes:
        estimate: ``n`` items, ``n_clusters`` different seeds.
        seed_variance: Of a seed's true mean; ``None`` with one seed.
        item_variance: Of an item's true mean; ``None`` with one seed.
        residual_variance: Of one score beside these; ``None`` with one seed.
        duplicates: Groups of seed numbers (from 0) whose scores are equal on every item.
    """

    estimate: Estimate
    seed_variance: float | None
    item_variance: float | None
    residual_variance: float | None
    duplicates: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedComparison:
    """Candidate minus baseline.

    Attributes:
        difference: ``n`` items; ``n_clusters`` different seeds of both systems together.
        p_value: Two-sided, that it is 0; ``None`` where the spread is unknown.
        duplicates: Groups of equal seeds of the baseline and of the candidate.
    """

    difference: Estimate
    p_value: float | None
    duplicates: tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crossed:
    """Analysis of variance of one table without repeats."""

    table: Floats
    between_seeds: float
    between_items: float
    residual: float


def seed_mean(
    scores: npt.ArrayLike,
    *,
    estimand: SeedEstimand = "new seeds, new items",
    duplicates: Literal["drop", "keep"] = "drop",
    confidence: float = 0.95,
    unit: str = "score",
) -> SeedSummary:
    """Mean over seeds and items with an interval that counts both as drawn (crossed random effects).

    The usual mean ± standard error over seeds speaks of new seeds on *these* items; over items, of *these* seeds. For
    both new, the variance of the mean is seed/S + item/I + residual/(S·I), estimated from mean squares (components
    below 0 are cut to 0), with Satterthwaite's degrees of freedom. Holds from about five seeds on; with three that
    differ much it is 2 points short, with two 6 points, wide as it is.

    Two seeds with the same score on every item are one seed counted twice (a cache, a seed that was not passed on),
    unless the system is deterministic: they are counted once and named. Seeds that score all items the same are not
    suspected.

    Args:
        scores: Shape ``(seeds, items)``, finite.
        estimand: What the interval speaks of.
        duplicates: ``keep`` counts equal seeds as often as they occur.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        Without bounds, with a reason, where one seed (or item) is left to speak of new ones, or nothing varies.

    Raises:
        InvalidInputError: Not a finite table, or an unknown option.

    Sources:
        Searle, Casella & McCulloch (1992), Variance Components, section 4.6 (two-way crossed); Satterthwaite (1946),
        Biometrics Bulletin 2, 110-114; Clark (1973), J. Verbal Learning and Verbal Behavior 12, 335-359 (items are
        drawn too).

    Examples:
        >>> found = seed_mean([[1, 0, 1, 1], [1, 0, 0, 1], [1, 0, 1, 1]])
        >>> found.duplicates, found.estimate.n_clusters, found.estimate.value
        (((0, 2),), 2, 0.625)
    """
    table = _table(scores)
    groups = duplicate_seeds(table)
    used = _without(table, groups) if duplicates == "drop" else table
    _check_options(estimand, duplicates, confidence)
    crossed = _crossed(used)
    seeds, items = used.shape
    spread, df, reason = _mean_variance(crossed, estimand)
    return SeedSummary(
        estimate=_estimate(
            float(used.mean()), spread, df, reason, items, seeds, estimand, "crossed-satterthwaite-t", confidence, unit
        ),
        seed_variance=None if seeds < 2 else max(0.0, crossed.between_seeds - crossed.residual) / items,
        item_variance=None if seeds < 2 else max(0.0, crossed.between_items - crossed.residual) / seeds,
        residual_variance=None if seeds < 2 else crossed.residual,
        duplicates=groups,
    )


def seed_difference(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    estimand: SeedEstimand = "new seeds, new items",
    duplicates: Literal["drop", "keep"] = "drop",
    confidence: float = 0.95,
    unit: str = "score",
) -> SeedComparison:
    """Candidate minus baseline on the same items, each with its own independent seeds.

    Items are paired; seeds are not. The variance is that of the item differences over I plus what each system's seeds
    add, with Satterthwaite's degrees of freedom.

    Args:
        baseline: Shape ``(seeds, items)``.
        candidate: Shape ``(other seeds, items)``, same order of items.
        estimand: What the interval speaks of; ``these seeds, new items`` pairs items only.
        duplicates: As in ``seed_mean``.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Raises:
        InvalidInputError: Not finite tables of the same items, or an unknown option.

    Sources:
        As in ``seed_mean``.

    Examples:
        >>> old, new = [[1, 0, 0, 1], [0, 0, 1, 1]], [[1, 1, 0, 1], [1, 0, 1, 1]]
        >>> seed_difference(old, new).difference.value
        0.25
    """
    tables = [_table(baseline), _table(candidate)]
    _check_options(estimand, duplicates, confidence)
    if tables[0].shape[1] != tables[1].shape[1]:
        raise InvalidInputError(
            f"{tables[0].shape[1]} and {tables[1].shape[1]} items cannot be paired", hint="the same items, in one order"
        )
    groups = [duplicate_seeds(table) for table in tables]
    if duplicates == "drop":
        tables = [_without(table, group) for table, group in zip(tables, groups, strict=True)]
    parts = [_crossed(table) for table in tables]
    items = tables[0].shape[1]
    gaps = tables[1].mean(axis=0) - tables[0].mean(axis=0)
    terms: list[tuple[float, float]] = []
    if estimand != "new seeds, these items" and items > 1:
        terms.append((float(gaps.var(ddof=1)) / items, items - 1.0))
    if estimand != "these seeds, new items" and min(len(table) for table in tables) > 1:
        for part in parts:
            terms += _seed_terms(part, with_residual=estimand == "new seeds, these items")
    spread, df = _satterthwaite(terms)
    scale = max(float(np.square(table).max()) for table in tables)
    reason = _reason(min(len(table) for table in tables), items, estimand, spread, scale)
    value = float(gaps.mean())
    difference = _estimate(
        value,
        spread,
        df,
        reason,
        items,
        len(tables[0]) + len(tables[1]),
        estimand,
        "crossed-paired-satterthwaite-t",
        confidence,
        unit,
    )
    p_value = None if difference.std_error is None else 2.0 * t_sf(abs(value) / difference.std_error, df)
    return SeedComparison(difference=difference, p_value=p_value, duplicates=(groups[0], groups[1]))


def duplicate_seeds(scores: npt.ArrayLike) -> tuple[tuple[int, ...], ...]:
    """Groups of seeds (rows, from 0) that have the same score on every item, unless that is one score throughout.

    Examples:
        >>> duplicate_seeds([[1, 0, 1], [0, 0, 1], [1, 0, 1], [1, 1, 1], [1, 1, 1]])
        ((0, 2),)
    """
    table = _table(scores)
    seen: dict[bytes, list[int]] = {}
    for number, row in enumerate(table + 0.0):  # + 0.0 turns -0.0 into 0.0, whose bytes differ
        if row.max() > row.min():
            seen.setdefault(row.tobytes(), []).append(number)
    return tuple(tuple(group) for group in seen.values() if len(group) > 1)


def _without(table: Floats, groups: Sequence[tuple[int, ...]]) -> Floats:
    again = [number for group in groups for number in group[1:]]
    return np.delete(table, again, axis=0)


def _table(scores: npt.ArrayLike) -> Floats:
    try:
        table = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError("seeds do not have scores of the same items", hint="shape (seeds, items)") from error
    if table.ndim != 2 or table.size == 0 or not np.isfinite(table).all():
        raise InvalidInputError(
            f"scores of shape {table.shape} are no finite table", hint="shape (seeds, items), every cell a number"
        )
    return table


def _check_options(estimand: str, duplicates: str, confidence: float) -> None:
    check_confidence(confidence)
    if estimand not in _ESTIMANDS:
        raise InvalidInputError(f"there is no estimand {estimand!r}", hint=f"one of {', '.join(map(repr, _ESTIMANDS))}")
    if duplicates not in ("drop", "keep"):
        raise InvalidInputError(f"duplicates={duplicates!r}", hint="'drop' or 'keep'")


def _crossed(table: Floats) -> _Crossed:
    seeds, items = table.shape
    mean, by_seed, by_item = table.mean(), table.mean(axis=1), table.mean(axis=0)
    left = table - by_seed[:, None] - by_item + mean
    return _Crossed(
        table=table,
        between_seeds=items * float(np.square(by_seed - mean).sum()) / max(seeds - 1, 1),
        between_items=seeds * float(np.square(by_item - mean).sum()) / max(items - 1, 1),
        residual=float(np.square(left).sum()) / max((seeds - 1) * (items - 1), 1),
    )


def _seed_terms(part: _Crossed, *, with_residual: bool) -> list[tuple[float, float]]:
    """What the seeds add to the variance of the mean: mean squares over S·I, signed, with their degrees of freedom."""
    seeds, items = part.table.shape
    cells = float(seeds * items)
    if with_residual:
        return [(part.between_seeds / cells, seeds - 1.0)]
    if part.between_seeds <= part.residual:
        return []
    return [(part.between_seeds / cells, seeds - 1.0), (-part.residual / cells, (seeds - 1.0) * (items - 1.0))]


def _satterthwaite(terms: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Sum of mean squares and the degrees of freedom that match its variance."""
    total = math.fsum(square for square, _ in terms)
    noise = math.fsum(square * square / df for square, df in terms if df > 0.0)
    return total, max(1.0, total * total / noise) if noise > 0.0 else 1.0


def _mean_variance(part: _Crossed, estimand: SeedEstimand) -> tuple[float, float, str | None]:
    seeds, items = part.table.shape
    cells = float(seeds * items)
    if estimand == "these seeds, new items":
        terms = [(part.between_items / cells, items - 1.0)]
    elif estimand == "new seeds, these items":
        terms = [(part.between_seeds / cells, seeds - 1.0)]
    elif part.between_items > part.residual:
        terms = [(part.between_items / cells, items - 1.0), *_seed_terms(part, with_residual=False)]
    else:
        terms = [(max(part.between_seeds, part.residual) / cells, seeds - 1.0)]
    spread, df = _satterthwaite(terms)
    return spread, df, _reason(seeds, items, estimand, spread, float(np.square(part.table).max()))


def _reason(seeds: int, items: int, estimand: SeedEstimand, spread: float, scale: float) -> str | None:
    """Why there is no interval; a variance below rounding, against the largest squared score, is none."""
    if estimand != "these seeds, new items" and seeds < 2:
        return "one different seed tells nothing of new seeds"
    if estimand != "new seeds, these items" and items < 2:
        return "one item tells nothing of new items"
    return "the scores do not vary, so their spread is unknown" if spread <= 1e-24 * scale else None


def _estimate(
    value: float,
    spread: float,
    df: float,
    reason: str | None,
    items: int,
    seeds: int,
    estimand: SeedEstimand,
    method: str,
    confidence: float,
    unit: str,
) -> Estimate:
    std_error = math.sqrt(spread) if reason is None else None
    half = None if std_error is None else t_quantile(0.5 + confidence / 2.0, df) * std_error
    return Estimate(
        value=value,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
        n=items,
        method=method,
        confidence=confidence,
        unit=unit,
        estimand=estimand,
        reason=reason,
        n_clusters=seeds,
        std_error=std_error,
    )
