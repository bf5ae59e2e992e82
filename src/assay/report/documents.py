"""What the pages about runs show, as plain JSON: the pages are made from these documents and the API serves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.app.results import run_row, show_run
from assay.app.wiring import App
from assay.core.errors import NotFoundError
from assay.core.records import RunRecord
from assay.report.histogram import histogram
from assay.report.remember import Memory, version_of

NEWEST = 1_000
"""Runs a list looks at; older ones are found through the filters."""
RUNS_SHOWN = 100
TREND_POINTS = 60
LIVE_ITEMS = 5_000
DISTRIBUTIONS = {"latency_s": "s", "cost_usd": "usd", "output_tokens": "tokens"}


def runs_document(
    app: App, *, task: str | None = None, model: str | None = None, limit: int = RUNS_SHOWN
) -> dict[str, Any]:
    """Runs newest first, the primary metric of each, and its course over time for each task and model.

    Returns:
        ``{"runs": [{"run_id", "task", "model", "status", "created_at", "metric", "estimate", "samples", "cost_usd",
        "seconds", …}], "total", "trends": [{"task", "model", "metric", "points": [{"run_id", "created_at",
        "estimate"}]}], "filter": {"task", "model", "tasks", "models"}, "running"}``. ``total`` counts what was looked
        at, the newest 1,000 at most.
    """
    metadata = app.store.metadata
    newest = metadata.runs(limit=NEWEST)
    found = metadata.runs(task=task, model=model, limit=NEWEST) if task or model else newest
    return {
        "runs": [run_line(record) for record in found[:limit]],
        "total": len(found),
        "trends": _trends(found),
        "filter": {
            "task": task,
            "model": model,
            "tasks": sorted({record.task for record in newest}),
            "models": sorted({record.model for record in newest if record.model}),
        },
        "running": any(record.status == "running" for record in found[:limit]),
    }


def run_line(record: RunRecord) -> dict[str, Any]:
    """One line of the list of runs, with the primary metric picked out."""
    row = run_row(record)
    return {
        **row,
        "metric": row["primary"],
        "estimate": row["metrics"].get(row["primary"]),
        "samples": record.summary.get("samples") or {"planned": record.manifest.get("selection", {}).get("samples")},
        "cost_usd": row["usage"].get("cost_usd"),
        "seconds": record.summary.get("seconds"),
    }


def _trends(records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    courses: dict[tuple[str, str | None, str], list[dict[str, Any]]] = {}
    for record in reversed(records):
        line = run_line(record)
        if line["estimate"] is None or line["estimate"].get("value") is None:
            continue
        point = {"run_id": record.run_id, "created_at": record.created_at, "estimate": line["estimate"]}
        courses.setdefault((record.task, record.model, line["metric"]), []).append(point)
    return [
        {"task": task, "model": model, "metric": metric, "points": points[-TREND_POINTS:]}
        for (task, model, metric), points in courses.items()
    ]


def run_document(app: App, run_id: str, *, memory: Memory) -> dict[str, Any]:
    """One run: its ``assay.run/1`` document, its distributions, and how far it is while it runs.

    Raises:
        NotFoundError: There is no such run.
    """
    record = app.store.metadata.run(run_id)
    version = version_of(record)
    document = show_run(app, record.run_id)
    question = None if version is None else ("distributions", version)
    return {
        **document,
        "primary": document.get("primary") or record.manifest.get("primary"),
        "segment_figures": segment_figures(document),
        "distributions": memory.recall(question, lambda: _distributions(app, record)),
        "live": live_document(app, record),
    }


def live_document(app: App, record: RunRecord) -> dict[str, Any] | None:
    """How far a running run is: ``{"finished", "planned", "metric", "estimate"}``; ``None`` once it has ended.

    The estimate is the primary metric's on the items finished so far, ``None`` while there are none and beyond
    5,000, where reading them all every few seconds would slow the run down.
    """
    if record.status != "running":
        return None
    planned = record.manifest.get("selection", {}).get("samples", 0) * record.manifest.get("epochs", 1)
    finished = len(app.store.journal.done(record.run_id))
    metric = record.manifest.get("primary")
    estimate = _so_far(app, record, metric) if metric and 0 < finished <= LIVE_ITEMS else None
    return {"finished": finished, "planned": planned, "metric": metric, "estimate": estimate}


def _so_far(app: App, record: RunRecord, metric: str) -> dict[str, Any] | None:
    from assay.engine.pairing import Reduced

    unit = next((scorer["unit"] for scorer in record.manifest.get("scorers", ()) if scorer["name"] == metric), "score")
    try:
        column = app.store.results.column(record.run_id, metric)
    except NotFoundError:  # none of the items has a verdict of this scorer
        return None
    return Reduced.of(column).evidence(unit).estimate(0.95).to_dict()


def segment_figures(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The primary metric on every segment: ``{"key", "value", "estimate"}``; segments without one are left out."""
    primary = document.get("primary")
    return [
        {"key": row["key"], "value": row["value"], "estimate": row["metrics"][primary]}
        for row in document.get("segments", ())
        if primary in row["metrics"]
    ]


def _distributions(app: App, record: RunRecord) -> dict[str, Any]:
    columns = app.store.results.outputs(record.run_id, list(DISTRIBUTIONS))
    return {
        field: histogram([value for value in column if value is not None], unit=unit)
        for (field, unit), column in zip(DISTRIBUTIONS.items(), columns, strict=True)
    }
