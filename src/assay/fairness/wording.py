"""Findings in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.records import Estimate
from assay.engine.wording import Scale, scale_of
from assay.fairness.result import GroupResult, MetricResult

_RULED = ("selection_rate",)


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
    found = {"higher": "higher than", "lower": "lower than"}.get(row.verdict, "not shown to differ from")
    p_value = "" if row.p_adjusted is None else f", adjusted p {_p(row.p_adjusted)}"
    said += f", {found} {result.against} by {range_text(_absolute(row.difference, row.verdict))}{p_value}"
    if row.simpson and row.standardised is not None:
        return f"{said}. Simpson's paradox: at equal confounders it is the other way round, {range_text(row.standardised)}."
    if row.standardised is not None and row.standardised.value is not None:
        return f"{said}; at equal confounders {range_text(row.standardised)}."
    if row.standardised_reason is not None:
        return f"{said}; at equal confounders unknown: {row.standardised_reason}."
    return f"{said}."


def _absolute(difference: Estimate, verdict: str) -> Estimate:
    """ "lower by 3" and not "lower by minus 3"."""
    if verdict != "lower" or difference.value is None:
        return difference
    low, high = difference.low, difference.high
    return Estimate(
        value=-difference.value, low=None if high is None else -high, high=None if low is None else -low,
        n=difference.n, method=difference.method, confidence=difference.confidence, unit=difference.unit,
        reason=difference.reason,
    )  # fmt: skip


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
    if ratio is not None and ratio.low is not None and ratio.high is not None and result.metric in _RULED:
        word = {"below": "below", "above": "not below"}.get(str(result.four_fifths), "not shown to be below or above")
        said += f"; lowest over highest is {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f}), {word} four fifths"
    return f"{said}."


def audit_sentence(results: Sequence[MetricResult], confidence: float) -> str:
    """How many gaps are shown, and which is the largest."""
    judged = [result for result in results if result.gap is not None and result.gap.value is not None]
    shown = [result for result in judged if result.gap is not None and result.gap.low]
    reversals = sum(row.simpson for result in results for row in result.groups)
    turned = f"; equal confounders turn {reversals} differences round" if reversals else ""
    if not shown:
        return f"None of {len(judged)} gaps is shown at {confidence:.0%} confidence for all together{turned}."
    widest = max(shown, key=lambda one: (one.unit == "share", (one.gap.low if one.gap else None) or 0.0))
    least = (
        "" if widest.gap is None or widest.gap.low is None else Scale(widest.unit, widest.gap.low).named(widest.gap.low)
    )
    return (
        f"{len(shown)} of {len(judged)} gaps are shown at {confidence:.0%} confidence for all together; the surest is "
        f"{widest.metric} by {widest.grouping}, at least {least}{turned}."
    )


def _p(value: float) -> str:
    return "< .0001" if value < 0.0001 else f"{value:.4f}".removeprefix("0")
