"""HumanEval's canonical and MBPP's reference solutions pass, all of them; programs made wrong on purpose do not."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from assay.core.records import Output, Sample, Score
from assay.sandbox import CodeExecution, Sandbox

SHADOWING = 126
"""MBPP task whose function is called ``sum``, as a built-in is."""


def score_all(sandbox: Sandbox, answers: Iterable[tuple[str, dict[str, Any], str]], form: str) -> list[Score]:
    scorer = CodeExecution(format=form, sandbox=sandbox, timeout_s=60)

    async def judge() -> list[Score]:
        return await asyncio.gather(
            *(
                scorer.score_async(Sample(id=name, input="", metadata=row), Output(sample_id=name, text=text))
                for name, row, text in answers
            )
        )

    return asyncio.run(judge())


def failed(scores: Iterable[Score]) -> dict[str, str | None]:
    return {score.sample_id: score.label or score.reason for score in scores if score.value != 1.0}


@pytest.fixture(scope="module")
def humaneval(real_data: Path) -> list[dict[str, Any]]:
    with gzip.open(real_data / "benchmarks" / "humaneval.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def mbpp(real_data: Path) -> list[dict[str, Any]]:
    with (real_data / "benchmarks" / "mbpp.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.slow
def test_all_164_canonical_solutions_pass(sandbox: Sandbox, humaneval: list[dict[str, Any]]) -> None:
    assert len(humaneval) == 164
    answers = [(row["task_id"], row, row["canonical_solution"]) for row in humaneval]
    assert failed(score_all(sandbox, answers, "humaneval")) == {}
    fenced = [
        (row["task_id"], row, f"Here it is:\n```python\n{row['prompt']}{row['canonical_solution']}```\nDone.")
        for row in humaneval
    ]
    assert failed(score_all(sandbox, fenced, "humaneval")) == {}


@pytest.mark.slow
def test_all_974_reference_solutions_pass(sandbox: Sandbox, mbpp: list[dict[str, Any]]) -> None:
    assert len(mbpp) == 974
    assert failed(score_all(sandbox, [(str(row["task_id"]), row, row["code"]) for row in mbpp], "mbpp")) == {}


@pytest.mark.slow
def test_wrong_solutions_fail(sandbox: Sandbox, humaneval: list[dict[str, Any]], mbpp: list[dict[str, Any]]) -> None:
    nothing = [(row["task_id"], row, "    return None\n") for row in humaneval]
    assert {score.value for score in score_all(sandbox, nothing, "humaneval")} == {0.0}
    neighbour = [
        (str(row["task_id"]), row, other["code"]) for row, other in zip(mbpp[:100], mbpp[100:200], strict=True)
    ]
    assert {score.value for score in score_all(sandbox, neighbour, "mbpp")} == {0.0}


def test_a_few_references_pass_in_the_fast_suite(
    sandbox: Sandbox, humaneval: list[dict[str, Any]], mbpp: list[dict[str, Any]]
) -> None:
    wanted = {"HumanEval/32", "HumanEval/38", "HumanEval/50", "HumanEval/0"}  # three of them check with helpers
    answers = [(row["task_id"], row, row["canonical_solution"]) for row in humaneval if row["task_id"] in wanted]
    assert failed(score_all(sandbox, answers, "humaneval")) == {}
    chosen = {SHADOWING, 367, 533, 927}  # a built-in's name, objects of the solution's class, a type as argument
    answers = [(str(row["task_id"]), row, row["code"]) for row in mbpp if row["task_id"] in chosen]
    assert failed(score_all(sandbox, answers, "mbpp")) == {}
