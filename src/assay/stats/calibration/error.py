"""Expected calibration error without its usual bias, and the reliability curve behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.bins import Binning, bin_forecasts
from assay.stats.calibration.inputs import Floats, Labels, array_moments, cluster_codes, forecasts_and_outcomes
from assay.stats.calibration.resampling import normal_bounds, resampled_totals
from assay.stats.scalar import mean_estimate
from assay.stats.special import check_confidence

Norm = Literal["l1", "l2"]


def expected_calibration_error(
    probabilities: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    bins: int = 15,
    binning: Binning = "mass",
    norm: Norm = "l1",
    debiased: bool = True,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    repeats: int = 2_000,
) -> Estimate:
    """Mean distance (``l1``) or root mean square distance (``l2``) of forecasts from observed shares over bins.

    The plain figure is above 0 even for perfect forecasts, the more so the more bins and the fewer samples. The
    debiased ``l2`` takes the sampling variance of every share off its squared gap; the debiased ``l1`` takes off what
    sampling noise of that size adds to the plain figure (Kumar et al.'s Gaussian resampling, in closed form).
    What is estimated is the calibration error of forecasts rounded to these bins, which never exceeds that of the
    forecasts themselves. Near 0 the lower bound is 0 and the interval is conservative.

    Args:
        probabilities: Of the event, or of the chosen answer being right, shape ``(n,)``, in [0, 1].
        outcomes: 0 or 1, shape ``(n,)``.
        rng: Source of randomness of the interval.
        bins: Bins at most; not used by ``sweep``.
        binning: ``mass`` (equal counts, recommended), ``width``, or ``sweep`` (Roelofs et al.).
        norm: ``l1`` or ``l2``.
        debiased: ``False`` gives the plain figure.
        clusters: Group of each forecast; whole groups are drawn.
        confidence: Two-sided coverage.
        repeats: Bootstrap samples, at least 100. Memory: 16 MB of draws at a time, plus ``(n, 3·bins)`` floats.

    Raises:
        InvalidInputError: A probability lies outside [0, 1], shapes differ, an option is unknown, or fewer than two
            independent groups.

    Sources:
        Kumar, Liang & Ma (2019), NeurIPS, arXiv:1909.10155, section 5; Roelofs et al. (2022), AISTATS,
        arXiv:2012.08668.

    Examples:
        >>> p, y = [0.9] * 10 + [0.6] * 10, [1] * 7 + [0] * 3 + [1] * 6 + [0] * 4
        >>> e = expected_calibration_error(p, y, bins=2, debiased=False, rng=np.random.default_rng(1))
        >>> round(e.value, 6)
        0.1
    """
    forecasts, event = forecasts_and_outcomes(probabilities, outcomes)
    codes = cluster_codes(clusters, forecasts.size)
    units = forecasts.size if codes is None else int(codes.max()) + 1
    check_confidence(confidence)
    if norm not in ("l1", "l2"):
        raise InvalidInputError(f"there is no norm called {norm!r}", hint="'l1' or 'l2'")
    if units < 2:
        raise InvalidInputError("one independent group has no interval", hint="give two groups or more")
    grouped = bin_forecasts(forecasts, event, bins=bins, binning=binning)
    found = grouped.totals(forecasts, event)[None, :]
    value = float(_errors(found, norm=norm, debiased=debiased)[0])
    totals = resampled_totals(grouped.indicators(forecasts, event), codes, rng=rng, repeats=repeats)
    draws = _errors(totals, norm=norm, debiased=debiased)
    low, high = normal_bounds(value, draws, confidence)
    if norm == "l1" and debiased and _squares_hold_zero(found, totals, confidence):
        low = np.minimum(low, 0.0)
    shown = (max(0.0, value), max(0.0, float(low)), max(0.0, float(high)))
    if norm == "l2":
        shown = (math.sqrt(shown[0]), math.sqrt(shown[1]), math.sqrt(shown[2]))
    flat = float(np.ptp(draws)) <= 1e-12
    return Estimate(
        value=shown[0],
        low=None if flat else shown[1],
        high=None if flat else shown[2],
        n=forecasts.size,
        method=f"{'debiased ' if debiased else ''}{norm} over {grouped.count} bins, "
        f"{'cluster-' if codes is not None else ''}normal-bootstrap",
        confidence=confidence,
        unit="probability",
        reason="every resample gives the same value" if flat else None,
        n_clusters=units if codes is not None else None,
    )


def _squares_hold_zero(found: Floats, totals: Floats, confidence: float) -> bool:
    """Whether the squared error may be 0: near calibration only that one is free of bias, absolute gaps are not."""
    value = _errors(found, norm="l2", debiased=True)[0]
    return bool(normal_bounds(float(value), _errors(totals, norm="l2", debiased=True), confidence)[0] <= 0.0)


def _errors(totals: Floats, *, norm: Norm, debiased: bool) -> Floats:
    """Calibration error of each row of bin totals; squared for ``l2``, so that corrected values may be below 0."""
    counts, sums, events = np.split(totals, 3, axis=1)
    weight = counts / counts.sum(axis=1, keepdims=True)
    size = np.maximum(counts, 1.0)
    share = events / size
    gap = np.abs(sums / size - share)
    variance = share * (1.0 - share) / np.maximum(counts - 1.0, 1.0)
    if norm == "l2":
        return np.asarray((weight * (gap * gap - (variance if debiased else 0.0))).sum(axis=1))
    plain = (weight * gap).sum(axis=1)
    if not debiased:
        return np.asarray(plain)
    noisy = (weight * _folded_normal_mean(gap, np.sqrt(variance))).sum(axis=1)
    return np.asarray(2.0 * plain - noisy)


def _folded_normal_mean(centre: Floats, spread: Floats) -> Floats:
    """E|X| of X normal with this centre (at least 0) and spread."""
    from scipy.special import ndtr

    ratio = np.divide(centre, spread, out=np.full_like(centre, 40.0), where=spread > 0.0)
    tail = math.sqrt(2.0 / math.pi) * spread * np.exp(-0.5 * np.square(np.minimum(ratio, 40.0)))
    return np.asarray(tail + centre * (1.0 - 2.0 * ndtr(-ratio)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Forecasts between ``low`` (exclusive, but for the first bin) and ``high``.

    Attributes:
        forecast: Their mean.
        observed: Share of them that happened.
    """

    low: float
    high: float
    forecast: float
    observed: Estimate

    @property
    def agrees(self) -> bool | None:
        """Whether the interval of the observed share holds the mean forecast; ``None`` without an interval."""
        if self.observed.low is None or self.observed.high is None:
            return None
        return self.observed.low <= self.forecast <= self.observed.high


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityCurve:
    """Observed share against forecast, bin by bin, lowest first.

    Attributes:
        confidence: Of the curve as a whole when ``simultaneous``, else of each bin.
    """

    bins: tuple[ReliabilityBin, ...]
    confidence: float
    simultaneous: bool


def reliability_curve(
    probabilities: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "mass",
    clusters: Labels | None = None,
    confidence: float = 0.95,
    simultaneous: bool = False,
) -> ReliabilityCurve:
    """Observed share of every bin with Wilson's interval (cluster-robust with ``clusters``).

    Args:
        probabilities: Shape ``(n,)``, in [0, 1].
        outcomes: 0 or 1, shape ``(n,)``.
        bins: Bins at most; equal forecasts share one, and empty bins are left out.
        binning: ``mass``, ``width`` or ``sweep``.
        clusters: Group of each forecast.
        confidence: Coverage of each bin, or of all together.
        simultaneous: Widen the intervals (Bonferroni), so that all hold at once: then one bin that does not agree
            is evidence against calibration.

    Raises:
        InvalidInputError: A probability lies outside [0, 1], shapes differ or an option is unknown.

    Sources:
        Bröcker & Smith (2007), Weather and Forecasting 22, 651-661 (intervals on reliability diagrams);
        Wilson (1927), JASA 22, 209-212.

    Examples:
        >>> curve = reliability_curve([0.2] * 10 + [0.9] * 10, [0] * 8 + [1] * 2 + [1] * 5 + [0] * 5, bins=2)
        >>> [(b.forecast, b.observed.value, b.agrees) for b in curve.bins]
        [(0.2, 0.2, True), (0.9, 0.5, False)]
    """
    forecasts, event = forecasts_and_outcomes(probabilities, outcomes)
    codes = cluster_codes(clusters, forecasts.size)
    grouped = bin_forecasts(forecasts, event, bins=bins, binning=binning)
    level = check_confidence(confidence)
    if simultaneous:
        level = 1.0 - (1.0 - level) / grouped.count
    rows = []
    for number in range(grouped.count):
        here = grouped.index == number
        inside = None if codes is None else np.unique(codes[here], return_inverse=True)[1]
        rows.append(
            ReliabilityBin(
                low=float(grouped.edges[number]),
                high=float(grouped.edges[number + 1]),
                forecast=math.fsum(forecasts[here]) / int(here.sum()),
                observed=mean_estimate(array_moments(event[here], inside), confidence=level, unit="share"),
            )
        )
    return ReliabilityCurve(bins=tuple(rows), confidence=confidence, simultaneous=simultaneous)
