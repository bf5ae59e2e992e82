"""Intervals of one sample and two: what they cover, beside the short cuts that do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.core.records import Estimate
from assay.stats.bootstrap import bootstrap_statistic
from assay.stats.intervals.balanced import balanced_accuracy
from assay.stats.intervals.clustered import clustered_difference, clustered_mean
from assay.stats.intervals.ideal_bootstrap import ideal_bootstrap_difference, ideal_bootstrap_mean
from assay.stats.intervals.jackknife import deletion_groups, jackknife_estimate, left_out_values
from assay.stats.intervals.quantiles import quantile_difference, quantile_interval
from assay.stats.intervals.ratios import ratio_metric, ratio_metric_difference
from assay.stats.intervals.robust import capped_mean, capped_mean_difference, trimmed_mean, trimmed_mean_difference
from assay.stats.intervals.shares import agresti_coull, clopper_pearson
from assay.stats.intervals.two_sample_bootstrap import (
    bootstrap_difference,
    bootstrap_statistic_difference,
    studentised_bootstrap_mean,
)
from assay.stats.scalar import wilson
from assay.stats.special import t_quantile
from bench.coverage.case import Case, Simulation

Bounds = Estimate | tuple[float, float]
Interval = Callable[[np.random.Generator], Bounds]
Z = 1.959963984540054


def covered(interval: Interval, truth: float) -> Simulation:
    """Trials in which the interval holds the truth; no interval is a miss."""

    def one(rng: np.random.Generator) -> bool:
        found = interval(rng)
        low, high = (found.low, found.high) if isinstance(found, Estimate) else found
        return low is not None and high is not None and bool(low <= truth <= high)

    return lambda rng, trials: sum(one(rng) for _ in range(trials))


# --- shares: every possible count once, then looked up ----------------------------------------------------------------
def _share(method: Callable[[int, int], Bounds], p: float, n: int) -> Simulation:
    holds = []
    for k in range(n + 1):
        found = method(k, n)
        low, high = (found.low, found.high) if isinstance(found, Estimate) else found
        holds.append(low <= p <= high)
    return lambda rng, trials: int(np.array(holds)[rng.binomial(n, p, trials)].sum())


def _wald(k: int, n: int) -> tuple[float, float]:
    half = Z * np.sqrt(k / n * (1 - k / n) / n)
    return k / n - half, k / n + half


# --- clusters ---------------------------------------------------------------------------------------------------------
SIZES = np.array([40, 12, 10, 8, 6, 5, 5, 4, 3, 2, 2, 1])


def _clustered(variance: str) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        labels = np.repeat(np.arange(12), SIZES)
        values = 0.5 * rng.normal(size=12)[labels] + rng.normal(size=labels.size)
        return clustered_mean(values, labels, variance=variance)  # type: ignore[arg-type]

    return interval


def _treated_clusters(variance: str) -> Interval:
    """4 of 24 clusters are treated: few clusters, although they do not look few."""

    def interval(rng: np.random.Generator) -> Bounds:
        labels = np.repeat(np.arange(24), 6)
        values = rng.normal(size=24)[labels] + rng.normal(size=labels.size)
        return clustered_difference(values, labels < 4, labels, variance=variance)  # type: ignore[arg-type]

    return interval


HIT_RATES = ((4.0, 1.0), (2.0, 1.0))
"""Beta parameters of a document's share right among its positives and among its negatives."""


def _balanced(*, clustered: bool) -> Interval:
    """30 documents of 12 items, three of ten positive; how often the judge is right depends on the document."""

    def interval(rng: np.random.Generator) -> Bounds:
        labels = np.repeat(np.arange(30), 12)
        truth = rng.random(labels.size) < 0.3
        positive, negative = (rng.beta(a, b, 30)[labels] for a, b in HIT_RATES)
        said = truth ^ (rng.random(labels.size) >= np.where(truth, positive, negative))
        return balanced_accuracy(said, truth, clusters=labels if clustered else None)

    return interval


def _two_classes(*, mean_of_classes: bool) -> Interval:
    """300 items, two of ten positive, found in nine of ten cases; negatives in six of ten."""

    def interval(rng: np.random.Generator) -> Bounds:
        truth = np.arange(300) < 60
        said = truth ^ (rng.random(300) >= np.where(truth, 0.9, 0.6))
        return balanced_accuracy(said, truth) if mean_of_classes else wilson(int((said == truth).sum()), 300)

    return interval


def _deviation(*, clustered: bool) -> Interval:
    """Logarithm of the standard deviation of 80 clusters of 4, by leaving clusters or values out."""

    def interval(rng: np.random.Generator) -> Bounds:
        labels = np.repeat(np.arange(80), 4)
        values = rng.normal(size=80)[labels] + rng.normal(size=320)
        codes = deletion_groups(labels if clustered else None, 320, most=320)
        whole, left_out = left_out_values(lambda kept: float(np.log(values[kept].std(ddof=1))), codes)
        return jackknife_estimate(whole, left_out, n=320, unit="log score", method="log-deviation")

    return interval


# --- bootstraps -------------------------------------------------------------------------------------------------------
def _ideal(draw: Callable[[np.random.Generator], np.ndarray], method: str = "bca") -> Interval:
    return lambda rng: ideal_bootstrap_mean(draw(rng), method=method)


def _exponential(n: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.exponential(size=n)


def _two(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.gamma(2.0, size=120), rng.gamma(2.0, size=180)


def _ideal_difference(rng: np.random.Generator) -> Bounds:
    return ideal_bootstrap_difference(*_two(rng))


def _baseline_known(rng: np.random.Generator) -> Bounds:
    old, new = _two(rng)
    found = ideal_bootstrap_mean(new)
    return found.low - old.mean(), found.high - old.mean()


def _skewed(*, studentised: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        values = rng.gamma(0.5, size=30)
        if studentised:
            return studentised_bootstrap_mean(values, rng=rng, repeats=799)
        half = t_quantile(0.975, 29) * values.std(ddof=1) / np.sqrt(30)
        return values.mean() - half, values.mean() + half

    return interval


def _cluster_bootstrap(*, whole: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        labels = np.repeat(np.arange(20), 5)
        old, new = (rng.normal(size=20)[labels] + rng.normal(size=100) for _ in range(2))
        groups = labels.tolist() if whole else None
        return bootstrap_difference(
            old, new, rng=rng, baseline_clusters=groups, candidate_clusters=groups, repeats=399, method="studentised"
        )

    return interval


def _spreads(*, both: bool) -> Interval:
    """Difference of two standard deviations."""

    def interval(rng: np.random.Generator) -> Bounds:
        old, new = rng.normal(size=100), rng.normal(size=100)
        if both:
            return bootstrap_statistic_difference(old, new, np.std, rng=rng, repeats=399)
        found = bootstrap_statistic(new, np.std, rng=rng, repeats=399)
        return found.low - old.std(), found.high - old.std()

    return interval


# --- quantiles --------------------------------------------------------------------------------------------------------
def _median(*, exact: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        values = rng.exponential(size=40)
        if exact:
            return quantile_interval(values)
        half = t_quantile(0.975, 39) * values.std(ddof=1) / np.sqrt(40)
        return np.median(values) - half * 0.6, np.median(values) + half * 0.6

    return interval


def _quantile_gap(*, both: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        old, new = rng.exponential(size=80), rng.exponential(size=60)
        if both:
            return quantile_difference(old, new, 0.75)
        found, known = quantile_interval(new, 0.75), np.quantile(old, 0.75)
        return found.low - known, found.high - known

    return interval


# --- ratios: clicks a view, users differ ------------------------------------------------------------------------------
def _users(rng: np.random.Generator, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    views = rng.poisson(6, n) + 1
    return rng.binomial(views, rng.beta(2, 8, n)), views


def _click_rate(*, users: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        clicks, views = _users(rng)
        return ratio_metric(clicks, views) if users else _wald(int(clicks.sum()), int(views.sum()))

    return interval


def _click_gap(*, users: bool, relative: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        old, new = _users(rng), _users(rng, 260)
        if users:
            return ratio_metric_difference(old, new, relative=relative)
        (a, n), (b, m) = ((float(y.sum()), float(x.sum())) for y, x in (old, new))
        half = Z * np.sqrt(a / n * (1 - a / n) / n + b / m * (1 - b / m) / m) / (a / n if relative else 1.0)
        gap = (b / m - a / n) / (a / n if relative else 1.0)
        return gap - half, gap + half

    return interval


# --- heavy tails ------------------------------------------------------------------------------------------------------
def _of_the_rest(values: np.ndarray) -> tuple[float, float]:
    """Variance of the values that are left, as if nothing had been taken away."""
    cut = int(0.2 * values.size)
    rest = np.sort(values)[cut : values.size - cut]
    return float(rest.mean()), float(rest.var(ddof=1)) / rest.size


def _trimmed(*, winsorised: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        values = rng.standard_t(2, size=50)
        if winsorised:
            return trimmed_mean(values)
        mean, variance = _of_the_rest(values)
        half = t_quantile(0.975, 29) * np.sqrt(variance)
        return mean - half, mean + half

    return interval


def _trimmed_gap(*, winsorised: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        old, new = rng.standard_t(2, size=50), rng.standard_t(2, size=80)
        if winsorised:
            return trimmed_mean_difference(old, new)[0]
        sides = [_of_the_rest(side) for side in (old, new)]
        gap, half = sides[1][0] - sides[0][0], Z * np.sqrt(sides[0][1] + sides[1][1])
        return gap - half, gap + half

    return interval


CAP = 5.0
CAPPED = 1.0 + (1.0 - CAP**-0.2) / 0.2
"""E min(X, 5) for P(X > x) = x^-1.2, x >= 1."""


def _capped(*, capped: bool, two: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Bounds:
        old, new = 1 + rng.pareto(1.2, 300), 3 + 3 * rng.pareto(1.2, 200)
        cap = CAP if capped else 1e300
        return capped_mean_difference(old, new, cap=cap)[0] if two else capped_mean(old, cap=cap)

    return interval


GAP = 3.0 + 3.0 * (1.0 - (CAP / 3.0) ** -0.2) / 0.2 - CAPPED
RATE = 0.2


def _case(method: str, domain: str, right: Interval, wrong: Interval, name: str, truth: float = 0.0,
          short: int = 400, long: int = 4_000, **more: object) -> Case:  # fmt: skip
    return Case(
        family="intervals", method=method, domain=domain, nominal=0.95, claim=more.get("claim", "equal"),  # type: ignore[arg-type]
        right=covered(right, truth), wrong=covered(wrong, truth), wrong_method=name, short=short, long=long,
        slack=more.get("slack", 0.0), slack_because=str(more.get("slack_because", "")),  # type: ignore[arg-type]
    )  # fmt: skip


CASES = [
    *(Case(family="intervals", method=name, domain=f"n = {n}, p = {p}", nominal=0.95, claim="at least",
           right=_share(method, p, n), wrong=_share(_wald, p, n), wrong_method="Wald", short=5_000, long=200_000)
      for name, method, p, n in (("Clopper-Pearson", clopper_pearson, 0.03, 60),
                                 ("Clopper-Pearson, rare", clopper_pearson, 0.002, 1_000),
                                 ("Agresti-Coull", agresti_coull, 0.1, 40))),
    _case("clustered mean, CR2 and Satterthwaite", "12 clusters of 1 to 40 values",
          _clustered("CR2"),
          _clustered("CR1"), "CR1 with G - 1", short=2_000, long=20_000,
          slack=0.01, slack_because="degrees of freedom approximate"),
    _case("clustered difference, CR2 and Satterthwaite", "4 of 24 clusters treated",
          _treated_clusters("CR2"),
          _treated_clusters("CR1"), "CR1 with G - 1", short=1_500, long=15_000,
          slack=0.01, slack_because="degrees of freedom approximate"),
    _case("balanced accuracy over clusters, linearised with CR2", "30 documents of 12 items, 30 % positive",
          _balanced(clustered=True), _balanced(clustered=False), "items of one document as if independent",
          truth=float(np.mean([a / (a + b) for a, b in HIT_RATES])), short=1_500, long=20_000),
    _case("balanced accuracy, Wilson and MOVER", "60 positive and 240 negative items",
          _two_classes(mean_of_classes=True), _two_classes(mean_of_classes=False), "Wilson of the plain accuracy",
          truth=0.75, short=1_500, long=20_000),
    _case("jackknife over clusters", "log standard deviation of 80 clusters of 4 normal values",
          _deviation(clustered=True), _deviation(clustered=False), "one value left out at a time",
          truth=float(np.log(2.0) / 2.0), short=600, long=10_000),
    _case("ideal BCa bootstrap of a mean", "300 exponential values", _ideal(_exponential(300)),
          _ideal(lambda rng: rng.pareto(1.2, size=500) - 4.0, "percentile"),
          "the bootstrap of a Pareto(1.2) mean, n = 500", 1.0, slack=0.01, slack_because="second-order error"),
    _case("ideal BCa bootstrap of a difference", "120 and 180 gamma(2) values",
          _ideal_difference, _baseline_known,
          "the baseline taken as known"),
    _case("bootstrap-t of a mean", "30 gamma(.5) values", _skewed(studentised=True),
          _skewed(studentised=False), "t", 0.5, short=2_500),
    _case("cluster bootstrap-t of a difference", "20 clusters of 5 a side",
          _cluster_bootstrap(whole=True),
          _cluster_bootstrap(whole=False), "clusters ignored", short=300, long=2_000,
          slack=0.01, slack_because="second-order error"),
    _case("BCa of a difference of standard deviations", "100 normal values a side",
          _spreads(both=True),
          _spreads(both=False), "the baseline taken as known", short=250, long=2_000,
          slack=0.02, slack_because="the spread is biased at this n"),
    _case("median by order statistics", "40 exponential values", _median(exact=True), _median(exact=False),
          "the median with the mean's standard error", float(np.log(2)), claim="at least", short=2_000),
    _case("difference of upper quartiles", "80 and 60 exponential values", _quantile_gap(both=True),
          _quantile_gap(both=False), "the baseline taken as known", claim="at least"),
    _case("ratio metric", "200 users with rates of their own", _click_rate(users=True), _click_rate(users=False),
          "views taken as independent", RATE, short=1_500),
    _case("difference of ratio metrics", "200 and 260 users", _click_gap(users=True, relative=False),
          _click_gap(users=False, relative=False), "views taken as independent", short=600),
    _case("relative change of a ratio metric", "200 and 260 users", _click_gap(users=True, relative=True),
          _click_gap(users=False, relative=True), "views taken as independent", short=600),
    _case("trimmed mean", "50 values of t(2)", _trimmed(winsorised=True), _trimmed(winsorised=False),
          "standard error of the values that are left", short=1_500),
    _case("Yuen's difference of trimmed means", "50 and 80 values of t(2)", _trimmed_gap(winsorised=True),
          _trimmed_gap(winsorised=False), "standard error of the values that are left", short=1_500),
    _case("capped mean", "300 Pareto(1.2) values, cap 5", _capped(capped=True, two=False),
          _capped(capped=False, two=False), "the uncapped mean", CAPPED, short=1_500),
    _case("difference of capped means", "300 and 200 Pareto(1.2) values, cap 5", _capped(capped=True, two=True),
          _capped(capped=False, two=True), "the uncapped means", GAP, short=600),
]  # fmt: skip
