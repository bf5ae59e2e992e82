"""One self-contained HTML file of a run: scripts, style and data inside, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from assay.app.tiered import plain_item, reasons_asked
from assay.app.wiring import App
from assay.core.protocols import PageQuery
from assay.core.records import Item
from assay.report.comparison import compare_document
from assay.report.documents import run_document
from assay.report.messages import turns
from assay.report.remember import Memory
from assay.report.samples import scorers_of
from assay.report.standalone import standalone, write_file

ROWS = 2_000
"""Samples a file carries: more make it slow to open and to send; the page served by ``assay view`` has them all."""
TEXT_CHARS = 4_000
TABLE_SCRIPT = "report.js"


def write_report(app: App, run_id: str, *, baseline: str | None = None, path: str | None = None) -> str:
    """Write the page of a run, with its comparison where a baseline is named.

    Args:
        path: The file; ``reports/<run_id>.html`` in the store's objects when ``None``.

    Returns:
        Path (or URL) of what was written.

    Raises:
        NotFoundError: There is no such run.
        StoreError: The file cannot be written.
    """
    record = app.store.metadata.run(run_id)
    page = report_page(app, record.run_id, baseline=baseline)
    if path is None:
        return app.store.objects.put(f"reports/{record.run_id}.html", page)
    return write_file(page, path, kept="the run is untouched")


def report_page(app: App, run_id: str, *, baseline: str | None = None) -> bytes:
    """The file's bytes."""
    record, memory = app.store.metadata.run(run_id), Memory()
    total = app.store.results.page(run_id, PageQuery(limit=1)).total
    rows = list(islice(_rows(app, run_id), ROWS))
    context = {
        "run": run_document(app, run_id, memory=memory),
        "c": None if baseline is None else compare_document(app, baseline, run_id, memory=memory, limit=50),
        "data": {"rows": rows, "scorers": scorers_of(record)},
        "total": total,
    }
    return standalone("report.html", context, more_scripts=[TABLE_SCRIPT])


def _rows(app: App, run_id: str) -> Iterator[dict[str, Any]]:
    reasons = reasons_asked(app, app.store.metadata.run(run_id))
    for item in app.store.results.items(run_id):
        yield _row(item, plain_item(item, reasons))


def _row(item: Item, plain: Mapping[str, Any]) -> dict[str, Any]:
    reference = item.sample.references()
    return {
        "id": item.sample.id,
        "epoch": item.output.epoch,
        "critical": item.sample.critical,
        "error": item.output.error,
        "turns": [
            {
                **turn,
                "text": _cut(turn["text"]),
                "calls": [{**c, "arguments": _cut(c["arguments"])} for c in turn["calls"]],
            }
            for turn in turns(plain)
        ],
        "output": _cut(item.output.text),
        "reference": [_cut(text) for text in reference],
        "latency_s": item.output.latency_s,
        "cost_usd": item.output.cost_usd,
        "usage": asdict(item.output.usage),
        "scores": [
            {
                "scorer": score["scorer"],
                "value": score["value"],
                "label": score["label"],
                "reason": score["reason"],
                "explanation": _cut(score["explanation"] or ""),
                "tier": score["tier"],
                "asked": (score.get("asked") or {}).get("why"),
            }
            for score in plain["scores"]
        ],
    }


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]} … ({len(text):,} characters in all)"
