"""Replies and live items in SQLite: replies are committed in the tick that read them, items a little later."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from threading import RLock
from typing import TYPE_CHECKING

from assay.core.errors import StoreError
from assay.core.protocols import PendingBatch, StoredReply
from assay.core.records import Item
from assay.stores.payload import decode_item, encode_item
from assay.stores.sqlite.batches import BatchTable
from assay.stores.sqlite.database import Database
from assay.stores.sqlite.replies import ReplyTable
from assay.stores.text import original, storable

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

_PAGE = 500
_ITEMS_AT_ONCE = 200
_ITEMS_WITHIN_S = 0.25


class SqliteJournal:
    """The journal of running runs and the response table.

    A reply is committed before the event loop's next tick ends, so a killed process loses none that an earlier tick
    has read. Items can be made again from replies: they are committed many at a time, within a quarter of a second,
    because every commit writes whole pages. Without a running loop both are committed at once. When a commit fails the
    buffer is kept: the next write or ``flush`` tries again, and raises if it fails too.

    Args:
        database: Holds the live items, and the response table unless ``replies`` is given.
        replies: Another database for the response table, to share it between stores.
    """

    def __init__(self, database: Database, *, replies: Database | None = None) -> None:
        self._database = database
        self._reply_table = ReplyTable(replies or database)
        self._batch_table = BatchTable(replies or database, self._reply_table)
        self._replies: dict[bytes, StoredReply] = {}
        self._collected: dict[bytes, tuple[StoredReply, float | None]] = {}
        self._spend: dict[str, float] = {}
        self._items: dict[tuple[str, str, int], tuple[int, bytes]] = {}
        self._lock = RLock()
        self._last_loop: AbstractEventLoop | None = None
        self._replies_due_on: AbstractEventLoop | None = None
        self._items_due_on: AbstractEventLoop | None = None
        self._waiting: list[Future[None]] = []
        self._failed = False

    def reply(self, key: bytes) -> StoredReply | None:
        """The stored reply, buffered ones included."""
        buffered = self._replies.get(key)
        if buffered is not None:
            return buffered
        if key in self._collected:
            return self._collected[key][0]
        return self._reply_table.find(key)

    def record_reply(
        self, key: bytes, payload: bytes, *, run_id: str, cost_usd: float | None
    ) -> Awaitable[None] | None:
        """Store a reply and what the run paid for it; a key that is stored already keeps its first payload.

        What is returned ends when the commit was tried; ``None`` when that is done already.
        """
        with self._lock:
            if self.reply(key) is None:
                self._replies[key] = StoredReply(payload, run_id)
            if cost_usd is not None:
                self._spend[run_id] = self._spend.get(run_id, 0.0) + cost_usd
        return self._commit_soon()

    def intend_batch(self, batch: PendingBatch, sent_by: Mapping[bytes, str]) -> set[bytes]:
        """Write a batch down before it is sent; the keys that wait nowhere else and have no reply are in it."""
        self._flush_if_any()
        return self._batch_table.intend(batch, sent_by)

    def name_batch(self, token: str, provider_id: str) -> None:
        """Write down the provider's name of a batch."""
        self._batch_table.name(token, provider_id)

    def pending_batch(self, key: bytes) -> tuple[PendingBatch, str] | None:
        """The batch in which a request waits, and the run that sent it."""
        return None if key in self._collected else self._batch_table.find(key)

    def release_from_batch(self, token: str, keys: Iterable[bytes]) -> None:
        """These requests of a batch got no answer, or are not waited for any more."""
        self._batch_table.release(token, keys)

    def collect_reply(
        self, key: bytes, payload: bytes, *, run_id: str, cost_usd: float | None
    ) -> Awaitable[None] | None:
        """Store the reply to a waiting request and what the run paid for it, unless another process has done so."""
        with self._lock:
            self._collected.setdefault(key, (StoredReply(payload, run_id), cost_usd))
        return self._commit_soon()

    def spent_usd(self, run_id: str) -> float:
        """Sum of the known costs this run has paid for."""
        self._flush_if_any()
        found = self._reply_table.database.rows("SELECT usd FROM spend WHERE run_id = ?", (run_id,))
        return float(found[0][0]) if found else 0.0

    def paid_replies(self, run_id: str) -> Iterator[tuple[bytes, bytes]]:
        """Key and payload of every reply this run has paid for, in the order they came."""
        self._flush_if_any()
        yield from self._reply_table.paid_by(run_id)

    def append_item(self, run_id: str, item: Item) -> None:
        """Store a finished item under (run, sample, epoch); repeating the call changes nothing."""
        payload = encode_item(item)
        with self._lock:
            self._items.setdefault((run_id, storable(item.sample.id), item.output.epoch), (item.row, payload))
        self._commit_later()

    def done(self, run_id: str) -> set[tuple[str, int]]:
        """(sample_id, epoch) of the items stored live."""
        self._flush_if_any()
        found = self._database.rows("SELECT sample_id, epoch FROM live_item WHERE run_id = ?", (run_id,))
        return {(original(sample_id), epoch) for sample_id, epoch in found}

    def items(self, run_id: str) -> Iterator[Item]:
        """Live items ordered by (row, epoch), streamed; writes made meanwhile may or may not be seen."""
        self._flush_if_any()
        after: tuple[int, int, int] = (-1, -1, -1)
        while True:  # page by page: no read transaction stays open that would keep the WAL from shrinking
            page = self._database.rows(
                "SELECT row, epoch, rowid, payload FROM live_item WHERE run_id = ? AND (row, epoch, rowid) > (?, ?, ?) "
                "ORDER BY row, epoch, rowid LIMIT ?",
                (run_id, *after, _PAGE),
            )
            for row in page:
                yield decode_item(row[3])
            if len(page) < _PAGE:
                return
            after = page[-1][:3]

    def forget_items(self, run_id: str, keys: Iterable[tuple[str, int]] | None = None) -> None:
        """Drop live items: all of a sealed run, or the ones to be made again."""
        self._flush_if_any()
        with self._database.writing() as connection:
            if keys is None:
                connection.execute("DELETE FROM live_item WHERE run_id = ?", (run_id,))
            else:
                connection.executemany(
                    "DELETE FROM live_item WHERE run_id = ? AND sample_id = ? AND epoch = ?",
                    ((run_id, storable(sample_id), epoch) for sample_id, epoch in keys),
                )

    def flush(self) -> None:
        """Commit now.

        Raises:
            StoreError: It could not be committed; the buffer is kept for the next attempt.
        """
        with self._lock:
            self._flush_if_any()
            self._failed = False

    def _flush_if_any(self) -> None:
        with self._lock:
            self._flush_replies()
            if self._items:
                with self._database.writing() as connection:
                    self._write_items(connection)
                self._items.clear()

    def _flush_replies(self) -> None:
        with self._lock:
            if self._replies or self._spend or self._collected:
                with self._reply_table.database.writing() as connection:
                    self._write_replies(connection)
                self._replies.clear()
                self._spend.clear()
                self._collected.clear()

    def _write_replies(self, connection: sqlite3.Connection) -> None:
        waited = [(key, reply.payload, reply.run_id) for key, (reply, _) in self._collected.items()]
        first = self._batch_table.collect(connection, waited) if waited else []
        self._reply_table.append(
            connection, [*((key, reply.payload, reply.run_id) for key, reply in self._replies.items()), *first]
        )
        paid = [(run_id, self._collected[key][1]) for key, _, run_id in first]
        connection.executemany(
            "INSERT INTO spend (run_id, usd) VALUES (?, ?) ON CONFLICT DO UPDATE SET usd = usd + excluded.usd",
            [*self._spend.items(), *((run_id, usd) for run_id, usd in paid if usd is not None)],
        )

    def _write_items(self, connection: sqlite3.Connection) -> None:
        connection.executemany(
            "INSERT OR IGNORE INTO live_item (run_id, sample_id, epoch, row, payload) VALUES (?, ?, ?, ?, ?)",
            ((*key, row, payload) for key, (row, payload) in self._items.items()),
        )

    def _commit_soon(self) -> Awaitable[None] | None:
        loop = self._loop()
        if loop is None:
            self.flush()
            return None
        if self._replies_due_on is not loop:
            self._replies_due_on = loop
            loop.call_soon(self._commit_replies)
        committed = loop.create_future()
        self._waiting.append(committed)
        return committed

    def _commit_later(self) -> None:
        loop = self._loop()
        if loop is None or len(self._items) >= _ITEMS_AT_ONCE:
            self.flush()
        elif self._items_due_on is not loop:
            self._items_due_on = loop
            loop.call_later(_ITEMS_WITHIN_S, self._commit_items)

    def _loop(self) -> AbstractEventLoop | None:
        if self._failed:
            self.flush()
        if self._last_loop is not None and self._last_loop.is_running():
            return self._last_loop  # looking it up again is a system call
        asyncio = sys.modules.get("asyncio")  # not imported here: a process that only reads never pays for it
        if asyncio is None:
            return None
        try:
            self._last_loop = asyncio.get_running_loop()
        except RuntimeError:
            self._last_loop = None
        return self._last_loop

    def _commit_replies(self) -> None:
        self._replies_due_on = None
        self._try(self._flush_replies)
        waiting, self._waiting = self._waiting, []
        for committed in waiting:
            if not committed.done():
                committed.set_result(None)

    def _commit_items(self) -> None:
        self._items_due_on = None
        self._try(self._flush_if_any)

    def _try(self, commit: Callable[[], None]) -> None:
        try:
            commit()
        except StoreError:
            self._failed = True  # nobody can catch it here; the next write or flush raises it
