"""Plans: how often a test of the planned size shows the planned difference."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from assay.stats.design.clusters import cuped_gain, plan_clusters
from assay.stats.design.looks import plan_with_looks
from assay.stats.design.means import plan_means, plan_paired_means, plan_ratio_metric
from assay.stats.design.proportions import plan_paired_proportions, plan_proportions
from assay.stats.special import normal_quantile, t_quantile
from bench.coverage.case import Case, Simulation

Floats = np.ndarray
Z = normal_quantile(0.975)
CHUNK = 2_000_000


def _chunks(count: Callable[[np.random.Generator, int], int], row: int) -> Simulation:
    """A simulation of many trials in portions of bounded memory; ``row`` numbers a trial."""

    def simulate(rng: np.random.Generator, trials: int) -> int:
        size, hits = max(1, CHUNK // row), 0
        for start in range(0, trials, size):
            hits += count(rng, min(size, trials - start))
        return hits

    return simulate


# --- means ----------------------------------------------------------------------------------------------------------
WELCH = plan_means(std_dev=(1.0, 3.0), difference=1.5, ratio=0.5)


def _welch_t(a: Floats, b: Floats, null: float = 0.0) -> tuple[Floats, Floats]:
    va, vb = a.var(axis=1, ddof=1) / a.shape[1], b.var(axis=1, ddof=1) / b.shape[1]
    df = (va + vb) ** 2 / (va**2 / (a.shape[1] - 1) + vb**2 / (b.shape[1] - 1))
    return (b.mean(axis=1) - a.mean(axis=1) - null) / np.sqrt(va + vb), df


def _rejects(t: Floats, df: Floats, level: float) -> int:
    from scipy.special import stdtr

    return int((stdtr(df, t) > level).sum())


def _welch(n: tuple[int, ...]) -> Simulation:
    def count(rng: np.random.Generator, trials: int) -> int:
        t, df = _welch_t(rng.normal(size=(trials, n[0])), rng.normal(1.5, 3.0, size=(trials, n[1])))
        return _rejects(np.abs(t), df, 0.975)

    return _chunks(count, sum(n))


PAIRED = plan_paired_means(std_dev=1.0, difference=1.0)
PAIRED_BY_Z = math.ceil((Z + normal_quantile(0.8)) ** 2)


def _paired(n: int) -> Simulation:
    def count(rng: np.random.Generator, trials: int) -> int:
        x = rng.normal(1.0, size=(trials, n))
        t = x.mean(axis=1) / (x.std(axis=1, ddof=1) / math.sqrt(n))
        return int((np.abs(t) > t_quantile(0.975, n - 1)).sum())

    return _chunks(count, n)


TOST = plan_means(std_dev=1.0, difference=0.0, hypothesis="equivalence", margin=0.8)
ONE_OF_TWO = plan_means(std_dev=1.0, difference=0.0, hypothesis="non-inferiority", margin=0.8)


def _tost(n: int) -> Simulation:
    def count(rng: np.random.Generator, trials: int) -> int:
        a, b = rng.normal(size=(trials, n)), rng.normal(size=(trials, n))
        (low, df), (high, _) = _welch_t(a, b, -0.8), _welch_t(a, b, 0.8)
        return _rejects(np.minimum(low, -high), df, 0.95)

    return _chunks(count, 2 * n)


CUPED = plan_means(std_dev=1.0, difference=0.3, variance_factor=cuped_gain(correlation=0.7, n_pilot=10_000).value or 1)


def _cuped(*, adjusted: bool) -> Simulation:
    n = CUPED.n[0]

    def count(rng: np.random.Generator, trials: int) -> int:
        before = rng.normal(size=(2, trials, n))
        y = 0.7 * before + math.sqrt(1 - 0.49) * rng.normal(size=(2, trials, n))
        y[1] += 0.3
        if adjusted:
            x = before - before.mean(axis=(0, 2), keepdims=True)
            centred = y - y.mean(axis=2, keepdims=True)
            y = y - (x * centred).sum(axis=(0, 2), keepdims=True) / (x * x).sum(axis=(0, 2), keepdims=True) * x
        t, df = _welch_t(y[0], y[1])
        return _rejects(np.abs(t), df, 0.975)

    return _chunks(count, 4 * n)


def _gain(*, fisher: bool) -> Simulation:
    def count(rng: np.random.Generator, trials: int) -> int:
        n, rho = 25, 0.85
        x = rng.normal(size=(trials, n))
        y = rho * x + math.sqrt(1 - rho**2) * rng.normal(size=(trials, n))
        x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
        r = (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
        if fisher:
            found = [cuped_gain(correlation=float(one), n_pilot=n) for one in r]
            return sum((e.low or 0.0) <= 1 - rho**2 <= (e.high or 0.0) for e in found)
        half = Z * (1 - r**2) / math.sqrt(n)  # the textbook error of r, laid on the plain scale
        return int((np.abs(r - rho) <= half).sum())

    return _chunks(count, 50)


# --- shares ---------------------------------------------------------------------------------------------------------
SHARES = plan_proportions(baseline=0.20, difference=0.02)
YATES = plan_proportions(baseline=0.20, difference=0.20, continuity=True)
PLAIN = plan_proportions(baseline=0.20, difference=0.20)
MARGIN = plan_proportions(baseline=0.30, difference=0.0, margin=0.05, hypothesis="non-inferiority", alpha=0.025)


def _shares(n: int, treatment: float, *, yates: bool = False) -> Simulation:
    def simulate(rng: np.random.Generator, trials: int) -> int:
        a, b = rng.binomial(n, 0.20, trials) / n, rng.binomial(n, treatment, trials) / n
        pooled = np.maximum((a + b) / 2, 1e-9)
        distance = np.abs(b - a) - (1 / n if yates else 0.0)
        return int((distance / np.sqrt(pooled * (1 - pooled) * 2 / n) > Z).sum())

    return simulate


def _not_worse(n: int) -> Simulation:
    def simulate(rng: np.random.Generator, trials: int) -> int:
        a, b = rng.binomial(n, 0.30, trials) / n, rng.binomial(n, 0.30, trials) / n
        return int(((b - a + 0.05) / np.sqrt((a * (1 - a) + b * (1 - b)) / n) > Z).sum())

    return simulate


MCNEMAR = plan_paired_proportions(discordance=0.10, difference=0.02)
NO_LOSSES = plan_paired_proportions(discordance=0.02, difference=0.02)


def _mcnemar(n: int) -> Simulation:
    def simulate(rng: np.random.Generator, trials: int) -> int:
        flips = rng.multinomial(n, [0.06, 0.04, 0.90], size=trials)
        gained, lost = flips[:, 0], flips[:, 1]
        return int((np.abs(gained - lost) > Z * np.sqrt(gained + lost)).sum())

    return simulate


# --- clusters and ratios --------------------------------------------------------------------------------------------
CLUSTERS = plan_clusters(std_dev=1.0, icc=0.1, cluster_size=20, difference=0.4)
UNITS_ONLY = math.ceil(plan_means(std_dev=1.0, difference=0.4).n[0] / 20)


def _clustered(k: int) -> Simulation:
    def simulate(rng: np.random.Generator, trials: int) -> int:
        means = rng.normal(0.0, math.sqrt(0.1 + 0.9 / 20), size=(2, trials, k))
        means[1] += 0.4
        pooled = means.var(axis=2, ddof=1).mean(axis=0)
        t = (means[1] - means[0]).mean(axis=1) / np.sqrt(2 * pooled / k)
        return int((np.abs(t) > t_quantile(0.975, 2 * k - 2)).sum())

    return simulate


# a user views a geometric number of pages (mean 5) and clicks on each with a rate of the user's own
VIEWS_MEAN, VIEWS_VAR, RATE, RATE_VAR, LIFT = 5.0, 20.0, 0.2, 0.02, 0.03
_BETA = RATE * (1 - RATE) / RATE_VAR - 1
CLICKS_VAR = VIEWS_MEAN * (RATE * (1 - RATE) - RATE_VAR) + (VIEWS_VAR + VIEWS_MEAN**2) * RATE_VAR + RATE**2 * VIEWS_VAR
RATIO = plan_ratio_metric(
    mean_numerator=RATE * VIEWS_MEAN,
    mean_denominator=VIEWS_MEAN,
    var_numerator=CLICKS_VAR,
    var_denominator=VIEWS_VAR,
    covariance=RATE * VIEWS_VAR,
    difference=LIFT,
)
BY_VIEWS = math.ceil(plan_proportions(baseline=RATE, difference=LIFT).n[0] / VIEWS_MEAN)


def _ratio(n: int) -> Simulation:
    def arm(rng: np.random.Generator, trials: int, lift: float) -> tuple[Floats, Floats]:
        views = rng.geometric(1 / VIEWS_MEAN, size=(trials, n))
        rate = rng.beta(RATE * _BETA, (1 - RATE) * _BETA, size=(trials, n))
        clicks = rng.binomial(views, np.minimum(rate + lift, 1.0))
        ratio = clicks.sum(axis=1) / views.sum(axis=1)
        variance = (clicks - ratio[:, None] * views).var(axis=1) / n / views.mean(axis=1) ** 2
        return ratio, variance

    def count(rng: np.random.Generator, trials: int) -> int:
        (a, va), (b, vb) = arm(rng, trials, 0.0), arm(rng, trials, LIFT)
        return int((np.abs(b - a) > Z * np.sqrt(va + vb)).sum())

    return _chunks(count, 2 * n)


# --- looks ----------------------------------------------------------------------------------------------------------
FIXED = plan_means(std_dev=1.0, difference=0.2, test="z")
LOOKS = plan_with_looks(FIXED, looks=5, shape="pocock")


def _with_looks(*, inflated: bool) -> Simulation:
    per_group = np.array([row[0] for row in LOOKS.n], dtype=float)
    if not inflated:
        per_group = FIXED.n[0] * np.array(LOOKS.boundaries.information)
    steps = np.diff(per_group, prepend=0.0)

    def simulate(rng: np.random.Generator, trials: int) -> int:
        gained = np.cumsum(0.2 * steps + np.sqrt(2 * steps) * rng.normal(size=(trials, 5)), axis=1)
        return int((np.abs(gained / np.sqrt(2 * per_group)) > LOOKS.boundaries.upper).any(axis=1).sum())

    return simulate


def _case(
    method: str, domain: str, right: Simulation, wrong: Simulation, wrong_method: str, power: float, **rest: float
) -> Case:
    return Case(
        family="design", method=f"{method}, power", domain=domain, nominal=power, claim="equal", right=right,
        wrong=wrong, wrong_method=wrong_method, **rest,  # type: ignore[arg-type]
    )  # fmt: skip


CASES = [
    _case(
        "plan_means, Welch", f"normal, sd 1 and 3, allocation 2:1, n {WELCH.n}", _welch(WELCH.n),
        _welch(plan_means(std_dev=math.sqrt(5), difference=1.5, ratio=0.5).n), "one average variance", WELCH.power,
        short=4_000,
    ),
    _case(
        "plan_means, two one-sided t tests", f"normal, margin .8 sd, n {TOST.n}", _tost(TOST.n[0]),
        _tost(ONE_OF_TWO.n[0]), "size for one of the two tests", TOST.power, short=4_000,
    ),
    _case(
        "plan_means with CUPED's gain", f"normal, correlation .7, n {CUPED.n}", _cuped(adjusted=True),
        _cuped(adjusted=False), "the smaller size without the adjustment", CUPED.power, short=2_000,
    ),
    _case(
        "plan_paired_means", f"normal, effect 1 sd, {PAIRED.n[0]} pairs", _paired(PAIRED.n[0]), _paired(PAIRED_BY_Z),
        "normal quantiles for the t test", PAIRED.power, short=4_000,
    ),
    _case(
        "plan_proportions", "20 % to 22 %, 6,510 a group", _shares(SHARES.n[0], 0.22), _shares(3_138, 0.22),
        "3,138 a group", SHARES.power, short=4_000,
    ),
    _case(
        "plan_proportions, continuity", f"20 % to 40 %, Yates' test, n {YATES.n}",
        _shares(YATES.n[0], 0.40, yates=True), _shares(PLAIN.n[0], 0.40, yates=True), "size without the correction",
        YATES.power, short=10_000,
    ),
    _case(
        "plan_proportions, non-inferiority", f"30 % both, margin 5 points, n {MARGIN.n}", _not_worse(MARGIN.n[0]),
        _not_worse(math.ceil(2 * 0.21 * (Z / 0.05) ** 2)), "size at which the margin is one interval away",
        MARGIN.power, short=4_000,
    ),
    _case(
        "plan_paired_proportions", f"6 % gained, 4 % lost, {MCNEMAR.n[0]} pairs", _mcnemar(MCNEMAR.n[0]),
        _mcnemar(NO_LOSSES.n[0]), "no losses assumed", MCNEMAR.power, short=4_000,
    ),
    _case(
        "plan_clusters", f"{CLUSTERS.n_clusters} clusters of 20, icc .1", _clustered((CLUSTERS.n_clusters or (0,))[0]),
        _clustered(UNITS_ONLY), "design effect left out", CLUSTERS.power, short=4_000,
    ),
    _case(
        "plan_ratio_metric", f"clicks per view, users differ, {RATIO.n[0]} users a group", _ratio(RATIO.n[0]),
        _ratio(BY_VIEWS), "every view a unit of its own", RATIO.power, short=600, long=4_000,
    ),
    _case(
        "plan_with_looks", "5 Pocock looks, normal", _with_looks(inflated=True), _with_looks(inflated=False),
        "size of the test without looks", LOOKS.power, short=4_000,
    ),
    Case(
        family="design", method="cuped_gain, interval", domain="bivariate normal, correlation .85, pilot of 25",
        nominal=0.95, claim="equal", right=_gain(fisher=True), wrong=_gain(fisher=False),
        wrong_method="r ± 1.96 (1 - r²)/√n", short=4_000,
    ),
]  # fmt: skip
