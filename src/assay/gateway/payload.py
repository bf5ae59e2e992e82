"""Replies as bytes in the response table. A payload that cannot be read counts as absent, never as a crash."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from assay.core.records import Reply, Usage


def encode(reply: Reply, *, model: str, sample_id: str | None = None) -> bytes:
    """The reply as compact JSON, with the model that was asked and for which sample; defaults are left out."""
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
    if sample_id is not None:
        row["sample"] = _storable(sample_id)
    if reply.retries:
        row["retries"] = reply.retries
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
            retries=int(row.get("retries", 0)),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


class Asked(NamedTuple):
    """What a reply was paid for."""

    model: str
    sample_id: str | None


def asked(payload: bytes) -> Asked:
    """The model that was asked and for which sample, of a payload that ``decode`` can read."""
    row = orjson.loads(payload)
    return Asked(str(row.get("model", "")), row.get("sample"))


def is_for(payload: bytes, sample_id: str | None) -> bool:
    """Whether a reply was paid for when this sample was asked about; also when nobody wrote down which it was."""
    paid_for = asked(payload).sample_id
    return paid_for is None or (sample_id is not None and paid_for == _storable(sample_id))


def _storable(sample_id: str) -> str:
    """Ids are anything; JSON is not."""
    return sample_id.encode("utf-8", "backslashreplace").decode()


def _checked(value: Any, kind: type[str]) -> str:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
