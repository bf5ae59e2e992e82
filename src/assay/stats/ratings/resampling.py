"""Bootstrap of fitted ratings: battles or clusters drawn again, every draw fitted to its own maximum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from assay.stats.ratings.battles import Battles
from assay.stats.ratings.encoding import Floats, Ints, counted
from assay.stats.ratings.graph import is_one_group
from assay.stats.ratings.likelihood import Outcomes
from assay.stats.ratings.newton import Fit, Rows, anchored, refit

_TOLERANCE = 1e-6
"""Log-odds: far below the spread of the draws."""


def bootstrap_points(
    fit: Fit, tables: Iterator[Floats], rows: Rows, outcomes: Outcomes, *, ridge: float
) -> tuple[Floats, int]:
    """Parameters fitted to every resampled table, and how many tables had no finite maximum and were left out."""
    points: list[Floats] = []
    inverse = np.linalg.inv(anchored(fit.information, rows.size, ridge)).astype(np.float64, copy=False)
    failed = 0
    for sums in tables:
        up, down = sums[0] + sums[2] > 0.0, sums[1] + sums[2] > 0.0
        finite = ridge > 0.0 or is_one_group(rows.a, rows.b, up, down, rows.size)
        if outcomes.has_tie_parameter:
            finite = finite and bool(sums[2].any())
        drawn = replace(rows, sums=sums)
        again = refit(drawn, outcomes, fit, inverse, ridge=ridge, tolerance=_TOLERANCE) if finite else None
        if again is None:
            failed += 1
        else:
            points.append(again.point)
    return np.array(points).reshape(len(points), fit.point.size), failed


def drawn_counts(n_of: Ints, *, rounds: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Tables of as many battles, drawn from the table itself: the same law as drawing battles one by one."""
    n = int(n_of.sum())
    occupied = np.flatnonzero(n_of)
    share = n_of.ravel()[occupied] / n
    for _ in range(rounds):
        table = np.zeros(n_of.size)
        table[occupied] = rng.multinomial(n, share)
        yield table.reshape(n_of.shape)


def drawn_battles(
    battles: Battles, cells: Ints | None, n_rows: int, *, rounds: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Tables from battles drawn again, whole clusters where they are given.

    Args:
        battles: What is drawn from.
        cells: ``outcome * n_rows + row`` of each battle; ``None`` where every battle is a row of its own.
        n_rows: Rows of the table.
        rounds: Tables wanted.
        rng: Source of randomness.
    """
    weight = np.ones(battles.n) if battles.weight is None else battles.weight
    places = battles.outcome.astype(np.int64) * n_rows + np.arange(battles.n) if cells is None else cells
    for _ in range(rounds):
        if battles.cluster is None:
            times = np.bincount(rng.integers(battles.n, size=battles.n), minlength=battles.n)
        else:
            groups = int(battles.n_clusters or 0)
            times = np.bincount(rng.integers(groups, size=groups), minlength=groups)[battles.cluster]
        yield counted(places, times * weight, 3 * n_rows).reshape(3, n_rows)
