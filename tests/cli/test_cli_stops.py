"""A run that is stopped (Ctrl-C, budget, time, outage) prints what it has, keeps it, and can be gone on with."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_shell import Shell, questions

from assay.testing.server import Call, Fault, ModelServer

pytestmark = pytest.mark.slow


def wait_for_requests(server: ModelServer, count: int) -> None:
    deadline = time.monotonic() + 20
    while server.requests < count:
        assert time.monotonic() < deadline, "the command never got to its calls"
        time.sleep(0.01)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_prints_and_keeps_what_is_there(shell: Shell, server: ModelServer, signum: int) -> None:
    server.delay_s = 0.05
    shell.rows("data.jsonl", questions(60))
    task = shell.task(limits={"concurrency": 4})
    child = shell.start("run", task, "--json")
    wait_for_requests(server, 12)
    child.send_signal(signum)
    out, err = child.communicate()
    assert (child.returncode, err) == (130, "")
    document = json.loads(out)
    assert document["status"] == "interrupted"
    scored = document["samples"]["scored"]
    assert 8 <= scored < 60
    assert document["samples"]["by_reason"] == {"not_run:interrupted": 60 - scored}
    assert document["metrics"]["exact_match"]["n"] == scored
    assert document["usage"]["requests"] == scored
    assert len(shell.items()) == scored  # an interrupted run can be read
    asked, server.delay_s = server.requests, 0.0
    resumed = shell.ok("resume", "last", "--json").json
    assert (resumed["status"], resumed["samples"]["scored"]) == ("done", 60)
    assert resumed["run_id"] == document["run_id"]
    assert server.requests - asked == 60 - scored


def test_ctrl_c_stops_every_run_of_a_suite(shell: Shell, server: ModelServer) -> None:
    server.delay_s = 0.05
    shell.rows("data.jsonl", questions(60))
    later = {**read(shell.task("c.yaml", task="later", prompt="C {{ input }}")), "needs": ["one"]}
    shell.write(
        "suite.yaml",
        {
            "tasks": [
                str(shell.task("a.yaml", task="one", prompt="A {{ input }}")),
                str(shell.task("b.yaml", task="two", prompt="B {{ input }}")),
                later,
            ],
            "limits": {"concurrency": 4},
        },
    )
    child = shell.start("run", "suite.yaml", "--json")
    wait_for_requests(server, 16)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate()
    assert (child.returncode, err) == (130, "")
    document = json.loads(out)
    assert document["status"] == "interrupted"
    assert [row["status"] for row in document["runs"]] == ["interrupted", "interrupted", "skipped"]
    asked, server.delay_s = server.requests, 0.0
    scored = sum(row["run"]["samples"]["scored"] for row in document["runs"][:2])
    for row in document["runs"][:2]:
        assert shell.ok("resume", row["run"]["run_id"], "--json").json["samples"]["scored"] == 60
    assert server.requests - asked == 120 - scored


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def test_a_budget_is_never_exceeded_and_a_larger_one_completes_the_run(priced: Shell, server: ModelServer) -> None:
    said = priced("run", priced.task(), "--budget-usd", "7")  # a call costs two dollars: three fit
    assert said.status == 3
    assert "· budget" in said.out and "3 of 6 samples scored" in said.out and "$6.00" in said.out
    assert "assay resume run_" in said.err
    assert server.requests == 3
    document = priced.ok("show", "last", "--json").json
    assert (document["status"], document["usage"]["cost_usd"]) == ("budget", 6.0)
    assert document["samples"]["by_reason"] == {"not_run:budget": 3}

    still = priced("resume", "last", "--json")  # the same limit: nothing more is payable
    assert (still.status, still.json["status"], server.requests) == (3, "budget", 3)
    ended = priced.ok("resume", "last", "--budget-usd", "12", "--json").json
    assert (ended["status"], ended["samples"]["scored"], ended["usage"]["cost_usd"]) == ("done", 6, 12.0)
    assert server.requests == 6


def test_a_budget_too_small_for_one_call_sends_none(priced: Shell, server: ModelServer) -> None:
    said = priced("run", priced.task(), "--budget-usd", "1.99", "--json")
    assert (said.status, said.json["status"], server.requests) == (3, "budget", 0)
    assert said.json["metrics"]["exact_match"]["value"] is None
    assert said.json["metrics"]["exact_match"]["reason"]


def test_a_time_limit_ends_the_run_with_what_it_has(shell: Shell, server: ModelServer) -> None:
    server.faults = lambda call: Fault.hangs() if call.index >= 4 else None
    said = shell("run", shell.task(limits={"concurrency": 1}), "--timeout", "0.7", "--json")
    document = said.json
    assert (said.status, document["status"]) == (3, "partial")
    assert document["samples"]["by_reason"] == {"not_run:timeout": 2}
    assert document["metrics"]["exact_match"]["n"] == 4
    server.faults = ()
    assert shell.ok("resume", "last", "--json").json["samples"]["scored"] == 6


def test_an_outage_degrades_the_run_and_resume_waits_for_its_end(
    shell: Shell, server: ModelServer, impatient: None
) -> None:
    shell.rows("data.jsonl", questions(30))
    server.faults = lambda call: Fault.server_error() if call.index >= 10 else None
    task = shell.task(limits={"concurrency": 2}, scorers=["exact_match", "latency"])
    said = shell("run", task, "--json")
    document = said.json
    assert (said.status, document["status"]) == (3, "degraded")
    assert document["metrics"]["exact_match"]["n"] == 10
    assert set(document["samples"]["by_reason"]) <= {"unavailable", "provider_error"}
    assert sum(document["samples"]["by_reason"].values()) == 20

    back = server.requests + 3
    server.faults = lambda call: Fault.server_error() if call.index < back else None
    ended = shell.ok("resume", "last", "--wait", "--json").json
    assert (ended["status"], ended["samples"]["scored"], ended["samples"]["failed"]) == ("done", 30, 0)
    answered = [call for call in server.calls if call.index < 10 or call.index >= back]
    assert len([call for call in answered if call.body["messages"][-1]["content"] != "ping"]) == 30


def test_scorers_that_need_no_model_go_on_during_an_outage(shell: Shell, server: ModelServer) -> None:
    """Outputs are there: a run over recorded ones does not notice that every provider is down."""
    server.faults = lambda call: Fault.server_error()
    rows = [{"id": row["id"], "output": row["reference"]} for row in questions(6)]
    recorded = shell.rows("outputs.jsonl", rows)
    assert shell.run(shell.task(model=f"replay:{recorded}"))["metrics"]["exact_match"]["value"] == 1.0
    assert server.requests == 0


def test_a_fallback_model_is_counted_and_kept_out_of_the_estimate(
    shell: Shell, server: ModelServer, impatient: None
) -> None:
    shell.rows("data.jsonl", questions(20, wrong_every=4))
    shell.write("assay.yaml", {"models": {"openai/m": {"fallback_models": ["openai/spare"]}}})

    def main_goes_down(call: Call) -> Fault | None:
        return Fault.server_error() if call.body["model"] == "m" and call.index >= 8 else None

    server.faults = main_goes_down
    task = shell.task(limits={"concurrency": 1})
    said = shell("run", task, "--json")
    document = said.json
    assert (said.status, document["status"]) == (3, "degraded")
    # five calls fail before the breaker opens; from then on the spare answers
    assert document["samples"]["by_reason"] == {"provider_error": 5, "degraded": 7}
    assert (document["samples"]["failed"], document["samples"]["degraded"]) == (5, 7)
    assert document["metrics"]["exact_match"]["n"] == 8
    assert "spare answered instead" in document["samples"]["causes"]["degraded"]
    assert "--include-degraded" in shell.ok("show", "last").out

    counted = shell.run(task, "--include-degraded", "--no-cache")
    assert counted["samples"]["degraded"] == 15  # the main model never came back
    assert counted["metrics"]["exact_match"]["n"] == 15
    assert counted["status"] == "degraded"
