"""Bounds for verdicts that are missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.missing import missing_bounds, worst_and_best
from assay.stats.moments import Moments
from assay.stats.scalar import mean_estimate

VERDICTS = st.lists(st.one_of(st.none(), st.integers(1, 5).map(float)), min_size=3, max_size=30)


@given(VERDICTS, st.randoms(use_true_random=False))
def test_whatever_the_missing_were_the_mean_lies_within(values: list[float | None], rng: object) -> None:
    found = missing_bounds(values, low=1, high=5, estimand="these items")
    filled = [rng.choice([1, 2, 3, 4, 5]) if value is None else value for value in values]  # type: ignore[attr-defined]
    assert found.low is not None
    assert found.high is not None
    assert found.low - 1e-9 <= sum(filled) / len(filled) <= found.high + 1e-9
    assert found.unscored == values.count(None)


@given(VERDICTS.filter(lambda values: None in values))
def test_the_interval_holds_those_of_the_worst_and_of_the_best(values: list[float | None]) -> None:
    found = missing_bounds(values, low=1, high=5)
    for end in (1.0, 5.0):
        whole = mean_estimate(Moments.of([end if value is None else value for value in values]))
        assert found.low is not None
        assert found.high is not None
        assert found.low <= max(whole.value or 0.0, 1.0) <= found.high
    assert found.reason


def test_with_nothing_missing_it_is_the_ordinary_interval() -> None:
    assert missing_bounds([3, 4, 5], low=1, high=5) == mean_estimate(Moments.of([3, 4, 5]))


def test_hand_example_in_shares() -> None:
    found = missing_bounds([1, 0, 1, None], low=0, high=1, unit="share")
    worst = mean_estimate(Moments.of([1, 0, 1, 0]), unit="share")
    best = mean_estimate(Moments.of([1, 0, 1, 1]), unit="share")
    assert (found.low, found.high, found.n, found.unscored) == (worst.low, best.high, 3, 1)
    assert found.value == pytest.approx(2 / 3)


def test_all_missing_says_nothing_but_the_scale() -> None:
    found = missing_bounds([None, None], low=1, high=5)
    assert (found.value, found.low, found.high, found.n) == (None, 1, 5, 0)


@pytest.mark.parametrize("values", [[], [0.5, None], [6.0]])
def test_bad_values(values: list[float | None]) -> None:
    with pytest.raises(InvalidInputError):
        missing_bounds(values, low=1, high=5)


def test_a_scale_upside_down() -> None:
    with pytest.raises(InvalidInputError):
        missing_bounds([1.0], low=5, high=1)


def test_the_ends_of_both_estimates_and_never_beyond_the_scale() -> None:
    worst, best = (mean_estimate(Moments.of([1, 5, level])) for level in (1, 5))
    assert worst.low is not None
    assert worst.low < 1
    expected = {"low": 1, "high": 5, "worst": 7 / 3, "best": 11 / 3}
    assert worst_and_best(worst, best, low=1, high=5) == pytest.approx(expected)


def test_nothing_can_be_said_of_a_mean_of_nothing() -> None:
    nothing = mean_estimate(Moments())
    with pytest.raises(InvalidInputError):
        worst_and_best(nothing, nothing, low=0, high=1)
