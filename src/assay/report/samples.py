"""The table of a run's samples, and one sample with its neighbours in that table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from assay.app.results import show_item
from assay.app.wiring import App
from assay.core.cascade import PROGRAMMATIC
from assay.core.errors import NotFoundError, nearest
from assay.core.protocols import PageQuery
from assay.core.records import RunRecord

SHOWS = {
    "all": "all",
    "unscored": "unscored",
    "zero": "value 0",
    "below": "value below 1",
    "critical": "critical",
    "error": "error",
}
SORTS = {"row": "order", "value": "value", "latency_s": "latency", "cost_usd": "cost", "output_chars": "length"}
PAGE_ROWS = 50
MOST_ROWS = 500


def scorers_of(record: RunRecord) -> list[str]:
    """Names of a run's scorers, the primary one first, and of the columns that hold its tiers' verdicts, at the end."""
    names = [scorer["name"] for scorer in record.manifest.get("scorers", ())]
    primary = record.manifest.get("primary")
    return sorted(names, key=lambda name: name != primary) + _tier_columns(record)


def _tier_columns(record: RunRecord) -> list[str]:
    """One for each tier of the run's cascade that gave a verdict."""
    cascade = record.summary.get("cascade")
    if cascade is None:
        return []
    tiers = cascade["these_items"]["tiers"]
    return [
        f"{cascade['metric']}.{tier['tier']}" for tier in tiers if tier["tier"] != PROGRAMMATIC and tier["answered"]
    ]


def table_query(record: RunRecord, *, scorer: str | None = None, **state: Any) -> PageQuery:
    """The table's state: fields of PageQuery, the scorer being the primary one unless another is named.

    Raises:
        NotFoundError: The run has no such scorer; the hint names the nearest.
    """
    scorers = scorers_of(record)
    if scorer is not None and scorer not in scorers:
        raise NotFoundError(
            f"run {record.run_id} has no scorer {scorer!r}", hint=nearest(scorer, scorers), code="scorer.unknown"
        )
    return PageQuery(scorer=scorer or next(iter(scorers), None), **state)


def samples_document(app: App, record: RunRecord, query: PageQuery) -> dict[str, Any]:
    """One page of the table.

    Returns:
        ``{"run_id", "query", "scorers", "total", "rows", "next"}``; rows as in ``core.protocols.Page``, each with
        ``at``, its place in the table, from which its neighbours are found; ``next`` is the next page's offset.
    """
    page = app.store.results.page(record.run_id, query)
    after = query.offset + len(page.rows)
    return {
        "run_id": record.run_id,
        "query": asdict(query),
        "scorers": scorers_of(record),
        "total": page.total,
        "rows": [{**row, "at": query.offset + place} for place, row in enumerate(page.rows)],
        "next": after if after < page.total and page.rows else None,
    }


def sample_document(
    app: App,
    record: RunRecord,
    sample_id: str,
    *,
    epoch: int = 0,
    query: PageQuery | None = None,
    at: int | None = None,
) -> dict[str, Any]:
    """One sample with its output and every score, and the rows before and after it.

    Args:
        query: State of the table it was opened from; plan order when ``None``.
        at: Its place in that table, where known.

    Returns:
        The item, with ``run_id``, ``task``, ``at`` as it was given, and ``previous`` and ``next`` (``{"sample_id",
        "epoch", "at"}`` or ``None``).

    Raises:
        NotFoundError: There is no such sample.
    """
    item = show_item(app, record.run_id, sample_id, epoch=epoch)
    table = query or PageQuery()
    before, after = _neighbours(app, record.run_id, table, sample_id, epoch, at)
    if before is after is None:
        table = PageQuery()
        before, after = _neighbours(app, record.run_id, table, sample_id, epoch, _place(app, record.run_id, item))
    return {"run_id": record.run_id, "task": record.task, "at": at, **item, "previous": before, "next": after}


def _neighbours(
    app: App, run_id: str, query: PageQuery, sample_id: str, epoch: int, at: int | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    if at is None:
        return None, None
    first = max(0, at - 1)
    rows = app.store.results.page(run_id, replace(query, offset=first, limit=at - first + 2)).rows
    near = [{"sample_id": row["sample_id"], "epoch": row["epoch"], "at": first + i} for i, row in enumerate(rows)]
    here = at - first
    if len(near) <= here or (near[here]["sample_id"], near[here]["epoch"]) != (sample_id, epoch):
        return None, None
    return near[here - 1] if here else None, near[here + 1] if len(near) > here + 1 else None


def _place(app: App, run_id: str, item: Mapping[str, Any]) -> int | None:
    """Where the item is in plan order: looked up by halving, as rows of a random sample have gaps."""
    wanted = (item["row"], item["output"]["epoch"])
    if not app.store.results.sealed(run_id):  # live rows are read from the journal each time: once is enough
        rows = app.store.results.page(run_id, PageQuery(limit=10**9)).rows
        return next((place for place, row in enumerate(rows) if (row["row"], row["epoch"]) == wanted), None)
    low, high = 0, app.store.results.page(run_id, PageQuery(limit=1)).total
    while low < high:
        middle = (low + high) // 2
        row = app.store.results.page(run_id, PageQuery(limit=1, offset=middle)).rows[0]
        if (row["row"], row["epoch"]) < wanted:
            low = middle + 1
        else:
            high = middle
    return low
