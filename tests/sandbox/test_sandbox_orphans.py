"""A supervisor that is killed without warning takes the program it was watching with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from assay.sandbox import Sandbox

WATCHES = """
from assay.sandbox import Program, find_sandbox
find_sandbox().execute(Program(source="while True:\\n    pass", checks=["pass"], timeout_s=100))
"""


class Process(NamedTuple):
    """A process as /proc names it; the time it was started keeps a reused pid apart."""

    pid: int
    started: int

    def state(self) -> str | None:
        """``Z`` for a dead one that nobody has reaped, ``None`` for one that is gone."""
        fields = _fields(self.pid)
        return fields[0] if fields is not None and int(fields[19]) == self.started else None


def _fields(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _descendants(root: int) -> set[Process]:
    parents: dict[int, tuple[int, Process]] = {}
    for entry in Path("/proc").iterdir():
        fields = _fields(int(entry.name)) if entry.name.isdigit() else None
        if fields is not None:
            parents[int(entry.name)] = int(fields[1]), Process(int(entry.name), int(fields[19]))
    found, grown = {root}, True
    while grown:
        more = {pid for pid, (parent, _) in parents.items() if parent in found} - found
        found, grown = found | more, bool(more)
    return {parents[pid][1] for pid in found - {root}}


def _alive(processes: set[Process]) -> set[Process]:
    return {process for process in processes if process.state() not in (None, "Z", "X")}


def _waits_for(what: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _busy(processes: set[Process]) -> bool:
    """Whether one of them has used 0.4 s of processor time: the program's endless loop has begun."""
    ticks = os.sysconf("SC_CLK_TCK")
    used = [_fields(process.pid) for process in processes]
    return any(fields is not None and int(fields[11]) >= 0.4 * ticks for fields in used)


@pytest.fixture
def supervisor(sandbox: Sandbox) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that watches an endless program."""
    if sandbox.name != "bubblewrap":
        pytest.skip(f"{sandbox.name} has no parent to die with")
    started = subprocess.Popen([sys.executable, "-c", WATCHES])
    try:
        assert _waits_for(lambda: _busy(_descendants(started.pid)), seconds=60)
        yield started
    finally:
        started.kill()
        started.wait()


@pytest.mark.slow
def test_killing_the_supervisor_ends_the_program(supervisor: subprocess.Popen[bytes]) -> None:
    below = _descendants(supervisor.pid)
    assert len(below) >= 3  # bubblewrap, the first process of its namespace, the interpreter
    supervisor.kill()
    supervisor.wait()
    gone = _waits_for(lambda: not _alive(below), seconds=20)
    left = _alive(below)
    for process in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    assert gone, left
