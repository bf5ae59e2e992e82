"""Every built-in benchmark runs end to end; recorded answers reproduce published figures; reference solutions pass."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.app.prepare import RunOptions, prepare
from assay.app.runs import run_task
from assay.app.tasks import load_task
from assay.app.wiring import App
from assay.benchmarks import BENCHMARKS
from assay.testing.server import ModelServer

pytestmark = pytest.mark.slow

PUBLISHED = {"6b_finetuning": 21.68, "6b_verification": 39.04, "175b_finetuning": 34.72, "175b_verification": 56.25}
LIKELIHOOD = ("arc_challenge", "mmlu", "openbookqa", "piqa", "truthfulqa_mc1", "truthfulqa_mc2", "quickstart")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = App.create(flags={"store": str(tmp_path / "store")})
    yield made
    made.close()


def run(app: App, name: str, model: str, data: Path, *, limit: int | None, **options: Any) -> dict[str, Any]:
    loaded = load_task(
        name, data=str(data / "benchmarks") if name not in ("quickstart", "toolbox") else None, options=options
    )
    return dict(run_task(app, prepare(app, loaded, model=model, options=RunOptions(limit=limit))))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as running:
        for provider in ("OPENAI", "ASSAY_VLLM"):
            monkeypatch.setenv(f"{provider}_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield running


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name not in ("quickstart", "truthfulqa_mc2")])
def test_a_benchmark_runs_against_a_chat_server(name: str, app: App, server: ModelServer, real_data: Path) -> None:
    options = {"style": "letter"} if name in LIKELIHOOD else {}
    summary = run(app, name, "openai/m", real_data, limit=6, **options)
    assert summary["status"] == "done"
    planned = summary["samples"]["planned"]
    assert planned == (10 if name == "toolbox" else 6), "the four critical samples of toolbox are never sampled away"
    assert server.requests >= planned
    for estimate in summary["metrics"].values():
        assert estimate["n"] + estimate["unscored"] == planned
        assert estimate["value"] is not None or estimate["reason"]


@pytest.mark.parametrize("name", LIKELIHOOD)
def test_a_multiple_choice_benchmark_runs_by_likelihood(
    name: str, app: App, server: ModelServer, real_data: Path
) -> None:
    options = {} if name in ("quickstart", "truthfulqa_mc2") else {"style": "likelihood"}
    summary = run(app, name, "vllm/m", real_data, limit=4, **options)
    assert summary["status"] == "done"
    assert summary["samples"]["scored"] == 4


@pytest.mark.parametrize("system", PUBLISHED)
def test_recorded_gsm8k_answers_reproduce_the_published_accuracy(system: str, app: App, real_data: Path) -> None:
    file = real_data / "benchmarks" / "gsm8k_model_solutions.jsonl.gz"
    summary = run(app, "gsm8k", f"replay:{file}?input=question&output={system}.solution", real_data, limit=None)
    estimate = summary["metrics"]["numeric"]
    assert round(100 * estimate["value"], 2) == PUBLISHED[system]
    assert (estimate["n"], estimate["method"]) == (1319, "wilson")
    assert estimate["low"] < estimate["value"] < estimate["high"]


def write_solutions(path: Path, solutions: dict[str, str]) -> str:
    lines = [json.dumps({"id": key, "output": f"```python\n{code}\n```"}) + "\n" for key, code in solutions.items()]
    path.write_text("".join(lines))
    return f"replay:{path}"


def test_every_humaneval_reference_solution_passes_and_an_empty_one_does_not(
    app: App, real_data: Path, tmp_path: Path
) -> None:
    with gzip.open(real_data / "benchmarks" / "humaneval.jsonl.gz", "rt") as stream:
        problems = [json.loads(line) for line in stream]
    right = {row["task_id"]: row["prompt"] + row["canonical_solution"] for row in problems}
    summary = run(app, "humaneval", write_solutions(tmp_path / "right.jsonl", right), real_data, limit=None)
    assert summary["metrics"]["pass@1"]["value"] == 1.0
    assert summary["metrics"]["pass@1"]["n"] == 164
    wrong = {row["task_id"]: row["prompt"] + "    pass\n" for row in problems}
    summary = run(app, "humaneval", write_solutions(tmp_path / "wrong.jsonl", wrong), real_data, limit=20)
    assert summary["metrics"]["pass@1"]["value"] == 0.0


def test_every_mbpp_reference_solution_passes(app: App, real_data: Path, tmp_path: Path) -> None:
    text = (real_data / "benchmarks" / "mbpp.jsonl").read_text(encoding="utf-8")
    problems = [json.loads(line) for line in text.split("\n") if line]
    model = write_solutions(tmp_path / "mbpp.jsonl", {f"MBPP/{row['task_id']}": row["code"] for row in problems})
    summary = run(app, "mbpp", model, real_data, limit=None, split="all", shots=0)
    assert summary["metrics"]["pass@1"]["value"] == 1.0
    assert summary["metrics"]["pass@1"]["n"] == 974
