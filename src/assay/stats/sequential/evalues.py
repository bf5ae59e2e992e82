"""E-values: evidence that multiplies over independent looks, averages over anything, and may be stopped at will."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.sequential.betting import log_wealth, predictable_bets, scaled_scores
from assay.stats.sequential.result import Floats, Ints, stream


@dataclass(frozen=True, slots=True, kw_only=True)
class EValue:
    """Evidence against a null hypothesis: its expectation under the null is at most 1.

    Attributes:
        log_value: Natural logarithm, which does not overflow.
        n: E-values, p-values or observations it was made of.
        method: How.
    """

    log_value: float
    n: int
    method: str

    @property
    def value(self) -> float:
        """The e-value; infinite beyond e^709."""
        return math.exp(self.log_value) if self.log_value < 709.0 else math.inf

    @property
    def p_value(self) -> float:
        """min(1, 1/e), a valid p-value by Markov's inequality, and the only one there is for every e-value."""
        return math.exp(-max(self.log_value, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class EProcess:
    """E-values after each look; they may be stopped at any time.

    Attributes:
        n: Observations at each look, shape ``(T,)``.
        log_value: Natural logarithms, shape ``(T,)``.
        p_value: Always-valid: one over the largest so far, shape ``(T,)``.
        method: How.
    """

    n: Ints
    log_value: Floats
    p_value: Floats
    method: str

    def final(self) -> EValue:
        """The evidence after the last look."""
        return EValue(log_value=float(self.log_value[-1]), n=int(self.n[-1]), method=self.method)

    def first_at(self, alpha: float) -> int | None:
        """Observations after which the null was first refuted at ``alpha``; ``None`` while it was not."""
        out = np.flatnonzero(self.p_value <= alpha)
        return int(self.n[out[0]]) if out.size else None


def e_value_product(e_values: npt.ArrayLike) -> EValue:
    """Evidence of independent studies of one null, or of one study in stages: the product.

    Args:
        e_values: At least 0, shape ``(k,)``; each must be an e-value *given* those before it.

    Raises:
        InvalidInputError: There is none, or one is negative or not a number.

    Sources:
        Vovk & Wang (2021), Annals of Statistics 49, 1736-1754 (arXiv:1912.06116), section 4.

    Examples:
        >>> round(e_value_product([4.0, 0.5, 10.0]).value, 9)
        20.0
    """
    logs = _logs(e_values)
    dead = bool(np.isneginf(logs).any())
    return EValue(log_value=-math.inf if dead else math.fsum(logs), n=logs.size, method="product")


def e_value_average(e_values: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> EValue:
    """Evidence of e-values that may depend on each other in any way: the (weighted) mean.

    Among symmetric ways to merge arbitrary e-values none is better.

    Args:
        e_values: At least 0, shape ``(k,)``.
        weights: Chosen before the data, at least 0, shape ``(k,)``; equal without them.

    Raises:
        InvalidInputError: As ``e_value_product``; weights do not fit, or are all 0.

    Sources:
        Vovk & Wang (2021), section 3.

    Examples:
        >>> round(e_value_average([4.0, 0.5, 10.5]).value, 9)
        5.0
    """
    logs = _logs(e_values)
    shares = np.ones(logs.size) if weights is None else stream(weights, "weights")
    if shares.shape != logs.shape or shares.min() < 0.0 or shares.sum() <= 0.0:
        raise InvalidInputError(f"{shares.size} weights for {logs.size} e-values", hint="one each, at least 0")
    peak = float(logs.max())
    if math.isinf(peak):
        return EValue(log_value=peak, n=logs.size, method="average")
    mean = float(shares @ np.exp(logs - peak) / shares.sum())
    return EValue(log_value=peak + math.log(mean) if mean > 0.0 else -math.inf, n=logs.size, method="average")


def _logs(e_values: npt.ArrayLike) -> Floats:
    data = np.asarray(e_values, dtype=np.float64)
    if data.ndim != 1 or data.size == 0 or np.isnan(data).any() or data.min() < 0.0:
        raise InvalidInputError("these are not e-values", hint="a vector of numbers that are at least 0")
    logs: Floats = np.full(data.size, -np.inf)
    np.log(data, out=logs, where=data > 0.0)
    if np.isposinf(logs).any() and np.isneginf(logs).any():
        raise InvalidInputError("an e-value of 0 and one of infinity do not go together", hint="one of them is wrong")
    return logs


def e_value_from_p(p_value: float, *, kappa: float | None = None) -> EValue:
    """An e-value from a p-value, by a calibrator that was chosen before the data.

    Args:
        p_value: In [0, 1].
        kappa: In (0, 1): e = κ·p^(κ - 1). Without it these are mixed over κ, which needs no choice:
            (1 - p + p·log p) / (p·log² p).

    Raises:
        InvalidInputError: A number is out of range.

    Sources:
        Vovk & Wang (2021), section 2; Shafer, Shen, Vereshchagin & Vovk (2011), Statistical Science 26, 84-101.

    Examples:
        >>> round(e_value_from_p(0.01).value, 3), round(e_value_from_p(0.01, kappa=0.5).value, 3)
        (4.451, 5.0)
    """
    if not 0.0 <= p_value <= 1.0 or (kappa is not None and not 0.0 < kappa < 1.0):
        raise InvalidInputError(f"p-value {p_value} with kappa {kappa}", hint="p in [0, 1], kappa in (0, 1)")
    if p_value == 0.0:
        return EValue(log_value=math.inf, n=1, method="calibrator")
    log_p = math.log(p_value)
    if kappa is not None:
        log_value = math.log(kappa) + (kappa - 1.0) * log_p
    elif log_p > -1e-3:  # the series about p = 1, where the quotient loses its digits
        log_value = math.log(0.5 - log_p / 6.0 + log_p * log_p / 24.0)
    else:
        log_value = math.log(1.0 - p_value + p_value * log_p) - log_p - 2.0 * math.log(-log_p)
    return EValue(log_value=log_value, n=1, method="calibrator")


def betting_e_process(
    values: npt.ArrayLike,
    *,
    null: float,
    alternative: Literal["two-sided", "greater", "less"] = "two-sided",
    lower: float = 0.0,
    upper: float = 1.0,
    alpha: float = 0.05,
) -> EProcess:
    """Evidence against one mean of bounded scores, after every score: the wealth of a gambler who bets against it.

    Args:
        values: In order of arrival, shape ``(n,)``, in [lower, upper].
        null: The mean (``two-sided``), the largest (``greater``) or the smallest one (``less``) of the null, strictly
            between lower and upper.
        alternative: What is to be shown.
        lower: Least possible score.
        upper: Greatest possible score.
        alpha: Level the size of the bets is chosen for; the evidence is valid at every level.

    Raises:
        InvalidInputError: A score or the null is outside the range.

    Sources:
        Waudby-Smith & Ramdas (2024), section 4.2; Ville (1939) for the bound on the largest.

    Examples:
        >>> betting_e_process([1, 1, 0, 1, 1, 1, 1, 0, 1, 1] * 5, null=0.5, alternative="greater").first_at(0.05)
        16
    """
    scores = scaled_scores(values, lower, upper)
    mean = (null - lower) / (upper - lower)
    if not 0.0 < mean < 1.0 or not 0.0 < alpha < 1.0 or alternative not in ("two-sided", "greater", "less"):
        raise InvalidInputError(
            f"null {null}, alternative {alternative!r}, alpha {alpha}",
            hint="a null strictly inside the range; two-sided, greater or less; alpha in (0, 1)",
        )
    bets = predictable_bets(scores, alpha, None)
    up = np.cumsum(log_wealth(scores, bets, np.array([mean])))
    down = np.cumsum(log_wealth(1.0 - scores, bets, np.array([1.0 - mean])))
    log_value = {"greater": up, "less": down, "two-sided": np.logaddexp(up, down) - math.log(2.0)}[alternative]
    return EProcess(
        n=np.arange(1, scores.size + 1),
        log_value=log_value,
        p_value=np.exp(-np.maximum(np.maximum.accumulate(log_value), 0.0)),
        method="betting",
    )
