"""Exact and adjusted share intervals, quantiles, ratios, trimmed and capped means against outside references."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from assay.core.errors import InvalidInputError
from assay.stats.intervals.quantiles import order_ranks, quantile_difference, quantile_interval
from assay.stats.intervals.ratios import ratio_metric, ratio_metric_difference
from assay.stats.intervals.robust import capped_mean, capped_mean_difference, trimmed_mean, trimmed_mean_difference
from assay.stats.intervals.shares import agresti_coull, clopper_pearson
from assay.stats.scalar import wilson

RNG = np.random.default_rng(11)


@pytest.mark.parametrize(("k", "n"), [(81, 263), (15, 148), (0, 20), (1, 29), (29, 29), (3, 10_000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_share_intervals_are_statsmodels(k: int, n: int, confidence: float) -> None:
    for ours, method in ((clopper_pearson, "beta"), (agresti_coull, "agresti_coull")):
        found = ours(k, n, confidence=confidence)
        low, high = proportion_confint(k, n, alpha=1 - confidence, method=method)
        expected = (0.0 if k == 0 else low, 1.0 if k == n else high)
        if method == "agresti_coull":
            expected = (max(0.0, low), min(1.0, high))
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-10)


def test_published_exact_intervals() -> None:
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 5: 81/263, 15/148, 0/20, 1/29
    for (k, n), published in {
        (81, 263): (0.2527, 0.3676), (15, 148): (0.0578, 0.1617), (0, 20): (0.0, 0.1684), (1, 29): (0.0009, 0.1776),
    }.items():  # fmt: skip
        found = clopper_pearson(k, n)
        assert (found.low, found.high) == pytest.approx(published, abs=5e-5)


def test_zero_of_a_thousand_leaves_three_in_a_thousand() -> None:
    # rule of three: one-sided 95 %, that is two-sided 90 %
    assert clopper_pearson(0, 1_000, confidence=0.9).high == pytest.approx(1 - 0.05 ** (1 / 1_000))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_share_intervals_nest_and_mirror(case: tuple[int, int]) -> None:
    k, n = case
    exact, adjusted, score = clopper_pearson(k, n), agresti_coull(k, n), wilson(k, n)
    assert exact.low <= k / n <= exact.high
    assert adjusted.low <= score[0] + 1e-12 and score[1] - 1e-12 <= adjusted.high
    other = clopper_pearson(n - k, n)
    assert (1 - other.high, 1 - other.low) == pytest.approx((exact.low, exact.high), abs=1e-12)


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 5), (0, 0), (1.5, 3)])
def test_shares_that_are_none_are_refused(k: float, n: int) -> None:
    for method in (clopper_pearson, agresti_coull):
        with pytest.raises(InvalidInputError):
            method(k, n)  # type: ignore[arg-type]


def test_quantile_ranks_are_published() -> None:
    # Conover (1999), Practical Nonparametric Statistics, section 3.2, and the sign-test table: n = 15 gives 4 and 12
    assert order_ranks(15, 0.5, confidence=0.95) == (4, 12)
    assert order_ranks(6, 0.5, confidence=0.95) == (1, 6)
    assert order_ranks(5, 0.5, confidence=0.95) == (None, None)


@pytest.mark.parametrize(("n", "quantile"), [(15, 0.5), (40, 0.25), (200, 0.9), (72, 0.95)])
def test_quantile_bounds_are_the_binomials(n: int, quantile: float) -> None:
    low, high = order_ranks(n, quantile, confidence=0.95)
    law = stats.binom(n, quantile)
    assert low is not None and high is not None
    assert law.cdf(low - 1) <= 0.025 < law.cdf(low)
    assert law.sf(high - 1) <= 0.025 < law.sf(high - 2)


def test_quantile_interval_agrees_with_scipys_quantile_test() -> None:
    values = RNG.exponential(size=80)
    theirs = stats.quantile_test(values, p=0.7).confidence_interval(0.95)
    ours = quantile_interval(values, 0.7)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_too_few_values_say_which_bound_is_missing() -> None:
    found = quantile_interval(np.arange(50.0), 0.95)
    assert found.high is None and found.low is not None
    assert found.reason == "50 values are too few for a upper bound"
    with pytest.raises(InvalidInputError):
        quantile_interval([1.0, 2.0], 1.0)


def test_quantile_difference_moves_with_a_shift_and_reports_ties() -> None:
    old, new = RNG.normal(size=90), RNG.normal(size=70)
    here, there = quantile_difference(old, new, 0.4), quantile_difference(old, new + 3.0, 0.4)
    assert (there.value, there.low, there.high) == pytest.approx(
        tuple(3.0 + b for b in (here.value, here.low, here.high))
    )
    assert quantile_difference([1.0] * 30, [1.0] * 30).low is None
    low, high = here.low, here.high
    back = quantile_difference(new, old, 0.4)
    assert (back.low, back.high) == pytest.approx((-high, -low))


def test_ratio_is_the_regression_through_the_origins_sandwich() -> None:
    # Deng et al. (2018), eq. 4: var = (s_yy - 2 r s_xy + r² s_xx) / (n x̄²)
    x, y = RNG.poisson(8, size=60) + 1.0, RNG.poisson(3, size=60).astype(float)
    covariance, r = np.cov(y, x), y.sum() / x.sum()
    expected = math.sqrt((covariance[0, 0] - 2 * r * covariance[0, 1] + r * r * covariance[1, 1]) / 60) / x.mean()
    found = ratio_metric(y, x)
    assert found.std_error == pytest.approx(expected)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 59) * expected)


def test_ratio_of_ones_is_the_mean() -> None:
    y, z = RNG.normal(size=30), RNG.normal(size=25)
    theirs = stats.ttest_1samp(y, 0).confidence_interval()
    ours = ratio_metric(y, np.ones(30))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    pair = ratio_metric_difference((y, np.ones(30)), (z, np.ones(25)))
    welch = stats.ttest_ind(z, y, equal_var=False).confidence_interval()
    assert (pair.low, pair.high) == pytest.approx((welch.low, welch.high))


def test_ratio_clusters_are_summed_first_and_edges_are_named() -> None:
    x, y, label = np.ones(12), RNG.normal(size=12), np.repeat(np.arange(4), 3)
    whole = ratio_metric(y.reshape(4, 3).sum(1), np.full(4, 3.0))
    assert ratio_metric(y, x, clusters=label).std_error == pytest.approx(whole.std_error)
    assert ratio_metric([1.0], [2.0]).reason == "a side has fewer than two independent units"
    assert "denominator" in str(ratio_metric([1.0, 2.0, 0.0], [0.0, 9.0, 0.0]).reason)
    assert ratio_metric([2.0, 4.0, 6.0, 8.0], [1.0, 2.0, 3.0, 4.0]).low is None
    with pytest.raises(InvalidInputError):
        ratio_metric([1.0, 2.0], [1.0, -1.0])
    with pytest.raises(InvalidInputError):
        ratio_metric([1.0, 2.0], [0.0, 0.0])


def test_relative_change_of_ratios_does_not_depend_on_scale() -> None:
    old = (RNG.poisson(5, 80) + 1.0, np.ones(80))
    new = (RNG.poisson(6, 90) + 1.0, np.ones(90))
    first = ratio_metric_difference(old, new, relative=True)
    second = ratio_metric_difference((old[0] * 7, old[1]), (new[0] * 7, new[1]), relative=True)
    assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))
    assert first.unit == "relative"
    assert ratio_metric_difference((-old[0], old[1]), new, relative=True).low is None


@pytest.mark.parametrize("trim", [0.0, 0.1, 0.2])
def test_trimmed_means_are_scipys_yuen(trim: float) -> None:
    old, new = RNG.standard_t(2, size=43), RNG.standard_t(2, size=57) + 0.5
    theirs = stats.ttest_ind(new, old, equal_var=False, trim=trim)
    ours, p_value = trimmed_mean_difference(old, new, trim=trim)
    assert p_value == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval()))
    assert trimmed_mean(old, trim=trim).value == pytest.approx(stats.trim_mean(old, trim))


def test_trimming_ignores_what_an_outlier_is_and_refuses_too_much() -> None:
    values = RNG.normal(size=20)
    far = np.where(values == values.max(), 1e9, values)
    assert trimmed_mean(values).low == pytest.approx(trimmed_mean(far).low)
    with pytest.raises(InvalidInputError):
        trimmed_mean(values, trim=0.5)
    with pytest.raises(InvalidInputError):
        trimmed_mean([1.0, 2.0, 3.0], trim=0.4)
    assert trimmed_mean([5.0] * 10).reason is not None


def test_capped_means_are_t_tests_of_capped_values() -> None:
    old, new = RNG.pareto(1.2, size=80), RNG.pareto(1.2, size=60)
    theirs = stats.ttest_ind(np.minimum(new, 5), np.minimum(old, 5), equal_var=False)
    ours, p_value = capped_mean_difference(old, new, cap=5)
    assert p_value == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval()))
    one = stats.ttest_1samp(np.minimum(old, 5), 0).confidence_interval()
    assert capped_mean(old, cap=5).high == pytest.approx(one.high)
    assert capped_mean([7.0, 8.0], cap=5).low is None
    assert capped_mean([1.0], cap=5).reason == "fewer than two samples"
    with pytest.raises(InvalidInputError):
        capped_mean(old, cap=math.inf)
