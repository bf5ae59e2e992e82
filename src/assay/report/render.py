"""Documents to HTML. Everything that comes from a run is text to the templates: autoescaping is on everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from assay.app.judge_card_words import FLAGS
from assay.engine.cascade.why import LEANING, certain_parts, tier_sentences
from assay.report import charts, figures
from assay.report.messages import ROLES, content_text, turns
from assay.report.plain import script_json
from assay.report.samples import SHOWS, SORTS

HERE = Path(__file__).parent
STATIC = HERE / "static"
STYLE = "assay.css"
SCRIPT = "assay.js"
HTMX = "htmx.min.js"
CHART_SCRIPTS = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
ASSETS = {
    STYLE: "text/css",
    SCRIPT: "text/javascript",
    HTMX: "text/javascript",
    **dict.fromkeys(CHART_SCRIPTS, "text/javascript"),
    "icon.svg": "image/svg+xml",
}
LONG_TEXT = 1_200
"""Characters of a message after which it is folded."""


@cache
def asset(name: str) -> bytes:
    """The bytes of a style, script or picture that ships with the pages."""
    return (STATIC / name).read_bytes()


@cache
def asset_version(name: str) -> str:
    """Changes with the asset, so that browsers may keep it for good."""
    return sha256(asset(name)).hexdigest()[:12]


@cache
def environment() -> Environment:
    """The templates with everything they may use."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        estimate=figures.estimate_text,
        interval=figures.interval_text,
        basis=figures.basis_text,
        difference=figures.difference_text,
        difference_interval=figures.difference_interval,
        money=figures.money,
        seconds=figures.seconds_text,
        moment=figures.moment_text,
        p=figures.p_text,
        value=figures.value_text,
        script_json=lambda document: Markup(script_json(document)),  # noqa: S704 - escapes <, > and &
        pretty=lambda value: json.dumps(value, indent=2, ensure_ascii=False, default=str),
        content=content_text,
        turns=turns,
        spark=spark_points,
        certain_parts=certain_parts,
        tier_sentences=tier_sentences,
        url=url,
    )
    made.globals.update(
        charts=charts,
        static_url=lambda name: f"/static/{name}?v={asset_version(name)}",
        shows=SHOWS,
        sorts=SORTS,
        chart_scripts=CHART_SCRIPTS,
        long_text=LONG_TEXT,
        roles=ROLES,
        verdict_marks=VERDICT_MARKS,
        flag_words=FLAGS,
        leaning=LEANING,
    )
    return made


VERDICT_MARKS = {"better": "▲", "worse": "▼", "equivalent": "■", "undecided": "●", "noninferior": "✓"}
"""The shapes of the difference plot, for the words beside it."""


def render(template: str, context: Mapping[str, Any]) -> bytes:
    """A page as UTF-8; half surrogate pairs, which UTF-8 does not have, become question marks."""
    return environment().get_template(template).render(context).encode("utf-8", errors="replace")


def url(path: str, parameters: Mapping[str, Any] | None = None, **more: Any) -> str:
    """A path with its parameters; empty ones are left out.

    Examples:
        >>> url("/runs/run_1", {"show": "zero", "search": "a&b"}, offset=0)
        '/runs/run_1?show=zero&search=a%26b&offset=0'
    """
    given = {**(parameters or {}), **more}
    kept = {key: value for key, value in given.items() if value is not None and value != ""}
    return f"{path}?{urlencode(kept, errors='replace')}" if kept else path


def spark_points(points: Sequence[Mapping[str, Any]], width: int = 120, height: int = 28) -> dict[str, Any]:
    """Coordinates of a sparkline and its interval band, as SVG point lists.

    Examples:
        >>> spark_points([{"estimate": {"value": 0.5, "low": None, "high": None}}])["line"]
        '60.0,14.0'
    """
    values = [float(point["estimate"]["value"]) for point in points]
    lows = [_or(point["estimate"].get("low"), value) for point, value in zip(points, values, strict=True)]
    highs = [_or(point["estimate"].get("high"), value) for point, value in zip(points, values, strict=True)]
    bottom, top = min(lows), max(highs)

    def at(index: int, value: float) -> str:
        x = width / 2 if len(values) == 1 else 3 + index * (width - 6) / (len(values) - 1)
        y = height / 2 if top == bottom else height - 3 - (value - bottom) / (top - bottom) * (height - 6)
        return f"{x:.1f},{y:.1f}"

    band = [at(i, v) for i, v in enumerate(highs)] + [at(i, v) for i, v in reversed(list(enumerate(lows)))]
    line = [at(i, v) for i, v in enumerate(values)]
    return {
        "width": width,
        "height": height,
        "line": " ".join(line),
        "band": " ".join(band),
        "last": line[-1].split(","),
    }


def _or(bound: float | None, value: float) -> float:
    return value if bound is None else float(bound)
