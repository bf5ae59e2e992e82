"""What a task's judges would ask, found out without asking: their requests are written, and not sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from assay.core.cascade import People
from assay.core.errors import AssayError, ProviderError
from assay.core.protocols import Judge, Spending
from assay.core.records import ModelRequest, Output, Reply, Sample
from assay.core.task import Task

CHARS_PER_TOKEN = 4.0
"""Rule of thumb for English and the common tokenizers; plans say that token figures are estimates."""
DEFAULT_OUTPUT_TOKENS = 512
LOOK_AT = 20
EVERY = "every sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePlan:
    """What asking a judge, or people, would take.

    Attributes:
        tier: Rung of the cascade; ``every sample`` for a judge among the scorers.
        verdicts: Expected number, by the tier's share and what goes up for certain, golden items included; what the
            tier below cannot tell comes on top.
        requests: All that these verdicts take: both orders of a pair, every member and sample, claims and their check.
            A reply that cannot be read is asked for once more, which comes on top.
        input_tokens: Of these requests, estimated.
        cost_usd_max: If every reply to them were as long as it may be; ``None`` when the price is unknown.
    """

    judge: str
    model: str
    tier: str
    verdicts: int
    requests: int
    input_tokens: int
    cost_usd_max: float | None


Priced = Callable[[str], Mapping[str, float] | None]


def plan_judges(
    task: Task, samples: Sequence[Sample], *, count: int, priced: Priced, certain: int = 0
) -> list[JudgePlan]:
    """Forecasts of every judge of a task.

    Args:
        samples: A few, whose judging is tried with an answer of the expected length.
        count: Outputs of the run.
        certain: Of these, outputs that every tier is asked about.
        priced: USD per million ``input`` and ``output`` tokens of a model, ``None`` when unknown.
    """
    found = [_plan(scorer, EVERY, count, task, samples, priced) for scorer in task.scorers if isinstance(scorer, Judge)]
    for tier in task.cascade.used if task.cascade is not None else ():
        wanted = min(count, certain + max(1, round(tier.share * (count - certain))))
        if isinstance(tier.asks, People):
            cost = wanted * tier.asks.usd_per_item
            found.append(
                JudgePlan(
                    judge="people",
                    model="–",
                    tier=tier.name,
                    verdicts=wanted,
                    requests=0,
                    input_tokens=0,
                    cost_usd_max=cost,
                )
            )
        else:
            found.append(_plan(tier.asks, tier.name, wanted, task, samples, priced))
    return found


def _plan(judge: Judge, tier: str, verdicts: int, task: Task, samples: Sequence[Sample], priced: Priced) -> JudgePlan:
    answer = "word " * ((task.generate.max_tokens or DEFAULT_OUTPUT_TOKENS) // 2)
    looked_at = [
        request
        for sample in samples[:LOOK_AT]
        for request in requests_of(judge, sample, Output(sample_id=sample.id, text=answer))
    ]
    costs = [_longest_usd(request, priced(request.model)) for request in looked_at]
    verdicts += 0 if task.golden is None else task.golden.forecast(verdicts)
    share = verdicts / max(1, len(samples[:LOOK_AT]))
    return JudgePlan(
        judge=judge.name,
        model=judge.model,
        tier=tier,
        verdicts=verdicts,
        requests=round(share * len(looked_at)),
        input_tokens=round(share * sum(request_tokens(request) for request in looked_at)),
        cost_usd_max=None if not costs or None in costs else share * sum(cost or 0.0 for cost in costs),
    )


def _longest_usd(request: ModelRequest, price: Mapping[str, float] | None) -> float | None:
    if price is None:
        return None
    longest = request.params.max_tokens or DEFAULT_OUTPUT_TOKENS
    return (request_tokens(request) * price["input"] + longest * price["output"]) / 1e6


@runtime_checkable
class AsksInSteps(Protocol):
    """A judge whose second question depends on what it is told first."""

    def rehearsed(self, output: Output) -> str:
        """What its model may reply to the first question, so that the second can be written; empty: there is none."""
        ...


def requests_of(judge: Judge, sample: Sample, output: Output) -> list[ModelRequest]:
    """What a judge sends for one verdict, every reply being readable; of a panel what its members send."""
    members: Sequence[Judge] = getattr(judge, "members", ())
    if members:
        return [request for member in members for request in requests_of(member, sample, output)]
    scout = _Scout(judge.rehearsed(output) if isinstance(judge, AsksInSteps) else "")

    async def ask() -> None:
        with contextlib.suppress(Exception):  # a judge may be somebody else's code, and it is given no answer
            await judge.judge(sample, output, client=scout)

    with ThreadPoolExecutor(1) as thread:  # a loop may be running here already, and judges may ask side by side
        thread.submit(asyncio.run, ask()).result()
    return scout.requests


class _Scout:
    """A way to models that writes requests down and answers none but the first, where a reply to it is known."""

    def __init__(self, reply: str) -> None:
        self._reply = reply
        self.requests: list[ModelRequest] = []

    def usage(self) -> Spending:
        raise AssayError("a scout spends nothing")

    def capabilities(self, model: str) -> frozenset[str]:
        return frozenset({"chat"})

    async def generate(self, request: ModelRequest) -> Reply:
        self.requests.append(request)
        if self._reply and len(self.requests) == 1:
            return Reply(text=self._reply)
        raise ProviderError("written down, not sent")


def request_tokens(request: ModelRequest) -> int:
    """Prompt tokens of a request by length; options count as continuations of the prompt."""
    from assay.engine.prompts import message_text

    text = len(request.prompt or "") + sum(len(message_text(message)) for message in request.messages or ())
    options = sum(len(option) for option in request.options or ())
    return round((text + options) / CHARS_PER_TOKEN) + 1
