"""Columns of labels, outcomes, weights and covariates, checked and turned into arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

A_WINS, B_WINS, TIE = 0, 1, 2
_WORDS = {"a": A_WINS, "b": B_WINS, "tie": TIE}


def counted(places: Ints, weights: npt.NDArray[Any], size: int) -> Floats:
    """Sum of the weights at each place, shape ``(size,)``."""
    return np.bincount(places, weights, size).astype(np.float64, copy=False)


def renumbered(codes: Ints) -> tuple[int, Ints]:
    """How many different codes there are, and the codes counted from 0 without gaps."""
    present, renumbered = np.unique(codes, return_inverse=True)
    return int(present.size), renumbered


def model_columns(
    a: Sequence[Any] | npt.NDArray[Any], b: Sequence[Any] | npt.NDArray[Any], names: Sequence[str] | None
) -> tuple[tuple[str, ...], Ints, Ints]:
    """Names of the models and two columns of indices into them, from labels or from indices and names."""
    if names is None:
        known, both = encoded([*_listed(a), *_listed(b)])
        return known, both[: len(a)], both[len(a) :]
    first, second = np.asarray(a), np.asarray(b)
    if len(set(names)) != len(names):
        raise InvalidInputError("two models have the same name", hint="give every model a name of its own")
    for column in (first, second):
        if column.ndim != 1 or column.dtype.kind not in "iu":
            raise InvalidInputError(
                "with names, models are whole numbers", hint="give indices into names, or leave names out"
            )
        if column.size and not (column.min() >= 0 and column.max() < len(names)):
            raise InvalidInputError(f"a model's index is outside 0 to {len(names) - 1}", hint="indices count from 0")
    return tuple(names), first.astype(np.int64, copy=False), second.astype(np.int64, copy=False)


def _listed(labels: Sequence[Any] | npt.NDArray[Any]) -> Iterable[Any]:
    return labels.tolist() if isinstance(labels, np.ndarray) else labels


def encoded(labels: Sequence[Any] | npt.NDArray[Any]) -> tuple[tuple[str, ...], Ints]:
    """Names in sorted order and the index of each label; missing labels are refused."""
    listed = list(_listed(labels))
    distinct = dict.fromkeys(listed)
    if any(label is None or label != label for label in distinct):  # noqa: PLR0124 - NaN alone differs from itself
        raise InvalidInputError("a label of a battle is missing", hint="leave out battles without a label")
    ordered = sorted(distinct, key=lambda label: (str(type(label)), label))
    index = {label: place for place, label in enumerate(ordered)}
    codes = np.fromiter(map(index.__getitem__, listed), dtype=np.int64, count=len(listed))
    return tuple(str(label) for label in ordered), codes


def outcome_codes(outcome: Sequence[Any] | npt.NDArray[Any]) -> Codes:
    """0, 1, 2 for a, b, tie, from words or from a's score."""
    column = np.asarray(outcome)
    if column.dtype.kind in "biuf":
        won, lost, tied = column == 1, column == 0, column == 0.5
        if not (won | lost | tied).all():
            raise InvalidInputError("a score is none of 1, 0.5 and 0", hint="give a's score: win 1, tie 0.5, loss 0")
        codes: Codes = lost.astype(np.int8)
        codes[tied] = TIE
        return codes
    try:
        return np.fromiter(map(_WORDS.__getitem__, _listed(outcome)), dtype=np.int8, count=len(outcome))
    except (KeyError, TypeError) as error:
        raise InvalidInputError(f"outcome {error} is unknown", hint="outcomes are 'a', 'b' and 'tie'") from error


def weight_column(weight: npt.ArrayLike, n: int) -> Floats:
    """Weights of n battles, finite and above 0."""
    column = np.asarray(weight, dtype=np.float64)
    if column.shape != (n,) or not (np.isfinite(column).all() and (column > 0).all()):
        raise InvalidInputError(
            f"weights must be {n} finite numbers above 0", hint="leave out battles that should not count"
        )
    return column


def covariate_table(
    covariates: npt.ArrayLike | None, names: Sequence[str], n: int
) -> tuple[Floats | None, tuple[str, ...]]:
    """A finite table of n rows and its column names, from a table or a single column."""
    if covariates is None:
        return None, ()
    table = np.asarray(covariates, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or table.shape[0] != n or table.shape[1] == 0 or not np.isfinite(table).all():
        raise InvalidInputError(
            f"covariates must be a finite table of {n} rows", hint="impute or leave out battles with missing values"
        )
    titles = tuple(names) or tuple(f"covariate_{index + 1}" for index in range(table.shape[1]))
    if len(titles) != table.shape[1] or len(set(titles)) != len(titles):
        raise InvalidInputError(
            f"{len(titles)} covariate names for {table.shape[1]} columns", hint="give one distinct name a column"
        )
    return table, titles
