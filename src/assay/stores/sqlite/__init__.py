"""The embedded database: journal and metadata in one SQLite file that many processes read and write at once."""

from assay.stores.sqlite.database import Database
from assay.stores.sqlite.journal import SqliteJournal
from assay.stores.sqlite.metadata import SqliteMetadata

__all__ = ["Database", "SqliteJournal", "SqliteMetadata"]
