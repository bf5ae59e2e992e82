"""Share scores, Mantel-Haenszel, logit, margins and effect sizes against published values and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.discrete.discrete_model import Logit
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest
from statsmodels.stats.weightstats import ttost_ind

from assay.core.errors import InvalidInputError
from assay.stats.adjustment.cells import StratumTable
from assay.stats.comparison.logit import logit_adjustment
from assay.stats.comparison.mantel_haenszel import mantel_haenszel
from assay.stats.comparison.margins import equivalence_test, noninferiority_test, superiority_test, welch_evidence
from assay.stats.comparison.share_scores import (
    odds_ratio,
    risk_ratio,
    share_difference,
    share_difference_evidence,
    two_share_z_test,
)
from assay.stats.comparison.sizes import cliffs_delta, cohens_d, hedges_g
from assay.stats.evidence import difference_evidence
from assay.stats.moments import Moments
from assay.stats.paired import tango_evidence
from assay.stats.ratio import ratio_evidence

RNG = np.random.default_rng(17)
# Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 5 (Mee is 5, Miettinen & Nurminen 6)
MIETTINEN_NURMINEN = {
    (56, 70, 48, 80): (0.0528, 0.3382), (9, 10, 3, 10): (0.1700, 0.8406), (6, 7, 2, 7): (0.0342, 0.8534),
    (5, 56, 0, 29): (-0.0326, 0.1933), (0, 10, 0, 20): (-0.1658, 0.2844), (0, 10, 0, 10): (-0.2879, 0.2879),
    (10, 10, 0, 20): (0.7156, 1.0), (10, 10, 0, 10): (0.6636, 1.0),
}  # fmt: skip


@pytest.mark.parametrize(("table", "published"), MIETTINEN_NURMINEN.items())
def test_score_differences_are_the_published_ones(
    table: tuple[int, int, int, int], published: tuple[float, float]
) -> None:
    new, new_n, old, old_n = table
    found = share_difference(old, old_n, new, new_n)
    assert (found.low, found.high) == pytest.approx(published, abs=6e-5)


@pytest.mark.parametrize("table", [(20, 100, 10, 100), (56, 70, 48, 80), (3, 400, 9, 500)])
def test_score_ratios_are_statsmodels(table: tuple[int, int, int, int]) -> None:
    new, new_n, old, old_n = table
    for ours, name in ((risk_ratio, "ratio"), (odds_ratio, "odds-ratio")):
        with np.errstate(all="ignore"):
            theirs = confint_proportions_2indep(new, new_n, old, old_n, compare=name, method="score")
        found = ours(old, old_n, new, new_n)
        assert (found.low, found.high) == pytest.approx(tuple(map(float, theirs)), rel=1e-6)


def test_empty_cells_bound_on_one_side_only() -> None:
    none = odds_ratio(0, 12, 3, 10)
    assert none.value is None and none.high is None and none.low > 1.0 and none.reason
    assert risk_ratio(3, 10, 0, 10).low == 0.0
    assert risk_ratio(0, 10, 0, 12).reason == "nobody succeeded: every ratio fits"
    assert odds_ratio(10, 10, 12, 12).low is None
    assert risk_ratio(10, 10, 12, 12).low < 1.0 < risk_ratio(10, 10, 12, 12).high
    for bad in ((3, 2, 1, 2), (1, 0, 1, 2), (0.5, 2, 1, 2)):
        with pytest.raises(InvalidInputError):
            share_difference(*bad)  # type: ignore[arg-type]


table_counts = st.tuples(st.integers(2, 60), st.integers(2, 60)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


@settings(max_examples=40, deadline=None)
@given(table_counts)
def test_swapping_arms_mirrors_and_bounds_hold_the_value(table: tuple[int, int, int, int]) -> None:
    old, old_n, new, new_n = table
    here, back = share_difference(*table), share_difference(new, new_n, old, old_n)
    assert (-back.high, -back.low) == pytest.approx((here.low, here.high), abs=1e-7)
    assert here.low - 1e-9 <= here.value <= here.high + 1e-9
    odds, other = odds_ratio(*table), odds_ratio(new, new_n, old, old_n)
    assume(odds.value and other.value)
    assert odds.low * other.high == pytest.approx(1.0, rel=1e-6)
    assert odds.low <= odds.value <= odds.high


def test_z_tests_are_statsmodels_and_warn_when_rare() -> None:
    statistic, p_value = proportions_ztest([56, 48], [70, 80])
    found = two_share_z_test(48, 80, 56, 70)
    assert (found.statistic, found.p_value) == pytest.approx((statistic, p_value))
    old, new = 0.6, 0.8
    unpooled = two_share_z_test(48, 80, 56, 70, pooled=False)
    assert unpooled.statistic == pytest.approx((new - old) / math.sqrt(old * 0.4 / 80 + new * 0.2 / 70))
    assert "poor below 5" in two_share_z_test(1, 50, 3, 50).notes[0]
    assert two_share_z_test(0, 9, 0, 9).p_value == 1.0
    assert two_share_z_test(0, 9, 9, 9, pooled=False).p_value is None


TABLES = {"small": (234, 270, 81, 87), "large": (55, 80, 192, 263), "tiny": (5, 20, 11, 25)}


def test_mantel_haenszel_is_statsmodels() -> None:
    theirs = StratifiedTable([np.array([[b, bn - b], [a, an - a]]) for a, an, b, bn in TABLES.values()])
    found = mantel_haenszel(StratumTable.from_counts(TABLES))
    assert found.odds_ratio.value == pytest.approx(theirs.oddsratio_pooled)
    assert (found.odds_ratio.low, found.odds_ratio.high) == pytest.approx(theirs.oddsratio_pooled_confint())
    assert found.p_value == pytest.approx(theirs.test_null_odds().pvalue)
    assert found.homogeneity_p_value == pytest.approx(theirs.test_equal_odds(adjust=True).pvalue)


def test_stratified_risk_difference_by_hand() -> None:
    # Greenland & Robins (1985): Σ (a n0 - b n1)/N over Σ n1 n0/N; one stratum gives the plain difference
    one = mantel_haenszel(StratumTable.from_counts({"a": (30, 100, 45, 100)})).risk_difference
    assert one.value == pytest.approx(0.15)
    assert one.std_error == pytest.approx(math.sqrt(0.3 * 0.7 / 100 + 0.45 * 0.55 / 100), rel=0.01)
    weights = [n0 * n1 / (n0 + n1) for _, n0, _, n1 in TABLES.values()]
    gaps = [b / n1 - a / n0 for a, n0, b, n1 in TABLES.values()]
    many = mantel_haenszel(StratumTable.from_counts(TABLES)).risk_difference
    assert many.value == pytest.approx(np.average(gaps, weights=weights))
    swapped = {name: (b, n1, a, n0) for name, (a, n0, b, n1) in TABLES.items()}
    back = mantel_haenszel(StratumTable.from_counts(swapped)).risk_difference
    assert (-back.high, -back.low) == pytest.approx((many.low, many.high))


def test_strata_that_say_nothing() -> None:
    found = mantel_haenszel(StratumTable.from_counts({"a": (0, 10, 0, 12)}))
    assert found.p_value is None and found.homogeneity_p_value is None
    assert found.odds_ratio.value is None and found.risk_difference.low is None
    apart = mantel_haenszel(StratumTable.from_counts({"a": (3, 10, 0, 0), "b": (0, 0, 4, 9)}))
    assert apart.risk_difference.reason == "no stratum holds both arms"
    with pytest.raises(InvalidInputError):
        mantel_haenszel(StratumTable.of([0.5, 1.5, 2.0, 1.0], [0, 0, 1, 1], ["a", "a", "a", "a"]))


def _trial(n: int = 600) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    age, arm, dose = RNG.normal(50, 10, n), RNG.permutation(n) % 2, RNG.exponential(size=n)
    risk = 1 / (1 + np.exp(-(0.5 * arm + 0.06 * (age - 50) - 0.4 * dose)))
    return (RNG.random(n) < risk).astype(float), arm, {"age": age, "dose": dose}


def test_logit_is_statsmodels_with_hc1() -> None:
    y, arm, covariates = _trial()
    design = np.column_stack([np.ones(y.size), arm, *covariates.values()])
    fit = Logit(y, design).fit(disp=0)
    robust = Logit(y, design).fit(disp=0, cov_type="HC1")
    found = logit_adjustment(y, arm, covariates)
    assert math.log(found.odds_ratio.value) == pytest.approx(fit.params[1], rel=1e-6)
    error = math.log(found.odds_ratio.high / found.odds_ratio.low) / (2 * stats.norm.ppf(0.975))
    assert error == pytest.approx(robust.bse[1], rel=0.005)
    assert tuple(found.coefficients.values()) == pytest.approx(tuple(fit.params[2:]), rel=1e-6)
    on, off = (np.column_stack([np.ones(y.size), np.full(y.size, a), *covariates.values()]) for a in (1, 0))
    gain = fit.predict(on).mean() - fit.predict(off).mean()
    assert found.risk_difference.value == pytest.approx(gain, rel=1e-6)
    effects = robust.get_margeff(at="overall", dummy=True)
    assert found.risk_difference.std_error == pytest.approx(effects.margeff_se[0], rel=0.02)


def test_logit_without_covariates_is_the_plain_table() -> None:
    y, arm = np.repeat([0.0, 1, 0, 1], [70, 30, 55, 45]), np.repeat([0, 0, 1, 1], [70, 30, 55, 45])
    found = logit_adjustment(y, arm, {})
    assert found.odds_ratio.value == pytest.approx(45 * 70 / (55 * 30))
    assert found.risk_difference.value == pytest.approx(0.15)


@pytest.mark.parametrize("kind", ["complete", "one arm", "one level"])
def test_separation_is_an_error_that_names_the_column(kind: str) -> None:
    y, arm, covariates = _trial(200)
    extra = RNG.normal(size=200)
    guilty = "extra"
    if kind == "complete":
        y = (extra > 0.2).astype(float)
    elif kind == "one arm":
        y, guilty = np.where(arm == 1, 1.0, y), "treated"
    else:
        extra = (np.arange(200) < 9).astype(float)
        y = np.where(extra == 1, 1.0, y)
    with pytest.raises(InvalidInputError, match=rf"{guilty}.* without error \(separation\)"):
        logit_adjustment(y, arm, {**covariates, "extra": extra})


def test_a_strong_but_overlapping_predictor_is_no_separation() -> None:
    x = RNG.normal(size=3_000) * 6
    y = (RNG.random(3_000) < 1 / (1 + np.exp(-x))).astype(float)
    found = logit_adjustment(y, np.arange(3_000) % 2, {"x": x})
    assert found.coefficients["x"] == pytest.approx(1.0, abs=0.2)


def test_logit_refuses_what_it_cannot_fit() -> None:
    y, arm, covariates = _trial(60)
    age = covariates["age"]
    for bad in ({"a": age, "b": 2 * age}, {"a": np.ones(60)}, {"a": age[:50]}):
        with pytest.raises(InvalidInputError):
            logit_adjustment(y, arm, bad)
    with pytest.raises(InvalidInputError):
        logit_adjustment(np.ones(60), arm, {})
    with pytest.raises(InvalidInputError):
        logit_adjustment(y + 0.5, arm, {})


def test_equivalence_is_statsmodels_tost() -> None:
    old, new = RNG.normal(size=80), RNG.normal(size=90) * 1.4
    p_value, _, _ = ttost_ind(new, old, -0.5, 0.5, usevar="unequal")
    found = equivalence_test(welch_evidence(old, new), low=-0.5, high=0.5)
    assert found.p_value == pytest.approx(p_value)
    assert found.shown == (found.estimate.low > -0.5 and found.estimate.high < 0.5)
    assert found.estimate.confidence == pytest.approx(0.9)


def test_noninferiority_of_shares_is_farrington_and_mannings() -> None:
    # the score statistic with restricted shares; Miettinen & Nurminen's factor is √((N - 1)/N)
    found = noninferiority_test(share_difference_evidence(80, 100, 78, 100), margin=0.1)
    # restricted estimates maximise the likelihood at new = old - 0.1: found on a grid
    grid = np.linspace(0.1001, 0.9999, 200_000)
    likelihood = 80 * np.log(grid) + 20 * np.log1p(-grid) + 78 * np.log(grid - 0.1) + 22 * np.log1p(0.1 - grid)
    old = grid[likelihood.argmax()]
    variance = (old * (1 - old) + (old - 0.1) * (1.1 - old)) / 100
    z = (-0.02 + 0.1) / math.sqrt(variance * 200 / 199)
    assert found.p_value == pytest.approx(stats.norm.sf(z), rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(table_counts, st.sampled_from([0.05, 0.1, 0.3]))
def test_a_verdict_never_contradicts_its_interval(table: tuple[int, int, int, int], margin: float) -> None:
    evidence = share_difference_evidence(*table)
    found = noninferiority_test(evidence, margin=margin)
    assume(abs(found.p_value - 0.025) > 1e-6)
    assert found.shown == (found.estimate.low > -margin)
    better = superiority_test(evidence, margin=margin)
    assume(abs(better.p_value - 0.025) > 1e-6)
    assert better.shown == (better.estimate.low > margin)


def test_lower_is_better_turns_the_sides() -> None:
    old, new = RNG.normal(10, 1, 50), RNG.normal(8, 1, 50)
    evidence = welch_evidence(old, new)
    assert superiority_test(evidence, margin=1.0, higher_is_better=False).shown
    assert not superiority_test(evidence, margin=1.0).shown
    worse = noninferiority_test(evidence, margin=1.0)
    assert not worse.shown and worse.low == -1.0 and worse.high is None
    assert "not shown" in worse.sentence
    assert noninferiority_test(evidence, margin=1.0, higher_is_better=False).high == 1.0


def test_margins_take_any_evidence_and_refuse_nonsense() -> None:
    assert equivalence_test(tango_evidence(500, 10, 9), low=-0.05, high=0.05).shown
    paired = difference_evidence(Moments.of(RNG.normal(0, 0.1, 100).tolist()))
    assert equivalence_test(paired, low=-0.1, high=0.1).shown
    ratio = ratio_evidence((RNG.random(60) + 1).tolist(), (RNG.random(60) + 1).tolist())
    assert equivalence_test(ratio, low=0.8, high=1.25).shown
    still = superiority_test(welch_evidence([1.0, 1.0], [2.0, 2.0]))
    assert still.p_value is None and not still.shown and "do not differ" in still.sentence
    assert welch_evidence([1.0], [2.0, 3.0]).estimate(0.95).low is None
    for bad in ({"margin": 0.0}, {"margin": -1.0}, {"margin": math.nan}, {"margin": 1.0, "alpha": 0.6}):
        with pytest.raises(InvalidInputError):
            noninferiority_test(paired, **bad)
    with pytest.raises(InvalidInputError):
        equivalence_test(paired, low=0.1, high=0.1)


def test_cohens_d_and_hedges_g() -> None:
    old, new = RNG.normal(size=12), RNG.normal(size=15) + 0.8
    found, corrected = cohens_d(old, new), hedges_g(old, new)
    pooled = math.sqrt((old.var(ddof=1) * 11 + new.var(ddof=1) * 14) / 25)
    assert found.value == pytest.approx((new.mean() - old.mean()) / pooled)
    scale = math.sqrt(12 * 15 / 27)
    t = found.value * scale
    assert stats.nct.sf(t, 25, found.low * scale) == pytest.approx(0.025, abs=1e-6)
    assert stats.nct.cdf(t, 25, found.high * scale) == pytest.approx(0.025, abs=1e-6)
    # Hedges (1981), equation 6f: about 1 - 3/(4·25 - 1)
    assert corrected.value / found.value == pytest.approx(1 - 3 / 99, abs=1e-4)
    assert cohens_d([1.0, 1.0], [2.0, 2.0]).reason == "the values within the sides do not vary"
    with pytest.raises(InvalidInputError):
        cohens_d([1.0], [2.0, 3.0])


def test_cohens_d_has_the_sign_of_ttest() -> None:
    old, new = [5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.5]
    found = cohens_d(old, new)
    assert found.high < 0 and stats.ttest_ind(new, old).pvalue < 0.05


def test_cliffs_delta_is_mann_whitneys_u_with_brunner_munzels_variance() -> None:
    old, new = RNG.integers(1, 6, 40).astype(float), RNG.integers(2, 6, 30).astype(float)
    found = cliffs_delta(old, new)
    u = stats.mannwhitneyu(new, old).statistic
    assert found.value == pytest.approx(2 * u / 1_200 - 1)
    statistic = stats.brunnermunzel(old, new).statistic
    assert abs(found.value / found.std_error) == pytest.approx(abs(statistic), rel=1e-9)
    back = cliffs_delta(new, old)
    assert (-back.high, -back.low) == pytest.approx((found.low, found.high))


def test_cliffs_delta_at_its_ends() -> None:
    apart = cliffs_delta([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0])
    z = stats.norm.ppf(0.975) ** 2
    assert (apart.value, apart.high) == (1.0, 1.0)
    assert apart.low == pytest.approx((4 - z) / (4 + z))
    assert cliffs_delta([1.0, 1.0], [1.0, 1.0]).reason == "all values are equal"
