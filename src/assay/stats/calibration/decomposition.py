"""The Brier score taken apart: how far from the truth, how far from the base rate, how hard the events were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.bins import bin_forecasts
from assay.stats.calibration.inputs import Floats, Labels, cluster_codes, forecasts_and_outcomes
from assay.stats.calibration.resampling import normal_bounds, resampled_totals
from assay.stats.calibration.scores import brier_score
from assay.stats.special import check_confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierDecomposition:
    """``brier = reliability - resolution + uncertainty + within_bins``, exactly.

    Attributes:
        brier: The score itself.
        reliability: Squared distance of forecasts from observed shares, bin by bin; 0 is calibrated.
        resolution: Squared distance of observed shares from the base rate; higher is better.
        uncertainty: Variance of the outcome; belongs to the events, not to the forecasts.
        within_bins: What is left because forecasts differ inside a bin; 0 when they do not.
        n_bins: Occupied bins.
    """

    brier: Estimate
    reliability: Estimate
    resolution: Estimate
    uncertainty: Estimate
    within_bins: float
    n_bins: int


def brier_decomposition(
    probabilities: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    bins: int = 10,
    binning: Literal["mass", "width"] = "mass",
    bias_corrected: bool = True,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    repeats: int = 2_000,
) -> BrierDecomposition:
    """Reliability, resolution and uncertainty of forecasts of one event, bias-corrected, with bootstrap intervals.

    In finite samples the plain reliability is too large even for perfect forecasts (by about bins / n times the
    variance), and so is the resolution. The corrected parts have almost no bias; they may fall slightly below 0.
    Bins are fixed at the ones of the data in every resample; intervals are the value ± z bootstrap standard errors,
    conservative where a part is near 0 and up to 2 points short where it is small but not 0.

    Args:
        probabilities: Shape ``(n,)``, in [0, 1].
        outcomes: 0 or 1, shape ``(n,)``.
        rng: Source of randomness of the intervals.
        bins: Bins at most.
        binning: ``mass`` (equal counts) or ``width``.
        bias_corrected: ``False`` gives Murphy's plain parts.
        clusters: Group of each forecast; whole groups are drawn.
        confidence: Two-sided coverage.
        repeats: Bootstrap samples, at least 100. Memory: 16 MB of draws at a time, plus ``(n, 3·bins)`` floats.

    Raises:
        InvalidInputError: A probability lies outside [0, 1], shapes differ, or fewer than two independent groups.

    Sources:
        Murphy (1973), J. Applied Meteorology 12, 595-600; Ferro & Fricker (2012), Quarterly J. Royal Meteorological
        Society 138, 1954-1960; Stephenson, Coelho & Jolliffe (2008), Weather and Forecasting 23, 752-757 (bins).

    Examples:
        >>> d = brier_decomposition([0.2] * 5 + [0.8] * 5, [0, 0, 0, 0, 1, 1, 1, 1, 1, 0], bins=2,
        ...                         rng=np.random.default_rng(1), bias_corrected=False)
        >>> round(d.reliability.value, 6), round(d.resolution.value, 6), round(d.uncertainty.value, 6)
        (0.0, 0.09, 0.25)
    """
    forecasts, event = forecasts_and_outcomes(probabilities, outcomes)
    codes = cluster_codes(clusters, forecasts.size)
    units = forecasts.size if codes is None else int(codes.max()) + 1
    if units < 2:
        raise InvalidInputError("one independent group has no decomposition with doubt", hint="give two or more")
    check_confidence(confidence)
    grouped = bin_forecasts(forecasts, event, bins=bins, binning=binning)
    found = grouped.totals(forecasts, event)[None, :]
    plain = _parts(found, corrected=False)
    parts = _parts(found, corrected=bias_corrected)[0]
    totals = resampled_totals(grouped.indicators(forecasts, event), codes, rng=rng, repeats=repeats)
    draws = _parts(totals, corrected=bias_corrected)
    low, high = normal_bounds(parts, draws, confidence)
    spread = draws.std(axis=0, ddof=1)
    brier = brier_score(forecasts, event, clusters=clusters, confidence=confidence)

    def estimate(column: int) -> Estimate:
        flat = spread[column] == 0.0
        return Estimate(
            value=float(parts[column]),
            low=None if flat else float(low[column]),
            high=None if flat else float(high[column]),
            n=forecasts.size,
            method=f"{'cluster-' if codes is not None else ''}normal-bootstrap"
            + (" (Ferro-Fricker)" if bias_corrected else ""),
            confidence=confidence,
            unit="squared probability",
            reason="every resample gives the same value" if flat else None,
            n_clusters=units if codes is not None else None,
            std_error=float(spread[column]),
        )

    value = float(np.square(forecasts - event).mean())
    return BrierDecomposition(
        brier=brier,
        reliability=estimate(0),
        resolution=estimate(1),
        uncertainty=estimate(2),
        within_bins=value - float(plain[0, 0] - plain[0, 1] + plain[0, 2]),
        n_bins=grouped.count,
    )


def _parts(totals: Floats, *, corrected: bool) -> Floats:
    """Reliability, resolution and uncertainty from rows of bin totals, shape ``(rows, 3)``."""
    counts, sums, events = np.split(totals, 3, axis=1)
    n = counts.sum(axis=1)
    size = np.maximum(counts, 1.0)
    share, forecast = events / size, sums / size
    base = events.sum(axis=1) / n
    reliability = (counts * np.square(forecast - share)).sum(axis=1) / n
    resolution = (counts * np.square(share - base[:, None])).sum(axis=1) / n
    uncertainty = base * (1.0 - base)
    if corrected:
        inside = (counts * share * (1.0 - share) / np.maximum(counts - 1.0, 1.0)).sum(axis=1) / n
        overall = uncertainty / np.maximum(n - 1.0, 1.0)
        reliability, resolution, uncertainty = (
            reliability - inside,
            resolution - inside + overall,
            uncertainty + overall,
        )
    return np.stack([reliability, resolution, uncertainty], axis=1)
