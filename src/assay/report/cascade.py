"""Pages of ``assay cascade``: a plan, and a replay with its frontier of cost and half-width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from assay.app.cascade_plan import explained_text
from assay.report.charts import BLUE, SCHEMA, Spec
from assay.report.figures import UNKNOWN, money
from assay.report.page import Page, Section, Table, write_page

_CURVES = ((BLUE, [1, 0], "circle"), ("#c8571b", [6, 3], "triangle-up"))

_PAYS = {True: "yes", False: "no", None: "?"}


def write_plan(document: Mapping[str, Any], *, path: Path) -> str:
    """Write the page of an ``assay.cascade_plan/1`` document and return its path."""
    return write_page(plan_page(document), path=path)


def write_simulation(document: Mapping[str, Any], *, path: Path) -> str:
    """Write the page of an ``assay.cascade_simulation/1`` document and return its path."""
    return write_page(simulation_page(document), path=path)


def plan_page(document: Mapping[str, Any]) -> Page:
    """Everything ``assay cascade plan`` prints."""
    per = "a day" if document["per"] == "day" else "a run"
    known = document["knowledge"]
    rows = [
        [
            row["tier"],
            f"{100 * row['share']:.3g}%",
            f"{row['items']:,.0f}",
            money(row["usd_per_item"]),
            f"${row['cost_usd']:,.2f}",
            explained_text(row["partial_r2"]),
            explained_text(row["needed_r2"]),
            _PAYS[row["pays"]],
        ]
        for row in document["tiers"]
    ]
    return Page(
        title="Plan of a cascade",
        subtitle=f"{document['items']:,} items {per}, from {known['source']}",
        lead=document["sentences"],
        sections=[
            Section(
                title="Tiers",
                table=Table(
                    header=("tier", "share", "items", "price", f"cost {per}", "adds r²", "needs r²", "pays"),
                    rows=rows,
                    numeric=(1, 2, 3, 4, 5, 6),
                ),
            )
        ],
    )


def simulation_page(document: Mapping[str, Any]) -> Page:
    """Everything ``assay cascade simulate`` prints, and the frontier."""
    name = "query" if " " in document["file"].strip() else PurePath(document["file"]).name
    return Page(
        title=f"Replays of a cascade on {name}",
        subtitle=f"{document['items']:,} items, {document['replays']:,} replays, start {document['start']};"
        f" of {document['speaks_of']} on {document['estimand']}",
        lead=document["sentences"],
        sections=[_policies(document), _frontier(document), _tiers(document)],
    )


def _policies(document: Mapping[str, Any]) -> Section:
    rows = [
        [
            row["policy"],
            f"{row['labels']:.0f}",
            _number(row["half_width"]),
            _number(row["alone_half_width"]),
            _percent(row["narrowing"]),
            _percent(row["coverage"]),
            _percent(row["alone_coverage"]),
            f"{row['bias']:+.4f}",
            f"{row['bias_z']:+.1f}",
            f"${row['cost_usd']:,.2f}",
        ]
        for row in document["policies"]
    ]
    header = ("policy", "labels", "half-width", "alone", "narrower", "covers", "alone covers", "bias", "z", "cost")
    return Section(
        title="Policies",
        table=Table(header=header, rows=rows, numeric=tuple(range(1, len(header)))),
        sentences=["Alone: as many verdicts of the last tier, drawn at random, and nothing else."],
    )


def _frontier(document: Mapping[str, Any]) -> Section:
    points = document.get("frontier") or []
    if not points:
        return Section(title="Frontier", notes=["It needs the price of every tier: --price COLUMN=USD."])
    return Section(
        title="Frontier",
        charts=[frontier_chart(points)],
        sentences=["At each budget the cascade has the shares that the planner finds best; each point is a replay."],
    )


def frontier_chart(points: Sequence[Mapping[str, Any]]) -> Spec:
    """Cost against half-width: the cascade, and sampling the last tier alone as its own curve."""
    names = list(dict.fromkeys(point["curve"] for point in points))
    rows = [{key: point[key] for key in ("curve", "cost_usd", "half_width")} for point in points]
    legend = {"title": None, "orient": "bottom"}

    def scale(place: int) -> dict[str, Any]:
        return {"domain": names, "range": [_CURVES[k % len(_CURVES)][place] for k in range(len(names))]}

    tips = [
        {"field": "curve", "type": "nominal"},
        {"field": "cost_usd", "type": "quantitative", "title": "cost (USD)", "format": ",.2f"},
        {"field": "half_width", "type": "quantitative", "title": "half-width", "format": ".3f"},
    ]
    return {
        "$schema": SCHEMA,
        "title": "Half-width against cost",
        "description": f"Half-width of the interval against cost for {' and '.join(names)}; lower and further left"
        " is better",
        "width": "container",
        "height": 280,
        "data": {"values": rows},
        "mark": {"type": "line", "point": {"size": 40}},
        "encoding": {
            "x": {"field": "cost_usd", "type": "quantitative", "scale": {"type": "log"}, "title": "cost (USD)"},
            "y": {"field": "half_width", "type": "quantitative", "title": "half-width of the 95% interval"},
            "color": {"field": "curve", "type": "nominal", "scale": scale(0), "legend": legend},
            "strokeDash": {"field": "curve", "type": "nominal", "scale": scale(1), "legend": legend},
            "shape": {"field": "curve", "type": "nominal", "scale": scale(2), "legend": legend},
            "tooltip": tips,
        },
    }


def _tiers(document: Mapping[str, Any]) -> Section:
    rows = [
        [
            row["tier"],
            f"{100 * row['share']:.3g}%",
            money(row["usd"]),
            _number(row["r"]),
            f"{row['missing']:,}",
        ]
        for row in document["tiers"]
    ]
    header = ("tier", "share", "price", "r with the last", "missing")
    return Section(title="Tiers", table=Table(header=header, rows=rows, numeric=(1, 2, 3, 4)))


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100 * value:.1f}%"
