"""A provider with a batch endpoint in memory, which fails as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import orjson

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Reply, Usage
from assay.gateway import BatchConfig, Endpoint, GatewayConfig, ModelConfig, Price
from assay.gateway.provider import BatchState, Line

MODEL = "acme/m"
USAGE = Usage(input_tokens=1000, output_tokens=100)


def fails(*, retryable: bool = True, **rest: Any) -> ProviderError:
    return ProviderError("acme/m: it failed", retryable=retryable, **rest)


class Provider:
    """Both a Provider and its BatchService.

    Attributes:
        sent: Texts of each batch that was taken.
        answer: From a request's text to its reply, its error, or ``None``: the batch ends without a result for it.
        refuses: What the next attempts to submit raise.
        swallows: Attempts to submit that are taken and whose answer gets lost.
        unseen: What the next looks raise.
        looks_needed: A batch has ended at this look.
        gate: While it is not set, submitting takes for ever.
        knows_tokens: Batches can be found by our token.
    """

    max_requests = 1000
    max_bytes = 1_000_000

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.single: list[str] = []
        self.taken: list[tuple[str, list[bytes]]] = []
        self.answer: Callable[[str], Reply | ProviderError | None] = lambda text: Reply(text=f"re {text}", usage=USAGE)
        self.refuses: list[ProviderError] = []
        self.swallows = 0
        self.unseen: list[ProviderError] = []
        self.looks_needed = 1
        self.looks = 0
        self.finds = 0
        self.tries = 0
        self.gate: asyncio.Event | None = None
        self.knows_tokens = True

    def batches(self) -> Provider:
        return self

    def capabilities(self, name: str) -> frozenset[str]:
        return frozenset({"chat"})

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Reply:
        self.single.append(_text(request))
        if self.gate is not None:
            await self.gate.wait()
        return Reply(text="single", usage=USAGE)

    def line(self, request: ModelRequest, *, name: str, custom_id: str) -> Line:
        path = "/long" if _text(request).startswith("long") else "/short"
        return Line(path, orjson.dumps({"custom_id": custom_id, "text": _text(request)}))

    async def submit(self, lines: Sequence[bytes], *, path: str, token: str, model: str, endpoint: Endpoint) -> str:
        self.tries += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.refuses:
            raise self.refuses.pop(0)
        self.taken.append((token, list(lines)))
        self.sent.append([orjson.loads(line)["text"] for line in lines])
        if self.swallows:
            self.swallows -= 1
            raise fails(kind="timeout")
        return f"b{len(self.taken) - 1}"

    async def find(self, token: str, *, model: str, endpoint: Endpoint) -> str | None:
        self.finds += 1
        known = [index for index, (other, _) in enumerate(self.taken) if other == token]
        return f"b{known[0]}" if known and self.knows_tokens else None

    async def look(self, batch_id: str, *, model: str, endpoint: Endpoint) -> BatchState:
        self.looks += 1
        if self.unseen:
            raise self.unseen.pop(0)
        if int(batch_id[1:]) >= len(self.taken):
            raise fails(retryable=False, status=404)
        return BatchState(ended=self.looks >= self.looks_needed, answered=self.looks, results=[batch_id])

    async def results(self, state: BatchState, *, model: str, endpoint: Endpoint) -> AsyncIterator[Mapping[str, Any]]:
        for line in reversed(self.taken[int(state.results[0][1:])][1]):
            row = orjson.loads(line)
            if self.answer(row["text"]) is not None:
                yield row

    def read(self, result: Mapping[str, Any], request: ModelRequest) -> Reply:
        found = self.answer(result["text"])
        assert found is not None
        if isinstance(found, ProviderError):
            raise found
        return found


def _text(request: ModelRequest) -> str:
    assert request.messages is not None
    return str(request.messages[0]["content"])


def batch_config(provider: Provider, **rest: Any) -> GatewayConfig:
    given = {"poll_s": 10.0, **rest.pop("batching", {})}
    model = ModelConfig(price=Price(input=2.0, output=4.0, batch=0.5), batch=BatchConfig(**given))
    settings: dict[str, Any] = {
        "models": {MODEL: model},
        "providers": {"acme": lambda: provider},
        "environ": {},
        "max_retries": 2,
    }
    return GatewayConfig(**{**settings, **rest})
