"""Intervals of one mean: published values, statsmodels, the awkward cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint

from assay.core.errors import InvalidInputError
from assay.stats.moments import Moments
from assay.stats.scalar import THESE_ITEMS, mean_estimate, mean_variance, wilson


def _binary(ones: int, n: int) -> Moments:
    return Moments.of([1.0] * ones + [0.0] * (n - ones))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_newcombes_published_table(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 3000), st.data(), st.sampled_from([0.8, 0.95, 0.999]))
def test_wilson_is_statsmodels(n: int, data: st.DataObject, confidence: float) -> None:
    successes = data.draw(st.integers(0, n))
    expected = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    low, high = wilson(successes, n, confidence)
    assert (low, high) == pytest.approx(expected, abs=1e-9)
    assert 0.0 <= low <= successes / n <= high <= 1.0


def test_wilson_refuses_what_is_no_proportion() -> None:
    for successes, n in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(InvalidInputError):
            wilson(successes, n)
    with pytest.raises(InvalidInputError, match=r"95 % is written|confidence"):
        wilson(1, 5, 95)


@pytest.mark.parametrize("ones", [0, 50])
def test_no_interval_has_width_0_at_0_or_100_percent(ones: int) -> None:
    estimate = mean_estimate(_binary(ones, 50), unit="share")
    assert estimate.low is not None and estimate.high is not None and estimate.std_error is not None
    assert estimate.high - estimate.low == pytest.approx(0.0713, abs=1e-4)
    assert estimate.std_error > 0.0


def test_graded_scores_get_scipys_t_interval() -> None:
    values = np.random.default_rng(3).normal(size=40)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    estimate = mean_estimate(Moments.of(values.tolist()), confidence=0.9)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))
    assert estimate.method == "t"


def test_clustered_variance_is_statsmodels_cr1() -> None:
    rng = np.random.default_rng(5)
    group = rng.integers(8, size=60)
    values = rng.normal(size=8)[group] + rng.normal(size=60)
    fit = OLS(values, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": group})
    moments = Moments.of(values.tolist(), [str(g) for g in group])
    assert mean_variance(moments) == pytest.approx(float(fit.bse[0]) ** 2)
    estimate = mean_estimate(moments)
    half = stats.t.ppf(0.975, 7) * fit.bse[0]
    assert (estimate.high or 0.0) - (estimate.low or 0.0) == pytest.approx(2 * half)
    assert (estimate.method, estimate.n_clusters, estimate.n) == ("cluster-t", 8, 60)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=30))
def test_clusters_of_one_change_nothing(values: list[float]) -> None:
    plain = mean_estimate(Moments.of(values))
    alone = mean_estimate(Moments.of(values, [str(row) for row in range(len(values))]))
    assert alone.method == plain.method
    assert alone.n_clusters is None
    if plain.low is not None and alone.low is not None:
        assert alone.low == pytest.approx(plain.low, rel=1e-6, abs=1e-6)


def test_samples_without_a_cluster_count_as_their_own() -> None:
    named = Moments.of([0.1, 0.9, 0.4, 0.5], ["a", "a", "x", "y"])
    loose = Moments.of([0.1, 0.9, 0.4, 0.5], ["a", "a", None, None])
    assert mean_variance(named) == pytest.approx(mean_variance(loose) or 0.0)
    assert named.n_clusters == loose.n_clusters == 3


def test_clustered_shares_use_the_effective_number_of_samples() -> None:
    clusters = [str(row // 10) for row in range(100)]
    whole_clusters = [float(row // 10 < 7) for row in range(100)]  # every cluster agrees: 10 answers, not 100
    estimate = mean_estimate(Moments.of(whole_clusters, clusters), unit="share")
    naive = mean_estimate(Moments.of(whole_clusters), unit="share")
    assert estimate.method == "cluster-wilson"
    assert (estimate.high or 0) - (estimate.low or 0) > 2.5 * ((naive.high or 0) - (naive.low or 0))
    at_100 = mean_estimate(Moments.of([1.0] * 100, clusters), unit="share")
    assert at_100.low == pytest.approx(wilson(10, 10, quantile=float(stats.t.ppf(0.975, 9)))[0])


@pytest.mark.parametrize(
    ("moments", "unit", "reason"),
    [
        (Moments(), "share", "no scored sample"),
        (Moments.of([0.5]), "score", "fewer than two scored samples"),
        (Moments.of([0.7] * 9), "score", "all 9 scores do not differ, so their spread is unknown"),
        (Moments.of([0.0] * 9), "usd", "all 9 scores do not differ, so their spread is unknown"),
        (Moments.of([0.2, 0.4], ["a", "a"]), "score", "all samples share one cluster"),
        (Moments.of([1.0, 0.0], ["a", "a"]), "share", "all samples share one cluster"),
        (Moments.of([0.2, 0.4] * 2, ["a", "a", "b", "b"]), "score", "the 2 clusters do not differ"),
    ],
)
def test_what_cannot_be_known_has_a_reason_and_no_bounds(moments: Moments, unit: str, reason: str) -> None:
    estimate = mean_estimate(moments, unit=unit)
    assert (estimate.low, estimate.high, estimate.std_error) == (None, None, None)
    assert (estimate.reason or "").startswith(reason)


def test_unscored_samples_are_carried_along() -> None:
    estimate = mean_estimate(Moments.of([1.0, 0.0], unscored=3), unit="share", unscored=2)
    assert (estimate.n, estimate.unscored) == (2, 5)


def test_a_census_of_these_items_has_no_doubt_and_half_of_them_less() -> None:
    moments = _binary(30, 50)
    everyone = mean_estimate(moments, unit="share", estimand=THESE_ITEMS, population=50)
    half = mean_estimate(moments, unit="share", estimand=THESE_ITEMS, population=100)
    new = mean_estimate(moments, unit="share")
    assert (everyone.low, everyone.high, everyone.method) == (0.6, 0.6, "census")
    assert (half.std_error or 0.0) / (new.std_error or 1.0) == pytest.approx(math.sqrt(50 / 99), abs=0.03)
    graded = [0.1, 0.2, 0.5, 0.9]
    part = mean_estimate(Moments.of(graded), estimand=THESE_ITEMS, population=10)
    assert part.std_error == pytest.approx(stats.sem(graded) * math.sqrt(6 / 9))


def test_a_population_belongs_to_these_items_and_holds_the_sample() -> None:
    with pytest.raises(InvalidInputError, match="population size was given"):
        mean_estimate(_binary(1, 2), population=5)
    with pytest.raises(InvalidInputError, match="cannot come from 1 items"):
        mean_estimate(_binary(1, 2), estimand=THESE_ITEMS, population=1)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_exchanging_right_and_wrong_mirrors_the_interval(right: list[bool]) -> None:
    yes = mean_estimate(Moments.of([float(r) for r in right]), unit="share")
    no = mean_estimate(Moments.of([float(not r) for r in right]), unit="share")
    assert (yes.low, yes.high) == pytest.approx((1 - (no.high or 0.0), 1 - (no.low or 0.0)))
