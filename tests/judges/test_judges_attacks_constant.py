"""Constant answers: found in recorded verdicts, and not where a system reads its questions."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.judges.attacks.constant import constant_answers

SAME = "An answer that fits every question alike."


def test_a_text_for_every_question_is_named_with_its_win_rate() -> None:
    inputs = [f"q{n}" for n in range(20)]
    outputs = [SAME if n < 12 else f"An answer of its own to question {n}." for n in range(20)]
    found = constant_answers(inputs, outputs, [1.0] * 9 + [0.0] * 3 + [0.0] * 6 + [None, 1.0])
    assert [(one.text, one.inputs, one.share) for one in found] == [(SAME, 12, 0.6)]
    value, others = found[0].value, found[0].others
    assert value is not None and others is not None
    assert (value.value, value.method, value.n) == (0.75, "wilson", 12)
    assert (others.n, others.unscored) == (7, 1)
    assert found[0].to_dict()["inputs"] == 12


def test_case_and_white_space_do_not_hide_a_constant() -> None:
    outputs = [SAME, SAME.upper(), f"  {SAME}\n", SAME.replace(" ", "\n"), SAME]
    assert constant_answers("abcde", outputs)[0].inputs == 5
    assert constant_answers("abcde", outputs)[0].value is None


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ("abcdef", ["positive"] * 6),  # a label
        ("abcd", [SAME] * 4),  # too few to tell
        ("aaaaaa", [SAME] * 6),  # one question
        ("", []),
    ],
)
def test_what_says_nothing_is_not_named(inputs: str, outputs: list[str]) -> None:
    assert constant_answers(inputs, outputs) == []


@given(st.lists(st.text(), max_size=40, unique_by=lambda text: " ".join(text.split()).casefold()))
def test_texts_that_all_differ_are_never_named(outputs: list[str]) -> None:
    assert constant_answers(range(len(outputs)), outputs) == []


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="3 inputs, 2 answers and 2 verdicts"):
        constant_answers("abc", ["x", "y"])


def test_the_null_model_of_alpaca_eval_is_named_and_every_honest_model_is_not(real_data: Path) -> None:
    """On the shared part of AlpacaEval: one constant wins 76.9 % by GPT-4 Turbo; 14 systems answer what was asked."""
    folder = real_data / "judge" / "alpaca_eval" / "outputs"
    named = {}
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        values = [None if row["preference"] is None else row["preference"] - 1.0 for row in rows]
        found = constant_answers([row["id"] for row in rows], [row["output"] for row in rows], values)
        named[path.name.partition(".jsonl")[0]] = found
    assert len(named) == 15
    assert [name for name, found in named.items() if found] == ["NullModel"]
    null = named["NullModel"][0]
    assert (null.inputs, null.share, null.others) == (805, 1.0, None)
    assert null.value is not None and null.value.low is not None
    assert null.value.value == pytest.approx(0.7692, abs=5e-5)
    assert null.value.low > 0.7
