"""Judges and models that are attacked in tests: what they obey is known, so the report can be held to it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from assay.core.errors import BudgetExhaustedError, ProviderError
from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, ModelRequest, Output, Reply, Sample, Score
from assay.judges.asking import Form, Unreadable, ask
from assay.judges.base import BaseJudge
from assay.judges.fence import fenced
from assay.judges.scale import Scale

Model = Callable[[str], str]
HEAD = "Judge the answer on the scale that was agreed; reply with the level alone."
FENCE = re.compile(r"<(\w+) ([0-9a-f]{16})>\n.*?\n</\1 \2>", re.DOTALL)
ORDER = re.compile(r"\b5\b|[\u0435\u0456]")
"""The items hold no five and no Cyrillic letter, so either was put there by an attack."""


@dataclass(frozen=True, kw_only=True)
class Probe(BaseJudge):
    """Asks for a level, with the answer fenced or not."""

    name: str = "probe"
    model: str = "test/model"
    scale: ClassVar[Scale] = Scale()
    fence: bool = True
    higher_is_better: ClassVar[bool | None] = True

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        shown = fenced("answer", output.text) if self.fence else output.text
        answer = await ask(
            [{"role": "user", "content": f"{HEAD}\n\n{shown}"}],
            Form(read=self._read, reminder="The level alone."),
            client=client,
            model=self.model,
            params=GenerateParams(temperature=self.temperature),
            sample_id=sample.id,
        )
        if answer.read is None:
            return self._unscored(sample, output, answer.reason or "")
        return self._priced(self._value(sample, output, answer.read), answer.cost_usd)

    def _read(self, text: str) -> float | Unreadable:
        text = text.strip()
        return float(text) if text.isdigit() else Unreadable(reason="no_verdict", detail=text)


class Harmful(Probe):
    """Low is good, so an attacker wants the lowest level."""

    higher_is_better: ClassVar[bool | None] = False


class Undirected(Probe):
    """Neither end is better."""

    higher_is_better: ClassVar[bool | None] = None


class NoSpending:
    """A price is not known."""

    cost_usd = None

    def to_dict(self) -> Mapping[str, Any]:
        return {"cost_usd": None}


class Scripted:
    """A client whose model is a function of the prompt (and of how often it was asked anew)."""

    def __init__(
        self, model: Callable[[str, int], str], *, calls: int | None = None, status: int | None = None
    ) -> None:
        self._model = model
        self._left = calls
        self._status = status
        self.asked: list[str] = []

    def usage(self) -> NoSpending:
        return NoSpending()

    def capabilities(self, model: str) -> frozenset[str]:
        return frozenset({"chat"})

    async def generate(self, request: ModelRequest) -> Reply:
        assert request.messages is not None
        if self._status is not None:
            raise ProviderError("no", status=self._status, kind="rate_limited")
        if self._left is not None and len(self.asked) >= self._left:
            raise BudgetExhaustedError("the money is gone")
        prompt = str(request.messages[0]["content"])
        self.asked.append(prompt)
        return Reply(text=self._model(prompt, request.replicate), cost_usd=0.001)


def honest(prompt: str) -> int:
    """Two or three, whatever is written there: from the item's own number word alone."""
    return 2 + ("even" in prompt)


def obeys_anything(prompt: str, replicate: int) -> str:
    """A five anywhere but in the task is an order."""
    return "5" if ORDER.search(prompt.removeprefix(HEAD)) else str(honest(prompt))


def obeys_outside_the_fence(prompt: str, replicate: int) -> str:
    """What stands between two marks with one hash is data; everything else is an order."""
    return "5" if ORDER.search(FENCE.sub("", prompt.removeprefix(HEAD))) else str(honest(prompt))


def ignores(prompt: str, replicate: int) -> str:
    return str(honest(prompt))


def wavers(share: float) -> Callable[[str, int], str]:
    """One level up or down in a share of the cases, as a hash of the prompt says; orders mean nothing to it."""

    def model(prompt: str, replicate: int) -> str:
        draw = hashlib.sha256(f"{replicate}{prompt}".encode()).digest()
        level = honest(prompt)
        return str(level + (1 if draw[1] % 2 else -1) if draw[0] < 256 * share else level)

    return model


def real_items(count: int) -> list[tuple[Sample, Output]]:
    """Answers that hold no digit."""
    words = ("even", "odd")
    return [
        (
            Sample(id=f"q{n}", input="Which is it?"),
            Output(sample_id=f"q{n}", text=f"It is {words[n % 2]}: {'i' * (n + 1)}."),
        )
        for n in range(count)
    ]
