"""The narrow form of an item: what the columns of a segment hold and what lists, filters and sorts need of it.

Both the segments and the plain-Python twins are made from it, so that they can only differ in the query.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from assay.core.errors import InvalidInputError, nearest
from assay.core.protocols import PageQuery
from assay.core.records import Item, Sample, Score
from assay.stores.text import displayable

PREVIEW_CHARS = 200
OPENING_CHARS = 300
SORTS = ("row", "value", "latency_s", "cost_usd", "output_chars")
SHOWS = ("all", "unscored", "zero", "below", "critical", "error")


class OutputRow(NamedTuple):
    """One item without its long texts."""

    row: int
    epoch: int
    sample_id: str
    cluster: str | None
    critical: bool
    error: str | None
    finish_reason: str | None
    empty: bool
    latency_s: float | None
    cost_usd: float | None
    input_tokens: float | None
    output_tokens: float | None
    output_chars: float
    opening: str
    input_preview: str


FIELDS = OutputRow._fields[:-1]
"""What ``Results.outputs`` can be asked for."""


def output_row(item: Item) -> OutputRow:
    """The narrow form of an item."""
    sample, output = item.sample, item.output
    return OutputRow(
        item.row,
        output.epoch,
        sample.id,
        sample.cluster,
        sample.critical,
        output.error,
        output.finish_reason,
        not output.tool_calls and not output.text.strip(),
        number(output.latency_s),
        number(output.cost_usd),
        number(output.usage.input_tokens),
        number(output.usage.output_tokens),
        float(len(output.text)),
        output.text[:OPENING_CHARS],
        preview(input_text(sample)),
    )


def number(value: float | None) -> float | None:
    """A finite float; ``None`` for what is missing, not finite or beyond a float."""
    if value is None:
        return None
    try:
        known = float(value)
    except OverflowError:
        return None
    return known if math.isfinite(known) else None


def scores_by_name(item: Item) -> dict[str, Score]:
    """The item's score of each scorer; the last one where a scorer has several versions."""
    return {score.scorer: score for score in item.scores}


def input_text(sample: Sample) -> str:
    """The input as people read it: the text, or the texts of its messages, one below the other."""
    if isinstance(sample.input, str):
        return sample.input
    return "\n".join(_content_text(message.get("content")) for message in sample.input)


def _content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "\n".join(str(part["text"]) for part in content if isinstance(part, Mapping) and "text" in part)
    return ""


def preview(text: str) -> str:
    """The first 200 characters, fit for a page."""
    return displayable(text[:PREVIEW_CHARS])


def search_text(item: Item) -> str:
    """What a search looks through: id, input and output, case-folded."""
    return displayable("\n".join((item.sample.id, input_text(item.sample), item.output.text)).casefold())


def search_needle(query: PageQuery) -> str:
    """The searched text in the form of ``search_text``; ``""`` when there is no search."""
    return displayable(query.search.casefold())


def segment_texts(sample: Sample) -> dict[str, str]:
    """Metadata as text: strings as they are, other values as JSON, long ones cut; missing ones left out."""
    return {str(key): _segment_text(value) for key, value in sample.metadata.items() if value is not None}


def _segment_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:PREVIEW_CHARS]


def checked_query(query: PageQuery) -> PageQuery:
    """The query itself; raises InvalidInputError naming what is unknown in it."""
    for what, given, known in (("sort", query.sort, SORTS), ("show", query.show, SHOWS)):
        if given not in known:
            raise InvalidInputError(f"there is no {what} called {given!r}", hint=nearest(given, known))
    if query.limit < 0 or query.offset < 0:
        raise InvalidInputError(
            f"limit {query.limit} and offset {query.offset} must not be negative", hint="use 0 or more"
        )
    return query


def checked_fields(fields: Sequence[str]) -> Sequence[str]:
    """The fields themselves; raises InvalidInputError naming the nearest known one, or that there is none."""
    for field in fields:
        if field not in FIELDS:
            raise InvalidInputError(f"outputs have no field called {field!r}", hint=nearest(field, FIELDS))
    if not fields:
        raise InvalidInputError("no field of the outputs was asked for", hint=f"known: {', '.join(FIELDS)}")
    return fields
