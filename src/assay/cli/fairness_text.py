"""An audit as text of 80 columns: the gaps first, then every group, then what limits them."""

from __future__ import annotations

import textwrap
from pathlib import PurePath

from assay.cli.output import WIDTH, number, table
from assay.core.records import Estimate
from assay.fairness.result import Audit, GroupResult, MetricResult


def audit_text(file: str, audit: Audit) -> str:
    """What ``assay fairness`` prints."""
    name = "query" if " " in file.strip() else PurePath(file).name
    by = ", ".join(dict.fromkeys(result.grouping for result in audit.results))
    parts = [_wrapped(f"{name} · {audit.rows:,} rows · by {by}"), _gaps(audit)]
    parts += [_groups(result, audit) for result in audit.results]
    parts += [_wrapped(row.sentence) for result in audit.results for row in result.groups if row.simpson]
    parts += [_wrapped(one.sentence) for one in audit.impossibility]
    if audit.decision is not None:
        rules = [_wrapped(f"{rule.verdict:<12}  {rule.rule}: {rule.sentence}") for rule in audit.decision.rules]
        parts.append("\n".join([*rules, f"gate: {audit.decision.verdict}"]))
    parts += [_wrapped(f"note: {note}") for note in audit.notes]
    return "\n\n".join([*parts, _wrapped(audit.sentence)])


def _gaps(audit: Audit) -> str:
    rows = []
    for result in audit.results:
        if result.gap is None:
            rows.append([f"{result.metric} by {result.grouping}", "–", "–", "too few groups", "–"])
            continue
        ends = [_level(result, name) for name in (result.lowest, result.highest)]
        rows.append([f"{result.metric} by {result.grouping}", *ends, _interval(result.gap), _ratio(result.ratio)])
    head = ["", "from", "to", "largest gap (interval)", "lowest/highest"]
    return table(head, rows, align="<>>>>", cut=[0])


def _level(result: MetricResult, group: str | None) -> str:
    found = next(row for row in result.groups if row.group == group)
    return number(found.value.value, result.unit)


def _groups(result: MetricResult, audit: Audit) -> str:
    against = "rest" if result.against == "the rest" else result.against[:14]
    rows = [
        [row.group, f"{row.value.n:,}", _value(row, result.unit), _difference(row), _p(row.p_adjusted)]
        for row in result.groups
    ]
    title = f"{result.metric} by {result.grouping}: {result.words}"
    head = ["group", "n", "value (interval)", f"− {against} (interval)", "adj. p"]
    text = f"{_wrapped(title)}\n{table(head, rows, align='<>>>>', cut=[0, 3])}"
    if not audit.confounders:
        return text
    others = [
        [row.group, _standardised(row), _p(row.standardised_p), "reversed" if row.simpson else ""]
        for row in result.judged()
        if row.verdict != "reference"
    ]
    head = ["group", f"− {against} at equal {', '.join(audit.confounders)}", "adj. p", ""]
    return f"{text}\n{table(head, others, align='<>><', cut=[0, 1])}" if others else text


def _value(row: GroupResult, unit: str) -> str:
    value = row.value
    if value.low is None or value.high is None:
        return number(value.value, unit)
    if unit == "share":
        return f"{100 * (value.value or 0.0):.1f}% ({100 * value.low:.1f} to {100 * value.high:.1f})"
    return f"{value.value:.3g} ({value.low:.3g} to {value.high:.3g})"


def _difference(row: GroupResult) -> str:
    if row.verdict in ("reference", "alone"):
        return row.verdict
    if row.verdict == "too small":
        guess = row.shrunken
        return "too small" if guess is None else f"too small; about {number(guess.value, 'share')}"
    return _interval(row.difference, signed=True)


def _standardised(row: GroupResult) -> str:
    if row.standardised is None or row.standardised.value is None:
        return row.standardised_reason or "–"
    return _interval(row.standardised, signed=True)


def _interval(estimate: Estimate | None, *, signed: bool = False) -> str:
    if estimate is None or estimate.value is None:
        return "–"
    shown = [_points(x, estimate.unit, signed=signed) for x in (estimate.value, estimate.low, estimate.high)]
    return shown[0] if estimate.low is None else f"{shown[0]} ({shown[1]} to {shown[2]})"


def _points(value: float | None, unit: str, *, signed: bool) -> str:
    """Differences of shares in points, others as three significant digits."""
    if value is None:
        return "–"
    sign = "+" if signed else ""
    text = f"{value * 100:{sign}.1f}" if unit == "share" else f"{value:{sign}.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _ratio(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return "–"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _p(value: float | None) -> str:
    return "–" if value is None else "<.0001" if value < 0.0001 else f"{value:.4f}".removeprefix("0")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
