"""Canonical JSON and content hashes: the same value gives the same bytes in every process and version."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no spaces and no NaN.

    Raises:
        ValueError: A number is NaN or infinite.
        TypeError: A value is not JSON.

    Examples:
        >>> canonical_json({"b": 1, "a": "é"}).decode()
        '{"a":"é","b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def content_hash(value: Any) -> str:
    """``sha256:`` and the hex digest of the canonical JSON.

    Examples:
        >>> content_hash({})[:14]
        'sha256:44136fa'
    """
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


def short_hash(value: Any, *, length: int = 12) -> str:
    """First ``length`` hex digits of the content hash, for versions people read."""
    return hashlib.sha256(canonical_json(value)).hexdigest()[:length]
