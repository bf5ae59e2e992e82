"""Speed of replays and of one run's estimate, CPU seconds."""

from __future__ import annotations

import time

import numpy as np

from assay.engine.cascade.draw import Draw
from assay.engine.cascade.estimate import tiered_estimate
from assay.engine.cascade.policy import fixed_shares
from assay.engine.cascade.simulate import replay
from assay.engine.cascade.verdicts import TierVerdicts
from bench.measure import Row

REPLAY_LIMIT_S, RUN_LIMIT_S = 30.0, 3.0


def rows() -> list[Row]:
    """10,000 replays of 600 items through four tiers; one run of 10,000 items through four tiers, draws included."""
    replayed, run = _replays(), _run()
    return [
        Row(
            work="cascade: 10,000 replays, 600 items, four tiers",
            ours=f"{replayed:.1f} s CPU",
            other="–",
            ratio="–",
            target=f"≤ {REPLAY_LIMIT_S:.0f} s",
            met=replayed <= REPLAY_LIMIT_S,
        ),
        Row(
            work="cascade: 10,000 recorded verdicts through four tiers",
            ours=f"{run:.2f} s CPU",
            other="–",
            ratio="–",
            target=f"≤ {RUN_LIMIT_S:.0f} s",
            met=run <= RUN_LIMIT_S,
        ),
    ]


def _tiers(n: int) -> list[TierVerdicts]:
    rng = np.random.default_rng(1)
    labels = rng.normal(size=n)
    noises = (2.0, 1.0, 0.5, 0.0)
    return [
        TierVerdicts(name=name, values=labels + noise * rng.normal(size=n), asked=np.ones(n, dtype=bool))
        for name, noise in zip(("free", "fast", "strong", "human"), noises, strict=True)
    ]


def _replays() -> float:
    tiers, began = _tiers(600), time.process_time()
    replay(tiers, fixed_shares(3, (1.0, 0.1, 0.03)), replays=10_000, seed=1)
    return time.process_time() - began


def _run() -> float:
    tiers, began = _tiers(10_000), time.process_time()
    draw = Draw([str(k) for k in range(10_000)], seed=1)
    rung, found = draw.everything("free"), [tiers[0]]
    for tier, rate in zip(tiers[1:], (0.5, 0.2, 0.2), strict=True):
        rung = draw.above(rung, tier=tier.name, rate=rate)
        found.append(TierVerdicts.of(rung, np.where(rung.asked, np.asarray(tier.values), np.nan)))
    tiered_estimate(found)
    return time.process_time() - began
