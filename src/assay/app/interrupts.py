"""Ctrl-C and SIGTERM end the runs of a process in order: nothing more is started, what was read is kept."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from weakref import WeakKeyDictionary

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stoppable(Protocol):
    """Something under way that can be asked to end."""

    def request_stop(self, reason: str) -> None: ...


class Interrupts:
    """Stops every run it watches at the first signal, and those it is given after it at once.

    Attributes:
        users: How many are inside ``interrupts()`` now.
        before: The handlers to be put back.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self.users = 0
        self.before: dict[signal.Signals, Any] = {}
        self._watched: list[Stoppable] = []

    def watch(self, run: Stoppable) -> None:
        """Stop this run too when a signal comes, or now when one has come."""
        self._watched.append(run)
        if self.interrupted:
            run.request_stop("interrupted")

    def stop(self) -> None:
        """What a signal does."""
        self.interrupted = True
        for run in self._watched:
            run.request_stop("interrupted")


_OF_LOOP: WeakKeyDictionary[asyncio.AbstractEventLoop, Interrupts] = WeakKeyDictionary()


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """The running event loop's interrupts, shared by everything that runs in it at the same time.

    Outside the main thread, where Python delivers no signals, they never come. When the last user leaves, the handlers
    that were there before are back in place.
    """
    loop = asyncio.get_running_loop()
    shared = _OF_LOOP.setdefault(loop, Interrupts())
    if shared.users == 0 and threading.current_thread() is threading.main_thread():
        for signum in SIGNALS:
            shared.before[signum] = signal.getsignal(signum)
            loop.add_signal_handler(signum, shared.stop)
    shared.users += 1
    try:
        yield shared
    finally:
        shared.users -= 1
        if shared.users == 0:
            del _OF_LOOP[loop]
            _restore(loop, shared.before)


def _restore(loop: asyncio.AbstractEventLoop, before: dict[signal.Signals, Any]) -> None:
    for signum, handler in before.items():
        loop.remove_signal_handler(signum)
        if handler is not None:  # None: set by something that is not Python, and gone
            signal.signal(signum, handler)
