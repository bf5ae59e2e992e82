"""Effect sizes, ratios, two samples, multiplicity and sample sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

import assay.stats as front
from assay.core.errors import InvalidInputError
from assay.stats.design.simple import detectable_difference, n_for_half_width, n_for_power, nice_step_below
from assay.stats.effect import cohens_dz, cohens_h, discordant_odds_ratio
from assay.stats.moments import Moments
from assay.stats.multiplicity.adjusted import benjamini_hochberg, bonferroni, holm
from assay.stats.ratio import ratio_evidence, ratio_of_means
from assay.stats.two_sample import difference_of_means, newcombe

pytestmark = pytest.mark.slow

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03, 0.005], [0.2], [0.5, 0.5, 0.0, 1.0], [0.02, 0.9, 0.011, 0.3]])
def test_adjusted_p_values_are_statsmodels(p_values: list[float]) -> None:
    for ours, method in ((holm, "holm"), (bonferroni, "bonferroni"), (benjamini_hochberg, "fdr_bh")):
        assert ours(p_values) == pytest.approx(multipletests(p_values, method=method)[1].tolist())


@given(P_VALUES)
def test_adjusting_only_raises_and_keeps_the_order(p_values: list[float]) -> None:
    for method in (holm, bonferroni, benjamini_hochberg):
        adjusted = method(p_values)
        assert all(p <= raised * (1 + 1e-12) <= 1.0 + 1e-9 for p, raised in zip(p_values, adjusted, strict=True))
        assert [raised for _, raised in sorted(zip(p_values, adjusted, strict=True))] == sorted(adjusted)
    assert all(ours <= plain for ours, plain in zip(holm(p_values), bonferroni(p_values), strict=True))


def test_a_missing_p_value_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not a p-value"):
        holm([0.1, math.nan])


def test_dz_bounds_reproduce_the_noncentral_t_tails() -> None:
    differences = np.random.default_rng(2).normal(0.5, 1.0, size=40).tolist()
    estimate = cohens_dz(differences, method="noncentral-t")
    t = (estimate.value or 0.0) * math.sqrt(40)
    assert t == pytest.approx(stats.ttest_1samp(differences, 0).statistic)
    assert stats.nct.cdf(t, 39, (estimate.low or 0) * math.sqrt(40)) == pytest.approx(0.975, abs=1e-6)
    assert stats.nct.cdf(t, 39, (estimate.high or 0) * math.sqrt(40)) == pytest.approx(0.025, abs=1e-6)


def test_dz_delta_interval_is_near_the_exact_one_for_normal_differences() -> None:
    differences = np.random.default_rng(4).normal(1.5, 1.0, size=2_000).tolist()
    delta, exact = cohens_dz(differences), cohens_dz(differences, method="noncentral-t")
    assert (delta.low, delta.high) == pytest.approx((exact.low, exact.high), abs=0.015)


def test_dz_of_differences_that_do_not_vary_has_a_reason() -> None:
    assert cohens_dz([0.0, 0.0]).reason == cohens_dz([0.3]).reason == "differences do not vary"
    with pytest.raises(InvalidInputError, match="clustered samples"):
        cohens_dz([0.1, 0.2, 0.4], clusters=["a", "a", "b"], method="noncentral-t")


def test_odds_ratio_bounds_are_clopper_pearsons() -> None:
    estimate = discordant_odds_ratio(14, 5, n=100)
    exact = stats.binomtest(14, 19).proportion_ci(0.95)
    assert estimate.value == pytest.approx(2.8)
    assert (estimate.low, estimate.high) == pytest.approx((exact.low / (1 - exact.low), exact.high / (1 - exact.high)))


def test_odds_ratio_without_losses_or_flips_says_so() -> None:
    upward, still = discordant_odds_ratio(5, 0, n=9), discordant_odds_ratio(0, 0, n=9)
    assert upward.value is None and upward.high is None and upward.low is not None and upward.low > 0.9
    assert (upward.reason or "").startswith("no sample was lost")
    assert (still.low, still.reason) == (None, "no sample flipped either way")
    assert discordant_odds_ratio(0, 5, n=9).low == 0.0


def test_cohens_h_by_hand_and_paired_variance() -> None:
    plain = cohens_h(50, 75, 100)
    assert plain.value == pytest.approx(2 * math.asin(math.sqrt(0.75)) - math.pi / 2)
    assert (plain.high or 0) - (plain.low or 0) == pytest.approx(2 * 1.959964 * math.sqrt(2 / 100), rel=1e-5)
    paired = cohens_h(50, 75, 100, both=48)
    assert (paired.high or 0) - (paired.low or 0) < (plain.high or 0) - (plain.low or 0)
    assert cohens_h(50, 50, 100, both=50).reason == "no sample flipped either way"


def test_fieller_bounds_are_where_its_test_reaches_the_quantile() -> None:
    rng = np.random.default_rng(6)
    before = rng.gamma(2.0, 1.0, size=50)
    after = 1.1 * before + rng.normal(0, 0.2, size=50)
    estimate, evidence = (
        ratio_of_means(before.tolist(), after.tolist()),
        ratio_evidence(before.tolist(), after.tolist()),
    )
    assert estimate.low is not None and estimate.high is not None
    for bound, p in ((estimate.low, evidence.p_above), (estimate.high, evidence.p_below)):
        assert p(bound) == pytest.approx(0.025, rel=1e-6)
    tested = stats.ttest_rel(after, estimate.low * before, alternative="greater").pvalue
    assert tested == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ([1.0], [2.0], "fewer than two paired samples"),
        ([], [], "no sample has it on both sides"),
        ([0.0, 0.0], [1.0, 2.0], "the baseline's mean is 0"),
        ([1.0, 2.0], [2.0, 4.0], "the ratio is the same on all 2 samples, so its spread is unknown"),
        ([0.0, 0.0, 9.0], [1.0, 2.0, 1.5], "the baseline's mean cannot be told from 0"),
    ],
)
def test_a_ratio_that_cannot_be_bounded_says_why(before: list[float], after: list[float], reason: str) -> None:
    estimate = ratio_of_means(before, after)
    assert (estimate.low, estimate.high, estimate.reason) == (None, None, reason)


def test_clusters_widen_a_ratio() -> None:
    rng = np.random.default_rng(12)
    shift = np.repeat(rng.normal(0, 0.5, size=10), 10)
    before, after = rng.gamma(9.0, 1.0, size=100), rng.gamma(9.0, 1.0, size=100) + shift * 5
    plain = ratio_of_means(before.tolist(), after.tolist())
    grouped = ratio_of_means(before.tolist(), after.tolist(), clusters=[str(i // 10) for i in range(100)])
    assert (grouped.high or 0) - (grouped.low or 0) > 1.3 * ((plain.high or 0) - (plain.low or 0))
    assert grouped.n_clusters == 10


@pytest.mark.parametrize(
    ("new", "n_new", "old", "n_old", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 20, 0.6791, 1.0)],
)
def test_newcombe_gives_the_published_intervals(
    new: int, n_new: int, old: int, n_old: int, low: float, high: float
) -> None:
    estimate = newcombe(old, n_old, new, n_new)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(13)
    before, after = rng.normal(size=12), rng.normal(0.4, 3.0, size=31)
    expected = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    estimate = difference_of_means(Moments.of(before.tolist()), Moments.of(after.tolist()))
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))


def test_two_samples_that_tell_nothing_say_why() -> None:
    flat, one, two = Moments.of([0.5, 0.5]), Moments.of([0.1]), Moments.of([0.1, 0.4])
    assert (difference_of_means(flat, flat).reason or "").startswith("the scores of each side do not differ")
    assert difference_of_means(one, two).reason == "fewer than two scored samples"
    with pytest.raises(InvalidInputError, match="no scored sample"):
        difference_of_means(Moments(), two)
    assert difference_of_means(Moments.of([1.0, 0.0]), Moments.of([1.0, 1.0]), unit="share").method == "newcombe"


def test_sample_sizes_give_the_sentence_of_the_issue() -> None:
    deviation = 0.024 * math.sqrt(1319) / stats.norm.ppf(0.975)  # ± 2.4 points at n = 1,319
    assert n_for_half_width(std_dev=deviation, half_width=0.02) - 1319 == pytest.approx(580, abs=1)
    assert n_for_power(std_dev=deviation, difference=0.02) - 1319 == pytest.approx(2562, abs=1)
    assert detectable_difference(std_dev=deviation, n=1319 + 2562) == pytest.approx(0.02, rel=1e-3)


@given(st.floats(1e-6, 1e6))
def test_a_nice_step_lies_just_below(amount: float) -> None:
    assert amount / 2.6 < nice_step_below(amount) < amount


def test_a_question_without_a_sample_size_is_refused() -> None:
    for wrong in ({"half_width": 0.0}, {"half_width": math.nan}):
        with pytest.raises(InvalidInputError):
            n_for_half_width(std_dev=1.0, **wrong)
    with pytest.raises(InvalidInputError):
        detectable_difference(std_dev=1.0, n=0)


def test_every_public_name_resolves() -> None:
    assert all(callable(getattr(front, name)) for name in front.__all__)
    assert dir(front) == front.__all__
    with pytest.raises(AttributeError, match="no attribute 'wilsom'"):
        _ = front.wilsom
