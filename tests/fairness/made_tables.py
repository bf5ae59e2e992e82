"""Tables of cells and files that several tests use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.fairness.audit import audit
from assay.fairness.question import METRICS, Confusion, Metric, Question
from assay.fairness.result import Audit, GroupResult, MetricResult
from assay.fairness.scan import WHOLE, MetricCells, Scanned, share_moments
from assay.stats.moments import Moments


def shares(**counts: tuple[int, int]) -> dict[str, Moments]:
    """Moments of successes and trials by group."""
    return {name: share_moments(*pair) for name, pair in counts.items()}


def audit_of(cells: Mapping[str, Mapping[str, Moments]], *, unit: str = "share", **asked: Any) -> Audit:
    """The audit of one metric ``y`` by one grouping ``g``, from its cells."""
    metric = Metric(name="y", words="y", unit=unit, hypothesis="y")
    table = MetricCells(metric=metric, grouping="g", cells=cells)
    return audit(Scanned(rows=0, tables=[table], notes=[]), Question(groups=["g"], outcome="y", **asked))


def audit_of_groups(groups: Mapping[str, Moments], **asked: Any) -> Audit:
    """As ``audit_of`` without confounders."""
    return audit_of({name: {WHOLE: moments} for name, moments in groups.items()}, **asked)


def audit_of_confusions(groups: Mapping[str, Confusion], **asked: Any) -> Audit:
    """The audit of predictions, from confusion counts by group."""
    question = Question(groups=["g"], prediction="p", label="y", **asked)
    tables = [
        MetricCells(
            metric=metric,
            grouping="g",
            cells={name: {WHOLE: share_moments(*one.share(metric.name))} for name, one in groups.items()},
        )
        for metric in question.chosen()
    ]
    return audit(Scanned(rows=0, tables=tables, notes=[]), question)


def result_of(found: Audit, metric: str, grouping: str = "g") -> MetricResult:
    return next(one for one in found.results if (one.metric, one.grouping) == (metric, grouping))


def row_of(result: MetricResult, group: str) -> GroupResult:
    return next(row for row in result.groups if row.group == group)


def write_csv(folder: Path, header: str, *rows: str, name: str = "table.csv") -> str:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(path)


__all__ = [
    "METRICS",
    "audit_of",
    "audit_of_confusions",
    "audit_of_groups",
    "result_of",
    "row_of",
    "shares",
    "write_csv",
]
