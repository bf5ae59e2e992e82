"""What verdicts that could not be had leave open: the mean if all of them had been the worst, or the best.

Standard library only: it is on the path of every run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.moments import Moments
from assay.stats.scalar import THESE_ITEMS, mean_estimate

METHOD = "worst-best"


def missing_bounds(
    values: Sequence[float | None],
    *,
    low: float,
    high: float,
    clusters: Sequence[str | None] | None = None,
    unit: str = "score",
    estimand: str = "new inputs like these",
    confidence: float = 0.95,
) -> Estimate:
    """Mean verdict with an interval that holds whatever the missing verdicts would have been.

    The lower bound is that of the mean with every missing verdict at ``low``, the upper bound that with every missing
    one at ``high``: nothing is assumed of why they are missing. The value is the mean of those that are there, which
    is what they would average to if they were missing for no reason.

    Args:
        values: One verdict an item, in scale units; ``None`` where there is none.
        low: Lowest level of the scale.
        high: Highest level.
        clusters: Group of each item, as in ``Moments.of``.
        unit: Of the verdicts; ``share`` for 0 and 1.
        estimand: ``these items``: the bounds are those of these items' own mean, without sampling error.
        confidence: Of the interval, in (0, 1), for the whole range between worst and best.

    Returns:
        With ``unscored`` counted and, where it is not 0, the worst and the best mean in ``reason``. With nothing
        missing it is the ordinary interval. Where an end has no interval (one item, or all alike), it is the scale's.

    Raises:
        InvalidInputError: There are no items, the ends are in the wrong order, or a value lies beyond them.

    Sources:
        Manski (2003), Partial Identification of Probability Distributions, section 1.2 (worst-case bounds);
        Horowitz & Manski (2000), J. American Statistical Association 95(449), on intervals that cover them.

    Examples:
        >>> found = missing_bounds([4, 5, None, 3, 4], low=1, high=5)
        >>> found.value, found.reason
        (4.0, '1 of 5 verdicts missing: the mean is 3.4 if they are the lowest, 4.2 if the highest')
    """
    if not values:
        raise InvalidInputError("there are no verdicts to average", hint="give one value, or None, an item")
    if not low < high:
        raise InvalidInputError(f"the scale ends at {low} and {high}", hint="low is less than high")
    beyond = next((value for value in values if value is not None and not low <= value <= high), None)
    if beyond is not None:
        raise InvalidInputError(f"the verdict {beyond} lies outside {low} to {high}", hint="give the judge's scale")

    def filled(level: float) -> Estimate:
        whole = Moments.of([level if value is None else float(value) for value in values], clusters)
        population = whole.count if estimand == THESE_ITEMS else None
        return mean_estimate(whole, unit=unit, estimand=estimand, confidence=confidence, population=population)

    worst, best = filled(low), filled(high)
    known = [float(value) for value in values if value is not None]
    missing = len(values) - len(known)
    if not missing:
        return worst
    reason = (
        f"{missing} of {len(values)} verdicts missing: the mean is {worst.value:.4g} if they are the lowest,"
        f" {best.value:.4g} if the highest"
    )
    ends = worst_and_best(worst, best, low=low, high=high)
    return replace(
        worst,
        value=sum(known) / len(known) if known else None,
        low=ends["low"],
        high=ends["high"],
        n=len(known),
        method=f"{METHOD} {worst.method}",
        reason=reason,
        std_error=None,
        unscored=missing,
    )


def worst_and_best(worst: Estimate, best: Estimate, *, low: float, high: float) -> Mapping[str, float]:
    """What two estimates of one mean, with every missing verdict at ``low`` and at ``high``, say together.

    Returns:
        ``worst`` and ``best``, the two means, and ``low`` and ``high``, an interval of the whole range between them at
        the confidence of the two; an end is the scale's where its estimate has no bound, and never beyond it.

    Raises:
        InvalidInputError: One has no value.

    Sources:
        Horowitz & Manski (2000), J. American Statistical Association 95(449).

    Examples:
        >>> ends = [mean_estimate(Moments.of([4, 5, 3, 4, level])) for level in (1, 5)]
        >>> worst_and_best(*ends, low=1, high=5)["worst"]
        3.4
    """
    if worst.value is None or best.value is None:
        raise InvalidInputError("there are no verdicts to average", hint="fill the missing ones in with either end")
    return {
        "low": low if worst.low is None else max(worst.low, low),
        "high": high if best.high is None else min(best.high, high),
        "worst": worst.value,
        "best": best.value,
    }
