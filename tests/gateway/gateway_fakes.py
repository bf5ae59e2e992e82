"""A journal in memory, a clock that only moves when told, a transport that answers from a script."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from assay.core.protocols import StoredReply
from assay.core.records import GenerateParams, ModelRequest
from assay.gateway import GatewayConfig, HttpReply, ModelConfig, Price, Transport


class MemoryJournal:
    """The part of the Journal protocol that the gateway uses; lists what runs have paid for when asked."""

    def __init__(self) -> None:
        self.replies: dict[bytes, StoredReply] = {}
        self.spent: dict[str, float] = {}
        self.unpriced = 0

    def reply(self, key: bytes) -> StoredReply | None:
        return self.replies.get(key)

    def record_reply(self, key: bytes, payload: bytes, *, run_id: str, cost_usd: float | None) -> None:
        self.replies[key] = StoredReply(payload, run_id)
        self.spent[run_id] = self.spent.get(run_id, 0.0) + (cost_usd or 0.0)

    def spent_usd(self, run_id: str) -> float:
        return self.spent.get(run_id, 0.0)

    def paid_replies(self, run_id: str) -> Iterator[tuple[bytes, bytes]]:
        return ((key, stored.payload) for key, stored in self.replies.items() if stored.run_id == run_id)


class FakeTime:
    """``clock`` and ``sleep`` of a world where nothing takes time but sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._count += 1
        waker = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, waker))
        await waker

    async def run(self, work: Any, *, busy: Callable[[], bool] = lambda: False) -> Any:
        """Drive a coroutine to its end, moving the clock to the next sleeper whenever nothing else can go on.

        ``busy`` says whether something real (a socket) is being waited for: then the clock stands still.
        """
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(50):
                await asyncio.sleep(0)
            while busy():
                await asyncio.sleep(0.0005)
            while not task.done() and self._sleepers:
                at, _, waker = heapq.heappop(self._sleepers)
                if not waker.done():
                    self.now = max(self.now, at)
                    waker.set_result(None)
                    break
            else:
                await asyncio.sleep(0.0005)
        return await task


class ScriptedTransport:
    """Answers from a function of the request's body; keeps what was sent."""

    def __init__(self, answer: Callable[[dict[str, Any]], HttpReply] | None = None) -> None:
        self.sent: list[tuple[str, Mapping[str, str], dict[str, Any]]] = []
        self.timeouts: list[float] = []
        self.answer = answer or (lambda body: chat_ok())
        self.fetched: list[tuple[str, Mapping[str, str]]] = []
        self.give: Callable[[str], HttpReply] = lambda url: http({})
        self.gate: asyncio.Event | None = None
        self.closed = False

    async def send(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpReply:
        document = orjson.loads(body)
        self.sent.append((url, headers, document))
        self.timeouts.append(timeout_s)
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        return self.answer(document)

    async def fetch(self, url: str, *, headers: Mapping[str, str], timeout_s: float) -> HttpReply:
        self.fetched.append((url, headers))
        await asyncio.sleep(0)
        return self.give(url)

    async def close(self) -> None:
        self.closed = True


class WatchedTransport:
    """A real transport that knows how many of its calls are under way."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.under_way = 0

    async def send(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpReply:
        self.under_way += 1
        try:
            return await self._inner.send(url, headers=headers, body=body, timeout_s=timeout_s)
        finally:
            self.under_way -= 1

    async def fetch(self, url: str, *, headers: Mapping[str, str], timeout_s: float) -> HttpReply:
        self.under_way += 1
        try:
            return await self._inner.fetch(url, headers=headers, timeout_s=timeout_s)
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        await self._inner.close()


def http(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpReply:
    return HttpReply(status, headers or {}, orjson.dumps(document))


def chat_ok(text: str = "hello", *, sent: int = 10, got: int = 5, model: str = "served-1") -> HttpReply:
    return http(
        {
            "model": model,
            "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": sent, "completion_tokens": got},
        }
    )


def chat_request(text: str = "hi", *, model: str = "openai/test", **rest: Any) -> ModelRequest:
    params = rest.pop("params", None) or GenerateParams(max_tokens=5)
    return ModelRequest(model=model, messages=[{"role": "user", "content": text}], params=params, **rest)


def config_for(base_url: str = "http://127.0.0.1:9/v1", **rest: Any) -> GatewayConfig:
    settings: dict[str, Any] = {
        "models": {"openai/test": ModelConfig(base_url=base_url, price=Price(input=1.0, output=2.0))},
        "environ": {},
    }
    return GatewayConfig(**{**settings, **rest})
