"""A forecast as one self-contained HTML file: chances ahead, what they rest on, how they did in the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.report.charts import BLUE, SCHEMA, Spec
from assay.report.standalone import standalone, write_file

DRAWN_STATES = 4
DRAWN_ROWS = 24
_COLOURS = (BLUE, "#c8571b", "#1f8f6b", "#8a63b0")
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])


def write_forecast(document: Mapping[str, Any], path: str) -> str:
    """Write the page of an ``assay.forecast/1`` document and return its path.

    Raises:
        StoreError: The file cannot be written.
    """
    return write_file(forecast_page(document), path, kept="the forecast itself was made")


def forecast_page(document: Mapping[str, Any]) -> bytes:
    """The file's bytes."""
    context = {
        "f": document,
        "shown": document["transitions"][:DRAWN_ROWS],
        "path_chart": path_chart(document),
        "transition_chart": transition_chart(document),
        "count_chart": count_chart(document),
        "reliability_chart": reliability_chart(document),
    }
    return standalone("forecast.html", context)


def drawn_states(document: Mapping[str, Any]) -> list[str]:
    """States worth a line: the second of two, else the likeliest at the first step."""
    states = list(document["states"])
    if len(states) == 2:
        return states[1:]
    path = document["path"]["states"]
    return sorted(states, key=lambda state: -max(path[state]["value"]))[:DRAWN_STATES]


def path_chart(document: Mapping[str, Any]) -> Spec:
    """Chance of each state by step, with the band of its interval and the long-run share."""
    path, states = document["path"], drawn_states(document)
    rows = [
        {
            "step": step,
            "state": state,
            "value": 100 * path["states"][state]["value"][place],
            "low": 100 * path["states"][state]["low"][place],
            "high": 100 * path["states"][state]["high"][place],
        }
        for state in states
        for place, step in enumerate(path["steps"])
    ]
    scale = {"domain": states, "range": list(_COLOURS[: len(states)])}
    dashes = {"domain": states, "range": list(_DASHES[: len(states)])}
    legend = {"title": None, "orient": "bottom"}
    colour = {"field": "state", "type": "nominal", "scale": scale, "legend": legend}
    x = {"field": "step", "type": "quantitative", "title": "steps ahead", "axis": {"tickMinStep": 1, "format": "d"}}
    y = {"type": "quantitative", "title": "chance (%)", "scale": {"domain": [0, 100]}}
    tips = [
        {"field": "state", "type": "nominal"},
        {"field": "step", "type": "quantitative"},
        *({"field": name, "type": "quantitative", "format": ".1f"} for name in ("value", "low", "high")),
    ]
    layers: list[Spec] = [
        {
            "mark": {"type": "area", "opacity": 0.2},
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}, "color": colour},
        },
        {
            "mark": {"type": "line", "point": {"size": 24}},
            "encoding": {
                "x": x,
                "y": {"field": "value", **y},
                "color": colour,
                "strokeDash": {"field": "state", "type": "nominal", "scale": dashes, "legend": legend},
                "tooltip": tips,
            },
        },
    ]
    long_run = document["long_run"]
    if long_run and long_run["shares"]:
        rules = [{"state": state, "share": 100 * long_run["shares"][state]["value"]} for state in states]
        layers.append(
            {
                "data": {"values": rules},
                "mark": {"type": "rule", "strokeDash": [4, 4], "opacity": 0.7},
                "encoding": {
                    "y": {"field": "share", **y},
                    "color": colour,
                    "tooltip": [{"field": "share", "type": "quantitative", "title": "long run", "format": ".1f"}],
                },
            }
        )
    first = {state: path["states"][state]["value"][0] for state in states}
    said = ", ".join(f"{state} {100 * value:.0f}%" for state, value in first.items())
    return {
        "$schema": SCHEMA,
        "title": "Chance of each state, with its 95% interval"
        + ("" if len(layers) == 2 else "; level line: the long run"),
        "description": f"Chances over {len(path['steps'])} steps; at the first: {said}",
        "width": "container",
        "height": 220,
        "data": {"values": rows},
        "layer": layers,
    }


def transition_chart(document: Mapping[str, Any]) -> Spec:
    """Every transition probability as a point with its interval; the second state's alone where there are two."""
    states = document["states"][1:] if len(document["states"]) == 2 else document["states"]
    rows = [
        {
            "name": f"{' → '.join(row['after']) or 'anything'} ⇒ {state}",
            "value": 100 * one["value"],
            "low": 100 * one["low"],
            "high": 100 * one["high"],
            "n": row["n"],
        }
        for row in document["transitions"][:DRAWN_ROWS]
        for state in states
        if (one := row["probabilities"][state])["low"] is not None
    ][: 2 * DRAWN_ROWS]
    x = {"type": "quantitative", "title": "chance (%), 95% interval", "scale": {"domain": [0, 100]}}
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 220}}
    tips = [{"field": "name", "type": "nominal"}, *_numbers("value", "low", "high"), {"field": "n"}]
    return {
        "$schema": SCHEMA,
        "title": "What follows what",
        "description": "Transition probabilities: " + _listed(rows),
        "width": "container",
        "height": max(60, 24 * len(rows)),
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": BLUE},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": y, "tooltip": tips},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1, "color": BLUE},
                "encoding": {"x": {"field": "value", **x}, "y": y, "tooltip": tips},
            },
        ],
    }


def _numbers(*names: str) -> list[dict[str, str]]:
    return [{"field": name, "type": "quantitative", "format": ".1f"} for name in names]


def _listed(rows: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{row['name']} {row['value']:.0f}%" for row in rows)[:500]


def count_chart(document: Mapping[str, Any]) -> Spec | None:
    """Distribution of how many of the next steps the last state takes; ``None`` where it was not computed."""
    if not document["counts"]:
        return None
    chosen = document["counts"][-1]
    rows = [
        {
            "count": count,
            "chance": 100 * chance,
            "inside": "90%" if chosen["low"] <= count <= chosen["high"] else "rest",
        }
        for count, chance in enumerate(chosen["probabilities"])
    ]
    title = f"Steps in {chosen['state']} among the next {chosen['steps']:,}"
    return {
        "$schema": SCHEMA,
        "title": title,
        "description": f"{title}: {chosen['mean']:.1f} expected, {chosen['low']} to {chosen['high']} with 90%",
        "width": "container",
        "height": 180,
        "data": {"values": rows},
        "mark": "bar",
        "encoding": {
            "x": {"field": "count", "type": "ordinal", "title": "steps", "axis": {"labelOverlap": "greedy"}},
            "y": {"field": "chance", "type": "quantitative", "title": "chance (%)"},
            "color": {
                "field": "inside",
                "type": "nominal",
                "scale": {"domain": ["90%", "rest"], "range": [BLUE, "#9fc3e3"]},
                "legend": {"title": None, "orient": "bottom"},
            },
            "tooltip": [{"field": "count", "title": "steps"}, *_numbers("chance")],
        },
    }


def reliability_chart(document: Mapping[str, Any]) -> Spec | None:
    """Observed share against forecast of the first horizon judged; ``None`` without a backtest of two states."""
    if not document["backtest"] or not document["backtest"][0]["reliability"]:
        return None
    judged = document["backtest"][0]
    rows = [
        {
            "forecast": 100 * row["forecast"],
            "observed": 100 * row["observed"]["value"],
            "low": 100 * _or(row["observed"]["low"], row["observed"]["value"]),
            "high": 100 * _or(row["observed"]["high"], row["observed"]["value"]),
            "n": row["n"],
        }
        for row in judged["reliability"]
    ]
    x = {"field": "forecast", "type": "quantitative", "title": "forecast (%)", "scale": {"domain": [0, 100]}}
    y = {"type": "quantitative", "title": "happened (%)", "scale": {"domain": [0, 100]}}
    tips = [*_numbers("forecast", "observed", "low", "high"), {"field": "n"}]
    return {
        "$schema": SCHEMA,
        "title": f"Forecasts {judged['horizon']:,} ahead against what happened",
        "description": f"Reliability of {judged['n']:,} forecasts; on the diagonal they are calibrated",
        "width": "container",
        "height": 220,
        "data": {"values": rows},
        "layer": [
            {
                "data": {"values": [{"a": 0, "b": 0}, {"a": 100, "b": 100}]},
                "mark": {"type": "line", "strokeDash": [4, 4], "color": "#7d8590"},
                "encoding": {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "b", "type": "quantitative"}},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": BLUE},
                "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "color": BLUE},
                "encoding": {"x": x, "y": {"field": "observed", **y}, "tooltip": tips},
            },
        ],
    }


def _or(bound: float | None, value: float) -> float:
    return value if bound is None else bound
