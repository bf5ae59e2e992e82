"""Sample ratio mismatch, at the end and while it runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from assay.core.errors import InvalidInputError
from assay.stats.health.ratio import srm_test
from assay.stats.health.sequential_ratio import sequential_srm


def test_cookie_cats_is_a_warning_and_no_alarm() -> None:
    found = srm_test({"gate_30": 44_700, "gate_40": 45_489})  # counts of the published test of 90,189 players
    assert found.p_value == pytest.approx(0.0086, abs=5e-5)
    assert found.p_value == pytest.approx(scipy_stats.chisquare([44_700, 45_489]).pvalue, rel=1e-12)
    assert (found.verdict, found.method) == ("warning", "chi-square")
    assert "gate_30 holds 44,700 of 90,189 units, 49.56% where 50.00%" in found.sentence


def test_a_published_mismatch_is_an_alarm() -> None:
    # Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, ch. 3: 821,588 against 815,482, p = 1.8e-6
    found = srm_test([821_588, 815_482])
    assert found.verdict == "alarm"
    assert found.p_value == pytest.approx(1.8e-6, rel=0.05)


def test_any_planned_split_agrees_with_scipy() -> None:
    counts, plan = [5_120, 2_960, 1_920], [50, 30, 20]
    found = srm_test(counts, expected=plan)
    expected = scipy_stats.chisquare(counts, np.array(plan) / 100 * 10_000)
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)
    assert found.expected == (5_000.0, 3_000.0, 2_000.0)
    assert srm_test({"a": 5_120, "b": 2_960, "c": 1_920}, expected={"c": 2, "a": 5, "b": 3}).p_value == found.p_value


@pytest.mark.parametrize(
    ("k", "n", "share"), [(0, 9, 0.5), (3, 20, 0.5), (4, 60, 0.01), (7, 8, 0.9), (12, 3_000, 0.002)]
)
def test_a_small_split_of_two_is_the_exact_binomial(k: int, n: int, share: float) -> None:
    found = srm_test([k, n - k], expected=[share, 1 - share])
    assert found.method == "exact-binomial"
    assert found.p_value == pytest.approx(scipy_stats.binomtest(k, n, share).pvalue, rel=1e-9)


def test_a_small_split_of_three_is_the_exact_multinomial() -> None:
    plan, seen = np.array([0.5, 0.3, 0.2]), (1, 2, 4)
    law = scipy_stats.multinomial(7, plan)
    at = law.pmf(seen)
    total = sum(
        law.pmf([a, b, 7 - a - b]) for a in range(8) for b in range(8 - a) if law.pmf([a, b, 7 - a - b]) <= at + 1e-12
    )
    found = srm_test(seen, expected=plan.tolist())
    assert found.method == "exact-multinomial"
    assert found.p_value == pytest.approx(total, rel=1e-9)


def test_a_split_too_large_to_list_needs_a_generator() -> None:
    counts, plan = [400, 300, 200, 90, 8, 1], [40, 30, 20, 9, 0.9, 0.1]
    unknown = srm_test(counts, expected=plan)
    assert (unknown.verdict, unknown.p_value) == ("unknown", None)
    assert unknown.reason is not None and "pass rng" in unknown.reason
    drawn = srm_test(counts, expected=plan, rng=np.random.default_rng(3))
    assert drawn.method == "monte-carlo-multinomial"
    assert drawn.p_value == pytest.approx(scipy_stats.chisquare(counts, 999 * np.array(plan) / 100).pvalue, abs=0.05)


def test_a_split_exactly_as_planned_has_p_one() -> None:
    assert srm_test([10, 10]).p_value == 1.0
    assert srm_test([1_000, 1_000]).p_value == 1.0


@given(st.lists(st.integers(0, 300), min_size=2, max_size=2).filter(lambda c: sum(c) > 0))
def test_the_order_of_two_arms_does_not_matter(counts: list[int]) -> None:
    first, second = srm_test(counts, expected=[3, 7]), srm_test(counts[::-1], expected=[7, 3])
    assert first.p_value == pytest.approx(second.p_value, rel=1e-9)
    assert 0.0 < (first.p_value or 0.0) <= 1.0
    assert sum(share.value or 0.0 for share in first.shares) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([5], None), ([5, -1], None), ([5, 2.5], None), ([0, 0], None), ([5, 5], [1, 0]), ([5, 5], [1, 1, 1]),
     ([5, float("nan")], None), ([5, 5], {"a": 1, "b": 1}), ({"a": 5, "b": 5}, {"a": 1, "c": 1})],
)  # fmt: skip
def test_what_is_no_split_is_refused(counts: object, expected: object) -> None:
    with pytest.raises(InvalidInputError):
        srm_test(counts, expected=expected)  # type: ignore[arg-type]


def test_the_limits_must_be_in_order() -> None:
    with pytest.raises(InvalidInputError):
        srm_test([5, 5], alarm_below=0.05, warn_below=0.01)


def test_sequential_evidence_is_the_ratio_of_the_dirichlet_multinomial_to_the_multinomial() -> None:
    plan, counts = np.array([0.5, 0.3, 0.2]), [60, 20, 20]
    found = sequential_srm([counts], expected=plan.tolist(), concentration=50.0)
    mixture = scipy_stats.dirichlet_multinomial(50.0 * plan, 100).pmf(counts)
    assert found.e_values[0] == pytest.approx(mixture / scipy_stats.multinomial(100, plan).pmf(counts), rel=1e-9)


def test_sequential_evidence_starts_at_one_unit_with_the_prior_share() -> None:
    # after one unit the mixture's predictive is the plan itself, so the ratio is 1
    assert sequential_srm([[1, 0]], expected=[9, 1]).e_values == pytest.approx((1.0,))


def test_the_p_value_never_rises_and_may_be_carried_on() -> None:
    looks = [[60, 40], [650, 350], [1_000, 960]]
    whole = sequential_srm(looks)
    assert whole.first_alarm == 1 and whole.verdict == "alarm"
    begun = sequential_srm(looks[:2])
    carried = sequential_srm(looks[2:], previous_p=begun.p_value)
    assert carried.p_value == whole.p_value == begun.p_value
    assert sequential_srm(looks[2:]).verdict == "ok"


def test_no_unit_yet_is_no_evidence() -> None:
    found = sequential_srm([[0, 0]])
    assert (found.p_value, found.verdict) == (1.0, "ok")
    assert found.shares[0].value is None and found.shares[0].reason == "no unit was assigned yet"


@given(st.integers(0, 400), st.integers(1, 400))
def test_the_shares_interval_holds_the_observed_share(first: int, more: int) -> None:
    n = first + more
    for share, count in zip(sequential_srm([[first, more]]).shares, (first, more), strict=True):
        assert 0.0 <= share.low <= count / n <= share.high <= 1.0


def test_evidence_beyond_measure_does_not_overflow() -> None:
    found = sequential_srm([[5_000_000, 1]])
    assert found.p_value == 0.0 and found.verdict == "alarm" and np.isfinite(found.e_values[0])
    assert sequential_srm([[5, 5]], previous_p=found.p_value).verdict == "alarm"


@pytest.mark.parametrize(
    "looks", [[], [[5, 5], [4, 6]], [{"a": 1, "b": 2}, {"b": 2, "a": 3}], [[1]]], ids=["none", "falls", "names", "one"]
)
def test_looks_that_cannot_be_are_refused(looks: list[object]) -> None:
    with pytest.raises(InvalidInputError):
        sequential_srm(looks)  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [{"concentration": 0.0}, {"previous_p": -0.1}, {"warn_below": 2.0}])
def test_settings_that_cannot_be_are_refused(more: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        sequential_srm([[5, 5]], **more)  # type: ignore[arg-type]
