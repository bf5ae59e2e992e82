"""Exact match, includes, regex, token F1, and what counts as the same text."""

from __future__ import annotations

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.records import Output, Sample
from assay.scorers import ExactMatch, Includes, Regex, StartsWith, TokenF1
from assay.scorers.text import shared_count, words

SHORT_WORDS = st.lists(st.sampled_from(["a", "b", "c", "the", "d,"]), max_size=30)


@pytest.mark.parametrize(
    ("options", "text", "references", "value"),
    [
        ({}, "  Paris\n", ["paris"], 1.0),
        ({}, "New \t York", ["new york"], 1.0),
        ({}, "Paris.", ["Paris"], 0.0),
        ({}, "the cat", ["cat"], 0.0),
        ({}, "b", ["a", "B"], 1.0),
        ({}, "", ["a"], 0.0),
        ({}, "", [""], 1.0),
        ({}, "cafe\u0301", ["CAFÉ"], 1.0),
        ({}, "STRASSE", ["Straße"], 1.0),
        ({}, "\u0390", ["\u03aa\u0301"], 1.0),
        ({"casefold": False}, "Paris", ["paris"], 0.0),
        ({"casefold": False}, " Paris ", ["Paris"], 1.0),
        ({"ignore_punctuation": True}, "Paris!", ["«Paris»"], 1.0),
        ({"ignore_punctuation": True}, "$5", ["5"], 1.0),
        ({"ignore_articles": True}, "An  apple", ["the apple"], 1.0),
        ({"ignore_articles": True, "casefold": False}, "The apple", ["apple"], 1.0),
    ],
)
def test_exact_match_by_hand(options: dict[str, bool], text: str, references: list[str], value: float) -> None:
    assert ExactMatch(**options).value_of(text, references) == value


def test_marks_of_indic_words_are_no_punctuation() -> None:
    assert words("हिन्दी।", ignore_punctuation=True) == ["हिन्दी"]


@pytest.mark.parametrize(
    ("scorer", "text", "reference", "value"),
    [
        (Includes(), "It is PARIS, I think", "paris", 1.0),
        (Includes(), "It is Rome", "paris", 0.0),
        (Includes(), "17", "7", 1.0),
        (Includes(whole_words=True), "17", "7", 0.0),
        (Includes(whole_words=True), "17 and 7.", "7", 1.0),
        (Includes(whole_words=True), "c++ code", "C++", 1.0),
        (Includes(casefold=False), "PARIS", "Paris", 0.0),
        (StartsWith(), "  Yes, because", "yes", 1.0),
        (StartsWith(), "Oh yes", "yes", 0.0),
    ],
)
def test_includes_and_starts_with_by_hand(
    scorer: Includes | StartsWith, text: str, reference: str, value: float
) -> None:
    assert scorer.value_of(text, [reference]) == value


@pytest.mark.parametrize(
    ("scorer", "text", "reference", "value", "label"),
    [
        (Regex(pattern=r"\d{4}"), "in 1969", None, 1.0, "1969"),
        (Regex(pattern=r"\d{4}"), "long ago", None, 0.0, None),
        (Regex(pattern=r"yes", ignore_case=True), "YES", None, 1.0, "YES"),
        (Regex(pattern=r"is (\w+)", group=1), "It is Rome", "rome", 1.0, "Rome"),
        (Regex(pattern=r"is (?P<city>\w+)", group="city"), "It is Rome", "Paris", 0.0, "Rome"),
        (Regex(pattern=r"is (\w+)", group=1), "is A, is B", "a", 1.0, "A"),
        (Regex(pattern=r"is (\w+)", group=1, last=True), "is A, is B", "b", 1.0, "B"),
        (Regex(pattern=r"a(b)?", group=1), "a", "b", 0.0, None),
    ],
)
def test_regex_by_hand(scorer: Regex, text: str, reference: str | None, value: float, label: str | None) -> None:
    score = scorer.score(Sample(id="1", input="", reference=reference), Output(sample_id="1", text=text))
    assert (score.value, score.label) == (value, label)


def test_a_regex_needs_a_reference_only_for_a_group() -> None:
    assert Regex(pattern="a").requires == frozenset()
    grouped = Regex(pattern="(a)", group=1)
    assert grouped.requires == {"reference"}
    assert grouped.score(Sample(id="1", input=""), Output(sample_id="1", text="a")).reason == "sample has no reference"
    with pytest.raises(ConfigError, match="group is 2"):
        Regex(pattern="(a)", group=2)
    with pytest.raises(ConfigError, match="group is 'city'"):
        Regex(pattern="(a)", group="city")


def test_token_f1_by_hand() -> None:
    assert TokenF1().value_of("the cat sat", ["the cat"]) == pytest.approx(0.8)
    assert TokenF1().value_of("a a b", ["a b b"]) == pytest.approx(2 / 3)
    assert TokenF1().value_of("x", ["y", "x z"]) == pytest.approx(2 / 3)
    assert TokenF1().value_of("", [""]) == 1.0
    assert TokenF1().value_of("", ["a"]) == 0.0


def _squad_f1(answer: str, reference: str) -> float:
    """The F1 of SQuAD as its paper and rules say, written down plainly."""

    def tokens(text: str) -> list[str]:
        text = "".join(char for char in text.lower() if char not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    got, wanted = tokens(answer), tokens(reference)
    if not got or not wanted:
        return float(got == wanted)
    shared = sum((Counter(got) & Counter(wanted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(got), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs"))), st.text("the an,cat. 12"))
def test_with_both_options_token_f1_is_squads(answer: str, reference: str) -> None:
    scorer = TokenF1(ignore_punctuation=True, ignore_articles=True)
    assert scorer.value_of(answer, [reference]) == pytest.approx(_squad_f1(answer, reference), abs=1e-12)


@given(SHORT_WORDS, SHORT_WORDS)
def test_shared_count_is_the_size_of_the_multiset_intersection(first: list[str], second: list[str]) -> None:
    assert shared_count(first, second) == (Counter(first) & Counter(second)).total()


@given(st.text(), st.text())
def test_token_f1_is_symmetric_bounded_and_1_for_equal_texts(first: str, second: str) -> None:
    scorer = TokenF1()
    value = scorer.value_of(first, [second])
    assert value == scorer.value_of(second, [first])
    assert 0.0 <= value <= 1.0
    assert scorer.value_of(first, [first]) == 1.0


@given(st.text(), st.text())
def test_exact_match_is_symmetric_and_implies_full_overlap(first: str, second: str) -> None:
    match = ExactMatch().value_of(first, [second])
    assert match == ExactMatch().value_of(second, [first])
    if match:
        assert TokenF1().value_of(first, [second]) == 1.0
    assert ExactMatch().value_of(f" {first}\n", [first]) == 1.0


def test_many_at_once_are_the_same_values() -> None:
    outputs, references = ["a", "b", "c"], [["a"], [], ["x", "C"]]
    assert ExactMatch().score_many(outputs, references) == [1.0, None, 1.0]
    with pytest.raises(ValueError, match="zip"):
        ExactMatch().score_many(outputs, references[:2])
