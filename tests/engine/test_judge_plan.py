"""What a plan says that judges will ask is what they ask: every order, member, sample and step, and no repair."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

import assay
from assay.core.records import GenerateParams, ModelRequest, Output, Reply, Sample
from assay.core.task import SampleList, Task
from assay.engine.scout import plan_judges, requests_of
from assay.judges import (
    Checklist,
    Faithfulness,
    GEval,
    Pairwise,
    Panel,
    Question,
    RefusalJudge,
    Rubric,
    RubricCriterion,
)
from assay.scorers import Length

M = "test/m"
TONE = GEval(name="tone", model=M, criteria="The answer is friendly.")
CONTEXT = {"context": "It rained. The dog slept."}
SAMPLE = Sample(id="s", input="What happened?", reference="Much.", metadata=CONTEXT)
ANSWER = "word " * 640
READABLE = {
    "level": '{"reasoning": "", "score": 4}',
    "tie": '{"reasoning": "", "verdict": "tie"}',
    "refusal": '{"verdict": "compliance"}',
    "rubric": '{"scores": {"clarity": 4, "tone": 3}}',
    "checklist": '{"answers": {"1": "yes", "2": "no"}}',
}
CRITERIA = tuple(RubricCriterion(name=name, text="It is there.") for name in ("clarity", "tone"))


class Model:
    """Gives every question a reply that can be read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.requests: list[ModelRequest] = []

    def capabilities(self, model: str) -> frozenset[str]:
        return frozenset({"chat"})

    def usage(self) -> Any:
        raise AssertionError("not asked")

    async def generate(self, request: ModelRequest) -> Reply:
        self.requests.append(request)
        return Reply(text=self.text or claims_and_checks(str((request.messages or ())[0]["content"])))


def claims_and_checks(prompt: str) -> str:
    if "</claims " not in prompt:
        return json.dumps({"claims": [f"claim number {number}" for number in range(43)]})
    count = prompt.rpartition("<claims ")[2].count("claim number") or prompt.rpartition("<claims ")[2].count(
        "word word"
    )
    rows = [{"claim": number, "verdict": "supported", "sentence": 1} for number in range(1, count + 1)]
    return json.dumps({"verdicts": rows})


JUDGES: list[tuple[Any, str, int]] = [
    (TONE, "level", 1),
    (replace(TONE, samples=5, temperature=1.0), "level", 5),
    (Pairwise(name="p", model=M), "tie", 2),
    (Pairwise(name="p", model=M, both_orders=False), "tie", 1),
    (RefusalJudge(model=M), "refusal", 1),
    (Rubric(name="r", model=M, criteria=CRITERIA), "rubric", 1),
    (Checklist(name="c", model=M, questions=(Question(text="a?"), Question(text="b?"))), "checklist", 1),
    (Panel(members=[replace(TONE, name=name, model=f"test/{name}") for name in "abc"]), "level", 3),
    (Panel(members=[replace(TONE, name="a", samples=3, temperature=1.0), replace(TONE, name="b")]), "level", 4),
    (Faithfulness(model=M), "", 3),
    (Faithfulness(model=M, claims_per_call=100), "", 2),
    (Faithfulness(model=M, max_claims=3), "", 2),
]


@pytest.mark.parametrize(("judge", "says", "count"), JUDGES)
def test_as_many_requests_as_a_verdict_takes(judge: Any, says: str, count: int) -> None:
    output = Output(sample_id="s", text=ANSWER)
    model = Model(READABLE.get(says, ""))
    score = asyncio.run(judge.judge(SAMPLE, output, client=model))
    assert score.value is not None, score.reason
    planned = requests_of(judge, SAMPLE, output)
    assert len(planned) == len(model.requests) == count
    assert sorted(request.model for request in planned) == sorted(request.model for request in model.requests)


def test_the_plan_prices_every_request() -> None:
    pair, single = (Pairwise(name=name, model=M, both_orders=both) for name, both in (("both", True), ("one", False)))
    claims = Faithfulness(model=M)
    samples = [replace(SAMPLE, id=f"s{number}") for number in range(3)]
    task = Task(
        name="t",
        dataset=SampleList(name="d", content_hash="h", samples=samples),
        solver=assay.prompt("{{ input }}"),
        scorers=[Length(), pair, single, claims],
        generate=GenerateParams(max_tokens=600),
    )
    price = {"input": 1.0, "output": 2.0}
    both, one, checked = plan_judges(task, samples, count=30, priced=lambda model: price)
    assert (both.requests, one.requests, checked.requests) == (60, 30, 60)
    assert both.cost_usd_max == pytest.approx(2 * (one.cost_usd_max or 0.0))
    assert both.input_tokens == pytest.approx(2 * one.input_tokens, rel=0.01)
    assert checked.input_tokens > 1.5 * 30 * 600 / 2 * 1.25
    (unknown, *_) = plan_judges(task, samples, count=30, priced=lambda model: None)
    assert (unknown.requests, unknown.cost_usd_max) == (60, None)
