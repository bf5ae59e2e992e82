"""ROUGE: overlap of n-grams and of word order with a reference summary.

Source: Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries. Tokens are the runs of ``a-z0-9`` of the
lower-cased text, as in the ``rouge_score`` package, which the values equal; other scripts therefore have no tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import ClassVar, NamedTuple

from assay.scorers.base import TextScorer
from assay.scorers.text import shared_count

ASCII_WORDS = bytes(code if chr(code).isascii() and chr(code).isalnum() else 32 for code in range(256))


def tokens(text: str) -> list[bytes]:
    """Runs of ``a-z0-9`` of the lower-cased text.

    Examples:
        >>> tokens("Don't STOP, 2 cafés")
        [b'don', b't', b'stop', b'2', b'caf', b's']
    """
    return text.lower().encode("ascii", "replace").translate(ASCII_WORDS).split()


def stemmed_tokens(text: str) -> list[bytes]:
    """Tokens with those of more than three letters reduced to their Porter stem."""
    from assay.scorers.porter import stem

    return [stem(token.decode()).encode() if len(token) > 3 else token for token in tokens(text)]


@cache
def longest_common() -> Callable[[Sequence[Hashable], Sequence[Hashable]], int]:
    """The function that gives the length of the longest common subsequence; loaded when first needed."""
    from rapidfuzz.distance.LCSseq import similarity

    return similarity


class Overlap(NamedTuple):
    """Hits and sizes of both sides; precision, recall and F1 follow."""

    hits: int
    answer_size: int
    reference_size: int

    def f1(self) -> float:
        return 2.0 * self.hits / (self.answer_size + self.reference_size) if self.hits else 0.0

    def measure(self, name: str) -> float:
        """``f1``, ``precision`` or ``recall``; 0 where there are no hits."""
        if name == "f1" or not self.hits:
            return self.f1()
        return self.hits / (self.answer_size if name == "precision" else self.reference_size)


def ngram_overlap(answer: Sequence[bytes], reference: Sequence[bytes], n: int) -> Overlap:
    """ROUGE-N: n-grams that both have, each as often as both have it."""
    if n > 1:
        answer_grams: Sequence[object] = list(zip(*(answer[start:] for start in range(n)), strict=False))
        reference_grams: Sequence[object] = list(zip(*(reference[start:] for start in range(n)), strict=False))
    else:
        answer_grams, reference_grams = answer, reference
    return Overlap(shared_count(answer_grams, reference_grams), len(answer_grams), len(reference_grams))


def sequence_overlap(answer: Sequence[bytes], reference: Sequence[bytes]) -> Overlap:
    """ROUGE-L: the longest common subsequence, bit-parallel."""
    return Overlap(longest_common()(answer, reference), len(answer), len(reference))


def summary_overlap(answer: Sequence[Sequence[bytes]], reference: Sequence[Sequence[bytes]]) -> Overlap:
    """Summary-level ROUGE-L over sentences: union of each reference sentence's common subsequences (Lin 2004, 3.2).

    A token counts as a hit at most as often as both sides have it.
    """
    left_answer = Counter(token for sentence in answer for token in sentence)
    left_reference = Counter(token for sentence in reference for token in sentence)
    sizes = left_answer.total(), left_reference.total()
    hits = 0
    for sentence in reference:
        union = sorted({row for other in answer for row in _lcs_rows(sentence, other)})
        for row in union:
            token = sentence[row]
            if left_answer[token] > 0 and left_reference[token] > 0:
                hits += 1
                left_answer[token] -= 1
                left_reference[token] -= 1
    return Overlap(hits, *sizes)


def _lcs_rows(reference: Sequence[bytes], answer: Sequence[bytes]) -> list[int]:
    """Positions in ``reference`` of one longest common subsequence, found backwards from the end.

    Row i of the table of LCS lengths is kept as an integer whose set bits are the columns where the length grows
    (Hyyrö 2004); of equal ways back, the one that drops the reference's last token is taken.
    """
    where: dict[bytes, int] = {}
    for column, token in enumerate(answer):
        where[token] = where.get(token, 0) | 1 << column
    full = (1 << len(answer)) - 1
    state, growth = full, [0]
    for token in reference:
        common = state & where.get(token, 0)
        state = ((state + common) | (state - common)) & full
        growth.append(~state & full)
    rows, row, column = [], len(reference), len(answer)
    while row and column:
        if reference[row - 1] == answer[column - 1]:
            row, column = row - 1, column - 1
            rows.append(row)
        elif (growth[row] & ((1 << column - 1) - 1)).bit_count() > (growth[row - 1] & ((1 << column) - 1)).bit_count():
            column -= 1
        else:
            row -= 1
    return rows


@dataclass(frozen=True, kw_only=True)
class _Rouge(TextScorer):
    """Options all kinds of ROUGE share.

    Attributes:
        measure: ``f1``, ``precision`` or ``recall``, of the reference with the best F1.
        stemmer: Compare Porter stems of tokens of more than three letters.
    """

    unit: ClassVar[str] = "score"
    measure: str = "f1"
    stemmer: bool = False

    def _check(self) -> None:
        self._one_of("measure", ("f1", "precision", "recall"))

    @cached_property
    def _tokens(self) -> Callable[[str], list[bytes]]:
        return stemmed_tokens if self.stemmer else tokens

    def overlaps(self, text: str, references: Sequence[str]) -> list[Overlap]:
        """The overlap with each reference."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it compares texts")

    def value_of(self, text: str, references: Sequence[str]) -> float:
        return max(self.overlaps(text, references), key=Overlap.f1).measure(self.measure)


@dataclass(frozen=True, kw_only=True)
class _RougeN(_Rouge):
    n: ClassVar[int] = 1

    def overlaps(self, text: str, references: Sequence[str]) -> list[Overlap]:
        answer = self._tokens(text)
        return [ngram_overlap(answer, self._tokens(reference), self.n) for reference in references]


@dataclass(frozen=True, kw_only=True)
class Rouge1(_RougeN):
    """ROUGE-1: words shared with the best reference, F1 by default, in [0, 1].

    Examples:
        >>> Rouge1().value_of("the cat sat", ["the cat"])
        0.8
    """

    name: str = "rouge_1"


@dataclass(frozen=True, kw_only=True)
class Rouge2(_RougeN):
    """ROUGE-2: pairs of neighbouring words shared with the best reference, F1 by default, in [0, 1].

    Examples:
        >>> Rouge2().value_of("the cat sat down", ["the cat sat"])
        0.8
    """

    name: str = "rouge_2"
    n: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class RougeL(_Rouge):
    """ROUGE-L: longest common subsequence of words with the best reference, F1 by default, in [0, 1].

    Examples:
        >>> RougeL().value_of("the dog the cat sat", ["the cat sat"])
        0.75
    """

    name: str = "rouge_l"

    def overlaps(self, text: str, references: Sequence[str]) -> list[Overlap]:
        answer = self._tokens(text)
        return [sequence_overlap(answer, self._tokens(reference)) for reference in references]


@dataclass(frozen=True, kw_only=True)
class RougeLsum(_Rouge):
    """Summary-level ROUGE-L: as ROUGE-L, by sentence, where a sentence is a line; in [0, 1].

    Examples:
        >>> RougeLsum().value_of("the cat\\nthe dog", ["the dog\\nthe cat"])
        1.0
    """

    name: str = "rouge_lsum"

    def overlaps(self, text: str, references: Sequence[str]) -> list[Overlap]:
        answer = self._sentences(text)
        return [summary_overlap(answer, self._sentences(reference)) for reference in references]

    def _sentences(self, text: str) -> list[list[bytes]]:
        return [self._tokens(line) for line in text.split("\n") if line]
