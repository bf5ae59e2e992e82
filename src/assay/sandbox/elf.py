"""Two facts from 64-bit little-endian ELF files: the loader a program names and the name a library is asked for by.

Source: System V ABI, chapters 4 and 5 (program header, dynamic section).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_END, _STRING_TABLE, _SONAME = 0, 5, 14


def loader_of(executable: Path) -> str | None:
    """Path of the dynamic loader; ``None`` for a static program or another kind of file."""
    data = executable.read_bytes()
    for kind, offset, _, size in _segments(data):
        if kind == _INTERPRETER:
            return data[offset : offset + size].rstrip(b"\0").decode()
    return None


def soname_of(library: Path) -> str:
    """The name programs ask the loader for, e.g. ``libz.so.1``; the file's own name when it has none."""
    data = library.read_bytes()
    segments = list(_segments(data))
    entries: dict[int, int] = {}
    for kind, offset, _, size in segments:
        if kind == _DYNAMIC:
            for tag, value in struct.iter_unpack("<qQ", data[offset : offset + size - size % 16]):
                if tag == _END:
                    break
                entries[tag] = value
    if _SONAME not in entries or _STRING_TABLE not in entries:
        return library.name
    for kind, offset, address, size in segments:
        if kind == _LOAD and address <= entries[_STRING_TABLE] < address + size:
            at = entries[_STRING_TABLE] - address + offset + entries[_SONAME]
            return data[at : data.index(b"\0", at)].decode()
    return library.name


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Kind, file offset, address and size in the file of each segment."""
    if data[:6] != b"\x7fELF\x02\x01":
        return
    (table,) = struct.unpack_from("<Q", data, 32)
    width, count = struct.unpack_from("<HH", data, 54)
    for at in range(table, table + width * count, width):
        kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, at)
        yield kind, offset, address, size
