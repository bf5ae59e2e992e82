"""Correlations: do their intervals cover, do their tests keep their level?"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.stats.correlation.ceiling import disattenuated_correlation, human_ceiling, split_half_reliability
from assay.stats.correlation.coefficients import kendall_tau_b, pearson_correlation, spearman_correlation
from assay.stats.correlation.dependent import (
    compare_dependent_correlations,
    dependent_correlations_from_r,
    meng_rosenthal_rubin,
)
from assay.stats.correlation.influence import coefficient
from assay.stats.correlation.levels import summary_level_correlation, summary_level_difference, system_level_correlation
from bench.coverage.case import Case

Floats = npt.NDArray[np.float64]


def _holds(found: Estimate, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def _normal(rng: np.random.Generator, n: int, r: float) -> tuple[Floats, Floats]:
    x, y = rng.normal(size=(2, n))
    return x, r * x + math.sqrt(1 - r * r) * y


TRUTH = {
    "pearson": lambda r: r,
    "spearman": lambda r: 6 / math.pi * math.asin(r / 2),
    "kendall": lambda r: 2 / math.pi * math.asin(r),
}
SINGLE = {"pearson": pearson_correlation, "spearman": spearman_correlation, "kendall": kendall_tau_b}


def _interval(rng: np.random.Generator, trials: int, *, kind: str, n: int, r: float) -> int:
    return sum(_holds(SINGLE[kind](*_normal(rng, n, r)), TRUTH[kind](r)) for _ in range(trials))


def _wald(rng: np.random.Generator, trials: int, *, n: int, r: float) -> int:
    """r ± 1.96 (1 - r²) / √n, symmetric about r."""
    hits = 0
    for _ in range(trials):
        x, y = _normal(rng, n, r)
        found = coefficient(x, y, "pearson")
        hits += abs(found - r) <= 1.96 * (1 - found**2) / math.sqrt(n)
    return hits


def _fisher_for_ranks(rng: np.random.Generator, trials: int, *, kind: str, n: int, r: float) -> int:
    hits = 0
    for _ in range(trials):
        x, y = _normal(rng, n, r)
        z = math.atanh(min(coefficient(x, y, kind), 1 - 1e-12))  # type: ignore[arg-type]
        hits += abs(z - math.atanh(TRUTH[kind](r))) <= 1.96 / math.sqrt(n - 3)
    return hits


def _grouped(rng: np.random.Generator, trials: int, *, kind: str, method: str, aware: bool) -> int:
    """40 documents of 8 answers; both scores hold the document's own level; on five-point scales for the ranks."""
    hits = 0
    for _ in range(trials):
        document = np.repeat(np.arange(40), 8)
        level = rng.normal(size=(2, 40))
        level[1] = 0.6 * level[0] + 0.8 * level[1]
        own = rng.normal(size=(2, 320))
        own[1] = 0.2 * own[0] + math.sqrt(0.96) * own[1]
        x, y = level[:, document] + own
        if kind != "pearson":
            x, y = np.clip(np.round(x), -2, 2), np.clip(np.round(y), -2, 2)
        found = SINGLE[kind](
            x,
            y,
            method=method,  # type: ignore[arg-type]
            clusters=document if aware else None,
            rng=rng,
            repeats=200,
        )
        hits += _holds(found, _grouped_truth()[kind])
    return hits


@cache
def _grouped_truth() -> dict[str, float]:
    """Marginally normal with r = .4; the five-point scales by quadrature of the rounded normal."""
    from scipy.stats import multivariate_normal

    cuts = np.array([-np.inf, -1.5, -0.5, 0.5, 1.5, np.inf])
    law = multivariate_normal(mean=[0, 0], cov=[[2.0, 0.8], [0.8, 2.0]])
    corner = np.array([[law.cdf([min(a, 12), min(b, 12)]) if min(a, b) > -np.inf else 0.0 for b in cuts] for a in cuts])
    table = np.diff(np.diff(corner, axis=0), axis=1)
    edge = table.sum(axis=1)
    rank = np.cumsum(edge) - edge / 2
    rank -= edge @ rank
    above = np.array([[table[i + 1 :, j + 1 :].sum() - table[i + 1 :, :j].sum() for j in range(5)] for i in range(5)])
    return {
        "pearson": 0.4,
        "spearman": float(rank @ table @ rank / (edge @ rank**2)),
        "kendall": float(2 * (table * above).sum() / (1 - edge @ edge)),
    }


DOCUMENTS, SYSTEMS = 30, 6


def _answers(rng: np.random.Generator) -> tuple[Floats, Floats, Floats, Floats]:
    """Scores of two metrics and people; people agree with the first at a rate that differs between documents."""
    strength = rng.uniform(0.2, 1.2, size=DOCUMENTS)[:, None]
    people = rng.normal(size=(DOCUMENTS, SYSTEMS))
    noise = rng.normal(size=(2, DOCUMENTS, SYSTEMS))
    first = strength * people + noise[0]
    return first, strength * people + noise[1], people, np.repeat(np.arange(DOCUMENTS), SYSTEMS).astype(float)


@cache
def _summary_truth() -> float:
    rng, total = np.random.default_rng(20), 0.0
    for _ in range(400):
        first, _, people, document = _answers(rng)
        total += summary_level_correlation(first.ravel(), people.ravel(), document).estimate.value or 0.0
    return total / 400


def _summary(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    hits = 0
    for _ in range(trials):
        first, _, people, document = _answers(rng)
        found = summary_level_correlation(first.ravel(), people.ravel(), document).estimate
        if not right:
            found = spearman_correlation(first.ravel(), people.ravel())
        hits += _holds(found, _summary_truth())
    return hits


def _summary_difference(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    hits = 0
    for _ in range(trials):
        first, second, people, document = _answers(rng)
        if right:
            found = summary_level_difference(first.ravel(), second.ravel(), people.ravel(), document).estimate
            hits += _holds(found, 0.0)
        else:
            parts = [summary_level_correlation(s.ravel(), people.ravel(), document).estimate for s in (first, second)]
            hits += (parts[0].low or 0) <= (parts[1].high or 0) and (parts[1].low or 0) <= (parts[0].high or 0)
    return hits


def _systems(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    """12 systems on 30 documents; documents shift all systems alike, which a pooled correlation takes for signal."""
    hits = 0
    system, document = np.tile(np.arange(12), 30), np.repeat(np.arange(30), 12)
    for _ in range(trials):
        quality = np.stack(_normal(rng, 12, 0.7))
        shift = rng.normal(size=(2, 30))
        scores, people = quality[:, system] + shift[:, document]
        if right:
            found = system_level_correlation(scores, people, system, document, kind="pearson")
        else:
            found = pearson_correlation(scores, people)
        hits += _holds(found, 0.7)
    return hits


R_SHARED, R_BETWEEN, N_SHARED = 0.5, 0.7, 40


def _three(rng: np.random.Generator, r_second: float) -> tuple[float, float, float]:
    root = np.linalg.cholesky(np.array([[1, R_SHARED, r_second], [R_SHARED, 1, R_BETWEEN], [r_second, R_BETWEEN, 1]]))
    r = np.corrcoef(root @ rng.normal(size=(3, N_SHARED)))
    return float(r[0, 1]), float(r[0, 2]), float(r[1, 2])


def _test(rng: np.random.Generator, trials: int, *, test: str) -> int:
    hits = 0
    for _ in range(trials):
        first, second, between = _three(rng, R_SHARED)
        if test == "williams":
            p = dependent_correlations_from_r(first, second, between, n=N_SHARED).p_value
        elif test == "meng":
            p = meng_rosenthal_rubin(first, second, between, n=N_SHARED).p_value
        else:
            z = (math.atanh(first) - math.atanh(second)) / math.sqrt(2 / (N_SHARED - 3))
            p = math.erfc(abs(z) / math.sqrt(2))
        hits += p is not None and p <= 0.05
    return hits


def _zou(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    hits = 0
    for _ in range(trials):
        found = dependent_correlations_from_r(*_three(rng, 0.3), n=N_SHARED)
        if right:
            hits += _holds(found.difference, R_SHARED - 0.3)
        else:
            a, b = found.first, found.second
            parts = [e or 0.0 for e in (a.value, a.low, a.high, b.value, b.low, b.high)]
            low = math.hypot(parts[0] - parts[1], parts[5] - parts[3])
            high = math.hypot(parts[2] - parts[0], parts[3] - parts[4])
            gap = parts[0] - parts[3]
            hits += gap - low <= R_SHARED - 0.3 <= gap + high
    return hits


def _delta_difference(rng: np.random.Generator, trials: int, *, aware: bool) -> int:
    """Two metrics with one error law on 50 documents of 6 answers; errors shared within a document."""
    hits = 0
    document = np.repeat(np.arange(50), 6)
    for _ in range(trials):
        people = rng.normal(size=300)
        errors = rng.normal(size=(2, 50))[:, document] * people + 0.5 * rng.normal(size=(2, 300))
        found = compare_dependent_correlations(
            people + errors[0], people + errors[1], people, kind="spearman", clusters=document if aware else None
        )
        hits += _holds(found.difference, 0.0)
    return hits


def _people(rng: np.random.Generator, items: int, raters: int) -> tuple[Floats, Floats]:
    truth = rng.normal(size=items)
    return truth, truth[:, None] + rng.normal(size=(items, raters)) + rng.normal(size=raters)


def _halves(rng: np.random.Generator, trials: int, *, stretched: bool) -> int:
    """Four raters with reliability 1/2 each: 4/5 together, whatever their leniency."""
    hits = 0
    for _ in range(trials):
        _, ratings = _people(rng, 150, 4)
        if stretched:
            found = split_half_reliability(ratings, rng=rng, repeats=150, splits=6)
        else:
            found = pearson_correlation(ratings[:, :2].mean(axis=1), ratings[:, 2:].mean(axis=1))
        hits += _holds(found, 0.8)
    return hits


def _disattenuated(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    hits = 0
    for _ in range(trials):
        truth, ratings = _people(rng, 150, 3)
        scores = 0.8 * truth + 0.6 * rng.normal(size=150)
        if right:
            found = disattenuated_correlation(scores, ratings, rng=rng, repeats=200, splits=3)
        else:
            found = pearson_correlation(scores, ratings.mean(axis=1))
        hits += _holds(found, 0.8)
    return hits


def _ceiling(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    """A metric that is one more person like the others: no better and no worse than they."""
    hits = 0
    for _ in range(trials):
        _, ratings = _people(rng, 500, 4)
        metric, people = ratings[:, 0], ratings[:, 1:]
        found = human_ceiling(people, metric=metric, kind="pearson", rng=rng, repeats=150)
        if right and found.difference is not None:
            hits += _holds(found.difference, 0.0)
        else:  # the metric against all three, people against the other two
            whole = pearson_correlation(metric, people.mean(axis=1))
            hits += _holds(whole, found.person.value or 0.0)
    return hits


def _case(
    method: str,
    domain: str,
    right: Callable[[np.random.Generator, int], int],
    wrong: Callable[[np.random.Generator, int], int],
    wrong_method: str,
    *,
    short: int = 600,
    long: int = 6_000,
    slack: float = 0.0,
    slack_because: str = "",
    test: bool = False,
) -> Case:
    return Case(
        family="correlation",
        method=method,
        domain=domain,
        nominal=0.05 if test else 0.95,
        claim="equal",
        right=right,
        wrong=wrong,
        wrong_method=wrong_method,
        short=short,
        long=long,
        slack=slack,
        slack_because=slack_because,
    )


CASES = [
    _case(
        "Pearson, Fisher z",
        "20 normal pairs, r = .85",
        lambda rng, trials: _interval(rng, trials, kind="pearson", n=20, r=0.85),
        lambda rng, trials: _wald(rng, trials, n=20, r=0.85),
        "r ± 1.96 (1 - r²)/√n",
        short=2_000,
        long=20_000,
    ),
    _case(
        "Spearman, Bonett-Wright",
        "30 normal pairs, r = .9",
        lambda rng, trials: _interval(rng, trials, kind="spearman", n=30, r=0.9),
        lambda rng, trials: _fisher_for_ranks(rng, trials, kind="spearman", n=30, r=0.9),
        "Fisher's variance 1/(n - 3) for ranks",
        short=3_000,
        long=10_000,
    ),
    _case(
        "Kendall tau-b, delta on the z scale",
        "60 normal pairs, r = .5",
        lambda rng, trials: _interval(rng, trials, kind="kendall", n=60, r=0.5),
        lambda rng, trials: _fisher_for_ranks(rng, trials, kind="kendall", n=60, r=0.5),
        "Fisher's variance 1/(n - 3) for tau",
        short=2_000,
    ),
    *(
        _case(
            f"{kind}, {method} over documents",
            "40 documents of 8 answers, both scores hold the document's level"
            + (", five-point scales" if kind != "pearson" else ""),
            lambda rng, trials, kind=kind, method=method: _grouped(rng, trials, kind=kind, method=method, aware=True),
            lambda rng, trials, kind=kind, method=method: _grouped(rng, trials, kind=kind, method=method, aware=False),
            "the same, answers taken as independent",
            short=300 if method == "bootstrap" else 500,
            long=1_500 if method == "bootstrap" else 4_000,
            slack=0.015,
            slack_because="second-order error at 40 documents",
        )
        for kind, method in (
            ("pearson", "delta"),
            ("spearman", "delta"),
            ("kendall", "delta"),
            ("pearson", "bootstrap"),
            ("spearman", "bootstrap"),
        )
    ),
    _case(
        "summary level, t over documents",
        "30 documents of 6 systems, agreement differs between documents",
        lambda rng, trials: _summary(rng, trials, right=True),
        lambda rng, trials: _summary(rng, trials, right=False),
        "one correlation over all answers",
        short=250,
        long=2_000,
    ),
    _case(
        "summary level, paired difference of two metrics",
        "30 documents of 6 systems, equal metrics",
        lambda rng, trials: _summary_difference(rng, trials, right=True),
        lambda rng, trials: _summary_difference(rng, trials, right=False),
        "overlap of two separate intervals",
        short=600,
        long=1_500,
    ),
    _case(
        "system level, Fisher z over systems",
        "12 systems on 30 documents, r = .7 between systems",
        lambda rng, trials: _systems(rng, trials, right=True),
        lambda rng, trials: _systems(rng, trials, right=False),
        "one correlation over all answers",
    ),
    _case(
        "Williams's test",
        "40 normal triples, both correlations .5, metrics correlate .7",
        lambda rng, trials: _test(rng, trials, test="williams"),
        lambda rng, trials: _test(rng, trials, test="independent"),
        "z test of two independent correlations",
        test=True,
        short=2_000,
        long=20_000,
    ),
    _case(
        "Meng-Rosenthal-Rubin test",
        "as for Williams's test",
        lambda rng, trials: _test(rng, trials, test="meng"),
        lambda rng, trials: _test(rng, trials, test="independent"),
        "z test of two independent correlations",
        test=True,
        short=2_000,
        long=20_000,
        slack=0.005,
        slack_because="a limit law at 40 triples",
    ),
    _case(
        "Zou's interval of two correlations that share a variable",
        "40 normal triples, .5 against .3, metrics correlate .7",
        lambda rng, trials: _zou(rng, trials, right=True),
        lambda rng, trials: _zou(rng, trials, right=False),
        "the same without the correlation of the errors",
        short=2_000,
        long=20_000,
        slack=0.005,
        slack_because="a limit law at 40 triples",
    ),
    _case(
        "difference of two Spearman correlations, cluster delta",
        "50 documents of 6 answers, metric errors shared within a document",
        lambda rng, trials: _delta_difference(rng, trials, aware=True),
        lambda rng, trials: _delta_difference(rng, trials, aware=False),
        "the same, answers taken as independent",
        short=400,
        long=4_000,
    ),
    _case(
        "split-half reliability, Spearman-Brown",
        "150 items, 4 raters of different leniency",
        lambda rng, trials: _halves(rng, trials, stretched=True),
        lambda rng, trials: _halves(rng, trials, stretched=False),
        "correlation of two halves, not stretched",
        short=250,
        long=2_000,
        slack=0.015,
        slack_because="second-order error of the bootstrap",
    ),
    _case(
        "disattenuated correlation, bootstrap",
        "150 items, 3 raters, true correlation .8",
        lambda rng, trials: _disattenuated(rng, trials, right=True),
        lambda rng, trials: _disattenuated(rng, trials, right=False),
        "correlation with the mean rating as it is",
        short=250,
        long=2_000,
        slack=0.015,
        slack_because="second-order error of the bootstrap",
    ),
    _case(
        "metric against people, leave one out",
        "500 items, 3 raters, a metric that is one more rater",
        lambda rng, trials: _ceiling(rng, trials, right=True),
        lambda rng, trials: _ceiling(rng, trials, right=False),
        "metric against all raters, people against the others",
        short=250,
        long=1_000,
        slack=0.015,
        slack_because="second-order error of the bootstrap",
    ),
]
