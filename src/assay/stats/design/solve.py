"""Power of a test from its standard errors, and every unknown solved from it: one engine under all plans."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.design.result import Hypothesis, SampleSize, Unknown
from assay.stats.special import normal_quantile, t_quantile

DEFAULT_POWER = 0.8
MOST_UNITS = 10**13
_NODES = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far an estimate strays from the truth, and how far the test believes it does.

    Attributes:
        distance: The true difference on the scale of the test.
        se_null: Standard error that the test divides by.
        se_true: Standard error of the estimate under the true difference.
        df: Degrees of freedom of ``se_null``; infinite where the test is a z test.
        shift: What the test takes off the distance first (continuity correction).
    """

    distance: float
    se_null: float
    se_true: float
    df: float = math.inf
    shift: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The test: what is to be shown, against which margin, at which error rate."""

    hypothesis: Hypothesis = "two-sided"
    margin: float | None = None
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.hypothesis not in ("two-sided", "superiority", "non-inferiority", "equivalence"):
            raise InvalidInputError(
                f"there is no hypothesis {self.hypothesis!r}",
                hint="two-sided, superiority, non-inferiority or equivalence",
            )
        if not 0.0 < self.alpha < 0.5:
            raise InvalidInputError(f"alpha is {self.alpha}", hint="an error rate in (0, 0.5), e.g. 0.05")
        if self.margin is not None and not (math.isfinite(self.margin) and self.margin >= 0.0):
            raise InvalidInputError(f"the margin is {self.margin}", hint="a distance, at least 0")
        if self.hypothesis == "two-sided" and self.margin:
            raise InvalidInputError(
                f"a two-sided test has no margin, but {self.margin} was given",
                hint="hypothesis='superiority', 'non-inferiority' or 'equivalence'",
            )
        if self.needs_margin and self.margin == 0.0:
            raise InvalidInputError(f"{self.hypothesis} needs a margin above 0", hint="the largest harmless difference")

    @property
    def needs_margin(self) -> bool:
        return self.hypothesis in ("non-inferiority", "equivalence")

    def quantile(self, df: float) -> float:
        level = 1.0 - (self.alpha / 2.0 if self.hypothesis == "two-sided" else self.alpha)
        return normal_quantile(level) if math.isinf(df) else t_quantile(level, df)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Groups and the spread of their comparison.

    Attributes:
        spread: From the groups' units (control first), the difference and the margin.
        ratio: Units of the treatment for one of the control; ``None`` for a single group of pairs.
        least: Fewest units of a group.
        most_difference: Largest difference that can be; likewise ``least_difference`` downwards.
    """

    spread: Callable[[tuple[int, ...], float, float], Spread]
    ratio: float | None = 1.0
    least: int = 2
    most_difference: float = math.inf
    least_difference: float = -math.inf

    def groups(self, n_control: int) -> tuple[int, ...]:
        if self.ratio is None:
            return (n_control,)
        return n_control, max(self.least, math.ceil(self.ratio * n_control - 1e-9))


def power_of_test(spread: Spread, question: Question, margin: float) -> float:
    """Probability that the test shows what it is to show.

    The estimate is normal; the standard error it is divided by carries chi noise of ``df`` degrees of freedom, over
    which the conditional power is integrated (80 Gauss-Legendre points): for a t test this is the noncentral t, for
    two one-sided t tests Owen's Q, both exact.

    Sources:
        Owen (1965), Biometrika 52, 437-446; Phillips (1990), J. Pharmacokinet. Biopharm. 18, 137-144.
    """
    from scipy.special import ndtr

    noise, weight = _chi_nodes(spread.df)
    reach = question.quantile(spread.df) * spread.se_null * noise + spread.shift
    if question.hypothesis == "two-sided":
        given = ndtr((spread.distance - reach) / spread.se_true) + ndtr((-spread.distance - reach) / spread.se_true)
    elif question.hypothesis == "equivalence":
        upper = ndtr((margin - reach - spread.distance) / spread.se_true)
        given = np.maximum(upper - ndtr((reach - margin - spread.distance) / spread.se_true), 0.0)
    else:
        null = margin if question.hypothesis == "superiority" else -margin
        given = ndtr((spread.distance - null - reach) / spread.se_true)
    return float(np.clip(weight @ given, 0.0, 1.0))


@lru_cache(maxsize=256)
def _chi_nodes(df: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Values and weights of the square root of a chi-square over its degrees of freedom."""
    if math.isinf(df):
        return np.ones(1), np.ones(1)
    from scipy.special import gammainccinv, gammaincinv

    if df > 1e4:
        low, high = 1.0 - 9.0 / math.sqrt(2.0 * df), 1.0 + 9.0 / math.sqrt(2.0 * df)
    else:
        low = math.sqrt(2.0 / df * float(gammaincinv(df / 2.0, 1e-16)))
        high = math.sqrt(2.0 / df * float(gammainccinv(df / 2.0, 1e-16)))
    nodes, weights = _legendre()
    values = 0.5 * (high - low) * nodes + 0.5 * (high + low)
    log_density = df * (np.log1p(values - 1.0) - 0.5 * (values - 1.0) * (values + 1.0)) - np.log(values)
    weights = weights * np.exp(log_density - log_density.max())
    return values, weights / weights.sum()


@lru_cache(maxsize=1)
def _legendre() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.polynomial.legendre.leggauss(_NODES)


def solve(
    layout: Layout,
    question: Question,
    *,
    n: int | tuple[int, ...] | None,
    difference: float | None,
    power: float | None,
    method: str,
    unit: str,
    inputs: Mapping[str, float | str],
    towards: float = 1.0,
) -> SampleSize:
    """The one unknown among n, difference, power and margin; power is .8 where two others are missing with it.

    Raises:
        InvalidInputError: Too few or too many are given, one is out of range, or no value of the unknown will do.
    """
    margin = question.margin if question.needs_margin else question.margin or 0.0
    missing = sum(value is None for value in (n, difference, margin))
    if missing == 1 and power is None:
        power = DEFAULT_POWER
    if missing + (power is None) != 1:
        raise InvalidInputError(
            f"n={n}, difference={difference}, margin={margin}, power={power}: exactly one has to be open",
            hint="leave out n, the difference (or the margin), or give all of them to learn the power",
        )
    if power is not None and not question.alpha < power < 1.0:
        raise InvalidInputError(f"power is {power}", hint=f"above alpha ({question.alpha}) and below 1, e.g. 0.8")
    units = None if n is None else _units(layout, n)
    if difference is not None and not layout.least_difference <= difference <= layout.most_difference:
        raise InvalidInputError(
            f"a difference of {difference} cannot be",
            hint=f"it lies between {layout.least_difference} and {layout.most_difference}",
        )

    def at(units: tuple[int, ...], difference: float, margin: float) -> float:
        return power_of_test(layout.spread(units, difference, margin), question, margin)

    solved: Unknown = "power"
    if units is None:
        assert difference is not None and margin is not None and power is not None
        solved, units = "n", _least_units(layout, question, at, difference, margin, power)
    elif difference is None:
        assert margin is not None and power is not None
        solved = "difference"
        difference = _edge_difference(layout, question, at, units, margin, power, towards)
    elif margin is None:
        assert power is not None
        solved, margin = "margin", _least_margin(question, at, units, difference, power)
    return SampleSize(
        solved_for=solved,
        n=units,
        total=sum(units),
        difference=difference,
        margin=margin,
        power=at(units, difference, margin),
        alpha=question.alpha,
        hypothesis=question.hypothesis,
        method=method,
        unit=unit,
        inputs=inputs,
    )


_Power = Callable[[tuple[int, ...], float, float], float]


def _units(layout: Layout, n: int | tuple[int, ...]) -> tuple[int, ...]:
    units = layout.groups(n) if isinstance(n, int) else n
    wanted = 1 if layout.ratio is None else 2
    fits = isinstance(units, tuple) and len(units) == wanted and all(isinstance(k, int) for k in units)
    if not fits or not all(layout.least <= k <= MOST_UNITS for k in units):
        raise InvalidInputError(
            f"n is {n}", hint=f"{wanted} whole number(s), each at least {layout.least}: one for every group"
        )
    return units


def _least_units(
    layout: Layout, question: Question, at: _Power, difference: float, margin: float, power: float
) -> tuple[int, ...]:
    gap = {
        "two-sided": abs(difference),
        "superiority": difference - margin,
        "non-inferiority": difference + margin,
        "equivalence": margin - abs(difference),
    }[question.hypothesis]
    if gap <= 0.0:
        raise InvalidInputError(
            f"no number of units shows {question.hypothesis} when the true difference is {difference} "
            f"and the margin {margin}",
            hint="assume a true difference on the right side of the margin",
        )
    low, high = layout.least - 1, layout.least
    while at(layout.groups(high), difference, margin) < power:
        low, high = high, 2 * high
        if high > MOST_UNITS:
            raise InvalidInputError(
                f"more than {MOST_UNITS:.0e} units are needed to tell {difference} from {margin}",
                hint="a larger difference, or a smaller standard deviation",
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if at(layout.groups(middle), difference, margin) >= power else (middle, high)
    return layout.groups(high)


def _edge_difference(
    layout: Layout, question: Question, at: _Power, units: tuple[int, ...], margin: float, power: float, towards: float
) -> float:
    """The difference nearest to the null hypothesis (for equivalence, farthest from 0) that has this power."""
    start = {"two-sided": 0.0, "superiority": margin, "non-inferiority": -margin, "equivalence": margin}
    inside = start[question.hypothesis]  # the border of the hypothesis, where the power is alpha or less
    if question.hypothesis == "equivalence":
        outside = 0.0
    else:
        limit = layout.most_difference if towards > 0.0 else -layout.least_difference
        step = 4.0 * max(layout.spread(units, inside, margin).se_true, 1e-300)
        outside = min(limit, inside + step) if towards > 0.0 else max(-limit, inside - step)
        while at(units, outside, margin) < power and abs(outside) < limit:
            step *= 2.0
            outside = max(-limit, min(limit, inside + towards * step))
    if at(units, outside, margin) < power:
        raise InvalidInputError(
            f"with n = {units} no possible difference has power {power}", hint="more units, or a wider margin"
        )
    return _bisect(lambda value: at(units, value, margin) >= power, inside, outside)


def _least_margin(question: Question, at: _Power, units: tuple[int, ...], difference: float, power: float) -> float:
    low = abs(difference) if question.hypothesis == "equivalence" else max(0.0, -difference)
    high = max(2.0 * low, 1e-6)
    while at(units, difference, high) < power:
        high *= 2.0
        if high > 1e300:
            raise InvalidInputError(f"no margin has power {power} with n = {units}", hint="more units")
    return _bisect(lambda value: at(units, difference, value) >= power, low, high)


def _bisect(enough: Callable[[float], bool], outside: float, inside: float) -> float:
    """The border of ``enough``, on its inside."""
    for _ in range(200):
        middle = 0.5 * (outside + inside)
        if middle in (outside, inside):
            break
        outside, inside = (outside, middle) if enough(middle) else (middle, inside)
    return inside
