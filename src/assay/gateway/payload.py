"""Replies as bytes in the response table. A payload that cannot be read counts as absent, never as a crash."""

from __future__ import annotations

from typing import Any

import orjson

from assay.core.records import Reply, Usage


def encode(reply: Reply, *, model: str) -> bytes:
    """The reply as compact JSON, with the model that was asked; what has its default is left out."""
    usage = reply.usage
    row: dict[str, Any] = {
        "model": model,
        "text": reply.text,
        "usage": [usage.input_tokens, usage.output_tokens, usage.cached_tokens],
        "latency_s": reply.latency_s,
        "cost_usd": reply.cost_usd,
        "finish": reply.finish_reason,
        "served": reply.model_served,
    }
    if reply.tool_calls:
        row["tool_calls"] = reply.tool_calls
    if reply.logprobs is not None:
        row["logprobs"] = reply.logprobs
    if reply.option_logprobs is not None:
        row["options"] = reply.option_logprobs
    return orjson.dumps(row)


def decode(payload: bytes) -> Reply | None:
    """The stored reply, marked ``cached``; ``None`` when the payload is damaged or of another kind."""
    try:
        row = orjson.loads(payload)
        asked, got, cached = row["usage"]
        return Reply(
            text=_checked(row["text"], str),
            finish_reason=row["finish"],
            tool_calls=row.get("tool_calls", ()),
            logprobs=row.get("logprobs"),
            option_logprobs=row.get("options"),
            usage=Usage(input_tokens=asked, output_tokens=got, cached_tokens=cached),
            model_served=row["served"],
            latency_s=None if row["latency_s"] is None else float(row["latency_s"]),
            cost_usd=None if row["cost_usd"] is None else float(row["cost_usd"]),
            cached=True,
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def model_of(payload: bytes) -> str:
    """The model that was asked, of a payload that ``decode`` can read."""
    return str(orjson.loads(payload).get("model", ""))


def _checked(value: Any, kind: type[str]) -> str:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
