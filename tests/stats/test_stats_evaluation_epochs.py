"""pass@k over samples, variance components, plans and paired differences with epochs."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import InvalidInputError
from assay.stats.evaluation.attempts import pass_at_k_curve
from assay.stats.evaluation.epochs import epoch_variance_components
from assay.stats.evaluation.paired_epochs import paired_epochs_difference
from assay.stats.evaluation.planning import plan_samples_and_epochs
from assay.stats.paired import paired_difference
from assay.stats.passk import PassAtK, PassHatK
from assay.stats.scalar import wilson
from assay.stats.special import t_quantile

# pass@k


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12)), min_size=2, max_size=12), st.integers(1, 12))
def test_the_curve_is_the_mean_of_what_each_sample_gives(counts: list[tuple[int, int]], k: int) -> None:
    tries = [n for n, _ in counts]
    right = [min(n, c) for n, c in counts]
    rows = [[1.0] * c + [0.0] * (n - c) for n, c in zip(tries, right, strict=True)]
    for of, reducer in (("any", PassAtK(k=k)), ("all", PassHatK(k=k))):
        found = pass_at_k_curve(right, tries, ks=[k], of=of)[k]
        each = [value for row in rows if (value := reducer.reduce(row)) is not None]
        assert found.n == len(each) and found.unscored == len(rows) - len(each)
        if each:
            assert found.value == pytest.approx(np.mean(each), abs=1e-9)
        if found.low is not None:
            assert 0.0 <= found.low <= found.value + 1e-9 <= found.high + 2e-9 <= 1.0 + 3e-9


def test_chen_et_al_numbers_of_one_sample() -> None:
    """1 - C(n - c, k) / C(n, k) with n = 200, c = 10: .05, .2289…, .4051…"""
    curve = pass_at_k_curve([10, 10], [200, 200], ks=[1, 5, 10])
    for k, found in curve.items():
        assert found.value == pytest.approx(1 - math.comb(190, k) / math.comb(200, k))


def test_one_attempt_each_is_wilson_with_a_t_quantile() -> None:
    right = [1] * 30 + [0] * 10
    found = pass_at_k_curve(right, [1] * 40, ks=[1])[1]
    variance = 0.75 * 0.25 / 39
    expected = wilson(0.75 * (0.1875 / variance), 0.1875 / variance, quantile=t_quantile(0.975, 39))
    assert (found.low, found.high) == pytest.approx(expected)


def test_all_solved_has_an_honest_interval_and_a_bootstrap_says_it_cannot() -> None:
    found = pass_at_k_curve([4] * 20, [4] * 20, ks=[2], of="all")[2]
    assert (found.value, found.high) == (1.0, 1.0) and 0.7 < found.low < 0.9
    drawn = pass_at_k_curve([4] * 20, [4] * 20, ks=[2], rng=np.random.default_rng(1))[2]
    assert drawn.low is None and drawn.reason == "every resample gives the same value"


def test_clusters_and_too_few_attempts() -> None:
    rng = np.random.default_rng(2)
    document = np.repeat(np.arange(15), 4)
    right = np.repeat(rng.integers(0, 6, size=15), 4)
    alone = pass_at_k_curve(right, np.full(60, 5), ks=[2])[2]
    for source in (None, np.random.default_rng(1)):
        together = pass_at_k_curve(right, np.full(60, 5), ks=[2], clusters=document, rng=source)[2]
        assert together.n_clusters == 15 and together.std_error > 1.5 * alone.std_error
    none = pass_at_k_curve([1, 2], [3, 3], ks=[5])[5]
    assert none.value is None and none.reason == "no sample has 5 attempts" and none.unscored == 2
    one = pass_at_k_curve([1, 2], [3, 6], ks=[5])[5]
    assert one.value is not None and one.low is None and one.n == 1


@pytest.mark.parametrize(
    ("right", "tries", "ks"),
    [([3], [2], [1]), ([0.5], [2], [1]), ([-1], [2], [1]), ([0], [0], [1]), ([1], [2], []), ([1], [2], [0])],
)
def test_counts_that_do_not_fit_are_refused(right: list[float], tries: list[int], ks: list[int]) -> None:
    with pytest.raises(InvalidInputError):
        pass_at_k_curve(right, tries, ks=ks)


# variance components: the Dyestuff sets of Davies & Goldsmith (1972) and Box & Tiao (1973), as in R's lme4

DYESTUFF = [
    *(1545, 1440, 1440, 1520, 1580, 1540, 1555, 1490, 1560, 1495, 1595, 1550, 1605, 1510, 1560),
    *(1445, 1440, 1595, 1465, 1545, 1595, 1630, 1515, 1635, 1625, 1520, 1455, 1450, 1480, 1445),
]
DYESTUFF2 = [
    *(7.298, 3.846, 2.434, 9.566, 7.990, 5.220, 6.556, 0.608, 11.788, -0.892, 0.110, 10.386, 13.434, 5.510, 8.166),
    *(2.212, 4.852, 7.092, 9.288, 4.980, 0.282, 9.014, 4.458, 9.446, 7.198, 1.722, 4.782, 8.106, 0.758, 3.758),
]
BATCH = np.repeat(list("ABCDEF"), 5)


def test_dyestuff_has_its_published_components() -> None:
    """lme4 prints 1764 between and 2451 within by REML, which is the analysis of variance here."""
    for method in ("moments", "reml"):
        found = epoch_variance_components(DYESTUFF, BATCH, method=method)
        assert found.between.value == pytest.approx(1764.05, abs=0.05)
        assert found.within.value == pytest.approx(2451.25, abs=0.01)
        assert found.icc.value == pytest.approx(1764.05 / 4215.3, abs=1e-4)
        assert found.mean.value == pytest.approx(1527.5)
        assert found.epochs == 5


def test_dyestuff2_has_no_variance_between_batches() -> None:
    """lme4 prints 0 between and 13.81 within; the analysis of variance is below 0 and cut."""
    found = epoch_variance_components(DYESTUFF2, BATCH, method="reml")
    assert found.between.value == 0.0 and found.between.low == 0.0 and found.between.high > 0.0
    assert found.within.value == pytest.approx(13.81, abs=0.005)
    moments = epoch_variance_components(DYESTUFF2, BATCH)
    assert moments.between.value == 0.0 and moments.between.low is None
    assert moments.between.reason == "samples differ no more than epochs do"
    assert moments.within.low is not None


def test_unbalanced_reml_equals_statsmodels() -> None:
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 6, size=40)
    sample = np.repeat(np.arange(40), sizes)
    y = rng.normal(size=40)[sample] + 1.3 * rng.normal(size=sample.size) + 100
    fitted = sm.MixedLM(y, np.ones((y.size, 1)), sample).fit(reml=True, gtol=1e-10)
    found = epoch_variance_components(y, sample, method="reml")
    assert found.between.value == pytest.approx(float(fitted.cov_re[0, 0]), rel=2e-3)
    assert found.within.value == pytest.approx(float(fitted.scale), rel=2e-3)
    for part in (found.between, found.within, found.icc):
        assert part.low < part.value < part.high


def test_reml_bounds_are_where_the_likelihood_ratio_test_stops() -> None:
    rng = np.random.default_rng(5)
    sample = np.repeat(np.arange(25), 4)
    y = rng.normal(size=25)[sample] + rng.normal(size=100)
    found = epoch_variance_components(y, sample, method="reml")
    means = y.reshape(25, 4).mean(axis=1)
    # Searle's exact interval of the ratio
    f = 4 * means.var(ddof=1) / y.reshape(25, 4).var(axis=1, ddof=1).mean()
    exact = [(f / stats.f.ppf(level, 24, 75) - 1) / 4 for level in (0.975, 0.025)]
    assert found.icc.low == pytest.approx(exact[0] / (1 + exact[0]), abs=0.02)
    assert found.icc.high == pytest.approx(exact[1] / (1 + exact[1]), abs=0.02)


def test_jackknife_of_components_equals_leaving_samples_out() -> None:
    rng = np.random.default_rng(6)
    sample = np.repeat(np.arange(12), rng.integers(2, 5, size=12))
    y = rng.normal(size=12)[sample] * 2 + rng.normal(size=sample.size) + 1_000
    found = epoch_variance_components(y, sample)
    left = [epoch_variance_components(y[sample != i], sample[sample != i]) for i in range(12)]
    for part in ("between", "within"):
        values = np.array([getattr(one, part).value for one in left])
        expected = math.sqrt(11 / 12 * np.square(values - values.mean()).sum())
        assert getattr(found, part).std_error == pytest.approx(expected, rel=1e-6)


def test_epochs_that_never_differ_have_no_within_interval() -> None:
    found = epoch_variance_components([0.1] * 3 + [0.3] * 3 + [0.1] * 3 + [0.7] * 3, list("aaabbbcccddd"))
    assert found.within.value == 0.0 and found.within.reason == "no sample differs between epochs"
    assert found.between.value > 0.0 and found.icc.value == 1.0 and found.icc.low is None
    with pytest.raises(InvalidInputError, match="no maximum"):
        epoch_variance_components([1, 1, 0, 0, 1, 1, 0, 0], list("aabbccdd"), method="reml")


def test_components_refuse() -> None:
    with pytest.raises(InvalidInputError, match="have no variance components"):
        epoch_variance_components([1, 0, 1], ["a", "b", "c"])
    with pytest.raises(InvalidInputError, match="have no variance components"):
        epoch_variance_components([1, 0, 1], ["a", "a", "b"])
    with pytest.raises(InvalidInputError, match="method"):
        epoch_variance_components(DYESTUFF, BATCH, method="bayes")
    with pytest.raises(InvalidInputError, match="sample of each score"):
        epoch_variance_components([1, 0, 1], None)
    only = epoch_variance_components([1, 0, 1, 2, 3], ["a", "a", "b", "c", "d"])
    assert only.within.reason == "only one sample has more than one epoch"


# plans


def test_plan_is_the_cheapest_of_all() -> None:
    plan = plan_samples_and_epochs(between=0.12, within=0.2, cost_sample=3, cost_epoch=1, half_width=0.06)
    best = math.inf
    for epochs in range(1, 12):
        samples = 2
        while t_quantile(0.975, samples - 1) * math.sqrt((0.12 + 0.2 / epochs) / samples) > 0.06:
            samples += 1
        best = min(best, samples * (3 + epochs))
    assert plan.cost == best
    assert plan.half_width <= 0.06
    assert plan.ideal_epochs == pytest.approx(math.sqrt(3 * 0.2 / 0.12))


def test_budget_is_kept_and_used() -> None:
    plan = plan_samples_and_epochs(between=0.1, within=0.4, cost_sample=2, cost_epoch=1, budget=500)
    assert plan.cost <= 500 < plan.cost + (2 + plan.epochs)
    others = [math.sqrt((0.1 + 0.4 / m) / (500 // (2 + m))) for m in range(1, 30)]
    assert plan.half_width == pytest.approx(
        min(t_quantile(0.975, 500 // (2 + m) - 1) * o for m, o in enumerate(others, start=1))
    )


def test_edges_of_plans() -> None:
    free = plan_samples_and_epochs(between=0.2, within=0.2, cost_sample=0, cost_epoch=1, half_width=0.1)
    assert free.epochs == 1 and free.ideal_epochs == 1.0
    noise = plan_samples_and_epochs(
        between=0.0, within=0.2, cost_sample=5, cost_epoch=1, half_width=0.1, samples_available=20
    )
    assert noise.samples <= 20 and noise.ideal_epochs == math.inf
    limited = plan_samples_and_epochs(
        between=0.01, within=0.2, cost_sample=0, cost_epoch=1, half_width=0.1, samples_available=30
    )
    assert limited.samples <= 30 and limited.epochs > 1


@pytest.mark.parametrize(
    "change",
    [
        {"between": -0.1},
        {"between": 0.0, "within": 0.0},
        {"cost_epoch": 0.0},
        {"half_width": None},
        {"budget": 10.0},
        {"half_width": 0.0},
        {"samples_available": 1},
        {"samples_available": 10},
        {"half_width": None, "budget": 2.0},
        {"max_epochs": 0},
        {"within": math.nan},
    ],
)
def test_plans_out_of_reach_are_refused(change: dict[str, float | None]) -> None:
    plain: dict[str, float | None] = {
        "between": 0.2,
        "within": 0.1,
        "cost_sample": 1.0,
        "cost_epoch": 1.0,
        "half_width": 0.05,
    }
    with pytest.raises(InvalidInputError):
        plan_samples_and_epochs(**{**plain, **change})


# paired epochs


def test_one_epoch_each_is_the_paired_difference() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=(2, 30))
    names = [f"s{i}" for i in range(30)]
    order = rng.permutation(30)
    found = paired_epochs_difference(before, names, after[order], [names[i] for i in order])
    expected = paired_difference(before, after)
    assert (found.difference.low, found.difference.high) == pytest.approx((expected.low, expected.high))
    assert found.p_value == pytest.approx(stats.ttest_rel(after, before).pvalue)
    assert found.epoch_noise is None


def test_epochs_are_reduced_within_the_sample_first() -> None:
    rng = np.random.default_rng(2)
    before, after = rng.normal(size=(20, 3)), rng.normal(size=(20, 5))
    found = paired_epochs_difference(
        before.ravel(), np.repeat(np.arange(20), 3), after.ravel(), np.repeat(np.arange(20), 5)
    )
    expected = stats.ttest_rel(after.mean(axis=1), before.mean(axis=1))
    assert found.difference.value == pytest.approx(float((after.mean(axis=1) - before.mean(axis=1)).mean()))
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.epoch_noise > 0.6  # nothing but noise here


def test_samples_may_have_different_numbers_of_epochs() -> None:
    found = paired_epochs_difference([0, 1, 1, 0], list("aaab"), [1, 0, 1, 0.5], list("abbb"))
    assert found.difference.value == pytest.approx(((1 - 2 / 3) + 0.5) / 2)


def test_clusters_and_samples_of_one_system_only() -> None:
    found = paired_epochs_difference(
        [0, 1, 0, 1, 0.5],
        ["a", "b", "c", "d", "x"],
        [1, 1, 1, 0, 0.5],
        ["a", "b", "c", "d", "y"],
        clusters={"a": 1, "b": 1, "c": 2},
    )
    assert (found.difference.n, found.difference.unscored, found.difference.n_clusters) == (4, 2, 3)


def test_equal_systems_have_a_bounded_interval_and_no_p_below_one() -> None:
    found = paired_epochs_difference([0, 1, 1], list("abc"), [0, 1, 1], list("abc"))
    assert found.difference.value == 0.0 and found.difference.low < 0.0 < found.difference.high
    assert found.p_value == pytest.approx(1.0)
    with pytest.raises(InvalidInputError, match="share 1"):
        paired_epochs_difference([0, 1], list("ab"), [0, 1], list("bc"))
    with pytest.raises(InvalidInputError, match="sample of each"):
        paired_epochs_difference([0, 1], None, [0, 1], list("bc"))


@given(st.integers(2, 4), st.integers(2, 8))
def test_swapping_the_systems_negates_the_difference(epochs: int, samples: int) -> None:
    rng = np.random.default_rng(epochs * 100 + samples)
    before, after = rng.normal(size=(2, samples * epochs))
    names = [f"{s}" for s, _ in product(range(samples), range(epochs))]
    forward = paired_epochs_difference(before, names, after, names)
    backward = paired_epochs_difference(after, names, before, names)
    assert forward.difference.value == pytest.approx(-backward.difference.value)
    assert forward.p_value == pytest.approx(backward.p_value)
