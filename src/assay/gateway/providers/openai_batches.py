"""The OpenAI batch endpoint: requests go up as a file of JSON lines, results come down as one or two.

Sources:
    OpenAI API reference, "Batch" and "Files" (platform.openai.com/docs/api-reference/batch): at most 50,000 requests
    and 200 MB a batch, one path and one model in it; answered requests are in the output file, the others in the error
    file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Reply
from assay.gateway.provider import BatchState, Endpoint, Line, bad_reply, error_of, heard, read_json
from assay.gateway.providers.batch_results import cancelled, expired, result_lines, unanswered
from assay.gateway.providers.openai import encoded_body, read_reply
from assay.gateway.transport import HttpReply, Transport

if TYPE_CHECKING:
    from assay.gateway.providers.openai import OpenAIProvider

TOKEN_KEY = "assay_batch"  # noqa: S105 - the name of a field, not a secret
"""Metadata of a batch under which our token is kept."""
TRANSFER_S = 600.0
"""A file of 200 MB may take this long."""
_BOUNDARY = "assay-batch-file-6b1f0c9e2d"
_ENDED = ("completed", "expired", "cancelled")
_NO_LIST = (404, 405, 501)
"""A service that speaks the format may not list batches."""


class OpenAIBatches:
    """A BatchService of a provider that speaks the OpenAI format."""

    max_requests = 50_000
    max_bytes = 200_000_000

    def __init__(self, provider: OpenAIProvider, transport: Transport) -> None:
        self._provider = provider
        self._transport = transport

    def line(self, request: ModelRequest, *, name: str, custom_id: str) -> Line:
        if request.options is not None:
            raise ProviderError(
                f"{request.model}: options cannot be scored in a batch",
                hint="leave batch: out for this task, or use style=letter",
                code="batch.unsupported",
                kind="bad_request",
            )
        path = "/v1/chat/completions" if request.messages is not None else "/v1/completions"
        body = self._provider.request_body(request, name)
        return Line(path, encoded_body({"custom_id": custom_id, "method": "POST", "url": path, "body": body}, request))

    async def submit(self, lines: Sequence[bytes], *, path: str, token: str, model: str, endpoint: Endpoint) -> str:
        url, headers = self._provider.address(endpoint, "/files")
        headers = {**headers, "content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
        sent = self._transport.send(url, headers=headers, body=_form(lines, token), timeout_s=TRANSFER_S)
        file = _document(await heard(sent, model=model, endpoint=endpoint), model)
        url, headers = self._provider.address(endpoint, "/batches")
        wanted = {
            "input_file_id": _named(file, model),
            "endpoint": path,
            "completion_window": "24h",
            "metadata": {TOKEN_KEY: token},
        }
        sent = self._transport.send(url, headers=headers, body=orjson.dumps(wanted), timeout_s=endpoint.timeout_s)
        return _named(_document(await heard(sent, model=model, endpoint=endpoint), model), model)

    async def find(self, token: str, *, model: str, endpoint: Endpoint) -> str | None:
        after = ""
        while True:
            try:
                page = _document(await self._get(f"/batches?limit=100{after}", model, endpoint), model)
            except ProviderError as error:
                if error.status in _NO_LIST:
                    return None
                raise
            rows = page.get("data") or []
            for batch in rows:
                if (batch.get("metadata") or {}).get(TOKEN_KEY) == token:
                    return _named(batch, model)
            before, after = after, f"&after={_named(rows[-1], model)}" if rows else ""
            if not page.get("has_more") or after in ("", before):  # a service that does not turn pages repeats itself
                return None

    async def look(self, batch_id: str, *, model: str, endpoint: Endpoint) -> BatchState:
        batch = _document(await self._get(f"/batches/{batch_id}", model, endpoint), model)
        status, counts = batch.get("status"), batch.get("request_counts") or {}
        if status == "failed":
            return BatchState(ended=True, failure=_refused(batch, model))
        if status in _ENDED and counts.get("completed") and not batch.get("output_file_id"):
            raise bad_reply(model, f"batch {batch_id} has ended, and its file of answers is not named yet")
        return BatchState(
            ended=status in _ENDED,
            failure=cancelled(model) if status == "cancelled" else None,
            answered=int(counts.get("completed") or 0) + int(counts.get("failed") or 0),
            results=[file for key in ("output_file_id", "error_file_id") if (file := batch.get(key))],
        )

    async def results(self, state: BatchState, *, model: str, endpoint: Endpoint) -> AsyncIterator[Mapping[str, Any]]:
        for file in state.results:
            reply = await self._get(f"/files/{file}/content", model, endpoint, timeout_s=TRANSFER_S)
            for line in result_lines(reply.body):
                yield line

    def read(self, result: Mapping[str, Any], request: ModelRequest) -> Reply:
        response = result.get("response")
        if not isinstance(response, Mapping):
            raise _not_carried_out(result.get("error"), request.model)
        status, body = int(response.get("status_code") or 200), response.get("body")
        if status != 200:
            raise error_of(HttpReply(status, {}, orjson.dumps(body)), model=request.model)
        if not isinstance(body, Mapping):
            raise bad_reply(request.model, "the result holds no reply")
        return read_reply(body, request)

    async def _get(self, path: str, model: str, endpoint: Endpoint, *, timeout_s: float | None = None) -> HttpReply:
        path, mark, query = path.partition("?")
        url, headers = self._provider.address(endpoint, path)
        if mark:
            url += ("&" if "?" in url else "?") + query
        asked = self._transport.fetch(url, headers=headers, timeout_s=timeout_s or endpoint.timeout_s)
        reply = await heard(asked, model=model, endpoint=endpoint)
        if reply.status != 200:
            raise error_of(reply, model=model)
        return reply


def _form(lines: Sequence[bytes], token: str) -> bytes:
    """The upload as multipart/form-data."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{token}.jsonl"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    return b"".join((head.encode(), b"\n".join(lines), f"\n\r\n--{_BOUNDARY}--\r\n".encode()))


def _document(reply: HttpReply, model: str) -> dict[str, Any]:
    if reply.status != 200:
        raise error_of(reply, model=model)
    return read_json(reply, model=model)


def _named(document: Mapping[str, Any], model: str) -> str:
    name = document.get("id")
    if not isinstance(name, str) or not name:
        raise bad_reply(model, "the reply names no file or batch")
    return name


def _refused(batch: Mapping[str, Any], model: str) -> ProviderError:
    """Why the service did not take a batch; one that waits for others to end may be taken later."""
    problems = (batch.get("errors") or {}).get("data") or [{}]
    code, message = problems[0].get("code"), problems[0].get("message") or "no reason given"
    full = code == "token_limit_exceeded"
    return ProviderError(
        f"{model}: the provider refused the batch: {message}",
        hint="lower max_requests of batch:, or wait until other batches have ended" if full else "",
        code="batch.refused",
        kind="rate_limited" if full else "provider_error",
    )


def _not_carried_out(error: Any, model: str) -> ProviderError:
    told = error if isinstance(error, Mapping) else {}
    word = told.get("code")
    if word == "batch_expired":
        return expired(model)
    if word == "batch_cancelled":
        return cancelled(model)
    return unanswered(model, str(told.get("message") or word or "no reason given"))
