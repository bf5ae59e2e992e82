"""The conformance suite for judges: our own keep its promises, and a judge that breaks one is told which."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from assay.core.errors import BudgetExhaustedError, ConfigError, ProviderError
from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, ModelRequest, Output, Reply, Sample, Score
from assay.judges import (
    Checklist,
    Faithfulness,
    GEval,
    HarmJudge,
    Pairwise,
    Panel,
    Question,
    ReferenceGuided,
    RefusalJudge,
    Rubric,
    RubricCriterion,
    Scale,
)
from assay.judges.asking import Form, Unreadable, ask
from assay.judges.base import BaseJudge
from assay.judges.fence import fenced
from assay.judges.parsing import read_level
from assay.testing import check_judge

M = "test/m"
CASE = (
    Sample(id="s", input="What is the capital of France?", reference="Paris", metadata={"context": "Paris it is."}),
    Output(sample_id="s", text="It is Paris."),
)
TONE = GEval(name="tone", model=M, criteria="The answer is friendly.")


def claims(request: ModelRequest) -> str:
    text = str((request.messages or ())[0]["content"])
    if "</claims " not in text:
        return json.dumps({"claims": ["It is Paris."]})
    return json.dumps({"verdicts": [{"claim": 1, "verdict": "supported", "sentence": 1}]})


OURS: list[tuple[Any, Any, Any]] = [
    (TONE, '{"score": 4}', replace(TONE, criteria="It is rude.")),
    (replace(TONE, samples=3, temperature=1.0), '{"score": 4}', replace(TONE, samples=2, temperature=1.0)),
    (ReferenceGuided(name="ref", model=M), '{"score": 2}', ReferenceGuided(name="ref", model=M, scale=Scale(high=7))),
    (
        Rubric(name="r", model=M, criteria=(RubricCriterion(name="clarity", text="It is clear."),)),
        '{"scores": {"clarity": 4}}',
        Rubric(name="r", model=M, criteria=(RubricCriterion(name="clarity", text="It is dark."),)),
    ),
    (
        Checklist(name="c", model=M, questions=(Question(text="Is it right?"),)),
        '{"answers": {"1": "yes"}}',
        Checklist(name="c", model=M, questions=(Question(text="Is it wrong?"),)),
    ),
    (
        Pairwise(name="p", model=M),
        '{"reasoning": "", "verdict": "tie"}',
        Pairwise(name="p", model=M, both_orders=False),
    ),
    (RefusalJudge(model=M), '{"verdict": "compliance"}', RefusalJudge(model=M, max_tokens=7)),
    (HarmJudge(model=M), "harmless", HarmJudge(model=M, temperature=0.5)),
    (Faithfulness(model=M), claims, Faithfulness(model=M, max_claims=3)),
    (Faithfulness(model=M, split="sentences"), claims, None),
    (
        Panel(members=[TONE, replace(TONE, name="other", model="test/n")]),
        '{"score": 4}',
        Panel(members=[TONE, replace(TONE, name="other", model="test/n")], rule="vote"),
    ),
]


@pytest.mark.parametrize(("judge", "reply", "other"), OURS, ids=lambda one: getattr(one, "name", ""))
def test_our_own_judges_keep_their_promises(judge: Any, reply: Any, other: Any) -> None:
    check_judge(judge, reply=reply, examples=[CASE], other=other)


@dataclass(frozen=True, kw_only=True)
class Mine(BaseJudge):
    """What an author of a plug-in may write: ``ask`` reads strictly, ``fenced`` keeps the text in its place."""

    name: str = "mine"
    scale: ClassVar[Scale] = Scale()
    strict: bool = True

    def wording(self, output: Output) -> str:
        return f"Rate this from 1 to 5.\n{fenced('answer', output.text)}\nReply with one number."

    def read(self, text: str) -> Any:
        return read_level(text, scale=self.scale)

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        answer = await ask(
            [{"role": "user", "content": self.wording(output)}],
            Form(read=self.read, reminder="Reply with one number from 1 to 5."),
            client=client,
            model=self.model,
            params=GenerateParams(temperature=0.0, max_tokens=self.max_tokens),
            sample_id=sample.id,
        )
        if answer.read is None:
            return self._priced(self._unscored(sample, output, answer.reason or "no_verdict"), answer.cost_usd)
        return self._priced(self._value(sample, output, float(answer.read.level)), answer.cost_usd)


def test_a_judge_made_of_our_parts_passes() -> None:
    check_judge(Mine(model=M), reply="4", other=Mine(model=M, strict=False))


class Unfenced(Mine):
    def wording(self, output: Output) -> str:
        return f"Rate this from 1 to 5.\n---\n{output.text}\n---\nReply with one number."


class Blind(Mine):
    def wording(self, output: Output) -> str:
        return "Rate the answer from 1 to 5."


class Lenient(Mine):
    def read(self, text: str) -> Any:
        found = read_level(text, scale=self.scale)
        return read_level("3", scale=self.scale) if isinstance(found, Unreadable) else found


class Brittle(Mine):
    def read(self, text: str) -> Any:
        return read_level(str(json.loads(text)), scale=self.scale)


class Unpriced(Mine):
    def _priced(self, score: Score, cost_usd: float | None) -> Score:
        return score


class Random(Mine):
    times: ClassVar[list[int]] = []

    def wording(self, output: Output) -> str:
        self.times.append(1)
        return f"{super().wording(output)} Time {len(self.times)}."


class Versionless(Mine):
    version = "1"


class Scoring(Mine):
    def score(self, sample: Sample, output: Output) -> Score:
        return self._value(sample, output, 3.0)


class Direct(Mine):
    """Asks by itself, and takes whatever comes."""

    degraded_too: ClassVar[bool] = True
    caught: ClassVar[tuple[type[Exception], ...]] = (ProviderError,)

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        request = ModelRequest(model=self.model, messages=[{"role": "user", "content": self.wording(output)}])
        try:
            reply = await client.generate(request)
        except self.caught as error:
            if isinstance(error, ProviderError) and error.status == 401 and BudgetExhaustedError not in self.caught:
                raise
            return self._unscored(sample, output, "failed")
        return self.told(sample, output, reply)

    def told(self, sample: Sample, output: Output, reply: Reply) -> Score:
        read = read_level(reply.text, scale=self.scale)
        if isinstance(read, Unreadable):
            return self._priced(self._unscored(sample, output, read.reason), reply.cost_usd)
        return self._priced(self._value(sample, output, float(read.level)), reply.cost_usd)


class Quiet(Direct):
    caught = (ProviderError, BudgetExhaustedError)

    def told(self, sample: Sample, output: Output, reply: Reply) -> Score:
        score = super().told(sample, output, reply)
        return replace(score, value=None, reason="degraded") if reply.degraded else score


class Persistent(Mine):
    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        for _ in range(3):
            score = await super()._judge(sample, output, client=client)
            if score.value is not None:
                break
        return score


class Elsewhere(Mine):
    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        score = await Mine(model="test/other")._judge(sample, output, client=client)
        return replace(score, scorer_version=self.version)


class Mute(Mine):
    def read(self, text: str) -> Any:
        return Unreadable(reason="no_verdict")


class Eager(Mine):
    async def judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        return await self._judge(sample, output, client=client)


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        (Unfenced, "the judged text can hold the line '---'"),
        (Blind, "does not show the output's text"),
        (Lenient, "which says nothing"),
        (Brittle, "raised JSONDecodeError"),
        (Unpriced, "its score says None"),
        (Random, "is another request"),
        (Versionless, "another judge"),
        (Scoring, "without asking its model"),
        (Direct, "another model than its own answered"),
        (Quiet, "keeps ProviderError"),
        (Persistent, "one repair a question is enough"),
        (Elsewhere, "test/other"),
        (Mute, "reads no verdict in the reply given"),
        (Eager, "is unscored with its word"),
    ],
)
def test_a_broken_promise_is_named(judge: Callable[..., Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said.replace("(", r"\(")):
        check_judge(judge(model=M), reply="4", other=judge(model=M, strict=False))


def test_a_judge_without_a_model_is_none() -> None:
    with pytest.raises(ConfigError):
        Mine(model="")
