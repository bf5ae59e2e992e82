"""Graded judges over the wire: with log-probabilities, without them, with a schema, and on a service with neither."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from judge_scripts import one_item

from assay.core.protocols import StoredReply
from assay.core.records import Score
from assay.gateway import Gateway, GatewayConfig, ModelConfig, Price
from assay.judges.base import BaseJudge
from assay.judges.checklist import Checklist, Question
from assay.judges.geval import GEval
from assay.judges.rubric import Rubric, RubricCriterion
from assay.testing.server import Fault, ModelServer


class Journal:
    """Replies in memory."""

    def __init__(self) -> None:
        self.replies: dict[bytes, StoredReply] = {}

    def reply(self, key: bytes) -> StoredReply | None:
        return self.replies.get(key)

    def record_reply(self, key: bytes, payload: bytes, *, run_id: str, cost_usd: float | None) -> None:
        self.replies[key] = StoredReply(payload, run_id)

    def spent_usd(self, run_id: str) -> float:
        return 0.0


def over_the_wire(judge: BaseJudge, server: ModelServer, *, times: int = 1) -> Score:
    async def go() -> Score:
        model = ModelConfig(base_url=server.base_url, price=Price(input=1.0, output=2.0))
        gateway = Gateway(GatewayConfig(models={judge.model: model}, environ={}), journal=Journal())
        try:
            client = gateway.client(run_id="run_1")
            return [await judge.judge(*one_item(), client=client) for _ in range(times)][-1]
        finally:
            await gateway.close()

    return asyncio.run(go())


def geval(model: str, **options: Any) -> GEval:
    return GEval.built_in("helpfulness", model=model, **options)


def test_log_probabilities_are_asked_for_and_read() -> None:
    with ModelServer(answer=lambda body: "4") as server:
        score = over_the_wire(geval("openai/m"), server)
    assert (score.value, score.explanation) == (4.0, "logprobs, mass 0.90")
    assert score.cost_usd is not None
    body = server.bodies[0]
    assert (body["logprobs"], body["top_logprobs"]) == (True, 20)
    assert "response_format" not in body


def test_without_log_probabilities_a_schema_holds_the_reply() -> None:
    with ModelServer(answer=lambda body: '{"reasoning": "Right.", "score": 5}') as server:
        score = over_the_wire(geval("openai/m", logprobs=False), server)
    assert (score.value, score.explanation) == (5.0, "plain reply\nRight.")
    body = server.bodies[0]
    assert "logprobs" not in body
    assert body["response_format"]["json_schema"]["schema"]["properties"]["score"]["enum"] == [1, 2, 3, 4, 5]


def test_a_service_with_neither_is_asked_in_words() -> None:
    with ModelServer(answer=lambda body: "It is right.\n\nScore: 4") as server:
        score = over_the_wire(geval("anthropic/m"), server)
        assert server.calls[0].path.endswith("/messages")
    assert (score.value, score.explanation) == (4.0, "plain reply")
    body = server.bodies[0]
    assert not {"logprobs", "response_format"} & body.keys()


def test_an_empty_reply_is_asked_again_in_one_message() -> None:
    said = iter(["", "3"])
    with ModelServer(answer=lambda body: next(said)) as server:
        score = over_the_wire(geval("anthropic/m"), server)
    assert score.value == 3.0
    assert [message["role"] for message in server.bodies[1]["messages"]] == ["user"]


def test_several_samples_are_several_calls() -> None:
    said = iter(["4", "5", "3"])
    with ModelServer(answer=lambda body: next(said)) as server:
        score = over_the_wire(geval("anthropic/m", samples=3, temperature=1.0), server)
    assert (score.value, score.explanation) == (4.0, "mean of 3 samples at temperature 1")
    assert server.requests == 3


def test_the_same_answer_is_judged_once() -> None:
    with ModelServer(answer=lambda body: "4") as server:
        over_the_wire(geval("openai/m"), server, times=3)
    assert server.requests == 1


def test_an_answer_beyond_the_context_is_unscored() -> None:
    with ModelServer(faults=lambda call: Fault.context_overflow()) as server:
        score = over_the_wire(geval("openai/m"), server)
    assert (score.value, score.reason) == (None, "context_overflow")


def by_schema(body: Mapping[str, Any]) -> str:
    """The first thing each field of the schema allows."""

    def fill(schema: Mapping[str, Any]) -> Any:
        if schema["type"] == "object":
            return {key: fill(inner) for key, inner in schema["properties"].items()}
        return schema["enum"][0] if "enum" in schema else "so"

    return json.dumps(fill(body["response_format"]["json_schema"]["schema"]))


@pytest.mark.parametrize(
    ("judge", "value"),
    [
        (
            Rubric(
                model="openai/m",
                criteria=(RubricCriterion(name="a", text="A."), RubricCriterion(name="b c", text="B.")),
            ),
            1.0,
        ),
        (Checklist(model="openai/m", questions=(Question(text="Is it?"), Question(text="Was it?"))), 1.0),
    ],
    ids=["rubric", "checklist"],
)
def test_what_a_schema_allows_is_read(judge: BaseJudge, value: float) -> None:
    with ModelServer(answer=by_schema) as server:
        assert over_the_wire(judge, server).value == value
    assert server.requests == 1
