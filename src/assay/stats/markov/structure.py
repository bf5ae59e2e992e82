"""What a chain is like in the long run: classes, periods, stationary laws, limits; reported, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.markov.inputs import Floats
from assay.stats.markov.powers import as_csr


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunicatingClass:
    """States that reach each other.

    Attributes:
        states: Their numbers, ascending.
        closed: Once inside, the chain stays (its states are recurrent); else they are transient.
        period: Greatest common divisor of the lengths of return; 0 for a transient state that never returns.
    """

    states: tuple[int, ...]
    closed: bool
    period: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainStructure:
    """Classes of a chain and what follows from them.

    Attributes:
        classes: In order of their smallest state.
        irreducible: All states form one class.
        limit: ``matrix^n`` as n grows, shape ``(k, k)``; ``None`` where it does not settle (a closed class is
            periodic) or the chain has more states than were asked to be solved.
        average: Long-run share of time in each state by starting state, shape ``(k, k)``; exists always; ``None``
            only for the size.
        reason: Why there is no limit, or why the limit depends on the start; ``None`` where neither holds.
    """

    classes: tuple[CommunicatingClass, ...]
    irreducible: bool
    limit: Floats | None
    average: Floats | None
    reason: str | None

    @property
    def closed(self) -> tuple[CommunicatingClass, ...]:
        """The closed classes."""
        return tuple(one for one in self.classes if one.closed)

    @property
    def aperiodic(self) -> bool:
        """Every closed class has period 1."""
        return all(one.period == 1 for one in self.closed)


def chain_structure(matrix: Any, *, max_states: int = 2_000) -> ChainStructure:
    """Communicating classes, periods and limits of a chain.

    Args:
        matrix: Dense or scipy sparse, row-stochastic, shape ``(k, k)``. An entry of 0 is an impossible step.
        max_states: Limits (``k²`` numbers) are computed up to this many states; classes and periods always.

    Raises:
        InvalidInputError: It is no transition matrix.

    Sources:
        Norris (1997), Markov Chains, sections 1.2, 1.3, 1.7 and 1.8; Denardo (1977), Management Science 23,
        1095-1105 (periods by breadth-first search).

    Examples:
        >>> found = chain_structure([[0.0, 1.0], [1.0, 0.0]])
        >>> found.classes[0].period, found.limit, found.average.tolist()
        (2, None, [[0.5, 0.5], [0.5, 0.5]])
        >>> found.reason
        'the class of state 0 has period 2: probabilities go on oscillating'
    """
    data = as_csr(matrix)
    classes = _classes(data)
    closed = [one for one in classes if one.closed]
    periodic = [one for one in closed if one.period > 1]
    average = _average(data, classes) if data.shape[0] <= max_states else None
    reason = None
    if periodic:
        one = periodic[0]
        reason = f"the class of state {one.states[0]} has period {one.period}: probabilities go on oscillating"
    elif len(closed) > 1:
        reason = f"there are {len(closed)} closed classes: where the chain ends depends on where it starts"
    return ChainStructure(
        classes=classes,
        irreducible=len(classes) == 1,
        limit=None if periodic else average,
        average=average,
        reason=reason,
    )


def _classes(data: Any) -> tuple[CommunicatingClass, ...]:
    from scipy.sparse.csgraph import connected_components

    count, label = connected_components(data, directed=True, connection="strong")
    rows = np.repeat(np.arange(data.shape[0]), np.diff(data.indptr))
    leaving = label[rows] != label[data.indices]
    open_labels = set(label[rows[leaving]].tolist())
    order = np.argsort(label, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(label, minlength=count))[:-1])
    found = [
        CommunicatingClass(
            states=tuple(states.tolist()),
            closed=int(label[states[0]]) not in open_labels,
            period=_period(data, states, label),
        )
        for states in members
    ]
    return tuple(sorted(found, key=lambda one: one.states[0]))


def _period(data: Any, states: npt.NDArray[np.intp], label: npt.NDArray[np.int32]) -> int:
    """gcd of level(u) + 1 - level(v) over the steps u → v inside the class, with levels by breadth-first search."""
    level = {int(states[0]): 0}
    queue = [int(states[0])]
    result = 0
    for state in queue:
        for to in data.indices[data.indptr[state] : data.indptr[state + 1]].tolist():
            if label[to] != label[state]:
                continue
            if to in level:
                result = gcd(result, abs(level[state] + 1 - level[to]))
            else:
                level[to] = level[state] + 1
                queue.append(to)
    return result


def _average(data: Any, classes: tuple[CommunicatingClass, ...]) -> Floats:
    """Share of time in each state by start: the law of a closed class, weighted by the chance of ending there."""
    dense = data.toarray()
    k = dense.shape[0]
    result = np.zeros((k, k))
    transient = np.array([s for one in classes if not one.closed for s in one.states], dtype=np.intp)
    for one in (one for one in classes if one.closed):
        inside = np.array(one.states)
        law = stationary_of_closed(dense[np.ix_(inside, inside)])
        ends = np.zeros(k)
        ends[inside] = 1.0
        if transient.size:
            away = np.eye(transient.size) - dense[np.ix_(transient, transient)]
            ends[transient] = np.linalg.solve(away, dense[np.ix_(transient, inside)].sum(axis=1))
        result[:, inside] = ends[:, None] * law
    return result


def stationary_of_closed(matrix: Floats) -> Floats:
    """The stationary law of an irreducible matrix, by state reduction: no subtraction, so every entry keeps its digits.

    Sources:
        Grassmann, Taksar & Heyman (1985), Operations Research 33, 1107-1116.
    """
    work = matrix.copy()
    k = work.shape[0]
    for last in range(k - 1, 0, -1):
        away = work[last, :last].sum()
        work[:last, last] /= away
        work[:last, :last] += np.outer(work[:last, last], work[last, :last])
    law = np.ones(k)
    for state in range(1, k):
        law[state] = law[:state] @ work[:state, state]
    return np.asarray(law / law.sum(), dtype=np.float64)


def stationary_law(matrix: Any) -> Floats:
    """The one stationary law of a chain, shape ``(k,)``; transient states have 0.

    A periodic chain has one too: the share of time in each state, which is then no limit of probabilities. Up to
    2,000 recurrent states by state reduction, beyond by a sparse solve.

    Raises:
        InvalidInputError: There are several closed classes and therefore many stationary laws (see
            ``chain_structure``), or it is no transition matrix.

    Sources:
        Norris (1997), Markov Chains, section 1.7.

    Examples:
        >>> stationary_law([[0.5, 0.25, 0.25], [0.5, 0.0, 0.5], [0.25, 0.25, 0.5]]).round(6).tolist()
        [0.4, 0.2, 0.4]
    """
    data = as_csr(matrix)
    closed = [one for one in _classes(data) if one.closed]
    if len(closed) > 1:
        names = ", ".join("{" + ", ".join(map(str, one.states[:5])) + "}" for one in closed[:4])
        raise InvalidInputError(
            f"the chain has {len(closed)} closed classes and a stationary law for each mixture of them: {names}",
            hint="look at chain_structure(matrix).average, which says the share of time by starting state",
        )
    inside = np.array(closed[0].states)
    block = data[inside][:, inside]
    law = np.zeros(data.shape[0])
    law[inside] = stationary_of_closed(block.toarray()) if inside.size <= 2_000 else _sparse_law(block)
    return law


def _sparse_law(block: Any) -> Floats:
    """law (I - P) = 0 with one equation replaced by the sum: no state's weight is fixed, as any may underflow."""
    from scipy.sparse import eye_array, vstack
    from scipy.sparse.linalg import spsolve

    k = block.shape[0]
    balance = (eye_array(k) - block.T).tocsr()[: k - 1]
    law = spsolve(vstack([balance, np.ones((1, k))]).tocsc(), np.eye(1, k, k - 1)[0])
    law = np.maximum(law, 0.0)
    return np.asarray(law / law.sum(), dtype=np.float64)
