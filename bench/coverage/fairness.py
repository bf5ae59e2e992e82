"""Audits of simulated tables: how often gaps are shown that are not there, and what the intervals cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from assay.fairness.audit import audit
from assay.fairness.gaps import group_spread
from assay.fairness.question import Metric, Question
from assay.fairness.result import Audit
from assay.fairness.scan import WHOLE, MetricCells, Scanned, share_moments
from assay.fairness.standardise import standardised_difference
from assay.stats.health.rest import groups_against_rest
from assay.stats.moments import Moments
from assay.stats.scalar import wilson
from assay.stats.two_sample import difference_of_means, newcombe
from bench.coverage.case import Case, Simulation

Trial = Callable[[np.random.Generator], bool]
Cells = Mapping[str, Mapping[str, Moments]]


def _count(trial: Trial) -> Simulation:
    return lambda rng, trials: sum(trial(rng) for _ in range(trials))


def _scanned(tables: Mapping[str, Cells], *, unit: str = "share") -> Scanned:
    made = [
        MetricCells(metric=Metric(name=name, words=name, unit=unit, hypothesis=name), grouping="g", cells=cells)
        for name, cells in tables.items()
    ]
    return Scanned(rows=0, tables=made, notes=[])


def _audit(tables: Mapping[str, Cells], *, unit: str = "share", **asked: object) -> Audit:
    return audit(_scanned(tables, unit=unit), Question(groups=["g"], outcome="y", **asked))  # type: ignore[arg-type]


def _whole(groups: Mapping[str, Moments]) -> Cells:
    return {name: {WHOLE: moments} for name, moments in groups.items()}


def _shares(rng: np.random.Generator, rates: np.ndarray, sizes: np.ndarray) -> dict[str, Moments]:
    ones = rng.binomial(sizes, rates).tolist()
    return {str(i): share_moments(one, n) for i, (one, n) in enumerate(zip(ones, sizes.tolist(), strict=True))}


# --- a group against the rest ---------------------------------------------------------------------------------------
def _half_differs(rng: np.random.Generator) -> bool:
    values = rng.normal(size=400)
    groups = {"a": Moments.of(values[:200].tolist()), "b": Moments.of(values[200:].tolist())}
    found = _audit({"y": _whole(groups)}, unit="score").results[0].groups[0]
    return (found.p_adjusted or 0.0) < 0.05


def _half_against_all(rng: np.random.Generator) -> bool:
    values = rng.normal(size=400)
    group = values[:200]
    return abs(group.mean() - values.mean()) > 1.96 * group.std(ddof=1) / np.sqrt(200)


EIGHT = np.array([40, 40, 60, 60, 100, 200, 500, 1_000])


def _null_tables(rng: np.random.Generator) -> dict[str, Cells]:
    return {str(k): _whole(_shares(rng, np.full(8, 0.3), EIGHT)) for k in range(3)}


def _any_shown(rng: np.random.Generator) -> bool:
    found = _audit(_null_tables(rng))
    return any((row.p_adjusted or 1.0) < 0.05 for result in found.results for row in result.groups)


def _any_uncorrected(rng: np.random.Generator) -> bool:
    tables = [{name: cells[WHOLE] for name, cells in table.items()} for table in _null_tables(rng).values()]
    return any((row.p_value or 1.0) < 0.05 for table in tables for row in groups_against_rest(table, unit="share"))


# --- values of all groups at once -----------------------------------------------------------------------------------
RATES = np.array([0.1, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6, 0.7])


def _all_values(rng: np.random.Generator) -> bool:
    rows = _audit({"y": _whole(_shares(rng, RATES, EIGHT))}).results[0].groups
    return all(row.value.low <= rate <= row.value.high for row, rate in zip(rows, RATES, strict=True))


def _each_wilson(rng: np.random.Generator) -> bool:
    groups = _shares(rng, RATES, EIGHT).values()
    bounds = [wilson(one.ones, one.count) for one in groups]
    return all(low <= rate <= high for (low, high), rate in zip(bounds, RATES, strict=True))


# --- the largest gap and the smallest ratio -------------------------------------------------------------------------
SIX, EQUAL = np.full(6, 200), np.full(6, 0.3)
APART = np.array([0.30, 0.30, 0.32, 0.32, 0.34, 0.34])


def _spread_covers(rates: np.ndarray, *, ratio: bool) -> Trial:
    truth = rates.min() / rates.max() if ratio else rates.max() - rates.min()

    def trial(rng: np.random.Generator) -> bool:
        found = group_spread(_shares(rng, rates, SIX), unit="share")
        estimate = found.ratio if ratio else found.gap
        return estimate.low <= truth + 1e-12 and truth <= estimate.high + 1e-12

    return trial


def _extreme_pair_covers(rates: np.ndarray) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        groups = sorted(_shares(rng, rates, SIX).values(), key=lambda one: one.mean)
        pair = newcombe(groups[0].ones, 200, groups[-1].ones, 200)
        return pair.low <= rates.max() - rates.min() <= pair.high

    return trial


def _extreme_ratio_covers(rng: np.random.Generator) -> bool:
    groups = sorted(_shares(rng, EQUAL, SIX).values(), key=lambda one: one.mean)
    pair = group_spread({"low": groups[0], "high": groups[-1]}, unit="share").ratio
    return pair.low <= 1.0 <= pair.high


def _means(rng: np.random.Generator) -> list[Moments]:
    return [Moments.of(row) for row in rng.normal(size=(6, 50)).tolist()]


def _mean_gap_covers(rng: np.random.Generator) -> bool:
    gap = group_spread({str(i): one for i, one in enumerate(_means(rng))}).gap
    return gap.low <= 0.0 <= gap.high


def _extreme_means_cover(rng: np.random.Generator) -> bool:
    groups = sorted(_means(rng), key=lambda one: one.mean)
    pair = difference_of_means(groups[0], groups[-1])
    return pair.low <= 0.0 <= pair.high


# --- the gate -------------------------------------------------------------------------------------------------------
AT_LIMIT = np.array([0.25, 0.3, 0.3, 0.3, 0.3, 0.35])


def _gate_fails(rng: np.random.Generator) -> bool:
    decision = _audit({"y": _whole(_shares(rng, AT_LIMIT, SIX))}, max_gap=0.1).decision
    return decision is not None and decision.verdict == "fail"


def _observed_gap_is_larger(rng: np.random.Generator) -> bool:
    means = [one.mean for one in _shares(rng, AT_LIMIT, SIX).values()]
    return max(means) - min(means) > 0.1


# --- equal confounders ----------------------------------------------------------------------------------------------
STRATA = np.array([0.5, 0.3, 0.2])
IN_GROUP = np.array([0.2, 0.4, 0.6])
BASE = np.array([0.2, 0.4, 0.6])


def _confounded(rng: np.random.Generator, effect: float) -> Cells:
    sizes = rng.multinomial(3_000, STRATA)
    own = rng.binomial(sizes, IN_GROUP)
    cells: dict[str, dict[str, Moments]] = {"group": {}, "rest": {}}
    for k in range(3):
        n = int(own[k]), int(sizes[k] - own[k])
        cells["group"][str(k)] = share_moments(int(rng.binomial(n[0], BASE[k] + effect)), n[0])
        cells["rest"][str(k)] = share_moments(int(rng.binomial(n[1], BASE[k])), n[1])
    return cells


def _standardised_covers(rng: np.random.Generator) -> bool:
    cells = _confounded(rng, 0.05)
    found = standardised_difference(cells, "group", reference=None, confidence=0.95, unit="share").effect
    return found.low <= 0.05 <= found.high


def _crude_covers(rng: np.random.Generator) -> bool:
    cells = _confounded(rng, 0.05)
    sides = [sum(list(cells[name].values())[1:], cells[name]["0"]) for name in ("rest", "group")]
    crude = difference_of_means(sides[0], sides[1], unit="share")
    return crude.low <= 0.05 <= crude.high


def _simpson_flag(rng: np.random.Generator) -> bool:
    """The plain difference is large, the standardised one 0: a reversal would be false."""
    found = _audit({"y": _confounded(rng, 0.0)}, confounders=["c"]).results[0]
    return any(row.simpson for row in found.groups)


def _other_sign(rng: np.random.Generator) -> bool:
    found = _audit({"y": _confounded(rng, 0.0)}, confounders=["c"]).results[0].groups[0]
    return (found.difference.value or 0.0) * (found.standardised.value or 0.0) < 0.0


def _case(method: str, domain: str, nominal: float, claim: str, right: Trial, wrong: Trial, name: str,
          short: int = 300, long: int = 4_000) -> Case:  # fmt: skip
    return Case(
        family="fairness", method=method, domain=domain, nominal=nominal, claim=claim,  # type: ignore[arg-type]
        right=_count(right), wrong=_count(wrong), wrong_method=name, short=short, long=long,
    )  # fmt: skip


CASES = [
    _case("audit, a group against the rest", "half of 400 normal values", 0.05, "equal", _half_differs,
          _half_against_all, "against the overall as a constant", 800, 6_000),
    _case("audit, any difference shown", "three metrics, eight groups of 40 to 1,000, all at .3", 0.05, "at most",
          _any_shown, _any_uncorrected, "uncorrected p-values", 60, 1_000),
    _case("audit, values of all groups together", "eight groups of 40 to 1,000", 0.95, "at least", _all_values,
          _each_wilson, "each Wilson interval by itself", 120, 1_500),
    _case("largest gap between groups", "six groups of 200 at .3", 0.95, "at least", _spread_covers(EQUAL, ratio=False),
          _extreme_pair_covers(EQUAL), "Newcombe's interval of the extreme pair"),
    _case("largest gap between groups, rates differ", "six groups of 200 at .30 to .34", 0.95, "at least",
          _spread_covers(APART, ratio=False), _extreme_pair_covers(APART), "Newcombe's interval of the extreme pair"),
    _case("largest gap between means", "six groups of 50 normal values", 0.95, "at least", _mean_gap_covers,
          _extreme_means_cover, "Welch's interval of the extreme pair"),
    _case("smallest ratio between groups (four fifths)", "six groups of 200 at .3", 0.95, "at least",
          _spread_covers(EQUAL, ratio=True), _extreme_ratio_covers, "the interval of the extreme pair"),
    _case("gate on gaps, fails", "six groups of 200, true gap at the limit of .1", 0.05, "at most", _gate_fails,
          _observed_gap_is_larger, "the observed gap is above the limit", 100, 2_000),
    _case("audit, difference at equal confounders", "three strata, 3,000 units", 0.95, "equal", _standardised_covers,
          _crude_covers, "the plain difference"),
    _case("audit, Simpson flag", "standardised difference 0, plain difference large", 0.025, "equal", _simpson_flag,
          _other_sign, "any standardised difference of the other sign", 300, 4_000),
]  # fmt: skip
