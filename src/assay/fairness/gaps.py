"""The largest gap and the smallest ratio among many groups, with intervals that know they were picked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.moments import Moments
from assay.stats.multiplicity.simultaneous import simultaneous_confidence
from assay.stats.scalar import mean_estimate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far groups are apart.

    Attributes:
        highest: Group with the highest value.
        lowest: Group with the lowest.
        gap: Highest minus lowest of the true values, whichever groups these are. The observed gap is what it is because
            it was the largest seen: on average too large; the interval is not.
        ratio: Lowest over highest of the true shares (four-fifths rule); ``None`` for values that are no shares.
        ratios: Each group's share over the highest, in (0, 1]; empty where ``ratio`` is ``None``.
    """

    highest: str
    lowest: str
    gap: Estimate
    ratio: Estimate | None
    ratios: Mapping[str, Estimate]


def group_spread(groups: Mapping[str, Moments], *, confidence: float = 0.95, unit: str = "score") -> Spread:
    """Largest difference and smallest ratio over all pairs of groups.

    Every pair gets a MOVER interval (Newcombe's for shares) at Bonferroni's level over the pairs, so that all of them
    hold together; then so do their largest lower and largest upper bound for the largest difference, and their
    smallest ones for the smallest ratio. Taking the interval of the extreme pair alone covers far less: six equal
    groups nearly always show a pair whose own interval excludes 0 more often than promised.

    Args:
        groups: Moments of at least two groups, each with values.
        confidence: Of gap and ratio, each.
        unit: ``share`` for 0/1 values, else the values' unit.

    Returns:
        Memory and time grow with the square of the number of groups (200 groups: a few megabytes).

    Raises:
        InvalidInputError: Fewer than two groups, or one without values.

    Sources:
        Newcombe (1998), Statistics in Medicine 17, 873-890, method 10; Donner & Zou (2012), Statistical Methods in
        Medical Research 21, 347-359, equations for differences and ratios of two parameters from their own limits.

    Examples:
        >>> found = group_spread({"a": Moments.of([1] * 48 + [0] * 32), "b": Moments.of([1] * 56 + [0] * 14)},
        ...     unit="share")
        >>> found.highest, round(found.gap.value, 2), round(found.gap.low, 4), round(found.gap.high, 4)
        ('b', 0.2, 0.0524, 0.3339)
        >>> round(found.ratio.value, 2), round(found.ratio.low, 3), round(found.ratio.high, 3)
        (0.75, 0.601, 0.927)
    """
    if len(groups) < 2 or any(not moments.count for moments in groups.values()):
        raise InvalidInputError("a gap needs two groups with values", hint="leave empty groups out")
    names, pairs = list(groups), len(groups) * (len(groups) - 1) // 2
    level = simultaneous_confidence(pairs, confidence=confidence)
    found = [mean_estimate(moments, confidence=level, unit=unit) for moments in groups.values()]
    values = np.array([moments.mean for moments in groups.values()])
    top, bottom = names[int(values.argmax())], names[int(values.argmin())]
    n = sum(moments.count for moments in groups.values())
    share = unit == "share"
    reasons = [f"{name}: {one.reason}" for name, one in zip(names, found, strict=True) if one.low is None]
    gap = float(values.max() - values.min())
    if reasons:
        empty = Estimate(
            value=gap, low=None, high=None, n=n, method="largest-gap-mover", confidence=confidence, unit=unit,
            reason=reasons[0],
        )  # fmt: skip
        return Spread(highest=top, lowest=bottom, gap=empty, ratio=None, ratios={})
    lows, highs = np.array([[one.low, one.high] for one in found], dtype=np.float64).T
    low, high = _differences(values, lows, highs)
    largest = Estimate(
        value=gap, low=max(0.0, float(low.max())), high=float(high.max()), n=n, method="largest-gap-mover",
        confidence=confidence, unit=unit,
    )  # fmt: skip
    ratios = _ratio_estimates(names, values, lows, highs, n=n, confidence=confidence) if share else {}
    return Spread(highest=top, lowest=bottom, gap=largest, ratio=_smallest(ratios, bottom), ratios=ratios)


def _differences(values: Floats, lows: Floats, highs: Floats) -> tuple[Floats, Floats]:
    """Bounds of value i minus value j, shape ``(k, k)``, minus infinity on the diagonal."""
    below, above, gaps = values - lows, highs - values, values[:, None] - values
    low = gaps - np.hypot(below[:, None], above)
    high = gaps + np.hypot(above[:, None], below)
    np.fill_diagonal(low, -np.inf)
    np.fill_diagonal(high, -np.inf)
    return low, high


def _ratio_estimates(
    names: list[str], values: Floats, lows: Floats, highs: Floats, *, n: int, confidence: float
) -> dict[str, Estimate]:
    """Each group over the highest: the smallest of its ratios to the others, and never above 1."""
    top = float(values.max())
    if top == 0.0:
        reason = "no group has a single one"
        empty = Estimate(value=None, low=None, high=None, n=n, method="smallest-ratio-mover", confidence=confidence,
                         unit="ratio", reason=reason)  # fmt: skip
        return dict.fromkeys(names, empty)
    product = np.outer(values, values)
    low_own, high_own = lows * (2.0 * values - lows), highs * (2.0 * values - highs)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(product**2 - np.outer(low_own, high_own), 0.0))
        low = np.where(low_own[:, None] > 0.0, low_own[:, None] / (product + root), 0.0)
        root = np.sqrt(np.maximum(product**2 - np.outer(high_own, low_own), 0.0))
        high = np.where(low_own > 0.0, (product + root) / low_own, np.inf)
    np.fill_diagonal(low, 1.0)
    np.fill_diagonal(high, 1.0)
    return {
        name: Estimate(
            value=float(values[row] / top), low=float(low[row].min()), high=float(high[row].min()), n=n,
            method="smallest-ratio-mover", confidence=confidence, unit="ratio",
        )
        for row, name in enumerate(names)
    }  # fmt: skip


def _smallest(ratios: Mapping[str, Estimate], bottom: str) -> Estimate | None:
    if not ratios or ratios[bottom].value is None:
        return ratios.get(bottom)
    bounds = [(one.low or 0.0, one.high or 0.0) for one in ratios.values()]
    lowest = ratios[bottom]
    return Estimate(
        value=lowest.value, low=min(low for low, _ in bounds), high=min(high for _, high in bounds), n=lowest.n,
        method=lowest.method, confidence=lowest.confidence, unit="ratio",
    )  # fmt: skip
