"""Ratings: columns and matrices in, sparse codes out; what is malformed is refused by name."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.agreement.ratings import Ratings

LABELS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 4), st.sampled_from(["a", "b", "c", None])), max_size=40
).map(lambda rows: list({(unit, rater): (unit, rater, label) for unit, rater, label in rows}.values()))


def _triples(ratings: Ratings) -> set[tuple[object, object, object]]:
    return {
        (ratings.unit_names[unit], ratings.rater_names[rater], ratings.levels[code])
        for unit, rater, code in zip(ratings.unit, ratings.rater, ratings.code, strict=True)
    }


@given(LABELS)
def test_columns_come_back_as_they_went_in(rows: list[tuple[int, int, str | None]]) -> None:
    units, raters, labels = ([row[place] for row in rows] for place in range(3))
    ratings = Ratings.from_labels(units, raters, labels)
    assert _triples(ratings) == {row for row in rows if row[2] is not None}
    assert (np.diff(ratings.unit) >= 0).all()
    assert ratings.per_unit.sum() == ratings.n_labels


@given(LABELS)
def test_arrays_of_whole_numbers_give_the_same_as_lists(rows: list[tuple[int, int, str | None]]) -> None:
    units, raters, labels = ([row[place] for row in rows] for place in range(3))
    listed = Ratings.from_labels(units, raters, labels)
    arrays = Ratings.from_labels(np.array(units, dtype=int), np.array(raters, dtype=np.uint8), labels)
    assert _triples(listed) == _triples(arrays)
    assert tuple(listed.unit_names) == tuple(arrays.unit_names)


def test_sparse_integers_are_coded_by_first_appearance_too() -> None:
    ratings = Ratings.from_labels(np.array([10**15, -4, 10**15, 7]), [1, 1, 2, 1], [1.0, 2.0, 1.0, 3.0])
    assert ratings.unit_names == (10**15, -4, 7)
    assert ratings.per_unit.tolist() == [2, 1, 1]


@given(st.lists(st.lists(st.sampled_from([1.0, 2.0, 3.5, math.nan]), min_size=3, max_size=3), min_size=1, max_size=8))
def test_a_matrix_is_the_same_as_its_columns(rows: list[list[float]]) -> None:
    matrix = Ratings.from_matrix(rows)
    flat = [(unit, rater, label) for unit, row in enumerate(rows) for rater, label in enumerate(row)]
    columns = Ratings.from_labels(*zip(*flat, strict=True))
    assert matrix.unit.tolist() == columns.unit.tolist()
    assert matrix.rater.tolist() == columns.rater.tolist()
    assert matrix.values.tolist() == columns.values.tolist()
    assert matrix.code.tolist() == columns.code.tolist()


def test_levels_are_sorted_or_as_declared_and_whole_numbers_stay_whole() -> None:
    assert Ratings.from_matrix([["b", "a"]]).levels == ("a", "b")
    assert Ratings.from_matrix([[3, 1]]).levels == (1, 3)
    assert Ratings.from_matrix([[0.5, 1]]).levels == (0.5, 1)
    declared = Ratings.from_matrix([["low", "high"]], levels=["low", "mid", "high"])
    assert (declared.levels, declared.code.tolist()) == (("low", "mid", "high"), [0, 2])
    numbers = Ratings.from_matrix([[5, 1]], levels=[1, 2, 3, 4, 5])
    assert (numbers.code.tolist(), numbers.values.tolist()) == ([4, 0], [5.0, 1.0])


def test_wide_or_broken_numbers_are_coded_like_narrow_ones() -> None:
    values = [0.0, 1e12, -3.0, 1e12, 0.25]
    ratings = Ratings.from_matrix([values])
    assert [ratings.levels[code] for code in ratings.code] == values
    gaps = Ratings.from_matrix([[7, 100, 7, 9]])
    assert (gaps.levels, gaps.code.tolist()) == ((7, 9, 100), [0, 2, 0, 1])


def test_missing_labels_are_none_or_nan_and_an_empty_text_is_a_label() -> None:
    ratings = Ratings.from_labels(["u", "u", "u", "v"], [1, 2, 3, 1], ["", None, float("nan"), "x"])
    assert (ratings.n_labels, ratings.levels) == (2, ("", "x"))
    assert Ratings.from_labels([], [], []).n_labels == 0
    assert Ratings.from_matrix([[None, None]]).n_labels == 0


def test_repeats_are_refused_or_the_first_or_all_are_kept() -> None:
    columns = (["u", "v", "u", "u"], ["r", "r", "r", "s"], ["b", "a", "a", "a"])
    with pytest.raises(InvalidInputError, match="rater 'r' labels unit 'u' more than once"):
        Ratings.from_labels(*columns)
    first = Ratings.from_labels(*columns, repeated="first")
    assert _triples(first) == {("u", "r", "b"), ("u", "s", "a"), ("v", "r", "a")}
    assert first.once() is first
    every = Ratings.from_labels(*columns, repeated="all")
    assert every.n_labels == 4
    with pytest.raises(InvalidInputError, match="more than once"):
        every.once()


def test_only_some_units_are_numbered_anew() -> None:
    ratings = Ratings.from_matrix([[1, 2], [math.nan, math.nan], [3, math.nan]])
    rated = ratings.rated_only()
    assert (rated.n_units, rated.unit.tolist(), rated.rater.tolist()) == (2, [0, 0, 1], [0, 1, 0])
    assert rated.unit_sums(rated.values).tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    ("columns", "levels", "says"),
    [
        ((["u"], ["r", "s"], ["a"]), None, "do not fit together"),
        (([None], ["r"], ["a"]), None, "a unit has no name"),
        ((["u"], [float("nan")], ["a"]), None, "a rater has no name"),
        ((["u"], ["r"], [["a"]]), None, "cannot be hashed"),
        ((["u", "v"], ["r", "r"], ["a", 1]), None, "no order"),
        ((["u"], ["r"], [math.inf]), None, "infinite"),
        ((["u"], ["r"], ["z"]), ["a", "b"], "'z' is not one of the levels"),
        ((["u"], ["r"], [3.0]), [1, 2], "3.0 is not one of the levels"),
        ((["u"], ["r"], ["a"]), ["a", "a"], "twice"),
    ],
)
def test_malformed_columns_are_refused(
    columns: tuple[list[object], ...], levels: list[object] | None, says: str
) -> None:
    with pytest.raises(InvalidInputError, match=says):
        Ratings.from_labels(*columns, levels=levels)  # type: ignore[arg-type]


def test_a_matrix_has_two_dimensions_and_text_has_no_numbers() -> None:
    with pytest.raises(InvalidInputError, match=r"not \(units, raters\)"):
        Ratings.from_matrix([1.0, 2.0])
    with pytest.raises(InvalidInputError, match="not numbers"):
        _ = Ratings.from_matrix([["a", "b"]]).values
