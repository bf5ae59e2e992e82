"""Sequences and planned looks: how often anything is wrong at *any* look."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from assay.core.records import Estimate
from assay.stats.sequential.asymptotic import difference_sequence, mean_sequence
from assay.stats.sequential.betting import betting_sequence, empirical_bernstein_sequence
from assay.stats.sequential.boundaries import GroupSequentialPlan, group_sequential_boundaries
from assay.stats.sequential.evalues import betting_e_process, e_value_average, e_value_from_p, e_value_product
from assay.stats.sequential.mixture import msprt, msprt_from_values
from assay.stats.sequential.result import ConfidenceSequence, running_moments
from assay.stats.sequential.stopped import StoppedEstimate, group_sequential_estimate
from assay.stats.special import normal_quantile
from bench.coverage.case import Case, Simulation

Floats = np.ndarray
Trial = Callable[[np.random.Generator], bool]
Z = normal_quantile(0.975)


def _count(trial: Trial) -> Simulation:
    return lambda rng, trials: sum(trial(rng) for _ in range(trials))


def _always(found: ConfidenceSequence, truth: float) -> bool:
    """Whether no look excluded the truth; a sequence that refuted every mean did."""
    low, high = np.nan_to_num(found.low, nan=np.inf), np.nan_to_num(found.high, nan=-np.inf)
    return bool(((low <= truth) & (truth <= high)).all())


def _peeked(x: Floats, truth: float, start: int) -> bool:
    """The same question to a fixed-size interval, looked at after every value."""
    mean, variance = running_moments(x)
    n = np.arange(1, x.size + 1)
    error = np.sqrt(variance / np.maximum(n - 1, 1))
    return bool((np.abs(mean - truth) <= Z * error)[start - 1 :].all())


# --- one stream -----------------------------------------------------------------------------------------------------
def _rare(rng: np.random.Generator) -> Floats:
    return (rng.random(300) < 0.1).astype(float)


def _beta(rng: np.random.Generator) -> Floats:
    return rng.beta(0.5, 2.0, size=300)


def _betting(draw: Callable[[np.random.Generator], Floats], truth: float) -> Simulation:
    return _count(lambda rng: _always(betting_sequence(draw(rng), grid=60), truth))


def _peeked_at(draw: Callable[[np.random.Generator], Floats], truth: float, start: int) -> Simulation:
    return _count(lambda rng: _peeked(draw(rng), truth, start))


def _bernstein(rng: np.random.Generator) -> bool:
    return _always(empirical_bernstein_sequence(_beta(rng)), 0.2)


def _shares(rng: np.random.Generator) -> Floats:
    return (rng.random(2_000) < 0.3).astype(float)


def _skewed(rng: np.random.Generator) -> Floats:
    return rng.exponential(size=2_000)


def _asymptotic(draw: Callable[[np.random.Generator], Floats], truth: float, start: int) -> Simulation:
    return _count(lambda rng: _always(mean_sequence(draw(rng), start=start), truth))


# --- two streams ----------------------------------------------------------------------------------------------------
def _arms(rng: np.random.Generator) -> tuple[Floats, Floats]:
    arm = rng.random(2_000) < 0.3
    return np.where(arm, rng.normal(1.0, 3.0, size=2_000), rng.normal(size=2_000)), arm


def _difference(rng: np.random.Generator) -> bool:
    return _always(difference_sequence(*_arms(rng)), 1.0)


def _peeked_difference(rng: np.random.Generator) -> bool:
    x, arm = _arms(rng)
    a, b = x[~arm], x[arm]
    for n in range(100, 2_001, 20):
        k = int(arm[:n].sum())
        error = math.sqrt(a[: n - k].var() / (n - k) + b[:k].var() / k)
        if abs(b[:k].mean() - a[: n - k].mean() - 1.0) > Z * error:
            return False
    return True


def _mixture(rng: np.random.Generator) -> bool:
    a, b = rng.normal(size=(2, 1_500))
    return _always(msprt_from_values(a, b, mixing_std_dev=0.2), 0.0)


def _mixture_peeked(rng: np.random.Generator) -> bool:
    a, b = rng.normal(size=(2, 1_500))
    return _peeked(b - a, 0.0, 100)


def _walk(rng: np.random.Generator, trials: int, looks: int) -> Floats:
    """Z statistics at evenly spaced looks when there is no difference."""
    return np.cumsum(rng.normal(size=(trials, looks)), axis=1) / np.sqrt(np.arange(1, looks + 1))


LOOKS_100 = np.arange(1, 101)


def _mixture_p(rng: np.random.Generator) -> bool:
    error = 1.0 / np.sqrt(100.0 * LOOKS_100)
    found = msprt(_walk(rng, 1, 100)[0] * error, error, n=100 * LOOKS_100, mixing_std_dev=0.03)
    return found.p_value is not None and bool(found.p_value[-1] < 0.05)


def _any_beyond(z: Floats, bounds: Floats | float, *, two_sided: bool) -> int:
    return int(((np.abs(z) if two_sided else z) > bounds).any(axis=1).sum())


def _peeked_z(looks: int) -> Simulation:
    return lambda rng, trials: _any_beyond(_walk(rng, trials, looks), Z, two_sided=True)


def _better(looks: int) -> Simulation:
    """P(treatment better) > .95 under a flat prior, stopped at the first look that says so."""
    return lambda rng, trials: _any_beyond(_walk(rng, trials, looks), normal_quantile(0.95), two_sided=False)


# --- e-values -------------------------------------------------------------------------------------------------------
def _product(rng: np.random.Generator) -> bool:
    return e_value_product([e_value_from_p(float(p)).value for p in rng.random(5)]).value >= 20.0


def _inverse_p(rng: np.random.Generator) -> bool:
    return bool(np.prod(1.0 / rng.random(5)) >= 20.0)


def _same_evidence(rng: np.random.Generator) -> Floats:
    """Five e-values from nearly the same data."""
    z = (rng.normal() + 0.2 * rng.normal(size=5)) / math.sqrt(1.04)
    return np.exp(2.0 * z - 2.0)


def _average(rng: np.random.Generator) -> bool:
    return e_value_average(_same_evidence(rng)).value >= 20.0


def _product_of_same(rng: np.random.Generator) -> bool:
    return e_value_product(_same_evidence(rng)).value >= 20.0


def _wealth(rng: np.random.Generator) -> bool:
    return betting_e_process(_rare(rng), null=0.1).first_at(0.05) is not None


def _peeked_share(rng: np.random.Generator) -> bool:
    return not _peeked(_rare(rng), 0.1, 20)


# --- planned looks --------------------------------------------------------------------------------------------------
def _planned(plan: GroupSequentialPlan) -> Simulation:
    steps = np.sqrt(np.diff(plan.information, prepend=0.0))
    root = np.sqrt(plan.information)

    def simulate(rng: np.random.Generator, trials: int) -> int:
        z = np.cumsum(steps * rng.normal(size=(trials, steps.size)), axis=1) / root
        return _any_beyond(z, np.array(plan.upper), two_sided=plan.two_sided)

    return simulate


UNEVEN = (0.1, 0.35, 0.6, 1.0)
FIVE = group_sequential_boundaries(5, shape="pocock")


def _scores(rng: np.random.Generator, trials: int, drift: float) -> tuple[Floats, Floats]:
    """Estimates (their standard error is 1 at the last look) where each test stopped, and the look, 0 the first."""
    shares = np.array(FIVE.information)
    score = np.cumsum(drift / 5 + rng.normal(size=(trials, 5)) / math.sqrt(5), axis=1)
    out = np.abs(score / np.sqrt(shares)) > FIVE.upper
    look = np.where(out.any(axis=1), out.argmax(axis=1), 4)
    return score[np.arange(trials), look] / shares[look], look


def _stopped(drift: float, right: Callable[[StoppedEstimate], bool]) -> Simulation:
    def simulate(rng: np.random.Generator, trials: int) -> int:
        estimates, looks = _scores(rng, trials, drift)
        return sum(
            right(
                group_sequential_estimate(
                    FIVE, look=int(look) + 1, estimate=float(one), std_error=math.sqrt(5 / (look + 1)), n=int(look) + 1
                )
            )
            for one, look in zip(estimates, looks, strict=True)
        )

    return simulate


def _covers(found: Estimate, truth: float) -> bool:
    return (found.low or 0.0) <= truth <= (found.high or 0.0)


def _plain(drift: float, count: Callable[[Floats, Floats], Floats]) -> Simulation:
    """A question to the estimates of stopped tests and their standard errors."""

    def simulate(rng: np.random.Generator, trials: int) -> int:
        estimates, looks = _scores(rng, trials, drift)
        return int(count(estimates, np.sqrt(5 / (looks + 1))).sum())

    return simulate


def _peeked_covers(looks: int) -> Simulation:
    return lambda rng, trials: trials - _peeked_z(looks)(rng, trials)


def _case(method: str, domain: str, right: Simulation, wrong: Simulation, wrong_method: str, **rest: object) -> Case:
    settings = {"nominal": 0.95, "claim": "at least", "short": 400, "long": 4_000, **rest}
    return Case(
        family="sequential", method=method, domain=domain, right=right, wrong=wrong, wrong_method=wrong_method,
        **settings,  # type: ignore[arg-type]
    )  # fmt: skip


ERROR = {"nominal": 0.05, "claim": "at most"}
EXACT = {"nominal": 0.05, "claim": "equal", "short": 20_000, "long": 200_000}

CASES = [
    _case("betting_sequence", "shares of .1, every look to 300", _betting(_rare, 0.1), _peeked_at(_rare, 0.1, 20),
          "normal interval at every look"),
    _case("betting_sequence, graded", "Beta(.5, 2), every look to 300", _betting(_beta, 0.2),
          _peeked_at(_beta, 0.2, 20), "normal interval at every look"),
    _case("empirical_bernstein_sequence", "Beta(.5, 2), every look to 300", _count(_bernstein),
          _peeked_at(_beta, 0.2, 20), "normal interval at every look", short=1_000),
    _case("mean_sequence", "shares of .3, looks 50 to 2,000", _asymptotic(_shares, 0.3, 50),
          _peeked_at(_shares, 0.3, 50), "normal interval at every look", short=1_000),
    _case("mean_sequence, skewed", "exponential, looks 100 to 2,000", _asymptotic(_skewed, 1.0, 100),
          _peeked_at(_skewed, 1.0, 100), "normal interval at every look", short=1_000),
    _case("difference_sequence", "normal, sd 1 and 3, 30 % treated, looks 100 to 2,000", _count(_difference),
          _count(_peeked_difference), "Welch interval at every 20th look"),
    _case("msprt_from_values, interval", "normal, looks 100 to 1,500 a group", _count(_mixture),
          _count(_mixture_peeked), "normal interval at every look", short=1_000),
    _case("msprt, p-value", "normal, 100 looks", _count(_mixture_p), _peeked_z(100), "z test at every look",
          **ERROR, short=1_000),
    _case("e_value_product", "5 independent p-values, product of calibrated ones >= 20", _count(_product),
          _count(_inverse_p), "product of 1/p", **ERROR, short=2_000),
    _case("e_value_average", "5 e-values from nearly the same data", _count(_average), _count(_product_of_same),
          "their product", **ERROR, short=2_000),
    _case("betting_e_process", "shares of .1, every look to 300", _count(_wealth), _count(_peeked_share),
          "z test at every look", **ERROR, short=1_000),
    _case("group_sequential_boundaries, Pocock", "normal, 5 looks",
          _planned(group_sequential_boundaries(5, shape="pocock")), _peeked_z(5), "1.96 at every look", **EXACT),
    _case("group_sequential_boundaries, O'Brien-Fleming", "normal, 5 looks",
          _planned(group_sequential_boundaries(5, shape="obrien-fleming")), _peeked_z(5), "1.96 at every look",
          **EXACT),
    _case("group_sequential_boundaries, Lan-DeMets", "normal, looks at 10, 35, 60 and 100 %",
          _planned(group_sequential_boundaries(UNEVEN)), _peeked_z(4), "1.96 at every look", **EXACT),
    _case("group_sequential_boundaries, power spending", "normal, 4 uneven looks",
          _planned(group_sequential_boundaries(UNEVEN, shape="spending-power")), _peeked_z(4), "1.96 at every look",
          **EXACT),
    _case("group_sequential_boundaries, one-sided, 5 looks", "normal",
          _planned(group_sequential_boundaries(5, shape="spending-pocock", two_sided=False)), _better(5),
          "stop when P(better) > .95 (13 %)", **EXACT),
    _case("group_sequential_boundaries, one-sided, 100 looks", "normal",
          _planned(group_sequential_boundaries(100, shape="spending-pocock", two_sided=False)), _better(100),
          "stop when P(better) > .95 (31 %)", **EXACT),
    _case("group_sequential_estimate, interval", "5 Pocock looks, drift 1",
          _stopped(1.0, lambda found: _covers(found.adjusted, 1.0)), _plain(1.0, lambda e, se: abs(e - 1.0) <= Z * se),
          "interval of a test without looks", claim="equal", short=1_500, long=8_000),
    _case("group_sequential_estimate, median", "5 Pocock looks, drift 3: above the truth half of the time",
          _stopped(3.0, lambda found: (found.adjusted.value or 0.0) > 3.0), _plain(3.0, lambda e, se: e > 3.0),
          "plain estimate", nominal=0.5, claim="equal", short=1_000),
    _case("group_sequential_estimate, repeated interval", "5 Pocock looks, drift 1",
          _stopped(1.0, lambda found: _covers(found.repeated, 1.0)), _peeked_covers(5), "1.96 at every look",
          short=500),
    _case("group_sequential_estimate, p-value", "5 Pocock looks, no difference",
          _stopped(0.0, lambda found: found.p_value < 0.05), _peeked_z(5), "1.96 at every look", nominal=0.05,
          claim="equal", short=1_000),
]  # fmt: skip
