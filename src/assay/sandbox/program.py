"""What a sandbox is asked and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from assay.core.errors import AssayError, InvalidInputError

REASONS = (
    "wrong_answer",
    "exception:<Type>",
    "timeout",
    "memory",
    "syntax_error",
    "no_code",
    "forged_pass",
    "killed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Model-written code and the checks it must pass.

    Attributes:
        source: The code under test; runs in a process of its own.
        entry: Function the checks are about; looked up in ``source`` even when ``prelude`` has one of that name.
        checks: Trusted source, run one after the other in another process; a pass is when all have returned. Names
            they do not define themselves are looked up in ``source``.
        prelude: Trusted source run before the checks, in their process: imports and helper functions.
        timeout_s: Wall-clock seconds for code and checks together.
        memory_mb: Address space of each process, MiB.
        processes: Processes and threads the code may add to its own one.
        file_mb: Size of each file it may write and of the whole ``/tmp``, MiB.
        output_kb: What it may print, KiB; printing more ends it.
    """

    source: str
    checks: Sequence[str]
    entry: str | None = None
    prelude: str = ""
    timeout_s: float = 10.0
    memory_mb: int = 512
    processes: int = 8
    file_mb: int = 16
    output_kb: int = 1024

    def __post_init__(self) -> None:
        if not self.checks:
            raise InvalidInputError("a program without checks would always pass", hint="give at least one check")
        if min(self.timeout_s, self.memory_mb, self.processes, self.file_mb, self.output_kb) <= 0:
            raise InvalidInputError("the limits of a program must be positive", hint="e.g. timeout_s=10, memory_mb=512")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a program did.

    Attributes:
        passed: All checks returned.
        reason: Why not, one of ``REASONS``; ``None`` exactly when it passed.
        detail: For people: the check that failed, the exception, or what was exceeded, and the last it printed.
        seconds: Wall-clock seconds, start of the sandbox included.
    """

    passed: bool
    reason: str | None
    detail: str
    seconds: float


class Sandbox(Protocol):
    """Runs programs, each in a fresh isolation.

    Attributes:
        name: E.g. ``bubblewrap``.
        isolated: Whether the code is kept from this machine; false only for ``UnsafeSandbox``.
    """

    @property
    def name(self) -> str: ...
    @property
    def isolated(self) -> bool: ...

    def execute(self, program: Program) -> Verdict:
        """Run and judge; blocks for at most the program's timeout and the time to start.

        Raises:
            SandboxError: The sandbox itself failed, which says nothing about the program.
        """
        ...

    async def run(self, program: Program) -> Verdict:
        """``execute`` without blocking the event loop; cancelling it ends the program."""
        ...


class SandboxError(AssayError):
    """The sandbox failed, not the program in it."""

    code = "sandbox.failed"


class SandboxUnavailableError(AssayError):
    """No isolation works on this machine."""

    code = "sandbox.unavailable"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"model-written code cannot be isolated here: {why}; nothing was run",
            hint="apt install bubblewrap, or pip install 'assay[sandbox]'; "
            "or accept that the code may do anything you may: --unsafe-exec",
        )
