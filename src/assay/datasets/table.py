"""CSV, Parquet and JSON arrays: rows with their line (or row) number; all but JSON arrays in constant memory."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from assay.core.errors import DataError
from assay.datasets.fields import AS_NAMED, FieldMap
from assay.datasets.index import JsonlSamples, display_name
from assay.datasets.jsonl import write_rows
from assay.datasets.source import existing_file, open_bytes, split_of

Rows = Iterator[tuple[int, dict[str, Any] | DataError]]
_BATCH = 1000


def open_csv(
    path: str | Path, *, fields: FieldMap = AS_NAMED, skip_bad: bool = False, split: str | None = None
) -> JsonlSamples:
    """Samples of a CSV file with a header (``.csv``, ``.csv.gz``).

    Every cell is text. An empty cell of a field (not of the metadata) is a missing value. ``choices`` is a JSON list
    or texts separated by ``|``. Raises like ``open_jsonl``.
    """
    file_path = existing_file(path)
    choices = fields.choices or "choices"
    blank_is_missing = {value or key for key, value in _named(fields).items()}

    def rows() -> Rows:
        for line, row in read_csv(file_path):
            if isinstance(row, DataError):
                yield line, row
                continue
            kept = {key: value for key, value in row.items() if value or key not in blank_is_missing}
            yield line, {**kept, choices: _split_choices(kept[choices])} if choices in kept else kept

    return _spool(rows(), file_path, fields, skip_bad, split)


def open_parquet(
    path: str | Path, *, fields: FieldMap = AS_NAMED, skip_bad: bool = False, split: str | None = None
) -> JsonlSamples:
    """Samples of a Parquet file, read by DuckDB. NaN in a field is an error, in the metadata it becomes ``None``."""
    file_path = existing_file(path)
    return _spool(read_parquet(file_path), file_path, fields, skip_bad, split)


def open_json(
    path: str | Path, *, fields: FieldMap = AS_NAMED, skip_bad: bool = False, split: str | None = None
) -> JsonlSamples:
    """Samples of one JSON array of objects (``.json``, ``.json.gz``); the array is held in memory while it is read."""
    file_path = existing_file(path)
    return _spool(read_json(file_path), file_path, fields, skip_bad, split)


def _named(fields: FieldMap) -> dict[str, str | None]:
    return {name: getattr(fields, name) for name in ("id", "input", "reference", "choices", "cluster", "critical")}


def _spool(rows: Rows, path: Path, fields: FieldMap, skip_bad: bool, split: str | None) -> JsonlSamples:
    return write_rows(
        rows,
        where=str(path),
        name=display_name(path),
        split=split or split_of(path),
        fields=fields,
        skip_bad=skip_bad,
    )


def read_csv(path: Path) -> Rows:
    """Rows by header; the number is the line where the row ends. A row of the wrong width comes as its DataError."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        with open_bytes(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if header is None:
                raise DataError(f"{path} is empty", hint="it needs a header and at least one row", code="data.empty")
            repeated = sorted({name for name in header if header.count(name) > 1})
            if repeated:
                raise DataError(
                    f"{path} has two columns called {repeated[0]!r}", hint="rename one", code="data.malformed"
                )
            for cells in reader:
                if len(cells) == len(header):
                    yield reader.line_num, dict(zip(header, cells, strict=True))
                elif cells:
                    yield reader.line_num, _ragged(len(cells), len(header))
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: {error}", hint="is a quotation mark left open?", code="data.malformed"
        ) from error
    finally:
        csv.field_size_limit(limit)


def _ragged(cells: int, columns: int) -> DataError:
    return DataError(
        f"the row has {cells} cells and the header {columns}",
        hint="quote cells that hold commas or line ends",
        code="data.malformed",
    )


def _split_choices(cell: str) -> Any:
    if cell.lstrip().startswith("["):
        try:
            return orjson.loads(cell)
        except orjson.JSONDecodeError:
            return cell
    return [part.strip() for part in cell.split("|")]


def read_parquet(path: Path) -> Rows:
    """Rows by column name, numbered from 1."""
    import duckdb

    with duckdb.connect() as connection:
        try:
            result = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
            names = [column[0] for column in result.description]
            number = 0
            while batch := result.fetchmany(_BATCH):
                for values in batch:
                    number += 1
                    yield number, dict(zip(names, values, strict=True))
        except duckdb.Error as error:
            raise DataError(
                f"{path} is not a readable Parquet file: {str(error).splitlines()[0]}",
                hint="fetch or write it again; an interrupted download ends like this",
                code="data.damaged",
            ) from error


def read_json(path: Path) -> Rows:
    """Rows of a JSON array, numbered from 1."""
    with open_bytes(path) as file:
        content = file.read()
    try:
        array = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path} is not valid JSON: {error}", hint="mend the file", code="data.malformed") from error
    if not isinstance(array, list):
        raise DataError(f"{path} is not a list of objects", hint='write [{"input": "…"}, …]', code="data.malformed")
    for number, row in enumerate(array, start=1):
        wrong = DataError("the entry is not an object", hint='write {"input": "…"}', code="data.malformed")
        yield number, row if isinstance(row, dict) else wrong
