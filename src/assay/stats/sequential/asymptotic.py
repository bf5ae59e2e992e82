"""Asymptotic confidence sequences of a mean and of a difference of two means: no shape of the values is assumed."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.sequential.result import ConfidenceSequence, Floats, Ints, running_moments, stream
from assay.stats.special import check_confidence


def mean_sequence(
    values: npt.ArrayLike,
    *,
    start: int = 50,
    tuned_for_n: int | None = None,
    confidence: float = 0.95,
    unit: str = "score",
) -> ConfidenceSequence:
    """Confidence sequence of the mean of independent values, valid in the limit of late first looks.

    Args:
        values: In order of arrival, shape ``(n,)``, n at least ``start``.
        start: Values before the first look, at least 2; 50 for shares and mild skew, hundreds for heavy tails.
        tuned_for_n: Values at which the bounds are tightest; twice ``start`` without it.
        confidence: That no look ever excludes the truth.
        unit: Of the values.

    Returns:
        Looks from ``start`` on; NaN bounds while all values are equal.

    Raises:
        InvalidInputError: Fewer values than ``start``, or one is not finite.

    Sources:
        Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Annals of Statistics 52, 2613-2640 (arXiv:2103.06476),
        theorem 2.2 and appendix B.2 for the tuning.

    Examples:
        >>> found = mean_sequence(np.random.default_rng(1).normal(size=2_000), tuned_for_n=1_000).final()
        >>> round(found.low, 3), round(found.high, 3)
        (-0.082, 0.056)
    """
    check_confidence(confidence)
    _check_start(start)
    data = stream(values, "values", at_least=start)
    mean, variance = running_moments(data)
    n = np.arange(1, data.size + 1)
    kept = slice(start - 1, None)
    return _around(
        mean[kept], np.sqrt(variance[kept]), n[kept], tuned_for_n or 2 * start, confidence, unit,
        "asymptotic-confidence-sequence",
    )  # fmt: skip


def difference_sequence(
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    *,
    start: int = 100,
    tuned_for_n: int | None = None,
    confidence: float = 0.95,
    unit: str = "score",
) -> ConfidenceSequence:
    """Confidence sequence of mean(treatment) - mean(control) of a stream of randomly assigned units.

    Args:
        values: In order of arrival, shape ``(n,)``.
        treated: Whether each was treated, shape ``(n,)``: 0/1 or booleans.
        start: Units of *both* groups before the first look, at least 4; the first look also waits for 2 of each.
        tuned_for_n: Units of both groups at which the bounds are tightest; twice ``start`` without it.
        confidence: That no look ever excludes the truth.
        unit: Of the values.

    Returns:
        Looks from ``start`` on, n counting both groups.

    Raises:
        InvalidInputError: Shapes differ, a value is not finite, or fewer than 2 units of a group.

    Sources:
        Waudby-Smith et al. (2024), section 3, with the unadjusted difference.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> arm = rng.random(4_000) < 0.5
        >>> found = difference_sequence(rng.normal(size=4_000) + 0.3 * arm, arm)
        >>> found.first_excluding(0.0)
        539
    """
    check_confidence(confidence)
    _check_start(start)
    data = stream(values, "values", at_least=max(start, 4))
    arm = stream(treated, "treated")
    if arm.shape != data.shape or not np.isin(arm, (0.0, 1.0)).all():
        raise InvalidInputError(f"{arm.size} assignments for {data.size} values", hint="0 or 1 for every value")
    n = np.arange(1, data.size + 1)
    means, errors, counts = [], [], []
    for group in (arm == 0.0, arm == 1.0):
        count = np.cumsum(group)
        if count[-1] < 2:
            raise InvalidInputError("a group has fewer than two units", hint="2 of each group or more")
        mean, variance = running_moments(data[group])
        at = np.maximum(count - 1, 0)
        means.append(mean[at])
        errors.append(variance[at] / np.maximum(count - 1, 1))
        counts.append(count)
    ready = (np.minimum(*counts) >= 2) & (n >= start)
    std_dev = np.sqrt(n * (errors[0] + errors[1]))
    return _around(
        (means[1] - means[0])[ready], std_dev[ready], n[ready], tuned_for_n or 2 * start, confidence, unit,
        "asymptotic-confidence-sequence-of-difference",
    )  # fmt: skip


def _around(
    value: Floats, std_dev: Floats, n: Ints, tuned_for_n: int, confidence: float, unit: str, method: str
) -> ConfidenceSequence:
    if tuned_for_n < 1:
        raise InvalidInputError(f"tuned for {tuned_for_n} values", hint="a number of values above 0")
    half = _boundary(std_dev, n, confidence=confidence, tuned_for_n=tuned_for_n)
    half = np.where(std_dev > 0.0, half, np.nan)
    return ConfidenceSequence(
        n=n.astype(np.int64),
        value=value,
        low=value - half,
        high=value + half,
        confidence=confidence,
        method=method,
        unit=unit,
        reason=None if math.isfinite(half[-1]) else "all values so far are equal, so their spread is unknown",
    )


def _boundary(std_dev: Floats, n: Ints, *, confidence: float, tuned_for_n: int) -> Floats:
    """Half-width σ√(2(nρ² + 1)/(n²ρ²) · log(√(nρ² + 1)/α)), with ρ for which it is tightest at ``tuned_for_n``."""
    alpha = 1.0 - confidence
    rho_square = (-2.0 * math.log(alpha) + math.log(-2.0 * math.log(alpha) + 1.0)) / tuned_for_n
    scaled = n * rho_square + 1.0
    return np.asarray(
        std_dev * np.sqrt(2.0 * scaled / (n * n * rho_square) * np.log(np.sqrt(scaled) / alpha)), dtype=np.float64
    )


def _check_start(start: int) -> None:
    if start < 2:
        raise InvalidInputError(f"start is {start}", hint="2 values or more; 50 for shares, more on skewed scales")
