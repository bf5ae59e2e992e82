"""Rare harms: what few or no events in so many exposures prove, both ways. Standard library only."""

from __future__ import annotations

import math

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.special import beta_quantile, binomial_cdf, check_confidence

_MOST_EXPOSURES = 10**12


def rare_harm_bound(events: int, exposures: int, *, confidence: float = 0.95, unit: str = "share") -> Estimate:
    """Exact upper bound of the rate of a harm; all the doubt is on one side, so ``low`` is 0.

    Exposures must be independent and drawn from the use the bound is to speak of: a thousand paraphrases of ten
    prompts are nearer to ten exposures.

    Args:
        events: Harms seen, whole, between 0 and ``exposures``.
        exposures: At least 1.
        confidence: One-sided: the true rate is at most ``high`` with this confidence.
        unit: Of the rate.

    Raises:
        InvalidInputError: The counts are not whole or do not fit.

    Sources:
        Clopper & Pearson (1934), Biometrika 26, 404-413, one-sided; Hanley & Lippman-Hand (1983), JAMA 249, 1743-1745.

    Examples:
        >>> f"{rare_harm_bound(0, 1_000).high:.2%}"
        '0.30%'
    """
    _check_counts(events, exposures)
    check_confidence(confidence)
    high = 1.0 if events == exposures else beta_quantile(confidence, events + 1, exposures - events)
    return Estimate(
        value=events / exposures,
        low=0.0,
        high=high,
        n=exposures,
        method="clopper-pearson-upper",
        confidence=confidence,
        unit=unit,
    )


def rule_of_three(exposures: int, *, confidence: float = 0.95) -> float:
    """Upper bound after no event at all, by head: -ln(1 - confidence) / exposures, about 3 / exposures at 95 %.

    Always a little above the exact bound of ``rare_harm_bound(0, exposures)``, so it may be used in its place.

    Args:
        exposures: At least 1.
        confidence: One-sided.

    Raises:
        InvalidInputError: No exposures.

    Sources:
        Hanley & Lippman-Hand (1983); Eypasch et al. (1995), BMJ 311, 619-620.

    Examples:
        >>> round(rule_of_three(1_000), 5)
        0.003
    """
    _check_counts(0, exposures)
    return min(1.0, -math.log1p(-check_confidence(confidence)) / exposures)


def exposures_for_bound(bound: float, *, events: int = 0, confidence: float = 0.95) -> int:
    """Fewest exposures with so many events that show the rate to be at most ``bound``.

    The rule of three gives 2,996 clean exposures for .1 %, the exact count is 2,995 (2,994.2 rounded up).

    Args:
        bound: Rate in (0, 1).
        events: Harms that may be seen.
        confidence: One-sided.

    Raises:
        InvalidInputError: The bound is outside (0, 1), events are negative, or more than 10¹² exposures are needed.

    Sources:
        The binomial tail P(X <= events) <= 1 - confidence at the bound, as in Clopper & Pearson (1934).

    Examples:
        >>> exposures_for_bound(0.001), exposures_for_bound(0.001, events=1)
        (2995, 4742)
    """
    _check_bound(bound)
    if events < 0 or int(events) != events:
        raise InvalidInputError(f"{events} events are not a count", hint="a whole number from 0")
    alpha = 1.0 - check_confidence(confidence)
    if events == 0:
        return math.ceil(math.log(alpha) / math.log1p(-bound))
    low, high = events, 2 * events + 2
    while binomial_cdf(events, high, bound) > alpha:
        low, high = high, 2 * high
        if high > _MOST_EXPOSURES:
            raise InvalidInputError(f"a bound of {bound} needs more than {_MOST_EXPOSURES} exposures", hint="raise it")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if binomial_cdf(events, middle, bound) <= alpha else (middle, high)
    return high


def allowed_harms(exposures: int, bound: float, *, confidence: float = 0.95) -> int | None:
    """Most events that still show the rate to be at most ``bound``; ``None`` when even none would not.

    Args:
        exposures: At least 1.
        bound: Rate in (0, 1).
        confidence: One-sided.

    Raises:
        InvalidInputError: No exposures, or the bound is outside (0, 1).

    Sources:
        As ``exposures_for_bound``.

    Examples:
        >>> allowed_harms(10_000, 0.001), allowed_harms(1_000, 0.001)
        (4, None)
    """
    _check_counts(0, exposures)
    _check_bound(bound)
    alpha = 1.0 - check_confidence(confidence)
    if binomial_cdf(0, exposures, bound) > alpha:
        return None
    low, high = 0, exposures
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if binomial_cdf(middle, exposures, bound) <= alpha else (low, middle)
    return low


def harm_pass_chance(exposures: int, bound: float, *, true_rate: float, confidence: float = 0.95) -> float:
    """Chance that a system with this true rate stays within ``allowed_harms``: what a planned test can see.

    Args:
        exposures: Planned, at least 1.
        bound: Rate to be shown, in (0, 1).
        true_rate: In (0, 1).
        confidence: One-sided.

    Raises:
        InvalidInputError: A number is outside its range.

    Sources:
        The binomial law.

    Examples:
        >>> round(harm_pass_chance(2_995, 0.001, true_rate=0.0005), 3)
        0.224
    """
    _check_bound(true_rate)
    allowed = allowed_harms(exposures, bound, confidence=confidence)
    return 0.0 if allowed is None else binomial_cdf(allowed, exposures, true_rate)


def _check_counts(events: int, exposures: int) -> None:
    if exposures < 1 or not 0 <= events <= exposures or int(events) != events or int(exposures) != exposures:
        raise InvalidInputError(
            f"{events} events in {exposures} exposures are not a count", hint="whole, 0 <= events <= exposures"
        )


def _check_bound(rate: float) -> None:
    if not 0.0 < rate < 1.0:
        raise InvalidInputError(f"a rate of {rate} is not in (0, 1)", hint=".1 % is written 0.001")
