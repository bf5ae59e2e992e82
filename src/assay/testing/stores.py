"""Conformance suites for stores: what every implementation of the storage protocols must do.

``check_store`` holds a whole store to its promises; the others one of its four parts. They take a function that makes a
new, empty one and raise AssertionError where it breaks its promise. ``MemoryJournal`` and ``MemoryResults`` are the
shortest implementations that keep it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from assay.core.codec import to_plain
from assay.core.errors import AssayError, InvalidInputError, NotFoundError, StoreError
from assay.core.protocols import Journal, Metadata, Objects, Page, PageQuery, Results, ScoreColumn, StoredReply
from assay.core.records import Item, Output, RunRecord, Sample, Score, Usage
from assay.stores.payload import decode_item, encode_item
from assay.stores.results import twins
from assay.stores.results.rows import FIELDS, SHOWS, SORTS
from assay.testing.promise import keeping

if TYPE_CHECKING:
    from assay.stores.open import OpenedStore

E = TypeVar("E", bound=AssayError)

RUN = "run_0000000000000000000000000a"


def example_items(count: int = 7, *, epochs: int = 2) -> list[Item]:
    """Items that differ in everything a store could get wrong, ordered by (row, epoch)."""
    return [_example(row, epoch) for row in range(count) for epoch in range(epochs)]


def _example(row: int, epoch: int) -> Item:
    key = f"q{row}"
    failed = row % 5 == 3
    output = Output(
        sample_id=key,
        epoch=epoch,
        text="" if failed else f"Antwort {row} – ünïcode 🜚 null NULL\n" * (12 if row == 5 else 1),
        messages=[{"role": "user", "content": f"Frage {row}"}, {"role": "assistant", "content": None}],
        tool_calls=[{"name": "add", "arguments": {"a": 2**70, "b": -1}, "result": "3", "seconds": 0.25}],
        finish_reason=None if failed else "stop",
        usage=Usage(input_tokens=10 + row, output_tokens=None if failed else 3, cached_tokens=0),
        latency_s=None if failed else 0.5 + row / 8,
        model="openai/x",
        cost_usd=[None, 0.0, 0.001][row % 3],
        option_logprobs=[-0.5, float("-inf")] if row % 2 else None,
        error="provider_error" if failed else None,
    )
    value = None if failed else float((row + epoch) % 3) / 2
    return Item(
        row=row,
        sample=Sample(
            id=key,
            input=f"Frage {row}" if row % 2 else [{"role": "user", "content": f"Frage {row}"}],
            reference=[None, "3", ["3", "drei"]][row % 3],
            choices=["a", "b"] if row % 2 else None,
            cluster=f"doc{row // 2}" if row % 4 else None,
            critical=row % 4 == 1,
            metadata={"skill": ["add", "sub"][row % 2], "level": row, "none": None, "deep": {"x": [1, None, "\ud800"]}},
        ),
        output=output,
        scores=[]
        if row == 6
        else [
            _score(key, epoch, "exact", value, "provider_error"),
            _score(key, epoch, "overlap", None if row % 2 else row / 7, "sample has no reference"),
        ],
    )


def _score(key: str, epoch: int, scorer: str, value: float | None, why_not: str) -> Score:
    return Score(
        sample_id=key,
        epoch=epoch,
        scorer=scorer,
        scorer_version="1f",
        value=value,
        reason=why_not if value is None else None,
        explanation="\x00" if value is None else "it matches",
        cost_usd=None,
    )


def same_items(first: Iterable[Item], second: Iterable[Item]) -> bool:
    """Whether two sequences of items are the same records (a tuple equals a list here, as in the plain form)."""
    return [to_plain(item) for item in first] == [to_plain(item) for item in second]


class OpensAt(Protocol):
    """Opens the store at a place, a short word of the suite's: one word is one store, a new word an empty one."""

    def __call__(self, place: str, *, read_only: bool) -> OpenedStore: ...


def check_store(open_at: OpensAt) -> None:
    """Hold a whole store to its promises: those of its four parts, and that all of it is there when opened again.

    Args:
        open_at: Opens the store at a place; the plug-in's own function with the place in its URL.

    Raises:
        AssertionError: A promise is broken.

    Examples:
        >>> import tempfile
        >>> from assay.stores import open_store
        >>> root = tempfile.mkdtemp()
        >>> check_store(lambda place, *, read_only: open_store(f"{root}/{place}", read_only=read_only))
    """
    opened: list[OpenedStore] = []

    def fresh() -> OpenedStore:
        opened.append(open_at(f"place-{len(opened)}", read_only=False))
        return opened[-1]

    try:
        with keeping("the journal"):
            check_journal(lambda: fresh().journal)
        with keeping("the metadata"):
            check_metadata(lambda: fresh().metadata)
        with keeping("the results"):
            check_results(lambda: fresh().results)
        with keeping("the objects"):
            check_objects(lambda: fresh().objects)
    finally:
        for store in opened:
            store.close()
    with keeping("a store that is opened again has everything"):
        _check_reopening(open_at)
    with keeping("a store can be opened twice at once"):
        _check_two_at_once(open_at)
    with keeping("a store that is only looked at is not made: StoreError with the code store.missing"):
        assert _fails(lambda: open_at("nobody-was-here", read_only=True), StoreError).code == "store.missing"


def _check_reopening(open_at: OpensAt) -> None:
    items, record = example_items(), _record(0)
    queries = [PageQuery(limit=3), PageQuery(scorer="exact", sort="value", show="below")]
    store = open_at("a-life", read_only=False)
    store.metadata.create_run(record)
    store.journal.record_reply(b"k1", b"one", run_id=record.run_id, cost_usd=0.25)
    for item in items:
        store.journal.append_item(record.run_id, item)
    check_queries(store.results, record.run_id, items, queries=queries)  # pages show a run while it goes on
    store.objects.put("reports/a.html", b"one")
    store.journal.flush()
    store.close()

    store = open_at("a-life", read_only=True)
    assert store.metadata.run("last") == record, "runs are there when the store is opened again"
    assert store.journal.reply(b"k1") == StoredReply(b"one", record.run_id)
    assert store.journal.spent_usd(record.run_id) == 0.25
    assert same_items(store.journal.items(record.run_id), items), "live items are there when it is opened again"
    assert store.objects.get("reports/a.html") == b"one"
    store.close()

    store = open_at("a-life", read_only=False)
    store.results.seal(record.run_id, store.journal.items(record.run_id))
    store.journal.forget_items(record.run_id)
    store.metadata.update_run(record.run_id, status="done", summary={"metrics": {}})
    store.journal.flush()
    store.close()

    store = open_at("a-life", read_only=True)
    assert store.metadata.run(record.run_id).status == "done"
    assert store.results.sealed(record.run_id)
    assert same_items(store.results.items(record.run_id), items), "a sealed run is there when it is opened again"
    check_queries(store.results, record.run_id, items, queries=queries)
    store.close()


def _check_two_at_once(open_at: OpensAt) -> None:
    items = example_items(2)
    writer, reader = open_at("for-two", read_only=False), open_at("for-two", read_only=False)
    writer.metadata.create_run(_record(0))
    writer.journal.record_reply(b"k1", b"one", run_id=RUN, cost_usd=None)
    writer.journal.append_item(RUN, items[0])
    writer.journal.flush()
    assert reader.metadata.run("last") == _record(0), "what one process writes, another sees"
    assert reader.journal.reply(b"k1") == StoredReply(b"one", RUN), "what one process has paid for, another reads"
    assert reader.journal.done(RUN) == {(items[0].sample.id, items[0].output.epoch)}
    reader.journal.append_item(RUN, items[1])
    reader.journal.flush()
    assert same_items(writer.journal.items(RUN), items[:2])
    reader.close()
    writer.close()


def check_journal(make: Callable[[], Journal]) -> None:
    """Hold a Journal to its promises: buffered writes are seen, repeats change nothing, order, forgetting."""
    journal = make()
    assert journal.reply(b"k1") is None
    journal.record_reply(b"k1", b"one", run_id=RUN, cost_usd=0.25)
    journal.record_reply(b"k2", b"", run_id=RUN, cost_usd=None)
    journal.record_reply(b"k1", b"other", run_id="run_b", cost_usd=0.5)
    assert journal.reply(b"k1") == StoredReply(b"one", RUN), "a stored reply never changes"
    assert journal.reply(b"k2") == StoredReply(b"", RUN)
    assert journal.spent_usd(RUN) == 0.25
    assert journal.spent_usd("run_b") == 0.5, "what was paid counts even when the answer was there"
    assert journal.spent_usd("run_c") == 0.0

    items = example_items()
    for item in reversed(items):
        journal.append_item(RUN, item)
    for item in items[:3]:
        journal.append_item(RUN, item)
    journal.append_item("run_b", items[0])
    assert same_items(journal.items(RUN), items), "items come back whole, ordered by (row, epoch), each once"
    assert journal.done(RUN) == {(item.sample.id, item.output.epoch) for item in items}
    journal.forget_items(RUN, [("q0", 1), ("q2", 0), ("nobody", 0)])
    assert ("q0", 1) not in journal.done(RUN)
    assert len(journal.done(RUN)) == len(items) - 2
    journal.append_item(RUN, items[1])
    assert ("q0", 1) in journal.done(RUN), "a forgotten item can be made again"
    journal.forget_items(RUN)
    assert list(journal.items(RUN)) == []
    assert same_items(journal.items("run_b"), items[:1]), "forgetting one run leaves the others"
    journal.flush()
    asyncio.run(_check_ticks(journal, items))


async def _check_ticks(journal: Journal, items: Sequence[Item]) -> None:
    journal.record_reply(b"k3", b"three", run_id=RUN, cost_usd=0.125)
    journal.append_item(RUN, items[0])
    assert journal.reply(b"k3") == StoredReply(b"three", RUN), "a buffered reply is seen"
    assert journal.done(RUN) == {("q0", 0)}
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert journal.spent_usd(RUN) == 0.375


def check_metadata(make: Callable[[], Metadata]) -> None:
    """Hold a Metadata to its promises: look-ups, order, updates, leases."""
    metadata = make()
    records = [_record(index) for index in range(3)]
    for record in records:
        metadata.create_run(record)
    newest_first = [record.run_id for record in reversed(records)]
    assert [record.run_id for record in metadata.runs()] == newest_first
    assert [record.run_id for record in metadata.runs(limit=1)] == newest_first[:1]
    assert [record.run_id for record in metadata.runs(task="t1")] == [records[1].run_id]
    assert [record.run_id for record in metadata.runs(model="m0", task="t1")] == []
    assert metadata.run("last") == records[2]
    assert metadata.run(records[0].run_id) == records[0]
    assert metadata.run(records[1].run_id[:6]) == records[1], "a unique prefix is enough"
    assert _fails(lambda: metadata.run("run_"), NotFoundError).code == "run.ambiguous"
    unknown = _fails(lambda: metadata.run(records[0].run_id[:-1] + "z"), NotFoundError)
    assert unknown.code == "run.unknown"
    assert records[0].run_id in unknown.hint, "the error names a near id"

    metadata.update_run(records[0].run_id, status="done", summary={"metrics": {}, "nan": None, "big": 2**80})
    metadata.update_run(records[0].run_id, status="partial")
    changed = metadata.run(records[0].run_id)
    assert (changed.status, changed.summary) == ("partial", {"metrics": {}, "nan": None, "big": 2**80})
    assert _fails(lambda: metadata.update_run("run_zz", status="done"), NotFoundError).code == "run.unknown"

    assert [record.run_id for record in metadata.runs(before=newest_first[0])] == newest_first[1:]
    assert list(metadata.runs(before=newest_first[-1])) == []

    held = records[0].run_id
    assert metadata.holder(held) is None
    metadata.acquire(held)
    metadata.acquire(held)
    holder = metadata.holder(held)
    assert holder is not None, "who holds a run can be told"
    assert (bool(holder.host), bool(holder.since)) == (True, True)
    metadata.acquire(held, steal=True)
    metadata.release(held)
    metadata.release(held)
    assert metadata.holder(held) is None, "a run that was released is held by nobody"
    metadata.acquire("run_not_made_yet")  # a run is held before it can be seen
    metadata.release("run_not_made_yet")


def _record(index: int) -> RunRecord:
    return RunRecord(
        run_id=f"run_{index}{'0' * 24}",
        task=f"t{index}",
        model=f"m{index}" if index else None,
        status="running",
        manifest={"task": {"name": f"t{index}", "é": [1, None]}},
        manifest_hash=f"sha256:{index}",
        created_at=f"2026-01-0{index + 1}T00:00:00Z",
        suite_id="suite_a" if index == 2 else None,
    )


def check_results(make: Callable[[], Results]) -> None:
    """Hold a Results to its promises: full fidelity, replacement, and every query equal to its plain-Python twin."""
    results = make()
    assert not results.sealed(RUN)
    assert list(results.items(RUN)) == []
    assert results.page(RUN, PageQuery()) == Page(total=0, rows=[])
    items = example_items()
    results.seal(RUN, iter(items[:2]))
    results.seal(RUN, iter(items))
    assert results.sealed(RUN)
    assert same_items(results.items(RUN), items), "items come back whole and in order"
    check_queries(results, RUN, items)
    error = _fails(lambda: results.seal(RUN, reversed(items)), InvalidInputError)
    assert "ordered" in str(error)
    assert same_items(results.items(RUN), items), "a seal that fails leaves the old one"
    results.seal("run_empty", [])
    assert results.sealed("run_empty")
    assert results.column("run_empty", "exact") == ScoreColumn([], [], [], [], [], [])
    check_queries(results, "run_empty", [])


def check_queries(
    results: Results, run_id: str, items: Sequence[Item], *, queries: Sequence[PageQuery] | None = None
) -> None:
    """Compare every query of a run with its plain-Python twin over the items it was sealed from.

    Args:
        results: Holds the run.
        run_id: The run.
        items: What it was made from.
        queries: Pages to compare; every kind of page by default.
    """
    scorers = sorted({score.scorer for item in items for score in item.scores})
    for scorer in scorers:
        assert results.column(run_id, scorer) == twins.column(items, run_id=run_id, scorer=scorer)
    assert results.outputs(run_id, FIELDS) == twins.outputs(items, FIELDS)
    for field in FIELDS:
        assert results.outputs(run_id, [field]) == twins.outputs(items, [field])
    for key in {str(key) for item in items for key in item.sample.metadata} | {"nothing"}:
        assert results.segment(run_id, key) == twins.segment(items, key)
    for query in _queries(scorers) if queries is None else queries:
        got, expected = results.page(run_id, query), twins.page(items, query, run_id=run_id)
        assert (got.total, list(got.rows)) == (expected.total, list(expected.rows)), query
    stranger = "nobody" + "".join(scorers) + "".join(item.sample.id for item in items)  # longer than every known name
    if items:
        middle = items[len(items) // 2]
        assert same_items([results.item(run_id, middle.sample.id, middle.output.epoch)], [middle])
        assert _fails(lambda: results.column(run_id, stranger), NotFoundError).code == "scorer.unknown"
        assert _fails(lambda: results.page(run_id, PageQuery(scorer=stranger)), NotFoundError).code == "scorer.unknown"
    assert _fails(lambda: results.item(run_id, stranger), NotFoundError).code == "sample.unknown"
    assert "latency_s" in _fails(lambda: results.outputs(run_id, ["row", "latency"]), InvalidInputError).hint
    assert "latency_s" in _fails(lambda: results.outputs(run_id, []), InvalidInputError).hint
    assert "value" in _fails(lambda: results.page(run_id, PageQuery(sort="valeu")), InvalidInputError).hint


def _queries(scorers: Sequence[str]) -> Iterator[PageQuery]:
    for scorer in (None, *scorers):
        for show in SHOWS:
            yield PageQuery(scorer=scorer, show=show, sort="value", descending=True)
        for sort in SORTS:
            yield PageQuery(scorer=scorer, sort=sort, descending=sort != "row", limit=3, offset=2)
            yield PageQuery(scorer=scorer, sort=sort, descending=sort == "row")
        yield PageQuery(scorer=scorer, search="ÜNÏ", show="below")
        yield PageQuery(scorer=scorer, search="ÜNÏ", limit=2)
    yield PageQuery(offset=1_000)
    yield PageQuery(limit=0)


def check_objects(make: Callable[[], Objects]) -> None:
    """Hold an Objects to its promises: whole objects, safe names, near names."""
    objects = make()
    assert not objects.exists("reports/a.html")
    where = objects.put("reports/a.html", b"one")
    assert where == objects.where("reports/a.html")
    assert objects.put("reports/a.html", b"\x00two") == where
    assert objects.get("reports/a.html") == b"\x00two"
    assert objects.exists("reports/a.html")
    for name in ("reports/2024/b.html", "reports-old/a.html"):
        objects.put(name, b"three")
    for folder, names in (("reports", ["reports/2024/b.html", "reports/a.html"]), ("none", []), ("reports/a.html", [])):
        assert list(objects.names(folder)) == names, folder
    error = _fails(lambda: objects.get("reports/b.html"), NotFoundError)
    assert error.code == "object.unknown"
    assert "reports/a.html" in error.hint
    for name in ("", "/etc/passwd", "../x", "a/../../x", "a//b", ".hidden", "a\x00b", "a\\b", "a/", "ü"):
        assert _fails(partial(objects.put, name, b""), InvalidInputError).code == "store.bad_name", name
        assert _fails(partial(objects.get, name), InvalidInputError).code == "store.bad_name", name


def _fails(call: Callable[[], object], kind: type[E]) -> E:
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


class MemoryJournal:
    """A Journal that forgets when the process ends."""

    def __init__(self) -> None:
        self._replies: dict[bytes, StoredReply] = {}
        self._spent: dict[str, float] = {}
        self._items: dict[str, dict[tuple[str, int], bytes]] = {}

    def reply(self, key: bytes) -> StoredReply | None:
        """The stored reply."""
        return self._replies.get(key)

    def record_reply(self, key: bytes, payload: bytes, *, run_id: str, cost_usd: float | None) -> None:
        """Store a reply and what the run paid for it."""
        self._replies.setdefault(key, StoredReply(payload, run_id))
        self._spent[run_id] = self._spent.get(run_id, 0.0) + (cost_usd or 0.0)

    def spent_usd(self, run_id: str) -> float:
        """Sum of the known costs this run has paid for."""
        return self._spent.get(run_id, 0.0)

    def append_item(self, run_id: str, item: Item) -> None:
        """Store a finished item; repeating the call changes nothing."""
        self._items.setdefault(run_id, {}).setdefault((item.sample.id, item.output.epoch), encode_item(item))

    def done(self, run_id: str) -> set[tuple[str, int]]:
        """(sample_id, epoch) of the items stored live."""
        return set(self._items.get(run_id, {}))

    def items(self, run_id: str) -> Iterator[Item]:
        """Live items ordered by (row, epoch)."""
        items = [decode_item(payload) for payload in self._items.get(run_id, {}).values()]
        return iter(sorted(items, key=lambda item: (item.row, item.output.epoch)))

    def forget_items(self, run_id: str, keys: Iterable[tuple[str, int]] | None = None) -> None:
        """Drop live items."""
        live = self._items.get(run_id, {})
        for key in list(live) if keys is None else keys:
            live.pop(key, None)

    def flush(self) -> None:
        """Nothing is buffered."""


class MemoryResults:
    """A Results that forgets when the process ends; every query is its plain-Python twin."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Item]] = {}

    def seal(self, run_id: str, items: Iterable[Item]) -> None:
        """Keep the items."""
        kept = list(items)
        order = [(item.row, item.output.epoch) for item in kept]
        if order != sorted(set(order)):
            raise InvalidInputError("items to seal must be ordered by (row, epoch), each once")
        self._runs[run_id] = kept

    def sealed(self, run_id: str) -> bool:
        """Whether the run has been sealed."""
        return run_id in self._runs

    def items(self, run_id: str) -> Iterator[Item]:
        """Every item again."""
        return iter(self._runs.get(run_id, []))

    def item(self, run_id: str, sample_id: str, epoch: int = 0) -> Item:
        """One item."""
        return twins.item(self.items(run_id), run_id=run_id, sample_id=sample_id, epoch=epoch)

    def column(self, run_id: str, scorer: str) -> ScoreColumn:
        """One scorer's verdicts."""
        return twins.column(self.items(run_id), run_id=run_id, scorer=scorer)

    def page(self, run_id: str, query: PageQuery) -> Page:
        """The rows of one page."""
        return twins.page(self.items(run_id), query, run_id=run_id)

    def outputs(self, run_id: str, fields: Sequence[str]) -> list[list[Any]]:
        """Fields of the outputs as parallel lists."""
        return twins.outputs(self.items(run_id), fields)

    def segment(self, run_id: str, key: str) -> Mapping[str, str]:
        """sample_id → value of the metadata key."""
        return twins.segment(self.items(run_id), key)
