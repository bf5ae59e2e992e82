"""Scores code by running it against its checks in a sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from assay.core.errors import InvalidInputError
from assay.core.records import Output, Sample, Score
from assay.sandbox.find import find_sandbox
from assay.sandbox.formats import build_program
from assay.sandbox.program import Program, Sandbox, SandboxError, SandboxUnavailableError, Verdict
from assay.scorers.base import BaseScorer


@dataclass(frozen=True, kw_only=True)
class CodeExecution(BaseScorer):
    """1 when the model's code passes every check of its sample, 0 when not; higher is better.

    The label is ``passed`` or the reason: ``wrong_answer``, ``exception:<Type>``, ``timeout``, ``memory``,
    ``syntax_error``, ``no_code``, ``forged_pass``, ``killed``. A failing program is a score of 0. A sandbox that
    fails says nothing about the program: unscored, ``sandbox_failed`` or ``sandbox_unavailable``.

    The code may import the standard library; no other package (numpy included) is there.

    Attributes:
        format: ``humaneval`` or ``mbpp``; else each sample's ``metadata["format"]``.
        timeout_s: Wall-clock seconds for one program.
        memory_mb: Address space of each process, MiB.
        processes: Processes and threads the code may add.
        unsafe_exec: Run without isolation.
        sandbox: The sandbox to use; found on first use when ``None``.
    """

    name: str = "code_execution"
    format: str | None = None
    timeout_s: float = 10.0
    memory_mb: int = 512
    processes: int = 8
    unsafe_exec: bool = False
    sandbox: Sandbox | None = field(default=None, repr=False, compare=False, metadata={"versioned": False})

    unit: ClassVar[str] = "share"
    requires: ClassVar[frozenset[str]] = frozenset({"isolation"})

    @cached_property
    def _found(self) -> Sandbox:
        return find_sandbox(unsafe=self.unsafe_exec) if self.sandbox is None else self.sandbox

    def prepare(self) -> Sandbox:
        """Find the sandbox before a run is started.

        Raises:
            SandboxUnavailableError: There is none, and ``unsafe_exec`` is not set.
        """
        return self._found

    def _score(self, sample: Sample, output: Output) -> Score:
        program = self._program(sample, output)
        if isinstance(program, Score):
            return program
        try:
            return self._judged(sample, output, self._found.execute(program))
        except (SandboxError, SandboxUnavailableError) as error:
            return self._broken(sample, output, error)

    async def score_async(self, sample: Sample, output: Output) -> Score:
        """Score one output; as many run at once as there are processors."""
        if output.error is not None:
            return self._unscored(sample, output, output.error)
        program = self._program(sample, output)
        if isinstance(program, Score):
            return program
        try:
            return self._judged(sample, output, await self._found.run(program))
        except (SandboxError, SandboxUnavailableError) as error:
            return self._broken(sample, output, error)

    def _program(self, sample: Sample, output: Output) -> Program | Score:
        form = self.format or sample.metadata.get("format")
        if not isinstance(form, str):
            return self._unscored(sample, output, "no_format")
        limits = {"timeout_s": self.timeout_s, "memory_mb": self.memory_mb, "processes": self.processes}
        try:
            program = build_program(sample.metadata, output.text, form=form, limits=limits)
        except InvalidInputError as error:
            return self._unscored(sample, output, "bad_sample", explanation=str(error))
        if program is None:
            return self._value(sample, output, 0.0, label="no_code", explanation="the output holds no code")
        return program

    def _judged(self, sample: Sample, output: Output, verdict: Verdict) -> Score:
        value, label = (1.0, "passed") if verdict.passed else (0.0, verdict.reason)
        return self._value(sample, output, value, label=label, explanation=verdict.detail or None)

    def _broken(self, sample: Sample, output: Output, error: SandboxError | SandboxUnavailableError) -> Score:
        return self._unscored(sample, output, error.code.replace(".", "_"), explanation=str(error))
