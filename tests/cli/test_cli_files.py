"""Outputs scored without a model, runs exported, flips and verdicts written: files that other tools read back."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cli_shell import Shell, questions

from assay.datasets import open_samples
from assay.testing.server import ModelServer


def recorded(shell: Shell, count: int = 6) -> Path:
    """Outputs with their references: two thirds are right."""
    rows = [
        {"id": row["id"], "input": row["input"], "output": f"answer {i}", "reference": row["reference"]}
        for i, row in enumerate(questions(count))
    ]
    return shell.rows("outputs.jsonl", rows)


# --- score


def test_recorded_outputs_are_scored_and_no_model_is_called(shell: Shell, server: ModelServer) -> None:
    document = shell.ok("score", recorded(shell), "--scorers", "exact_match,token_f1", "--json").json
    assert (document["schema"], document["model"], document["status"]) == ("assay.run/1", None, "done")
    assert document["metrics"]["exact_match"]["value"] == pytest.approx(4 / 6)
    assert document["metrics"].keys() == {"exact_match", "token_f1"}
    assert server.requests == 0
    assert shell.ok("show", document["run_id"], "--sample", "q1", "--json").json["output"]["text"] == "answer 1"
    assert "recorded outputs" in shell.ok("score", "outputs.jsonl", "--scorers", "exact_match").out


def test_references_may_be_in_a_dataset_of_their_own(shell: Shell) -> None:
    shell.rows("bare.jsonl", [{"id": f"q{i}", "output": f"answer {i}"} for i in range(5)])
    said = shell("score", "bare.jsonl", "--scorers", "exact_match", "--dataset", "data.jsonl", "--json")
    document = said.json
    assert document["samples"]["by_reason"] == {"no recorded output": 1}
    assert (document["metrics"]["exact_match"]["n"], said.status) == (5, 0)


def test_what_is_wrong_with_recorded_outputs_is_said(shell: Shell) -> None:
    assert shell("score", recorded(shell), "--scorers", "exact_macth").code == "scorer.unknown"
    assert shell("score", "outputs.jsonl").status == 2
    shell.write("outputs.jsonl", '{"id": "a", "output": "x"}\n{"id": "b", "output"\n')
    said = shell("score", "outputs.jsonl", "--scorers", "exact_match")
    assert (said.status, said.code) == (3, "data.malformed")
    assert "line 2" in said.err
    said = shell("score", "outputs.jsonl", "--scorers", "exact_match", "--to", "t.parquet", "--dataset", "data.jsonl")
    assert said.status == 2


def test_scores_can_be_streamed_into_a_table(shell: Shell) -> None:
    import duckdb

    outputs = recorded(shell, 30)
    recorded_run = shell.ok("score", outputs, "--scorers", "exact_match,token_f1", "--json").json
    said = shell.ok("score", outputs, "--scorers", "exact_match,token_f1", "--to", "scores.parquet", "--json")
    document = said.json
    assert (document["run_id"], document["model"], document["table"]) == (None, None, "scores.parquet")
    assert document["metrics"] == recorded_run["metrics"]
    table = duckdb.sql("SELECT id, exact_match FROM 'scores.parquet' ORDER BY id").fetchall()
    assert len(table) == 30
    assert dict(table)["q3"] == 0.0 and dict(table)["q4"] == 1.0

    (shell.directory / "scores.parquet").unlink()
    with outputs.open("a") as file:
        file.write('{"id": "broken"\n')
    refused = shell("score", outputs, "--scorers", "exact_match", "--to", "scores.parquet")
    assert (refused.status, refused.code) == (3, "data.malformed")
    assert "line 31" in refused.err
    assert not list(shell.directory.glob("*scores.parquet*")), "nothing was to be written"
    missing = shell("score", outputs, "--scorers", "exact_match", "--to", "no/such/folder/scores.parquet")
    assert missing.status == 3


# --- export


def test_jsonl_holds_every_item_whole(shell: Shell) -> None:
    shell.ok("run", shell.task())
    items = shell.items()
    assert [item["sample"]["id"] for item in items] == [f"q{i}" for i in range(6)]
    assert items[1]["output"]["messages"][-1] == {"role": "assistant", "content": "answer 1"}
    document = shell.ok("export", "last", "-o", "out.jsonl", "--json").json
    assert document == {"path": "out.jsonl", "format": "jsonl", "rows": 6}
    assert [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()] == items


def test_csv_and_parquet_hold_the_same_scores(shell: Shell) -> None:
    import duckdb

    shell.rows("data.jsonl", [*questions(5), {"id": "no,reference", "input": 'quote " and\nline'}])
    shell.ok("run", shell.task(epochs=2, scorers=["exact_match", "token_f1"]))
    shell.ok("export", "last", "--format", "csv", "-o", "out.csv")
    shell.ok("export", "last", "--format", "parquet", "-o", "out.parquet")
    with Path("out.csv").open(newline="") as file:
        from_csv = list(csv.DictReader(file))
    table = duckdb.sql("SELECT * FROM 'out.parquet'")
    from_parquet = [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]
    assert len(from_csv) == len(from_parquet) == 24
    for text, typed in zip(from_csv, from_parquet, strict=True):
        assert (text["sample_id"], int(text["epoch"]), text["scorer"], text["output"]) == (
            typed["sample_id"],
            typed["epoch"],
            typed["scorer"],
            typed["output"],
        )
        assert (float(text["value"]) if text["value"] else None) == typed["value"]
        assert (text["reason"] or None) == typed["reason"]
    unscored = [row for row in from_parquet if row["sample_id"] == "no,reference"]
    assert {(row["value"], row["reason"]) for row in unscored} == {(None, "sample has no reference")}


def test_parquet_does_not_go_to_a_terminal(shell: Shell) -> None:
    shell.ok("run", shell.task())
    assert shell("export", "last", "--format", "parquet").status == 2
    assert shell("export", "last", "--json").status == 2


def test_junit_is_xml_whatever_a_model_says(shell: Shell, server: ModelServer) -> None:
    server.answer = lambda body: "bell \x07, null \x00, <tag> & \ufffe \U0001f600"
    shell.rows("data.jsonl", [{"id": "a\x1b[0m", "input": "x", "reference": "y"}, {"id": "b", "input": "z"}])
    shell.ok("run", shell.task())
    root = ElementTree.fromstring(shell.ok("export", "last", "--format", "junit").out)
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("2", "1", "1")
    failure = root.find("testcase/failure")
    assert failure is not None
    assert failure.text == "bell \ufffd, null \ufffd, <tag> & \ufffd \U0001f600"
    skipped = root.find("testcase/skipped")
    assert skipped is not None and skipped.get("message") == "sample has no reference"


def test_markdown_has_the_figures(shell: Shell) -> None:
    run_id = shell.run(shell.task())["run_id"]
    lines = shell.ok("export", "last", "--format", "markdown").out.splitlines()
    assert lines[0] == "### echo · openai/m (done)"
    assert lines[4].startswith("| exact_match | 0.6667 | 0.3000 | 0.9032 | 6 | 0 | wilson |")
    assert run_id in lines[-1]


# --- compare and gate


@pytest.fixture
def better_and_worse(shell: Shell, server: ModelServer) -> tuple[str, str]:
    """Two runs: the second gives ten samples of forty away and wins none."""
    rows = [
        {**row, "cluster": f"c{i}", "critical": i == 1, "topic": "a", "choices": ["x", "y"]}
        for i, row in enumerate(questions(40, wrong_every=100))
    ]
    rows[5]["input"] = [{"role": "user", "content": "Say it.\nanswer 5"}]
    shell.rows("data.jsonl", rows)
    task = shell.task()
    good = shell.run(task)["run_id"]
    said = server.answer
    lost = {f"answer {i}" for i in range(1, 11)}
    server.answer = lambda body: "lost" if (text := said(body)) in lost else text
    worse = shell.run(task, "--no-cache")["run_id"]
    return good, worse


def test_flips_become_a_dataset_that_loads_again(shell: Shell, better_and_worse: tuple[str, str]) -> None:
    good, worse = better_and_worse
    said = shell.ok("compare", good, worse, "--flips", "lost.jsonl", "--json")
    lost = said.json["flips"]["lost"]
    assert {f"q{i}" for i in range(1, 11)} == set(lost)
    samples = open_samples("lost.jsonl")
    before = {sample.id: sample for sample in (open_samples("data.jsonl")[row] for row in range(40))}
    assert sorted(samples.ids()) == sorted(lost)
    for row in range(len(samples)):
        sample = samples[row]
        old = before[sample.id]
        assert (sample.input, sample.reference, sample.cluster, sample.critical, sample.choices) == (
            old.input,
            old.reference,
            old.cluster,
            old.critical,
            old.choices,
        )
        assert sample.metadata["topic"] == "a"
        assert sample.metadata["lost_in"] == worse
    shell.ok("run", shell.task("regression.yaml", dataset="lost.jsonl"))


def test_compare_says_what_happened_in_words(shell: Shell, better_and_worse: tuple[str, str]) -> None:
    text = shell.ok("compare", *better_and_worse).out
    assert "40 samples paired" in text
    assert "worse" in text
    assert max(len(line) for line in text.splitlines() if "  " in line) <= 80


def test_a_gate_passes_fails_and_cannot_tell(shell: Shell, better_and_worse: tuple[str, str]) -> None:
    good, worse = better_and_worse
    cases = [
        (["exact_match.low >= 0.5"], good, [], "pass", 0),
        (["exact_match.low >= 0.9"], worse, [], "fail", 1),
        (["exact_match.low >= 0.7"], worse, [], "inconclusive", 1),
        (["noninferior(exact_match, margin=0.02)"], worse, ["--baseline", good], "fail", 1),
        (["exact_match.low >= 0.5", "exact_match.low >= 0.99"], good, [], "inconclusive", 1),
    ]
    for rules, run, more, verdict, status in cases:
        flags = [part for rule in rules for part in ("--rule", rule)]
        said = shell("gate", run, *flags, *more, "--json")
        assert (said.json["verdict"], said.status) == (verdict, status), rules
        assert [rule["rule"] for rule in said.json["rules"]] == rules
        for rule in said.json["rules"]:
            assert {"value", "low", "high", "n", "method"} <= rule["estimate"].keys()
        assert shell("gate", run, *flags, *more).out.rstrip().endswith(verdict)
    undecided = shell("gate", worse, "--rule", "exact_match.low >= 0.7", "--json").json["rules"][0]
    assert undecided["needed_n"] is None or undecided["needed_n"] > 0


def test_a_gate_writes_junit_and_markdown(shell: Shell, better_and_worse: tuple[str, str]) -> None:
    good, worse = better_and_worse
    rules = ["exact_match.low >= 0.1", "exact_match.low >= 0.9", "noninferior(exact_match, margin=0.02)"]
    flags = [part for rule in rules for part in ("--rule", rule)]
    said = shell("gate", worse, "--baseline", good, *flags, "--junit", "gate.xml", "--markdown", "gate.md", "--json")
    assert said.status == 1
    root = ElementTree.parse("gate.xml").getroot()
    verdicts = [rule["verdict"] for rule in said.json["rules"]]
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == (
        "3",
        str(verdicts.count("fail")),
        str(verdicts.count("inconclusive")),
    )
    assert [case.get("name") for case in root.iter("testcase")] == rules
    markdown = Path("gate.md").read_text()
    assert markdown.startswith("### Gate: fail")
    assert all(f"| `{rule}` |" in markdown for rule in rules)


def test_a_relative_rule_needs_a_baseline(shell: Shell) -> None:
    shell.ok("run", shell.task())
    said = shell("gate", "last", "--rule", "noninferior(exact_match, margin=0.02)")
    assert said.status == 3
    assert "--baseline" in said.err


def test_runs_that_share_nothing_cannot_be_compared(shell: Shell) -> None:
    one: Any = shell.run(shell.task())["run_id"]
    two = shell.run(shell.task("other.yaml", scorers=["token_f1"]))["run_id"]
    assert shell("compare", one, two).code == "compare.no_scorer"
    shell.rows("else.jsonl", [{"id": "z", "input": "z", "reference": "z"}])
    three = shell.run(shell.task("else.yaml", dataset="else.jsonl"))["run_id"]
    said = shell("compare", one, three)
    assert said.status == 3
