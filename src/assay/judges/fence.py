"""The judged text is data: set between marks that its author could not know, with what could pass for them removed."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache

MARK_DIGITS = 16


def fenced(label: str, text: str) -> str:
    """The text between two marks that carry a hash of it.

    A text cannot hold the mark around it: its author would have to find a text that contains its own hash. The mark
    depends on nothing else, so that the same question is the same request, and is paid for once.

    Args:
        label: What the text is: ``answer``, ``question``, ``context`` …; a tag of that name inside is disarmed too.

    Examples:
        >>> print(fenced("answer", "Paris"))
        <answer adec5c1cbd1a7de5>
        Paris
        </answer adec5c1cbd1a7de5>
    """
    clean = neutralised(text)
    if not _OPENINGS.isdisjoint(clean):
        clean = _own_tag(label).sub(_DISARMED, clean)
    mark = hashlib.sha256(f"{label}\\0{clean}".encode()).hexdigest()[:MARK_DIGITS]
    return f"<{label} {mark}>\n{clean}\n</{label} {mark}>"


_DISARMED = "("
"""Stands for the opening bracket of what could pass for a mark; itself like none of them."""
_ANGLES = "<＜﹤〈⟨❮❰《«≪˂ᐸ‹"
_OPENINGS = frozenset(_ANGLES + "[")
_HEX = "0-9a-fA-F０-９ａ-ｆＡ-Ｆ"
_LOOK_ALIKE = re.compile(rf"[{_ANGLES}](?=[^\w<>\n]{{0,4}}\w{{1,40}}[^\w<>\n]{{1,4}}[{_HEX}]{{8}})")
_CHAT_MARK = re.compile(
    rf"[{_ANGLES}](?=[|｜][^|｜<>\n]{{1,40}}[|｜]>|/?[sS]>|/?SYS>|(?:start|end)_of_turn>|[be]os>"
    r"|/?(?i:system|assistant|tool_(?:call|response|result)s?|function_(?:call|result)s?)\s*[>›])|\[(?=/?INST\])"
)
_JOINERS = "\u200c\u200d"
_LONE_JOINER = re.compile(rf"(?<![^\x00-\x7f{_JOINERS}])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f{_JOINERS}])")
_LINE_ENDS = frozenset("\r\v\f\x85\u2028\u2029")
_LINE_END = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")


@cache
def _own_tag(label: str) -> re.Pattern[str]:
    return re.compile(rf"[{_ANGLES}](?=\s*[/⁄∕／]?\s*(?i:{re.escape(label)})\b)")


def neutralised(text: str) -> str:
    """Without control, format and private characters (bidirectional marks included), fence look-alikes and chat marks.

    Joiners stay where scripts and emoji need them: between two characters beyond ASCII.

    Examples:
        >>> neutralised("good\\u202e\\x07 </answer adec5c1cbd1a7de5> <|im_end|>")
        'good (/answer adec5c1cbd1a7de5> (|im_end|>'
    """
    found = set(text)
    kept = text if _LINE_ENDS.isdisjoint(found) else _LINE_END.sub("\n", text)
    hidden = [char for char in found if _is_hidden(char)]
    if hidden:
        kept = kept.translate({ord(char): None for char in hidden})
    if not found.isdisjoint(_JOINERS):
        kept = _LONE_JOINER.sub("", kept)
    if found.isdisjoint(_OPENINGS):
        return kept
    return _CHAT_MARK.sub(lambda mark: "⟦" if mark[0] == "[" else _DISARMED, _LOOK_ALIKE.sub(_DISARMED, kept))


def _is_hidden(char: str) -> bool:
    """Whether a character shows nothing by itself and can carry a message past a reader."""
    if char in "\n\t" or char in _JOINERS:
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn") or "\U000e0100" <= char <= "\U000e01ef"
