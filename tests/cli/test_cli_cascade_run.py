"""A task file with judges and tiers, from the command line to the figure, its cost and its page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cli_shell import Shell

from assay.judges.calibrate import calibrate
from assay.judges.judged import Judged
from assay.testing.server import Fault, ModelServer

N = 120
TIERS: list[Mapping[str, Any]] = [
    {"tier": "programmatic", "scorers": ["length"]},
    {"tier": "fast", "judge": "helpfulness@openai/small", "share": 0.5},
    {"tier": "strong", "judge": "helpfulness@openai/large", "share": 0.25},
]
PRICES = {
    name: {"price": {"input": 1, "output": price}}
    for name, price in (("openai/gen", 0), ("openai/small", 2), ("openai/large", 20))
}


def answer(body: Mapping[str, Any]) -> str:
    """Answers are levels; the small judge is one too kind, the large one says what it reads."""
    text = "\n".join(str(message["content"]) for message in body["messages"])
    if body["model"] == "gen":
        number = int(re.findall(r"number (\d+)", text)[-1])
        return f"level-{1 + number % 5}-of-5"
    level = int((re.findall(r"level-(\d)-of-5", text) or [3])[-1])
    return json.dumps({"score": min(5, level + 1) if body["model"] == "small" else level})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(answer=answer) as running:
        yield running


@pytest.fixture
def tiered(shell: Shell) -> Shell:
    """A shell with a task of three tiers and prices for its models."""
    rows = [{"id": f"q{i}", "input": f"question number {i}", "lang": "de" if i % 2 else "en"} for i in range(N)]
    shell.rows("data.jsonl", rows)
    shell.write("assay.yaml", {"models": PRICES, "project": "support"})
    write(shell)
    return shell


def write(shell: Shell, **changes: Any) -> None:
    content: dict[str, Any] = {
        "task": "tone",
        "dataset": "data.jsonl",
        "prompt": "{{ input }}",
        "model": "openai/gen",
        "cascade": TIERS,
        **changes,
    }
    shell.write("eval.yaml", {key: value for key, value in content.items() if value is not None})


def test_a_file_with_tiers_runs_and_says_what_the_strong_judge_would_have_said(tiered: Shell) -> None:
    document = tiered.ok("run", "eval.yaml", "--json").json
    here = document["cascade"]["these_items"]
    assert abs(here["value"] - 3.0) < 3 * here["std_error"]
    assert [tier["asked"] for tier in here["tiers"]] == [N, 60, 30]
    assert document["metrics"]["helpfulness"]["n"] == 30
    assert [re.sub(r"version \w{12}", "version …", note) for note in document["notes"]] == [
        "judge helpfulness has no card: how far it agrees with people is not known (version …)"
    ] * 2
    assert document["usage"]["by_model"].keys() == {"openai/gen", "openai/small", "openai/large"}


def test_the_terminal_shows_both_estimands_every_tier_and_fits_80_columns(tiered: Shell) -> None:
    said = tiered.ok("run", "eval.yaml").out
    assert "on these items" in said
    assert "on new inputs like these" in said
    assert re.search(r"strong +30 +25 % +0 +0 +\$", said)
    assert max(map(len, said.splitlines())) <= 80


def test_the_page_shows_who_was_asked_what(tiered: Shell) -> None:
    tiered.ok("run", "eval.yaml")
    tiered.ok("report", "last", "--output", "page.html")
    page = (tiered.directory / "page.html").read_text()
    assert "helpfulness (openai/large)" in page
    assert "Every item's chance is known" in page
    item = tiered.ok("show", "last", "--sample", "q0", "--json").json
    assert {score["tier"] for score in item["scores"]} <= {"programmatic", "fast", "strong"}


def test_a_plan_prices_every_judge_before_anything_is_spent(tiered: Shell, server: ModelServer) -> None:
    plan = tiered.ok("plan", "eval.yaml", "--json").json
    assert server.requests == 0
    assert [(row["tier"], row["verdicts"]) for row in plan["judges"]] == [("fast", 60), ("strong", 30)]
    assert plan["whole_cost_usd_max"] == pytest.approx(
        plan["cost_usd_max"] + sum(row["cost_usd_max"] for row in plan["judges"])
    )
    spent = tiered.ok("run", "eval.yaml", "--json").json["usage"]["cost_usd"]
    assert 0 < spent < plan["whole_cost_usd_max"]


def test_a_judge_among_the_scorers_sees_every_sample(tiered: Shell) -> None:
    write(tiered, cascade=None, scorers=["length", {"judge": "helpfulness@openai/large", "as": "help"}])
    document = tiered.ok("run", "eval.yaml", "--json").json
    assert document["metrics"]["help"]["value"] == pytest.approx(3.0)
    assert document["metrics"]["help"]["n"] == N
    write(tiered, cascade=None, scorers=["length", "helpfulness@openai/small"])
    assert tiered.ok("run", "eval.yaml", "--json").json["metrics"]["helpfulness"]["value"] == pytest.approx(3.8)


def test_money_that_ends_leaves_a_degraded_figure_and_a_resume_completes_it(tiered: Shell) -> None:
    whole = tiered.ok("run", "eval.yaml", "--json", "--store", "other").json
    write(tiered, budget_usd=round(0.8 * whole["usage"]["cost_usd"], 6))
    said = tiered("run", "eval.yaml", "--json")
    assert said.status == 3
    assert said.json["status"] == "budget"
    assert said.json["usage"]["cost_usd"] <= 0.8 * whole["usage"]["cost_usd"] + 1e-6
    assert said.json["cascade"]["these_items"]["degraded"]
    resumed = tiered.ok("resume", "last", "--budget-usd", "5", "--json").json
    assert resumed["status"] == "done"
    assert resumed["metrics"] == whole["metrics"]
    assert resumed["usage"]["cost_usd"] == pytest.approx(whole["usage"]["cost_usd"])


def test_people_are_asked_through_a_queue_and_a_file(tiered: Shell) -> None:
    human = {"tier": "human", "labels": "people.jsonl", "share": 0.1, "usd_per_label": 0.3, "raters": 3}
    write(tiered, cascade=[*TIERS[:2], human], estimate="human")
    first = tiered("run", "eval.yaml", "--json", "--yes")
    assert first.status == 3
    assert first.json["cascade"]["waiting"] == 12
    queue = tiered.ok("cascade", "queue", "last", "--output", "queue.jsonl")
    assert "12" in queue.out + queue.err
    rows = [json.loads(line) for line in (tiered.directory / "queue.jsonl").read_text().splitlines()]
    assert rows[0].keys() == {"id", "input", "output", "label"}
    tiered.rows("people.jsonl", [{"id": row["id"], "label": rater} for row in rows for rater in (2, 3, 5)])
    whole = tiered.ok("resume", "last", "--json").json
    assert whole["cascade"]["these_items"]["speaks_of"] == "human"
    assert whole["cascade"]["these_items"]["tiers"][2]["cost_usd"] == pytest.approx(12 * 0.9)
    assert whole["metrics"]["helpfulness"]["value"] == pytest.approx(10 / 3, abs=1e-6)


def test_a_calibration_map_gives_the_weights(tiered: Shell) -> None:
    import numpy as np

    rng = np.random.default_rng(3)
    truth = rng.integers(1, 6, size=300).astype(float)
    judged = Judged(
        ids=[str(k) for k in range(300)],
        verdicts=np.minimum(truth + 1, 5) + rng.normal(0, 0.1, 300),
        human=truth + rng.normal(0, 0.2, 300),
        features={"length": np.full(300, 1.0) + rng.normal(0, 0.1, 300), "fast": np.minimum(truth + 1, 5.0)},
    )
    found = calibrate(judged, features={"programmatic": ["length"], "fast": ["fast"]}, rng=rng)
    (tiered.directory / "map.json").write_text(json.dumps(found.to_dict()))
    cold = tiered.ok("run", "eval.yaml", "--json").json["cascade"]["these_items"]
    write(tiered, calibration="map.json", seed=3)
    mapped = tiered.ok("run", "eval.yaml", "--json").json["cascade"]["these_items"]
    assert (cold["start"], mapped["start"]) == ("cold", "map")
    assert mapped["low"] < 3.0 < mapped["high"]
    assert mapped["method"].startswith("two-phase-fixed")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cascade": TIERS[1:]}, "cascade.order"),
        ({"cascade": [TIERS[0]]}, "cascade.tiers"),
        ({"cascade": [*TIERS[:1], TIERS[2], {**TIERS[1], "share": 0.5}]}, "cascade.order"),
        ({"cascade": [*TIERS[:2], {"tier": "strong"}]}, "cascade.tiers"),
        ({"cascade": [*TIERS[:2], {**TIERS[2], "labels": "people.jsonl"}]}, "cascade.tiers"),
        ({"estimate": "stong"}, "cascade.tiers"),
        ({"until": "half_width < small"}, "cascade.until"),
        ({"calibration": "none.json"}, "file.not_found"),
        ({"budget_usd": 5, "limits": {"budget_usd": 6}}, "config.invalid"),
        ({"cascade": None, "scorers": ["length"], "estimate": "strong"}, "config.invalid"),
        ({"cascade": None, "scorers": ["length"], "policy": "uncertainty"}, "config.invalid"),
        ({"cascade": [*TIERS[:2], {**TIERS[2], "judge": "helpfullness@openai/large"}]}, "judge.unknown"),
        ({"primary": "helpfulnes"}, "scorer.unknown"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_asked(
    tiered: Shell, server: ModelServer, changes: Mapping[str, Any], code: str
) -> None:
    write(tiered, **changes)
    said = tiered("run", "eval.yaml", "--json")
    assert (said.status, said.code, server.requests) == (3, code, 0)


def test_labels_that_are_no_numbers_are_refused(tiered: Shell, server: ModelServer) -> None:
    human = {"tier": "human", "labels": "people.jsonl", "share": 0.1}
    write(tiered, cascade=[*TIERS[:2], human])
    tiered.rows("people.jsonl", [{"id": "q1", "label": "good"}])
    assert tiered("run", "eval.yaml", "--json").code == "cascade.labels"


def test_cost_is_booked_by_day_project_model_tier_and_judge(tiered: Shell) -> None:
    spent = tiered.ok("run", "eval.yaml", "--json").json["usage"]["cost_usd"]
    by = {
        name: tiered.ok("cost", "--by", name, "--json").json
        for name in ("day", "project", "model", "tier", "evaluator")
    }
    assert all(document["total_usd"] == pytest.approx(spent) for document in by.values())
    assert [row["project"] for row in by["project"]["rows"]] == ["support"]
    assert {row["tier"] for row in by["tier"]["rows"]} == {"generation", "fast", "strong"}
    assert "helpfulness (openai/large)" in {row["evaluator"] for row in by["evaluator"]["rows"]}
    assert by["day"]["limits"] == []


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_an_export_says_what_every_verdict_cost_who_gave_it_and_with_which_chance(tiered: Shell, form: str) -> None:
    run = tiered.ok("run", "eval.yaml", "--json").json
    tiered.ok("export", run["run_id"], "--format", form, "--output", f"scores.{form}")
    if form == "jsonl":
        items = [json.loads(line) for line in (tiered.directory / "scores.jsonl").read_text().splitlines()]
        rows = [(row["tier"], row["probability"], row["cost_usd"]) for item in items for row in item["scores"]]
    else:
        columns = "SELECT tier, probability, score_cost_usd FROM 'scores.{}' ORDER BY ALL"
        rows = duckdb.sql(columns.format(form)).fetchall()
    by_tier = {name: [row for row in rows if row[0] == name] for name in ("programmatic", "fast", "strong")}
    assert [len(found) for found in by_tier.values()] == [N, 60, 30]
    assert {chance for _, chance, _ in by_tier["strong"]} == {0.25}
    assert {cost for _, _, cost in by_tier["programmatic"]} == {None}
    paid = run["usage"]["by_model"]
    for tier, model in (("fast", "openai/small"), ("strong", "openai/large")):
        assert sum(cost for _, _, cost in by_tier[tier]) == pytest.approx(paid[model]["cost_usd"])


def test_replies_from_the_table_are_booked_on_the_run_that_paid(tiered: Shell) -> None:
    spent = tiered.ok("run", "eval.yaml", "--json").json["usage"]["cost_usd"]
    again = tiered.ok("run", "eval.yaml", "--json").json
    assert again["usage"]["cost_usd"] == 0.0
    booked = tiered.ok("cost", "--by", "tier", "--json").json
    assert booked["total_usd"] == pytest.approx(spent)
    assert all(row["cost_usd"] == round(row["cost_usd"], 9) for row in booked["rows"])


def test_what_another_tier_says_passes_no_gate(tiered: Shell) -> None:
    whole = tiered.ok("run", "eval.yaml", "--json", "--store", "other").json
    fast = whole["usage"]["by_model"]["openai/small"]["cost_usd"]
    write(tiered, budget_usd=round(whole["usage"]["by_model"]["openai/gen"]["cost_usd"] + fast, 6))
    said = tiered("run", "eval.yaml", "--json").json
    assert said["cascade"]["these_items"]["speaks_of"] == "fast"
    assert said["metrics"]["helpfulness"]["value"] is None
    assert "it speaks of fast, not of strong" in said["cascade"]["these_items"]["degraded_reason"]
    gated = tiered("gate", "last", "--rule", "helpfulness.low >= 0", "--json")
    assert (gated.status, gated.json["verdict"]) == (1, "inconclusive")


@pytest.mark.usefixtures("impatient")
def test_a_tier_whose_model_was_stood_in_for_sends_nobody_upstairs_for_certain(
    tiered: Shell, server: ModelServer
) -> None:
    stand_in = {"openai/small": {**PRICES["openai/small"], "fallback_models": ["openai/spare"]}}
    tiered.write("assay.yaml", {"models": {**PRICES, **stand_in, "openai/spare": {"price": {"input": 1, "output": 1}}}})
    server.faults = lambda call: Fault.server_error() if call.body["model"] == "small" else None
    run = tiered("run", "eval.yaml", "--json", "--concurrency", "2").json
    tiered.ok("export", run["run_id"], "--format", "csv", "--output", "scores.csv")
    fast = duckdb.sql("SELECT value, reason FROM 'scores.csv' WHERE tier = 'fast'").fetchall()
    lost = [reason for value, reason in fast if value is None]
    assert len(fast) == 60
    assert lost.count("degraded") > 30, "what the spare model said is nobody's verdict"
    assert set(lost) <= {"degraded", "provider_error"}
    strong = duckdb.sql("SELECT probability FROM 'scores.csv' WHERE tier = 'strong'").fetchall()
    assert strong == [(0.25,)] * 30


def test_verdicts_that_never_came_are_bounded(tiered: Shell, server: ModelServer) -> None:
    server.answer = lambda body: (
        answer(body) if body["model"] != "large" or "question number 1" not in str(body) else "?"
    )
    said = tiered("run", "eval.yaml", "--json").json
    here = said["cascade"]["these_items"]
    assert here["tiers"][2]["asked"] > here["tiers"][2]["answered"]
    assert here["bounds"]["low"] < here["low"] < here["high"] < here["bounds"]["high"]


def test_runs_whose_tiers_mean_different_verdicts_say_that_they_are_not_compared(tiered: Shell) -> None:
    first = tiered.ok("run", "eval.yaml", "--json").json["run_id"]
    write(tiered, cascade=[*TIERS[:2], {**TIERS[2], "judge": "fluency@openai/large"}], estimate_as="helpfulness")
    second = tiered.ok("run", "eval.yaml", "--json").json["run_id"]
    compared = tiered.ok("compare", first, second, "--json").json
    assert "helpfulness" not in compared["metrics"]
    assert "different verdicts" in compared["not_compared"][0]["reason"]


def test_a_plan_prices_judges_that_ask_side_by_side_and_needs_no_store(tiered: Shell) -> None:
    tiered.write("assay.yaml", {"models": PRICES, "spending": {"usd_per_day": 1}})
    pair = {"tier": "strong", "judge": {"judge": "pair", "kind": "pairwise"}, "model": "openai/large", "share": 0.25}
    rows = [{"id": f"q{i}", "input": f"question number {i}", "reference": "b"} for i in range(N)]
    tiered.rows("data.jsonl", rows)
    write(tiered, cascade=[*TIERS[:2], pair])
    plan = tiered.ok("plan", "eval.yaml", "--json").json
    assert plan["judges"][1]["input_tokens"] > 30 * 100
    assert plan["whole_cost_usd_max"] > 0


def test_an_attack_is_booked_and_keeps_to_the_limit(tiered: Shell, server: ModelServer) -> None:
    tiered.rows("items.jsonl", [{"id": f"a{i}", "input": "?", "output": f"level-{1 + i % 4}-of-5"} for i in range(8)])
    attack = ["judge", "attack", "helpfulness@openai/large", "--items", "items.jsonl", "--per-attack", "1", "--yes"]
    tiered.ok(*attack, "--json")
    booked = tiered.ok("cost", "--by", "tier", "--json").json["rows"]
    assert [row["tier"] for row in booked] == ["attack"]
    assert booked[0]["cost_usd"] > 0
    tiered.write("assay.yaml", {"models": PRICES, "spending": {"usd_per_day": booked[0]["cost_usd"] / 2}})
    asked = server.requests
    stopped = tiered(*attack, "--json")
    assert (stopped.status, stopped.code, server.requests) == (3, "cost.limit_reached", asked)


def test_a_limit_of_the_day_warns_then_stops(tiered: Shell, server: ModelServer) -> None:
    spent = tiered.ok("run", "eval.yaml", "--json").json["usage"]["cost_usd"]
    settings = {"models": PRICES, "spending": {"usd_per_day": spent / 0.9}}
    tiered.write("assay.yaml", settings)
    said = tiered("cost", "--json")
    assert (said.status, said.json["limits"][0]["state"]) == (1, "alert")
    write(tiered, seed=1)
    more = tiered("run", "eval.yaml", "--json", "--no-cache")
    assert (more.status, more.json["status"]) == (3, "budget")
    assert more.json["usage"]["cost_usd"] <= spent * 0.12
    tiered.write("assay.yaml", {**settings, "spending": {"usd_per_day": spent / 2}})
    asked = server.requests
    stopped = tiered("run", "eval.yaml", "--json", "--no-cache")
    assert (stopped.status, stopped.code, server.requests) == (3, "cost.limit_reached", asked)
    assert "STOP" in tiered("cost").out


def test_a_panel_is_booked_on_its_tier(tiered: Shell) -> None:
    panel = {"judge": "both", "kind": "panel", "members": ["helpfulness@openai/small", "helpfulness@openai/large"]}
    write(tiered, cascade=[TIERS[0], {"tier": "strong", "judge": panel, "share": 0.25}])
    used = tiered.ok("run", "eval.yaml", "--json").json["usage"]["by_model"]
    rows = {row["tier"]: row["cost_usd"] for row in tiered.ok("cost", "--by", "tier", "--json").json["rows"]}
    assert rows["strong"] == pytest.approx(used["openai/small"]["cost_usd"] + used["openai/large"]["cost_usd"])


def test_the_limit_of_the_day_is_a_suites_too(tiered: Shell, server: ModelServer) -> None:
    spent = tiered.ok("run", "eval.yaml", "--json", "--store", "other").json["usage"]["cost_usd"]
    tiered.write("assay.yaml", {"models": PRICES, "spending": {"usd_per_day": spent / 2}})
    tiered.write("suite.yaml", {"suite": "s", "tasks": ["eval.yaml"], "models": ["openai/gen"]})
    for budget in ([], ["--budget-usd", "5"]):
        store = f"store{len(budget)}"
        tiered("run", "suite.yaml", "--json", "--yes", "--store", store, *budget)
        booked = tiered("cost", "--json", "--store", store).json
        assert 0 < booked["total_usd"] <= spent / 2


def test_an_empty_store_has_cost_nothing(shell: Shell, tmp_path: Path) -> None:
    shell.rows("o.jsonl", [{"id": "a", "output": "x", "reference": "x"}])
    shell.ok("score", "o.jsonl", "--scorers", "exact_match")
    assert shell.ok("cost", "--json").json["total_usd"] == 0.0
