"""Exact null distributions of rank sums, ties included, and mid-ranks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class MidRanks(NamedTuple):
    """Ranks from 1, equal values sharing their mean rank.

    Attributes:
        ranks: Shape ``(n,)``, in the order of the values.
        ties: Sum of t³ - t over groups of t equal values.
        tied: Values that equal another.
    """

    ranks: Floats
    ties: float
    tied: int

    @classmethod
    def of(cls, values: Floats) -> MidRanks:
        """Of a vector."""
        _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
        last = np.cumsum(sizes)
        ranks = (last - 0.5 * (sizes - 1))[group]
        counts = sizes.astype(np.float64)
        return cls(ranks, float((counts**3 - counts).sum()), int(sizes[sizes > 1].sum()))


def rank_sum_law(ranks: Floats, size: int) -> Floats:
    """P(twice the rank sum of ``size`` ranks drawn without replacement = s), for s = 0, 1, ….

    By counting subsets, one rank at a time: exact with ties. Memory and time: size × n² numbers, n times.

    Sources:
        Mehta, Patel & Tsiatis (1984), Biometrics 40, 819-825 (permutation distribution with ties by recursion).

    Examples:
        >>> rank_sum_law(np.array([1.0, 2.0, 3.0]), 1)[[2, 4, 6]].round(3).tolist()
        [0.333, 0.333, 0.333]
    """
    doubled = np.rint(2.0 * ranks).astype(np.intp)
    most = int(np.sort(doubled)[-size:].sum()) if size else 0
    ways = np.zeros((size + 1, most + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        if rank <= most:
            ways[1:, rank:] += ways[:-1, : most + 1 - rank].copy()
    return np.asarray(ways[size] / ways[size].sum())


def signed_rank_law(ranks: Floats) -> Floats:
    """P(twice the sum of the ranks with a positive sign = s), each sign as likely as the other.

    Sources:
        Hollander, Wolfe & Chicken (2014), Nonparametric Statistical Methods, section 3.1 (ties by enumeration).

    Examples:
        >>> signed_rank_law(np.array([1.0, 2.0]))[[0, 2, 4, 6]].tolist()
        [0.25, 0.25, 0.25, 0.25]
    """
    doubled = np.rint(2.0 * ranks).astype(np.intp)
    law = np.zeros(int(doubled.sum()) + 1)
    law[0] = 1.0
    for rank in doubled:
        shifted = np.zeros_like(law)
        shifted[rank:] = law[: law.size - rank]
        law = 0.5 * (law + shifted)
    return law


def two_sided(law: Floats, seen: int) -> float:
    """Twice the smaller tail of a distribution on 0, 1, …, the seen value in both tails."""
    return min(1.0, 2.0 * min(float(law[: seen + 1].sum()), float(law[seen:].sum())))


def lower_rank(law: Floats, tail: float) -> int:
    """Largest k with P(value <= k - 1) <= tail: the rank of the pair that bounds an interval; 0 when there is none.

    Args:
        law: Of the number of pairs on one side, 0, 1, ….
        tail: What each side may err.
    """
    return int(np.searchsorted(np.cumsum(law), tail * (1.0 + 1e-12), side="right"))
