"""Chains: what their intervals cover, and how often their tests fire on chains that are as assumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from assay.stats.markov.backtest import brier_skill
from assay.stats.markov.counts import TransitionCounts, estimate_markov_chain
from assay.stats.markov.forecast import forecast_chain
from assay.stats.markov.fourier import fit_fourier_chain
from assay.stats.markov.occupation import rain_days
from assay.stats.markov.order import chain_stationarity_test, select_markov_order, transition_homogeneity_test
from assay.stats.markov.powers import ChainPowers
from assay.stats.markov.seasonal import HomogeneousChain, fit_seasonal_chain
from assay.stats.markov.structure import stationary_law
from assay.stats.scalar import wilson
from bench.coverage.case import Case, Simulation

Trial = Callable[[np.random.Generator], bool]
Judge = Callable[[np.random.Generator, np.ndarray], bool]
RAIN = np.array([[0.76, 0.24], [0.33, 0.67]])
THREE = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.25, 0.25, 0.5]])


def _count(trial: Trial) -> Simulation:
    return lambda rng, trials: sum(trial(rng) for _ in range(trials))


def _walks(rng: np.random.Generator, matrix: np.ndarray, chains: int, n: int) -> np.ndarray:
    """So many stationary chains of length n, shape (chains, n)."""
    edges = np.cumsum(matrix, axis=1)
    law = np.cumsum(stationary_law(matrix))
    drawn = rng.random((n, chains))
    walks = np.empty((n, chains), dtype=np.intp)
    walks[0] = (drawn[0][:, None] > law[:-1]).sum(axis=1)
    for t in range(1, n):
        walks[t] = (drawn[t][:, None] > edges[walks[t - 1], :-1]).sum(axis=1)
    return walks.T


def _over(matrix: np.ndarray, n: int, judge: Judge) -> Simulation:
    """A judgement of each of so many walks, made by the hundred."""

    def simulate(rng: np.random.Generator, trials: int) -> int:
        hits = 0
        for first in range(0, trials, 100):
            walks = _walks(rng, matrix, min(100, trials - first), n)
            hits += sum(judge(rng, walk) for walk in walks)
        return hits

    return simulate


def _table(walk: np.ndarray, k: int) -> np.ndarray:
    return np.bincount(walk[:-1] * k + walk[1:], minlength=k * k).reshape(k, k).astype(float)


def _counts(walk: np.ndarray, k: int) -> TransitionCounts:
    return TransitionCounts(states=tuple(range(k)), order=1, counts=_table(walk, k), last=int(walk[-1]))


# --- one transition probability
RARE = np.array([[0.97, 0.03], [0.4, 0.6]])


def _cell(walk: np.ndarray, method: Literal["wilson", "dirichlet"]) -> bool:
    found = estimate_markov_chain(_counts(walk, 2), interval=method).probabilities[0][1]
    return found.low is not None and found.high is not None and found.low <= 0.03 <= found.high


def _wald(_: np.random.Generator, walk: np.ndarray) -> bool:
    table = _table(walk, 2)[0]
    share, n = table[1] / table.sum(), table.sum()
    return bool(abs(share - 0.03) <= 1.96 * np.sqrt(share * (1 - share) / n))


# --- n steps ahead
def _ahead(rng: np.random.Generator, walk: np.ndarray) -> bool:
    truth = ChainPowers(RAIN).power(60)[0, 1]
    chain = HomogeneousChain(counts=_counts(walk, 2), smoothing=0.0)
    (found,) = forecast_chain(chain, horizons=[60], rng=rng, context=0, draws=500)
    one = found.probabilities[1]
    return one.low is not None and one.high is not None and bool(one.low <= truth <= one.high)


def _independent_days(_: np.random.Generator, walk: np.ndarray) -> bool:
    low, high = wilson(int(walk.sum()), walk.size)
    return low <= float(stationary_law(RAIN)[1]) <= high


def _seasonal(rng: np.random.Generator, *, border: bool) -> bool:
    """Ten steps, five on each side of a border between two seasons."""
    dry, wet = np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([[0.5, 0.5], [0.2, 0.8]])
    truth = (np.linalg.matrix_power(dry, 5) @ np.linalg.matrix_power(wet, 5))[0, 1]
    halves = [_walks(rng, season, 1, 300)[0].tolist() for season in (dry, wet)]
    chain = fit_seasonal_chain([*halves[0], None, *halves[1]], [0] * 300 + [1] * 301)
    keys = [0] * 5 + [1] * 5 if border else [0] * 10
    (found,) = forecast_chain(chain, horizons=[10], keys=keys, rng=rng, context=0, draws=500)
    one = found.probabilities[1]
    return one.low is not None and one.high is not None and bool(one.low <= truth <= one.high)


def _waves(rng: np.random.Generator, *, harmonics: int) -> bool:
    """A chain whose log-odds of rain follow the year; the chance in the wettest week."""
    phases = np.arange(1_461) / 365.25 % 1.0
    wave = 0.8 * np.cos(2 * np.pi * phases)
    drawn, walk = rng.random(1_461), [0]
    for t in range(1, 1_461):
        walk.append(int(drawn[t] < 1 / (1 + np.exp(1.0 - 1.5 * walk[-1] - wave[t]))))
    chain = fit_fourier_chain(walk, phases, harmonics=harmonics)
    (found,) = forecast_chain(chain, horizons=[1], keys=[0.0], rng=rng, context=0, draws=500)
    one = found.probabilities[1]
    return one.low is not None and one.high is not None and one.low <= 1 / (1 + np.exp(0.2)) <= one.high


# --- rain days
def _days(rng: np.random.Generator, trials: int, *, dependent: bool) -> int:
    law = stationary_law(RAIN)
    walks = _walks(rng, RAIN, trials, 31)
    seen = walks[:, 1:].sum(axis=1)
    hits = 0
    for raining in (0, 1):
        rows = seen[walks[:, 0] == raining]
        if dependent:
            found = rain_days(30, rain_after_dry=0.24, rain_after_rain=0.67, raining_now=bool(raining))
        else:
            found = rain_days(30, rain_after_dry=float(law[1]), rain_after_rain=float(law[1]))
        low, high = found.interval(0.9)
        hits += int(((rows >= low) & (rows <= high)).sum())
    return hits


# --- tests
def _order_p(walk: np.ndarray) -> tuple[float, float]:
    fits = select_markov_order(walk.tolist(), max_order=2).fits
    assert fits[2].p_value is not None
    assert fits[2].lr_statistic is not None
    return fits[2].p_value, fits[2].lr_statistic


def _counts_all_parameters(_: np.random.Generator, walk: np.ndarray) -> bool:
    from scipy.special import gammaincc

    return float(gammaincc(18 / 2, _order_p(walk)[1] / 2)) < 0.05


def _stationarity(_: np.random.Generator, walk: np.ndarray) -> bool:
    return chain_stationarity_test(walk.tolist(), periods=4).p_value < 0.05


def _shares_of_days(_: np.random.Generator, walk: np.ndarray) -> bool:
    tables = np.array([[np.bincount(part, minlength=2)] for part in np.split(walk, 4)])
    return transition_homogeneity_test(tables).p_value < 0.05


SLOW = np.array([[0.95, 0.05], [0.08, 0.92]])


def _skill(walk: np.ndarray, *, blocks: bool) -> bool:
    """Three-step forecasts that know the chain, against its long-run share."""
    ahead, law = np.linalg.matrix_power(SLOW, 3)[:, 1], stationary_law(SLOW)
    truth = 1.0 - float(law @ (ahead * (1 - ahead))) / float(law[1] * law[0])
    came, made = walk[3:], ahead[walk[:-3]]
    clusters = np.arange(came.size) // (50 if blocks else 1)
    found = brier_skill(np.square(made - came), np.square(law[1] - came), clusters=clusters)
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


CASES = [
    Case(
        family="chains",
        method="Wilson interval of a transition probability",
        domain="p = .03, 60 steps",
        nominal=0.95,
        claim="equal",
        right=_over(RARE, 60, lambda _, walk: _cell(walk, "wilson")),
        wrong=_over(RARE, 60, _wald),
        wrong_method="p ± 1.96 standard errors",
        short=1_500,
        long=20_000,
        slack=0.03,
        slack_because="counts are discrete",
    ),
    Case(
        family="chains",
        method="Dirichlet interval of a transition probability",
        domain="p = .03, 60 steps",
        nominal=0.95,
        claim="equal",
        right=_over(RARE, 60, lambda _, walk: _cell(walk, "dirichlet")),
        wrong=_over(RARE, 60, _wald),
        wrong_method="p ± 1.96 standard errors",
        short=1_500,
        long=20_000,
        slack=0.03,
        slack_because="counts are discrete",
    ),
    Case(
        family="chains",
        method="interval of an n-step probability",
        domain="rain chain, 400 days, 60 steps ahead",
        nominal=0.95,
        claim="equal",
        right=_over(RAIN, 400, _ahead),
        wrong=_over(RAIN, 400, _independent_days),
        wrong_method="Wilson's interval over days taken as independent",
        short=1_000,
        long=10_000,
        slack=0.01,
        slack_because="a posterior is nominal to first order",
    ),
    Case(
        family="chains",
        method="interval of a forecast over a season's border",
        domain="two seasons of 300 days, 5 steps on each side",
        nominal=0.95,
        claim="equal",
        right=_count(lambda rng: _seasonal(rng, border=True)),
        wrong=_count(lambda rng: _seasonal(rng, border=False)),
        wrong_method="today's matrix to the tenth power",
        short=400,
        long=5_000,
        slack=0.01,
        slack_because="a posterior is nominal to first order",
    ),
    Case(
        family="chains",
        method="interval of a Fourier-logit forecast",
        domain="four years of days, one wave, the wettest day",
        nominal=0.95,
        claim="equal",
        right=_count(lambda rng: _waves(rng, harmonics=1)),
        wrong=_count(lambda rng: _waves(rng, harmonics=0)),
        wrong_method="a chain without seasons",
        short=250,
        long=3_000,
    ),
    Case(
        family="chains",
        method="90 % range of the number of rain days",
        domain="rain chain, the next 30 days; whole numbers, so at least",
        nominal=0.9,
        claim="at least",
        right=lambda rng, trials: _days(rng, trials, dependent=True),
        wrong=lambda rng, trials: _days(rng, trials, dependent=False),
        wrong_method="a binomial count",
        short=5_000,
        long=200_000,
    ),
    Case(
        family="chains",
        method="likelihood-ratio test of order 1 against 2",
        domain="three states, 1,500 steps",
        nominal=0.05,
        claim="equal",
        right=_over(THREE, 1_500, lambda _, walk: _order_p(walk)[0] < 0.05),
        wrong=_over(THREE, 1_500, _counts_all_parameters),
        wrong_method="degrees of freedom = all parameters of order 2",
        short=1_000,
        long=10_000,
    ),
    Case(
        family="chains",
        method="stationarity test over four stretches",
        domain="rain chain, 800 days",
        nominal=0.05,
        claim="equal",
        right=_over(RAIN, 800, _stationarity),
        wrong=_over(RAIN, 800, _shares_of_days),
        wrong_method="chi-square of the shares of rain days",
        short=1_000,
        long=10_000,
    ),
    Case(
        family="chains",
        method="interval of the Brier skill",
        domain="three-step forecasts of a slow chain on 1,500 days, blocks of 50",
        nominal=0.95,
        claim="equal",
        right=_over(SLOW, 1_503, lambda _, walk: _skill(walk, blocks=True)),
        wrong=_over(SLOW, 1_503, lambda _, walk: _skill(walk, blocks=False)),
        wrong_method="forecasts taken as independent",
        short=500,
        long=5_000,
    ),
]
