"""Each rater beside the others: against plain loops, under exchangeable raters, and with one who guesses."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from assay.core.errors import InvalidInputError
from assay.stats.agreement.against_others import raters_against_others
from assay.stats.agreement.ratings import Ratings

DISTANCE = {
    "nominal": lambda one, other: float(one != other),
    "ordinal": lambda one, other: float((one - other) ** 2),
    "interval": lambda one, other: float((one - other) ** 2),
}


def by_loops(table: np.ndarray, rater: int, metric: str) -> tuple[list[float], list[float], float]:
    """Own and others' disagreement unit by unit, pair by pair; and the variance of the sum when labels are dealt."""
    own, others, variance = [], [], 0.0
    for unit in table:
        rest = [value for k, value in enumerate(unit) if k != rater and not np.isnan(value)]
        if np.isnan(unit[rater]) or len(rest) < 2:
            continue
        own.append(np.mean([DISTANCE[metric](unit[rater], value) for value in rest]))
        others.append(np.mean([DISTANCE[metric](one, other) for one, other in combinations(rest, 2)]))
        held = unit[~np.isnan(unit)]
        gaps = []
        for place in range(held.size):
            left = np.delete(held, place)
            among = np.mean([DISTANCE[metric](one, other) for one, other in combinations(left, 2)])
            gaps.append(np.mean([DISTANCE[metric](held[place], value) for value in left]) - among)
        variance += np.mean(np.square(gaps))
    return own, others, variance


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval"])
def test_pairs_counted_one_by_one_give_the_same(metric: str) -> None:
    rng = np.random.default_rng(3)
    table = rng.integers(0, 4, size=(60, 5)).astype(float)
    table[rng.random(table.shape) < 0.3] = np.nan
    found = raters_against_others(Ratings.from_matrix(table, levels=range(4)), metric=metric)  # type: ignore[arg-type]
    for rater, one in enumerate(found):
        own, others, variance = by_loops(table, rater, metric)
        gap, n = np.subtract(own, others), len(own)
        assert (one.own, one.others) == pytest.approx((np.mean(own), np.mean(others)), abs=1e-12)
        half = scipy_stats.t.ppf(0.975, n - 1) * np.sqrt(max(gap.var(ddof=1) / n, variance / n**2))
        assert (one.excess.low, one.excess.high) == pytest.approx((gap.mean() - half, gap.mean() + half), abs=1e-9)
        assert one.excess.n == n


def test_the_interval_is_that_of_a_paired_t_where_that_is_wider() -> None:
    table = np.column_stack([np.arange(40) % 2, np.zeros((40, 4), dtype=int)])
    one = raters_against_others(Ratings.from_matrix(table, levels=[0, 1]))[0]
    bounds = scipy_stats.ttest_1samp(np.arange(40) % 2, 0.0).confidence_interval(0.95)
    assert (one.excess.low, one.excess.high) == pytest.approx((bounds.low, bounds.high))


def test_p_values_are_those_of_labels_dealt_at_random() -> None:
    rng = np.random.default_rng(7)
    table = (rng.random((30, 5)) < rng.beta(0.7, 0.7, size=(30, 1))).astype(int)
    table[:12, 0] = 1 - np.round(table[:12, 1:].mean(axis=1)).astype(int)
    found = raters_against_others(Ratings.from_matrix(table, levels=[0, 1]))
    draws = 20_000
    dealt = rng.permuted(np.broadcast_to(table, (draws, 30, 5)), axis=2)
    others = dealt[:, :, 1:]
    own = (others != dealt[:, :, :1]).mean(axis=2)
    ones = others.sum(axis=2)
    among = ones * (4 - ones) / 6.0
    for rater in (0, 3):
        rest = np.delete(table, rater, axis=1)
        seen = np.mean(rest != table[:, [rater]]) - np.mean(rest.sum(axis=1) * (4 - rest.sum(axis=1)) / 6.0)
        gap = (own - among).mean(axis=1)
        above, below = np.mean(gap >= seen - 1e-12), np.mean(gap <= seen + 1e-12)
        strictly_above, strictly_below = np.mean(gap > seen + 1e-12), np.mean(gap < seen - 1e-12)
        p_value = found[rater].p_value or 0.0
        assert 2 * min(strictly_above, strictly_below) - 0.01 <= p_value <= 2 * min(above, below) + 0.01


def test_rare_dissent_has_the_skewed_law_of_the_binomial() -> None:
    table = np.zeros((12, 5), dtype=int)
    table[:7, 0] = 1  # one dissenter a unit: the first rater in seven of twelve
    table[7:, 3] = 1
    found = raters_against_others(Ratings.from_matrix(table))[0]
    at_least, above = (2 * scipy_stats.binom.sf(k, 12, 0.2) for k in (6, 7))
    assert above < (found.p_value or 0.0) < at_least


@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=10, max_size=30))
def test_excesses_of_raters_who_label_everything_add_up_to_nothing(rows: list[list[int]]) -> None:
    found = raters_against_others(Ratings.from_matrix(rows, levels=range(3)))
    assert sum(one.excess.value or 0.0 for one in found) == pytest.approx(0.0, abs=1e-9)


def test_numbers_may_be_shifted_and_labels_renamed() -> None:
    table = np.random.default_rng(5).integers(0, 3, size=(40, 4))
    plain = raters_against_others(Ratings.from_matrix(table))
    named = raters_against_others(Ratings.from_matrix(np.array(["x", "y", "z"])[table]))
    assert [one.excess.value for one in plain] == pytest.approx([one.excess.value for one in named])
    here = raters_against_others(Ratings.from_matrix(table), metric="interval")
    far = raters_against_others(Ratings.from_matrix(table + 1e6), metric="interval")
    assert [one.excess.value for one in here] == pytest.approx([one.excess.value for one in far], abs=1e-6)


def test_what_cannot_be_told_is_said() -> None:
    two = raters_against_others(Ratings.from_matrix([["a", "b"]] * 20))
    assert two[0].excess.reason == "no unit has labels of three raters"
    few = raters_against_others(Ratings.from_matrix([[1, 1, 2]] * 9))
    assert few[0].excess.reason == "fewer than 10 units with two other raters"
    assert (few[0].excess.value, few[0].p_value) == (-0.5, None)
    equal = raters_against_others(Ratings.from_matrix([[1, 1, 1]] * 20))
    assert equal[0].excess.reason == "the differences do not vary from unit to unit"
    alone = raters_against_others(Ratings.from_labels([1, 1, 1, 2], ["x", "y", "z", "w"], [1, 2, 1, 1]))
    assert alone[3].excess.reason == "shares no unit with two other raters"


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="no metric"):
        raters_against_others(Ratings.from_matrix([[1, 1, 2]]), metric="ratio")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="not numbers"):
        raters_against_others(Ratings.from_matrix([["a", "a", "b"]] * 12), metric="interval")
    twice = Ratings.from_labels([1, 1], ["x", "x"], [1, 2], repeated="all")
    with pytest.raises(InvalidInputError, match="more than once"):
        raters_against_others(twice)


@pytest.mark.slow
def test_a_rater_with_hard_units_is_rarely_accused_unless_units_are_ignored() -> None:
    rng, trials, covered, accused, naive = np.random.default_rng(17), 2000, 0, 0, 0
    for _ in range(trials):
        chance = rng.beta(0.6, 0.6, size=(120, 1))
        table = (rng.random((120, 6)) < chance).astype(float)
        easy = np.argsort(-np.abs(chance[:, 0] - 0.5))[:60]
        elsewhere = table[easy, 1:].mean(axis=1)
        table[easy, 0] = np.nan
        first = raters_against_others(Ratings.from_matrix(table, levels=[0, 1]))[0]
        assert first.excess.low is not None
        covered += first.excess.low <= 0.0 <= (first.excess.high or 0.0)
        accused += (first.p_value or 0.0) <= 0.05
        usual = np.concatenate([2.5 * elsewhere * (1 - elsewhere), np.full(60, first.others)]).mean()
        naive += abs(first.own - usual) > 1.96 * np.sqrt(first.own * (1 - first.own) / 60)
    slack = 4 * np.sqrt(0.95 * 0.05 / trials)
    assert covered / trials >= 0.95 - slack
    assert accused / trials == pytest.approx(0.05, abs=slack)
    assert naive / trials > 0.5  # who is given hard units disagrees more than is usual, and so does everybody there


@pytest.mark.slow
def test_the_excess_of_a_rater_who_guesses_is_covered() -> None:
    rng, covered, trials = np.random.default_rng(23), 0, 1500

    def draw(units: int) -> Ratings:
        table = (rng.random((units, 5)) < rng.beta(0.6, 0.6, size=(units, 1))).astype(int)
        table[:, 0] = rng.integers(0, 2, size=units)
        return Ratings.from_matrix(table, levels=[0, 1])

    true = raters_against_others(draw(400_000))[0].excess.value or 0.0
    for _ in range(trials):
        found = raters_against_others(draw(40))[0].excess
        covered += (found.low or 0.0) <= true <= (found.high or 0.0)
    assert covered / trials == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / trials))


@pytest.mark.slow
def test_a_rater_who_guesses_is_found() -> None:
    rng = np.random.default_rng(19)
    truth = rng.integers(0, 3, size=(300, 1))
    table = np.where(rng.random((300, 5)) < 0.8, truth, rng.integers(0, 3, size=(300, 5)))
    table[:, 2] = rng.integers(0, 3, size=300)
    found = raters_against_others(Ratings.from_matrix(table))
    assert max(found, key=lambda one: one.excess.value or 0.0).rater == 2
    assert (found[2].p_value or 1.0) < 1e-6
