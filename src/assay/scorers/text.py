"""What counts as the same text: folding, punctuation and articles, shared by the scorers that compare words."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

ARTICLES = frozenset({"a", "an", "the"})


class _WithoutPunctuation(dict[int, int | None]):
    """A ``str.translate`` table that drops ASCII punctuation and every Unicode punctuation mark, filled as it is used.

    Combining marks and letters of every script stay.
    """

    def __missing__(self, code: int) -> int | None:
        char = chr(code)
        ascii_symbol = code < 128 and unicodedata.category(char)[0] == "S"
        self[code] = None if ascii_symbol or unicodedata.category(char)[0] == "P" else code
        return self[code]


_DROP_PUNCTUATION = _WithoutPunctuation()


def fold(text: str, *, casefold: bool = True) -> str:
    """Canonically composed (NFC) and, by default, case-folded text.

    Examples:
        >>> fold("STRASSE") == fold("Straße")
        True
        >>> fold("e\\u0301") == fold("\\u00e9")
        True
    """
    if text.isascii():
        return text.lower() if casefold else text
    composed = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", composed.casefold()) if casefold else composed


def words(
    text: str, *, casefold: bool = True, ignore_punctuation: bool = False, ignore_articles: bool = False
) -> list[str]:
    """The text's words after folding, split at whitespace.

    With ``ignore_punctuation`` and ``ignore_articles`` these are the tokens of SQuAD's evaluation (Rajpurkar et al.
    2016), for punctuation of every script.

    Examples:
        >>> words("The  Cat, sat.")
        ['the', 'cat,', 'sat.']
        >>> words("The  Cat, sat.", ignore_punctuation=True, ignore_articles=True)
        ['cat', 'sat']
    """
    text = fold(text, casefold=casefold)
    if ignore_punctuation:
        text = text.translate(_DROP_PUNCTUATION)
    found = text.split()
    return [word for word in found if word.casefold() not in ARTICLES] if ignore_articles else found


def shared_count(first: Sequence[object], second: Sequence[object]) -> int:
    """Size of the multiset intersection of two lists of hashables.

    Examples:
        >>> shared_count(["a", "a", "b"], ["a", "a", "a"])
        2
    """
    left: dict[object, int] = {}
    for word in first:
        left[word] = left.get(word, 0) + 1
    shared = 0
    for word in second:
        if left.get(word):
            left[word] -= 1
            shared += 1
    return shared
