"""Multiple choice by letter and by likelihood."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.records import Output, Sample
from assay.scorers import ChoiceLetter, ChoiceLikelihood, TruthfulQAMC1, TruthfulQAMC2
from assay.scorers.choice import chosen_letters, right_choices

CITIES = ["Paris", "Rome", "New York", "York"]


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("B", "B"),
        (" b ", "B"),
        ("(C).", "C"),
        ("**D**", "D"),
        ("$\\boxed{C}$", "C"),
        ("Option B", "B"),
        ("B) Rome", "B"),
        ("B. Rome, not A", "B"),
        ("B: because", "B"),
        ("B\nbecause A is wrong", "B"),
        ("The answer is (C).", "C"),
        ("The answer is A. No, the answer is B.", "B"),
        ("Answer: **D**", "D"),
        ("the correct option is C", "C"),
        ("My choice: 'A'", "A"),
        ("Answer: \\text{B}", "B"),
        ("Paris", "A"),
        ("It must be Rome.", "B"),
        ("It must be New York.", "C"),
        ("York", "D"),
        ("I think C fits best", "C"),
        ("Surely (A)", "A"),
        ("A good question. I do not know", ""),
        ("The answer is a city", ""),
        ("Either B or C", "BC"),
        ("Rome or Paris", ""),
        ("E", ""),
        ("Answer: Z", ""),
        ("", ""),
        ("The answer isn't easy", ""),
        ("Plan B's flaw", ""),
        ("Answer: A town called Rome", "B"),
        ("Answer: A because it is so", "A"),
    ],
)
def test_the_letter_an_answer_chooses(text: str, letters: str) -> None:
    assert chosen_letters(text, CITIES) == list(letters)


def test_letters_score_wrong_when_missing_or_several() -> None:
    sample = Sample(id="1", input="", choices=CITIES, reference="B")

    def of(text: str) -> tuple[float | None, str | None]:
        score = ChoiceLetter().score(sample, Output(sample_id="1", text=text))
        return score.value, score.label

    assert of("B") == (1.0, "B")
    assert of("A") == (0.0, "A")
    assert of("B or C?") == (0.0, "B or C")
    assert of("no idea") == (0.0, "none")


def test_a_reference_is_a_choices_text_or_its_letter() -> None:
    assert right_choices(Sample(id="1", input="", choices=CITIES, reference="Rome")) == {1}
    assert right_choices(Sample(id="1", input="", choices=CITIES, reference=" c ")) == {2}
    assert right_choices(Sample(id="1", input="", choices=["B", "A"], reference="A")) == {1}
    assert right_choices(Sample(id="1", input="", choices=CITIES, reference=["A", "Rome"])) == {0, 1}
    for bad in ("E", "Berlin", ""):
        sample = Sample(id="1", input="", choices=CITIES, reference=bad)
        output = Output(sample_id="1", text="A", option_logprobs=[-1.0, -2.0, -3.0, -4.0])
        assert ChoiceLetter().score(sample, output).reason == "reference is none of the choices"
        assert ChoiceLikelihood().score(sample, output).reason == "reference is none of the choices"


def likelihood(logprobs: list[float] | None, *, reference: str = "certainly", normalise: str = "none") -> float | str:
    sample = Sample(id="1", input="", choices=["no", "certainly", "nö"], reference=reference)
    score = ChoiceLikelihood(normalise=normalise).score(sample, Output(sample_id="1", option_logprobs=logprobs))
    return score.reason if score.value is None else score.value  # type: ignore[return-value]


def test_likelihood_takes_the_most_likely_option_by_hand() -> None:
    assert likelihood([-3.0, -2.0, -9.0]) == 1.0
    assert likelihood([-3.0, -4.5, -9.0]) == 0.0
    assert likelihood([-3.0, -4.5, -9.0], normalise="chars") == 1.0
    assert likelihood([-9.0, -9.0 * 9 / 2 + 0.1, -13.0], normalise="bytes") == 0.0
    assert likelihood([-9.0, -99.0, -10.0], reference="nö", normalise="chars") == 0.0
    assert likelihood([-9.0, -99.0, -10.0], reference="nö", normalise="bytes") == 1.0
    assert likelihood([-2.0, -2.0, -9.0], reference="no") == 1.0  # of equal options the first counts
    assert likelihood([-math.inf, -2.0, -math.inf]) == 1.0


def test_likelihoods_that_cannot_be_used_are_unscored() -> None:
    assert likelihood(None) == "output has no option log-likelihoods"
    assert likelihood([-1.0]) == "1 option log-likelihoods for 3 choices"
    assert likelihood([-1.0, math.nan, -1.0]) == "an option log-likelihood is not a number"
    assert likelihood([-math.inf] * 3) == "every option has likelihood 0"
    no_choices = Sample(id="1", input="", reference="a")
    for scorer in (ChoiceLikelihood(), ChoiceLetter()):
        assert scorer.score(no_choices, Output(sample_id="1", text="A")).reason == "sample has no choices"
    with pytest.raises(ConfigError, match="normalise is 'char'"):
        ChoiceLikelihood(normalise="char")


def truth(labels: list[int | None] | None, logprobs: list[float]) -> tuple[float | str | None, float | str | None]:
    metadata = {} if labels is None else {"labels": labels}
    sample = Sample(id="1", input="", choices=["a", "b", "c"], metadata=metadata)
    output = Output(sample_id="1", option_logprobs=logprobs)
    scores = [kind().score(sample, output) for kind in (TruthfulQAMC1, TruthfulQAMC2)]
    first, second = (score.reason if score.value is None else score.value for score in scores)
    return first, second


def test_truthfulqa_by_hand() -> None:
    logprobs = [math.log(0.1), math.log(0.2), math.log(0.1)]
    assert truth([1, 0, 0], logprobs) == (0.0, pytest.approx(0.25))
    assert truth([1, 1, 0], logprobs) == (1.0, pytest.approx(0.75))
    assert truth([1, None, 0], logprobs) == (1.0, pytest.approx(0.5))
    assert truth([0, 1, 1], [-1000.0, -2000.0, -1000.0])[1] == pytest.approx(0.5)
    assert truth(None, logprobs) == ("metadata.labels does not mark every choice",) * 2
    assert truth([1, 0], logprobs) == ("metadata.labels does not mark every choice",) * 2
    assert truth([0, 0, 0], logprobs) == ("metadata.labels marks no choice as true",) * 2
    assert truth([1, None, 0], [-math.inf, -1.0, -math.inf])[1] == "every marked option has likelihood 0"


@given(st.lists(st.tuples(st.booleans(), st.floats(-500, 0)), min_size=3, max_size=3))
def test_mc2_is_a_share_and_its_complement_is_that_of_the_false_options(options: list[tuple[bool, float]]) -> None:
    marks, logprobs = [int(true) for true, _ in options], [logprob for _, logprob in options]
    share = truth(marks, logprobs)[1]
    rest = truth([1 - mark for mark in marks], logprobs)[1]
    if isinstance(share, float) and isinstance(rest, float):
        assert 0.0 <= share <= 1.0
        assert share + rest == pytest.approx(1.0)


@given(st.text())
def test_no_text_breaks_the_reading_of_a_letter(text: str) -> None:
    assert set(chosen_letters(text, CITIES)) <= set("ABCD")
