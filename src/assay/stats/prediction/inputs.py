"""Checks that every method of this family makes on its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
CHUNK_ROWS = 65_536
"""Rows of a long array that are worked on at a time."""


def finite_vector(values: npt.ArrayLike, name: str, *, length: int | None = None, at_least: int = 1) -> Floats:
    """A one-dimensional array of finite numbers, of a given or least length.

    Raises:
        InvalidInputError: It is something else.
    """
    data = as_floats(values, name)
    if data.ndim != 1:
        raise InvalidInputError(f"{name} have shape {data.shape}; a vector is needed", hint="one number an item")
    if length is not None and data.size != length:
        raise InvalidInputError(f"{data.size} {name}, but {length} are needed", hint="give one number for every item")
    if data.size < at_least:
        raise InvalidInputError(f"{data.size} {name}; at least {at_least} are needed", hint="label more items")
    _refuse_not_finite(data, name)
    return data


def finite_matrix(values: npt.ArrayLike, name: str, *, rows: int | None = None, columns: int | None = None) -> Floats:
    """A two-dimensional array of finite numbers; a vector is one column.

    Raises:
        InvalidInputError: It is something else.
    """
    data = as_matrix(values, name, rows=rows)
    if columns is not None and data.shape[1] != columns:
        raise InvalidInputError(f"{name} have {data.shape[1]} columns, not {columns}", hint="the same columns in order")
    _refuse_not_finite(data, name)
    return data


def as_matrix(values: npt.ArrayLike, name: str, *, rows: int | None = None) -> Floats:
    """A two-dimensional array, NaN allowed; a vector is one column."""
    data = as_floats(values, name)
    data = data[:, None] if data.ndim == 1 else data
    if data.ndim != 2 or data.size == 0:
        raise InvalidInputError(f"{name} have shape {data.shape}; (items, columns) is needed", hint="one row an item")
    if rows is not None and data.shape[0] != rows:
        raise InvalidInputError(f"{data.shape[0]} rows of {name}, but {rows} items", hint="one row for every item")
    return data


def as_floats(values: npt.ArrayLike, name: str) -> Floats:
    """The numbers as an array of floats."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{name} are not numbers: {error}", hint="give an array of numbers") from error


def group_index(clusters: npt.ArrayLike, *, length: int) -> tuple[npt.NDArray[np.intp], int]:
    """Number of each item's cluster, from 0, and how many there are.

    Raises:
        InvalidInputError: There is not one label for every item.
    """
    labels: npt.NDArray[Any] = np.asarray(clusters)
    if labels.shape != (length,):
        raise InvalidInputError(
            f"clusters have shape {labels.shape}, but there are {length} items", hint="one label for every item"
        )
    if labels.dtype == object:
        labels = labels.astype(str)
    _, index = np.unique(labels, return_inverse=True)
    return index, int(index.max()) + 1


def check_lam(lam: float | None) -> float | None:
    """The power-tuning weight, in [0, 1], or ``None`` to have it tuned."""
    if lam is not None and not 0.0 <= lam <= 1.0:
        raise InvalidInputError(f"lam is {lam}; it must lie between 0 and 1", hint="leave it out to have it tuned")
    return lam


def check_choice(value: str, allowed: tuple[str, ...], name: str) -> str:
    """The value, when it is one of those allowed."""
    if value not in allowed:
        raise InvalidInputError(f"{name} is {value!r}", hint=f"one of: {', '.join(allowed)}")
    return value


def _refuse_not_finite(data: Floats, name: str) -> None:
    with np.errstate(all="ignore"):
        if np.isfinite(data.sum()):  # one pass and no copy: a NaN or an infinity would have reached the sum
            return
    bad = data.size - int(np.count_nonzero(np.isfinite(data)))
    if bad:
        raise InvalidInputError(
            f"{bad} of {data.size} {name} are not finite", hint="leave items without a verdict out, with their reason"
        )
