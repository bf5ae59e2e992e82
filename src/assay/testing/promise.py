"""How the conformance suites speak: a promise that is broken is an AssertionError that says which."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


def must(holds: object, promise: str) -> None:
    """Raise AssertionError with the promise unless it holds; unlike ``assert`` also under ``python -O``."""
    if not holds:
        raise AssertionError(promise)


def calmly(
    call: Callable[[], Result], what: str, *, allowed: type[Exception] | tuple[type[Exception], ...] = ()
) -> Any:
    """What the call returns, ``None`` where it raises what it may; anything else it raises breaks the promise."""
    try:
        return call()
    except allowed:
        return None
    except Exception as error:  # whatever the part raises is what the suite is there to tell its author
        raise AssertionError(f"{what} raised {type(error).__name__}: {error}") from error


@contextmanager
def keeping(promise: str) -> Iterator[None]:
    """Break the promise when the block raises anything."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{promise}: {error}") from error
    except Exception as error:  # as in calmly
        raise AssertionError(f"{promise}: it raised {type(error).__name__}: {error}") from error


@contextmanager
def global_randomness_untouched(who: str) -> Iterator[None]:
    """Break the promise when the block draws from the generators that a process shares."""
    numpy = sys.modules.get("numpy")  # one that is loaded in the block has nothing to lose

    def generators() -> tuple[object, str]:
        return random.getstate(), "" if numpy is None else repr(numpy.random.get_state(legacy=False)["state"])

    before = generators()
    yield
    must(generators() == before, f"{who} draws from a global random generator; take a generator of its own")
