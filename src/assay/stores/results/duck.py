"""DuckDB over Parquet files: in this process, reading only, loaded on first use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from arro3.core import Table

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    # Never fetches code from the network, never spills beside the user's files, never takes the whole machine.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",
    "memory_limit": "2GB",
    # A page is a millisecond of work: on a busy machine a second thread is waited for longer than it saves.
    "threads": 1,
}

_NAMED = re.compile(r"\$(\w+)")


class DuckReader:
    """One in-process database without tables, shared by the threads of the process."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._lock = Lock()

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        found: list[tuple[Any, ...]] = self._cursor().execute(sql, _used(sql, parameters)).fetchall()
        return found

    def columns(self, sql: str, parameters: Mapping[str, Any]) -> list[list[Any]]:
        """All columns of a query as lists, without a Python step for each row."""
        table = Table.from_arrow(self._cursor().sql(sql, params=_used(sql, parameters)))
        lists: list[Any] = [table[position].to_pylist() for position in range(table.num_columns)]
        return lists

    def close(self) -> None:
        """Free the memory; a later query opens a new one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _cursor(self) -> Any:
        with self._lock:
            if self._connection is None:
                import duckdb

                self._connection = duckdb.connect(":memory:", config=_SETTINGS)
            return self._connection.cursor()


def literal_path(path: Path) -> str:
    """A path in which DuckDB sees no wildcard."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(path))


def _used(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    # DuckDB refuses values for parameters a query does not have.
    named = set(_NAMED.findall(sql))
    return {name: value for name, value in parameters.items() if name in named}
