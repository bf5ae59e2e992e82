"""A model that answers from a script, and the samples judges are tried on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from assay.core.errors import BudgetExhaustedError, ProviderError
from assay.core.records import ModelRequest, Output, Reply, Sample, Score
from assay.judges.base import BaseJudge

Said = str | Reply | Exception
MODEL = "test/judge"


class ScriptedClient:
    """Answers each request by a function of it; keeps what was asked."""

    def __init__(
        self,
        answer: Callable[[ModelRequest], Said] | Said,
        *,
        capabilities: frozenset[str] = frozenset({"chat"}),
        cost_usd: float | None = 0.001,
    ) -> None:
        self.answer: Callable[[ModelRequest], Said] = answer if callable(answer) else lambda request: answer
        self.known = capabilities
        self.cost_usd = cost_usd
        self.requests: list[ModelRequest] = []

    def usage(self) -> Any:
        raise AssertionError("no judge asks for usage")

    def capabilities(self, model: str) -> frozenset[str]:
        return self.known

    async def generate(self, request: ModelRequest) -> Reply:
        self.requests.append(request)
        await asyncio.sleep(0)
        said = self.answer(request)
        if isinstance(said, Exception):
            raise said
        return Reply(text=said, cost_usd=self.cost_usd) if isinstance(said, str) else said


def prompt_of(request: ModelRequest) -> str:
    """The first message's text."""
    return str((request.messages or [])[0]["content"])


def shown_first(request: ModelRequest, text: str) -> bool:
    """Whether a pairwise question shows the text as answer_a."""
    return text in prompt_of(request).rpartition("</answer_a ")[0]


def verdict(shown: str) -> str:
    return json.dumps({"reasoning": "because", "verdict": shown})


def prefers(text: str) -> Callable[[ModelRequest], Said]:
    """A judge that knows which answer is better, wherever it is shown."""
    return lambda request: verdict("A" if shown_first(request, text) else "B")


def sample_of(**fields: Any) -> Sample:
    return Sample(**{"id": "s1", "input": "What is the capital of France?", **fields})


def output_of(text: str, **fields: Any) -> Output:
    return Output(sample_id="s1", text=text, **fields)


def judged(judge: BaseJudge, client: ScriptedClient, text: str = "Paris", **fields: Any) -> Score:
    return asyncio.run(judge.judge(sample_of(**fields), output_of(text), client=client))


def timed_out() -> ProviderError:
    return ProviderError("no reply in 5 s", kind="timeout", retryable=True)


def unauthorized() -> ProviderError:
    return ProviderError("the key is refused", status=401)


def no_money() -> BudgetExhaustedError:
    return BudgetExhaustedError("the budget is spent")
