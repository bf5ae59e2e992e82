"""Isolated execution of model-written code, and the scorer that uses it."""

from assay.sandbox.find import find_sandbox
from assay.sandbox.program import Program, Sandbox, SandboxError, SandboxUnavailableError, Verdict
from assay.sandbox.scorer import CodeExecution

__all__ = [
    "CodeExecution",
    "Program",
    "Sandbox",
    "SandboxError",
    "SandboxUnavailableError",
    "Verdict",
    "find_sandbox",
]
