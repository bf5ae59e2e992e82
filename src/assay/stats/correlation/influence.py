"""Coefficients, and what each pair contributes to them: the way to standard errors that hold with ties and clusters."""

from __future__ import annotations

import math

import numpy as np

from assay.stats.calibration.inputs import Codes, Floats
from assay.stats.correlation.inputs import Kind

TABLE_CELLS = 4_000_000
"""Largest table of levels that Kendall's tau counts in (32 MB a copy); beyond, pairs are compared block by block."""


def coefficient(x: Floats, y: Floats, kind: Kind) -> float:
    """Pearson's r, Spearman's rho (mid-ranks) or Kendall's tau-b of scores that are not constant."""
    if kind == "kendall":
        return float(kendall_contributions(x, y)[0])
    if kind == "spearman":
        x, y = mid_ranks(x), mid_ranks(y)
    x, y = x - x.mean(), y - y.mean()
    return max(-1.0, min(1.0, float(x @ y) / math.sqrt(float(x @ x) * float(y @ y))))


def mid_ranks(x: Floats) -> Floats:
    """Ranks from 1, equal scores sharing the middle of theirs."""
    _, level, sizes = np.unique(x, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(sizes) - 0.5 * (sizes - 1.0))[level])


def coefficient_and_influence(x: Floats, y: Floats, kind: Kind) -> tuple[float, Floats]:
    """The coefficient and the influence of each pair; its variance is about their sum of squares over n².

    Sources:
        Devlin, Gnanadesikan & Kettenring (1975), Biometrika 62, 531-545 (Pearson); Croux & Dehon (2010), Statistical
        Methods & Applications 19, 497-515 (rank correlations), extended to mid-ranks here.
    """
    if kind == "kendall":
        return kendall_contributions(x, y)
    if kind == "spearman":
        return _spearman_influence(x, y)
    a, b = _standardised(x), _standardised(y)
    r = coefficient(x, y, kind)
    return r, a * b - 0.5 * r * (a * a + b * b)


def _standardised(x: Floats) -> Floats:
    centred = x - x.mean()
    return np.asarray(centred / math.sqrt(float(centred @ centred) / x.size))


def _spearman_influence(x: Floats, y: Floats) -> tuple[float, Floats]:
    """A pair acts on the product of ranks by itself and by shifting the ranks of all others."""
    n = x.size
    u, v = (mid_ranks(x) - 0.5) / n - 0.5, (mid_ranks(y) - 0.5) / n - 0.5
    cross = u * v + _mean_above(x, v) + _mean_above(y, u)
    square_u = u * u + 2.0 * _mean_above(x, u)
    square_v = v * v + 2.0 * _mean_above(y, v)
    cross, square_u, square_v = (part - part.mean() for part in (cross, square_u, square_v))
    spread = math.sqrt(float(u @ u) * float(v @ v)) / n
    r = coefficient(x, y, "spearman")
    relative = square_u / (float(u @ u) / n) + square_v / (float(v @ v) / n)
    return r, np.asarray(cross / spread - 0.5 * r * relative)


def _mean_above(x: Floats, weight: Floats) -> Floats:
    """For each i the mean over j of weight[j] where x[j] > x[i], half of it where they are equal."""
    _, level = np.unique(x, return_inverse=True)
    mass = np.bincount(level, weights=weight)
    above = mass[::-1].cumsum()[::-1] - 0.5 * mass
    return np.asarray(above[level] / x.size)


def kendall_contributions(x: Floats, y: Floats) -> tuple[float, Floats]:
    """Kendall's tau-b and the influence of each pair of scores, scaled for the jackknife of pairwise statistics."""
    n = x.size
    _, a, size_a = np.unique(x, return_inverse=True, return_counts=True)
    _, b, size_b = np.unique(y, return_inverse=True, return_counts=True)
    small = size_a.size * size_b.size <= TABLE_CELLS
    agreement = _agreement_by_table(a, b, size_a.size, size_b.size) if small else _agreement_by_blocks(a, b)
    different_x, different_y = n - size_a[a].astype(float), n - size_b[b].astype(float)
    pairs = float(n - 1)
    total, spread_x, spread_y = (float(part.mean()) / pairs for part in (agreement, different_x, different_y))
    scale = math.sqrt(spread_x * spread_y)
    tau = total / scale
    influence = 2.0 * (agreement / pairs - total) / scale
    influence -= tau * ((different_x / pairs - spread_x) / spread_x + (different_y / pairs - spread_y) / spread_y)
    return max(-1.0, min(1.0, tau)), influence * pairs / max(n - 2.0, 1.0)


def _agreement_by_table(a: Codes, b: Codes, rows: int, columns: int) -> Floats:
    """Concordant minus discordant partners of each item, through the table of counts and its running sums."""
    table = np.bincount(a * columns + b, minlength=rows * columns).reshape(rows, columns).astype(np.float64)
    before = np.zeros((rows + 1, columns + 1))
    before[1:, 1:] = table.cumsum(axis=0).cumsum(axis=1)
    left, right = before[:-1, :-1], before[:-1, -1:] - before[:-1, 1:]
    below_left = before[-1:, :-1] - before[1:, :-1]
    below_right = before[-1, -1] - before[-1:, 1:] - before[1:, -1:] + before[1:, 1:]
    return np.asarray((left + below_right - right - below_left)[a, b])


def _agreement_by_blocks(a: Codes, b: Codes) -> Floats:
    rows = max(1, 2_000_000 // a.size)
    blocks = [
        (np.sign(a[i : i + rows, None] - a) * np.sign(b[i : i + rows, None] - b)).sum(axis=1)
        for i in range(0, a.size, rows)
    ]
    return np.concatenate(blocks).astype(np.float64)
