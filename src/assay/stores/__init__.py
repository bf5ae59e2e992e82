"""Durable things: journal and metadata (SQLite), sealed results (Parquet, DuckDB), objects (a directory).

Names are loaded on first use, so that a command pays for what it touches.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.stores.objects import DirectoryObjects
    from assay.stores.open import Store, open_store
    from assay.stores.results.reader import ResultsReader
    from assay.stores.results.sealed import SealedResults
    from assay.stores.sqlite.database import Database
    from assay.stores.sqlite.journal import SqliteJournal
    from assay.stores.sqlite.metadata import SqliteMetadata

_WHERE = {
    "Database": "sqlite.database",
    "DirectoryObjects": "objects",
    "ResultsReader": "results.reader",
    "SealedResults": "results.sealed",
    "SqliteJournal": "sqlite.journal",
    "SqliteMetadata": "sqlite.metadata",
    "Store": "open",
    "open_store": "open",
}

__all__ = [
    "Database",
    "DirectoryObjects",
    "ResultsReader",
    "SealedResults",
    "SqliteJournal",
    "SqliteMetadata",
    "Store",
    "open_store",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
