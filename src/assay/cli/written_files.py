"""Files that a command is to write: refused before any work where it reads them, or where they cannot be written."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from assay.core.errors import ConfigError, StoreError

_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"")


def check_written(*outputs: str, reads: Any = (), makes_folders: bool = False, code: str = "file.unusable") -> None:
    """Look at the files that the command being run is to write, before it does anything.

    What a command reads is every other parameter of it that names a file, and the files inside a query.

    Args:
        outputs: Names of its parameters that are files to write; those not given are passed over.
        reads: Further files that it reads, which no parameter names as they are.
        makes_folders: The command makes the folders that are missing.
        code: Of what cannot be written and is no page.

    Raises:
        ConfigError: An output is read, too (``file.is_input``), or is another output (``file.twice``).
        StoreError: It cannot be written there (``code``; ``report.unwritable`` for a page).
    """
    context = click.get_current_context()
    flags = {str(one.name): max(one.opts, key=len) for one in context.command.params}
    written = {flags[name]: Path(context.params[name]) for name in outputs if context.params[name] is not None}
    others = [value for name, value in context.params.items() if name not in outputs]
    read = [place for text in _texts([others, reads]) for place in _files(text)] if written else []
    seen: dict[Path, str] = {}
    for flag, path in written.items():
        if any(_same(path, place) for place in read):
            raise ConfigError(
                f"{flag} {path} is read by this command and would be written over; nothing was done",
                hint="name another file",
                code="file.is_input",
            )
        first = seen.setdefault(path.resolve(), flag)
        if first != flag:
            raise ConfigError(
                f"{first} and {flag} both name {path}; nothing was done", hint="name two files", code="file.twice"
            )
        _check_place(flag, path, makes_folders=makes_folders, code=code)


def source_files(manifest: Mapping[str, Any]) -> list[Path]:
    """Files that the task of a recorded run is made of: its samples, labels, maps and judges."""
    source = manifest.get("source") or {}
    folder = Path(str(source.get("directory") or "."))
    return [folder / text for text in _texts(source)]


def _texts(value: Any) -> Iterator[str]:
    """Every text in what options hold."""
    if isinstance(value, str | os.PathLike):
        yield os.fspath(value)
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _files(text: str) -> list[str]:
    named = ["".join(pair) for pair in _QUOTED.findall(text)]
    if named:
        from assay.datasets.columns import is_query

        if is_query(text):
            return [place for one in named for place in glob.glob(one)]  # noqa: PTH207 - may be absolute
    return [text] if os.path.isfile(text) else []  # noqa: PTH113 - what is too long for a name is no file


def _same(path: Path, place: str) -> bool:
    return path.exists() and path.samefile(place)


def _check_place(flag: str, path: Path, *, makes_folders: bool, code: str) -> None:
    folder = path.absolute().parent
    while makes_folders and not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        why = f"there is no folder {folder}"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        why = "it is not allowed"
    else:
        return
    raise StoreError(
        f"{flag} {path} cannot be written: {why}; nothing was done",
        hint="choose another place, or make the folder",
        code="report.unwritable" if flag == "--report" else code,
    )
