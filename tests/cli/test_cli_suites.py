"""Suites: tasks × models as a graph; generation paid once, one budget, one table, a macro-average with its doubt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli_shell import Shell, questions

from assay.testing.server import Fault, ModelServer


def member(task: str, **changes: Any) -> dict[str, Any]:
    return {"task": task, "dataset": "data.jsonl", "prompt": "{{ input }}", "scorers": ["exact_match"], **changes}


def suite(shell: Shell, *tasks: Any, **changes: Any) -> str:
    whole = {"suite": "both", "tasks": list(tasks), "models": ["openai/m"], **changes}
    return str(shell.write("suite.yaml", whole))


def test_tasks_times_models_in_one_document(shell: Shell, server: ModelServer) -> None:
    shell.rows("data.jsonl", questions(20, wrong_every=4))
    file = suite(
        shell, member("one"), member("two", prompt="Again: {{ input }}"), models=["openai/m", "openai/gpt-4o-mini"]
    )
    said = shell.ok("run", file, "--json")
    document = said.json
    assert (document["schema"], document["suite"], document["status"]) == ("assay.suite/1", "both", "done")
    assert [row["node"] for row in document["runs"]] == [
        "one@openai/m",
        "one@openai/gpt-4o-mini",
        "two@openai/m",
        "two@openai/gpt-4o-mini",
    ]
    assert server.requests == 80
    for macro in document["macro"].values():
        assert macro["value"] == pytest.approx(0.75)
        assert 0 < macro["low"] < 0.75 < macro["high"] < 1
        assert macro["n"] > 0
    listed = shell.ok("runs", "--json").json["runs"]
    assert {row["suite_id"] for row in listed} == {document["suite_id"]}
    text = shell.ok("run", file).out
    table = [line for line in text.splitlines() if "  " in line]
    assert len(table) == 5 and max(map(len, table)) <= 80
    assert "macro-average of openai/m: 75.0%" in text


def test_a_call_that_two_tasks_share_is_paid_once(shell: Shell, server: ModelServer) -> None:
    server.delay_s = 0.02
    document = shell.run(suite(shell, member("one"), member("two", scorers=["token_f1"])))
    assert server.requests == 6
    used = [row["run"]["usage"] for row in document["runs"]]
    assert [usage["requests"] + usage["cached"] for usage in used] == [6, 6]
    assert sum(usage["requests"] for usage in used) == 6


def test_nodes_run_side_by_side_within_the_shared_limit(shell: Shell, server: ModelServer) -> None:
    server.delay_s = 0.05
    tasks = [member(name, prompt=f"{name} {{{{ input }}}}") for name in ("one", "two", "three")]
    shell.run(suite(shell, *tasks, limits={"concurrency": 12}))
    first_seen = [call.body["messages"][0]["content"].split()[0] for call in server.calls[:12]]
    assert len(set(first_seen)) > 1, "one task was over before the next began"
    assert 6 < server.peak_in_flight <= 12
    server.peak_in_flight = 0
    shell.run(suite(shell, *tasks, limits={"concurrency": 2}), "--no-cache")
    assert server.peak_in_flight == 2


def test_a_task_waits_for_what_it_needs(shell: Shell, server: ModelServer) -> None:
    tasks = [member("late", prompt="late {{ input }}", needs=["early"]), member("early", prompt="early {{ input }}")]
    assert shell.run(suite(shell, *tasks))["status"] == "done"
    order = [call.body["messages"][0]["content"].split()[0] for call in server.calls]
    assert order == ["early"] * 6 + ["late"] * 6


def test_a_failure_stops_only_what_depends_on_it(shell: Shell, server: ModelServer) -> None:
    server.faults = lambda call: Fault.unauthorized() if call.body["model"] == "locked" else None
    tasks = [member("first"), member("second", needs=["first"], prompt="2 {{ input }}")]
    said = shell("run", suite(shell, *tasks, models=["openai/locked", "openai/m"]), "--json")
    document = said.json
    assert (said.status, document["status"]) == (3, "partial")
    by_node = {row["node"]: row for row in document["runs"]}
    assert by_node["first@openai/locked"]["status"] == "failed"
    assert by_node["first@openai/locked"]["error"]["code"] == "provider.unauthorized"
    assert by_node["second@openai/locked"]["skipped_because"] == "first@openai/locked"
    assert by_node["second@openai/m"]["status"] == "done"
    assert document["macro"]["openai/locked"] is None
    assert document["macro"]["openai/m"]["value"] is not None
    text = shell("run", suite(shell, *tasks, models=["openai/locked", "openai/m"])).out
    assert "first@openai/locked: error[provider.unauthorized]" in text
    assert "second@openai/locked: not run, because first@openai/locked did not end well" in text
    assert "macro-average of openai/locked: not given" in text


def test_the_budget_is_the_suites(priced: Shell, server: ModelServer) -> None:
    """Twelve calls of two dollars and nine dollars: four are made, whoever makes them."""
    file = suite(
        priced,
        member("one", generate={"max_tokens": 2}),
        member("two", prompt="2 {{ input }}", generate={"max_tokens": 2}),
    )
    said = priced("run", file, "--budget-usd", "9", "--json")
    document = said.json
    assert (said.status, document["status"]) == (3, "partial")
    assert server.requests == 4
    spent = [row["run"]["usage"]["cost_usd"] for row in document["runs"]]
    assert sum(spent) == 8.0
    for row in document["runs"]:
        resumed = priced("resume", row["run"]["run_id"], "--json")
        assert (resumed.status, resumed.json["status"]) == (3, "budget")
    assert server.requests == 4  # resuming one run does not find the others' money
    ended = [priced.ok("resume", row["run"]["run_id"], "--budget-usd", "20", "--json").json for row in document["runs"]]
    assert [run["status"] for run in ended] == ["done", "done"]
    assert server.requests == 12


def test_a_budget_in_the_file_counts_and_an_expensive_suite_is_refused(priced: Shell, server: ModelServer) -> None:
    tasks = [member("one", generate={"max_tokens": 2}), member("two", prompt="2 {{ input }}")]
    document = priced.run(suite(priced, *tasks, limits={"budget_usd": 5, "concurrency": 3}))
    assert document["status"] == "partial"
    assert server.requests == 2
    said = priced("run", suite(priced, *tasks))
    assert (said.status, said.code) == (3, "run.unconfirmed")
    assert server.requests == 2


def test_the_time_limit_is_the_suites(shell: Shell, server: ModelServer) -> None:
    server.faults = lambda call: Fault.hangs() if "slow" in json.dumps(call.body) else None
    tasks = [member("slow", prompt="slow {{ input }}"), member("next", needs=["quick"]), member("quick", prompt="q")]
    document = shell.run(suite(shell, *tasks), "--timeout", "1")
    assert [row["status"] for row in document["runs"]] == ["partial", "done", "done"]
    assert document["seconds"] < 5


@pytest.mark.parametrize(
    ("tasks", "code", "near"),
    [
        ([], "config.invalid", "tasks"),
        ([member("one"), member("one")], "config.invalid", "one name"),
        ([member("one", needs=["tow"]), member("two")], "config.invalid", "did you mean 'two"),
        ([member("one", needs=["two"]), member("two", needs=["one"])], "suite.circle", "wait for each other"),
        ([member("one", datset="x")], "config.unknown_key", "did you mean 'dataset'"),
        (["nothing.yaml"], "file.not_found", "nothing.yaml"),
        (["gsm9k"], "task.unknown", "did you mean 'gsm8k'"),
        ([member("one", scorers=["exact_macth"])], "scorer.unknown", "did you mean 'exact_match'"),
    ],
)
def test_a_suite_with_a_mistake_is_refused_before_any_call(
    shell: Shell, server: ModelServer, tasks: list[Any], code: str, near: str
) -> None:
    said = shell("run", suite(shell, *tasks))
    assert (said.status, said.code) == (3, code)
    assert near in said.err
    assert "TaskFile" not in said.err
    assert server.requests == 0
    assert shell.ok("runs", "--json").json == {"runs": []}


def test_options_that_cannot_apply_to_a_suite_are_refused(shell: Shell, server: ModelServer) -> None:
    assert shell("run", suite(shell, member("one")), "--option", "shots=1").code == "config.no_benchmark"
    assert shell("plan", suite(shell, member("one"))).code == "config.is_suite"
    assert server.requests == 0


def test_the_flags_of_a_run_reach_every_member(shell: Shell, server: ModelServer) -> None:
    shell.write("data.jsonl", (shell.directory / "data.jsonl").read_text() + "{broken\n")
    document = shell.run(suite(shell, member("one"), member("two", limit=4)), "--limit", "3", "--skip-bad")
    assert [row["run"]["samples"]["planned"] for row in document["runs"]] == [3, 3]
    assert [row["run"]["samples"]["skipped"] for row in document["runs"]] == [1, 1]
    document = shell.run(suite(shell, member("one"), member("two", limit=4)), "--model", "openai/x", "--skip-bad")
    assert [row["run"]["samples"]["planned"] for row in document["runs"]] == [6, 4]
    assert {row["model"] for row in document["runs"]} == {"openai/x"}
