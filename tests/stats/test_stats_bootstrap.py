"""Bootstrap against scipy's within Monte-Carlo error, and its own awkward cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from assay.core.errors import InvalidInputError
from assay.stats import bootstrap
from assay.stats.bootstrap import bootstrap_mean, bootstrap_statistic

SKEWED = np.random.default_rng(21).lognormal(sigma=1.0, size=60)


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_the_mean_has_scipys_interval_within_monte_carlo_error(method: str) -> None:
    ours = bootstrap_mean(SKEWED, rng=np.random.default_rng(1), method=method, repeats=20_000)
    theirs = stats.bootstrap(
        (SKEWED,),
        np.mean,
        n_resamples=20_000,
        method="BCa" if method == "bca" else method,
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.025)
    other = "percentile" if method == "bca" else "bca"
    wrong = bootstrap_mean(SKEWED, rng=np.random.default_rng(1), method=other, repeats=20_000)
    assert abs((wrong.high or 0) - theirs.high) > 0.05  # the other method must be told apart, or this proves nothing


def test_a_statistic_has_scipys_interval_too() -> None:
    ours = bootstrap_statistic(SKEWED, np.std, rng=np.random.default_rng(3), repeats=10_000)
    theirs = stats.bootstrap(
        (SKEWED,), np.std, n_resamples=10_000, method="BCa", rng=np.random.default_rng(4)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=0.06)


def test_small_chunks_give_the_same_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bootstrap_statistic(SKEWED, np.mean, rng=np.random.default_rng(5), repeats=501)
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", 7 * SKEWED.size)
    parts = bootstrap_statistic(SKEWED, np.mean, rng=np.random.default_rng(5), repeats=501)
    assert (whole.low, whole.high) == (parts.low, parts.high)


def test_clusters_are_drawn_whole() -> None:
    values = np.repeat([0.0, 1.0, 0.2, 0.9, 0.4, 0.6, 0.1, 0.8], 20)
    labels = [f"doc{i // 20}" for i in range(values.size)]
    grouped = bootstrap_mean(values, rng=np.random.default_rng(6), clusters=labels, repeats=4_000)
    plain = bootstrap_mean(values, rng=np.random.default_rng(6), repeats=4_000)
    assert (grouped.method, grouped.n_clusters, grouped.n) == ("cluster-bca", 8, 160)
    assert (grouped.high or 0) - (grouped.low or 0) > 3 * ((plain.high or 0) - (plain.low or 0))


def test_what_a_bootstrap_cannot_say_has_a_reason() -> None:
    rng = np.random.default_rng(7)
    assert bootstrap_mean([0.5] * 9, rng=rng, repeats=50).reason == "every resample gives the same value"
    assert bootstrap_mean([0.5], rng=rng, repeats=50).reason == "fewer than two samples"
    assert bootstrap_mean([0.1, 0.2], rng=rng, clusters=["a", "a"], repeats=50).reason == (
        "all samples share one cluster"
    )


def test_wrong_arguments_are_refused() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(InvalidInputError, match="no bootstrap called"):
        bootstrap_mean([0.1, 0.2], rng=rng, method="bac", repeats=50)
    with pytest.raises(InvalidInputError, match="vector"):
        bootstrap_mean([0.1, np.nan], rng=rng)
    with pytest.raises(InvalidInputError, match="come with"):
        bootstrap_mean([0.1, 0.2], rng=rng, clusters=["a"])
