"""``keywords:*``: words and letters that must, must not, or must so often occur; case never matters.

Keywords are literal text. The published checker reads them as regular expressions, which is the same for every
keyword of its data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay.scorers.ifeval.relation import holds


def existence(text: str, *, keywords: Sequence[str]) -> bool:
    """Every keyword occurs, also inside a longer word.

    Examples:
        >>> existence("Grown-ups intern here", keywords=["intern", "grow"])
        True
    """
    return all(re.search(re.escape(keyword), text, re.IGNORECASE) for keyword in keywords)


def frequency(text: str, *, keyword: str, frequency: int, relation: str) -> bool:
    """The keyword occurs at least, or less than, ``frequency`` times; also inside longer words, never overlapping.

    Examples:
        >>> frequency("War! What is warfare?", keyword="war", frequency=2, relation="at least")
        True
    """
    count = len(re.findall(re.escape(keyword.strip()), text, re.IGNORECASE))
    return holds(count, relation=relation, threshold=frequency)


def forbidden_words(text: str, *, forbidden_words: Sequence[str]) -> bool:
    """None of the words occurs as a whole word.

    Examples:
        >>> forbidden_words("The rocket left.", forbidden_words=["rock"])
        True
    """
    return not any(re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) for word in forbidden_words)


def letter_frequency(text: str, *, letter: str, let_frequency: int, let_relation: str) -> bool:
    """One character (a letter, or a sign such as ``#``) occurs at least, or less than, ``let_frequency`` times.

    Examples:
        >>> letter_frequency("Queue #1", letter="q", let_frequency=2, let_relation="less than")
        True
    """
    return holds(text.lower().count(letter.lower()), relation=let_relation, threshold=let_frequency)
