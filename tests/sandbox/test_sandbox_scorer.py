from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from assay.core.errors import ConfigError, InvalidInputError
from assay.core.protocols import AsyncScorer
from assay.core.records import Output, Sample, Score
from assay.sandbox import CodeExecution, Program, Sandbox, SandboxError, SandboxUnavailableError, Verdict
from assay.sandbox.formats import build_program

pytestmark = pytest.mark.slow

HUMANEVAL = {
    "format": "humaneval",
    "prompt": "import math\n\n\ndef poly(xs, x):\n    return sum(c * math.pow(x, i) for i, c in enumerate(xs))\n\n\n"
    'def root(xs):\n    """A zero of poly."""\n',
    "entry_point": "root",
    "test": "def check(candidate):\n    assert abs(poly([2, -1], candidate([2, -1]))) < 1e-9\n",
}
MBPP = {
    "format": "mbpp",
    "test_list": ["assert add(1, 2) == 3", "assert add([1], [2]) == [1, 2]"],
    "test_setup_code": "",
}
TREE = {
    "format": "mbpp",
    "test_setup_code": "root = Node(1)\nroot.left = Node(2)\nroot.left.left = Node(3)",
    "test_list": ["assert depth(root) == 3", "assert depth(root.left) == 2"],
}
NODE = (
    "class Node:\n    def __init__(self, v): self.v, self.left, self.right = v, None, None\n"
    "def depth(n): return 0 if n is None else 1 + max(depth(n.left), depth(n.right))\n"
)


def score(scorer: CodeExecution, metadata: dict[str, object], text: str, **output: str) -> Score:
    sample = Sample(id="s1", input="", metadata=metadata)
    return asyncio.run(scorer.score_async(sample, Output(sample_id="s1", epoch=2, text=text, **output)))


@pytest.fixture(scope="module")
def scorer(sandbox: Sandbox) -> CodeExecution:
    return CodeExecution(sandbox=sandbox)


@pytest.mark.parametrize(
    ("metadata", "text", "label"),
    [
        (HUMANEVAL, "    return 2.0\n", "passed"),
        (HUMANEVAL, "    return 3.0\n", "wrong_answer"),
        (HUMANEVAL, "```python\ndef poly(*a): return 0\ndef root(xs): return 7\n```", "wrong_answer"),
        (HUMANEVAL, "    return xs[9]\n", "exception:IndexError"),
        (HUMANEVAL, "    import numpy\n", "exception:ModuleNotFoundError"),
        (MBPP, "```python\ndef add(a, b): return a + b\n```", "passed"),
        (MBPP, "def add(a, b): return a - b", "wrong_answer"),
        (MBPP, "def add(a, b): return None", "wrong_answer"),
        (MBPP, "```python\ndef add(a, b) return a\n```", "syntax_error"),
        (MBPP, "```python\ndef plus(a, b): return a + b\n```", "exception:NameError"),
        (MBPP, "I am sorry.", "no_code"),
        (MBPP, "", "no_code"),
        (TREE, NODE, "passed"),
        (TREE, NODE.replace("1 + max", "2 + max"), "wrong_answer"),
    ],
)
def test_code_is_judged(scorer: CodeExecution, metadata: dict[str, object], text: str, label: str) -> None:
    got = score(scorer, metadata, text)
    assert (got.value, got.label, got.reason) == (1.0 if label == "passed" else 0.0, label, None), got.explanation
    assert (got.scorer, got.epoch) == ("code_execution", 2)


def test_the_explanation_names_the_check_and_what_was_returned(scorer: CodeExecution) -> None:
    explanation = score(scorer, MBPP, "print('hello')\ndef add(a, b): return 3 if a == 1 else [9]").explanation
    assert explanation is not None
    for part in ("assert add([1], [2]) == [1, 2]", "([1], [2]) gave [9]", "last output: hello"):
        assert part in explanation


def test_waiting_gives_the_same_score(scorer: CodeExecution) -> None:
    sample, output = (
        Sample(id="s1", input="", metadata=MBPP),
        Output(sample_id="s1", text="def add(a, b): return a + b"),
    )
    assert scorer.score(sample, output) == asyncio.run(scorer.score_async(sample, output))
    assert isinstance(scorer, AsyncScorer)


def test_many_at_once_from_several_loops(scorer: CodeExecution) -> None:
    sample, output = (
        Sample(id="s1", input="", metadata=MBPP),
        Output(sample_id="s1", text="def add(a, b): return a + b"),
    )

    async def several() -> list[Score]:
        return await asyncio.gather(*(scorer.score_async(sample, output) for _ in range(6)))

    assert {got.value for _ in range(2) for got in asyncio.run(several())} == {1.0}


def test_imports_of_the_sample_are_there_for_code_and_checks(scorer: CodeExecution) -> None:
    metadata = {"format": "mbpp", "imports": ["import math"], "test_list": ["assert math.isclose(area(1), math.pi)"]}
    assert score(scorer, metadata, "def area(r): return math.pi * r").value == 1.0


def test_a_check_that_cannot_run_here_leaves_the_sample_unscored(scorer: CodeExecution) -> None:
    for check in ("import numpy\nassert add(1, 2)", "assert add(lambda: 1, 2)"):
        got = score(scorer, {"format": "mbpp", "test_list": [check]}, "def add(a, b): return 3")
        assert (got.value, got.reason) == (None, "sandbox_unsupported_check")


@dataclass(frozen=True)
class Broken:
    error: SandboxError | SandboxUnavailableError
    name: str = "broken"
    isolated: bool = True

    def execute(self, program: Program) -> Verdict:
        raise self.error

    async def run(self, program: Program) -> Verdict:
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [(SandboxError("it broke"), "sandbox_failed"), (SandboxUnavailableError("no namespaces"), "sandbox_unavailable")],
)
def test_a_broken_sandbox_says_nothing_about_the_program(error: SandboxError, reason: str) -> None:
    scorer = CodeExecution(sandbox=Broken(error))
    got = score(scorer, MBPP, "def add(a, b): return a + b")
    assert (got.value, got.reason, got.explanation) == (None, reason, str(error))
    sample = Sample(id="s1", input="", metadata=MBPP)
    assert scorer.score(sample, Output(sample_id="s1", text="def add(a, b): return a + b")).reason == reason


def test_what_cannot_be_judged_is_unscored_with_its_reason() -> None:
    scorer = CodeExecution(sandbox=Broken(SandboxError("must not be reached")))
    assert score(scorer, MBPP, "", error="provider_error").reason == "provider_error"
    assert score(scorer, {}, "x = 1").reason == "no_format"
    assert score(scorer, {"format": "mbpp"}, "x = 1").reason == "bad_sample"
    assert score(scorer, {**HUMANEVAL, "test": None}, "x = 1").reason == "bad_sample"


def test_an_unknown_format_offers_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        build_program({}, "x = 1", form="human_eval", limits={})
    assert "humaneval" in caught.value.hint


def test_the_version_covers_limits_and_format() -> None:
    versions = {
        CodeExecution().version,
        CodeExecution(format="mbpp").version,
        CodeExecution(timeout_s=5).version,
        CodeExecution(memory_mb=256).version,
        CodeExecution(processes=4).version,
        CodeExecution(unsafe_exec=True).version,
    }
    assert len(versions) == 6
    assert CodeExecution(name="other").version == CodeExecution().version


def test_what_it_declares() -> None:
    scorer = CodeExecution()
    assert (scorer.name, scorer.unit, scorer.higher_is_better) == ("code_execution", "share", True)
    assert scorer.requires == {"isolation"}


def test_a_program_without_checks_or_with_impossible_limits_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="always pass"):
        Program(source="x = 1", checks=[])
    with pytest.raises(InvalidInputError, match="positive"):
        Program(source="x = 1", checks=["pass"], timeout_s=0)
