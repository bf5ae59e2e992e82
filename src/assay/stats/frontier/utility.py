"""One number for accuracy, latency and price, by a declared exchange rate; and the rate at which a choice flips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats
from assay.stats.frontier.crossing import zero_crossing_bounds
from assay.stats.special import check_confidence, normal_quantile

_UNIT = "usd per request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A system as measured.

    Attributes:
        accuracy: Share of right answers, in [0, 1].
        latency_s: Mean seconds a request.
        price_usd: Mean US dollars a request.
        covariance: Of the three estimates in this order, shape ``(3, 3)``; or three standard errors.
    """

    accuracy: float
    latency_s: float
    price_usd: float
    covariance: Sequence[float] | Sequence[Sequence[float]] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """What answers are worth, declared before the systems are compared.

    ``linear``: value · accuracy - cost · latency - price. ``exponential``: value · accuracy · exp(-latency / patience)
    - price, for answers that lose worth while somebody waits.

    Attributes:
        value_per_correct_usd: Worth of a right answer, from 0.
        cost_per_second_usd: Linear form only, from 0.
        patience_s: Exponential form when given: seconds after which 63 % of the worth is lost, above 0.
    """

    value_per_correct_usd: float
    cost_per_second_usd: float = 0.0
    patience_s: float | None = None

    def __post_init__(self) -> None:
        rates = (self.value_per_correct_usd, self.cost_per_second_usd)
        if not all(math.isfinite(rate) and rate >= 0.0 for rate in rates):
            raise InvalidInputError(f"exchange rates are {rates}", hint="finite, from 0, in US dollars")
        if self.patience_s is not None and not (self.patience_s > 0.0 and self.cost_per_second_usd == 0.0):
            raise InvalidInputError(
                "patience stands with a cost per second, or is not above 0",
                hint="choose one form of the cost of waiting",
            )


def utility(system: Operation, rule: Utility, *, n: int = 0, confidence: float = 0.95) -> Estimate:
    """Utility of a system in US dollars a request, by the delta method.

    The exponential form takes the worth at the mean latency, not the mean worth over latencies.

    Args:
        system: Estimates with their covariance.
        rule: Declared exchange rates.
        n: Requests the estimates rest on, for the record.
        confidence: Two-sided, normal.

    Raises:
        InvalidInputError: An estimate is outside its range or the covariance is none.

    Sources:
        Keeney & Raiffa (1976), Decisions with Multiple Objectives; Oehlert (1992), American Statistician 46, 27-29
        (delta method).

    Examples:
        >>> fast = Operation(accuracy=0.8, latency_s=1.0, price_usd=0.01, covariance=[0.02, 0.05, 0.0])
        >>> found = utility(fast, Utility(value_per_correct_usd=0.1, cost_per_second_usd=0.005))
        >>> round(found.value, 3), round(found.low, 4)
        (0.065, 0.061)
    """
    value, gradient = _worth(system, rule)
    return _normal(value, float(gradient @ _spread(system) @ gradient), n, confidence)


def utility_difference(
    first: Operation,
    second: Operation,
    rule: Utility,
    *,
    cross: npt.ArrayLike | None = None,
    n: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Utility of ``first`` minus that of ``second``.

    Args:
        first: Estimates with their covariance.
        second: Likewise.
        rule: Declared exchange rates.
        cross: Covariance of first's estimates (rows) with second's, shape ``(3, 3)``; 0 when measured on other inputs.
        n: Requests, for the record.
        confidence: Two-sided.

    Raises:
        InvalidInputError: As ``utility``.

    Sources:
        As ``utility``.

    Examples:
        >>> fast = Operation(accuracy=0.8, latency_s=1.0, price_usd=0.01, covariance=[0.02, 0.05, 0.0])
        >>> slow = Operation(accuracy=0.9, latency_s=5.0, price_usd=0.02, covariance=[0.02, 0.05, 0.0])
        >>> rule = Utility(value_per_correct_usd=0.1, cost_per_second_usd=0.005)
        >>> round(utility_difference(slow, fast, rule).value, 3)
        -0.02
    """
    values, gradients = zip(*(_worth(system, rule) for system in (first, second)), strict=True)
    both = np.concatenate([gradients[0], -gradients[1]])
    return _normal(values[0] - values[1], float(both @ _joint(first, second, cross) @ both), n, confidence)


def utility_switch_point(
    first: Operation,
    second: Operation,
    rule: Utility,
    *,
    over: Literal["value_per_correct_usd", "cost_per_second_usd"] = "value_per_correct_usd",
    cross: npt.ArrayLike | None = None,
    n: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """The exchange rate at which two systems are worth the same, the other rates as declared.

    Utility is linear in the rate, so the interval holds every rate at which the difference is not told from 0
    (Fieller); a side on which it never is has no bound.

    Args:
        first: Estimates with their covariance.
        second: Likewise.
        rule: Declared rates; the one asked for plays no part.
        over: Which rate; ``cost_per_second_usd`` in the linear form only.
        cross: As in ``utility_difference``.
        n: Requests, for the record.
        confidence: Two-sided.

    Returns:
        Unit ``usd``. Without value, and with the reason, when no rate from 0 on makes them equal.

    Raises:
        InvalidInputError: As ``utility``; or a cost per second is asked of the exponential form.

    Sources:
        Fieller (1954), JRSS B 16, 175-185.

    Examples:
        >>> fast = Operation(accuracy=0.8, latency_s=1.0, price_usd=0.01, covariance=[0.01, 0.05, 0.0])
        >>> slow = Operation(accuracy=0.9, latency_s=5.0, price_usd=0.02, covariance=[0.01, 0.05, 0.0])
        >>> rule = Utility(value_per_correct_usd=0.0, cost_per_second_usd=0.005)
        >>> round(utility_switch_point(slow, fast, rule).value, 3)
        0.3
    """
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    if over not in ("value_per_correct_usd", "cost_per_second_usd"):
        raise InvalidInputError(f"there is no rate {over!r}", hint="value_per_correct_usd or cost_per_second_usd")
    if over == "cost_per_second_usd" and rule.patience_s is not None:
        raise InvalidInputError("the exponential form has no cost per second", hint="leave patience_s out")
    joint = _joint(first, second, cross)

    def line(rate: float) -> tuple[float, float]:
        at = Utility(
            value_per_correct_usd=rate if over == "value_per_correct_usd" else rule.value_per_correct_usd,
            cost_per_second_usd=rate if over == "cost_per_second_usd" else rule.cost_per_second_usd,
            patience_s=rule.patience_s,
        )
        (worth, slope), (other, other_slope) = _worth(first, at), _worth(second, at)
        both = np.concatenate([slope, -other_slope])
        return worth - other, math.sqrt(max(float(both @ joint @ both), 0.0))

    start, rise = line(0.0)[0], line(1.0)[0] - line(0.0)[0]
    root = -start / rise if rise != 0.0 else math.nan
    if not root >= 0.0:
        return Estimate(
            value=None, low=None, high=None, n=n, method="fieller", confidence=confidence, unit="usd",
            reason="one system is ahead at every rate from 0 on",
        )  # fmt: skip
    low, high = zero_crossing_bounds(line, root, low=0.0, high=math.inf, z=z)
    return Estimate(
        value=root,
        low=0.0 if low is None else low,
        high=high,
        n=n,
        method="fieller",
        confidence=confidence,
        unit="usd",
        reason=None if high is not None else "no rate, however high, tells the systems apart",
    )


def _worth(system: Operation, rule: Utility) -> tuple[float, Floats]:
    """Utility and its gradient in accuracy, latency and price."""
    found = (system.accuracy, system.latency_s, system.price_usd)
    if not all(math.isfinite(x) and x >= 0.0 for x in found) or system.accuracy > 1.0:
        raise InvalidInputError(
            f"accuracy, latency and price are {found}", hint="a share in [0, 1], seconds, US dollars"
        )
    value = rule.value_per_correct_usd
    if rule.patience_s is None:
        worth = value * system.accuracy - rule.cost_per_second_usd * system.latency_s - system.price_usd
        return worth, np.array([value, -rule.cost_per_second_usd, -1.0])
    left = math.exp(-system.latency_s / rule.patience_s)
    gain = value * system.accuracy * left
    return gain - system.price_usd, np.array([value * left, -gain / rule.patience_s, -1.0])


def _spread(system: Operation) -> Floats:
    given = np.asarray(system.covariance, dtype=np.float64)
    full = np.diag(np.square(given)) if given.shape == (3,) else given
    if (
        full.shape != (3, 3)
        or not np.isfinite(full).all()
        or not np.allclose(full, full.T)
        or (given.ndim == 1 and given.min() < 0.0)
    ):
        raise InvalidInputError(
            f"the covariance has shape {given.shape}", hint="(3, 3), symmetric; or 3 standard errors"
        )
    if np.linalg.eigvalsh(full).min() < -1e-8 * max(float(np.abs(full).max()), 1e-300):
        raise InvalidInputError("the covariance is not positive semi-definite", hint="compute it from complete rows")
    return full


def _joint(first: Operation, second: Operation, cross: npt.ArrayLike | None) -> Floats:
    between = np.zeros((3, 3)) if cross is None else np.asarray(cross, dtype=np.float64)
    if between.shape != (3, 3) or not np.isfinite(between).all():
        raise InvalidInputError(f"the cross covariance has shape {between.shape}", hint="finite, (3, 3)")
    joint: Floats = np.block([[_spread(first), between], [between.T, _spread(second)]])
    return joint


def _normal(value: float, variance: float, n: int, confidence: float) -> Estimate:
    std_error = math.sqrt(max(variance, 0.0))
    half = normal_quantile(0.5 + check_confidence(confidence) / 2.0) * std_error
    return Estimate(
        value=value, low=value - half, high=value + half, n=n, method="delta", confidence=confidence, unit=_UNIT,
        std_error=std_error,
    )  # fmt: skip
