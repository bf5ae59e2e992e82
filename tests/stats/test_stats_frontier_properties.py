"""What holds for any front, cutoff, break-even and utility: order, scale and names play no part."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.records import Estimate
from assay.stats.frontier.breakeven import break_even_prevalence
from assay.stats.frontier.pareto import pareto_front
from assay.stats.frontier.threshold import ErrorCosts, cost_threshold, expected_cost
from assay.stats.frontier.utility import Operation, Utility, utility, utility_difference, utility_switch_point

pytestmark = pytest.mark.slow

Floats = npt.NDArray[np.float64]
FEW = settings(max_examples=25, deadline=None)
MANY = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 10_000)
COSTS = st.builds(
    ErrorCosts, prevalence=st.floats(0.01, 0.99), false_positive=st.floats(0.1, 50), false_negative=st.floats(0.1, 50)
)


def _labelled(seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], rng.integers(10, 40, size=2))
    return np.round(rng.normal(size=labels.size) + rng.uniform(0, 2) * labels, 1), labels


def _bounds(found: Estimate) -> tuple[float, float, float]:
    assert found.value is not None and found.low is not None and found.high is not None
    return found.value, found.low, found.high


@FEW
@given(SEEDS)
def test_the_order_and_direction_of_systems_play_no_part_in_a_front(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, m = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    values, errors = rng.normal(size=(k, m)), rng.uniform(0.05, 0.5, size=(k, m))
    names, maximise = [f"s{i}" for i in range(k)], (rng.random(m) < 0.5).tolist()

    def front(order: npt.NDArray[np.int64], sign: float) -> dict[str, tuple[bool, float, float]]:
        found = pareto_front(
            [names[i] for i in order], sign * values[order], maximise=[x == (sign > 0) for x in maximise],
            covariance=errors[order], rng=np.random.default_rng(1), repeats=4_000,
        )  # fmt: skip
        assert set(found.certain) <= {p.name for p in found.points if p.on_front} <= set(found.possible)
        return {p.name: (p.on_front, p.probability, p.probability_error) for p in found.points}

    plain = front(np.arange(k), 1.0)
    for other in (front(rng.permutation(k), 1.0), front(np.arange(k), -1.0)):
        for name in names:
            assert plain[name][0] == other[name][0]
            assert abs(plain[name][1] - other[name][1]) <= 6 * math.hypot(plain[name][2], other[name][2], 1e-3)


@FEW
@given(SEEDS, st.floats(0.01, 100), st.floats(-50, 50))
def test_units_play_no_part_in_a_front(seed: int, factor: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    values, errors = rng.normal(size=(3, 2)), rng.uniform(0.05, 0.5, size=(3, 2))
    plain, other = (
        pareto_front("abc", v, maximise=[True, False], covariance=e, rng=np.random.default_rng(1), repeats=2_000)
        for v, e in ((values, errors), (shift + factor * values, factor * errors))
    )
    assert [p.on_front for p in plain.points] == [p.on_front for p in other.points]
    assert [p.probability for p in plain.points] == pytest.approx([p.probability for p in other.points], abs=2e-3)


@MANY
@given(SEEDS, COSTS, st.floats(-2, 3))
def test_a_cost_stands_inside_its_bounds_and_scales_with_its_unit(seed: int, costs: ErrorCosts, cut: float) -> None:
    scores, labels = _labelled(seed)
    value, low, high = _bounds(expected_cost(scores, labels, threshold=cut, costs=costs))
    assert 0.0 - 1e-9 <= low <= value <= high <= sum(costs.weights) * (1 + 1e-9)
    dear = ErrorCosts(
        prevalence=costs.prevalence, false_positive=7 * costs.false_positive, false_negative=7 * costs.false_negative
    )
    assert _bounds(expected_cost(scores, labels, threshold=cut, costs=dear)) == pytest.approx(
        (7 * value, 7 * low, 7 * high)
    )


@MANY
@given(SEEDS, COSTS, st.floats(-2, 3))
def test_with_the_classes_exchanged_the_cost_is_the_same(seed: int, costs: ErrorCosts, cut: float) -> None:
    scores, labels = _labelled(seed)
    cut = round(cut, 1) + 0.05  # between scores, so that no score stands on it
    turned = ErrorCosts(
        prevalence=1 - costs.prevalence, false_positive=costs.false_negative, false_negative=costs.false_positive
    )
    plain = _bounds(expected_cost(scores, labels, threshold=cut, costs=costs))
    assert _bounds(expected_cost(-scores, 1 - labels, threshold=-cut, costs=turned)) == pytest.approx(plain)


@FEW
@given(SEEDS, COSTS)
def test_no_cutoff_is_cheaper_than_the_best_and_a_rising_scale_keeps_it(seed: int, costs: ErrorCosts) -> None:
    scores, labels = _labelled(seed)
    found = cost_threshold(scores, labels, costs=costs, rng=np.random.default_rng(1), repeats=200)
    tried = [expected_cost(scores, labels, threshold=t, costs=costs).value for t in [*scores.tolist(), math.inf]]
    assert found.apparent_cost == pytest.approx(min(x for x in tried if x is not None))
    assert found.apparent_cost <= found.trivial_cost + 1e-12
    bent, stretched = (
        cost_threshold(s, labels, costs=costs, rng=np.random.default_rng(1), repeats=200)
        for s in (np.exp(scores), 4 * scores)
    )
    assert bent.apparent_cost == found.apparent_cost
    # cutoffs half-way between scores move with a straight scale only
    assert stretched.cost == found.cost
    low, value, high = (
        end if x is None else x
        for x, end in zip(
            (found.threshold.low, found.threshold.value, found.threshold.high), (-math.inf, 0, math.inf), strict=True
        )
    )
    assert low <= value <= high or found.threshold.value is None


@MANY
@given(SEEDS, st.floats(0.1, 20), st.floats(0.1, 20), st.floats(0.1, 10))
def test_a_break_even_knows_no_order_of_the_two_ways(seed: int, first: float, second: float, factor: float) -> None:
    scores, labels = _labelled(seed)
    ways = scores > 0.6, scores > 0.1
    found = break_even_prevalence(labels, *ways, false_positive=first, false_negative=second)
    swapped = break_even_prevalence(labels, *ways[::-1], false_positive=first, false_negative=second)
    dear = break_even_prevalence(labels, *ways, false_positive=factor * first, false_negative=factor * second)
    if found.value is None:
        assert swapped.value is None and dear.value is None and found.reason
        return
    value, low, high = _bounds(found)
    assert 0.0 <= low <= value <= high <= 1.0
    assert _bounds(swapped) == pytest.approx((value, low, high), abs=1e-9)
    assert _bounds(dear) == pytest.approx((value, low, high), abs=1e-9)


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    root = np.array(draw(st.lists(st.floats(-0.05, 0.05), min_size=9, max_size=9))).reshape(3, 3)
    return Operation(
        accuracy=draw(st.floats(0, 1)), latency_s=draw(st.floats(0, 20)), price_usd=draw(st.floats(0, 1)),
        covariance=root @ root.T,
    )  # fmt: skip


RULES = st.one_of(
    st.builds(Utility, value_per_correct_usd=st.floats(0, 5), cost_per_second_usd=st.floats(0, 1)),
    st.builds(Utility, value_per_correct_usd=st.floats(0, 5), patience_s=st.floats(0.5, 50)),
)


@MANY
@given(operations(), operations(), RULES, st.floats(-1e-4, 1e-4))
def test_a_difference_is_one_utility_less_the_other_and_turns_its_sign(
    first: Operation, second: Operation, rule: Utility, shared: float
) -> None:
    a, b = utility(first, rule), utility(second, rule)
    assert a.value is not None and b.value is not None and a.std_error is not None and b.std_error is not None
    value, low, high = _bounds(utility_difference(first, second, rule))
    assert value == pytest.approx(a.value - b.value, abs=1e-12)
    assert high - low == pytest.approx(2 * 1.959963984540054 * math.hypot(a.std_error, b.std_error), abs=1e-12)
    cross = np.full((3, 3), shared)
    forward, back = (
        _bounds(utility_difference(*pair, rule, cross=c))
        for pair, c in (((first, second), cross), ((second, first), cross.T))
    )
    assert forward == pytest.approx((-back[0], -back[2], -back[1]), abs=1e-12)


@MANY
@given(operations(), operations(), st.floats(0, 1))
def test_at_the_switch_point_the_difference_is_zero_and_at_its_bounds_just_told(
    first: Operation, second: Operation, cost: float
) -> None:
    rule = Utility(value_per_correct_usd=0.0, cost_per_second_usd=cost)
    found = utility_switch_point(first, second, rule)
    if found.value is None or found.value > 1e6:
        return
    at = utility_difference(first, second, Utility(value_per_correct_usd=found.value, cost_per_second_usd=cost))
    assert at.value == pytest.approx(0.0, abs=1e-9 * (1 + found.value))
    assert found.low is not None and 0.0 <= found.low <= found.value
    for end in (found.low, found.high):
        if end is not None and 0.0 < end < 1e6:
            there = utility_difference(first, second, Utility(value_per_correct_usd=end, cost_per_second_usd=cost))
            assert there.value is not None and there.std_error is not None
            assert abs(there.value) == pytest.approx(1.959963984540054 * there.std_error, rel=1e-4, abs=1e-9)
