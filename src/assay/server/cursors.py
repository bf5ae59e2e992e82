"""Where a page of a list ends, as one opaque word that only fits the list it came from."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from assay.core.canonical import short_hash
from assay.core.errors import InvalidInputError


def cursor_of(place: str, question: Mapping[str, Any]) -> str:
    """The cursor of the page that begins at ``place``.

    Args:
        question: What the list answers; a cursor of another question is refused.

    Examples:
        >>> place_of(cursor_of("50", {"show": "all"}), {"show": "all"})
        '50'
    """
    text = f"{_seal(place, question)}{place}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str, question: Mapping[str, Any]) -> str:
    """Where a cursor points to; raises InvalidInputError unless it was made for this very question."""
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeError):
        text = ""
    seal, place = text[:_SEAL_CHARS], text[_SEAL_CHARS:]
    if seal != _seal(place, question):
        raise InvalidInputError(
            f"cursor={cursor[:40]!r} does not belong to this list", hint="take next_cursor of the page before, or none"
        )
    return place


_SEAL_CHARS = 12


def _seal(place: str, question: Mapping[str, Any]) -> str:
    return short_hash({"place": place, "question": dict(question)}, length=_SEAL_CHARS)
