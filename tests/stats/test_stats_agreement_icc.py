"""Intraclass correlations against Shrout & Fleiss' table, McGraw & Wong's intervals and variance components."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.agreement.icc import FORMS, intraclass_correlation
from assay.stats.agreement.ratings import Ratings

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Shrout & Fleiss (1979), table 2: six targets, four judges."""
PUBLISHED = {
    "1,1": (0.17, -0.13, 0.72),
    "2,1": (0.29, 0.02, 0.76),
    "3,1": (0.71, 0.34, 0.95),
    "1,k": (0.44, -0.88, 0.91),
    "2,k": (0.62, 0.07, 0.93),
    "3,k": (0.91, 0.68, 0.99),
}
"""Values: Shrout & Fleiss, table 4. Intervals: R package psych on the same table, which follows McGraw & Wong."""


@pytest.mark.parametrize("form", FORMS)
def test_the_published_table(form: Any) -> None:
    found = intraclass_correlation(Ratings.from_matrix(SHROUT_FLEISS), form=form)
    assert (found.value, found.low, found.high) == pytest.approx(PUBLISHED[form], abs=0.0051)
    assert (found.n, found.method) == (6, f"icc({form})-F")


def test_the_interval_of_form_three_is_shrout_and_fleiss_by_scipys_f() -> None:
    stats = pytest.importorskip("scipy.stats")
    table = np.array(SHROUT_FLEISS, dtype=float)
    units = 4 * np.var(table.mean(axis=1), ddof=1)
    left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    ratio = units / (np.square(left).sum() / 15)
    low, high = ratio / stats.f.ppf(0.975, 5, 15), ratio * stats.f.ppf(0.975, 15, 5)
    found = intraclass_correlation(Ratings.from_matrix(table), form="3,1")
    assert (found.low, found.high) == pytest.approx(((low - 1) / (low + 3), (high - 1) / (high + 3)), abs=1e-9)


@pytest.mark.parametrize("form", ["1,1", "2,1"])
def test_large_tables_give_the_share_of_variance(form: Any) -> None:
    rng = np.random.default_rng(1)
    table = rng.normal(size=(4_000, 1)) + rng.normal(size=(1, 8)) * 0.0 + rng.normal(size=(4_000, 8))
    assert intraclass_correlation(Ratings.from_matrix(table), form=form).value == pytest.approx(0.5, abs=0.03)


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=3, max_size=10),
    st.floats(-1e3, 1e3),
    st.floats(0.1, 50),
)
def test_shift_and_scale_do_not_matter_and_the_mean_of_raters_is_more_reliable(
    rows: list[list[int]], shift: float, scale: float
) -> None:
    table = np.array(rows, dtype=float)
    for form in ("1,1", "2,1", "3,1"):
        plain = intraclass_correlation(Ratings.from_matrix(table), form=form)  # type: ignore[arg-type]
        moved = intraclass_correlation(Ratings.from_matrix(table * scale + shift), form=form)  # type: ignore[arg-type]
        assert (plain.value is None) == (moved.value is None)
        if plain.value is not None and moved.value is not None:
            assert plain.value == pytest.approx(moved.value, abs=1e-6)
            mean = intraclass_correlation(Ratings.from_matrix(table), form=f"{form[0]},k").value  # type: ignore[arg-type]
            if plain.value > 0:
                assert mean is not None and plain.value <= mean <= 1.0 + 1e-12


def test_a_constant_offset_of_a_rater_counts_in_form_two_only() -> None:
    table = np.random.default_rng(2).normal(size=(30, 1)) + np.random.default_rng(3).normal(size=(30, 3)) * 0.3
    moved = table + np.array([0.0, 2.0, -1.0])
    same, other = (intraclass_correlation(Ratings.from_matrix(t), form="3,1").value for t in (table, moved))
    assert same == pytest.approx(other)
    before, after = (intraclass_correlation(Ratings.from_matrix(t), form="2,1").value for t in (table, moved))
    assert before is not None and after is not None and after < 0.5 * before


def test_a_negative_coefficient_keeps_finite_bounds() -> None:
    found = intraclass_correlation(Ratings.from_matrix([[0, 1, 3], [1, 3, 0], [0, 2, 3], [3, 0, 2]]), form="2,1")
    assert found.value is not None and found.low is not None and found.high is not None
    assert found.low < found.value < found.high < 1.0 and found.value < 0.0


@pytest.mark.parametrize("form", FORMS)
def test_units_of_equal_mean_have_no_bounds(form: Any) -> None:
    found = intraclass_correlation(Ratings.from_matrix([[0, 1, 3], [1, 3, 0], [0, 1, 3]]), form=form)
    assert found.low is None and found.high is None and "units' means" in (found.reason or "")
    assert (found.value is None) == form.endswith("k")


def test_raters_who_differ_less_than_their_errors_explain_may_leave_no_bounds() -> None:
    found = intraclass_correlation(Ratings.from_matrix([[0.0, 1.1], [1.0, 0.0]]), form="2,k")
    assert found.low is None and found.reason is not None


def test_incomplete_units_are_left_out_and_counted() -> None:
    table = [[float(value) for value in row] for row in SHROUT_FLEISS]
    found = intraclass_correlation(Ratings.from_matrix([*table, [1.0, math.nan, 2.0, 3.0], [math.nan] * 4]))
    assert (found.n, found.unscored) == (6, 1)
    assert found.value == pytest.approx(intraclass_correlation(Ratings.from_matrix(table)).value)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[1.0], [2.0]], "only one rater"),
        ([[1.0, 2.0]], "fewer than two units"),
        ([[1.0, math.nan], [math.nan, 2.0]], "fewer than two units"),
        ([[3.0, 3.0], [3.0, 3.0]], "all labels are equal"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_determined_has_a_reason(table: list[list[float]], reason: str, form: Any) -> None:
    found = intraclass_correlation(Ratings.from_matrix(table), form=form)
    assert found.value is None and reason in (found.reason or "")


@pytest.mark.parametrize("form", FORMS)
def test_exact_agreement_is_one_without_bounds(form: Any) -> None:
    found = intraclass_correlation(Ratings.from_matrix([[0.1, 0.1], [0.7, 0.7], [0.3, 0.3]]), form=form)
    assert found.value == pytest.approx(1.0) and found.low is None and "agree exactly" in (found.reason or "")


def test_an_unknown_form_or_text_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no intraclass correlation"):
        intraclass_correlation(Ratings.from_matrix(SHROUT_FLEISS), form="4,1")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="not numbers"):
        intraclass_correlation(Ratings.from_matrix([["a", "b"], ["b", "a"]]))
