"""Sealed runs: immutable Parquet segments, read by many processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from assay.core.protocols import Page, PageQuery, ScoreColumn
from assay.core.records import Item
from assay.stores.failures import failure
from assay.stores.names import checked_name
from assay.stores.payload import decode_item
from assay.stores.results import queries
from assay.stores.results.duck import DuckReader
from assay.stores.results.errors import sample_unknown, scorer_unknown, unreadable
from assay.stores.results.page_tables import PageTables, Relations, parameters
from assay.stores.results.rows import checked_fields, checked_query, preview, search_needle
from assay.stores.results.segments import Segment, read_segment, write_segment
from assay.stores.text import original, storable

_CHUNK = 2_500
_ESCAPED = frozenset({"sample_id", "cluster", "error", "finish_reason", "opening"})

T = TypeVar("T")


class SealedResults:
    """Results of sealed runs below a directory, one subdirectory a run.

    A run that is not sealed has no items here; only ``item`` and ``column`` can fail for what is not found.

    Args:
        root: The directory; made by the first ``seal``.
        read_only: Refuse ``seal``.
        copied_items: Runs with no more items are copied into memory, narrowly, when pages of them are asked for.
    """

    def __init__(self, root: Path, *, read_only: bool = False, copied_items: int = 250_000) -> None:
        self._root = root
        self._read_only = read_only
        self._duck = DuckReader()
        self._tables = PageTables(self._duck, copied_items=copied_items)

    def seal(self, run_id: str, items: Iterable[Item]) -> None:
        """Write the run's segments at once (all or nothing); sealing again replaces them.

        Args:
            run_id: The run.
            items: Ordered by (row, epoch), each once; read once and not kept.

        Raises:
            StoreError: It could not be written; an earlier seal stays as it was.
            InvalidInputError: The items are out of order.
        """
        directory = self._directory(run_id)
        if self._read_only:
            raise failure(directory, "store.read_only", cause="opened for reading")
        write_segment(directory, items)

    def sealed(self, run_id: str) -> bool:
        """Whether the run has been sealed."""
        return self.segment_of(run_id) is not None

    def segment_of(self, run_id: str) -> Segment | None:
        """Where the run's Parquet files are and what is in them; ``None`` when it is not sealed."""
        return read_segment(self._directory(run_id))

    def items(self, run_id: str) -> Iterator[Item]:
        """Every item again, ordered by (row, epoch), streamed."""
        segment = self.segment_of(run_id)
        for low in range(0, segment.items if segment else 0, _CHUNK):
            for (payload,) in self._found(run_id, queries.ITEMS, low=low, high=low + _CHUNK):
                yield decode_item(payload)

    def item(self, run_id: str, sample_id: str, epoch: int = 0) -> Item:
        """One item with everything; raises NotFoundError (``sample.unknown``) naming the nearest sample."""
        found = self._found(run_id, queries.ITEM, sample_id=storable(sample_id), epoch=epoch)
        if not found:
            known = [original(row[0]) for row in self._found(run_id, queries.SAMPLE_IDS)]
            raise sample_unknown(run_id, sample_id, epoch, known)
        return decode_item(found[0][0])

    def column(self, run_id: str, scorer: str) -> ScoreColumn:
        """One scorer's verdicts; raises NotFoundError (``scorer.unknown``) when the run has items but none of its."""

        def read(segment: Segment) -> ScoreColumn:
            if segment.items:
                self._scorer_position(run_id, segment, scorer)
            ids, epoch, value, reason, cluster, critical = self._columns(
                segment, queries.COLUMN, scorer=storable(scorer)
            )
            return ScoreColumn(_originals(ids), epoch, value, _originals(reason), _originals(cluster), critical)

        return self._read(run_id, read, ScoreColumn([], [], [], [], [], []))

    def page(self, run_id: str, query: PageQuery) -> Page:
        """The rows of one page and how many there are in all."""
        checked_query(query)

        def read(segment: Segment) -> Page:
            position = None
            if query.scorer is not None and segment.items:
                position = self._scorer_position(run_id, segment, query.scorer)
            given = {"needle": search_needle(query), "limit": query.limit, "offset": query.offset}
            with self._tables.lock:
                narrow = self._tables.relations(segment)
                count, page = (
                    sql(query, position=position).format(outputs=narrow.outputs)
                    for sql in (queries.page_count, queries.page)
                )
                total = segment.items
                if query.show != "all" or query.search:
                    total = self._rows(segment, count, **given)[0][0]
                picked = [row[0] for row in self._rows(segment, page, **given)]
                return Page(total=total, rows=self._page_rows(segment, narrow, picked))

        return self._read(run_id, read, Page(total=0, rows=[]))

    def outputs(self, run_id: str, fields: Sequence[str]) -> list[list[Any]]:
        """Fields of the outputs as parallel lists; raises InvalidInputError naming the nearest known field."""
        sql = queries.outputs(checked_fields(fields))

        def read(segment: Segment) -> list[list[Any]]:
            found = zip(fields, self._columns(segment, sql), strict=True)
            return [_originals(column) if field in _ESCAPED else column for field, column in found]

        return self._read(run_id, read, [[] for _ in fields])

    def segment(self, run_id: str, key: str) -> Mapping[str, str]:
        """sample_id → value of the metadata key as text, cut to 200 characters; samples without it are absent."""

        def read(segment: Segment) -> dict[str, str]:
            ids, values = self._columns(segment, queries.SEGMENT, key=storable(key))
            last_first = dict(zip(_originals(ids), _originals(values), strict=True))  # the first epoch wins
            return dict(reversed(last_first.items()))

        return self._read(run_id, read, {})

    def close(self) -> None:
        """Free what reading took."""
        self._tables.forget()
        self._duck.close()

    def _page_rows(self, segment: Segment, narrow: Relations, picked: list[int]) -> list[dict[str, Any]]:
        scores: dict[int, dict[str, float | None]] = {seq: {} for seq in picked}
        for seq, scorer, value in self._rows(segment, queries.PAGE_SCORES.format(**narrow._asdict()), picked=picked):
            scores[seq][original(scorer)] = value
        rows = {}
        for found in self._rows(segment, queries.PAGE_ROWS.format(**narrow._asdict()), picked=picked):
            seq, row, sample_id, epoch, input_preview, opening, latency_s, cost_usd, error = found
            rows[seq] = {
                "row": row,
                "sample_id": original(sample_id),
                "epoch": epoch,
                "input": input_preview,
                "output": preview(original(opening)),
                "latency_s": latency_s,
                "cost_usd": cost_usd,
                "error": None if error is None else original(error),
                "scores": scores[seq],
            }
        return [rows[seq] for seq in picked]

    def _directory(self, run_id: str) -> Path:
        return self._root / checked_name(run_id)

    def _scorer_position(self, run_id: str, segment: Segment, scorer: str) -> int:
        if storable(scorer) not in segment.scorers:
            raise scorer_unknown(run_id, scorer, [original(name) for name in segment.scorers])
        return segment.scorers.index(storable(scorer))

    def _read(self, run_id: str, read: Callable[[Segment], T], when_not_sealed: T) -> T:
        segment = self.segment_of(run_id)
        if segment is None:
            return when_not_sealed
        import duckdb

        try:
            return read(segment)
        except duckdb.Error as error:
            again = self.segment_of(run_id)  # another process may have sealed the run anew and removed these files
            if again is None or again.generation == segment.generation:
                raise unreadable(segment, error) from error
            return read(again)

    def _found(self, run_id: str, sql: str, **given: Any) -> list[tuple[Any, ...]]:
        return self._read(run_id, lambda segment: self._rows(segment, sql, **given), [])

    def _rows(self, segment: Segment, sql: str, **given: Any) -> list[tuple[Any, ...]]:
        return self._duck.rows(sql, {**parameters(segment), **given})

    def _columns(self, segment: Segment, sql: str, **given: Any) -> list[list[Any]]:
        return self._duck.columns(sql, {**parameters(segment), **given})


def _originals(texts: list[Any]) -> list[Any]:
    return [text if text is None else original(text) for text in texts]
