"""The page of an experiment: the split, a forest plot of effects, guardrails, segments, the course over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.core.codec import to_document
from assay.core.records import Estimate
from assay.experiments.analysis import Analysis, Course
from assay.experiments.effects import Effect
from assay.experiments.spec import Experiment
from assay.report.charts import Spec, course_chart, forest_chart
from assay.report.figures import difference_interval, difference_text, p_text, value_text
from assay.report.page import Page, Section, Table, write_page


def write_experiment_report(experiment: Experiment, analysis: Analysis, *, path: Path) -> str:
    """Write the page and return its path."""
    return write_page(experiment_page(experiment, analysis), path=path)


def experiment_page(experiment: Experiment, analysis: Analysis) -> Page:
    """Everything ``assay experiment analyze`` prints, with plots."""
    counts = ", ".join(f"{arm} {count:,}" for arm, count in analysis.counts.items())
    lead = [analysis.sentence]
    if not analysis.trustworthy:
        lead.append("No figure on this page may be used: the split is not the one that was planned.")
    return Page(
        title=f"Experiment {analysis.name}",
        subtitle=counts,
        lead=lead,
        sections=[
            Section(title="Split", sentences=[analysis.sample_ratio.sentence], notes=analysis.warnings),
            _effects(analysis, experiment),
            *_guardrails(analysis, experiment),
            *_segments(analysis, experiment),
            *(_course(course, experiment) for course in analysis.courses),
            *_registration(analysis),
        ],
    )


def _effects(analysis: Analysis, experiment: Experiment) -> Section:
    effects = [effect for effect in analysis.effects if effect.role != "guardrail"]
    rows = [
        [
            f"{effect.metric}, {effect.arm}",
            value_text(effect.control_level, effect.unit),
            value_text(effect.arm_level, effect.unit),
            _interval(effect.difference),
            p_text(effect.p_adjusted),
            _interval(effect.always_valid),
            "–" if effect.bayes is None else f"{effect.bayes.probability_better:.3f}",
            "–" if effect.variance_ratio is None else f"{effect.variance_ratio:.2f}",
        ]
        for effect in effects
    ]
    header = ["metric", experiment.control, "arm", "difference", "p, adjusted", "always valid", "P(better)", "CUPED"]
    return Section(
        title="Effects",
        charts=_forests(effects, experiment),
        table=Table(header=header, rows=rows, numeric=range(1, len(header))),
        sentences=[effect.sentence for effect in effects],
    )


def _guardrails(analysis: Analysis, experiment: Experiment) -> list[Section]:
    effects = [effect for effect in analysis.effects if effect.role == "guardrail"]
    if not effects:
        return []
    return [
        Section(
            title="Guardrails",
            charts=_forests(effects, experiment),
            sentences=[effect.sentence for effect in effects],
        )
    ]


def _forests(effects: Sequence[Effect], experiment: Experiment) -> list[Spec]:
    charts = []
    for unit in dict.fromkeys(effect.unit for effect in effects):
        rows = [
            (f"{effect.metric}, {effect.arm}", _json(effect.difference), effect.verdict)
            for effect in effects
            if effect.unit == unit
        ]
        found = forest_chart(rows, title=f"Against {experiment.control}", x_title="difference")
        if found is not None:
            charts.append(found)
    return charts


def _segments(analysis: Analysis, experiment: Experiment) -> list[Section]:
    if not analysis.segments:
        return []
    level = 1.0 - experiment.confidence
    charts = []
    for arm in experiment.treatments:
        rows = []
        for segment in analysis.segments:
            if segment.arm == arm:
                verdict = "undecided"
                if segment.p_adjusted is not None and segment.p_adjusted <= level:
                    better = ((segment.difference.value or 0.0) > 0.0) == experiment.primary.higher_is_better
                    verdict = "better" if better else "worse"
                rows.append((f"{segment.column}={segment.value}", _json(segment.difference), verdict))
        title = f"{experiment.primary.name} by segment, {arm} against {experiment.control}"
        charts.append(forest_chart(rows, title=title, x_title="difference"))
    return [
        Section(
            title="Segments",
            notes=["Intervals are for one segment by itself; colours follow p-values corrected over all of them."],
            charts=[chart for chart in charts if chart is not None],
            sentences=[report.sentence for report in analysis.simpson.values()],
        )
    ]


def _course(course: Course, experiment: Experiment) -> Section:
    sequence, metric = course.sequence, experiment.primary
    factor = 100.0 if sequence.unit == "share" else 1.0
    columns = (sequence.value, sequence.low, sequence.high, sequence.n)
    points: list[dict[str, Any]] = [
        {
            "time": time,
            "value": value * factor,
            "low": low * factor,
            "high": high * factor,
            "n": n,
            "text": f"{value * factor:.3g} ({low * factor:.3g} to {high * factor:.3g})",
        }
        for time, value, low, high, n in zip(course.times, *(column.tolist() for column in columns), strict=True)
    ]
    unit = "points" if sequence.unit == "share" else "score"
    chart = course_chart(
        points, title=f"{metric.name}, {course.arm} − {experiment.control}, always-valid interval",
        y_title=f"difference ({unit})", x_title=experiment.time or "time",
    )  # fmt: skip
    return Section(title=f"Course of {course.arm}", charts=[chart])


def _registration(analysis: Analysis) -> list[Section]:
    if analysis.deviations is None:
        return []
    lines = list(analysis.deviations) or ["The analysis is the one that was registered."]
    return [Section(title="Registration", notes=[f"Registered at {analysis.registered_at}"], sentences=lines)]


def _json(estimate: Estimate) -> dict[str, Any]:
    document: dict[str, Any] = to_document(estimate)
    return document


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "–"
    document = _json(estimate)
    return f"{difference_text(document)} ({difference_interval(document)})"
