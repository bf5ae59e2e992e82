"""Who holds a run: a process named so exactly that a dead one is noticed even when its number was given away again."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process on a machine.

    Attributes:
        started: Boot and tick at which the process began, from ``/proc``; ``""`` where the system does not say.
    """

    host: str
    pid: int
    started: str

    def here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host == socket.gethostname()

    def alive(self) -> bool:
        """Whether it still runs; a process of another machine counts as running, for nothing here can tell."""
        if not self.here():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # somebody else's process of that number exists
        return self.started == process_start(self.pid)


def this_process() -> Process:
    """The calling process."""
    pid = os.getpid()
    return Process(host=socket.gethostname(), pid=pid, started=process_start(pid))


def process_start(pid: int) -> str:
    """Boot id and start tick of a process; ``""`` when it is gone, a zombie, or the system has no ``/proc``."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    after_name = stat.rpartition(")")[2].split()  # the name may hold spaces; field 3 is the state, field 22 the start
    return "" if after_name[0] in "ZX" else f"{boot}:{after_name[19]}"
