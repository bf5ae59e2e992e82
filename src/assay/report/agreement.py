"""The page of an agreement study: coefficients, segments, raters beside the others, pairs, the consensus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from assay.app.agreement_words import CLEAR_P, NAMES
from assay.report.charts import Spec, forest_chart, interval_chart
from assay.report.figures import UNKNOWN, basis_text, estimate_text, interval_text, p_text, value_text
from assay.report.page import Page, Section, Table, write_page

DRAWN = 40
LISTED = 200


def write_agreement(document: Mapping[str, Any], *, path: Path) -> str:
    """Write the page of an ``assay.agreement/1`` document and return its path."""
    return write_page(agreement_page(document), path=path)


def agreement_page(document: Mapping[str, Any]) -> Page:
    """Everything ``assay agreement`` prints, with plots."""
    name = "query" if " " in document["file"].strip() else PurePath(document["file"]).name
    return Page(
        title=f"Agreement in {name}",
        subtitle=(
            f"{document['raters']:,} raters, {document['units']:,} units, {document['labels']:,} labels,"
            f" scale {document['level']}"
        ),
        lead=document["sentences"],
        sections=[
            _coefficients(document),
            *_segments(document["segments"]),
            _raters(document),
            *_pairs(document["pairs"]),
        ],
    )


def _coefficients(document: Mapping[str, Any]) -> Section:
    named = [(NAMES[name], estimate) for name, estimate in document["coefficients"].items()]
    rows = [[name, estimate_text(_bare(e)), interval_text(_bare(e)), basis_text(e)] for name, e in named]
    beyond = [(name, estimate) for name, estimate in named if estimate["unit"] != "share"]
    reason = document["level_reason"]
    return Section(
        title="Agreement",
        notes=[f"Scale {reason}"] if reason else [],
        charts=_drawn(beyond, title="Agreement beyond chance", x_title="1 is perfect, 0 is chance"),
        table=Table(header=["coefficient", "value", "interval", "rests on"], rows=rows, numeric=[1, 2]),
    )


def _segments(segments: Sequence[Mapping[str, Any]]) -> list[Section]:
    if not segments:
        return []
    rows = [
        [
            row["segment"],
            f"{row['units']:,}",
            f"{row['labels']:,}",
            estimate_text(row["percent_agreement"]),
            estimate_text(_bare(row["krippendorff_alpha"])),
            interval_text(_bare(row["krippendorff_alpha"])),
        ]
        for row in segments
    ]
    return [
        Section(
            title="Segments",
            notes=["The intervals hold for all segments together."],
            charts=_drawn(
                [(row["segment"], row["krippendorff_alpha"]) for row in segments],
                title="Krippendorff's alpha by segment",
                x_title="alpha",
            ),
            table=Table(
                header=["segment", "units", "labels", "percent", "alpha", "interval"], rows=rows, numeric=range(1, 6)
            ),
        )
    ]


def _raters(document: Mapping[str, Any]) -> Section:
    raters, unit = document["rater_table"], "share" if document["level"] == "nominal" else "score"
    known = "against_gold" if any(row["against_gold"] for row in raters) else "quality"
    judged = {"against_gold": "against gold", "quality": f"quality by {document['consensus']['method']}"}[known]
    rows = [
        [
            str(row["rater"]),
            f"{row['labels']:,}",
            value_text(row["disagreement"], unit),
            value_text(row["among_others"], unit),
            p_text(row["p_adjusted"]),
            UNKNOWN if row[known] is None else estimate_text(row[known]),
            UNKNOWN if row[known] is None else interval_text(row[known]),
        ]
        for row in raters[:LISTED]
    ]
    excess = [(str(row["rater"]), row["excess"], _verdict(row)) for row in raters if row["excess"]["low"] is not None]
    chart = forest_chart(excess[:DRAWN], title="Disagreement beyond that of the others", x_title="excess")
    notes = ["Disagreement with the others is set beside that of those others among themselves, on the same units."]
    if len(raters) > LISTED:
        notes.append(f"{len(raters) - LISTED:,} more raters are in --json.")
    return Section(
        title="Raters",
        notes=notes,
        charts=[] if chart is None else [chart],
        table=Table(
            header=["rater", "labels", "disagrees", "others do", "p, adjusted", judged, "interval"],
            rows=rows,
            numeric=range(1, 7),
        ),
    )


def _pairs(pairs: Sequence[Mapping[str, Any]]) -> list[Section]:
    if len(pairs) < 2:
        return []
    rows = [
        [
            " and ".join(map(str, row["raters"])),
            f"{row['percent_agreement']['n']:,}",
            estimate_text(row["percent_agreement"]),
            estimate_text(_bare(row["beyond_chance"])),
            interval_text(_bare(row["beyond_chance"])),
        ]
        for row in pairs
    ]
    header = ["raters", "units", "percent", "beyond chance", "interval"]
    return [Section(title="Pairs of raters", table=Table(header=header, rows=rows, numeric=range(1, 5)))]


def _verdict(row: Mapping[str, Any]) -> str:
    if row["p_adjusted"] > CLEAR_P:
        return "undecided"
    return "worse" if row["excess"]["value"] > 0.0 else "better"


def _bare(estimate: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the name of the unit, which the column's head gives."""
    return {**estimate, "unit": "score"} if estimate["unit"] == "agreement" else estimate


def _drawn(rows: Sequence[tuple[str, Mapping[str, Any]]], *, title: str, x_title: str) -> list[Spec]:
    found = interval_chart(rows[:DRAWN], title=title, x_title=x_title)
    return [] if found is None else [found]
