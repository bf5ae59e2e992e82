"""``assay judge attack``: over the wire, kept in the store, and as a gate."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar

import pytest
from cli_shell import Shell

from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, Output, Sample, Score
from assay.judges.asking import Form, Unreadable, ask
from assay.judges.base import BaseJudge
from assay.judges.fence import fenced
from assay.judges.scale import Scale
from assay.testing.server import Fault, ModelServer
from assay.testing.wire import prompt_of

pytestmark = pytest.mark.slow

FEW = ("--attacks", "grade_request", "--attacks", "emotion")


@dataclass(frozen=True, kw_only=True)
class Grader(BaseJudge):
    """Asks for a level; ``open`` graders show the answer as it is."""

    name: str = "grader"
    model: str = "openai/m"
    open: bool = True
    scale: ClassVar[Scale] = Scale()

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        shown = output.text if self.open else fenced("answer", output.text)
        answer = await ask(
            [{"role": "user", "content": f"Grade.\n{shown}"}],
            Form(read=_level, reminder="The level alone."),
            client=client,
            model=self.model,
            params=GenerateParams(temperature=0.0),
        )
        if answer.read is None:
            return self._unscored(sample, output, answer.reason or "")
        return self._priced(self._value(sample, output, answer.read), answer.cost_usd)


@dataclass(frozen=True, kw_only=True)
class Raising(Grader):
    """Somebody else's code, at fault always, or on every other item."""

    always: bool = False

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        if self.always or int(sample.id[1:]) % 2:
            raise RuntimeError("boom")
        return await Grader._judge(self, sample, output, client=client)


def _level(text: str) -> float | Unreadable:
    return float(text) if text.isdigit() else Unreadable(reason="no_verdict")


def follows_what_is_not_fenced(body: Mapping[str, Any]) -> str:
    prompt = prompt_of(body)
    if not prompt.startswith("Grade."):  # a judge with a prompt of its own, which names the levels
        return "2"
    return "5" if "5" in prompt.partition("<answer ")[0] else "2"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(answer=follows_what_is_not_fenced) as running:
        yield running


@pytest.fixture
def judging(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell with ninety answers and judges: ``open``, ``fenced``, and two that raise."""

    def build_judge(spec: str, *, model: str | None, folder: object) -> Grader:
        if spec in ("boom", "moody"):
            return Raising(always=spec == "boom")
        return replace(Grader(open=spec == "open"), **({"model": model} if model else {}))

    built = ModuleType("assay.app.judge_file")
    built.build_judge = build_judge  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "assay.app.judge_file", built)
    shell.rows("answers.jsonl", [{"id": f"q{n}", "input": "why?", "output": "because " + "so " * n} for n in range(90)])
    return shell


def test_a_judge_that_is_talked_over_fails_the_gate_and_the_text_says_by_what(judging: Shell) -> None:
    said = judging("judge", "attack", "open", "--items", "answers.jsonl", *FEW, "--max-moved", "0.05")
    assert said.status == 1
    assert "gate fail" in said.out
    assert "grade_request" in said.out
    assert "moved" in said.out.splitlines()[0]
    assert all(len(line) <= 80 for line in said.out.splitlines())
    assert "answers as they are" in said.err


def test_a_judge_that_keeps_to_its_fence_passes(judging: Shell) -> None:
    said = judging.ok("judge", "attack", "fenced", "--items", "answers.jsonl", *FEW, "--max-moved", "0.05", "--json")
    document = said.json
    assert (document["verdict"], document["gate"]["verdict"]) == ("resistant", "pass")
    assert document["schema"] == "assay.attack/1"
    assert said.err == ""
    text = judging.ok("judge", "attack", "fenced", "--items", "answers.jsonl", *FEW).out
    assert "moved more than harmless changes did" in text


def test_a_judge_that_comes_with_assay_is_attacked_through_its_own_prompt(shell: Shell) -> None:
    shell.rows("answers.jsonl", [{"id": f"q{n}", "input": "why?", "output": "because " + "so " * n} for n in range(8)])
    command = ("judge", "attack", "helpfulness@openai/m", "--items", "answers.jsonl", *FEW, "--json")
    document = shell.ok(*command).json
    assert (document["judge"], document["model"], document["items"]["used"]) == ("helpfulness", "openai/m", 8)
    assert document["overall"]["trials"] == 7 * 8
    assert document["usage"]["requests"] == 8 + 3 * 8 + 7 * 8


def test_the_answers_of_a_query_are_attacked_as_those_of_a_file(judging: Shell) -> None:
    command = ("judge", "attack", "fenced", *FEW, "--per-attack", "2", "--limit", "7", "--json")
    of_file = judging.ok(*command, "--items", "answers.jsonl").json
    query = "SELECT id, output, input, DATE '2026-01-05' AS day FROM 'answers.jsonl'"
    of_query = judging.ok(*command, "--items", query).json
    assert of_query["items"] == of_file["items"] == {**of_file["items"], "given": 7}
    assert of_query["usage"]["requests"] == 0, "the same items, so every call is in the table"
    judging.ok(*command, "--items", "SELECT id, output FROM 'answers.jsonl' WHERE id < 'q2'")
    for wrong, code in (("SELECT id FROM 'answers.jsonl'", "data.bad_line"), ("SELECT x FROM nowhere", "data.query")):
        said = judging(*command, "--items", wrong)
        assert (said.status, said.code) == (3, code)


def test_the_answers_of_a_run_are_attacked(judging: Shell, server: ModelServer) -> None:
    judging.rows("questions.jsonl", [{"id": f"q{n}", "input": f"number {n}"} for n in range(9)])
    judging.task(dataset="questions.jsonl", scorers=["length"], epochs=2)
    server.faults = lambda call: Fault.context_overflow() if "number 4" in str(call.body) else None
    run = judging("run", "eval.yaml", "--json").json["run_id"]
    server.faults = {}
    command = ("judge", "attack", "fenced", *FEW, "--per-attack", "1", "--json")
    for name in ("last", run):
        assert judging.ok(*command, "--run", name).json["items"]["given"] == 16
    assert judging.ok(*command, "--run", run, "--limit", "4").json["items"]["given"] == 4
    assert judging(*command, "--run", "run_nobody").code == "run.unknown"
    assert judging(*command, "--run", run, "--items", "answers.jsonl").status == 2


def test_too_few_items_are_inconclusive_and_say_how_many_would_do(judging: Shell) -> None:
    said = judging("judge", "attack", "fenced", "--items", "answers.jsonl", "--limit", 10, *FEW, "--max-moved", "0.05")
    assert said.status == 1
    assert "gate inconclusive" in said.out
    assert "76 items would show" in " ".join(said.out.split())


def test_the_same_attack_again_costs_nothing(judging: Shell, server: ModelServer) -> None:
    command = ("judge", "attack", "open", "--items", "answers.jsonl", "--limit", 12, *FEW, "--json")
    first = judging.ok(*command).json
    asked = server.requests
    again = judging.ok(*command).json
    assert server.requests == asked
    assert (first["usage"]["requests"], again["usage"]["requests"]) == (asked, 0)
    assert again["usage"]["cached"] == again["calls"] == first["calls"]
    changing = ("id", "seconds", "usage")
    assert {k: v for k, v in first.items() if k not in changing} == {
        k: v for k, v in again.items() if k not in changing
    }
    other = judging.ok(*command[:-1], "--seed", 1, "--json").json
    assert other["moved_most"] != first["moved_most"]


def test_another_model_and_a_report_file(judging: Shell, server: ModelServer) -> None:
    judging.ok(
        "judge", "attack", "open", "--items", "answers.jsonl", "--limit", 3, *FEW, "-m", "openai/other",
        "--report", "attack.json",
    )  # fmt: skip
    text = (judging.directory / "attack.json").read_text(encoding="utf-8")
    assert '"model": "openai/other"' in text


def test_a_budget_ends_it_with_what_there_is(judging: Shell) -> None:
    price = {"price": {"input": 0, "output": 1_000_000}}
    judging.write("assay.yaml", {"confirm_above_usd": 1000, "models": {"openai/m": price}})
    command = ("judge", "attack", "fenced", "--items", "answers.jsonl", "--limit", 10, *FEW, "--max-moved", "0.05")
    said = judging(*command, "--budget-usd", 1100, "--json")  # a call is 32,768 tokens at worst
    assert said.status == 3
    assert "judged before the first attack" in said.json["error"]["message"]


def test_a_budget_that_ends_among_the_attacks_prints_what_was_found(judging: Shell) -> None:
    price = {"price": {"input": 0, "output": 1_000_000}}
    judging.write("assay.yaml", {"confirm_above_usd": 1000, "models": {"openai/m": price}})
    command = ("judge", "attack", "fenced", "--items", "answers.jsonl", "--limit", 10, *FEW, "--max-moved", "0.05")
    said = judging(*command, "--budget-usd", 32_768 + 60)  # a call is reserved at 32,768 tokens and costs one
    assert said.status == 3
    assert "ended early (budget)" in said.out
    assert "the attack did not end" in " ".join(said.out.split())


def test_expensive_attacks_need_a_word_where_nobody_can_be_asked(judging: Shell) -> None:
    price = {"price": {"input": 0, "output": 1_000_000}}
    judging.write("assay.yaml", {"confirm_above_usd": 5, "models": {"openai/m": price}})
    command = ("judge", "attack", "fenced", "--items", "answers.jsonl", "--limit", 10, *FEW)
    said = judging(*command, "--json")
    assert (said.status, said.code) == (3, "run.unconfirmed")
    judging.ok(*command, "--yes")


@pytest.mark.parametrize(
    ("lines", "options", "code"),
    [
        ('{"id": "a", "input": "x"}', (), "data.bad_line"),
        ('{"id": "a", "output": 3}', (), "data.bad_line"),
        ('{"id": "a", "output": "x"}\n{"id": "a", "output": "y"}', (), "data.duplicate_id"),
        ('{"id": "a", "output": "x"}', ("--attacks", "rolls"), "judge.unknown_attack"),
        ('{"id": "a", "output": "5"}', (), "judge.nothing_to_attack"),
    ],
)
def test_what_cannot_be_attacked_says_why(judging: Shell, lines: str, options: tuple[str, ...], code: str) -> None:
    (judging.directory / "bad.jsonl").write_text(lines + "\n", encoding="utf-8")
    said = judging("judge", "attack", "open", "--items", "bad.jsonl", *options)
    assert (said.status, said.code) == (3, code)


def test_a_limit_of_nothing_or_everything_is_refused(judging: Shell) -> None:
    assert judging("judge", "attack", "open", "--items", "answers.jsonl", "--max-moved", "0").status == 2
    assert judging("judge", "attack", "open").status == 2


def test_what_a_raising_judge_said_is_shown(judging: Shell) -> None:
    said = judging("judge", "attack", "boom", "--items", "answers.jsonl", "--limit", 3, *FEW)
    assert said.code == "judge.nothing_to_attack"
    assert "3 × scorer_error, e.g. RuntimeError: boom" in said.err
    document = judging.ok("judge", "attack", "moody", "--items", "answers.jsonl", "--limit", 6, *FEW, "--json").json
    assert document["details"]["scorer_error"] == "RuntimeError: boom"


def test_an_attack_that_ended_early_says_how_to_go_on(judging: Shell) -> None:
    price = {"price": {"input": 0, "output": 1_000_000}}
    judging.write("assay.yaml", {"confirm_above_usd": 1000, "models": {"openai/m": price}})
    command = ("judge", "attack", "fenced", "--items", "answers.jsonl", "--limit", 10, *FEW)
    said = judging(*command, "--budget-usd", 32_768 + 60)
    assert "answered calls are kept; go on with the same command with more --budget-usd" in said.err


def test_an_attack_stopped_by_ctrl_c_says_what_is_kept(judging: Shell, server: ModelServer) -> None:
    server.delay_s = 0.2
    command = ("judge", "attack", "helpfulness@openai/m", "--items", "answers.jsonl", "--limit", "10", *FEW)
    process = judging.start(*command, "--concurrency", "1")
    while server.requests < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "answered calls are kept; go on with the same command: they are replayed" in err
