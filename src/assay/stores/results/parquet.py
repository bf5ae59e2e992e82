"""Parquet files that take batches as they come, each written by a thread of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO, Any, cast

from arro3.core import RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

from assay.stores.results.columns import LONG_COLUMNS

_ROW_GROUP = 10_000


class ParquetFile:
    """One Parquet file being written: the library wants to pull batches, the seal feeds two files at once.

    Call ``end`` in any case, then ``check``; without ``check`` nothing is known about the file.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self._sink = _Sink(path)
        self._schema = schema
        self._queue: Queue[RecordBatch | None] = Queue(maxsize=1)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._write, name=f"write {path.name}", daemon=True)
        self._thread.start()

    def add(self, batch: RecordBatch) -> None:
        """Write a batch, or raise what stopped the writer."""
        self.check()
        self._queue.put(batch)

    def end(self) -> None:
        """Wait until everything is written, or the writer has given up."""
        self._queue.put(None)
        self._thread.join()
        self._sink.close()

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        for error in (self._sink.error, self._error):
            if error is not None:
                raise error

    def _write(self) -> None:
        batches = self._batches()
        try:
            write_parquet(
                RecordBatchReader.from_batches(self._schema, batches),
                cast("IO[bytes]", self._sink),  # write, seek and flush are all it asks for
                compression="zstd(1)",
                max_row_group_size=_ROW_GROUP,
                column_dictionary_enabled={name: False for name in LONG_COLUMNS if name in self._schema.names},
            )
        except BaseException as error:  # boundary: a panic of the library is no Exception; check() raises it
            self._error = error
            for _ in batches:
                pass  # so that add() never waits for a writer that is gone

    def _batches(self) -> Iterator[Any]:
        return iter(self._queue.get, None)


class _Sink:
    """A file that remembers its first error and swallows the rest: the library panics where a write fails."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        if self.error is None:
            try:
                self._file.write(data)
            except OSError as error:
                self.error = error
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence) if self.error is None else 0

    def flush(self) -> None:
        if self.error is None:
            try:
                self._file.flush()
            except OSError as error:
                self.error = error

    def close(self) -> None:
        """Wait until the disk has the file; an error is remembered like the others."""
        self.flush()
        try:
            if self.error is None:
                os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:  # closing writes what is still buffered, and that does not fit either
            self.error = self.error or error
