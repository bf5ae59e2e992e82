"""Moments: hand example, merge equals concatenation, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.moments import Moments, MomentsBuilder

VALUES = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(-1e3, 1e3))
ROWS = st.lists(st.tuples(VALUES, st.sampled_from([None, "a", "b", "c"])), max_size=25)


def _of(rows: list[tuple[float, str | None]], unscored: int = 0) -> Moments:
    return Moments.of([value for value, _ in rows], [cluster for _, cluster in rows], unscored=unscored)


def _same(first: Moments, second: Moments) -> None:
    assert (first.zeros, first.ones, first.unscored) == (second.zeros, second.ones, second.unscored)
    assert first.total == pytest.approx(second.total, rel=1e-9, abs=1e-6)
    assert first.loose == pytest.approx(second.loose, rel=1e-9, abs=1e-6)
    assert first.clusters.keys() == second.clusters.keys()
    for name, sums in first.clusters.items():
        assert sums == pytest.approx(second.clusters[name], rel=1e-9, abs=1e-6)


def test_hand_example() -> None:
    moments = Moments.of([2.0, 4.0, 9.0])
    assert (moments.count, moments.mean, moments.m2) == pytest.approx((3, 5.0, 26.0))
    assert not moments.all_binary
    assert not moments.clustered


@given(ROWS, ROWS, st.integers(0, 3))
def test_adding_moments_is_concatenating_values(
    left: list[tuple[float, str | None]], right: list[tuple[float, str | None]], unscored: int
) -> None:
    _same(_of(left, unscored) + _of(right, 2), _of(left + right, unscored + 2))


@given(ROWS, ROWS, ROWS)
def test_the_order_of_adding_does_not_matter(
    a: list[tuple[float, str | None]], b: list[tuple[float, str | None]], c: list[tuple[float, str | None]]
) -> None:
    _same((_of(a) + _of(b)) + _of(c), _of(c) + (_of(b) + _of(a)))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_variance_is_numpys(values: list[float]) -> None:
    moments = Moments.of(values)
    assert moments.m2 / (len(values) - 1) == pytest.approx(np.var(values, ddof=1), rel=1e-9, abs=1e-9)


def test_a_large_offset_costs_no_digits() -> None:
    moments = Moments.of([1e9 + x for x in (4.0, 7.0, 13.0, 16.0)])
    assert moments.m2 == pytest.approx(90.0, rel=1e-9)


def test_counts_of_zero_and_one_are_exact() -> None:
    moments = Moments.of([1, 0, True, 0.0, 1.0])
    assert (moments.ones, moments.zeros, moments.all_binary) == (3, 2, True)
    assert moments.mean == 0.6
    assert not (moments + Moments.of([0.5])).all_binary


def test_freezing_does_not_end_adding() -> None:
    builder = MomentsBuilder()
    builder.add(1.0, "doc")
    first = builder.freeze()
    builder.add(0.0, "doc")
    assert (first.count, builder.freeze().count, builder.freeze().n_clusters) == (1, 2, 1)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("cluster", [None, "doc"])
def test_a_value_that_is_not_finite_is_refused(wrong: float, cluster: str | None) -> None:
    with pytest.raises(InvalidInputError, match="not a finite number"):
        MomentsBuilder().add(wrong, cluster)


def test_clusters_of_another_length_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 values come with 1 clusters"):
        Moments.of([0.0, 1.0], ["a"])
