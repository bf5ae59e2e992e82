"""A plug-in's provider, held to what the gateway relies on: a time limit, ProviderErrors, replies that can be kept."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Reply, Usage
from assay.gateway.provider import Closable, Endpoint, Identified, Provider


class GuardedProvider:
    """Passes everything on; what the plug-in does wrong costs the call its answer, never the run its items."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def capabilities(self, name: str) -> frozenset[str]:
        return frozenset(self._provider.capabilities(name))

    def identity(self, name: str) -> str | None:
        return self._provider.identity(name) if isinstance(self._provider, Identified) else None

    async def close(self) -> None:
        if isinstance(self._provider, Closable):
            await self._provider.close()

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Reply:
        timeout_s = request.timeout_s or endpoint.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._provider.call(request, name=name, endpoint=endpoint)
        except TimeoutError as error:
            raise ProviderError(
                f"{request.model}: no answer within {timeout_s:g} s",
                code="provider.timeout",
                kind="timeout",
                retryable=True,
            ) from error
        except ProviderError:
            raise
        except Exception as error:  # a plug-in is somebody else's code: whatever it raises is this call's failure
            raise ProviderError(
                f"{request.model} raised {type(error).__name__}: {error}", code="provider.plugin_raised"
            ) from error
        return _kept(reply, request.model)


def _kept(reply: Any, model: str) -> Reply:
    """The reply, which the response table can hold."""
    if not isinstance(reply, Reply) or not isinstance(reply.usage, Usage):
        raise ProviderError(
            f"{model} returned {type(reply).__name__}; a Reply with its Usage is wanted", kind="bad_reply"
        )
    parts = (reply.text, reply.finish_reason, reply.tool_calls, reply.logprobs, reply.option_logprobs)
    try:
        orjson.dumps(parts)
    except TypeError as error:
        raise ProviderError(f"{model} returned something that is not JSON: {error}", kind="bad_reply") from error
    return reply
