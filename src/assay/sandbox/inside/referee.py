"""The process that holds the checks: asks the player for results, compares plain data, reports to the supervisor."""

from __future__ import annotations

import builtins
import os

from assay.sandbox.inside.wire import WireError, decode, encode, no_objects, no_references, read_frame, write_frame

TYPE_CHECKING = False  # typing costs as much to import as Python to start
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


_SIGXCPU = 24
UNSUPPORTED = "unsupported_check"


class PlayerLostError(BaseException):
    """The player has ended or talks nonsense; no check may catch this."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class UnsupportedCheckError(BaseException):
    """The check itself cannot be carried out here, whatever the solution does."""


class Remote:
    """Stands for one of the player's objects. Equality is identity: the solution's ``__eq__`` is not asked."""

    __slots__ = ("__link", "__number")

    def __init__(self, link: Link, number: int) -> None:
        object.__setattr__(self, "_Remote__link", link)
        object.__setattr__(self, "_Remote__number", number)

    def _do(self, operation: str, *arguments: Any) -> Any:
        return self.__link.ask("do", operation, (self, *arguments))

    def __call__(self, *positional: Any, **named: Any) -> Any:
        return self.__link.ask("call", self, positional, named)

    def __getattr__(self, name: str) -> Any:
        return self._do("get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._do("set", name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._do("getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._do("setitem", key, value)

    def __contains__(self, value: Any) -> bool:
        return self._do("contains", value) is True

    def __len__(self) -> int:
        return int(self._do("len"))

    def __bool__(self) -> bool:
        return self._do("bool") is True

    def __iter__(self) -> Any:
        return iter(found) if not isinstance(found := self._do("iter"), Remote) else found

    def __next__(self) -> Any:
        return self._do("next")

    def __str__(self) -> str:
        return str(self._do("str"))

    def __repr__(self) -> str:
        return str(self._do("repr"))


class Link:
    """Requests to the player and its replies."""

    def __init__(self, *, requests: int, replies: int, pid: int) -> None:
        self._requests, self._replies, self._pid = requests, replies, pid
        self._remotes: dict[int, Remote] = {}
        self.raised: BaseException | None = None
        self.raised_name = ""
        self.last_call = ""

    def ask(self, kind: str, *arguments: Any) -> Any:
        """The player's answer; raises what it raised, as the nearest built-in type."""
        request = encode((kind, *arguments), self._refer)
        try:
            write_frame(self._requests, request)
            payload = read_frame(self._replies)
        except (EOFError, BrokenPipeError):
            raise self._lost() from None
        except WireError as error:
            raise PlayerLostError("forged_pass", f"the program wrote to the checker's pipe: {error}") from None
        try:
            outcome, *rest = decode(payload, self._resolve)
        except (WireError, TypeError, ValueError) as error:
            raise PlayerLostError("forged_pass", f"the program wrote to the checker's pipe: {error}") from None
        if outcome == "ok" and len(rest) == 1:
            if kind == "call":
                self.last_call = f"{_short(arguments[1])} gave {_short(rest[0])}"
            return rest[0]
        if outcome == "raise" and len(rest) == 3:
            raise self._raise(*map(str, rest))
        raise PlayerLostError("forged_pass", "the program wrote to the checker's pipe")

    def _raise(self, name: str, base: str, message: str) -> BaseException:
        kind = getattr(builtins, base, Exception)
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            kind = Exception
        try:
            error = kind(message)
        except TypeError:  # such as UnicodeDecodeError, which takes five arguments
            error = ValueError(message)
        self.raised, self.raised_name = error, name
        return error

    def _refer(self, value: Any) -> tuple[bytes, int]:
        if type(value) is Remote:
            return b"R", object.__getattribute__(value, "_Remote__number")
        raise UnsupportedCheckError(f"a check passes {type(value).__name__}, and only plain data reaches the program")

    def _resolve(self, tag: bytes, number: int) -> Remote:
        if tag != b"H":
            raise WireError("a reference to nothing")
        return self._remotes.setdefault(number, Remote(self, number))

    def _lost(self) -> PlayerLostError:
        _, status = os.waitpid(self._pid, 0)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == _SIGXCPU:
                return PlayerLostError("timeout", "used up its processor time")
            return PlayerLostError("killed", f"ended by signal {number}")
        code = os.WEXITSTATUS(status)
        if code == 0:
            return PlayerLostError("forged_pass", "exited with status 0 before its checks had returned")
        return PlayerLostError("killed", f"exited with status {code} before its checks had returned")


class Names(dict):  # type: ignore[type-arg]
    """Globals of the checks: their own names first, then built-ins, then what the solution defines."""

    def __init__(self, link: Link) -> None:
        super().__init__(__name__="checks", __builtins__=builtins)
        self._link = link

    def __missing__(self, name: str) -> Any:
        if name.startswith("__"):
            raise KeyError(name)  # the interpreter asks for __annotations__ and the like this way
        if hasattr(builtins, name):
            return getattr(builtins, name)
        return self._link.ask("global", name)


def referee(program: Mapping[str, Any], link: Link) -> tuple[str, str] | None:
    """Run the checks; ``None`` when all have returned, else the reason and the detail."""
    names = Names(link)
    source = ""
    try:
        exec(compile(program["prelude"], "<prelude>", "exec"), names)  # noqa: S102
    except BaseException as error:
        return UNSUPPORTED, f"the prelude raised {type(error).__name__}: {error}"
    try:
        link.ask("define", program["source"])
        if program["entry"]:
            names[program["entry"]] = link.ask("global", program["entry"])
        for source in program["checks"]:
            exec(compile(source, "<check>", "exec"), names)  # noqa: S102
    except PlayerLostError as lost:
        return lost.reason, str(lost)
    except UnsupportedCheckError as error:
        return UNSUPPORTED, str(error)
    except BaseException as error:
        return _failure(error, source, link)
    return None


def _failure(error: BaseException, source: str, link: Link) -> tuple[str, str]:
    theirs = error is link.raised
    name = link.raised_name if theirs else type(error).__name__
    detail = f"{name}: {str(error)[:500]}" if str(error) else name
    line = _line(error, source)
    if line:
        detail = f"{line}\n{detail}"
    if isinstance(error, ImportError) and not theirs:
        return UNSUPPORTED, detail
    if isinstance(error, MemoryError):
        return "memory", detail
    if not source and isinstance(error, SyntaxError):
        return "syntax_error", detail
    if isinstance(error, AssertionError) and not theirs:
        return "wrong_answer", f"{detail}\nlast call: {link.last_call}" if link.last_call else detail
    return f"exception:{name if name.isidentifier() and len(name) <= 60 else 'Exception'}", detail


def _line(error: BaseException, source: str) -> str:
    number, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<check>":
            number = trace.tb_lineno
        trace = trace.tb_next
    lines = source.splitlines()
    return lines[number - 1].strip()[:300] if 0 < number <= len(lines) else ""


def _short(value: Any) -> str:
    try:
        text = f"<{type(value).__name__}>" if isinstance(value, Remote) else repr(value)
    except (ValueError, RecursionError):  # an integer too long to print, or nested too deep
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 200 else text[:200] + "…"


def report(program: Mapping[str, Any], link: Link, *, supervisor_in: int, supervisor_out: int) -> None:
    """Tell the supervisor how it went; a pass is what it hands over after hearing that the checks have returned."""

    def tell(*message: Any) -> None:
        write_frame(supervisor_out, encode(message, no_objects))

    failure = referee(program, link)
    if failure is not None:
        tell("failed", *failure)
        return
    tell("checked")
    tell("passed", decode(read_frame(supervisor_in), no_references))
