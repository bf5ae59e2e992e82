"""Centres that heavy tails cannot move: trimmed means (Yuen) and capped means.

They answer another question than a mean. The Estimate says which in its ``estimand``, so that a trimmed mean is never
read as the mean.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.adjustment.result import t_estimate, welch
from assay.stats.calibration.inputs import finite_vector
from assay.stats.special import check_confidence


def trimmed_mean(
    values: npt.ArrayLike, *, trim: float = 0.2, confidence: float = 0.95, unit: str = "score"
) -> Estimate:
    """Mean of what is left when a share of the lowest and as many of the highest values are taken away.

    Args:
        values: Shape ``(n,)``, finite and independent.
        trim: Share taken from each end, in [0, .5); floor(trim n) values.
        confidence: Two-sided coverage, t with h - 1 degrees of freedom (h values are left).
        unit: The scorer's unit.

    Returns:
        The trimmed mean, with the winsorised variance; without bounds, and with the reason, where it is 0.

    Raises:
        InvalidInputError: Values are not a finite vector, the share is out of range or fewer than two values are left.

    Sources:
        Tukey & McLaughlin (1963), Sankhya A 25, 331-352; Wilcox (2012), Introduction to Robust Estimation, section 4.3.

    Examples:
        >>> e = trimmed_mean([1.0, 2.0, 3.0, 4.0, 90.0])
        >>> e.value, e.estimand
        (3.0, 'mean of the middle 60 % of new inputs like these')
    """
    side = _Trimmed.of(values, trim, "values")
    check_confidence(confidence)
    return t_estimate(
        side.mean, side.variance, side.left - 1.0, n=side.n, method="trimmed-t", confidence=confidence, unit=unit,
        estimand=_middle(trim), reason="the values in the middle do not differ, so their spread is unknown",
    )[0]  # fmt: skip


def trimmed_mean_difference(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    trim: float = 0.2,
    confidence: float = 0.95,
    unit: str = "score",
) -> tuple[Estimate, float | None]:
    """Yuen's test: difference of two independent trimmed means, candidate minus baseline, and its p-value.

    Args:
        baseline: Shape ``(n,)``, finite and independent.
        candidate: Shape ``(m,)``.
        trim: As in ``trimmed_mean``.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        The estimate and the two-sided p-value; both without an answer, and with the reason, where nothing varies.

    Raises:
        InvalidInputError: As ``trimmed_mean``.

    Sources:
        Yuen (1974), Biometrika 61, 165-170.

    Examples:
        >>> e, p = trimmed_mean_difference([1.0, 2.0, 3.0, 4.0, 90.0], [5.0, 6.0, 7.0, 8.0, 9.0])
        >>> e.value, p < 0.05
        (4.0, True)
    """
    old, new = _Trimmed.of(baseline, trim, "baseline values"), _Trimmed.of(candidate, trim, "candidate values")
    total = old.variance + new.variance
    parts = old.variance**2 / (old.left - 1.0) + new.variance**2 / (new.left - 1.0)
    return t_estimate(
        new.mean - old.mean, total, total * total / parts if parts > 0.0 else 0.0, n=old.n + new.n, method="yuen",
        confidence=check_confidence(confidence), unit=unit, estimand=_middle(trim),
        reason="the values in the middle do not differ, so their spread is unknown",
    )  # fmt: skip


def capped_mean(values: npt.ArrayLike, *, cap: float, confidence: float = 0.95, unit: str = "score") -> Estimate:
    """Mean of ``min(value, cap)`` for a cap fixed before the data were seen (a budget, a time-out).

    A cap read off the same data is not fixed, and this interval then leaves out that the cap moves.

    Args:
        values: Shape ``(n,)``, finite and independent.
        cap: Largest value that counts in full; only what exceeds it is cut.
        confidence: Two-sided coverage (t).
        unit: The scorer's unit.

    Raises:
        InvalidInputError: Values are not a finite vector or the cap is not finite.

    Sources:
        Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, chapter 18 (capping to reduce variance).

    Examples:
        >>> e = capped_mean([1.0, 2.0, 3.0, 90.0], cap=10.0)
        >>> e.value, e.estimand
        (4.0, 'mean of min(value, 10) over new inputs like these')
    """
    data = np.minimum(finite_vector(values, "values"), _cap(cap))
    variance = float(data.var(ddof=1)) / data.size if data.size > 1 else 0.0
    reason = (
        "fewer than two samples" if data.size < 2 else "the capped values do not differ, so their spread is unknown"
    )
    return t_estimate(
        float(data.mean()), variance, data.size - 1.0, n=data.size, method="capped-t",
        confidence=check_confidence(confidence), unit=unit, estimand=_capped(cap), reason=reason,
    )[0]  # fmt: skip


def capped_mean_difference(
    baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, cap: float, confidence: float = 0.95, unit: str = "score"
) -> tuple[Estimate, float | None]:
    """Welch's difference of two means of ``min(value, cap)``, candidate minus baseline, and its p-value.

    Args:
        baseline: Shape ``(n,)``, finite and independent, at least two.
        candidate: Shape ``(m,)``, at least two.
        cap: As in ``capped_mean``.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Raises:
        InvalidInputError: A side is not a finite vector of at least two values or the cap is not finite.

    Sources:
        As ``capped_mean``; Welch (1947), Biometrika 34, 28-35.

    Examples:
        >>> e, p = capped_mean_difference([1.0, 2.0, 3.0, 90.0], [2.0, 3.0, 4.0, 7.0], cap=10.0)
        >>> e.value
        0.0
    """
    sides = [np.minimum(finite_vector(side, "values"), _cap(cap)) for side in (baseline, candidate)]
    if min(side.size for side in sides) < 2:
        raise InvalidInputError("a side has one value", hint="give at least two values of each")
    estimate, p_value, _ = welch(
        np.array([side.size for side in sides], dtype=np.float64),
        np.array([side.mean() for side in sides]),
        np.array([np.square(side - side.mean()).sum() for side in sides]),
        confidence=check_confidence(confidence),
        unit=unit,
    )
    return replace(estimate, method="capped-welch", estimand=_capped(cap)), p_value


def _cap(cap: float) -> float:
    if not math.isfinite(cap):
        raise InvalidInputError(f"the cap is {cap}", hint="give the largest value that counts in full")
    return cap


def _middle(trim: float) -> str:
    return f"mean of the middle {100.0 - 200.0 * trim:g} % of new inputs like these"


def _capped(cap: float) -> str:
    return f"mean of min(value, {cap:g}) over new inputs like these"


class _Trimmed(NamedTuple):
    mean: float
    variance: float
    left: int
    n: int

    @classmethod
    def of(cls, values: npt.ArrayLike, trim: float, name: str) -> _Trimmed:
        data = np.sort(finite_vector(values, name))
        if not 0.0 <= trim < 0.5:
            raise InvalidInputError(f"a share of {trim} cannot be trimmed from each end", hint="0 <= trim < 0.5")
        n, cut = data.size, int(trim * data.size)
        left = n - 2 * cut
        if left < 2:
            raise InvalidInputError(f"{left} of {n} {name} are left after trimming", hint="give more values")
        winsorised = np.clip(data, data[cut], data[n - cut - 1])
        square = float(np.square(winsorised - winsorised.mean()).sum())
        if square <= 1e-26 * max(float(np.abs(winsorised).max()) ** 2 * n, 1e-300):
            square = 0.0
        return cls(float(data[cut : n - cut].mean()), square / (left * (left - 1.0)), left, n)
