"""JSON lines: one object a line, split on ``\\n`` only; plain or gzip."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from assay.core.canonical import content_hash
from assay.core.errors import DataError
from assay.datasets.fields import AS_NAMED, FieldMap, RowReader
from assay.datasets.index import Index, JsonlSamples, display_name, temporary_file
from assay.datasets.source import existing_file, open_bytes, split_of

_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line that is not blank: number from 1, offset in the file, bytes."""

    number: int
    start: int
    raw: bytes


def open_jsonl(
    path: str | Path, *, fields: FieldMap = AS_NAMED, skip_bad: bool = False, split: str | None = None
) -> JsonlSamples:
    """Samples of a ``.jsonl`` or ``.jsonl.gz`` file, checked in one pass and parsed row by row when asked for.

    A plain file stays open and is read in place. A gzip file is unpacked into a nameless temporary file on disk,
    never into memory. A byte-order mark, Windows line ends and blank lines are accepted.

    Args:
        path: The file.
        fields: Which key means what; unknown keys go to the metadata.
        skip_bad: Leave bad lines out and count them, instead of stopping at the first.
        split: First word of the ids of rows without one (``<split>-<row>``); from the file's name when ``None``.

    Raises:
        NotFoundError: There is no such file.
        DataError: A line is malformed (``data.malformed``, ``data.nan``), lacks a key (``data.key_missing``) or holds
            a value of the wrong kind (``data.type``); two rows share an id (``data.duplicate_id``); nothing is left
            (``data.empty``); the file is damaged or unreadable.
    """
    file_path = existing_file(path)
    index = Index(where=str(file_path), split=split or split_of(file_path), reader=RowReader(fields), skip_bad=skip_bad)
    with _seekable(file_path) as file:
        digest = hashlib.sha256()
        for line in _lines(file, digest):
            try:
                row = parse_object(line.raw)
            except DataError as error:
                index.refuse(error, line=line.number)
                continue
            index.add(row, line=line.number, start=line.start, length=len(line.raw))
        index.finish()
        identity = {"bytes": digest.hexdigest(), "fields": fields.to_dict(), "split": index.split}
        return JsonlSamples(index, file=file, name=display_name(file_path), content_hash=content_hash(identity))


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and rows of a file as they are, without making samples of them."""
    with open_bytes(path) as file:
        for line in _lines(file, hashlib.sha256()):
            try:
                yield line.number, parse_object(line.raw)
            except DataError as error:
                raise DataError(f"{path}, line {line.number}: {error}", hint=error.hint, code=error.code) from error


def parse_object(raw: bytes) -> dict[str, Any]:
    """One line as an object.

    Raises:
        DataError: It is not JSON, holds NaN or infinity, or is not an object.
    """
    try:
        row = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _malformed(raw, error) from error
    if not isinstance(row, dict):
        raise DataError(
            f"the line is JSON but not an object: {raw[:40].decode(errors='replace')}",
            hint='write one object a line, e.g. {"id": "q1", "input": "…"}',
            code="data.malformed",
        )
    return row


def _malformed(raw: bytes, error: Exception) -> DataError:
    text = raw.decode(errors="replace").strip()
    if text.startswith(("\x1f", "PK", "\ufffd")) or "\x00" in text:
        return DataError("the line is not text", hint="is the file compressed or UTF-16?", code="data.malformed")
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        near = f" near {text[:40]!r}" if text else ""
        return DataError(f"not valid JSON: {error}{near}", hint="mend the line", code="data.malformed")
    return DataError(
        "a number is NaN or infinite, which JSON does not have", hint="write null instead", code="data.nan"
    )


def _lines(file: BinaryIO, digest: hashlib._Hash) -> Iterator[Line]:
    start = 0
    for number, raw in enumerate(file, start=1):
        digest.update(raw)
        lead = len(_BOM) if number == 1 and raw.startswith(_BOM) else 0
        if raw[lead:].strip():
            yield Line(number, start + lead, raw[lead:])
        start += len(raw)


def _seekable(path: Path) -> BinaryIO:
    """The plain bytes in a file that can be read at any offset."""
    if path.suffix != ".gz" and stat.S_ISREG(path.stat().st_mode):
        return _opened(path)
    import shutil

    spool = temporary_file()
    try:
        with open_bytes(path) as packed:
            shutil.copyfileobj(packed, spool, 1 << 20)
    except DataError:
        spool.close()
        raise
    spool.seek(0)
    return spool


def _opened(path: Path) -> BinaryIO:
    with open_bytes(path):
        pass  # says what is wrong when it cannot be opened
    return path.open("rb")


def write_rows(
    rows: Iterator[tuple[int, Mapping[str, Any] | DataError]],
    *,
    where: str,
    name: str,
    split: str,
    fields: FieldMap,
    skip_bad: bool,
) -> JsonlSamples:
    """Samples of rows that come from another format, copied as JSON lines into a nameless temporary file.

    Args:
        rows: Line (or row) numbers from 1 with the row, or with what is wrong with it.
    """
    index = Index(where=where, split=split, reader=RowReader(fields), skip_bad=skip_bad)
    digest = hashlib.sha256()
    start = 0
    with temporary_file() as spool:
        for line, row in rows:
            try:
                raw = _encode(row, index.reader)
            except DataError as error:
                index.refuse(error, line=line)
                continue
            index.add(orjson.loads(raw), line=line, start=start, length=len(raw))
            spool.write(raw)
            digest.update(raw)
            start += len(raw)
        spool.flush()
        index.finish()
        identity = {"bytes": digest.hexdigest(), "fields": fields.to_dict(), "split": split}
        return JsonlSamples(index, file=spool, name=name, content_hash=content_hash(identity))


def _encode(row: Mapping[str, Any] | DataError, reader: RowReader) -> bytes:
    if isinstance(row, DataError):
        raise row
    reader.refuse_nan(row)
    try:
        return orjson.dumps(row, default=_plain, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        raise DataError(
            f"a value cannot be kept as JSON: {error}", hint="drop that column", code="data.type"
        ) from error


def _plain(value: Any) -> str:
    from datetime import timedelta
    from decimal import Decimal

    if isinstance(value, Decimal | timedelta):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not text, a number, a list or an object")
