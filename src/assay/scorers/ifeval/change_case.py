"""``change_case:*``: all capitals, all lower case, and how many words in capitals."""

from __future__ import annotations

import re

from assay.scorers.ifeval.language import response_language
from assay.scorers.ifeval.relation import holds

# Where the Treebank tokenizer of the published checker separates words. A colon or comma before a digit does not.
_SEPARATOR = re.compile(r"[\s;@#$%&?!*\[\](){}<>\"“”„«»‘’‒-―]+|--|``|''|\.{2,}|[:,](?!\d)")
_ENCLITIC = re.compile(r"(?<=[^'])(?:'(?:[sSmMdD]|ll|LL|re|RE|ve|VE)|n't|N'T)$")
_FUSED = re.compile(r"^(?:(can)(not)|(gim|lem)(me)|(gon|wan)(na)|(got)(ta)|(d)('ye))$", re.IGNORECASE)


def english_capital(text: str) -> bool:
    """English, without a lower-case letter.

    Examples:
        >>> english_capital("WHAT IS THIS? IT IS A TEST."), english_capital("What is THIS?")
        (True, False)
    """
    return text.isupper() and response_language(text, language="en")


def english_lowercase(text: str) -> bool:
    """English, without a capital letter.

    Examples:
        >>> english_lowercase("what is this? it is a test."), english_lowercase("What is this?")
        (True, False)
    """
    return text.islower() and response_language(text, language="en")


def count_capital_words(text: str) -> int:
    """Words with at least one capital and no lower-case letter, divided as the Penn Treebank divides words.

    A hyphenated word is one. A contraction is two, so ``DON'T`` counts twice and the ``I`` of ``I'm`` once;
    ``I`` and a sentence-initial ``A`` count.

    Examples:
        >>> count_capital_words("NASA's STATE-OF-THE-ART probe, which I DON'T own")
        5
    """
    return sum(piece.isupper() for word in _SEPARATOR.split(text) for piece in _divide(word))


def capital_word_frequency(text: str, *, capital_frequency: int, capital_relation: str) -> bool:
    """At least, or less than, ``capital_frequency`` words in capitals (see ``count_capital_words``)."""
    return holds(count_capital_words(text), relation=capital_relation, threshold=capital_frequency)


def _divide(word: str) -> list[str]:
    stem, enclitic = word, _ENCLITIC.search(word)
    if enclitic is not None:
        stem = word[: enclitic.start()]
    fused = _FUSED.match(stem)
    pieces = [piece for piece in fused.groups() if piece] if fused else [stem]
    return pieces if enclitic is None else [*pieces, enclitic.group()]
