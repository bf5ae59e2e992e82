"""What judges put before a model and how they read a JSON reply: shared by those with prompts of their own form."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from assay.core.records import Message, Sample
from assay.judges.asking import Unreadable
from assay.judges.parsing import SHOWN_CHARS, json_pairs, nested, no_verdict

_WORD = re.compile(r"[^\W_]+")
_SLOT = re.compile(r"\{([a-z_]+)\}")


@cache
def built_in_prompt(name: str) -> str:
    """The text of one of Assay's own prompts."""
    return (files("assay.judges") / "prompts" / f"{name}.txt").read_text(encoding="utf-8").strip()


def filled(template: str, parts: Mapping[str, str]) -> list[Message]:
    """One user message; what a part holds is never taken for a slot."""
    return [{"role": "user", "content": _SLOT.sub(lambda slot: parts.get(slot[1], slot[0]), template)}]


def question_text(sample: Sample) -> str:
    """What was asked: the input, or the messages of a conversation with who said them."""
    if isinstance(sample.input, str):
        return sample.input
    return "\n\n".join(f"{message.get('role', 'user')}: {_content(message.get('content'))}" for message in sample.input)


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "\n".join(str(part["text"]) for part in content if isinstance(part, Mapping) and "text" in part)
    return ""


def json_object(text: str) -> dict[str, Any] | Unreadable:
    """The reply as one JSON object, alone or as the only code block; anything else beside it is not accepted.

    Examples:
        >>> json_object('{"verdict": "A"}'), json_object('{"verdict": "A", "verdict": "B"}').reason
        ({'verdict': 'A'}, 'ambiguous')
    """
    if not text.strip():
        return Unreadable(reason="empty")
    pairs = json_pairs(text)
    if pairs is None:
        return no_verdict(text)
    try:
        return _each_key_once(pairs)
    except (ValueError, RecursionError):
        return Unreadable(reason="ambiguous", detail=text[:SHOWN_CHARS])


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {key: _value(value) for key, value in pairs}
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _value(value: Any) -> Any:
    pairs = nested(value)
    if pairs is not None:
        return _each_key_once(pairs)
    return [_value(entry) for entry in value] if isinstance(value, list) else value


def as_json(row: Mapping[str, Any]) -> str:
    """An explanation that programs can read back."""
    return storable(json.dumps(row, ensure_ascii=False, separators=(",", ":")))


def storable(text: str) -> str:
    """The text with ``?`` for halves of surrogate pairs, which a reply's JSON may spell out and no store takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def word_of(text: str) -> str:
    """A verdict's word without marks around and between: ``[[Full refusal]].`` is ``full_refusal``."""
    return "_".join(_WORD.findall(text.casefold()))


def total_usd(costs: Iterable[float | None]) -> float | None:
    """The sum; ``None`` when one of them is unknown."""
    known = list(costs)
    return None if any(cost is None for cost in known) else math.fsum(cost or 0.0 for cost in known)
