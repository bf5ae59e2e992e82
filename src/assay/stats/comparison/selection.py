"""The k-th smallest of all pairwise differences or averages, without building the pairs.

Counting the pairs at or below a value takes one merge of sorted vectors. Bisection on the value shrinks the bracket
until few pairs lie in it, and those are listed. Memory: ``LISTED`` pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.intp]
LISTED = 1 << 20


def pairwise_differences(baseline: Floats, candidate: Floats, ranks: Sequence[int]) -> list[float]:
    """Of ``candidate - baseline`` over all pairs, the values at these ranks (from 1).

    Args:
        baseline: Shape ``(n,)``.
        candidate: Shape ``(m,)``.
        ranks: Each in 1..nm.

    Sources:
        Monahan (1984), ACM Transactions on Mathematical Software 10, 265-270, on selection by counting.

    Examples:
        >>> pairwise_differences(np.array([0.0, 1.0]), np.array([2.0, 5.0]), [1, 2, 3, 4])
        [1.0, 2.0, 4.0, 5.0]
    """
    x, y = np.sort(baseline), np.sort(candidate)

    def at_most(value: float) -> Counts:
        return np.asarray(np.searchsorted(y, x + value, side="right"))

    def values(first: Counts, last: Counts) -> Floats:
        row, column = _listed(first, last)
        return y[column] - x[row]

    return [
        _select(rank, float(y[0] - x[-1]), float(y[-1] - x[0]), at_most, values, starts=np.zeros(x.size, dtype=np.intp))
        for rank in ranks
    ]


def walsh_averages(values: Floats, ranks: Sequence[int]) -> list[float]:
    """Of ``(x_i + x_j) / 2`` over all i <= j, the values at these ranks (from 1).

    Args:
        values: Shape ``(n,)``.
        ranks: Each in 1..n(n + 1)/2.

    Sources:
        As ``pairwise_differences``.

    Examples:
        >>> walsh_averages(np.array([0.0, 2.0, 8.0]), [1, 2, 3, 4, 5, 6])
        [0.0, 1.0, 2.0, 4.0, 5.0, 8.0]
    """
    x = np.sort(values)
    own = np.arange(x.size)

    def at_most(value: float) -> Counts:
        return np.maximum(np.searchsorted(x, 2.0 * value - x, side="right"), own)

    def listed(first: Counts, last: Counts) -> Floats:
        row, column = _listed(first, last)
        return 0.5 * (x[row] + x[column])

    return [_select(rank, float(x[0]), float(x[-1]), at_most, listed, starts=own) for rank in ranks]


def _listed(first: Counts, last: Counts) -> tuple[Counts, Counts]:
    """Row and column of every pair with ``first[row] <= column < last[row]``."""
    sizes = last - first
    row = np.repeat(np.arange(first.size), sizes)
    column = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
    return row, column


def _select(
    rank: int,
    low: float,
    high: float,
    at_most: Callable[[float], Counts],
    values: Callable[[Counts, Counts], Floats],
    *,
    starts: Counts,
) -> float:
    """``at_most`` gives, for each row, the column after its last pair at or below a value."""
    margin = 1e-12 * max(abs(low), abs(high), 1e-300)
    low, high = low - margin, high + margin
    below, above = starts, at_most(high)
    while int((above - below).sum()) > LISTED:
        middle = 0.5 * (low + high)
        if not low < middle < high or high - low <= 1e-15 * max(abs(low), abs(high)):
            break
        found = at_most(middle)
        if int((found - starts).sum()) >= rank:
            high, above = middle, found
        else:
            low, below = middle, found
    if int((above - below).sum()) > LISTED:  # so many ties on one value that bisection cannot part them
        row = int(np.argmax(above - below))
        only = np.zeros_like(below)
        only[row] = 1
        return float(values(below, below + only)[0])
    pairs = values(below, above)
    return float(np.partition(pairs, rank - 1 - int((below - starts).sum()))[rank - 1 - int((below - starts).sum())])
