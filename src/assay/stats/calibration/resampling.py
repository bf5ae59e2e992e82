"""Bootstrap of statistics that are functions of column totals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.calibration.inputs import Codes, Floats
from assay.stats.special import normal_quantile

CHUNK_CELLS = 2_000_000
"""Cells of the matrix of draws held at a time: 16 MB."""


def resampled_totals(columns: Floats, codes: Codes | None, *, rng: np.random.Generator, repeats: int) -> Floats:
    """Column totals of bootstrap samples, shape ``(repeats, m)``; whole clusters are drawn where there are any.

    Args:
        columns: What is summed, shape ``(n, m)``.
        codes: Cluster of each row as a number, or ``None``.
        rng: Source of randomness.
        repeats: Bootstrap samples.
    """
    units = columns
    if codes is not None:
        units = np.zeros((int(codes.max()) + 1, columns.shape[1]))
        np.add.at(units, codes, columns)
    rows, counts = np.unique(units, axis=0, return_counts=True)
    if 4 * rows.shape[0] <= units.shape[0] and repeats >= 100:  # few different rows: draw how often each is drawn
        drawn = rng.multinomial(units.shape[0], counts / units.shape[0], size=repeats)
        return np.asarray(drawn @ rows)
    return np.concatenate([drawn @ units for drawn in draw_counts(units.shape[0], rng=rng, repeats=repeats)])


def draw_counts(n: int, *, rng: np.random.Generator, repeats: int, cells: int = CHUNK_CELLS) -> Iterator[Floats]:
    """How often each of ``n`` units is in each bootstrap sample: blocks of shape ``(rows, n)``.

    Raises:
        InvalidInputError: Fewer than 100 repeats.
    """
    if repeats < 100:
        raise InvalidInputError(f"{repeats} resamples give no interval", hint="repeats >= 100, better 1,000")
    rows = max(1, cells // n)
    for first in range(0, repeats, rows):
        height = min(rows, repeats - first)
        drawn = rng.integers(n, size=(height, n)) + n * np.arange(height)[:, None]
        yield np.bincount(drawn.ravel(), minlength=height * n).reshape(height, n).astype(np.float64)


def normal_bounds(value: Floats | float, draws: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Value ± z · standard deviation of the resampled values, column by column.

    For statistics whose bias has been taken off. Percentiles would put the bias back: a resample is drawn from data
    that scatter about their own bins already, so its corrected statistic estimates the *uncorrected* one of the data.
    """
    half = normal_quantile(0.5 + confidence / 2.0) * draws.std(axis=0, ddof=1)
    return np.asarray(value - half), np.asarray(value + half)
