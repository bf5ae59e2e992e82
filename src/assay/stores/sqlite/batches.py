"""What was left with providers in batches: which request waits in which batch, and who sent it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from assay.core.protocols import PendingBatch
from assay.stores.sqlite.database import Database
from assay.stores.sqlite.leases import Process, this_process
from assay.stores.sqlite.replies import ReplyTable

Row = tuple[bytes, bytes, str]


class BatchTable:
    """Pending batches beside the response table they will fill; several processes may use both at once.

    A request waits in one batch at most, and leaves it in the transaction that stores its reply: whoever commits first
    has paid, everybody else finds the reply.
    """

    def __init__(self, database: Database, replies: ReplyTable) -> None:
        self._database = database
        self._replies = replies

    def intend(self, batch: PendingBatch, sent_by: Mapping[bytes, str]) -> set[bytes]:
        """See ``PendingBatches.intend_batch``."""
        me = this_process()
        self._replies.open()
        with self._database.writing() as connection:
            self._replies.append(connection, ())  # takes in what other processes have been answered
            taken = {key for key in sent_by if self._replies.find(key) is None}
            connection.executemany(
                "INSERT OR IGNORE INTO batch_request (key, token, run_id) VALUES (?, ?, ?)",
                ((key, batch.token, sent_by[key]) for key in taken),
            )
            mine = connection.execute("SELECT key FROM batch_request WHERE token = ?", (batch.token,))
            taken = {key for (key,) in mine}
            if taken:
                connection.execute(
                    "INSERT INTO batch (token, provider_id, model, base_url, since, host, pid, started) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (*batch[:5], me.host, me.pid, me.started),
                )
        return taken

    def name(self, token: str, provider_id: str) -> None:
        """See ``PendingBatches.name_batch``."""
        with self._database.writing() as connection:
            connection.execute("UPDATE batch SET provider_id = ? WHERE token = ?", (provider_id, token))

    def find(self, key: bytes) -> tuple[PendingBatch, str] | None:
        """See ``PendingBatches.pending_batch``."""
        found = self._database.rows(
            "SELECT token, provider_id, model, base_url, since, host, pid, started, run_id "
            "FROM batch_request JOIN batch USING (token) WHERE key = ?",
            (key,),
        )
        if not found:
            return None
        token, provider_id, model, base_url, since, host, pid, started, run_id = found[0]
        sender = Process(host=host, pid=pid, started=started)
        sending = not provider_id and sender.alive()
        return PendingBatch(token, provider_id, model, base_url, since, sending), run_id

    def release(self, token: str, keys: Iterable[bytes]) -> None:
        """See ``PendingBatches.release_from_batch``."""
        with self._database.writing() as connection:
            connection.executemany(
                "DELETE FROM batch_request WHERE key = ? AND token = ?", ((key, token) for key in keys)
            )
            _drop_empty(connection)

    def collect(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> list[Row]:
        """Those rows that no other process was faster with; nobody waits for any of them now."""
        first: list[Row] = []
        for row in rows:
            waited = connection.execute("DELETE FROM batch_request WHERE key = ?", row[:1]).rowcount
            if waited or not self._answered(connection, row[0]):
                first.append(row)
        _drop_empty(connection)
        return first

    def _answered(self, connection: sqlite3.Connection, key: bytes) -> bool:
        """Whether a request that does not wait any more has a reply; else another process has given it up."""
        self._replies.append(connection, ())  # takes in what other processes have been answered
        return self._replies.find(key) is not None


def _drop_empty(connection: sqlite3.Connection) -> None:
    connection.execute(
        "DELETE FROM batch WHERE NOT EXISTS (SELECT 1 FROM batch_request WHERE batch_request.token = batch.token)"
    )
