"""How many samples a question needs. Standard library only.

Normal approximations on the standard deviation of one sample's contribution: of paired differences for a paired
comparison, inflated by the design effect where clusters matter.
"""

from __future__ import annotations

import math

from assay.core.errors import InvalidInputError
from assay.stats.special import check_confidence, normal_quantile


def n_for_half_width(*, std_dev: float, half_width: float, confidence: float = 0.95) -> int:
    """Samples whose interval has this half-width: (z·sd / h)².

    Args:
        std_dev: Of one sample's contribution, same unit as ``half_width``; at least 0.
        half_width: Wanted distance from the value to either bound; above 0.
        confidence: Two-sided coverage.

    Examples:
        >>> n_for_half_width(std_dev=0.5, half_width=0.05)
        385
    """
    _check(std_dev, half_width)
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    return max(1, math.ceil((z * std_dev / half_width) ** 2 - 1e-9))


def n_for_power(*, std_dev: float, difference: float, power: float = 0.8, confidence: float = 0.95) -> int:
    """Samples with which a true ``difference`` is told from 0 with this power: ((z_confidence + z_power)·sd / d)².

    Sources:
        Miller (2024), arXiv:2411.00640 (power analysis for paired and unpaired evaluations).

    Examples:
        >>> n_for_power(std_dev=0.5, difference=0.05)
        785
    """
    _check(std_dev, difference)
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0) + normal_quantile(power)
    return max(1, math.ceil((z * std_dev / difference) ** 2 - 1e-9))


def detectable_difference(*, std_dev: float, n: int, power: float = 0.8, confidence: float = 0.95) -> float:
    """Smallest true difference that n samples tell from 0 with this power.

    For a paired comparison of 0/1 scores ``std_dev`` is at most the root of the share of samples on which the two
    systems disagree.

    Examples:
        >>> round(detectable_difference(std_dev=0.5, n=785), 4)
        0.05
    """
    _check(std_dev, 1.0)
    if n < 1:
        raise InvalidInputError(f"n is {n}; it must be at least 1", hint="plan for at least one sample")
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0) + normal_quantile(power)
    return z * std_dev / math.sqrt(n)


def nice_step_below(amount: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that lies below ``amount`` > 0: a target people can remember.

    Examples:
        >>> nice_step_below(2.4), nice_step_below(0.05)
        (2.0, 0.02)
    """
    power = 10.0 ** math.floor(math.log10(amount))
    below = [step * power for step in (0.5, 1.0, 2.0, 5.0) if step * power < amount * (1.0 - 1e-9)]
    return float(f"{below[-1]:.0e}")


def _check(std_dev: float, distance: float) -> None:
    if not (math.isfinite(std_dev) and std_dev >= 0.0 and math.isfinite(distance) and distance > 0.0):
        raise InvalidInputError(
            f"standard deviation {std_dev} with distance {distance} has no sample size",
            hint="the standard deviation is at least 0 and the distance above 0",
        )
