"""Whole analyses of experiments without an effect, from the query to the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assay.datasets.columns import TableFile
from assay.experiments.analysis import analyze
from assay.experiments.scan import Scan
from assay.experiments.spec import Experiment, MetricSpec
from bench.coverage.case import Case, Simulation

SCORE = MetricSpec(name="score", column="score", role="primary")
CLUSTERED = Experiment(
    name="aa", arms={"A": 0.5, "B": 0.5}, control="A", metrics=[SCORE], unit="unit", cluster="shop"
)  # fmt: skip
RATIO = replace(
    CLUSTERED,
    cluster=None,
    metrics=[replace(SCORE, kind="ratio", column="clicks", denominator="views")],
)


def _uniform(what: str, seed: int) -> str:
    """A uniform draw that the row and the seed decide."""
    return f"(hash({what}, {seed}) % 1000003 / 1000003.0)"


def _table(seed: int) -> TableFile:
    """600 units in 60 shops; shops differ, and are in one arm each; views come in tens, clicks are 30 % of them."""
    shop = "(i // 10)"
    arm = f"CASE WHEN {_uniform(shop, seed)} < 0.5 THEN 'A' ELSE 'B' END"
    noise = " + ".join(_uniform("i", seed + k) for k in range(1, 5))
    shared = " + ".join(_uniform(shop, seed + k) for k in range(5, 9))
    views = f"(1 + floor(20 * {_uniform(shop, seed + 9)}))"
    rate = f"(0.2 + 0.2 * {_uniform(shop, seed + 10)})"
    return TableFile(
        f"SELECT i AS unit, {shop} AS shop, {arm} AS arm, {noise} + {shared} AS score, {views} AS views, "
        f"{views} * {rate} + 2 * {_uniform('i', seed + 11)} AS clicks FROM range(600) AS r(i)"
    )


def _rejects(experiment: Experiment) -> Simulation:
    def hits(rng: np.random.Generator, trials: int) -> int:
        found = 0
        for _ in range(trials):
            table = _table(int(rng.integers(1 << 40)) * 16)
            effect = analyze(Scan(table, experiment), experiment).effects[0]
            found += effect.verdict != "undecided"
            table.close()
        return found

    return hits


CASES = [
    Case(
        family="experiments", method="shops randomised, no effect: better or worse", domain="60 shops of 10 units",
        nominal=0.05, claim="equal", right=_rejects(CLUSTERED), wrong=_rejects(replace(CLUSTERED, cluster=None)),
        wrong_method="units counted as randomised", short=80, long=1_500,
    ),
    Case(
        family="experiments", method="ratio of clicks to views, shops randomised, no effect",
        domain="60 shops of 10 units", nominal=0.05, claim="equal",
        right=_rejects(replace(RATIO, cluster="shop")), wrong=_rejects(RATIO),
        wrong_method="units counted as randomised", short=80, long=1_500,
    ),
]  # fmt: skip
