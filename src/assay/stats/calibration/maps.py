"""Maps that turn scores into calibrated probabilities: fitted once, frozen, applied anywhere, kept as plain JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.calibration.inputs import Floats, finite_vector


@dataclass(frozen=True, slots=True, kw_only=True)
class PlattMap:
    """p = 1 / (1 + exp(-(slope · score + intercept))).

    Examples:
        >>> PlattMap(slope=1.0, intercept=0.0).apply([0.0]).tolist()
        [0.5]
    """

    slope: float
    intercept: float

    def apply(self, scores: npt.ArrayLike) -> Floats:
        """Probabilities of shape ``(n,)`` from scores of shape ``(n,)``."""
        return logistic(self.slope * finite_vector(scores, "scores") + self.intercept)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; ``calibration_map_from_dict`` reads it."""
        return {"kind": "platt", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True, slots=True, kw_only=True)
class IsotonicMap:
    """Rising step points, joined by straight lines, constant outside.

    Attributes:
        scores: Where the map is known, rising.
        probabilities: Its values there, never falling.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def apply(self, scores: npt.ArrayLike) -> Floats:
        """Probabilities of shape ``(n,)`` from scores of shape ``(n,)``."""
        return np.interp(finite_vector(scores, "scores"), self.scores, self.probabilities).astype(np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; ``calibration_map_from_dict`` reads it."""
        return {"kind": "isotonic", "scores": list(self.scores), "probabilities": list(self.probabilities)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureMap:
    """softmax(logits / temperature), or the logistic function of one logit."""

    temperature: float

    def apply(self, logits: npt.ArrayLike) -> Floats:
        """Probabilities of the shape of ``logits``: ``(n,)`` log-odds or ``(n, classes)``."""
        data = logit_array(logits)
        if data.ndim == 1:
            return logistic(data / self.temperature)
        return softmax(data / self.temperature)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; ``calibration_map_from_dict`` reads it."""
        return {"kind": "temperature", "temperature": self.temperature}


CalibrationMap = PlattMap | IsotonicMap | TemperatureMap


def calibration_map_from_dict(row: Mapping[str, Any]) -> CalibrationMap:
    """The map whose ``to_dict`` gave ``row``.

    Raises:
        InvalidInputError: The kind is unknown or a parameter is missing or out of range.

    Examples:
        >>> calibration_map_from_dict({"kind": "temperature", "temperature": 2.0})
        TemperatureMap(temperature=2.0)
    """
    try:
        if row["kind"] == "platt":
            return PlattMap(slope=_finite(row["slope"]), intercept=_finite(row["intercept"]))
        if row["kind"] == "temperature":
            temperature = _finite(row["temperature"])
            if temperature > 0.0:
                return TemperatureMap(temperature=temperature)
        if row["kind"] == "isotonic":
            scores = tuple(_finite(score) for score in row["scores"])
            values = tuple(_finite(value) for value in row["probabilities"])
            rising = _rises(scores, strictly=True) and _rises(values, strictly=False)
            if scores and len(scores) == len(values) and rising and values[0] >= 0.0 and values[-1] <= 1.0:
                return IsotonicMap(scores=scores, probabilities=values)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"this is no calibration map: {error}", hint="use what to_dict() gave") from error
    raise InvalidInputError(f"no calibration map reads {dict(row)!r}", hint="use what to_dict() gave")


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def _rises(values: tuple[float, ...], *, strictly: bool) -> bool:
    return all(later > earlier or (later == earlier and not strictly) for earlier, later in pairwise(values))


def logit_array(values: npt.ArrayLike) -> Floats:
    """Scores of shape ``(n,)`` or ``(n, classes)``, checked."""
    data = np.asarray(values, dtype=np.float64)
    if data.ndim not in (1, 2) or data.size == 0 or (data.ndim == 2 and data.shape[1] < 2):
        raise InvalidInputError(f"scores have shape {data.shape}", hint="(n,) or (n, classes >= 2)")
    if not np.isfinite(data).all():
        raise InvalidInputError("a score is not finite", hint="raise probabilities of 0 before taking logarithms")
    return data


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    from scipy.special import expit

    return np.asarray(expit(x), dtype=np.float64)


def softmax(x: Floats) -> Floats:
    """Row by row; shape ``(n, classes)``."""
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
