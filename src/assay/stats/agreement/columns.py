"""From columns of names and labels to codes: whole numbers by a table, everything else by a dictionary or a sort."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
TABLE_CELLS_A_LABEL = 8
"""A look-up table may have this many cells for each label; wider integer ranges are sorted instead."""


def summed(place: Ints, terms: Floats, size: int) -> Floats:
    """Sum of the terms at each place, shape ``(size,)``."""
    return np.asarray(np.bincount(place, weights=terms, minlength=size), dtype=np.float64)


def factorised(column: Iterable[Hashable], what: str) -> tuple[Ints, Sequence[Hashable]]:
    """Codes by first appearance, and the names; integers by a table, everything else by a dictionary."""
    if isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "iu" and column.size:
        return _integers(column)
    items = column.tolist() if isinstance(column, np.ndarray) else list(column)
    place = {name: index for index, name in enumerate(_hashed(items, what))}
    if any(name is None or _not_a_number(name) for name in place):
        raise InvalidInputError(f"a {what} has no name", hint=f"name the {what} of every label")
    return np.fromiter(map(place.__getitem__, items), dtype=np.intp, count=len(items)), tuple(place)


def _integers(column: npt.NDArray[Any]) -> tuple[Ints, Sequence[Hashable]]:
    low = int(column.min())
    width = int(column.max()) - low + 1
    if width > TABLE_CELLS_A_LABEL * column.size:
        distinct, first, code = np.unique(column, return_index=True, return_inverse=True)
    else:
        shifted = column.astype(np.intp) - low
        first_seen = np.full(width, -1, dtype=np.intp)
        first_seen[shifted[::-1]] = np.arange(column.size - 1, -1, -1)
        cells = np.flatnonzero(first_seen >= 0)
        distinct, first = cells + low, first_seen[cells]
        place = np.empty(width, dtype=np.intp)
        place[cells] = np.arange(cells.size)
        code = place[shifted]
    order = np.argsort(first)
    rank = np.empty(order.size, dtype=np.intp)
    rank[order] = np.arange(order.size)
    return rank[code], tuple(distinct[order].tolist())


def _not_a_number(name: Any) -> bool:
    return isinstance(name, float | np.floating) and math.isnan(name)


def _hashed(items: list[Any], what: str) -> dict[Any, None]:
    try:
        return dict.fromkeys(items)
    except TypeError as error:
        raise InvalidInputError(
            f"a {what} cannot be hashed: {error}", hint="use text, numbers, tuples or frozensets"
        ) from error


def label_column(
    labels: Any, levels: Sequence[Hashable] | None
) -> tuple[npt.NDArray[Any], tuple[Hashable, ...] | None, bool]:
    """Labels as floats (NaN where missing) or codes (-1 where missing), declared levels, and whether numeric."""
    declared = None if levels is None else tuple(levels)
    if declared is not None and len(set(declared)) < len(declared):
        raise InvalidInputError(f"the levels {declared} name a label twice", hint="list every label once, in order")
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iufb":
        values = labels.astype(np.float64)
        return _checked_numbers(values, declared), declared, True
    items = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    seen = [label for label in _hashed(items, "label") if label is not None and not _not_a_number(label)]
    if (seen or declared is None) and all(isinstance(label, int | float | np.integer | np.floating) for label in seen):
        values = np.array([math.nan if label is None else label for label in items], dtype=np.float64)
        return _checked_numbers(values, declared), declared, True
    if declared is None:
        try:
            declared = tuple(sorted(seen))
        except TypeError as error:
            raise InvalidInputError(
                f"the labels have no order of their own: {error}", hint="give levels=[...], in any order if nominal"
            ) from error
    place: dict[Any, int] = {label: index for index, label in enumerate(declared)}
    strange = next((label for label in seen if label not in place), None)
    if strange is not None:
        raise InvalidInputError(f"label {strange!r} is not one of the levels {declared}", hint="add it to levels")
    return np.array([place.get(label, -1) for label in items], dtype=np.intp), declared, False


def _checked_numbers(values: Floats, declared: tuple[Hashable, ...] | None) -> Floats:
    if np.isinf(values).any():
        raise InvalidInputError("a label is infinite", hint="leave labels that are not there as None or NaN")
    if declared is not None:
        strange = set(np.unique(values[np.isfinite(values)]).tolist()) - set(declared)
        if strange:
            raise InvalidInputError(
                f"label {min(strange)!r} is not one of the levels {declared}", hint="add it to levels"
            )
    return values


def distinct_values(values: Floats) -> tuple[Ints, Floats]:
    """Codes into the ascending distinct values; by a table where the values are whole numbers of a narrow range."""
    if values.size:
        low, high = float(values.min()), float(values.max())
        if high - low < min(TABLE_CELLS_A_LABEL * values.size, 2**31) and abs(low) < 2**53:
            whole = values.astype(np.intp)
            if (whole == values).all():
                whole -= int(low)
                present = np.bincount(whole) > 0
                code = whole if present.all() else (np.cumsum(present) - 1)[whole]
                return code, np.flatnonzero(present).astype(np.float64) + low
    distinct, code = np.unique(values, return_inverse=True)
    return code.astype(np.intp, copy=False).ravel(), distinct
