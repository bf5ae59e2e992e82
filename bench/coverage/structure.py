"""Preference structure: do shortlists, rankings, cycles, promoter scores and proxies keep their promises?"""

from __future__ import annotations

from functools import partial
from itertools import combinations

import numpy as np

from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats
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


def _picked(rng: np.random.Generator, trials: int, *, corrected: bool, k: int, truth: Floats, shared: float) -> int:
    """Every pick is a trial: the promise is about the share of intervals that miss."""
    hits, names = 0, [str(x) for x in range(truth.size)]
    covariance = np.full((truth.size, truth.size), shared) + (1.0 - shared) * np.eye(truth.size)
    for _ in range(trials // k):
        scores = rng.multivariate_normal(truth, covariance)
        if corrected:
            found = screen_candidates(names, scores, covariance, k=k, rng=np.random.default_rng(1))
            hits += sum(_holds(one.corrected, truth[int(one.name)]) for one in found.selected)
        else:
            best = np.argsort(-scores)[:k]
            hits += int((np.abs(scores - truth)[best] <= 1.96).sum())
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


def _slope(rng: np.random.Generator, trials: int, *, corrected: bool, what: str = "slope") -> int:
    hits, truth = 0, {"slope": 0.8, "intercept": 0.3}[what]
    for _ in range(trials):
        real = 0.5 + rng.normal(size=60)
        offline, online = real + 0.7 * rng.normal(size=60), 0.3 + 0.8 * real + 0.3 * rng.normal(size=60)
        errors = np.full(60, 0.7) if corrected else None
        hits += _holds(getattr(proxy_validity(offline, online, offline_errors=errors), what), truth)
    return hits


def _true_correlation(rng: np.random.Generator, trials: int, *, corrected: bool) -> int:
    hits = 0
    for _ in range(trials):
        real = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=60)
        offline, online = (real + 0.5 * rng.normal(size=(60, 2))).T
        found = proxy_validity(offline, online, offline_errors=np.full(60, 0.5), online_errors=np.full(60, 0.5))
        hits += _holds(found.true_correlation if corrected else found.correlation, 0.6)
    return hits


def _least_squares(rng: np.random.Generator, trials: int, *, robust: bool) -> int:
    """Experiments with large effects are noisier."""
    hits = 0
    for _ in range(trials):
        offline = rng.normal(size=60)
        online = 0.8 * offline + (0.2 + 0.6 * np.abs(offline)) * rng.normal(size=60)
        if robust:
            hits += _holds(proxy_validity(offline, online).slope, 0.8)
            continue
        centred = offline - offline.mean()
        slope = centred @ online / (centred @ centred)
        left = online - online.mean() - slope * centred
        hits += abs(slope - 0.8) <= 2.0017 * (left @ left / 58 / (centred @ centred)) ** 0.5
    return hits


def _signs(rng: np.random.Generator, trials: int, *, score: bool) -> int:
    hits, truth = 0, 0.5 + np.arcsin(0.95) / np.pi
    for _ in range(trials):
        offline, online = rng.multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], size=20).T
        share = proxy_validity(offline, online).sign_agreement
        wald = (
            abs((share.value or 0.0) - truth) <= 1.96 * ((share.value or 0.0) * (1 - (share.value or 0.0)) / 20) ** 0.5
        )
        hits += _holds(share, truth) if score else wald
    return hits


def _cycles(rng: np.random.Generator, trials: int, *, adjusted: bool) -> int:
    rating, hits = np.linspace(-0.5, 0.5, 6), 0
    a, b = np.triu_indices(6, 1)
    chance = 1 / (1 + np.exp(rating[b] - rating[a]))
    for _ in range(trials):
        wins = rng.binomial(40, chance)
        counts = PairCounts.of(a, b, wins_a=wins, wins_b=40 - wins, names=list("abcdef"))
        if adjusted:
            hits += hodge_rank(counts, rng=rng, repeats=199).cycles[0].p_value <= 0.05
            continue
        flow, inverse = np.zeros((2, 6, 6))
        flow[a, b] = np.log((wins + 0.5) / (40.5 - wins))
        inverse[a, b] = 1 / (wins + 0.5) + 1 / (40.5 - wins)
        hits += any(
            abs(flow[i, j] + flow[j, k] - flow[i, k]) > 1.96 * (inverse[i, j] + inverse[j, k] + inverse[i, k]) ** 0.5
            for i, j, k in combinations(range(6), 3)
        )
    return hits


def _cyclic(rng: np.random.Generator, trials: int, *, noise_off: bool) -> int:
    """A ranking and a circle of three: the departure is what the weighted log-odds keep of the circle."""
    a, b = np.triu_indices(6, 1)
    flow = np.linspace(0.5, -0.5, 6)[a] - np.linspace(0.5, -0.5, 6)[b]
    flow[[0, 5]] += 0.3
    flow[1] -= 0.3
    chance, hits = 1 / (1 + np.exp(-flow)), 0
    weight = 60 * chance * (1 - chance)
    design = np.zeros((15, 6))
    design[np.arange(15), a], design[np.arange(15), b] = 1.0, -1.0
    root = np.sqrt(weight)
    left = flow - design @ np.linalg.lstsq(design * root[:, None], flow * root, rcond=None)[0]
    truth = float((weight @ left**2 / weight.sum()) ** 0.5)
    for _ in range(trials):
        wins = rng.binomial(60, chance)
        found = hodge_rank(PairCounts.of(a, b, wins_a=wins, wins_b=60 - wins), rng=rng, repeats=99)
        if noise_off:
            hits += _holds(found.cyclic, truth)
        else:
            seen, spread = np.log((wins + 0.5) / (60.5 - wins)), (wins + 0.5) * (60.5 - wins) / 61
            raw = (found.residual_share * (spread @ seen**2) / spread.sum()) ** 0.5
            hits += abs(raw - truth) <= 1.96 / spread.sum() ** 0.5
    return hits


def _clustered(rng: np.random.Generator, trials: int, *, clustered: bool) -> int:
    """Forty people rank eight times each by a taste of their own about equal means; a and e are alike."""
    mean, names, hits = np.array([0.0, 0.5, 0.2, -0.4, 0.0]), "abcde", 0
    people = np.repeat(np.arange(40), 8)
    for _ in range(trials):
        taste = mean + 0.7 * rng.normal(size=(40, 5))
        order = np.argsort(-(taste[people] + rng.gumbel(size=(320, 5))), axis=1)
        rows = [[names[i] for i in row] for row in order.tolist()]
        hits += _holds(plackett_luce(rows, clusters=people if clustered else None).difference("a", "e"), 0.0)
    return hits


def _silent(rng: np.random.Generator, trials: int, *, sampling: bool) -> int:
    """Half of 200 invited people answer, and the silent are all detractors: the truth is an end of the range."""
    hits, truth = 0, 100 * (0.5 * 0.3 - 0.5)
    for promoters, passives, detractors, _ in rng.multinomial(200, [0.25, 0.15, 0.1, 0.5], size=trials).tolist():
        found = net_promoter_score(promoters, passives, detractors, invited=200)
        bounds = found.population if sampling else found.invited
        assert bounds is not None
        hits += _holds(bounds, truth)
    return hits


def _case(  # type: ignore[no-untyped-def]
    method: str, domain: str, nominal: float, claim: str, simulate, name: str, wrong: str, short: int, allowed: str = ""
) -> Case:
    return Case(
        family="structure", method=method, domain=domain, nominal=nominal, claim=claim,  # type: ignore[arg-type]
        right=lambda rng, trials: simulate(rng, trials, **{name: True}),
        wrong=lambda rng, trials: simulate(rng, trials, **{name: False}),
        wrong_method=wrong, short=short, long=5 * short, slack=0.01 if allowed else 0.0, slack_because=allowed,
    )  # fmt: skip


CASES = [
    _case("hybrid interval of a winner", "best of 10 equal normal scores", 0.95, "at least",
          partial(_picked, k=1, truth=np.zeros(10), shared=0.0), "corrected",
          "interval as if not picked", 60),
    _case("exact upper bound of a rare harm", "1,000 exposures, rate .005", 0.95, "at least", _harm, "exact",
          "normal bound", 2_000),
    _case("net promoter score", "60 answers, 50/30/20", 0.95, "at least", _nps, "multinomial",
          "the two shares as independent", 3_000),
    _case("Plackett-Luce sandwich", "100 rankings of five, difference of two", 0.95, "equal", _rankings, "whole",
          "all pairs as independent battles", 300),
    _case("Hodge cycle test", "6 models, 20 battles a pair, a true ranking", 0.05, "equal", _cycle, "simulated",
          "a cycle of majorities seen", 300),
    _case("Hodge, p-value of the strongest circle", "6 models, 40 battles a pair, a true ranking", 0.05, "equal",
          _cycles, "adjusted", "each of 20 triangles at 5 %", 200),
    _case("Hodge, departure from a ranking", "6 models, 60 battles a pair, one circle", 0.95, "equal", _cyclic,
          "noise_off", "the noise left in", 300),
    _case("hybrid intervals of a shortlist", "3 of 20 within a quarter of a standard error, correlation .3", 0.95,
          "at least", partial(_picked, k=3, truth=np.linspace(-0.125, 0.125, 20), shared=0.3), "corrected",
          "intervals as if not picked", 300),
    _case("Plackett-Luce sandwich by person", "40 people with tastes of their own, 8 rankings each", 0.95, "equal",
          _clustered, "clustered", "rankings as independent", 200),
    _case("net promoter score of everybody invited", "200 invited, half silent, all of those detractors", 0.95,
          "equal", _silent, "sampling", "non-response bounds without sampling error", 3_000),
    _case("slope with errors in the offline metric", "60 experiments, reliability .67", 0.95, "equal", _slope,
          "corrected", "least squares", 2_000),
    _case("intercept with errors in the offline metric", "60 experiments, reliability .67", 0.95, "equal",
          partial(_slope, what="intercept"), "corrected", "least squares", 2_000),
    _case("slope without errors, HC3", "60 experiments, larger effects noisier", 0.95, "equal", _least_squares,
          "robust", "one variance for all", 2_000, "HC3 on 60 points whose largest have the most noise"),
    _case("correlation of true effects", "60 experiments, r = .6, reliability .8 of both", 0.95, "equal",
          _true_correlation, "corrected", "correlation of measured effects", 300),
    _case("agreement of signs", "20 experiments, r = .95", 0.95, "equal", _signs, "score", "Wald", 1_000),
]  # fmt: skip
