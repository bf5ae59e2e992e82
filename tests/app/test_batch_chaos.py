"""Killed while a batch is on, a run fetches it when it goes on; runs side by side share it. Nothing is sent twice."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_chaos import finish, rows, start, usage

from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow

SAMPLES = 40
NEVER_NAMED = """
import os, signal
from assay.stores.sqlite.journal import SqliteJournal
def deadly(self, token, provider_id):
    os.kill(os.getpid(), signal.SIGKILL)
SqliteJournal.name_batch = deadly
from assay.cli.main import main
main()
"""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with ModelServer(batch_ms=getattr(request, "param", 2000)) as running:
        yield running


def task_file(folder: Path, *, first: int = 0, count: int = SAMPLES, model: str = "openai/gpt-4o-mini") -> Path:
    lines = [
        json.dumps({"id": f"q{n}", "input": f"say\nanswer {n}", "reference": f"answer {n % 9}"})
        for n in range(first, first + count)
    ]
    (folder / f"data{first}.jsonl").write_text("\n".join(lines))
    file = folder / f"eval{first}.yaml"
    file.write_text(
        f"task: batched\ndataset: data{first}.jsonl\nprompt: '{{{{ input }}}}'\nmodel: {model}\n"
        "generate: {max_tokens: 20}\nscorers: [exact_match]\nlimits: {batch: {poll_s: 0.2}}\n"
    )
    return file


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not true():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def each_once(server: ModelServer, count: int) -> bool:
    asked = [json.dumps(body, sort_keys=True) for body in server.batches.bodies]
    return len(asked) == len(set(asked)) == count


def compare_with_calm(tmp_path: Path, task: Path, server: ModelServer) -> None:
    assert each_once(server, SAMPLES)
    finish(["run", str(task), "--store", str(tmp_path / "calm")], server)
    assert rows(tmp_path / "chaos") == rows(tmp_path / "calm")
    assert usage(tmp_path / "chaos") == usage(tmp_path / "calm")


def test_a_run_killed_while_it_waits_fetches_its_batch_when_it_goes_on(tmp_path: Path, server: ModelServer) -> None:
    task, store = task_file(tmp_path), ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), *store], server)
    wait_until(lambda: any(call.path.endswith("/batch_0") for call in server.calls))
    child.send_signal(signal.SIGKILL)
    child.communicate()
    finish(["resume", "last", *store], server)
    compare_with_calm(tmp_path, task, server)


def test_a_run_killed_before_the_name_was_written_down_finds_its_batch(tmp_path: Path, server: ModelServer) -> None:
    task, store = task_file(tmp_path), ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), *store], server, [sys.executable, "-c", NEVER_NAMED])
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    finish(["resume", "last", *store], server)
    compare_with_calm(tmp_path, task, server)


@pytest.mark.parametrize("server", [1500], indirect=True)
def test_kills_at_random_moments_send_nothing_twice(tmp_path: Path, server: ModelServer) -> None:
    task, store = task_file(tmp_path), ["--store", str(tmp_path / "chaos")]
    rng = random.Random(3)
    child = start(["run", str(task), *store], server)
    wait_until(lambda: bool(server.batches.sizes))
    for _ in range(6):
        time.sleep(rng.uniform(0.0, 0.9))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        child = start(["resume", "last", *store], server)
    _, said = child.communicate()
    assert child.returncode == 0, said.decode()
    compare_with_calm(tmp_path, task, server)


def test_ctrl_c_says_that_the_batch_goes_on_and_how_to_fetch_it(tmp_path: Path, server: ModelServer) -> None:
    task, store = task_file(tmp_path), ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), *store], server)
    wait_until(lambda: any(call.path.endswith("/batch_0") for call in server.calls))
    child.send_signal(signal.SIGINT)
    _, said = child.communicate()
    assert child.returncode == 130
    lines = said.decode().splitlines()
    assert any(f"waiting for {SAMPLES} answers of openai/gpt-4o-mini in batch batch_0, sent " in line for line in lines)
    assert any(f"{SAMPLES} requests go on in a batch at the provider; fetch the answers with: assay resume run_" in line for line in lines)  # fmt: skip  # noqa: E501
    finish(["resume", "last", *store], server)
    compare_with_calm(tmp_path, task, server)


def test_a_time_limit_ends_the_waiting_and_a_resume_fetches_the_batch(tmp_path: Path, server: ModelServer) -> None:
    task, store = task_file(tmp_path), ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), *store, "--timeout", "2"], server)
    _, said = child.communicate()
    assert child.returncode == 3, said.decode()
    finish(["resume", "last", *store], server)
    compare_with_calm(tmp_path, task, server)


def test_runs_side_by_side_share_what_waits(tmp_path: Path, server: ModelServer) -> None:
    store = ["--store", str(tmp_path / "shared")]
    first, second = task_file(tmp_path), task_file(tmp_path, first=30)
    child = start(["run", str(first), *store], server)
    wait_until(lambda: bool(server.batches.sizes))
    beside = start(["run", str(second), *store, "--json"], server)
    for run in (child, beside):
        _, said = run.communicate()
        assert run.returncode == 0, said.decode()
    assert each_once(server, 70)
    listed = subprocess.run(
        [sys.executable, "-m", "assay.cli.main", "runs", "--json", *store], capture_output=True, check=True
    )
    counts = sorted((run["usage"]["requests"], run["usage"]["cached"]) for run in json.loads(listed.stdout)["runs"])
    assert counts == [(30, 10), (40, 0)]


def test_anthropics_batch_is_fetched_too(tmp_path: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.base_url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    task, store = task_file(tmp_path, model="anthropic/claude-sonnet-4-5"), ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), *store], server)
    wait_until(lambda: any(call.path.endswith("/msgbatch_0") for call in server.calls))
    child.send_signal(signal.SIGKILL)
    child.communicate()
    finish(["resume", "last", *store], server)
    compare_with_calm(tmp_path, task, server)
