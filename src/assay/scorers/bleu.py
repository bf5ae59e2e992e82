"""BLEU: n-gram precision against references with a brevity penalty, as sacrebleu computes it.

Sources: Papineni et al. (2002), equation 3; Chen & Cherry (2014) on smoothing; Post (2018) on tokenisation ``13a``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from assay.core.errors import InvalidInputError
from assay.scorers.base import TextScorer
from assay.scorers.text import shared_count

SMOOTHING = ("exp", "floor", "add-k", "none")
TOKENIZERS = ("13a", "char", "none")
MAX_ORDER = 4

_SYMBOL = re.compile(r"([!-&(-+:-@\[-`{-~/])")
_AFTER_NON_DIGIT = re.compile(r"([^0-9])([.,])")
_BEFORE_NON_DIGIT = re.compile(r"([.,])([^0-9])")
_DIGIT_DASH = re.compile(r"([0-9])-")


@lru_cache(maxsize=1 << 16)
def _split_chunk(chunk: str) -> tuple[str, ...]:
    """Tokens of a text without whitespace: the four rules of mteval-v13a in their order."""
    line = _SYMBOL.sub(r" \1 ", f" {chunk} ")
    line = _AFTER_NON_DIGIT.sub(r"\1 \2 ", line)
    line = _BEFORE_NON_DIGIT.sub(r" \1 \2", line)
    return tuple(_DIGIT_DASH.sub(r"\1 - ", line).split())


def tokenize_13a(text: str) -> list[str]:
    """Tokens of mteval-v13a, the tokenisation of WMT: no rule looks across whitespace, so words go one by one.

    Examples:
        >>> tokenize_13a("It's 3.5, not &lt;4&gt;.")
        ["It's", '3.5', ',', 'not', '<', '4', '>', '.']
    """
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in text:
        for entity, char in (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
            text = text.replace(entity, char)
    found: list[str] = []
    for chunk in text.split():
        if chunk.isalnum():
            found.append(chunk)
        elif chunk[-1] in ".,!?;:" and chunk[:-1].isalnum():
            found += (chunk[:-1], chunk[-1])
        else:
            found += _split_chunk(chunk)
    return found


def tokenize(text: str, tokenizer: str) -> list[str]:
    """Tokens by name of the tokenizer: ``13a``, ``char`` (every character) or ``none`` (whitespace)."""
    if tokenizer == "13a":
        return tokenize_13a(text)
    return list("".join(text.split())) if tokenizer == "char" else text.split()


@dataclass(slots=True, kw_only=True)
class BleuCounts:
    """Sufficient statistics; those of several texts add up."""

    answer_length: int = 0
    reference_length: int = 0
    correct: list[int] = field(default_factory=lambda: [0] * MAX_ORDER)
    total: list[int] = field(default_factory=lambda: [0] * MAX_ORDER)

    def add(self, other: BleuCounts) -> None:
        """Add another text's statistics to these."""
        self.answer_length += other.answer_length
        self.reference_length += other.reference_length
        self.correct = [mine + theirs for mine, theirs in zip(self.correct, other.correct, strict=True)]
        self.total = [mine + theirs for mine, theirs in zip(self.total, other.total, strict=True)]


def count(answer: Sequence[str], references: Sequence[Sequence[str]]) -> BleuCounts:
    """Matched and made n-grams of one tokenised answer.

    An n-gram matches as often as the reference that has it most often; the reference length is the one nearest to the
    answer's, the shorter of two.
    """
    size = len(answer)
    lengths = [len(reference) for reference in references]
    counts = BleuCounts(
        answer_length=size, reference_length=min(lengths, key=lambda length: (abs(length - size), length))
    )
    for n in range(1, MAX_ORDER + 1):
        counts.total[n - 1] = max(size - n + 1, 0)
    for n in range(1, MAX_ORDER + 1):
        grams = _grams(answer, n)
        if len(references) == 1:
            matched = shared_count(grams, _grams(references[0], n))
        else:
            most: Counter[object] = Counter()
            for reference in references:
                most |= Counter(_grams(reference, n))
            matched = (Counter(grams) & most).total()
        if not matched:
            break  # a longer n-gram cannot match either
        counts.correct[n - 1] = matched
    return counts


def _grams(tokens: Sequence[str], n: int) -> Sequence[object]:
    if n == 1:
        return tokens
    return list(zip(*(tokens[start:] for start in range(n)), strict=False))


def bleu_of(
    counts: BleuCounts, *, smoothing: str = "exp", smoothing_value: float | None = None, effective_order: bool = False
) -> float:
    """BLEU in [0, 100] from its statistics; 0 where no n-gram matches at all, whatever the smoothing.

    Args:
        smoothing: ``exp`` (halve for each order without a match), ``floor`` (``smoothing_value`` instead of 0 matches,
            default 0.1), ``add-k`` (add ``smoothing_value`` to both counts from bigrams on, default 1) or ``none``.
        effective_order: Average only over the orders the answer is long enough for.
    """
    if not any(counts.correct):
        return 0.0
    default = {"floor": 0.1, "add-k": 1.0}.get(smoothing, 0.0)
    extra = default if smoothing_value is None else smoothing_value
    logs: list[float] = []
    halved = 1.0
    for n, (correct, total) in enumerate(zip(counts.correct, counts.total, strict=True)):
        matched, made = float(correct), float(total)
        if smoothing == "add-k" and n:
            matched, made = matched + extra, made + extra
        if not made:
            break
        if not matched and smoothing == "exp":
            halved *= 2.0
            matched = 1.0 / halved
        elif not matched and smoothing == "floor":
            matched = extra
        if not matched:
            logs.append(-math.inf)
        else:
            logs.append(math.log(100.0 * matched / made))
    if not effective_order and len(logs) < MAX_ORDER:
        return 0.0
    shortfall = counts.reference_length / counts.answer_length
    penalty = math.exp(1.0 - shortfall) if shortfall > 1.0 else 1.0
    return penalty * math.exp(sum(logs) / len(logs))


def corpus_bleu(
    outputs: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    smoothing: str = "exp",
    smoothing_value: float | None = None,
    tokenizer: str = "13a",
    lowercase: bool = False,
) -> float:
    """BLEU of a whole corpus in [0, 100]: statistics are added up before the precisions are taken.

    Args:
        references: For each output its acceptable answers, at least one.

    Raises:
        InvalidInputError: Lengths differ, there is no output, or an output has no reference.

    Examples:
        >>> round(corpus_bleu(["the cat sat on the mat"], [["the cat sat on a mat"]]), 2)
        53.73
    """
    if len(outputs) != len(references) or not outputs or not all(references):
        raise InvalidInputError(
            f"{len(outputs)} outputs and {len(references)} lists of references do not make a corpus",
            hint="give each output at least one reference",
        )
    whole = BleuCounts()
    for text, accepted in zip(outputs, references, strict=True):
        answer, *others = (tokenize(entry.lower() if lowercase else entry, tokenizer) for entry in (text, *accepted))
        whole.add(count(answer, others))
    return bleu_of(whole, smoothing=smoothing, smoothing_value=smoothing_value)


@dataclass(frozen=True, kw_only=True)
class Bleu(TextScorer):
    """Sentence BLEU in [0, 100], equal to sacrebleu's; the mean over samples is not corpus BLEU (``corpus_bleu``).

    Orders the answer is too short for are left out of the average (effective order). No matching word at all is 0.

    Attributes:
        smoothing: ``exp`` (default), ``floor``, ``add-k`` or ``none``; see ``bleu_of``.
        smoothing_value: Parameter of ``floor`` (0.1) and ``add-k`` (1).
        tokenizer: ``13a`` (default), ``char`` or ``none``.
        lowercase: Lower-case both sides first.

    Examples:
        >>> round(Bleu().value_of("the cat sat on the mat", ["the cat sat on a mat"]), 2)
        53.73
    """

    name: str = "bleu"
    unit: ClassVar[str] = "points"
    smoothing: str = "exp"
    smoothing_value: float | None = None
    tokenizer: str = "13a"
    lowercase: bool = False

    def _check(self) -> None:
        self._one_of("smoothing", SMOOTHING)
        self._one_of("tokenizer", TOKENIZERS)
        self._must(self.smoothing_value is None or self.smoothing_value >= 0, "smoothing_value", "at least 0")

    def value_of(self, text: str, references: Sequence[str]) -> float:
        answer, *others = (
            tokenize(entry.lower() if self.lowercase else entry, self.tokenizer) for entry in (text, *references)
        )
        counts = count(answer, others)
        return bleu_of(counts, smoothing=self.smoothing, smoothing_value=self.smoothing_value, effective_order=True)
