"""The Python interface: a task built in a program, runs as objects, inside and outside an event loop."""

from __future__ import annotations

import asyncio
import html
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.testing.server import Fault, ModelServer


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A server behind ``openai/…``, and an empty directory to work in."""
    for name in list(os.environ):
        if name.startswith("ASSAY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with ModelServer() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "a-key")
        yield running


def task(count: int = 10, **changes: Any) -> assay.Task:
    """Every fifth question has another answer than the server gives."""
    rows = [
        {"id": f"q{i}", "input": f"Say it.\nanswer {i}", "reference": f"answer {i}" if i % 5 else "else"}
        for i in range(count)
    ]
    parts: dict[str, Any] = {
        "name": "echo",
        "dataset": assay.Dataset.from_list(rows),
        "solver": assay.prompt("{{ input }}"),
        "scorers": [assay.scorers.ExactMatch()],
        **changes,
    }
    return assay.Task(**parts)


def test_a_task_is_run_and_its_metrics_are_estimates(server: ModelServer, tmp_path: Path) -> None:
    run = assay.run(task(), model="openai/m")
    metric = run.metrics["exact_match"]
    assert isinstance(metric, assay.Estimate)
    assert (metric.value, metric.n, metric.method) == (0.8, 10, "wilson")
    assert (run.status, run.run_id[:4]) == ("done", "run_")
    assert run.store == str(tmp_path / ".assay")
    assert run.to_dict()["metrics"]["exact_match"] == metric.to_dict()
    assert run.to_dict()["schema"] == "assay.run/1"


def test_the_documented_example_runs(server: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "tickets.jsonl").write_text('{"input": "hello", "reference": "hello"}\n' * 3)
    example = assay.Task(
        name="tickets",
        dataset=assay.Dataset.from_jsonl("tickets.jsonl"),
        solver=assay.prompt("{{ input }}"),
        scorers=[assay.scorers.ExactMatch()],
    )
    assert assay.run(example, model="openai/gpt-4o-mini", store=".assay").metrics["exact_match"].value == 1.0


def test_scores_come_as_an_arrow_table_that_others_read(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    run = assay.run(task(), model="openai/m")
    monkeypatch.chdir("/")  # the run knows its store from everywhere
    frame = pa.table(run.to_frame())
    assert frame.num_rows == 10
    assert frame.column("value").to_pylist() == [0.0, 1.0, 1.0, 1.0, 1.0] * 2
    assert frame.column("sample_id").to_pylist() == [f"q{i}" for i in range(10)]


def test_the_notebook_display_escapes_what_it_shows(server: ModelServer) -> None:
    run = assay.run(task(scorers=[assay.scorers.ExactMatch(name="<b>x")]), model="openai/<script>")
    shown = run._repr_html_()
    assert "<script>" not in shown and html.escape("openai/<script>") in shown
    assert "<b>x" not in shown
    assert "<td>0.8</td>" in shown


def test_two_runs_are_compared_and_gated(server: ModelServer) -> None:
    before = assay.run(task(40), model="openai/m")
    server.answers["answer 3"] = "lost"
    after = assay.run(task(40), model="openai/m", use_cache=False)
    comparison = assay.compare(before, after)
    difference = comparison["exact_match"].difference
    assert isinstance(difference, assay.Estimate)
    assert difference.value is not None and difference.value < 0
    assert comparison.to_dict()["metrics"]["exact_match"]["difference"] == difference.to_dict()
    assert "<table" in comparison._repr_html_()
    by_id = assay.compare(before.run_id, after.run_id, store=before.store)
    assert by_id["exact_match"].difference == difference
    decision = assay.gate(after, rules=["exact_match.low >= 0.1"])
    assert decision.verdict == "pass"
    assert assay.gate(after, rules=["noninferior(exact_match, margin=0.02)"], baseline=before).verdict != "pass"
    with pytest.raises(assay.AssayError, match="no metric 'exact_mtch'"):
        assay.gate(after, rules=["exact_mtch.low >= 0.1"])


def test_a_run_is_gone_on_with_by_the_program_that_knows_its_task(server: ModelServer) -> None:
    server.faults = lambda call: Fault.hangs() if call.index >= 6 else None
    first = assay.run(task(), model="openai/m", concurrency=1, timeout_s=0.7)
    assert (first.status, first.metrics["exact_match"].n) == ("partial", 6)
    server.faults = ()
    again = assay.run(task(), model="openai/m", resume=first.run_id)
    assert (again.run_id, again.status, again.metrics["exact_match"].n) == (first.run_id, "done", 10)
    with pytest.raises(assay.AssayError, match="dataset, selection changed"):
        assay.run(task(11), model="openai/m", resume=first.run_id)


def test_inside_an_event_loop_arun_is_the_way(server: ModelServer) -> None:
    async def program() -> tuple[assay.Run, assay.AssayError]:
        with pytest.raises(assay.AssayError) as refused:
            assay.run(task(), model="openai/m")
        first, second = await asyncio.gather(
            assay.arun(task(), model="openai/m"), assay.arun(task(name="other"), model="openai/m")
        )
        assert first.metrics == second.metrics
        return first, refused.value

    run, error = asyncio.run(program())
    assert run.status == "done"
    assert error.code == "api.running_loop" and "arun" in error.hint


def test_a_run_in_a_thread_works_although_signals_do_not_reach_it(server: ModelServer) -> None:
    runs: list[assay.Run] = []
    thread = threading.Thread(target=lambda: runs.append(assay.run(task(), model="openai/m")))
    thread.start()
    thread.join()
    assert runs[0].status == "done"


def test_a_signal_stops_every_run_of_the_program(server: ModelServer) -> None:
    server.delay_s = 0.05

    async def program() -> list[assay.Run]:
        asyncio.get_running_loop().call_later(0.3, os.kill, os.getpid(), signal.SIGINT)
        one = assay.arun(task(200), model="openai/m", concurrency=2)
        other = assay.arun(task(200, name="other"), model="openai/x", concurrency=2)
        return list(await asyncio.gather(one, other))

    assert [run.status for run in asyncio.run(program())] == ["interrupted", "interrupted"]


def test_signal_handlers_are_what_they_were(server: ModelServer) -> None:
    def mine(*_: object) -> None: ...

    before = signal.signal(signal.SIGTERM, mine)
    try:
        assay.run(task(), model="openai/m")
        assert signal.getsignal(signal.SIGTERM) is mine
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_is_wrong_is_said_before_anything_is_made(server: ModelServer, tmp_path: Path) -> None:
    with pytest.raises(assay.AssayError, match="'inptu' is undefined") as caught:
        assay.run(task(solver=assay.prompt("{{ inptu }}")), model="openai/m")
    assert caught.value.code == "prompt.undefined"
    with pytest.raises(assay.AssayError, match="no provider"):
        assay.run(task(), model="opnai/m")
    with pytest.raises(TypeError, match="limt"):
        assay.run(task(), model="openai/m", limt=3)
    with pytest.raises(assay.AssayError, match="does not exist"):
        assay.compare("run_a", "run_b")
    assert server.requests == 0
    assert not (tmp_path / ".assay").exists()


def test_rows_skipped_while_loading_are_counted(server: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"input": "a", "reference": "a"}\n{broken\n')
    loaded = assay.Dataset.from_jsonl("data.jsonl", skip_bad=True)
    run = assay.run(task(dataset=loaded), model="openai/m")
    assert run.to_dict()["samples"]["skipped"] == 1


def test_agents_and_turns_can_be_built_in_python(server: ModelServer) -> None:
    def answer(body: Any) -> Any:
        if body["messages"][-1]["role"] == "tool":
            return body["messages"][-1]["content"]
        return {"tool_calls": [{"id": "1", "name": "double", "arguments": '{"x": 21}'}]}

    server.answer = answer
    tool = assay.Tool(
        name="double",
        description="Twice x",
        parameters={"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
        run=lambda x: 2 * x,
    )
    data = assay.Dataset.from_list([{"id": "1", "input": "Twice 21?", "reference": "42"}])
    agent = task(dataset=data, solver=assay.Agent(prompt=assay.prompt("{{ input }}"), tools=[tool], max_steps=3))
    assert assay.run(agent, model="openai/m").metrics["exact_match"].value == 1.0
    server.answer = lambda body: f"heard {len(body['messages'])}"
    data = assay.Dataset.from_list([{"id": "1", "input": "A", "reference": "heard 3"}])
    turns = task(dataset=data, solver=assay.Turns(turns=["{{ input }}", "And then?"]))
    assert assay.run(turns, model="openai/m").metrics["exact_match"].value == 1.0
