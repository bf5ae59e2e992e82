"""What a task file and its labels say about a cascade: what is understood, and what is refused beforehand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cli_shell import Shell

from assay.judges.calibrate import calibrate
from assay.judges.judged import Judged

pytestmark = pytest.mark.slow

N = 40
FREE = {"tier": "programmatic", "scorers": ["length"]}
STRONG = {"tier": "strong", "judge": "helpfulness@python:judging:strong", "share": 0.5}
HUMAN = {"tier": "human", "labels": "people.jsonl", "share": 0.25, "usd_per_label": 0.5, "raters": 3}


@pytest.fixture
def judging(shell: Shell) -> Shell:
    rows(shell)
    write(shell)
    return shell


def rows(shell: Shell, **columns: Any) -> None:
    """Samples; a column may be a function of the sample's number."""
    shell.rows(
        "data.jsonl",
        [
            {"id": f"q{i}", "input": f"question number {i}", **{name: value(i) for name, value in columns.items()}}
            for i in range(N)
        ],
    )


def write(shell: Shell, *tiers: Mapping[str, Any], **changes: Any) -> None:
    content = {
        "task": "tone",
        "dataset": "data.jsonl",
        "prompt": "{{ input }}",
        "model": "python:judging:support",
        "cascade": list(tiers) or [FREE, STRONG],
    }
    shell.write("eval.yaml", content | changes)


def asked(document: Mapping[str, Any]) -> dict[str, int]:
    return {tier["tier"]: tier["asked"] for tier in document["cascade"]["these_items"]["tiers"]}


def refused(shell: Shell, code: str, *words: str) -> None:
    """Plan and run say what is wrong, and nothing is recorded."""
    for command in (("plan", "eval.yaml", "--json"), ("run", "eval.yaml", "--json", "--yes")):
        said = shell(*command)
        assert (said.status, said.code) == (3, code), said.out
        assert all(word in said.out for word in words), said.out
    assert shell.ok("runs", "--json").json["runs"] == []


@pytest.mark.parametrize("form", ["{}", "{} ", "{:d}", "yes/no", "Yes/No"])
def test_stakes_are_read_as_people_write_them_in_a_table(judging: Shell, form: str) -> None:
    words = dict(zip((False, True), reversed(form.split("/")), strict=True)) if "/" in form else None
    cells = [form.format(i % 20 == 0) if words is None else words[i % 20 == 0] for i in range(N)]
    lines = [f"q{i},question number {i},{cell}" for i, cell in enumerate(cells)]
    (judging.directory / "data.csv").write_text("\n".join(["id,input,vip", *lines]) + "\n")
    write(judging, FREE, {**STRONG, "share": 0.1}, dataset="data.csv", stakes="vip")
    plan = judging.ok("plan", "eval.yaml", "--json").json
    assert (plan["certain"], plan["judges"][0]["verdicts"]) == (2, 6)
    document = judging.ok("run", "eval.yaml", "--json").json
    assert asked(document)["strong"] == 6
    assert document["cascade"]["these_items"]["tiers"][1]["certain"] == 2


def test_stakes_are_numbers_truth_values_or_nothing(judging: Shell) -> None:
    rows(judging, vip=lambda i: (True, 1, 1.0, False, 0, None, "")[i % 7])
    write(judging, stakes="vip")
    said = judging.ok("plan", "eval.yaml").out
    assert "asked about 18 of the samples for certain" in said


def test_stakes_that_say_neither_yes_nor_no_or_that_nobody_has_are_refused(judging: Shell) -> None:
    rows(judging, vip=lambda i: "gold" if i == 7 else None)
    write(judging, stakes="vip")
    refused(judging, "cascade.stakes", "q7", "gold")
    write(judging, stakes="vpi")
    refused(judging, "cascade.stakes", "vpi", "did you mean 'vip'?")


def test_a_scorer_without_its_reference_sends_nobody_up(judging: Shell) -> None:
    write(judging, {**FREE, "scorers": ["rouge_l", "length"]}, {**STRONG, "share": 0.1})
    document = judging.ok("run", "eval.yaml", "--json").json
    assert asked(document)["strong"] == 4
    assert document["metrics"]["helpfulness"]["value"] is not None
    notes = [note for note in document["notes"] if "rouge_l" in note]
    assert notes == [
        "rouge_l has no score of 40 of 40 samples (sample has no reference): they are drawn like all others"
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": "q1", "label": "good"}, ["row 2", "good"]),
        ({"id": "q1", "label": "nan"}, ["row 2", "nan"]),
        ({"id": "q1", "label": "inf"}, ["row 2", "inf"]),
        ({"id": "q1", "label": True}, ["row 2", "True"]),
        ({"id": "q1", "label": [4]}, ["row 2", "[4]"]),
        ({"id": "q1", "score": 4}, ["row 2", 'no \\"label\\" beside score']),
        ({"id": "q1"}, ["row 2", "its id"]),
        ({"label": 4}, ["row 2", "no id"]),
    ],
)
def test_labels_that_are_none_are_refused(judging: Shell, row: Mapping[str, Any], words: list[str]) -> None:
    judging.rows("people.jsonl", [{"id": "q0", "label": 4}, row])
    write(judging, FREE, STRONG, HUMAN)
    refused(judging, "cascade.labels", "people.jsonl", *words)


def test_labels_off_the_scale_that_the_task_names_are_refused(judging: Shell) -> None:
    judging.rows("people.jsonl", [{"id": "q0", "label": 4}, {"id": "q1", "label": 55}])
    write(judging, FREE, STRONG, {**HUMAN, "scale": [1, 5]})
    refused(judging, "cascade.labels", "row 2", "from 1 to 5")
    write(judging, FREE, STRONG, {**HUMAN, "unit": "share"})
    refused(judging, "cascade.labels", "row 1", "from 0 to 1")
    write(judging, FREE, STRONG, {**HUMAN, "scale": [5, 1]})
    refused(judging, "cascade.labels", "lowest first")
    write(judging, FREE, {**STRONG, "scale": [1, 5]})
    refused(judging, "cascade.tiers", "brings its own scale")


def test_labels_beyond_the_scale_of_the_judge_below_are_named(judging: Shell) -> None:
    judging.rows("people.jsonl", [{"id": f"q{i}", "label": 55 if i == 3 else 4 + i % 2} for i in range(N)])
    write(judging, FREE, STRONG, HUMAN)
    notes = judging.ok("run", "eval.yaml", "--json", "--yes").json["notes"]
    assert any("row 4 has the label 55" in note and "from 1 to 5" in note for note in notes)


def test_labels_of_strangers_are_counted_and_labels_of_strangers_alone_refused(judging: Shell) -> None:
    known = [{"id": f"q{i}", "label": 1 + i % 5} for i in range(N)]
    judging.rows("people.jsonl", [*known, {"id": "p1", "label": 3}, {"id": "p2", "label": 3}])
    write(judging, FREE, STRONG, HUMAN)
    notes = judging.ok("run", "eval.yaml", "--json", "--yes").json["notes"]
    assert "people.jsonl labels 2 samples that the dataset does not hold: p1, p2" in notes
    judging.rows("people.jsonl", [{"id": "p1", "label": 3}])
    said = judging("run", "eval.yaml", "--json", "--yes")
    assert said.code == "cascade.labels"
    assert "none of its 1 samples" in said.out


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_people_of_shares_have_the_interval_of_shares(judging: Shell, share: float) -> None:
    judging.rows("people.jsonl", [{"id": f"q{i}", "label": int(i == 5)} for i in range(N)])
    write(judging, FREE, {**HUMAN, "unit": "share", "share": share}, estimate_as="useful")
    here = judging.ok("run", "eval.yaml", "--json", "--yes").json["cascade"]["these_items"]
    assert here["unit"] == "share"
    if share == 1.0:
        assert here["high"] == here["low"] == 1 / N
    else:
        assert "wilson" in here["method"]
        assert here["low"] >= 0.0


def test_a_tier_called_human_needs_no_word_on_labels(judging: Shell) -> None:
    write(judging, FREE, STRONG, {"tier": "human", "share": 0.25})
    first = judging("run", "eval.yaml", "--json")
    assert (first.status, first.json["cascade"]["waiting"]) == (3, 10)
    queue = judging.ok("cascade", "queue", "last", "--json").json
    path = Path(queue["labels"])
    assert path == judging.directory / "labels" / "tone.jsonl"
    assert queue["run_id"] == first.json["run_id"]
    assert str(path) in judging.ok("cascade", "queue", "last").err
    path.parent.mkdir()
    path.write_text("".join(json.dumps({**row, "label": 4}) + "\n" for row in queue["waiting"]))
    whole = judging.ok("resume", "last", "--json").json
    assert whole["cascade"]["these_items"]["speaks_of"] == "human"
    write(judging, FREE, STRONG, {"tier": "human"}, estimate="strong")
    path.write_text("nothing to read\n")
    assert "human" not in asked(judging.ok("run", "eval.yaml", "--json").json)


def test_labels_are_read_anew_by_every_resume_and_cost_what_was_labelled(judging: Shell) -> None:
    labels = [{"id": f"q{i}", "label": 3} for i in range(N)]
    judging.rows("people.jsonl", labels)
    write(judging, FREE, STRONG, HUMAN)
    first = judging.ok("run", "eval.yaml", "--json", "--yes").json
    assert first["metrics"]["helpfulness"]["value"] == 3
    assert first["cascade"]["these_items"]["tiers"][2]["cost_usd"] == pytest.approx(10 * 0.5)
    judging.rows("people.jsonl", [{**row, "label": 4} for row in labels])
    assert judging.ok("resume", "last", "--json").json["metrics"]["helpfulness"]["value"] == 4


@pytest.mark.parametrize(
    "until", ["half_width <= 0", "half_width <= -1", "soon", "helpfullness > 3", "helpfulness > 9"]
)
def test_rules_that_cannot_be_met_are_refused(judging: Shell, until: str) -> None:
    write(judging, until=until)
    refused(judging, "cascade.until")


def test_a_gate_rule_is_said_on_the_command_line_and_on_the_page(judging: Shell) -> None:
    rows(judging)
    judging.rows("data.jsonl", [{"id": f"q{i}", "input": f"question number {i}"} for i in range(200)])
    write(judging, FREE, {**STRONG, "share": 1.0}, until="helpfulness > 2")
    said = judging.ok("run", "eval.yaml").out
    assert "until helpfulness > 2: met at " in said
    assert "the figure lies above 2" in " ".join(said.split())
    stopping = judging.ok("show", "last", "--json").json["cascade"]["stopping"]
    assert 50 <= stopping["labels"] < 200
    judging.ok("report", "last", "--output", "page.html")
    page = (judging.directory / "page.html").read_text()
    assert "asked until helpfulness &gt; 2" in page
    assert "confidence sequence" in page


def test_a_map_that_is_none_or_cannot_be_is_refused(judging: Shell) -> None:
    import numpy as np

    (judging.directory / "map.json").write_text("[]")
    write(judging, calibration="map.json")
    refused(judging, "judge.bad_map", "map.json")
    rng = np.random.default_rng(3)
    truth = rng.integers(1, 6, size=60).astype(float)
    judged = Judged(
        ids=[str(k) for k in range(60)],
        verdicts=truth,
        human=truth,
        features={"length": truth + rng.normal(size=60)},
    )
    content = calibrate(judged, features={"programmatic": ["length"]}, rng=rng).to_dict()
    content["tiers"][0]["unknown"]["residual_variance"] = -1.0
    (judging.directory / "map.json").write_text(json.dumps(content))
    refused(judging, "judge.bad_map", "-1")
    del content["target"]
    (judging.directory / "map.json").write_text(json.dumps(content))
    refused(judging, "judge.bad_map", "target")
    assert "KeyError" not in judging("run", "eval.yaml").err


def test_a_measurement_plan_keeps_to_the_gate_rule_of_its_task(judging: Shell) -> None:
    judging.rows("data.jsonl", [{"id": f"q{i}", "input": f"question number {i}"} for i in range(400)])
    tiers = [FREE, {**STRONG, "share": 1.0}]
    written = (
        "new",
        "plan",
        "settled",
        "--task",
        "eval.yaml",
        "--primary",
        "helpfulness.low >= 2",
        "--force",
        "--json",
    )
    for until, kept in (("helpfulness > 2", True), ("helpfulness > 2.9", False)):
        write(judging, *tiers[:1], {**tiers[1], "share": 1.0 if kept else 0.25}, until=until)
        assert judging.ok(*written).json["plan"]["stopping"] == until
        content = (judging.directory / "plan.yaml").read_text().replace("calibration: card", "calibration: none")
        (judging.directory / "plan.yaml").write_text(content)
        document = judging("run", "plan.yaml", "--json").json
        assert any("was not settled" in departure for departure in document["departures"]) is not kept
