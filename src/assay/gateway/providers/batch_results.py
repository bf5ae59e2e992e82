"""What the results of all batch endpoints share: one JSON object a line, in any order; and requests nobody answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from assay.core.errors import ProviderError


def result_lines(body: bytes) -> Iterator[Mapping[str, Any]]:
    """The objects that bear a ``custom_id``; a line that is none is left out.

    Examples:
        >>> [line["custom_id"] for line in result_lines(b'{"custom_id": "b"}\\n<html>\\n{"custom_id": "a"}')]
        ['b', 'a']
    """
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        try:
            document = orjson.loads(body[start:end])
        except orjson.JSONDecodeError:
            document = None
        if isinstance(document, dict) and isinstance(document.get("custom_id"), str):
            yield document
        start = end + 1


def expired(model: str) -> ProviderError:
    """The provider did not come to a request in the time it gives itself for a batch."""
    return ProviderError(
        f"{model}: the batch expired before the request was carried out",
        code="batch.expired",
        kind="timeout",
        retryable=True,
    )


def cancelled(model: str) -> ProviderError:
    """Somebody has cancelled the batch at the provider; nothing is sent again unasked."""
    return ProviderError(
        f"{model}: the batch was cancelled at the provider before the request was carried out",
        hint="to ask again: assay resume RUN",
        code="batch.cancelled",
    )


def unanswered(model: str, why: str) -> ProviderError:
    """A request of a batch has no answer."""
    return ProviderError(f"{model}: no answer in the batch: {why}", code="batch.unanswered", retryable=True)


def given_up(error: ProviderError, what: str) -> ProviderError:
    """The error after the last attempt: nobody outside tries again at once."""
    if not error.retryable:
        return error
    busy = error.kind == "rate_limited"
    return ProviderError(
        f"{error}; its batch could not be {what}",
        hint="when the provider is back: assay resume RUN --wait",
        code=error.code if busy else "provider.unavailable",
        kind=error.kind if busy else "unavailable",
        status=error.status,
        retryable=not busy,
    )
