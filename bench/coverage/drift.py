"""Drift tests on data without drift, and detectors on streams without change."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from assay.core.records import Estimate
from assay.stats.drift.adwin import Adwin
from assay.stats.drift.classifier import classifier_drift, column_drift
from assay.stats.drift.counts import category_drift, divergence_drift
from assay.stats.drift.cusum import Cusum, Detector
from assay.stats.drift.edetector import EDetector
from assay.stats.drift.kernel import energy_drift, mmd_drift, mmd_linear_drift
from assay.stats.drift.kolmogorov import ks_drift
from assay.stats.drift.ordered import anderson_darling_drift, wasserstein_drift
from assay.stats.drift.result import DriftResult
from assay.stats.drift.run_length import (
    cusum_alarm_probability,
    cusum_run_length,
    measured_run_length,
    threshold_for_horizon,
)
from assay.stats.drift.stability import stability_index, stability_of_counts
from bench.coverage.case import Case, Simulation

Trial = Callable[[np.random.Generator], bool]


def _count(trial: Trial) -> Simulation:
    return lambda rng, trials: sum(trial(rng) for _ in range(trials))


def _drift(found: DriftResult) -> bool:
    return found.verdict == "drift"


def _covers(found: Estimate | None, truth: float) -> bool:
    return found is not None and found.low is not None and found.high is not None and found.low <= truth <= found.high


def _chi_p(statistic: float, df: int) -> float:
    from scipy.special import gammaincc

    return float(gammaincc(df / 2, statistic / 2))


# --- one number a row -----------------------------------------------------------------------------------------------
def _rounded(rng: np.random.Generator) -> bool:
    x, y = rng.normal(size=(2, 25)).round(1)
    return _drift(ks_drift(x, y))


def _known_reference(n: int, *, rounded: bool) -> Trial:
    """The one-sample test with the reference's distribution function taken as the truth."""

    def trial(rng: np.random.Generator) -> bool:
        from scipy.special import kolmogorov

        x, y = rng.normal(size=(2, n))
        x, y = (x.round(1), y.round(1)) if rounded else (x, y)
        return bool(kolmogorov(math.sqrt(n) * ks_drift(x, y).statistic) < 0.05)

    return trial


def _smallest_of_four(n: int) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        from scipy.special import stdtr

        x, y = rng.normal(size=(2, n))
        t = abs(x.mean() - y.mean()) / math.sqrt((x.var(ddof=1) + y.var(ddof=1)) / n)
        ratio = abs(math.log(x.var() / y.var())) / math.sqrt(4 / n)
        seen = [ks_drift(x, y).p_value, anderson_darling_drift(x, y).p_value]
        return min(*(p or 0.0 for p in seen), 2 * stdtr(2 * n - 2, -t), math.erfc(ratio / math.sqrt(2))) < 0.05

    return trial


def _flat_distance(rng: np.random.Generator) -> bool:
    x, y = rng.normal(size=(2, 40))
    return wasserstein_drift(x, y, rng=rng, permutations=19).statistic > 0.2


# --- counts ---------------------------------------------------------------------------------------------------------
def _index(*, flat: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        found = stability_index(rng.normal(size=150), rng.normal(size=150))
        return found.statistic > 0.1 if flat else _drift(found)

    return trial


BEFORE, AFTER = np.full(8, 0.125), np.array([0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.10, 0.09])
MOVED = float(((AFTER - BEFORE) * np.log(AFTER / BEFORE)).sum())


def _index_interval(*, right: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        found = stability_of_counts(rng.multinomial(600, BEFORE), rng.multinomial(600, AFTER))
        if right:
            return _covers(found.effect, MOVED)
        return abs(found.statistic - MOVED) <= 1.96 * math.sqrt(2 * 7) * (2 / 600)

    return trial


def _counts(test: str, *, right: bool) -> Trial:
    shares = np.array([0.4, 0.3, 0.2, 0.1])

    def trial(rng: np.random.Generator) -> bool:
        x, y = rng.multinomial(300, shares, size=2)
        if not right:  # the reference's shares taken as the truth
            return _chi_p(float((np.square(y - x) / np.maximum(x, 0.5)).sum()), 3) < 0.05
        found = category_drift(x, y) if test == "chi" else divergence_drift(x, y, kind=test)  # type: ignore[arg-type]
        return _drift(found)

    return trial


def _sparse(shares: tuple[float, ...], *, right: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        x, y = rng.multinomial(25, shares, size=2)
        if ((x + y) > 0).sum() < 2:
            return False
        if right:
            return _drift(category_drift(x, y, rng=rng, permutations=199))
        return _chi_p(float((np.square(y - x) / np.maximum(x, 0.5)).sum()), len(shares) - 1) < 0.05

    return trial


# --- vectors --------------------------------------------------------------------------------------------------------
def _mmd(rng: np.random.Generator) -> bool:
    return _drift(mmd_drift(rng.normal(size=(25, 2)), rng.normal(size=(25, 2)), rng=rng, permutations=99))


def _energy(rng: np.random.Generator) -> bool:
    return _drift(energy_drift(rng.normal(size=(25, 2)), rng.normal(size=(25, 2)), rng=rng, permutations=99))


def _norm_of_means(rng: np.random.Generator) -> bool:
    """The norm of the mean difference, its threshold bootstrapped from the two samples as they are."""
    x, y = rng.normal(size=(2, 25, 2))
    pick = rng.integers(25, size=(2, 99, 25))
    again = np.linalg.norm(x[pick[0]].mean(axis=1) - y[pick[1]].mean(axis=1), axis=1)
    return bool(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)) > np.quantile(again, 0.95))


def _linear(*, right: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        found = mmd_linear_drift(rng.normal(size=(400, 2)), rng.normal(size=(400, 2)), rng=rng, bandwidth=1.0)
        assert found.effect is not None and found.effect.std_error is not None
        return _drift(found) if right else found.statistic > 1.645 * found.effect.std_error / math.sqrt(2)

    return trial


def _linear_interval(*, right: bool) -> Trial:
    # E k for N(0, 1) against N(d, 1) and h = 1: exp(-d²/6)/√3
    truth = 2 / math.sqrt(3) * (1 - math.exp(-1 / 6))

    def trial(rng: np.random.Generator) -> bool:
        found = mmd_linear_drift(rng.normal(size=400), rng.normal(1.0, 1.0, size=400), rng=rng, bandwidth=1.0)
        assert found.effect is not None and found.effect.std_error is not None
        if right:
            return _covers(found.effect, truth)
        return abs(found.statistic - truth) <= 1.96 * found.effect.std_error / math.sqrt(2)

    return trial


def _classifier(model: str) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        x, y = rng.normal(size=(2, 40, 3))
        return _drift(classifier_drift(x, y, rng=rng, model=model, permutations=99))  # type: ignore[arg-type]

    return trial


def _in_sample(rng: np.random.Generator) -> bool:
    """Hits of a discriminant on the rows it was fitted to, against a fair coin."""
    from scipy.special import bdtrc

    rows, labels = rng.normal(size=(80, 3)), np.repeat([0.0, 1.0], 40)
    design = np.column_stack([np.ones(80), rows])
    said = design @ np.linalg.lstsq(design, labels, rcond=None)[0] > 0.5
    return bool(bdtrc(int((said == labels).sum()) - 1, 80, 0.5) < 0.05)


def _columns(*, holm: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        x, y = rng.normal(size=(2, 40, 8))
        if holm:
            return any(_drift(one) for one in column_drift(x, y).values())
        return any(_drift(ks_drift(x[:, i], y[:, i])) for i in range(8))

    return trial


# --- streams --------------------------------------------------------------------------------------------------------
def _alarms(detector: Detector, values: np.ndarray) -> bool:
    return any(detector.update(value) for value in values.tolist())


def _cusum(*, known: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        before = rng.normal(size=20)
        target, std = (0.0, 1.0) if known else (float(before.mean()), float(before.std(ddof=1)))
        return _alarms(Cusum(target=target, std=std, threshold_sds=3.0, side="up"), rng.normal(size=60))

    return trial


def _run_length(*, limit: int, right: bool) -> Trial:
    chart = {"allowance_sds": 1.5, "threshold_sds": 0.2}
    truth = cusum_run_length(**chart, side="up")

    def trial(rng: np.random.Generator) -> bool:
        def draw(rng: np.random.Generator, size: int) -> np.ndarray:
            return rng.normal(size=size)

        if right:
            return _covers(
                measured_run_length(
                    lambda: Cusum(target=0.0, std=1.0, side="up", **chart), draw, rng=rng, trials=60, limit=limit
                ),
                truth,
            )
        lengths = []
        for _ in range(60):
            detector, values = Cusum(target=0.0, std=1.0, side="up", **chart), rng.normal(size=20).tolist()
            lengths.append(next((i for i, v in enumerate(values, 1) if detector.update(v)), 20))
        half = 2.0 * np.std(lengths, ddof=1) / math.sqrt(60)
        return bool(abs(np.mean(lengths) - truth) <= half)

    return trial


def _calibrated(*, over_time: bool) -> Trial:
    def make() -> Cusum:
        return Cusum(target=0.0, std=1.0, threshold_sds=math.inf)

    def trial(rng: np.random.Generator) -> bool:
        if over_time:
            limit = threshold_for_horizon(make, lambda r, size: r.normal(size=size), horizon=40, rng=rng, trials=39)
        else:
            ends = []
            for _ in range(39):
                detector = make()
                _alarms(detector, rng.normal(size=40))
                ends.append(detector.statistic)
            limit = sorted(ends)[37]
        return _alarms(Cusum(target=0.0, std=1.0, threshold_sds=limit), rng.normal(size=40))

    return trial


def _bounded(kind: str) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        if kind == "gaussian":
            return _alarms(EDetector(mean=0.0, std=1.0, run_length=1_000.0), rng.normal(size=50))
        values = (rng.random(50 if kind == "e" else 150) < 0.3).astype(float)
        if kind == "adwin":
            return _alarms(Adwin(delta=0.05), values)
        return _alarms(EDetector(mean=0.3, run_length=1_000.0), values)

    return trial


def _z_at_each_value(length: int) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        n = np.arange(1, length + 1)
        z = ((rng.random(length) < 0.3).cumsum() - 0.3 * n) / np.sqrt(0.21 * n)
        return bool((np.abs(z[9:]) > 1.96).any())

    return trial


def _case(method: str, domain: str, right: Trial, wrong: Trial, name: str, *, nominal: float = 0.05,
          claim: str = "equal", short: int = 400, long: int = 4_000,
          slack: float = 0.0, slack_because: str = "") -> Case:  # fmt: skip
    return Case(
        family="drift", method=method, domain=domain, nominal=nominal, claim=claim,  # type: ignore[arg-type]
        right=_count(right), wrong=_count(wrong), wrong_method=name, short=short, long=long,
        slack=slack, slack_because=slack_because,
    )  # fmt: skip


CASES = [
    _case("Kolmogorov-Smirnov, exact", "25 a side, rounded to one digit", _rounded,
          _known_reference(25, rounded=True), "the reference's distribution taken as known", claim="at most"),
    _case("Kolmogorov-Smirnov, asymptotic", "2,100 a side", lambda rng: _drift(ks_drift(*rng.normal(size=(2, 2_100)))),
          _known_reference(2_100, rounded=False), "the reference's distribution taken as known"),
    _case("Anderson-Darling, asymptotic", "12 a side",
          lambda rng: _drift(anderson_darling_drift(*rng.normal(size=(2, 12)))), _smallest_of_four(12),
          "the smallest p of four tests", short=600),
    _case("Anderson-Darling, permutation", "three samples of 8, rounded",
          lambda rng: _drift(anderson_darling_drift(*rng.normal(size=(3, 8)).round(1), rng=rng, permutations=99)),
          _smallest_of_four(12), "the smallest p of four tests"),
    _case("Wasserstein, permutation", "40 a side",
          lambda rng: _drift(wasserstein_drift(*rng.normal(size=(2, 40)), rng=rng, permutations=99)), _flat_distance,
          "a flat limit of .2 standard deviations"),
    _case("stability index, p-value", "150 a side, ten bins", _index(flat=False), _index(flat=True), "PSI > .1"),
    _case("stability index, interval", "600 a side, eight bins, PSI .03", _index_interval(right=True),
          _index_interval(right=False), "PSI ± 1.96 null standard deviations", nominal=0.95, short=1_000),
    _case("chi-square", "300 a side, four categories", _counts("chi", right=True), _counts("chi", right=False),
          "the reference's shares taken as known"),
    _case("Kullback-Leibler", "300 a side, four categories", _counts("kl", right=True), _counts("kl", right=False),
          "the reference's shares taken as known"),
    _case("Jensen-Shannon", "300 a side, four categories", _counts("js", right=True), _counts("js", right=False),
          "the reference's shares taken as known"),
    _case("chi-square, exact for two categories", "25 a side, 92:8", _sparse((0.92, 0.08), right=True),
          _sparse((0.92, 0.08), right=False), "the reference's shares taken as known", claim="at most"),
    _case("chi-square, permutation", "25 a side, five categories, three rare",
          _sparse((0.5, 0.35, 0.07, 0.05, 0.03), right=True), _sparse((0.5, 0.35, 0.07, 0.05, 0.03), right=False),
          "the reference's shares taken as known", claim="at most"),
    _case("MMD, permutation", "25 a side, two columns", _mmd, _norm_of_means,
          "norm of the mean difference, threshold from the samples as they are", short=600),
    _case("energy distance, permutation", "25 a side, two columns", _energy, _norm_of_means,
          "norm of the mean difference, threshold from the samples as they are", short=600),
    _case("MMD in linear time, p-value", "400 a side, two columns", _linear(right=True), _linear(right=False),
          "pairs counted as independent rows", short=600),
    _case("MMD in linear time, interval", "400 a side, shifted by one", _linear_interval(right=True),
          _linear_interval(right=False), "pairs counted as independent rows", nominal=0.95),
    _case("classifier, ridge with permutation", "40 a side, three columns", _classifier("ridge"), _in_sample,
          "hits on the rows it was fitted to", short=300, long=3_000),
    _case("classifier, logistic, exact", "40 a side, three columns", _classifier("logistic"), _in_sample,
          "hits on the rows it was fitted to", claim="at most"),
    _case("column by column, Holm", "40 a side, eight columns", _columns(holm=True), _columns(holm=False),
          "uncorrected", claim="at most", short=200, long=2_000),
    _case("CUSUM, alarm within 60 values", "k .5, h 3, upper side", _cusum(known=True), _cusum(known=False),
          "target and deviation estimated from 20 values",
          nominal=cusum_alarm_probability(60, threshold_sds=3.0), short=1_000, long=10_000),
    _case("measured run length", "60 streams to their alarm, nearly geometric",
          _run_length(limit=10_000, right=True), _run_length(limit=20, right=False),
          "streams cut at 20 values counted as runs", nominal=0.95,
          slack=0.03, slack_because="t on the skewed law of run lengths", short=200, long=2_000),
    _case("measured run length, censored", "60 streams of at most 20 values, nearly geometric",
          _run_length(limit=20, right=True), _run_length(limit=20, right=False),
          "streams cut at 20 values counted as runs", nominal=0.95, claim="at least", short=300, long=2_000),
    _case("threshold for a horizon", "CUSUM, 40 values, 39 streams", _calibrated(over_time=True),
          _calibrated(over_time=False), "95th percentile of the last value", short=300, long=3_000),
    _case("ADWIN, delta .05, any alarm", "150 coin flips at .3", _bounded("adwin"), _z_at_each_value(150),
          "z test at every value", claim="at most", short=200, long=2_000),
    _case("e-detector, run length 1,000, alarm within 50", "coin flips at .3", _bounded("e"), _z_at_each_value(50),
          "z test at every value", claim="at most", short=300, long=3_000),
    _case("e-detector, sub-Gaussian, alarm within 50", "normal values", _bounded("gaussian"), _z_at_each_value(50),
          "z test at every value", claim="at most", short=300, long=3_000),
]  # fmt: skip
