"""Whole runs through the batch endpoints: the figures of single calls, at half the price, paid once."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.app.prepare import Prepared, RunOptions, prepare
from assay.app.runs import run_task
from assay.app.tasks import load_task
from assay.app.wiring import App
from assay.core.errors import ConfigError
from assay.testing.server import Fault, ModelServer

pytestmark = pytest.mark.slow

MAIN, FAST, STRONG = "openai/gpt-4o-mini", "openai/gpt-4.1-mini", "anthropic/claude-sonnet-4-5"
QUICK = {"poll_s": 0.02}
ROWS = 30


def answer(body: Mapping[str, Any]) -> str:
    """An answer with a number; a judge's level is that number, in the form it is asked for."""
    text = "\n".join(str(message["content"]) for message in body["messages"])
    number = int(re.findall(r"(?:number|answer) (\d+)", text)[-1])
    if str(body["model"]) == MAIN.partition("/")[2]:
        return f"answer {number}"
    level = 1 + number % 5
    return json.dumps({"score": level}) if "response_format" in body or "tools" in body else f'{{"score": {level} }}'


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    for name in list(os.environ):
        if name.startswith("ASSAY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("assay.gateway.batches.QUIET_S", 0.05)
    rows = [{"id": f"q{n}", "input": f"say number {n}", "reference": f"answer {n % 7}"} for n in range(ROWS)]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with ModelServer(answer=answer, batch_ms=20) as running:
        for provider in ("OPENAI", "ANTHROPIC"):
            monkeypatch.setenv(f"{provider}_BASE_URL", running.base_url)
            monkeypatch.setenv(f"{provider}_API_KEY", "a-key")
        yield running


def task_file(name: str = "eval", **fields: Any) -> str:
    task = {
        "task": "batched",
        "dataset": "data.jsonl",
        "prompt": "{{ input }}",
        "model": MAIN,
        "generate": {"max_tokens": 10},
        "scorers": ["exact_match"],
        **fields,
    }
    Path(f"{name}.yaml").write_text(json.dumps(task))
    return f"{name}.yaml"


def prepared(app: App, path: str, **options: Any) -> Prepared:
    loaded = load_task(path)
    return prepare(app, loaded, model=loaded.models[0], options=RunOptions(**options))


def outcome(store: str, path: str, **options: Any) -> tuple[Mapping[str, Any], dict[Any, Any]]:
    """The summary of a run and what it says of every item."""
    app = App.create(flags={"store": store})
    try:
        summary = run_task(app, prepared(app, path, **options))
        rows = {
            (item.sample.id, score.scorer): (score.value, score.reason, score.label, score.explanation)
            for item in app.store.results.items(summary["run_id"])
            for score in item.scores
        }
        latencies = {item.output.latency_s for item in app.store.results.items(summary["run_id"])}
    finally:
        app.close()
    return {**summary, "latencies": latencies}, rows


JUDGES: Mapping[str, Mapping[str, Any]] = {
    "judges among the scorers": {
        "scorers": [
            "exact_match",
            {"judge": f"helpfulness@{FAST}", "as": "by_token"},
            {"judge": f"helpfulness@{STRONG}", "as": "by_schema"},
            {"judge": f"refusal@{FAST}", "as": "unreadable"},
        ]
    },
    "tiers of a cascade": {
        "cascade": [
            {"tier": "programmatic", "scorers": ["exact_match"]},
            {"tier": "fast", "judge": f"helpfulness@{FAST}", "share": 0.8},
            {"tier": "strong", "judge": f"helpfulness@{STRONG}", "share": 0.4},
        ]
    },
}


@pytest.mark.parametrize("kind", JUDGES)
def test_a_run_in_batches_has_the_scores_of_single_calls_at_half_the_price(server: ModelServer, kind: str) -> None:
    single, rows = outcome("single", task_file(**JUDGES[kind]))
    assert not server.batches.sizes
    assert any("logprobs" in call.body for call in server.calls)
    calls = server.requests
    batched, batched_rows = outcome("batched", task_file(**JUDGES[kind], limits={"batch": QUICK}))
    assert batched_rows == rows
    for name, figure in single["metrics"].items():
        same = batched["metrics"][name]
        assert (same["n"], same["method"]) == (figure["n"], figure["method"])
        assert [same[key] for key in ("value", "low", "high")] == [
            pytest.approx(figure[key]) for key in ("value", "low", "high")
        ]
    assert len(server.batches.bodies) == calls
    usage, full = batched["usage"], single["usage"]
    assert usage["cost_usd"] == pytest.approx(full["cost_usd"] / 2)
    assert {key: usage[key] for key in ("requests", "cached", "input_tokens")} == {
        key: full[key] for key in ("requests", "cached", "input_tokens")
    }
    assert (batched["latencies"], None in single["latencies"]) == ({None}, False)


def test_judges_of_one_output_wait_side_by_side(server: ModelServer) -> None:
    server.batches.takes_s = 0.3
    judges = [{"judge": f"helpfulness@{model}", "as": f"by_{number}"} for number, model in enumerate((FAST, STRONG))]
    summary, rows = outcome("store", task_file(limits={"batch": QUICK}, scorers=["exact_match", *judges]))
    assert sorted(server.batches.sizes) == [ROWS, ROWS, ROWS]
    by_time = [call.path for call in server.calls]
    last_left = max(place for place, path in enumerate(by_time) if path.endswith("/batches"))
    fetched = [place for place, path in enumerate(by_time) if path.endswith(("/content", "/results"))]
    assert fetched[0] < last_left < fetched[1], "the second judge was asked before the first had answered"
    assert list(summary["metrics"]) == ["exact_match", "by_0", "by_1"]
    assert all(value is not None for value, *_ in rows.values())


def test_all_items_of_a_run_are_in_one_batch_whatever_its_concurrency(server: ModelServer) -> None:
    outcome("store", task_file(limits={"batch": QUICK, "concurrency": 2}), concurrency=2)
    assert server.batches.sizes == [ROWS]


def test_no_more_than_max_requests_wait_at_once(server: ModelServer) -> None:
    outcome("store", task_file(limits={"batch": {**QUICK, "max_requests": 12}}))
    assert server.batches.sizes == [12, 12, 6]


def test_judges_wait_in_batches_while_the_model_keeps_to_its_concurrency(server: ModelServer) -> None:
    Path("assay.yaml").write_text(json.dumps({"models": {FAST: {"batch": QUICK}}}))
    server.delay_s = 0.01
    summary, _ = outcome(
        "store", task_file(scorers=["exact_match", {"judge": f"helpfulness@{FAST}", "as": "help"}]), concurrency=3
    )
    assert summary["status"] == "done"
    assert server.batches.sizes == [ROWS]
    assert server.peak_in_flight <= 3


COUNTING = """
import asyncio
under_way = peak = 0


async def say(messages):
    global under_way, peak
    under_way += 1
    peak = max(peak, under_way)
    await asyncio.sleep(0.01)
    under_way -= 1
    return "answer 1"
"""


def test_a_model_in_this_process_keeps_to_the_concurrency_too(server: ModelServer) -> None:
    Path("batch_toy_counting.py").write_text(COUNTING)
    judge = {"judge": f"helpfulness@{FAST}", "as": "help"}
    path = task_file(model="python:batch_toy_counting:say", scorers=[judge], limits={"batch": QUICK})
    outcome("store", path, concurrency=3)
    assert sys.modules["batch_toy_counting"].peak == 3
    assert server.batches.sizes == [ROWS], "the judge's batch waited until every answer was there"


def test_a_model_can_be_left_out_of_a_run_in_batches(server: ModelServer) -> None:
    Path("assay.yaml").write_text(json.dumps({"models": {MAIN: {"batch": False}}}))
    outcome("store", task_file(limits={"batch": QUICK}, scorers=[{"judge": f"helpfulness@{FAST}", "as": "help"}]))
    assert {body["model"] for body in server.batches.bodies} == {"gpt-4.1-mini"}


def test_a_failing_and_an_expired_request_cost_nobody_else_an_answer(server: ModelServer) -> None:
    met: set[str] = set()

    def fault(body: Mapping[str, Any]) -> Fault | None:
        text = str(body["messages"][0]["content"])
        if text.endswith("number 3"):
            return Fault.context_overflow()
        first = text not in met
        met.add(text)
        return Fault.expires() if text.endswith("number 4") and first else None

    server.batches._fault = fault
    summary, rows = outcome("store", task_file(limits={"batch": QUICK}))
    assert rows["q3", "exact_match"][:2] == (None, "context_overflow")
    assert rows["q4", "exact_match"][:2] == (1.0, None)
    assert summary["usage"]["retries"] == 1
    assert server.batches.sizes == [ROWS, 1]


def test_the_budget_of_a_run_is_kept_at_batch_prices(server: ModelServer) -> None:
    path = task_file(limits={"batch": QUICK})
    whole_usd = outcome("enough", path)[0]["usage"]["cost_usd"]
    summary, _ = outcome("store", path, budget_usd=whole_usd / 2)
    assert summary["status"] == "budget"
    assert whole_usd / 5 < summary["usage"]["cost_usd"] <= whole_usd / 2
    assert sum(server.batches.sizes[1:]) == summary["usage"]["requests"]


@pytest.mark.parametrize(("batch", "share"), [(False, 1.0), (True, 0.5)])
def test_the_plan_shows_the_batch_price(server: ModelServer, *, batch: bool, share: float) -> None:
    app = App.create(flags={"store": "store"})
    judge = {"judge": f"helpfulness@{STRONG}", "as": "help"}
    plan, full = (prepared(app, task_file(scorers=[judge], limits={"batch": wanted})).plan for wanted in (batch, False))
    app.close()
    assert plan.cost_usd_max == pytest.approx((full.cost_usd_max or 0.0) * share)
    assert plan.whole_cost_usd_max == pytest.approx((full.whole_cost_usd_max or 0.0) * share)
    assert plan.price is not None
    assert plan.price.get("batch") == (0.5 if batch else None)


def test_a_price_of_ones_own_says_what_a_batch_costs(server: ModelServer) -> None:
    own = {"input": 10.0, "output": 20.0}
    found = []
    for price in (own, {**own, "batch": 0.25}):
        Path("assay.yaml").write_text(json.dumps({"models": {MAIN: {"price": price}}}))
        app = App.create(flags={"store": "store"})
        found.append(prepared(app, task_file(limits={"batch": True})).plan.price)
        app.close()
    assert [price and (price["input"], price["batch"]) for price in found] == [(5.0, 0.5), (2.5, 0.25)]


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"python:json:loads": {"batch": True}}, {"model": "python:json:loads"}),
        ({"vllm/m": {"batch": True}}, {"model": "vllm/m"}),
        ({"replay:data.jsonl": {"batch": True}}, {"model": "replay:data.jsonl"}),
        ({}, {"model": "python:json:loads", "limits": {"batch": True}}),
        ({MAIN: {"batch": False}}, {"limits": {"batch": True}}),
        (
            {"openai/davinci-002": {"batch": True}},
            {"model": "openai/davinci-002", "option_template": " {{ choice }}", "scorers": ["choice_likelihood"]},
        ),
    ],
)
def test_batches_are_refused_where_there_are_none(
    server: ModelServer, settings: Mapping[str, Any], fields: Mapping[str, Any]
) -> None:
    Path("assay.yaml").write_text(json.dumps({"models": settings}))
    app = App.create(flags={"store": "store"})
    with pytest.raises(ConfigError) as caught:
        prepared(app, task_file(**fields))
    app.close()
    assert caught.value.code == "batch.unsupported"
    assert "anthropic, azure, compatible, openai" in caught.value.hint
    assert not server.requests


def test_a_run_in_batches_may_have_models_that_are_asked_one_by_one(server: ModelServer) -> None:
    Path("batch_toy.py").write_text("def say(messages):\n    return 'answer 1'\n")
    judge = {"judge": f"helpfulness@{FAST}", "as": "help"}
    summary, _ = outcome("store", task_file(model="python:batch_toy:say", scorers=[judge], limits={"batch": QUICK}))
    assert summary["status"] == "done"
    assert server.batches.sizes == [ROWS]


@pytest.mark.parametrize("batch", [{"poll_s": 0}, {"max_requests": 0}, {"poll": 3}, "yes please"])
def test_settings_of_batches_are_checked(server: ModelServer, batch: Any) -> None:
    with pytest.raises(ConfigError):
        load_task(task_file(limits={"batch": batch}))
