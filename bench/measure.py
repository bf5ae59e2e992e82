"""Whole processes and in-process calls, measured in interleaved pairs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """What one process took."""

    wall_s: float
    cpu_s: float
    rss_mb: float


@dataclass(frozen=True)
class Row:
    """One line of the table; ``ratio`` is ours over the floor's unless the work says otherwise."""

    work: str
    ours: str
    other: str
    ratio: str
    target: str
    met: bool


def process(command: Sequence[str], *, env: dict[str, str] | None = None, allow: tuple[int, ...] = (0,)) -> Usage:
    """Run a command to its end; user and system time and peak memory are the kernel's."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment(env or {}))
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in allow:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}: {said.decode()[-2000:]}")
    return Usage(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def pairs(ours: Callable[[], Usage], other: Callable[[], Usage], *, repeats: int = 3) -> list[tuple[Usage, Usage]]:
    """Interleaved measurements, so that a busy moment hits both."""
    return [(ours(), other()) for _ in range(repeats)]


def ratio(measured: Sequence[tuple[Usage, Usage]], of: Callable[[Usage], float]) -> tuple[float, str]:
    """Median of the pairs' ratios, and the median with the range as text."""
    values = sorted(of(ours) / of(other) for ours, other in measured)
    middle = statistics.median(values)
    return middle, f"{middle:.2f} ({values[0]:.2f}–{values[-1]:.2f})"


def median(measured: Sequence[Usage], of: Callable[[Usage], float]) -> float:
    return statistics.median(of(one) for one in measured)


def assay(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "assay.cli.main", *arguments]


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """The environment of an installed program: byte code is kept, as it is for everyone."""
    return {**{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}, **extra}
