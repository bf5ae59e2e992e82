"""False rejections over many hypotheses at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from assay.stats.multiplicity.adjusted import (
    benjamini_hochberg,
    benjamini_yekutieli,
    bonferroni,
    hochberg,
    holm,
    storey_q,
)
from assay.stats.multiplicity.online import Lond, Saffron, decide_stream
from assay.stats.multiplicity.simultaneous import max_t_intervals
from assay.stats.special import normal_cdf
from bench.coverage.case import Case, Simulation

Adjust = Callable[[Sequence[float]], Sequence[float]]


def _p_values(rng: np.random.Generator, *, nulls: int, signals: int, shared: float, shift: float) -> list[float]:
    """One-sided p-values of equally correlated normal statistics, the nulls first."""
    noise = np.sqrt(shared) * rng.standard_normal() + np.sqrt(1 - shared) * rng.standard_normal(nulls + signals)
    noise[nulls:] += shift
    return [1.0 - normal_cdf(z) for z in noise]


def _any_false(adjust: Adjust, *, nulls: int = 8, signals: int = 2, shared: float = 0.0) -> Simulation:
    def hits(rng: np.random.Generator, trials: int) -> int:
        found = 0
        for _ in range(trials):
            adjusted = adjust(_p_values(rng, nulls=nulls, signals=signals, shared=shared, shift=6.0))
            found += any(p <= 0.05 for p in adjusted[:nulls])
        return found

    return hits


def _false_share(adjust: Adjust, *, nulls: int, signals: int, shared: float = 0.0) -> Simulation:
    """A hit is drawn with the data set's share of false discoveries, so that the rate of hits is the FDR."""

    def hits(rng: np.random.Generator, trials: int) -> int:
        found = 0
        for _ in range(trials):
            adjusted = adjust(_p_values(rng, nulls=nulls, signals=signals, shared=shared, shift=4.0))
            rejected = [p <= 0.1 for p in adjusted]
            found += bool(sum(rejected)) and rng.random() < sum(rejected[:nulls]) / sum(rejected)
        return found

    return hits


def _stream(decide: Callable[[list[float]], list[bool]]) -> Simulation:
    def hits(rng: np.random.Generator, trials: int) -> int:
        found = 0
        for _ in range(trials):
            null = rng.random(150) < 0.8
            p_values = [
                float(rng.random()) if is_null else 1.0 - normal_cdf(rng.standard_normal() + 3.5) for is_null in null
            ]
            rejected = np.array(decide(p_values))
            found += bool(rejected.any()) and rng.random() < (rejected & null).sum() / rejected.sum()
        return found

    return hits


def _together(*, corrected: bool) -> Simulation:
    covariance = np.full((4, 4), 0.7) + 0.3 * np.eye(4)
    root = np.linalg.cholesky(covariance)

    def hits(rng: np.random.Generator, trials: int) -> int:
        half = 1.959964
        if corrected:
            half = float(max_t_intervals([0.0] * 4, covariance, rng=rng)[0].high or 0.0)
        return int((np.abs(rng.standard_normal((trials, 4)) @ root.T).max(axis=1) <= half).sum())

    return hits


def _plain(p_values: Sequence[float]) -> Sequence[float]:
    return p_values


CASES = [
    Case(
        family="multiplicity", method=f"{adjust.__name__}, any false rejection", domain=domain, nominal=0.05,
        claim="at most", right=_any_false(adjust, shared=shared), wrong=_any_false(_plain, shared=shared),
        wrong_method="each at .05", short=2_000, long=40_000,
    )
    for adjust, shared, domain in (
        (bonferroni, 0.5, "8 null of 10, correlation .5"),
        (holm, 0.5, "8 null of 10, correlation .5"),
        (hochberg, 0.0, "8 null of 10, independent"),
    )
] + [
    Case(
        family="multiplicity", method="Benjamini–Hochberg, false discovery rate", domain="40 null of 50, independent",
        nominal=0.1 * 0.8, claim="equal", right=_false_share(benjamini_hochberg, nulls=40, signals=10),
        wrong=_false_share(_plain, nulls=40, signals=10), wrong_method="each at .1", short=2_000, long=40_000,
    ),
    Case(
        family="multiplicity", method="Benjamini–Yekutieli, false discovery rate",
        domain="40 null of 50, correlation .5", nominal=0.1, claim="at most",
        right=_false_share(benjamini_yekutieli, nulls=40, signals=10, shared=0.5),
        wrong=_false_share(_plain, nulls=40, signals=10, shared=0.5), wrong_method="each at .1", short=2_000,
        long=40_000,
    ),
    Case(
        family="multiplicity", method="Storey q, false discovery rate", domain="25 null of 50, independent",
        nominal=0.1, claim="at most", right=_false_share(storey_q, nulls=25, signals=25),
        wrong=_false_share(_plain, nulls=40, signals=10), wrong_method="each at .1, 40 null", short=2_000, long=40_000,
    ),
    Case(
        family="multiplicity", method="LOND, false discovery rate of a stream", domain="150 tests, 80 % null",
        nominal=0.05, claim="at most", right=_stream(lambda p: [one.rejected for one in decide_stream(Lond(), p)]),
        wrong=_stream(lambda p: [value <= 0.05 for value in p]), wrong_method="each at .05", short=1_000, long=20_000,
    ),
    Case(
        family="multiplicity", method="SAFFRON, false discovery rate of a stream", domain="150 tests, 80 % null",
        nominal=0.05, claim="at most", right=_stream(lambda p: [one.rejected for one in decide_stream(Saffron(), p)]),
        wrong=_stream(lambda p: [value <= 0.05 for value in p]), wrong_method="each at .05", short=1_000, long=20_000,
    ),
    Case(
        family="multiplicity", method="max-|t| intervals, all cover", domain="4 normal estimates, correlation .7",
        nominal=0.95, claim="equal", right=_together(corrected=True), wrong=_together(corrected=False),
        wrong_method="95 % each", short=20_000, long=200_000,
    ),
]  # fmt: skip
