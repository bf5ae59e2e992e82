"""Charts as Vega-Lite specifications: plain dictionaries with their data inside and fixed field names.

Texts from runs stand in data values only, never in a field name or an expression. Colours (Okabe & Ito's, darkened or
lightened so that they are read on white and on black) always come with a shape or a word that says the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.report.figures import (
    basis_text,
    difference_interval,
    difference_text,
    estimate_text,
    interval_text,
    value_text,
)

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
BLUE = "#2f7fc1"
VERDICTS = {
    "better": ("#1f8f6b", "triangle-up"),
    "worse": ("#c8571b", "triangle-down"),
    "equivalent": (BLUE, "square"),
    "undecided": ("#7d8590", "circle"),
    "pass": ("#1f8f6b", "triangle-up"),
    "fail": ("#c8571b", "triangle-down"),
    "inconclusive": ("#7d8590", "circle"),
}
_AXIS = {
    "share": "share of samples (%)",
    "s": "seconds (s)",
    "usd": "US dollars (USD)",
    "tokens": "tokens",
    "chars": "characters",
    "score": "score",
}
_ROW_PX = 26


def unit_title(unit: str) -> str:
    """How an axis names a unit."""
    return _AXIS.get(unit, unit)


def metric_charts(metrics: Mapping[str, Mapping[str, Any]]) -> list[Spec]:
    """Every metric as a point with its interval; one chart a unit, as units share no axis."""
    rows = [{"name": name, **_plotted(estimate)} for name, estimate in metrics.items() if _drawable(estimate)]
    units = dict.fromkeys(row["unit"] for row in rows)
    return [
        _intervals([row for row in rows if row["unit"] == unit], unit=unit, title=f"Metrics, {unit_title(unit)}")
        for unit in units
    ]


def segment_chart(
    segments: Sequence[Mapping[str, Any]], *, metric: str, whole: Mapping[str, Any] | None
) -> Spec | None:
    """The primary metric on every segment, with the whole run's as a line; ``None`` when nothing can be drawn."""
    rows = [
        {"name": f"{row['key']} = {row['value']}", **_plotted(row["estimate"])}
        for row in segments
        if _drawable(row["estimate"])
    ]
    if not rows:
        return None
    spec = _intervals(rows, unit=rows[0]["unit"], title=f"{metric} by segment")
    if whole is not None and whole.get("value") is not None:
        factor = _factor(whole.get("unit", "score"))
        spec["layer"].append(
            {
                "data": {"values": [{"value": whole["value"] * factor, "text": f"whole run: {estimate_text(whole)}"}]},
                "mark": {"type": "rule", "strokeDash": [4, 4], "color": "#7d8590"},
                "encoding": {"x": {"field": "value", "type": "quantitative"}, "tooltip": _tip({"text": "figure"})},
            }
        )
    return spec


def histogram_chart(distribution: Mapping[str, Any], *, title: str) -> Spec | None:
    """A histogram from bins counted before; ``None`` without values, and where one value is all there is."""
    if len(distribution["bins"]) < 2:
        return None
    unit = distribution["unit"]
    bins = [
        {**row, "text": f"{value_text(row['low'], unit)} to {value_text(row['high'], unit)}"}
        for row in distribution["bins"]
    ]
    what = "" if unit_title(unit) == title else f"{title}, "
    x_axis = {
        "title": f"{what}{unit_title(unit)}",
        "tickCount": 5,
        "labelOverlap": "greedy",
        "format": "~g" if unit == "usd" else "~s",
    }
    most = max(row["count"] for row in bins)
    y_axis: dict[str, Any] = {"values": list(range(most + 1))} if most < 6 else {"tickCount": 5}
    return {
        "$schema": SCHEMA,
        "title": f"{title} of a sample",
        "description": f"Histogram of {title}: {distribution['n']:,} samples",
        "width": "container",
        "height": 160,
        "data": {"values": bins},
        "mark": {"type": "bar", "color": BLUE, "binSpacing": 1},
        "encoding": {
            "x": {
                "field": "low",
                "type": "quantitative",
                "bin": {"binned": True},
                "scale": {"zero": False, "nice": False},
                "axis": x_axis,
            },
            "x2": {"field": "high"},
            "y": {"field": "count", "type": "quantitative", "title": "samples", "axis": {**y_axis, "format": ",d"}},
            "tooltip": _tip({"text": title, "count": "samples"}),
        },
    }


def difference_charts(comparison: Mapping[str, Any]) -> list[Spec]:
    """Candidate minus baseline with its interval, metric by metric, and the line of no difference."""
    rows = []
    for name, metric in comparison["metrics"].items():
        estimate = metric["difference"]
        if _drawable(estimate):
            row = {"name": name, **_plotted(estimate), "verdict": metric["verdict"]}
            rows.append({**row, "text": f"{difference_text(estimate)} ({difference_interval(estimate)})"})
    charts = []
    for unit in dict.fromkeys(row["unit"] for row in rows):
        title = "points" if unit == "share" else unit_title(unit)
        chart = _intervals(
            [row for row in rows if row["unit"] == unit],
            unit=unit,
            title="Difference, candidate − baseline",
            x_title=f"difference ({title})",
            by_verdict=True,
        )
        zero = {"data": {"values": [{"value": 0}]}, "mark": {"type": "rule", "color": "#7d8590"}}
        chart["layer"].insert(0, {**zero, "encoding": {"x": {"field": "value", "type": "quantitative"}}})
        charts.append(chart)
    return charts


def forest_chart(rows: Sequence[tuple[str, Mapping[str, Any], str]], *, title: str, x_title: str) -> Spec | None:
    """Differences of one unit, one below the other, with their intervals and the line of no difference.

    Args:
        rows: Name, Estimate in its JSON form, verdict (a key of ``VERDICTS``).
    """
    drawn = [
        {
            **{"name": name, "verdict": verdict, **_plotted(estimate)},
            "text": f"{difference_text(estimate)} ({difference_interval(estimate)})",
        }
        for name, estimate, verdict in rows
        if _drawable(estimate)
    ]
    if not drawn:
        return None
    unit = drawn[0]["unit"]
    named = "points" if unit == "share" else unit_title(unit)
    chart = _intervals(drawn, unit=unit, title=title, x_title=f"{x_title} ({named})", by_verdict=True)
    zero = {"data": {"values": [{"value": 0}]}, "mark": {"type": "rule", "color": "#7d8590"}}
    chart["layer"].insert(0, {**zero, "encoding": {"x": {"field": "value", "type": "quantitative"}}})
    return chart


def interval_chart(rows: Sequence[tuple[str, Mapping[str, Any]]], *, title: str, x_title: str) -> Spec | None:
    """Estimates of one unit in the order given, one below the other; the axis need not begin at 0."""
    drawn = [{"name": name, **_plotted(estimate)} for name, estimate in rows if _drawable(estimate)]
    if not drawn:
        return None
    spec = _intervals(drawn, unit=drawn[0]["unit"], title=title, x_title=x_title)
    for layer in spec["layer"]:
        layer["encoding"]["x"]["scale"] = {"zero": False}
    return spec


def course_chart(points: Sequence[Mapping[str, Any]], *, title: str, y_title: str, x_title: str) -> Spec:
    """An interval that narrows look by look: ``{"time", "value", "low", "high", "n"}`` each, in order."""
    x = {"field": "time", "type": "ordinal", "sort": None, "title": x_title, "axis": {"labelOverlap": "greedy"}}
    tips = _tip({"time": x_title, "text": y_title, "n": "units"})
    y = {"type": "quantitative", "title": y_title}
    return {
        "$schema": SCHEMA,
        "title": title,
        "description": f"{title}, {len(points)} looks",
        "width": "container",
        "height": 260,
        "data": {"values": list(points)},
        "layer": [
            {"mark": {"type": "area", "opacity": 0.25, "color": BLUE},
             "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}}},
            {"mark": {"type": "line", "point": True, "color": BLUE},
             "encoding": {"x": x, "y": {"field": "value", **y}, "tooltip": tips}},
            {"mark": {"type": "rule", "strokeDash": [4, 4], "color": "#7d8590"}, "encoding": {"y": {"datum": 0}}},
        ],
    }  # fmt: skip


def _intervals(
    rows: Sequence[Mapping[str, Any]], *, unit: str, title: str, x_title: str | None = None, by_verdict: bool = False
) -> Spec:
    confidence = rows[0]["confidence"]
    known = f"{x_title or unit_title(unit)}, {confidence} interval"
    y = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelLimit": 150, "minExtent": 90, "ticks": False, "domain": False},
    }
    x = {"type": "quantitative", "title": known, "axis": {"tickCount": 5, "labelOverlap": "greedy"}}
    if unit == "share" and not by_verdict:
        x["scale"] = {"domain": [0, 100]}
    point: dict[str, Any] = {"x": {"field": "value", **x}, "y": y, "tooltip": _tip(_TIPS)}
    line = {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": y, "tooltip": _tip(_TIPS)}
    if by_verdict:
        names = list(VERDICTS)
        colours = {"domain": names, "range": [VERDICTS[name][0] for name in names]}
        shapes = {"domain": names, "range": [VERDICTS[name][1] for name in names]}
        legend = {"title": None, "orient": "bottom", "values": list(dict.fromkeys(str(row["verdict"]) for row in rows))}
        point["color"] = {"field": "verdict", "type": "nominal", "scale": colours, "legend": legend}
        point["shape"] = {"field": "verdict", "type": "nominal", "scale": shapes, "legend": legend}
        line["color"] = point["color"]
    return {
        "$schema": SCHEMA,
        "title": title,
        "description": f"{title}: " + "; ".join(f"{row['name']} {row['text']}" for row in rows)[:600],
        "width": "container",
        "height": _ROW_PX * len(rows),
        "data": {"values": list(rows)},
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2, "color": BLUE}, "encoding": line},
            {"mark": {"type": "point", "filled": True, "size": 80, "opacity": 1, "color": BLUE}, "encoding": point},
        ],
    }


_TIPS = {"name": "name", "text": "figure", "basis": "rests on"}


def _tip(fields: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"field": field, "type": "nominal", "title": title} for field, title in fields.items()]


def _drawable(estimate: Mapping[str, Any]) -> bool:
    return estimate.get("value") is not None


def _plotted(estimate: Mapping[str, Any]) -> dict[str, Any]:
    """The point and its bounds; an estimate without bounds is a bare point, and its text says why."""
    unit = str(estimate.get("unit", "score"))
    factor, value = _factor(unit), estimate["value"]
    low, high = estimate.get("low"), estimate.get("high")
    return {
        "unit": unit,
        "value": value * factor,
        "low": (value if low is None else low) * factor,
        "high": (value if high is None else high) * factor,
        "confidence": f"{100 * estimate.get('confidence', 0.95):g}%",
        "text": f"{estimate_text(estimate)} ({interval_text(estimate)})",
        "basis": basis_text(estimate),
    }


def _factor(unit: str) -> float:
    return 100.0 if unit == "share" else 1.0
