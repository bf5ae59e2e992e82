"""Rank and permutation tests against scipy, brute force and published tables."""

from __future__ import annotations

import csv
import os
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import InvalidInputError
from assay.stats.comparison import selection
from assay.stats.comparison.means import paired_t_test, welch_test
from assay.stats.comparison.permutation import permutation_test, sign_flip_test
from assay.stats.comparison.rank_tests import mann_whitney, wilcoxon_signed_rank
from assay.stats.comparison.selection import pairwise_differences, walsh_averages
from assay.stats.comparison.studentised import bootstrap_t_test
from assay.stats.intervals.two_sample_bootstrap import bootstrap_difference

RNG = np.random.default_rng(31)
# Hollander, Wolfe & Chicken (2014): table 3.1 (Hamilton depression scale, nine patients) and table 4.1 (tritiated
# water diffusion across human chorioamnion at 12-26 weeks, and at term)
DEPRESSION = (
    [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30],
    [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29],
)
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]


def test_published_signed_rank() -> None:
    # Hollander et al., examples 3.1, 3.3 and 3.4: T+ = 5, one-sided P = .020, estimate -.46, 96 % bounds -.786, -.010
    found = wilcoxon_signed_rank(*DEPRESSION, confidence=0.96)
    assert (found.statistic, found.exact) == (5.0, True)
    assert found.p_value == pytest.approx(2 * 0.01953125)
    assert found.effect.value == pytest.approx(-0.46)
    assert (found.effect.low, found.effect.high) == pytest.approx((-0.786, -0.010))


def test_published_rank_sum() -> None:
    # Hollander et al., examples 4.1 and 4.3: W = 30, one-sided P = .1272, estimate -.305, 96 % bounds -.76, .15
    found = mann_whitney(TERM, EARLY, confidence=0.96)
    assert found.statistic + 15 == 30.0
    assert found.p_value == pytest.approx(2 * 0.1272, abs=2e-4)
    assert found.effect.value == pytest.approx(-0.305)
    assert (found.effect.low, found.effect.high) == pytest.approx((-0.76, 0.15))


@pytest.mark.parametrize("sizes", [(8, 11), (3, 3), (25, 25)])
def test_exact_p_values_are_scipys(sizes: tuple[int, int]) -> None:
    old, new = RNG.normal(size=sizes[0]), RNG.normal(size=sizes[1]) + 0.4
    theirs = stats.mannwhitneyu(new, old, method="exact")
    ours = mann_whitney(old, new)
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue))
    pairs = RNG.normal(size=sizes[0]) + 0.3
    signed = stats.wilcoxon(pairs, method="exact")
    assert wilcoxon_signed_rank(np.zeros(sizes[0]), pairs).p_value == pytest.approx(signed.pvalue)


def test_approximate_p_values_are_scipys_with_ties() -> None:
    old, new = RNG.integers(0, 6, 80).astype(float), RNG.integers(0, 7, 90).astype(float)
    theirs = stats.mannwhitneyu(new, old, method="asymptotic")
    assert mann_whitney(old, new).p_value == pytest.approx(theirs.pvalue)
    pairs = RNG.integers(-4, 6, 300).astype(float)
    signed = stats.wilcoxon(pairs, method="approx", correction=True)
    found = wilcoxon_signed_rank(np.zeros(300), pairs)
    assert found.p_value == pytest.approx(signed.pvalue)
    assert "are 0 and left out" in found.notes[0]


def test_tied_exact_p_values_are_those_of_every_relabelling() -> None:
    old, new = np.array([1.0, 2, 2, 3]), np.array([2.0, 3, 3, 4, 4])
    ranks = stats.rankdata(np.concatenate([new, old]))
    sums = np.array([ranks[list(pick)].sum() for pick in combinations(range(9), 5)])
    seen = ranks[:5].sum()
    expected = min(1.0, 2 * min((sums <= seen).mean(), (sums >= seen).mean()))
    assert mann_whitney(old, new).p_value == pytest.approx(expected)
    moved = np.array([1.0, 1.0, -2.0, 3.0, 3.0, 3.0])
    size = stats.rankdata(np.abs(moved))
    every = np.array([size[np.array(flips)].sum() for flips in product([False, True], repeat=6)])
    seen = size[moved > 0].sum()
    expected = min(1.0, 2 * min((every <= seen).mean(), (every >= seen).mean()))
    assert wilcoxon_signed_rank(np.zeros(6), moved).p_value == pytest.approx(expected)


numbers = st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=9)


@settings(max_examples=60, deadline=None)
@given(numbers, numbers, st.integers(1, 12))
def test_selected_pairs_are_the_sorted_ones(old: list[float], new: list[float], listed: int) -> None:
    kept = selection.LISTED
    selection.LISTED = listed  # so that bisection and ties are exercised too
    try:
        every = np.sort(np.subtract.outer(new, old).ravel())
        assert pairwise_differences(np.array(old), np.array(new), range(1, every.size + 1)) == pytest.approx(every)
        i, j = np.triu_indices(len(old))
        walsh = np.sort((np.array(old)[i] + np.array(old)[j]) / 2)
        assert walsh_averages(np.array(old), range(1, walsh.size + 1)) == pytest.approx(walsh)
    finally:
        selection.LISTED = kept


def test_a_million_pairs_are_never_built() -> None:
    old, new = RNG.normal(size=3_000), RNG.normal(size=2_500) + 0.25
    found = mann_whitney(old, new)
    assert found.effect.value == pytest.approx(np.median(np.subtract.outer(new, old)))
    assert found.effect.low > 0.0 or found.p_value > 0.05


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=6, max_size=20), st.floats(-10, 10))
def test_the_shift_moves_with_the_candidate(values: list[float], move: float) -> None:
    base = np.arange(12.0)
    here, there = mann_whitney(base, values).effect, mann_whitney(base, np.array(values) + move).effect
    assert there.value == pytest.approx(here.value + move, abs=1e-6)
    back = mann_whitney(values, base).effect
    assert back.value == pytest.approx(-here.value, abs=1e-9)


def test_too_few_values_give_no_bounds() -> None:
    assert mann_whitney([1.0, 2.0], [3.0, 4.0]).effect.reason == "4 values cannot reach this confidence"
    assert wilcoxon_signed_rank([0.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]).effect.low is None
    assert mann_whitney([1.0, 1.0], [1.0, 1.0]).p_value == 1.0
    assert wilcoxon_signed_rank([1.0, 2.0], [1.0, 2.0]).effect.reason == "all differences are 0"
    with pytest.raises(InvalidInputError):
        mann_whitney([], [1.0])
    with pytest.raises(InvalidInputError):
        wilcoxon_signed_rank([1.0, 2.0], [1.0])


def test_exact_permutation_is_scipys() -> None:
    old, new = RNG.exponential(size=6), RNG.exponential(size=7) + 0.5
    rng = np.random.default_rng(1)
    theirs = stats.permutation_test((new, old), lambda a, b, axis: a.mean(axis) - b.mean(axis), vectorized=True)
    ours = permutation_test(old, new, rng=rng, statistic="mean")
    assert ours.exact and ours.p_value == pytest.approx(theirs.pvalue, abs=2 / 1716)
    welch = stats.permutation_test(
        (new, old), lambda a, b, axis: np.abs(stats.ttest_ind(a, b, axis=axis, equal_var=False).statistic),
        vectorized=True, alternative="greater",
    )  # fmt: skip
    assert permutation_test(old, new, rng=rng).p_value == pytest.approx(welch.pvalue)
    assert rng.bit_generator.state == np.random.default_rng(1).bit_generator.state  # nothing was drawn


def test_fishers_darwin_data() -> None:
    # Fisher (1935), The Design of Experiments, section 21: 863 of 32,768 sign changes give a total of 314 or more
    differences = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    sampled = sign_flip_test([0] * 15, differences, rng=np.random.default_rng(2), repeats=40_000)
    assert not sampled.exact and sampled.p_value == pytest.approx(2 * 863 / 32_768, abs=0.005)
    exact = sign_flip_test([0] * 14, differences[:14], rng=np.random.default_rng(2))
    theirs = stats.permutation_test(
        (np.array(differences[:14]),), lambda x, axis: x.mean(axis), vectorized=True, permutation_type="samples",
        n_resamples=20_000,
    )  # fmt: skip
    assert exact.exact and exact.p_value == pytest.approx(theirs.pvalue, abs=1e-9)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_hold_the_shifts_that_are_not_rejected(confidence: float) -> None:
    old, new = RNG.normal(size=6), RNG.normal(size=6) + 1.0
    rng = np.random.default_rng(3)
    found = permutation_test(old, new, rng=rng, statistic="mean", confidence=confidence).effect
    paired = sign_flip_test(np.zeros(8), np.append(new, [0.3, 0.7]), rng=rng, confidence=confidence).effect
    for effect, tail in (
        (found, lambda d: _upper_tail(old, new - d)),
        (paired, lambda d: _upper_sign_tail(np.append(new, [0.3, 0.7]) - d)),
    ):
        assert tail(effect.low - 1e-6) <= (1 - confidence) / 2 < tail(effect.low + 1e-6)


def _upper_tail(old: np.ndarray, new: np.ndarray) -> float:
    pooled = np.concatenate([new, old])
    every = np.array([pooled[list(pick)].sum() for pick in combinations(range(pooled.size), new.size)])
    return float((every >= new.sum() - 1e-9).mean())


def _upper_sign_tail(differences: np.ndarray) -> float:
    signs = np.array(list(product([-1, 1], repeat=differences.size)))
    return float((signs @ differences >= differences.sum() - 1e-9).mean())


def test_sampled_relabellings_are_seeded_and_never_give_zero() -> None:
    old, new = RNG.normal(size=40), RNG.normal(size=40) + 9
    first = permutation_test(old, new, rng=np.random.default_rng(4), repeats=199)
    again = permutation_test(old, new, rng=np.random.default_rng(4), repeats=199)
    assert first == again and first.p_value == pytest.approx(1 / 200)
    both = permutation_test(old, old[::-1].copy(), rng=np.random.default_rng(4), repeats=199)
    assert both.p_value == 1.0


def test_clusters_flip_together_and_edges_are_named() -> None:
    rng = np.random.default_rng(5)
    differences = np.repeat([1.0, 2.0, 1.5, 0.5, 3.0, 2.5, 1.0], 10)
    labels = np.repeat(np.arange(7), 10)
    assert sign_flip_test(np.zeros(70), differences, rng=rng, clusters=labels).p_value == pytest.approx(2 / 2**7)
    assert sign_flip_test(np.zeros(4), np.ones(4), rng=rng).effect.reason == "4 units cannot reach this confidence"
    assert sign_flip_test([1.0, 2.0], [1.0, 2.0], rng=rng).p_value == 1.0
    assert permutation_test([1.0, 1.0], [1.0, 1.0], rng=rng).effect.reason == "the values do not vary"
    with pytest.raises(InvalidInputError):
        permutation_test([1.0], [1.0, 2.0], rng=rng)
    with pytest.raises(InvalidInputError):
        permutation_test([1.0, 2.0], [1.0, 2.0], rng=rng, statistic="median")


def test_bootstrap_t_p_value_and_interval_agree() -> None:
    old = RNG.exponential(size=30)
    found = bootstrap_t_test(old, old + RNG.normal(size=30), rng=np.random.default_rng(6), paired=True, repeats=4_000)
    level = 1 - found.p_value
    edge = bootstrap_t_test(old, old + 0.0, rng=np.random.default_rng(6), paired=True, repeats=100)
    assert edge.p_value is None and edge.effect.low is None
    assert 0 < level < 1 or found.effect.low * found.effect.high > 0
    assert (found.p_value < 0.05) == (found.effect.low > 0 or found.effect.high < 0)


def test_the_unpaired_bootstrap_t_is_the_studentised_difference() -> None:
    old, new = RNG.exponential(size=30), RNG.exponential(size=20) + 1.0
    found = bootstrap_t_test(old, new, rng=np.random.default_rng(7), repeats=500)
    assert found.effect == bootstrap_difference(old, new, rng=np.random.default_rng(7), repeats=500)
    assert found.effect.value == pytest.approx(new.mean() - old.mean())


def test_t_tests_are_scipys() -> None:
    old, new = RNG.normal(size=20), RNG.normal(size=20) * 2 + 0.4
    for ours, theirs in (
        (welch_test(old, new), stats.ttest_ind(new, old, equal_var=False)),
        (paired_t_test(old, new), stats.ttest_rel(new, old)),
    ):
        assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue))
        assert (ours.effect.low, ours.effect.high) == pytest.approx(tuple(theirs.confidence_interval()))
    assert welch_test([1.0], [1.0, 2.0]).p_value is None
    assert paired_t_test([1.0, 2.0], [2.0, 3.0]).effect.reason is not None


@pytest.mark.skipif("ASSAY_TEST_DATA" not in os.environ, reason="ASSAY_TEST_DATA is not set")
def test_job_training_by_every_method() -> None:
    # LaLonde (1986), Dehejia & Wahba (1999): 1,794.3
    path = Path(os.environ["ASSAY_TEST_DATA"]) / "experiment" / "nsw_job_training.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    old, new = (np.array([float(row["re78"]) for row in rows if float(row["treat"]) == arm]) for arm in (0, 1))
    welch = welch_test(old, new)
    assert welch.effect.value == pytest.approx(1_794.3424, abs=1e-4)
    assert welch.p_value == pytest.approx(0.0079, abs=5e-4)
    sampled = permutation_test(old, new, rng=np.random.default_rng(1), repeats=4_000)
    assert sampled.p_value == pytest.approx(welch.p_value, abs=0.006)
    theirs = stats.mannwhitneyu(new, old)
    assert mann_whitney(old, new).p_value == pytest.approx(theirs.pvalue)
