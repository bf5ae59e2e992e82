"""The mixture sequential probability ratio test: always-valid p-values and intervals for normal estimates."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.sequential.result import ConfidenceSequence, Floats, running_moments, stream
from assay.stats.special import check_confidence


def msprt(
    estimates: npt.ArrayLike,
    std_errors: npt.ArrayLike,
    *,
    n: npt.ArrayLike,
    mixing_std_dev: float,
    null: float = 0.0,
    confidence: float = 0.95,
    unit: str = "score",
) -> ConfidenceSequence:
    """Always-valid p-values and intervals from an estimate and its standard error at each look.

    The likelihood ratio of a normal estimate, averaged over alternatives N(null, τ²), is a martingale under the null:
    it exceeds 1/α at *any* look with probability at most α. With standard errors that are estimated the bound holds
    in the limit of late first looks: begin at 100 units a group or later.

    Args:
        estimates: Of all data so far, at each look, shape ``(T,)``.
        std_errors: Of them, above 0, shape ``(T,)``.
        n: Observations behind each, not falling, shape ``(T,)``.
        mixing_std_dev: τ, the size of effect that is looked for; any value is valid, the typical effect finds soonest.
        null: Value the p-values are against.
        confidence: That no look ever excludes the truth.
        unit: Of the estimates.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite, or a standard error or τ is not above 0.

    Sources:
        Johari, Koomen, Pekelis & Walsh (2022), Operations Research 70, 1806-1821 (arXiv:1512.04922);
        Robbins (1970), Ann. Math. Statist. 41, 1397-1409.

    Examples:
        >>> found = msprt([0.10, 0.12, 0.11], [0.05, 0.03, 0.02], n=[500, 1_400, 3_100], mixing_std_dev=0.1)
        >>> found.p_value.round(4).tolist()
        [0.4515, 0.0023, 0.0]
    """
    check_confidence(confidence)
    value, error, seen = stream(estimates, "estimates"), stream(std_errors, "std_errors"), stream(n, "n")
    if not value.shape == error.shape == seen.shape or not (error > 0.0).all() or (np.diff(seen) < 0).any():
        raise InvalidInputError(
            f"{value.size} estimates, {error.size} standard errors and {seen.size} sizes do not fit",
            hint="one of each for every look, standard errors above 0, sizes not falling",
        )
    return _sequence(value, error, seen, mixing_std_dev, null, confidence, unit, "msprt")


def msprt_from_values(
    control: npt.ArrayLike,
    treatment: npt.ArrayLike,
    *,
    mixing_std_dev: float,
    start: int = 100,
    null: float = 0.0,
    confidence: float = 0.95,
    unit: str = "score",
) -> ConfidenceSequence:
    """The mSPRT of treatment minus control after every pair of arrivals.

    Args:
        control: Values in order of arrival, shape ``(n,)``.
        treatment: Shape ``(m,)``; looks are taken after k of each, up to the shorter one's end.
        mixing_std_dev: As in ``msprt``.
        start: Units of each group before the first look, at least 2.
        null: As in ``msprt``.
        confidence: As in ``msprt``.
        unit: Of the values.

    Returns:
        Looks from ``start`` on; NaN bounds and p = 1 while neither group varies.

    Raises:
        InvalidInputError: A group is shorter than ``start``, or a value is not finite.

    Sources:
        As ``msprt``.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> found = msprt_from_values(rng.normal(size=600), rng.normal(0.5, 1, size=600), mixing_std_dev=0.3)
        >>> found.first_excluding(0.0)
        200
    """
    check_confidence(confidence)
    if start < 2:
        raise InvalidInputError(f"start is {start}", hint="2 units of each group or more; 100 on skewed scales")
    first, second = stream(control, "control", at_least=start), stream(treatment, "treatment", at_least=start)
    pairs = min(first.size, second.size)
    (mean_a, var_a), (mean_b, var_b) = running_moments(first[:pairs]), running_moments(second[:pairs])
    k = np.arange(1, pairs + 1, dtype=np.float64)
    error: Floats = np.sqrt((var_a + var_b) / np.maximum(k - 1.0, 1.0))
    kept = slice(start - 1, None)
    return _sequence(
        (mean_b - mean_a)[kept], error[kept], 2.0 * k[kept], mixing_std_dev, null, confidence, unit, "msprt"
    )


def _sequence(
    value: Floats, error: Floats, n: Floats, tau: float, null: float, confidence: float, unit: str, method: str
) -> ConfidenceSequence:
    if not (math.isfinite(tau) and tau > 0.0 and math.isfinite(null)):
        raise InvalidInputError(f"mixing standard deviation {tau}, null {null}", hint="a finite number above 0")
    alpha, known = 1.0 - confidence, error > 0.0
    variance = np.where(known, error, 1.0) ** 2
    grown = 1.0 + tau**2 / variance
    log_ratio = 0.5 * (value - null) ** 2 / variance * (1.0 - 1.0 / grown) - 0.5 * np.log(grown)
    log_ratio = np.where(known, log_ratio, 0.0)
    half = np.sqrt(variance * grown / (grown - 1.0) * (np.log(grown) - 2.0 * math.log(alpha)))
    half = np.where(known, half, np.nan)
    return ConfidenceSequence(
        n=n.astype(np.int64),
        value=value,
        low=value - half,
        high=value + half,
        p_value=np.minimum.accumulate(np.exp(-np.maximum(log_ratio, 0.0))),
        null=null,
        confidence=confidence,
        method=method,
        unit=unit,
        reason=None if known[-1] else "all values so far are equal, so their spread is unknown",
    )
