"""Anthropic's Message Batches: requests and results are what ``messages`` takes and gives.

Sources:
    Anthropic API reference, "Message Batches" (docs.anthropic.com/en/api/creating-message-batches): at most 100,000
    requests and 256 MB a batch; a ``custom_id`` has 1–64 letters, digits, ``_`` and ``-``. The error words and their
    statuses: "Errors" (docs.anthropic.com/en/api/errors).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Reply
from assay.gateway.provider import BatchState, Endpoint, Line, bad_reply, error_of, heard, read_json
from assay.gateway.providers.anthropic import address, message_body, read_reply
from assay.gateway.providers.batch_results import cancelled, expired, result_lines, unanswered
from assay.gateway.providers.openai import encoded_body
from assay.gateway.transport import HttpReply, Transport

PATH = "/messages/batches"
TRANSFER_S = 600.0
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Of a single call that fails for the same reason; any other word is a failure of the service (500)."""


class AnthropicBatches:
    """A BatchService. The API keeps no word of ours with a batch: one whose name was not read cannot be found again."""

    max_requests = 100_000
    max_bytes = 256_000_000

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def line(self, request: ModelRequest, *, name: str, custom_id: str) -> Line:
        return Line(PATH, encoded_body({"custom_id": custom_id, "params": message_body(request, name)}, request))

    async def submit(self, lines: Sequence[bytes], *, path: str, token: str, model: str, endpoint: Endpoint) -> str:
        url, headers = address(endpoint, path)
        body = b'{"requests":[' + b",".join(lines) + b"]}"
        sent = self._transport.send(url, headers=headers, body=body, timeout_s=TRANSFER_S)
        reply = await heard(sent, model=model, endpoint=endpoint)
        name = _document(reply, model).get("id")
        if not isinstance(name, str) or not name:
            raise bad_reply(model, "the reply names no batch")
        return name

    async def find(self, token: str, *, model: str, endpoint: Endpoint) -> str | None:
        return None

    async def look(self, batch_id: str, *, model: str, endpoint: Endpoint) -> BatchState:
        url, headers = address(endpoint, f"{PATH}/{batch_id}")
        asked = self._transport.fetch(url, headers=headers, timeout_s=endpoint.timeout_s)
        batch = _document(await heard(asked, model=model, endpoint=endpoint), model)
        counts = batch.get("request_counts") or {}
        return BatchState(
            ended=batch.get("processing_status") == "ended",
            answered=sum(int(count or 0) for what, count in counts.items() if what != "processing"),
            results=[_results_url(batch.get("results_url"), batch_id, endpoint)],
        )

    async def results(self, state: BatchState, *, model: str, endpoint: Endpoint) -> AsyncIterator[Mapping[str, Any]]:
        _, headers = address(endpoint, PATH)
        for url in state.results:
            asked = self._transport.fetch(url, headers=headers, timeout_s=TRANSFER_S)
            reply = await heard(asked, model=model, endpoint=endpoint)
            if reply.status != 200:
                raise error_of(reply, model=model)
            for line in result_lines(reply.body):
                yield line

    def read(self, result: Mapping[str, Any], request: ModelRequest) -> Reply:
        told = result.get("result")
        if not isinstance(told, Mapping):
            raise bad_reply(request.model, "the result holds no reply")
        outcome = told.get("type")
        if outcome == "succeeded":
            return read_reply(told["message"], request)
        if outcome == "errored":
            raise _error(told["error"], request.model)
        if outcome == "expired":
            raise expired(request.model)
        if outcome == "canceled":
            raise cancelled(request.model)
        raise unanswered(request.model, str(outcome))


def _document(reply: HttpReply, model: str) -> dict[str, Any]:
    if reply.status != 200:
        raise error_of(reply, model=model)
    return read_json(reply, model=model)


def _results_url(given: Any, batch_id: str, endpoint: Endpoint) -> str:
    """Where the API says the results are; the key is sent nowhere but where the user says the API is."""
    own, _ = address(endpoint, f"{PATH}/{batch_id}/results")
    same = isinstance(given, str) and urlsplit(given)[:2] == urlsplit(own)[:2]
    return given if same else own


def _error(told: Any, model: str) -> ProviderError:
    """The error of one request, as a single call would have had it."""
    inner = told.get("error") if isinstance(told, Mapping) else None
    word = inner.get("type") if isinstance(inner, Mapping) else None
    return error_of(HttpReply(_STATUS.get(str(word), 500), {}, orjson.dumps(told)), model=model)
