"""What every sequence returns: bounds after each look, all of which hold at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSequence:
    """Bounds after each look, all of which hold at once with the stated confidence: look as often as you like.

    Attributes:
        n: Observations seen at each look, shape ``(T,)``; of both groups together where there are two.
        value: Estimates, shape ``(T,)``.
        low: Lower bounds, shape ``(T,)``; NaN where there is none yet.
        high: Upper bounds.
        p_value: Always-valid p-values of ``null``, never rising, shape ``(T,)``; ``None`` where no null was named.
        null: The value the p-values are against.
        confidence: That no bound ever fails.
        method: Name of the sequence.
        unit: Of value and bounds.
        reason: Why the last look has no bounds; ``None`` when it has.
    """

    n: Ints
    value: Floats
    low: Floats
    high: Floats
    p_value: Floats | None = None
    null: float | None = None
    confidence: float
    method: str
    unit: str
    reason: str | None = None

    def final(self) -> Estimate:
        """The interval after the last look."""
        known = bool(np.isfinite(self.low[-1]) and np.isfinite(self.high[-1]))
        return Estimate(
            value=float(self.value[-1]),
            low=float(self.low[-1]) if known else None,
            high=float(self.high[-1]) if known else None,
            confidence=self.confidence,
            n=int(self.n[-1]),
            method=self.method,
            unit=self.unit,
            reason=None if known else self.reason or "the spread is not known yet",
        )

    def first_excluding(self, threshold: float) -> int | None:
        """Observations after which the interval first excluded ``threshold``; ``None`` while it never did."""
        out = np.flatnonzero((self.low > threshold) | (self.high < threshold))
        return int(self.n[out[0]]) if out.size else None


def stream(values: npt.ArrayLike, name: str, *, at_least: int = 1) -> Floats:
    """A vector of finite numbers in order of arrival.

    Raises:
        InvalidInputError: It is something else, or too short.
    """
    try:
        data = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{name} are not numbers: {error}", hint="give one number an observation") from error
    if data.ndim != 1 or data.size < at_least:
        raise InvalidInputError(
            f"{name} have shape {data.shape}", hint=f"a vector of at least {at_least}, in order of arrival"
        )
    if not np.isfinite(data).all():
        where = int(np.flatnonzero(~np.isfinite(data))[0])
        raise InvalidInputError(f"number {where} of the {name} is {data[where]}", hint="leave unscored items out")
    return data


def running_moments(data: Floats) -> tuple[Floats, Floats]:
    """Mean and variance (divided by n) of the first 1, 2, … n values; 0 where the values so far are equal."""
    n = np.arange(1, data.size + 1)
    shifted = data - data[0]
    mean = np.cumsum(shifted) / n
    variance = np.maximum(np.cumsum(shifted**2) / n - mean**2, 0.0)
    flat = np.maximum.accumulate(np.abs(shifted)) <= 1e-12 * np.maximum.accumulate(np.abs(data))
    return mean + data[0], np.where(flat, 0.0, variance)
