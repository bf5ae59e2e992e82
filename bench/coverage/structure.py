"""Preference structure: do shortlists, rankings, cycles, promoter scores and proxies keep their promises?"""

from __future__ import annotations

import numpy as np

from assay.core.records import Estimate
from assay.stats.ratings.battles import PairCounts
from assay.stats.ratings.bradley_terry import bradley_terry
from assay.stats.structure.hodge import hodge_rank
from assay.stats.structure.plackett_luce import plackett_luce
from assay.stats.structure.promoters import net_promoter_score
from assay.stats.structure.proxy import proxy_validity
from assay.stats.structure.rare import rare_harm_bound
from assay.stats.structure.screening import screen_candidates
from bench.coverage.case import Case


def _holds(found: Estimate, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def _winner(rng: np.random.Generator, trials: int, *, corrected: bool) -> int:
    hits = 0
    for _ in range(trials):
        scores = rng.normal(size=10)
        names = [str(x) for x in range(10)]
        best = screen_candidates(names, scores, np.ones(10), k=1, rng=np.random.default_rng(1)).selected[0]
        hits += _holds(best.corrected if corrected else best.naive, 0.0)
    return hits


def _harm(rng: np.random.Generator, trials: int, *, exact: bool) -> int:
    seen = rng.binomial(1_000, 0.005, size=trials)
    bound = {
        x: rare_harm_bound(x, 1_000).high if exact else x / 1e3 + 1.645 * (x / 1e6) ** 0.5 for x in set(seen.tolist())
    }
    return sum(bound[x] >= 0.005 for x in seen.tolist())


def _nps(rng: np.random.Generator, trials: int, *, multinomial: bool) -> int:
    hits = 0
    for promoters, passives, detractors in rng.multinomial(60, [0.5, 0.3, 0.2], size=trials).tolist():
        if multinomial:
            hits += _holds(net_promoter_score(promoters, passives, detractors).score, 30.0)
        else:
            p, d = promoters / 60, detractors / 60
            hits += abs(p - d - 0.3) <= 1.96 * ((p * (1 - p) + d * (1 - d)) / 60) ** 0.5
    return hits


def _rankings(rng: np.random.Generator, trials: int, *, whole: bool) -> int:
    truth, names, hits = np.array([0.6, 0.2, 0.0, -0.3, -0.5]), "abcde", 0
    for _ in range(trials):
        order = np.argsort(-(truth + rng.gumbel(size=(100, 5))), axis=1)
        if whole:
            table = plackett_luce([[names[i] for i in row] for row in order])
        else:
            i, j = np.triu_indices(5, 1)
            a, b = order[:, i].ravel(), order[:, j].ravel()
            wins = np.ones(a.size)
            table = bradley_terry(PairCounts.of(a, b, wins_a=wins, wins_b=0 * wins, names=list(names)))
        hits += _holds(table.difference("a", "e"), 1.1)
    return hits


def _cycle(rng: np.random.Generator, trials: int, *, simulated: bool) -> int:
    rating, hits = np.linspace(-0.5, 0.5, 6), 0
    a, b = np.triu_indices(6, 1)
    chance = 1 / (1 + np.exp(rating[b] - rating[a]))
    for _ in range(trials):
        wins = rng.binomial(20, chance)
        counts = PairCounts.of(a, b, wins_a=wins, wins_b=20 - wins, names=list("abcdef"))
        if simulated:
            hits += (hodge_rank(counts, rng=rng, repeats=199).p_value or 1.0) <= 0.05
        else:
            beats = np.zeros((6, 6))
            beats[a, b], beats[b, a] = wins > 10, wins < 10
            hits += np.trace(beats @ beats @ beats) > 0
    return hits


def _slope(rng: np.random.Generator, trials: int, *, corrected: bool) -> int:
    hits = 0
    for _ in range(trials):
        real = rng.normal(size=60)
        offline, online = real + 0.7 * rng.normal(size=60), 0.8 * real + 0.3 * rng.normal(size=60)
        errors = np.full(60, 0.7) if corrected else None
        hits += _holds(proxy_validity(offline, online, offline_errors=errors).slope, 0.8)
    return hits


def _case(method: str, domain: str, nominal: float, claim: str, simulate, name: str, wrong: str, short: int) -> Case:  # type: ignore[no-untyped-def]
    return Case(
        family="structure", method=method, domain=domain, nominal=nominal, claim=claim,  # type: ignore[arg-type]
        right=lambda rng, trials: simulate(rng, trials, **{name: True}),
        wrong=lambda rng, trials: simulate(rng, trials, **{name: False}),
        wrong_method=wrong, short=short, long=5 * short,
    )  # fmt: skip


CASES = [
    _case("hybrid interval of a winner", "best of 10 equal normal scores", 0.95, "at least", _winner, "corrected",
          "interval as if not picked", 60),
    _case("exact upper bound of a rare harm", "1,000 exposures, rate .005", 0.95, "at least", _harm, "exact",
          "normal bound", 2_000),
    _case("net promoter score", "60 answers, 50/30/20", 0.95, "at least", _nps, "multinomial",
          "the two shares as independent", 3_000),
    _case("Plackett-Luce sandwich", "100 rankings of five, difference of two", 0.95, "equal", _rankings, "whole",
          "all pairs as independent battles", 300),
    _case("Hodge cycle test", "6 models, 20 battles a pair, a true ranking", 0.05, "equal", _cycle, "simulated",
          "a cycle of majorities seen", 300),
    _case("slope with errors in the offline metric", "60 experiments, reliability .67", 0.95, "at least", _slope,
          "corrected", "least squares", 200),
]  # fmt: skip
