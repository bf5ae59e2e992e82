"""The expected level from token probabilities."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_scripts import spelled, token

from assay.core.records import Reply
from assay.judges.expectation import Expectation, expectation
from assay.judges.scale import Scale

FIVE, TEN, HUNDRED = Scale(), Scale(low=1, high=10), Scale(low=0, high=100)


def expected(reply: Reply, *, scale: Scale = FIVE, start: int = 0) -> Expectation | None:
    return expectation(reply.logprobs, text=reply.text, start=start, scale=scale)


def test_hand_example() -> None:
    found = expected(spelled(token("4", {"4": 0.6, "5": 0.3, "3": 0.08, "the": 0.01})))
    assert found is not None
    assert found.mass == pytest.approx(0.98)
    assert found.value == pytest.approx((4 * 0.6 + 5 * 0.3 + 3 * 0.08) / 0.98)
    assert found.likeliest == 4


@given(st.lists(st.floats(0.01, 1.0), min_size=5, max_size=5), st.floats(0.5, 1.0))
def test_the_share_of_other_tokens_does_not_move_it(weights: list[float], mass: float) -> None:
    total = math.fsum(weights)
    shares = {str(level): weight / total * mass for level, weight in zip(range(1, 6), weights, strict=True)}
    found = expected(spelled(token("1", {**shares, "Well": 1.0 - mass + 1e-9})))
    assert found is not None
    assert found.mass == pytest.approx(mass)
    assert found.value == pytest.approx(
        math.fsum(level * weight for level, weight in zip(range(1, 6), weights, strict=True)) / total
    )
    assert math.fsum(found.shares.values()) == pytest.approx(1.0)


def test_one_level_in_two_tokens_of_the_list_counts_once_with_both() -> None:
    found = expected(spelled(token(" 4", {" 4": 0.5, "4": 0.3, "5": 0.2})), start=1)
    assert found is not None
    assert found.shares == pytest.approx({4: 0.8, 5: 0.2})


def test_the_token_said_counts_where_it_is_not_in_the_list() -> None:
    one = {"token": "2", "logprob": math.log(0.1), "top": [{"token": "4", "logprob": math.log(0.9)}]}
    found = expected(spelled(one))
    assert found is not None
    assert found.value == pytest.approx(3.8)


def test_without_a_list_the_token_said_is_all_there_is() -> None:
    found = expected(spelled({"token": "4", "logprob": math.log(0.95)}))
    assert found is not None
    assert (found.value, found.mass) == (4.0, pytest.approx(0.95))


def test_the_verdict_inside_json_is_found_from_the_end() -> None:
    reply = spelled(
        token('{"', {'{"': 1.0}),
        token("\\xe4", {"\\xe4": 1.0}),  # a part of a character, which no text spells
        token('score":', {'score":': 1.0}),
        token(" 4", {" 4": 0.7, " 2": 0.3}),
        token("}", {"}": 1.0}),
        token("<|im_end|>", {"<|im_end|>": 1.0}),
    )
    text = '{"äscore": 4}'
    found = expectation(reply.logprobs, text=text, start=text.index("4"), scale=FIVE)
    assert found is not None
    assert found.value == pytest.approx(3.4)


def test_marks_before_the_digits_are_those_of_the_others_too() -> None:
    found = expected(spelled(token("**4", {"**4": 0.6, "**5": 0.3, "4": 0.1}), token("**", {"**": 1.0})), start=2)
    assert found is not None
    assert found.mass == pytest.approx(0.9)
    assert found.value == pytest.approx((4 * 0.6 + 5 * 0.3) / 0.9)


def test_ten_in_two_tokens_is_the_product() -> None:
    reply = spelled(token("1", {"1": 0.6, "9": 0.3, "8": 0.1}), token("0", {"0": 0.75, "<end>": 0.25}))
    found = expected(reply, scale=TEN)
    assert found is not None
    assert found.shares == pytest.approx({1: 0.15, 8: 0.1, 9: 0.3, 10: 0.45})
    assert found.mass == pytest.approx(1.0)


def test_a_hundred_in_three_tokens() -> None:
    reply = spelled(token("1", {"1": 1.0}), token("0", {"0": 0.9, "<e>": 0.1}), token("0", {"0": 0.5, "<e>": 0.5}))
    found = expected(reply, scale=HUNDRED)
    assert found is not None
    assert found.shares == pytest.approx({1: 0.1, 10: 0.45, 100: 0.45})


def test_the_beginning_of_a_level_that_was_not_followed_is_not_captured() -> None:
    reply = spelled(token("8", {"8": 0.6, "7": 0.4}), token("5", {"5": 0.9, "0": 0.1}))
    found = expected(reply, scale=HUNDRED)
    assert found is not None
    assert found.mass == pytest.approx(0.6)  # nobody knows which of 7, 70 … 79 the rest is
    assert found.value == pytest.approx(84.5)
    alone = expected(spelled(token("1", {"1": 0.5, "7": 0.5})), scale=TEN)
    assert alone is not None
    assert alone.mass == pytest.approx(0.5)


def test_a_model_that_writes_several_digits_as_one_token_ends_there() -> None:
    found = expected(spelled(token("85", {"85": 0.5, "8": 0.1, "90": 0.4})), scale=HUNDRED)
    assert found is not None
    assert found.mass == pytest.approx(1.0)
    assert found.shares == pytest.approx({8: 0.1, 85: 0.5, 90: 0.4})


@pytest.mark.parametrize("end", ["\n", "}", ".", "<|end|>"])
def test_what_ends_the_number_tells_one_from_ten(end: str) -> None:
    reply = spelled(token("1", {"1": 0.9, "2": 0.1}), token(end, {end: 0.8, "0": 0.2}))
    found = expectation(reply.logprobs, text=reply.text.removesuffix("<|end|>"), start=0, scale=TEN)
    assert found is not None
    assert found.shares == pytest.approx({1: 0.72, 2: 0.1, 10: 0.18}, abs=1e-9)


def test_negative_levels() -> None:
    reply = spelled(token("-", {"-": 0.5, "1": 0.5}), token("2", {"2": 0.8, "1": 0.2}))
    found = expected(reply, scale=Scale(low=-2, high=2))
    assert found is not None
    assert found.shares == pytest.approx({-2: 0.4, -1: 0.1, 1: 0.5})


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        [{"token": "5", "logprob": -0.1, "top": []}],
        [{"token": "x", "logprob": -0.1}],
        [{"token": " ", "logprob": -0.1}],
    ],
)
def test_tokens_that_do_not_spell_the_reply_say_nothing(logprobs: list[dict[str, object]] | None) -> None:
    assert expectation(logprobs, text="4", start=0, scale=FIVE) is None


def test_probabilities_that_add_up_to_more_than_one_are_none() -> None:
    found = expected(spelled(token("4", {"4": 0.999, "5": 0.999})))
    assert found is not None
    assert found.mass == pytest.approx(1.998)
    assert not found.usable
    rounded = expected(spelled(token("4", {"4": 0.999, "5": 0.004})))
    assert rounded is not None
    assert (rounded.mass, rounded.usable) == (1.0, True)


@pytest.mark.parametrize("broken", [None, math.nan, math.inf, "-0.1"])
def test_a_log_probability_that_is_no_number_makes_all_of_them_none(broken: object) -> None:
    good = {"token": "4", "logprob": math.log(0.95)}
    assert expected(spelled({**good, "logprob": broken})) is None
    assert expected(spelled({**good, "top": [good, {"token": "5", "logprob": broken}]})) is None
    never = expected(spelled({**good, "top": [good, {"token": "5", "logprob": -math.inf}]}))
    assert never is not None
    assert never.value == 4.0
