"""A model that answers from a script, and what its tokens look like."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Output, Reply, Sample

Said = str | Reply | ProviderError
ALL = frozenset({"chat", "logprobs", "json_schema"})


class Script:
    """A ModelClient: one entry after the other, the last one again and again; or a function of the request."""

    def __init__(self, *said: Said | Callable[[ModelRequest], Said], can: frozenset[str] = frozenset({"chat"})) -> None:
        self.said = list(said)
        self.can = can
        self.requests: list[ModelRequest] = []

    async def generate(self, request: ModelRequest) -> Reply:
        place = min(len(self.requests), len(self.said) - 1)
        self.requests.append(request)
        said = self.said[place]
        answer = said(request) if callable(said) else said
        if isinstance(answer, ProviderError):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(text=answer, cost_usd=0.01)

    def capabilities(self, model: str) -> frozenset[str]:
        return self.can

    def usage(self) -> Any:
        raise AssertionError("judges do not ask for the usage")

    @property
    def prompts(self) -> list[str]:
        """The first message of each request."""
        return [str((request.messages or ())[0]["content"]) for request in self.requests]


def token(said: str, shares: Mapping[str, float]) -> dict[str, Any]:
    """A token of a reply and the probabilities listed for its place."""
    top = [{"token": word, "logprob": math.log(share)} for word, share in shares.items()]
    return {"token": said, "logprob": math.log(shares.get(said, 1e-9)), "top": top}


def spelled(*tokens: Mapping[str, Any]) -> Reply:
    """A reply of these tokens."""
    return Reply(text="".join(str(one["token"]) for one in tokens), logprobs=list(tokens), cost_usd=0.01)


def one_item(
    answer: str = "Paris.", *, question: str = "Capital of France?", reference: Sequence[str] | None = None, **meta: Any
) -> tuple[Sample, Output]:
    sample = Sample(id="s1", input=question, reference=reference, metadata=meta)
    return sample, Output(sample_id="s1", text=answer)
