"""Plans against scipy, statsmodels, published tables, and themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.design.clusters import cuped_gain, design_effect, plan_clusters
from assay.stats.design.curve import power_curve
from assay.stats.design.looks import plan_with_looks
from assay.stats.design.means import plan_means, plan_paired_means, plan_ratio_metric
from assay.stats.design.proportions import plan_paired_proportions, plan_proportions
from assay.stats.design.solve import Question, Spread, power_of_test


@pytest.mark.parametrize("effect", [0.2, 0.5, 1.3])
@pytest.mark.parametrize("n, ratio", [(3, 1.0), (20, 2.0), (150, 0.5)])
def test_pooled_power_is_that_of_statsmodels(effect: float, n: int, ratio: float) -> None:
    from statsmodels.stats.power import TTestIndPower

    theirs = TTestIndPower().power(effect, n, 0.05, ratio=math.ceil(ratio * n) / n)
    ours = plan_means(std_dev=1.0, difference=effect, n=n, ratio=ratio, test="pooled").power
    assert ours == pytest.approx(theirs, abs=1e-8)


@pytest.mark.parametrize("df, distance", [(1, 2.0), (2.5, 4.0), (30, -1.0), (5e3, 3.0), (2e6, 2.8)])
def test_power_is_the_noncentral_t_of_scipy(df: float, distance: float) -> None:
    from scipy import stats

    crit = stats.t.ppf(0.95, df)
    ours = power_of_test(
        Spread(distance=distance, se_null=1.0, se_true=1.0, df=df), Question(hypothesis="superiority"), 0.0
    )
    assert ours == pytest.approx(stats.nct.sf(crit, df, distance), abs=1e-5 if df == 2.5 else 1e-8)


@pytest.mark.parametrize("effect, n", [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_sizes_of_cohen(effect: float, n: int) -> None:
    # Cohen (1992), Psychological Bulletin 112, 155-159, table 2: 393, 64, 26 (the first by hand of the time)
    found = plan_means(std_dev=1.0, difference=effect)
    assert found.n == (n, n)
    assert found.power >= 0.8 > plan_means(std_dev=1.0, difference=effect, n=n - 1).power


def test_unequal_variances_cost_what_satterthwaite_says() -> None:
    from scipy import stats

    found = plan_means(std_dev=(1.0, 3.0), difference=1.5, n=(20, 10))
    v = 1 / 20, 9 / 10
    df = sum(v) ** 2 / (v[0] ** 2 / 19 + v[1] ** 2 / 9)
    t, away = stats.t.ppf(0.975, df), 1.5 / math.sqrt(sum(v))
    assert found.power == pytest.approx(stats.nct.sf(t, df, away) + stats.nct.cdf(-t, df, away), abs=1e-8)
    best = [plan_means(std_dev=(1.0, 3.0), difference=1.0, ratio=r).total for r in (1.0, 3.0, 9.0)]
    assert best.index(min(best)) == 1


def test_non_inferiority_and_equivalence_of_normal_means() -> None:
    # Julious (2004), Statistics in Medicine 23, 1921-1986: no true difference, margin half an sd, one-sided .025
    # and power .9 take 85 a group; equivalence with two tests at .025 takes 105
    assert plan_means(
        std_dev=1, difference=0, margin=0.5, hypothesis="non-inferiority", alpha=0.025, power=0.9, test="z"
    ).n == (85, 85)
    assert plan_means(
        std_dev=1, difference=0, margin=0.5, hypothesis="equivalence", alpha=0.025, power=0.9, test="z"
    ).n == (104, 104)
    exact = plan_means(std_dev=1, difference=0, margin=0.5, hypothesis="equivalence", alpha=0.025, power=0.9)
    assert exact.n == (105, 105)


def test_equivalence_is_the_tost_power_of_owen() -> None:
    from scipy import integrate, stats

    n, margin, true = 12, 0.9, 0.2
    df, se = 2 * n - 2, math.sqrt(2 / n)
    t = stats.t.ppf(0.95, df)

    def given_spread(s: float) -> float:
        reach = t * se * s
        inside = stats.norm.cdf((margin - reach - true) / se) - stats.norm.cdf((reach - margin - true) / se)
        return max(inside, 0.0) * stats.chi.pdf(s * math.sqrt(df), df) * math.sqrt(df)

    exact, _ = integrate.quad(given_spread, 0, margin / (t * se), limit=200)
    found = plan_means(std_dev=1, difference=true, n=n, margin=margin, hypothesis="equivalence", test="pooled")
    assert found.power == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("test, n", [("pooled", 6_511), ("fleiss", 6_510), ("unpooled", 6_507)])
def test_twenty_to_twenty_two_percent(test: str, n: int) -> None:
    assert plan_proportions(baseline=0.20, difference=0.02, test=test).n == (n, n)  # type: ignore[arg-type]


def test_the_circulating_3138_have_half_the_power_promised() -> None:
    k = np.arange(400, 1_001)
    log_choose = _log_choose(3_138, k)
    p, q = (np.exp(log_choose + k * np.log(s) + (3_138 - k) * np.log1p(-s)) for s in (0.20, 0.22))
    share = k / 3_138
    mean = (share[:, None] + share[None, :]) / 2
    z = (share[None, :] - share[:, None]) / np.sqrt(mean * (1 - mean) * 2 / 3_138)
    exact = p @ (np.abs(z) > 1.959964) @ q
    found = plan_proportions(baseline=0.20, difference=0.02, n=3_138)
    assert exact == pytest.approx(0.495, abs=0.002)
    assert found.power == pytest.approx(exact, abs=0.002)


def _log_choose(n: int, k: np.ndarray) -> np.ndarray:
    from scipy.special import gammaln

    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


@pytest.mark.parametrize("difference, plain, corrected", [(0.10, 294, 313), (0.20, 82, 91)])
def test_sizes_of_fleiss(difference: float, plain: int, corrected: int) -> None:
    # Fleiss, Levin & Paik (2003), table A.4, row .20 (alpha .05, power .80): 313 and 91 with the correction
    assert plan_proportions(baseline=0.20, difference=difference).n[0] == plain
    assert plan_proportions(baseline=0.20, difference=difference, continuity=True).n[0] == corrected


def test_shares_as_statsmodels_plans_them() -> None:
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import power_proportions_2indep, proportion_effectsize

    h = proportion_effectsize(0.35, 0.30)
    theirs = NormalIndPower().solve_power(h, alpha=0.05, power=0.9)
    assert plan_proportions(baseline=0.30, difference=0.05, test="arcsine", power=0.9).n[0] == math.ceil(theirs)
    ours = plan_proportions(baseline=0.30, difference=0.05, n=(800, 1_200))
    assert ours.power == pytest.approx(
        power_proportions_2indep(0.05, 0.30, 1_200, ratio=800 / 1_200, alpha=0.05).power, abs=2e-3
    )


def test_the_score_test_with_a_margin() -> None:
    # Farrington & Manning (1990), Statistics in Medicine 9, 1447-1454: the likeliest shares under the null
    from scipy.optimize import minimize_scalar

    n, p, q, edge = 200, 0.30, 0.32, -0.10

    def unlikely(share: float) -> float:
        other = share + edge
        return -(
            p * math.log(share) + (1 - p) * math.log(1 - share) + q * math.log(other) + (1 - q) * math.log(1 - other)
        )

    a = minimize_scalar(unlikely, bounds=(0.1 + 1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-10}).x
    null = math.sqrt((a * (1 - a) + (a + edge) * (1 - a - edge)) / n)
    true = math.sqrt((p * (1 - p) + q * (1 - q)) / n)
    expected = 0.5 * math.erfc(-((0.12 - 1.959964 * null) / true) / math.sqrt(2))
    found = plan_proportions(
        baseline=p, difference=0.02, margin=0.10, hypothesis="non-inferiority", alpha=0.025, n=n,
        test="farrington-manning",
    )  # fmt: skip
    assert found.power == pytest.approx(expected, abs=1e-6)


def test_chow_non_inferiority_of_shares() -> None:
    # Chow et al. (2018), section 4.2: (1.96... + .84)² (p q + p q) / (d + margin)², .75 against .80, margin .05
    found = plan_proportions(baseline=0.75, difference=0.05, margin=0.05, hypothesis="non-inferiority", alpha=0.05)
    assert found.n[0] == math.ceil((1.644854 + 0.841621) ** 2 * (0.75 * 0.25 + 0.80 * 0.20) / 0.01)


def test_pairs() -> None:
    from statsmodels.stats.power import TTestPower

    assert plan_paired_means(std_dev=2.0, difference=0.7).n[0] == math.ceil(
        TTestPower().solve_power(0.35, alpha=0.05, power=0.8)
    )
    half = plan_paired_means(std_dev=0.5, correlation=0.5, difference=0.05)
    assert half.n == plan_paired_means(std_dev=0.5, difference=0.05).n
    # Connor (1987): (1.96 √psi + .84 √(psi - d²))² / d²
    hand = (1.959964 * math.sqrt(0.2) + 1.281552 * math.sqrt(0.2 - 0.01)) ** 2 / 0.01
    assert plan_paired_proportions(discordance=0.2, difference=0.1, power=0.9).n == (math.ceil(hand),)
    assert plan_paired_proportions(discordance=0.2, difference=-0.1, power=0.9).n == (math.ceil(hand),)
    every_flip_one_way = plan_paired_proportions(discordance=0.1, difference=0.1)
    assert every_flip_one_way.n == (77,)  # (1.96 √.1 + .84 √.09)² / .01 = 76.1


def test_clusters() -> None:
    assert design_effect(icc=0.02, cluster_size=51) == pytest.approx(2.0)
    assert design_effect(icc=0.02, cluster_size=51, size_cv=0.5) == pytest.approx(1 + (51 * 1.25 - 1) * 0.02)
    sizes = [10, 20, 30, 140]
    cv = float(np.std(sizes) / np.mean(sizes))
    assert design_effect(icc=0.1, cluster_size=sizes) == pytest.approx(
        design_effect(icc=0.1, cluster_size=50.0, size_cv=cv)
    )
    independent = plan_clusters(std_dev=1.0, icc=0.0, cluster_size=1.0, difference=0.5)
    assert independent.n == plan_means(std_dev=1.0, difference=0.5).n
    whole = plan_clusters(std_dev=1.0, icc=1.0, cluster_size=30, difference=0.5)
    assert whole.n_clusters == (64, 64) and whole.n == (1_920, 1_920)


def test_a_ratio_with_a_constant_denominator_is_a_mean() -> None:
    found = plan_ratio_metric(
        mean_numerator=3.0, mean_denominator=2.0, var_numerator=4.0, var_denominator=0.0, covariance=0.0,
        difference=0.1,
    )  # fmt: skip
    assert found.n == plan_means(std_dev=1.0, difference=0.1, test="z").n
    assert found.method == "delta-z" and found.inputs["mean_denominator"] == 2.0


def test_delta_variance_is_that_of_the_linearised_units() -> None:
    rng = np.random.default_rng(3)
    y = rng.poisson(8, size=5_000) + 1.0
    x = 0.3 * y + rng.normal(size=y.size)
    cov = np.cov(x, y, ddof=0)
    rate = x.mean() / y.mean()
    unit = (x - rate * y) / y.mean()
    found = plan_ratio_metric(
        mean_numerator=float(x.mean()), mean_denominator=float(y.mean()), var_numerator=float(cov[0, 0]),
        var_denominator=float(cov[1, 1]), covariance=float(cov[0, 1]), difference=0.01,
    )  # fmt: skip
    assert found.inputs["std_dev_control"] == pytest.approx(float(unit.std()), rel=1e-9)


def test_cuped() -> None:
    found = cuped_gain(correlation=0.5, n_pilot=103)
    assert found.value == 0.75 and found.low is not None and found.high is not None
    assert found.high == pytest.approx(1 - math.tanh(math.atanh(0.5) - 1.959964 / 10) ** 2)
    assert cuped_gain(correlation=0.01, n_pilot=50).high == 1.0
    assert cuped_gain(correlation=-0.5, n_pilot=103).low == pytest.approx(found.low)
    plain = plan_means(std_dev=1.0, difference=0.05, test="z")
    less = plan_means(std_dev=1.0, difference=0.05, test="z", variance_factor=0.75)
    assert less.n[0] == pytest.approx(0.75 * plain.n[0], abs=1)


@pytest.mark.parametrize(
    "looks, shape, inflation",
    [(2, "pocock", 1.110), (5, "pocock", 1.229), (10, "pocock", 1.301),
     (2, "obrien-fleming", 1.008), (5, "obrien-fleming", 1.028), (10, "obrien-fleming", 1.040)],
)  # fmt: skip
def test_inflation_of_jennison_and_turnbull(looks: int, shape: str, inflation: float) -> None:
    # Jennison & Turnbull (2000), tables 2.2 and 2.4, alpha .05, power .8
    fixed = plan_means(std_dev=1.0, difference=0.002, test="z")  # so many units that the power is .8 to six digits
    found = plan_with_looks(fixed, looks=looks, shape=shape)  # type: ignore[arg-type]
    assert found.inflation == pytest.approx(inflation, abs=6e-4)
    assert found.expected_total < fixed.total < found.total
    assert fixed.total < found.expected_total_null <= found.total


def test_one_look_is_the_fixed_design() -> None:
    fixed = plan_means(std_dev=1.0, difference=0.3, hypothesis="superiority")
    found = plan_with_looks(fixed, looks=1, shape="pocock")
    assert found.inflation == pytest.approx(1.0) and found.total == fixed.total


@settings(max_examples=20, deadline=None)
@given(
    sd=st.floats(0.1, 50), effect=st.floats(0.05, 2), power=st.floats(0.2, 0.99), ratio=st.floats(0.2, 5),
    test=st.sampled_from(["welch", "pooled", "z"]),
)  # fmt: skip
def test_each_unknown_leads_back_to_the_others(sd: float, effect: float, power: float, ratio: float, test: str) -> None:
    given_inputs = {"std_dev": sd, "ratio": ratio, "test": test}
    size = plan_means(difference=effect * sd, power=power, **given_inputs)  # type: ignore[arg-type]
    assert size.power >= power and size.total == sum(size.n)
    again = plan_means(difference=effect * sd, n=size.n, **given_inputs)  # type: ignore[arg-type]
    assert again.power == size.power
    smallest = plan_means(n=size.n, power=size.power, **given_inputs)  # type: ignore[arg-type]
    assert smallest.difference == pytest.approx(effect * sd, rel=1e-6)
    if size.n[0] > 2:
        assert plan_means(difference=effect * sd, n=size.n[0] - 1, **given_inputs).power < power  # type: ignore[arg-type]


@pytest.mark.parametrize("hypothesis", ["non-inferiority", "equivalence"])
def test_the_margin_can_be_the_unknown(hypothesis: str) -> None:
    inputs = {"std_dev": 1.0, "n": 200, "hypothesis": hypothesis}
    found = plan_means(difference=0.03, power=0.8, **inputs)  # type: ignore[arg-type]
    assert found.solved_for == "margin" and found.power == pytest.approx(0.8, abs=1e-6)
    back = plan_means(margin=found.margin, power=found.power, **inputs)  # type: ignore[arg-type]
    assert back.difference == pytest.approx(0.03, abs=1e-5)


def test_detectable_shares_both_ways() -> None:
    up = plan_proportions(baseline=0.3, n=1_000)
    down = plan_proportions(baseline=0.3, n=1_000, towards="decrease")
    assert up.difference > 0 > down.difference
    assert abs(down.difference) < up.difference  # nearer to 0 a share varies less
    for found in (up, down):
        assert found.power == pytest.approx(0.8, abs=1e-6)


def test_a_curve_is_its_plans() -> None:
    found = power_curve(plan_proportions, over="n", values=[1_000, 3_138, 6_510], baseline=0.2, difference=0.02)
    assert found.power[2] >= 0.8 > found.power[1] > found.power[0]
    along = power_curve(plan_clusters, over="difference", values=[0.1, 0.3], std_dev=1.0, icc=0.1, cluster_size=9, n=20)
    assert along.power[1] > along.power[0] and along.method == "cluster-t"


def test_to_dict_is_json() -> None:
    import json

    row = plan_clusters(std_dev=1.0, icc=0.1, cluster_size=9, difference=0.3).to_dict()
    assert json.loads(json.dumps(row))["n_clusters"] == row["n_clusters"]


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"difference": 0.1, "n": 10, "power": 0.8},
        {"difference": 0.0},
        {"difference": 0.1, "power": 0.04},
        {"difference": 0.1, "power": 1.0},
        {"difference": 0.1, "alpha": 0.0},
        {"difference": 0.1, "alpha": 0.6},
        {"difference": float("nan")},
        {"difference": 0.1, "n": 1},
        {"difference": 0.1, "n": (10, 0)},
        {"difference": 0.1, "n": 10.5},
        {"difference": 0.1, "ratio": 0.0},
        {"difference": 0.1, "std_dev": 0.0},
        {"difference": 0.1, "std_dev": float("inf")},
        {"difference": 0.1, "std_dev": (1.0, 2.0), "test": "pooled"},
        {"difference": 0.1, "test": "median"},
        {"difference": 0.1, "margin": 0.1},
        {"difference": 0.1, "hypothesis": "better"},
        {"difference": 0.1, "hypothesis": "non-inferiority", "margin": 0.0},
        {"difference": -0.2, "hypothesis": "non-inferiority", "margin": 0.1},
        {"difference": 0.2, "hypothesis": "equivalence", "margin": 0.1},
        {"n": 10, "hypothesis": "equivalence", "margin": 0.1},
        {"difference": 0.1, "hypothesis": "superiority", "margin": -0.1},
        {"difference": 1e-9},
        {"difference": 0.1, "variance_factor": 0.0},
    ],
)
def test_plans_that_cannot_be(inputs: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        plan_means(**{"std_dev": 1.0, **inputs})  # type: ignore[arg-type]
    assert caught.value.hint


@pytest.mark.parametrize(
    "inputs",
    [
        {"baseline": 0.0},
        {"baseline": 1.2},
        {"baseline": 0.5, "difference": 0.6},
        {"baseline": 0.5, "n": 5},
        {"baseline": 0.5, "difference": 0.1, "test": "exact"},
        {"baseline": 0.5, "difference": 0.1, "margin": 0.05, "hypothesis": "superiority", "test": "pooled"},
        {"baseline": 0.5, "difference": 0.1, "test": "arcsine", "continuity": True},
        {"baseline": 0.5, "n": 100, "towards": "sideways"},
        {"baseline": 0.5, "difference": 0.1, "ratio": -1.0},
    ],
)
def test_shares_that_cannot_be(inputs: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        plan_proportions(**inputs)  # type: ignore[arg-type]
    assert caught.value.hint


def test_other_plans_that_cannot_be() -> None:
    moments = {"mean_numerator": 1.0, "mean_denominator": 2.0, "var_numerator": 1.0, "var_denominator": 1.0}
    for call in (
        lambda: plan_paired_means(std_dev=1.0, difference=0.1, correlation=1.0),
        lambda: plan_paired_proportions(discordance=0.0, difference=0.1),
        lambda: plan_paired_proportions(discordance=0.1, difference=0.2),
        lambda: plan_paired_proportions(discordance=0.1, difference=0.05, variance_factor=-1.0),
        lambda: plan_clusters(std_dev=1.0, icc=1.5, cluster_size=10, difference=0.1),
        lambda: plan_clusters(std_dev=-1.0, icc=0.5, cluster_size=10, difference=0.1),
        lambda: design_effect(icc=0.1, cluster_size=0.5),
        lambda: design_effect(icc=0.1, cluster_size=[]),
        lambda: design_effect(icc=0.1, cluster_size=[3, 4], size_cv=0.2),
        lambda: cuped_gain(correlation=1.0, n_pilot=100),
        lambda: cuped_gain(correlation=0.5, n_pilot=3),
        lambda: plan_ratio_metric(**moments, covariance=2.0, difference=0.1),
        lambda: plan_ratio_metric(**{**moments, "mean_numerator": 2.0}, covariance=1.0, difference=0.1),
        lambda: power_curve(plan_means, over="n", values=[10.5], std_dev=1.0, difference=0.1),
        lambda: power_curve(plan_means, over="n", values=[], std_dev=1.0, difference=0.1),
        lambda: plan_with_looks(plan_means(std_dev=1, difference=0, margin=1, hypothesis="equivalence")),
    ):
        with pytest.raises(InvalidInputError) as caught:
            call()
        assert caught.value.hint
