"""Disagreement inside units: sums over all pairs of labels a unit holds, without ever forming units × raters²."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.agreement.columns import Floats, Ints, summed
from assay.stats.agreement.ratings import Ratings

Difference = Callable[[Any, Any], float]
"""Squared difference of two labels: 0 for equal ones, symmetric, never negative."""
MOST_LEVELS = 2_000
"""Distinct labels for which a table of all their differences is made (32 MB)."""
TABLE_CELLS_A_LABEL = 4


def equal_pairs(unit: Ints, code: Ints, per_unit: Ints, n_levels: int) -> Floats:
    """Sum over labels of the squared number of times the unit has them: equal ordered pairs, each label with itself.

    By a table of units × labels where that is small, else by sorting; memory a few numbers a label.
    """
    units, key = per_unit.size, unit * n_levels + code
    if units * n_levels <= TABLE_CELLS_A_LABEL * max(code.size, 1):
        counts = np.bincount(key, minlength=units * n_levels).reshape(units, n_levels)
        return np.asarray(np.einsum("ij,ij->i", counts, counts), dtype=np.float64)
    key.sort()
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    run = np.diff(first, append=key.size).astype(np.float64)
    return summed(key[first] // n_levels, run * run, units)


def pairs(unit: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Positions of the first and second label of every pair within a unit, a batch at a time of at most n pairs."""
    first = np.arange(unit.size)
    for gap in range(1, unit.size):
        first = first[: np.searchsorted(first, unit.size - gap)]
        first = first[unit[first] == unit[first + gap]]
        if not first.size:
            return
        yield first, first + gap


def pair_sums(unit: Ints, units: int, difference: Callable[[Ints, Ints], Floats]) -> Floats:
    """Sum over ordered pairs of different labels of a unit of ``difference(first, second)``, positions in."""
    total = np.zeros(units)
    for first, second in pairs(unit):
        total += summed(unit[first], difference(first, second), units)
    return 2.0 * total


def difference_table(levels: tuple[Any, ...], difference: Difference) -> Floats:
    """All squared differences of the levels, shape ``(K, K)``.

    Raises:
        InvalidInputError: Too many levels; a difference that is negative, not finite, not symmetric, or not 0 between
            a label and itself.
    """
    count = len(levels)
    if count > MOST_LEVELS:
        raise InvalidInputError(
            f"{count:,} distinct labels have too many differences for a function of two labels",
            hint=f"use one of the named metrics, or at most {MOST_LEVELS:,} distinct labels",
        )
    table = np.array([[float(difference(one, other)) for other in levels] for one in levels]).reshape(count, count)
    wrong = ~np.isfinite(table) | (table < 0.0) | (np.abs(table - table.T) > 1e-12 * np.abs(table))
    wrong |= np.eye(count, dtype=bool) & (table != 0.0)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise InvalidInputError(
            f"the difference of {levels[row]!r} and {levels[column]!r} is {table[row, column]}",
            hint="a difference is finite, at least 0, the same both ways, and 0 between equal labels",
        )
    return table


def level_weights(kind: str, count: int) -> Floats:
    """Disagreement weights between ``count`` ordered levels by their positions, in [0, 1], shape ``(K, K)``.

    Raises:
        InvalidInputError: ``kind`` is not ``unweighted``, ``linear`` or ``quadratic``.
    """
    place = np.arange(count)
    gap: Floats = np.abs(place[:, None] - place).astype(np.float64) / max(count - 1, 1)
    if kind == "linear":
        return gap
    if kind == "quadratic":
        return gap * gap
    if kind == "unweighted":
        return np.asarray(gap > 0.0, dtype=np.float64)
    raise InvalidInputError(f"there are no weights called {kind!r}", hint="use unweighted, linear or quadratic")


def pairable(ratings: Ratings) -> tuple[Ratings | None, int]:
    """Only the units that two raters labelled (``None`` when there are none); and how many have one label."""
    counts = ratings.once().per_unit
    alone = int(np.count_nonzero(counts == 1))
    return (ratings.units_where(counts >= 2) if (counts >= 2).any() else None), alone
