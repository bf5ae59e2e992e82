"""Correlations of many resamples at once: a resample is how often each item was drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.calibration.inputs import Codes, Floats
from assay.stats.calibration.resampling import draw_counts
from assay.stats.correlation.inputs import Kind

MAX_KENDALL_ITEMS = 3_000
"""Kendall's tau of resamples needs the matrix of all pairs: 72 MB at this many items."""


def item_counts(n: int, codes: Codes | None, *, rng: np.random.Generator, repeats: int) -> Iterator[Floats]:
    """How often each item is drawn, blocks of shape ``(rows, n)``; whole clusters are drawn where there are any."""
    if codes is None:
        yield from draw_counts(n, rng=rng, repeats=repeats)
        return
    cells = max(1, 2_000_000 * (int(codes.max()) + 1) // n)
    for drawn in draw_counts(int(codes.max()) + 1, rng=rng, repeats=repeats, cells=cells):
        yield drawn[:, codes]


def weighted_correlations(x: Floats, y: Floats, counts: Floats, kind: Kind) -> Floats:
    """Correlation of each resample, shape ``(rows,)``; NaN where it is undefined.

    Args:
        x: Shape ``(n,)``.
        y: Shape ``(n,)``.
        counts: How often each item counts, shape ``(rows, n)``, at least 0.
        kind: The coefficient.
    """
    if kind == "kendall":
        return _kendall(x, y, counts)
    if kind == "pearson":
        a, b = np.broadcast_to(x - x.mean(), counts.shape), np.broadcast_to(y - y.mean(), counts.shape)
    else:
        a, b = _ranks(x, counts), _ranks(y, counts)
    total = counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_a, mean_b = (counts * a).sum(axis=1) / total, (counts * b).sum(axis=1) / total
        var_a = (counts * a * a).sum(axis=1) / total - mean_a**2
        var_b = (counts * b * b).sum(axis=1) / total - mean_b**2
        cross = (counts * a * b).sum(axis=1) / total - mean_a * mean_b
        tiny = 1e-12 * max(float(np.abs(a).max() * np.abs(b).max()), 1e-300)
        product = np.sqrt(np.maximum(var_a, 0.0) * np.maximum(var_b, 0.0))
        return np.where(product > tiny, np.clip(cross / product, -1.0, 1.0), np.nan)


def _ranks(x: Floats, counts: Floats) -> Floats:
    """Mid-ranks within each resample, without sorting it: scores keep their order whoever is drawn."""
    order = np.argsort(x, kind="stable")
    _, level, sizes = np.unique(x, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    mass = np.add.reduceat(counts[:, order], starts, axis=1)
    middle = mass.cumsum(axis=1) - 0.5 * mass
    return np.asarray((middle - 0.5 * mass.sum(axis=1, keepdims=True))[:, level])


def _kendall(x: Floats, y: Floats, counts: Floats) -> Floats:
    if x.size > MAX_KENDALL_ITEMS:
        raise InvalidInputError(
            f"a bootstrap of Kendall's tau of {x.size:,} items compares all pairs in every resample",
            hint="use method='delta', which is exact to the same order and needs no resamples",
        )
    sign_x, sign_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    total = ((counts @ (sign_x * sign_y)) * counts).sum(axis=1)
    spread_x = ((counts @ np.abs(sign_x)) * counts).sum(axis=1)
    spread_y = ((counts @ np.abs(sign_y)) * counts).sum(axis=1)
    product = np.sqrt(spread_x * spread_y)
    return np.asarray(np.divide(total, product, out=np.full_like(total, np.nan), where=product > 0.0))
