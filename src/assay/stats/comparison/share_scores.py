"""Two independent shares: z tests, and score intervals of their difference, ratio and odds ratio.

The score interval holds every value that the score test does not reject, the nuisance share being re-estimated under
each; it stands with few events and with none, where Wald's has width 0. Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.comparison.result import Comparison
from assay.stats.evidence import Evidence
from assay.stats.special import check_confidence, normal_cdf, normal_quantile
from assay.stats.two_sample import newcombe


class _Counts(NamedTuple):
    old: int
    old_n: int
    new: int
    new_n: int

    @classmethod
    def of(cls, old: int, old_n: int, new: int, new_n: int) -> _Counts:
        for ones, n in ((old, old_n), (new, new_n)):
            if n < 1 or not 0 <= ones <= n or int(ones) != ones:
                raise InvalidInputError(f"{ones} of {n} is not a share", hint="whole numbers, 0 <= successes <= n")
        return cls(int(old), int(old_n), int(new), int(new_n))

    @property
    def n(self) -> int:
        return self.old_n + self.new_n


def two_share_z_test(
    baseline_successes: int,
    baseline_n: int,
    candidate_successes: int,
    candidate_n: int,
    *,
    pooled: bool = True,
    confidence: float = 0.95,
) -> Comparison:
    """z test that two independent shares are equal; the interval beside it is Newcombe's.

    Pooled, the variance is the one under equality (the square is Pearson's chi-square); unpooled, each side has its
    own. It needs expected counts of about 5; below, ``notes`` say so and ``compare_groups`` takes Fisher's test.

    Args:
        baseline_successes: Of ``baseline_n``.
        baseline_n: At least 1.
        candidate_successes: Of ``candidate_n``.
        candidate_n: At least 1.
        pooled: Which variance.
        confidence: Two-sided coverage.

    Returns:
        Without a p-value where the variance is 0 and unpooled; 1 where nobody or everybody succeeded.

    Raises:
        InvalidInputError: Counts do not fit.

    Sources:
        Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, section 3.1; Cochran (1954),
        Biometrics 10, 417-451 (expected counts).

    Examples:
        >>> c = two_share_z_test(48, 80, 56, 70)
        >>> round(c.statistic, 4), round(c.p_value, 4)
        (2.6502, 0.008)
    """
    t = _Counts.of(baseline_successes, baseline_n, candidate_successes, candidate_n)
    old, new, share = t.old / t.old_n, t.new / t.new_n, (t.old + t.new) / t.n
    if pooled:
        variance = share * (1.0 - share) * (1.0 / t.old_n + 1.0 / t.new_n)
    else:
        variance = old * (1.0 - old) / t.old_n + new * (1.0 - new) / t.new_n
    rarest = min(share, 1.0 - share) * min(t.old_n, t.new_n)
    notes = (f"an expected count is {rarest:.1f}: the normal approximation is poor below 5",) if rarest < 5.0 else ()
    statistic: float | None = None
    p_value: float | None = None
    if variance > 0.0:
        statistic = (new - old) / math.sqrt(variance)
        p_value = 2.0 * normal_cdf(-abs(statistic))
    elif old == new:
        p_value = 1.0
    return Comparison(
        effect=newcombe(t.old, t.old_n, t.new, t.new_n, confidence=confidence),
        p_value=p_value,
        statistic=statistic,
        method="z-pooled" if pooled else "z-unpooled",
        notes=notes if p_value is not None else (*notes, "each side is all or none: its variance is 0"),
    )


def share_difference(
    baseline_successes: int,
    baseline_n: int,
    candidate_successes: int,
    candidate_n: int,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Difference of two independent shares, candidate minus baseline, with Miettinen and Nurminen's score interval.

    Args:
        baseline_successes: Of ``baseline_n``; as in ``two_share_z_test``, likewise the candidate's.
        baseline_n: At least 1.
        candidate_successes: Of ``candidate_n``.
        candidate_n: At least 1.
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: Counts do not fit.

    Sources:
        Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226; Farrington & Manning (1990), ibid. 9,
        1447-1454 (the restricted estimate in closed form).

    Examples:
        >>> e = share_difference(48, 80, 56, 70)
        >>> round(e.low, 4), round(e.high, 4)
        (0.0528, 0.3382)
    """
    return share_difference_evidence(baseline_successes, baseline_n, candidate_successes, candidate_n).estimate(
        check_confidence(confidence)
    )


def share_difference_evidence(
    baseline_successes: int, baseline_n: int, candidate_successes: int, candidate_n: int
) -> Evidence:
    """Evidence on the difference of two independent shares, for margins; arguments as in ``share_difference``."""
    t = _Counts.of(baseline_successes, baseline_n, candidate_successes, candidate_n)
    value = t.new / t.new_n - t.old / t.old_n

    def score(difference: float) -> float:
        return _difference_score(t, difference)

    def estimate(confidence: float) -> Estimate:
        z = normal_quantile(0.5 + confidence / 2.0)
        low = _bisect(lambda d: score(d) > z, -1.0, value)
        high = _bisect(lambda d: score(d) >= -z, value, 1.0)
        return Estimate(
            value=value, low=low, high=high, n=t.n, method="miettinen-nurminen", confidence=confidence, unit="share",
            std_error=0.5 * (high - low) / z,
        )  # fmt: skip

    return Evidence(estimate=estimate, score=score, n=t.n)


def risk_ratio(
    baseline_successes: int,
    baseline_n: int,
    candidate_successes: int,
    candidate_n: int,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Candidate's share over the baseline's, with the score interval.

    Args:
        baseline_successes: Of ``baseline_n``; as in ``two_share_z_test``, likewise the candidate's.
        baseline_n: At least 1.
        candidate_successes: Of ``candidate_n``.
        candidate_n: At least 1.
        confidence: Two-sided coverage.

    Returns:
        Without a value and an upper bound, and with the reason, where the baseline never succeeded.

    Raises:
        InvalidInputError: Counts do not fit.

    Sources:
        Koopman (1984), Biometrics 40, 513-517; Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226.

    Examples:
        >>> e = risk_ratio(10, 100, 20, 100)
        >>> e.value, round(e.low, 3), round(e.high, 3)
        (2.0, 1.005, 4.031)
    """
    t = _Counts.of(baseline_successes, baseline_n, candidate_successes, candidate_n)
    value = t.new * t.old_n / (t.old * t.new_n) if t.old else None
    return _ratio_estimate(t, value, _ratio_score, "score-risk-ratio", "risk ratio", confidence)


def odds_ratio(
    baseline_successes: int,
    baseline_n: int,
    candidate_successes: int,
    candidate_n: int,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Candidate's odds over the baseline's, with the score interval.

    Args:
        baseline_successes: Of ``baseline_n``; as in ``two_share_z_test``, likewise the candidate's.
        baseline_n: At least 1.
        candidate_successes: Of ``candidate_n``.
        candidate_n: At least 1.
        confidence: Two-sided coverage.

    Returns:
        Without a value, and without the bound it takes along, where a cell is empty; the reason says so.

    Raises:
        InvalidInputError: Counts do not fit.

    Sources:
        Cornfield (1956), Third Berkeley Symposium 4, 135-148; Miettinen & Nurminen (1985), Statistics in Medicine 4,
        213-226.

    Examples:
        >>> e = odds_ratio(10, 100, 20, 100)
        >>> e.value, round(e.low, 3), round(e.high, 3)
        (2.25, 1.006, 5.021)
    """
    t = _Counts.of(baseline_successes, baseline_n, candidate_successes, candidate_n)
    down = t.old * (t.new_n - t.new)
    value = t.new * (t.old_n - t.old) / down if down else None
    return _ratio_estimate(t, value, _odds_score, "score-odds-ratio", "odds ratio", confidence)


def _ratio_estimate(
    t: _Counts,
    value: float | None,
    score: Callable[[_Counts, float], float],
    method: str,
    unit: str,
    confidence: float,
) -> Estimate:
    """Bounds by bisection on the logarithm, out to a factor of e^40."""
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    reason = None
    low: float | None = None
    high: float | None = None
    if t.old + t.new in (0, t.n):
        reason = "nobody or everybody succeeded: every ratio fits" if unit == "odds ratio" else None
        reason = reason or ("nobody succeeded: every ratio fits" if not t.old + t.new else None)
    if reason is None:
        middle = math.log(value) if value else (40.0 if value is None else -40.0)
        if value == 0.0:
            low = 0.0
        else:
            low = math.exp(_bisect(lambda x: score(t, math.exp(x)) > z, -40.0, middle))
        if value is None:
            reason = "the baseline's odds are 0, so the ratio has no value and no upper bound"
            if t.new == t.new_n:
                reason = "an arm has no failure, so the ratio has no value and no upper bound"
        else:
            high = math.exp(_bisect(lambda x: score(t, math.exp(x)) >= -z, middle, 40.0))
    return Estimate(
        value=value, low=low, high=high, n=t.n, method=method, confidence=confidence, unit=unit, reason=reason
    )


def _bisect(on_the_left: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition that holds on the left stops holding."""
    while high - low > 1e-12 * max(1.0, abs(low)):
        middle = 0.5 * (low + high)
        if on_the_left(middle):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _scaled(distance: float, variance: float) -> float:
    if variance <= 0.0:
        return 0.0 if distance == 0.0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def _difference_score(t: _Counts, difference: float) -> float:
    """Falls as the hypothesised difference grows; the N/(N - 1) is Miettinen and Nurminen's."""
    distance = t.new / t.new_n - t.old / t.old_n - difference
    if not -1.0 < difference < 1.0:
        return 0.0 if distance == 0.0 else math.copysign(math.inf, distance)
    total, ones = t.n, t.old + t.new
    # the restricted share q of the baseline solves a q^3 + b q^2 + c q + d = 0
    a = float(total)
    b = (t.new_n + 2.0 * t.old_n) * difference - total - ones
    c = (t.old_n * difference - total - 2.0 * t.old) * difference + ones
    d = t.old * difference * (1.0 - difference)
    third = b / (3.0 * a)
    v = third**3 - b * c / (6.0 * a * a) + d / (2.0 * a)
    u = math.copysign(math.sqrt(max(third * third - c / (3.0 * a), 0.0)), v)
    cosine = min(1.0, max(-1.0, v / u**3)) if u else 0.0
    old = 2.0 * u * math.cos((math.pi + math.acos(cosine)) / 3.0) - third
    old = min(1.0, max(0.0, old))
    new = min(1.0, max(0.0, old + difference))
    variance = (old * (1.0 - old) / t.old_n + new * (1.0 - new) / t.new_n) * total / (total - 1.0)
    return _scaled(distance, variance)


def _ratio_score(t: _Counts, ratio: float) -> float:
    a = t.n * ratio
    b = -(t.new_n * ratio + t.new + t.old_n + t.old * ratio)
    c = float(t.old + t.new)
    old = (-b - math.sqrt(max(b * b - 4.0 * a * c, 0.0))) / (2.0 * a)
    old = min(1.0, max(0.0, old))
    new = min(1.0, old * ratio)
    variance = (new * (1.0 - new) / t.new_n + ratio * ratio * old * (1.0 - old) / t.old_n) * t.n / (t.n - 1.0)
    return _scaled(t.new / t.new_n - t.old / t.old_n * ratio, variance)


def _odds_score(t: _Counts, odds: float) -> float:
    a = t.old_n * (odds - 1.0)
    b = t.new_n * odds + t.old_n - (t.old + t.new) * (odds - 1.0)
    c = -float(t.old + t.new)
    root = math.sqrt(max(b * b - 4.0 * a * c, 0.0))
    old = min(1.0, max(0.0, -2.0 * c / (b + root)))
    new = odds * old / (1.0 + old * (odds - 1.0))
    spread_old, spread_new = t.old_n * old * (1.0 - old), t.new_n * new * (1.0 - new)
    if spread_old <= 0.0 or spread_new <= 0.0:
        return _scaled(t.new - t.new_n * new, 0.0)
    variance = t.n / (t.n - 1.0) / (1.0 / spread_old + 1.0 / spread_new)
    return _scaled(t.new - t.new_n * new, variance)
