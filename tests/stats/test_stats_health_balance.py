"""Covariate balance, small tables, and a group against the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from assay.core.errors import InvalidInputError
from assay.stats.health.balance import covariate_balance
from assay.stats.health.rest import groups_against_rest
from assay.stats.health.tables import two_by_two_p
from assay.stats.moments import Moments

RNG = np.random.default_rng(4)
HALF = np.arange(400) % 2


def test_a_number_is_judged_by_welch_and_measured_in_standard_deviations() -> None:
    age = RNG.gamma(3.0, size=400) + 0.3 * HALF
    one = covariate_balance(HALF, {"age": age}).covariates[0]
    expected = scipy_stats.ttest_ind(age[HALF == 1], age[HALF == 0], equal_var=False)
    spread = np.sqrt((age[HALF == 1].var(ddof=1) + age[HALF == 0].var(ddof=1)) / 2)
    assert one.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert one.standardised == pytest.approx((age[HALF == 1].mean() - age[HALF == 0].mean()) / spread)
    assert one.null_limit == pytest.approx(scipy_stats.norm.isf(0.005) * np.sqrt(2 / 200))


def test_categories_are_judged_by_pearsons_test() -> None:
    channel = RNG.choice(["web", "phone", "shop"], size=400)
    one = covariate_balance(HALF, {"channel": channel.tolist()}).covariates[0]
    table = [[int(((channel == c) & (arm == HALF)).sum()) for arm in (0, 1)] for c in ("phone", "shop", "web")]
    assert one.p_value == pytest.approx(scipy_stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9)
    assert (one.kind, one.method, one.note) == ("category", "chi-square", "")


def test_the_length_of_a_two_level_category_is_the_standardised_difference_of_shares() -> None:
    flag = (RNG.random(400) < 0.3).astype(int)
    number = covariate_balance(HALF, {"f": flag}).covariates[0]
    label = covariate_balance(HALF, {"f": np.where(flag == 1, "yes", "no")}).covariates[0]
    assert label.p_value == pytest.approx(number.p_value)
    assert label.standardised == pytest.approx(abs(number.standardised or 0.0), rel=0.01)  # divisors n and n - 1


def test_rare_levels_are_joined_and_it_is_said() -> None:
    labels = ["a"] * 380 + ["b"] * 8 + ["c"] * 7 + ["d"] * 5
    one = covariate_balance(HALF, {"x": labels}).covariates[0]
    assert one.note == "3 rare levels of 4 were tested as one"
    assert one.method == "score"


def test_a_broken_split_is_found_among_sound_covariates() -> None:
    columns = {f"c{i}": RNG.normal(size=400) for i in range(9)} | {"tenure": RNG.normal(size=400) + HALF}
    report = covariate_balance(HALF, columns)
    assert not report.balanced
    assert [one.name for one in report.covariates if one.imbalanced] == ["tenure"]
    assert "most clearly tenure" in report.sentence
    assert report.omnibus_p is not None and report.omnibus_p < 1e-6


def test_holm_asks_more_than_benjamini_hochberg() -> None:
    columns = {f"c{i}": RNG.normal(size=400) + 0.3 * HALF * (i < 5) for i in range(10)}
    strict, loose = (covariate_balance(HALF, columns, correction=name) for name in ("holm", "bh"))  # type: ignore[arg-type]
    for one, other in zip(strict.covariates, loose.covariates, strict=True):
        assert (one.p_adjusted or 0.0) >= (other.p_adjusted or 0.0) >= (other.p_value or 0.0)


def test_the_omnibus_test_of_one_covariate_is_the_permutation_chi_square() -> None:
    x = RNG.normal(size=400)
    gap = x[HALF == 1].mean() - x[HALF == 0].mean()
    expected = scipy_stats.chi2.sf(gap**2 / (x.var(ddof=1) * (1 / 200 + 1 / 200)), 1)
    assert covariate_balance(HALF, {"x": x}).omnibus_p == pytest.approx(expected, rel=1e-9)


def test_a_covariate_given_twice_counts_once_in_the_omnibus_test() -> None:
    x = RNG.normal(size=400)
    assert covariate_balance(HALF, {"x": x, "again": 2 * x}).omnibus_p == pytest.approx(
        covariate_balance(HALF, {"x": x}).omnibus_p or 0.0, rel=1e-6
    )


def test_a_constant_covariate_says_so() -> None:
    report = covariate_balance(HALF, {"x": np.full(400, 3.5), "y": ["same"] * 400})
    assert report.balanced and report.omnibus_p is None
    for one in report.covariates:
        assert one.standardised is None and one.p_value is None and one.note


def test_arms_that_share_no_value_are_found_even_without_spread() -> None:
    for values in (HALF * 7.5, np.where(HALF == 1, "new", "old")):
        report = covariate_balance(HALF, {"version": values})
        assert not report.balanced and (report.covariates[0].p_value or 1.0) < 1e-50


@pytest.mark.parametrize(
    ("treated", "columns", "more"),
    [
        ([0, 1], {"x": [1.0, 2.0]}, {}),
        ([0, 0, 1, 1], {"x": [1.0, 2.0, 3.0]}, {}),
        ([0, 0, 1, 1], {"x": [1.0, 2.0, 3.0, float("nan")]}, {}),
        ([0, 0, 1, 2], {"x": [1.0, 2.0, 3.0, 4.0]}, {}),
        ([0, 0, 1, 1], {}, {}),
        ([0, 0, 1, 1], {"x": [1.0, 2.0, 3.0, 4.0]}, {"level": 0.0}),
        ([0, 0, 1, 1], {"x": [1.0, 2.0, 3.0, 4.0]}, {"correction": "sidak"}),
        ([0, 0, 1, 1], {"x": [1.5, None, 2.0, 3.0]}, {}),
    ],
    ids=["few", "length", "nan", "arms", "none", "level", "correction", "gap"],
)
def test_bad_covariates_are_refused(treated: list[int], columns: dict[str, object], more: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        covariate_balance(treated, columns, **more)  # type: ignore[arg-type]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 12), st.integers(1, 12))
def test_small_tables_agree_with_scipys_fisher_test(a: int, b: int, more_a: int, more_b: int) -> None:
    p, test = two_by_two_p(a, a + more_a, b, b + more_b)
    table = [[a, more_a], [b, more_b]]
    if test == "fisher":
        assert p == pytest.approx(scipy_stats.fisher_exact(table).pvalue, rel=1e-7)
    else:
        assert p == pytest.approx(scipy_stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9)


def test_a_group_is_compared_with_the_others_and_not_with_the_whole() -> None:
    values = RNG.normal(size=(3, 40)).tolist()
    found = groups_against_rest({str(i): Moments.of(v) for i, v in enumerate(values)}, unit="points")
    expected = scipy_stats.ttest_ind(values[0], values[1] + values[2], equal_var=False)
    assert found[0].p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found[0].difference.value == pytest.approx(np.mean(values[0]) - np.mean(values[1] + values[2]))
    assert found[0].difference.confidence == pytest.approx(1 - 0.05 / 3)
    assert (found[0].p_adjusted or 0.0) >= found[0].p_value


def test_two_groups_are_one_comparison_seen_from_both_sides() -> None:
    old, new = groups_against_rest({"a": Moments.of([1, 1, 1, 0]), "b": Moments.of([0, 1, 0, 0, 0])})
    assert old.difference.value == pytest.approx(-(new.difference.value or 0.0))
    assert [old.p_value, new.p_value] == pytest.approx([scipy_stats.fisher_exact([[3, 1], [1, 4]]).pvalue] * 2)
    assert (old.p_adjusted, old.difference.confidence) == (old.p_value, 0.95)


def test_an_empty_group_has_a_reason_and_is_not_counted() -> None:
    found = groups_against_rest({"a": Moments.of([1, 0]), "b": Moments.of([0, 1]), "c": Moments(unscored=3)})
    assert found[2].difference.reason == "no scored sample in the group" and found[2].difference.unscored == 3
    assert found[0].difference.confidence == 0.95


def test_one_group_has_no_rest() -> None:
    with pytest.raises(InvalidInputError, match="no rest"):
        groups_against_rest({"a": Moments.of([1.0, 2.0]), "b": Moments()})


def test_values_that_do_not_differ_give_no_p_value() -> None:
    found = groups_against_rest({"a": Moments.of([2.0, 2.0]), "b": Moments.of([3.0, 3.0])}, unit="points")
    assert found[0].p_value is None and found[0].difference.reason
