"""Killed anywhere on its way up the tiers, a run ends with the verdicts of an undisturbed one, none paid twice."""

from __future__ import annotations

import json
import random
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from test_chaos import DYING, finish, rows, start, usage

from assay.engine.run import STEPS
from assay.stores import open_store
from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow

SAMPLES, KILLS, IN_FLIGHT = 120, 8, 8
CALLS = SAMPLES + SAMPLES // 2 + SAMPLES // 4
FORGETTING = """
import os, signal, sys
from assay.stores.sqlite.journal import SqliteJournal
forget = SqliteJournal.forget_items
def deadly(self, run_id, keys=None):
    forget(self, run_id, keys)
    if keys is not None:
        os.kill(os.getpid(), signal.SIGKILL)
SqliteJournal.forget_items = deadly
from assay.cli.main import main
main()
"""


def answer(body: Mapping[str, Any]) -> str:
    text = "\n".join(str(message["content"]) for message in body["messages"])
    if body["model"] == "gen":
        number = int(re.findall(r"number (\d+)", text)[-1])
        return f"level-{1 + number % 5}-of-5"
    level = int(re.findall(r"level-(\d)-of-5", text)[-1])
    return json.dumps({"score": min(5, level + 1) if body["model"] == "small" else level})


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with ModelServer(answer=answer, delay_ms=getattr(request, "param", 2)) as running:
        yield running


@pytest.fixture
def task(tmp_path: Path) -> Path:
    lines = [json.dumps({"id": f"q{i}", "input": f"question number {i}"}) + "\n" for i in range(SAMPLES)]
    (tmp_path / "data.jsonl").write_text("".join(lines))
    file = tmp_path / "eval.yaml"
    file.write_text(
        "task: chaos\ndataset: data.jsonl\nprompt: '{{ input }}'\nmodel: openai/gen\n"
        "cascade:\n"
        "  - {tier: programmatic, scorers: [length]}\n"
        "  - {tier: fast, judge: 'helpfulness@openai/small', share: 0.5}\n"
        "  - {tier: strong, judge: 'helpfulness@openai/large', share: 0.25}\n"
        f"limits: {{concurrency: {IN_FLIGHT}}}\n"
    )
    return file


def figures(store: Path) -> Any:
    opened = open_store(store, read_only=True)
    try:
        summary = opened.metadata.run("last").summary
        return summary["cascade"], summary["metrics"]
    finally:
        opened.close()


def the_same(first: Path, second: Path) -> None:
    assert rows(first) == rows(second)
    assert figures(first) == figures(second)
    assert usage(first) == usage(second)


@pytest.mark.parametrize("position", range(len(STEPS)))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_a_step_boundary_asks_nobody_twice(
    tmp_path: Path, task: Path, server: ModelServer, position: int, when: str
) -> None:
    store = ["--store", str(tmp_path / "chaos")]
    child = start([str(position), when, "run", str(task), *store], server, [sys.executable, "-c", DYING])
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    finish(["resume", "last", *store], server)
    assert server.requests == CALLS
    finish(["run", str(task), "--store", str(tmp_path / "calm")], server)
    the_same(tmp_path / "chaos", tmp_path / "calm")


def test_a_kill_between_two_writes_of_the_verdicts_loses_none(tmp_path: Path, task: Path, server: ModelServer) -> None:
    store = ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), *store], server, [sys.executable, "-c", FORGETTING])
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    finish(["resume", "last", *store], server)
    assert server.requests == CALLS
    finish(["run", str(task), "--store", str(tmp_path / "calm")], server)
    the_same(tmp_path / "chaos", tmp_path / "calm")


@pytest.mark.parametrize("server", [150], indirect=True)
def test_kills_at_random_moments_repeat_no_more_than_was_in_flight(
    tmp_path: Path, task: Path, server: ModelServer
) -> None:
    finish(["run", str(task), "--store", str(tmp_path / "calm")], server)
    assert server.requests == CALLS
    rng, store = random.Random(8), ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), *store], server)
    landed = 0
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.5, 1.2))
        landed += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.communicate()
        child = start(["resume", "last", *store], server)
    _, said = child.communicate()
    assert child.returncode == 0, said.decode()
    assert landed >= KILLS // 2, "most runs ended before they were killed: the test must be slower"
    assert server.requests - 2 * CALLS <= KILLS * IN_FLIGHT
    the_same(tmp_path / "chaos", tmp_path / "calm")


@pytest.mark.parametrize("asked", [5, 27])
@pytest.mark.parametrize("server", [20], indirect=True)
def test_a_kill_under_a_stopping_rule_leaves_no_trace(
    tmp_path: Path, task: Path, server: ModelServer, asked: int
) -> None:
    rule = "until: half_width <= 0.1\n"
    task.write_text(task.read_text().replace("0.5", "1").replace("0.25", "0.5") + rule)
    finish(["run", str(task), "--store", str(tmp_path / "calm")], server)
    calm = server.requests
    assert 2 * SAMPLES + 27 < calm < 2 * SAMPLES + SAMPLES // 2
    store = ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), *store], server)
    deadline = time.monotonic() + 60
    while server.requests < calm + 2 * SAMPLES + asked and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    finish(["resume", "last", *store], server)
    assert server.requests - 2 * calm <= IN_FLIGHT
    the_same(tmp_path / "chaos", tmp_path / "calm")


@pytest.mark.parametrize("server", [60], indirect=True)
def test_ctrl_c_among_the_tiers_prints_what_is_there_and_goes_on(
    tmp_path: Path, task: Path, server: ModelServer
) -> None:
    store = ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), "--json", *store], server)
    deadline = time.monotonic() + 60
    while server.requests < SAMPLES + 20:
        assert time.monotonic() < deadline, "no tier was ever asked"
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    child.communicate()
    assert child.returncode == 130
    cascade, _ = figures(tmp_path / "chaos")
    assert cascade["these_items"]["degraded"]
    assert "interrupted" in cascade["these_items"]["degraded_reason"]
    finish(["resume", "last", *store], server)
    assert server.requests - CALLS <= IN_FLIGHT
    finish(["run", str(task), "--store", str(tmp_path / "calm")], server)
    the_same(tmp_path / "chaos", tmp_path / "calm")
