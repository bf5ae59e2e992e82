"""The page of a validation: verdicts, correlations beside the human ceiling, decisions between systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from assay.app.metric_words import DECISIONS, figure_rows
from assay.report.charts import BLUE, SCHEMA, Spec, interval_chart
from assay.report.figures import basis_text, difference_text, estimate_text, interval_text, p_text
from assay.report.page import Page, Section, Table, write_page


def write_metric_validation(document: Mapping[str, Any], *, path: Path) -> str:
    """Write the page of an ``assay.metric_validation/1`` document and return its path."""
    return write_page(metric_page(document), path=path)


def metric_page(document: Mapping[str, Any]) -> Page:
    """Everything ``assay metric validate`` prints, with plots."""
    name = "query" if " " in document["file"].strip() else PurePath(document["file"]).name
    known = [f"{document['labelled']:,} of {document['items']:,} items labelled", f"{document['raters']:,} raters"]
    known += [f"{document[key]:,} {key}" for key in ("systems", "clusters") if document[key] is not None]
    sections = [section for row in document["metrics"] for section in _metric(row)]
    return Page(
        title=f"Metrics against people in {name}",
        subtitle=", ".join(known),
        lead=document["sentences"],
        sections=[*_together(document), *sections, *_comparisons(document), _rules(document)],
    )


def _together(document: Mapping[str, Any]) -> list[Section]:
    if len(document["metrics"]) < 2:
        return []
    rows = [(row["metric"], row["items"]["spearman"]) for row in document["metrics"]]
    return [Section(title="Metrics", charts=_drawn(rows, title="Spearman's rho with people", x_title="rho"))]


def _metric(row: Mapping[str, Any]) -> list[Section]:
    named = figure_rows(row)
    lines = [[name, estimate_text(_bare(e)), interval_text(_bare(e)), basis_text(e)] for name, e in named]
    left = f"{row['left_out']:,} items lack the metric or a label and are left out."
    found = [
        Section(
            title=row["metric"],
            notes=[left] if row["left_out"] else [],
            charts=_drawn(named, title=f"{row['metric']} and people", x_title="correlation"),
            table=Table(header=["coefficient", "value", "interval", "rests on"], rows=lines, numeric=[1, 2]),
        )
    ]
    if row["systems"] is not None:
        found.append(_systems(row))
    if row["segments"]:
        parts = [(one["segment"], one["spearman"]) for one in row["segments"]]
        lines = [[name, f"{e['n']:,}", estimate_text(_bare(e)), interval_text(_bare(e))] for name, e in parts]
        found.append(
            Section(
                title=f"{row['metric']}: segments",
                notes=["The intervals hold for all segments together."],
                charts=_drawn(parts, title="Spearman's rho by segment", x_title="rho"),
                table=Table(header=["segment", "items", "rho", "interval"], rows=lines, numeric=[1, 2, 3]),
            )
        )
    return found


def _systems(row: Mapping[str, Any]) -> Section:
    systems = row["systems"]
    decisions = systems["decisions"]
    lines = [
        [name, estimate_text(decisions[key]), interval_text(decisions[key]), basis_text(decisions[key])]
        for key, name in DECISIONS.items()
    ]
    return Section(
        title=f"{row['metric']}: systems",
        notes=[
            f"People separate {decisions['separated']:,} of {decisions['pairs']:,} pairs (Holm over all pairs); the"
            f" metric calls one better in {decisions['called']:,}, each pair by itself, as its user would."
        ],
        charts=[_means(row["metric"], systems["means"])],
        table=Table(header=["pairs of systems", "share", "interval", "rests on"], rows=lines, numeric=[1, 2]),
    )


def _means(metric: str, means: Sequence[Mapping[str, Any]]) -> Spec:
    """People's mean against the metric's, a point a system."""
    tips = [
        {"field": field, "type": "nominal", "title": title}
        for field, title in (("system", "system"), ("metric", "metric"), ("people", "people"), ("n", "items"))
    ]
    return {
        "$schema": SCHEMA,
        "title": "Mean of each system",
        "description": f"People's mean and {metric}'s mean of {len(means):,} systems",
        "width": "container",
        "height": 240,
        "data": {"values": [dict(row) for row in means]},
        "mark": {"type": "point", "filled": True, "size": 80, "opacity": 0.8, "color": BLUE},
        "encoding": {
            "x": {"field": "metric", "type": "quantitative", "title": "metric", "scale": {"zero": False}},
            "y": {"field": "people", "type": "quantitative", "title": "people", "scale": {"zero": False}},
            "tooltip": tips,
        },
    }


def _comparisons(document: Mapping[str, Any]) -> list[Section]:
    if not document["comparisons"]:
        return []
    lines = [
        [
            f"{row['first']} − {row['second']}",
            difference_text(_bare(row["spearman"]["difference"])),
            interval_text(_bare(row["spearman"]["difference"])),
            p_text(row["p_adjusted"]),
            row["better"] or "undecided",
        ]
        for row in document["comparisons"]
    ]
    return [
        Section(
            title="Metrics against each other",
            notes=["Differences of Spearman's rho on the same items, as dependent correlations; p by Holm."],
            table=Table(header=["metrics", "difference", "interval", "p", "better"], rows=lines, numeric=[1, 2, 3]),
        )
    ]


def _rules(document: Mapping[str, Any]) -> Section:
    least, margin = f"{document['least']:g}", f"{document['margin']:g}"
    return Section(
        title="Rules of the verdict",
        sentences=[
            f"Guardrail: the lower bound of Spearman's rho over items is at least {least}, and where people separate"
            " pairs of systems it orders more than half of them as they do.",
            "Stands in for one person: it is a guardrail, and its correlation with the other people is not more than"
            f" {margin} below one person's, by the lower bound of the difference.",
        ],
    )


def _bare(estimate: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the name of the unit, which the row gives."""
    return {**estimate, "unit": "score"}


def _drawn(rows: Sequence[tuple[str, Mapping[str, Any]]], *, title: str, x_title: str) -> list[Spec]:
    shown = [(name, _bare(estimate)) for name, estimate in rows if estimate["value"] is not None]
    found = interval_chart(shown, title=title, x_title=x_title)
    return [] if found is None else [found]
