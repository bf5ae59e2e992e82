"""Labels drawn by lot beside labels asked for certain: the latter say nothing of what another draw would give."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.engine.cascade.draw import choose
from assay.stats.prediction.limits import t_quantiles
from assay.stats.prediction.twophase import TwoPhaseReplays, two_phase_replays
from assay.stats.scalar import NEW_INPUTS, wilson
from bench.coverage.case import Case, Simulation

FAMILY = "prediction"
ITEMS = 1_000
PRIOR_WEIGHT = 20.0


def _hits(value: np.ndarray, half: np.ndarray, truth: float) -> int:
    return int(np.count_nonzero(np.abs(value - truth) <= half))


def _covered(found: TwoPhaseReplays, truth: float) -> int:
    """A refused interval does not count as covering."""
    return int(np.count_nonzero((found.low <= truth) & (truth <= found.high)))


def _replays(
    rng: np.random.Generator, trials: int, y: np.ndarray, proxy: np.ndarray, *, certain: int, rate: float, **more: Any
) -> tuple[TwoPhaseReplays, np.ndarray]:
    """So many items for certain and a share of the others by lot; and how many labels there are in all."""
    always = np.arange(y.size) < certain
    asked, probability = choose(
        rng.random((trials, y.size)), reached=np.ones(y.size, dtype=bool), certain=always, rate=rate
    )
    found = two_phase_replays(y, [proxy], asked=asked[:, None], probabilities=[probability], **more)
    return found, asked.sum(axis=1).astype(np.float64)


def _rare(*, drawn: bool) -> Simulation:
    """200 critical items and 24 others; the wrong twin takes all 224 for a draw."""
    y = (np.random.default_rng(5).random(ITEMS) < 0.06).astype(float)

    def run(rng: np.random.Generator, trials: int) -> int:
        found, n = _replays(rng, trials, y, np.zeros(ITEMS), certain=200, rate=0.03, weights="fixed", share=True)
        if drawn:
            return _covered(found, y.mean())
        counts = n * (ITEMS - 1.0) / (ITEMS - n)
        bounds = [wilson(value * size, size) for value, size in zip(found.value, counts, strict=True)]
        return sum(low <= y.mean() <= high for low, high in bounds)

    return run


def _few(weights: str, *, drawn: bool) -> Simulation:
    """Nine or eleven labels by lot beside 100 for certain; the wrong twin counts the degrees of freedom of all."""
    rng = np.random.default_rng(6)
    y = rng.normal(size=ITEMS)
    judge = np.zeros(ITEMS) if weights == "fixed" else y + rng.normal(size=ITEMS)

    def run(rng: np.random.Generator, trials: int) -> int:
        found, n = _replays(rng, trials, y, judge, certain=100, rate=0.01, weights=weights)
        if drawn:
            return _covered(found, y.mean())
        return _hits(
            found.value, t_quantiles(0.95, n - (1.0 if weights == "fixed" else 2.0)) * found.std_error, y.mean()
        )

    return run


def _blend(*, drawn: bool) -> Simulation:
    """A ceiling scale, 16 labels by lot beside 200; the wrong twin weighs the run's variance as that of 216 labels."""
    y = np.where(np.random.default_rng(7).random(ITEMS) < 0.08, -3.0, 0.0)
    y = y + 0.2 * np.random.default_rng(8).normal(size=ITEMS)
    prior = float(y.var())

    def run(rng: np.random.Generator, trials: int) -> int:
        options: dict[str, Any] = {"certain": 200, "rate": 0.02, "weights": "fixed"}
        if drawn:
            found, _ = _replays(rng, trials, y, np.zeros(ITEMS), prior_variances=[prior], **options)
            return _covered(found, y.mean())
        found, n = _replays(rng, trials, y, np.zeros(ITEMS), **options)
        design = (0.8**2) * (1.0 / (n - 200.0) - 1.0 / 800.0)
        variance = ((n - 1.0) * found.std_error**2 + PRIOR_WEIGHT * prior * design) / (n - 1.0 + PRIOR_WEIGHT)
        return _hits(found.value, t_quantiles(0.95, n - 1.0 + PRIOR_WEIGHT) * np.sqrt(variance), y.mean())

    return run


def _documents(*, blended: bool) -> Simulation:
    """New inputs in documents on a ceiling scale, 20 labels; the wrong twin drops the map's variance."""

    def run(rng: np.random.Generator, trials: int) -> int:
        document, hits, each = np.repeat(np.arange(60), 10), 0, 10
        for _ in range(trials // each):
            bad = rng.random(600) < np.repeat(rng.beta(0.8, 9.2, size=60), 10)
            y = np.where(bad, -3.0, 0.0) + 0.2 * rng.normal(size=600)
            drawn = np.argsort(np.argsort(rng.random((each, 600)), axis=1), axis=1)[:, None, :] < 20
            found = two_phase_replays(
                y,
                [np.zeros(600)],
                asked=drawn,
                weights="fixed",
                estimand=NEW_INPUTS,
                clusters=document,
                prior_variances=[9.0 * 0.08 * 0.92 + 0.04] if blended else None,
            )
            hits += _covered(found, -0.24)
        return hits

    return run


CASES: list[Case] = [
    Case(
        family=FAMILY,
        method="rare wins beside certain items, Wilson on the labels drawn by lot",
        domain="1,000 items, 6 % wins; 200 asked for certain and 24 by lot",
        nominal=0.95,
        claim="at least",
        right=_rare(drawn=True),
        wrong=_rare(drawn=False),
        wrong_method="Wilson on all 224 labels",
        short=2_000,
    ),
    Case(
        family=FAMILY,
        method="few labels by lot beside many for certain, weights from outside, t",
        domain="1,000 items; 100 asked for certain and 9 by lot",
        nominal=0.95,
        claim="equal",
        right=_few("fixed", drawn=True),
        wrong=_few("fixed", drawn=False),
        wrong_method="degrees of freedom of all 109 labels",
        short=2_000,
    ),
    Case(
        family=FAMILY,
        method="few labels by lot beside many for certain, weights fitted on them, HC3 + t",
        domain="the same; r = .71",
        nominal=0.95,
        claim="at least",
        right=_few("fit", drawn=True),
        wrong=_few("fit", drawn=False),
        wrong_method="degrees of freedom of all 109 labels",
        short=4_000,
    ),
    Case(
        family=FAMILY,
        method="blend with the map's variance, few labels by lot beside many for certain",
        domain="ceiling scale (8 % far below), 200 asked for certain and 16 by lot of 1,000",
        nominal=0.95,
        claim="at least",
        right=_blend(drawn=True),
        wrong=_blend(drawn=False),
        wrong_method="the run's variance weighed as that of all 216 labels",
        short=2_000,
    ),
    Case(
        family=FAMILY,
        method="new inputs by document, blend with the map's variance",
        domain="ceiling scale (8 % far below), 60 documents of 10 items, 20 labels",
        nominal=0.95,
        claim="equal",
        right=_documents(blended=True),
        wrong=_documents(blended=False),
        wrong_method="the documents' variance of this run alone",
        short=2_000,
        slack=0.02,
        slack_because="t on 20 labels of a skewed law, beside a map that is exactly right",
    ),
]
