"""Why a tier was asked: of every sample, of every tier, and in words that fit the draw."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cli_shell import Shell

from assay.cli.options import make_app
from assay.report.samples import samples_document, table_query
from assay.testing.server import ModelServer

N = 60
UNREADABLE = {"1", "2", "3"}
TIERS = [
    {"tier": "programmatic", "scorers": ["length"]},
    {"tier": "fast", "judge": "helpfulness@openai/small", "share": 0.5},
    {"tier": "strong", "judge": "helpfulness@openai/large", "share": 0.25},
]


def answer(body: Mapping[str, Any]) -> str:
    """Answers name their question; the small judge cannot be read on the last digits 1, 2 and 3."""
    text = "\n".join(str(message["content"]) for message in body["messages"])
    number = re.findall(r"number (\d+)", text)[-1]
    if body["model"] == "gen":
        return f"answer to number {number}" + " and more" * (int(number) % 4)
    if body["model"] == "small" and number[-1] in UNREADABLE:
        return "I would rather not say."
    return json.dumps({"score": 1 + int(number) % 5})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(answer=answer) as running:
        yield running


@pytest.fixture
def asked(shell: Shell) -> Shell:
    """A shell with a task of three tiers, one critical sample, and two at stake, of which one is critical besides."""
    rows = [{"id": f"q{i}", "input": f"question number {i}", "vip": i in (0, 10)} for i in range(N)]
    rows[0]["critical"] = True
    shell.rows("data.jsonl", rows)
    models = {f"openai/{name}": {"price": {"input": 1, "output": 2}} for name in ("gen", "small", "large")}
    shell.write("assay.yaml", {"models": models, "project": "support"})
    return shell


def write(shell: Shell, **changes: Any) -> None:
    task = {"task": "tone", "dataset": "data.jsonl", "prompt": "{{ input }}", "model": "openai/gen", "cascade": TIERS}
    shell.write("eval.yaml", {**task, "stakes": "vip", **changes})


Reasons = dict[str, dict[str, Any]]


def reasons(scores: list[dict[str, Any]]) -> Reasons:
    return {score["tier"]: score["asked"] for score in scores if "asked" in score}


def why(shell: Shell) -> dict[str, Reasons]:
    """Of every sample."""
    items = [json.loads(line) for line in shell.ok("export", "last").out.splitlines()]
    return {item["sample"]["id"]: reasons(item["scores"]) for item in items}


def test_every_certain_verdict_has_its_first_reason_and_the_tiers_count_them(asked: Shell) -> None:
    write(asked)
    tiers = asked.ok("run", "eval.yaml", "--json").json["cascade"]["these_items"]["tiers"]
    found: dict[str, dict[str, int]] = {"fast": {}, "strong": {}}
    given = why(asked)
    for of_sample in given.values():
        for tier, reason in of_sample.items():
            found[tier][reason["by"]] = found[tier].get(reason["by"], 0) + 1
            assert reason["why"].startswith("drawn, chance " if reason["by"] == "draw" else "certain: ")
    assert found["strong"]["could_not_tell"] > 0
    for tier in tiers[1:]:
        assert sum(tier["certain_by"].values()) == tier["certain"]
        assert {**found[tier["tier"]], "draw": 0} == {
            **{by: count for by, count in tier["certain_by"].items() if count},
            "draw": 0,
        }
        assert found[tier["tier"]]["draw"] == tier["drawn"]
    assert reasons(asked.ok("show", "last", "--sample", "q0", "--json").json["scores"]) == given["q0"]
    assert given["q0"]["strong"] == {"by": "critical", "chance": 1.0, "why": "certain: critical"}
    assert given["q10"]["fast"] == {"by": "stakes", "chance": 1.0, "why": "certain: stakes vip"}


def test_text_and_page_say_why_too(asked: Shell) -> None:
    write(asked, until="half_width <= 0.9")
    said = asked.ok("run", "eval.yaml").out
    assert "certain for fast: 1 critical, 1 stakes vip\n" in said
    assert max(map(len, said.splitlines())) <= 80
    assert re.search(r"fast +certain: stakes vip", asked.ok("show", "last", "--sample", "q10").out)
    asked.ok("report", "last", "--output", "page.html")
    page = (asked.directory / "page.html").read_text()
    assert "fast was asked on 31 of 60: 29 drawn at random, all with one chance (a share of 50 % of the others)" in page
    assert "batch by batch until half_width &lt;= 0.9, at most a share of 25 % of the others" in page
    assert '<span class="basis">1 stakes vip</span>' in page
    assert "intervals speak of new inputs like these" in page
    assert '"asked": "certain: stakes vip"' in page
    assert "the answers themselves not counted" in page


def test_the_table_of_samples_has_a_column_for_each_tier_that_gave_verdicts(asked: Shell) -> None:
    write(asked)
    asked.ok("run", "eval.yaml")
    app = make_app(None)
    try:
        record = app.store.metadata.run("last")
        query = table_query(record, scorer="helpfulness.strong", sort="value", limit=20)
        table = samples_document(app, record, query)
    finally:
        app.close()
    assert table["scorers"] == ["length", "helpfulness.fast", "helpfulness.strong"]
    assert all("helpfulness.strong" in row["scores"] for row in table["rows"][:10])


def test_unequal_chances_are_not_called_a_random_draw(asked: Shell) -> None:
    write(asked, policy="uncertainty")
    asked.ok("run", "eval.yaml")
    asked.ok("report", "last", "--output", "page.html")
    page = (asked.directory / "page.html").read_text()
    assert "drawn by unequal chances, rather where the tiers below disagree more" in page
    assert "All others have one chance" not in page
    drawn = [found["strong"] for found in why(asked).values() if "strong" in found]
    leaning = [reason for reason in drawn if reason["by"] == "draw"]
    assert {"more", "less"} <= {
        word for reason in leaning for word in re.findall(r"disagree (\w+) here", reason["why"])
    }
    most, least = max(leaning, key=lambda one: one["chance"]), min(leaning, key=lambda one: one["chance"])
    assert most["why"].endswith("(the tiers below disagree more here)")
    assert least["why"].endswith("(the tiers below disagree less here)")


def test_a_run_whose_tiers_are_not_kept_has_chances_without_reasons(asked: Shell) -> None:
    write(asked)
    asked.ok("run", "eval.yaml")
    for kept in asked.directory.rglob("tiers.npz"):
        kept.unlink()
    assert why(asked)["q0"] == {"fast": None, "strong": None}
    assert "why it was asked" not in asked.ok("show", "last", "--sample", "q0").out
