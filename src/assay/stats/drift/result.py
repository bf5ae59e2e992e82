"""What every two-sample drift test answers, and the checks they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate

Floats = npt.NDArray[np.float64]
Verdict = Literal["drift", "no drift", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """One drift test.

    Attributes:
        verdict: ``drift`` when ``p_value`` is at most ``level``; ``unknown`` without a p-value.
        p_value: Of "reference and current come from one distribution".
        statistic: In the unit of the method.
        effect: Size of the drift with its interval, where the method has one.
        method: Test and how its p-value was found.
        n_reference: Reference values (rows).
        n_current: Current values (rows).
        permutations: Random relabellings behind the p-value; 0 for exact and asymptotic ones.
        notes: What a reader must know (ties, smoothing, bandwidth).
        reason: Why there is no p-value.
    """

    verdict: Verdict
    p_value: float | None
    statistic: float
    level: float
    method: str
    n_reference: int
    n_current: int
    effect: Estimate | None = None
    permutations: int = 0
    notes: tuple[str, ...] = ()
    reason: str | None = None


def verdict_at(p_value: float | None, level: float) -> Verdict:
    """``drift``, ``no drift`` or, without a p-value, ``unknown``."""
    if p_value is None:
        return "unknown"
    return "drift" if p_value <= level else "no drift"


def checked_level(level: float) -> float:
    """The level itself.

    Raises:
        InvalidInputError: It is not strictly between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise InvalidInputError(f"level is {level}", hint="strictly between 0 and 1, for example 0.05")
    return level


def checked_permutations(permutations: int, level: float) -> int:
    """The number itself.

    Raises:
        InvalidInputError: So few that p cannot reach the level.
    """
    if permutations < 1 or 1.0 / (permutations + 1) > level:
        raise InvalidInputError(
            f"{permutations} permutations cannot give p <= {level}", hint="at least 1/level - 1, better 500"
        )
    return permutations


def finite_values(values: npt.ArrayLike, what: str) -> Floats:
    """A vector of at least one finite number.

    Raises:
        InvalidInputError: It is not.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or data.size == 0 or not np.isfinite(data).all():
        raise InvalidInputError(
            f"{what} has shape {data.shape} or holds values that are not finite",
            hint="a vector of finite numbers; leave missing values out and watch their share with category_drift",
        )
    return data


def finite_rows(values: npt.ArrayLike, what: str) -> Floats:
    """A matrix of at least two finite rows; a vector becomes one column.

    Raises:
        InvalidInputError: It is not.
    """
    data: Floats = np.asarray(values, dtype=np.float64)
    data = data[:, None] if data.ndim == 1 else data
    if data.ndim != 2 or len(data) < 2 or data.shape[1] == 0 or not np.isfinite(data).all():
        raise InvalidInputError(
            f"{what} has shape {data.shape} or holds values that are not finite",
            hint="shape (n, d) with at least two rows of finite numbers",
        )
    return data


def label_columns(
    n_reference: int, n_current: int, permutations: int, rng: np.random.Generator
) -> npt.NDArray[np.bool]:
    """Membership of the reference, shape ``(permutations + 1, n)``: the observed one first, then random ones."""
    labels = np.zeros((permutations + 1, n_reference + n_current), dtype=bool)
    labels[:, :n_reference] = True
    rng.permuted(labels[1:], axis=1, out=labels[1:])
    return labels


def permutation_p(statistics: Floats) -> float:
    """(1 + relabellings at least as far out) / (1 + relabellings); the observed statistic comes first."""
    observed = statistics[0]
    slack = 1e-9 * max(abs(float(observed)), float(np.abs(statistics).max()), 1e-300)
    return float((statistics >= observed - slack).sum() / statistics.size)


def permutation_result(
    statistics: Floats, *, method: str, level: float, n_reference: int, n_current: int, notes: tuple[str, ...] = ()
) -> DriftResult:
    """The answer of a test by relabelling; the observed statistic comes first."""
    p_value = permutation_p(statistics)
    return DriftResult(
        verdict=verdict_at(p_value, level),
        p_value=p_value,
        statistic=float(statistics[0]),
        level=level,
        method=method,
        n_reference=n_reference,
        n_current=n_current,
        permutations=statistics.size - 1,
        notes=notes,
    )
