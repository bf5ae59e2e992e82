"""Bayesian comparisons against closed forms, scipy quadrature, published examples and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate as scipy_integrate
from scipy import stats as scipy_stats

from assay.core.errors import InvalidInputError
from assay.stats.bayes.answers import PEEKING, BayesQuestion
from assay.stats.bayes.compare import bayes_counts, bayes_means, bayes_rates
from assay.stats.bayes.laws import BetaLaw, GammaLaw, StudentLaw
from assay.stats.bayes.pair import (
    best_probabilities,
    difference_cdf,
    difference_quantile,
    expected_losses,
    probability_greater,
    ratio_cdf,
    ratio_quantile,
)
from assay.stats.bayes.priors import BetaPrior, GammaPrior, NormalInverseGammaPrior, NormalPrior
from assay.stats.moments import Moments

shapes = st.floats(0.3, 60.0)


def beta(a: float, b: float) -> BetaLaw:
    return BetaLaw(a=a, b=b)


def by_scipy(first: BetaLaw, second: BetaLaw) -> float:
    one, two = scipy_stats.beta(first.a, first.b), scipy_stats.beta(second.a, second.b)
    return float(scipy_integrate.quad(lambda x: one.pdf(x) * two.sf(x), 0, 1, epsabs=1e-12, limit=400)[0])


@pytest.mark.parametrize(
    ("first", "second"), [((8, 93), (12, 90)), ((2, 3), (700, 900)), ((1, 1), (1, 1)), ((30, 5), (3, 80))]
)
def test_millers_sum_is_the_integral(first: tuple[int, int], second: tuple[int, int]) -> None:
    found = probability_greater(beta(*first), beta(*second))
    assert found.method == "beta-sum"
    assert found.value == pytest.approx(by_scipy(beta(*first), beta(*second)), abs=1e-9)


@pytest.mark.parametrize(
    ("first", "second"), [((8.5, 93.5), (12.5, 90.5)), ((0.5, 0.5), (0.5, 12.5)), ((3.2, 1), (9, 2.1))]
)
def test_fractional_shapes_go_through_quadrature(first: tuple[float, float], second: tuple[float, float]) -> None:
    found = probability_greater(beta(*first), beta(*second))
    expected = by_scipy(beta(*first), beta(*second))
    assert found.value == pytest.approx(expected, abs=1e-7)
    assert found.error < 1e-9


def test_quadrature_and_sum_agree_far_out_and_for_very_unlike_widths() -> None:
    for first, second in (((20, 80), (60, 40)), ((2, 2), (20_001, 20_000)), ((90, 910), (4_001, 30_000))):
        exact = probability_greater(beta(*first), beta(*second)).value
        near = probability_greater(beta(*first), beta(second[0] + 1e-7, second[1] + 1e-7)).value
        assert near == pytest.approx(exact, abs=1e-6)
        assert difference_cdf(beta(*second), beta(*first), 0.0) == pytest.approx(exact, abs=1e-10)
    far = probability_greater(beta(500_001, 500_000), beta(500_300, 500_000))
    assert far.method == "quadrature" and far.error < 1e-11


def test_a_hopeless_arm_keeps_the_digits_of_its_probability() -> None:
    tiny = probability_greater(beta(600, 400), beta(20, 980)).value
    assert 0.0 < tiny < 1e-100


@settings(max_examples=15, deadline=None)
@given(shapes, shapes, shapes, shapes)
def test_swapping_arms_gives_the_complement(a: float, b: float, c: float, d: float) -> None:
    forward, backward = probability_greater(beta(a, b), beta(c, d)), probability_greater(beta(c, d), beta(a, b))
    assert forward.value + backward.value == pytest.approx(1.0, abs=1e-9)


def test_two_uniform_rates_have_the_triangle_for_a_difference() -> None:
    one = beta(1, 1)
    assert difference_cdf(one, one, -0.5) == pytest.approx(0.125, abs=1e-12)
    assert difference_quantile(one, one, 0.125) == pytest.approx(-0.5, abs=1e-8)
    assert ratio_cdf(one, one, 2.0) == pytest.approx(0.75, abs=1e-12)
    assert ratio_quantile(one, one, 0.25) == pytest.approx(0.5, abs=1e-8)
    assert expected_losses([one, one], higher=True) == pytest.approx([1 / 6, 1 / 6], abs=1e-10)


def test_gamma_ratio_quadrature_agrees_with_the_closed_form() -> None:
    first, second = GammaLaw(shape=30.5, rate=10.0), GammaLaw(shape=45.5, rate=12.0)
    one, two = scipy_stats.gamma(30.5, scale=0.1), scipy_stats.gamma(45.5, scale=1 / 12)
    expected = scipy_integrate.quad(lambda x: one.pdf(x) * two.sf(x), 0, 20, epsabs=1e-12)[0]
    assert probability_greater(first, second).value == pytest.approx(expected, abs=1e-9)
    assert difference_cdf(second, first, 0.0) == pytest.approx(expected, abs=1e-10)
    assert ratio_cdf(second, first, 1.0) == pytest.approx(expected, abs=1e-12)


def test_normal_laws_have_closed_forms() -> None:
    first, second = StudentLaw(location=0.0, scale=3.0), StudentLaw(location=1.0, scale=4.0)
    assert probability_greater(first, second).value == pytest.approx(scipy_stats.norm.cdf(0.2), abs=1e-14)
    assert difference_cdf(first, second, 2.0) == pytest.approx(scipy_stats.norm.cdf(0.2), abs=1e-11)
    assert difference_quantile(first, second, 0.975) == pytest.approx(1 + 5 * scipy_stats.norm.ppf(0.975), abs=1e-7)
    z = 0.2
    loss = 5 * (scipy_stats.norm.pdf(z) + z * scipy_stats.norm.cdf(z))
    assert expected_losses([first, second], higher=True)[0] == pytest.approx(loss, abs=1e-10)


def test_cauchy_differences_and_the_loss_that_does_not_exist() -> None:
    one = StudentLaw(location=0.0, scale=1.0, df=1.0)
    assert difference_cdf(one, one, 2.0) == pytest.approx(0.75, abs=1e-9)  # the difference is Cauchy of scale 2
    assert expected_losses([one, one], higher=True) == [None, None]
    found = bayes_means({"a": [0.0, 1.0], "b": [1.0, 3.0]}, question=BayesQuestion(max_expected_loss=1.0))
    assert (found.choice, found.decision) == (None, "continue")
    assert "do not exist" in found.sentence


def test_heavy_tails_keep_their_expected_loss() -> None:
    law = StudentLaw(location=0.0, scale=1.0, df=2.0)
    other = StudentLaw(location=0.0, scale=1e-6)
    # E[t⁺] for df = 2 is 1/√2
    assert expected_losses([other, law], higher=True)[0] == pytest.approx(1 / math.sqrt(2), rel=1e-6)


def test_the_published_exposure_example() -> None:
    # Gelman et al. (2013), section 2.6: 3 deaths in 2 (100,000 person-years), Gamma(3, 5): mean .86; 30 in 20: 1.32
    prior = GammaPrior(shape=3.0, rate=5.0)
    found = bayes_counts({"one year": (3, 2.0), "ten years": (30, 20.0)}, prior=prior)
    assert [arm.estimate.value for arm in found.arms] == pytest.approx([6 / 7, 1.32], abs=5e-3)
    assert 1.0 - found.arms[1].posterior.cdf(np.array([1.0]))[0] == pytest.approx(0.93, abs=0.005)
    assert found.prior == prior


def test_the_published_placenta_previa_example() -> None:
    # Gelman et al. (2013), section 2.4: 437 girls of 980 births, uniform prior: mean .446, 95 % interval [.415, .477]
    found = bayes_rates({"previa": (437, 980), "none": (0, 0)}).arms[0].estimate
    assert (found.value, found.low, found.high) == pytest.approx((0.446, 0.415, 0.477), abs=5e-4)
    assert found.std_error == pytest.approx(0.016, abs=5e-4)


def test_the_reference_prior_gives_the_t_interval() -> None:
    values = np.random.default_rng(3).normal(size=(2, 9))
    found = bayes_means({"a": values[0].tolist(), "b": Moments.of(values[1].tolist())})
    expected = scipy_stats.ttest_1samp(values[0], 0.0).confidence_interval(0.95)
    assert (found.arms[0].estimate.low, found.arms[0].estimate.high) == pytest.approx((expected.low, expected.high))
    assert found.arms[0].estimate.std_error == pytest.approx(values[0].std(ddof=1) / 3 * math.sqrt(8 / 6))


def test_the_conjugate_update_by_hand() -> None:
    # pseudo_n 1 at 0, values 2 and 4: location 2, squares 1·1 + 2 + 2/3·9 = 9 over df 3, scale √(9/3/3) = 1
    prior = NormalInverseGammaPrior(location=0.0, pseudo_n=1.0, std=1.0, df=1.0)
    law = bayes_means({"a": [2.0, 4.0], "b": []}, prior=prior).arms[0].posterior
    assert isinstance(law, StudentLaw)
    assert (law.location, law.scale, law.df) == pytest.approx((2.0, 1.0, 3.0))


def test_the_known_variance_update_by_hand() -> None:
    prior = NormalPrior(location=0.0, std=1.0, value_std=2.0)
    law = bayes_means({"a": [3.0] * 4, "b": [0.0]}, prior=prior).arms[0].posterior
    assert isinstance(law, StudentLaw)
    assert (law.location, law.scale) == pytest.approx((1.5, math.sqrt(0.5)))


def test_everything_agrees_with_a_large_simulation() -> None:
    counts = {"a": (12, 100), "b": (19, 110), "c": (15, 90)}
    asked = BayesQuestion(rope=(-0.02, 0.03), confidence=0.9)
    found = bayes_rates(counts, prior=BetaPrior(alpha=0.5, beta=0.5), question=asked)
    rng = np.random.default_rng(8)
    draws = np.stack([rng.beta(0.5 + k, 0.5 + n - k, size=400_000) for k, n in counts.values()])
    best = draws.max(axis=0)
    assert [arm.probability_best for arm in found.arms] == pytest.approx(
        (draws == best).mean(axis=1).tolist(), abs=4e-3
    )
    assert [arm.expected_loss for arm in found.arms] == pytest.approx((best - draws).mean(axis=1).tolist(), abs=3e-4)
    assert sum(arm.probability_best for arm in found.arms) == pytest.approx(1.0, abs=1e-9)
    for one, second in zip(found.differences, draws[1:], strict=True):
        gap = second - draws[0]
        assert one.probability_better == pytest.approx((gap > 0).mean(), abs=4e-3)
        assert (one.difference.low, one.difference.high) == pytest.approx(
            tuple(np.quantile(gap, [0.05, 0.95])), abs=1e-3
        )
        assert one.difference.std_error == pytest.approx(gap.std(), abs=3e-4)
        assert one.ratio is not None
        expected = np.quantile(second / draws[0], [0.05, 0.5, 0.95])
        assert [one.ratio.low, one.ratio.value, one.ratio.high] == pytest.approx(expected.tolist(), rel=1e-2)
        parts = [(gap < -0.02).mean(), ((gap >= -0.02) & (gap <= 0.03)).mean(), (gap > 0.03).mean()]
        said = [one.probability_below, one.probability_inside, one.probability_above]
        assert said == pytest.approx(parts, abs=4e-3)
        assert one.loss_arm == pytest.approx(np.maximum(-gap, 0).mean(), abs=3e-4)


def test_lower_may_be_better() -> None:
    high = bayes_counts({"a": (30, 10.0), "b": (45, 10.0)})
    low = bayes_counts({"a": (30, 10.0), "b": (45, 10.0)}, question=BayesQuestion(better="lower"))
    assert high.differences[0].probability_better + low.differences[0].probability_better == pytest.approx(1.0)
    assert (high.choice, low.choice) == ("b", "a")
    assert high.differences[0].loss_arm == pytest.approx(low.differences[0].loss_control)


def test_the_decision_follows_the_expected_loss() -> None:
    counts = {"a": (100, 1_000), "b": (130, 1_000)}
    loss = bayes_rates(counts).arms[1].expected_loss
    assert loss is not None
    above = bayes_rates(counts, question=BayesQuestion(max_expected_loss=loss * 1.01))
    below = bayes_rates(counts, question=BayesQuestion(max_expected_loss=loss * 0.99))
    assert (above.decision, below.decision) == ("choose", "continue")
    assert above.caution == PEEKING and "31 %" in PEEKING and "14 %" in PEEKING


def test_expected_losses_below_rounding_keep_their_digits() -> None:
    found = bayes_rates({"a": (10, 1_000), "b": (200, 1_000)})
    loss = found.arms[1].expected_loss
    assert loss is not None and 0.0 < loss < 1e-30


def test_stopping_at_the_first_probability_above_95_is_wrong_in_a_third_of_experiments() -> None:
    sums = np.random.default_rng(5).normal(size=(4_000, 100, 2)).cumsum(axis=1)
    n = np.arange(1, 101)
    better = scipy_stats.norm.cdf((sums[..., 1] - sums[..., 0]) / np.sqrt(2 * n))
    assert (better > 0.95).any(axis=1).mean() == pytest.approx(0.31, abs=0.03)
    assert (better[:, 19::20] > 0.95).any(axis=1).mean() == pytest.approx(0.14, abs=0.025)
    assert (better[:, -1] > 0.95).mean() == pytest.approx(0.05, abs=0.014)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bayes_rates({"a": (1, 2)}),
        lambda: bayes_rates({"a": (3, 2), "b": (1, 2)}),
        lambda: bayes_rates({"a": (0.5, 2), "b": (1, 2)}),  # type: ignore[dict-item]
        lambda: bayes_rates({"a": (-1, 2), "b": (1, 2)}),
        lambda: bayes_rates({"a": (1, 2), "b": (1, 2)}, question=BayesQuestion(control="c")),
        lambda: bayes_counts({"a": (1, 0.0), "b": (1, 2.0)}),
        lambda: bayes_counts({"a": (1, math.nan), "b": (1, 2.0)}),
        lambda: bayes_means({"a": [1.0], "b": [1.0, 2.0]}),
        lambda: bayes_means({"a": [1.0, 1.0], "b": [1.0, 2.0]}),
        lambda: bayes_means({"a": Moments.of([1.0, 2.0], ["x", "x"]), "b": [1.0, 2.0]}),
        lambda: bayes_means({"a": [], "b": [1.0]}, prior=NormalPrior(location=0.0, std=math.inf, value_std=1.0)),
        lambda: BetaPrior(alpha=0.0),
        lambda: GammaPrior(shape=-1.0),
        lambda: NormalPrior(location=0.0, std=0.0, value_std=1.0),
        lambda: NormalInverseGammaPrior(location=0.0, pseudo_n=0.0, std=1.0, df=1.0),
        lambda: BayesQuestion(rope=(1.0, -1.0)),
        lambda: BayesQuestion(max_expected_loss=-1.0),
        lambda: BayesQuestion(better="bigger"),  # type: ignore[arg-type]
        lambda: BayesQuestion(confidence=1.0),
        lambda: GammaLaw(shape=1.0, rate=0.0),
        lambda: StudentLaw(location=math.inf, scale=1.0),
        lambda: probability_greater(BetaLaw(a=1, b=1), GammaLaw(shape=1, rate=1)),
    ],
)
def test_bad_input_is_refused(call: object) -> None:
    with pytest.raises(InvalidInputError):
        call()  # type: ignore[operator]


def test_best_of_many_equal_arms_is_shared() -> None:
    laws = [beta(3.3, 7.7)] * 5
    assert [chance for chance, _ in best_probabilities(laws, higher=False)] == pytest.approx([0.2] * 5, abs=1e-9)
