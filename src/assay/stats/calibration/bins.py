"""How forecasts are put into bins; equal forecasts always share one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.calibration.inputs import Codes, Floats

Binning = Literal["mass", "width", "sweep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """Forecasts in bins, none of them empty.

    Attributes:
        edges: Borders from 0 to 1, shape ``(bins + 1,)``; a forecast on a border belongs to the bin below it.
        index: Bin of each forecast, shape ``(n,)``.
    """

    edges: Floats
    index: Codes

    @property
    def count(self) -> int:
        """How many bins there are."""
        return self.edges.size - 1

    def indicators(self, forecasts: Floats, outcomes: Floats) -> Floats:
        """Columns whose totals are, bin by bin, count, sum of forecasts and sum of outcomes; shape ``(n, 3·bins)``."""
        columns = np.zeros((forecasts.size, 3 * self.count))
        rows = np.arange(forecasts.size)
        columns[rows, self.index] = 1.0
        columns[rows, self.count + self.index] = forecasts
        columns[rows, 2 * self.count + self.index] = outcomes
        return columns

    def totals(self, forecasts: Floats, outcomes: Floats) -> Floats:
        """Count, sum of forecasts and sum of outcomes by bin, end to end, shape ``(3·bins,)``."""
        parts = [np.bincount(self.index, weights=w, minlength=self.count) for w in (forecasts, outcomes)]
        return np.concatenate([np.bincount(self.index, minlength=self.count), *parts])


def bin_forecasts(forecasts: Floats, outcomes: Floats, *, bins: int, binning: Binning) -> Bins:
    """Bins of equal width, of equal mass, or the most bins of equal mass whose observed shares rise (``sweep``).

    Raises:
        InvalidInputError: ``bins`` is below 1 or the way of binning is unknown.

    Sources:
        Roelofs et al. (2022), AISTATS, arXiv:2012.08668, section 4 (equal mass, and the monotonic sweep).
    """
    if bins < 1:
        raise InvalidInputError(f"{bins} bins cannot hold forecasts", hint="at least 1; 15 is common")
    if binning == "width":
        return _occupied(np.linspace(0.0, 1.0, bins + 1), forecasts)
    if binning == "mass":
        return _equal_mass(forecasts, bins)
    if binning == "sweep":
        return _monotonic_sweep(forecasts, outcomes)
    raise InvalidInputError(f"there is no binning called {binning!r}", hint="'mass', 'width' or 'sweep'")


def _equal_mass(forecasts: Floats, bins: int) -> Bins:
    inner = np.quantile(forecasts, np.linspace(0.0, 1.0, bins + 1)[1:-1])
    return _occupied(np.unique(np.concatenate([[0.0], inner, [1.0]])), forecasts)


def _occupied(edges: Floats, forecasts: Floats) -> Bins:
    """Empty bins are joined to the next occupied one above."""
    index = np.searchsorted(edges[1:-1], forecasts, side="left")
    used, compact = np.unique(index, return_inverse=True)
    return Bins(edges=np.concatenate([[edges[0]], edges[used[:-1] + 1], [edges[-1]]]), index=compact)


def _monotonic_sweep(forecasts: Floats, outcomes: Floats) -> Bins:
    best = _equal_mass(forecasts, 1)
    for bins in range(2, np.unique(forecasts).size + 1):
        tried = _equal_mass(forecasts, bins)
        shares = np.bincount(tried.index, weights=outcomes) / np.bincount(tried.index)
        if (np.diff(shares) < 0.0).any():
            break
        best = tried
    return best
