"""Conformance suite for model providers: what the gateway relies on."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import orjson

from assay.core.errors import AssayError, ProviderError
from assay.core.records import GenerateParams, ModelRequest, Reply, Usage
from assay.gateway.provider import Closable, Endpoint, Identified, Provider
from assay.testing.promise import calmly, must

CAPABILITIES = frozenset({"chat", "completion", "options", "logprobs", "json_schema", "tools", "images"})
PATIENCE_S = 10.0
_TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Look a city up.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def check_provider(
    make: Callable[[], Provider],
    *,
    model: str,
    endpoint: Endpoint | None = None,
    sample_id: str | None = None,
    missing: str | None = None,
) -> None:
    """Hold a provider to its promises by calling a model it serves, in an event loop of the suite's own.

    Replies must have the documented shape for everything the provider says it can do, whichever way it is asked; many
    calls at once must all be answered; a call that is cut short or cancelled must end.

    Args:
        make: Makes a provider; called inside the event loop.
        model: The model's name without the provider's prefix; it must answer about a dozen short requests.
        endpoint: Where it is served; nothing but a time limit by default.
        sample_id: The sample that every request is for, where the provider looks answers up by it.
        missing: Name of a model that the provider does not serve.

    Raises:
        AssertionError: A promise is broken; the message says which and for what request.
    """
    place = endpoint or Endpoint(timeout_s=PATIENCE_S)
    asyncio.run(_Suite(make, model, place, sample_id).check(missing))


class _Suite:
    def __init__(self, make: Callable[[], Provider], model: str, endpoint: Endpoint, sample_id: str | None) -> None:
        self._make = make
        self._model = model
        self._endpoint = endpoint
        self._sample_id = sample_id

    async def check(self, missing: str | None) -> None:
        provider = self._make()
        can = self._check_facts(provider)
        for what, request in self._requests(can):
            _check_reply(await self._call(provider, request, what), request, what)
        await self._check_many(provider, can)
        await self._check_haste(provider, can)
        await self._check_cancelling(provider, can)
        if missing is not None:
            await self._check_missing(provider, missing, can)
        if isinstance(provider, Closable):
            await self._close(provider, "close")
            await self._close(provider, "close, called a second time,")  # a run that fails may do that

    def _check_facts(self, provider: Provider) -> frozenset[str]:
        can: Any = calmly(lambda: provider.capabilities(self._model), "capabilities")
        must(isinstance(can, frozenset), f"capabilities are {can!r}; a frozenset is wanted")
        must(can <= CAPABILITIES, f"capabilities {sorted(can - CAPABILITIES)} are not among {sorted(CAPABILITIES)}")
        must(can & {"chat", "completion"}, "capabilities name neither chat nor completion: it cannot be asked anything")
        must(provider.capabilities(self._model) == can, "capabilities change from one look to the next")
        if isinstance(provider, Identified):
            identity = calmly(lambda: provider.identity(self._model), "identity")
            must(identity is None or isinstance(identity, str), f"identity is {identity!r}; a text or None is wanted")
            must(provider.identity(self._model) == identity, "identity changes though nothing did")
        return frozenset(can)

    def _request(self, can: frozenset[str], **fields: Any) -> ModelRequest:
        """Asked as a chat where it can be, so that every request has one of the two forms."""
        form: dict[str, Any] = (
            {"messages": [{"role": "user", "content": "Say one word."}]} if "chat" in can else {"prompt": "One word:"}
        )
        named = f"plugin/suite:{self._model}"
        return ModelRequest(**{"model": named, "sample_id": self._sample_id, **form, **fields})

    def _requests(self, can: frozenset[str]) -> Iterator[tuple[str, ModelRequest]]:
        short = GenerateParams(max_tokens=4, temperature=0.0)
        yield "a short request", self._request(can, params=short)
        yield "a request without parameters", self._request(can, params=GenerateParams(max_tokens=2))
        if "chat" in can:
            talk = [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hello – ünïcode 🜚"},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "And now?"},
            ]
            yield "a conversation", self._request(can, messages=talk, prompt=None, params=short)
        if "completion" in can:
            yield "a completion", self._request(can, messages=None, prompt="The capital of France is", params=short)
        if "options" in can:
            yield (
                "options to be scored",
                self._request(can, messages=None, prompt="The capital of France is", options=(" Paris", " Lyon")),
            )
        if "logprobs" in can:
            params = GenerateParams(max_tokens=2, temperature=0.0, logprobs=True)
            yield "a request for log-probabilities", self._request(can, params=params)
        if "tools" in can:
            yield "a request with a tool", self._request(can, tools=(_TOOL,), params=short)

    async def _call(self, provider: Provider, request: ModelRequest, what: str) -> Any:
        before = deepcopy(request)
        try:
            reply = await provider.call(request, name=self._model, endpoint=self._endpoint)
        except Exception as error:  # whatever the provider raises is what the suite is there to tell its author
            raise AssertionError(f"{what} raised {type(error).__name__}: {error}") from error
        must(request == before, f"{what} was changed by the provider")
        return reply

    async def _close(self, provider: Closable, what: str) -> None:
        try:
            await provider.close()
        except Exception as error:  # as in _call
            raise AssertionError(f"{what} raised {type(error).__name__}: {error}") from error

    async def _check_many(self, provider: Provider, can: frozenset[str]) -> None:
        what = "one of eight requests at once"
        requests = [
            self._request(can, params=GenerateParams(max_tokens=2), sample_id=self._sample_id) for _ in range(8)
        ]
        replies = await asyncio.gather(*(self._call(provider, request, what) for request in requests))
        for reply, request in zip(replies, requests, strict=True):
            _check_reply(reply, request, what)

    async def _check_haste(self, provider: Provider, can: frozenset[str]) -> None:
        what = "a request with a time limit of a millisecond"
        request = self._request(can, params=GenerateParams(max_tokens=2), timeout_s=0.001)
        try:
            _check_reply(await provider.call(request, name=self._model, endpoint=self._endpoint), request, what)
        except (ProviderError, TimeoutError):
            return
        except AssertionError:
            raise
        except Exception as error:  # as in _call
            raise AssertionError(f"{what} raised {type(error).__name__}: {error}; ProviderError is wanted") from error

    async def _check_cancelling(self, provider: Provider, can: frozenset[str]) -> None:
        request = self._request(can, params=GenerateParams(max_tokens=2))
        task = asyncio.ensure_future(provider.call(request, name=self._model, endpoint=self._endpoint))
        await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_S)
        must(done, f"a call that was cancelled goes on for more than {PATIENCE_S:g} s")
        error = None if task.cancelled() else task.exception()
        must(
            error is None or isinstance(error, ProviderError),
            f"a call that was cancelled raised {error!r}; it must let the cancellation through",
        )

    async def _check_missing(self, provider: Provider, missing: str, can: frozenset[str]) -> None:
        what = f"a request for the model {missing!r}, which it does not serve,"
        try:
            provider.capabilities(missing)
            await provider.call(self._request(can), name=missing, endpoint=self._endpoint)
        except AssayError:
            return
        except Exception as error:  # as in _call
            raise AssertionError(f"{what} raised {type(error).__name__}: {error}; an AssayError is wanted") from error
        raise AssertionError(f"{what} was answered")


def _check_reply(reply: Any, request: ModelRequest, what: str) -> None:
    must(isinstance(reply, Reply), f"{what} gave {type(reply).__name__}; a Reply is wanted")
    must(isinstance(reply.text, str), f"{what}: text is {reply.text!r}; a text is wanted, '' where nothing was said")
    must(reply.finish_reason is None or isinstance(reply.finish_reason, str), f"{what}: finish_reason is no text")
    must(isinstance(reply.usage, Usage), f"{what}: usage is {reply.usage!r}; a Usage is wanted")
    for count in (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cached_tokens):
        must(count is None or (isinstance(count, int) and count >= 0), f"{what}: a token count is {count!r}")
    must(
        reply.latency_s is None or reply.latency_s >= 0.0,
        f"{what}: latency_s is {reply.latency_s!r}; leave it out, the gateway takes the time",
    )
    must(not reply.cached and not reply.degraded, f"{what}: cached and degraded are the gateway's to set")
    for call in reply.tool_calls:
        told = {key: call.get(key) for key in ("id", "name", "arguments")}
        must(all(isinstance(text, str) for text in told.values()), f"{what}: tool call {told}; three texts are wanted")
    if request.options is not None:
        _check_options(reply.option_logprobs, request.options, what)
    if request.params.logprobs:
        must(reply.logprobs is not None, f"{what}: no logprobs, though it says that it gives them")
    for token in reply.logprobs or ():
        must(
            isinstance(token.get("token"), str) and isinstance(token.get("logprob"), float),
            f"{what}: logprobs hold {token!r}; 'token' (a text) and 'logprob' (a number) are wanted",
        )
    try:
        orjson.dumps([reply.text, list(reply.tool_calls), reply.logprobs, reply.option_logprobs])
    except TypeError as error:
        raise AssertionError(f"{what} gave something that is not JSON, so it cannot be kept: {error}") from error


def _check_options(likelihoods: Any, options: Any, what: str) -> None:
    must(likelihoods is not None, f"{what}: no option_logprobs, though it says that it scores options")
    must(len(likelihoods) == len(options), f"{what}: {len(likelihoods)} likelihoods for {len(options)} options")
    for value in likelihoods:
        must(
            isinstance(value, float) and not math.isnan(value) and value <= 1e-6,
            f"{what}: a log-likelihood is {value!r}; a number of at most 0 is wanted",
        )
