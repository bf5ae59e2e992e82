"""The narrow columns of the runs being looked at, kept in memory, so that a page need not read Parquet again.

Fifty rows anywhere in a sorted list touch every row group; decompressing the previews of 100,000 items for each page
takes longer than all the rest.
"""

from __future__ import annotations

from threading import RLock
from typing import NamedTuple

from assay.stores.results import queries
from assay.stores.results.duck import DuckReader, literal_path
from assay.stores.results.segments import Segment

_MOST_ITEMS = 250_000
_MOST_RUNS = 2


class Relations(NamedTuple):
    """What to select from: a table in memory or the Parquet file."""

    outputs: str
    scores: str


PARQUET = Relations("read_parquet($outputs)", "read_parquet($scores)")


class PageTables:
    """Copies of the last runs looked at, about 0.5 kB an item; larger runs are read from their files.

    Hold ``lock`` from asking for the relations until they have been used.
    """

    def __init__(self, duck: DuckReader) -> None:
        self.lock = RLock()
        self._duck = duck
        self._tables: dict[str, Relations] = {}  # by the token of the seal; the last one used is at the end

    def relations(self, segment: Segment) -> Relations:
        """Where the run's narrow columns are; copied now when they were not in memory."""
        if segment.items > _MOST_ITEMS:
            return PARQUET
        with self.lock:
            tables = self._tables.pop(segment.token, None) or self._copy(segment)
            self._tables[segment.token] = tables
            while len(self._tables) > _MOST_RUNS:
                for table in self._tables.pop(next(iter(self._tables))):
                    self._duck.rows(f"DROP TABLE IF EXISTS {table}", {})
            return tables

    def forget(self) -> None:
        """Forget every copy; the connection that held them is gone."""
        with self.lock:
            self._tables.clear()

    def _copy(self, segment: Segment) -> Relations:
        tables = Relations(f"outputs_{segment.token}", f"scores_{segment.token}")
        files = {"outputs": literal_path(segment.outputs), "scores": literal_path(segment.scores)}
        self._duck.rows(queries.COPY_OUTPUTS.format(table=tables.outputs), files)
        self._duck.rows(queries.COPY_SCORES.format(table=tables.scores), files)
        return tables
