"""Calibration measures: do their intervals cover, do their tests keep their level?"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from assay.stats.calibration.decomposition import brier_decomposition
from assay.stats.calibration.error import Norm, expected_calibration_error, reliability_curve
from assay.stats.calibration.scores import brier_score, calibration_in_the_large, log_score, spiegelhalter_test
from assay.stats.calibration.slope import cox_calibration
from bench.coverage.case import Case

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
N, BINS = 400, 5
ALIKE = np.array([0.4, 0.45, 0.5, 0.55, 0.6])  # little resolution
LEVELS = np.linspace(0.1, 0.9, BINS)
HIGH = np.linspace(0.7, 0.9, BINS)
TRUE_SHARES = np.array([0.16, 0.36, 0.5, 0.63, 0.84])  # over-confident at both ends


def _forecasts(rng: np.random.Generator, truth: Floats) -> tuple[Floats, Floats]:
    """Forecasts at five levels, 80 each, and what happened."""
    level = np.repeat(np.arange(BINS), N // BINS)
    return LEVELS[level], (rng.random(N) < truth[level]).astype(float)


def _grouped(rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """40 documents of 10 forecasts that share a shift of their log-odds; the forecasts know nothing of it."""
    document = np.repeat(np.arange(40), 10)
    forecast = np.tile(HIGH, 80)
    shift = rng.normal(scale=1.2, size=40)[document]
    chance = 1 / (1 + np.exp(-(np.log(forecast / (1 - forecast)) + shift)))
    return forecast, (rng.random(400) < chance).astype(float), document.astype(float)


def _marginal(level: float) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    chance = 1 / (1 + np.exp(-(math.log(level / (1 - level)) + 1.2 * nodes)))
    return float(weights @ chance / weights.sum())


MARGINAL = np.array([_marginal(level) for level in HIGH])
TRUE_BRIER = float(np.mean(MARGINAL * (1 - HIGH) ** 2 + (1 - MARGINAL) * HIGH**2))
TRUE_LOG = float(np.mean(-MARGINAL * np.log(HIGH) - (1 - MARGINAL) * np.log(1 - HIGH)))
TRUE_LARGE = float(np.mean(MARGINAL - HIGH))


def _clustered(rng: np.random.Generator, trials: int, *, what: str, aware: bool) -> int:
    measure, truth = {
        "brier": (brier_score, TRUE_BRIER),
        "log": (log_score, TRUE_LOG),
        "large": (calibration_in_the_large, TRUE_LARGE),
    }[what]
    hits = 0
    for _ in range(trials):
        forecast, event, document = _grouped(rng)
        found = measure(forecast, event, clusters=document if aware else None)
        hits += found.low is not None and found.high is not None and found.low <= truth <= found.high
    return hits


def _parts(rng: np.random.Generator, trials: int, *, part: str, corrected: bool) -> int:
    shares = TRUE_SHARES if part == "reliability" else ALIKE
    about = LEVELS if part == "reliability" else shares.mean()
    truth = float(np.mean(np.square(shares - about)))
    hits = 0
    for _ in range(trials):
        forecast, event = _forecasts(rng, shares)
        if corrected:
            found = getattr(brier_decomposition(forecast, event, rng=rng, bins=5, repeats=200), part)
            hits += found.low <= truth <= found.high
        else:
            low, high = _plain_percentile(rng, forecast, event, part)
            hits += low <= truth <= high
    return hits


def _plain_percentile(rng: np.random.Generator, forecast: Floats, event: Floats, part: str) -> tuple[float, float]:
    cell = np.searchsorted(LEVELS, forecast - 1e-9) + BINS * event.astype(int)
    drawn = rng.multinomial(N, np.bincount(cell, minlength=2 * BINS) / N, size=200)
    counts, ones = drawn[:, :BINS] + drawn[:, BINS:], drawn[:, BINS:]
    share = ones / np.maximum(counts, 1)
    centre = (counts * share).sum(axis=1, keepdims=True) / N if part == "resolution" else LEVELS
    distance = np.abs(share - centre) if part == "l1" else np.square(share - centre)
    draws = (counts / N * distance).sum(axis=1)
    return float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975))


def _error(rng: np.random.Generator, trials: int, *, norm: Norm, debiased: bool) -> int:
    gap = np.abs(LEVELS - TRUE_SHARES)
    true = float(gap.mean()) if norm == "l1" else math.sqrt(float(np.square(gap).mean()))
    hits = 0
    for _ in range(trials):
        forecast, event = _forecasts(rng, TRUE_SHARES)
        if debiased:
            found = expected_calibration_error(forecast, event, rng=rng, bins=5, norm=norm, repeats=200)
            hits += found.low is not None and found.high is not None and found.low <= true <= found.high
        else:
            low, high = _plain_percentile(rng, forecast, event, "l1" if norm == "l1" else "reliability")
            hits += (low if norm == "l1" else math.sqrt(low)) <= true <= (high if norm == "l1" else math.sqrt(high))
    return hits


def _calibrated(rng: np.random.Generator, trials: int, *, norm: Norm, debiased: bool) -> int:
    hits = 0
    for _ in range(trials):
        forecast, event = _forecasts(rng, LEVELS)
        if debiased:
            found = expected_calibration_error(forecast, event, rng=rng, bins=5, norm=norm, repeats=200)
            hits += found.low == 0.0
        else:
            low, _ = _plain_percentile(rng, forecast, event, "reliability")
            hits += low <= 1e-4  # a squared error of one percentage point
    return hits


def _curve(rng: np.random.Generator, trials: int, *, together: bool) -> int:
    hits = 0
    for _ in range(trials):
        forecast, event = _forecasts(rng, LEVELS)
        bins = reliability_curve(forecast, event, bins=5, simultaneous=together).bins
        hits += all(row.agrees for row in bins)
    return hits


def _spiegelhalter(rng: np.random.Generator, trials: int) -> int:
    hits = 0
    for _ in range(trials):
        forecast = rng.beta(2, 2, size=100)
        hits += spiegelhalter_test(forecast, (rng.random(100) < forecast).astype(float)).p_value <= 0.05
    return hits


def _hosmer_lemeshow(rng: np.random.Generator, trials: int) -> int:
    """Ten bins judged with 8 degrees of freedom, right for the data of a fit, wrong for forecasts made before."""
    from scipy.special import chdtrc

    forecast = np.sort(rng.beta(2, 2, size=(trials, 100)), axis=1).reshape(trials, 10, 10)
    event = rng.random(forecast.shape) < forecast
    gap = event.sum(axis=2) - forecast.sum(axis=2)
    statistic = (gap**2 / (forecast * (1 - forecast)).sum(axis=2)).sum(axis=1)
    return int((chdtrc(8, statistic) <= 0.05).sum())


def _slope(rng: np.random.Generator, trials: int, *, aware: bool) -> int:
    hits = 0
    for _ in range(trials):
        document = np.repeat(np.arange(100), 10)
        strength = rng.normal(loc=0.7, scale=1.5, size=100)[document]  # each document has its own slope
        x = np.tile(np.linspace(-1, 1, 10), 100)
        event = (rng.random(1_000) < 1 / (1 + np.exp(-strength * x))).astype(float)
        found = cox_calibration(1 / (1 + np.exp(-x)), event, clusters=document if aware else None).slope
        hits += found.low is not None and found.high is not None and found.low <= _population_slope() <= found.high
    return hits


@cache
def _population_slope() -> float:
    """What the regression converges to: the slope that solves the expected score equation."""
    from scipy.optimize import brentq

    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    x = np.linspace(-1, 1, 10)
    chance = (weights / weights.sum()) @ (1 / (1 + np.exp(-np.outer(0.7 + 1.5 * nodes, x))))
    return float(brentq(lambda b: float((x * (chance - 1 / (1 + np.exp(-b * x)))).sum()), 0.1, 2.0))


CASES = [
    *(
        Case(
            family="calibration",
            method=f"{name}, cluster t interval",
            domain="40 documents of 10 forecasts that share a shift of 1.2 in log-odds",
            nominal=0.95,
            claim="equal",
            right=lambda rng, trials, what=what: _clustered(rng, trials, what=what, aware=True),
            wrong=lambda rng, trials, what=what: _clustered(rng, trials, what=what, aware=False),
            wrong_method="the same, forecasts taken as independent",
            short=600,
            long=6_000,
        )
        for name, what in (("Brier score", "brier"), ("log score", "log"), ("calibration in the large", "large"))
    ),
    Case(
        family="calibration",
        method="Brier reliability, bias-corrected, normal bootstrap",
        domain="400 forecasts at 5 levels, shares off by .05 on average",
        nominal=0.95,
        claim="at least",
        right=lambda rng, trials: _parts(rng, trials, part="reliability", corrected=True),
        wrong=lambda rng, trials: _parts(rng, trials, part="reliability", corrected=False),
        wrong_method="percentile bootstrap of the plain reliability",
        short=400,
        long=4_000,
    ),
    Case(
        family="calibration",
        method="Brier resolution, bias-corrected, normal bootstrap",
        domain="400 forecasts at 5 levels, shares from .4 to .6",
        nominal=0.95,
        claim="at least",
        right=lambda rng, trials: _parts(rng, trials, part="resolution", corrected=True),
        wrong=lambda rng, trials: _parts(rng, trials, part="resolution", corrected=False),
        wrong_method="percentile bootstrap of the plain resolution",
        short=400,
        long=4_000,
    ),
    Case(
        family="calibration",
        method="debiased ECE, l1, normal bootstrap",
        domain="400 forecasts at 5 levels, shares off by .05 on average",
        nominal=0.95,
        claim="at least",
        right=lambda rng, trials: _error(rng, trials, norm="l1", debiased=True),
        wrong=lambda rng, trials: _error(rng, trials, norm="l1", debiased=False),
        wrong_method="percentile bootstrap of the plain error",
        short=400,
        long=4_000,
    ),
    Case(
        family="calibration",
        method="debiased ECE, l2, normal bootstrap",
        domain="as for l1",
        nominal=0.95,
        claim="at least",
        right=lambda rng, trials: _error(rng, trials, norm="l2", debiased=True),
        wrong=lambda rng, trials: _error(rng, trials, norm="l2", debiased=False),
        wrong_method="percentile bootstrap of the plain error",
        short=400,
        long=4_000,
    ),
    Case(
        family="calibration",
        method="debiased ECE of calibrated forecasts: the interval holds 0",
        domain="400 calibrated forecasts at 5 levels, l1",
        nominal=0.95,
        claim="at least",
        right=lambda rng, trials: _calibrated(rng, trials, norm="l1", debiased=True),
        wrong=lambda rng, trials: _calibrated(rng, trials, norm="l1", debiased=False),
        wrong_method="percentile bootstrap of the plain error, within one point of 0",
        short=400,
        long=4_000,
    ),
    Case(
        family="calibration",
        method="reliability curve, simultaneous Wilson intervals",
        domain="400 calibrated forecasts at 5 levels, all five at once",
        nominal=0.95,
        claim="equal",
        right=lambda rng, trials: _curve(rng, trials, together=True),
        wrong=lambda rng, trials: _curve(rng, trials, together=False),
        wrong_method="five separate 95 % intervals read together",
        short=600,
        long=10_000,
        slack=0.01,
        slack_because="Wilson's 99 % interval holds in 98.5 % at the outer levels",
    ),
    Case(
        family="calibration",
        method="Spiegelhalter's z",
        domain="100 calibrated forecasts from Beta(2, 2)",
        nominal=0.05,
        claim="equal",
        right=_spiegelhalter,
        wrong=_hosmer_lemeshow,
        wrong_method="Hosmer-Lemeshow with g - 2 degrees of freedom on forecasts made before",
        short=2_000,
        long=20_000,
    ),
    Case(
        family="calibration",
        method="calibration slope, cluster t interval",
        domain="100 documents of 10 forecasts, each document with its own slope (sd 1.5)",
        nominal=0.95,
        claim="equal",
        right=lambda rng, trials: _slope(rng, trials, aware=True),
        wrong=lambda rng, trials: _slope(rng, trials, aware=False),
        wrong_method="HC0, forecasts taken as independent",
        short=600,
        long=6_000,
    ),
]
