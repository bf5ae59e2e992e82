"""Which models can be compared at all: components of the comparison graph, and Ford's condition."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.ratings.battles import PairCounts
from assay.stats.ratings.encoding import Ints

Bools = npt.NDArray[np.bool_]
NO_MAXIMUM = "the likelihood has no finite maximum; a ridge gives a rating"


def require_connected(counts: PairCounts) -> None:
    """Pass when every model can be reached from every other over battles, whoever won them.

    Raises:
        InvalidInputError: The models fall into groups that never met; the message names them, and
            ``details["components"]`` lists them.
    """
    components = _components(counts.a, counts.b, len(counts.names), strong=False)
    if not components.any():
        return
    groups = [[counts.names[i] for i in np.flatnonzero(components == c)] for c in range(components.max() + 1)]
    groups.sort(key=len, reverse=True)
    shown = "; ".join(_short(group) for group in groups[:5]) + (" …" if len(groups) > 5 else "")
    raise InvalidInputError(
        f"the models fall into {len(groups)} groups that never met each other: {shown}",
        hint="rate each group by itself, or add battles between the groups",
        details={"components": groups},
    )


def mutual_groups(counts: PairCounts) -> Ints:
    """Group of each model, shape ``(K,)``: within a group every model is above every other by some chain of results.

    A tie counts as a result for both. Maximum-likelihood differences are finite within a group only.

    Sources:
        Ford (1957), American Mathematical Monthly 64(8), 28-33: one group is the condition for a finite maximum.
    """
    up, down = _beats(counts)
    winner = np.concatenate([counts.a[up], counts.b[down]])
    loser = np.concatenate([counts.b[up], counts.a[down]])
    return _components(winner, loser, len(counts.names), strong=True)


def is_one_group(a: Ints, b: Ints, up: Bools, down: Bools, size: int) -> bool:
    """Ford's condition by two searches from model 0: fast where it is asked once a resample."""
    start = np.zeros(size, dtype=bool)
    start[0] = True
    return bool(reachable(a, b, up, down, start).all() and reachable(a, b, down, up, start).all())


def reachable(a: Ints, b: Ints, forward: Bools, backward: Bools, start: Bools) -> Bools:
    """Models reached from ``start`` over edges a → b (``forward``) and b → a (``backward``); shape ``(K,)``."""
    reached = start.copy()
    seen = 0
    while seen < (now := int(reached.sum())):
        seen = now
        reached[b[forward & reached[a]]] = True
        reached[a[backward & reached[b]]] = True
    return reached


def finite_ratings(counts: PairCounts, *, has_tie_parameter: bool, ridge: float) -> tuple[Ints, dict[int, str]]:
    """Models whose rating has a finite maximum, and why each other one has none; with a ridge all have.

    The rated are the largest mutual group, of equals the one with most battles inside.
    """
    size = len(counts.names)
    if ridge > 0.0:
        return np.arange(size), {}
    group = mutual_groups(counts)
    inside = group[counts.a] == group[counts.b]
    battles = np.bincount(group[counts.a[inside]], counts.n_of.sum(axis=0)[inside], group.max() + 1)
    largest = int(np.lexsort((battles, np.bincount(group)))[-1])
    rated = np.flatnonzero(group == largest)
    if rated.size < 2:
        return rated[:0], dict.fromkeys(range(size), f"results go one way only: {NO_MAXIMUM}")
    if has_tie_parameter and not ties_are_identified(counts.among(rated)):
        return rated[:0], dict.fromkeys(range(size), f"no cycle of wins bounds the tie parameter: {NO_MAXIMUM}")
    up, down = _beats(counts)
    start = group == largest
    above = reachable(counts.a, counts.b, down, up, start)
    below = reachable(counts.a, counts.b, up, down, start)
    reasons = {}
    for model in np.flatnonzero(~start).tolist():
        if above[model]:
            said = "no chain of results puts it below the rated models"
        elif below[model]:
            said = "no chain of results puts it above the rated models"
        else:
            said = "no chain of results compares it with the rated models"
        reasons[model] = f"{said}: {NO_MAXIMUM}"
    return rated, reasons


def ties_are_identified(counts: PairCounts) -> bool:
    """Whether a tie parameter has a finite maximum together with ratings that meet Ford's condition.

    It has none when the models can be put on a line such that every win spans at least the threshold and every tie
    at most it: threshold and line may then grow for ever. Such a line is a system of difference constraints, which
    has no solution exactly when its graph has a negative cycle.
    """
    won, lost, tied = counts.sums > 0
    if _repeats(counts.a[won], counts.b[won], counts.a[lost], counts.b[lost], len(counts.names)):
        return True
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import NegativeCycleError, bellman_ford

    # edge (from, to, length) says: place[to] - place[from] <= length
    edges: list[tuple[Ints, Ints, float]] = [
        (counts.a[won], counts.b[won], -1.0),
        (counts.b[lost], counts.a[lost], -1.0),
        (counts.a[tied], counts.b[tied], 1.0),
        (counts.b[tied], counts.a[tied], 1.0),
    ]
    table: dict[tuple[int, int], float] = {}
    for start, end, length in edges:
        for pair in zip(start.tolist(), end.tolist(), strict=True):
            table[pair] = min(length, table.get(pair, length))
    rows, columns = np.array(list(table)).T
    graph = coo_array((np.array(list(table.values())), (rows, columns)), shape=(len(counts.names),) * 2).tocsr()
    try:
        bellman_ford(graph, indices=0)
    except NegativeCycleError:
        return True
    return False


def _repeats(up_from: Ints, up_to: Ints, down_to: Ints, down_from: Ints, size: int) -> bool:
    """Whether wins alone lead from some model back to itself."""
    winner, loser = np.concatenate([up_from, down_from]), np.concatenate([up_to, down_to])
    return bool(_components(winner, loser, size, strong=True).max() < size - 1)


def _beats(counts: PairCounts) -> tuple[Bools, Bools]:
    won, lost, tied = counts.sums > 0
    return won | tied, lost | tied


def _components(start: Ints, end: Ints, size: int, *, strong: bool) -> Ints:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(start.size), (start, end)), shape=(size, size)).tocsr()
    labels: Any = connected_components(graph, directed=True, connection="strong" if strong else "weak")[1]
    return np.asarray(labels, dtype=np.int64)


def _short(group: list[str]) -> str:
    listing = ", ".join(group[:4])
    return f"{{{listing}, … {len(group)} in all}}" if len(group) > 4 else f"{{{listing}}}"
