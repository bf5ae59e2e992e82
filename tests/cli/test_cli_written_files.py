"""What a command is to write is looked at before it works: never over what it reads, never where it cannot be."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence

import pytest
from cli_shell import Shell

from assay.testing.server import ModelServer

CASES: Sequence[tuple[str, Sequence[str]]] = [
    ("file.csv", ["judge", "calibrate", "file.csv", "--out", "file.csv"]),
    ("file.csv", ["judge", "calibrate", "file.csv", "--out", "map.json", "--report", "./file.csv"]),
    ("labels.csv", ["judge", "calibrate", "file.csv", "--labels", "labels.csv", "--out", "labels.csv"]),
    ("file.csv", ["judge", "distill", "file.csv", "--text", "answer", "--out", "file.csv"]),
    ("file.csv", ["judge", "distill", "SELECT * FROM 'file.csv'", "--out", "file.csv"]),
    ("file.csv", ["judge", "distill", "SELECT * FROM 'f*.csv'", "--out", "file.csv"]),
    ("file.csv", ["judge", "card", "file.csv", "--report", "file.csv"]),
    ("file.csv", ["metric", "validate", "file.csv", "--metric", "verdict", "--report", "file.csv"]),
    ("data.jsonl", ["judge", "attack", "helpfulness", "-m", "openai/m", "--items", "data.jsonl",
                    "--report", "data.jsonl"]),
    ("judges/tone.yaml", ["judge", "attack", "tone", "--items", "data.jsonl", "--report", "judges/tone.yaml"]),
    ("file.csv", ["cascade", "simulate", "file.csv", "--tier", "j=verdict", "--tier", "h=human",
                  "--report", "file.csv"]),
    ("file.csv", ["cascade", "plan", "--tier", "j=1", "--volume", "9", "--shares", "9%", "--pilot", "file.csv",
                  "--report", "file.csv"]),
    ("file.csv", ["agreement", "file.csv", "--output", "file.csv"]),
    ("file.csv", ["agreement", "file.csv", "--report", "file.csv"]),
    ("file.csv", ["rank", "file.csv", "--report", "file.csv"]),
    ("file.csv", ["forecast", "file.csv", "--state", "verdict", "--report", "file.csv"]),
    ("file.csv", ["fairness", "file.csv", "--group", "system", "--outcome", "verdict", "--report", "file.csv"]),
    ("ab.yaml", ["experiment", "analyze", "ab.yaml", "file.csv", "--report", "ab.yaml"]),
    ("file.csv", ["experiment", "assign", "ab.yaml", "file.csv", "--output", "file.csv"]),
    ("data.jsonl", ["score", "data.jsonl", "--scorers", "length", "--to", "data.jsonl"]),
    ("data.jsonl", ["export", "last", "--output", "data.jsonl"]),
    ("data.jsonl", ["report", "last", "--output", "data.jsonl"]),
    ("data.jsonl", ["compare", "last", "last", "--flips", "data.jsonl"]),
    ("data.jsonl", ["gate", "last", "--rule", "exact_match >= 0", "--junit", "data.jsonl"]),
    ("data.jsonl", ["cascade", "queue", "last", "--output", "data.jsonl"]),
]  # fmt: skip


@pytest.fixture
def files(shell: Shell) -> Shell:
    """Verdicts, labels, the file of an experiment and of a judge; and a run of ``data.jsonl``."""
    with (shell.directory / "file.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ("id", "answer", "verdict", "human", "system"),
                *((f"i{k}", f"a {k}", k % 5, k % 5, "s") for k in range(40)),
            ]
        )
    shell.write("labels.csv", "id,human\ni0,1\n")
    shell.write("ab.yaml", {"experiment": "ab"})
    (shell.directory / "judges").mkdir()
    shell.write("judges/tone.yaml", {"judge": "tone", "model": "openai/m"})
    return shell


@pytest.mark.parametrize(("kept", "command"), CASES, ids=[" ".join(command)[:60] for _, command in CASES])
def test_a_command_never_writes_over_what_it_reads(files: Shell, kept: str, command: Sequence[str]) -> None:
    if "last" in command:
        files.ok("run", files.task())
    before = (files.directory / kept).read_bytes()
    said = files(*command)
    assert (said.status, said.code) == (3, "file.is_input"), said.out + said.err
    assert (files.directory / kept).read_bytes() == before


def test_a_link_to_what_is_read_is_seen_through(files: Shell) -> None:
    (files.directory / "alias.html").symlink_to("file.csv")
    assert files("judge", "card", "file.csv", "--report", "alias.html").code == "file.is_input"


def test_two_outputs_in_one_file_are_refused(files: Shell) -> None:
    said = files("judge", "calibrate", "file.csv", "--out", "one.json", "--report", "one.json")
    assert (said.status, said.code) == (3, "file.twice")
    assert not (files.directory / "one.json").exists()


@pytest.mark.parametrize("place", ["no/report.json", "file.csv/report.json"])
def test_a_place_that_cannot_be_written_is_found_before_a_judge_is_paid(
    files: Shell, server: ModelServer, place: str
) -> None:
    files.rows("items.jsonl", [{"id": "a", "input": "Hi", "output": "Hello"}])
    said = files("judge", "attack", "helpfulness", "-m", "openai/m", "--items", "items.jsonl", "--report", place)
    assert (said.status, said.code, server.requests) == (3, "report.unwritable", 0)


def test_what_a_run_has_exported_before_is_written_over(files: Shell) -> None:
    files.ok("run", files.task())
    files.ok("export", "last", "--output", "items.jsonl")
    files.ok("export", "last", "--output", "items.jsonl")
    assert len([json.loads(line) for line in (files.directory / "items.jsonl").read_text().splitlines()]) == 6
