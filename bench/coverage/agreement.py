"""Intervals of agreement coefficients, intraclass correlations and rater accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from assay.core.records import Estimate
from assay.stats.agreement.against_others import raters_against_others
from assay.stats.agreement.alpha import krippendorff_alpha
from assay.stats.agreement.consensus import Consensus
from assay.stats.agreement.dawid_skene import dawid_skene
from assay.stats.agreement.glad import glad
from assay.stats.agreement.icc import intraclass_correlation
from assay.stats.agreement.kappa import cohen_kappa
from assay.stats.agreement.mace import mace
from assay.stats.agreement.one_coin import one_coin
from assay.stats.agreement.percent import percent_agreement
from assay.stats.agreement.ratings import Floats, Ratings
from assay.stats.agreement.shares import fleiss_kappa, gwet_ac1, gwet_ac2
from assay.stats.scalar import wilson
from bench.coverage.case import Case, Simulation

Draw = Callable[[np.random.Generator, int], Floats]
Bounds = tuple[float, float]
Bounder = Callable[[Floats, np.random.Generator], Bounds]
Truth = Callable[[], float]
Z = 1.959964
TRUTH_UNITS = 400_000
RATERS = 15
DOCUMENT = 10


def _categories(raters: int, levels: int, *, missing: float, ease: float = 3.0) -> Draw:
    """Units of different difficulty; a rater knows the truth with the unit's probability and guesses else."""

    def draw(rng: np.random.Generator, units: int) -> Floats:
        truth, easy = rng.integers(levels, size=units), rng.beta(ease, 1.0, size=units)
        known = rng.random((units, raters)) < easy[:, None]
        labels = np.where(known, truth[:, None], rng.integers(levels, size=(units, raters))).astype(float)
        return np.where(rng.random(labels.shape) < missing, np.nan, labels)

    return draw


def _numbers(raters: int, between: float, *, missing: float, offset: float = 0.0) -> Draw:
    """Normal unit effects of variance ``between``, raters' offsets of variance ``offset``, errors of the rest."""

    def draw(rng: np.random.Generator, units: int) -> Floats:
        values = math.sqrt(between) * rng.normal(size=(units, 1)) + math.sqrt(offset) * rng.normal(size=(1, raters))
        values = values + math.sqrt(1.0 - between - offset) * rng.normal(size=(units, raters))
        return np.where(rng.random(values.shape) < missing, np.nan, values)

    return draw


def _covered(draw: Draw, units: int, bounds: Bounder, true: Truth) -> Simulation:
    def simulate(rng: np.random.Generator, trials: int) -> int:
        hits = 0
        for _ in range(trials):
            low, high = bounds(draw(rng, units), rng)
            hits += low <= true() <= high
        return hits

    return simulate


def _of(estimate: Callable[[Ratings, np.random.Generator], Estimate]) -> Bounder:
    def bounds(table: Floats, rng: np.random.Generator) -> Bounds:
        found = estimate(Ratings.from_matrix(table), rng)
        return (math.nan if found.low is None else found.low), (math.nan if found.high is None else found.high)

    return bounds


def _pairs_as_independent(estimate: Callable[[Ratings], Estimate]) -> Bounder:
    """Every pair of labels of a unit as an observation of its own, chance agreement as a constant."""

    def bounds(table: Floats, rng: np.random.Generator) -> Bounds:
        value = estimate(Ratings.from_matrix(table)).value or 0.0
        first, second = np.triu_indices(table.shape[1], 1)
        gaps = np.square(table[:, first] - table[:, second])
        gaps = gaps[np.isfinite(gaps)]
        half = Z * (1.0 - value) * float(gaps.std(ddof=1)) / float(gaps.mean()) / math.sqrt(gaps.size)
        return value - half, value + half

    return bounds


def _truth(draw: Draw, estimate: Callable[[Ratings], Estimate]) -> Truth:
    """The coefficient of so many units that it hardly varies; found when it is first asked for."""

    @cache
    def value() -> float:
        found = estimate(Ratings.from_matrix(draw(np.random.default_rng(20_260), TRUTH_UNITS))).value
        assert found is not None
        return found

    return value


def _alpha_case(
    method: str, domain: str, draw: Draw, units: int, metric: str, *, bootstrap: bool, short: int, long: int
) -> Case:
    def alpha(ratings: Ratings, rng: np.random.Generator | None = None) -> Estimate:
        return krippendorff_alpha(ratings, metric=metric, rng=rng, repeats=800)  # type: ignore[arg-type]

    true = _truth(draw, alpha)
    right = _of(alpha) if bootstrap else _of(lambda ratings, rng: alpha(ratings))
    return Case(
        family="agreement",
        method=method,
        domain=domain,
        nominal=0.95,
        claim="equal",
        right=_covered(draw, units, right, true),
        wrong=_covered(draw, units, _pairs_as_independent(alpha), true),
        wrong_method="pairs of labels drawn as if independent, chance held fixed (KALPHA)",
        short=short,
        long=long,
    )


def _coefficient_case(method: str, estimate: Callable[[Ratings], Estimate], draw: Draw, domain: str) -> Case:
    true = _truth(draw, estimate)
    return Case(
        family="agreement",
        method=method,
        domain=domain,
        nominal=0.95,
        claim="equal",
        right=_covered(draw, 200, _of(lambda ratings, rng: estimate(ratings)), true),
        wrong=_covered(draw, 200, _pairs_as_independent(estimate), true),
        wrong_method="pairs of labels as independent observations, chance held fixed",
        short=1_500,
    )


def _null_spread(table: Floats, rng: np.random.Generator) -> Bounds:
    """Kappa with the standard error that holds when the raters do not agree at all (Fleiss, Cohen & Everitt 1969)."""
    value = cohen_kappa(Ratings.from_matrix(table)).value or 0.0
    levels = np.unique(table)
    ours, theirs = ((table[:, [side]] == levels).mean(axis=0) for side in (0, 1))
    chance = float(ours @ theirs)
    square = chance + chance**2 - float((ours * theirs) @ (ours + theirs))
    half = Z * math.sqrt(square / len(table)) / (1.0 - chance)
    return value - half, value + half


def _kappa_case() -> Case:
    draw = _categories(2, 3, missing=0.0, ease=12.0)
    true = _truth(draw, cohen_kappa)
    return Case(
        family="agreement",
        method="Cohen's kappa, linearised",
        domain="400 units, 3 labels, kappa .86",
        nominal=0.95,
        claim="equal",
        right=_covered(draw, 400, _of(lambda ratings, rng: cohen_kappa(ratings)), true),
        wrong=_covered(draw, 400, _null_spread, true),
        wrong_method="the standard error under kappa = 0",
        short=1_500,
    )


def _by_document(rng: np.random.Generator, units: int) -> Floats:
    """Documents of so many units; whether the second rater knows the truth depends on the document."""
    document = np.arange(units) // DOCUMENT
    truth = rng.integers(3, size=units)
    known = rng.random(units) < rng.beta(2.0, 1.0, size=document[-1] + 1)[document]
    return np.column_stack([truth, np.where(known, truth, rng.integers(3, size=units))]).astype(float)


def _clustered_kappa_case() -> Case:
    true = _truth(_by_document, cohen_kappa)

    def clustered(ratings: Ratings) -> Estimate:
        return cohen_kappa(ratings, clusters=np.arange(ratings.n_units) // DOCUMENT)

    return Case(
        family="agreement",
        method="Cohen's kappa over clusters, linearised with CR2",
        domain="40 documents of 10 units, 3 labels, agreement differs by document",
        nominal=0.95,
        claim="equal",
        right=_covered(_by_document, 40 * DOCUMENT, _of(lambda ratings, rng: clustered(ratings)), true),
        wrong=_covered(_by_document, 40 * DOCUMENT, _of(lambda ratings, rng: cohen_kappa(ratings)), true),
        wrong_method="units of one document as if independent",
        short=1_500,
    )


def _fisher(table: Floats, rng: np.random.Generator) -> Bounds:
    """Fisher's z of the correlation over all pairs of raters, each pair of each unit as an observation."""
    first, second = np.triu_indices(table.shape[1], 1)
    one, two = table[:, first].ravel(), table[:, second].ravel()
    z, half = math.atanh(float(np.corrcoef(one, two)[0, 1])), Z / math.sqrt(one.size - 3)
    return math.tanh(z - half), math.tanh(z + half)


def _icc_case(form: str, domain: str, draw: Draw, true: float, wrong: str) -> Case:
    def of(name: str) -> Bounder:
        return _of(lambda ratings, rng: intraclass_correlation(ratings, form=name))  # type: ignore[arg-type]

    return Case(
        family="agreement",
        method=f"ICC({form}), F interval",
        domain=domain,
        nominal=0.95,
        claim="equal",
        right=_covered(draw, 30, of(form), lambda: true),
        wrong=_covered(draw, 30, of(wrong) if wrong else _fisher, lambda: true),
        wrong_method=f"the interval of ICC({wrong})" if wrong else "Fisher's z over all pairs of raters",
        short=1_000,
        long=8_000,
    )


def _crowd(rng: np.random.Generator) -> tuple[Ratings, Floats]:
    """400 units, two labels, raters right with chance .6 to .85, 8 of them a unit."""
    accuracy = np.linspace(0.6, 0.85, RATERS)
    truth = rng.integers(2, size=(400, 1))
    labels = np.where(rng.random((400, RATERS)) < accuracy, truth, 1 - truth).astype(float)
    labels[rng.random(labels.shape).argsort(axis=1) >= 8] = np.nan
    return Ratings.from_matrix(labels), accuracy


def _quality_case(name: str, model: Callable[[Ratings], Consensus], long: int) -> Case:
    """Every rater of a crowd is a trial; that they share units makes them hardly less independent."""

    def right(rng: np.random.Generator, trials: int) -> int:
        hits = 0
        for _ in range(trials // RATERS):
            ratings, accuracy = _crowd(rng)
            for found, true in zip(model(ratings).quality, accuracy.tolist(), strict=True):
                hits += found.low is not None and found.high is not None and found.low <= true <= found.high
        return hits

    def wrong(rng: np.random.Generator, trials: int) -> int:
        hits = 0
        for _ in range(trials // RATERS):
            ratings, accuracy = _crowd(rng)
            ones = ratings.unit_sums(ratings.values) > 0.5 * ratings.per_unit
            agreed = ratings.values == ones[ratings.unit]
            for rater, true in enumerate(accuracy.tolist()):
                own = agreed[ratings.rater == rater]
                low, high = wilson(float(own.sum()), own.size)
                hits += low <= true <= high
        return hits

    return Case(
        family="agreement",
        method=f"rater accuracy by {name}, Wilson on Louis' information",
        domain="400 units, 2 labels, 15 raters of accuracy .60 to .85, 8 a unit",
        nominal=0.95,
        claim="equal",
        right=right,
        wrong=wrong,
        wrong_method="agreement with the majority as if it were the truth",
        short=1_500,
        long=long,
        slack=0.01,
        slack_because="the errors of the other raters' qualities are neglected",
    )


def _unanimous_case() -> Case:
    """60 units of two raters, of which a share of .03 disagrees: that none is seen has probability .16."""
    units, share = 60, 0.03
    true = 1.0 - share / 0.5

    def simulate(bound: Callable[[Ratings], float]) -> Simulation:
        def run(rng: np.random.Generator, trials: int) -> int:
            hits = 0
            for _ in range(trials):
                first = np.arange(units) % 2
                second = np.where(rng.random(units) < share, 1 - first, first)
                unanimous = bool((first == second).all())
                hits += not unanimous or bound(Ratings.from_matrix(np.stack([first, second], axis=1))) <= true
            return hits

        return run

    def ours(ratings: Ratings) -> float:
        found = cohen_kappa(ratings)
        return 1.0 if found.low is None else found.low

    return Case(
        family="agreement",
        method="lower bound without any disagreement",
        domain="60 units, 2 raters, 2 even labels; nothing seen with probability .16",
        nominal=0.95,
        claim="at least",
        right=simulate(ours),
        wrong=simulate(lambda ratings: 1.0 - 1.0 / units / 0.5),
        wrong_method="one disagreement more than was seen",
        short=3_000,
    )


def _one_apart(careless: float) -> Draw:
    """Five raters, easy units and hard ones; the first is mostly shown hard ones and guesses in a share of cases."""

    def draw(rng: np.random.Generator, units: int) -> Floats:
        truth, hard = rng.integers(3, size=units), rng.random(units) < 0.5
        known = rng.random((units, 5)) < np.where(hard, 0.4, 0.95)[:, None]
        known[:, 0] &= rng.random(units) >= careless
        labels = np.where(known, truth[:, None], rng.integers(3, size=(units, 5))).astype(float)
        labels[rng.random(labels.shape) < 0.2] = np.nan
        labels[~hard & (rng.random(units) < 0.7), 0] = np.nan
        return labels

    return draw


def _excess(ratings: Ratings) -> Estimate:
    return raters_against_others(ratings)[0].excess


def _own_and_other_pairs(table: Floats) -> tuple[float, float]:
    """The first rater's disagreement less that of all other pairs, wherever they met, and its error if independent."""
    gap, variance = 0.0, 0.0
    for sign, pairs in ((1, [(0, j) for j in range(1, 5)]), (-1, [(i, j) for i in range(1, 5) for j in range(1, i)])):
        met = np.concatenate([table[:, [i, j]] for i, j in pairs])
        met = met[np.isfinite(met).all(axis=1)]
        share = float((met[:, 0] != met[:, 1]).mean())
        gap, variance = gap + sign * share, variance + share * (1.0 - share) / len(met)
    return gap, math.sqrt(variance)


def _apart_cases() -> list[Case]:
    apart, alike = _one_apart(0.4), _one_apart(0.0)
    true = _truth(apart, _excess)

    def pairs(table: Floats, rng: np.random.Generator) -> Bounds:
        gap, error = _own_and_other_pairs(table)
        return gap - Z * error, gap + Z * error

    def rejects(found: Callable[[Floats], bool]) -> Simulation:
        return lambda rng, trials: sum(found(alike(rng, 60)) for _ in range(trials))

    def dealt(table: Floats) -> bool:
        p_value = raters_against_others(Ratings.from_matrix(table))[0].p_value
        return p_value is not None and p_value <= 0.05

    def told_by_pairs(table: Floats) -> bool:
        gap, error = _own_and_other_pairs(table)
        return abs(gap) > Z * error

    return [
        Case(
            family="agreement",
            method="a rater against the others, t over units",
            domain="150 units, 5 raters, the first careless and shown hard units",
            nominal=0.95,
            claim="equal",
            right=_covered(apart, 150, _of(lambda ratings, rng: _excess(ratings)), true),
            wrong=_covered(apart, 150, pairs, true),
            wrong_method="its pairs against all others', wherever they met",
            short=1_500,
            long=15_000,
        ),
        Case(
            family="agreement",
            method="a rater against the others, labels dealt anew",
            domain="60 units, 5 raters alike, the first shown hard units",
            nominal=0.05,
            claim="equal",
            right=rejects(dealt),
            wrong=rejects(told_by_pairs),
            wrong_method="its pairs against all others', wherever they met",
            short=1_500,
            long=15_000,
        ),
    ]


FOUR = _categories(4, 3, missing=0.1)
FOUR_DOMAIN = "200 units, 4 raters, 3 labels, 10 % missing"
CASES: list[Case] = [
    _alpha_case(
        "alpha nominal, linearised",
        "100 units, 5 raters, 3 labels, 20 % missing",
        _categories(5, 3, missing=0.2),
        100,
        "nominal",
        bootstrap=False,
        short=1_500,
        long=20_000,
    ),
    _alpha_case(
        "alpha ordinal, bootstrap",
        "150 units, 5 raters, 5 points, 20 % missing",
        _categories(5, 5, missing=0.2),
        150,
        "ordinal",
        bootstrap=True,
        short=400,
        long=6_000,
    ),
    _alpha_case(
        "alpha interval, bootstrap",
        "100 units, 5 raters, normal, 20 % missing",
        _numbers(5, 0.5, missing=0.2),
        100,
        "interval",
        bootstrap=True,
        short=400,
        long=6_000,
    ),
    _alpha_case(
        "alpha interval, linearised",
        "300 units, 5 raters, normal, 20 % missing",
        _numbers(5, 0.5, missing=0.2),
        300,
        "interval",
        bootstrap=False,
        short=1_500,
        long=20_000,
    ),
    _kappa_case(),
    _clustered_kappa_case(),
    _coefficient_case("Fleiss' kappa, linearised", fleiss_kappa, FOUR, FOUR_DOMAIN),
    _coefficient_case("Gwet's AC1, linearised", gwet_ac1, FOUR, FOUR_DOMAIN),
    _coefficient_case("Gwet's AC2, linearised", gwet_ac2, FOUR, FOUR_DOMAIN),
    _coefficient_case("percent agreement, Wilson on effective n", percent_agreement, FOUR, FOUR_DOMAIN),
    _icc_case("1,1", "30 units, 4 raters, ICC .5", _numbers(4, 0.5, missing=0.0), 0.5, ""),
    _icc_case(
        "2,1",
        "30 units, 6 raters, units .5, raters .1 of the variance",
        _numbers(6, 0.5, missing=0.0, offset=0.1),
        0.5,
        "3,1",
    ),
    _icc_case("3,1", "30 units, 4 raters, units .5 of .8", _numbers(4, 0.5, missing=0.0, offset=0.2), 0.625, "1,1"),
    _quality_case("Dawid-Skene", dawid_skene, 30_000),
    _quality_case("one coin", one_coin, 30_000),
    _quality_case("GLAD", glad, 15_000),
    _quality_case("MACE", mace, 15_000),
    _unanimous_case(),
    *_apart_cases(),
]
