"""The narrow columns of the runs being looked at, kept in memory, so that a page need not read Parquet again.

Fifty rows anywhere in a sorted list touch every row group; decompressing the previews of 100,000 items for each page
takes longer than all the rest.
"""

from __future__ import annotations

from threading import RLock
from typing import Any, NamedTuple

from assay.stores.results import queries
from assay.stores.results.duck import DuckReader, literal_path
from assay.stores.results.segments import Segment

_MOST_RUNS = 2


class Relations(NamedTuple):
    """What to select from: tables in memory, or the Parquet files (``$outputs``, ``$scores`` and ``$scorers``)."""

    outputs: str
    scores: str


_FILE = "read_parquet($scores)"


class PageTables:
    """Copies of the last runs looked at, about 0.5 kB an item.

    Runs of more than ``copied_items`` are read from their files. Hold ``lock`` from asking for the relations until they
    have been used.
    """

    def __init__(self, duck: DuckReader, *, copied_items: int) -> None:
        self.lock = RLock()
        self._duck = duck
        self._copied_items = copied_items
        self._tables: dict[str, Relations] = {}  # by the token of the seal; the last one used is at the end

    def relations(self, segment: Segment) -> Relations:
        """Where the run's narrow columns are; copied now when they were not in memory."""
        if segment.items > self._copied_items:
            return Relations(f"({queries.narrow(len(segment.scorers), scores=_FILE)})", _FILE)
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
        given = parameters(segment)
        self._duck.rows(queries.COPY_SCORES.format(table=tables.scores), given)
        narrow = queries.narrow(len(segment.scorers), scores=tables.scores)
        self._duck.rows(queries.COPY_OUTPUTS.format(table=tables.outputs, narrow=narrow), given)
        return tables


def parameters(segment: Segment) -> dict[str, Any]:
    """What every query of a run can name."""
    return {
        "outputs": literal_path(segment.outputs),
        "scores": literal_path(segment.scores),
        "scorers": list(segment.scorers),
    }
