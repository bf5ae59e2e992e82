"""A run whose process was killed (-9), or is held by a machine that nobody can ask."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from cli_shell import Shell, questions

from assay.testing.server import ModelServer


def killed(shell: Shell, server: ModelServer, *, after: int = 8) -> str:
    """Start a run of forty samples and kill it; its id."""
    server.delay_s = 0.02
    shell.rows("data.jsonl", questions(40))
    child = shell.start("run", shell.task(limits={"concurrency": 2}))
    try:
        assert child.stderr is not None
        run_id = child.stderr.readline().split()[1].rstrip(":")
        deadline = time.monotonic() + 20
        while server.requests < after:
            assert time.monotonic() < deadline, "the run never got to its calls"
            time.sleep(0.005)
    finally:
        child.kill()
        child.communicate()
    server.delay_s = 0.0
    return run_id


def hold_elsewhere(shell: Shell, run_id: str) -> None:
    with sqlite3.connect(shell.directory / ".assay" / "assay.db") as connection:
        connection.execute(
            "INSERT OR REPLACE INTO lease VALUES (?, 'elsewhere', 7, '', '2026-01-01T00:00:00+00:00')", (run_id,)
        )
        connection.execute("UPDATE run SET status = 'running' WHERE run_id = ?", (run_id,))
    connection.close()


def test_a_killed_run_is_interrupted_and_says_how_to_go_on(shell: Shell, server: ModelServer) -> None:
    run_id = killed(shell, server)
    hint = f"assay resume {run_id}"
    said = shell.ok("runs")
    assert "interrupted" in said.out
    assert said.err == f"1 interrupted; go on with: {hint}\n"
    (row,) = shell.ok("runs", "--json").json["runs"]
    assert (row["status"], row["hint"]) == ("interrupted", hint)

    said = shell.ok("show", run_id)
    assert "· interrupted" in said.out
    assert "of 40 items finished" in said.out
    assert "0 of 40 samples scored" not in said.out
    assert said.err == f"go on with: {hint}\n"
    document = shell.ok("show", run_id, "--json").json
    assert (document["status"], document["hint"], document["holder"]) == ("interrupted", hint, None)
    assert document["live"]["planned"] == 40
    assert "interrupted" in shell.ok("export", run_id, "--format", "markdown").out

    assert shell.ok("resume", run_id, "--json").json["samples"]["scored"] == 40
    (row,) = shell.ok("runs", "--json").json["runs"]
    assert (row["status"], row["hint"]) == ("done", None)
    assert shell.ok("runs").err == ""


def test_a_run_held_elsewhere_is_taken_only_with_steal(shell: Shell, server: ModelServer) -> None:
    run_id = shell.run(shell.task())["run_id"]
    hold_elsewhere(shell, run_id)
    (row,) = shell.ok("runs", "--json").json["runs"]
    assert (row["status"], row["hint"]) == ("running", None)  # for all that is known here
    holder = {"host": "elsewhere", "pid": 7, "since": "2026-01-01T00:00:00+00:00"}
    assert shell.ok("show", run_id, "--json").json["holder"] == holder

    refused = shell("resume", run_id)
    assert (refused.status, refused.code) == (3, "run.held")
    assert "held by process 7 on elsewhere since 2026-01-01T00:00:00+00:00" in refused.err
    assert f"assay resume {run_id} --steal" in refused.err
    asked = server.requests
    taken = shell.ok("resume", run_id, "--steal")
    assert "taken from process 7 on elsewhere, which held it since 2026-01-01T00:00:00+00:00" in taken.err
    assert "6 of 6 samples scored" in taken.out
    assert server.requests == asked
    assert shell.ok("show", run_id, "--json").json["status"] == "done"
    again = shell.ok("resume", run_id, "--steal")  # nobody holds it: nothing to say
    assert "taken" not in again.err


def test_steal_with_json_prints_one_document(shell: Shell) -> None:
    run_id = shell.run(shell.task())["run_id"]
    hold_elsewhere(shell, run_id)
    said = shell.ok("resume", run_id, "--steal", "--json")
    assert (said.json["status"], said.err) == ("done", "")


def test_a_living_process_of_this_machine_is_not_robbed(shell: Shell, server: ModelServer) -> None:
    server.delay_s = 0.2
    shell.rows("data.jsonl", questions(40))
    child = shell.start("run", shell.task(limits={"concurrency": 1}))
    try:
        assert child.stderr is not None
        run_id = child.stderr.readline().split()[1].rstrip(":")
        said = shell("resume", run_id, "--steal")
        assert (said.status, said.code) == (3, "run.held")
        assert "--steal" not in said.err
        assert f"held by process {child.pid}" in shell.ok("show", run_id).out
    finally:
        child.kill()
        child.communicate()


def test_a_new_run_is_held_before_it_can_be_seen(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.stores.sqlite import metadata

    seen = []
    create = metadata.SqliteMetadata.create_run

    def watched(self: metadata.SqliteMetadata, record: metadata.RunRecord) -> None:
        seen.append(self.holder(record.run_id))
        create(self, record)

    monkeypatch.setattr(metadata.SqliteMetadata, "create_run", watched)
    shell.ok("run", shell.task())
    assert [holder is not None for holder in seen] == [True]
    assert Path(".assay").is_dir()
