"""The supervisor against insides that lie: only the nonce, and only after the checks were reported, is a pass."""

from __future__ import annotations

import sys

import pytest

from assay.sandbox import Program, SandboxError, Verdict
from assay.sandbox.supervisor import Supervisor, preload

pytestmark = pytest.mark.slow

PROGRAM = Program(source="", checks=["pass"], timeout_s=20)
INSIDE = """
import os, sys
from assay.sandbox.inside.wire import decode, encode, no_objects, no_references, read_frame, write_frame
fd = int(sys.argv[1])
tell = lambda *message: write_frame(fd, encode(message, no_objects))
read_frame(0); head = decode(read_frame(0), no_references); body = decode(read_frame(0), no_references)
nonce = lambda: decode(read_frame(0), no_references)
"""


def run(lines: str) -> Verdict:
    return Supervisor(
        PROGRAM,
        argv=lambda descriptors: [sys.executable, "-c", INSIDE + lines, str(descriptors.report)],
        bundle=b"",
        limit_processes=False,
    ).run()


def test_the_nonce_after_the_checks_is_a_pass() -> None:
    assert run("tell('ready'); tell('checked'); tell('passed', nonce())").passed


@pytest.mark.parametrize(
    "lines",
    [
        "tell('ready'); tell('passed', b'0' * 32)",
        "tell('ready'); tell('checked'); nonce(); tell('passed', b'0' * 32)",
        "tell('ready'); tell('checked'); tell('passed', b'')",
        "tell('ready'); tell('checked'); tell('passed', nonce()[:-1])",
        "tell('ready'); tell('checked'); n = nonce(); tell('checked'); tell('passed', n)",
        "tell('ready'); tell('passed')",
        "tell('ready'); tell('anything')",
        "tell('ready'); write_frame(fd, b'nonsense')",
        "tell('ready'); os.write(fd, b'\\xff\\xff\\xff\\xff')",
    ],
)
def test_anything_else_is_a_forgery(lines: str) -> None:
    verdict = run(lines)
    assert (verdict.passed, verdict.reason) == (False, "forged_pass")


def test_checks_reported_before_it_was_ready_are_a_forgery() -> None:
    with pytest.raises(SandboxError):
        run("tell('checked'); tell('passed', nonce())")


def test_an_end_without_a_verdict_is_no_pass() -> None:
    verdict = run("tell('ready'); tell('checked'); nonce()")
    assert (verdict.passed, verdict.reason) == (False, "killed")


def test_the_first_verdict_stands() -> None:
    assert run("tell('ready'); tell('failed', 'wrong_answer', 'no'); tell('checked')").reason == "wrong_answer"


def test_an_inside_that_never_starts_is_an_error_with_its_words() -> None:
    with pytest.raises(SandboxError, match="no such luck"):
        run("print('no such luck'); sys.exit(1)")


def test_the_inside_gets_its_limits_and_its_program() -> None:
    verdict = run("tell('ready'); tell('failed', 'killed', repr((head['limits'], body)))")
    assert "'RLIMIT_AS': 536870912" in verdict.detail and "'RLIMIT_CORE': 0" in verdict.detail
    assert "RLIMIT_NPROC" not in verdict.detail  # a plain process shares the count with all of its user's
    assert "'checks': ['pass']" in verdict.detail


def test_only_modules_of_the_standard_library_are_loaded_early() -> None:
    program = Program(
        source="import re", prelude="import numpy, math\nfrom . import x", checks=["import os.path", "def"]
    )
    assert preload(program) == ["math", "os.path"]
