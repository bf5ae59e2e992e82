"""Sample ratio mismatch: whether the arms hold the shares of units that they were meant to get."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.health.tables import chi_square_sf
from assay.stats.scalar import wilson
from assay.stats.special import binomial_cdf, check_confidence, normal_quantile

Verdict = Literal["ok", "warning", "alarm", "unknown"]
WARN_BELOW = 0.01
ALARM_BELOW = 0.001
ENOUGH_EXPECTED = 50.0
"""Smallest expected count from which chi-square is trusted as far out as p = .001."""
_MOST_TABLES = 200_000
_DRAWS = 100_000
_CHUNK = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatio:
    """The verdict on a split; look at it before any metric.

    Attributes:
        verdict: ``alarm`` (p below .001: no metric of this experiment can be trusted), ``warning`` (below .01),
            ``ok``, or ``unknown`` with a reason.
        p_value: That so uneven a split is chance; ``None`` when unknown.
        statistic: Pearson's chi-square, whatever test gave the p-value.
        method: ``chi-square``, ``exact-binomial``, ``exact-multinomial`` or ``monte-carlo-multinomial``.
        arms: Names, in order.
        counts: Units of each arm.
        expected: Units each arm should have, of as many in all.
        shares: Observed share of each arm with a Wilson interval, simultaneous over the arms (Bonferroni).
        sentence: The finding in words.
    """

    verdict: Verdict
    p_value: float | None
    statistic: float
    method: str
    arms: tuple[str, ...]
    counts: tuple[int, ...]
    expected: tuple[float, ...]
    shares: tuple[Estimate, ...]
    sentence: str
    reason: str | None = None


def srm_test(
    counts: Mapping[str, int] | Sequence[int],
    *,
    expected: Mapping[str, float] | Sequence[float] | None = None,
    warn_below: float = WARN_BELOW,
    alarm_below: float = ALARM_BELOW,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
) -> SampleRatio:
    """Sample ratio mismatch test for two or more arms and any planned split.

    Chi-square when every arm expects at least 50 units, else exact: the binomial for two arms of any size, the
    multinomial by listing every split (up to 200,000 of them), or 100,000 draws from ``rng``. Meant for one look at
    the end; for a look every day take ``sequential_srm``.

    Args:
        counts: Units of each arm, by name or in order; at least two arms.
        expected: Planned split in any scale (``[1, 1]``, ``[90, 10]``); equal without it.
        warn_below: p below it is a warning.
        alarm_below: p below it is an alarm.
        confidence: Of the shares' intervals together.
        rng: Only for a split too large to list and too small for chi-square.

    Raises:
        InvalidInputError: A count is no count, a planned share is not above 0, or there is no unit.

    Sources:
        Pearson (1900), Philosophical Magazine 50, 157-175; Fabijan et al. (2019), KDD, on sample ratio mismatch.

    Examples:
        >>> found = srm_test({"gate_30": 44_700, "gate_40": 45_489})
        >>> found.verdict, round(found.p_value, 4)
        ('warning', 0.0086)
        >>> srm_test([3, 17]).method
        'exact-binomial'
    """
    if not 0.0 < alarm_below <= warn_below < 1.0:
        raise InvalidInputError(f"alarm below {alarm_below}, warning below {warn_below}", hint="0 < alarm <= warn < 1")
    arms, seen, shares = checked_split(counts, expected)
    n = int(seen.sum())
    if n == 0:
        raise InvalidInputError("no unit was assigned", hint="give counts of assigned units")
    meant = n * shares
    statistic = float((np.square(seen - meant) / meant).sum())
    p_value, method = _p_value(seen, shares, statistic, rng)
    reason = None
    if p_value is None:
        reason = (
            f"an arm expects {meant.min():.2g} units: too few for chi-square, and too many splits to list; pass rng"
        )
    verdict: Verdict = verdict_of(p_value, warn_below, alarm_below)
    level = 1.0 - (1.0 - check_confidence(confidence)) / len(arms)
    return SampleRatio(
        verdict=verdict,
        p_value=p_value,
        statistic=statistic,
        method=method,
        arms=arms,
        counts=tuple(int(count) for count in seen),
        expected=tuple(float(count) for count in meant),
        shares=tuple(_share(int(count), n, level) for count in seen),
        sentence=reason or _sentence(arms, seen, shares, p_value, verdict),
        reason=reason,
    )


def checked_split(
    counts: Mapping[str, int] | Sequence[int] | npt.NDArray[np.int64],
    expected: Mapping[str, float] | Sequence[float] | None,
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Names, counts and planned shares (they sum to 1) in one order.

    Raises:
        InvalidInputError: They do not fit together.
    """
    if isinstance(counts, Mapping):
        arms, raw = tuple(str(arm) for arm in counts), list(counts.values())
    else:
        arms, raw = tuple(f"arm {index}" for index in range(len(counts))), list(counts)
    if len(arms) < 2:
        raise InvalidInputError(f"{len(arms)} arm has no ratio", hint="give at least two arms")
    seen = np.asarray(raw, dtype=np.float64)
    if not np.isfinite(seen).all() or (seen < 0).any() or (seen != np.floor(seen)).any():
        raise InvalidInputError(f"{raw} are not counts", hint="whole numbers, at least 0")
    if isinstance(expected, Mapping):
        if not isinstance(counts, Mapping) or set(expected) != set(counts):
            raise InvalidInputError("the planned split names other arms than the counts", hint="same names in both")
        expected = [expected[arm] for arm in counts]
    plan = np.ones(len(arms)) if expected is None else np.asarray(expected, dtype=np.float64)
    if plan.shape != seen.shape or not np.isfinite(plan).all() or (plan <= 0).any():
        raise InvalidInputError(
            f"the planned split {plan.tolist()} does not fit {len(arms)} arms", hint="one share above 0 for every arm"
        )
    return arms, seen.astype(np.int64), plan / plan.sum()


def verdict_of(p_value: float | None, warn_below: float, alarm_below: float) -> Verdict:
    """``alarm``, ``warning`` or ``ok`` by p-value; ``unknown`` without one."""
    if p_value is None:
        return "unknown"
    if p_value < alarm_below:
        return "alarm"
    return "warning" if p_value < warn_below else "ok"


def _p_value(
    seen: npt.NDArray[np.int64], shares: npt.NDArray[np.float64], statistic: float, rng: np.random.Generator | None
) -> tuple[float | None, str]:
    n, k = int(seen.sum()), seen.size
    if (n * shares).min() >= ENOUGH_EXPECTED:
        return chi_square_sf(statistic, k - 1), "chi-square"
    if k == 2:
        return _binomial_p(int(seen[0]), n, float(shares[0])), "exact-binomial"
    if math.comb(n + k - 1, k - 1) <= _MOST_TABLES:
        return _multinomial_p(seen, shares), "exact-multinomial"
    if rng is None:
        return None, "none"
    hits, meant = 0, n * shares
    for _ in range(_DRAWS // _CHUNK):
        drawn = rng.multinomial(n, shares, size=_CHUNK)
        hits += int(((np.square(drawn - meant) / meant).sum(axis=1) >= statistic * (1.0 - 1e-12)).sum())
    return (hits + 1) / (_DRAWS + 1), "monte-carlo-multinomial"


def _binomial_p(k: int, n: int, share: float) -> float:
    """P(a count no more probable than k), for X binomial; the far tail's end is found by bisection."""
    log_share, log_rest = math.log(share), math.log1p(-share)

    def log_p(x: int) -> float:
        choose = math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
        return choose + x * log_share + (n - x) * log_rest

    mode, seen = min(int((n + 1) * share), n), log_p(k) + 1e-7
    if log_p(mode) <= seen:
        return 1.0
    if k < mode:  # the smallest count above the mode that is no more probable; n + 1 when there is none
        inside, outside = mode, n + 1
        while outside - inside > 1:
            middle = (inside + outside) // 2
            inside, outside = (inside, middle) if log_p(middle) <= seen else (middle, outside)
        return min(1.0, binomial_cdf(k, n, share) + binomial_cdf(n - outside, n, 1.0 - share))
    inside, outside = mode, -1
    while inside - outside > 1:
        middle = (inside + outside) // 2
        inside, outside = (inside, middle) if log_p(middle) <= seen else (middle, outside)
    return min(1.0, binomial_cdf(n - k, n, 1.0 - share) + binomial_cdf(outside, n, share))


def _multinomial_p(seen: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> float:
    """Total probability of every split no more probable than the one seen."""
    from scipy.special import gammaln

    n, k = int(seen.sum()), seen.size
    bars = np.array(list(combinations(range(n + k - 1), k - 1)), dtype=np.int64).reshape(-1, k - 1)
    edges = np.column_stack([np.full(len(bars), -1), bars, np.full(len(bars), n + k - 1)])
    splits = np.diff(edges, axis=1) - 1
    log_p = gammaln(n + 1) - gammaln(splits + 1).sum(axis=1) + splits @ np.log(shares)
    at = gammaln(n + 1) - gammaln(seen + 1).sum() + seen @ np.log(shares)
    return min(1.0, float(np.exp(log_p[log_p <= at + 1e-7]).sum()))


def _share(count: int, n: int, level: float) -> Estimate:
    low, high = wilson(count, n, level)
    std_error = 0.5 * (high - low) / normal_quantile(0.5 + level / 2.0)
    return Estimate(
        value=count / n, low=low, high=high, n=n, method="wilson", confidence=level, unit="share", std_error=std_error
    )


def _sentence(
    arms: tuple[str, ...],
    seen: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
    p_value: float | None,
    verdict: Verdict,
) -> str:
    n = int(seen.sum())
    worst = int(np.abs(seen - n * shares).argmax())
    said = {
        "ok": "the split is as planned",
        "warning": "a warning: look for lost or doubled units before reading metrics",
        "alarm": "an alarm: assignment or logging is broken, and no metric of this experiment can be trusted",
        "unknown": "not judged",
    }[verdict]
    return (
        f"{arms[worst]} holds {seen[worst]:,} of {n:,} units, {seen[worst] / n:.2%} where {shares[worst]:.2%} was "
        f"planned (p = {p_value:.2g}): {said}"
    )
