"""Rare harms and shortlists against published tables, statsmodels and scipy's truncated normal law."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats.proportion import proportion_confint

from assay.core.errors import InvalidInputError
from assay.stats.structure.rare import (
    allowed_harms,
    exposures_for_bound,
    harm_pass_chance,
    rare_harm_bound,
    rule_of_three,
)
from assay.stats.structure.screening import Limit, screen_candidates

Z = 1.959963984540054


# rare harms


@pytest.mark.parametrize(("failures", "n"), [(0, 59), (1, 93), (2, 124), (3, 153), (4, 181), (5, 208)])
def test_sizes_are_those_of_wilks_for_95_percent_with_95_percent(failures: int, n: int) -> None:
    # Wilks (1942), Annals of Mathematical Statistics 13, 400-409; the one-sided series of nuclear safety analyses
    assert exposures_for_bound(0.05, events=failures) == n
    assert allowed_harms(n, 0.05) == failures
    assert allowed_harms(n - 1, 0.05) == (failures - 1 if failures else None)


def test_the_bound_is_the_upper_end_of_clopper_and_pearson_in_statsmodels() -> None:
    for events, n in ((0, 1), (0, 14), (1, 10), (7, 50), (3, 100_000), (10, 10)):
        _, high = proportion_confint(events, n, alpha=0.1, method="beta")
        assert rare_harm_bound(events, n).high == pytest.approx(high, rel=1e-9)


def test_hanley_and_lippman_hands_fourteen_clean_patients() -> None:
    # "If nothing goes wrong, is everything all right?" (1983): 0 of 14 leaves up to 3/14, exactly 19.3 %
    assert rare_harm_bound(0, 14).high == pytest.approx(0.193, abs=5e-4)
    assert rule_of_three(14) == pytest.approx(3 / 14, rel=2e-3)
    assert rule_of_three(1) == 1.0


def test_the_chance_to_pass_is_the_binomial_law_of_scipy() -> None:
    assert harm_pass_chance(10_000, 0.001, true_rate=0.0004) == pytest.approx(stats.binom.cdf(4, 10_000, 0.0004))
    assert harm_pass_chance(100, 0.001, true_rate=0.0004) == 0.0
    assert harm_pass_chance(59, 0.05, true_rate=0.05) == pytest.approx(0.95**59) and 0.95**59 < 0.05


@pytest.mark.parametrize(
    "call",
    [
        lambda: rare_harm_bound(-1, 10), lambda: rare_harm_bound(0, 0), lambda: rule_of_three(0),
        lambda: exposures_for_bound(0.0), lambda: exposures_for_bound(0.1, events=-1),
        lambda: exposures_for_bound(1e-13, events=5), lambda: allowed_harms(10, 1.0),
        lambda: harm_pass_chance(10, 0.1, true_rate=0.0),
    ],
)  # fmt: skip
def test_counts_that_are_none_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(InvalidInputError):
        call()


# shortlists


def _hybrid(value: float, low: float, reach: float, chance: float) -> float:
    """Mean of a unit normal cut to [max(low, mean - reach), mean + reach] with this chance below ``value``."""

    def below(mean: float) -> float:
        start = max(low, mean - reach) - mean
        return float(stats.truncnorm.cdf(value - mean, start, reach) - chance)

    return float(optimize.brentq(below, value - reach + 1e-6, value + reach - 1e-6))


def test_the_winner_of_two_has_the_hybrid_interval_by_scipys_truncated_normal() -> None:
    # Andrews, Kitagawa and McCloskey (2024), section 4: beta = alpha/10, projection by the largest of |t|
    found = screen_candidates("ab", [1.2, 0.9], [1.0, 1.0], k=1, rng=np.random.default_rng(1)).selected[0]
    reach = stats.norm.ppf(0.5 + 0.995**0.5 / 2)
    tail = 0.5 * (0.05 - 0.005) / 0.995
    low, middle, high = (_hybrid(1.2, 0.9, reach, chance) for chance in (1 - tail, 0.5, tail))
    assert (found.corrected.low, found.corrected.value, found.corrected.high) == pytest.approx(
        (low, middle, high), abs=0.03
    )
    assert (found.naive.low, found.naive.high) == pytest.approx((1.2 - Z, 1.2 + Z))


def test_the_second_of_three_is_cut_from_below_by_the_one_left_out_only() -> None:
    found = screen_candidates("abc", [5.0, 1.0, 0.5], [1.0] * 3, k=2, rng=np.random.default_rng(1)).selected[1]
    reach = stats.norm.ppf(0.5 + 0.995 ** (1 / 3) / 2)
    assert found.name == "b"
    assert found.corrected.value == pytest.approx(_hybrid(1.0, 0.5, reach, 0.5), abs=0.02)


def test_correlated_scores_are_cut_where_the_lines_cross() -> None:
    # given the part of b that is independent of a, a is picked when x > rest + ρ x, that is x > rest / (1 - ρ)
    rho, scores = 0.6, (1.0, 0.8)
    found = screen_candidates("ab", scores, [[1, rho], [rho, 1]], k=1, rng=np.random.default_rng(1)).selected[0]
    reach = (found.corrected.high or 0.0) - 1.0  # never beyond the projection
    cut = (scores[1] - rho * scores[0]) / (1 - rho)
    projection = stats.norm.ppf(0.5 + 0.995**0.5 / 2)
    assert reach <= projection
    assert found.corrected.value == pytest.approx(_hybrid(1.0, cut, projection, 0.5), abs=0.05)


def test_when_all_are_picked_nothing_was_chosen() -> None:
    found = screen_candidates("abc", [1.0, 2.0, 3.0], [0.5] * 3, k=3, rng=np.random.default_rng(1))
    assert [one.name for one in found.selected] == ["c", "b", "a"]
    for one in found.selected:
        assert one.corrected.value == pytest.approx(one.naive.value, abs=1e-9)
        width = (one.corrected.high or 0.0) - (one.corrected.low or 0.0)
        assert width == pytest.approx((one.naive.high or 0.0) - (one.naive.low or 0.0), rel=0.02)


def test_limits_are_met_by_the_upper_bound_and_may_leave_fewer_than_k() -> None:
    limits = [
        Limit(name="price", values=[1, 1, 3], at_most=2),
        Limit(name="wait", values=[1.0] * 3, at_most=1.3, std_errors=[0.1, 0.2, 0.2]),
    ]
    found = screen_candidates("abc", [1, 2, 3], [1.0] * 3, k=2, rng=np.random.default_rng(1), limits=limits)
    assert [one.name for one in found.selected] == ["a"]  # 1 + 1.645 · .1 is within 1.3, 1 + 1.645 · .2 is not
    assert found.dropped == {"b": ("wait",), "c": ("price", "wait")}
    nobody = screen_candidates("ab", [1, 2], [1.0] * 2, k=1, rng=np.random.default_rng(1),
                               limits=[Limit(name="price", values=[9, 9], at_most=1)])  # fmt: skip
    assert nobody.selected == () and set(nobody.dropped) == {"a", "b"}


@pytest.mark.parametrize(
    ("scores", "covariance", "k"),
    [([1.0, 2.0], [1.0, 0.0], 1), ([1.0, 2.0], [1.0, 1.0], 3), ([1.0], [1.0, 1.0], 1), ([1.0, math.nan], [1.0, 1.0], 1),
     ([1.0, 2.0], [[1.0, 0.5], [0.2, 1.0]], 1)],
)  # fmt: skip
def test_shortlists_of_bad_scores_are_refused(scores: list[float], covariance: list[float], k: int) -> None:
    with pytest.raises(InvalidInputError):
        screen_candidates("ab", scores, covariance, k=k, rng=np.random.default_rng(1))
