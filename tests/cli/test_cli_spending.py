"""Limits of spending in assay.yaml: they hold for runs side by side, and for a resumed run of a suite."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import yaml
from cli_shell import Shell, questions

from assay.app.cost import month_forecast
from assay.testing.server import ModelServer

CALL_USD = 2.0


def spending(shell: Shell, usd_per_day: float) -> None:
    settings = yaml.safe_load((shell.directory / "assay.yaml").read_text(encoding="utf-8"))
    shell.write("assay.yaml", {**settings, "spending": {"usd_per_day": usd_per_day}})


def spent(shell: Shell) -> float:
    return float(shell("cost", "--json").json["limits"][0]["spent_usd"])


def member(task: str, **changes: Any) -> dict[str, Any]:
    generate = {"max_tokens": 2}
    return {"task": task, "dataset": "data.jsonl", "prompt": f"{task} {{{{ input }}}}", "scorers": ["exact_match"],
            "generate": generate, **changes}  # fmt: skip


@pytest.mark.slow
def test_runs_side_by_side_keep_to_the_limit_of_the_day_together(priced: Shell, server: ModelServer) -> None:
    server.delay_s = 0.05
    priced.rows("data.jsonl", questions(80))
    spending(priced, 80.0)
    files = [priced.task(f"{name}.yaml", prompt=f"{name} {{{{ input }}}}", task=name) for name in "abc"]
    running = [priced.start("run", file, "--yes", "--concurrency", "2", "--json") for file in files]
    for process in running:
        process.communicate(timeout=60)
    assert [process.returncode for process in running] == [3, 3, 3]
    in_flight = CALL_USD * 2 * (len(files) - 1)
    assert 80.0 - 3 * CALL_USD <= spent(priced) <= 80.0 + 2 * in_flight  # in flight, and answered between two looks


def test_a_resumed_run_of_a_suite_keeps_to_the_limits(priced: Shell, server: ModelServer) -> None:
    suite = {"suite": "both", "tasks": [member("one"), member("two")], "models": ["openai/m"]}
    priced.write("suite.yaml", suite)
    document = priced("run", "suite.yaml", "--budget-usd", "9", "--json").json
    assert (document["status"], server.requests) == ("partial", 4)
    runs = [row["run"]["run_id"] for row in document["runs"]]
    spending(priced, 11.0)
    resumed = priced("resume", runs[0], "--budget-usd", "100", "--json")
    assert (resumed.status, resumed.json["status"], spent(priced)) == (3, "budget", 10.0)
    spending(priced, 10.0)
    refused = priced("resume", runs[1], "--budget-usd", "100", "--json")
    assert (refused.status, refused.code, server.requests) == (3, "cost.limit_reached", 5)
    spending(priced, 1000.0)
    resumed = priced("resume", runs[1], "--json")
    assert (resumed.json["status"], spent(priced)) == ("budget", 10.0), "the suite's own budget is gone, too"


JUDGED = {"model": "openai/m", "scorers": ["exact_match", "helpfulness@openai/judge"]}


@pytest.fixture
def judged(shell: Shell) -> Shell:
    """A shell whose answers cost a dollar a token, and whose judge costs ten."""
    models = {
        "openai/m": {"price": {"input": 0, "output": 1e6}},
        "openai/judge": {"price": {"input": 0, "output": 1e7}},
    }
    shell.write("assay.yaml", {"confirm_above_usd": 1e9, "models": models})
    shell.task(**JUDGED)
    return shell


def test_a_judge_among_the_scorers_is_booked_under_its_name(judged: Shell) -> None:
    run = judged("run", "eval.yaml", "--json").json
    paid = {model: counts["cost_usd"] for model, counts in run["usage"]["by_model"].items()}
    rows = judged("cost", "--by", "evaluator", "--json").json["rows"]
    assert {row["evaluator"]: row["cost_usd"] for row in rows} == {
        "helpfulness (openai/judge)": pytest.approx(paid["openai/judge"]),
        "(none)": pytest.approx(paid["openai/m"]),
    }
    rows = judged("cost", "--by", "tier", "--json").json["rows"]
    assert {row["tier"] for row in rows} == {"every sample", "generation"}


def test_two_judges_of_one_model_share_what_it_was_paid(judged: Shell) -> None:
    judged.task(model="openai/judge", scorers=["helpfulness@openai/judge", "coherence@openai/judge"])
    run = judged("run", "eval.yaml", "--json").json
    rows = judged("cost", "--by", "evaluator", "--json").json["rows"]
    assert len(rows) == 3
    assert sum(row["cost_usd"] for row in rows) == pytest.approx(run["usage"]["cost_usd"])


def with_limit(shell: Shell, usd_per_day: float, **more: Any) -> None:
    settings = yaml.safe_load((shell.directory / "assay.yaml").read_text(encoding="utf-8"))
    shell.write("assay.yaml", {**settings, "spending": {"usd_per_day": usd_per_day, **more}})


def test_a_run_and_a_plan_say_that_a_limit_is_near(priced: Shell) -> None:
    with_limit(priced, 14.0)  # a run of six answers costs 12
    task = priced.task()
    plan = priced("plan", task, "--json")
    assert "this may cost up to $12" in plan.json["notes"][0]
    assert "note: this may cost" in plan.err
    said = priced("run", task, "--json")
    assert said.status == 0
    assert "the day's limit is nearly reached: $12 of $14 are spent" in said.json["notes"]
    assert said.err.count("nearly reached: $12 of $14") == 1
    again = priced("plan", task, "--limit", "1", "--json")
    assert again.json["notes"] == ["the day's limit is nearly reached: $12 of $14 are spent"]


def test_below_the_alert_level_nothing_is_said(priced: Shell) -> None:
    with_limit(priced, 100.0)
    task = priced.task()
    assert priced("plan", task, "--json").json["notes"] == []
    said = priced("run", task, "--json")
    assert (said.json["notes"], "limit" in said.err) == ([], False)


def test_a_budget_that_buys_no_verdict_is_said_before_the_answers_are_paid(judged: Shell) -> None:
    plan = judged("plan", "eval.yaml", "--budget-usd", "100", "--json").json
    assert plan["notes"][0].startswith("the budget of $100.00 cannot buy one verdict of helpfulness (every sample)")
    said = judged("run", "eval.yaml", "--budget-usd", "100", "--json")
    assert "note: the budget of $100.00 cannot buy one verdict" in said.err
    assert plan["notes"][0] in said.json["notes"]
    assert judged("plan", "eval.yaml", "--budget-usd", "100000", "--json").json["notes"] == []


def test_in_a_terminal_a_budget_that_buys_no_verdict_is_asked_about(
    judged: Shell, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", lambda text, err: "cannot buy one verdict" not in text)
    said = judged("run", "eval.yaml", "--budget-usd", "100")
    assert (said.status, server.requests) == (130, 0)


def test_without_max_tokens_a_plan_calls_nothing_at_most(priced: Shell) -> None:
    loose = priced.ok("plan", priced.task(generate=None)).out
    assert "output tokens, about" in loose
    assert "cost, about" in loose
    assert loose.count("(at 512 tokens a reply)") == 2
    tight = priced.ok("plan", priced.task()).out
    assert "output tokens, at most" in tight
    assert "cost, at most" in tight
    document = priced.ok("plan", priced.task(generate=None), "--json").json
    assert (document["bounded"], document["reply_tokens"]) == (False, 512)


def test_the_forecast_of_the_month_has_an_interval_from_three_days_on() -> None:
    few = month_forecast({"2026-03-08": 1.0, "2026-03-09": 2.0}, date(2026, 3, 10))["month_usd"]
    assert (few["value"], few["low"]) == (pytest.approx(3 + 21 * 1.5), None)
    assert few["reason"] == "fewer than 3 days were seen"
    spent = {"2026-03-07": 2.0, "2026-03-08": 1.0, "2026-03-09": 3.0}
    more = month_forecast(spent, date(2026, 3, 10))["month_usd"]
    assert (more["value"], more["method"], more["n"]) == (pytest.approx(6 + 21 * 2.0), "t-prediction", 3)
    assert more["low"] == 6.0 < more["value"] < more["high"]  # what is spent stays spent
    assert month_forecast({}, date(2026, 3, 31))["month_usd"]["value"] == 0.0
