"""A conversation as a page shows it. Messages come from files and models: any JSON must be shown, none may fail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

ROLES = ("system", "user", "assistant", "tool")


def turns(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of an item, the input itself where none were recorded.

    Args:
        item: The plain form of an Item.

    Returns:
        ``[{"role", "note", "text", "calls": [{"name", "arguments"}]}]``; ``note`` is the speaker's name or the tool
        call that is answered.
    """
    given = item["sample"]["input"]
    messages = item["output"]["messages"] or ([{"role": "user", "content": given}] if isinstance(given, str) else given)
    return [_turn(message) for message in messages]


def _turn(message: Any) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        return {"role": "message", "note": "", "text": content_text(message), "calls": []}
    calls = message.get("tool_calls")
    notes = [str(message[key]) for key in ("name", "tool_call_id") if message.get(key)]
    return {
        "role": str(message.get("role") or "message"),
        "note": ", ".join(notes),
        "text": content_text(message.get("content")),
        "calls": [_call(call) for call in calls] if isinstance(calls, Sequence) and not isinstance(calls, str) else [],
    }


def _call(call: Any) -> dict[str, str]:
    if not isinstance(call, Mapping):
        return {"name": "call", "arguments": content_text(call)}
    function = call.get("function")
    inner = function if isinstance(function, Mapping) else call
    return {"name": str(inner.get("name") or "call"), "arguments": content_text(inner.get("arguments"))}


def content_text(content: Any) -> str:
    """A message's content as text: as it is, the texts of its parts, or JSON.

    Examples:
        >>> content_text([{"type": "text", "text": "look:"}, {"type": "image_url", "image_url": {"url": "…"}}])
        'look:\\n[image_url]'
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence) and content and all(isinstance(part, Mapping) for part in content):
        return "\n".join(str(part["text"]) if "text" in part else f"[{part.get('type', 'part')}]" for part in content)
    return json.dumps(content, ensure_ascii=False, indent=2, default=str)
