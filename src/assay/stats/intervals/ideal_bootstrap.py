"""The bootstrap of a mean, or of a difference of means, with all resamples instead of some thousand.

A resampled mean is a sum of independent draws, so its distribution is known: its characteristic function is the product
of those of the draws. Inverting it gives what infinitely many resamples would, without Monte-Carlo error and in
milliseconds. The series is taken over a window of 32 standard errors: no single draw can move the mean by more than one
standard error, so by Bennett's inequality less than 1e-13 lies outside. Steps are smoothed by 1/64 standard error.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import finite_vector
from assay.stats.special import check_confidence, normal_cdf, normal_quantile

Floats = npt.NDArray[np.float64]
WINDOW = 32.0
"""Width of the series' period, in standard errors."""
FREQUENCIES = 2_048
SMOOTHING = 1.0 / 64.0
"""Standard deviation of the smoothing, in standard errors: it widens an interval by about 1 in 8,000."""
CHUNK = 16_384
"""Powers of values at a time: they stay in the cache."""


def ideal_bootstrap_mean(
    values: npt.ArrayLike, *, confidence: float = 0.95, method: str = "bca", unit: str = "score"
) -> Estimate:
    """The mean with the bootstrap interval of infinitely many resamples; nothing is random.

    Args:
        values: Shape ``(n,)``, finite and independent. For a heavy tail (infinite variance) no bootstrap holds:
            see ``guarded_mean``.
        confidence: Two-sided coverage.
        method: ``bca`` (bias-corrected and accelerated) or ``percentile``.
        unit: The scorer's unit.

    Returns:
        The mean; without bounds, and with the reason, where values do not vary. Memory: a few vectors of 2,048 and
        chunks of 16,384.

    Raises:
        InvalidInputError: Values are not a finite vector, or the method is unknown.

    Sources:
        Efron (1987), JASA 82, 171-185 (BCa); Hall (1992), The Bootstrap and Edgeworth Expansion, appendix I (the
        ideal bootstrap against Monte Carlo); Davies (1973), Biometrika 60, 415-417 (inversion by a series).

    Examples:
        >>> e = ideal_bootstrap_mean([1.0, 2.0, 4.0, 8.0, 3.0, 5.0])
        >>> round(e.value, 3), e.method, e.low < 2.5 < e.high
        (3.833, 'ideal-bca', True)
    """
    return _answer([finite_vector(values, "values")], [1.0], confidence=confidence, method=method, unit=unit)


def ideal_bootstrap_difference(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    method: str = "bca",
    unit: str = "score",
) -> Estimate:
    """Difference of two independent means, candidate minus baseline, by the bootstrap of infinitely many resamples.

    Args:
        baseline: Shape ``(n,)``, finite and independent.
        candidate: Shape ``(m,)``.
        confidence: Two-sided coverage.
        method: ``bca`` or ``percentile``.
        unit: The scorer's unit.

    Returns:
        As ``ideal_bootstrap_mean``.

    Raises:
        InvalidInputError: As ``ideal_bootstrap_mean``.

    Sources:
        As ``ideal_bootstrap_mean``; Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 14.3 and
        problem 14.12 (acceleration of two samples from the jackknife of each).

    Examples:
        >>> e = ideal_bootstrap_difference([1.0, 2.0, 3.0, 2.5], [2.0, 4.0, 9.0, 4.0])
        >>> e.value, e.low > 0.0
        (2.625, True)
    """
    sides = [finite_vector(candidate, "candidate values"), finite_vector(baseline, "baseline values")]
    return _answer(sides, [1.0, -1.0], confidence=confidence, method=method, unit=unit)


class _Distribution(NamedTuple):
    """Distribution function of the centred resampled value, on a grid."""

    points: Floats
    below: Floats

    def quantile(self, level: float) -> float:
        return float(np.interp(level, self.below, self.points))

    def share_below(self, point: float) -> float:
        return float(np.interp(point, self.points, self.below))


def _answer(sides: list[Floats], signs: list[float], *, confidence: float, method: str, unit: str) -> Estimate:
    if method not in ("bca", "percentile"):
        raise InvalidInputError(f"there is no ideal bootstrap called {method!r}", hint="use 'bca' or 'percentile'")
    tails = (0.5 - check_confidence(confidence) / 2.0, 0.5 + confidence / 2.0)
    means = [float(side.mean()) for side in sides]
    value = sum(sign * mean for sign, mean in zip(signs, means, strict=True))
    steps = [
        sign * (side - mean) / side.size for sign, side, mean in zip(signs, sides, means, strict=True)
    ]  # what one draw adds to the difference
    std_error = math.sqrt(sum(float(np.square(step).sum()) for step in steps))
    n, label = sum(side.size for side in sides), f"ideal-{method}"
    reason = None
    if min(side.size for side in sides) < 2:
        reason = "fewer than two samples" if len(sides) == 1 else "a side has fewer than two samples"
    elif std_error <= 1e-13 * max(abs(mean) for mean in means):
        reason = "every resample gives the same value"
    if reason is not None:
        return Estimate(
            value=value, low=None, high=None, n=n, method=label, confidence=confidence, unit=unit, reason=reason
        )
    found = _invert([step / std_error for step in steps])
    if method == "bca":
        tails = _levels(found, [step / std_error for step in steps], tails)
    low, high = (value + std_error * found.quantile(level) for level in tails)
    return Estimate(
        value=value, low=low, high=high, n=n, method=label, confidence=confidence, unit=unit, std_error=std_error
    )


def _levels(found: _Distribution, steps: list[Floats], tails: tuple[float, float]) -> tuple[float, float]:
    """Levels of the bootstrap distribution that are the bounds.

    The acceleration of independent samples: influences pooled, each side's weighted by what one of its draws adds.
    """
    bias = normal_quantile(found.share_below(0.0))
    cubes = sum(float((step**3).sum()) for step in steps)
    squares = sum(float((step**2).sum()) for step in steps)
    acceleration = cubes / (6.0 * squares**1.5)
    low, high = (
        normal_cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)))
        for z in (normal_quantile(tail) for tail in tails)
    )
    return low, high


def _invert(steps: list[Floats]) -> _Distribution:
    """Distribution of the sum of n draws (with replacement) from each side's steps, whose total variance is 1."""
    frequency = 2.0 * math.pi / WINDOW * np.arange(FREQUENCIES + 1)
    transform = np.exp(-0.5 * np.square(SMOOTHING * frequency)).astype(np.complex128)
    for step in steps:
        transform *= _transform(step) ** step.size
    cells = 2 * FREQUENCIES
    density = np.fft.fftshift(np.fft.irfft(transform.conj(), n=cells))
    below = np.maximum.accumulate(np.clip(np.cumsum(density), 0.0, 1.0)).astype(np.float64)
    # the mass of a cell counts up to its right edge
    points = WINDOW / cells * (np.arange(cells) - FREQUENCIES + 0.5)
    return _Distribution(np.asarray(points, dtype=np.float64), below)


def _transform(step: Floats) -> npt.NDArray[np.complex128]:
    """Characteristic function of one draw at every frequency, up to where the sum's has died out for good.

    Blocks of frequencies: the first powers of every value, times the power that leads the block.
    """
    block = min(64, max(1, CHUNK // step.size))
    turns = [np.exp(2j * math.pi / WINDOW * step[start : start + CHUNK]) for start in range(0, step.size, CHUNK)]
    powers = [np.cumprod(np.broadcast_to(turn, (block, turn.size)), axis=0) for turn in turns]
    leads = [np.ones_like(turn) for turn in turns]
    found = np.zeros(FREQUENCIES + 1, dtype=np.complex128)
    found[0] = 1.0
    quiet = 0
    for first in range(1, FREQUENCIES + 1, block):
        total = np.zeros(block, dtype=np.complex128)
        for power, lead in zip(powers, leads, strict=True):
            total += (power * lead).sum(axis=1)
            lead *= power[-1]
        found[first : first + block] = total[: FREQUENCIES + 1 - first] / step.size
        alive = bool((np.abs(found[first : first + block]) ** step.size >= 1e-13).any())
        quiet = 0 if alive else quiet + block
        if quiet * step.size > QUIET:
            break
    return found


QUIET = 1_000_000
"""Values times frequencies without a signal after which the series stops; lattices of few values come back later."""
