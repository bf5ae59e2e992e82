"""Samples kept as offsets into a file of JSON lines: constant memory a row, parsed when asked for."""

from __future__ import annotations

import os
import weakref
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from assay.core.errors import AssayError, DataError
from assay.core.records import Sample
from assay.datasets.fields import RowReader

KEPT_BAD_ROWS = 100
WINDOW_BYTES = 1 << 16
"""Rows are mostly asked for in order: one read of the file serves many of them."""


class BadRow(NamedTuple):
    """A row that was left out: its line (or row) number from 1, and why."""

    line: int
    problem: str


class JsonlSamples:
    """Samples as rows of JSON lines; implements ``core.task.Samples``.

    Every row was parsed and checked once; what stays in memory is its id, offset and length (about 100 bytes a row).
    ``samples[row]`` reads and parses one row again, so a sample is a new object every time.

    Attributes:
        name: Name of the dataset.
        content_hash: ``sha256:`` of the data (unpacked) and of the field map.
        skipped: How many rows were left out as bad (only with ``skip_bad``).
        bad_rows: The first hundred of them.
        split: First word of default ids.
    """

    def __init__(self, index: Index, *, file: BinaryIO, name: str, content_hash: str) -> None:
        self.name = name
        self.content_hash = content_hash
        self.skipped = index.skipped
        self.bad_rows: Sequence[BadRow] = tuple(index.bad_rows)
        self.split = index.split
        self._ids, self._starts, self._lengths = index.ids, index.starts, index.lengths
        self._reader = index.reader
        self._window, self._window_start = b"", 0
        self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> Sample:
        raw = self._bytes(self._starts[row], self._lengths[row])
        try:
            return self._reader.sample(orjson.loads(raw), default_id=self._ids[row])
        except (orjson.JSONDecodeError, DataError) as error:
            raise DataError(
                f"sample {self._ids[row]} of {self.name} can no longer be read: {error}",
                hint="the file was changed while it was in use; resume the run with the file it was started with",
                code="data.changed",
            ) from error

    def _bytes(self, start: int, length: int) -> bytes:
        offset = start - self._window_start
        if offset < 0 or offset + length > len(self._window):
            self._window = os.pread(self._descriptor, max(length, WINDOW_BYTES), start)
            self._window_start = start
            offset = 0
        return self._window[offset : offset + length]

    def __iter__(self) -> Iterator[Sample]:
        return (self[row] for row in range(len(self)))

    def ids(self) -> Sequence[str]:
        """Sample ids in row order; unique."""
        return self._ids


class Index:
    """Where each good row is; grown row by row in one pass."""

    def __init__(self, *, where: str, split: str, reader: RowReader, skip_bad: bool) -> None:
        self.where = where
        self.split = split
        self.reader = reader
        self.ids: list[str] = []
        self.starts, self.lengths, self._lines = array("Q"), array("Q"), array("Q")
        self.skipped = 0
        self.bad_rows: list[BadRow] = []
        self._seen: set[str] = set()
        self._rows = 0
        self._keys: Sequence[str] = ()
        self._skip_bad = skip_bad

    def add(self, row: Mapping[str, Any], *, line: int, start: int, length: int) -> None:
        """Check one row and keep its place.

        Raises:
            DataError: The row is bad and bad rows are not skipped, or its id was used before.
        """
        if not self._rows:
            self._keys = list(row)
        try:
            sample = self.reader.sample(row, default_id=f"{self.split}-{self._rows}")
        except DataError as error:
            self.refuse(error, line=line)
            return
        self._rows += 1
        if sample.id in self._seen:
            first = self._lines[self.ids.index(sample.id)]
            raise DataError(
                f"{self.where}: lines {first} and {line} have the same id {sample.id!r}",
                hint="make ids unique, or leave them out to have rows numbered",
                code="data.duplicate_id",
                details={"id": sample.id, "lines": [first, line]},
            )
        self._seen.add(sample.id)
        self.ids.append(sample.id)
        self.starts.append(start)
        self.lengths.append(length)
        self._lines.append(line)

    def refuse(self, error: AssayError, *, line: int) -> None:
        """Count a bad row when they are skipped, else raise; the row keeps its number either way."""
        self._rows += 1
        if not self._skip_bad:
            raise DataError(
                f"{self.where}, line {line}: {error}",
                hint=f"{error.hint}; or leave such rows out, counted: --skip-bad" if error.hint else "--skip-bad",
                code=error.code,
                details={"line": line},
            ) from error
        self.skipped += 1
        if len(self.bad_rows) < KEPT_BAD_ROWS:
            self.bad_rows.append(BadRow(line, str(error)))

    def finish(self) -> None:
        """Raise DataError when nothing is left or a named field was in no row."""
        if not self.ids:
            bad = (
                f": all {self.skipped} rows are bad, the first in line {self.bad_rows[0].line}" if self.skipped else ""
            )
            hint = self.bad_rows[0].problem if self.skipped else "it needs at least one row"
            raise DataError(f"{self.where} holds no samples{bad}", hint=hint, code="data.empty")
        self.reader.refuse_unseen(where=self.where, keys=self._keys)
        self._seen = set()


def temporary_file() -> BinaryIO:
    """A nameless file on disk that is gone once nothing reads it."""
    import tempfile

    return tempfile.TemporaryFile(prefix="assay-rows-", dir=os.environ.get("TMPDIR") or None)


def display_name(path: Path) -> str:
    """A dataset's name from its file: without folders and endings.

    Examples:
        >>> display_name(Path("data/tickets.v2.jsonl.gz"))
        'tickets.v2'
    """
    name = path.name.removesuffix(".gz")
    return name[: -len(Path(name).suffix)] if Path(name).suffix else name
