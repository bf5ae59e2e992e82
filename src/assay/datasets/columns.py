"""Tables as columns: CSV, Parquet, JSON lines or a query, scanned by DuckDB so that only what is needed is held."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import DataError, nearest
from assay.datasets.source import existing_file

_READERS = {
    ".csv": "read_csv({}, header = true, all_varchar = true, delim = ',')",
    ".tsv": "read_csv({}, header = true, all_varchar = true, delim = '\\t')",
    ".parquet": "read_parquet({})",
    ".jsonl": "read_json({}, format = 'newline_delimited')",
    ".ndjson": "read_json({}, format = 'newline_delimited')",
    ".json": "read_json({}, format = 'array')",
}
_KEPT_BYTES = 50_000_000
_QUERY = re.compile(r"\s*(select|with|from)\s", re.IGNORECASE)
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "1GB",
    "temp_directory": tempfile.gettempdir(),  # what does not fit goes there while a question is answered
    "threads": 2,
}


def is_query(where: str) -> bool:
    """Whether what stands for a file is a query."""
    return _QUERY.match(where) is not None


class TableFile:
    """A table that is read column by column, or asked by SQL under the name ``data``.

    Args:
        where: A file (``.csv .tsv .parquet .jsonl .ndjson .json``, text ones also ``.gz``), or a query that DuckDB can
            answer, e.g. ``SELECT * FROM 'week-*.parquet'``. Nothing is fetched from the network.

    Attributes:
        name: The file as it was named, or ``query``.
        columns: Names in order.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is not such a table, the file is empty (``data.empty``), or the query fails (``data.query``).
    """

    def __init__(self, where: str | Path) -> None:
        import duckdb

        text = str(where)
        self._duckdb = duckdb
        self._connection = duckdb.connect(":memory:", config=_SETTINGS)
        if is_query(text):
            self.name, source = "query", f"({text.rstrip().rstrip(';')})"
            self._run("SET threads = 1")  # every column of a query comes in the same order
            kept = False
        else:
            self.name, source = text, _reader(text)
            kept = _is_small_text(text)
        self._run(f"CREATE {'TABLE' if kept else 'VIEW'} data AS SELECT {self._cells(source)} FROM {source}")  # noqa: S608
        self._types = {row[0]: str(row[1]) for row in self._run("DESCRIBE data").fetchall()}
        self._numeric: dict[str, bool] = {}
        self.columns: Sequence[str] = tuple(self._types)

    def _cells(self, source: str) -> str:
        """All columns; texts without the spaces around them, and nothing where they are empty."""
        described = self._run(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
        return ", ".join(
            f"nullif(trim({quoted(name)}), '') AS {quoted(name)}" if kind == "VARCHAR" else quoted(name)
            for name, kind, *_ in described
        )

    def __len__(self) -> int:
        return int(self.rows("SELECT count(*) FROM data")[0][0])

    def require(self, *columns: str) -> None:
        """Raise DataError (``data.no_column``), naming the nearest, where a column is not there."""
        for column in columns:
            if column not in self._types:
                raise DataError(
                    f"{self.name} has no column {column!r}", hint=nearest(column, self.columns), code="data.no_column"
                )

    def is_number(self, column: str) -> bool:
        """Whether a column holds numbers or truth values; a text column does when every cell of it is one.

        A file of texts (CSV) says nothing of its columns, so ``007`` is a number to who asks for numbers and a name to
        who asks for texts.
        """
        self.require(column)
        if self._types[column] != "VARCHAR":
            return self._types[column].startswith(_NUMBERS)
        if column not in self._numeric:
            self._numeric[column] = not self._odd_cell(column)
        return self._numeric[column]

    def number_of(self, column: str) -> str:
        """SQL for a column as a number: true is 1, what is empty or a word is NULL."""
        self.require(column)
        name = quoted(column)
        if self._types[column] == "BOOLEAN":  # a cast would be pushed into the reader, which then sees "true"
            return f"CASE WHEN {name} THEN 1.0 WHEN NOT {name} THEN 0.0 END::DOUBLE"
        if self._types[column] != "VARCHAR":
            return f"try_cast({name} AS DOUBLE)"
        return f"CASE lower({name}) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 ELSE try_cast({name} AS DOUBLE) END"

    def numbers(self, column: str) -> npt.NDArray[np.float64]:
        """One column as floats, shape ``(n,)``, NaN where it is empty; true is 1.

        Raises:
            DataError: A cell is not a number; it says which row.
        """
        if not self.is_number(column):
            bad = self._odd_cell(column)
            where, cell = bad[0] if bad else (1, "…")
            raise DataError(
                f"{self.name}, row {where}: {column} is {str(cell)[:40]!r}, not a number",
                hint="name a column of numbers, or clean the cell",
                code="data.type",
            )
        found = self._run(f"SELECT {self.number_of(column)} AS x FROM data").fetchnumpy()["x"]  # noqa: S608
        filled: npt.NDArray[np.float64] = np.ma.filled(found.astype(np.float64), np.nan)
        return filled

    def _odd_cell(self, column: str) -> list[tuple[Any, ...]]:
        """Row and text of the first cell that is no number, in a list that is empty when there is none."""
        name = quoted(column)
        return self.rows(
            f"SELECT row, cell FROM (SELECT row_number() OVER () AS row, {name} AS cell, "  # noqa: S608
            f"{self.number_of(column)} AS number FROM data) WHERE cell IS NOT NULL AND number IS NULL LIMIT 1"
        )

    def texts(self, column: str) -> list[str | None]:
        """One column as texts, ``None`` where it is empty; whole numbers without a decimal point."""
        self.require(column)
        name = quoted(column)
        found = self._run(f"SELECT {name}::VARCHAR AS x FROM data").fetchall()  # noqa: S608
        return [row[0] for row in found]

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query on ``data``; column names go through ``quoted``, values through ``$name``."""
        found: list[tuple[Any, ...]] = self._run(sql, parameters).fetchall()
        return found

    def close(self) -> None:
        """Free the memory."""
        self._connection.close()

    def _run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        try:
            return self._connection.execute(sql, dict(parameters) if parameters else None)
        except self._duckdb.Error as error:
            raise DataError(
                f"{self.name} cannot be read as a table: {str(error).splitlines()[0]}",
                hint="give a file with a header, or a query that DuckDB answers",
                code="data.query" if self.name == "query" else "data.unreadable",
            ) from error


_NUMBERS = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT",
            "DOUBLE", "FLOAT", "DECIMAL", "BOOLEAN")  # fmt: skip


def _is_small_text(where: str) -> bool:
    """Whether parsing it again for every question would cost more than keeping it."""
    path = Path(where)
    return not where.endswith(".parquet") and path.is_file() and path.stat().st_size <= _KEPT_BYTES


def quoted(column: str) -> str:
    """A column's name inside SQL.

    Examples:
        >>> print(quoted("net price"))
        "net price"
    """
    return '"' + column.replace('"', '""') + '"'


def _reader(text: str) -> str:
    path = existing_file(text)
    name = path.name.removesuffix(".gz")
    ending = Path(name).suffix
    if ending not in _READERS:
        raise DataError(
            f"{text} is not a table Assay can read",
            hint=f"known endings: {', '.join(_READERS)}; or a query that begins with SELECT",
            code="data.unknown_format",
        )
    if not path.stat().st_size:
        raise DataError(f"the file {text} is empty", hint="a header and at least one row", code="data.empty")
    escaped = "".join(f"[{char}]" if char in "*?[" else char for char in str(path)).replace("'", "''")
    return _READERS[ending].format(f"'{escaped}'")
