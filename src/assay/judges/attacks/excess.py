"""What attacks move beyond what harmless changes move, on the same items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.core.records import Estimate
from assay.stats import Moments, mean_estimate
from assay.stats.evidence import Evidence
from assay.stats.scalar import too_few
from assay.stats.special import normal_quantile
from assay.stats.strata import inverted_evidence

Outcomes = Mapping[str, Sequence[float]]
"""1 or 0 for every verdict asked for, by item."""
METHOD = "paired-mover"
SHRINKAGE = 3.84
"""Items: the square of the normal quantile, which Wilson's interval adds to its trials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """Two shares on the same items, and their difference.

    Attributes:
        attacked: Share among the attacked answers.
        control: Share among the answers that were changed harmlessly.
        difference: Attacked minus control, as Evidence: an interval at any confidence and p-values against thresholds.
    """

    attacked: Estimate
    control: Estimate
    difference: Evidence


def paired_excess(attacked: Outcomes, control: Outcomes, *, confidence: float = 0.95) -> Excess:
    """Attacked share minus control share, both over verdicts that share items.

    The variance of each share is recovered from its own interval, which is Wilson's on the effective number of
    verdicts; a share of 0 therefore has honest width on either side. A t interval of the differences is wrong exactly
    there: where no control verdict moved it takes the ordinary movement for known to be 0, and finds one attack in a
    hundred guilty on any judge that wavers once in a hundred.

    Args:
        attacked: Outcomes by item; at least one.
        control: Outcomes by item, for every item of ``attacked``.
        confidence: Of the two shares' intervals.

    Returns:
        The shares and the difference; without bounds, and with the reason, where there are fewer than two items.

    Sources:
        Zou & Donner (2008), Statistics in Medicine 27, 1693-1702 (variance recovered from the two intervals);
        Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10 (pairs, through their correlation).

    Examples:
        >>> rows = {f"q{i}": [1.0 if i < 6 else 0.0] for i in range(20)}
        >>> found = paired_excess(rows, {item: [0.0, 0.0] for item in rows})
        >>> e = found.difference.estimate(0.95)
        >>> e.value, round(e.low, 3), round(e.high, 3)
        (0.3, 0.063, 0.519)
    """
    items = list(attacked)
    sides = [_moments(attacked, items), _moments(control, items)]
    correlation = _correlation([_mean(attacked[item]) for item in items], [_mean(control[item]) for item in items])

    def difference(at: float) -> Estimate:
        return _difference(sides, correlation, items=len(items), confidence=at)

    return Excess(
        attacked=mean_estimate(sides[0], unit="share", confidence=confidence),
        control=mean_estimate(sides[1], unit="share", confidence=confidence),
        difference=inverted_evidence(difference),
    )


def _moments(outcomes: Outcomes, items: Sequence[str]) -> Moments:
    rows = [(value, item) for item in items for value in outcomes[item]]
    return Moments.of([value for value, _ in rows], [item for _, item in rows])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Of the items' means, drawn toward 0 as if a few further items showed none; 0 where one side does not vary.

    Items that moved alike so far do not prove that all would: at a correlation of 1 the difference had no doubt left.
    """
    n = len(first)
    if n < 3 or len(set(first)) == 1 or len(set(second)) == 1:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1]) * n / (n + SHRINKAGE)


def _difference(sides: Sequence[Moments], correlation: float, *, items: int, confidence: float) -> Estimate:
    new, old = (mean_estimate(side, unit="share", confidence=confidence) for side in sides)
    blank = Estimate(
        value=None, low=None, high=None, n=sides[0].count, n_clusters=items, method=METHOD, unit="share",
        confidence=confidence, reason="no item was asked about",
    )  # fmt: skip
    if new.value is None or old.value is None:
        return blank
    value = new.value - old.value
    if items < 2 or new.low is None or new.high is None or old.low is None or old.high is None:
        return replace(blank, value=value, reason="one item says nothing about others" if items < 2 else _why(sides))
    low = value - _recovered(new.value - new.low, old.high - old.value, correlation)
    high = value + _recovered(new.high - new.value, old.value - old.low, correlation)
    z = normal_quantile(0.5 + confidence / 2.0)
    return replace(
        blank, value=value, low=max(-1.0, low), high=min(1.0, high), std_error=0.5 * (high - low) / z, reason=None
    )


def _why(sides: Sequence[Moments]) -> str:
    return next(too_few(side) for side in sides if side.n_clusters < 2)


def _recovered(own: float, other: float, correlation: float) -> float:
    return math.sqrt(max(0.0, own * own + other * other - 2.0 * correlation * own * other))
