"""Plain values as bytes, and frames of bytes over pipes, between processes that do not trust each other.

Built-in data and its types cross by value, and so do a few types of the standard library that compare like data.
Instances of subclasses cross as their built-in base, so a redefined ``__eq__`` or ``__hash__`` stays behind.
Everything else crosses as a number that stands for the object. Unlike with ``pickle`` and ``marshal``, decoding
hostile bytes can do nothing but fail or make such data.
"""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False  # typing costs as much to import as Python to start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_FRAME_BYTES = 32 << 20

_BY_VALUE = (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)
_TYPES: dict[str, type] = {kind.__name__: kind for kind in (*_BY_VALUE, range, type(None))}
_REBUILT: dict[str, tuple[str, str]] = {
    name: (name.partition(".")[0], name.partition(".")[2])
    for name in (
        "builtins.range",
        "collections.deque",
        "collections.Counter",
        "collections.OrderedDict",
        "decimal.Decimal",
        "fractions.Fraction",
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
    )
}
_CONTAINERS: dict[Any, bytes] = {list: b"l", tuple: b"t", set: b"S", frozenset: b"Z"}
_BUILDERS: dict[bytes, Any] = {tag: kind for kind, tag in _CONTAINERS.items()}


class WireError(Exception):
    """The bytes are not what ``encode`` makes, or too many."""


def encode(value: Any, refer: Callable[[Any], tuple[bytes, int]]) -> bytes:
    """A value as bytes.

    Args:
        value: Anything; containers are walked.
        refer: Called with what does not cross by value; returns a tag (``b"H"``: an object of the sender, ``b"R"``: one
            of the receiver) and its number, or raises TypeError.
    """
    out = bytearray()
    _put(out, value, refer)
    return bytes(out)


def decode(data: bytes, resolve: Callable[[bytes, int], Any]) -> Any:
    """The value ``encode`` wrote.

    Args:
        data: Bytes that may be hostile.
        resolve: Turns a tag and a number into the object it stands for.

    Raises:
        WireError: The bytes are malformed.
    """
    try:
        value, end = _take(data, 0, resolve)
    except (
        struct.error,
        IndexError,
        KeyError,
        ValueError,
        TypeError,
        RecursionError,
        OverflowError,
        ArithmeticError,
    ) as error:
        raise WireError(f"malformed message: {type(error).__name__}") from error
    if end != len(data):
        raise WireError("malformed message: bytes left over")
    return value


def write_frame(fd: int, payload: bytes) -> None:
    """Write one length-prefixed payload, whole."""
    view = memoryview(struct.pack(">I", len(payload)) + payload)
    while view:
        view = view[os.write(fd, view) :]


def read_frame(fd: int) -> bytes:
    """Read one payload.

    Raises:
        EOFError: The other side has closed the pipe.
        WireError: It announces more than ``MAX_FRAME_BYTES``.
    """
    (length,) = struct.unpack(">I", _read_exactly(fd, 4))
    if length > MAX_FRAME_BYTES:
        raise WireError(f"a message of {length} bytes is larger than {MAX_FRAME_BYTES}")
    return _read_exactly(fd, length)


def no_objects(value: Any) -> tuple[bytes, int]:
    """A ``refer`` for channels that carry data only."""
    raise TypeError(f"{type(value).__name__} is not plain data")


def no_references(tag: bytes, number: int) -> Any:
    """A ``resolve`` for channels that carry data only."""
    raise WireError(f"unexpected reference {tag!r} {number}")


def _read_exactly(fd: int, length: int) -> bytes:
    chunks = []
    while length:
        chunk = os.read(fd, min(length, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        length -= len(chunk)
    return b"".join(chunks)


def _put(out: bytearray, value: Any, refer: Callable[[Any], tuple[bytes, int]]) -> None:
    kind = type(value)
    if kind not in _BY_VALUE:
        if value is None:
            out += b"N"
            return
        if kind is type and value.__name__ in _TYPES and _TYPES[value.__name__] is value:
            _scalar(out, b"y", value.__name__.encode())
            return
        parts = _parts(value, kind)
        if parts is not None:
            out += b"X"
            _put(out, f"{kind.__module__}.{kind.__qualname__}", refer)
            _put(out, parts, refer)
            return
        kind = next((base for base in _BY_VALUE if issubclass(kind, base)), kind)
    if kind is bool:
        out += b"T" if value else b"F"
    elif kind is int:
        _scalar(out, b"i", b"%x" % int(value))
    elif kind is float:
        out += b"f" + struct.pack(">d", value)
    elif kind is complex:
        out += b"c" + struct.pack(">dd", value.real, value.imag)
    elif kind is str:
        _scalar(out, b"s", str.encode(value, "utf-8", "surrogatepass"))
    elif kind is bytes or kind is bytearray:
        _scalar(out, b"b" if kind is bytes else b"a", bytes(value))
    elif kind is dict:
        out += b"d" + struct.pack(">I", len(value))
        for key, entry in value.items():
            _put(out, key, refer)
            _put(out, entry, refer)
    elif kind in (list, tuple, set, frozenset):
        out += _CONTAINERS[kind] + struct.pack(">I", len(value))
        for entry in value:
            _put(out, entry, refer)
    else:
        tag, number = refer(value)
        out += tag + struct.pack(">I", number)


def _scalar(out: bytearray, tag: bytes, text: bytes) -> None:
    out += tag + struct.pack(">I", len(text)) + text


def _parts(value: Any, kind: type) -> Any:
    """Arguments that rebuild an instance of exactly one of the rebuilt types; ``None`` for other types."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    if name not in _REBUILT:
        return None
    if name == "builtins.range":
        return (value.start, value.stop, value.step)
    if name == "collections.deque":
        return (list(value), value.maxlen)
    if name == "collections.Counter":
        return (dict(value),)
    if name == "collections.OrderedDict":
        return (list(value.items()),)
    if name == "decimal.Decimal":
        return (str(value),)
    if name == "fractions.Fraction":
        return (value.numerator, value.denominator)
    if name == "datetime.timedelta":
        return (value.days, value.seconds, value.microseconds)
    if name == "datetime.date":
        return (value.year, value.month, value.day)
    if value.tzinfo is not None:
        return None
    clock = (value.hour, value.minute, value.second, value.microsecond)
    return clock if name == "datetime.time" else (value.year, value.month, value.day, *clock)


def _take(data: bytes, at: int, resolve: Callable[[bytes, int], Any]) -> tuple[Any, int]:
    tag = data[at : at + 1]
    at += 1
    if tag in (b"N", b"T", b"F"):
        return {b"N": None, b"T": True, b"F": False}[tag], at
    if tag == b"f":
        return struct.unpack_from(">d", data, at)[0], at + 8
    if tag == b"c":
        return complex(*struct.unpack_from(">dd", data, at)), at + 16
    if tag == b"X":
        name, at = _take(data, at, resolve)
        parts, at = _take(data, at, resolve)
        return _rebuild(name, parts), at
    (count,) = struct.unpack_from(">I", data, at)
    at += 4
    if tag in (b"H", b"R"):
        return resolve(tag, count), at
    if tag in (b"i", b"s", b"b", b"a", b"y"):
        text, at = data[at : at + count], at + count
        if len(text) != count:
            raise IndexError
        if tag == b"i":
            return int(text, 16), at
        if tag == b"y":
            return _TYPES[text.decode()], at
        if tag == b"s":
            return text.decode("utf-8", "surrogatepass"), at
        return (text if tag == b"b" else bytearray(text)), at
    entries = []
    for _ in range(count * 2 if tag == b"d" else count):
        entry, at = _take(data, at, resolve)
        entries.append(entry)
    if tag == b"d":
        return dict(zip(entries[::2], entries[1::2], strict=True)), at
    return _BUILDERS[tag](entries), at


def _rebuild(name: str, parts: Any) -> Any:
    module, attribute = _REBUILT[name]
    return getattr(__import__(module), attribute)(*parts)
