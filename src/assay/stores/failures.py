"""What the disk or the database said, as a StoreError with a stable code."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from assay.core.errors import StoreError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
_HINTS = {
    "store.disk_full": "free some space and continue with: assay resume last; or name another place with --store",
    "store.read_only": "make it writable for you, or name another place with --store",
    "store.corrupt": "restore it from a backup, or name another place with --store",
    "store.busy": "another process has been writing for too long; try again when it is done",
    "store.missing": "start a run first, or name another place with --store",
    "store.unusable": "check the path and its permissions, or name another place with --store",
}
_SAID = {
    "store.disk_full": "the disk is full",
    "store.read_only": "it cannot be written",
    "store.corrupt": "it is damaged or not a store",
    "store.busy": "it is locked",
    "store.missing": "it does not exist",
    "store.unusable": "it cannot be used",
}


def failure(
    path: str | Path, code: str, *, cause: object = "", kept: str = "what was stored before is kept"
) -> StoreError:
    """The StoreError of that code about that path."""
    detail = f" ({cause})" if cause else ""
    return StoreError(f"store {path}: {_SAID[code]}{detail}; {kept}", hint=_HINTS[code], code=code)


def from_os(error: OSError, path: str | Path) -> StoreError:
    """An operating-system error as a StoreError."""
    if error.errno in _FULL:
        return failure(path, "store.disk_full", cause=error.strerror)
    if error.errno in _READ_ONLY:
        return failure(path, "store.read_only", cause=error.strerror)
    if isinstance(error, FileNotFoundError):
        return failure(path, "store.missing", cause=error.strerror)
    return failure(path, "store.unusable", cause=error.strerror or error)


def from_sqlite(error: sqlite3.Error, path: str | Path) -> StoreError:
    """A SQLite error as a StoreError."""
    primary = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    codes = {
        sqlite3.SQLITE_FULL: "store.disk_full",
        sqlite3.SQLITE_READONLY: "store.read_only",
        sqlite3.SQLITE_PERM: "store.read_only",
        sqlite3.SQLITE_CORRUPT: "store.corrupt",
        sqlite3.SQLITE_NOTADB: "store.corrupt",
        sqlite3.SQLITE_BUSY: "store.busy",
        sqlite3.SQLITE_LOCKED: "store.busy",
    }
    return failure(path, codes.get(primary, "store.unusable"), cause=error)
