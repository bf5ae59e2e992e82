"""Ratings and win rates: what the intervals cover, and how often a rank range leaves a true rank out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from assay.core.records import Estimate
from assay.stats.ratings.battles import Battles, PairCounts
from assay.stats.ratings.bradley_terry import bradley_terry
from assay.stats.ratings.glicko import glicko_update
from assay.stats.ratings.length_control import length_controlled_win_rate
from assay.stats.ratings.problem import POSITION
from assay.stats.ratings.ranks import rank_ranges
from assay.stats.ratings.raters import rater_bradley_terry
from assay.stats.ratings.win_rate import swapped_win_rate, win_rate
from bench.coverage.case import Case, Simulation

Trial = Callable[[np.random.Generator], bool]
Floats = np.ndarray[Any, np.dtype[np.float64]]

NAMES = tuple("pqrst")
STRENGTH = np.array([-0.8, -0.3, 0.0, 0.3, 0.8])
FIRST, SECOND = np.triu_indices(5, 1)
SHORT, LONG = 250, 2_500
CHEAP, LONG_CHEAP = 1_500, 10_000


def _count(trial: Trial) -> Simulation:
    return lambda rng, trials: sum(trial(rng) for _ in range(trials))


def _covers(estimate: Estimate, truth: float) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low <= truth <= estimate.high


def _sigmoid(x: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-x))


# --- counts ---------------------------------------------------------------------------------------------------------
def _counts(rng: np.random.Generator, strength: Floats, *, each: int = 80, model: str = "plain") -> PairCounts:
    """So many battles of every pair; ν = 0.8 or a threshold of 0.5 where the model has ties."""
    eta = strength[FIRST] - strength[SECOND]
    if model == "davidson":
        parts = np.stack([np.exp(eta / 2), np.exp(-eta / 2), np.full(eta.shape, 0.8)])
        shares = parts / parts.sum(axis=0)
    else:
        threshold = 0.5 if model == "rao-kupper" else 0.0
        won, lost = _sigmoid(eta - threshold), _sigmoid(-eta - threshold)
        shares = np.stack([won, lost, np.maximum(1.0 - won - lost, 0.0)])
    sums = rng.multinomial(each, shares.T)
    return PairCounts.of(FIRST, SECOND, wins_a=sums[:, 0], wins_b=sums[:, 1], ties=sums[:, 2], names=NAMES)


def _rating(**how: Any) -> Trial:
    model = how.pop("model", "plain")
    return lambda rng: _covers(bradley_terry(_counts(rng, STRENGTH, model=model), **how).ratings[4], 0.8)


def _difference(rng: np.random.Generator) -> bool:
    return _covers(bradley_terry(_counts(rng, STRENGTH), anchor="q").difference("t", "p"), 1.6)


def _win_rate_as_rating(rng: np.random.Generator) -> bool:
    counts = _counts(rng, STRENGTH)
    return _covers(
        win_rate(np.repeat([1.0, 0.0], [counts.sums[1, SECOND == 4].sum(), counts.sums[0, SECOND == 4].sum()])),
        float(_sigmoid(np.array(0.8))),
    )


def _tie_chance(*, fitted: str, true: str) -> Trial:
    chance = 0.8 / 2.8 if true == "davidson" else float(np.tanh(0.25))

    def trial(rng: np.random.Generator) -> bool:
        tie = bradley_terry(_counts(rng, 2 * STRENGTH, model=true), ties=fitted).tie  # type: ignore[arg-type]
        return tie is not None and _covers(tie, chance)

    return trial


def _share_of_ties(true: str) -> Trial:
    chance = 0.8 / 2.8 if true == "davidson" else float(np.tanh(0.25))

    def trial(rng: np.random.Generator) -> bool:
        counts = _counts(rng, 2 * STRENGTH, model=true)
        tied = int(counts.sums[2].sum())
        return _covers(win_rate(np.repeat([1.0, 0.0], [tied, counts.n - tied])), chance)

    return trial


def _prior(ridge: float) -> Trial:
    """Ratings drawn from a normal law of variance 1, and few battles, so that some models win all of theirs."""

    def trial(rng: np.random.Generator) -> bool:
        strength = rng.normal(size=5)
        counts = _counts(rng, strength, each=2)
        return _covers(
            bradley_terry(counts, ridge=ridge, interval="model").ratings[0], float(strength[0] - strength.mean())
        )

    return trial


def _misses(family: str, *, drawn: bool = False, model: int | None = None) -> Trial:
    """All models are equal, so every range must be all ranks."""

    def trial(rng: np.random.Generator) -> bool:
        table = bradley_terry(_counts(rng, np.zeros(5), each=60))
        ranges = rank_ranges(table, family=family, rng=rng if drawn else None, draws=2_000)  # type: ignore[arg-type]
        return any((r.low, r.high) != (1, 5) for r in (ranges if model is None else ranges[model : model + 1]))

    return trial


# --- battles --------------------------------------------------------------------------------------------------------
def _pairs(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    a = rng.integers(5, size=n)
    return a, (a + rng.integers(1, 5, size=n)) % 5


def _clustered(rng: np.random.Generator) -> Battles:
    """Sixty prompts of ten battles of one pair; each prompt decides three in four battles as one."""
    a, b = (np.repeat(x, 10) for x in _pairs(rng, 60))
    share = _sigmoid(STRENGTH[a] - STRENGTH[b])
    prompt = np.repeat(np.arange(60), 10)
    together = rng.random(600) < 0.75
    mark = np.where(together, rng.random(60)[prompt], rng.random(600))
    return Battles.of(a, b, mark < share, names=NAMES, cluster=prompt)


def _clusters(*, kept: bool, **how: Any) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        battles = _clustered(rng)
        data = battles if kept else replace(battles, cluster=None, n_clusters=None)
        return _covers(bradley_terry(data, rng=rng, **how).difference("t", "p"), 1.6)

    return trial


def _styled(*, controlled: bool, effect: bool = False, position: bool = False) -> Trial:
    """Stronger models write longer, and length pays."""

    def trial(rng: np.random.Generator) -> bool:
        a, b = _pairs(rng, 500)
        longer = STRENGTH[a] - STRENGTH[b] + rng.normal(size=500)
        won = rng.random(500) < _sigmoid(STRENGTH[a] - STRENGTH[b] + 0.8 * longer + 0.4)
        x = longer if controlled else None
        table = bradley_terry(Battles.of(a, b, won, names=NAMES, covariates=x), position=True)
        if position:
            return _covers(table.effects[POSITION], 0.4)
        return _covers(table.effects["covariate_1"], 0.8) if effect else _covers(table.ratings[4], 0.8)

    return trial


def _first_wins(rng: np.random.Generator) -> bool:
    """The position effect read from the share of battles that the first side wins."""
    a, b = _pairs(rng, 500)
    longer = STRENGTH[a] - STRENGTH[b] + rng.normal(size=500)
    share = win_rate(rng.random(500) < _sigmoid(STRENGTH[a] - STRENGTH[b] + 0.8 * longer + 0.4))
    return _covers(share, float(_sigmoid(np.array(0.4))))


def _length_alone(rng: np.random.Generator) -> bool:
    """The effect of length from a logit without the models."""
    import statsmodels.api as sm

    a, b = _pairs(rng, 500)
    longer = STRENGTH[a] - STRENGTH[b] + rng.normal(size=500)
    won = rng.random(500) < _sigmoid(STRENGTH[a] - STRENGTH[b] + 0.8 * longer + 0.4)
    fit = sm.Logit(won.astype(float), sm.add_constant(longer)).fit(disp=0)
    low, high = fit.conf_int()[1]
    return bool(low <= 0.8 <= high)


def _weighted(*, squares: bool) -> Trial:
    """One battle in ten stands for many; its weight is no number of battles."""

    def trial(rng: np.random.Generator) -> bool:
        a, b = _pairs(rng, 800)
        won = rng.random(800) < _sigmoid(STRENGTH[a] - STRENGTH[b])
        weight = np.where(rng.random(800) < 0.3, 5.0, 1.0)
        counts = Battles.of(a, b, won, names=NAMES, weight=weight).counts()
        table = bradley_terry(counts if squares else replace(counts, squares=None))
        return _covers(table.ratings[4], 0.8)

    return trial


def _rated(rng: np.random.Generator) -> tuple[Battles, Floats, Floats]:
    skill, position = rng.normal(1.0, 0.5, size=30), rng.normal(0.0, 0.5, size=30)
    rater = np.repeat(np.arange(30), 30)
    a, b = _pairs(rng, 900)
    won = rng.random(900) < _sigmoid(skill[rater] * (STRENGTH[a] - STRENGTH[b]) + position[rater])
    return Battles.of(a, b, won, names=NAMES, rater=rater), skill, position


def _raters(of: str, **how: Any) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        battles, skill, position = _rated(rng)
        fit = rater_bradley_terry(battles, **how)
        if of == "rating":
            return _covers(fit.table.ratings[4], 0.8)
        place = fit.raters.index("7")
        return _covers(fit.skill[place], skill[7]) if of == "skill" else _covers(fit.position[place], position[7])

    return trial


def _raters_ignored(rng: np.random.Generator) -> bool:
    return _covers(bradley_terry(_rated(rng)[0], interval="model").ratings[4], 0.8)


# --- win rates ------------------------------------------------------------------------------------------------------
def _tied(*, kept: bool) -> Trial:
    """45 % won, 15 % lost, 40 % tied: a win rate of .65."""

    def trial(rng: np.random.Generator) -> bool:
        scores = rng.choice([1.0, 0.0, 0.5], p=[0.45, 0.15, 0.4], size=120)
        return _covers(win_rate(scores if kept else scores[scores != 0.5]), 0.65)

    return trial


def _grouped(*, kept: bool) -> Trial:
    def trial(rng: np.random.Generator) -> bool:
        group = np.repeat(np.arange(40), 8)
        mark = np.where(rng.random(320) < 0.7, rng.random(40)[group], rng.random(320))
        scores = np.where(mark < 0.45, 1.0, np.where(mark < 0.6, 0.5, 0.0))
        return _covers(win_rate(scores, clusters=group if kept else None), 0.525)

    return trial


def _orders(of: str, *, pairs: bool) -> Trial:
    """A pair's leaning is shared by its two verdicts; being shown first adds 0.6 log-odds."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    ahead, behind = _sigmoid(0.5 + 3.0 * nodes + 0.6), _sigmoid(0.5 + 3.0 * nodes - 0.6)
    truth = {
        "win_rate": float(weights @ (ahead + behind) / 2),
        "position_bias": float(weights @ (ahead - behind)),
        "flip_rate": float(weights @ (ahead * (1 - behind) + behind * (1 - ahead))),
    }[of]

    def trial(rng: np.random.Generator) -> bool:
        leaning = 0.5 + 3.0 * rng.normal(size=150)
        first = (rng.random(150) < _sigmoid(leaning + 0.6)).astype(float)
        second = (rng.random(150) < _sigmoid(leaning - 0.6)).astype(float)
        if pairs:
            return _covers(getattr(swapped_win_rate(first, second), of), truth)
        if of == "win_rate":
            return _covers(win_rate(np.r_[first, second]), truth)
        if of == "flip_rate":  # what two independent verdicts of those rates would give
            rate = win_rate(first), win_rate(second)
            guess = [(x.value or 0) * (1 - (y.value or 0)) for x, y in (rate, rate[::-1])]
            error = np.sqrt(sum(guess) * (1 - sum(guess)) / 150)
            return bool(abs(sum(guess) - truth) <= 1.96 * error)
        error = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 150)
        return bool(abs(float((first - second).mean()) - truth) <= 1.96 * error)

    return trial


def _length(*, controlled: bool, clusters: int = 0) -> Trial:
    """Longer answers by half a spread on average, which pay; difficulty known."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    truth = float(weights @ _sigmoid(-0.3 + 0.8 * nodes) / weights.sum())

    def trial(rng: np.random.Generator) -> bool:
        n = 400
        group = np.repeat(np.arange(n // 8), 8)
        difficulty = rng.normal(size=n // 8)[group] if clusters else rng.normal(size=n)
        longer = rng.normal(0.5, 1.0, size=n)
        won = rng.random(n) < _sigmoid(-0.3 + 1.2 * np.tanh(longer / longer.std()) + 0.8 * difficulty)
        if not controlled:
            return _covers(win_rate(won), truth)
        labels = group if clusters > 1 else None
        return _covers(length_controlled_win_rate(won, longer, difficulty=difficulty, clusters=labels), truth)

    return trial


def _glicko(*, deviations: bool) -> Trial:
    """Own skill 1500 ± 200, four opponents 1500 ± 350, all as the model has it."""

    def trial(rng: np.random.Generator) -> bool:
        mine, theirs = rng.normal(1500, 200), rng.normal(1500, 350, size=4)
        won = rng.random(4) < _sigmoid((mine - theirs) * np.log(10) / 400)
        spread = np.full(4, 350.0 if deviations else 0.0)
        after = glicko_update(1500, 200, opponents=np.full(4, 1500), opponent_deviations=spread, scores=won)
        return _covers(after, mine)

    return trial


def _case(
    method: str, domain: str, right: Trial, wrong: Trial, wrong_method: str, *, short: int = SHORT, long: int = LONG,
    nominal: float = 0.95, claim: Any = "equal", slack: float = 0.0, slack_because: str = "",
) -> Case:  # fmt: skip
    return Case(
        family="ratings", method=method, domain=domain, nominal=nominal, claim=claim, right=_count(right),
        wrong=_count(wrong), wrong_method=wrong_method, short=short, long=long, slack=slack,
        slack_because=slack_because,
    )  # fmt: skip


TABLE = "5 models, log-odds -0.8 to 0.8, 80 battles a pair"
# fmt: off
CASES: list[Case] = [
    _case(
        "Bradley–Terry rating, sandwich", TABLE, _rating(), _win_rate_as_rating, "win rate read as a rating",
    ),
    _case(
        "Bradley–Terry rating, model", TABLE, _rating(interval="model"), _rating(model="davidson"),
        "Davidson's ties counted as half wins",
    ),
    _case(
        "Bradley–Terry difference", TABLE, _difference, _win_rate_as_rating, "win rate read as a rating",
    ),
    _case(
        "Davidson rating", f"{TABLE}, ν = 0.8", _rating(model="davidson", ties="davidson"),
        _rating(model="davidson"), "ties counted as half wins",
    ),
    _case(
        "Davidson tie probability", "log-odds -1.6 to 1.6, ν = 0.8",
        _tie_chance(fitted="davidson", true="davidson"), _share_of_ties("davidson"), "share of ties",
    ),
    _case(
        "Rao–Kupper rating", f"{TABLE}, threshold 0.5", _rating(model="rao-kupper", ties="rao-kupper"),
        _rating(model="rao-kupper", ties="davidson"), "Davidson's model",
    ),
    _case(
        "Rao–Kupper tie probability", "log-odds -1.6 to 1.6, threshold 0.5",
        _tie_chance(fitted="rao-kupper", true="rao-kupper"), _share_of_ties("rao-kupper"), "share of ties",
    ),
    _case(
        "Bradley–Terry with ridge, model", "ratings drawn from the prior, 2 battles a pair", _prior(1.0),
        _prior(8.0), "prior of a third of the spread",
        slack=0.01, slack_because="a normal law for the posterior of few battles",
    ),
    _case(
        "Bradley–Terry, cluster sandwich", "60 prompts of 10 battles", _clusters(kept=True), _clusters(kept=False),
        "battles taken as independent",
    ),
    _case(
        "Bradley–Terry, cluster bootstrap", "60 prompts of 10 battles, 30 rounds",
        _clusters(kept=True, interval="bootstrap", rounds=30),
        _clusters(kept=False, interval="bootstrap", rounds=30), "battles drawn one by one", short=80, long=500,
    ),
    _case(
        "Bradley–Terry, weights", "800 battles, three in ten with weight 5", _weighted(squares=True),
        _weighted(squares=False), "weights taken as numbers of battles",
    ),
    _case(
        "style-controlled rating", "500 battles, stronger models write longer", _styled(controlled=True),
        _styled(controlled=False), "length left out",
    ),
    _case(
        "effect of a covariate", "500 battles, stronger models write longer", _styled(controlled=True, effect=True),
        _length_alone, "logit without the models",
    ),
    _case(
        "position effect", "500 battles", _styled(controlled=True, position=True), _first_wins,
        "share won by the first",
    ),
    _case(
        "rating with rater effects", "30 raters of 30 votes, skills 1 ± 0.5", _raters("rating"), _raters_ignored,
        "raters taken as alike", short=120, long=600,
    ),
    _case(
        "rater's skill", "30 raters of 30 votes, skills 1 ± 0.5", _raters("skill"), _raters("skill", skill_sd=0.1),
        "prior of a fifth of the spread", short=40, long=500,
    ),
    _case(
        "rater's position bias", "30 raters of 30 votes, biases 0 ± 0.5", _raters("position"),
        _raters("position", position_sd=0.1), "prior of a fifth of the spread", short=40, long=500,
    ),
    _case(
        "rank ranges, Bonferroni", "5 equal models: any range too short", _misses("all"), _misses("none"),
        "each difference by itself", nominal=0.05, claim="at most",
    ),
    _case(
        "rank ranges, largest of the joint law", "5 equal models: any range too short", _misses("all", drawn=True),
        _misses("none"), "each difference by itself", nominal=0.05,
    ),
    _case(
        "rank range of one model", "5 equal models: its range too short", _misses("model", drawn=True, model=2),
        _misses("none", model=2), "each difference by itself", nominal=0.05, short=400,
    ),
    _case(
        "win rate with ties", "n = 120, 40 % ties", _tied(kept=True), _tied(kept=False), "ties dropped",
        short=CHEAP, long=LONG_CHEAP,
    ),
    _case(
        "win rate, clustered", "40 groups of 8", _grouped(kept=True), _grouped(kept=False), "battles independent",
        short=CHEAP, long=LONG_CHEAP,
    ),
    _case(
        "win rate over both orders", "150 pairs", _orders("win_rate", pairs=True), _orders("win_rate", pairs=False),
        "two verdicts taken as two battles", short=CHEAP, long=LONG_CHEAP,
    ),
    _case(
        "position bias over both orders", "150 pairs", _orders("position_bias", pairs=True),
        _orders("position_bias", pairs=False), "verdicts taken as independent", short=CHEAP, long=LONG_CHEAP,
    ),
    _case(
        "flip rate", "150 pairs", _orders("flip_rate", pairs=True), _orders("flip_rate", pairs=False),
        "orders taken as independent", short=CHEAP, long=LONG_CHEAP,
    ),
    _case(
        "length-controlled win rate", "n = 400, difficulty known", _length(controlled=True),
        _length(controlled=False), "plain win rate", short=CHEAP, long=LONG_CHEAP,
    ),
    _case(
        "length-controlled win rate, clustered", "50 groups of 8 with one difficulty each",
        _length(controlled=True, clusters=2), _length(controlled=True, clusters=1), "instructions independent",
        short=CHEAP, long=LONG_CHEAP,
    ),
    _case(
        "Glicko rating ± z·RD",
        "4 games, own skill ± 200, opponents ± 350",
        _glicko(deviations=True), _glicko(deviations=False), "opponents' deviations ignored",
        slack=0.015, slack_because="Glickman's two approximations",
        short=CHEAP, long=LONG_CHEAP,
    ),
]
# fmt: on
