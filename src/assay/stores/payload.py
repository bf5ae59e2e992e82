"""Records as bytes: the form the journal and the sealed segments keep, loss-free.

orjson writes almost everything. What it refuses (integers beyond 64 bits, lone surrogates) or would change (it turns
NaN and infinities into ``null``) is written by the standard library instead, marked by a first byte ``~``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import orjson

from assay.core.codec import item_from_plain, to_plain
from assay.core.records import Item, Output, Sample, Score, Usage

_MARK = b"~"


def encode_item(item: Item) -> bytes:
    """An item as bytes, defaults left out; ``decode_item`` gives an item whose plain form is the same."""
    plain = {
        "row": item.row,
        "sample": _sample(item.sample),
        "output": _output(item.output),
        "scores": [_score(score) for score in item.scores],
    }
    try:
        payload = orjson.dumps(plain)
    except TypeError:
        return _by_standard_library(to_plain(item))
    if b"null" in payload:  # a null in the open parts, an unscored score, the word in a text, or a lost NaN
        plain = to_plain(item)
        if not _all_finite(plain):
            return _by_standard_library(plain)
    return payload


def decode_item(payload: bytes) -> Item:
    """Inverse of ``encode_item``."""
    return item_from_plain(decode(payload))


def encode(value: Mapping[str, Any]) -> bytes:
    """A JSON object as bytes, for manifests and summaries."""
    try:
        payload = orjson.dumps(value)
    except TypeError:
        return _by_standard_library(value)
    if b"null" in payload and not _all_finite(value):
        return _by_standard_library(value)
    return payload


def decode(payload: bytes) -> dict[str, Any]:
    """Inverse of ``encode``."""
    value: dict[str, Any] = json.loads(payload[1:]) if payload[:1] == _MARK else orjson.loads(payload)
    return value


def _by_standard_library(value: Any) -> bytes:
    return _MARK + json.dumps(value, separators=(",", ":")).encode("ascii")


# Written out field by field: this runs twice a sample, and going over the fields costs three times as much.


def _sample(sample: Sample) -> dict[str, Any]:
    row: dict[str, Any] = {"id": sample.id, "input": sample.input}
    if sample.reference is not None:
        row["reference"] = sample.reference
    if sample.choices is not None:
        row["choices"] = sample.choices
    if sample.cluster is not None:
        row["cluster"] = sample.cluster
    if sample.critical:
        row["critical"] = True
    if sample.metadata:
        row["metadata"] = sample.metadata
    return row


def _output(output: Output) -> dict[str, Any]:
    row: dict[str, Any] = {
        "sample_id": output.sample_id,
        "text": output.text,
        "messages": output.messages,
        "usage": _usage(output.usage),
    }
    if output.epoch:
        row["epoch"] = output.epoch
    if output.tool_calls:
        row["tool_calls"] = output.tool_calls
    if output.finish_reason is not None:
        row["finish_reason"] = output.finish_reason
    if output.latency_s is not None:
        row["latency_s"] = output.latency_s
    if output.model is not None:
        row["model"] = output.model
    if output.model_served is not None:
        row["model_served"] = output.model_served
    if output.cost_usd is not None:
        row["cost_usd"] = output.cost_usd
    if output.logprobs is not None:
        row["logprobs"] = output.logprobs
    if output.option_logprobs is not None:
        row["option_logprobs"] = output.option_logprobs
    if output.error is not None:
        row["error"] = output.error
    if output.degraded:
        row["degraded"] = True
    if output.calls != 1:
        row["calls"] = output.calls
    if output.cached_calls:
        row["cached_calls"] = output.cached_calls
    return row


def _usage(usage: Usage) -> dict[str, int]:
    row = {}
    if usage.input_tokens is not None:
        row["input_tokens"] = usage.input_tokens
    if usage.output_tokens is not None:
        row["output_tokens"] = usage.output_tokens
    if usage.cached_tokens is not None:
        row["cached_tokens"] = usage.cached_tokens
    return row


def _score(score: Score) -> dict[str, Any]:
    row: dict[str, Any] = {
        "sample_id": score.sample_id,
        "scorer": score.scorer,
        "scorer_version": score.scorer_version,
        "value": score.value,
    }
    if score.epoch:
        row["epoch"] = score.epoch
    if score.label is not None:
        row["label"] = score.label
    if score.reason is not None:
        row["reason"] = score.reason
    if score.explanation is not None:
        row["explanation"] = score.explanation
    if score.tier != "programmatic":
        row["tier"] = score.tier
    if score.probability != 1.0:
        row["probability"] = score.probability
    if score.cost_usd is not None:
        row["cost_usd"] = score.cost_usd
    if score.cached_calls is not None:
        row["cached_calls"] = score.cached_calls
    return row


def _all_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(_all_finite(entry) for entry in value.values())
    if isinstance(value, list | tuple):
        return all(_all_finite(entry) for entry in value)
    return True
