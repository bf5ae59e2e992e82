"""Krippendorff's alpha against the published table, a definition by loops, and evalica."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.agreement import alpha_parts
from assay.stats.agreement.alpha import krippendorff_alpha
from assay.stats.agreement.ratings import Ratings

pytestmark = pytest.mark.slow

NAN = math.nan
FOUR_OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T
"""Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: 4 observers, 12 units."""
METRICS = ("nominal", "ordinal", "interval", "ratio")
TABLES = st.integers(2, 5).flatmap(
    lambda raters: st.lists(
        st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0, NAN]), min_size=raters, max_size=raters), min_size=3, max_size=12
    )
)


def by_definition(table: npt.NDArray[np.float64], metric: str) -> float | None:
    """Sums over pairs of labels, as the paper writes them."""
    units = [row[np.isfinite(row)] for row in table]
    units = [unit for unit in units if unit.size >= 2]
    pooled = np.concatenate(units) if units else np.empty(0)

    def difference(one: float, other: float) -> float:
        if metric == "nominal":
            return float(one != other)
        if metric == "interval":
            return (one - other) ** 2
        if metric == "ratio":
            return 0.0 if one == other else ((one - other) / (one + other)) ** 2
        low, high = min(one, other), max(one, other)
        between = ((pooled >= low) & (pooled <= high)).sum()
        return 0.0 if low == high else float(between - ((pooled == low).sum() + (pooled == high).sum()) / 2) ** 2

    seen = sum(
        difference(one, other) / (unit.size - 1) for unit in units for one, other in itertools.permutations(unit, 2)
    )
    chance = sum(difference(one, other) for one, other in itertools.permutations(pooled, 2))
    return None if chance == 0.0 else 1.0 - (pooled.size - 1) * seen / chance


def alpha_of(table: Any, metric: Any = "nominal", **more: Any) -> float | None:
    return krippendorff_alpha(Ratings.from_matrix(table), metric=metric, **more).value


@pytest.mark.parametrize(
    ("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_the_published_example(metric: str, published: float) -> None:
    found = krippendorff_alpha(Ratings.from_matrix(FOUR_OBSERVERS), metric=metric)  # type: ignore[arg-type]
    assert found.value == pytest.approx(published, abs=5e-4)
    assert (found.n, found.unscored, found.unit) == (11, 1, "agreement")


def test_the_published_binary_example() -> None:
    """Krippendorff (2011), section A: two observers, ten units, alpha .095."""
    table = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]).T
    assert alpha_of(table) == pytest.approx(0.095, abs=5e-4)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=40)
@given(table=TABLES)
def test_it_is_its_definition(metric: str, table: list[list[float]]) -> None:
    expected = by_definition(np.array(table), metric)
    found = alpha_of(table, metric)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-9))


@pytest.mark.parametrize("metric", METRICS)
def test_many_levels_give_what_few_levels_do(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = _scores(np.random.default_rng(3), units=80, levels=7)
    ratings = Ratings.from_matrix(table)
    few = krippendorff_alpha(ratings, metric=metric)  # type: ignore[arg-type]
    few_drawn = krippendorff_alpha(ratings, metric=metric, rng=np.random.default_rng(1))  # type: ignore[arg-type]
    monkeypatch.setattr(alpha_parts, "FEW_LEVELS", 1)
    many = krippendorff_alpha(ratings, metric=metric)  # type: ignore[arg-type]
    many_drawn = krippendorff_alpha(ratings, metric=metric, rng=np.random.default_rng(1))  # type: ignore[arg-type]
    assert (many.value, many.low, many.high) == pytest.approx((few.value, few.low, few.high), abs=1e-9)
    assert (many_drawn.low, many_drawn.high) == pytest.approx((few_drawn.low, few_drawn.high), abs=1e-9)


def test_the_tangent_of_the_chance_term_gives_nearly_the_same_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    ratings = Ratings.from_matrix(_scores(np.random.default_rng(3), units=150, levels=60))
    exact = krippendorff_alpha(ratings, metric="nominal", rng=np.random.default_rng(1))
    monkeypatch.setattr(alpha_parts, "MOST_FEATURES", 10)
    tangent = krippendorff_alpha(ratings, metric="nominal", rng=np.random.default_rng(1))
    assert (tangent.low, tangent.high) == pytest.approx((exact.low, exact.high), abs=0.005)


def _scores(rng: np.random.Generator, *, units: int, levels: int, missing: float = 0.2) -> npt.NDArray[np.float64]:
    truth = rng.integers(1, levels + 1, size=(units, 1))
    table = np.where(rng.random((units, 4)) < 0.6, truth, rng.integers(1, levels + 1, size=(units, 4))).astype(float)
    return np.where(rng.random(table.shape) < missing, NAN, table)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("levels", [4, 40])
def test_the_standard_error_is_that_of_the_jackknife(metric: str, levels: int) -> None:
    table = _scores(np.random.default_rng(5), units=400, levels=levels)
    found = krippendorff_alpha(Ratings.from_matrix(table), metric=metric)  # type: ignore[arg-type]
    table = table[np.isfinite(table).sum(axis=1) >= 2]
    left_out = np.array([alpha_of(np.delete(table, row, axis=0), metric) for row in range(len(table))])
    jackknife = math.sqrt((len(table) - 1) * float(left_out.var()))
    assert found.std_error == pytest.approx(jackknife, rel=0.02)


@pytest.mark.parametrize("metric", METRICS)
def test_evalica_agrees(metric: str) -> None:
    evalica, pandas = pytest.importorskip("evalica"), pytest.importorskip("pandas")
    table = _scores(np.random.default_rng(9), units=200, levels=30)
    assert alpha_of(table, metric) == pytest.approx(float(evalica.alpha(pandas.DataFrame(table.T), metric).alpha))


def test_any_distance_may_be_given_and_labels_may_be_sets() -> None:
    def squared(one: float, other: float) -> float:
        return (one - other) ** 2

    assert alpha_of(FOUR_OBSERVERS, squared) == pytest.approx(alpha_of(FOUR_OBSERVERS, "interval"))

    def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
        return 1.0 - len(one & other) / len(one | other)

    ab, a, b = frozenset("ab"), frozenset("a"), frozenset("b")
    units, raters = [0, 0, 1, 1, 2, 2], [0, 1] * 3
    sets = Ratings.from_labels(units, raters, [ab, a, b, b, a, a], levels=[a, b, ab])
    # within: 2 · 1/2; between, ordered pairs: a-b 3·2·2 · 1, a-ab 3·2 · 1/2, b-ab 2·2 · 1/2
    assert krippendorff_alpha(sets, metric=jaccard).value == pytest.approx(1 - 5 * 1.0 / 17)


@pytest.mark.parametrize("shift", [1e6, -1e6])
def test_interval_alpha_keeps_its_digits_far_from_zero(shift: float) -> None:
    table = np.random.default_rng(1).normal(size=(60, 1)) + np.random.default_rng(2).normal(size=(60, 3))
    assert alpha_of(table + shift, "interval") == pytest.approx(alpha_of(table, "interval"), abs=1e-8)


@given(table=TABLES, seed=st.integers(0, 99))
def test_the_order_of_units_and_raters_does_not_matter(table: list[list[float]], seed: int) -> None:
    rng, array = np.random.default_rng(seed), np.array(table)
    mixed = rng.permutation(rng.permutation(array, axis=0), axis=1)
    before, after = alpha_of(array, "ordinal"), alpha_of(mixed, "ordinal")
    assert (before is None and after is None) or before == pytest.approx(after, abs=1e-9)


def test_the_interval_holds_the_value_and_narrows_with_units() -> None:
    rng = np.random.default_rng(2)
    widths = []
    for units in (100, 1_600):
        table = _scores(rng, units=units, levels=5)
        for drawn in (None, np.random.default_rng(1)):
            found = krippendorff_alpha(Ratings.from_matrix(table), metric="ordinal", rng=drawn)
            assert found.low is not None and found.high is not None and found.value is not None
            assert found.low < found.value < found.high <= 1.0
            widths.append(found.high - found.low)
    assert widths[2] == pytest.approx(widths[0] / 4, rel=0.4)
    assert widths[1] == pytest.approx(widths[0], rel=0.2)
    assert widths[3] == pytest.approx(widths[2], rel=0.1)


@pytest.mark.parametrize(
    ("metric", "tolerance"), [("nominal", 1e-9), ("interval", 1e-9), ("ratio", 1e-9), ("ordinal", 0.02)]
)
def test_the_bootstrap_is_that_of_repeated_rows(metric: Any, tolerance: float) -> None:
    """Alpha and its standard error again from every drawn table; ordinal keeps its ranks to first order only."""
    table = _scores(np.random.default_rng(12), units=60, levels=4, missing=0.1)
    table = table[np.isfinite(table).sum(axis=1) >= 2]
    units, repeats = len(table), 300
    found = krippendorff_alpha(Ratings.from_matrix(table), metric=metric, rng=np.random.default_rng(6), repeats=repeats)
    here = krippendorff_alpha(Ratings.from_matrix(table), metric=metric)
    assert here.value is not None and here.std_error is not None
    pivots = []
    for rows in np.random.default_rng(6).integers(units, size=(repeats, units)):
        drawn = krippendorff_alpha(Ratings.from_matrix(table[rows]), metric=metric)
        assert drawn.value is not None and drawn.std_error is not None
        gap = math.log(1 - drawn.value) - math.log(1 - here.value)
        pivots.append(gap * (1 - drawn.value) / drawn.std_error)
    below, above = np.quantile(pivots, [0.025, 0.975])
    relative = here.std_error / (1 - here.value)
    expected = [1 - (1 - here.value) * math.exp(-pivot * relative) for pivot in (below, above)]
    assert [found.low, found.high] == pytest.approx(expected, abs=tolerance)


def test_more_units_than_groups_give_the_bootstrap_of_the_groups() -> None:
    ratings = Ratings.from_matrix(_scores(np.random.default_rng(8), units=6_000, levels=4))
    linear = krippendorff_alpha(ratings)
    drawn = krippendorff_alpha(ratings, rng=np.random.default_rng(1))
    assert drawn.method == "alpha-nominal-bootstrap-t"
    assert (drawn.low, drawn.high) == pytest.approx((linear.low, linear.high), abs=0.003)


def test_the_same_generator_state_gives_the_same_interval() -> None:
    ratings = Ratings.from_matrix(_scores(np.random.default_rng(8), units=90, levels=4))
    first, second = (krippendorff_alpha(ratings, rng=np.random.default_rng(4)) for _ in range(2))
    assert first == second


def test_few_disagreements_leave_the_bootstrap_for_the_linearised_interval() -> None:
    table = np.repeat([[1, 1], [2, 2]], 50, axis=0).astype(float)
    table[:5, 1] = 2
    assert krippendorff_alpha(Ratings.from_matrix(table), rng=np.random.default_rng(1)).method.endswith("linearised")


def test_unanimous_units_get_the_bound_of_what_could_have_been_missed() -> None:
    table = np.repeat([[1, 1], [2, 2]], 30, axis=0)
    found = krippendorff_alpha(Ratings.from_matrix(table))
    assert (found.value, found.high, found.method) == (1.0, 1.0, "alpha-nominal-none-disagree")
    # 1 - .05^(1/60) of units may disagree, of 120 · 119 / (2 · 60 · 60) · that much is chance
    assert found.low == pytest.approx(1 - (1 - 0.05 ** (1 / 60)) * 119 * 120 / 7_200)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[1, 1], [1, 1]], "all labels are equal"),
        ([[1], [2]], "only one rater"),
        ([[1, NAN], [NAN, 2]], "no unit has labels of two raters"),
        ([[NAN, NAN]], "no unit has labels of two raters"),
    ],
)
@pytest.mark.parametrize("metric", METRICS)
def test_what_the_labels_do_not_determine_has_a_reason(table: list[list[float]], reason: str, metric: Any) -> None:
    found = krippendorff_alpha(Ratings.from_matrix(table), metric=metric)
    assert found.value is None and found.low is None
    assert reason in (found.reason or "")


def test_one_unit_or_equal_units_have_a_value_and_no_bounds() -> None:
    one = krippendorff_alpha(Ratings.from_matrix([[1, 2, 2]]))
    assert one.value is not None and one.low is None and "one unit" in (one.reason or "")
    same = krippendorff_alpha(Ratings.from_matrix([[1, 2]] * 5))
    assert same.value is not None and same.low is None and "same labels" in (same.reason or "")


def _negative(one: float, other: float) -> float:
    return one - other


@pytest.mark.parametrize(
    ("table", "metric", "says"),
    [
        ([["a", "b"]], "interval", "not numbers"),
        ([["a", "b"]], "ratio", "not numbers"),
        ([[-1.0, 2.0]], "ratio", "negative"),
        ([[1, 2]], "euclid", "no metric"),
        ([[1, 2]], _negative, "the difference of"),
        ([list(range(2_100))], lambda one, other: float(one != other), "too many differences"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused(
    table: Any, metric: str | Callable[[Any, Any], float], says: str
) -> None:
    with pytest.raises(InvalidInputError, match=says):
        alpha_of(table, metric)


def test_a_wrong_confidence_or_too_few_resamples_are_refused() -> None:
    ratings = Ratings.from_matrix(FOUR_OBSERVERS)
    with pytest.raises(InvalidInputError, match="confidence"):
        krippendorff_alpha(ratings, confidence=95)
    with pytest.raises(InvalidInputError, match="confidence"):
        krippendorff_alpha(Ratings.from_matrix([[1]]), confidence=0.0)
    with pytest.raises(InvalidInputError, match="resamples"):
        krippendorff_alpha(ratings, rng=np.random.default_rng(1), repeats=10)
