"""Fronts, cutoffs and utilities: do statuses, costs and break-evens hold?"""

from __future__ import annotations

import math

import numpy as np

from assay.stats.frontier.breakeven import break_even_prevalence
from assay.stats.frontier.pareto import pareto_front
from assay.stats.frontier.threshold import ErrorCosts, cost_threshold
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
    Case(family="frontier", method="break-even prevalence", domain="300 + 300 normal scores", nominal=0.95,
         claim="equal", right=lambda r, t: _break_even(r, t, paired=True),
         wrong=lambda r, t: _break_even(r, t, paired=False), wrong_method="binomial error of a share", short=500,
         long=5_000),
]  # fmt: skip
