"""Ctrl-C and SIGTERM end the runs of a process in order: nothing more is started, what was read is kept."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import Any, Protocol, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stoppable(Protocol):
    """Something under way that can be asked to end."""

    def request_stop(self, reason: str) -> None: ...


class Interrupts:
    """Stops every run it watches at the first signal, and those it is given after it at once.

    Used as a context manager inside a running event loop. Outside the main thread, where Python delivers no signals,
    it does nothing. On the way out the handlers that were there before are back in place.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._watched: list[Stoppable] = []
        self._before: dict[signal.Signals, Any] = {}

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

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._loop = asyncio.get_running_loop()
            for signum in SIGNALS:
                self._before[signum] = signal.getsignal(signum)
                self._loop.add_signal_handler(signum, self.stop)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, before in self._before.items():
            self._loop.remove_signal_handler(signum)
            signal.signal(signum, before)
