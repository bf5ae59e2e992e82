"""Every command, with and without ``--json``: one document, documented shapes, statuses, tables of 80 columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_shell import Shell
from docs.generators.commands import all_commands

from assay.cli.main import COMMANDS

ESTIMATE = {"value", "low", "high", "n", "confidence", "method"}
USAGE = {"requests", "cached", "input_tokens", "output_tokens", "cost_usd", "unpriced_requests"}


@pytest.fixture
def two_runs(shell: Shell) -> Shell:
    """A shell with two runs of one task, the second with another model."""
    task = shell.task(scorers=["exact_match", "token_f1"])
    shell.ok("run", task)
    shell.ok("run", task, "--model", "openai/gpt-4o-mini")
    return shell


def is_estimate(document: Any) -> bool:
    return document.keys() >= ESTIMATE


@pytest.mark.parametrize("command", all_commands())
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself(shell: Shell, command: str, flag: str) -> None:
    said = shell.ok(*command.split(), flag)
    assert said.out.startswith(f"Usage: assay {command}")
    assert "--json" in said.out
    assert list(shell.directory.iterdir()) == [shell.directory / "data.jsonl"]


def test_the_program_lists_its_commands_and_its_version(shell: Shell) -> None:
    said = shell.ok("-h")
    assert all(f"  {command} " in said.out for command in COMMANDS)
    assert shell.ok("--version").out.startswith("assay, version ")


def test_run_prints_the_documented_document(shell: Shell) -> None:
    said = shell.ok("run", shell.task(), "--json")
    document = said.json
    assert said.err == ""
    assert document["schema"] == "assay.run/1"
    assert (document["task"], document["model"], document["status"]) == ("echo", "openai/m", "done")
    assert document["manifest"].startswith("sha256:")
    assert document["run_id"].startswith("run_")
    samples = document["samples"]
    assert (samples["planned"], samples["scored"], samples["unscored"], samples["by_reason"]) == (6, 6, 0, {})
    assert is_estimate(document["metrics"]["exact_match"])
    assert document["metrics"]["exact_match"]["value"] == pytest.approx(4 / 6)
    assert document["usage"].keys() >= USAGE
    assert (document["usage"]["requests"], document["usage"]["cached"]) == (6, 0)
    assert document["usage"]["cost_usd"] is None  # nobody knows the price of openai/m
    assert document["usage"]["unpriced_requests"] == 6
    assert document["seconds"] > 0


def test_run_and_show_print_the_same_figures(two_runs: Shell) -> None:
    run = two_runs.run("eval.yaml")
    shown = two_runs.ok("show", "last", "--json").json
    assert {key: shown[key] for key in run} == run
    assert shown["manifest_document"]["selection"] == {"limit": None, "seed": 0, "samples": 6}


def commands_that_look(run: str) -> list[list[str]]:
    return [
        ["runs"],
        ["show", run],
        ["show", run, "--sample", "q1"],
        ["compare", run, "last"],
        ["gate", run, "--rule", "exact_match.low >= 0.1"],
        ["tasks"],
        ["tasks", "gsm8k"],
        ["tasks", "--scorers"],
        ["models"],
        ["models", "openai/gpt-4o-mini"],
        ["config"],
        ["schema", "suite"],
        ["plan", "eval.yaml"],
        ["resume", run],
        ["reproduce", run],
        ["run", "eval.yaml"],
    ]


def test_json_is_one_document_and_nothing_else(two_runs: Shell) -> None:
    run = two_runs.ok("runs", "--json").json["runs"][1]["run_id"]
    for command in commands_that_look(run):
        said = two_runs.ok(*command, "--json")
        assert isinstance(said.json, dict), command
        assert said.err == "", command


def test_tables_fit_eighty_columns(two_runs: Shell) -> None:
    run = two_runs.ok("runs", "--json").json["runs"][1]["run_id"]
    for command in commands_that_look(run):
        if command[0] in ("schema", "models") or command[:2] == ["tasks", "gsm8k"]:
            continue  # JSON, addresses and sentences
        if command[0] == "reproduce":
            continue  # one sentence
        said = two_runs.ok(*command)
        table = [line for line in said.out.splitlines() if "  " in line.strip()]
        assert table, command
        assert max(map(len, table)) <= 80, "\n".join([*command, *table])


def test_long_names_lose_their_middle_and_not_the_table(shell: Shell) -> None:
    long = "a-task-with-a-name-that-nobody-would-choose-but-somebody-did"
    shell.ok("run", shell.task(task=long, model="openai/some-company/some-model-7b-instruct-v0.3-awq-4bit"))
    lines = shell.ok("runs").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "a-task" in lines[1] and "…" in lines[1] and lines[1].split()[0].startswith("run_")
    assert len(lines[1].split()[0]) == 30  # ids are for copying


def test_show_of_one_sample_has_messages_and_scores(two_runs: Shell) -> None:
    text = two_runs.ok("show", "last", "--sample", "q0").out
    assert "[user]\nSay it.\nanswer 0\n" in text
    assert "[assistant]\nanswer 0\n" in text
    assert "reference: else" in text
    document = two_runs.ok("show", "last", "--sample", "q0", "--json").json
    assert [score["value"] for score in document["scores"]] == [0.0, 0.0]
    assert document["output"]["text"] == "answer 0"


def test_runs_can_be_narrowed(two_runs: Shell) -> None:
    runs = two_runs.ok("runs", "--json").json["runs"]
    assert [run["model"] for run in runs] == ["openai/gpt-4o-mini", "openai/m"]  # newest first
    only = two_runs.ok("runs", "--model", "openai/m", "--json").json["runs"]
    assert [run["run_id"] for run in only] == [runs[1]["run_id"]]
    assert two_runs.ok("runs", "--task", "other", "--json").json == {"runs": []}
    assert len(two_runs.ok("runs", "--limit", "1", "--json").json["runs"]) == 1


def test_a_run_can_be_named_by_the_beginning_of_its_id(two_runs: Shell) -> None:
    run = two_runs.ok("runs", "--json").json["runs"][0]["run_id"]
    assert two_runs.ok("show", run[:-2], "--json").json["run_id"] == run
    assert two_runs("show", "run_", "--json").code == "run.ambiguous"


def test_compare_prints_the_documented_document(two_runs: Shell) -> None:
    older = two_runs.ok("runs", "--json").json["runs"][1]["run_id"]
    document = two_runs.ok("compare", older, "last", "--json").json
    assert document["baseline"] == older
    assert document["paired_samples"] == 6
    metric = document["metrics"]["exact_match"]
    assert is_estimate(metric["baseline"]) and is_estimate(metric["candidate"]) and is_estimate(metric["difference"])
    assert metric["difference"]["value"] == 0.0
    assert metric["verdict"] in ("better", "worse", "equivalent", "undecided")
    assert {"p_value", "p_adjusted", "test", "effect_size", "sentence"} <= metric.keys()
    assert document["flips"] == {"gained": [], "lost": []}
    assert isinstance(document["what_broke"], list)


def test_plan_says_what_a_run_would_take_and_makes_nothing(shell: Shell, server: Any) -> None:
    task = shell.task(epochs=2, model="openai/gpt-4o-mini")
    document = shell.ok("plan", task, "--limit", "5", "--json").json
    assert (document["samples"], document["population"], document["calls"]) == (5, 6, 10)
    assert document["output_tokens_max"] == 20
    dollars = (document["input_tokens"] * 0.15 + 20 * 0.6) / 1e6
    assert document["cost_usd_max"] == pytest.approx(dollars)
    assert server.requests == 0
    assert not (shell.directory / ".assay").exists()


def test_usage_errors_are_json_too(shell: Shell) -> None:
    for command, near in ((["rnu"], "did you mean 'run'"), (["runs", "--limti", "3"], "--limit"), (["show"], "RUN_ID")):
        said = shell(*command)
        assert (said.status, said.out) == (2, "")
        assert near in said.err
        with_json = shell(*command, "--json")
        assert with_json.status == 2
        assert with_json.code == "cli.usage"
        assert near in with_json.json["error"]["message"]
        assert with_json.err == ""


def test_errors_are_json_too(shell: Shell) -> None:
    said = shell("run", "gsm9k", "--model", "openai/m", "--json")
    assert said.status == 3
    assert said.err == ""
    assert said.json["error"].keys() == {"code", "message", "hint", "details"}
    assert "did you mean 'gsm8k'" in said.json["error"]["hint"]
    text = shell("run", "gsm9k", "--model", "openai/m")
    assert (text.status, text.out) == (3, "")
    assert text.err.splitlines()[0] == f"error[task.unknown]: {said.json['error']['message']}"
    assert text.err.splitlines()[1] == f"  hint: {said.json['error']['hint']}"


@pytest.mark.parametrize("command", [["export", "last", "-o"], ["compare", "last", "last", "--flips"]])
def test_a_file_that_cannot_be_written_is_an_error_and_not_a_crash(shell: Shell, command: list[str]) -> None:
    shell.ok("run", shell.task())
    said = shell(*command, "missing/folder/out.jsonl")
    assert (said.status, said.code) == (3, "file.unusable")
    assert "missing/folder" in said.err


def test_one_progress_line_goes_to_stderr_where_there_is_no_terminal(shell: Shell) -> None:
    said = shell.ok("run", shell.task())
    assert said.err.startswith("run run_") and "6 to do" in said.err
    assert json.dumps(said.out).count("run_") == 1


def test_results_can_be_piped_into_something_that_stops_reading(shell: Shell) -> None:
    shell.rows("data.jsonl", [{"id": str(i), "input": "x" * 2000, "reference": "x"} for i in range(200)])
    shell.ok("run", shell.task())
    child = shell.start("export", "last")
    assert child.stdout is not None and child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert (child.wait(), said) == (1, "")  # silent, and no pass for a gate whose verdict nobody read


def test_report_writes_one_page(two_runs: Shell) -> None:
    path = Path(two_runs.ok("report", "last", "--json").json["report"])
    assert "<html" in path.read_text(encoding="utf-8")
    document = two_runs.run("eval.yaml", "--report")
    assert Path(document["report"]).exists()
