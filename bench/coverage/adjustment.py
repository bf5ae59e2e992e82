"""Adjusted differences: what their intervals cover, beside the short cuts that do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.core.records import Estimate
from assay.stats.adjustment.cells import StratumTable
from assay.stats.adjustment.crossfit import cross_fitted_predictions
from assay.stats.adjustment.cuped import cuped_from_values
from assay.stats.adjustment.pairing import paired_adjustment
from assay.stats.adjustment.regression import lin_adjustment
from assay.stats.adjustment.strata import stratified_difference
from assay.stats.scalar import THESE_ITEMS
from bench.coverage.case import Case, Simulation

Interval = Callable[[np.random.Generator], Estimate | tuple[float, float]]


def _covered(interval: Interval, truth: float) -> Simulation:
    def one(rng: np.random.Generator) -> bool:
        found = interval(rng)
        low, high = (found.low, found.high) if isinstance(found, Estimate) else found
        return bool(low <= truth <= high)

    return lambda rng, trials: sum(one(rng) for _ in range(trials))


# --- CUPED ----------------------------------------------------------------------------------------------------------
def _few(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    features = rng.normal(size=(24, 5))
    treated = rng.permutation(24) % 2
    return features @ np.ones(5) + 0.5 * treated + rng.normal(size=24), treated, features


def _cuped_few(rng: np.random.Generator) -> Estimate:
    outcome, treated, features = _few(rng)
    return cuped_from_values(outcome, treated, {str(i): c for i, c in enumerate(features.T)}).difference


def _slope_for_free(rng: np.random.Generator) -> tuple[float, float]:
    """The slopes taken as known: no degree of freedom lost, no variance of their own."""
    outcome, treated, features = _few(rng)
    mask = treated == 1
    centred = np.where(mask[:, None], features - features[mask].mean(0), features - features[~mask].mean(0))
    left = outcome - features @ np.linalg.lstsq(centred, outcome, rcond=None)[0]
    gap = left[mask].mean() - left[~mask].mean()
    half = 2.07 * np.sqrt(left[mask].var(ddof=1) / mask.sum() + left[~mask].var(ddof=1) / (~mask).sum())
    return gap - half, gap + half


def _uneven(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A small treatment arm with a steeper slope and more noise."""
    before, treated = rng.normal(size=600), np.arange(600) < 100
    noise = rng.normal(size=600) * np.where(treated, 3.0, 1.0)
    return before * np.where(treated, 1.5, 1.0) + noise + 0.5 * treated, treated, before


def _cuped_uneven(rng: np.random.Generator) -> Estimate:
    outcome, treated, before = _uneven(rng)
    return cuped_from_values(outcome, treated, {"before": before}).difference


def _one_variance(rng: np.random.Generator) -> tuple[float, float]:
    outcome, treated, before = _uneven(rng)
    design = np.column_stack([np.ones(600), treated, before])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ outcome
    residual = outcome - design @ beta
    half = 1.964 * np.sqrt(inverse[1, 1] * residual @ residual / 597)
    return beta[1] - half, beta[1] + half


def _foretold(*, crossed: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate:
        features, treated = rng.normal(size=(160, 60)), rng.permutation(160) % 2
        outcome = features[:, 0] + rng.normal(size=160) + 0.5 * treated
        if crossed:
            seen = cross_fitted_predictions(outcome, features, rng=rng)
        else:
            design = np.column_stack([np.ones(160), features])
            seen = design @ np.linalg.solve(design.T @ design, design.T @ outcome)
        return cuped_from_values(outcome, treated, {"prediction": seen}).difference

    return interval


# --- Lin ------------------------------------------------------------------------------------------------------------
def _lin(*, variance: str, estimand: str | None = None, n: int = 200) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate:
        before, treated = rng.normal(size=n), rng.permutation(n) % 2 == 1
        outcome = np.where(treated, 3.0 * before + 0.5, -before) + rng.normal(size=n)
        more = {} if estimand is None else {"estimand": estimand}
        return lin_adjustment(outcome, treated, {"before": before}, variance=variance, **more).difference  # type: ignore[arg-type]

    return interval


def _lin_few(*, variance: str) -> Interval:
    """Twelve units of these items with a high leverage; the wrong method divides by nothing (HC0, normal quantile)."""

    def interval(rng: np.random.Generator) -> Estimate | tuple[float, float]:
        features, treated = rng.exponential(size=(20, 2)), rng.permutation(20) % 2 == 1
        outcome = features.sum(axis=1) + rng.normal(size=20) + 0.5 * treated
        if variance != "HC0":
            columns = {"a": features[:, 0], "b": features[:, 1]}
            return lin_adjustment(outcome, treated, columns, variance=variance, estimand=THESE_ITEMS).difference  # type: ignore[arg-type]
        centred = features - features.mean(axis=0)
        design = np.column_stack([np.ones(20), treated, centred, centred * treated[:, None]])
        inverse = np.linalg.inv(design.T @ design)
        beta = inverse @ design.T @ outcome
        meat = design * (outcome - design @ beta)[:, None]
        half = 1.96 * np.sqrt((inverse @ meat.T @ meat @ inverse)[1, 1])
        return beta[1] - half, beta[1] + half

    return interval


# --- strata and pairs -----------------------------------------------------------------------------------------------
EFFECTS, SHARES = np.array([4.0, 0.0, -3.0]), np.array([0.5, 0.3, 0.2])


def _post(*, weights_known: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate:
        stratum, treated = rng.choice(3, size=400, p=SHARES), rng.permutation(400) % 2
        outcome = stratum * 2.0 + EFFECTS[stratum] * treated + rng.normal(size=400)
        table = StratumTable.of(outcome, treated, stratum)
        shares = {str(k): float((stratum == k).mean()) for k in range(3)} if weights_known else None
        return stratified_difference(table, weights=shares).difference

    return interval


def _oversampled(*, weighted: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate:
        stratum, treated = np.repeat([0, 1, 2], 60), np.arange(180) % 2
        outcome = stratum * 2.0 + EFFECTS[stratum] * treated + rng.normal(size=180) * (1 + stratum)
        weights = {str(k): share for k, share in enumerate(SHARES)} if weighted else None
        return stratified_difference(StratumTable.of(outcome, treated, stratum), weights=weights).difference

    return interval


def _paired(*, paired: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate:
        item = rng.normal(size=25)
        found = paired_adjustment(item + rng.normal(size=25), item + 0.5 + rng.normal(size=25))
        return found.difference if paired else found.unadjusted

    return interval


def _warns(*, corrected: bool) -> Simulation:
    def one(rng: np.random.Generator) -> bool:
        columns = {str(i): c for i, c in enumerate(rng.normal(size=(6, 2_400)))}
        found = cuped_from_values(rng.normal(size=2_400), rng.permutation(2_400) % 2, columns)
        if corrected:
            return bool(found.warnings)
        return any(check.p_value is not None and check.p_value < 0.01 for check in found.covariates)

    return lambda rng, trials: sum(one(rng) for _ in range(trials))


def _case(method: str, domain: str, right: Interval, wrong: Interval, name: str, truth: float = 0.5,
          short: int = 200, long: int = 1_500, **more: object) -> Case:  # fmt: skip
    return Case(
        family="adjustment", method=method, domain=domain, nominal=0.95, claim=more.get("claim", "equal"),  # type: ignore[arg-type]
        right=_covered(right, truth), wrong=_covered(wrong, truth), wrong_method=name, short=short, long=long,
    )  # fmt: skip


MEAN_EFFECT = float(SHARES @ EFFECTS)

CASES = [
    _case("CUPED, few units", "12 an arm, 5 covariates, normal", _cuped_few, _slope_for_free, "slopes taken as known",
          short=800, long=6_000),
    _case("CUPED, unlike arms", "100 against 500 units, other slope and noise", _cuped_uneven, _one_variance,
          "one residual variance for both arms"),
    _case("CUPAC, cross-fitted", "60 features, 80 an arm", _foretold(crossed=True), _foretold(crossed=False),
          "predictions fitted on the same units"),
    _case("Lin HC2, new inputs", "100 an arm, slopes 3 and -1", _lin(variance="HC2"),
          _lin(variance="HC2", estimand=THESE_ITEMS), "the sampled mean taken as the population's"),
    _case("Lin HC3, new inputs", "100 an arm, slopes 3 and -1", _lin(variance="HC3"),
          _lin(variance="HC3", estimand=THESE_ITEMS), "the sampled mean taken as the population's"),
    _case("Lin HC3, few units", "10 an arm, 2 skewed covariates, one slope", _lin_few(variance="HC3"),
          _lin_few(variance="HC0"), "HC0 with a normal quantile", short=1_500, long=10_000, claim="at least"),
    _case("post-stratification", "200 an arm, effects 4, 0, -3", _post(weights_known=False),
          _post(weights_known=True), "the sample's shares taken as the population's", truth=MEAN_EFFECT),
    _case("stratified, known shares", "30 a cell, shares .5, .3, .2", _oversampled(weighted=True),
          _oversampled(weighted=False), "the sample's shares", truth=MEAN_EFFECT),
    _case("pairs", "25 pairs, correlation .5", _paired(paired=True), _paired(paired=False), "unpaired",
          short=1_500, long=10_000),
    Case(family="adjustment", method="warning that a covariate was moved, p < .01",
         domain="6 covariates, 1,200 an arm, none moved", nominal=0.01, claim="at most", right=_warns(corrected=True),
         wrong=_warns(corrected=False), wrong_method="uncorrected", short=500, long=5_000),
]  # fmt: skip
