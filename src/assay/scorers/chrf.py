"""chrF and chrF++: F-score of character (and word) n-grams, as sacrebleu computes it.

Sources: Popović (2015), chrF; Popović (2017), chrF++.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay.core.errors import InvalidInputError
from assay.scorers.base import TextScorer
from assay.scorers.text import shared_count

_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

_WIDE = 1 << 10  # codes from here on are first replaced by their ranks
_NO_GRAM = 1 << 61

Counts = list[tuple[int, int, int]]
"""For each order: n-grams of the answer, of the reference, of both."""


def _char_counts(answer: str, reference: str, order: int) -> Counts:
    """Character n-grams of each order.

    The n-grams at every position of both texts become integers, one row an order; sorting a row brings equal ones of
    either side together.
    """
    sizes = [(max(len(answer) - n, 0), max(len(reference) - n, 0)) for n in range(order)]
    both = _matched(answer, reference, order) if answer and reference else [0] * order
    return [(made if wanted else 0, wanted, matched) for (made, wanted), matched in zip(sizes, both, strict=True)]


def _matched(answer: str, reference: str, order: int) -> list[int]:
    """Size of the multiset intersection of the n-grams of two texts, neither empty, for n = 1 … order."""
    import numpy as np

    split, length = len(answer), len(answer) + len(reference)
    codes = np.frombuffer((answer + reference).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    if codes.max() >= _WIDE:
        codes = np.unique(codes, return_inverse=True)[1]
    base = int(codes.max()) + 1
    keys = np.empty((order, length), dtype=np.int64)
    keys[:] = np.arange(length) + _NO_GRAM  # where no n-gram starts: a key of its own, equal to none
    grams, bound = codes, base
    for n in range(min(order, length)):
        if n and bound * base >= _NO_GRAM:
            grams, bound = np.unique(grams, return_inverse=True)[1], length
        if n:
            grams, bound = grams[:-1] * base + codes[n:], bound * base
        keys[n, : max(split - n, 0)] = grams[: max(split - n, 0)]
        keys[n, split : length - n] = grams[split:]
    keys *= 2
    keys[:, split:] += 1  # the lowest bit tells the sides apart and leaves equal n-grams together
    keys.sort(axis=1)
    first = np.ones(keys.shape, dtype=bool)
    np.not_equal(keys[:, 1:] >> 1, keys[:, :-1] >> 1, out=first[:, 1:])
    starts = np.flatnonzero(first)
    theirs = np.add.reduceat((keys & 1).ravel(), starts)
    ours = np.diff(starts, append=keys.size) - theirs
    shared = np.bincount(starts // length, weights=np.minimum(ours, theirs), minlength=order)
    return [int(count) for count in shared]


def _words(text: str) -> list[str]:
    """Words with one leading or trailing ASCII punctuation mark split off, the trailing one first."""
    found: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _ASCII_PUNCTUATION:
            found += (word[:-1], word[-1])
        elif len(word) > 1 and word[0] in _ASCII_PUNCTUATION:
            found += (word[0], word[1:])
        else:
            found.append(word)
    return found


def _word_counts(answer: Sequence[str], reference: Sequence[str], order: int) -> Counts:
    counts: Counts = []
    for n in range(1, order + 1):
        grams = list(zip(*(answer[start:] for start in range(n)), strict=False))
        wanted = list(zip(*(reference[start:] for start in range(n)), strict=False))
        counts.append((len(grams) if wanted else 0, len(wanted), shared_count(grams, wanted)))
    return counts


def chrf_of(counts: Counts, *, beta: float = 2.0) -> float:
    """chrF in [0, 100]: F-beta of mean precision and mean recall over the orders both sides are long enough for."""
    usable = [entry for entry in counts if entry[0] and entry[1]]
    if not usable:
        return 0.0
    precision = sum(both / made for made, _, both in usable) / len(usable)
    recall = sum(both / wanted for _, wanted, both in usable) / len(usable)
    if not precision + recall:
        return 0.0
    weight = beta * beta
    return 100.0 * (1.0 + weight) * precision * recall / (weight * precision + recall)


def corpus_chrf(
    outputs: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    char_order: int = 6,
    word_order: int = 0,
    beta: float = 2.0,
    whitespace: bool = False,
    lowercase: bool = False,
) -> float:
    """chrF of a whole corpus in [0, 100]: counts are added up, each output with its best reference.

    Raises:
        InvalidInputError: Lengths differ, there is no output, or an output has no reference.

    Examples:
        >>> round(corpus_chrf(["the cat sat"], [["the cat sat down"]]), 2)
        66.02
    """
    if len(outputs) != len(references) or not outputs or not all(references):
        raise InvalidInputError(
            f"{len(outputs)} outputs and {len(references)} lists of references do not make a corpus",
            hint="give each output at least one reference",
        )
    scorer = Chrf(char_order=char_order, word_order=word_order, beta=beta, whitespace=whitespace, lowercase=lowercase)
    whole: Counts = [(0, 0, 0)] * (char_order + word_order)
    for text, accepted in zip(outputs, references, strict=True):
        best = max(scorer.counts(text, accepted), key=lambda counts: chrf_of(counts, beta=beta))
        whole = [
            (made + more, wanted + need, both + same)
            for (made, wanted, both), (more, need, same) in zip(whole, best, strict=True)
        ]
    return chrf_of(whole, beta=beta)


@dataclass(frozen=True, kw_only=True)
class Chrf(TextScorer):
    """Sentence chrF in [0, 100] against the best reference, equal to sacrebleu's; ``word_order=2`` is chrF++.

    Attributes:
        char_order: Longest character n-gram.
        word_order: Longest word n-gram; 0 for none.
        beta: Weight of recall over precision.
        whitespace: Whitespace counts as characters.
        lowercase: Lower-case both sides first.

    Examples:
        >>> round(Chrf().value_of("the cat sat", ["the cat sat down"]), 2)
        66.02
    """

    name: str = "chrf"
    unit: ClassVar[str] = "points"
    char_order: int = 6
    word_order: int = 0
    beta: float = 2.0
    whitespace: bool = False
    lowercase: bool = False

    def _check(self) -> None:
        self._must(self.char_order >= 1, "char_order", "at least 1")
        self._must(self.word_order >= 0, "word_order", "at least 0")
        self._must(self.beta > 0, "beta", "above 0")

    def counts(self, text: str, references: Sequence[str]) -> list[Counts]:
        """The n-gram counts against each reference."""
        texts = [entry.lower() if self.lowercase else entry for entry in (text, *references)]
        answer, *others = texts if self.whitespace else ["".join(entry.split()) for entry in texts]
        found = [_char_counts(answer, other, self.char_order) for other in others]
        if self.word_order:
            words, *other_words = (_words(entry) for entry in texts)
            for counts, other in zip(found, other_words, strict=True):
                counts += _word_counts(words, other, self.word_order)
        return found

    def value_of(self, text: str, references: Sequence[str]) -> float:
        return max(chrf_of(counts, beta=self.beta) for counts in self.counts(text, references))
