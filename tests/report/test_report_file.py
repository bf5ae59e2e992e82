"""The self-contained file, the commands that make pages, and the quickstart's report."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from made_runs import HOSTILE, MATCH, hostile_item, make_items, make_run

from assay.app.wiring import App
from assay.cli.main import cli
from assay.core.errors import ConfigError, NotFoundError, StoreError
from assay.report import write
from assay.report.write import report_page, write_report
from assay.server.serve import _listen


def rows_of(page: str) -> list[dict[str, Any]]:
    found = re.search(r'<script type="application/json" id="report-rows">(.*?)</script>', page, re.DOTALL)
    assert found
    rows: list[dict[str, Any]] = json.loads(found[1])["rows"]
    return rows


def test_the_file_holds_everything_and_refers_to_nothing(shared: App) -> None:
    newest, older = (record.run_id for record in shared.store.metadata.runs(limit=2))
    page = report_page(shared, newest, baseline=older).decode()
    markup = re.sub(r"<script>.*?</script>|<!--.*?-->", "", page, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', markup) == []
    assert "@import" not in page
    assert "url(" not in re.findall(r"<style>(.*?)</style>", page, re.DOTALL)[0]
    assert len(rows_of(page)) == 120
    assert rows_of(page)[3]["id"] == "ticket-0003"
    assert "What broke" in page
    assert "University of Washington" in page  # the scripts' licence goes where they go


def test_only_the_scripts_inside_are_allowed_to_run(shared: App) -> None:
    page = report_page(shared, shared.store.metadata.run("last").run_id).decode()
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0].replace("&#39;", "'")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(scripts) == 5
    for text in [*scripts, *style]:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_a_large_run_is_cut_and_says_so(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "ROWS", 7)
    monkeypatch.setattr(write, "TEXT_CHARS", 10)
    run_id = make_run(app, make_items(12))
    page = report_page(app, run_id).decode()
    assert len(rows_of(page)) == 7
    assert "The first 7 of 12 rows" in page
    assert "characters in all)" in rows_of(page)[0]["output"]


def test_hostile_texts_stay_data(app: App) -> None:
    first = make_run(app, [hostile_item(0), hostile_item(1, right=False)], task=HOSTILE, model=HOSTILE, scorers=[MATCH])
    second = make_run(app, [hostile_item(0, right=False), hostile_item(1)], task=HOSTILE, scorers=[MATCH], at=1)
    page = report_page(app, second, baseline=first).decode()
    assert rows_of(page)[0]["output"].startswith(HOSTILE)
    assert len(re.findall(r"<script>", page)) == 5
    assert "<img src=x" not in page
    assert "<script>window" not in page


def test_the_report_goes_into_the_store_or_where_it_is_told(app: App, tmp_path: Path) -> None:
    run_id = make_run(app, make_items(3))
    kept = Path(write_report(app, "last"))
    assert kept.parts[-2:] == ("reports", f"{run_id}.html")
    told = tmp_path / "out.html"
    assert write_report(app, run_id, path=str(told)) == str(told)
    assert told.read_bytes() == kept.read_bytes()
    with pytest.raises(StoreError, match="could not be written"):
        write_report(app, run_id, path=str(tmp_path / "no" / "such" / "folder.html"))
    with pytest.raises(NotFoundError):
        write_report(app, "run_nope")


def test_the_report_command_prints_the_path(app: App, tmp_path: Path) -> None:
    make_run(app, make_items(3))
    store = str(tmp_path / "store")
    said = CliRunner().invoke(cli, ["report", "last", "--store", store, "--output", str(tmp_path / "r.html")])
    assert (said.exit_code, said.stdout.strip()) == (0, str(tmp_path / "r.html"))
    said = CliRunner().invoke(cli, ["report", "last", "--store", store, "--json"])
    assert Path(json.loads(said.stdout)["report"]).is_file()


def test_a_run_that_is_not_there_is_said_before_anything_is_served(tmp_path: Path) -> None:
    said = CliRunner().invoke(cli, ["view", "run_nope", "--store", str(tmp_path)])
    assert isinstance(said.exception, NotFoundError)


def test_a_taken_port_has_its_error() -> None:
    with _listen(0) as taken, pytest.raises(ConfigError) as refused:
        _listen(taken.getsockname()[1])
    assert refused.value.code == "view.port"


def test_view_serves_until_it_is_interrupted(app: App, tmp_path: Path) -> None:
    run_id = make_run(app, make_items(3))
    command = [sys.executable, "-m", "assay.cli.main", "view", "last", "--json", "--store", str(tmp_path / "store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout and server.stderr
        try:
            address = json.loads("".join(server.stdout.readline() for _ in range(3)))["url"]
            assert re.fullmatch(rf"http://127\.0\.0\.1:\d+/runs/{run_id}", address)
            with urllib.request.urlopen(address, timeout=20) as reply:
                assert "support-tone" in reply.read().decode()
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(timeout=20) == 0
        assert server.stderr.read() == ""
