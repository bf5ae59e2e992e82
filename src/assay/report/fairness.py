"""The page of an audit: gaps, every metric by group with plots, what equal confounders make of it, the gate."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

from assay.core.codec import to_document
from assay.core.records import Estimate
from assay.fairness.result import Audit, GroupResult, MetricResult
from assay.report.charts import Spec, forest_chart, segment_chart
from assay.report.figures import (
    UNKNOWN,
    difference_interval,
    difference_text,
    estimate_text,
    interval_text,
    p_text,
    value_text,
)
from assay.report.page import Page, Section, Table, write_page


def write_fairness_report(file: str, audit: Audit, *, path: Path) -> str:
    """Write the page and return its path."""
    return write_page(fairness_page(file, audit), path=path)


def fairness_page(file: str, audit: Audit) -> Page:
    """Everything ``assay fairness`` prints, with plots."""
    name = "query" if " " in file.strip() else PurePath(file).name
    lead = [audit.sentence, *(one.sentence for one in audit.impossibility)]
    held = f"Intervals of one kind hold together at {audit.confidence:.0%} over all groups and metrics; p-values are "
    return Page(
        title=f"Fairness of {name}",
        subtitle=f"{audit.rows:,} rows",
        lead=lead,
        sections=[
            _overview(audit, note=f"{held}Holm's over {audit.comparisons:,} comparisons."),
            *_gate(audit),
            *(_section(result, audit) for result in audit.results),
            *([Section(title="Notes", sentences=audit.notes)] if audit.notes else []),
        ],
    )


def _overview(audit: Audit, *, note: str) -> Section:
    rows = [
        [
            f"{result.metric} by {result.grouping}",
            _end(result, result.lowest),
            _end(result, result.highest),
            _plain(result.gap, points=True),
            _plain(result.ratio, points=False),
            {"below": "below 0.8", "above": "not below 0.8"}.get(str(result.four_fifths), UNKNOWN),
        ]
        for result in audit.results
    ]
    header = ["metric", "lowest", "highest", "largest gap", "lowest / highest", "four fifths"]
    return Section(
        title="Gaps",
        notes=[note],
        table=Table(header=header, rows=rows, numeric=range(3, 5)),
        sentences=[result.sentence for result in audit.results],
    )


def _gate(audit: Audit) -> list[Section]:
    if audit.decision is None:
        return []
    rows = [[rule.rule, rule.verdict, rule.sentence] for rule in audit.decision.rules]
    table = Table(header=["rule", "verdict", "why"], rows=rows)
    return [Section(title="Gate", notes=[f"The gate says: {audit.decision.verdict}."], table=table)]


def _section(result: MetricResult, audit: Audit) -> Section:
    standard = [f"− {result.against}, at equal {', '.join(audit.confounders)}"] if audit.confounders else []
    header = ["group", "n", "value", f"− {result.against}", "p, adjusted", "verdict", "/ highest"]
    rows = [_row(row, result, confounded=bool(standard)) for row in result.groups]
    return Section(
        title=f"{result.metric} by {result.grouping}",
        charts=_charts(result),
        table=Table(header=[*header, *standard], rows=rows, numeric=[1, 2, 3, 4, 6, 7]),
        sentences=[row.sentence for row in result.groups],
    )


def _row(row: GroupResult, result: MetricResult, *, confounded: bool) -> list[str]:
    value = _json(row.value)
    cells = [
        row.group,
        f"{row.value.n:,}",
        f"{estimate_text(value)} ({interval_text(value)})",
        _difference(row.difference),
        p_text(row.p_adjusted),
        _verdict(row),
        _plain(row.ratio, points=False),
    ]
    if confounded:
        reason = row.standardised_reason or UNKNOWN
        shown = reason if row.standardised is None else _difference(row.standardised)
        cells.append(f"{shown}, reversed" if row.simpson else shown)
    return cells


def _verdict(row: GroupResult) -> str:
    """A group that is too small has the rate that the other groups make likely instead."""
    if row.verdict != "too small" or row.shrunken is None:
        return row.verdict
    return f"too small; about {value_text(row.shrunken.value, 'share')}"


def _charts(result: MetricResult) -> list[Spec]:
    """Levels always; differences coloured where one direction is better than the other."""
    segments = [
        {"key": result.grouping, "value": row.group, "estimate": _json(row.value)} for row in result.judged()
    ]  # fmt: skip
    charts = [segment_chart(segments, metric=result.metric, whole=None)]
    if result.better is not None:
        rows = [
            (row.group, _json(row.difference), _coloured(row, result))
            for row in result.judged()
            if row.difference is not None
        ]
        charts.append(forest_chart(rows, title=f"{result.metric} against {result.against}", x_title="difference"))
    return [chart for chart in charts if chart is not None]


def _coloured(row: GroupResult, result: MetricResult) -> str:
    if row.verdict not in ("higher", "lower"):
        return "undecided"
    return "better" if row.verdict == result.better else "worse"


def _end(result: MetricResult, group: str | None) -> str:
    found = next((row for row in result.groups if row.group == group), None)
    return UNKNOWN if found is None else f"{value_text(found.value.value, result.unit)} {found.group}"


def _plain(estimate: Estimate | None, *, points: bool) -> str:
    """A gap or a ratio, which have no sign."""
    if estimate is None or estimate.value is None:
        return UNKNOWN
    if points:
        return f"{difference_text(_json(estimate)).removeprefix('+')} ({difference_interval(_json(estimate))})"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _difference(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return UNKNOWN
    document = _json(estimate)
    return f"{difference_text(document)} ({difference_interval(document)})"


def _json(estimate: Estimate) -> dict[str, Any]:
    document: dict[str, Any] = to_document(estimate)
    return document
