"""Whole chunks give the same values as one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.scorers import Bleu, ExactMatch, Includes, Latency, Numeric, RougeL, TokenF1
from assay.scorers.bulk import exact_f1_rouge, score_chunk

TEXT = st.text() | st.lists(st.sampled_from(["the", "The", "cat", "sat.", "É", "e\u0301", "7", ",", "\n"])).map(
    " ".join
)
PAIRS = st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=3)), max_size=5)


@given(PAIRS)
@example([("K", ["k"]), ("", [""]), ("…", ["…"]), ("a", [])])
def test_sharing_the_words_changes_no_value(pairs: list[tuple[str, list[str]]]) -> None:
    outputs, references = [text for text, _ in pairs], [accepted for _, accepted in pairs]
    scorers = [RougeL(), ExactMatch(), TokenF1(name="f1"), ExactMatch(casefold=False), Includes(), Numeric(), Bleu()]
    assert score_chunk(scorers, outputs, references) == [scorer.score_many(outputs, references) for scorer in scorers]


def test_on_real_solutions(text_pairs: list[tuple[str, list[str]]]) -> None:
    outputs, references = [text for text, _ in text_pairs], [accepted[:1] for _, accepted in text_pairs]
    scorers = [ExactMatch(), TokenF1(), RougeL()]
    assert list(exact_f1_rouge(outputs, references)) == [scorer.score_many(outputs, references) for scorer in scorers]


def test_scorers_with_options_are_not_given_the_defaults_values() -> None:
    scorers: list[Any] = [
        ExactMatch(),
        ExactMatch(ignore_punctuation=True),
        TokenF1(casefold=False),
        RougeL(measure="recall"),
    ]
    assert score_chunk(scorers, ["A!"], [["a b"]]) == [[0.0], [0.0], [0.0], [0.5]]
    assert score_chunk(scorers[:2], ["A!"], [["a"]]) == [[0.0], [1.0]]


def test_what_needs_more_than_texts_is_left_to_the_caller() -> None:
    assert score_chunk([Latency(), ExactMatch()], ["a"], [["a"]]) == [None, [1.0]]
    assert exact_f1_rouge(["a"], [["a"]], with_rouge=False)[2] == []
    with pytest.raises(ValueError, match="zip"):
        score_chunk([ExactMatch()], ["a"], [])
