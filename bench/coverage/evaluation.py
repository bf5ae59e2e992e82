"""Attempts, epochs, seeds, compute and scaling: do their intervals cover, do their tests keep their level?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.stats.evaluation.attempts import pass_at_k_curve
from assay.stats.evaluation.compute import expected_best_of, matched_compute_difference
from assay.stats.evaluation.epochs import epoch_variance_components
from assay.stats.evaluation.grid import holm_over_grid
from assay.stats.evaluation.paired_epochs import paired_epochs_difference
from assay.stats.evaluation.planning import plan_samples_and_epochs
from assay.stats.evaluation.scaling import power_law_fit
from assay.stats.evaluation.seeds import SeedEstimand, seed_difference, seed_mean
from assay.stats.moments import Moments
from assay.stats.scalar import mean_estimate, wilson
from assay.stats.special import normal_quantile
from bench.coverage.case import Case

Floats = npt.NDArray[np.float64]


def _holds(found: Estimate, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def _attempts(rng: np.random.Generator, trials: int, *, k: int, of: Literal["any", "all"], right: bool) -> int:
    """60 samples of 5 attempts; a sample's chance is Beta(1.5, 1)."""
    moments = [math.gamma(1.5 + j) * math.gamma(2.5) / (math.gamma(1.5) * math.gamma(2.5 + j)) for j in range(k + 1)]
    truth = moments[k] if of == "all" else 1 - sum((-1) ** j * math.comb(k, j) * moments[j] for j in range(k + 1))
    hits = 0
    for _ in range(trials):
        solved = rng.binomial(5, rng.beta(1.5, 1, size=60))
        if right:
            hits += _holds(pass_at_k_curve(solved, np.full(60, 5), ks=[k], of=of)[k], truth)
        else:
            low, high = wilson(float(solved.sum()), 300.0)
            hits += low**k <= truth <= high**k if of == "all" else 1 - (1 - low) ** k <= truth <= 1 - (1 - high) ** k
    return hits


def _attempts_bootstrap(rng: np.random.Generator, trials: int, *, aware: bool) -> int:
    """40 documents of 4 samples of 3 attempts each; the chance belongs to the document."""
    document, hits = np.repeat(np.arange(40), 4), 0
    for _ in range(trials):
        solved = rng.binomial(3, rng.beta(1, 1, size=40)[document])
        groups = document if aware else None
        found = pass_at_k_curve(solved, np.full(160, 3), ks=[2], clusters=groups, rng=rng, repeats=300)[2]
        hits += _holds(found, 2 / 3)
    return hits


def _binary_epochs(rng: np.random.Generator, samples: int, epochs: int) -> tuple[Floats, Floats]:
    """0/1 scores: half of the samples succeed nearly always, the others half of the time."""
    chance = np.where(rng.random(samples) < 0.5, 0.95, 0.5)
    scores = (rng.random((samples, epochs)) < chance[:, None]).astype(float)
    return scores, np.repeat(np.arange(samples), epochs).astype(float)


WITHIN = 0.5 * (0.95 * 0.05) + 0.5 * 0.25
BETWEEN = 0.25 * 0.45**2


def _components(rng: np.random.Generator, trials: int, *, part: str, right: bool) -> int:
    from scipy.special import chdtri

    truth = {"within": WITHIN, "between": BETWEEN, "icc": BETWEEN / (BETWEEN + WITHIN)}[part]
    hits, n, m = 0, 100, 5
    for _ in range(trials):
        scores, sample = _binary_epochs(rng, n, m)
        if right:
            hits += _holds(getattr(epoch_variance_components(scores.ravel(), sample), part), truth)
            continue
        if part == "icc":
            first, second = np.triu_indices(m, 1)
            r = float(np.corrcoef(scores[:, first].ravel(), scores[:, second].ravel())[0, 1])
            hits += abs(math.atanh(r) - math.atanh(truth)) <= 1.96 / math.sqrt(n * first.size - 3)
            continue
        inside, across = float(scores.var(axis=1, ddof=1).mean()), float(scores.mean(axis=1).var(ddof=1))
        df, value = (n * (m - 1), inside) if part == "within" else (n - 1, across)
        hits += value * df / chdtri(df, 0.025) <= truth <= value * df / chdtri(df, 0.975)
    return hits


def _restricted(rng: np.random.Generator, trials: int, *, part: str, right: bool) -> int:
    """30 samples of 2 to 6 epochs, normal, between .5, within 1."""
    from scipy.special import chdtri

    sizes = np.resize([2, 3, 4, 5, 6], 30)
    sample, hits = np.repeat(np.arange(30), sizes), 0
    truth = {"between": 0.5, "within": 1.0, "icc": 1 / 3}[part]
    for _ in range(trials):
        scores = math.sqrt(0.5) * rng.normal(size=30)[sample] + rng.normal(size=sample.size)
        if right:
            hits += _holds(getattr(epoch_variance_components(scores, sample, method="reml"), part), truth)
            continue
        means = np.bincount(sample, weights=scores) / sizes
        value, df = (float(means.var(ddof=1)), 29) if part != "within" else (float(scores.var(ddof=1)), sample.size - 1)
        hits += value * df / chdtri(df, 0.025) <= truth <= value * df / chdtri(df, 0.975)
    return hits


def _paired(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    """50 samples, 4 epochs of the baseline and 3 of the candidate; the effect differs between samples."""
    hits, old, new = 0, np.repeat(np.arange(50), 4), np.repeat(np.arange(50), 3)
    for _ in range(trials):
        level, effect = rng.normal(size=50), 0.3 + 0.8 * rng.normal(size=50)
        before = level[old] + 0.7 * rng.normal(size=200)
        after = (level + effect)[new] + 0.7 * rng.normal(size=150)
        if right:
            hits += _holds(paired_epochs_difference(before, old, after, new, span=0.0).difference, 0.3)
        else:
            gaps = after.reshape(50, 3) - before.reshape(50, 4)[:, :3]
            hits += _holds(mean_estimate(Moments.of(gaps.ravel().tolist())), 0.3)
    return hits


def _planned(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    """The mean lies within the planned half-width of the truth: between .5, within .5, samples 6 times an epoch."""
    plan = plan_samples_and_epochs(between=0.5, within=0.5, cost_sample=6, cost_epoch=1, half_width=0.2)
    answers = math.ceil((1.96 / 0.2) ** 2)
    samples, epochs = (plan.samples, plan.epochs) if right else (math.ceil(answers / plan.epochs), plan.epochs)
    means = math.sqrt(0.5) * rng.normal(size=(trials, samples))
    means += math.sqrt(0.5 / epochs) * rng.normal(size=(trials, samples))
    return int((np.abs(means.mean(axis=1)) <= 0.2).sum())


def _seed_table(rng: np.random.Generator, seeds: int, items: Floats) -> Floats:
    own = 0.3 * rng.normal(size=seeds)[:, None] + 0.8 * rng.normal(size=(seeds, items.size))
    return np.asarray(items + own)


FIXED_ITEMS = np.linspace(-1, 1, 60)


def _seeds(rng: np.random.Generator, trials: int, *, estimand: SeedEstimand, right: bool) -> int:
    """6 seeds on 60 items; seeds sd .3, items sd 1.2, the rest .8."""
    hits = 0
    for _ in range(trials):
        items = FIXED_ITEMS if estimand == "new seeds, these items" else 1.2 * rng.normal(size=60)
        table = _seed_table(rng, 6, items)
        if right:
            found = seed_mean(table, estimand=estimand).estimate
        elif estimand == "new seeds, these items":
            found = mean_estimate(Moments.of(table.ravel().tolist()))
        else:
            found = mean_estimate(Moments.of(table.mean(axis=1).tolist()))
        hits += _holds(found, 0.0)
    return hits


def _these_seeds(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    hits = 0
    for _ in range(trials):
        fixed = np.array([-0.3, 0.0, 0.3])[:, None]
        table = fixed + 0.6 * rng.normal(size=60) + 0.8 * rng.normal(size=(3, 60))
        found = seed_mean(table, estimand="these seeds, new items").estimate
        hits += _holds(found if right else mean_estimate(Moments.of(table.ravel().tolist())), 0.0)
    return hits


def _duplicates(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    """6 seeds, of which a cache answered 6 times over with 3 different ones."""
    hits = 0
    for _ in range(trials):
        table = _seed_table(rng, 6, FIXED_ITEMS)
        table = np.concatenate([table, table, table])
        found = seed_mean(table, estimand="new seeds, these items", duplicates="drop" if right else "keep")
        hits += _holds(found.estimate, 0.0)
    return hits


def _seed_gap(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    hits = 0
    for _ in range(trials):
        items = 0.6 * rng.normal(size=60)
        old, new = _seed_table(rng, 6, items), _seed_table(rng, 5, items)
        found = seed_difference(old, new).difference
        if not right:
            found = mean_estimate(Moments.of((new.mean(axis=0) - old.mean(axis=0)).tolist()))
        hits += _holds(found, 0.0)
    return hits


def _grid(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    """3 baselines × 4 datasets × 2 sizes, nothing differs; how often is anything found?"""
    hits = 0
    for _ in range(trials):
        p = rng.random((3, 4, 2))
        if right:
            cells = {(i, j, k): float(p[i, j, k]) for i in range(3) for j in range(4) for k in range(2)}
            hits += bool(holm_over_grid(cells).rejected)
        else:
            hits += bool((p.min(axis=0) <= 0.05 / 3).any())
    return hits


def _best_of(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    """Best of 5 of 80 normal tries: expected 1.16296."""
    hits = 0
    for _ in range(trials):
        scores = rng.normal(size=80)
        if right:
            hits += _holds(expected_best_of(scores, trials=[5])[5], 1.1629644736)
        else:
            groups = scores.reshape(16, 5).max(axis=1)
            half = 1.96 * scores.std(ddof=1) / math.sqrt(80)
            hits += abs(groups.mean() - 1.1629644736) <= half
    return hits


def _compute(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    """Two equal systems, the candidate trained twice as long; 5 seeds each."""
    hits, slow, fast = 0, np.array([1.0, 2, 4, 8]), np.array([1.0, 2, 4, 8, 16])
    for _ in range(trials):
        old = [(slow, 0.1 * np.log2(slow) + 0.05 * rng.normal()) for _ in range(5)]
        new = [(fast, 0.1 * np.log2(fast) + 0.05 * rng.normal()) for _ in range(5)]
        if right:
            hits += _holds(matched_compute_difference(old, new, at=[6.0])[0].difference, 0.0)
        else:
            last = [mean_estimate(Moments.of([float(y[-1]) for _, y in curves])) for curves in (old, new)]
            gap = (last[1].value or 0) - (last[0].value or 0)
            hits += abs(gap) <= 2.306 * math.hypot(last[0].std_error or 0, last[1].std_error or 0)
    return hits


SIZES = np.geomspace(1e3, 1.28e5, 8)


def _law(x: Floats | float) -> Floats | float:
    return 8 * x**-0.5 + 0.1


def _curve(rng: np.random.Generator, trials: int, *, what: str, right: bool, known: bool = False) -> int:
    hits = 0
    truth = {"exponent": 0.5, "floor": 0.1}.get(what, float(_law(5.12e5)))
    for _ in range(trials):
        y = _law(SIZES) + 0.002 * rng.normal(size=8)
        if right:
            fit = power_law_fit(SIZES, y, rng=rng, repeats=300, std_errors=np.full(8, 0.002) if known else None)
            hits += _holds(fit.predict(5.12e5) if what == "ahead" else getattr(fit, what), truth)
            continue
        z, log_y = np.log(SIZES) - np.log(SIZES).mean(), np.log(y)
        slope = float(z @ log_y / (z @ z))
        left = log_y - log_y.mean() - slope * z
        error = math.sqrt(float(left @ left) / 6)
        if what == "ahead":
            far = math.log(5.12e5) - float(np.log(SIZES).mean())
            half = 2.447 * error * math.sqrt(1 / 8 + far**2 / float(z @ z))
            hits += abs(float(log_y.mean()) + slope * far - math.log(truth)) <= half
        elif what == "floor":
            hits += abs(float(y.min()) - truth) <= normal_quantile(0.975) * 0.002
        else:
            hits += abs(-slope - truth) <= 2.447 * error / math.sqrt(float(z @ z))
    return hits


def _case(
    method: str,
    domain: str,
    run: Callable[..., int],
    wrong_method: str,
    *,
    short: int = 600,
    long: int = 6_000,
    slack: float = 0.0,
    slack_because: str = "",
    nominal: float = 0.95,
    claim: Literal["equal", "at least", "at most"] = "equal",
) -> Case:
    return Case(
        family="evaluation",
        method=method,
        domain=domain,
        nominal=nominal,
        claim=claim,
        right=lambda rng, trials: run(rng, trials, right=True),
        wrong=lambda rng, trials: run(rng, trials, right=False),
        wrong_method=wrong_method,
        short=short,
        long=long,
        slack=slack,
        slack_because=slack_because,
    )


CASES = [
    *(
        _case(
            f"{name}, Wilson on the effective number of samples",
            "60 samples of 5 attempts, chances Beta(1.5, 1)",
            lambda rng, trials, right, k=k, of=of: _attempts(rng, trials, k=k, of=of, right=right),
            "Wilson on all attempts as independent, to the power k",
        )
        for name, k, of in (("pass@1", 1, "any"), ("pass@3", 3, "any"), ("pass^3", 3, "all"))
    ),
    _case(
        "pass@2, bootstrap over documents",
        "40 documents of 4 samples of 3 attempts",
        lambda rng, trials, right: _attempts_bootstrap(rng, trials, aware=right),
        "bootstrap over samples",
        short=400,
        long=3_000,
        slack=0.015,
        slack_because="second-order error of the bootstrap",
    ),
    *(
        _case(
            f"{part}: variance component of 0/1 scores, jackknife over samples",
            "100 samples of 5 epochs, half at .95 and half at .5",
            lambda rng, trials, right, part=part: _components(rng, trials, part=part, right=right),
            wrong,
        )
        for part, wrong in (
            ("within", "chi-square interval of the pooled variance"),
            ("between", "variance of the samples' means, epochs' noise left in"),
            ("icc", "Fisher's interval of the correlation of all pairs of epochs as independent"),
        )
    ),
    *(
        _case(
            f"{part}: REML, profile likelihood",
            "30 samples of 2 to 6 epochs, normal, between .5 and within 1",
            lambda rng, trials, right, part=part: _restricted(rng, trials, part=part, right=right),
            wrong,
            short=80,
            long=600,
        )
        for part, wrong in (
            ("between", "variance of the samples' means, epochs' noise left in"),
            ("within", "variance of all scores"),
            ("icc", "variance of the samples' means as the ICC"),
        )
    ),
    _case(
        "paired difference with epochs",
        "50 samples, 4 and 3 epochs, effects that differ between samples",
        _paired,
        "epochs paired one by one as independent",
    ),
    _case(
        "planned samples and epochs reach the half-width",
        "between .5, within .5, a sample costs 6 epochs; rounded up, so at least",
        _planned,
        "all answers planned as independent",
        claim="at least",
        short=4_000,
        long=20_000,
    ),
    _case(
        "mean over seeds and items, both new",
        "6 seeds on 60 items; sd .3 of seeds, 1.2 of items, .8 of the rest",
        lambda rng, trials, right: _seeds(rng, trials, estimand="new seeds, new items", right=right),
        "mean ± t·SE over seeds",
    ),
    _case(
        "mean over seeds, these items",
        "6 seeds on 60 fixed items",
        lambda rng, trials, right: _seeds(rng, trials, estimand="new seeds, these items", right=right),
        "t interval of all scores as independent",
    ),
    _case(
        "mean over items, these seeds",
        "3 fixed seeds on 60 new items",
        _these_seeds,
        "t interval of all scores as independent",
    ),
    _case(
        "seeds of which each occurs three times",
        "6 different seeds, 18 rows, 60 fixed items",
        _duplicates,
        "duplicates counted",
    ),
    _case(
        "difference of two systems over seeds and items",
        "6 and 5 seeds on the same 60 items",
        _seed_gap,
        "paired t over items of the seeds' means",
        slack=0.01,
        slack_because="degrees of freedom approximate",
    ),
    _case(
        "Holm over baselines × datasets × sizes",
        "24 independent null comparisons, any rejection",
        _grid,
        "α/3 for the three baselines of each column",
        nominal=0.05,
        claim="at most",
        short=2_000,
        long=20_000,
    ),
    _case(
        "expected best of k, jackknife",
        "best of 5 of 80 normal tries",
        _best_of,
        "standard error of the mean",
        slack=0.015,
        slack_because="jackknife of a maximum, first order",
    ),
    _case(
        "difference at matched compute, Welch over seeds",
        "5 seeds each, equal systems, one trained twice as long",
        _compute,
        "last scores compared",
    ),
    *(
        _case(
            f"power law: {name}",
            f"8 sizes over a factor of 128, noise .002{noise}",
            lambda rng, trials, right, what=what, known=known: _curve(rng, trials, what=what, right=right, known=known),
            wrong,
            short=120,
            long=1_500,
        )
        for name, what, known, noise, wrong in (
            ("exponent, delta", "exponent", False, "", "slope of a line in logarithms, no floor"),
            ("exponent, delta, known noise", "exponent", True, " known", "slope of a line in logarithms, no floor"),
            ("floor, delta", "floor", False, "", "the last score as the floor"),
            ("four times beyond the data, bootstrap", "ahead", False, "", "line in logarithms, no floor"),
        )
    ),
]
