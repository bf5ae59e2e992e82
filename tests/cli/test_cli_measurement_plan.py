"""A measurement plan: written from a task, carried out once at its full size, and what departs from it is said."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from cli_shell import Shell, questions

from assay.app.measurement_plan import PlanFile, needed_samples
from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow

RULE = "exact_match.low >= 0.1"


def planned(shell: Shell, *arguments: str, samples: int = 30) -> dict[str, Any]:
    """A task of so many questions and its plan; the plan's content."""
    shell.rows("data.jsonl", questions(samples))
    shell.task()
    shell.ok("new", "plan", "echoes", "--task", "eval.yaml", "--primary", RULE, *arguments)
    content: dict[str, Any] = yaml.safe_load((shell.directory / "plan.yaml").read_text(encoding="utf-8"))
    return content


def change(shell: Shell, **changes: Any) -> None:
    path = shell.directory / "plan.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    shell.write("plan.yaml", {key: value for key, value in {**content, **changes}.items() if value is not None})


def carried_out(shell: Shell, *arguments: str) -> tuple[int, dict[str, Any]]:
    said = shell("run", "plan.yaml", *arguments, "--json")
    document: dict[str, Any] = said.json
    assert document["schema"] == "assay.plan_run/1", document
    return said.status, document


def test_a_plan_is_written_from_its_task_and_kept(shell: Shell) -> None:
    content = planned(shell)
    assert (content["samples"], content["stopping"], content["calibration"]) == (30, "fixed", "none")
    assert content["design"] == {"std_dev": 0.5, "half_width": 0.179}
    assert set(content["versions"]) == {"exact_match"}
    status, document = carried_out(shell)
    assert (status, document["decision"]["verdict"], document["kept"]) == (0, "pass", True)
    assert document["samples"] == {"planned": 30, "drawn": 30, "scored": 30}
    assert (document["departures"], document["notes"]) == ([], [])
    assert shell("schema", "plan").json["title"] == "PlanFile"
    text = shell.ok("run", "plan.yaml").out
    assert text.rstrip().endswith("plan echoes: pass: the plan was kept.")
    assert max(map(len, text.splitlines())) <= 80


def test_a_plan_draws_as_many_samples_as_it_says(shell: Shell) -> None:
    content = planned(shell, "--half-width", "0.3", samples=30)
    assert content["samples"] == 11
    assert carried_out(shell)[1]["samples"] == {"planned": 11, "drawn": 11, "scored": 11}


def test_all_rules_decide_and_a_plan_that_fails_ends_with_1(shell: Shell) -> None:
    planned(shell, "--guardrail", "exact_match.low >= 0.99")
    status, document = carried_out(shell)
    assert (status, document["decision"]["verdict"], document["kept"]) == (1, "fail", True)
    assert [rule["verdict"] for rule in document["decision"]["rules"]] == ["pass", "fail"]


@pytest.mark.parametrize(
    "arguments",
    [("--limit", "5"), ("--seed", "3"), ("--option", "a=1"), ("--skip-bad",), ("--include-degraded",),
     ("--model", "openai/other"), ("--model", "openai/m", "--model", "openai/n")],
)  # fmt: skip
def test_nothing_that_was_planned_is_changed_on_the_command_line(
    shell: Shell, server: ModelServer, arguments: tuple[str, ...]
) -> None:
    planned(shell)
    said = shell("run", "plan.yaml", *arguments)
    assert (said.status, said.code, server.requests) == (3, "plan.departs", 0)


def test_a_run_that_did_not_end_is_not_decided_and_goes_on_from_its_answers(priced: Shell) -> None:
    planned(priced)
    status, document = carried_out(priced, "--budget-usd", "20")
    assert (status, document["decision"], document["kept"]) == (3, None, False)
    assert "Not decided" in document["sentence"]
    assert document["samples"]["scored"] < 30
    status, document = carried_out(priced, "--yes")
    assert (status, document["kept"]) == (0, True)
    assert document["run"]["usage"]["cached"] > 0


def test_the_smaller_budget_holds(priced: Shell) -> None:
    planned(priced, "--budget-usd", "10")
    assert carried_out(priced, "--budget-usd", "500")[1]["decision"] is None
    assert carried_out(priced, "--yes")[1]["decision"] is None


def test_what_changed_since_the_plan_was_written_is_said(shell: Shell) -> None:
    planned(shell)
    shell.task(scorers=[{"use": "exact_match", "ignore_articles": True}])
    shell.rows("data.jsonl", questions(31))
    status, document = carried_out(shell)
    assert (status, document["decision"]["verdict"], document["kept"]) == (1, "pass", False)
    version, data = document["departures"]
    assert version.startswith("exact_match is version")
    assert "samples of" in data
    assert "no confirmation" in document["sentence"]
    change(shell, versions={"gone": "1"}, dataset=None)
    assert any("does not have it any more" in one for one in carried_out(shell)[1]["departures"])


def test_samples_without_a_score_are_a_departure(shell: Shell) -> None:
    rows = questions(30)
    del rows[4]["reference"]
    planned(shell)
    shell.rows("data.jsonl", rows)
    change(shell, dataset=None)
    _, document = carried_out(shell)
    assert document["decision"] is not None
    assert document["departures"] == ["29 of 30 planned samples are scored (1 × sample has no reference)"]


def test_a_plan_changed_after_its_decision_and_a_second_try_are_said(shell: Shell) -> None:
    planned(shell)
    first = carried_out(shell)[1]["run"]["run_id"]
    assert carried_out(shell)[1]["notes"] == []  # the same run, replayed
    shell.task(prompt="Again. {{ input }}")
    status, document = carried_out(shell)
    assert (status, document["kept"]) == (0, True)
    assert "decided 2 times before" in document["notes"][0]
    change(shell, primary="exact_match.low >= 0.05")
    status, document = carried_out(shell)
    assert status == 1
    assert "the plan was changed after run" in document["departures"][0]
    assert first not in document["departures"][0]


def test_a_stopping_rule_is_the_task_s(shell: Shell) -> None:
    planned(shell)
    change(shell, stopping="half_width <= 0.02")
    assert shell("run", "plan.yaml").code == "plan.unfit"
    change(shell, stopping="when it looks good")
    assert shell("run", "plan.yaml").code == "config.invalid"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"samples": 3_000}, "plan.unfit"),
        ({"samples": 5}, "config.invalid"),  # too few for the design
        ({"primary": "exact_mach.low >= 0.1"}, "metric.unknown"),
        ({"primary": "exact_match.value >= 0.1"}, "config.invalid"),
        ({"guardrails": ["noninferior(exact_match, margin=0.02)"]}, "config.invalid"),
        ({"guardrails": ["noninferior(exact_match, margin=0.02)"], "baseline": "run_none"}, "run.unknown"),
        ({"segments": ["colour"]}, "plan.unfit"),
        ({"calibration": "map"}, "plan.unfit"),
        ({"task": "none.yaml"}, "file.not_found"),
        ({"smaples": 3}, "config.unknown_key"),
        ({"design": {"std_dev": 0.5}}, "config.invalid"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused_before_a_call(
    shell: Shell, server: ModelServer, changes: dict[str, Any], code: str
) -> None:
    planned(shell)
    change(shell, **changes)
    said = shell("run", "plan.yaml")
    assert (said.status, said.code, server.requests) == (3, code, 0), said.err


def test_a_judge_without_a_card_is_refused_where_the_plan_asks_for_one(shell: Shell, server: ModelServer) -> None:
    shell.task(scorers=["exact_match", "helpfulness@openai/m"])
    shell.ok("new", "plan", "echoes", "--task", "eval.yaml", "--primary", RULE)
    content = yaml.safe_load((shell.directory / "plan.yaml").read_text(encoding="utf-8"))
    assert content["calibration"] == "card"
    assert set(content["versions"]) == {"exact_match", "helpfulness"}
    said = shell("run", "plan.yaml")
    assert (said.code, server.requests) == ("plan.no_card", 0)


def test_a_plan_compares_with_the_baseline_it_names(shell: Shell) -> None:
    shell.rows("data.jsonl", questions(30))
    shell.task()
    baseline = shell.run("eval.yaml")["run_id"]
    planned(shell, "--guardrail", "noninferior(exact_match, margin=0.05)", "--baseline", baseline)
    status, document = carried_out(shell)
    assert document["decision"]["rules"][1]["rule"].startswith("noninferior")
    assert status in (0, 1)


def test_a_file_that_is_there_is_left_alone(shell: Shell) -> None:
    planned(shell)
    before = (shell.directory / "plan.yaml").read_text(encoding="utf-8")
    said = shell("new", "plan", "other", "--task", "eval.yaml")
    assert (said.status, said.code) == (3, "plan.exists")
    assert (shell.directory / "plan.yaml").read_text(encoding="utf-8") == before
    document = shell.ok("new", "plan", "other", "--task", "eval.yaml", "--force", "--json").json
    assert (document["schema"], document["plan"]["plan"]) == ("assay.plan/1", "other")
    assert document["plan"]["primary"] == "exact_match.low >= 0.5"
    assert shell("new", "plan", "Bad Name", "--task", "eval.yaml", "--force").code == "config.invalid"
    assert shell("new", "plan", "x").status == 2


def test_samples_for_a_difference_share_the_level_among_the_rules() -> None:
    from assay.stats import n_for_power

    plan = {"plan": "p", "task": "t", "primary": "a.low >= 0.5", "samples": 10_000,
            "design": {"std_dev": 0.5, "difference": 0.05}}  # fmt: skip
    one = needed_samples(PlanFile.model_validate(plan))
    two = needed_samples(PlanFile.model_validate({**plan, "guardrails": ["b.low >= 0.5"]}))
    assert one == n_for_power(std_dev=0.5, difference=0.05)
    assert two == n_for_power(std_dev=0.5, difference=0.05, confidence=0.975)
    assert needed_samples(PlanFile.model_validate({**plan, "design": None})) is None


def test_a_tiered_figure_that_stays_too_wide_is_a_departure(shell: Shell) -> None:
    rows = questions(60)
    shell.rows("data.jsonl", rows)
    shell.rows("people.jsonl", [{"id": row["id"], "label": 1 + place % 5} for place, row in enumerate(rows)])
    tiers = [{"tier": "programmatic", "scorers": ["exact_match"]},
             {"tier": "human", "labels": "people.jsonl", "share": 0.5}]  # fmt: skip
    shell.task(cascade=tiers, until="half_width <= 0.01", estimate_as="people")
    written = ("new", "plan", "tiers", "--task", "eval.yaml", "--primary", "people.low >= 1", "--std-dev", "1",
               "--force")  # fmt: skip
    plan = shell.ok(*written, "--json").json["plan"]
    assert (plan["stopping"], plan["samples"]) == ("half_width <= 0.01", 60)
    status, document = carried_out(shell)
    assert status == 1
    assert "was to be at most 0.01" in document["departures"][-1]
    shell.task(cascade=tiers, until="half_width <= 2", estimate_as="people")
    shell.ok(*written)
    assert "half-width" not in str(carried_out(shell)[1]["departures"])


def written(shell: Shell, *arguments: str) -> dict[str, Any]:
    plan: dict[str, Any] = shell.ok("new", "plan", "p", "--task", "eval.yaml", "--json", *arguments).json["plan"]
    return plan


def test_the_spread_is_that_of_the_metric_in_the_rule(shell: Shell) -> None:
    shell.rows("data.jsonl", questions(2_000))
    shell.task(scorers=["exact_match", "helpfulness@openai/m"])
    plan = written(shell, "--primary", "helpfulness.low >= 3")
    assert plan["design"] == {"std_dev": 2.0, "half_width": 0.2, "power": 0.8}  # levels 1 to 5
    assert plan["samples"] == 385


def test_a_metric_without_a_scale_needs_its_spread_named(shell: Shell) -> None:
    shell.task(scorers=["exact_match", "length"])
    rule = ("--primary", "length.high <= 100")
    assert shell("new", "plan", "p", "--task", "eval.yaml", *rule).code == "plan.no_std_dev"
    plan = written(shell, *rule, "--std-dev", "10", "--half-width", "9")
    assert plan["design"] == {"std_dev": 10.0, "half_width": 9.0, "power": 0.8}
    shell.task(scorers=["length"])
    assert shell("new", "plan", "p", "--task", "eval.yaml", "--force").code == "plan.no_rule"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--primary", "nope.low >= 0.6"), "metric.unknown"),
        (("--guardrail", "nope.low >= 0.6"), "metric.unknown"),
        (("--primary", "exact_match.low >= 6"), "plan.unfit"),
        (("--primary", "superior(exact_match, margin=2)", "--baseline", "last"), "plan.unfit"),
        (("--primary", "exact_match.low >= 0.5 segment=colour:red"), "plan.unfit"),
        (("--samples", "10000000"), "plan.unfit"),
        (("--std-dev", "0.01"), "plan.unfit"),  # one sample would do, and it shows no spread
    ],
)
def test_a_plan_that_its_task_cannot_keep_is_not_written(shell: Shell, arguments: tuple[str, ...], code: str) -> None:
    shell.task()
    said = shell("new", "plan", "p", "--task", "eval.yaml", *arguments)
    assert (said.status, said.code) == (3, code), said.err
    assert not (shell.directory / "plan.yaml").exists()


def test_a_threshold_beyond_the_scale_is_refused_before_a_call(shell: Shell, server: ModelServer) -> None:
    planned(shell)
    change(shell, primary="exact_match.low >= 6")
    assert (shell("run", "plan.yaml").code, server.requests) == ("plan.unfit", 0)


@pytest.mark.parametrize("place", ["eval.yaml", "data.jsonl", "broken.yaml"])
def test_only_a_plan_is_written_over(shell: Shell, place: str) -> None:
    shell.task()
    shell.write("broken.yaml", "{")
    before = (shell.directory / place).read_bytes()
    said = shell("new", "plan", "p", "--task", "eval.yaml", "--output", place, "--force")
    assert (said.status, said.code) == (3, "plan.exists")
    assert (shell.directory / place).read_bytes() == before
