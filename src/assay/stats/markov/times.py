"""How long a chain takes: hitting and return times, hitting probabilities, mixing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.markov.inputs import Floats, check_start
from assay.stats.markov.powers import ChainPowers, as_csr
from assay.stats.markov.structure import chain_structure, stationary_law

MAX_STEPS = 1 << 60


def hitting_probabilities(matrix: Any, targets: Iterable[int]) -> Floats:
    """Probability of ever being in one of the target states, by starting state; shape ``(k,)``.

    The smallest non-negative solution: states from which no target can be reached get exactly 0.

    Args:
        matrix: Row-stochastic, dense or sparse, shape ``(k, k)``.
        targets: State numbers.

    Raises:
        InvalidInputError: There is no target, or no such state.

    Sources:
        Norris (1997), Markov Chains, theorem 1.3.2.

    Examples:
        >>> walk = [[1, 0, 0, 0, 0], [.5, 0, .5, 0, 0], [0, .5, 0, .5, 0], [0, 0, .5, 0, .5], [0, 0, 0, 0, 1]]
        >>> hitting_probabilities(walk, [4]).round(6).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    data = as_csr(matrix)
    goal = _goal(targets, data.shape[0])
    can = _can_reach(data, goal)
    result = goal.astype(np.float64)
    unknown = np.flatnonzero(can & ~goal)
    if unknown.size:
        into = np.asarray(data[unknown][:, np.flatnonzero(goal)].sum(axis=1)).ravel()
        result[unknown] = np.clip(_solve(data, unknown, into), 0.0, 1.0)
    return result


def hitting_times(matrix: Any, targets: Iterable[int]) -> Floats:
    """Expected steps until one of the target states is entered, by starting state; 0 inside, infinite where unsure.

    Raises:
        InvalidInputError: There is no target, or no such state.

    Sources:
        Norris (1997), Markov Chains, theorem 1.3.5.

    Examples:
        >>> walk = [[1, 0, 0, 0, 0], [.5, 0, .5, 0, 0], [0, .5, 0, .5, 0], [0, 0, .5, 0, .5], [0, 0, 0, 0, 1]]
        >>> hitting_times(walk, [0, 4]).round(6).tolist()
        [0.0, 3.0, 4.0, 3.0, 0.0]
        >>> hitting_times(walk, [0]).tolist()[1]
        inf
    """
    data = as_csr(matrix)
    goal = _goal(targets, data.shape[0])
    return _times(data, goal)


def return_times(matrix: Any) -> Floats:
    """Expected steps from each state back to itself, shape ``(k,)``; infinite for transient states.

    Sources:
        Norris (1997), Markov Chains, theorem 1.7.7.

    Examples:
        >>> return_times([[0.5, 0.25, 0.25], [0.5, 0.0, 0.5], [0.25, 0.25, 0.5]]).round(6).tolist()
        [2.5, 5.0, 2.5]
    """
    data = as_csr(matrix)
    result = np.full(data.shape[0], np.inf)
    for one in chain_structure(data, max_states=0).closed:
        inside = np.array(one.states)
        result[inside] = 1.0 / stationary_law(data[inside][:, inside])
    return result


def _times(data: Any, goal: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats:
    never = ~_can_reach(data, goal)
    # a start is unsure when it can get, without passing a target, to a state from which no target is reached
    open_ended = _can_reach(data, never, through=~goal) if never.any() else never
    result = np.where(goal, 0.0, np.inf)
    unknown = np.flatnonzero(~open_ended & ~goal)
    if unknown.size:
        result[unknown] = _solve(data, unknown, np.ones(unknown.size))
    return result


def _goal(targets: Iterable[int], k: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    goal = np.zeros(k, dtype=bool)
    for target in targets:
        check_start(target, k)
        goal[target] = True
    if not goal.any():
        raise InvalidInputError("no target state is named", hint="give at least one state number")
    return goal


def _can_reach(
    data: Any, goal: np.ndarray[Any, np.dtype[np.bool_]], through: np.ndarray[Any, np.dtype[np.bool_]] | None = None
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """States with a path into ``goal``, all of whose steps start in ``through``."""
    backwards = data.T.tocsr()
    found = goal.copy()
    queue = np.flatnonzero(goal).tolist()
    for state in queue:
        for before in backwards.indices[backwards.indptr[state] : backwards.indptr[state + 1]].tolist():
            if not found[before] and (through is None or through[before]):
                found[before] = True
                queue.append(before)
    return found


def _solve(data: Any, unknown: np.ndarray[Any, np.dtype[np.intp]], right: Floats) -> Floats:
    """(I - Q) x = right over the unknown states."""
    from scipy.sparse import eye_array
    from scipy.sparse.linalg import spsolve

    inner = data[unknown][:, unknown]
    if unknown.size <= 2_000:
        return np.asarray(np.linalg.solve(np.eye(unknown.size) - inner.toarray(), right), dtype=np.float64)
    return np.asarray(spsolve((eye_array(unknown.size) - inner).tocsc(), right), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixingTime:
    """Steps until the start is forgotten.

    Attributes:
        steps: Smallest n at which every start is within ``epsilon`` of the stationary law; ``None`` with a reason.
        epsilon: In total variation distance, in (0, 1).
        relaxation_time: 1 / (1 - |second eigenvalue|) in steps; infinite where ``steps`` is ``None``.
        reason: Why the chain does not forget its start.
    """

    steps: int | None
    epsilon: float
    relaxation_time: float
    reason: str | None = None


def mixing_time(matrix: Any, *, epsilon: float = 0.25) -> MixingTime:
    """Exact mixing time: O(k³ log n), as the worst distance from the stationary law never grows with n.

    Args:
        matrix: Dense row-stochastic, shape ``(k, k)``.
        epsilon: Largest total variation distance allowed, in (0, 1).

    Raises:
        InvalidInputError: ``epsilon`` is out of range, or it is no transition matrix.

    Sources:
        Levin & Peres (2017), Markov Chains and Mixing Times, section 4.5.

    Examples:
        >>> mixing_time([[0.75, 0.25], [0.5, 0.5]], epsilon=0.01).steps
        4
        >>> mixing_time([[0.0, 1.0], [1.0, 0.0]]).reason
        'the class of state 0 has period 2: probabilities go on oscillating'
    """
    if not 0.0 < epsilon < 1.0:
        raise InvalidInputError(f"epsilon is {epsilon}", hint="a distance in (0, 1), e.g. 0.25")
    powers = matrix if isinstance(matrix, ChainPowers) else ChainPowers(matrix)
    found = chain_structure(powers.matrix, max_states=0)
    if found.reason is not None:
        return MixingTime(steps=None, epsilon=epsilon, relaxation_time=float("inf"), reason=found.reason)
    law = stationary_law(powers.matrix)
    relaxation = powers.spectrum.relaxation_time

    def close(reached: Floats) -> bool:
        return bool(0.5 * np.abs(reached - law).sum(axis=1).max() <= epsilon)

    if close(np.eye(law.size)):
        return MixingTime(steps=0, epsilon=epsilon, relaxation_time=relaxation)
    digit = 0
    while not close(powers.power(1 << digit)):
        digit += 1
        if 1 << digit > MAX_STEPS:
            return MixingTime(
                steps=None, epsilon=epsilon, relaxation_time=relaxation, reason=f"more than {MAX_STEPS:,} steps"
            )
    below = 0 if digit == 0 else 1 << (digit - 1)
    for smaller in range(digit - 2, -1, -1):
        if not close(powers.power(below + (1 << smaller))):
            below += 1 << smaller
    return MixingTime(steps=below + 1, epsilon=epsilon, relaxation_time=relaxation)
