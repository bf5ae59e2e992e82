"""Fronts, cutoffs and utilities: do statuses, costs and break-evens hold?"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from assay.stats.calibration.inputs import Floats
from assay.stats.frontier.breakeven import break_even_prevalence
from assay.stats.frontier.pareto import pareto_front
from assay.stats.frontier.threshold import ErrorCosts, cost_threshold, expected_cost
from assay.stats.frontier.utility import Operation, Utility, utility, utility_difference, utility_switch_point
from assay.stats.special import normal_cdf
from bench.coverage.case import Case

COSTS = ErrorCosts(prevalence=0.3, false_positive=1.0, false_negative=2.0)
BEST = 0.5 + math.log(0.7 / 0.6)


def _front(rng: np.random.Generator, trials: int, *, simultaneous: bool) -> int:
    truth, names, hits = np.array([[1, 0], [0.5, 0.5], [0, 1], [0.4, 0.3], [0.8, 0.0]]), "abcde", 0
    for _ in range(trials):
        found = pareto_front(names, truth + 0.15 * rng.normal(size=(5, 2)), maximise=[True, True],
                             covariance=np.full((5, 2), 0.15), rng=np.random.default_rng(1), repeats=1_000)  # fmt: skip
        if simultaneous:
            hits += set(found.certain) <= set("abc") <= set(found.possible)
        else:
            hits += {x.name for x in found.points if x.on_front} == set("abc")
    return hits


def _cut(rng: np.random.Generator, trials: int, *, what: str, honest: bool) -> int:
    hits, labels = 0, np.repeat([0, 1], 60)
    for _ in range(trials):
        scores = rng.normal(size=120) + labels
        found = cost_threshold(scores, labels, costs=COSTS, rng=rng, repeats=200)
        cut = found.threshold
        low, high = (-np.inf if cut.low is None else cut.low, np.inf if cut.high is None else cut.high)
        if what == "threshold":
            hits += (low <= BEST <= high) if honest else abs((cut.value or 0.0) - BEST) <= 1.96 / math.sqrt(120)
            continue
        at = cut.value if cut.value is not None else math.inf
        real = 0.7 * (1 - normal_cdf(at)) + 0.6 * normal_cdf(at - 1.0)
        cost = found.cost
        assert cost.low is not None and cost.high is not None and cost.value is not None
        hits += real <= (cost.high if honest else found.apparent_cost)
    return hits


def _break_even(rng: np.random.Generator, trials: int, *, paired: bool) -> int:
    hits, labels = 0, np.repeat([0, 1], 300)
    truth = (normal_cdf(-0.2) - normal_cdf(-0.8)) * 1.0
    caught = normal_cdf(0.8) - normal_cdf(0.2)
    truth = truth / (truth + 2 * caught)
    for _ in range(trials):
        scores = rng.normal(size=600) + labels
        found = break_even_prevalence(labels, scores > 0.8, scores > 0.2, false_positive=1.0, false_negative=2.0)
        if found.value is None or found.low is None or found.high is None:
            continue
        wide = found.low <= truth <= found.high
        hits += wide if paired else abs(found.value - truth) <= 1.96 * math.sqrt(found.value * (1 - found.value) / 600)
    return hits


def _fixed_cut(rng: np.random.Generator, trials: int, *, joined: bool) -> int:
    """A cutoff named beforehand that flags 1.5 % of negatives and misses 5 % of positives, 100 of each."""
    hits, labels = 0, np.repeat([0, 1], 100)
    first, second = COSTS.weights
    truth = first * 0.015 + second * 0.05
    for _ in range(trials):
        scores = np.concatenate([rng.random(100) < 0.015, rng.random(100) < 0.95])
        found = expected_cost(scores, labels, threshold=0.5, costs=COSTS)
        assert found.value is not None and found.low is not None and found.high is not None
        wald = abs(found.value - truth) <= 1.96 * (found.std_error or 0.0)
        hits += found.low <= truth <= found.high if joined else wald
    return hits


RULE = Utility(value_per_correct_usd=0.1, cost_per_second_usd=0.04)
PATIENT = Utility(value_per_correct_usd=0.1, patience_s=3.0)


def _requests(rng: np.random.Generator, hard: Floats, accuracy: float, seconds: float, price: float) -> Floats:
    """Right or not, seconds and dollars of each request; hard ones take longer and more often go wrong."""
    right = rng.random(hard.size) < accuracy + 0.3 * (0.5 - hard)
    spent = seconds * np.exp(hard - 0.5 + 0.4 * rng.normal(size=hard.size) - 0.08)
    return np.stack([right, spent, price * spent / seconds])


def _operation(rows: Floats, covariance: Floats) -> Operation:
    accuracy, seconds, price = rows.mean(axis=1).tolist()
    return Operation(accuracy=accuracy, latency_s=seconds, price_usd=price, covariance=covariance)


def _means(seconds: float, price: float) -> tuple[float, float]:
    """Seconds and dollars on average: the hardness is uniform, and E exp(u - ½) = 2 sinh ½."""
    return seconds * 2 * math.sinh(0.5), price * 2 * math.sinh(0.5)


def _utility(rng: np.random.Generator, trials: int, *, rule: Utility, joint: bool) -> int:
    seconds, price = _means(2.0, 0.01)
    gain = 0.7 * (1.0 if rule.patience_s is None else math.exp(-seconds / rule.patience_s))
    hits, truth = 0, rule.value_per_correct_usd * gain - rule.cost_per_second_usd * seconds - price
    for _ in range(trials):
        rows = _requests(rng, rng.random(400), 0.7, 2.0, 0.01)
        spread = np.cov(rows) / 400
        found = utility(_operation(rows, spread if joint else np.diag(np.diag(spread))), rule)
        assert found.low is not None and found.high is not None
        hits += found.low <= truth <= found.high
    return hits


def _two(rng: np.random.Generator, trials: int, *, what: str, right: bool) -> int:
    """A slow and a fast system on the same 150 requests."""
    slow, fast = _means(4.0, 0.02), _means(2.0, 0.01)
    behind = RULE.cost_per_second_usd * (slow[0] - fast[0]) + slow[1] - fast[1]
    hits, truth = 0, 0.15 * RULE.value_per_correct_usd - behind if what == "difference" else behind / 0.15
    for _ in range(trials):
        hard = rng.random(150)
        rows = np.concatenate([_requests(rng, hard, 0.8, 4.0, 0.02), _requests(rng, hard, 0.65, 2.0, 0.01)])
        spread = np.cov(rows) / 150
        systems = _operation(rows[:3], spread[:3, :3]), _operation(rows[3:], spread[3:, 3:])
        if what == "difference":
            found = utility_difference(*systems, RULE, cross=spread[:3, 3:] if right else None)
            assert found.low is not None and found.high is not None
            hits += found.low <= truth <= found.high
            continue
        if right:
            found = utility_switch_point(*systems, RULE, cross=spread[:3, 3:])
            hits += found.low is not None and found.low <= truth <= (math.inf if found.high is None else found.high)
            continue
        gain = rows[0].mean() - rows[3].mean()
        cost = RULE.cost_per_second_usd * (rows[1] - rows[4]) + rows[2] - rows[5]
        at = float(cost.mean() / gain)
        hits += abs(at - truth) <= 1.96 * float(cost.std()) / math.sqrt(150) / abs(gain)
    return hits


CASES = [
    Case(family="frontier", method="Pareto sets", domain="5 systems, 2 objectives, error .15", nominal=0.95,
         claim="at least", right=lambda r, t: _front(r, t, simultaneous=True),
         wrong=lambda r, t: _front(r, t, simultaneous=False), wrong_method="front of the estimates",
         short=100, long=1_000),
    Case(family="frontier", method="set of best cutoffs", domain="60 + 60 normal scores, d = 1", nominal=0.95,
         claim="at least", right=lambda r, t: _cut(r, t, what="threshold", honest=True),
         wrong=lambda r, t: _cut(r, t, what="threshold", honest=False), wrong_method="root-n error of a mean",
         short=100, long=1_000),
    Case(family="frontier", method="upper bound of a chosen cutoff's cost", domain="60 + 60 normal scores, d = 1",
         nominal=0.975, claim="at least", right=lambda r, t: _cut(r, t, what="cost", honest=True),
         wrong=lambda r, t: _cut(r, t, what="cost", honest=False), wrong_method="least cost seen",
         short=100, long=1_000),
    Case(family="frontier", method="cost of a cutoff named beforehand", domain="100 + 100 cases, 1.5 % and 5 % wrong",
         nominal=0.95, claim="equal", right=partial(_fixed_cut, joined=True),
         wrong=partial(_fixed_cut, joined=False), wrong_method="Wald", short=1_000, long=10_000, slack=0.005,
         slack_because="score bounds of a few errors, joined"),
    Case(family="frontier", method="utility, linear", domain="400 requests, hard ones slow and wrong", nominal=0.95,
         claim="equal", right=partial(_utility, rule=RULE, joint=True), wrong=partial(_utility, rule=RULE, joint=False),
         wrong_method="accuracy, latency and price as independent", short=1_500, long=15_000),
    Case(family="frontier", method="utility that decays with waiting", domain="400 requests, hard ones slow and wrong",
         nominal=0.95, claim="equal", right=partial(_utility, rule=PATIENT, joint=True),
         wrong=partial(_utility, rule=PATIENT, joint=False),
         wrong_method="accuracy, latency and price as independent", short=1_500, long=15_000),
    Case(family="frontier", method="difference of utilities", domain="two systems on the same 150 requests",
         nominal=0.95, claim="equal", right=partial(_two, what="difference", right=True),
         wrong=partial(_two, what="difference", right=False), wrong_method="systems as if on other requests",
         short=1_500, long=15_000),
    Case(family="frontier", method="worth at which the choice flips", domain="two systems on the same 150 requests",
         nominal=0.95, claim="equal", right=partial(_two, what="switch", right=True),
         wrong=partial(_two, what="switch", right=False), wrong_method="error of the extra cost alone",
         short=500, long=3_000),
    Case(family="frontier", method="break-even prevalence", domain="300 + 300 normal scores", nominal=0.95,
         claim="equal", right=lambda r, t: _break_even(r, t, paired=True),
         wrong=lambda r, t: _break_even(r, t, paired=False), wrong_method="binomial error of a share", short=500,
         long=5_000),
]  # fmt: skip
