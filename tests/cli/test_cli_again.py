"""The same run again: resumed, reproduced, from the cache, without it; what the manifest states."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from cli_shell import Shell, questions

from assay.engine import run as engine_run
from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """A run's document without what two executions cannot share."""
    left = {key: value for key, value in document.items() if key not in ("run_id", "seconds")}
    left["usage"] = {key: value for key, value in document["usage"].items() if key != "retries"}
    return left


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("position", range(4))
def test_a_resumed_run_has_the_summary_and_usage_of_an_undisturbed_one(
    priced: Shell, server: ModelServer, monkeypatch: pytest.MonkeyPatch, epochs: int, position: int
) -> None:
    """The run dies before each of its steps; its generation after some items."""
    priced.rows("data.jsonl", questions(10))
    task = priced.task(epochs=epochs, scorers=["exact_match", "token_f1"], limits={"concurrency": 3})
    calm = priced.run(task, "--store", "calm")

    step = engine_run.STEPS[position]

    async def dies(state: engine_run.RunState) -> None:
        if step is engine_run.work:
            taken = iter(range(7))
            state.observer.item = lambda item: next(taken)  # type: ignore[method-assign]
            await step(state)
        raise KeyError("killed")

    monkeypatch.setattr(engine_run, "STEPS", (*engine_run.STEPS[:position], dies, *engine_run.STEPS[position + 1 :]))
    with pytest.raises((KeyError, RuntimeError, StopIteration)):
        priced("run", task)
    monkeypatch.undo()
    monkeypatch.chdir(priced.directory)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    resumed = priced.ok("resume", "last", "--json").json
    assert comparable(resumed) == comparable(calm)
    in_flight = 2 if step is engine_run.work else 0  # the other workers' calls, whose replies nobody read
    assert 0 <= server.requests - 2 * 10 * epochs <= in_flight, "every prompt once for each store"


def test_resuming_a_run_that_is_done_changes_and_asks_nothing(shell: Shell, server: ModelServer) -> None:
    document = shell.run(shell.task(epochs=2))
    assert server.requests == 12
    again = shell.ok("resume", "last", "--json").json
    assert comparable(again) == comparable(document)
    assert again["run_id"] == document["run_id"]
    assert server.requests == 12


def test_a_changed_dataset_is_not_mixed_into_a_run(shell: Shell) -> None:
    shell.ok("run", shell.task())
    shell.rows("data.jsonl", questions(7))
    said = shell("resume", "last")
    assert (said.status, said.code) == (3, "run.changed")
    assert "dataset" in said.err


def test_the_same_run_again_is_answered_from_the_cache(shell: Shell, server: ModelServer) -> None:
    task = shell.task()
    first, second = shell.run(task), shell.run(task)
    assert server.requests == 6
    assert (second["usage"]["requests"], second["usage"]["cached"], second["usage"]["cost_usd"]) == (0, 6, 0.0)
    assert second["metrics"] == first["metrics"]
    assert second["manifest"] == first["manifest"]


def test_no_cache_really_calls_again(shell: Shell, server: ModelServer) -> None:
    task = shell.task()
    shell.ok("run", task)
    again = shell.run(task, "--no-cache")
    assert server.requests == 12
    assert (again["usage"]["requests"], again["usage"]["cached"]) == (6, 0)
    shell.ok("resume", "last")
    assert server.requests == 12  # its own replies are its own


def test_a_cache_can_be_shared_between_stores(
    shell: Shell, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_CACHE", "shared.db")
    task = shell.task()
    shell.ok("run", task, "--store", "one")
    assert shell.run(task, "--store", "two")["usage"]["cached"] == 6
    assert server.requests == 6


def test_reproduce_says_equal_or_where_it_differs(shell: Shell, server: ModelServer) -> None:
    original = shell.run(shell.task(epochs=2))["run_id"]
    equal = shell.ok("reproduce", original, "--json").json
    assert (equal["equal"], equal["first_difference"], equal["original"]) == (True, None, original)
    assert equal["run_id"] != original
    assert server.requests == 24  # it asked again
    server.answers["answer 4"] = "something else"
    said = shell("reproduce", original, "--json")
    assert said.status == 1
    first = said.json["first_difference"]
    assert (first["sample_id"], first["epoch"], first["scorer"]) == ("q4", 0, "exact_match")
    assert (first["original"]["value"], first["again"]["value"]) == (1.0, 0.0)
    assert "first at sample q4" in shell("reproduce", original).out
    asked = server.requests
    assert shell.ok("reproduce", original, "--from-cache", "--json").json["equal"] is True
    assert server.requests == asked


def test_epochs_are_separate_calls_with_their_own_seeds(shell: Shell, server: ModelServer) -> None:
    shell.run(shell.task(epochs=3, generate={"seed": 5}))
    assert sorted({body["seed"] for body in server.bodies}) == [5, 6, 7]
    assert server.requests == 18


def test_a_limit_draws_a_seeded_sample_and_the_manifest_says_so(shell: Shell, server: ModelServer) -> None:
    shell.rows("data.jsonl", questions(100))
    task = shell.task()

    def drawn(*options: str) -> list[str]:
        document = shell.run(task, *options)
        assert document["samples"]["planned"] == len(shell.items())
        return [item["sample"]["id"] for item in shell.items()]

    ten = drawn("--limit", "10")
    assert shell.ok("show", "last", "--json").json["manifest_document"]["selection"] == {
        "limit": 10,
        "seed": 0,
        "samples": 10,
    }
    assert ten != [f"q{i}" for i in range(10)]  # not the first ten
    assert drawn("--limit", "10") == ten
    assert drawn("--limit", "10", "--seed", "1") != ten
    assert set(ten) <= set(drawn("--limit", "20"))
    from_file = shell.task("small.yaml", limit=10, seed=1)
    assert shell.run(from_file)["samples"]["planned"] == 10
    assert shell.run(from_file, "--limit", "3", "--seed", "0")["samples"]["planned"] == 3
    manifest = shell.ok("show", "last", "--json").json["manifest_document"]
    assert manifest["selection"]["seed"] == 0  # the flag's, though the file says 1


def test_critical_samples_are_never_sampled_away_and_weigh_what_they_weigh(shell: Shell) -> None:
    """40 ordinary questions all answered well, 10 critical ones all wrong: the dataset's truth is 80 %."""
    ordinary = [{"id": f"o{i}", "input": f"yes {i}", "reference": f"yes {i}"} for i in range(40)]
    critical = [{"id": f"c{i}", "input": f"no {i}", "reference": "other", "critical": True} for i in range(10)]
    shell.rows("data.jsonl", [*ordinary, *critical])
    task = shell.task()
    document = shell.run(task, "--limit", "5")
    assert document["samples"]["planned"] == 15  # five drawn, and every critical one
    assert document["metrics"]["exact_match"]["value"] == pytest.approx(0.8)
    stratum = next(part for part in document["segments"] if part["key"] == "critical")
    assert (stratum["metrics"]["exact_match"]["value"], stratum["metrics"]["exact_match"]["n"]) == (0.0, 10)
    assert shell.run(task)["metrics"]["exact_match"]["value"] == pytest.approx(0.8)


def test_pass_at_k_and_segments_in_a_task_file(shell: Shell, server: ModelServer) -> None:
    """Each prompt is answered well in one of three epochs: pass@1 is 1/3, pass@2 2/3, pass@3 1, pass^2 0."""
    turn = itertools.count()
    server.answer = lambda body: "yes" if next(turn) % 3 == 0 else "no"
    shell.rows(
        "data.jsonl",
        [{"id": str(i), "input": f"Q{i}", "reference": "yes", "topic": "a" if i < 2 else "b"} for i in range(4)],
    )
    task = shell.task(
        epochs=3,
        metrics={"exact_match": ["pass@1", "pass@2", "pass@3", "pass^2"]},
        segments=["topic"],
        limits={"concurrency": 1},
    )
    metrics = shell.run(task)["metrics"]
    values = {name: metrics[name]["value"] for name in metrics}
    assert values == pytest.approx({"exact_match": 1 / 3, "pass@1": 1 / 3, "pass@2": 2 / 3, "pass@3": 1, "pass^2": 0})
    assert {metric["n"] for metric in metrics.values()} == {4}  # samples, not calls
    segments = shell.ok("show", "last", "--json").json["segments"]
    assert [(part["key"], part["value"], part["metrics"]["exact_match"]["n"]) for part in segments] == [
        ("topic", "a", 2),
        ("topic", "b", 2),
    ]


def test_a_store_can_be_read_while_a_run_writes_into_it(shell: Shell, server: ModelServer) -> None:
    server.delay_s = 0.02
    shell.rows("data.jsonl", questions(40))
    child = shell.start("run", shell.task(limits={"concurrency": 2}))
    assert child.stderr is not None
    run_id = child.stderr.readline().split()[1].rstrip(":")
    seen = set[str]()
    while child.poll() is None:
        seen.add(shell.ok("runs", "--json").json["runs"][0]["status"])
        shell.ok("show", run_id)
        shell.ok("export", run_id)
    _, err = child.communicate()
    assert (child.returncode, err) == (0, "")
    assert "running" in seen
    assert shell.ok("show", run_id, "--json").json["samples"]["scored"] == 40
