"""Bayesian intervals on parameters drawn from their prior, and what peeking at P(better) does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.core.records import Estimate
from assay.stats.bayes.compare import bayes_counts, bayes_means, bayes_rates
from assay.stats.bayes.laws import StudentLaw
from assay.stats.bayes.pair import probability_greater
from assay.stats.bayes.priors import BetaPrior, GammaPrior, NormalInverseGammaPrior, NormalPrior
from assay.stats.bayes.shrinkage import shrunken_rates
from bench.coverage.case import Case, Simulation

Trial = Callable[[np.random.Generator], bool]


def _count(trial: Trial) -> Simulation:
    return lambda rng, trials: sum(trial(rng) for _ in range(trials))


def _inside(found: Estimate, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


# --- rates ----------------------------------------------------------------------------------------------------------
RARE = BetaPrior(alpha=2.0, beta=30.0)


def _rates(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    rates = rng.beta(RARE.alpha, RARE.beta, size=2)
    return rates, rng.binomial(40, rates)


def _beta(part: str) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        rates, hits = _rates(rng)
        found = bayes_rates({"a": (int(hits[0]), 40), "b": (int(hits[1]), 40)}, prior=RARE)
        if part == "arm":
            return _inside(found.arms[0].estimate, rates[0])
        one = found.differences[0]
        if part == "difference":
            return _inside(one.difference, rates[1] - rates[0])
        assert one.ratio is not None
        return _inside(one.ratio, rates[1] / rates[0])

    return trial


def _wald(part: str) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        rates, hits = _rates(rng)
        seen = hits / 40
        spread = seen * (1 - seen) / 40
        if part == "arm":
            return bool(abs(seen[0] - rates[0]) <= 1.96 * np.sqrt(spread[0]))
        if part == "difference":
            return bool(abs(seen[1] - seen[0] - rates[1] + rates[0]) <= 1.645 * np.sqrt(spread.sum()))
        if not hits.all():
            return False
        half = 1.96 * np.sqrt((1 / hits - 1 / 40).sum())
        return bool(abs(np.log(seen[1] / seen[0]) - np.log(rates[1] / rates[0])) <= half)

    return trial


# --- counts ---------------------------------------------------------------------------------------------------------
EVENTS = GammaPrior(shape=2.0, rate=1.0)


def _gamma(part: str, *, right: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        rates = rng.gamma(2.0, 1.0, size=2)
        seen = rng.poisson(0.5 * rates)
        truth = float(rates[0] if part == "arm" else rates[1] - rates[0])
        if right:
            found = bayes_counts({"a": (int(seen[0]), 0.5), "b": (int(seen[1]), 0.5)}, prior=EVENTS)
            return _inside(found.arms[0].estimate if part == "arm" else found.differences[0].difference, truth)
        value, spread = (seen[0], seen[0]) if part == "arm" else (seen[1] - seen[0], seen.sum())
        return bool(abs(value / 0.5 - truth) <= 1.96 * np.sqrt(spread) / 0.5)

    return trial


# --- means ----------------------------------------------------------------------------------------------------------
def _reference(rng: np.random.Generator) -> bool:
    values = rng.normal(size=(2, 4))
    return _inside(bayes_means({"a": values[0].tolist(), "b": values[1].tolist()}).arms[0].estimate, 0.0)


def _plug_in(rng: np.random.Generator) -> bool:
    values = rng.normal(size=(2, 4))[0]
    return bool(abs(values.mean()) <= 1.96 * values.std(ddof=1) / 2.0)


def _from_prior(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    variance = 3.0 / rng.chisquare(3.0, size=2)
    means = rng.normal(0.0, np.sqrt(variance / 0.5))
    return means, rng.normal(means[:, None], np.sqrt(variance)[:, None], size=(2, 4))


def _conjugate(rng: np.random.Generator) -> bool:
    means, values = _from_prior(rng)
    prior = NormalInverseGammaPrior(location=0.0, pseudo_n=0.5, std=1.0, df=3.0)
    found = bayes_means({"a": values[0].tolist(), "b": values[1].tolist()}, prior=prior)
    return _inside(found.differences[0].difference, float(means[1] - means[0]))


def _normal_quantile(rng: np.random.Generator) -> bool:
    means, values = _from_prior(rng)
    half = 1.645 * np.sqrt((values.var(axis=1, ddof=1) / 4).sum())
    return bool(abs(values[1].mean() - values[0].mean() - means[1] + means[0]) <= half)


def _known(*, right: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        means = rng.normal(0.0, 0.3, size=2)
        values = rng.normal(means[:, None], 1.0, size=(2, 5))
        prior = NormalPrior(location=0.0, std=0.3 if right else 0.05, value_std=1.0)
        found = bayes_means({"a": values[0].tolist(), "b": values[1].tolist()}, prior=prior)
        return _inside(found.differences[0].difference, float(means[1] - means[0]))

    return trial


# --- peeking --------------------------------------------------------------------------------------------------------
def _looks(count: int) -> Trial:
    """Equal arms of known variance, a flat prior; stopped at the first look with P(better) > .95."""

    def trial(rng: np.random.Generator) -> bool:
        sums = rng.normal(size=(count, 2)).cumsum(axis=0)
        for look, (first, second) in enumerate(sums, start=1):
            scale = look**-0.5
            laws = [StudentLaw(location=float(total / look), scale=scale) for total in (first, second)]
            if probability_greater(*laws).value > 0.95:
                return True
        return False

    return trial


# --- shrinkage ------------------------------------------------------------------------------------------------------
def _groups(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    mean, size = rng.random(), rng.random() ** -2.0 - 1.0
    rates = rng.beta(np.full(6, max(mean * size, 1e-6)), max((1.0 - mean) * size, 1e-6))
    return rates, rng.binomial(15, rates)


def _hierarchical(rng: np.random.Generator) -> bool:
    rates, hits = _groups(rng)
    found = shrunken_rates({str(i): (int(k), 15) for i, k in enumerate(hits)})
    return _inside(found.groups["0"], float(rates[0]))


def _empirical_bayes(rng: np.random.Generator) -> bool:
    """Mean and concentration by moments, then taken as known."""
    from scipy.special import betaincinv

    rates, hits = _groups(rng)
    share = hits / 15
    mean, variance = np.clip(share.mean(), 0.01, 0.99), share.var(ddof=1)
    between = max((variance - mean * (1 - mean) / 15) * 15 / 14, 1e-4)
    size = max(mean * (1 - mean) / between - 1, 0.1)
    a, b = mean * size + hits[0], (1 - mean) * size + 15 - hits[0]
    return bool(betaincinv(a, b, 0.025) <= rates[0] <= betaincinv(a, b, 0.975))


def _case(method: str, domain: str, right: Trial, wrong: Trial, name: str, *, nominal: float = 0.95,
          short: int = 150, long: int = 1_500) -> Case:  # fmt: skip
    return Case(
        family="bayes", method=method, domain=domain, nominal=nominal, claim="equal", right=_count(right),
        wrong=_count(wrong), wrong_method=name, short=short, long=long,
    )  # fmt: skip


CASES = [
    _case("Beta-Binomial, rate", "rates from Beta(2, 30), 40 trials an arm", _beta("arm"), _wald("arm"), "Wald"),
    _case("Beta-Binomial, difference", "rates from Beta(2, 30), 40 trials an arm", _beta("difference"),
          _wald("difference"), "Wald with a one-sided quantile"),
    _case("Beta-Binomial, ratio", "rates from Beta(2, 30), 40 trials an arm", _beta("ratio"), _wald("ratio"),
          "delta method, undefined at 0"),
    _case("Gamma-Poisson, rate", "rates from Gamma(2, 1), exposure .5", _gamma("arm", right=True),
          _gamma("arm", right=False), "Wald"),
    _case("Gamma-Poisson, difference", "rates from Gamma(2, 1), exposure .5", _gamma("difference", right=True),
          _gamma("difference", right=False), "Wald"),
    _case("normal with the reference prior, mean", "4 values an arm", _reference, _plug_in, "normal quantile"),
    _case("normal-inverse-gamma, difference", "mean and variance from the prior, 4 values an arm", _conjugate,
          _normal_quantile, "plug-in variance, 1.645", short=200),
    _case("normal, variance known, difference", "means from N(0, .3²), 5 values an arm", _known(right=True),
          _known(right=False), "a prior of std .05"),
    _case("P(better) > .95, one look", "equal arms, flat prior", _looks(1), _looks(100), "100 looks", nominal=0.05,
          short=400, long=4_000),
    _case("P(better) > .95, one look (5)", "equal arms, flat prior", _looks(1), _looks(5), "5 looks", nominal=0.05,
          short=1_000, long=10_000),
    _case("hierarchical Beta-Binomial, one group", "6 groups of 15, rates and their law from the prior", _hierarchical,
          _empirical_bayes, "empirical Bayes with hyperparameters taken as known", short=150, long=1_500),
]  # fmt: skip
