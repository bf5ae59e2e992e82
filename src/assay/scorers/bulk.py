"""Scores of whole chunks of texts, for ``assay score`` over millions of recorded pairs.

The figures equal those of the scorers one by one (the tests hold them to it); what is shared is the work: where
exact match, token F1 and ROUGE-L are asked for together, each text is folded and split once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from assay.core.protocols import Scorer
from assay.scorers.exact import ExactMatch
from assay.scorers.overlap import TokenF1
from assay.scorers.rouge import ASCII_WORDS, RougeL, longest_common, tokens
from assay.scorers.text import words

Values = list[float | None]


@runtime_checkable
class BulkScorer(Protocol):
    """A scorer whose value needs only the answer's text and the references."""

    def score_many(self, outputs: Sequence[str], references: Sequence[Sequence[str]]) -> Values: ...


def score_chunk(
    scorers: Sequence[Scorer], outputs: Sequence[str], references: Sequence[Sequence[str]]
) -> list[Values | None]:
    """The values of each scorer, in the scorers' order and each in the outputs' order.

    Args:
        outputs: Answers.
        references: For each its acceptable answers; empty where there is no reference.

    Returns:
        For each scorer its values, ``None`` where an output has no reference it can use; instead of the values
        ``None`` for a scorer that needs more than texts and has to be called item by item.

    Examples:
        >>> score_chunk([ExactMatch(), TokenF1()], ["a b", "c"], [["a b"], []])
        [[1.0, None], [1.0, None]]
    """
    found: list[Values | None] = [None] * len(scorers)
    shared = [position for position, scorer in enumerate(scorers) if _shares_words(scorer)]
    if shared:
        wanted = [position for position, scorer in enumerate(scorers) if position in shared or _is_plain_rouge(scorer)]
        columns = exact_f1_rouge(outputs, references, with_rouge=len(wanted) > len(shared))
        for position in wanted:
            found[position] = columns[_column(scorers[position])]
    for position, scorer in enumerate(scorers):
        if found[position] is None and isinstance(scorer, BulkScorer):
            found[position] = scorer.score_many(outputs, references)
    return found


def _shares_words(scorer: Scorer) -> bool:
    return type(scorer) in (ExactMatch, TokenF1) and scorer.version == type(scorer)().version


def _is_plain_rouge(scorer: Scorer) -> bool:
    return type(scorer) is RougeL and scorer.version == RougeL().version


def _column(scorer: Scorer) -> int:
    return (ExactMatch, TokenF1, RougeL).index(type(scorer))


def exact_f1_rouge(
    outputs: Sequence[str], references: Sequence[Sequence[str]], *, with_rouge: bool = True
) -> tuple[Values, Values, Values]:
    """Exact match, token F1 and ROUGE-L of each pair, with the options' defaults.

    Args:
        with_rouge: Without it the third list is empty.
    """
    exact, overlap, order = Values(), Values(), Values()
    lcs = longest_common()
    for text, accepted in zip(outputs, references, strict=True):
        if len(accepted) != 1:
            several = _several(text, accepted)
            exact.append(several[0])
            overlap.append(several[1])
            order.append(several[2])
            continue
        answer, parts = _both_ways(text)
        wanted, other_parts = _both_ways(accepted[0])
        same = answer == wanted
        exact.append(1.0 if same else 0.0)
        if same:
            overlap.append(1.0)
        else:
            # The longest common subsequence of two sorted lists is their multiset intersection.
            answer.sort()
            wanted.sort()
            overlap.append(2.0 * lcs(answer, wanted) / (len(answer) + len(wanted)))
        if with_rouge:
            hits = lcs(parts, other_parts) if parts != other_parts else len(parts)
            order.append(2.0 * hits / (len(parts) + len(other_parts)) if hits else 0.0)
    return exact, overlap, order if with_rouge else Values()


def _both_ways(text: str) -> tuple[list[str], list[bytes]]:
    """The folded words and the ROUGE tokens of a text."""
    if text.isascii():
        lower = text.lower()
        return lower.split(), lower.encode().translate(ASCII_WORDS).split()
    return words(text), tokens(text)


def _several(text: str, references: Sequence[str]) -> tuple[float | None, float | None, float | None]:
    """The three values against any number of references; ``None`` where there is none."""
    if not references:
        return None, None, None
    return _EXACT.value_of(text, references), _F1.value_of(text, references), _ROUGE.value_of(text, references)


_EXACT, _F1, _ROUGE = ExactMatch(), TokenF1(), RougeL()
