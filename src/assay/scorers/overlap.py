"""Overlap of words between answer and reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay.scorers.base import TextScorer
from assay.scorers.text import shared_count, words


def f1(first: Sequence[str], second: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of two bags of words; 1 when both are empty.

    Examples:
        >>> f1(["a", "b"], ["a", "c"])
        0.5
    """
    total = len(first) + len(second)
    return 2.0 * shared_count(first, second) / total if total else 1.0


@dataclass(frozen=True, kw_only=True)
class TokenF1(TextScorer):
    """Harmonic mean of word precision and recall against the best reference, in [0, 1].

    Words are split at whitespace and case-folded; repeated words count as often as they occur. Two texts without a
    word agree (1). With ``ignore_punctuation`` and ``ignore_articles`` this is the F1 of SQuAD.

    Attributes:
        casefold: Upper and lower case are the same.
        ignore_punctuation: Punctuation marks are dropped.
        ignore_articles: The words *a*, *an*, *the* are dropped.

    Sources:
        Rajpurkar et al. (2016), arXiv:1606.05250, section 6.1.

    Examples:
        >>> TokenF1().value_of("the cat sat", ["The cat"])
        0.8
    """

    name: str = "token_f1"
    unit: ClassVar[str] = "score"
    casefold: bool = True
    ignore_punctuation: bool = False
    ignore_articles: bool = False

    def _words(self, text: str) -> list[str]:
        return words(
            text,
            casefold=self.casefold,
            ignore_punctuation=self.ignore_punctuation,
            ignore_articles=self.ignore_articles,
        )

    def value_of(self, text: str, references: Sequence[str]) -> float:
        answer = self._words(text)
        return max(f1(answer, self._words(reference)) for reference in references)
