"""Several intervals that hold together: with the chosen confidence, all of them cover at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.special import check_confidence, normal_quantile

_DRAWS_AT_ONCE = 20_000


def simultaneous_confidence(count: int, *, confidence: float = 0.95, independent: bool = False) -> float:
    """The confidence each of ``count`` intervals needs so that all cover together.

    Args:
        count: At least 1.
        confidence: Of all together, in (0, 1).
        independent: Šidák's slightly smaller correction, exact for independent intervals; else Bonferroni's.

    Sources:
        Šidák (1967), JASA 62, 626-633.

    Examples:
        >>> round(simultaneous_confidence(5), 4), round(simultaneous_confidence(5, independent=True), 4)
        (0.99, 0.9898)
    """
    check_confidence(confidence)
    if count < 1:
        raise InvalidInputError(f"{count} intervals cannot hold together", hint="give at least one")
    if independent:
        return float(confidence ** (1.0 / count))
    return 1.0 - (1.0 - confidence) / count


def max_t_intervals(
    values: Sequence[float],
    covariance: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    draws: int = 100_000,
    n: int = 0,
    unit: str = "score",
) -> list[Estimate]:
    """Intervals for correlated estimates that hold together, narrower than Bonferroni's where they correlate.

    Args:
        values: Approximately normal estimates, shape ``(k,)``.
        covariance: Their estimated covariance, shape ``(k, k)``, positive semi-definite. Estimates without variance
            come back with a reason.
        rng: Draws the maximum's distribution; its error at 100,000 draws is about .0007 in the coverage.
        confidence: Of all together.
        draws: How many; memory stays below 20,000 x k numbers.
        n: Units the estimates rest on, for the record.
        unit: Of the values.

    Raises:
        InvalidInputError: Shapes differ, the covariance is not symmetric or not positive semi-definite, fewer than
            1,000 draws.

    Sources:
        Hothorn, Bretz & Westfall (2008), Biometrical Journal 50, 346-363, section 3.

    Examples:
        >>> both = max_t_intervals([0.0, 0.0], [[1.0, 1.0], [1.0, 1.0]], rng=np.random.default_rng(1))
        >>> abs(both[0].high - 1.96) < 0.03
        True
    """
    check_confidence(confidence)
    point, spread = np.asarray(values, dtype=float), np.asarray(covariance, dtype=float)
    _check(point, spread, draws)
    errors = np.sqrt(np.diag(spread))
    known = errors > 0
    critical = math.nan
    if known.any():
        correlation = spread[np.ix_(known, known)] / np.outer(errors[known], errors[known])
        critical = _max_quantile(correlation, rng=rng, confidence=confidence, draws=draws)
    return [
        Estimate(
            value=value,
            low=value - critical * error if has_error else None,
            high=value + critical * error if has_error else None,
            n=n,
            method="max-t",
            confidence=confidence,
            unit=unit,
            std_error=error,
            reason=None if has_error else "the estimate has no variance",
        )
        for value, error, has_error in zip(point.tolist(), errors.tolist(), known.tolist(), strict=True)
    ]


def _check(point: npt.NDArray[np.float64], spread: npt.NDArray[np.float64], draws: int) -> None:
    if point.ndim != 1 or spread.shape != (len(point), len(point)) or not len(point):
        raise InvalidInputError(
            f"{point.shape} values and a covariance of shape {spread.shape} do not fit",
            hint="give k values and a k x k covariance",
        )
    if not (np.isfinite(point).all() and np.isfinite(spread).all() and np.allclose(spread, spread.T)):
        raise InvalidInputError("the covariance is not symmetric, or a number is not finite", hint="check its columns")
    if draws < 1_000:
        raise InvalidInputError(f"{draws} draws are too few for a quantile", hint="100,000 take a moment")


def _max_quantile(
    correlation: npt.NDArray[np.float64], *, rng: np.random.Generator, confidence: float, draws: int
) -> float:
    """Quantile of the largest absolute value of normal variables so correlated; never beyond Bonferroni's."""
    roots, vectors = np.linalg.eigh(correlation)
    if roots.min() < -1e-8 * max(1.0, float(roots.max())):
        raise InvalidInputError(
            "the covariance is not positive semi-definite", hint="compute it from one set of complete rows"
        )
    factor = vectors * np.sqrt(np.clip(roots, 0.0, None))
    largest = np.empty(draws)
    for start in range(0, draws, _DRAWS_AT_ONCE):
        size = min(_DRAWS_AT_ONCE, draws - start)
        largest[start : start + size] = np.abs(rng.standard_normal((size, len(roots))) @ factor.T).max(axis=1)
    bonferroni = normal_quantile(1.0 - (1.0 - confidence) / (2 * len(roots)))
    return min(float(np.quantile(largest, confidence)), bonferroni)
