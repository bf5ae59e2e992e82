"""One SQLite file: opened for many processes, its errors translated, its transactions short."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import quote

from assay.core.errors import StoreError
from assay.stores.failures import failure, from_os, from_sqlite
from assay.stores.sqlite.schema import VERSION


class Database:
    """A connection to one SQLite file in WAL mode, usable from every thread of the process.

    Args:
        path: The file; made with its directory when missing, unless ``read_only``.
        schema: Statements that make its tables where they are missing.
        read_only: Open an existing file for reading; works on media that cannot be written.
        busy_timeout_s: How long a write waits for the writes of other processes.

    Raises:
        StoreError: ``store.missing``, ``store.corrupt``, ``store.read_only``, ``store.newer`` …
    """

    def __init__(
        self, path: Path, *, schema: Sequence[str], read_only: bool = False, busy_timeout_s: float = 30.0
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._lock = RLock()
        self._busy_timeout_s = busy_timeout_s
        if read_only:
            self._connection = self._open_for_reading()
        else:
            self._connection = self._open_for_writing(schema)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end of the block, or nothing of it is stored.

        Raises:
            StoreError: It could not be committed.
        """
        if self.read_only:
            raise failure(self.path, "store.read_only", cause="opened for reading")
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            try:
                return self._connection.execute(sql, parameters).fetchall()
            except sqlite3.Error as error:
                raise from_sqlite(error, self.path) from error

    def close(self) -> None:
        """Close the file; calls after it fail."""
        with self._lock:
            self._connection.close()

    def _open_for_writing(self, schema: Sequence[str]) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise from_os(error, self.path.parent) from error
        connection = self._connect("rwc")
        try:
            with self._translated():
                self._switch_to_wal(connection)
                # A commit survives the death of the process; only a power cut may lose the last moments.
                connection.execute("PRAGMA synchronous = NORMAL")
                self._check_version(connection)
                connection.execute("BEGIN IMMEDIATE")
                for statement in schema:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute("COMMIT")
        except StoreError:
            connection.close()
            raise
        return connection

    def _open_for_reading(self) -> sqlite3.Connection:
        if not self.path.is_file():
            raise failure(self.path, "store.missing", kept="nothing was changed")
        # A WAL file cannot be shared where nothing can be written, and need not be: nobody else can write there either.
        for extra in ("", "&immutable=1"):
            connection = self._connect("ro", extra)
            try:
                with self._translated():
                    is_new = self._check_version(connection) == 0
                if is_new:  # another process is making it this moment
                    raise failure(self.path, "store.missing", kept="nothing was changed")
            except StoreError as error:
                connection.close()
                if extra or error.code not in ("store.read_only", "store.unusable") or self._has_unread_wal():
                    raise
            else:
                break
        return connection

    def _connect(self, mode: str, extra: str = "") -> sqlite3.Connection:
        with self._translated():
            return sqlite3.connect(
                f"file:{quote(str(self.path.absolute()))}?mode={mode}{extra}",
                uri=True,
                timeout=self._busy_timeout_s,
                isolation_level=None,
                check_same_thread=False,
            )

    def _switch_to_wal(self, connection: sqlite3.Connection) -> None:
        # Two processes that open a new file at once get "database is locked" here in spite of the busy timeout.
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def _check_version(self, connection: sqlite3.Connection) -> int:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise StoreError(
                f"store {self.path} was written by a newer Assay (format {version}; this one reads up to {VERSION}); "
                "nothing was changed",
                hint="pip install --upgrade assay, or name another place with --store",
                code="store.newer",
            )
        return version

    def _has_unread_wal(self) -> bool:
        wal = self.path.with_name(self.path.name + "-wal")
        return wal.is_file() and wal.stat().st_size > 0

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise from_sqlite(error, self.path) from error
