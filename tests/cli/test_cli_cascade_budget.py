"""``policy: budget`` from the command line: shares from a map and prices, kept with the run, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_shell import Shell

from assay.judges.calibrate import calibrate
from assay.judges.judged import Judged
from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow

N = 160
TIERS: list[Mapping[str, Any]] = [
    {"tier": "programmatic", "scorers": ["length"]},
    {"tier": "fast", "judge": "helpfulness@openai/small"},
    {"tier": "strong", "judge": "helpfulness@openai/large"},
]
PRICES = {
    name: {"price": {"input": price / 10, "output": price}}
    for name, price in (("openai/gen", 0.001), ("openai/small", 0.5), ("openai/large", 50))
}


def answer(body: Mapping[str, Any]) -> str:
    """Answers are levels; the small judge is vague about high ones, the large one says what it reads."""
    text = "\n".join(str(message["content"]) for message in body["messages"])
    if body["model"] == "gen":
        number = int(re.findall(r"number (\d+)", text)[-1])
        return f"level-{1 + number % 5}-of-5"
    level = int((re.findall(r"level-(\d)-of-5", text) or [3])[-1])
    return json.dumps({"score": max(1, level - (level > 3)) if body["model"] == "small" else level})


def write_map(path: Path) -> None:
    rng = np.random.default_rng(3)
    small = rng.integers(1, 5, size=400).astype(float)
    judged = Judged(
        ids=[str(k) for k in range(400)],
        verdicts=small,
        human=small + 0.2 + rng.normal(size=400) * np.where(small > 2, 1.2, 0.2),
        features={"length": 12.0 + 0.1 * rng.normal(size=400), "fast": small},
    )
    found = calibrate(judged, features={"programmatic": ["length"], "fast": ["fast"]}, rng=rng).to_dict()
    path.write_text(json.dumps(found))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(answer=answer) as running:
        yield running


@pytest.fixture
def tiered(shell: Shell) -> Shell:
    """A shell with a task whose budget gives the shares, a map and prices."""
    shell.rows("data.jsonl", [{"id": f"q{i}", "input": f"question number {i}"} for i in range(N)])
    shell.write("assay.yaml", {"models": PRICES})
    write_map(shell.directory / "map.json")
    write(shell)
    return shell


def write(shell: Shell, **changes: Any) -> None:
    content: dict[str, Any] = {
        "task": "tone",
        "dataset": "data.jsonl",
        "prompt": "{{ input }}",
        "model": "openai/gen",
        "cascade": TIERS,
        "policy": "budget",
        "calibration": "map.json",
        "budget_usd": 2,
        **changes,
    }
    shell.write("eval.yaml", {key: value for key, value in content.items() if value is not None})


def test_a_budget_gives_the_shares_and_the_run_keeps_to_both(tiered: Shell) -> None:
    plan = tiered.ok("plan", "eval.yaml", "--json").json
    fast, strong = plan["tiers"]
    assert 1.0 >= fast["share"] > strong["share"] > 10 / N
    assert plan["whole_cost_usd_max"] == pytest.approx(2.0, rel=0.05)
    assert "half-width" in plan["because"]
    assert "a verdict at most" in strong["why"]
    document = tiered.ok("run", "eval.yaml", "--json").json
    assert document["status"] == "done"
    assert 0 < document["usage"]["cost_usd"] < 2
    tiers = document["cascade"]["these_items"]["tiers"]
    assert [tier["share"] for tier in tiers] == [1.0, fast["share"], strong["share"]]
    assert [tier["why"] for tier in tiers] == [None, fast["why"], strong["why"]]
    assert document["cascade"]["policy"] == "budget"
    assert document["cascade"]["because"] == plan["because"]
    assert tiers[2]["asked"] == pytest.approx(strong["share"] * N, rel=0.5)
    assert document["cascade"]["these_items"]["start"] == "map"


def test_more_money_asks_more_and_reaches_further(tiered: Shell) -> None:
    little, much = (
        tiered.ok("plan", "eval.yaml", "--budget-usd", budget, "--json").json["tiers"] for budget in ("1", "5")
    )
    assert little[1]["share"] < much[1]["share"] <= 1.0


def test_what_answers_may_cost_is_not_there_for_verdicts(tiered: Shell) -> None:
    cheap = tiered.ok("plan", "eval.yaml", "--json").json
    tiered.write("assay.yaml", {"models": {**PRICES, "openai/gen": {"price": {"input": 1, "output": 8}}}})
    dear = tiered.ok("plan", "eval.yaml", "--json").json
    assert 0.5 < dear["cost_usd_max"] < 1.9
    assert dear["tiers"][1]["share"] < 0.8 * cheap["tiers"][1]["share"]
    assert dear["whole_cost_usd_max"] == pytest.approx(2.0, rel=0.05)


def test_the_terminal_and_the_page_say_where_the_shares_come_from(tiered: Shell) -> None:
    for said in (tiered.ok("plan", "eval.yaml").out, tiered.ok("run", "eval.yaml").out):
        assert "The shares come from the budget: $" in said
        assert max(map(len, said.splitlines())) <= 80
    tiered.ok("report", "last", "--output", "page.html")
    page = (tiered.directory / "page.html").read_text()
    assert "The shares come from the budget" in page
    assert "never at less than three quarters of an equal chance" in page


def test_a_resume_keeps_the_shares_whatever_budget_and_prices_are_by_then(tiered: Shell) -> None:
    whole = tiered.ok("run", "eval.yaml", "--json", "--store", "other").json
    before = [tier["share"] for tier in whole["cascade"]["these_items"]["tiers"]]
    half = tiered("run", "eval.yaml", "--json", "--timeout", "0.000001")
    assert half.status == 3
    dearer = {name: {"price": {"input": 0.001, "output": 1}} for name in PRICES}
    tiered.write("assay.yaml", {"models": dearer})
    resumed = tiered.ok("resume", "last", "--budget-usd", "50", "--json").json
    assert [tier["share"] for tier in resumed["cascade"]["these_items"]["tiers"]] == before
    assert resumed["cascade"]["because"] == whole["cascade"]["because"]
    assert resumed["metrics"] == whole["metrics"]
    again = tiered.ok("reproduce", resumed["run_id"], "--json").json
    assert again["equal"]


def test_given_shares_are_kept_and_need_no_price(tiered: Shell) -> None:
    tiered.write("assay.yaml", {})
    write(tiered, budget_usd=None, cascade=[TIERS[0], {**TIERS[1], "share": 1.0}, {**TIERS[2], "share": 0.2}])
    document = tiered.ok("run", "eval.yaml", "--json", "--yes").json["cascade"]
    assert [tier["share"] for tier in document["these_items"]["tiers"]] == [1.0, 1.0, 0.2]
    assert document["because"] is None


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"calibration": None}, "cascade.policy", "there is none"),
        ({"budget_usd": None}, "cascade.policy", "budget_usd: 20"),
        ({"cascade": [*TIERS[:2], {**TIERS[2], "share": 0.1}]}, "cascade.policy", "on every tier"),
        ({"budget_usd": 0.001}, "cascade.budget", "cannot buy 10 verdicts"),
        ({"budget_usd": 0.00001}, "cascade.budget", "the answers together"),
        ({"cascade": [*TIERS[:2], {"tier": "strong", "labels": "people.jsonl"}]}, "cascade.policy", "costs nothing"),
    ],
)
def test_what_no_budget_can_spread_is_refused_before_anything_is_asked(
    tiered: Shell, server: ModelServer, changes: Mapping[str, Any], code: str, says: str
) -> None:
    write(tiered, **changes)
    said = tiered("run", "eval.yaml", "--json")
    assert (said.status, said.code, server.requests) == (3, code, 0)
    assert says in said.out + said.err


def test_a_budget_named_by_the_hint_buys_the_verdicts(tiered: Shell) -> None:
    write(tiered, budget_usd=0.01)
    said = tiered("run", "eval.yaml", "--json")
    (enough,) = re.findall(r"give \$([\d.]+) or more", said.out + said.err)
    assert tiered.ok("plan", "eval.yaml", "--budget-usd", enough, "--json").json["judges"][1]["verdicts"] >= 10


def test_people_are_paid_from_the_budget_all_raters_together(tiered: Shell) -> None:
    human = {"tier": "strong", "labels": "people.jsonl", "usd_per_label": 0.3, "raters": 3}
    write(tiered, cascade=[*TIERS[:2], human], budget_usd=30)
    plan = tiered.ok("plan", "eval.yaml", "--json").json
    assert 25 < plan["judges"][1]["cost_usd_max"] <= 30
    assert plan["judges"][1]["verdicts"] == pytest.approx(plan["judges"][1]["cost_usd_max"] / 0.9)
