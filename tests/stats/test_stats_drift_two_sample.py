"""Two-sample drift tests against scipy, hand counts and enumeration; and the tests that circulate as right."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from scipy.spatial.distance import cdist

from assay.core.errors import InvalidInputError
from assay.stats.drift.classifier import classifier_drift, column_drift
from assay.stats.drift.counts import category_drift, divergence_drift
from assay.stats.drift.kernel import energy_drift, mmd_drift, mmd_linear_drift
from assay.stats.drift.kolmogorov import ks_drift
from assay.stats.drift.ordered import anderson_darling_drift, wasserstein_drift
from assay.stats.drift.stability import stability_index, stability_of_counts


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("n", "m"), [(5, 7), (30, 20), (1, 4), (150, 90)])
def test_kolmogorov_smirnov_is_scipys_exact_one(n: int, m: int) -> None:
    x, y = rng(n).normal(size=n), rng(m).normal(0.4, 1.2, size=m)
    found, expected = ks_drift(x, y), scipy_stats.ks_2samp(x, y, method="exact")
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-10)


def test_kolmogorov_smirnov_with_ties_enumerates_the_relabellings() -> None:
    x, y = np.array([1, 1, 2, 3]), np.array([1, 2, 2, 4, 4])
    pooled = np.concatenate([x, y])
    seen = ks_drift(x, y)
    gaps = []
    for chosen in itertools.combinations(range(9), 4):
        inside = np.isin(np.arange(9), chosen)
        gaps.append(max(abs((pooled[inside] <= v).mean() - (pooled[~inside] <= v).mean()) for v in pooled))
    assert seen.p_value == pytest.approx(np.mean(np.array(gaps) >= seen.statistic - 1e-12), rel=1e-12)
    assert "5 of 9 values are tied" in seen.notes[0]


def test_kolmogorov_smirnov_far_apart_keeps_its_digits_and_large_samples_use_the_limit() -> None:
    far = ks_drift(np.arange(60), np.arange(60) + 1_000)
    assert far.p_value == pytest.approx(2 / float(scipy_stats.hypergeom(120, 60, 60).pmf(60)) ** -1, rel=1e-9)
    x, y = rng(1).normal(size=2_100), rng(2).normal(size=2_100)
    large = ks_drift(x, y)
    assert large.method == "kolmogorov-smirnov-asymptotic"
    assert large.p_value == pytest.approx(scipy_stats.ks_2samp(x, y, method="exact").pvalue, abs=2e-3)


@pytest.mark.parametrize("k", [2, 3])
def test_anderson_darling_is_scipys_with_midranks(k: int) -> None:
    samples = [rng(i).normal(0.25 * i, 1.0, size=20 + 5 * i).round(1) for i in range(k)]
    found = anderson_darling_drift(*samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns of its clipped p-values and its coming interface
        expected = scipy_stats.anderson_ksamp(samples, variant="midrank")
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-10)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)


def test_anderson_darling_agrees_with_its_published_case_and_its_permutations() -> None:
    # Scholz & Stephens (1987), section 7: four laboratories, standardised 4.480 with midranks, p about .0020
    paper = [
        [38.7, 41.5, 43.8, 44.5, 45.5, 46.0, 47.7, 58.0], [39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8],
        [34.0, 35.0, 39.0, 40.0, 43.0, 43.0, 44.0, 45.0], [34.0, 34.8, 34.8, 35.4, 37.2, 37.8, 41.2, 42.8],
    ]  # fmt: skip
    found = anderson_darling_drift(*paper)
    assert found.statistic == pytest.approx(4.480, abs=5e-4)
    assert found.p_value == pytest.approx(0.0020, abs=5e-4)
    drawn = anderson_darling_drift(*paper, permutations=1_999, rng=rng())
    assert drawn.p_value == pytest.approx(0.0022, abs=0.002)


def test_wasserstein_is_scipys_distance() -> None:
    x, y = rng(1).normal(size=30), rng(2).normal(1.0, 2.0, size=47)
    found = wasserstein_drift(x, y, rng=rng())
    assert found.statistic == pytest.approx(scipy_stats.wasserstein_distance(x, y), rel=1e-12)
    assert found.verdict == "drift"
    same = wasserstein_drift([1.0, 2.0], [1.0, 2.0], rng=rng(), permutations=99)
    assert (same.statistic, same.p_value) == (0.0, 1.0)


def test_few_values_permute_to_the_enumerated_p_value() -> None:
    x, y = np.array([0.0, 0.4, 1.1]), np.array([1.0, 2.5, 3.1, 4.0])
    pooled, distances = np.concatenate([x, y]), []
    for chosen in itertools.combinations(range(7), 3):
        inside = np.isin(np.arange(7), chosen)
        distances.append(scipy_stats.wasserstein_distance(pooled[inside], pooled[~inside]))
    exact = np.mean(np.array(distances) >= scipy_stats.wasserstein_distance(x, y) - 1e-12)
    found = wasserstein_drift(x, y, rng=rng(), permutations=4_999)
    assert found.p_value == pytest.approx(exact, abs=0.02)


def test_chi_square_is_scipys() -> None:
    table = np.array([[90, 60, 50], [70, 80, 45]])
    found, expected = category_drift(table[0], table[1]), scipy_stats.chi2_contingency(table, correction=False)
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-10)
    labelled = category_drift({"a": 90, "b": 60, "c": 50}, {"c": 45, "a": 70, "b": 80})
    assert labelled.p_value == found.p_value
    # Bergsma (2013): φ² less (k - 1)/(n - 1), over the smaller side's 1 - 1/(n - 1)
    expected_v = np.sqrt((expected.statistic / 395 - 2 / 394) / (1 - 1 / 394))
    assert found.effect is not None and found.effect.value == pytest.approx(expected_v)


def test_a_sparse_table_is_exact_drawn_or_unknown() -> None:
    # all tables with these margins: hits 3..8 of hypergeometric(16, 11, 8); at least as unlike: 3 and 8
    law = scipy_stats.hypergeom(16, 11, 8)
    assert category_drift([8, 0], [3, 5]).p_value == pytest.approx(law.pmf(8) + law.pmf(3), rel=1e-9)
    table = ([9, 3, 1, 0], [2, 4, 2, 5])
    unknown = category_drift(*table)
    assert (unknown.verdict, unknown.p_value) == ("unknown", None) and "pass rng" in (unknown.reason or "")
    drawn = category_drift(*table, rng=rng())
    assert drawn.p_value == pytest.approx(0.011, abs=0.012) and drawn.method == "chi-square-permutation"
    assert category_drift({"old": 30, "b": 30}, {"new": 30, "b": 30}).verdict == "drift"


def test_divergences_are_scipys() -> None:
    x, y = np.array([40, 30, 30]), np.array([55, 25, 20])
    p, q = x / 100, y / 100
    kl = divergence_drift(x, y, kind="kl", smoothing=1e-12)
    assert kl.statistic == pytest.approx(scipy_stats.entropy(q, p), rel=1e-9)
    js = divergence_drift(x, y, smoothing=0.0)
    from scipy.spatial.distance import jensenshannon

    assert js.statistic == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-10)
    # both are near the likelihood ratio test of the same table
    g = scipy_stats.chi2_contingency(np.stack([x, y]), correction=False, lambda_="log-likelihood").pvalue
    assert (kl.p_value, js.p_value) == pytest.approx((g, g), abs=0.01)


def test_a_label_new_to_the_reference_stays_finite() -> None:
    found = divergence_drift({"a": 100}, {"a": 60, "new": 40}, kind="kl")
    assert np.isfinite(found.statistic) and found.verdict == "drift"


def test_the_stability_index_by_hand_and_its_law() -> None:
    p, q = np.array([100.5, 200.5, 300.5]) / 601.5, np.array([120.5, 180.5, 300.5]) / 601.5
    found = stability_of_counts([100, 200, 300], [120, 180, 300])
    assert found.statistic == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=1e-12)
    assert found.p_value == pytest.approx(scipy_stats.chi2(2).sf(found.statistic * 300), rel=1e-9)
    assert found.effect is not None and found.effect.low == 0.0
    assert scipy_stats.ncx2(2, found.effect.high * 300).cdf(found.statistic * 300) == pytest.approx(0.025, abs=1e-6)


def test_the_flat_limit_of_the_stability_index_fires_on_equal_data_and_misses_real_drift() -> None:
    few = [stability_index(rng(i).normal(size=150), rng(i + 500).normal(size=150)) for i in range(60)]
    assert np.mean([one.statistic > 0.1 for one in few]) > 0.35
    assert np.mean([one.verdict == "drift" for one in few]) < 0.15
    many = stability_index(rng(1).normal(size=50_000), rng(2).normal(0.1, 1.0, size=50_000))
    assert many.statistic < 0.1 and many.verdict == "drift"


def test_discrete_values_share_bins() -> None:
    found = stability_index(np.repeat([0, 1, 2], 40), np.repeat([0, 1, 2], [60, 40, 20]))
    assert found.verdict == "drift"


def slow_mmd(x: np.ndarray, y: np.ndarray, width: float) -> float:
    kernel = np.exp(-cdist(np.vstack([x, y]), np.vstack([x, y]), "sqeuclidean") / (2 * width**2))
    n, m = len(x), len(y)
    within = (kernel[:n, :n].sum() - n) / (n * (n - 1)) + (kernel[n:, n:].sum() - m) / (m * (m - 1))
    return float(within - 2 * kernel[:n, n:].mean())


@pytest.mark.parametrize(("n", "m", "d"), [(2, 3, 1), (40, 25, 5), (700, 650, 3)])
def test_mmd_and_energy_are_their_definitions(n: int, m: int, d: int) -> None:
    x, y = rng(n).normal(size=(n, d)) + 100.0, rng(m).normal(0.5, 1.5, size=(m, d)) + 100.0
    found = mmd_drift(x, y, rng=rng(), bandwidth=1.3, permutations=99, level=0.1)
    assert found.statistic == pytest.approx(slow_mmd(x, y, 1.3), abs=2e-6)
    energy = energy_drift(x, y, rng=rng(), permutations=99, level=0.1)
    expected = 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()
    assert energy.statistic == pytest.approx(expected, abs=2e-5)
    if d == 1:
        assert expected == pytest.approx(scipy_stats.energy_distance(x[:, 0], y[:, 0]) ** 2, abs=1e-9)


def test_the_relabellings_are_the_slow_ones() -> None:
    x, y = rng(1).normal(size=(12, 2)), rng(2).normal(0.6, 1.0, size=(9, 2))
    pooled, shuffler, drawn = np.vstack([x, y]), rng(9), []
    for _ in range(1_500):
        order = shuffler.permutation(21)
        drawn.append(slow_mmd(pooled[order[:12]], pooled[order[12:]], 1.0))
    slow = np.mean(np.array(drawn) >= slow_mmd(x, y, 1.0))
    assert mmd_drift(x, y, rng=rng(), bandwidth=1.0, permutations=1_999).p_value == pytest.approx(slow, abs=0.04)


def test_the_norm_of_the_mean_difference_is_blind_to_variance_and_its_bootstrapped_threshold_never_fires() -> None:
    def norm_test(x: np.ndarray, y: np.ndarray, source: np.random.Generator) -> bool:
        pick = source.integers(len(x), size=(2, 99, len(x)))
        again = np.linalg.norm(x[pick[0]].mean(axis=1) - y[pick[1]].mean(axis=1), axis=1)
        return bool(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)) > np.quantile(again, 0.95))

    source = rng(3)
    wider = [(source.normal(size=(60, 2)), 2.0 * source.normal(size=(60, 2))) for _ in range(12)]
    moved = [(source.normal(size=(60, 2)), source.normal(size=(60, 2)) + 1.0) for _ in range(12)]
    assert not any(norm_test(x, y, source) for x, y in wider + moved)
    for test in (mmd_drift, energy_drift, classifier_drift):
        found = [test(x, y, rng=source, permutations=99).verdict for x, y in wider + moved]
        assert found.count("drift") >= 21, test.__name__


def test_linear_time_mmd_is_the_mean_over_pairs() -> None:
    x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 1.0, 5.0, 4.0])

    def k(a: float, b: float) -> float:
        return float(np.exp(-((a - b) ** 2) / 2))

    terms = [k(0, 1) + k(1, 1) - k(0, 1) - k(1, 1), k(2, 3) + k(5, 4) - k(2, 4) - k(3, 5)]
    found = mmd_linear_drift(x, y, rng=rng(), bandwidth=1.0)
    assert found.statistic == pytest.approx(np.mean(terms))
    assert found.effect is not None and found.effect.std_error == pytest.approx(np.std(terms, ddof=1) / np.sqrt(2))
    far = mmd_linear_drift(rng(1).normal(size=999), rng(2).normal(3.0, 1.0, size=998), rng=rng())
    assert far.verdict == "drift"


def test_the_classifier_finds_a_shift_and_agrees_with_fishers_test() -> None:
    x, y = rng(1).normal(size=(120, 4)), rng(2).normal(size=(100, 4)) + np.array([0.8, 0, 0, 0])
    exact = classifier_drift(x, y, rng=rng(), model="logistic")
    assert exact.verdict == "drift" and exact.effect is not None
    # 60 and 50 test rows: rebuild the table from the shares called current
    assert exact.effect.low < exact.statistic < exact.effect.high  # type: ignore[operator]
    from assay.stats.drift.classifier import _fisher

    assert _fisher(30, 50, 40, 110) == pytest.approx(
        scipy_stats.fisher_exact([[30, 20], [10, 50]], alternative="greater").pvalue, rel=1e-9
    )
    ridge = classifier_drift(x, y, rng=rng())
    assert ridge.verdict == "drift" and 0.6 < ridge.statistic < 0.85


def test_the_area_of_the_classifier_is_the_mann_whitney_share() -> None:
    from assay.stats.drift.classifier import _area

    scores, labels = rng(4).normal(size=(40, 1)), rng(5).random((40, 1)) < 0.4
    u = scipy_stats.mannwhitneyu(scores[labels], scores[~labels]).statistic
    area, pairs = _area(scores, labels)
    assert area[0] == pytest.approx(u / pairs[0])


def test_columns_are_corrected_together() -> None:
    x, y = rng(1).normal(size=(60, 3)), rng(2).normal(size=(60, 3))
    found = column_drift(x, y)
    alone = [ks_drift(x[:, i], y[:, i]).p_value or 0.0 for i in range(3)]
    assert list(found) == ["column 0", "column 1", "column 2"]
    assert min(one.p_value or 0.0 for one in found.values()) == pytest.approx(min(1.0, 3 * min(alone)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=15), st.lists(st.integers(0, 6), min_size=2, max_size=15))
def test_swapping_the_sides_changes_no_p_value(x: list[int], y: list[int]) -> None:
    forward, backward = ks_drift(x, y), ks_drift(y, x)
    assert forward.p_value == pytest.approx(backward.p_value, rel=1e-9)
    assert 0.0 < (forward.p_value or 0.0) <= 1.0
    if len({*x, *y}) > 1:
        counts = [np.bincount(side, minlength=7) for side in (x, y)]
        assert divergence_drift(*counts).statistic == pytest.approx(divergence_drift(*counts[::-1]).statistic)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ks_drift([], [1.0]),
        lambda: ks_drift([1.0, np.nan], [1.0]),
        lambda: ks_drift([1.0], [1.0], level=0.0),
        lambda: anderson_darling_drift([1.0, 2.0, 3.0, 4.0]),
        lambda: anderson_darling_drift([1.0, 1.0], [1.0, 1.0]),
        lambda: anderson_darling_drift([1.0, 2.0], [1.0, 3.0], permutations=99),
        lambda: wasserstein_drift([1.0], [2.0], rng=rng(), permutations=5),
        lambda: category_drift([1, 2], [1]),
        lambda: category_drift([1, -2], [1, 2]),
        lambda: category_drift([1, 0], [3, 0]),
        lambda: category_drift({"a": 1}, [1]),  # type: ignore[arg-type]
        lambda: category_drift([0, 0], [3, 4]),
        lambda: divergence_drift([5, 5], [5, 5], kind="xx"),  # type: ignore[arg-type]
        lambda: divergence_drift([5, 5], [5, 5], kind="kl", smoothing=0.0),
        lambda: stability_index([1.0, 1.0], [1.0, 1.0]),
        lambda: stability_index([1.0, 2.0], [1.0, 3.0], bins=1),
        lambda: mmd_drift([[1.0, 2.0], [1.0, 3.0]], [[1.0], [2.0]], rng=rng()),
        lambda: mmd_drift([1.0, 1.0], [1.0, 1.0], rng=rng()),
        lambda: mmd_drift([1.0, 1.0], [1.0, 2.0], rng=rng(), bandwidth=0.0),
        lambda: mmd_linear_drift([1.0, 2.0], [1.0, 2.0], rng=rng()),
        lambda: energy_drift([1.0], [2.0, 3.0], rng=rng()),
        lambda: classifier_drift(np.ones((20, 2)), np.ones((20, 2)), rng=rng()),
        lambda: classifier_drift(np.ones((4, 2)), np.ones((20, 2)), rng=rng()),
        lambda: classifier_drift(np.ones((20, 1)), np.ones((20, 2)), rng=rng()),
        lambda: classifier_drift([1.0] * 20, [2.0] * 20, rng=rng(), model="tree"),  # type: ignore[arg-type]
        lambda: classifier_drift([1.0] * 20, [2.0] * 20, rng=rng(), penalty=0.0),
        lambda: column_drift(np.ones((5, 2)), np.ones((5, 2)), names=["a", "a"]),
    ],
)
def test_bad_input_is_refused(call: object) -> None:
    with pytest.raises(InvalidInputError):
        call()  # type: ignore[operator]


def test_equal_terms_have_no_p_value() -> None:
    found = mmd_linear_drift([1.0] * 8, [1.0] * 8, rng=rng(), bandwidth=1.0)
    assert (found.verdict, found.p_value) == ("unknown", None)
    assert "all terms are equal" in (found.reason or "")
