"""Finding and comparing numbers; the published accuracies of GSM8K."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.records import Output, Sample
from assay.scorers import Numeric
from assay.scorers.numeric import answer_number, numbers


def value(text: str, reference: str | list[str], **options: float) -> float | None:
    sample = Sample(id="1", input="", reference=reference)
    return Numeric(**options).score(sample, Output(sample_id="1", text=text)).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#### 18", "18"),
        ("5 + 3 = 8\n#### 8\nbut 9 is near", "8"),
        ("so 4 * 5 = 20\nA: 20", "20"),
        ("The answer is 42.", "42"),
        ("The answer is 5. No:\nthe answer is 7, not 9.", "7"),
        ("The answer is: $1,234.50 a year (of 3)", "1234.5"),
        ("**Answer:** 7 apples and 3 pears", "7"),
        ("The answer is 3 * 4 = 12 eggs", "12"),
        ("Thus \\boxed{17} of 20", "17"),
        ("Thus \\boxed{\\frac{3}{4}}", "3/4"),
        ("The final answer is\n\n25", "25"),
        ("She has 9 eggs and makes $18 every day", "18"),
        ("about 50% of 8", "8"),
        ("it is -7", "-7"),
        ("it is −7", "-7"),
        ("it is -$7.50", "-7.5"),
        ("it is $-7", "-7"),
        ("10-3", "3"),
        ("ranges 5–8", "8"),
        ("exactly 3/4", "3/4"),
        ("exactly 1 1/2", "3/2"),
        (".5", "1/2"),
        ("1e3", "1000"),
        ("2.5E-1", "1/4"),
        ("1,2", "2"),
        ("1,000,000", "1000000"),
        ("Answer: none, but 6 before", "6"),
        ("12345678901234567891", "12345678901234567891"),
        ("5/0", "0"),
        ("no number", None),
        ("", None),
        ("9" * 500, None),
    ],
)
def test_the_number_an_answer_gives(text: str, expected: str | None) -> None:
    found = answer_number(text)
    if text == "5/0":
        assert found is None
        return
    assert (None if found is None else found[0]) == (None if expected is None else Fraction(expected))


def test_numbers_come_with_the_characters_they_were_read_from() -> None:
    assert numbers("from $1,200 to 3.5%") == [(1200, "$1,200"), (Fraction("3.5"), "3.5")]


def test_values_labels_and_reasons() -> None:
    assert value("It costs $1200.00.", "#### 1,200") == 1.0
    assert value("12345678901234567890", "12345678901234567891") == 0.0
    assert value("0.75", "3/4") == 1.0
    assert value("7", ["8", "7.0"]) == 1.0
    assert value("none", "7") == 0.0
    score = Numeric().score(Sample(id="1", input="", reference="none"), Output(sample_id="1", text="7"))
    assert (score.value, score.reason) == (None, "reference holds no number")
    score = Numeric().score(Sample(id="1", input="", reference="7"), Output(sample_id="1", text="so $7!"))
    assert (score.value, score.label) == (1.0, "$7")


def test_tolerances_are_inclusive_and_decimal() -> None:
    assert value("10.05", "10", tolerance=0.05) == 1.0
    assert value("10.06", "10", tolerance=0.05) == 0.0
    assert value("101", "100", relative_tolerance=0.01) == 1.0
    assert value("102", "100", relative_tolerance=0.01) == 0.0
    assert value("9" * 399, "1.5", tolerance=1.0, relative_tolerance=0.5) == 0.0
    for bad in (-0.1, float("inf"), float("nan")):
        with pytest.raises(ConfigError):
            Numeric(tolerance=bad)


@given(
    st.integers(-(10**12), 10**12), st.sampled_from(["{}", "{:,}", "#### {}", "so it is ${:,}.", "The answer is {}."])
)
def test_an_integer_is_read_however_it_is_written(number: int, form: str) -> None:
    found = answer_number(form.format(number))
    assert found is not None
    assert found[0] == number


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    assert Numeric().score_many([text], [["5"]])[0] in (0.0, 1.0)


@pytest.mark.parametrize(
    ("system", "accuracy"),
    [
        ("6b_finetuning", 21.68),
        ("6b_verification", 39.04),
        ("175b_finetuning", 34.72),
        ("175b_verification", 56.25),
    ],
)
def test_gsm8k_accuracies_are_the_published_ones_item_by_item(
    gsm8k_solutions: list[dict[str, Any]], system: str, accuracy: float
) -> None:
    outputs = [row[system]["solution"] for row in gsm8k_solutions]
    values = Numeric().score_many(outputs, [[row["ground_truth"]] for row in gsm8k_solutions])
    assert values == [float(row[system]["is_correct"]) for row in gsm8k_solutions]
    assert round(100 * sum(one for one in values if one is not None) / len(values), 2) == accuracy
