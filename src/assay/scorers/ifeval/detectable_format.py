"""``detectable_format:*``: bullets, highlights, sections, titles, JSON and fixed answers."""

from __future__ import annotations

import json
import re

FIXED_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")

_EMPHASIS = re.compile(r"\*([^*\n]*)\*")
_STRONG = re.compile(r"\*\*([^*\n]*)\*\*")
_TITLE = re.compile(r"<<([^\n]+)>>")
_FENCES = ("```json", "```Json", "```JSON", "```")


def number_bullet_lists(text: str, *, num_bullets: int) -> bool:
    r"""Exactly ``num_bullets`` lines start with ``*`` (not ``**``) or ``-``, after any indentation.

    A rule such as ``---`` and a line that starts with ``*emphasis*`` count, as in the published checker.

    Examples:
        >>> number_bullet_lists("Plan:\n* walk\n  - rest", num_bullets=2)
        True
    """
    lines = [line.lstrip() for line in text.split("\n")]
    return sum(line.startswith("-") or re.match(r"\*[^*]", line) is not None for line in lines) == num_bullets


def number_highlighted_sections(text: str, *, num_highlights: int) -> bool:
    """At least ``num_highlights`` stretches of ``*text*`` or ``**text**``, each on one line and not blank.

    Examples:
        >>> number_highlighted_sections("*one* and **two**, not ** **", num_highlights=2)
        True
    """
    found = _EMPHASIS.findall(text) + _STRONG.findall(text)
    return sum(bool(content.strip()) for content in found) >= num_highlights


def multiple_sections(text: str, *, section_spliter: str, num_sections: int) -> bool:
    r"""At least ``num_sections`` headings made of the word as given (case matters) and a number.

    Examples:
        >>> multiple_sections("Section 1\nfirst\nSection 2\nsecond", section_spliter="Section", num_sections=2)
        True
    """
    return len(re.findall(rf"{re.escape(section_spliter.strip())}\s?\d+", text)) >= num_sections


def title(text: str) -> bool:
    """A title in double angular brackets on one line.

    Examples:
        >>> title("<<poem of joy>>"), title("<< >>")
        (True, False)
    """
    return any(content.strip("<> ").strip() for content in _TITLE.findall(text))


def json_format(text: str) -> bool:
    r"""The whole text is one JSON value, bare or in a Markdown fence.

    Examples:
        >>> json_format('```json\n{"a": 1}\n```'), json_format('Here: {"a": 1}')
        (True, False)
    """
    body = text.strip()
    for fence in _FENCES:
        body = body.removeprefix(fence)
    try:
        json.loads(body.removesuffix("```").strip())
    except (ValueError, RecursionError):  # nesting deeper than the interpreter's stack is no usable JSON either
        return False
    return True


def constrained_response(text: str) -> bool:
    """One of ``FIXED_ANSWERS`` occurs word for word.

    Examples:
        >>> constrained_response("**My answer is maybe.**"), constrained_response("my answer is maybe")
        (True, False)
    """
    return any(answer in text for answer in FIXED_ANSWERS)
