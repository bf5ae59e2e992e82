"""Tiered samples with known probabilities, beside the short cuts that do not hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.stats.prediction.sampling import hajek_mean, horvitz_thompson_mean, inclusion_probabilities
from assay.stats.prediction.twophase import TwoPhaseReplays, two_phase_replays
from assay.stats.scalar import NEW_INPUTS
from assay.stats.special import t_quantile
from bench.coverage.case import Case, Simulation

FAMILY = "prediction"


def _t(values: np.ndarray) -> tuple[float, float]:
    half = t_quantile(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return values.mean() - half, values.mean() + half


ITEMS = 300


def _order(rng: np.random.Generator, trials: int, *sizes: int, items: int = ITEMS) -> np.ndarray:
    """Nested simple random draws, ``(trials, len(sizes), items)``."""
    rank = np.argsort(np.argsort(rng.random((trials, items)), axis=1), axis=1)
    return np.stack([rank < size for size in sizes], axis=1)


def _hits(found: TwoPhaseReplays, truth: float) -> int:
    """Replays whose interval holds the truth; a refused one does not count as covering."""
    return int(np.count_nonzero((found.low <= truth) & (truth <= found.high)))


def _population() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    y = rng.normal(size=ITEMS)
    return y, y + 1.5 * rng.normal(size=ITEMS), y + 0.7 * rng.normal(size=ITEMS)


def _tiers(weights: str, **options: Any) -> Simulation:
    y, weak, strong = _population()
    proxies = [weak, strong] if weights == "fit" else [0.3 * weak, 0.65 * strong]

    def run(rng: np.random.Generator, trials: int) -> int:
        draws = _order(rng, trials, 100, 20)
        return _hits(two_phase_replays(y, proxies, asked=draws, weights=weights, **options), y.mean())

    return run


def _in_sample(rng: np.random.Generator, trials: int) -> int:
    """Least squares, its own residuals and a normal quantile: the weights' noise is nowhere."""
    y, weak, strong = _population()
    hits = 0
    for asked, labelled in _order(rng, trials, 100, 20):
        low, high = np.c_[np.ones(ITEMS), weak], np.c_[np.ones(ITEMS), weak, strong]
        b0, b1 = (np.linalg.lstsq(z[labelled], y[labelled], rcond=None)[0] for z in (low, high))
        value = (low @ b0).mean() + (high @ b1 - low @ b0)[asked].mean()
        s0, s1 = (np.var((y - z @ b)[labelled]) for z, b in ((low, b0), (high, b1)))
        half = 1.96 * np.sqrt(s0 * (1 / 100 - 1 / ITEMS) + s1 * (1 / 20 - 1 / 100))
        hits += abs(value - y.mean()) <= half
    return hits


def _unequal(*, weighted: bool) -> Simulation:
    """Items with large residuals are drawn more often; the wrong twin takes the draw for a simple one."""
    rng = np.random.default_rng(6)
    f = rng.normal(size=ITEMS)
    size = np.exp(0.7 * rng.normal(size=ITEMS))
    y = f + size
    p = inclusion_probabilities(size, expected_n=60, floor=0.3)

    def run(rng: np.random.Generator, trials: int) -> int:
        draws = (rng.random((trials, ITEMS)) < p)[:, None, :]
        given = [p] if weighted else None
        return _hits(two_phase_replays(y, [f], asked=draws, probabilities=given, weights="fixed"), y.mean())

    return run


def _documents(*, clustered: bool) -> Simulation:
    """60 documents of 10 items; half the residual is the document's."""

    def run(rng: np.random.Generator, trials: int) -> int:
        hits, cluster = 0, np.repeat(np.arange(60), 10)
        for _ in range(trials):
            f = rng.normal(size=600)
            y = f + 0.7 * np.repeat(rng.normal(size=60), 10) + 0.7 * rng.normal(size=600)
            draws = _order(rng, 1, 250, items=600)
            options: dict[str, Any] = {"estimand": NEW_INPUTS, "clusters": cluster} if clustered else {}
            hits += _hits(two_phase_replays(y, [f], asked=draws, weights="fixed", **options), 0.0)
        return hits

    return run


def _skewed(*, blended: bool) -> Simulation:
    """A ceiling scale: nine of ten residuals near 0, the rest far below; 20 labels."""
    rng = np.random.default_rng(7)
    y = np.where(rng.random(1_000) < 0.08, -3.0, 0.0) + 0.2 * rng.normal(size=1_000)
    flat = np.zeros(1_000)

    def run(rng: np.random.Generator, trials: int) -> int:
        draws = _order(rng, trials, 20, items=1_000)
        prior = [float(y.var())] if blended else None
        return _hits(two_phase_replays(y, [flat], asked=draws, weights="fixed", prior_variances=prior), y.mean())

    return run


def _rare_wins(*, share: bool) -> Simulation:
    rng = np.random.default_rng(8)
    y = (rng.random(800) < 0.04).astype(float)
    judge = 0.3 * y + 0.03

    def run(rng: np.random.Generator, trials: int) -> int:
        draws = _order(rng, trials, 40, items=800)
        return _hits(two_phase_replays(y, [judge], asked=draws, weights="fixed", share=share), y.mean())

    return run


def _poisson(mean: str) -> Simulation:
    rng = np.random.default_rng(9)
    size = np.exp(0.6 * rng.normal(size=ITEMS))
    y = 2.0 * size + rng.normal(size=ITEMS)
    p = inclusion_probabilities(size, expected_n=120)
    truth = float(y.mean())

    def one(rng: np.random.Generator) -> bool:
        seen = rng.random(ITEMS) < p
        if mean == "plain":
            low, high = _t(y[seen])
        else:
            estimator = hajek_mean if mean == "hajek" else horvitz_thompson_mean
            found = estimator(y[seen], p[seen], population=ITEMS)
            assert found.low is not None and found.high is not None
            low, high = found.low, found.high
        return bool(low <= truth <= high)

    return lambda rng, trials: sum(one(rng) for _ in range(trials))


CASES: list[Case] = [
    Case(
        family=FAMILY,
        method="three tiers, weights fitted on the labels, left out one by one, HC3 + t",
        domain="300 items, 100 and 20 asked, r = .55 and .82",
        nominal=0.95,
        claim="equal",
        right=_tiers("fit", ridge=0.0),
        wrong=_in_sample,
        wrong_method="in-sample residuals and z",
        short=2_000,
        slack=0.015,
        slack_because="HC3 and the weights' own noise both err on the wide side at 20 labels",
    ),
    Case(
        family=FAMILY,
        method="three tiers, weights from outside, t, these items",
        domain="the same, weights fixed",
        nominal=0.95,
        claim="equal",
        right=_tiers("fixed"),
        wrong=_in_sample,
        wrong_method="weights refitted on the labels, in-sample residuals and z",
        short=2_000,
    ),
    Case(
        family=FAMILY,
        method="unequal probabilities, weighted by 1/π",
        domain="300 items, 60 drawn, probability grows with the residual (Poisson)",
        nominal=0.95,
        claim="equal",
        right=_unequal(weighted=True),
        wrong=_unequal(weighted=False),
        wrong_method="weights ignored",
        short=2_000,
        slack=0.01,
        slack_because="Satterthwaite's degrees of freedom are cautious where weights differ",
    ),
    Case(
        family=FAMILY,
        method="new inputs, clustered by document",
        domain="60 documents of 10 items, 250 labels",
        nominal=0.95,
        claim="equal",
        right=_documents(clustered=True),
        wrong=_documents(clustered=False),
        wrong_method="finite-population interval",
        short=500,
        long=4_000,
    ),
    Case(
        family=FAMILY,
        method="blend with the map's variance",
        domain="ceiling scale (8 % far below), 20 labels of 1,000",
        nominal=0.95,
        claim="equal",
        right=_skewed(blended=True),
        wrong=_skewed(blended=False),
        wrong_method="t on the run's own variance",
        short=2_000,
        slack=0.015,
        slack_because="t on 20 labels of a skewed law",
    ),
    Case(
        family=FAMILY,
        method="rare wins, Wilson-type",
        domain="4 % wins, 40 labels of 800",
        nominal=0.95,
        claim="at least",
        right=_rare_wins(share=True),
        wrong=_rare_wins(share=False),
        wrong_method="t",
        short=2_000,
    ),
    Case(
        family=FAMILY,
        method="Hájek mean",
        domain="300 items, 120 drawn with probability by size (Poisson)",
        nominal=0.95,
        claim="equal",
        right=_poisson("hajek"),
        wrong=_poisson("plain"),
        wrong_method="plain mean",
        short=600,
    ),
    Case(
        family=FAMILY,
        method="Horvitz-Thompson mean",
        domain="the same",
        nominal=0.95,
        claim="equal",
        right=_poisson("horvitz-thompson"),
        wrong=_poisson("plain"),
        wrong_method="plain mean",
        short=600,
    ),
]
