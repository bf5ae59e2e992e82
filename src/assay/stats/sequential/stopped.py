"""What a group-sequential test has shown once it stopped: the estimate that stopping did not inflate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.sequential.boundaries import GroupSequentialPlan
from assay.stats.sequential.recursion import Walk
from assay.stats.special import check_confidence, normal_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedEstimate:
    """The effect after a planned stop.

    Attributes:
        adjusted: Median-unbiased estimate with the interval of the stagewise ordering.
        naive: The plain estimate with the interval of a test without looks: too far from 0 on average, too narrow.
        repeated: The plain estimate ± boundary · standard error: holds at every look, whether or not one stops.
        p_value: Of no effect, by the stagewise ordering: two-sided when the plan is.
    """

    adjusted: Estimate
    naive: Estimate
    repeated: Estimate
    p_value: float


def group_sequential_estimate(
    plan: GroupSequentialPlan,
    *,
    look: int,
    estimate: float,
    std_error: float,
    n: int,
    confidence: float = 0.95,
    unit: str = "score",
) -> StoppedEstimate:
    """Estimate, interval and p-value of a test that stopped (or ended) at a look.

    An effect that stops a test early is one that chance helped. Outcomes are ordered by the look at which they
    stopped, then by Z; the effects that make the observed outcome neither too extreme nor too ordinary are the
    interval. It depends only on looks up to this one.

    Args:
        plan: The boundaries that were used. A futility boundary that was not heeded does not belong here.
        look: At which it stopped, 1 is the first.
        estimate: Of the effect, from all data so far.
        std_error: Of it, above 0.
        n: Observations so far.
        confidence: Of the intervals; the plan's alpha and this should belong together.
        unit: Of the estimate.

    Raises:
        InvalidInputError: The look is not in the plan, or it neither stopped nor was the last.

    Sources:
        Tsiatis, Rosner & Mehta (1984), Biometrics 40, 797-803; Jennison & Turnbull (2000), sections 8.4, 8.5 and 9.2.

    Examples:
        >>> from assay.stats.sequential.boundaries import group_sequential_boundaries
        >>> plan = group_sequential_boundaries(5, shape="pocock")
        >>> found = group_sequential_estimate(plan, look=2, estimate=0.30, std_error=0.1, n=400)
        >>> round(found.adjusted.value, 3), round(found.adjusted.low, 3), round(found.adjusted.high, 3)
        (0.28, 0.054, 0.485)
    """
    check_confidence(confidence)
    if not (math.isfinite(estimate) and math.isfinite(std_error) and std_error > 0.0):
        raise InvalidInputError(f"estimate {estimate}, standard error {std_error}", hint="finite, and above 0")
    z = estimate / std_error
    if plan.crossed(look, z) is None and look < len(plan.upper):
        raise InvalidInputError(
            f"Z = {z:.3f} at look {look} lies inside the boundaries, so the test goes on",
            hint="use the repeated interval of the boundaries, or a confidence sequence, while it runs",
        )
    share = plan.information[look - 1]
    tail = 0.5 - confidence / 2.0

    def at_least(drift: float) -> float:
        return _probability_beyond(plan, look, z, drift)

    middle = z / math.sqrt(share)  # the drift that the plain estimate stands for
    scale = std_error * math.sqrt(share)
    low, value, high = (scale * _crossing(at_least, p, middle, share) for p in (tail, 0.5, 1.0 - tail))
    beyond = at_least(0.0)

    def shown(value: float, low: float, high: float, method: str, std_error: float | None = None) -> Estimate:
        return Estimate(
            value=value, low=low, high=high, n=n, method=method, confidence=confidence, unit=unit, std_error=std_error
        )

    plain = normal_quantile(1.0 - tail) * std_error
    return StoppedEstimate(
        adjusted=shown(value, low, high, "stagewise-median-unbiased"),
        naive=shown(estimate, estimate - plain, estimate + plain, "normal-ignoring-looks", std_error),
        repeated=_repeated(plan, look, estimate, std_error, n, unit),
        p_value=min(1.0, 2.0 * min(beyond, 1.0 - beyond)) if plan.two_sided else beyond,
    )


def _repeated(plan: GroupSequentialPlan, look: int, estimate: float, std_error: float, n: int, unit: str) -> Estimate:
    reach = plan.upper[look - 1] * std_error
    known = math.isfinite(reach)
    return Estimate(
        value=estimate,
        low=estimate - reach if known else None,
        high=estimate + reach if known else None,
        n=n,
        method="repeated-interval",
        confidence=1.0 - plan.alpha if plan.two_sided else 1.0 - 2.0 * plan.alpha,
        unit=unit,
        std_error=std_error,
        reason=None if known else "nothing of the error rate is spent at this look",
    )


def _probability_beyond(plan: GroupSequentialPlan, look: int, z: float, drift: float) -> float:
    """Of an outcome at least this far up: stopped above at an earlier look, or reached Z here."""
    walk, total = Walk.start(drift), 0.0
    for k in range(look - 1):
        total += walk.above(plan.upper[k], plan.information[k])
        walk = walk.inside(plan.lower[k], plan.upper[k], plan.information[k])
    return float(np.clip(total + walk.above(z, plan.information[look - 1]), 0.0, 1.0))


def _crossing(rising: Callable[[float], float], level: float, middle: float, share: float) -> float:
    """The drift at which a probability that rises with it reaches a level."""
    from scipy.optimize import brentq

    reach = 12.0 / math.sqrt(share)
    return float(brentq(lambda drift: rising(drift) - level, middle - reach, middle + reach, xtol=1e-10))
