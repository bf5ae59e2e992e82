"""What further units of a kind that was seen will come to together. Standard library only."""

from __future__ import annotations

import math

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.moments import Moments
from assay.stats.special import check_confidence, t_quantile

FEWEST = 3
METHOD = "t-prediction"


def further_total(
    seen: Moments,
    *,
    further: int,
    so_far: float = 0.0,
    confidence: float = 0.95,
    unit: str = "score",
    each: str = "units",
) -> Estimate:
    """What the total will be when so many more units, days for instance, have been added to what there is.

    The units are taken to be independent and alike. The interval is one of prediction: it holds the total itself, with
    the chance of the units to come and the doubt about their mean. It is a t interval, so it is right for units that
    are about normal; sums of many skewed ones are, of a few they are not, and its upper end is then too low.

    Args:
        seen: Units that are over, none below 0.
        further: Units to come, at least 0.
        so_far: What is in the total already.
        confidence: Two-sided coverage, in (0, 1).
        unit: Of the values.
        each: What the units are called in the reason.

    Returns:
        With n units seen, n - 1 degrees of freedom; the lower end is never below ``so_far``. Without bounds below
        three units, and where all were alike; without a value where none was seen.

    Raises:
        InvalidInputError: ``further`` is negative, or the units are clustered.

    Sources:
        Hahn & Meeker (1991), Statistical Intervals, section 4.8 (prediction interval of a mean of future values).

    Examples:
        >>> found = further_total(Moments.of([2.0, 4.0, 3.0]), further=10, so_far=9.0)
        >>> found.value, round(found.low, 1), round(found.high, 1)
        (39.0, 10.7, 67.3)
    """
    check_confidence(confidence)
    if further < 0 or seen.clustered:
        raise InvalidInputError(
            f"{further} further units cannot be foreseen", hint="0 or more units, each of them independent"
        )

    def answer(low: float | None, high: float | None, reason: str | None) -> Estimate:
        return Estimate(
            value=so_far + further * seen.mean if seen.count or not further else None,
            low=low,
            high=high,
            confidence=confidence,
            n=seen.count,
            method=METHOD,
            unit=unit,
            reason=reason,
        )

    if not further:
        return answer(so_far, so_far, None)
    if seen.count < FEWEST:
        return answer(None, None, f"fewer than {FEWEST} {each} were seen")
    if seen.m2 <= 1e-24 * seen.count * seen.mean * seen.mean:
        return answer(None, None, f"all {seen.count:,} {each} are alike, so their spread is unknown")
    spread = math.sqrt(seen.m2 / (seen.count - 1) * (further + further * further / seen.count))
    half, middle = t_quantile(0.5 + confidence / 2.0, seen.count - 1) * spread, so_far + further * seen.mean
    return answer(max(so_far, middle - half), middle + half, None)
