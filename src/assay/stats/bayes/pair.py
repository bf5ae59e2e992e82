"""Two independent posteriors: probability of being greater, difference, ratio, expected loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.bayes.laws import BetaLaw, Floats, GammaLaw, Law, StudentLaw, checked_integral, integrate

_LARGEST_SUMMED = 50_000


class GreaterProbability(NamedTuple):
    """P(second > first).

    Attributes:
        value: In [0, 1].
        error: Absolute error: rounding for sums and closed forms, the difference of two rules for quadrature.
        method: ``beta-sum``, ``gamma-closed-form``, ``normal-closed-form`` or ``quadrature``.
    """

    value: float
    error: float
    method: str


def probability_greater(first: Law, second: Law) -> GreaterProbability:
    """P(second > first) for independent posteriors of one family.

    Beta laws with a whole parameter are summed while all four parameters together stay below 50,000 (beyond, logarithms
    of beta functions lose more digits than quadrature does), Gamma and normal laws have closed forms, the rest is
    quadrature.

    Raises:
        InvalidInputError: The laws belong to different families.

    Sources:
        Miller (2015), Formulas for Bayesian A/B testing, eq. 6; Gamma: the ratio of two gamma variables is beta prime.

    Examples:
        >>> found = probability_greater(BetaLaw(a=1, b=1), BetaLaw(a=2, b=1))
        >>> round(found.value, 12), found.method
        (0.666666666667, 'beta-sum')
    """
    if type(first) is not type(second):
        raise InvalidInputError("posteriors of different families cannot be compared", hint="use one model for all")
    if isinstance(first, BetaLaw) and isinstance(second, BetaLaw):
        exact = _beta_sum(first, second)
        if exact is not None:
            total = first.a + first.b + second.a + second.b
            return GreaterProbability(exact, 1e-15 * (1.0 + total), "beta-sum")
    if isinstance(first, GammaLaw) and isinstance(second, GammaLaw):
        from scipy.special import betainc

        share = second.rate / (first.rate + second.rate)
        return GreaterProbability(float(betainc(first.shape, second.shape, 1.0 - share)), 1e-13, "gamma-closed-form")
    if isinstance(first, StudentLaw) and isinstance(second, StudentLaw) and math.isinf(min(first.df, second.df)):
        z = (second.location - first.location) / math.hypot(first.scale, second.scale)
        return GreaterProbability(0.5 * math.erfc(-z / math.sqrt(2.0)), 1e-15, "normal-closed-form")
    lines = _all_lines(first, [second])
    value, error = checked_integral(first, lines, lambda x, _, density: density * second.sf(x))
    return GreaterProbability(min(1.0, value), error + 1e-15, "quadrature")


def _beta_sum(first: BetaLaw, second: BetaLaw) -> float | None:
    """Miller's sum over the smallest of four whole parameters; ``None`` where none is whole or they are large.

    P(B > A) sums over i < a of B the probability that B's i-th event is the race's last; swapping arms or successes
    with failures turns each of the four parameters into that one.
    """
    # (parameter summed over, its partner, the other arm's two parameters in the same roles, answer is the complement)
    forms = (
        (second.a, second.b, first.a, first.b, False),
        (first.b, first.a, second.b, second.a, False),
        (first.a, first.b, second.a, second.b, True),
        (second.b, second.a, first.b, first.a, True),
    )
    usable = [form for form in forms if form[0] == math.floor(form[0])]
    if not usable or first.a + first.b + second.a + second.b > _LARGEST_SUMMED:
        return None
    from scipy.special import betaln, logsumexp

    a, b, other_a, other_b, complement = min(usable, key=lambda form: (form[0], form[4]))
    i = np.arange(a)
    terms = betaln(other_a + i, other_b + b) - np.log(b + i) - betaln(1.0 + i, b) - betaln(other_a, other_b)
    total = min(1.0, math.exp(float(logsumexp(terms))))
    return 1.0 - total if complement else total


def difference_cdf(first: Law, second: Law, at: float) -> float:
    """P(second - first <= at).

    Examples:
        >>> round(difference_cdf(BetaLaw(a=1, b=1), BetaLaw(a=1, b=1), 0.5), 10)
        0.875
    """
    return _difference_law(first, second)(at)


def _difference_law(first: Law, second: Law) -> Callable[[float], float]:
    knots, points = first.knots(), second.at(second.knots())[0]

    def cdf(at: float) -> float:
        lines = np.concatenate([knots, first.to_line(points - at)])
        value = integrate(first, lines, lambda x, _, density: density * second.cdf(x + at), order=12)
        return min(1.0, max(0.0, value))

    return cdf


def ratio_cdf(first: Law, second: Law, at: float) -> float:
    """P(second / first <= at) for positive quantities (Beta, Gamma) and ``at`` > 0.

    Examples:
        >>> round(ratio_cdf(BetaLaw(a=1, b=1), BetaLaw(a=1, b=1), 0.5), 10)
        0.25
    """
    return _ratio_law(first, second)(at)


def _ratio_law(first: Law, second: Law) -> Callable[[float], float]:
    if isinstance(first, GammaLaw) and isinstance(second, GammaLaw):
        from scipy.special import betainc

        rates, shapes = (first.rate, second.rate), (second.shape, first.shape)
        return lambda at: float(betainc(*shapes, at * rates[1] / (rates[0] + at * rates[1])))
    knots, points = first.knots(), second.at(second.knots())[0]

    def cdf(at: float) -> float:
        lines = np.concatenate([knots, first.to_line(points / at)])
        value = integrate(first, lines, lambda x, _, density: density * second.cdf(x * at), order=12)
        return min(1.0, max(0.0, value))

    return cdf


def difference_quantile(first: Law, second: Law, p: float) -> float:
    """d with P(second - first <= d) = p."""
    law = _difference_law(first, second)
    low = second.quantile(0.5 * p) - first.quantile(1.0 - 0.5 * p)
    high = second.quantile(0.5 + 0.5 * p) - first.quantile(0.5 - 0.5 * p)
    return _root(lambda d: law(d) - p, low, high)


def ratio_quantile(first: Law, second: Law, p: float) -> float:
    """r with P(second / first <= r) = p."""
    law = _ratio_law(first, second)
    low = math.log(max(second.quantile(0.5 * p), 1e-300)) - math.log(max(first.quantile(1.0 - 0.5 * p), 1e-300))
    high = math.log(max(second.quantile(0.5 + 0.5 * p), 1e-300)) - math.log(max(first.quantile(0.5 - 0.5 * p), 1e-300))
    return math.exp(_root(lambda r: law(math.exp(r)) - p, low, high))


def _root(of: Callable[[float], float], low: float, high: float) -> float:
    """Union bounds on the two laws bracket the quantile, so the sign is known at both ends but for rounding."""
    from scipy.optimize import brentq

    if of(low) >= 0.0:
        return low
    if of(high) <= 0.0:
        return high
    return float(brentq(of, low, high, xtol=1e-10 * max(1e-3, abs(high - low)), rtol=1e-10))


def best_probabilities(laws: Sequence[Law], *, higher: bool) -> list[tuple[float, float]]:
    """Probability that each quantity is the best of all, and its quadrature error."""
    found = []
    for index, law in enumerate(laws):
        others = [other for place, other in enumerate(laws) if place != index]

        def beaten(x: Floats, _: Floats, density: Floats, others: list[Law] = others) -> Floats:
            return np.asarray(density * np.prod([o.cdf(x) if higher else o.sf(x) for o in others], axis=0))

        found.append(checked_integral(law, _all_lines(law, others), beaten))
    return found


def expected_losses(laws: Sequence[Law], *, higher: bool) -> list[float | None]:
    """What choosing each costs on average: E[max of the others - X]⁺; ``None`` where the mean does not exist.

    ∫ F_i(x) (1 - ∏ F_j(x)) dx: no difference of large numbers, so a loss of 1e-12 keeps its digits.
    """
    if any(isinstance(law, StudentLaw) and law.df <= 1.0 for law in laws):
        return [None] * len(laws)
    found: list[float | None] = []
    for index, law in enumerate(laws):
        others = [other for place, other in enumerate(laws) if place != index]

        def regret(x: Floats, slope: Floats, _: Floats, law: Law = law, others: list[Law] = others) -> Floats:
            mine = law.cdf(x) if higher else law.sf(x)
            beyond = np.minimum([o.sf(x) if higher else o.cdf(x) for o in others], 1.0 - 1e-16)
            return np.asarray(slope * mine * -np.expm1(np.log1p(-beyond).sum(axis=0)))

        found.append(integrate(law, _all_lines(law, others), regret))
    return found


def _all_lines(law: Law, others: Sequence[Law]) -> Floats:
    """Knots of every law in the first one's coordinate."""
    return np.concatenate([law.knots(), *(law.to_line(other.at(other.knots())[0]) for other in others)])
