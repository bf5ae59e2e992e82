"""Killed anywhere, a run ends with the rows and the usage of an undisturbed one, and pays no read reply twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.engine.run import STEPS
from assay.stores import open_store
from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow

QUESTIONS, REPEATED, EPOCHS, IN_FLIGHT, KILLS = 150, 10, 2, 8, 20
"""Ten questions stand in two samples: their second answers come from the response table."""
CALLS = QUESTIONS * EPOCHS
ASSAY = [sys.executable, "-m", "assay.cli.main"]
DYING = """
import os, signal, sys
from assay.engine import run
position, when = int(sys.argv.pop(1)), sys.argv.pop(1)
step = run.STEPS[position]
async def deadly(state):
    if when == "after":
        await step(state)
    os.kill(os.getpid(), signal.SIGKILL)
run.STEPS = (*run.STEPS[:position], deadly, *run.STEPS[position + 1:])
from assay.cli.main import main
main()
"""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with ModelServer(delay_ms=getattr(request, "param", 5)) as running:
        yield running


@pytest.fixture
def task(tmp_path: Path) -> Path:
    rows = [
        {
            "id": f"q{i}",
            "input": f"Say it again.\nanswer {question}",
            "reference": f"answer {question}" if i % 3 else "else",
        }
        for i, question in enumerate([*range(REPEATED), *range(QUESTIONS)])
    ]
    rows[7].pop("reference")
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = tmp_path / "eval.yaml"
    file.write_text(
        f"task: chaos\ndataset: data.jsonl\nprompt: '{{{{ input }}}}'\nmodel: openai/m\nepochs: {EPOCHS}\n"
        "generate: {temperature: 0, seed: 5}\nscorers: [exact_match, token_f1]\n"
        f"limits: {{concurrency: {IN_FLIGHT}}}\n"
    )
    return file


def start(arguments: list[str], server: ModelServer, code: list[str] = ASSAY) -> subprocess.Popen[bytes]:
    env = {**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "none"}
    return subprocess.Popen([*code, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)


def finish(arguments: list[str], server: ModelServer) -> None:
    child = start(arguments, server)
    _, said = child.communicate()
    assert child.returncode == 0, said.decode()


def rows(store: Path) -> dict[tuple[str, int, str], Any]:
    opened = open_store(store, read_only=True)
    try:
        run_id = opened.metadata.run("last").run_id
        return {
            (score.sample_id, score.epoch, score.scorer): (
                score.scorer_version,
                score.value,
                score.reason,
                item.output.usage,
                item.output.text,
            )
            for item in opened.results.items(run_id)
            for score in item.scores
        }
    finally:
        opened.close()


def usage(store: Path) -> Any:
    opened = open_store(store, read_only=True)
    try:
        return opened.metadata.run("last").summary["usage"]
    finally:
        opened.close()


def asked(server: ModelServer) -> Counter[str]:
    return Counter(json.dumps([call.body["messages"], call.body.get("seed")]) for call in server.calls)


@pytest.mark.parametrize("server", [200], indirect=True)
def test_a_run_killed_at_twenty_random_moments_has_the_rows_of_an_undisturbed_one(
    tmp_path: Path, task: Path, server: ModelServer
) -> None:
    finish(["run", str(task), "--store", str(tmp_path / "calm")], server)
    calm = server.requests
    assert calm == CALLS
    spent = usage(tmp_path / "calm")
    assert (spent["requests"], spent["cached"]) == (CALLS, REPEATED * EPOCHS)

    rng = random.Random(20)
    store = ["--store", str(tmp_path / "chaos")]
    child = start(["run", str(task), *store], server)
    landed = 0
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.2, 0.7))
        landed += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.communicate()
        begun = (tmp_path / "chaos" / "assay.db").exists() and bool(_runs(tmp_path / "chaos"))
        child = start(["resume", "last", *store] if begun else ["run", str(task), *store], server)
    _, said = child.communicate()
    assert child.returncode == 0, said.decode()
    assert landed == KILLS, "a run ended before it was killed: the test must be slower"
    assert rows(tmp_path / "chaos") == rows(tmp_path / "calm")
    assert usage(tmp_path / "chaos") == usage(tmp_path / "calm")
    repeated = server.requests - calm - CALLS
    assert repeated <= KILLS * IN_FLIGHT, "more calls were made again than can have been in flight"


def _runs(store: Path) -> list[str]:
    opened = open_store(store)
    try:
        return [record.run_id for record in opened.metadata.runs()]
    finally:
        opened.close()


@pytest.mark.parametrize("position", range(len(STEPS)))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_at_a_step_boundary_goes_on_without_asking_again(
    tmp_path: Path, task: Path, server: ModelServer, position: int, when: str
) -> None:
    store = ["--store", str(tmp_path / "chaos")]
    child = start([str(position), when, "run", str(task), *store], server, [sys.executable, "-c", DYING])
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    finish(["resume", "last", *store], server)
    assert server.requests == CALLS
    assert max(asked(server).values()) == 1
    finish(["run", str(task), "--store", str(tmp_path / "calm")], server)
    assert rows(tmp_path / "chaos") == rows(tmp_path / "calm")
    assert usage(tmp_path / "chaos") == usage(tmp_path / "calm")
