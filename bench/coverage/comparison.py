"""Tests and effect sizes: how often they reject what is true and cover what is, beside the short cuts that do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.core.records import Estimate
from assay.stats.adjustment.cells import StratumTable
from assay.stats.comparison.guard import compare_groups, guarded_mean
from assay.stats.comparison.logit import logit_adjustment
from assay.stats.comparison.mantel_haenszel import mantel_haenszel
from assay.stats.comparison.margins import equivalence_test, noninferiority_test, superiority_test, welch_evidence
from assay.stats.comparison.permutation import permutation_test, sign_flip_test
from assay.stats.comparison.rank_tests import mann_whitney, wilcoxon_signed_rank
from assay.stats.comparison.share_scores import (
    odds_ratio,
    risk_ratio,
    share_difference,
    share_difference_evidence,
    two_share_z_test,
)
from assay.stats.comparison.sizes import cliffs_delta, cohens_d
from assay.stats.comparison.studentised import bootstrap_t_test
from assay.stats.intervals.ideal_bootstrap import ideal_bootstrap_mean
from assay.stats.special import normal_cdf, t_quantile, t_sf
from bench.coverage.case import Case, Simulation
from bench.coverage.intervals import Interval, covered

Rejects = Callable[[np.random.Generator], bool]
Counts = Callable[[int, int, int, int], bool]
Z = 1.959963984540054


def _rejects(test: Rejects) -> Simulation:
    return lambda rng, trials: sum(bool(test(rng)) for _ in range(trials))


def _below(p_value: float | None, level: float = 0.05) -> bool:
    return p_value is not None and p_value <= level


# --- two shares: every table once, then looked up --------------------------------------------------------------------
def _tables(hit: Counts, old: float, old_n: int, new: float, new_n: int) -> Simulation:
    known: dict[tuple[int, int], bool] = {}

    def simulation(rng: np.random.Generator, trials: int) -> int:
        drawn, times = np.unique(
            np.column_stack([rng.binomial(old_n, old, trials), rng.binomial(new_n, new, trials)]),
            axis=0,
            return_counts=True,
        )
        hits = 0
        for (a, b), count in zip(drawn.tolist(), times.tolist(), strict=True):
            if (a, b) not in known:
                known[a, b] = hit(a, old_n, b, new_n)
            hits += count * known[a, b]
        return hits

    return simulation


def _holds(method: Callable[[int, int, int, int], Estimate], truth: float) -> Counts:
    def hit(a: int, n: int, b: int, m: int) -> bool:
        found = method(a, n, b, m)
        low = found.low if found.low is not None else -np.inf
        return low <= truth <= (found.high if found.high is not None else np.inf)

    return hit


def _wald(truth: float, kind: str) -> Counts:
    def hit(a: int, n: int, b: int, m: int) -> bool:
        old, new = a / n, b / m
        if kind == "difference":
            half = Z * np.sqrt(old * (1 - old) / n + new * (1 - new) / m)
            return bool(abs(new - old - truth) <= half)
        if min(a, b, n - a, m - b) == 0:
            return False
        old, new = (old, new) if kind == "ratio" else (a / (n - a), b / (m - b))
        relative = (1 / a - 1 / n + 1 / b - 1 / m) if kind == "ratio" else (1 / a + 1 / (n - a) + 1 / b + 1 / (m - b))
        return bool(abs(new / old - truth) <= Z * new / old * np.sqrt(relative))

    return hit


def _unequal(a: int, n: int, b: int, m: int) -> bool:
    return _below(two_share_z_test(a, n, b, m).p_value)


def _baseline_known(a: int, n: int, b: int, m: int) -> bool:
    return bool(abs(b / m - a / n) > Z * np.sqrt(a / n * (1 - a / n) / m))


def _noninferior_shares(a: int, n: int, b: int, m: int) -> bool:
    return noninferiority_test(share_difference_evidence(a, n, b, m), margin=0.1).shown


def _no_difference_seen(a: int, n: int, b: int, m: int) -> bool:
    return two_share_z_test(a, n, b, m).p_value > 0.05


# --- ranks -----------------------------------------------------------------------------------------------------------
def _pairs_as_values(old: np.ndarray, new: np.ndarray) -> float:
    """A sign test on all pairs, as if they were independent."""
    wins = float((new[:, None] > old).sum())
    pairs = old.size * new.size
    return 2 * normal_cdf(-abs(wins - pairs / 2) / np.sqrt(pairs / 4))


def _rank_sum(*, exact: bool) -> Rejects:
    def test(rng: np.random.Generator) -> bool:
        old, new = rng.integers(0, 8, 12).astype(float), rng.integers(0, 8, 9).astype(float)
        return _below(mann_whitney(old, new).p_value if exact else _pairs_as_values(old, new))

    return test


def _shift(*, ranks: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate | tuple[float, float]:
        old, new = rng.standard_cauchy(40), rng.standard_cauchy(30) + 1.0
        if ranks:
            return mann_whitney(old, new).effect
        gaps = np.sort((new[:, None] - old).ravel())
        reach = int(Z * np.sqrt(gaps.size) / 2)
        return gaps[gaps.size // 2 - reach], gaps[gaps.size // 2 + reach]

    return interval


def _signed_rank(*, exact: bool) -> Rejects:
    def test(rng: np.random.Generator) -> bool:
        gaps = rng.integers(1, 6, 14) * rng.choice([-1.0, 1.0], 14)
        if exact:
            return _below(wilcoxon_signed_rank(np.zeros(14), gaps).p_value)
        walsh = (gaps[:, None] + gaps)[np.triu_indices(14)]
        return abs((walsh > 0).sum() - walsh.size / 2) > Z * np.sqrt(walsh.size) / 2

    return test


def _pseudo_median(*, ranks: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate | tuple[float, float]:
        gaps = rng.standard_t(2, 30)
        if ranks:
            return wilcoxon_signed_rank(np.zeros(30), gaps).effect
        walsh = np.sort((gaps[:, None] + gaps)[np.triu_indices(30)] / 2)
        reach = int(Z * np.sqrt(walsh.size) / 2)
        return walsh[walsh.size // 2 - reach], walsh[walsh.size // 2 + reach]

    return interval


# --- permutation -----------------------------------------------------------------------------------------------------
def _relabel(statistic: str) -> Rejects:
    def test(rng: np.random.Generator) -> bool:
        old, new = rng.normal(size=45), rng.normal(size=15) * 3
        return _below(permutation_test(old, new, rng=rng, statistic=statistic, repeats=199).p_value)

    return test


def _few_draws(*, plus_one: bool) -> Rejects:
    def test(rng: np.random.Generator) -> bool:
        old, new = rng.normal(size=12), rng.normal(size=12)
        p_value = permutation_test(old, new, rng=rng, statistic="mean", repeats=25).p_value
        return p_value <= 0.05 if plus_one else (p_value * 26 - 1) / 25 <= 0.05

    return test


def _flips(*, exact: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate | tuple[float, float]:
        gaps = rng.uniform(-1, 1, 8)
        if exact:
            return sign_flip_test(np.zeros(8), gaps, rng=rng).effect
        half = Z * gaps.std(ddof=1) / np.sqrt(8)
        return gaps.mean() - half, gaps.mean() + half

    return interval


def _skewed_test(*, studentised: bool) -> Rejects:
    def test(rng: np.random.Generator) -> bool:
        gaps = rng.gamma(0.5, size=30) - 0.5
        if studentised:
            return _below(bootstrap_t_test(np.zeros(30), gaps, rng=rng, paired=True, repeats=499).p_value)
        return 2 * t_sf(abs(gaps.mean()) / gaps.std(ddof=1) * np.sqrt(30), 29) <= 0.05

    return test


# --- strata and logit ------------------------------------------------------------------------------------------------
def _strata(*, kept: bool, odds: bool) -> Interval:
    """30 small strata; the easy ones are mostly treated."""
    base = np.linspace(0.2, 0.7, 30)

    def interval(rng: np.random.Generator) -> Estimate:
        old_n, new_n = np.linspace(16, 4, 30).astype(int), np.linspace(4, 16, 30).astype(int)
        lifted = 2 * base / (1 + base) if odds else base + 0.1
        old, new = rng.binomial(old_n, base), rng.binomial(new_n, lifted)
        cells = {str(i): (int(old[i]), int(old_n[i]), int(new[i]), int(new_n[i])) for i in range(30)}
        if not kept:
            cells = {"all": (int(old.sum()), int(old_n.sum()), int(new.sum()), int(new_n.sum()))}
        found = mantel_haenszel(StratumTable.from_counts(cells))
        return found.odds_ratio if odds else found.risk_difference

    return interval


def _logit(*, adjusted: bool, odds: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate:
        x = rng.normal(size=500)
        arm = rng.random(500) < 1 / (1 + np.exp(-x))
        risk = 1 / (1 + np.exp(-(0.7 * arm + x)))
        found = logit_adjustment(rng.random(500) < risk, arm, {"x": x} if adjusted else {})
        return found.odds_ratio if odds else found.risk_difference

    return interval


def _mean_gain() -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    gain = 1 / (1 + np.exp(-0.7 - nodes)) - 1 / (1 + np.exp(-nodes))
    return float(gain @ weights / weights.sum())


# --- margins ---------------------------------------------------------------------------------------------------------
def _margin(kind: str, *, right: bool) -> Rejects:
    """The truth lies on the margin, so every verdict is an error."""

    def test(rng: np.random.Generator) -> bool:
        effect = {"equivalence": 0.5, "noninferiority": -0.5, "superiority": 0.5}[kind]
        old, new = rng.normal(size=60), rng.normal(size=40) * 1.5 + effect
        evidence = welch_evidence(old, new)
        plain = evidence.estimate(0.95)
        if kind == "equivalence":
            return equivalence_test(evidence, low=-0.5, high=0.5).shown if right else plain.low <= 0 <= plain.high
        if kind == "noninferiority":
            shown = noninferiority_test(evidence, margin=0.5).shown
            return shown if right else plain.value > -0.5 or plain.high > 0
        return superiority_test(evidence, margin=0.5).shown if right else plain.low > 0 and plain.value > 0.5

    return test


# --- effect sizes ----------------------------------------------------------------------------------------------------
def _standardised(*, noncentral: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate | tuple[float, float]:
        old, new = rng.normal(size=8), rng.normal(size=8) + 2.0
        found = cohens_d(old, new)
        return found if noncentral else (found.value - Z / 2, found.value + Z / 2)

    return interval


def _delta(*, placed: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate | tuple[float, float]:
        old, new = rng.normal(size=30), rng.normal(size=25) + 2.0
        found = cliffs_delta(old, new)
        half = Z * np.sqrt((30 + 25 + 1) / (3 * 30 * 25))  # the variance under "both sides are alike"
        return found if placed else (found.value - half, found.value + half)

    return interval


# --- guard -----------------------------------------------------------------------------------------------------------
def _guard_skew(*, guarded: bool) -> Interval:
    def interval(rng: np.random.Generator) -> Estimate | tuple[float, float]:
        values = rng.gamma(0.5, size=30)
        if guarded:
            return guarded_mean(values, rng=rng).answer
        half = t_quantile(0.975, 29) * values.std(ddof=1) / np.sqrt(30)
        return values.mean() - half, values.mean() + half

    return interval


def _guard_tail(*, guarded: bool) -> Interval:
    """The trimmed mean of a Pareto(1.2), its truth by a large sample; the wrong answer is a bootstrap of the mean."""

    def interval(rng: np.random.Generator) -> Estimate | tuple[float, float]:
        values = 1 + rng.pareto(1.2, size=500)
        if guarded:
            return guarded_mean(values, rng=rng).answer
        found = ideal_bootstrap_mean(values, method="percentile")
        return found.low - 6.0 + TRIMMED, found.high - 6.0 + TRIMMED

    return interval


def _guard_rare(*, guarded: bool) -> Rejects:
    def test(rng: np.random.Generator) -> bool:
        old, new = (rng.random(n) < 0.012 for n in (300, 60))
        if guarded:
            return _below(compare_groups(old, new, rng=rng).p_value)
        return abs(new.mean() - old.mean()) > Z * np.sqrt(new.var() / 60 + old.var() / 300)

    return test


GRID = (np.arange(400_000) + 0.5) / 400_000 * 0.6 + 0.2
TRIMMED = float(np.mean((1 - GRID) ** (-1 / 1.2)))


def _case(method: str, domain: str, right: Simulation, wrong: Simulation, name: str, *, nominal: float = 0.95,
          claim: str = "equal", short: int = 500, long: int = 5_000,
          slack: float = 0.0, slack_because: str = "") -> Case:  # fmt: skip
    return Case(family="comparison", method=method, domain=domain, nominal=nominal, claim=claim, right=right,  # type: ignore[arg-type]
                wrong=wrong, wrong_method=name, short=short, long=long,
                slack=slack, slack_because=slack_because)  # fmt: skip


def _tested(method: str, domain: str, right: Rejects, wrong: Rejects, name: str, *, claim: str = "at most",
            nominal: float = 0.05, short: int = 500, long: int = 5_000,
            slack: float = 0.0, slack_because: str = "") -> Case:  # fmt: skip
    return _case(method, domain, _rejects(right), _rejects(wrong), name, nominal=nominal, claim=claim, short=short,
                 long=long, slack=slack, slack_because=slack_because)  # fmt: skip


def _covers(method: str, domain: str, right: Interval, wrong: Interval, name: str, truth: float, *,
            claim: str = "equal", short: int = 500, long: int = 5_000,
            slack: float = 0.0, slack_because: str = "") -> Case:  # fmt: skip
    return _case(method, domain, covered(right, truth), covered(wrong, truth), name, claim=claim, short=short,
                 long=long, slack=slack, slack_because=slack_because)  # fmt: skip


CASES = [
    _case("z test of two shares, pooled", "90 and 120 values, share .2", _tables(_unequal, 0.2, 90, 0.2, 120),
          _tables(_baseline_known, 0.2, 90, 0.2, 120), "the baseline taken as known", nominal=0.05, short=2_000,
          long=50_000),
    _case("score interval of a difference of shares", "20 and 60 values, share .05",
          _tables(_holds(share_difference, 0.0), 0.05, 20, 0.05, 60),
          _tables(_wald(0.0, "difference"), 0.05, 20, 0.05, 60), "Wald", claim="at least", short=1_500, long=50_000),
    _case("score interval of a risk ratio", "60 and 80 values, shares .1 and .2",
          _tables(_holds(risk_ratio, 2.0), 0.1, 60, 0.2, 80), _tables(_wald(2.0, "ratio"), 0.1, 60, 0.2, 80),
          "Wald on the ratio", short=5_000, long=50_000, slack=0.005, slack_because="counts are discrete"),
    _case("score interval of an odds ratio", "60 and 80 values, shares .1 and .2",
          _tables(_holds(odds_ratio, 2.25), 0.1, 60, 0.2, 80), _tables(_wald(2.25, "odds"), 0.1, 60, 0.2, 80),
          "Wald on the ratio", short=5_000, long=50_000, slack=0.005, slack_because="counts are discrete"),
    _case("non-inferiority of shares", "100 a side, .8 against .7, margin .1",
          _tables(_noninferior_shares, 0.8, 100, 0.7, 100),
          _tables(_no_difference_seen, 0.8, 100, 0.7, 100), "no significant difference seen", nominal=0.025,
          short=2_000, long=50_000),
    _tested("Mann-Whitney, exact with ties", "12 and 9 values of 8 levels", _rank_sum(exact=True),
            _rank_sum(exact=False), "pairs taken as independent"),
    _covers("Hodges-Lehmann shift", "40 and 30 Cauchy values", _shift(ranks=True), _shift(ranks=False),
            "pairs taken as independent", 1.0),
    _tested("Wilcoxon signed rank, exact with ties", "14 symmetric differences of 5 sizes", _signed_rank(exact=True),
            _signed_rank(exact=False), "averages taken as independent"),
    _covers("pseudo-median by Walsh averages", "30 values of t(2)", _pseudo_median(ranks=True),
            _pseudo_median(ranks=False), "averages taken as independent", 0.0),
    _tested("permutation test, studentised", "45 and 15 normal values, spreads 1 and 3", _relabel("studentised"),
            _relabel("mean"), "the difference of means relabelled", claim="equal", short=600),
    _tested("permutation test with 25 relabellings", "12 normal values a side", _few_draws(plus_one=True),
            _few_draws(plus_one=False), "b / m", short=4_000, long=20_000),
    _covers("sign-flip interval", "8 uniform differences", _flips(exact=True), _flips(exact=False), "z", 0.0,
            claim="at least", short=1_500),
    _tested("bootstrap-t test", "30 gamma(.5) differences", _skewed_test(studentised=True),
            _skewed_test(studentised=False), "t", claim="equal", short=2_000),
    _covers("Mantel-Haenszel odds ratio", "30 strata of 20, easy ones mostly treated", _strata(kept=True, odds=True),
            _strata(kept=False, odds=True), "strata pooled", 2.0),
    _covers("Mantel-Haenszel risk difference (Sato)", "30 strata of 20, easy ones mostly treated",
            _strata(kept=True, odds=False), _strata(kept=False, odds=False), "strata pooled", 0.1),
    _covers("logit odds ratio", "500 values, one confounder", _logit(adjusted=True, odds=True),
            _logit(adjusted=False, odds=True), "unadjusted", float(np.exp(0.7))),
    _covers("logit risk difference", "500 values, one confounder", _logit(adjusted=True, odds=False),
            _logit(adjusted=False, odds=False), "unadjusted", _mean_gain()),
    _tested("equivalence (TOST)", "60 and 40 values, truth on the margin", _margin("equivalence", right=True),
            _margin("equivalence", right=False), "no significant difference seen"),
    _tested("non-inferiority of means", "60 and 40 values, truth on the margin", _margin("noninferiority", right=True),
            _margin("noninferiority", right=False), "no significant loss, or a loss below the margin", nominal=0.025,
            claim="equal"),
    _tested("superiority by a margin", "60 and 40 values, truth on the margin", _margin("superiority", right=True),
            _margin("superiority", right=False), "significant, and above the margin", nominal=0.025, claim="equal"),
    _covers("Cohen's d, noncentral t", "8 normal values a side, d = 2", _standardised(noncentral=True),
            _standardised(noncentral=False), "d ± z √(1/n + 1/m)", 2.0),
    _covers("Cliff's delta", "30 and 25 normal values, 2 standard deviations apart", _delta(placed=True),
            _delta(placed=False),
            "the variance of equal distributions", 2 * normal_cdf(np.sqrt(2)) - 1, short=1_500,
            slack=0.01, slack_because="a limit law near the end of its range"),
    _covers("guarded mean, skew", "30 gamma(.5) values",
            _guard_skew(guarded=True), _guard_skew(guarded=False), "t",
            0.5, short=2_500),
    _covers("guarded mean, heavy tail", "500 Pareto(1.2) values; trimmed mean",
            _guard_tail(guarded=True), _guard_tail(guarded=False), "the bootstrap of the mean", TRIMMED,
            slack=0.025, slack_because="2 of 100 tails are not seen",
            short=300, long=2_000),
    _tested("compared groups, rare events", "300 and 60 values, share .012", _guard_rare(guarded=True),
            _guard_rare(guarded=False), "unpooled z", short=1_000),
]  # fmt: skip
