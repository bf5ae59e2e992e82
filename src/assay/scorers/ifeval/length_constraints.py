"""``length_constraints:*``: how many words, sentences and paragraphs."""

from __future__ import annotations

import re

from assay.scorers.ifeval.relation import holds
from assay.scorers.ifeval.sentences import count_sentences

_WORD = re.compile(r"\w+")
_WORD_ENDS = re.compile(r"[.,?!'\"]")


def count_words(text: str) -> int:
    r"""Runs of ``\w``, as the published checker counts them.

    ``don't`` is two words and ``well-known`` two. A combining vowel sign ends a run, so texts in Indic scripts count
    more words than a reader would.

    Examples:
        >>> count_words("don't over-count 3 words")
        6
    """
    return len(_WORD.findall(text))


def number_words(text: str, *, num_words: int, relation: str) -> bool:
    """At least, or less than, ``num_words`` words (see ``count_words``)."""
    return holds(count_words(text), relation=relation, threshold=num_words)


def number_sentences(text: str, *, num_sentences: int, relation: str) -> bool:
    """At least, or less than, ``num_sentences`` sentences (see ``sentences.count_sentences``)."""
    return holds(count_sentences(text), relation=relation, threshold=num_sentences)


def number_paragraphs(text: str, *, num_paragraphs: int) -> bool:
    r"""Exactly ``num_paragraphs`` paragraphs between ``***`` dividers.

    A divider at the very start or end is allowed; two dividers with nothing between them are not.

    Examples:
        >>> number_paragraphs("one\n***\ntwo\n***", num_paragraphs=2)
        True
    """
    pieces = [piece.strip() for piece in text.split("***")]
    return all(pieces[1:-1]) and sum(map(bool, pieces)) == num_paragraphs


def nth_paragraph_first_word(text: str, *, num_paragraphs: int, nth_paragraph: int, first_word: str) -> bool:
    r"""Exactly ``num_paragraphs`` paragraphs between blank lines, the n-th (from 1) starting with ``first_word``.

    Leading quotes and whatever follows ``.,?!'"`` do not belong to the word; case does not matter. Extra blank lines
    do not count as paragraphs but do shift the n-th, as in the published checker.

    Examples:
        >>> nth_paragraph_first_word("Hi.\n\n\"Weekend!\" she said.", num_paragraphs=2, nth_paragraph=2,
        ...                          first_word="weekend")
        True
    """
    pieces = [piece.strip() for piece in text.split("\n\n")]
    count = sum(map(bool, pieces))
    if count != num_paragraphs or nth_paragraph > count or not pieces[nth_paragraph - 1]:
        return False
    word = pieces[nth_paragraph - 1].split()[0].lstrip("'").lstrip('"')
    return _WORD_ENDS.split(word)[0].lower() == first_word.lower()
