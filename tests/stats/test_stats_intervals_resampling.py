"""Clustered means and bootstraps: dense formulas, scipy's bootstrap, and resampling as the twin of the ideal one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS

from assay.core.errors import InvalidInputError
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.intervals.clustered import clustered_difference, clustered_mean
from assay.stats.intervals.ideal_bootstrap import ideal_bootstrap_difference, ideal_bootstrap_mean
from assay.stats.intervals.two_sample_bootstrap import (
    bootstrap_difference,
    bootstrap_statistic_difference,
    studentised_bootstrap_mean,
)

RNG = np.random.default_rng(5)
LABELS = np.repeat(np.arange(7), [1, 3, 9, 2, 14, 5, 4])
VALUES = RNG.normal(size=LABELS.size) + RNG.normal(size=7)[LABELS]


def _dense(design: np.ndarray, y: np.ndarray, labels: np.ndarray, contrast: np.ndarray) -> tuple[float, float]:
    """Bell & McCaffrey by full matrices: variance and degrees of freedom of contrast'β."""
    bread = np.linalg.inv(design.T @ design)
    hat = design @ bread @ design.T
    residual = y - hat @ y
    columns, variance = [], 0.0
    for label in np.unique(labels):
        rows = labels == label
        values, vectors = np.linalg.eigh(np.eye(rows.sum()) - hat[np.ix_(rows, rows)])
        adjust = (vectors / np.sqrt(values)) @ vectors.T
        weights = adjust @ design[rows] @ bread @ contrast
        variance += float(weights @ residual[rows]) ** 2
        columns.append((np.eye(y.size) - hat)[:, rows] @ weights)
    gram = np.array(columns) @ np.array(columns).T
    return variance, float(np.trace(gram)) ** 2 / float(np.square(gram).sum())


def test_cr2_of_a_mean_and_a_difference_is_the_dense_formula() -> None:
    variance, freedom = _dense(np.ones((VALUES.size, 1)), VALUES, LABELS, np.ones(1))
    found = clustered_mean(VALUES, LABELS)
    assert found.std_error == pytest.approx(math.sqrt(variance))
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, freedom) * math.sqrt(variance))
    for treated in (LABELS % 2, RNG.integers(2, size=VALUES.size)):  # whole clusters, and within clusters
        design = np.column_stack([np.ones(VALUES.size), treated])
        variance, freedom = _dense(design, VALUES, LABELS, np.array([0.0, 1.0]))
        found = clustered_difference(VALUES, treated, LABELS)
        assert found.std_error == pytest.approx(math.sqrt(variance))
        assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, freedom) * math.sqrt(variance))


def test_cr1_is_statsmodels() -> None:
    treated = RNG.integers(2, size=VALUES.size)
    fit = OLS(VALUES, np.column_stack([np.ones(VALUES.size), treated])).fit(
        cov_type="cluster", cov_kwds={"groups": LABELS}, use_t=True
    )
    found = clustered_difference(VALUES, treated, LABELS, variance="CR1")
    assert found.std_error == pytest.approx(fit.bse[1])
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int()[1]))
    alone = OLS(VALUES, np.ones(VALUES.size)).fit(cov_type="cluster", cov_kwds={"groups": LABELS}, use_t=True)
    assert clustered_mean(VALUES, LABELS, variance="CR1").std_error == pytest.approx(alone.bse[0])


def test_single_clusters_give_welchs_variance_and_bell_and_mccaffreys_degrees() -> None:
    # Imbens & Kolesar (2016), section II.B: N² (n0-1)(n1-1) / (n1² (n1-1) + n0² (n0-1))
    y, treated = RNG.normal(size=30), np.arange(30) < 12
    found = clustered_difference(y, treated, np.arange(30))
    old, new = y[~treated], y[treated]
    error = math.sqrt(old.var(ddof=1) / 18 + new.var(ddof=1) / 12)
    freedom = 30**2 * 17 * 11 / (12**2 * 11 + 18**2 * 17)
    assert found.std_error == pytest.approx(error)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, freedom) * error)


def test_equal_clusters_give_the_t_interval_of_their_means() -> None:
    values, labels = RNG.normal(size=40), np.repeat(np.arange(8), 5)
    theirs = stats.ttest_1samp(values.reshape(8, 5).mean(1), 0).confidence_interval()
    ours = clustered_mean(values, labels)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_clusters_that_cannot_answer_say_so() -> None:
    assert clustered_mean([1.0, 2.0], ["a", "a"]).reason == "all samples share one cluster"
    assert clustered_mean([1.0, 1.0], ["a", "b"]).reason == "the 2 clusters do not differ, so their spread is unknown"
    assert "arm" in str(clustered_difference([1.0, 2.0, 3.0], [0, 0, 1], ["a", "b", "c"]).reason)
    with pytest.raises(InvalidInputError):
        clustered_mean([1.0, 2.0], ["a"])
    with pytest.raises(InvalidInputError):
        clustered_difference([1.0, 2.0], [1, 1], ["a", "b"])
    with pytest.raises(InvalidInputError):
        clustered_mean([1.0, 2.0], ["a", "b"], variance="CR3")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_the_ideal_bootstrap_is_what_many_resamples_tend_to(method: str) -> None:
    skewed = np.random.default_rng(21).lognormal(size=40)
    ours = ideal_bootstrap_mean(skewed, method=method)
    twin = bootstrap_mean(skewed, rng=np.random.default_rng(1), method=method, repeats=60_000)
    assert (ours.low, ours.high) == pytest.approx((twin.low, twin.high), abs=0.04 * (twin.std_error or 0))
    wrong = ideal_bootstrap_mean(skewed, method="percentile" if method == "bca" else "bca")
    assert abs(wrong.high - twin.high) > 0.15 * (twin.std_error or 0)


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_the_difference_is_scipys_bootstrap(method: str) -> None:
    rng = np.random.default_rng(3)
    old, new = rng.exponential(size=30) * 2, rng.exponential(size=50)
    theirs = stats.bootstrap(
        (new, old),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        n_resamples=60_000,
        method=method,
        rng=rng,
        batch=5_000,
    )
    tolerance = 0.08 * theirs.standard_error
    for ours in (
        ideal_bootstrap_difference(old, new, method=method.lower()),
        bootstrap_difference(old, new, rng=rng, method=method.lower(), repeats=60_000),
    ):
        interval = theirs.confidence_interval
        assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=tolerance)


def test_zeros_and_ones_give_the_binomials_quantiles() -> None:
    values = np.repeat([0.0, 1.0], [970, 30])
    found = ideal_bootstrap_mean(values, method="percentile")
    exact = [stats.binom(1_000, 0.03).ppf(level) / 1_000 for level in (0.025, 0.975)]
    assert (found.low, found.high) == pytest.approx(exact, abs=0.6e-3)  # half a step, and a little


def test_one_huge_value_does_not_break_the_series() -> None:
    values = np.append(np.random.default_rng(4).normal(size=300), 1e4)
    ours = ideal_bootstrap_mean(values, method="percentile")
    # the count of the outlier among the draws is Poisson(1) in effect: 0 at 2.5 %, 3 at 97.5 %
    assert ours.low == pytest.approx(0.0, abs=1.5)
    assert ours.high == pytest.approx(3 * 1e4 / 301, abs=2.5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=3, max_size=30), st.floats(0.1, 50), st.floats(-20, 20))
def test_the_ideal_bootstrap_moves_and_stretches_with_its_values(
    values: list[float], scale: float, move: float
) -> None:
    plain = ideal_bootstrap_mean(values)
    moved = ideal_bootstrap_mean(np.array(values) * scale + move)
    if plain.low is None or (plain.std_error or 0) < 1e-6:
        return
    assert moved.low == pytest.approx(plain.low * scale + move, abs=1e-5 * scale * (plain.std_error or 1) + 1e-9)
    assert plain.low <= plain.value <= plain.high


def test_studentised_intervals_follow_their_definition() -> None:
    values = RNG.exponential(size=25)
    found = studentised_bootstrap_mean(values, rng=np.random.default_rng(8), repeats=40_000)
    index = np.random.default_rng(9).integers(25, size=(40_000, 25))
    draws = values[index]
    t = (draws.mean(1) - values.mean()) / (draws.std(1, ddof=1) / 5)
    error = values.std(ddof=1) / 5
    expected = values.mean() - np.quantile(t, [0.975, 0.025]) * error
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.06 * error)
    assert found.std_error == pytest.approx(error)


def test_studentised_clusters_and_edges() -> None:
    rng = np.random.default_rng(2)
    grouped = studentised_bootstrap_mean(VALUES, rng=rng, clusters=LABELS.tolist(), repeats=2_000)
    assert grouped.method == "cluster-bootstrap-t" and grouped.n_clusters == 7
    assert studentised_bootstrap_mean([1.0, 1.0], rng=rng, repeats=50).reason == "every resample gives the same value"
    assert studentised_bootstrap_mean([1.0], rng=rng, repeats=50).reason == "fewer than two samples"
    assert studentised_bootstrap_mean([0.0, 1.0, 2.0], rng=rng, repeats=500).reason is not None
    assert bootstrap_difference([1.0], [1.0, 2.0], rng=rng, method="bca", repeats=50).low is None
    assert ideal_bootstrap_difference([1.0], [1.0, 2.0]).reason == "a side has fewer than two samples"
    assert ideal_bootstrap_mean([2.0, 2.0]).reason == "every resample gives the same value"
    with pytest.raises(InvalidInputError):
        ideal_bootstrap_mean([1.0, 2.0], method="basic")
    with pytest.raises(InvalidInputError):
        bootstrap_difference([1.0, 2.0], [1.0, np.nan], rng=rng)
    with pytest.raises(InvalidInputError):
        bootstrap_difference([1.0, 2.0], [1.0, 3.0], rng=rng, method="basic", repeats=20)


def test_clusters_of_a_difference_are_drawn_whole() -> None:
    rng = np.random.default_rng(2)
    old = np.repeat(rng.normal(size=12), 10)
    labels = np.repeat(np.arange(12), 10).tolist()
    grouped = bootstrap_difference(
        old, old + 1, rng=rng, baseline_clusters=labels, candidate_clusters=labels, method="bca", repeats=3_000
    )
    plain = bootstrap_difference(old, old + 1, rng=rng, method="bca", repeats=3_000)
    assert grouped.std_error == pytest.approx(math.sqrt(10) * plain.std_error, rel=0.1)


def test_any_statistic_of_two_samples_is_scipys() -> None:
    rng = np.random.default_rng(6)
    old, new = rng.normal(size=40), rng.normal(size=50) * 2
    ours = bootstrap_statistic_difference(old, new, np.std, rng=rng, repeats=8_000)
    theirs = stats.bootstrap(
        (new, old), lambda a, b, axis: a.std(axis) - b.std(axis), n_resamples=8_000, method="BCa", rng=rng
    )
    interval = theirs.confidence_interval
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=0.12 * theirs.standard_error)
