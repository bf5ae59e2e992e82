"""Items as Arrow batches: the columns of ``outputs`` and of ``scores``.

``seq`` is the item's position in (row, epoch) order and joins the two. The ``item`` column holds the whole item,
loss-free; everything else is there to be filtered, sorted, searched and read by other tools.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from arro3.core import Array, DataType, Field, RecordBatch, Schema, list_array

from assay.core.errors import InvalidInputError
from assay.core.records import Item, Score
from assay.stores.payload import encode_item
from assay.stores.results.rows import number, output_row, scores_by_name, search_text, segment_texts
from assay.stores.text import storable

_INT, _FLOAT, _BOOL = DataType.int64(), DataType.float64(), DataType.bool()
_TEXT, _BYTES = DataType.utf8(), DataType.binary()
_TEXTS = DataType.list(Field("item", _TEXT, nullable=False))

_OUTPUT_TYPES = {
    "seq": _INT, "row": _INT, "epoch": _INT, "sample_id": _TEXT, "cluster": _TEXT, "critical": _BOOL, "error": _TEXT,
    "finish_reason": _TEXT, "empty": _BOOL, "latency_s": _FLOAT, "cost_usd": _FLOAT, "input_tokens": _FLOAT,
    "output_tokens": _FLOAT, "output_chars": _FLOAT, "opening": _TEXT, "input_preview": _TEXT, "search_text": _TEXT,
    "metadata_keys": _TEXTS, "metadata_values": _TEXTS, "item": _BYTES,
}  # fmt: skip
_SCORE_TYPES = {
    "seq": _INT, "row": _INT, "epoch": _INT, "sample_id": _TEXT, "cluster": _TEXT, "critical": _BOOL, "scorer": _TEXT,
    "scorer_version": _TEXT, "value": _FLOAT, "label": _TEXT, "reason": _TEXT, "explanation": _TEXT, "tier": _TEXT,
    "probability": _FLOAT, "cost_usd": _FLOAT,
}  # fmt: skip

OUTPUTS = Schema([Field(name, kind) for name, kind in _OUTPUT_TYPES.items()])
SCORES = Schema([Field(name, kind) for name, kind in _SCORE_TYPES.items()])
LONG_COLUMNS = ("opening", "input_preview", "search_text", "item", "explanation")
"""Columns whose values hardly repeat: a dictionary of them would only cost."""

_SHARED = list(_SCORE_TYPES).index("scorer")  # the first columns of both files are the same
_BATCH_ROWS = 2_000
_BATCH_BYTES = 8_000_000


class Batch(NamedTuple):
    """Some items as columns."""

    outputs: RecordBatch
    scores: RecordBatch
    items: int
    scorers: set[str]


def batches(items: Iterable[Item]) -> Iterator[Batch]:
    """The items in batches small enough that memory stays constant.

    Raises:
        InvalidInputError: The items do not come ordered by (row, epoch), each once.
    """
    outputs: list[tuple[Any, ...]] = []
    scores: list[tuple[Any, ...]] = []
    size, before = 0, (-1, -1)
    for seq, item in enumerate(items):
        here = (item.row, item.output.epoch)
        if here <= before:
            raise InvalidInputError(
                f"items to seal must be ordered by (row, epoch), each once: {here} came after {before}",
                hint="seal what the journal's items() gives",
            )
        before = here
        payload = encode_item(item)
        values = _output_values(seq, item, payload)
        outputs.append(values)
        scores.extend(_score_values(values[:_SHARED], score) for score in scores_by_name(item).values())
        size += len(payload)
        if len(outputs) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield _batch(outputs, scores)
            outputs, scores, size = [], [], 0
    if outputs:
        yield _batch(outputs, scores)


def _output_values(seq: int, item: Item, payload: bytes) -> tuple[Any, ...]:
    row, texts = output_row(item), segment_texts(item.sample)
    return (
        seq,
        row.row,
        row.epoch,
        storable(row.sample_id),
        _text(row.cluster),
        row.critical,
        _text(row.error),
        _text(row.finish_reason),
        row.empty,
        row.latency_s,
        row.cost_usd,
        row.input_tokens,
        row.output_tokens,
        row.output_chars,
        storable(row.opening),
        row.input_preview,
        search_text(item),
        [storable(key) for key in texts],
        [storable(text) for text in texts.values()],
        payload,
    )


def _score_values(shared: tuple[Any, ...], score: Score) -> tuple[Any, ...]:
    return (
        *shared,
        storable(score.scorer),
        storable(score.scorer_version),
        number(score.value),
        _text(score.label),
        _text(score.reason),
        _text(score.explanation),
        storable(score.tier),
        number(score.probability),
        number(score.cost_usd),
    )


def _text(value: str | None) -> str | None:
    return None if value is None else storable(value)


def _batch(outputs: list[tuple[Any, ...]], scores: list[tuple[Any, ...]]) -> Batch:
    return Batch(
        outputs=_record_batch(outputs, _OUTPUT_TYPES, OUTPUTS),
        scores=_record_batch(scores, _SCORE_TYPES, SCORES),
        items=len(outputs),
        scorers={row[6] for row in scores},
    )


def _record_batch(rows: list[tuple[Any, ...]], types: dict[str, Any], schema: Schema) -> RecordBatch:
    columns = zip(*rows, strict=True) if rows else ([] for _ in types)
    arrays = [_array(list(column), kind) for column, kind in zip(columns, types.values(), strict=True)]
    return RecordBatch.from_arrays(arrays, schema=schema)


def _array(column: list[Any], kind: DataType) -> Array:
    if kind is not _TEXTS:
        return Array(column, type=kind)
    offsets = accumulate((len(texts) for texts in column), initial=0)
    return list_array(
        Array(list(offsets), type=DataType.int32()),
        Array([text for texts in column for text in texts], type=_TEXT),
        type=_TEXTS,
    )
