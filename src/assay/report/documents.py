"""What the pages about runs show, as plain JSON: the pages are made from these documents and the API serves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.app.results import run_row, show_run
from assay.app.wiring import App
from assay.core.records import RunRecord
from assay.report.histogram import histogram
from assay.report.judges import judge_links
from assay.report.remember import Memory, version_of

NEWEST = 1_000
"""Runs a list looks at; older ones are found through the filters."""
RUNS_SHOWN = 100
TREND_POINTS = 60
DISTRIBUTIONS = {"latency_s": "s", "cost_usd": "usd", "output_tokens": "tokens"}


def runs_document(
    app: App,
    *,
    task: str | None = None,
    model: str | None = None,
    limit: int = RUNS_SHOWN,
    before: str | None = None,
) -> dict[str, Any]:
    """Runs newest first, the primary metric of each, and its course over time for each task and model.

    Args:
        before: Id of the last run of the page before this one.

    Returns:
        ``{"runs": [{"run_id", "task", "model", "status", "hint", "created_at", "metric", "estimate", "samples",
        "cost_usd", "seconds", …}], "next", "total", "trends": [{"task", "model", "metric", "points": [{"run_id",
        "created_at", "estimate"}]}], "filter": {"task", "model", "tasks", "models"}, "running"}``. ``next`` is the
        next page's ``before``, ``None`` on the last one. ``total`` and ``trends`` are of the newest 1,000.

    Raises:
        NotFoundError: There is no run ``before``.
    """
    metadata = app.store.metadata
    newest = metadata.runs(limit=NEWEST)
    found = metadata.runs(task=task, model=model, limit=NEWEST) if task or model else newest
    after = None if before is None else metadata.run(before).run_id
    shown = metadata.runs(task=task, model=model, limit=limit + 1, before=after)
    lines = [run_line(app, record) for record in shown[:limit]]
    return {
        "runs": lines,
        "next": lines[-1]["run_id"] if len(shown) > limit else None,
        "total": len(found),
        "trends": _trends(found),
        "filter": {
            "task": task,
            "model": model,
            "tasks": sorted({record.task for record in newest}),
            "models": sorted({record.model for record in newest if record.model}),
        },
        "running": any(line["status"] == "running" for line in lines),
    }


def run_line(app: App, record: RunRecord) -> dict[str, Any]:
    """One line of the list of runs, with the primary metric picked out."""
    row = run_row(app, record)
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
        metric = record.manifest.get("primary", "")
        estimate = record.summary.get("metrics", {}).get(metric)
        if estimate is None or estimate.get("value") is None:
            continue
        point = {"run_id": record.run_id, "created_at": record.created_at, "estimate": estimate}
        courses.setdefault((record.task, record.model, metric), []).append(point)
    return [
        {"task": task, "model": model, "metric": metric, "points": points[-TREND_POINTS:]}
        for (task, model, metric), points in courses.items()
    ]


def run_document(app: App, run_id: str, *, memory: Memory) -> dict[str, Any]:
    """One run: its ``assay.run/1`` document as it stands, segments' figures, distributions, judges that have a card.

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
        "judge_cards": judge_links(app, record.manifest),
        "distributions": memory.recall(question, lambda: _distributions(app, record)),
    }


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
