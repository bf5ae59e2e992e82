"""Fronts, cutoffs, break-evens and utilities on cases done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from assay.core.errors import InvalidInputError
from assay.stats.frontier.breakeven import break_even_prevalence
from assay.stats.frontier.pareto import pareto_front
from assay.stats.frontier.threshold import ErrorCosts, cost_curve, cost_threshold, expected_cost
from assay.stats.frontier.utility import Operation, Utility, utility, utility_difference, utility_switch_point

FAST = Operation(accuracy=0.8, latency_s=1.0, price_usd=0.01, covariance=[0.01, 0.05, 0.001])
SLOW = Operation(accuracy=0.9, latency_s=5.0, price_usd=0.02, covariance=[0.01, 0.05, 0.001])


def test_two_tied_systems_are_each_on_the_front_with_three_quarters() -> None:
    found = pareto_front("ab", [[1, 1], [1, 1]], maximise=[True, True], covariance=np.ones((2, 2, 2)) * np.eye(2),
                         rng=np.random.default_rng(1))  # fmt: skip
    assert [p.probability for p in found.points] == [0.75, 0.75]
    assert (found.certain, found.possible) == ((), ("a", "b"))


def test_draws_agree_with_the_exact_probability_and_known_prices_stay_exact() -> None:
    rng = np.random.default_rng(2)
    values, errors = np.array([[0.8, 1.0], [0.85, 1.0]]), np.array([[0.05, 0.0], [0.05, 0.0]])
    exact = pareto_front("ab", values, maximise=[True, False], covariance=errors, rng=rng)
    drawn = pareto_front("ab", values, maximise=[True, False], draws=values + errors * rng.normal(size=(9_000, 2, 2)),
                         rng=rng)  # fmt: skip
    for a, b in zip(exact.points, drawn.points, strict=True):
        assert a.probability == pytest.approx(b.probability, abs=0.03)
    assert sum(p.probability for p in exact.points) == pytest.approx(1.0)


def test_expected_cost_equals_the_confusion_matrix() -> None:
    rng = np.random.default_rng(3)
    labels, scores = np.repeat([0, 1], 50), rng.normal(size=100)
    (tn, fp), (fn, tp) = confusion_matrix(labels, scores >= 0.2)
    costs = ErrorCosts(prevalence=0.02, false_positive=1.0, false_negative=30.0)
    found = expected_cost(scores, labels, threshold=0.2, costs=costs)
    assert found.value == pytest.approx(0.98 * fp / (fp + tn) + 0.6 * fn / (fn + tp))


def test_useless_scores_cost_no_less_than_flagging_nothing_once_crossfitted() -> None:
    rng = np.random.default_rng(4)
    labels, scores = np.repeat([0, 1], 100), rng.normal(size=200)
    costs = ErrorCosts(prevalence=0.5, false_positive=1.0, false_negative=1.0)
    found = cost_threshold(scores, labels, costs=costs, rng=rng)
    assert found.cost.value is not None and found.cost.high is not None
    assert found.apparent_cost < found.trivial_cost <= found.cost.high
    point = cost_curve(scores, labels, prevalences=[1e-6], false_positive=1, false_negative=1, rng=rng)[0]
    assert math.isinf(point.threshold)


def test_break_even_of_dominated_ways_has_none() -> None:
    found = break_even_prevalence([0, 0, 1, 1], [0, 0, 1, 1], [1, 0, 0, 1], false_positive=1, false_negative=1)
    assert found.value is None and found.reason


def test_the_utilities_are_equal_at_the_switch_point_and_decay_with_patience() -> None:
    rule = Utility(value_per_correct_usd=0.1, cost_per_second_usd=0.005)
    switch = utility_switch_point(SLOW, FAST, rule)
    assert switch.value == pytest.approx(0.3)
    there = Utility(value_per_correct_usd=0.3, cost_per_second_usd=0.005)
    assert utility_difference(SLOW, FAST, there).value == pytest.approx(0.0)
    end = Utility(value_per_correct_usd=switch.low or 0.0, cost_per_second_usd=0.005)
    assert utility_difference(SLOW, FAST, end).high == pytest.approx(0.0, abs=1e-9)
    patient = Utility(value_per_correct_usd=1.0, patience_s=10.0)
    assert utility(FAST, patient).value == pytest.approx(0.8 * math.exp(-0.1) - 0.01)


def test_bad_input_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        ErrorCosts(prevalence=1.0, false_positive=1.0, false_negative=1.0)
    with pytest.raises(InvalidInputError):
        pareto_front(
            "ab", [[1.0], [math.nan]], maximise=[True], covariance=[[1.0], [1.0]], rng=np.random.default_rng(1)
        )
    with pytest.raises(InvalidInputError):
        Utility(value_per_correct_usd=1.0, cost_per_second_usd=1.0, patience_s=1.0)
