"""Checks every function on chains makes: sequences to codes, transition matrices, starting distributions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError, nearest

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
MISSING = -1
"""Code of an observation that was not made; no transition leads over it."""
_SUM_TOLERANCE = 1e-9


def encode_states(
    sequence: Sequence[Hashable | None], *, states: Sequence[Hashable] | None = None
) -> tuple[Codes, tuple[Hashable, ...]]:
    """Observations as numbers of states; ``None`` becomes ``MISSING``.

    Args:
        sequence: States in order of time, shape ``(n,)``; ``None`` where nothing was observed.
        states: All states in the order wanted; sorted as they occur when ``None``.

    Raises:
        InvalidInputError: A state is not among ``states``, ``states`` repeats itself, or nothing was observed.

    Examples:
        >>> codes, states = encode_states(["dry", "rain", None, "dry"])
        >>> codes.tolist(), states
        ([0, 1, -1, 0], ('dry', 'rain'))
    """
    plain = plain_list(sequence)
    seen = dict.fromkeys(value for value in plain if value is not None)
    if not seen:
        raise InvalidInputError("no state was observed", hint="give a sequence with at least one state")
    known = tuple(_sorted(list(seen)) if states is None else states)
    if len(set(known)) != len(known):
        raise InvalidInputError("a state is named twice", hint="name each state once")
    number = {state: code for code, state in enumerate(known)}
    unknown = [state for state in seen if state not in number]
    if unknown:
        raise InvalidInputError(
            f"the state {unknown[0]!r} is not one of the states given",
            hint=nearest(str(unknown[0]), [str(state) for state in known]),
        )
    codes = [MISSING if value is None else number[value] for value in plain]
    return np.asarray(codes, dtype=np.intp), known


def plain_list(values: Any) -> list[Any]:
    """Python values of a sequence or an array."""
    return list(values.tolist()) if isinstance(values, np.ndarray) else list(values)


def _sorted(seen: list[Any]) -> list[Hashable]:
    try:
        return sorted(seen)
    except TypeError:  # states of several types have no order of their own
        return sorted(seen, key=lambda state: (type(state).__name__, str(state)))


def check_matrix(matrix: npt.ArrayLike) -> Floats:
    """A dense transition matrix, rows scaled to sum to 1 exactly.

    Raises:
        InvalidInputError: It is not square, has an entry that is negative or not finite, or a row that does not sum
            to 1 within 1e-9.
    """
    try:
        data = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError("the transition matrix is not made of numbers", hint="shape (k, k)") from error
    if data.ndim != 2 or data.shape[0] != data.shape[1] or data.shape[0] == 0:
        raise InvalidInputError(f"a transition matrix has shape {data.shape}", hint="it is square, a row a state")
    check_rows(data)
    return np.asarray(data / data.sum(axis=1, keepdims=True), dtype=np.float64)


def check_rows(data: Floats) -> None:
    """Rows (last axis) that are probability distributions."""
    if not np.isfinite(data).all() or data.min() < 0.0:
        raise InvalidInputError("a transition probability is negative or not finite", hint="they lie in [0, 1]")
    worst = float(np.abs(data.sum(axis=-1) - 1.0).max())
    if worst > _SUM_TOLERANCE:
        raise InvalidInputError(
            f"a row of transition probabilities misses 1 by {worst:.3g}",
            hint="divide each row by its sum; rows are the states left, columns the states entered",
        )


def check_start(start: npt.ArrayLike, k: int) -> Floats:
    """A starting distribution over ``k`` states, from a state's number or from probabilities of shape ``(k,)``."""
    if np.ndim(start) == 0:
        number = int(np.asarray(start))
        if number != np.asarray(start) or not 0 <= number < k:
            raise InvalidInputError(f"there is no state number {start!r}", hint=f"0 to {k - 1}")
        only = np.zeros(k)
        only[number] = 1.0
        return only
    data = np.array(start, dtype=np.float64)
    if data.shape != (k,):
        raise InvalidInputError(f"the starting distribution has shape {data.shape}", hint=f"({k},), or a state number")
    check_rows(data)
    return np.asarray(data / data.sum(), dtype=np.float64)


def check_horizons(horizons: Sequence[int]) -> list[int]:
    """Numbers of steps, each at least 0.

    Raises:
        InvalidInputError: There are none, or one is negative or not whole.
    """
    steps = [int(horizon) for horizon in horizons]
    if not steps or any(step < 0 or step != given for step, given in zip(steps, horizons, strict=True)):
        raise InvalidInputError("horizons are whole numbers of steps, at least 0", hint="for example [1, 7, 30]")
    return steps
