"""The calls of judges too are in the usage of a run that was broken off and resumed, cached replies included."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from test_resumed_usage import MODEL, QUESTIONS, Died, prepared, task_file

from assay.app import prepare, runs
from assay.app.wiring import App
from assay.core.records import Item
from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow

SCORERS = ["length", {"judge": "helpfulness@openai/gpt-4.1-mini", "as": "help"}]
PANEL: Mapping[str, Any] = {
    "kind": "panel",
    "members": [{"judge": f"helpfulness@openai/{name}"} for name in ("gpt-4.1-mini", "gpt-4.1-nano")],
}
TIERS = [
    {"tier": "programmatic", "scorers": ["length"]},
    {"tier": "strong", "judge": "helpfulness@openai/gpt-4.1", "share": 0.9},
]


def answer(body: Mapping[str, Any]) -> str:
    text = "\n".join(str(message["content"]) for message in body["messages"])
    number = int(re.findall(r"answer (\d)", text)[-1])
    return f"answer {number}" if str(body["model"]) == "gpt-4o-mini" else json.dumps({"score": 1 + number % 5})


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    for name in list(os.environ):
        if name.startswith("ASSAY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with ModelServer(answer=answer) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "a-key")
        yield running


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[App, App]]:
    apps = [App.create(flags={"store": str(tmp_path / name)}) for name in ("calm", "broken")]
    yield apps[0], apps[1]
    for app in apps:
        app.close()


class Dying(runs.Silent):
    """An observer with which a run dies after some items and verdicts."""

    def __init__(self, left: int) -> None:
        self.left = left

    def item(self, item: Item) -> None:
        self.verdict("", 0, 0)

    def verdict(self, tier: str, done: int, wanted: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise Died


def broken_off(app: App, path: str, *, after: int) -> str:
    ready = prepared(app, path, MODEL)
    plan = prepare.new_run(app, ready)
    with pytest.raises(Died):
        runs.in_loop(runs._run(app, plan, ready.config, ready.options, Dying(after)))
    return plan.run_id


@pytest.mark.parametrize("after", [1, 7, 11, 12, 16, 21])
@pytest.mark.parametrize("kind", ["judge", "panel", "cascade"])
def test_the_usage_of_judges_is_that_of_an_undisturbed_run(
    server: ModelServer, stores: tuple[App, App], kind: str, after: int
) -> None:
    if kind != "cascade" and after > 12:
        pytest.skip("there are twelve items")
    what: dict[str, Any] = {"cascade": TIERS} if kind == "cascade" else {"scorers": SCORERS}
    if kind == "panel":
        Path("jury.yaml").write_text(json.dumps({"judge": "jury", **PANEL}))
        what = {"scorers": ["length", {"judge": "jury.yaml", "as": "help"}]}
    earlier = task_file("earlier", QUESTIONS[4:6], **what)
    path = task_file("whole", QUESTIONS, **what)
    calm, broken = stores
    for app in stores:
        runs.run_task(app, prepared(app, earlier, MODEL))
    undisturbed = runs.run_task(calm, prepared(calm, path, MODEL))
    run_id = broken_off(broken, path, after=after)
    resumed = runs.resume_run(broken, run_id)
    assert resumed["usage"] == undisturbed["usage"]
    assert undisturbed["usage"]["cached"] > 5, "judges' calls are among them"
    assert runs.resume_run(broken, run_id)["usage"] == undisturbed["usage"]
