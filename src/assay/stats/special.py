"""Normal, t, beta and binomial probabilities without scipy, which costs half a second to import.

Accurate to about 1e-12 relative in both tails; the tests compare every function with scipy.
"""

from __future__ import annotations

import math
from functools import lru_cache

from assay.core.errors import InvalidInputError

_TINY = 1e-300
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


def normal_cdf(x: float) -> float:
    """P(Z <= x) for a standard normal Z.

    Examples:
        >>> normal_cdf(0.0)
        0.5
    """
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@lru_cache(maxsize=256)
def normal_quantile(p: float) -> float:
    """x with P(Z <= x) = p, for p in (0, 1).

    Newton's method on the logarithm of the tail, which is concave: started at 0 it cannot overshoot twice.

    Examples:
        >>> round(normal_quantile(0.975), 6)
        1.959964
    """
    _check_probability(p)
    tail = min(p, 1.0 - p)
    x = 0.0 if tail > 0.4 else math.sqrt(-2.0 * math.log(tail)) - 1.0
    for _ in range(60):
        current = 0.5 * math.erfc(x / math.sqrt(2.0))
        density = math.exp(-0.5 * x * x - _HALF_LOG_2PI)
        step = (math.log(current) - math.log(tail)) * current / density
        x += step
        if abs(step) <= 1e-15 * max(1.0, x):
            break
    return x if p > 0.5 else -x


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b) for a, b > 0.

    Continued fraction 26.5.8 of Abramowitz & Stegun by Lentz's method; the factor in front of it by Loader's
    saddle-point form (2000), which keeps its digits when a or b is large.
    """
    return _incomplete_beta(x, 1.0 - x, a, b)


def _incomplete_beta(x: float, y: float, a: float, b: float) -> float:
    """I_x(a, b) with y = 1 - x given apart, so that neither loses digits near 1."""
    if x <= 0.0:
        return 0.0
    if y <= 0.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _incomplete_beta_below(y, x, b, a)
    return _incomplete_beta_below(x, y, a, b)


def _incomplete_beta_below(x: float, y: float, a: float, b: float) -> float:
    shift = x * b - y * a
    log_front = (
        a * _log_excess(x * (a + b) / a, shift / a)
        + b * _log_excess(y * (a + b) / b, -shift / b)
        + 0.5 * math.log(a * b / (a + b))
        - _HALF_LOG_2PI
        + _stirling_error(a + b)
        - _stirling_error(a)
        - _stirling_error(b)
    )
    return math.exp(log_front) / a * _lentz(x, a, b)


def _log_excess(ratio: float, excess: float) -> float:
    """log(ratio) with ratio = 1 + excess, by whichever of the two has more digits."""
    return math.log1p(excess) if abs(excess) < 0.3 else math.log(ratio)


def _lentz(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    result = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            result *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return result


def _stirling_error(a: float) -> float:
    """How much log Γ(a) exceeds Stirling's formula."""
    if a < 15.0:
        return math.lgamma(a) - ((a - 0.5) * math.log(a) - a + _HALF_LOG_2PI)
    square = a * a
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / a


def beta_quantile(p: float, a: float, b: float) -> float:
    """x with I_x(a, b) = p, by bisection; absolute error below 1e-15.

    Examples:
        >>> round(beta_quantile(0.5, 1, 1), 12)
        0.5
    """
    _check_probability(p)
    low, high = 0.0, 1.0
    while high - low > 1e-15 * max(high, 1e-12):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if beta_cdf(middle, a, b) < p:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def t_sf(t: float, df: float) -> float:
    """P(T > t) for Student's t with ``df`` > 0 degrees of freedom.

    Examples:
        >>> round(t_sf(1.0, 1), 6)
        0.25
    """
    if t < 0.0:
        return 1.0 - t_sf(-t, df)
    square = t * t
    if df >= 1e5 and square < 1e3:  # the continued fraction gets slow; this expansion's error is of order df**-3
        z = t * (1.0 - (square + 1) / (4 * df) + ((13 * square + 8) * square + 3) / (96 * df * df))
        return 0.5 * math.erfc(z / math.sqrt(2.0))
    return 0.5 * _incomplete_beta(df / (df + square), square / (df + square), 0.5 * df, 0.5)


def t_cdf(t: float, df: float) -> float:
    """P(T <= t) for Student's t."""
    return t_sf(-t, df)


@lru_cache(maxsize=1024)
def t_quantile(p: float, df: float) -> float:
    """t with P(T <= t) = p, for p in (0, 1) and ``df`` > 0 (fractions allowed).

    From 1,000 degrees of freedom on the expansion 26.7.5 of Abramowitz & Stegun about the normal quantile; below,
    Newton's method on the log tail against the log of t, which is concave, so it converges from any start.

    Examples:
        >>> round(t_quantile(0.975, 5), 6)
        2.570582
    """
    _check_probability(p)
    if df <= 0.0:
        raise InvalidInputError(f"degrees of freedom are {df}; they must be above 0", hint="use at least two samples")
    if p == 0.5:
        return 0.0
    tail = min(p, 1.0 - p)
    z = -normal_quantile(tail)
    t = _expansion(z, df) if df >= 1000.0 else _upper_t_quantile(tail, df, start=z)
    return t if p > 0.5 else -t


def _upper_t_quantile(tail: float, df: float, *, start: float) -> float:
    t = start
    for _ in range(200):
        current = t_sf(t, df)
        step = (math.log(current) - math.log(tail)) * current / (t * _t_density(t, df))
        t *= math.exp(min(step, 20.0))
        if abs(step) <= 1e-15:
            break
    return t


def _t_density(t: float, df: float) -> float:
    half = 0.5 * df
    log_gamma_ratio = (
        half * math.log1p(0.5 / half) - 0.5 + 0.5 * math.log(half) + _stirling_error(half + 0.5) - _stirling_error(half)
    )
    return math.exp(log_gamma_ratio - 0.5 * math.log(df * math.pi) - (half + 0.5) * math.log1p(t * t / df))


def _expansion(z: float, df: float) -> float:
    s = z * z
    first = z * (s + 1) / 4
    second = z * ((5 * s + 16) * s + 3) / 96
    third = z * (((3 * s + 19) * s + 17) * s - 15) / 384
    fourth = z * ((((79 * s + 776) * s + 1482) * s - 1920) * s - 945) / 92160
    return z + (first + (second + (third + fourth / df) / df) / df) / df


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) for X binomial with n trials of success probability p in (0, 1).

    Examples:
        >>> binomial_cdf(1, 3, 0.5)
        0.5
    """
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return _incomplete_beta(1.0 - p, p, n - k, k + 1)


def _check_probability(p: float) -> None:
    if not 0.0 < p < 1.0:
        raise InvalidInputError(f"probability is {p}; it must lie strictly between 0 and 1", hint="for example 0.95")


def check_confidence(confidence: float) -> float:
    """The confidence level itself.

    Raises:
        InvalidInputError: It is not strictly between 0 and 1.
    """
    if not 0.0 < confidence < 1.0:
        raise InvalidInputError(
            f"confidence is {confidence}; it must lie strictly between 0 and 1", hint="95 % is written 0.95"
        )
    return confidence
