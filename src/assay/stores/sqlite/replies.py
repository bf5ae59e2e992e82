"""The response table: a log that commits append to, and an index that is made afterwards.

Keys are hashes, so every insert into an index of them dirties a page of its own, and a commit writes whole pages. The
hot path therefore only appends. Rows that are not indexed yet (the *tail*) are found through a dictionary in memory;
they are indexed in one sorted pass when there are many, and when a process finds many left by another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from assay.core.protocols import StoredReply
from assay.stores.sqlite.database import Database

_PAGE = 500
_PREFIX = 8
_MOST_KNOWN = 1_000_000
_TAIL_AT_OPENING = 1_000
_TAIL_IN_USE = 50_000
_TAIL = "SELECT id, substr(key, 1, 8) FROM reply_log WHERE id > ? ORDER BY id"


class ReplyTable:
    """Replies by key, in one SQLite file; several processes may append at once.

    The first eight bytes of all keys, up to a million, are held in memory: a look-up is a transaction, and in a fresh
    run every one would miss. What other processes append is taken in with every append of this one.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._indexed: set[bytes] | None = None
        self._tail: dict[bytes, int] = {}
        self._indexed_to = 0
        self._last_id = 0
        self._opened = False

    def find(self, key: bytes) -> StoredReply | None:
        """The stored reply; where two processes stored one key at once, the first of them."""
        self.open()
        prefix = key[:_PREFIX]
        at = self._tail.get(prefix)
        if at is not None:
            found = self.database.rows("SELECT key, payload, run_id FROM reply_log WHERE id = ?", (at,))
            if found and found[0][0] == key:
                return StoredReply(*found[0][1:])
        elif self._indexed is not None and prefix not in self._indexed:
            return None
        found = self.database.rows(
            "SELECT payload, run_id FROM reply_key JOIN reply_log USING (id) WHERE reply_key.key = ?", (key,)
        )
        if not found and at is not None:  # two keys with one prefix
            found = self.database.rows(
                "SELECT payload, run_id FROM reply_log WHERE id > (SELECT up_to FROM reply_indexed) AND key = ? "
                "ORDER BY id LIMIT 1",
                (key,),
            )
        return StoredReply(*found[0]) if found else None

    def paid_by(self, run_id: str) -> Iterator[tuple[bytes, bytes]]:
        """Key and payload of every reply the run has paid for, in the order they came."""
        self.open()
        up_to = self._up_to()
        indexed = (
            "id IN (SELECT id FROM reply_paid WHERE run_id = :run AND id > :after AND id <= :up_to "
            "ORDER BY id LIMIT :page)"
        )
        tail = "id > max(:after, :up_to) AND run_id = :run"
        for rows in (indexed, tail):
            after = -1
            while True:
                page = self.database.rows(
                    f"SELECT id, key, payload FROM reply_log WHERE {rows} ORDER BY id LIMIT :page",  # noqa: S608
                    {"run": run_id, "after": after, "up_to": up_to, "page": _PAGE},
                )
                for _, key, payload in page:
                    yield key, payload
                if len(page) < _PAGE:
                    break
                after = page[-1][0]

    def append(self, connection: sqlite3.Connection, rows: Iterable[tuple[bytes, bytes, str]]) -> None:
        """Add (key, payload, run_id) rows within a transaction."""
        connection.executemany("INSERT INTO reply_log (key, payload, run_id) VALUES (?, ?, ?)", rows)
        if self._opened:
            self._learn(connection.execute(_TAIL, (self._last_id,)))
            if self._last_id - self._indexed_to >= _TAIL_IN_USE:
                self._index_tail(connection)

    def _learn(self, rows: Iterable[tuple[int, bytes]]) -> None:
        for self._last_id, prefix in rows:
            self._tail.setdefault(prefix, self._last_id)

    def open(self) -> None:
        """Read what is needed to find replies, once; not within a transaction, for it may index what it finds."""
        if self._opened:
            return
        up_to = self._indexed_to = self._last_id = self._up_to()
        if up_to <= _MOST_KNOWN:
            self._indexed = {row[0] for row in self.database.rows("SELECT substr(key, 1, 8) FROM reply_key")}
        self._learn(self.database.rows(_TAIL, (up_to,)))
        self._opened = True
        if self._last_id - up_to >= _TAIL_AT_OPENING and not self.database.read_only:
            with self.database.writing() as connection:
                self._index_tail(connection)

    def _index_tail(self, connection: sqlite3.Connection) -> None:
        """Sorted, so that pages of the index are written once; a key stored twice keeps its first row."""
        connection.execute(
            "INSERT OR IGNORE INTO reply_key SELECT key, id FROM reply_log "
            "WHERE id > (SELECT up_to FROM reply_indexed) ORDER BY key, id"
        )
        connection.execute(
            "INSERT INTO reply_paid SELECT run_id, id FROM reply_log WHERE id > (SELECT up_to FROM reply_indexed) "
            "ORDER BY run_id, id"
        )
        connection.execute("UPDATE reply_indexed SET up_to = (SELECT coalesce(max(id), 0) FROM reply_log)")
        if self._indexed is not None:
            self._indexed.update(self._tail)
            if len(self._indexed) > _MOST_KNOWN:
                self._indexed = None
        self._tail.clear()
        self._indexed_to = self._last_id

    def _up_to(self) -> int:
        return int(self.database.rows("SELECT up_to FROM reply_indexed")[0][0])
