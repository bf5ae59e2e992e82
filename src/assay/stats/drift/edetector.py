"""Change detection by e-processes: a promise about false alarms for any law of the values, at any sample size."""

from __future__ import annotations

import math

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.drift.cusum import Side, checked_side, checked_value
from assay.stats.drift.result import Floats

_BETS = 16
_LARGEST, _LARGEST_LOG = 1e150, 300.0


class EDetector:
    """Shiryaev-Roberts e-detector for a change of the mean: M = (M + 1) · L averaged over a grid of bets.

    Without a change the mean time to a false alarm is at least ``run_length`` values, exactly and without a normal
    assumption, and the probability of an alarm within t values is at most t / ``run_length``. Values lie in
    [low, high] (L = 1 + λ(x - μ)), or, with ``std``, are sub-Gaussian with that scale
    (L = exp(λ(x - μ) - λ²σ²/2)). With ``side="up"`` the promise holds for every mean at or below ``mean``.

    Args:
        mean: Mean without a change (given the past).
        run_length: Promised mean time to a false alarm, above 1.
        low: Smallest possible value (bounded values).
        high: Largest possible value (bounded values).
        std: Sub-Gaussian scale; replaces the bounds.
        side: Which changes are looked for; each side gets half the evidence with ``both``.

    Attributes:
        n: Values since the start.

    Sources:
        Shin, Ramdas & Rinaldo (2024), Annals of Statistics 52 / arXiv:2203.03532, definitions 2.1, 2.6 and
        proposition 2.4; Waudby-Smith & Ramdas (2024), JRSS B 86 (bets on bounded means).

    Examples:
        >>> watch = EDetector(mean=0.5, run_length=1_000.0)
        >>> any(watch.update(value) for value in [0.0, 1.0] * 100)
        False
        >>> any(watch.update(1.0) for _ in range(20))
        True
    """

    def __init__(
        self,
        *,
        mean: float,
        run_length: float = 10_000.0,
        low: float = 0.0,
        high: float = 1.0,
        std: float | None = None,
        side: Side = "both",
    ) -> None:
        checked_side(side)
        if not (math.isfinite(mean) and 1.0 < run_length < math.inf):
            raise InvalidInputError(f"mean {mean}, run length {run_length}", hint="finite, run length above 1")
        if std is None and not low < mean < high:
            raise InvalidInputError(
                f"the mean {mean} must lie inside ({low}, {high})", hint="state the values' true bounds, or std"
            )
        if std is not None and not 0.0 < std < math.inf:
            raise InvalidInputError(f"std is {std}", hint="a finite number above 0")
        self.mean, self.run_length, self.low, self.high, self.std, self.side = mean, run_length, low, high, std, side
        if std is None:
            sizes = np.geomspace(0.005, 0.95, _BETS)
            up, down = sizes / (mean - low), sizes / (high - mean)
        else:
            up = down = np.geomspace(0.1, 3.0, _BETS) / std
        self._bets: Floats = np.concatenate([up if side != "down" else [], -down if side != "up" else []])
        self._evidence: Floats = np.zeros(self._bets.size)
        self.n = 0

    @property
    def statistic(self) -> float:
        """The evidence; an alarm when it reaches ``run_length``."""
        return float(self._evidence.mean())

    def update(self, value: float) -> bool:
        """Take in one value; whether the evidence reaches ``run_length``.

        Raises:
            InvalidInputError: Not finite, or outside the bounds.
        """
        gap = checked_value(value) - self.mean
        if self.std is None:
            if not self.low <= value <= self.high:
                raise InvalidInputError(
                    f"{value} lies outside [{self.low}, {self.high}]", hint="state the values' true bounds, or std"
                )
            step = 1.0 + self._bets * gap
        else:
            step = np.exp(np.minimum(self._bets * gap - 0.5 * np.square(self._bets * self.std), _LARGEST_LOG))
        self._evidence = np.minimum((self._evidence + 1.0) * step, _LARGEST)
        self.n += 1
        return self.statistic >= self.run_length

    def reset(self) -> None:
        """No evidence."""
        self._evidence = np.zeros(self._bets.size)
        self.n = 0
