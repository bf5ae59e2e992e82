"""Two texts word by word: what both say, what only the first says, what only the second says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import takewhile

WORDS = 1_500
"""Words of each text that are compared: matching takes quadratic time, and nobody reads a longer diff."""

Part = dict[str, str]


def word_diff(before: str, after: str) -> list[Part]:
    """Parts in reading order, ``{"op": "same" | "removed" | "added" | "cut", "text"}``.

    Joining all but the added parts gives ``before`` and all but the removed ones ``after``, as far as they were
    compared; a ``cut`` part at the end says how much was not.

    Examples:
        >>> [(part["op"], part["text"]) for part in word_diff("the answer is 4", "the answer is 5")]
        [('same', 'the answer is '), ('removed', '4'), ('added', '5')]
    """
    old, new = _words(before), _words(after)
    beyond = max(len(old), len(new)) - WORDS
    parts = _parts(old[:WORDS], new[:WORDS])
    if beyond > 0:
        parts.append({"op": "cut", "text": f"… {beyond:,} more words are not compared"})
    return parts


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)


def _parts(old: Sequence[str], new: Sequence[str]) -> list[Part]:
    head = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    rest = (old[head:], new[head:])
    tail = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*map(reversed, rest), strict=False)))
    middle_old, middle_new = (side[: len(side) - tail] for side in rest)
    parts: list[Part] = []
    _add(parts, "same", old[:head])
    for op, low, high, from_new, to_new in SequenceMatcher(None, middle_old, middle_new).get_opcodes():
        if op == "equal":
            _add(parts, "same", middle_old[low:high])
        else:
            _add(parts, "removed", middle_old[low:high])
            _add(parts, "added", middle_new[from_new:to_new])
    _add(parts, "same", rest[0][len(rest[0]) - tail :])
    return parts


def _add(parts: list[Part], op: str, words: Sequence[str]) -> None:
    if not words:
        return
    if parts and parts[-1]["op"] == op:
        parts[-1]["text"] += "".join(words)
    else:
        parts.append({"op": op, "text": "".join(words)})
