"""First code to run inside: limits, then one process for the solution and one for the checks."""

from __future__ import annotations

import os
import resource

from assay.sandbox.inside.player import become_player
from assay.sandbox.inside.referee import Link, report
from assay.sandbox.inside.wire import decode, encode, no_objects, no_references, read_frame, write_frame

TYPE_CHECKING = False  # typing costs as much to import as Python to start
if TYPE_CHECKING:
    from collections.abc import Mapping

SUPERVISOR_IN = 0


def start(supervisor_out: int) -> None:
    """Read the limits, fork, read the program (which the player therefore never holds) and judge it."""
    head = decode(read_frame(SUPERVISOR_IN), no_references)
    set_limits(head["limits"])
    for module in head["preload"]:
        try:
            __import__(module)
        except ImportError:
            continue  # the prelude will raise it where it can be named
    write_frame(supervisor_out, encode(("ready",), no_objects))
    requests_in, requests_out = os.pipe()
    replies_in, replies_out = os.pipe()
    player = os.fork()
    if player == 0:
        become_player(requests_in, replies_out)
    os.close(requests_in)
    os.close(replies_out)
    link = Link(requests=requests_out, replies=replies_in, pid=player)
    program = decode(read_frame(SUPERVISOR_IN), no_references)
    report(program, link, supervisor_in=SUPERVISOR_IN, supervisor_out=supervisor_out)
    os._exit(0)


def set_limits(limits: Mapping[str, int]) -> None:
    """Lower the hard limits named, e.g. ``{"RLIMIT_AS": bytes}``; never above what is already allowed."""
    for name, value in limits.items():
        which = getattr(resource, name)
        _, hard = resource.getrlimit(which)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (bound, bound))
