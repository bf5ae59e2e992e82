"""One directory as a whole store: journal, metadata, results and objects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from assay.core.errors import ConfigError, StoreError
from assay.core.protocols import Journal, Metadata, Objects, Results, Stores
from assay.stores.failures import failure
from assay.stores.objects import DirectoryObjects
from assay.stores.results.reader import ResultsReader
from assay.stores.results.sealed import SealedResults
from assay.stores.sqlite.database import Database
from assay.stores.sqlite.journal import SqliteJournal
from assay.stores.sqlite.metadata import SqliteMetadata
from assay.stores.sqlite.schema import REPLIES, STORE

DATABASE = "assay.db"
_SERVERS = ("postgresql", "postgres", "clickhouse", "s3", "chdb")
_PLUG_IN = re.compile(r"([a-z0-9][a-z0-9_.-]*)\+([a-z0-9][a-z0-9_.-]*)://", re.IGNORECASE)


class OpenedStore(Stores, Protocol):
    """What a store plug-in gives: the four parts, each held to its protocol, and ``close``."""

    def close(self) -> None:
        """Let everything go; what the journal buffers has been flushed."""
        ...


class OpensPlugIn(Protocol):
    """Opens the store of a plug-in.

    Args:
        name: The plug-in's, ``package/name``.
        url: As the user wrote it.
        read_only: Look only: what is not there is not made.
    """

    def __call__(self, name: str, url: str, *, read_only: bool) -> OpenedStore: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The parts of one store.

    Attributes:
        root: The directory they are in; ``None`` for a plug-in's store.
        where: What opens it again: the directory's absolute path, or a plug-in's URL as it was typed.
        closing: What ``close`` closes, in order.
    """

    root: Path | None
    where: str
    journal: Journal
    metadata: Metadata
    results: Results
    objects: Objects
    closing: tuple[Database | SealedResults | OpenedStore, ...] = ()

    def close(self) -> None:
        """Commit what is buffered and close the files.

        Raises:
            StoreError: The buffer could not be committed; the files are closed all the same.
        """
        try:
            self.journal.flush()
        finally:
            for part in self.closing:
                part.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(
    directory: str | Path,
    *,
    read_only: bool = False,
    cache: str | Path | None = None,
    plug_in: OpensPlugIn | None = None,
) -> Store:
    """Open the store in a directory, made when missing.

    It holds ``assay.db`` (journal and metadata), ``runs/`` (sealed runs) and ``objects/``.

    Args:
        directory: A path, ``file://DIR`` or ``sqlite:///DIR/assay.db``; with ``plug_in`` also ``package+name://…``.
        read_only: Look only; the directory must exist and need not be writable.
        cache: Another SQLite file for the response table, to share answers between stores.
        plug_in: Opens the stores that others bring.

    Raises:
        StoreError: ``store.missing``, ``store.read_only``, ``store.corrupt``, ``store.newer`` …
        ConfigError: ``store.scheme_unknown``: the URL names a kind of store this version does not have;
            ``store.no_cache``: a plug-in's store cannot share a response table.

    Examples:
        >>> import tempfile
        >>> with open_store(tempfile.mkdtemp()) as store:
        ...     len(store.metadata.runs())
        0
    """
    if plug_in is not None and isinstance(directory, str) and (match := _PLUG_IN.match(directory)):
        name = f"{match[1]}/{match[2]}".lower()
        return _plugged_in(plug_in, name, directory, read_only=read_only, cache=cache)
    root = store_directory(directory)
    if root.is_file():
        raise failure(root, "store.unusable", cause="it is a file; a store is a directory", kept="nothing was changed")
    database = Database(root / DATABASE, schema=STORE, read_only=read_only)
    replies = database
    try:
        if cache is not None:
            replies = _open_cache(store_file(cache), read_only=read_only)
    except StoreError:
        database.close()
        raise
    journal = SqliteJournal(database, replies=replies)
    sealed = SealedResults(root / "runs", read_only=read_only)
    databases = (database,) if replies is database else (database, replies)
    return Store(
        root=root,
        where=str(root.resolve()),
        journal=journal,
        metadata=SqliteMetadata(database),
        results=ResultsReader(journal, sealed),
        objects=DirectoryObjects(root / "objects", read_only=read_only),
        closing=(sealed, *databases),
    )


def _plugged_in(plug_in: OpensPlugIn, name: str, url: str, *, read_only: bool, cache: str | Path | None) -> Store:
    if cache is not None:
        raise ConfigError(
            f"the store at {url} keeps its own response table and cannot share {cache}; nothing was opened",
            hint="unset cache (or ASSAY_CACHE), or use a directory: --store .assay",
            code="store.no_cache",
        )
    opened = plug_in(name, url, read_only=read_only)
    return Store(
        root=None,
        where=url,
        journal=opened.journal,
        metadata=opened.metadata,
        results=opened.results,
        objects=opened.objects,
        closing=(opened,),
    )


def store_directory(where: str | Path) -> Path:
    """The directory a path or URL names."""
    path = store_file(where)
    return path.parent if isinstance(where, str) and where.startswith("sqlite:") else path


def store_file(where: str | Path) -> Path:
    """The path in a path or URL; raises ConfigError for kinds of store this version does not have."""
    if isinstance(where, Path) or not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", where):
        return Path(where).expanduser()
    url = urlsplit(where)
    if url.scheme in ("sqlite", "file") and url.netloc in ("", "localhost") and url.path.strip("/"):
        # sqlite:///a.db is relative and sqlite:////a.db absolute, as in SQLAlchemy; file:///a is absolute.
        return Path(unquote(url.path[1:] if url.scheme == "sqlite" else url.path))
    if url.scheme in _SERVERS:
        raise ConfigError(
            f"a store at {url.scheme}:// is not in this version of Assay; nothing was changed",
            hint="use a directory: --store .assay",
            code="store.scheme_unknown",
        )
    raise ConfigError(
        f"{where!r} does not name a store",
        hint="use a directory, file:///DIR or sqlite:////DIR/assay.db (sqlite:///DIR/assay.db is relative)",
        code="store.scheme_unknown",
    )


def _open_cache(path: Path, *, read_only: bool) -> Database:
    if read_only and not path.is_file():
        raise failure(path, "store.missing", kept="nothing was changed")
    return Database(path, schema=REPLIES, read_only=read_only)
