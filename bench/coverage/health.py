"""Health checks: how often they fire on experiments that are sound, and what their intervals cover."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.stats.adjustment.cells import StratumTable
from assay.stats.health.balance import covariate_balance
from assay.stats.health.ratio import srm_test
from assay.stats.health.rest import groups_against_rest
from assay.stats.health.sequential_ratio import sequential_srm
from assay.stats.health.simpson import simpson_check, simpson_from_tables
from assay.stats.health.weighting import mantel_haenszel_odds_ratio, weighted_answers
from assay.stats.moments import Moments
from assay.stats.scalar import wilson
from bench.coverage.case import Case, Simulation

Trial = Callable[[np.random.Generator], bool]


def _count(trial: Trial) -> Simulation:
    return lambda rng, trials: sum(trial(rng) for _ in range(trials))


def _p(value: float | None) -> float:
    return 1.0 if value is None else value


# --- sample ratio ---------------------------------------------------------------------------------------------------
PLAN = (0.5, 0.3, 0.2)


def _srm(rng: np.random.Generator) -> bool:
    return _p(srm_test(rng.multinomial(5_000, PLAN).tolist(), expected=PLAN).p_value) < 0.01


def _flat_tolerance(rng: np.random.Generator) -> bool:
    return bool((np.abs(rng.multinomial(5_000, PLAN) / 5_000 - PLAN) > 0.01).any())


def _chi_square_p(seen: np.ndarray, plan: np.ndarray) -> float:
    from scipy.special import gammaincc

    meant = seen.sum() * plan
    return float(gammaincc((seen.size - 1) / 2, (np.square(seen - meant) / meant).sum() / 2))


def _small(plan: tuple[float, ...], n: int, *, exact: bool) -> Trial:
    shares = np.array(plan)

    def trial(rng: np.random.Generator) -> bool:
        seen = rng.multinomial(n, shares)
        p = _p(srm_test(seen.tolist(), expected=plan).p_value) if exact else _chi_square_p(seen, shares)
        return p < 0.001

    return trial


def _looks(rng: np.random.Generator) -> np.ndarray:
    return rng.multinomial(200, [0.5, 0.5], size=40).cumsum(axis=0)


def _sequential(rng: np.random.Generator) -> bool:
    return sequential_srm(_looks(rng)).p_value < 0.05


def _peeked(rng: np.random.Generator) -> bool:
    return any(_chi_square_p(row, np.array([0.5, 0.5])) < 0.05 for row in _looks(rng))


def _sequence_covers(rng: np.random.Generator) -> bool:
    looks = rng.multinomial(200, [0.47, 0.53], size=20).cumsum(axis=0)
    shares = [sequential_srm(row[None]).shares for row in looks]
    return all(s.low <= p <= s.high for pair in shares for s, p in zip(pair, (0.47, 0.53), strict=True))


def _wilson_covers(rng: np.random.Generator) -> bool:
    looks = rng.multinomial(200, [0.47, 0.53], size=20).cumsum(axis=0)
    return all(low <= 0.47 <= high for low, high in (wilson(int(row[0]), int(row.sum())) for row in looks))


# --- balance --------------------------------------------------------------------------------------------------------
def _balance(covariates: int, *, rule: str) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        values = rng.gamma(2.0, size=(covariates, 2_000))
        columns = {str(i): row for i, row in enumerate(values)}
        report = covariate_balance(np.arange(2_000) < 1_000, columns, level=0.05)
        if rule == "flat":
            return any(abs(one.standardised or 0.0) > 0.05 for one in report.covariates)
        if rule == "uncorrected":
            return any(_p(one.p_value) < 0.05 for one in report.covariates)
        return _p(report.omnibus_p) < 0.05 if rule == "omnibus" else not report.balanced

    return trial


CHANNELS = np.array([0.5, 0.3, 0.15, 0.04, 0.004, 0.003, 0.003])


def _category(rng: np.random.Generator) -> bool:
    labels = rng.choice(7, size=1_000, p=CHANNELS).astype(str)
    return not covariate_balance(np.arange(1_000) % 2, {"channel": labels}, level=0.05).balanced


def _each_level(rng: np.random.Generator) -> bool:
    labels = rng.choice(7, size=1_000, p=CHANNELS)
    columns = {str(k): (labels == k).astype(int) for k in range(5)}
    report = covariate_balance(np.arange(1_000) % 2, columns, level=0.05)
    return any(_p(one.p_value) < 0.05 for one in report.covariates)


# --- Simpson --------------------------------------------------------------------------------------------------------
def _cells(rng: np.random.Generator, counts: np.ndarray, rates: np.ndarray) -> StratumTable:
    ones = rng.binomial(counts, rates)
    rows = zip(ones.tolist(), counts.tolist(), strict=True)
    return StratumTable.from_counts({str(i): (a[0], n[0], a[1], n[1]) for i, (a, n) in enumerate(rows)})


def _reverses(table: StratumTable) -> bool:
    return simpson_from_tables({"segment": table}).verdict == "reversal"


def _some_other_sign(table: StratumTable) -> bool:
    gaps = table.means[:, 1] - table.means[:, 0]
    return bool((gaps > 0).any() and (gaps < 0).any())


def _null_strata(rule: Callable[[StratumTable], bool]) -> Trial:
    return lambda rng: rule(_cells(rng, np.full((10, 2), 100), np.full((10, 2), 0.5)))


# the treatment holds more of the good stratum; by size the strata's effects (.02 and -.06) cancel, by equal weights not
MIXED = np.array([[4_000, 5_000], [2_000, 1_000]])
MIXED_RATES = np.array([[0.70, 0.72], [0.40, 0.34]])


def _opposite(weighting: str) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        table = _cells(rng, MIXED, MIXED_RATES)
        if weighting == "size":
            return _reverses(table)
        report = simpson_from_tables({"segment": table})
        answer = next(a for a in report.candidates[0].answers if a.weighting == weighting)
        return (answer.effect.value or 0.0) < 0.0 < (report.aggregate.value or 0.0) and _p(answer.p_value) < 0.05

    return trial


def _confounded(*, by_mix_alone: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        labels = {str(k): rng.integers(0, 3, size=4_000) for k in range(3)}
        outcomes = rng.random(4_000) < 0.1 + 0.3 * labels["0"]
        report = simpson_check(rng.permutation(4_000) % 2, outcomes, labels, control=0)
        if by_mix_alone:
            return any(_p(one.mix_p) < 0.05 for one in report.candidates)
        return report.verdict in ("confounded", "reversal")

    return trial


# --- weightings -----------------------------------------------------------------------------------------------------
SHARES, RATES = np.array([0.6, 0.3, 0.1]), np.array([[0.2, 0.3], [0.5, 0.5], [0.8, 0.5]])
TREATED = np.array([0.3, 0.5, 0.6])


def _drawn(rng: np.random.Generator, rates: np.ndarray) -> StratumTable:
    sizes = rng.multinomial(3_000, SHARES)
    treated = rng.binomial(sizes, TREATED)
    return _cells(rng, np.column_stack([sizes - treated, treated]), rates)


def _covers(weighting: str, truth: float, rates: np.ndarray) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        answers = weighted_answers(_drawn(rng, rates), confidence=0.95, unit="share")
        effect = next(answer.effect for answer in answers if answer.weighting == weighting)
        return effect.low <= truth <= effect.high

    return trial


def _crude(truth: float, rates: np.ndarray) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        effect = simpson_from_tables({"segment": _drawn(rng, rates)}).aggregate
        return effect.low <= truth <= effect.high

    return trial


GAPS = RATES[:, 1] - RATES[:, 0]
BY_SIZE = float(SHARES @ GAPS)
BY_CONTROL = float((SHARES * (1 - TREATED)) @ GAPS / (SHARES @ (1 - TREATED)))
SAME = np.array([[0.2, 0.25], [0.5, 0.55], [0.8, 0.85]])
ODDS = RATES[:, :1] / (1 - RATES[:, :1])
SAME_ODDS = np.hstack([RATES[:, :1], 1.5 * ODDS / (1 + 1.5 * ODDS)])


def _odds_ratio(*, crude: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        table = _drawn(rng, SAME_ODDS)
        found = mantel_haenszel_odds_ratio(table.pooled() if crude else table, confidence=0.95)
        return found.low <= 1.5 <= found.high

    return trial


# --- a group against the rest ---------------------------------------------------------------------------------------
def _rest(rng: np.random.Generator) -> bool:
    values = rng.normal(size=400)
    groups = {"a": Moments.of(values[:200].tolist()), "b": Moments.of(values[200:].tolist())}
    return _p(groups_against_rest(groups, unit="points")[0].p_value) < 0.05


def _overall(rng: np.random.Generator) -> bool:
    values = rng.normal(size=400)
    group = values[:200]
    return abs(group.mean() - values.mean()) > 1.96 * group.std(ddof=1) / np.sqrt(200)


def _case(method: str, domain: str, nominal: float, claim: str, right: Trial, wrong: Trial, name: str,
          short: int = 200, long: int = 1_500) -> Case:  # fmt: skip
    return Case(
        family="health", method=method, domain=domain, nominal=nominal, claim=claim,  # type: ignore[arg-type]
        right=_count(right), wrong=_count(wrong), wrong_method=name, short=short, long=long,
    )  # fmt: skip


CASES = [
    _case("SRM chi-square, p < .01", "5,000 units, plan 50:30:20", 0.01, "equal", _srm, _flat_tolerance,
          "a share off by more than one point", 2_000, 20_000),
    _case("SRM exact binomial, alarm at .001", "50 units, plan 99:1", 0.001, "at most",
          _small((0.99, 0.01), 50, exact=True), _small((0.99, 0.01), 50, exact=False), "chi-square", 3_000, 40_000),
    _case("SRM exact multinomial, alarm at .001", "30 units, plan 90:9:1", 0.001, "at most",
          _small((0.9, 0.09, 0.01), 30, exact=True), _small((0.9, 0.09, 0.01), 30, exact=False), "chi-square",
          3_000, 20_000),
    _case("sequential SRM, p < .05 at any look", "40 looks of 200 units, even split", 0.05, "at most", _sequential,
          _peeked, "chi-square at every look", 600, 5_000),
    _case("sequential SRM, shares at all looks", "20 looks of 200 units, 47:53 against an even plan", 0.95, "at least",
          _sequence_covers, _wilson_covers, "Wilson at every look", 200, 3_000),
    _case("covariate balance, one covariate", "1,000 an arm, gamma, level .05", 0.05, "equal",
          _balance(1, rule="holm"), _balance(1, rule="flat"), "a flat 5 % limit"),
    _case("covariate balance, Holm", "20 covariates, 1,000 an arm, level .05", 0.05, "at most",
          _balance(20, rule="holm"), _balance(20, rule="uncorrected"), "uncorrected", 200, 1_500),
    _case("covariate balance, omnibus", "10 gamma covariates, 1,000 an arm", 0.05, "equal",
          _balance(10, rule="omnibus"), _balance(10, rule="uncorrected"), "smallest uncorrected p", 300, 2_500),
    _case("covariate balance, categories", "7 channels, three of them rare, 500 an arm", 0.05, "equal", _category,
          _each_level, "each level by itself", 200, 2_000),
    _case("Simpson reversal, null data", "ten strata of 100 an arm at .5", 0.05, "at most", _null_strata(_reverses),
          _null_strata(_some_other_sign), "one stratum of the other sign", 300, 5_000),
    _case("Simpson reversal, overall effect from the mix alone", "standardised effect 0, 12,000 units", 0.025, "equal",
          _opposite("size"), _opposite("equal"), "equal weights as the answer", 300, 5_000),
    _case("Simpson, confounding", "random arms of 2,000, three segmenters and their pairs", 0.05, "at most",
          _confounded(by_mix_alone=False), _confounded(by_mix_alone=True), "the mix effect without an imbalance test",
          100, 1_500),
    _case("standardised by size", "effects differ by stratum, 3,000 units", 0.95, "equal",
          _covers("size", BY_SIZE, RATES), _covers("equal", BY_SIZE, RATES), "equal weights"),
    _case("standardised by control", "effects differ by stratum, 3,000 units", 0.95, "equal",
          _covers("control", BY_CONTROL, RATES), _crude(BY_CONTROL, RATES), "the overall difference"),
    _case("equal weights, for an invented population", "effects differ by stratum, 3,000 units", 0.95, "equal",
          _covers("equal", float(GAPS.mean()), RATES), _covers("size", float(GAPS.mean()), RATES), "weights by size"),
    _case("Mantel-Haenszel difference", "one effect, 3,000 units", 0.95, "equal",
          _covers("mantel-haenszel", 0.05, SAME), _crude(0.05, SAME), "the overall difference"),
    _case("regression with HC2", "one effect, 3,000 units", 0.95, "equal",
          _covers("regression", 0.05, SAME), _crude(0.05, SAME), "the overall difference"),
    _case("Mantel-Haenszel odds ratio", "odds ratio 1.5, 3,000 units", 0.95, "equal", _odds_ratio(crude=False),
          _odds_ratio(crude=True), "the overall odds ratio", 1_000, 20_000),
    _case("a group against the rest", "half of 400 normal values", 0.05, "equal", _rest, _overall,
          "against the overall as a constant", 500, 5_000),
]  # fmt: skip
