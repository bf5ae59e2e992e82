"""The guard: what it finds in the values, which method it takes, and that it says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import InvalidInputError
from assay.stats.comparison.diagnosis import diagnose_mean, estimator_skewness
from assay.stats.comparison.guard import compare_groups, guarded_mean
from assay.stats.intervals.shares import clopper_pearson
from assay.stats.paired import mcnemar

RNG = np.random.default_rng(23)


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_skewness_is_scipys_and_the_rule_is_kohavis() -> None:
    values = RNG.gamma(2.0, size=300)
    found = diagnose_mean(values)
    assert found.skewness == pytest.approx(stats.skew(values))
    assert found.n_needed == pytest.approx(355 * stats.skew(values) ** 2)
    # Kohavi et al. (2014), rule 7: a metric with skewness 18.2 needs 114k users (355 · 18.2² = 117,590)
    assert found.n_needed / found.skewness**2 * 18.2**2 == pytest.approx(114_000, rel=0.05)


def test_skews_of_equal_sides_cancel() -> None:
    values = RNG.exponential(size=200)
    assert estimator_skewness([values, values], [1.0, -1.0]) == pytest.approx(0.0, abs=1e-12)
    assert estimator_skewness([values], [1.0]) == pytest.approx(stats.skew(values) / np.sqrt(200))
    assert estimator_skewness([np.ones(5)], [1.0]) == 0.0


@pytest.mark.parametrize(("index", "heavy"), [(0.8, True), (1.2, True), (4.0, False)])
def test_tails_are_found(index: float, heavy: bool) -> None:
    for sign in (1, -1):
        found = diagnose_mean(sign * (1 + np.random.default_rng(3).pareto(index, size=3_000)))
        assert found.heavy_tail is heavy
        assert found.tail_index == pytest.approx(index, rel=0.45)


def test_light_tails_are_left_alone() -> None:
    rng = np.random.default_rng(4)
    draws = (rng.normal(size=(200, 400)), rng.exponential(size=(200, 400)), rng.lognormal(size=(200, 400)))
    flagged = [sum(diagnose_mean(row).heavy_tail for row in rows) / 200 for rows in draws]
    assert flagged[0] <= 0.02 and flagged[1] <= 0.06 and flagged[2] <= 0.3
    wild = rng.pareto(1.2, size=(200, 400))
    assert sum(diagnose_mean(row).heavy_tail for row in wild) / 200 >= 0.95


def test_pareto_means_get_no_interval_and_three_other_answers() -> None:
    values = 1 + np.random.default_rng(5).pareto(1.2, size=500)
    found = guarded_mean(values, rng=_rng())
    assert found.triggers == ("heavy tail",)
    assert (found.textbook.low, found.textbook.high) == (None, None)
    assert found.answer.estimand == "mean of the middle 60 % of new inputs like these"
    assert set(found.alternatives) == {"median", "capped mean"}
    assert "infinite" in found.why
    pair = compare_groups(values, values[::-1] * 3, rng=_rng())
    assert pair.triggers == ("heavy tail",) and set(pair.alternatives) == {"median", "capped mean", "shift"}
    assert pair.p_value < 1e-6 and pair.textbook.reason
    shared = compare_groups(np.zeros(500), values, rng=_rng(), paired=True)
    assert shared.p_value < 1e-6 and "shift" in shared.alternatives


def test_rare_events_get_exact_methods() -> None:
    values = np.repeat([0.0, 1.0], [996, 4])
    found = guarded_mean(values, rng=_rng())
    assert found.answer == clopper_pearson(4, 1_000) and found.triggers == ("rare events",)
    assert guarded_mean(np.repeat([0.0, 1.0], [90, 10]), rng=_rng()).method == "wilson"
    pair = compare_groups(np.repeat([0.0, 1.0], [199, 1]), np.repeat([0.0, 1.0], [193, 7]), rng=_rng())
    assert pair.p_value == pytest.approx(stats.fisher_exact([[1, 199], [7, 193]]).pvalue)
    assert "fisher" in pair.method and pair.triggers == ("rare events",)
    plain = compare_groups(np.repeat([0.0, 1.0], [150, 50]), np.repeat([0.0, 1.0], [120, 80]), rng=_rng())
    assert plain.triggers == () and plain.p_value < 0.01
    shared = compare_groups([0.0] * 50, [1.0] * 4 + [0.0] * 46, rng=_rng(), paired=True)
    assert shared.p_value == mcnemar(4, 0).exact and shared.triggers == ("rare events",)
    many = compare_groups([0.0] * 50, [1.0] * 14 + [0.0] * 36, rng=_rng(), paired=True)
    assert many.p_value == mcnemar(14, 0).mid and many.triggers == ()


def test_few_values_get_exact_tests() -> None:
    old, new = RNG.normal(size=6), RNG.normal(size=7) + 2
    found = compare_groups(old, new, rng=_rng())
    assert found.method == "permutation-studentised-exact" and found.triggers == ("few values",)
    shared = compare_groups(old, new[:6], rng=_rng(), paired=True)
    assert shared.method == "sign-flip-exact"
    alone = guarded_mean(old, rng=_rng())
    assert alone.triggers == ("few values",) and alone.answer.low < alone.answer.value < alone.answer.high


def test_skew_gets_the_bootstrap_t_and_normal_values_the_t() -> None:
    values = np.random.default_rng(8).lognormal(0, 1, size=90)
    found = guarded_mean(values, rng=_rng())
    assert (found.method, found.triggers) == ("bootstrap-t", ("skew",))
    assert "skewness" in found.why and found.textbook.method == "t"
    pair = compare_groups(values, np.random.default_rng(9).normal(size=400), rng=_rng())
    assert pair.method == "bootstrap-t" and pair.p_value is not None
    shared = compare_groups(np.zeros(90), values, rng=_rng(), paired=True)
    assert shared.method == "bootstrap-t"
    old, new = np.linspace(-1, 1, 300), np.linspace(-1, 1, 280) + 0.1
    plain = compare_groups(old, new, rng=_rng())
    theirs = stats.ttest_ind(new, old, equal_var=False)
    assert plain.triggers == () and plain.p_value == pytest.approx(theirs.pvalue)
    assert (plain.answer.low, plain.answer.high) == pytest.approx(tuple(theirs.confidence_interval()))
    straight = compare_groups(old, old + np.linspace(-1, 1, 300)[::-1] * 0.5, rng=_rng(), paired=True)
    assert straight.method == "paired-t" and straight.p_value == pytest.approx(1.0)
    assert guarded_mean(old, rng=_rng()).method == "t"


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=14), st.lists(st.floats(-100, 100), min_size=2, max_size=14))
def test_an_answer_always_has_bounds_or_a_reason(old: list[float], new: list[float]) -> None:
    found = compare_groups(old, new, rng=_rng())
    assert found.why and found.method
    assert found.answer.reason or found.answer.low <= found.answer.value <= found.answer.high
    alone = guarded_mean(new, rng=_rng())
    assert alone.answer.reason or alone.answer.low <= alone.answer.high


def test_bad_input_is_refused() -> None:
    for bad in ([], [1.0, np.nan], [[1.0]], ["a"]):
        with pytest.raises(InvalidInputError):
            guarded_mean(bad, rng=_rng())
    with pytest.raises(InvalidInputError):
        compare_groups([1.0, 2.0], [1.0, 2.0, 3.0], rng=_rng(), paired=True)
    with pytest.raises(InvalidInputError):
        compare_groups([1.0], [1.0, 2.0], rng=_rng())
    with pytest.raises(InvalidInputError):
        guarded_mean([1.0, 2.0], rng=_rng(), confidence=1.0)
