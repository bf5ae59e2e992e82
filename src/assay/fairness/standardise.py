"""A group against the rest at equal confounders, and whether that turns the plain difference round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.core.records import Estimate
from assay.stats.adjustment.cells import StratumTable
from assay.stats.health.simpson import simpson_from_tables
from assay.stats.moments import Moments

MIN_CELL = 5
"""Units of either side below which a stratum is left out: with fewer, its spread is often seen as 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standardised:
    """A difference at equal confounders; without one there is a reason, or no confounder was named."""

    effect: Estimate | None = None
    p_value: float | None = None
    reversal_p: float | None = None
    reason: str | None = None


def standardised_difference(
    cells: Mapping[str, Mapping[str, Moments]], group: str, *, reference: str | None, confidence: float, unit: str
) -> Standardised:
    """Group minus reference (or all others), each stratum weighted by its size.

    Strata without five units on both sides are left out; where they hold more than 5 % of the units there is no answer,
    because it would speak of other people.

    Sources:
        Miettinen (1972), American J. of Epidemiology 96, 383-388.

    Examples:
        >>> one, none = Moments.of([1] * 30 + [0] * 10), Moments.of([1] * 10 + [0] * 30)
        >>> cells = {"a": {"easy": one, "hard": none}, "b": {"easy": one + one, "hard": none}}
        >>> found = standardised_difference(cells, "a", reference=None, confidence=0.95, unit="share")
        >>> found.effect.value, found.reversal_p
        (0.0, 1.0)
    """
    others = [name for name in cells if name != group and reference in (None, name)]
    table = _table([cells[name] for name in others], cells[group])
    if table.counts.sum(axis=0).min() < 2:
        return Standardised(reason="there are fewer than two units to compare with")
    found = simpson_from_tables({"confounders": table}, min_per_arm=MIN_CELL, confidence=confidence, unit=unit)
    judged = found.candidates[0]
    answer = judged.standardised
    if answer is None:
        return Standardised(reason=judged.reason)
    return Standardised(
        effect=answer.effect, p_value=answer.p_value, reversal_p=judged.p_reversal, reason=answer.effect.reason
    )  # fmt: skip


def _table(others: list[Mapping[str, Moments]], own: Mapping[str, Moments]) -> StratumTable:
    """Strata that hold anybody; the first column joins all others (Chan, Golub & LeVeque 1983)."""
    names = sorted({name for side in (*others, own) for name, one in side.items() if one.count})
    rows = [[side.get(name, Moments()) for name in names] for side in (*others, own)]
    counts, means, squares = (
        np.array([[getattr(one, part) for one in row] for row in rows], dtype=np.float64)
        for part in ("count", "mean", "m2")
    )
    total = counts[:-1].sum(axis=0)
    mean = (counts[:-1] * means[:-1]).sum(axis=0) / np.maximum(total, 1.0)
    square = (squares[:-1] + counts[:-1] * np.square(means[:-1] - mean)).sum(axis=0)
    return StratumTable(
        names=tuple(names),
        counts=np.column_stack([total, counts[-1]]),
        means=np.column_stack([mean, means[-1]]),
        squares=np.column_stack([square, squares[-1]]),
        binary=all(one.all_binary for row in rows for one in row),
    )
