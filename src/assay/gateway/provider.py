"""What the gateway asks of a provider, and how HTTP replies become errors people can act on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import orjson

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Reply
from assay.gateway.transport import HttpReply, TransportError, TransportTimeoutError


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One place where a model is served, ready to be called.

    Attributes:
        base_url: ``""`` for providers in the process.
        timeout_s: Limit of one attempt, where the request does not set its own.
    """

    base_url: str = ""
    api_key: str | None = None
    timeout_s: float = 60.0


class Provider(Protocol):
    """A wire format, or a model in the process. One instance serves every model of its prefix."""

    def capabilities(self, name: str) -> frozenset[str]:
        """Of ``chat, completion, options, logprobs, json_schema, tools, images``."""
        ...

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Reply:
        """Answer once: no retry, no limit, no cost (those are the gateway's).

        Args:
            name: The model's name without the provider's prefix.

        Raises:
            ProviderError: There is no answer; ``retryable`` says whether another attempt may help.
        """
        ...


@runtime_checkable
class Identified(Protocol):
    """A provider whose model is a file or a function: the response table must notice when that changes."""

    def identity(self, name: str) -> str | None:
        """Hash of what answers; part of every key."""
        ...


@runtime_checkable
class Closable(Protocol):
    """A provider that holds something to be let go."""

    async def close(self) -> None: ...


class Line(NamedTuple):
    """One request as a batch holds it; a batch holds requests to one ``path`` only."""

    path: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchState:
    """What a provider says of a batch.

    Attributes:
        ended: Nothing more will come of it.
        answered: Requests dealt with so far, failed ones included.
        results: Where the results are, once there are any.
        failure: Why what has no result was not carried out.
    """

    ended: bool
    answered: int = 0
    results: Sequence[str] = ()
    failure: ProviderError | None = None


class BatchService(Protocol):
    """A provider's batch endpoint: requests are left with it together, and answered within a day at a lower price.

    Everything raises ProviderError as ``Provider.call`` does.

    Attributes:
        max_requests: Of one batch.
        max_bytes: Of the lines of one batch together.
    """

    @property
    def max_requests(self) -> int: ...
    @property
    def max_bytes(self) -> int: ...

    def line(self, request: ModelRequest, *, name: str, custom_id: str) -> Line:
        """A request as it is sent; its result will bear the ``custom_id``."""
        ...

    async def submit(self, lines: Sequence[bytes], *, path: str, token: str, model: str, endpoint: Endpoint) -> str:
        """Leave requests with the provider; returns its name of the batch without giving way once that was read."""
        ...

    async def find(self, token: str, *, model: str, endpoint: Endpoint) -> str | None:
        """The provider's name of a batch that was sent under our token, if the provider can tell."""
        ...

    async def look(self, batch_id: str, *, model: str, endpoint: Endpoint) -> BatchState: ...

    def results(self, state: BatchState, *, model: str, endpoint: Endpoint) -> AsyncIterator[Mapping[str, Any]]:
        """Results in any order, each with its ``custom_id``; what cannot be read is left out."""
        ...

    def read(self, result: Mapping[str, Any], request: ModelRequest) -> Reply:
        """The reply a result holds, or the error it stands for."""
        ...


@runtime_checkable
class Batching(Protocol):
    """A provider that may have a batch endpoint."""

    def batches(self) -> BatchService | None: ...


async def heard(sent: Awaitable[HttpReply], *, model: str, endpoint: Endpoint) -> HttpReply:
    """A reply whatever its status.

    Raises:
        ProviderError: There is none: timeout, no connection.
    """
    try:
        return await sent
    except TransportTimeoutError as error:
        hint = "raise limits.timeout_s, or lower max_tokens"
        raise ProviderError(
            f"{model}: {error}", hint=hint, code="provider.timeout", kind="timeout", retryable=True
        ) from error
    except TransportError as error:
        hint = f"check that {endpoint.base_url} can be reached from here"
        raise ProviderError(f"{model}: {error}", hint=hint, code="provider.unreachable", retryable=True) from error


RETRYABLE_STATUS = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 522, 524, 529})
_OVERFLOW = re.compile(
    r"context.{0,12}(length|window|size)|prompt is too long|too many (input )?tokens|maximum.{0,20}tokens.{0,40}prompt",
    re.I,
)


def error_of(reply: HttpReply, *, model: str) -> ProviderError:
    """The error a reply that is not 200 stands for."""
    status, message, word = reply.status, *_error_text(reply.body)
    if status in (401, 403):
        return ProviderError(
            f"{model}: the provider refused the key (HTTP {status}): {message}",
            hint="check the API key in the environment, and that it may use this model",
            code="provider.unauthorized",
            status=status,
        )
    if status == 429:
        exhausted = word == "insufficient_quota"
        return ProviderError(
            f"{model}: rate limit (HTTP 429): {message}",
            hint="raise the account's quota" if exhausted else "lower limits.rpm or --concurrency",
            code="provider.rate_limited",
            kind="rate_limited",
            status=status,
            retry_after_s=retry_after_s(reply.headers),
            retryable=not exhausted,
        )
    if word == "content_filter":
        return ProviderError(
            f"{model}: refused by the provider's filter: {message}", kind="content_filter", status=status
        )
    if status in (400, 413, 422) and (word == "context_length_exceeded" or status == 413 or _OVERFLOW.search(message)):
        return ProviderError(
            f"{model}: the prompt does not fit the model's context: {message}",
            hint="shorten the prompt, use fewer shots, or lower max_tokens",
            code="provider.context_overflow",
            kind="context_overflow",
            status=status,
        )
    hint = "check the model's name and the base URL" if status == 404 else ""
    return ProviderError(
        f"{model}: HTTP {status}: {message}",
        hint=hint,
        status=status,
        retry_after_s=retry_after_s(reply.headers) if status == 503 else None,
        retryable=status in RETRYABLE_STATUS,
    )


def _error_text(body: bytes) -> tuple[str, str]:
    """Message and code word of an error body, whatever its shape."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:300].decode(errors="replace").strip() or "no text", ""
    error: Any = document.get("error", document) if isinstance(document, dict) else document
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or str(error)
        return str(message)[:500], str(error.get("code") or error.get("type") or "")
    return str(error)[:500], ""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the provider asks to wait: ``retry-after-ms``, else ``retry-after`` in seconds or as a date.

    A date is read against the reply's own ``date``, so the machine's clock does not matter.

    Examples:
        >>> retry_after_s({"retry-after": "2.5"})
        2.5
    """
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000.0)
        value = headers.get("retry-after")
        if value is None:
            return None
        if value.replace(".", "", 1).isdigit():
            return float(value)
        sent = headers.get("date")
        if sent is None:
            return None
        from email.utils import parsedate_to_datetime  # 3 ms, and hardly ever needed

        return max(0.0, (parsedate_to_datetime(value) - parsedate_to_datetime(sent)).total_seconds())
    except ValueError:
        return None


def read_json(reply: HttpReply, *, model: str) -> dict[str, Any]:
    """The JSON object of a reply with status 200.

    Raises:
        ProviderError: It is not one (``bad_reply``, retryable).
    """
    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError as error:
        kind = reply.headers.get("content-type") or "no content type"
        opening = reply.body[:80].decode(errors="replace")
        raise bad_reply(model, f"the reply is not JSON ({kind}): {opening!r}") from error
    if not isinstance(document, dict):
        raise bad_reply(model, "the reply is not a JSON object")
    return document


def bad_reply(model: str, what: str) -> ProviderError:
    """An answer that cannot be read; another attempt may give a better one."""
    return ProviderError(
        f"{model}: {what}",
        hint="check that the base URL is the API's and not a web page's",
        code="provider.bad_reply",
        kind="bad_reply",
        status=200,
        retryable=True,
    )
