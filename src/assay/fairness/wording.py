"""Findings in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assay.core.records import Estimate
from assay.engine.wording import Scale, scale_of
from assay.fairness.result import GroupResult, MetricResult


def level(value: float | None, unit: str) -> str:
    """A value of a metric: a share in percent.

    Examples:
        >>> level(0.4549, "share"), level(3.14159, "score")
        ('45.5%', '3.14')
    """
    if value is None:
        return "unknown"
    return f"{100.0 * value:.1f}%" if unit == "share" else f"{value:.3g}"


def range_text(estimate: Estimate) -> str:
    """``3.1 points (1.2 to 5.0)``, or the value with the reason why it has no interval."""
    scale = scale_of(estimate)
    if estimate.value is None:
        return f"unknown ({estimate.reason})"
    if estimate.low is None or estimate.high is None:
        return f"{scale.named(estimate.value)} (no interval: {estimate.reason})"
    return f"{scale.named(estimate.value)} ({scale.amount(estimate.low)} to {scale.amount(estimate.high)})"


def group_sentence(row: GroupResult, result: MetricResult) -> str:
    """One group's figure, what it is compared with, and what equal confounders make of it."""
    said = f"{row.group}: {level(row.value.value, result.unit)} {result.words}"
    if row.verdict == "reference":
        return f"{said}; the others are compared with it."
    if row.difference is None or row.difference.value is None:
        return f"{said}; it cannot be compared."
    p_value = "" if row.p_adjusted is None else f", adjusted p {_p(row.p_adjusted)}"
    if row.verdict in ("higher", "lower"):
        gap = row.difference if row.verdict == "higher" else _reversed(row.difference)
        said += f", {row.verdict} than {result.against} by {range_text(gap)}{p_value}"
    else:
        said += f", not shown to differ from {result.against}: {range_text(row.difference)}{p_value}"
    if row.simpson and row.standardised is not None:
        turned = f"at equal confounders it is the other way round, {range_text(row.standardised)}"
        return f"{said}. Simpson's paradox: {turned}."
    if row.standardised is not None and row.standardised.value is not None:
        return f"{said}; at equal confounders {range_text(row.standardised)}."
    if row.standardised_reason is not None:
        return f"{said}; at equal confounders unknown: {row.standardised_reason}."
    return f"{said}."


def _reversed(difference: Estimate) -> Estimate:
    """Lower by 3, not lower by minus 3."""
    value, low, high = (None if x is None else -x for x in (difference.value, difference.high, difference.low))
    return replace(difference, value=value, low=low, high=high)


def gap_sentence(result: MetricResult) -> str:
    """The largest gap of a metric, and the four-fifths rule where it applies."""
    what = f"{result.words} by {result.grouping}"
    if result.gap is None or result.gap.value is None:
        return f"{what}: there is no gap to speak of."
    highest, lowest = (
        next((level(row.value.value, result.unit) for row in result.groups if row.group == name), "unknown")
        for name in (result.highest, result.lowest)
    )
    said = (
        f"{what}: from {lowest} ({result.lowest}) to {highest} ({result.highest}), the largest gap being "
        f"{range_text(result.gap)}"
    )
    if not result.gap.low:
        said += "; a gap is not shown"
    ratio = result.ratio
    ruled = result.better is None and result.metric != "base_rate"
    if ruled and ratio is not None and ratio.low is not None and ratio.high is not None:
        word = {"below": "below", "above": "not below"}.get(str(result.four_fifths), "not shown to be below or above")
        said += f"; lowest over highest is {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f}), {word} four fifths"
    return f"{said}."


def audit_sentence(results: Sequence[MetricResult], confidence: float) -> str:
    """How many gaps are shown, and which is the largest."""
    gaps = [(result, result.gap) for result in results if result.gap is not None and result.gap.value is not None]
    shown = [(result, gap.low) for result, gap in gaps if gap.low]
    reversals = sum(row.simpson for result in results for row in result.groups)
    turned = f"; equal confounders turn {reversals} differences round" if reversals else ""
    said = f"{_counted(len(shown), len(gaps))} shown at {confidence:.0%} confidence for all together"
    if not shown:
        return f"{said}{turned}."
    surest, least = max(shown, key=lambda pair: pair[1])
    where = f"{surest.metric} by {surest.grouping}, at least {Scale(surest.unit, least).named(least)}"
    return f"{said}; the surest is {where}{turned}."


def _counted(shown: int, judged: int) -> str:
    """``3 of 5 gaps are``, ``1 of 1 gap is``, ``None of 2 gaps is``."""
    gaps = "gap" if judged == 1 else "gaps"
    return f"{shown or 'None'} of {judged} {gaps} {'are' if shown > 1 else 'is'}"


def _p(value: float) -> str:
    return "< .0001" if value < 0.0001 else f"{value:.4f}".removeprefix("0")
