"""No isolation: a plain process with limits, for people who said ``--unsafe-exec``."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path

from assay.sandbox.interpreter import BOOTSTRAP, Interpreter, probe
from assay.sandbox.pool import Pool
from assay.sandbox.program import Program, SandboxError, Verdict
from assay.sandbox.supervisor import Supervisor


class UnsafeSandbox:
    """Runs programs as this user, with this user's files and network; only the limits and the checks' process hold."""

    name = "unsafe"
    isolated = False

    def __init__(self, *, jobs: int | None = None) -> None:
        self._pool = Pool(jobs=jobs)

    @cached_property
    def _interpreter(self) -> Interpreter:
        found = probe(Path(sys.executable), drop_to=None, libraries=False)
        if isinstance(found, str):
            raise SandboxError(f"{sys.executable} {found}", hint="reinstall Python")
        return found

    def execute(self, program: Program) -> Verdict:
        """See ``Sandbox.execute``."""
        return self._pool.run(self._supervisor(program))

    async def run(self, program: Program) -> Verdict:
        """See ``Sandbox.run``."""
        return await self._pool.run_async(self._supervisor(program))

    def _supervisor(self, program: Program) -> Supervisor:
        interpreter = self._interpreter
        python = [str(interpreter.executable), "-I", "-S", "-B", "-u", "-c", BOOTSTRAP]
        return Supervisor(
            program,
            argv=lambda descriptors: [*python, str(descriptors.report)],
            bundle=interpreter.bundle,
            limit_processes=False,
            scratch=True,
        )
