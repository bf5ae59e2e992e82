"""The named queries in plain Python, over any iterator of items in (row, epoch) order.

They serve live runs, and the contract suite holds the SQL to them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from assay.core.protocols import Page, PageQuery, ScoreColumn
from assay.core.records import Item
from assay.stores.results.errors import sample_unknown, scorer_unknown
from assay.stores.results.rows import (
    OutputRow,
    checked_fields,
    checked_query,
    number,
    output_row,
    preview,
    scores_by_name,
    search_needle,
    search_text,
    segment_texts,
)

Values = Mapping[str, float | None]


def item(items: Iterable[Item], *, run_id: str, sample_id: str, epoch: int = 0) -> Item:
    """The item of that sample and epoch; raises NotFoundError."""
    known: list[str] = []
    for found in items:
        if found.sample.id == sample_id and found.output.epoch == epoch:
            return found
        known.append(found.sample.id)
    raise sample_unknown(run_id, sample_id, epoch, set(known))


def column(items: Iterable[Item], *, run_id: str, scorer: str) -> ScoreColumn:
    """One scorer's verdicts; raises NotFoundError when there are items but none of its."""
    result = ScoreColumn([], [], [], [], [], [])
    seen: set[str] = set()
    some = False
    for found in items:
        some = True
        scores = scores_by_name(found)
        seen.update(scores)
        if (score := scores.get(scorer)) is not None:
            result.sample_id.append(found.sample.id)
            result.epoch.append(found.output.epoch)
            result.value.append(number(score.value))
            result.reason.append(score.reason)
            result.cluster.append(found.sample.cluster)
            result.critical.append(found.sample.critical)
    if some and scorer not in seen:
        raise scorer_unknown(run_id, scorer, seen)
    return result


def outputs(items: Iterable[Item], fields: Sequence[str]) -> list[list[Any]]:
    """One list for each field, in order."""
    checked_fields(fields)
    rows = [output_row(found) for found in items]
    return [[getattr(row, field) for row in rows] for field in fields]


def segment(items: Iterable[Item], key: str) -> Mapping[str, str]:
    """sample_id → value of the metadata key as text; samples without it are absent."""
    result: dict[str, str] = {}
    for found in items:
        texts = segment_texts(found.sample)
        if key in texts:
            result.setdefault(found.sample.id, texts[key])
    return result


def page(items: Iterable[Item], query: PageQuery, *, run_id: str) -> Page:
    """The rows of one page and how many there are in all; keeps no more than the rows up to the page's end."""
    finder = _Finder(checked_query(query))
    last = query.offset + query.limit
    # At least one, for of none nothing would be counted.
    rows = heapq.nsmallest(max(last, 1), finder.matching(items), key=_sort_key(query))[query.offset : last]
    if query.scorer is not None and finder.some and query.scorer not in finder.seen:
        raise scorer_unknown(run_id, query.scorer, finder.seen)
    return Page(total=finder.total, rows=[_shown(row, values) for row, values in rows])


class _Finder:
    """Items that a query shows, in narrow form, counted on the way."""

    def __init__(self, query: PageQuery) -> None:
        self._query = query
        self._needle = search_needle(query)
        self.seen: set[str] = set()
        self.some = False
        self.total = 0

    def matching(self, items: Iterable[Item]) -> Iterator[tuple[OutputRow, Values]]:
        for found in items:
            self.some = True
            values = {name: number(score.value) for name, score in scores_by_name(found).items()}
            self.seen.update(values)
            row = output_row(found)
            if _is_shown(self._query, row, values) and self._needle in search_text(found):
                self.total += 1
                yield row, values


def _is_shown(query: PageQuery, row: OutputRow, values: Values) -> bool:
    considered = list(values.values()) if query.scorer is None else [values.get(query.scorer)]
    known = [value for value in considered if value is not None]
    return {
        "all": True,
        "critical": row.critical,
        "error": row.error is not None,
        "unscored": len(known) < len(considered) or not considered,
        "zero": 0.0 in known,
        "below": any(value < 1 for value in known),
    }[query.show]


def _sort_key(query: PageQuery) -> Callable[[tuple[OutputRow, Values]], tuple[Any, ...]]:
    sign = -1 if query.descending else 1

    def key(found: tuple[OutputRow, Values]) -> tuple[Any, ...]:
        row, values = found
        if query.sort == "row":
            return (sign * row.row, sign * row.epoch)
        if query.sort == "value":
            value = None if query.scorer is None else values.get(query.scorer)
        else:
            value = getattr(row, query.sort)
        return (value is None, 0.0 if value is None else sign * value, row.row, row.epoch)

    return key


def _shown(row: OutputRow, values: Values) -> dict[str, Any]:
    return {
        "row": row.row,
        "sample_id": row.sample_id,
        "epoch": row.epoch,
        "input": row.input_preview,
        "output": preview(row.opening),
        "latency_s": row.latency_s,
        "cost_usd": row.cost_usd,
        "error": row.error,
        "scores": dict(values),
    }
