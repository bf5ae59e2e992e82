"""Transitions counted and turned into probabilities with intervals: any order, any number of states."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.markov.inputs import MISSING, Codes, Floats, encode_states
from assay.stats.scalar import wilson
from assay.stats.special import check_confidence

MAX_CELLS = 4_000_000
"""Cells of a dense table of counts (32 MB)."""
JEFFREYS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransitionCounts:
    """How often each state followed each context.

    Attributes:
        states: In the order of the columns.
        order: States that make a context; 0 counts states alone.
        counts: Shape ``(k**order, k)``. Row number in base k: the oldest state is the highest digit.
        last: The context the sequence ended in; ``None`` where its last observations are missing.
    """

    states: tuple[Hashable, ...]
    order: int
    counts: Floats
    last: int | None

    @property
    def n(self) -> int:
        """Transitions counted."""
        return int(self.counts.sum())

    def context(self, number: int) -> tuple[Hashable, ...]:
        """The states of a context, oldest first."""
        k = len(self.states)
        return tuple(self.states[number // k ** (self.order - 1 - place) % k] for place in range(self.order))


def count_transitions(
    sequence: Sequence[Hashable | None], *, order: int = 1, states: Sequence[Hashable] | None = None
) -> TransitionCounts:
    """Transitions of a sequence; ``None`` stands for a missing observation and no transition leads over it.

    Several sequences are counted as one by putting ``None`` between them.

    Args:
        sequence: States in order of time, shape ``(n,)``.
        order: Length of the context, at least 0.
        states: All states, where some may not occur; sorted as they occur when ``None``.

    Raises:
        InvalidInputError: The sequence holds no transition, a state is unknown, or the table would have more than
            4,000,000 cells (see ``sparse_transition_matrix``).

    Examples:
        >>> count_transitions(["dry", "dry", "rain", "dry", "rain"]).counts.tolist()
        [[1.0, 2.0], [1.0, 0.0]]
    """
    codes, known = encode_states(sequence, states=states)
    return counts_of_codes(codes, known, order=order)


def counts_of_codes(codes: Codes, states: tuple[Hashable, ...], *, order: int, skip: int = 0) -> TransitionCounts:
    """As ``count_transitions``, from numbers; the first ``skip`` observations are contexts only."""
    k = len(states)
    if order < 0:
        raise InvalidInputError(f"the order is {order}", hint="0 (independent), 1 (a chain), 2, …")
    if k ** (order + 1) > MAX_CELLS:
        raise InvalidInputError(
            f"a table of order {order} over {k:,} states has {k ** (order + 1):,} cells",
            hint="lower the order, merge states, or use sparse_transition_matrix",
        )
    contexts = context_codes(codes, k, order)
    following = codes[order:] if order else codes
    before = contexts[: following.size]
    usable = (before != MISSING) & (following != MISSING)
    usable[: max(skip - order, 0)] = False
    if not usable.any():
        raise InvalidInputError(
            f"{codes.size} observations hold no transition of order {order}", hint="give a longer sequence"
        )
    cells = before[usable] * k + following[usable]
    table = np.bincount(cells, minlength=k ** (order + 1)).reshape(k**order, k).astype(np.float64)
    last = int(contexts[-1])
    return TransitionCounts(states=states, order=order, counts=table, last=None if last == MISSING else last)


def context_codes(codes: Codes, k: int, order: int) -> Codes:
    """Number of the context that ends before each place ``order, order + 1, …, n``; shape ``(n - order + 1,)``."""
    size = codes.size - order + 1
    if size < 1:
        return np.full(1, MISSING, dtype=np.intp)
    result = np.zeros(size, dtype=np.intp)
    missing = np.zeros(size, dtype=bool)
    for place in range(order):
        part = codes[place : place + size]
        result = result * k + part
        missing |= part == MISSING
    result[missing] = MISSING
    return result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainEstimate:
    """An estimated chain.

    Attributes:
        counts: What it rests on.
        smoothing: Pseudo-count added to each cell.
        probabilities: ``probabilities[context][state]``, each an Estimate of P(state next | context).
        unseen: Contexts that were never left; without smoothing their rows are unknown.
    """

    counts: TransitionCounts
    smoothing: float
    probabilities: tuple[tuple[Estimate, ...], ...]
    unseen: tuple[int, ...]

    @property
    def table(self) -> Floats:
        """Probabilities of shape ``(k**order, k)``.

        Raises:
            InvalidInputError: A context was never left and there is no smoothing.
        """
        return smoothed_rows(self.counts.counts, self.smoothing)

    @property
    def matrix(self) -> Floats:
        """The chain on contexts, square of side ``k**order``: of order 1 its transition matrix."""
        return context_matrix(self.table)


def smoothed_rows(counts: Floats, smoothing: float) -> Floats:
    """Rows of counts plus pseudo-counts, as shares; works on any number of leading axes."""
    raised = counts + smoothing
    empty = int((raised.sum(axis=-1) <= 0.0).sum())
    if empty:
        raise InvalidInputError(
            f"{empty} contexts were never left, so what follows them is unknown",
            hint="give smoothing=0.5, a lower order, or more data",
        )
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def context_matrix(table: Floats) -> Floats:
    """A table of any order as a first-order chain on its contexts.

    Args:
        table: Shape ``(..., k**order, k)``; of order 0 a single row.

    Examples:
        >>> context_matrix(np.array([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.3, 0.7]])).shape
        (4, 4)
    """
    contexts, k = table.shape[-2:]
    if contexts == 1:
        return np.broadcast_to(table, (*table.shape[:-2], k, k)).copy()
    matrix = np.zeros((*table.shape[:-1], contexts))
    rows = np.arange(contexts)[:, None]
    matrix[..., rows, (rows * k + np.arange(k)) % contexts] = table
    return matrix


def estimate_markov_chain(
    counts: TransitionCounts,
    *,
    smoothing: float = 0.0,
    interval: Literal["wilson", "dirichlet"] | None = None,
    confidence: float = 0.95,
) -> ChainEstimate:
    """Transition probabilities with an interval each.

    Wilson's interval reads the visits of a context as independent trials, which is right for large n: the rows of a
    chain are asymptotically independent multinomials. The Dirichlet interval is the equal-tailed posterior of the
    cell under ``smoothing`` pseudo-counts a cell (Jeffreys' one half where that is 0). Intervals hold cell by cell,
    not for a whole row at once.

    Args:
        counts: From ``count_transitions``.
        smoothing: Pseudo-count added to each cell, at least 0.
        interval: ``wilson`` (only without smoothing) or ``dirichlet``; by default the one that fits ``smoothing``.
        confidence: Two-sided coverage of each cell.

    Raises:
        InvalidInputError: ``smoothing`` is negative, or Wilson's interval is asked for with smoothing.

    Sources:
        Anderson & Goodman (1957), Ann. Math. Statist. 28, 89-110, section 2 (the limit law of the rows);
        Wilson (1927), JASA 22, 209-212; Brown, Cai & DasGupta (2001), Statist. Sci. 16, 101-133 (Jeffreys).

    Examples:
        >>> found = estimate_markov_chain(count_transitions("ddrdrrddrd"))
        >>> e = found.probabilities[0][1]
        >>> round(e.value, 3), round(e.low, 3), round(e.high, 3), e.n, e.method
        (0.6, 0.231, 0.882, 5, 'wilson')
    """
    check_confidence(confidence)
    if not (np.isfinite(smoothing) and smoothing >= 0.0):
        raise InvalidInputError(f"smoothing is {smoothing}", hint="a pseudo-count of at least 0, e.g. 0.5")
    method = interval or ("dirichlet" if smoothing else "wilson")
    if method not in ("wilson", "dirichlet"):
        raise InvalidInputError(f"there is no interval {method!r}", hint="'wilson' or 'dirichlet'")
    if method == "wilson" and smoothing:
        raise InvalidInputError("Wilson's interval is one of unsmoothed shares", hint="interval='dirichlet'")
    table = counts.counts
    totals = table.sum(axis=1)
    bounds = (
        _wilson_bounds(table, confidence) if method == "wilson" else _dirichlet_bounds(table, smoothing, confidence)
    )
    shares = (table + smoothing) / np.maximum(totals + smoothing * table.shape[1], 1e-300)[:, None]
    rows = tuple(
        tuple(
            _cell(float(shares[c, s]), bounds[c, s], int(totals[c]), method, confidence, smoothed=smoothing > 0.0)
            for s in range(table.shape[1])
        )
        for c in range(table.shape[0])
    )
    unseen = tuple(np.flatnonzero(totals == 0.0).tolist())
    return ChainEstimate(counts=counts, smoothing=smoothing, probabilities=rows, unseen=unseen)


def _cell(share: float, bound: Floats, n: int, method: str, confidence: float, *, smoothed: bool) -> Estimate:
    reason = "this context was never left" if n == 0 else None
    known = n > 0
    return Estimate(
        value=share if known or smoothed else None,
        low=float(bound[0]) if known else None,
        high=float(bound[1]) if known else None,
        n=n,
        method=method,
        confidence=confidence,
        unit="share",
        estimand="this chain's transitions",
        reason=reason,
    )


def _wilson_bounds(table: Floats, confidence: float) -> Floats:
    bounds = np.full((*table.shape, 2), np.nan)
    for row, total in enumerate(table.sum(axis=1)):
        for column in range(table.shape[1]) if total else ():
            bounds[row, column] = wilson(float(table[row, column]), float(total), confidence)
    return bounds


def _dirichlet_bounds(table: Floats, smoothing: float, confidence: float) -> Floats:
    from scipy.special import betaincinv

    prior = smoothing or JEFFREYS
    a = table + prior
    b = a.sum(axis=1, keepdims=True) - a
    tail = (1.0 - confidence) / 2.0
    if table.shape[1] == 1:
        return np.ones((*table.shape, 2))
    low = np.where(table == 0.0, 0.0, betaincinv(a, b, tail))
    all_there = table == table.sum(axis=1, keepdims=True)
    high = np.where(all_there & (table > 0.0), 1.0, betaincinv(a, b, 1.0 - tail))
    return np.stack([low, high], axis=-1)


def sparse_transition_matrix(
    sequence: Sequence[Hashable | None], *, states: Sequence[Hashable] | None = None
) -> tuple[Any, tuple[Hashable, ...]]:
    """First-order transition shares as a scipy CSR matrix, for chains of very many states; memory O(n).

    A state that was never left keeps itself (an absorbing row), which ``chain_structure`` reports.

    Returns:
        The matrix of shape ``(k, k)`` and the states in its order.

    Raises:
        InvalidInputError: As ``count_transitions``.

    Examples:
        >>> matrix, states = sparse_transition_matrix([0, 1, 2, 0, 2])
        >>> matrix.toarray().tolist()
        [[0.0, 0.5, 0.5], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    from scipy.sparse import coo_array, diags_array

    codes, known = encode_states(sequence, states=states)
    before, after = codes[:-1], codes[1:]
    usable = (before != MISSING) & (after != MISSING)
    if not usable.any():
        raise InvalidInputError(f"{codes.size} observations hold no transition", hint="give a longer sequence")
    k = len(known)
    rows, columns = before[usable], after[usable]
    stuck = np.setdiff1d(np.arange(k), rows)
    rows, columns = np.concatenate([rows, stuck]), np.concatenate([columns, stuck])
    counts = coo_array((np.ones(rows.size), (rows, columns)), shape=(k, k)).tocsr()
    counts.sum_duplicates()
    return (diags_array(1.0 / counts.sum(axis=1)) @ counts).tocsr(), known
