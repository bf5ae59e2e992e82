"""Starts one process, feeds it a program, holds it to its limits and hands over the nonce that is a pass."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import math
import os
import secrets
import select
import selectors
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.sandbox.inside.referee import UNSUPPORTED
from assay.sandbox.inside.wire import MAX_FRAME_BYTES, WireError, decode, encode, no_objects, no_references
from assay.sandbox.program import Program, SandboxError, Verdict

START_TIMEOUT_S = 60.0
_TAIL_BYTES = 2000
_END_TIMEOUT_MS = 2000
_PROCESSES_OF_OURS = 3
_STANDARD_LIBRARY = sys.stdlib_module_names


class Descriptors(NamedTuple):
    """What a process is started with: where the inside reports to, the filter's source, where its pid is told."""

    report: int
    seccomp: int
    info: int


class Supervisor:
    """One run of one program; used once.

    Args:
        argv: Command line, given its descriptors.
        bundle: Code of the inside, marshalled for the interpreter in ``argv``.
        limit_processes: Whether the kernel counts processes for this sandbox alone (it does in a user namespace).
        seccomp: Filter handed to the process through a pipe; smaller than a pipe holds.
        scratch: Run in a temporary folder, deleted afterwards.
        credentials: Arguments of ``Popen`` that change the user.
    """

    def __init__(
        self,
        program: Program,
        *,
        argv: Callable[[Descriptors], Sequence[str]],
        bundle: bytes,
        limit_processes: bool,
        seccomp: bytes = b"",
        scratch: bool = False,
        credentials: Mapping[str, Any] | None = None,
    ) -> None:
        self._program, self._argv, self._seccomp, self._scratch = program, argv, seccomp, scratch
        self._limit_processes, self._credentials = limit_processes, credentials or {}
        self._pending = bytearray(_framed(bundle) + _framed(_message(self._head())) + _framed(_message(self._body())))
        self._received = bytearray()
        self._tail = bytearray()
        self._printed_bytes = 0
        self._nonce: bytes | None = None
        self._ready = False
        self._verdict: tuple[bool, str | None, str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End the program from another thread; its verdict is then ``killed``."""
        self._cancelled.set()
        self._kill()

    def run(self) -> Verdict:
        """Run to the verdict.

        Raises:
            SandboxError: The inside never started.
        """
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            report_in, report_out = _pipe(stack)
            filter_in, filter_out = _pipe(stack)
            self._info, info_out = _pipe(stack)
            os.write(filter_out.fileno(), self._seccomp)
            filter_out.close()
            cwd = stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-unsafe-")) if self._scratch else "/"
            process = self._start(Descriptors(report_out.fileno(), filter_in.fileno(), info_out.fileno()), cwd)
            stack.enter_context(process)  # closes its pipes and waits for it
            stack.callback(self._end, process)
            self._process = process
            report_out.close()
            info_out.close()
            if not self._cancelled.is_set():
                self._watch(process, report_in.fileno())
        if not self._ready and not self._cancelled.is_set():
            raise SandboxError(
                f"the sandbox did not start (status {process.returncode}): {self._printed() or 'it said nothing'}",
                hint="run: assay config; a container may forbid user namespaces",
            )
        if self._verdict and self._verdict[1] == UNSUPPORTED:
            raise SandboxError(
                f"the checks cannot be run here: {self._verdict[2]}",
                hint="checks may use the standard library and pass plain data to the program",
                code="sandbox.unsupported_check",
            )
        passed, reason, detail = self._verdict or (False, "killed", "ended before its checks had returned")
        printed = self._printed()
        if not passed and printed:
            detail = f"{detail}\nlast output: {printed}"
        return Verdict(passed=passed, reason=reason, detail=detail, seconds=time.monotonic() - began)

    def _start(self, descriptors: Descriptors, cwd: str) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - our own command line
                self._argv(descriptors),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                pass_fds=descriptors,
                start_new_session=True,
                cwd=cwd,
                env={},
                **self._credentials,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise SandboxError(f"the sandbox could not be started: {error}", hint="see: assay config") from error

    def _watch(self, process: subprocess.Popen[bytes], report_in: int) -> None:
        """Serve the pipes until there is a verdict, the report pipe closes, or a limit is passed."""
        assert process.stdin is not None and process.stdout is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        started = False
        with selectors.DefaultSelector() as selector:
            for pipe, events in ((process.stdin, selectors.EVENT_WRITE), (process.stdout, selectors.EVENT_READ)):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe.fileno(), events)
            os.set_blocking(report_in, False)
            selector.register(report_in, selectors.EVENT_READ)
            writer, output = process.stdin.fileno(), process.stdout.fileno()
            while self._verdict is None:
                if self._ready and not started:
                    started, deadline = True, time.monotonic() + self._program.timeout_s
                left = deadline - time.monotonic()
                if left <= 0:
                    if self._ready:
                        self._fail("timeout", f"not done after {self._program.timeout_s:g} s")
                    return
                for key, _ in selector.select(left):
                    if key.fd == writer:
                        if not self._feed(writer):
                            selector.unregister(writer)
                    elif key.fd == output:
                        if not self._take_output(output):
                            selector.unregister(output)
                    elif not self._take_report(report_in):
                        while self._take_output(output):
                            pass
                        return
                if self._pending and writer not in selector.get_map():
                    selector.register(writer, selectors.EVENT_WRITE)
            while self._take_output(output):
                pass

    def _feed(self, fd: int) -> bool:
        """Write some; whether there is more to write."""
        try:
            written = os.write(fd, self._pending)
        except BlockingIOError:
            return True
        except BrokenPipeError:
            written = len(self._pending)
        del self._pending[:written]
        return bool(self._pending)

    def _take_output(self, fd: int) -> bool:
        """Read some of what the program printed; whether there may be more."""
        try:
            chunk = os.read(fd, 65536)
        except BlockingIOError:
            return False
        self._printed_bytes += len(chunk)
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        if self._printed_bytes > self._program.output_kb * 1024 and self._verdict is None:
            self._fail("killed", f"printed more than {self._program.output_kb} KiB")
        return bool(chunk) and self._printed_bytes <= self._program.output_kb * 1024

    def _take_report(self, fd: int) -> bool:
        """Read some of the referee's messages; whether there may be more."""
        chunk = os.read(fd, 65536)
        self._received += chunk
        while len(self._received) >= 4:
            (length,) = struct.unpack_from(">I", self._received)
            if length > MAX_FRAME_BYTES:
                self._fail("forged_pass", "the checker sent nonsense")
                return False
            if len(self._received) < 4 + length:
                break
            payload = bytes(self._received[4 : 4 + length])
            del self._received[: 4 + length]
            self._hear(payload)
        return bool(chunk)

    def _hear(self, payload: bytes) -> None:
        try:
            match decode(payload, no_references):
                case ("ready",):
                    self._ready = True
                case ("checked",) if self._ready and self._nonce is None:
                    self._nonce = secrets.token_bytes(32)
                    self._pending += _framed(_message(self._nonce))
                case ("passed", bytes(nonce)) if self._nonce is not None and secrets.compare_digest(nonce, self._nonce):
                    self._verdict = self._verdict or (True, None, "")
                case ("failed", str(reason), str(detail)):
                    self._fail(reason, detail)
                case _:
                    self._fail("forged_pass", "the checker sent nonsense")
        except WireError as error:
            self._fail("forged_pass", f"the checker sent nonsense: {error}")

    def _fail(self, reason: str, detail: str) -> None:
        self._verdict = self._verdict or (False, reason, detail)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """End everything that runs: first the namespace, whose end bubblewrap then sees and reaps, then the rest.

        Killing bubblewrap itself would do, but would leave its child to whatever process adopts orphans here; in many
        containers nothing reaps those.
        """
        with contextlib.suppress(ValueError, KeyError, ProcessLookupError, PermissionError):
            os.set_blocking(self._info.fileno(), False)
            first = int(json.loads(self._info.read() or b"{}")["child-pid"])
            if process.poll() is None:
                os.kill(first, signal.SIGKILL)
            _await_exit(process.pid)
        self._kill()

    def _kill(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def _printed(self) -> str:
        return self._tail.decode("utf-8", "replace").strip()

    def _head(self) -> dict[str, Any]:
        program = self._program
        limits = {
            "RLIMIT_AS": program.memory_mb << 20,
            "RLIMIT_CPU": math.ceil(program.timeout_s) + 1,
            "RLIMIT_FSIZE": program.file_mb << 20,
            "RLIMIT_NOFILE": 64,
            "RLIMIT_CORE": 0,
        }
        if self._limit_processes:
            limits["RLIMIT_NPROC"] = _PROCESSES_OF_OURS + program.processes
        return {"limits": limits, "preload": preload(program)}

    def _body(self) -> dict[str, Any]:
        program = self._program
        return {
            "prelude": program.prelude,
            "source": program.source,
            "entry": program.entry or "",
            "checks": list(program.checks),
        }


def preload(program: Program) -> list[str]:
    """Modules of the standard library that the prelude and the checks import: loaded once, before the processes part.

    Examples:
        >>> preload(Program(source="", prelude="from typing import List", checks=["import numpy"]))
        ['typing']
    """
    found: dict[str, None] = {}
    for source in (program.prelude, *program.checks):
        if "import" not in source:
            continue
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found.update(dict.fromkeys(alias.name for alias in node.names))
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module] = None
    return [name for name in found if name.partition(".")[0] in _STANDARD_LIBRARY]


def _pipe(stack: contextlib.ExitStack) -> tuple[io.FileIO, io.FileIO]:
    reader, writer = os.pipe()
    return stack.enter_context(io.FileIO(reader, "rb")), stack.enter_context(io.FileIO(writer, "wb"))


def _await_exit(pid: int) -> None:
    """Wait for a child without reaping it and, unlike ``Popen.wait``, without sleeping between looks."""
    watched = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.poll(_END_TIMEOUT_MS)
    finally:
        os.close(watched)


def _message(value: Any) -> bytes:
    return encode(value, no_objects)


def _framed(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload
