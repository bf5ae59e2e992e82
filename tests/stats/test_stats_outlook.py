"""What further units come to together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats import Moments, further_total

DAYS = st.lists(st.floats(0, 100), min_size=3, max_size=20)


def test_hand_example_by_the_formula() -> None:
    found = further_total(Moments.of([10.0, 14.0, 12.0, 16.0]), further=6, so_far=52.0)
    spread = math.sqrt(20 / 3 * (6 + 36 / 4))  # of the six days to come, and of their mean
    assert found.value == pytest.approx(52 + 6 * 13)
    assert found.high == pytest.approx(52 + 78 + 3.182446305 * spread)  # t at 0.975 with three degrees of freedom


def test_one_further_unit_has_the_textbook_prediction_interval() -> None:
    found = further_total(Moments.of([9.0, 10.0, 11.0]), further=1)
    assert found.high == pytest.approx(10 + 4.30265273 * math.sqrt(1 + 1 / 3))


@given(DAYS, st.integers(0, 30), st.floats(0, 1e4))
def test_what_is_there_stays_there(days: list[float], further: int, so_far: float) -> None:
    found = further_total(Moments.of(days), further=further, so_far=so_far)
    if found.low is None:
        assert found.reason
        return
    assert found.value is not None
    assert found.high is not None
    assert so_far <= found.low <= found.value + 1e-9
    assert found.value <= found.high + 1e-9


@pytest.mark.parametrize(("days", "reason"), [([], "fewer"), ([1.0, 2.0], "fewer"), ([2.0, 2.0, 2.0], "alike")])
def test_without_a_spread_there_are_no_bounds(days: list[float], reason: str) -> None:
    found = further_total(Moments.of(days), further=5, each="days")
    assert (found.low, found.high) == (None, None)
    assert reason in (found.reason or "")
    assert (found.value is None) == (not days)


def test_nothing_to_come_is_what_there_is() -> None:
    found = further_total(Moments(), further=0, so_far=7.0)
    assert (found.value, found.low, found.high) == (7.0, 7.0, 7.0)


def test_bad_input() -> None:
    with pytest.raises(InvalidInputError):
        further_total(Moments.of([1.0]), further=-1)
    with pytest.raises(InvalidInputError):
        further_total(Moments.of([1.0, 2.0], ["a", "a"]), further=1)


@pytest.mark.slow
def test_the_interval_holds_the_total_at_its_nominal_rate() -> None:
    rng, repeats, further, covered, narrow = np.random.default_rng(3), 3_000, 15, 0, 0
    for _ in range(repeats):
        days = rng.normal(20.0, 3.0, size=8 + further)
        found = further_total(Moments.of(days[:8].tolist()), further=further)
        assert found.low is not None
        assert found.high is not None
        total = float(days[8:].sum())
        covered += found.low <= total <= found.high
        half = (found.high - found.low) / 2 * math.sqrt(further / (further + further**2 / 8))
        narrow += abs(total - (found.value or 0.0)) <= half  # as if the mean of a day were known
    assert covered / repeats == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / repeats))
    assert narrow / repeats < 0.85
