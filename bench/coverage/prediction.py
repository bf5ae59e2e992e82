"""Prediction-powered means, quantiles and coefficients, and corrected rates, beside the short cuts that do not hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.core.records import Estimate
from assay.stats.prediction.anytime import ppi_confidence_sequence
from assay.stats.prediction.cross import cross_ppi_mean
from assay.stats.prediction.mean import ppi_mean, ppi_mean_difference, ppi_win_rate
from assay.stats.prediction.prevalence import rogan_gladen, rogan_gladen_known
from assay.stats.prediction.quantile import ppi_quantile
from assay.stats.prediction.regression import ppi_logistic, ppi_ols
from assay.stats.prediction.strata import stratified_ppi_mean
from assay.stats.scalar import wilson
from assay.stats.special import t_quantile
from bench.coverage.case import Case, Simulation

FAMILY = "prediction"
Bounds = Estimate | tuple[float, float]


def _covered(interval: Callable[[np.random.Generator], Bounds], truth: float) -> Simulation:
    def one(rng: np.random.Generator) -> bool:
        found = interval(rng)
        low, high = (found.low, found.high) if isinstance(found, Estimate) else found
        assert low is not None and high is not None
        return bool(low <= truth <= high)

    return lambda rng, trials: sum(one(rng) for _ in range(trials))


def _t(values: np.ndarray, centre: float = 0.0) -> tuple[float, float]:
    half = t_quantile(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return centre + values.mean() - half, centre + values.mean() + half


# --- means of new inputs --------------------------------------------------------------------------------------------
def _few(rng: np.random.Generator, n: int = 12, size: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    f, g = rng.normal(size=n), rng.normal(size=size)
    return 0.7 * f + 0.7 * rng.normal(size=n), f, g


def _biased(rng: np.random.Generator, n: int = 60, size: int = 2_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, far = rng.normal(size=n), rng.normal(size=size)
    return y, y + 0.3 + 0.5 * rng.normal(size=n), far + 0.3 + 0.5 * rng.normal(size=size)


def _systems(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Two systems on the same documents, judged by the same judge."""
    document = rng.normal(size=540) * 1.5
    labels = [document + rng.normal(size=540) * 0.5 + shift for shift in (0.0, 0.2)]
    judged = [one + 0.5 * rng.normal(size=540) for one in labels]
    return (labels[0][:40], labels[1][:40], judged[0][:40], judged[1][:40], judged[0][40:], judged[1][40:])


def _unpaired(rng: np.random.Generator) -> tuple[float, float]:
    a, b, _, _, _, _ = _systems(rng)
    shuffled = rng.permutation(a) * 0.5  # half the baseline's level is forgotten with the pairing
    return _t(b - shuffled)


def _strata(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """The small stratum is labelled as often as the large one; the judge is off in it."""
    strata = np.repeat(["large", "small"], 30)
    far = np.where(np.arange(2_000) < 1_600, "large", "small")
    y = rng.normal(size=60) + np.where(strata == "small", 1.0, 0.0)
    other = rng.normal(size=2_000) + np.where(far == "small", 1.0, 0.0)
    shift, far_shift = (np.where(names == "small", 1.0, 0.0) for names in (strata, far))
    return (y, y + shift + 0.5 * rng.normal(size=60), strata, other + far_shift + 0.5 * rng.normal(size=2_000), far)


def _pooled(rng: np.random.Generator) -> Estimate:
    y, f, _, g, _ = _strata(rng)
    return ppi_mean(y, f, g)


def _rare(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    win, far = (rng.random(30) < 0.05).astype(float), (rng.random(400) < 0.05).astype(float)
    return win, 0.5 * win + 0.1 * rng.random(30), 0.5 * far + 0.1 * rng.random(400)


def _rare_t(rng: np.random.Generator) -> tuple[float, float]:
    return _t(_rare(rng)[0])


def _crossed(rng: np.random.Generator, *, naive: bool) -> Bounds:
    """Least squares without an intercept, which is .5 off, in 10 folds of the 80 labels."""
    x, far = rng.normal(size=(80, 8)), rng.normal(size=(400, 8))
    y = 0.5 + x @ np.full(8, 0.3) + rng.normal(size=80)
    fold = np.arange(80) % 10
    held, models = np.zeros(80), []
    for k in range(10):
        beta = np.linalg.lstsq(x[fold != k], y[fold != k], rcond=None)[0]
        held[fold == k] = x[fold == k] @ beta
        models.append(far @ beta)
    if naive:
        return _t(np.mean(models, axis=0))
    return cross_ppi_mean(y, held, np.stack(models, axis=1))


MEANS = [
    Case(
        family=FAMILY,
        method="PPI++ mean, λ of each label from the others, t",
        domain="normal, r = .7, 12 labels, 60 predictions",
        nominal=0.95,
        claim="equal",
        right=_covered(lambda rng: ppi_mean(*_few(rng)), 0.0),
        wrong=_covered(lambda rng: ppi_mean(*_few(rng), method="normal"), 0.0),
        wrong_method="λ tuned on the labels it corrects, its noise ignored",
        short=5_000,
        slack=0.005,
        slack_because="degrees of freedom approximate at 12 labels",
    ),
    Case(
        family=FAMILY,
        method="PPI mean (λ = 1)",
        domain="judge .3 too high, r = .9, 60 labels, 2,000 predictions",
        nominal=0.95,
        claim="equal",
        right=_covered(lambda rng: ppi_mean(*_biased(rng), lam=1.0), 0.0),
        wrong=_covered(lambda rng: _t(_biased(rng)[2]), 0.0),
        wrong_method="predictions taken as labels",
        short=1_000,
    ),
    Case(
        family=FAMILY,
        method="PPI++ paired difference",
        domain="two systems on shared documents, 40 labels, 500 predictions",
        nominal=0.95,
        claim="equal",
        right=_covered(lambda rng: ppi_mean_difference(*_systems(rng)), 0.2),
        wrong=_covered(_unpaired, 0.2),
        wrong_method="unpaired difference",
        short=1_000,
    ),
    Case(
        family=FAMILY,
        method="PPI++ win rate, Wilson below 8 expected wins",
        domain="5 % wins, 30 labels",
        nominal=0.95,
        claim="at least",
        right=_covered(lambda rng: ppi_win_rate(*_rare(rng)), 0.05),
        wrong=_covered(_rare_t, 0.05),
        wrong_method="t interval of the labels",
        short=1_000,
    ),
    Case(
        family=FAMILY,
        method="stratified PPI++",
        domain="two strata labelled alike, of 80 and 20 %; judge off in one",
        nominal=0.95,
        claim="equal",
        right=_covered(lambda rng: stratified_ppi_mean(*_strata(rng), shares={"large": 0.8, "small": 0.2}), 0.2),
        wrong=_covered(_pooled, 0.2),
        wrong_method="strata ignored",
        short=600,
    ),
    Case(
        family=FAMILY,
        method="cross-PPI",
        domain="least squares on 8 features in 10 folds, 80 labels, 400 predictions",
        nominal=0.95,
        claim="equal",
        right=_covered(lambda rng: _crossed(rng, naive=False), 0.5),
        wrong=_covered(lambda rng: _crossed(rng, naive=True), 0.5),
        wrong_method="average prediction taken as label",
        short=800,
    ),
]


# --- quantiles and coefficients -------------------------------------------------------------------------------------
def _quantile(rng: np.random.Generator) -> Estimate:
    return ppi_quantile(*_biased(rng, n=200), q=0.75)


def _coefficients(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """20 labels; a judge whose slope is half the true one."""
    x, far = (np.c_[np.ones(n), rng.standard_t(5, size=n)] for n in (20, 300))
    y = x @ [1.0, 1.0] + rng.normal(size=20)
    return x, y, x @ [1.0, 0.5] + 0.5 * (y - x @ [1.0, 1.0]), far, far @ [1.0, 0.5] + 0.5 * rng.normal(size=300)


def _slope(rng: np.random.Generator, *, naive: bool) -> Estimate:
    x, y, f, far, g = _coefficients(rng)
    if naive:
        return ppi_ols(far, g, g, far, g, lam=0.0).coefficients[1]
    return ppi_ols(x, y, f, far, g).coefficients[1]


def _logit(rng: np.random.Generator, *, naive: bool) -> Estimate:
    """A judge that halves every log-odds."""
    x, far = (np.c_[np.ones(n), rng.normal(size=n)] for n in (120, 600))
    y = (rng.random(120) < 1 / (1 + np.exp(-x @ [0.0, 1.0]))).astype(float)
    f, g = (1 / (1 + np.exp(-z @ [0.0, 0.5])) for z in (x, far))
    if naive:
        seen = (rng.random(600) < g).astype(float)
        return ppi_logistic(far, seen, seen, far, seen, lam=0.0).coefficients[1]
    return ppi_logistic(x, y, f, far, g).coefficients[1]


UPPER_QUARTILE = 0.6744897501960817

COEFFICIENTS = [
    Case(
        family=FAMILY,
        method="PPI++ quantile",
        domain="upper quartile, judge .3 too high, 200 labels",
        nominal=0.95,
        claim="equal",
        right=_covered(_quantile, UPPER_QUARTILE),
        wrong=_covered(lambda rng: _quantile_of(_biased(rng, n=200)[2]), UPPER_QUARTILE),
        wrong_method="quantile of the predictions",
        short=500,
        long=10_000,
    ),
    Case(
        family=FAMILY,
        method="PPI++ least squares, HC3 and t",
        domain="slope, 20 labels, t(5) feature, judge's slope is half",
        nominal=0.95,
        claim="equal",
        right=_covered(lambda rng: _slope(rng, naive=False), 1.0),
        wrong=_covered(lambda rng: _slope(rng, naive=True), 1.0),
        wrong_method="regression on the predictions",
        short=500,
        long=5_000,
    ),
    Case(
        family=FAMILY,
        method="PPI++ logit, HC3 and t",
        domain="slope, 120 labels, judge halves the log-odds",
        nominal=0.95,
        claim="equal",
        right=_covered(lambda rng: _logit(rng, naive=False), 1.0),
        wrong=_covered(lambda rng: _logit(rng, naive=True), 1.0),
        wrong_method="regression on the predictions",
        short=300,
        long=3_000,
    ),
]


def _quantile_of(values: np.ndarray) -> tuple[float, float]:
    """Order statistics around the upper quartile."""
    n = values.size
    half = 1.96 * np.sqrt(n * 0.75 * 0.25)
    ordered = np.sort(values)
    return float(ordered[int(0.75 * n - half)]), float(ordered[int(0.75 * n + half)])


# --- anytime and corrected rates ------------------------------------------------------------------------------------
def _ever_excluded(*, sequence: bool) -> Simulation:
    """Looks after each of 450 labels; hits are runs in which some look excludes the truth."""

    def one(rng: np.random.Generator) -> bool:
        terms = rng.normal(size=500)
        if sequence:
            return ppi_confidence_sequence(terms, start=50).first_excluding(0.0) is not None
        n = np.arange(1, 501)
        mean = np.cumsum(terms) / n
        spread = np.sqrt(np.maximum(np.cumsum(terms**2) / n - mean**2, 0.0) * n / np.maximum(n - 1, 1))
        return bool(np.any((np.abs(mean) > 1.98 * spread / np.sqrt(n))[49:]))

    return lambda rng, trials: sum(one(rng) for _ in range(trials))


RATE, SENSITIVITY, SPECIFICITY = 0.15, 0.85, 0.9


def _counted(rng: np.random.Generator) -> tuple[int, int, int]:
    seen = RATE * SENSITIVITY + (1 - RATE) * (1 - SPECIFICITY)
    return int(rng.binomial(400, seen)), int(rng.binomial(50, SENSITIVITY)), int(rng.binomial(50, SPECIFICITY))


def _lang_reiczigel(rng: np.random.Generator) -> Estimate:
    positives, hits, clear = _counted(rng)
    return rogan_gladen(positives, 400, true_positives=hits, n_positive=50, true_negatives=clear, n_negative=50)


def _rates_as_known(rng: np.random.Generator) -> Estimate:
    positives, hits, clear = _counted(rng)
    return rogan_gladen_known(positives, 400, sensitivity=hits / 50, specificity=clear / 50)


def _known(rng: np.random.Generator) -> Estimate:
    return rogan_gladen_known(_counted(rng)[0], 400, sensitivity=SENSITIVITY, specificity=SPECIFICITY)


def _corrected_then_wilson(rng: np.random.Generator) -> tuple[float, float]:
    value = _known(rng).value
    assert value is not None
    return wilson(value * 400, 400)


RATES = [
    Case(
        family=FAMILY,
        method="asymptotic confidence sequence of AIPW terms",
        domain="looks after each of 50 to 500 normal labels; ever excludes the truth",
        nominal=0.05,
        claim="at most",
        right=_ever_excluded(sequence=True),
        wrong=_ever_excluded(sequence=False),
        wrong_method="t at every look",
        short=1_000,
    ),
    Case(
        family=FAMILY,
        method="Rogan-Gladen, Lang-Reiczigel interval",
        domain="rate .15 of 400, sensitivity .85 and specificity .9 from 50 each",
        nominal=0.95,
        claim="equal",
        right=_covered(_lang_reiczigel, RATE),
        wrong=_covered(_rates_as_known, RATE),
        wrong_method="measured error rates taken as known",
        short=2_000,
        slack=0.02,
        slack_because="adds to the counts, and counts are discrete",
    ),
    Case(
        family=FAMILY,
        method="Rogan-Gladen with known error rates, Wilson",
        domain="rate .15 of 400",
        nominal=0.95,
        claim="equal",
        right=_covered(_known, RATE),
        wrong=_covered(_corrected_then_wilson, RATE),
        wrong_method="corrected, then Wilson as if observed",
        short=2_000,
        slack=0.005,
        slack_because="counts are discrete",
    ),
]

CASES: list[Case] = [*MEANS, *COEFFICIENTS, *RATES]
