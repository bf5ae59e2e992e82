"""Fronts, cutoffs, break-evens and utilities against scipy, scikit-learn, statsmodels and closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import optimize, stats
from sklearn.metrics import confusion_matrix, roc_curve
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from assay.core.errors import InvalidInputError
from assay.stats.frontier.breakeven import break_even_prevalence
from assay.stats.frontier.crossing import zero_crossing_bounds
from assay.stats.frontier.pareto import pareto_front
from assay.stats.frontier.threshold import ErrorCosts, cost_curve, cost_threshold, expected_cost
from assay.stats.frontier.utility import Operation, Utility, utility, utility_difference, utility_switch_point

Floats = npt.NDArray[np.float64]
RULE = Utility(value_per_correct_usd=0.1, cost_per_second_usd=0.02)
Z = 1.959963984540054


def _scored(seed: int, n: int = 60) -> tuple[Floats, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n)
    return rng.normal(size=2 * n) + labels, labels


def _requests(seed: int, n: int = 300) -> Floats:
    """Rows: right, seconds and dollars of one system, then of another on the same requests."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n)
    rows = []
    for accuracy, seconds in ((0.85, 4.0), (0.65, 2.0)):
        rows += [rng.random(n) < accuracy - 0.2 * hard, seconds * np.exp(hard), 0.004 * seconds * np.exp(hard / 2)]
    return np.array(rows, dtype=np.float64)


def _systems(rows: Floats) -> tuple[Operation, Operation, Floats]:
    spread = np.cov(rows) / rows.shape[1]
    means = rows.mean(axis=1).tolist()
    made = [
        Operation(accuracy=a, latency_s=s, price_usd=p, covariance=spread[at : at + 3, at : at + 3])
        for at, (a, s, p) in ((0, means[:3]), (3, means[3:]))
    ]
    return made[0], made[1], spread[:3, 3:]


def _net(rows: Floats, rule: Utility) -> Floats:
    return rule.value_per_correct_usd * rows[0] - rule.cost_per_second_usd * rows[1] - rows[2]


# Pareto fronts


@pytest.mark.parametrize("second", [1.0, -1.0], ids=["more is better", "less is better"])
def test_the_chance_of_being_dominated_is_an_orthant_of_the_normal_law(second: float) -> None:
    values = np.array([[0.80, 0.70], [0.78, 0.74]])
    covariance = np.array([[4, 2, 1, 0], [2, 3, 0, 1], [1, 0, 5, 3], [0, 1, 3, 4]]) * 1e-4
    contrast = np.hstack([np.eye(2), -np.eye(2)])
    between, gap = contrast @ covariance @ contrast.T, values[0] - values[1]
    turn = np.array([1.0, second])
    found = pareto_front(
        "ab", values * turn, maximise=[True, second > 0], covariance=covariance * np.outer(*[np.tile(turn, 2)] * 2),
        rng=np.random.default_rng(1), repeats=60_000,
    )  # fmt: skip
    dominated = [stats.multivariate_normal(sign * gap, between).cdf([0.0, 0.0]) for sign in (1, -1)]
    for point, chance in zip(found.points, dominated, strict=True):
        assert abs(point.probability - (1 - chance)) < 5 * point.probability_error


def test_with_one_objective_and_equal_systems_each_is_best_a_third_of_the_time() -> None:
    found = pareto_front(
        "abc", [[1], [1], [1]], maximise=[True], covariance=np.ones((3, 1)), rng=np.random.default_rng(2)
    )
    assert [p.probability for p in found.points] == pytest.approx([1 / 3] * 3, abs=0.015)
    assert found.possible == ("a", "b", "c") and not found.certain


def test_the_exact_chance_for_two_is_a_product_of_normal_tails() -> None:
    found = pareto_front(
        "ab", [[2.0, 1.0], [1.0, 1.5]], maximise=[True, False], covariance=[[0.5, 0.4], [0.3, 0.2]],
        rng=np.random.default_rng(1),
    )  # fmt: skip
    better = stats.norm.cdf([1 / math.hypot(0.5, 0.3), 0.5 / math.hypot(0.4, 0.2)])
    assert [p.probability for p in found.points] == pytest.approx([1 - np.prod(1 - better), 1 - np.prod(better)])
    assert [p.probability_error for p in found.points] == [0.0, 0.0]


def test_statuses_are_those_of_the_simultaneous_bounds_of_two_systems() -> None:
    # two differences, independent: the largest of two |t| reaches z with Šidák's chance
    z = stats.norm.ppf(0.5 + 0.95**0.5 / 2)
    for gap, status in ((z * 1.03, ("on", "off")), (z * 0.97, ("open", "open"))):
        found = pareto_front(
            "ab", [[gap, gap], [0.0, 0.0]], maximise=[True, True], covariance=np.full((2, 2), math.sqrt(0.5)),
            rng=np.random.default_rng(3),
        )  # fmt: skip
        assert tuple(p.status for p in found.points) == status


def test_what_is_known_exactly_is_decided_exactly() -> None:
    found = pareto_front("abc", [[1, 1], [1, 1], [1, 2]], maximise=[True, False], covariance=np.zeros((3, 2)),
                         rng=np.random.default_rng(1), repeats=1_000)  # fmt: skip
    assert [(p.probability, p.status) for p in found.points] == [(1.0, "on"), (1.0, "on"), (0.0, "off")]


def test_systems_of_one_known_price_share_the_front_by_accuracy_alone() -> None:
    covariance, root = np.zeros((8, 8)), np.random.default_rng(1).normal(size=(4, 4))
    covariance[::2, ::2] = root @ root.T
    found = pareto_front("abcd", [[0.0, 3.0]] * 4, maximise=[True, False], covariance=covariance,
                         rng=np.random.default_rng(1), repeats=5_000)  # fmt: skip
    assert sum(p.probability for p in found.points) == pytest.approx(1.0)


def test_a_shared_error_is_no_doubt_about_the_order() -> None:
    apart = np.kron(np.eye(2), np.eye(1)) * 0.01
    shared = np.full((2, 2), 0.01) + 1e-6 * np.eye(2)
    statuses = [
        pareto_front("ab", [[0.82], [0.80]], maximise=[True], covariance=c, rng=np.random.default_rng(1)).points[0]
        for c in (apart, shared)
    ]
    assert [p.status for p in statuses] == ["open", "on"]


# cutoffs


def test_the_best_cutoff_is_that_of_the_roc_curve() -> None:
    scores, labels = _scored(5)
    costs = ErrorCosts(prevalence=0.2, false_positive=1.0, false_negative=3.0)
    fpr, tpr, cuts = roc_curve(labels, scores, drop_intermediate=False)
    total = 0.8 * fpr + 0.6 * (1 - tpr)
    found = cost_threshold(scores, labels, costs=costs, rng=np.random.default_rng(1), repeats=200)
    assert found.apparent_cost == pytest.approx(total.min(), abs=1e-12)
    value = found.threshold.value
    assert value is not None
    assert ((scores >= value) == (scores >= cuts[total.argmin()])).all()
    assert found.trivial_cost == pytest.approx(min(0.8, 0.6))
    (tn, fp), (fn, tp) = confusion_matrix(labels, scores >= value)
    assert found.apparent_cost == pytest.approx(0.8 * fp / (fp + tn) + 0.6 * fn / (fn + tp))


def test_the_best_cutoff_of_two_normal_classes_is_where_the_weighted_densities_cross() -> None:
    # N(0, 1) and N(2, 1): (1 - π) w₁ φ(t) = π w₂ φ(t - 2) at t = 1 + log((1 - π) w₁ / (π w₂)) / 2
    quantiles = stats.norm.ppf((np.arange(2_000) + 0.5) / 2_000)
    scores, labels = np.concatenate([quantiles, quantiles + 2.0]), np.repeat([0, 1], 2_000)
    for prevalence in (0.5, 0.1):
        curve = cost_curve(
            scores, labels, prevalences=[prevalence], false_positive=1, false_negative=2, rng=np.random.default_rng(1)
        )
        best = 1.0 + math.log((1 - prevalence) / (2 * prevalence)) / 2
        assert curve[0].threshold == pytest.approx(best, abs=0.06)
        low, high = stats.norm.sf(best), stats.norm.cdf(best - 2.0)
        assert curve[0].cost.value == pytest.approx((1 - prevalence) * low + 2 * prevalence * high, abs=0.01)


def test_the_curve_equals_the_cutoff_found_at_each_base_rate() -> None:
    scores, labels = _scored(6)
    for point in cost_curve(
        scores, labels, prevalences=[0.05, 0.5, 0.9], false_positive=1, false_negative=2, rng=np.random.default_rng(1)
    ):
        costs = ErrorCosts(prevalence=point.prevalence, false_positive=1, false_negative=2)
        alone = cost_threshold(scores, labels, costs=costs, rng=np.random.default_rng(1), repeats=200)
        assert (alone.threshold.value if alone.threshold.value is not None else math.inf) == point.threshold
        assert (point.cost.value, point.trivial_cost) == (alone.cost.value, alone.trivial_cost)


def test_separable_scores_cost_nothing_seen_but_have_an_upper_bound() -> None:
    scores, labels = np.concatenate([np.arange(20.0), np.arange(20.0) + 50.0]), np.repeat([0, 1], 20)
    costs = ErrorCosts(prevalence=0.5, false_positive=1.0, false_negative=1.0)
    found = cost_threshold(scores, labels, costs=costs, rng=np.random.default_rng(1), repeats=200)
    assert (found.threshold.value, found.apparent_cost, found.cost.value) == (34.5, 0.0, 0.0)
    _, high = proportion_confint(0, 20, method="wilson")
    assert (found.cost.low, found.cost.high) == pytest.approx((0.0, 0.5 * high * math.sqrt(2)), abs=1e-12)


def test_the_bounds_of_a_cost_join_those_of_statsmodels() -> None:
    labels, flagged = np.repeat([0, 1], [80, 40]), np.repeat([1, 0, 1, 0], [7, 73, 34, 6])
    costs = ErrorCosts(prevalence=0.1, false_positive=2.0, false_negative=5.0)
    found = expected_cost(flagged, labels, threshold=0.5, costs=costs)
    (low1, high1), (low2, high2) = (proportion_confint(k, n, method="wilson") for k, n in ((7, 80), (6, 40)))
    value = 1.8 * 7 / 80 + 0.5 * 6 / 40
    assert found.value == pytest.approx(value)
    assert found.low == pytest.approx(value - math.hypot(1.8 * (7 / 80 - low1), 0.5 * (0.15 - low2)), rel=1e-9)
    assert found.high == pytest.approx(value + math.hypot(1.8 * (high1 - 7 / 80), 0.5 * (high2 - 0.15)), rel=1e-9)


def test_a_score_at_the_cutoff_is_flagged_as_scikit_learn_does() -> None:
    scores, labels = np.array([0.1, 0.5, 0.5, 0.9]), np.array([0, 0, 1, 1])
    costs = ErrorCosts(prevalence=0.25, false_positive=1.0, false_negative=1.0)
    fpr, tpr, cuts = roc_curve(labels, scores, drop_intermediate=False)
    for cut, alarms, hits in zip(cuts, fpr, tpr, strict=True):
        found = expected_cost(scores, labels, threshold=float(cut), costs=costs)
        assert found.value == pytest.approx(0.75 * alarms + 0.25 * (1 - hits))


def test_flagging_nothing_costs_every_miss() -> None:
    scores, labels = _scored(7)
    costs = ErrorCosts(prevalence=0.3, false_positive=1.0, false_negative=4.0)
    found = expected_cost(scores, labels, threshold=math.inf, costs=costs)
    assert found.value == pytest.approx(1.2)
    assert found.std_error is None and found.low is not None and found.low < 1.2 < (found.high or 0.0)


# break-evens


def test_the_break_even_bounds_are_where_the_paired_z_test_gives_way() -> None:
    rng = np.random.default_rng(8)
    labels, score = np.repeat([0, 1], [120, 80]), rng.normal(size=200)
    strict, loose = score + 1.2 * labels > 1.0, score + 1.2 * labels > 0.3
    found = break_even_prevalence(labels, strict, loose, false_positive=1.0, false_negative=3.0)

    def paired(of: npt.NDArray[np.bool_]) -> tuple[float, float]:
        n, net = int(of.sum()), float(strict[of].sum() - loose[of].sum())
        apart = float((strict != loose)[of].sum())
        return net / n, (apart + 1 - net**2 / (n + 2)) / (n + 2) ** 2

    (extra, v0), (caught, v1) = paired(labels == 0), paired(labels == 1)

    def z_score(pi: float) -> float:
        difference = (1 - pi) * extra - 3 * pi * caught
        return difference / math.sqrt((1 - pi) ** 2 * v0 + 9 * pi**2 * v1)

    root = optimize.brentq(z_score, 0, 1)
    ends = sorted(optimize.brentq(lambda p, t=t: z_score(p) - t, 0, 1) for t in (-Z, Z))
    assert (found.value, found.low, found.high) == pytest.approx((root, *ends), abs=1e-9)


def test_at_the_break_even_the_confusion_matrices_cost_the_same() -> None:
    scores, labels = _scored(9)
    ways = scores > 0.9, scores > 0.2
    found = break_even_prevalence(labels, *ways, false_positive=2.0, false_negative=5.0)
    assert found.value is not None
    costs = []
    for way in ways:
        (tn, fp), (fn, tp) = confusion_matrix(labels, way)
        costs.append((1 - found.value) * 2 * fp / (fp + tn) + found.value * 5 * fn / (fn + tp))
    assert costs[0] == pytest.approx(costs[1])


def test_a_break_even_that_may_be_anywhere_reaches_both_ends() -> None:
    labels, strict, loose = [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0], [1, 0, 0, 1, 1, 1]
    found = break_even_prevalence(labels, strict, loose, false_positive=1.0, false_negative=1.0)
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def _break_even(labels: object, first: object, second: object, cost: float = 1.0) -> object:
    return break_even_prevalence(labels, first, second, false_positive=cost, false_negative=1.0)  # type: ignore[arg-type]


def _front(names: str, values: object, **more: object) -> object:
    return pareto_front(names, values, maximise=[True], rng=np.random.default_rng(1), **more)  # type: ignore[arg-type]


def _curve(prevalences: list[float], folds: int) -> object:
    return cost_curve([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], prevalences=prevalences, false_positive=1, false_negative=1,
                      folds=folds, rng=np.random.default_rng(1))  # fmt: skip


def _priced(accuracy: float, covariance: object, rule: Utility = RULE) -> object:
    return utility(Operation(accuracy=accuracy, latency_s=1, price_usd=1, covariance=covariance), rule)  # type: ignore[arg-type]


def _switch(over: str, rule: Utility) -> object:
    return utility_switch_point(*_systems(_requests(1))[:2], rule, over=over)  # type: ignore[arg-type]


EVEN = ErrorCosts(prevalence=0.5, false_positive=1, false_negative=1)
REFUSED = {
    "a class is missing": lambda: _break_even([0, 0], [0, 1], [1, 0]),
    "a cost of 0": lambda: _break_even([0, 1], [0, 1], [1, 0], 0.0),
    "a flag of 2": lambda: _break_even([0, 1], [0, 2], [1, 0]),
    "lengths differ": lambda: _break_even([0, 1], [0], [1, 0]),
    "no negatives": lambda: expected_cost([1.0, 2.0], [1, 1], threshold=1.5, costs=EVEN),
    "no base rates": lambda: _curve([], 2),
    "more folds than cases": lambda: _curve([0.5], 3),
    "few repeats": lambda: cost_threshold(*_scored(1), costs=EVEN, rng=np.random.default_rng(1), repeats=9),
    "neither covariance nor draws": lambda: _front("ab", [[1.0], [2.0]]),
    "a name twice": lambda: _front("aa", [[1.0], [2.0]], covariance=[[1.0], [1.0]]),
    "one system": lambda: _front("a", [[1.0]], covariance=[[1.0]]),
    "an indefinite covariance": lambda: _front("ab", [[1.0], [2.0]], covariance=[[1.0, 2.0], [2.0, 1.0]]),
    "a negative error": lambda: _front("ab", [[1.0], [2.0]], covariance=[[-1.0], [1.0]]),
    "few draws": lambda: _front("ab", [[1.0], [2.0]], draws=np.zeros((10, 2, 1))),
    "accuracy beyond 1": lambda: _priced(1.2, [0, 0, 0]),
    "an error below 0": lambda: _priced(0.5, [0, -1, 0]),
    "a variance below 0": lambda: _priced(0.5, np.diag([1.0, 1.0, -1.0])),
    "a cross covariance of another shape": lambda: utility_difference(
        *_systems(_requests(1))[:2], RULE, cross=np.zeros((2, 2))
    ),
    "no such rate": lambda: _switch("patience_s", RULE),
    "no cost per second": lambda: _switch("cost_per_second_usd", Utility(value_per_correct_usd=1, patience_s=1)),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_with_a_hint(call: Callable[[], object]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        call()
    assert caught.value.hint


# utilities


def test_utility_is_the_mean_net_worth_of_the_requests_with_its_z_interval() -> None:
    rows = _requests(3)
    first, _, _ = _systems(rows)
    found = utility(first, RULE, n=300)
    low, high = DescrStatsW(_net(rows[:3], RULE)).zconfint_mean()
    assert (found.value, found.low, found.high, found.n) == pytest.approx((_net(rows[:3], RULE).mean(), low, high, 300))


def test_difference_is_the_mean_of_paired_net_worths_with_its_z_interval() -> None:
    rows = _requests(4)
    first, second, cross = _systems(rows)
    gaps = _net(rows[:3], RULE) - _net(rows[3:], RULE)
    found = utility_difference(first, second, RULE, cross=cross)
    assert (found.low, found.high) == pytest.approx(DescrStatsW(gaps).zconfint_mean())
    apart = utility_difference(first, second, RULE)
    assert apart.std_error == pytest.approx(
        math.hypot(*(DescrStatsW(_net(part, RULE)).std_mean for part in (rows[:3], rows[3:])))
    )


def test_the_gradient_of_the_decaying_form_is_the_numeric_one() -> None:
    rule, point = Utility(value_per_correct_usd=0.4, patience_s=3.0), np.array([0.8, 2.0, 0.05])
    covariance = np.array([[4e-4, -1e-4, 1e-5], [-1e-4, 9e-2, 1e-4], [1e-5, 1e-4, 1e-6]])

    def worth(x: Floats) -> float:
        return float(0.4 * x[0] * math.exp(-x[1] / 3.0) - x[2])

    slope = optimize.approx_fprime(point, worth, 1e-7)
    found = utility(Operation(accuracy=0.8, latency_s=2.0, price_usd=0.05, covariance=covariance), rule)
    assert found.value == pytest.approx(worth(point))
    assert found.std_error == pytest.approx(math.sqrt(slope @ covariance @ slope), rel=1e-5)


def test_decaying_worths_of_two_systems_join_by_the_numeric_gradient() -> None:
    rows = _requests(8)
    first, second, cross = _systems(rows)
    rule = Utility(value_per_correct_usd=0.4, patience_s=3.0)

    def gap(x: Floats) -> float:
        return float(0.4 * x[0] * math.exp(-x[1] / 3) - x[2] - 0.4 * x[3] * math.exp(-x[4] / 3) + x[5])

    slope = optimize.approx_fprime(rows.mean(axis=1), gap, 1e-7)
    found = utility_difference(first, second, rule, cross=cross)
    assert found.std_error == pytest.approx(math.sqrt(slope @ (np.cov(rows) / 300) @ slope), rel=1e-5)


def test_a_system_known_exactly_has_a_utility_without_doubt() -> None:
    found = utility(Operation(accuracy=0.0, latency_s=0.0, price_usd=0.0, covariance=[0, 0, 0]), RULE)
    assert (found.value, found.low, found.high, found.std_error) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(("seed", "n"), [(5, 300), (17, 100)], ids=["clear gain", "bound of 22 times the value"])
def test_the_switch_point_is_the_cost_of_one_more_right_answer_by_fiellers_formula(seed: int, n: int) -> None:
    rows = _requests(seed, n)
    first, second, cross = _systems(rows)
    found = utility_switch_point(first, second, RULE, cross=cross)
    gain, cost = rows[0] - rows[3], 0.02 * (rows[1] - rows[4]) + rows[2] - rows[5]
    (v_gain, both), (_, v_cost) = np.cov(gain, cost) / n
    a, b, c = (
        gain.mean() ** 2 - Z**2 * v_gain,
        gain.mean() * cost.mean() - Z**2 * both,
        cost.mean() ** 2 - Z**2 * v_cost,
    )
    root = math.sqrt(b * b - a * c)
    assert a > 0
    expected = cost.mean() / gain.mean(), (b - root) / a, (b + root) / a
    assert (found.value, found.low, found.high) == pytest.approx(expected, rel=1e-9)


def test_without_a_gain_that_is_told_from_none_the_switch_point_has_no_upper_bound() -> None:
    first = Operation(accuracy=0.81, latency_s=3.0, price_usd=0.02, covariance=[0.02, 0.0, 0.0])
    second = Operation(accuracy=0.80, latency_s=1.0, price_usd=0.01, covariance=[0.02, 0.0, 0.0])
    found = utility_switch_point(first, second, RULE)
    assert found.value == pytest.approx((0.04 + 0.01) / 0.01) and found.high is None and found.reason
    same = utility_switch_point(first, first, RULE)
    assert same.value is None and same.reason
    ahead = Operation(accuracy=0.9, latency_s=0.5, price_usd=0.01, covariance=[0.02, 0.0, 0.0])
    assert utility_switch_point(ahead, second, RULE).value is None


def test_the_worth_of_a_second_at_which_two_systems_are_equal() -> None:
    rows = _requests(6)
    first, second, cross = _systems(rows)
    rule = Utility(value_per_correct_usd=2.0)
    found = utility_switch_point(first, second, rule, over="cost_per_second_usd", cross=cross)
    gain = 2.0 * (rows[0] - rows[3]) - (rows[2] - rows[5])
    assert found.value == pytest.approx(gain.mean() / (rows[1] - rows[4]).mean())
    for end in (found.low, found.high):
        assert end is not None
        rate = Utility(value_per_correct_usd=2.0, cost_per_second_usd=end)
        gap = DescrStatsW(_net(rows[:3], rate) - _net(rows[3:], rate))
        assert abs(gap.mean / gap.std_mean) == pytest.approx(Z, rel=1e-6)


def test_crossing_bounds_of_a_line_with_constant_error_are_root_plus_and_minus() -> None:
    assert zero_crossing_bounds(lambda x: (2 * x - 4, 0.5), 2.0, low=0.0, high=math.inf, z=2.0) == pytest.approx(
        (1.5, 2.5)
    )
    assert zero_crossing_bounds(lambda x: (2 * x - 4, 50.0), 2.0, low=0.0, high=9.0, z=2.0) == (None, None)
