"""Votes: ties in the open, rules that can never fire, and weights from golden items."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.agreement.ratings import Ratings
from assay.stats.agreement.votes import majority_vote, smallest_majority, weighted_vote


def test_less_than_two_thirds_can_never_fire_with_three_raters_and_two_labels() -> None:
    every = [list(votes) for votes in itertools.product("ab", repeat=3)]
    vote = majority_vote(Ratings.from_matrix(every), escalate_below=2 / 3)
    assert not vote.escalated.any() and not vote.can_escalate.any()
    assert vote.escalations.value is None
    assert "never fire" in (vote.escalations.reason or "")
    assert "impossible with 3 raters and 2 labels" in (vote.warning or "")
    working = majority_vote(Ratings.from_matrix(every), escalate_below=0.7)
    assert working.warning is None and working.can_escalate.all()
    assert working.escalations.value == 0.75


@pytest.mark.parametrize(("raters", "levels"), list(itertools.product(range(1, 6), range(1, 4))))
def test_the_smallest_majority_is_that_of_all_possible_votes(raters: int, levels: int) -> None:
    votes = itertools.product(range(levels), repeat=raters)
    assert smallest_majority(raters, levels) == min(max(map(vote.count, range(levels))) / raters for vote in votes)


@given(st.integers(1, 6), st.integers(1, 4), st.floats(0.05, 1.0))
def test_a_rule_is_said_to_work_exactly_where_some_vote_would_fire_it(raters: int, levels: int, bound: float) -> None:
    ratings = Ratings.from_matrix([[vote % levels for vote in range(raters)]], levels=list(range(levels)))
    vote = majority_vote(ratings, escalate_below=bound)
    assert vote.can_escalate[0] == (smallest_majority(raters, levels) < bound - 1e-9)
    assert vote.escalated[0] == vote.can_escalate[0]  # these votes are as even as can be


def test_a_rule_that_works_for_some_units_only_says_for_how_many_it_does_not() -> None:
    table = [["a", "b", "a", "b"], ["a", "b", "b", None], ["a", "a", "a", None]]
    vote = majority_vote(Ratings.from_matrix(table), escalate_below=0.6)
    assert vote.can_escalate.tolist() == [True, False, False]
    assert vote.warning == "a share below 0.6 is impossible with 3 raters and 2 labels: the rule cannot fire on 2 units"
    assert vote.escalations.value == pytest.approx(1 / 3)


def test_ties_have_no_label_and_are_counted() -> None:
    vote = majority_vote(Ratings.from_matrix([[1, 2], [1, 1], [2, 2], [math.nan, math.nan]]))
    assert vote.labels == [None, 1, 2, None]
    assert vote.tied.tolist() == [True, False, False, False]
    assert (vote.ties.value, vote.ties.n) == (pytest.approx(1 / 3), 3)
    assert vote.share.tolist() == [0.5, 1.0, 1.0, 0.0]
    assert vote.escalations.reason == "there is no rule" and vote.warning is None


@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=9))
def test_the_majority_is_the_most_frequent_label(rows: list[list[int]]) -> None:
    vote = majority_vote(Ratings.from_matrix(rows))
    for row, label in zip(rows, vote.labels, strict=True):
        counts = sorted((row.count(level), level) for level in range(3))
        assert label == (None if counts[-1][0] == counts[-2][0] else counts[-1][1])


def test_bad_rules_and_empty_votes_are_refused() -> None:
    ratings = Ratings.from_matrix([[1, 2]])
    for bound in (0.0, 1.5, math.nan):
        with pytest.raises(InvalidInputError, match="no rule"):
            majority_vote(ratings, escalate_below=bound)
    with pytest.raises(InvalidInputError, match="no labels"):
        majority_vote(Ratings.from_matrix([[math.nan]]))
    for raters, levels in ((0, 2), (3, 0)):
        with pytest.raises(InvalidInputError, match="cannot vote"):
            smallest_majority(raters, levels)


def test_weights_are_the_log_odds_of_the_shrunk_record() -> None:
    # rater 0 has 9 of 10 golden labels right, rater 1 has 5 of 10; together 14.5 of 21
    truth = [0, 1] * 5
    table = [[label if row < 9 else 1 - label, label if row < 5 else 1 - label] for row, label in enumerate(truth)]
    table.append([0, 1])
    found = weighted_vote(Ratings.from_matrix(table), dict(enumerate(truth)))
    common = 14.5 / 21
    accuracy = [(9 + 4 * common) / 14, (5 + 4 * common) / 14]
    weight = [math.log(a / (1 - a)) for a in accuracy]
    assert found.rater_parameters["weight"] == pytest.approx(weight)
    assert found.labels[10] == 0
    assert found.posterior[10, 0] == pytest.approx(1 / (1 + math.exp(weight[1] - weight[0])))
    assert [estimate.value for estimate in found.quality] == [0.9, 0.5]
    assert found.labels[:10] == truth


def test_a_better_record_beats_the_majority_and_helps_on_the_whole() -> None:
    rng = np.random.default_rng(1)
    accuracy, truth = np.array([0.95, 0.6, 0.55, 0.6, 0.55]), rng.integers(2, size=2_000)
    table = np.where(rng.random((2_000, 5)) < accuracy, truth[:, None], 1 - truth[:, None])
    ratings, gold = Ratings.from_matrix(table), dict(enumerate(truth.tolist()))
    found = weighted_vote(ratings, {unit: gold[unit] for unit in range(60)})
    rest = {unit: label for unit, label in gold.items() if unit >= 60}
    vote = majority_vote(ratings).labels
    assert (found.accuracy(rest) or 0.0) > np.mean([vote[unit] == label for unit, label in rest.items()]) + 0.1


def test_a_rater_without_golden_items_counts_like_the_average() -> None:
    labels = Ratings.from_labels(["g", "g", "u"], ["a", "b", "c"], ["x", "x", "y"])
    found = weighted_vote(labels, {"g": "x", "unknown": "x"})
    assert found.quality[2].value is None and "no golden item" in (found.quality[2].reason or "")
    assert found.rater_parameters["weight"][2] == pytest.approx(math.log((2.5 / 3) / (0.5 / 3)))
    assert (found.log_likelihood, found.iterations, found.converged) == (None, 0, True)


def test_golden_items_are_needed_and_must_fit() -> None:
    ratings = Ratings.from_matrix([["a", "b"], ["b", "b"]])
    with pytest.raises(InvalidInputError, match="no golden unit"):
        weighted_vote(ratings, {7: "a"})
    with pytest.raises(InvalidInputError, match="'c' is not one of the levels"):
        weighted_vote(ratings, {0: "c"})
    with pytest.raises(InvalidInputError, match="prior_labels"):
        weighted_vote(ratings, {0: "a"}, prior_labels=0.0)
    with pytest.raises(InvalidInputError, match="two possible labels"):
        weighted_vote(Ratings.from_matrix([["a"]]), {0: "a"})
    with pytest.raises(InvalidInputError, match="confidence"):
        weighted_vote(ratings, {0: "a"}, confidence=95)
