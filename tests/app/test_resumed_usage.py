"""A run that was broken off and resumed ends with the usage document of an undisturbed one, cached replies included."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.app import prepare, runs
from assay.app.tasks import load_task
from assay.app.wiring import App
from assay.core.records import Item
from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow

MODEL = "openai/gpt-4o-mini"
QUESTIONS = [f"Say it.\nanswer {i % 9}" for i in range(12)]
"""Three are asked twice: the second answer is free."""


class Died(BaseException):
    """What a process is to the run it leaves behind."""


class Dying(runs.Silent):
    """An observer with which a run dies after some items."""

    def __init__(self, items: int) -> None:
        self.left = items

    def item(self, item: Item) -> None:
        self.left -= 1
        if self.left == 0:
            raise Died


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    for name in list(os.environ):
        if name.startswith("ASSAY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with ModelServer() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "a-key")
        yield running


def task_file(name: str, questions: Sequence[str], **changes: Any) -> str:
    rows = [{"id": f"q{i}", "input": text, "reference": text[-8:]} for i, text in enumerate(questions)]
    Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole = {
        "task": name,
        "dataset": f"{name}.jsonl",
        "generate": {"temperature": 0, "seed": 5},
        "scorers": ["exact_match"],
        **({"prompt": "{{ input }}"} if "turns" not in changes else {}),
        **changes,
    }
    Path(f"{name}.yaml").write_text(json.dumps(whole))
    return f"{name}.yaml"


def prepared(app: App, path: str, model: str) -> prepare.Prepared:
    return prepare.prepare(app, load_task(path), model=model, options=prepare.RunOptions(concurrency=1))


def run_and_die(app: App, path: str, *, model: str, after: int, lost: Sequence[str]) -> str:
    """Start a run that dies after some items; those lost had not been committed."""
    ready = prepared(app, path, model)
    plan = prepare.new_run(app, ready)
    with pytest.raises(Died):
        runs.in_loop(runs._run(app, plan, ready.config, ready.options, Dying(after)))
    app.store.journal.forget_items(plan.run_id, [(sample, 0) for sample in lost])
    return plan.run_id


def outputs(app: App, run_id: str) -> list[tuple[str, int, int, int]]:
    return [
        (item.sample.id, item.output.epoch, item.output.calls, item.output.cached_calls)
        for item in app.store.results.items(run_id)
    ]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[App, App]]:
    apps = [App.create(flags={"store": str(tmp_path / name)}) for name in ("calm", "broken")]
    yield apps[0], apps[1]
    for app in apps:
        app.close()


def write_recording() -> str:
    rows = [
        {"id": f"q{i}", "epoch": epoch, "output": f"answer {i}", "usage": {"input_tokens": 7 + i, "output_tokens": 3}}
        for i in range(12)
        for epoch in range(2)
        if (i, epoch) != (4, 1)
    ]
    Path("recorded.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "replay:recorded.jsonl"


@pytest.mark.parametrize("lost", [(), ("q0",), ("q9", "q1", "q5"), ("q0", "q9", "q4")], ids=str)
@pytest.mark.parametrize(
    "changes",
    [{}, {"epochs": 2}, {"turns": ["{{ input }}", "Once more.\nanswer"]}, {"model": "replay", "epochs": 2}],
    ids=["prompt", "epochs", "turns", "replay"],
)
def test_the_usage_is_that_of_an_undisturbed_run(
    server: ModelServer, stores: tuple[App, App], changes: dict[str, Any], lost: tuple[str, ...]
) -> None:
    model = write_recording() if changes.get("model") else MODEL
    changes = {key: value for key, value in changes.items() if key != "model"}
    earlier = task_file("earlier", [*QUESTIONS[4:6], "Say it.\nsomething else"], **changes)
    path = task_file("whole", QUESTIONS, **changes)
    calm, broken = stores
    for app in stores:
        runs.run_task(app, prepared(app, earlier, model))
    undisturbed = runs.run_task(calm, prepared(calm, path, model))

    per_sample = changes.get("epochs", 1)
    run_id = run_and_die(broken, path, model=model, after=11 * per_sample, lost=lost)
    resumed = runs.resume_run(broken, run_id)
    assert resumed["usage"] == undisturbed["usage"]
    assert outputs(broken, run_id) == outputs(calm, undisturbed["run_id"])
    calls = per_sample * 12 * len(changes.get("turns", "1"))
    if model == MODEL:
        assert resumed["usage"]["requests"] + resumed["usage"]["cached"] == calls
        assert resumed["usage"]["cached"] == 5 * calls / 12, "two of another run's answers, three of its own"
        assert resumed["usage"]["cost_usd"] > 0.0
    else:
        assert (resumed["usage"]["requests"], resumed["usage"]["cached"]) == (calls - 1, 0)
        assert resumed["usage"]["input_tokens"] > 7 * calls

    again = runs.resume_run(broken, run_id)
    assert again["usage"] == undisturbed["usage"], "a run with nothing left to do has used what it had"
