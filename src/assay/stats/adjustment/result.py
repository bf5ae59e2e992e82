"""What every adjustment returns: the difference, what was gained, what was assumed, and what looks wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from assay.core.records import Estimate
from assay.stats.adjustment.joint import Floats
from assay.stats.multiplicity.adjusted import holm
from assay.stats.scalar import NEW_INPUTS
from assay.stats.special import t_quantile, t_sf

WARN_BELOW = 0.01
ALARM_BELOW = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateCheck:
    """Whether a covariate that should know nothing of the treatment differs between the arms.

    Attributes:
        difference: Its mean, treatment minus control.
        p_value: Welch's test; ``None`` when the covariate does not vary.
        p_adjusted: Holm over the covariates of one adjustment.
    """

    name: str
    difference: Estimate
    p_value: float | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedDifference:
    """Treatment minus control, adjusted, beside what it would have been without.

    Attributes:
        difference: The adjusted difference.
        unadjusted: The plain difference of means, Welch.
        p_value: Of no difference, two-sided, from the same t statistic as the interval.
        variance_ratio: Adjusted over unadjusted variance: 0.5 means that half the units would have been enough, above
            1 that the adjustment cost precision. A description of these data, without an interval.
        coefficients: Slope of each covariate (in Lin's regression at the mean of both arms), in outcome units a unit.
        covariates: Checks that they were not moved by the treatment.
        assumed: What must be true for the interval to hold.
        warnings: What in the data speaks against it; also what was merged or left out.
    """

    difference: Estimate
    unadjusted: Estimate
    p_value: float | None
    variance_ratio: float | None
    coefficients: Mapping[str, float] = field(default_factory=dict)
    covariates: tuple[CovariateCheck, ...] = ()
    assumed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def gain(self) -> float | None:
        """How many times as many units the unadjusted difference would have needed; ``None`` when unknown."""
        return None if not self.variance_ratio else 1.0 / self.variance_ratio


def t_estimate(
    value: float,
    variance: float,
    freedom: float,
    *,
    n: int,
    method: str,
    confidence: float,
    unit: str,
    estimand: str = NEW_INPUTS,
    reason: str = "the values within the arms do not differ, so their spread is unknown",
) -> tuple[Estimate, float | None]:
    """Value with t interval and two-sided p-value; without both, and with the reason, when the variance is 0."""
    if not variance > 0.0 or not freedom > 0.0:
        empty = Estimate(
            value=value, low=None, high=None, n=n, method=method, confidence=confidence, unit=unit, estimand=estimand,
            reason=reason,
        )  # fmt: skip
        return empty, None
    value, std_error = float(value), math.sqrt(variance)
    half = t_quantile(0.5 + confidence / 2.0, freedom) * std_error
    full = Estimate(
        value=value, low=value - half, high=value + half, n=n, method=method, confidence=confidence, unit=unit,
        estimand=estimand, std_error=std_error,
    )  # fmt: skip
    return full, min(1.0, 2.0 * t_sf(abs(value) / std_error, freedom))


def welch(
    counts: Floats, means: Floats, squares: Floats, *, confidence: float, unit: str
) -> tuple[Estimate, float | None, float]:
    """Difference of two means from sums: estimate, p-value and variance; index 0 is the control.

    Args:
        counts: Units of each arm, at least 2, shape ``(2,)``.
        means: Shape ``(2,)``.
        squares: Sums of squared deviations, shape ``(2,)``.
        confidence: Two-sided coverage.
        unit: Of the outcome.
    """
    parts = squares / (counts - 1.0) / counts
    variance = float(parts.sum())
    scale = max(float(np.abs(means).max()), 1e-300)
    if variance <= (1e-13 * scale) ** 2:
        variance = 0.0
    freedom = variance**2 / float((parts**2 / (counts - 1.0)).sum()) if variance > 0.0 else 0.0
    estimate, p_value = t_estimate(
        float(means[1] - means[0]), variance, freedom, n=int(counts.sum()), method="welch", confidence=confidence,
        unit=unit,
    )  # fmt: skip
    return estimate, p_value, variance


def check_covariates(
    names: Sequence[str], counts: Floats, means: Floats, squares: Floats, *, confidence: float
) -> tuple[tuple[CovariateCheck, ...], tuple[str, ...]]:
    """Welch's test of each covariate with Holm's correction, and a sentence for each that differs.

    Args:
        names: Of p covariates.
        counts: Shape ``(2,)``, control first.
        means: Shape ``(2, p)``.
        squares: Shape ``(2, p)``.
        confidence: Of the differences.
    """
    found = [
        welch(counts, means[:, i], squares[:, i], confidence=confidence, unit="covariate")[:2]
        for i in range(len(names))
    ]
    known = [p for _, p in found if p is not None]
    adjusted = iter(holm(known))
    checks = tuple(
        CovariateCheck(name=name, difference=estimate, p_value=p, p_adjusted=None if p is None else next(adjusted))
        for name, (estimate, p) in zip(names, found, strict=True)
    )
    warnings = tuple(
        f"{check.name} differs between the arms (p = {check.p_adjusted:.2g}, Holm): the assignment is broken, or the "
        f"treatment moved it, and then the adjusted difference is biased"
        for check in checks
        if check.p_adjusted is not None and check.p_adjusted < WARN_BELOW
    )
    return checks, warnings


def variance_ratio(adjusted: Estimate, unadjusted: Estimate) -> float | None:
    """Adjusted over unadjusted variance; ``None`` where either is unknown."""
    if not adjusted.std_error or not unadjusted.std_error:
        return None
    return (adjusted.std_error / unadjusted.std_error) ** 2
