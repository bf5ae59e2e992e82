"""A judge among the scorers that gives no verdict, or not every one: what a run, its page and a gate say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cli_shell import Shell

from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow
QUESTION = "A question"


def answer(body: Mapping[str, Any]) -> str:
    """Answers say their number; the judge grades all but every tenth, and a mute judge none."""
    prompt = "\n".join(str(message["content"]) for message in body["messages"])
    if body["model"] == "gen":
        return f"number {prompt.rpartition(' ')[2]}."
    unsaid = body["model"] == "mute" or any(f"number {k}." in prompt for k in range(0, 60, 10))
    return "I would rather not say." if unsaid else json.dumps({"score": 4 if "7." in prompt else 5})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(answer=answer) as running:
        yield running


@pytest.fixture
def judged(shell: Shell) -> Shell:
    shell.rows("data.jsonl", [{"id": f"q{k}", "input": f"{QUESTION} {k}"} for k in range(60)])
    task(shell, "openai/judge")
    return shell


def task(shell: Shell, judge: str) -> None:
    shell.task(model="openai/gen", generate=None, scorers=["length", f"helpfulness@{judge}"])


def test_missing_verdicts_are_reported_with_bounds(judged: Shell) -> None:
    run = judged.ok("run", "eval.yaml", "--json").json
    metric = run["metrics"]["helpfulness"]
    assert (metric["n"], metric["unscored"]) == (54, 6)
    bounds = metric["bounds"]
    assert bounds["worst"] == pytest.approx((54 * metric["value"] + 6 * 1) / 60)
    assert bounds["best"] == pytest.approx((54 * metric["value"] + 6 * 5) / 60)
    assert bounds["low"] <= bounds["worst"] < metric["value"] < bounds["best"] <= bounds["high"]
    (note,) = [note for note in run["notes"] if "missing" in note]
    assert note.startswith("helpfulness: 6 of 60 verdicts are missing; the mean is ")
    assert note.split(";")[1][:20] in " ".join(judged.ok("show", "last").out.split())
    judged.ok("report", "last", "--output", "page.html")
    assert "6 of 60 verdicts are missing" in (judged.directory / "page.html").read_text(encoding="utf-8")


def test_a_gate_says_what_missing_verdicts_could_change(judged: Shell) -> None:
    judged.ok("run", "eval.yaml")
    passed = judged("gate", "last", "--rule", "helpfulness.low >= 4.6", "--json").json["rules"][0]
    assert passed["verdict"] == "pass"
    assert "6 are missing: the mean is" in passed["sentence"]
    assert passed["sentence"].endswith("and that would not pass")
    safe = judged("gate", "last", "--rule", "helpfulness.low >= 2", "--json").json["rules"][0]
    assert safe["verdict"] == "pass"
    assert "would not pass" not in safe["sentence"]


def test_a_judge_that_gave_no_verdict_leaves_the_run_partial(judged: Shell) -> None:
    task(judged, "openai/mute")
    said = judged("run", "eval.yaml")
    assert said.status == 3
    assert "helpfulness gave no verdict on any of 60 samples: 60 × " in " ".join(said.out.split())
    run = judged("show", "last", "--json").json
    assert run["status"] == "partial"
    assert run["metrics"]["length"]["n"] == 60  # what was had is kept


def test_a_tier_that_gave_no_verdict_is_named(judged: Shell) -> None:
    tiers = [{"tier": "programmatic", "scorers": ["length"]},
             {"tier": "judge", "judge": "helpfulness@openai/mute", "share": 0.5}]  # fmt: skip
    judged.task(model="openai/gen", generate=None, scorers=["length"], cascade=tiers)
    said = judged("run", "eval.yaml", "--json")
    assert (said.status, said.json["status"]) == (3, "degraded")
    assert any("gave no verdict on any of 30 samples" in note for note in said.json["notes"])
