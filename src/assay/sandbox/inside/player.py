"""The process that holds the solution: does what the referee asks, one request at a time.

Nothing here is trusted: the solution shares this process and may change all of it. It has no way to the supervisor.
"""

from __future__ import annotations

import builtins
import operator
import os
import sys
from types import ModuleType

from assay.sandbox.inside.wire import MAX_FRAME_BYTES, decode, encode, read_frame, write_frame

TYPE_CHECKING = False  # typing costs as much to import as Python to start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MODULE = "solution"
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "bool": bool,
    "str": str,
    "repr": repr,
    "iter": iter,
    "next": next,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "contains": operator.contains,
    "get": getattr,
    "set": setattr,
}


class Player:
    """Carries out requests on the solution's namespace and on objects it has handed out by number."""

    def __init__(self) -> None:
        self.module = ModuleType(MODULE)
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}

    def refer(self, value: Any) -> tuple[bytes, int]:
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return b"H", number

    def resolve(self, _tag: bytes, number: int) -> Any:
        return self.objects[number]

    def carry_out(self, request: Any) -> Any:
        kind, *rest = request
        if kind == "define":
            exec(compile(rest[0], "<solution>", "exec"), self.module.__dict__)  # noqa: S102
            return None
        if kind == "global":
            return self._global(rest[0])
        if kind == "call":
            function, positional, named = rest
            return function(*positional, **named)
        return _OPERATIONS[rest[0]](*rest[1])

    def _global(self, name: str) -> Any:
        if name not in self.module.__dict__:
            raise NameError(f"name '{name}' is not defined")
        return self.module.__dict__[name]


def serve(requests: int, replies: int) -> None:
    """Answer until the referee closes the pipe."""
    player = Player()
    sys.modules[MODULE] = player.module
    while True:
        try:
            request = decode(read_frame(requests), player.resolve)
        except EOFError:
            return
        try:
            reply = encode(("ok", player.carry_out(request)), player.refer)
            if len(reply) > MAX_FRAME_BYTES:
                raise MemoryError(f"a result of {len(reply)} bytes is larger than {MAX_FRAME_BYTES}")
        except BaseException as error:
            reply = encode(("raise", *_description(error)), player.refer)
        write_frame(replies, reply)


def _description(error: BaseException) -> tuple[str, str, str]:
    """Name of the type, name of its nearest built-in base, and the message."""
    base = next(kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
    try:
        message = str(error)[:500]
    except BaseException:
        message = ""
    return str(type(error).__name__), base, message


def become_player(requests: int, replies: int) -> None:
    """Give up every other way out of this process, serve, and end without running exit handlers."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    low, high = sorted((requests, replies))
    os.closerange(3, low)
    os.closerange(low + 1, high)
    os.closerange(high + 1, 256)
    serve(requests, replies)
    os._exit(0)
