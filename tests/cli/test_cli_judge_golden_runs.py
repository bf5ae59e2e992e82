"""``golden:`` of a task file: a judge behind a server is tried in every run; its card and the alarm say how it did."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cli_shell import Shell

from assay.app.golden_file import golden_items
from assay.core.errors import DataError
from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow

N, GOLDEN = 30, 24
SPOILT: list[bool] = []
ITEMS = [
    {"id": f"g{k}", "input": f"golden number {k}", "output": f"level-{1 + k % 5}-of-5", "answer": 1 + k % 5}
    for k in range(GOLDEN)
]


def answer(body: Mapping[str, Any]) -> str:
    text = "\n".join(str(message["content"]) for message in body["messages"])
    if body["model"] == "gen":
        number = int(re.findall(r"number (\d+)", text)[-1])
        return f"level-{1 + number % 5}-of-5"
    level = int(re.findall(r"level-(\d)-of-5", text)[-1])
    return json.dumps({"score": 6 - level if SPOILT and level != 3 else level})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    SPOILT.clear()
    with ModelServer(answer=answer) as running:
        yield running


@pytest.fixture
def watched(shell: Shell) -> Shell:
    """A shell with a task of one judge and a golden set of 24 items, met as often as real ones."""
    shell.rows("data.jsonl", [{"id": f"q{i}", "input": f"question number {i}"} for i in range(N)])
    shell.rows("golden.jsonl", ITEMS)
    write(shell)
    return shell


def write(shell: Shell, **changes: Any) -> None:
    content: dict[str, Any] = {
        "task": "tone",
        "dataset": "data.jsonl",
        "prompt": "{{ input }}",
        "model": "openai/gen",
        "scorers": ["helpfulness@openai/judge"],
        "golden": {"path": "golden.jsonl", "share": 0.5},
        **changes,
    }
    shell.write("eval.yaml", {key: value for key, value in content.items() if value is not None})


def test_every_run_asks_anew_and_the_history_is_read_with_its_alarm(watched: Shell, server: ModelServer) -> None:
    first = watched.ok("run", "eval.yaml", "--json").json
    (said,) = first["golden"]
    assert (said["asked"], said["right"], said["alarm"]) == (GOLDEN, GOLDEN, False)
    assert server.requests == 2 * N + GOLDEN
    before = server.requests
    second = watched.ok("run", "eval.yaml", "--json").json
    assert server.requests - before == GOLDEN, "real items come from the table, golden ones never"
    assert second["usage"]["cached"] == 2 * N
    report = watched.ok("judge", "golden", "--judge", said["version"], "--json").json
    assert (report["judge"], report["runs"], report["n_golden"]) == ("helpfulness", 2, GOLDEN)
    assert (report["accuracy"]["value"], report["accuracy"]["n"]) == (1.0, 2 * GOLDEN)
    SPOILT.append(True)
    for _ in range(5):
        spoilt = watched.ok("run", "eval.yaml", "--json").json
    assert spoilt["golden"][0]["alarm"]
    for name in ("value", "low", "high", "n"):
        assert spoilt["metrics"]["helpfulness"][name] == pytest.approx(first["metrics"]["helpfulness"][name])
    assert "accuracy on golden items fell" in watched.ok("run", "eval.yaml").out.replace("\n", " ")
    command = ("judge", "golden", "--judge", said["version"], "--fail-on-drift")
    drifted = watched(*command)
    assert drifted.status == 1
    assert "Drift: accuracy fell below" in drifted.out


def test_golden_calls_that_cost_nothing_stay_in_the_books_of_a_resumed_run(watched: Shell) -> None:
    """Items of one text are one question, asked once a run; the others are cached, and counted as such."""
    watched.rows("golden.jsonl", [{**row, "input": "the same", "output": "level-3-of-5", "answer": 3} for row in ITEMS])
    first = watched.ok("run", "eval.yaml", "--json").json
    assert first["usage"]["cached"] == GOLDEN - 1
    resumed = watched.ok("resume", first["run_id"], "--json").json
    assert resumed["usage"] == first["usage"]


def test_a_card_takes_the_golden_items_of_runs_up(watched: Shell) -> None:
    for _ in range(3):
        version = watched.ok("run", "eval.yaml", "--json").json["golden"][0]["version"]
    rows = [{"id": f"i{k}", "verdict": 1 + k % 5, "human": 1 + (k + k % 3) % 5} for k in range(40)]
    watched.rows("verdicts.jsonl", rows)
    names = ("--name", "helpfulness", "--judge-version", version)
    made = watched.ok("judge", "card", "verdicts.jsonl", *names, "--json").json
    assert made["golden"] == {"not_measured": "no golden set was given"}
    card = watched.ok("judge", "card", "helpfulness", "--json").json
    assert card["golden"]["accuracy"]["n"] == 3 * GOLDEN
    assert f"100.0% of {3 * GOLDEN} golden verdicts are right" in " ".join(card["sentences"])
    SPOILT.append(True)
    for _ in range(4):
        watched.ok("run", "eval.yaml")
    assert "golden_drift" in watched.ok("judge", "card", "helpfulness", "--json").json["flags"]
    assert "golden_drift" in watched.ok("judge", "list", "--json").json["judges"][0]["flags"]


def test_a_plan_counts_golden_items_in(watched: Shell) -> None:
    having = watched.ok("plan", "eval.yaml", "--json").json["judges"][0]["verdicts"]
    write(watched, golden=None)
    assert having == watched.ok("plan", "eval.yaml", "--json").json["judges"][0]["verdicts"] + GOLDEN


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({**ITEMS[0], "answer": 2}, "judge.golden_contradiction"),
        ({**ITEMS[0], "output": "another text"}, "judge.golden_contradiction"),
        ({"id": "x", "input": "?", "output": "a"}, "judge.golden_item"),
        ({"id": "x", "input": "?", "output": 5, "answer": 1}, "judge.golden_item"),
        ({"id": "x", "input": "?", "output": "a", "answer": "good"}, "judge.golden_answer"),
        ({"id": "x", "input": "?", "output": "a", "answer": "nan"}, "judge.golden_answer"),
    ],
)
def test_a_set_that_cannot_be_right_is_refused_before_anything_is_asked(
    watched: Shell, server: ModelServer, row: Mapping[str, Any], code: str
) -> None:
    watched.rows("golden.jsonl", [*ITEMS, row])
    refused = watched("run", "eval.yaml", "--json")
    assert refused.status != 0
    assert refused.json["error"]["code"] == code
    assert server.requests == 0


def test_an_empty_or_lonely_set_is_refused(watched: Shell) -> None:
    watched.rows("golden.jsonl", [])
    with pytest.raises(DataError):
        golden_items("golden.jsonl")
    watched.rows("golden.jsonl", ITEMS)
    write(watched, scorers=["exact_match"])
    refused = watched("run", "eval.yaml", "--json")
    assert refused.json["error"]["code"] == "judge.golden_alone"
    assert watched("judge", "golden", "--judge", "nobody", "--json").json["error"]["code"] == "judge.no_golden"
    assert watched("judge", "golden").status == 2


def test_what_a_row_holds_besides_is_metadata(watched: Shell) -> None:
    watched.rows("golden.jsonl", [{**ITEMS[0], "context": "c", "reference": "r", "metadata": {"lang": "de"}}, ITEMS[1]])
    first, _ = golden_items("golden.jsonl")
    assert (first.sample.metadata, first.sample.reference) == ({"context": "c", "lang": "de"}, "r")
