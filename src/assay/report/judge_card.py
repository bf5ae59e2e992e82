"""The page of a judge's card: agreement beside the human ceiling, biases, scale use, what was not measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.app.judge_card_words import (
    MEASURES,
    bias_rows,
    coefficient_rows,
    golden_sentences,
    measured,
    people_rows,
    when,
)
from assay.report.charts import BLUE, SCHEMA, Spec, interval_chart
from assay.report.figures import basis_text, estimate_text, interval_text, value_text
from assay.report.page import Page, Section, Table, write_page

GREY, GREEN = "#7d8590", "#1f8f6b"


def write_judge_card(card: Mapping[str, Any], *, path: Path) -> str:
    """Write the page of an ``assay.judge_card/1`` document and return its path."""
    return write_page(judge_card_page(card), path=path)


def judge_card_page(card: Mapping[str, Any]) -> Page:
    """Everything ``assay judge card`` prints, with plots."""
    documents = "" if card["n_documents"] is None else f" in {card['n_documents']:,} documents"
    return Page(
        title=f"Judge {card['name']}",
        subtitle=(
            f"version {card['version']}, {card['model'] or 'model not named'}; {card['n']:,} items{documents};"
            f" made {str(card['made_at'])[:10]}"
        ),
        lead=[*_age(card), *card["sentences"]],
        sections=[
            *_agreement(card),
            *_parts(card, "segments"),
            *_parts(card, "languages"),
            _biases(card),
            *_scale(card),
            *_golden(card),
            *_calibration(card),
            *_spent(card),
            _rest(card),
        ],
    )


def _age(card: Mapping[str, Any]) -> list[str]:
    why = card.get("stale")
    return [] if why is None else [f"This card is stale: {why}. What a provider serves under a name changes."]


def _agreement(card: Mapping[str, Any]) -> list[Section]:
    agreement = measured(card, "agreement")
    if agreement is None:
        return []
    named = [*coefficient_rows(card), *people_rows(card)]
    rows = [[name, estimate_text(_bare(e)), interval_text(_bare(e)), basis_text(e)] for name, e in named]
    notes = []
    if agreement["ceiling"]:
        notes.append(
            "The ceiling: one person and the judge, each held against the mean (or majority) of the other people on the"
            " same items."
        )
    if "opposite" in card["flags"]:
        notes.append("Labels fall where verdicts rise: the rising fit of labels is flat there.")
    return [
        Section(
            title="Agreement with people",
            notes=notes,
            charts=[
                *_drawn(
                    [pair for pair in named if pair[1]["unit"] != "share"],  # 50 % agreement may be chance
                    title="Agreement",
                    x_title="1 is perfect, 0 is chance",
                ),
                *_reliability(card),
            ],
            table=Table(header=["coefficient", "value", "interval", "rests on"], rows=rows, numeric=[1, 2]),
        )
    ]


def _parts(card: Mapping[str, Any], kind: str) -> list[Section]:
    agreement = measured(card, "agreement")
    if agreement is None or not agreement[kind]:
        return []
    rows = agreement[kind]
    charts = _drawn([(row["name"], row["spearman"]) for row in rows], title="Spearman's rho with people", x_title="rho")
    ceiling = next((one["person"] for one in agreement["ceiling"] if one["measure"] == "spearman"), None)
    if charts and ceiling is not None and ceiling["value"] is not None:
        text = f"one person and the other people: {estimate_text(_bare(ceiling))}"
        charts[0]["layer"].append(_line_at(ceiling["value"], text))
    table = [
        [
            row["name"],
            f"{row['n']:,}",
            estimate_text(_bare(row["alpha"])),
            interval_text(_bare(row["alpha"])),
            estimate_text(_bare(row["spearman"])),
            interval_text(_bare(row["spearman"])),
        ]
        for row in rows
    ]
    notes = ["The intervals hold for all rows together."]
    if ceiling is not None and ceiling["value"] is not None:
        notes.append("The dashed line is what one person reaches against the other people, over all items.")
    header = [kind[:-1], "items", "alpha", "interval", "rho", "interval"]
    title = {"segments": "Segments", "languages": "Languages"}[kind]
    return [
        Section(title=title, notes=notes, charts=charts, table=Table(header=header, rows=table, numeric=range(1, 6)))
    ]


def _biases(card: Mapping[str, Any]) -> Section:
    rows = [[name, estimate_text(e), interval_text(e), basis_text(e)] for name, e in bias_rows(card)]
    return Section(
        title="Biases",
        notes=["Length and own family: points of verdict at equal quality by people's labels, whose noise is taken off"
               " where several people labelled."] if measured(card, "length_bias") is not None else [],
        charts=_length(card),
        table=Table(header=["bias", "value", "interval", "rests on"], rows=rows, numeric=[1, 2]),
    )  # fmt: skip


def _scale(card: Mapping[str, Any]) -> list[Section]:
    use = measured(card, "scale_use")
    if use is None:
        return []
    values = [
        {"level": f"{level:g}", "share": 100.0 * share, "text": f"{share:.1%}"}
        for level, share in zip(use["levels"], use["shares"], strict=True)
    ]
    chart: Spec = {
        "$schema": SCHEMA,
        "title": "Verdicts by level",
        "description": "Share of verdicts on each level: " + "; ".join(f"{r['level']} {r['text']}" for r in values),
        "width": "container",
        "height": 160,
        "data": {"values": values},
        "mark": {"type": "bar", "color": BLUE},
        "encoding": {
            "x": {"field": "level", "type": "ordinal", "sort": None, "title": "verdict", "axis": {"labelAngle": 0}},
            "y": {"field": "share", "type": "quantitative", "title": "share of verdicts (%)"},
            "tooltip": _tips({"level": "verdict", "text": "share"}),
        },
    }
    said = f"{use['distinct']:,} different verdicts, {use['entropy_bits']:.2f} bits."
    return [Section(title="Scale use", notes=[said], charts=[chart])]


def _golden(card: Mapping[str, Any]) -> list[Section]:
    golden = measured(card, "golden")
    if golden is None:
        return []
    rows = [(f"from {when(row['since'])}", row["accuracy"]) for row in golden["periods"]]
    charts = _drawn(rows, title="Accuracy on golden items", x_title="share right (%)")
    return [Section(title="Golden set", sentences=golden_sentences(golden), charts=charts)]


def _calibration(card: Mapping[str, Any]) -> list[Section]:
    found = measured(card, "calibration")
    if found is None:
        return []
    rows = [
        [
            name,
            ", ".join(tier["features"]) if len(tier["features"]) <= 6 else f"{len(tier['features']):,} features",
            estimate_text(_bare(tier[key])),
            interval_text(_bare(tier[key])),
            value_text(math.sqrt(tier[variance])),
        ]
        for tier in found["tiers"]
        for name, key, variance in (
            (tier["name"], "r2", "residual_variance"),
            (f"{tier['name']}, known systems", "r2_known_systems", "residual_variance_known_systems"),
        )
        if tier[key] is not None
    ]
    return [
        Section(
            title="Calibration map",
            notes=[f"Fitted on {found['n']:,} labels; errors are those of fits that had not seen the item's document."],
            table=Table(header=["tier", "features", "r²", "interval", "error sd"], rows=rows, numeric=[2, 3, 4]),
        )
    ]


def _spent(card: Mapping[str, Any]) -> list[Section]:
    rows = [
        [
            MEASURES[name],
            *(value_text(card[name][key]["value"], card[name][key]["unit"]) for key in ("mean", "p50", "p95")),
        ]
        for name in ("cost", "latency")
        if measured(card, name) is not None
    ]
    if not rows:
        return []
    header = ["of a verdict", "mean", "median", "95th percentile"]
    return [Section(title="Cost and latency", table=Table(header=header, rows=rows, numeric=[1, 2, 3]))]


def _rest(card: Mapping[str, Any]) -> Section:
    rows = [
        [label, card[name]["not_measured"]]
        for name, label in MEASURES.items()
        if name in card and measured(card, name) is None
    ]
    if not rows:
        return Section(title="Not measured", sentences=["Everything a card can hold was measured."])
    return Section(title="Not measured", table=Table(header=["what", "why"], rows=rows))


def _reliability(card: Mapping[str, Any]) -> list[Spec]:
    """People's label against the verdict, equal ones as one larger point, and the rising curve."""
    drawn = card.get("drawn") or {"points": [], "curve": []}
    counts: dict[tuple[float, float], int] = {}
    for point in drawn["points"]:
        place = (round(point["verdict"], 3), round(point["human"], 3))
        counts[place] = counts.get(place, 0) + 1
    if len(counts) < 2:
        return []
    values = [{"verdict": x, "human": y, "count": count} for (x, y), count in counts.items()]
    curve = [{"verdict": x, "human": y} for x, y in drawn["curve"]]
    x = {"field": "verdict", "type": "quantitative", "title": "verdict", "scale": {"zero": False}}
    y = {"field": "human", "type": "quantitative", "title": "people's label", "scale": {"zero": False}}
    tips = _tips({"verdict": "verdict", "human": "people", "count": "items"})
    size = {"field": "count", "type": "quantitative", "legend": None, "scale": {"range": [12, 320]}}
    return [
        {
            "$schema": SCHEMA,
            "title": "What people say at each verdict",
            "description": f"People's label by verdict, {len(drawn['points']):,} items, with the rising fit",
            "width": "container",
            "height": 260,
            "layer": [
                {"data": {"values": values}, "mark": {"type": "point", "filled": True, "opacity": 0.5, "color": GREY},
                 "encoding": {"x": x, "y": y, "size": size, "tooltip": tips}},
                {"data": {"values": curve}, "mark": {"type": "line", "point": True, "color": BLUE, "strokeWidth": 3},
                 "encoding": {"x": x, "y": y, "tooltip": _tips({"verdict": "verdict", "human": "rising fit"})}},
            ],
        }
    ]  # fmt: skip


def _length(card: Mapping[str, Any]) -> list[Spec]:
    """Verdict beyond that of the label against length, with the slope that was measured."""
    slope = measured(card, "length_bias")
    points = [
        {"length": point["length"], "beyond": point["beyond"]}
        for point in (card.get("drawn") or {"points": []})["points"]
        if point.get("length")
    ]
    if slope is None or slope["value"] is None or len(points) < 2:
        return []
    logs = [math.log2(point["length"]) for point in points]
    low, high, middle = min(logs), max(logs), math.fsum(logs) / len(logs)
    ends = [{"length": 2.0**at, "beyond": slope["value"] * (at - middle)} for at in (low, high)]
    what = "A's length over B's" if card.get("pairs") else "characters"
    x = {"field": "length", "type": "quantitative", "title": f"{what} (each step doubles)",
         "scale": {"type": "log", "base": 2, "nice": False}, "axis": {"tickCount": 6}}  # fmt: skip
    y = {"field": "beyond", "type": "quantitative", "title": "verdict beyond that of the label"}
    return [
        {
            "$schema": SCHEMA,
            "title": "Length at equal quality",
            "description": f"Verdict beyond that of people's label by length; slope {estimate_text(slope)}",
            "width": "container",
            "height": 220,
            "layer": [
                {"data": {"values": points}, "mark": {"type": "point", "filled": True, "opacity": 0.4, "color": GREY},
                 "encoding": {"x": x, "y": y, "tooltip": _tips({"length": what, "beyond": "beyond"})}},
                {"data": {"values": ends}, "mark": {"type": "line", "color": BLUE, "strokeWidth": 3},
                 "encoding": {"x": x, "y": y}},
            ],
        }
    ]  # fmt: skip


def _line_at(value: float, text: str) -> Spec:
    return {
        "data": {"values": [{"value": value, "text": text}]},
        "mark": {"type": "rule", "strokeDash": [4, 4], "color": GREEN, "strokeWidth": 2},
        "encoding": {"x": {"field": "value", "type": "quantitative"}, "tooltip": _tips({"text": "ceiling"})},
    }


def _tips(fields: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"field": field, "type": "nominal", "title": title} for field, title in fields.items()]


def _bare(estimate: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the name of the unit, which the row gives."""
    return estimate if estimate["unit"] == "share" else {**estimate, "unit": "score"}


def _drawn(rows: Sequence[tuple[str, Mapping[str, Any]]], *, title: str, x_title: str) -> list[Spec]:
    shown = [(name, _bare(estimate)) for name, estimate in rows if estimate["value"] is not None]
    one_unit = [pair for pair in shown if pair[1]["unit"] == shown[0][1]["unit"]] if shown else []
    found = interval_chart(one_unit, title=title, x_title=x_title)
    return [] if found is None else [found]
