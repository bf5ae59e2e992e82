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
from assay.core.records import Item

_MARK = b"~"


def encode_item(item: Item) -> bytes:
    """An item as bytes; ``decode_item`` gives an item whose plain form is the same."""
    try:
        payload = orjson.dumps(item)
    except TypeError:
        return _by_standard_library(to_plain(item))
    # More nulls than the fixed fields account for: a null in the open parts, the word in a text, or a lost NaN.
    if payload.count(b"null") != _missing_fields(item):
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


def _missing_fields(item: Item) -> int:
    sample, output, usage = item.sample, item.output, item.output.usage
    fixed = (
        sample.reference, sample.choices, sample.cluster, output.finish_reason, output.latency_s, output.model,
        output.model_served, output.cost_usd, output.logprobs, output.option_logprobs, output.error,
        usage.input_tokens, usage.output_tokens, usage.cached_tokens,
    )  # fmt: skip
    missing = fixed.count(None)
    for score in item.scores:
        missing += (score.value, score.label, score.reason, score.explanation, score.cost_usd).count(None)
    return missing


def _all_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(_all_finite(entry) for entry in value.values())
    if isinstance(value, list | tuple):
        return all(_all_finite(entry) for entry in value)
    return True
