"""Named immutable blobs in a directory."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from assay.core.errors import NotFoundError, nearest
from assay.stores.failures import failure, from_os
from assay.stores.names import checked_name


class DirectoryObjects:
    """Objects as files below a directory; a reader sees a whole object or none.

    Args:
        root: The directory; made by the first ``put``.
        read_only: Refuse ``put``.
    """

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self._root = root
        self._read_only = read_only

    def put(self, name: str, data: bytes) -> str:
        """Store at once or not at all and return the path.

        Raises:
            InvalidInputError: The name is not a safe one.
            StoreError: The disk is full or not writable; what was there before is untouched.
        """
        path = self._path(name)
        if self._read_only:
            raise failure(path, "store.read_only")
        beside = path.parent / f".{path.name[:150]}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(beside, data)
            beside.replace(path)
            sync_directory(path.parent)
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise from_os(error, path) from error
        return str(path)

    def get(self, name: str) -> bytes:
        """The bytes stored under the name; raises NotFoundError with the nearest one."""
        path = self._path(name)
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFoundError(
                f"there is no stored object {name!r}",
                hint=nearest(name, self._below(self._root)),
                code="object.unknown",
            ) from None
        except OSError as error:
            raise from_os(error, path) from error

    def exists(self, name: str) -> bool:
        """Whether something is stored under the name."""
        return self._path(name).is_file()

    def names(self, folder: str) -> list[str]:
        """Names below a folder, sorted; none where there is no such folder.

        Raises:
            InvalidInputError: The name is not a safe one.
            StoreError: The folder cannot be read.
        """
        return sorted(self._below(self._path(folder)))

    def where(self, name: str) -> str:
        """The path of the object, stored or not yet."""
        return str(self._path(name))

    def _path(self, name: str) -> Path:
        return self._root / checked_name(name)

    def _below(self, directory: Path) -> list[str]:
        try:
            found = [path.relative_to(self._root) for path in directory.rglob("*") if path.is_file()]
        except OSError as error:
            raise from_os(error, directory) from error
        return [name.as_posix() for name in found if not name.name.startswith(".")]


def write_durably(path: Path, data: bytes) -> None:
    """Write a new file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Wait until the disk has the directory's names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
