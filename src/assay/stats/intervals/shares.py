"""Intervals of a share beside Wilson's: the exact one and the one of added pseudo-counts. Standard library only."""

from __future__ import annotations

import math

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.special import beta_quantile, check_confidence, normal_quantile


def clopper_pearson(successes: int, n: int, *, confidence: float = 0.95, unit: str = "share") -> Estimate:
    """Exact interval of a share: never covers less than it says, mostly more. For rare events and certification.

    Args:
        successes: Whole number, between 0 and ``n``.
        n: Independent trials, at least 1.
        confidence: Two-sided coverage, each side holds half of the rest.
        unit: The scorer's unit.

    Raises:
        InvalidInputError: The counts are not whole or do not fit.

    Sources:
        Clopper & Pearson (1934), Biometrika 26, 404-413; the beta form: Brown, Cai & DasGupta (2001), Statistical
        Science 16, 101-133, section 4.2.1.

    Examples:
        >>> e = clopper_pearson(0, 1000)
        >>> e.low, round(e.high, 5)
        (0.0, 0.00368)
    """
    _check(successes, n)
    tail = 0.5 - check_confidence(confidence) / 2.0
    low = 0.0 if successes == 0 else beta_quantile(tail, successes, n - successes + 1)
    high = 1.0 if successes == n else beta_quantile(1.0 - tail, successes + 1, n - successes)
    return Estimate(
        value=successes / n, low=low, high=high, n=n, method="clopper-pearson", confidence=confidence, unit=unit
    )


def agresti_coull(successes: int, n: int, *, confidence: float = 0.95, unit: str = "share") -> Estimate:
    """Interval about the share after adding z²/2 successes and as many failures; contains Wilson's, cut to [0, 1].

    Args:
        successes: Between 0 and ``n``.
        n: Independent trials, at least 1.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        The raw share with bounds that are symmetric about the adjusted one.

    Raises:
        InvalidInputError: The counts are not whole or do not fit.

    Sources:
        Agresti & Coull (1998), American Statistician 52, 119-126; Brown, Cai & DasGupta (2001), section 3.1.2.

    Examples:
        >>> e = agresti_coull(81, 263)
        >>> round(e.low, 4), round(e.high, 4)
        (0.2552, 0.3663)
    """
    _check(successes, n)
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    trials = n + z * z
    middle = (successes + 0.5 * z * z) / trials
    std_error = math.sqrt(middle * (1.0 - middle) / trials)
    return Estimate(
        value=successes / n, low=max(0.0, middle - z * std_error), high=min(1.0, middle + z * std_error), n=n,
        method="agresti-coull", confidence=confidence, unit=unit, std_error=std_error,
    )  # fmt: skip


def _check(successes: int, n: int) -> None:
    if n < 1 or not 0 <= successes <= n or int(successes) != successes or int(n) != n:
        raise InvalidInputError(
            f"{successes} successes of {n} trials are not a count", hint="whole numbers with 0 <= successes <= n"
        )
