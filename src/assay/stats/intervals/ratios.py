"""Ratios of two sums (tokens a second, clicks a view, cost a solved task) by the delta method."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.adjustment.result import t_estimate
from assay.stats.calibration.inputs import Labels, cluster_codes, finite_vector
from assay.stats.special import check_confidence, t_quantile

Floats = npt.NDArray[np.float64]
Terms = tuple[npt.ArrayLike, npt.ArrayLike]


def ratio_metric(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    unit: str = "ratio",
) -> Estimate:
    """Sum of the numerators over sum of the denominators; each row (or cluster) is one independent unit.

    The rows are what was drawn or assigned (users, samples), not what the denominator counts (views, tokens). The
    interval needs a denominator that is well away from 0: its mean at least 5 of its standard errors, else no bounds.

    Args:
        numerators: Shape ``(n,)``, finite.
        denominators: Shape ``(n,)``, at least 0, with a sum above 0.
        clusters: Group of each row; the sums of a group are one unit then.
        confidence: Two-sided coverage.
        unit: Of the ratio.

    Returns:
        The ratio; without bounds, and with the reason, where they cannot be known.

    Raises:
        InvalidInputError: Lengths differ, a number is not finite, or denominators are negative or all 0.

    Sources:
        Deng, Knoblich & Lu (2018), KDD, "Applying the Delta Method in Metric Analytics", section 3; Cochran (1977),
        Sampling Techniques, section 6.5.

    Examples:
        >>> e = ratio_metric([3, 0, 5, 2], [10, 4, 12, 6])
        >>> round(e.value, 4), e.method
        (0.3125, 'delta-t')
    """
    check_confidence(confidence)
    side = _Ratio.of(numerators, denominators, clusters)
    reason = side.missing()
    if reason is not None:
        return _without(side.value, side.n, "delta-t", reason, confidence, unit)
    return t_estimate(
        side.value, side.variance, side.units - 1.0, n=side.n, method="delta-t", confidence=confidence, unit=unit,
        reason="the ratio is the same in every unit, so its spread is unknown",
    )[0]  # fmt: skip


def ratio_metric_difference(
    baseline: Terms,
    candidate: Terms,
    *,
    baseline_clusters: Labels | None = None,
    candidate_clusters: Labels | None = None,
    relative: bool = False,
    confidence: float = 0.95,
    unit: str = "ratio",
) -> Estimate:
    """Difference of two independent ratios of sums, candidate minus baseline, or the relative change.

    Args:
        baseline: Numerators and denominators, shape ``(n,)`` each; see ``ratio_metric``.
        candidate: Likewise, shape ``(m,)`` each.
        baseline_clusters: Group of each row, shape ``(n,)``.
        candidate_clusters: Likewise, shape ``(m,)``.
        relative: Answer candidate / baseline - 1 instead, with an interval that is symmetric on the log scale.
        confidence: Two-sided coverage.
        unit: Of the difference; a relative change has the unit ``relative``.

    Returns:
        The difference, with Satterthwaite's degrees of freedom; without bounds, and with the reason, where they
        cannot be known.

    Raises:
        InvalidInputError: As ``ratio_metric``.

    Sources:
        As ``ratio_metric``; Satterthwaite (1946), Biometrics Bulletin 2, 110-114.

    Examples:
        >>> e = ratio_metric_difference(([3, 0, 5, 2], [10, 4, 12, 6]), ([5, 2, 6, 4], [10, 6, 11, 7]))
        >>> round(e.value, 4)
        0.1875
    """
    check_confidence(confidence)
    sides = (_Ratio.of(*baseline, baseline_clusters), _Ratio.of(*candidate, candidate_clusters))
    old, new = sides
    n, method = old.n + new.n, "delta-log-t" if relative else "delta-t"
    parts = [
        side.variance / (side.value**2 if relative else 1.0) if side.value or not relative else 0.0 for side in sides
    ]
    reason = old.missing() or new.missing()
    value: float | None = new.value - old.value
    if relative:
        value = new.value / old.value - 1.0 if old.value else None
        unit = "relative"
        if min(old.value, new.value) <= 0.0:
            reason = reason or "a ratio is not above 0, so its relative change has no bounds"
    if reason is None and sum(parts) <= 0.0:
        reason = "the ratios do not vary, so their spread is unknown"
    if reason is not None or value is None:
        return _without(value, n, method, reason or "", confidence, unit)
    total = sum(parts)
    freedom = total * total / sum(part * part / (side.units - 1) for part, side in zip(parts, sides, strict=True))
    half, std_error = t_quantile(0.5 + confidence / 2.0, freedom) * math.sqrt(total), math.sqrt(total)
    low, high = value - half, value + half
    if relative:
        low, high = (1.0 + value) * math.exp(-half) - 1.0, (1.0 + value) * math.exp(half) - 1.0
        std_error *= 1.0 + value
    return Estimate(
        value=value, low=low, high=high, n=n, method=method, confidence=confidence, unit=unit, std_error=std_error
    )


class _Ratio(NamedTuple):
    """A ratio of sums with the variance of its linear form."""

    value: float
    variance: float
    n: int
    units: int
    firmness: float

    @classmethod
    def of(cls, numerators: npt.ArrayLike, denominators: npt.ArrayLike, clusters: Labels | None) -> _Ratio:
        top, bottom = finite_vector(numerators, "numerators"), finite_vector(denominators, "denominators")
        n = top.size
        if bottom.size != n:
            raise InvalidInputError(f"{n} numerators come with {bottom.size} denominators", hint="one of each a row")
        if bottom.min() < 0.0 or bottom.sum() <= 0.0:
            raise InvalidInputError("denominators are negative or all 0", hint="they count something, at least once")
        codes = cluster_codes(clusters, n)
        if codes is not None:
            top, bottom = (np.bincount(codes, weights=side).astype(np.float64) for side in (top, bottom))
        units, total = bottom.size, float(bottom.sum())
        value = float(top.sum()) / total
        gaps = top - value * bottom
        square = float(np.square(gaps).sum())
        if square <= 1e-26 * max(float(np.square(top).sum()), 1e-300):
            square = 0.0
        spread = float(np.square(bottom - total / units).sum()) * units / max(units - 1, 1)
        return cls(
            value,
            units / max(units - 1, 1) * square / total**2,
            n,
            units,
            math.inf if spread <= 0.0 else total / math.sqrt(spread),
        )

    def missing(self) -> str | None:
        """Why there is no interval; a linear form is no good where the denominator may be near 0."""
        if self.units < 2:
            return "a side has fewer than two independent units"
        if self.firmness < 5.0:
            return "the denominator's mean is within 5 standard errors of 0: the delta method does not hold"
        return None


def _without(value: float | None, n: int, method: str, reason: str, confidence: float, unit: str) -> Estimate:
    return Estimate(
        value=value, low=None, high=None, n=n, method=method, confidence=confidence, unit=unit, reason=reason
    )
