"""Percent agreement, Cohen, Fleiss and Gwet against published tables, statsmodels, scikit-learn and the jackknife."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.agreement.alpha import krippendorff_alpha
from assay.stats.agreement.kappa import cohen_kappa
from assay.stats.agreement.pairs import pairs
from assay.stats.agreement.percent import percent_agreement
from assay.stats.agreement.ratings import Ratings
from assay.stats.agreement.shares import fleiss_kappa, gwet_ac1, gwet_ac2
from assay.stats.scalar import wilson

NAN = math.nan
FOUR_RATERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T
"""Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed., table 2.10."""
DIAGNOSES = """
444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 144444 124444
222333 144444 224445 333335 111455 111112 224444 133555 555555 244444 224555 114444
144445 222224 111155 224444 133333 555555
"""
"""Fleiss (1971), table 1: the six labels of each of 30 patients."""
Coefficient = Callable[..., Estimate]
ALL: list[Coefficient] = [percent_agreement, fleiss_kappa, gwet_ac1, gwet_ac2, krippendorff_alpha]
TWO_COLUMNS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=4, max_size=40)


def _labels(rng: np.random.Generator, *, units: int, raters: int, missing: float = 0.0) -> npt.NDArray[np.float64]:
    truth = rng.choice([1.0, 2.0, 3.0, 4.0], p=[0.4, 0.3, 0.2, 0.1], size=(units, 1))
    table = np.where(rng.random((units, raters)) < 0.6, truth, rng.integers(1, 5, size=(units, raters)))
    return np.where(rng.random(table.shape) < missing, NAN, table)


@pytest.mark.parametrize(
    ("coefficient", "published"), [(percent_agreement, 0.81818), (gwet_ac1, 0.77544), (fleiss_kappa, 0.76117)]
)
def test_gwets_four_raters(coefficient: Coefficient, published: float) -> None:
    found = coefficient(Ratings.from_matrix(FOUR_RATERS))
    assert found.value == pytest.approx(published, abs=5e-6)
    assert (found.n, found.unscored) == (11, 1)


def test_fleiss_example_of_psychiatric_diagnoses() -> None:
    """30 patients, 6 psychiatrists each, 5 diagnoses; the paper finds .430."""
    table = [[int(label) for label in patient] for patient in DIAGNOSES.split()]
    assert fleiss_kappa(Ratings.from_matrix(table)).value == pytest.approx(0.430, abs=5e-4)


def test_cohens_example_of_joint_diagnoses() -> None:
    """Cohen (1960), table 1, proportions of 200 patients: observed .70, chance .41, kappa .492."""
    cells = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    found = cohen_kappa(Ratings.from_matrix(_from_cells(cells)))
    assert found.value == pytest.approx(0.492, abs=5e-4)
    assert found.n == 200


def _from_cells(cells: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    rows, columns = np.indices(cells.shape)
    return np.stack([np.repeat(rows.ravel(), cells.ravel()), np.repeat(columns.ravel(), cells.ravel())], axis=1)


@pytest.mark.parametrize("weights", ["unweighted", "linear", "quadratic"])
def test_cohens_kappa_is_that_of_scikit_learn_with_the_standard_error_of_statsmodels(weights: Any) -> None:
    metrics, rater = (
        pytest.importorskip("sklearn.metrics"),
        pytest.importorskip("statsmodels.stats.inter_rater"),
    )
    table = _labels(np.random.default_rng(1), units=150, raters=2).astype(int)
    found = cohen_kappa(Ratings.from_matrix(table), weights=weights)
    kind = None if weights == "unweighted" else weights
    cells = np.zeros((4, 4))
    np.add.at(cells, (table[:, 0] - 1, table[:, 1] - 1), 1)
    assert found.value == pytest.approx(metrics.cohen_kappa_score(table[:, 0], table[:, 1], weights=kind))
    assert found.std_error is not None
    expected = rater.cohens_kappa(cells, wt=kind).std_kappa
    assert found.std_error * math.sqrt(149 / 150) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", [1, 2])
def test_fleiss_kappa_is_that_of_statsmodels(seed: int) -> None:
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    table = _labels(np.random.default_rng(seed), units=60, raters=5).astype(int)
    found = fleiss_kappa(Ratings.from_matrix(table))
    assert found.value == pytest.approx(rater.fleiss_kappa(rater.aggregate_raters(table)[0]), abs=1e-12)


def test_gwets_variance_of_ac1_by_his_own_formula() -> None:
    """Gwet (2008), equation for the linearised variance with equal numbers of raters."""
    table = _labels(np.random.default_rng(4), units=50, raters=3)
    found = gwet_ac1(Ratings.from_matrix(table))
    counts = np.stack([(table == level).sum(axis=1) for level in (1, 2, 3, 4)], axis=1)
    agreed = (counts * (counts - 1)).sum(axis=1) / 6
    shares = counts / 3
    mean = shares.mean(axis=0)
    chance = float((mean * (1 - mean)).sum() / 3)
    each = (agreed - chance) / (1 - chance)
    chance_each = (shares * (1 - mean)).sum(axis=1) / 3
    value = float(each.mean())
    linear = each - 2 * (1 - value) * (chance_each - chance) / (1 - chance)
    assert found.value == pytest.approx(value)
    assert found.std_error == pytest.approx(math.sqrt(float(np.square(linear - value).sum()) / 50 / 49))


@pytest.mark.parametrize("coefficient", [fleiss_kappa, gwet_ac1, gwet_ac2])
def test_the_standard_error_is_that_of_the_jackknife(coefficient: Coefficient) -> None:
    table = _labels(np.random.default_rng(6), units=300, raters=4, missing=0.3)
    table = table[np.isfinite(table).any(axis=1)]
    found = coefficient(Ratings.from_matrix(table))
    rows = range(len(table))
    left_out = [coefficient(Ratings.from_matrix(np.delete(table, row, axis=0))).value or 0.0 for row in rows]
    assert found.std_error == pytest.approx(math.sqrt((len(table) - 1) * np.var(left_out)), rel=0.02)


def test_ac2_by_hand() -> None:
    """Linear weights of 3 levels: agreement .875; chance 5/6 of Σ π(1 - π) = 21/32."""
    found = gwet_ac2(Ratings.from_matrix([[1, 1], [2, 2], [3, 3], [3, 2]]), weights="linear")
    chance = 5 / 6 * 21 / 32
    assert found.value == pytest.approx((0.875 - chance) / (1 - chance))


def test_ac2_without_weights_is_ac1_and_declared_levels_count() -> None:
    table = _labels(np.random.default_rng(8), units=40, raters=3)
    ratings = Ratings.from_matrix(table)
    assert gwet_ac2(ratings, weights="unweighted").value == pytest.approx(gwet_ac1(ratings).value)
    more = gwet_ac1(Ratings.from_matrix(table, levels=[1, 2, 3, 4, 5, 6])).value
    assert more is not None and more > (gwet_ac1(ratings).value or 1.0)


@given(TWO_COLUMNS)
def test_two_raters_agree_as_often_as_their_labels_are_equal(rows: list[tuple[int, int]]) -> None:
    found = percent_agreement(Ratings.from_matrix(rows))
    equal = sum(one == other for one, other in rows)
    assert found.value == pytest.approx(equal / len(rows))
    assert (found.low, found.high) == pytest.approx(wilson(equal, len(rows)))


@given(TWO_COLUMNS)
def test_swapping_the_raters_changes_nothing(rows: list[tuple[int, int]]) -> None:
    table = np.array(rows)
    for weights in ("unweighted", "linear", "quadratic"):
        one = cohen_kappa(Ratings.from_matrix(table, levels=[1, 2, 3, 4]), weights=weights)  # type: ignore[arg-type]
        two = cohen_kappa(Ratings.from_matrix(table[:, ::-1], levels=[1, 2, 3, 4]), weights=weights)  # type: ignore[arg-type]
        assert (one.value is None) == (two.value is None)
        assert (one.value or 0.0, one.low or 0.0) == pytest.approx((two.value or 0.0, two.low or 0.0), abs=1e-9)


@given(TWO_COLUMNS)
def test_values_and_bounds_are_in_range(rows: list[tuple[int, int]]) -> None:
    for coefficient in (*ALL, cohen_kappa):
        found = coefficient(Ratings.from_matrix(rows))
        if found.value is not None:
            assert found.value <= 1.0 + 1e-12
        if found.low is not None and found.high is not None and found.value is not None:
            assert found.low <= found.value + 1e-9 and found.value <= found.high + 1e-9 <= 1.0 + 1e-8


@pytest.mark.parametrize("coefficient", [fleiss_kappa, gwet_ac1, gwet_ac2, cohen_kappa])
def test_the_bootstrap_is_near_the_linearised_interval_with_many_units(coefficient: Coefficient) -> None:
    ratings = Ratings.from_matrix(_labels(np.random.default_rng(3), units=900, raters=2))
    linear, drawn = coefficient(ratings), coefficient(ratings, rng=np.random.default_rng(1))
    assert drawn.method.endswith("bootstrap-t")
    assert (drawn.low, drawn.high) == pytest.approx((linear.low, linear.high), abs=0.012)


@pytest.mark.parametrize("coefficient", [fleiss_kappa, gwet_ac1, cohen_kappa])
def test_many_levels_take_the_tangent_of_the_chance_term(coefficient: Coefficient) -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(300, size=(400, 1))
    table = np.where(rng.random((400, 2)) < 0.7, truth, rng.integers(300, size=(400, 2)))
    ratings = Ratings.from_matrix(table)
    linear, drawn = coefficient(ratings), coefficient(ratings, rng=np.random.default_rng(1))
    assert (drawn.low, drawn.high) == pytest.approx((linear.low, linear.high), abs=0.02)


def test_cohens_kappa_uses_the_units_that_both_labelled_and_names_its_raters() -> None:
    ratings = Ratings.from_labels(
        ["u", "u", "v", "v", "w", "w", "x", "y"],
        ["ann", "bob", "bob", "ann", "ann", "cy", "bob", "ann"],
        ["yes", "yes", "no", "yes", "no", "no", "no", "yes"],
    )
    found = cohen_kappa(ratings, raters=("bob", "ann"))
    assert (found.n, found.unscored) == (2, 3)
    assert found.value == 0.0  # observed 1/2; bob yes 1/2, ann always yes: chance 1/2
    with pytest.raises(InvalidInputError, match="compares two raters"):
        cohen_kappa(ratings)
    with pytest.raises(InvalidInputError, match="not two of the raters"):
        cohen_kappa(ratings, raters=("ann", "zoe"))
    assert "no unit in common" in (cohen_kappa(ratings, raters=("bob", "cy")).reason or "")


@pytest.mark.parametrize("coefficient", ALL)
def test_one_rater_or_nothing_to_pair_has_a_reason(coefficient: Coefficient) -> None:
    assert "only one rater" in (coefficient(Ratings.from_matrix([[1], [2]])).reason or "")
    assert "two raters" in (coefficient(Ratings.from_matrix([[1, NAN], [NAN, 2]])).reason or "")
    assert coefficient(Ratings.from_matrix(np.empty((0, 2)))).value is None


def test_cohen_with_one_rater_or_one_label_has_a_reason() -> None:
    assert "only one rater" in (cohen_kappa(Ratings.from_matrix([[1], [2]])).reason or "")
    assert "one and the same label" in (cohen_kappa(Ratings.from_matrix([[1, 1], [1, 1]])).reason or "")


def test_one_label_only_is_no_agreement_beyond_chance_but_ac1_knows_what_was_possible() -> None:
    same = Ratings.from_matrix([[1, 1], [1, 1], [1, 1]])
    assert "all labels are equal" in (fleiss_kappa(Ratings.from_matrix([[1, 1]] * 3, levels=[1, 2])).reason or "")
    assert "only one label is possible" in (gwet_ac1(same).reason or "")
    declared = gwet_ac1(Ratings.from_matrix([[1, 1]] * 20, levels=[1, 2]))
    assert declared.value == 1.0 and declared.low is not None and declared.low < 1.0
    assert percent_agreement(same).value == 1.0


def test_percent_agreement_of_many_raters_has_an_honest_interval_at_both_ends() -> None:
    unanimous = percent_agreement(Ratings.from_matrix([[1, 1, 1], [2, 2, 2]] * 10))
    assert (unanimous.value, unanimous.high) == (1.0, 1.0) and unanimous.low == pytest.approx(wilson(20, 20)[0])
    one = percent_agreement(Ratings.from_matrix([[1, 1, 2]]))
    assert one.value == pytest.approx(1 / 3) and one.low is not None and one.low < 0.1
    mixed = percent_agreement(Ratings.from_matrix([[1, 1, 2], [2, 2, 2], [1, 2, 2], [1, 1, 1]] * 5))
    assert mixed.method == "percent-agreement-effective-wilson"
    # unit agreements 1/3, 1, 1/3, 1, five times each: variance of the mean s²/20 with s² = (1/3)² · 20/19
    effective, quantile = (2 / 9) / ((1 / 9) * (20 / 19) / 20), 2.093024
    assert (mixed.low, mixed.high) == pytest.approx(wilson(2 / 3 * effective, effective, quantile=quantile), abs=1e-6)


def test_repeated_labels_and_unknown_weights_are_refused() -> None:
    twice = Ratings.from_labels([1, 1, 1], ["a", "a", "b"], ["x", "y", "x"], repeated="all")
    for coefficient in (*ALL, cohen_kappa):
        with pytest.raises(InvalidInputError, match="more than once"):
            coefficient(twice)
    for weighted in (gwet_ac2, cohen_kappa):
        with pytest.raises(InvalidInputError, match="no weights"):
            weighted(Ratings.from_matrix([[1, 2], [2, 2]]), weights="cubic")  # type: ignore[operator]
    many = Ratings.from_matrix(np.arange(4_004).reshape(-1, 2))
    for weighted in (gwet_ac2, cohen_kappa):
        with pytest.raises(InvalidInputError, match="too many"):
            weighted(many)  # type: ignore[operator]


def test_pairs_within_units_are_all_pairs() -> None:
    unit = np.array([0, 0, 0, 1, 2, 2])
    found = sorted((int(a), int(b)) for first, second in pairs(unit) for a, b in zip(first, second, strict=True))
    assert found == [(0, 1), (0, 2), (1, 2), (4, 5)]


def _clustered_pairs(sizes: Any, seed: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    truth = rng.integers(1, 5, cluster.size)
    known = rng.random(cluster.size) < rng.beta(2.0, 1.0, len(sizes))[cluster]
    return np.column_stack([truth, np.where(known, truth, rng.integers(1, 5, cluster.size))]).astype(float), cluster


@pytest.mark.parametrize("weights", ["unweighted", "linear", "quadratic"])
def test_kappas_error_over_clusters_is_that_of_scikit_learns_kappa_as_clusters_gain_weight(weights: Any) -> None:
    """Infinitesimal jackknife: the derivative of log(1 - kappa) in the weight of a cluster, found numerically."""
    metrics = pytest.importorskip("sklearn.metrics")
    table, cluster = _clustered_pairs([7] * 30, 1)
    kind = None if weights == "unweighted" else weights

    def theta(weight: npt.NDArray[np.float64]) -> float:
        kappa = metrics.cohen_kappa_score(table[:, 0], table[:, 1], weights=kind, sample_weight=weight)
        return math.log1p(-kappa)

    step = 1e-5
    slopes = [(theta(1.0 + step * (cluster == g)) - theta(1.0 - step * (cluster == g))) / (2 * step) for g in range(30)]
    expected = math.sqrt(30 / 29 * float(np.square(slopes).sum()))
    found = cohen_kappa(Ratings.from_matrix(table, levels=[1, 2, 3, 4]), weights=weights, clusters=cluster)
    assert found.std_error == pytest.approx(expected * (1.0 - found.value), rel=1e-6)
    assert (found.n, found.n_clusters) == (210, 30)


def test_units_that_are_their_own_clusters_have_the_interval_of_statsmodels_error() -> None:
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    table, _ = _clustered_pairs([1] * 400, 2)
    plain = cohen_kappa(Ratings.from_matrix(table))
    alone = cohen_kappa(Ratings.from_matrix(table), clusters=range(400))
    cells = np.zeros((4, 4))
    np.add.at(cells, tuple(table.astype(int).T - 1), 1.0)
    assert alone.std_error == pytest.approx(rater.cohens_kappa(cells).std_kappa * math.sqrt(400 / 399))
    assert (alone.low, alone.high) == pytest.approx((plain.low, plain.high))


@given(st.integers(2, 4), st.integers(0, 200))
def test_units_given_again_in_their_clusters_leave_kappas_interval(times: int, seed: int) -> None:
    table, cluster = _clustered_pairs([3, 1, 4, 2, 5, 3, 2, 6], seed)
    once, often = (
        cohen_kappa(Ratings.from_matrix(np.tile(table, (many, 1))), clusters=np.tile(cluster, many))
        for many in (1, times)
    )
    assert often.value == pytest.approx(once.value)
    if once.std_error is not None:
        assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_clusters_go_by_the_units_that_both_labelled() -> None:
    table, cluster = _clustered_pairs([5] * 12, 3)
    fewer = np.r_[[[1.0, np.nan]], table]
    whole, half = (
        cohen_kappa(Ratings.from_matrix(t), clusters=c) for t, c in ((table, cluster), (fewer, np.r_[99, cluster]))
    )
    assert (half.low, half.high, half.n_clusters, half.unscored) == (whole.low, whole.high, 12, 1)


def test_without_disagreement_kappas_bound_rests_on_clusters_and_one_cluster_has_none() -> None:
    same = Ratings.from_matrix([[1, 1], [2, 2]] * 20)
    low, alone = cohen_kappa(same, clusters=[k // 8 for k in range(40)]).low, cohen_kappa(same).low
    assert low is not None
    assert alone is not None
    assert low < alone
    one = cohen_kappa(Ratings.from_matrix([[1, 1], [2, 1], [2, 2]]), clusters=["a"] * 3)
    assert (one.low, one.n_clusters) == (None, 1)
    assert "one cluster" in (one.reason or "")


@pytest.mark.parametrize("more", [{"clusters": ["a"]}, {"clusters": "ab", "rng": np.random.default_rng(1)}])
def test_clusters_that_do_not_fit_kappa_are_refused(more: Any) -> None:
    with pytest.raises(InvalidInputError):
        cohen_kappa(Ratings.from_matrix([[1, 1], [2, 1]]), **more)
