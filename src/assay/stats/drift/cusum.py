"""Cumulative sums on a stream: CUSUM and Page-Hinkley, one value at a time or over an array."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.drift.result import finite_values

Side = Literal["up", "down", "both"]


class Detector(Protocol):
    """Watches a stream; what it promises about false alarms is in its class."""

    @property
    def statistic(self) -> float:
        """What is compared with the threshold."""
        ...

    def update(self, value: float) -> bool:
        """Take in one value; whether this is an alarm."""
        ...

    def reset(self) -> None:
        """Forget all values."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDrift:
    """Alarms of a detector over a stream.

    Attributes:
        alarms: Positions (from 0) of the values that raised an alarm; the detector starts anew after each.
        n: Values seen.
        statistics: After each value.
    """

    alarms: tuple[int, ...]
    n: int
    statistics: tuple[float, ...]


def detect_changes(detector: Detector, values: npt.ArrayLike) -> StreamDrift:
    """Run a detector over a stream, starting anew after each alarm.

    Args:
        detector: Left in its state after the last value, so that a later call goes on.
        values: Shape ``(n,)``, finite, oldest first.

    Raises:
        InvalidInputError: Empty or not finite.

    Examples:
        >>> detect_changes(Cusum(target=0.0, std=1.0), [0.0] * 10 + [2.0] * 10).alarms
        (13, 17)
    """
    alarms, statistics = [], []
    for place, value in enumerate(finite_values(values, "the stream").tolist()):
        alarm = detector.update(value)
        statistics.append(detector.statistic)
        if alarm:
            alarms.append(place)
            detector.reset()
    return StreamDrift(alarms=tuple(alarms), n=len(statistics), statistics=tuple(statistics))


def checked_value(value: float) -> float:
    """The value itself.

    Raises:
        InvalidInputError: It is not finite; the detector keeps its state.
    """
    if not math.isfinite(value):
        raise InvalidInputError(f"a stream value is {value}", hint="leave missing values out and watch their share")
    return value


def checked_side(side: str) -> None:
    """Refuse anything but up, down, both."""
    if side not in ("up", "down", "both"):
        raise InvalidInputError(f"side is {side!r}", hint="'up', 'down' or 'both'")


class Cusum:
    """Page's cumulative sum in standard deviations: C⁺ = max(0, C⁺ + z - k), and C⁻ likewise for falls.

    With k = .5 and h = 5 a normal stream without drift gives a false alarm every 465 values (both sides) and a shift of
    one standard deviation is found after 10.4 on average; ``cusum_run_length`` gives any other pair. Values must be
    independent with known mean and standard deviation: autocorrelation or an estimated mean shortens the time to a
    false alarm.

    Args:
        target: Mean without drift.
        std: Standard deviation of one value, above 0.
        allowance_sds: k, half the shift to be found, in standard deviations.
        threshold_sds: h, in standard deviations.
        side: Which shifts are looked for.

    Sources:
        Page (1954), Biometrika 41, 100-115; Montgomery (2009), Statistical Quality Control, 6th ed., section 9.1.

    Examples:
        >>> chart = Cusum(target=10.0, std=1.0)
        >>> [chart.update(value) for value in (10.2, 12.9, 13.2)]
        [False, False, True]
    """

    def __init__(
        self,
        *,
        target: float,
        std: float,
        allowance_sds: float = 0.5,
        threshold_sds: float = 5.0,
        side: Side = "both",
    ) -> None:
        checked_side(side)
        if not (math.isfinite(target) and 0.0 < std < math.inf and allowance_sds >= 0.0 and threshold_sds > 0.0):
            raise InvalidInputError(
                f"target {target}, std {std}, allowance {allowance_sds}, threshold {threshold_sds} are no chart",
                hint="finite target, std and threshold above 0, allowance at least 0",
            )
        self.target, self.std, self.side = target, std, side
        self.allowance_sds, self.threshold_sds = allowance_sds, threshold_sds
        self.up = self.down = 0.0

    @property
    def statistic(self) -> float:
        """The larger of the two sums, in standard deviations."""
        return max(self.up if self.side != "down" else 0.0, self.down if self.side != "up" else 0.0)

    def update(self, value: float) -> bool:
        """Take in one value; an alarm when a sum exceeds the threshold.

        Raises:
            InvalidInputError: Not finite.
        """
        z = (checked_value(value) - self.target) / self.std
        self.up = max(0.0, self.up + z - self.allowance_sds)
        self.down = max(0.0, self.down - z - self.allowance_sds)
        return self.statistic > self.threshold_sds

    def reset(self) -> None:
        """Both sums back to 0."""
        self.up = self.down = 0.0


class PageHinkley:
    """Page-Hinkley test: the sum of deviations from the running mean, against its extreme so far.

    Needs no known mean, and promises nothing about false alarms by itself: take the threshold from
    ``threshold_for_horizon`` on reference data, or measure it by ``measured_run_length``.

    Args:
        threshold: λ, in the unit of the values, above 0.
        tolerance: δ, change per value that is let pass, at least 0.
        minimum: Values before the first alarm, at least 1.
        side: Which shifts of the mean are looked for.

    Sources:
        Page (1954), Biometrika 41, 100-115; Hinkley (1971), Biometrika 58, 509-523.

    Examples:
        >>> detect_changes(PageHinkley(threshold=5.0), [0.0] * 40 + [1.0] * 20).alarms
        (45,)
    """

    def __init__(self, *, threshold: float, tolerance: float = 0.005, minimum: int = 30, side: Side = "both") -> None:
        checked_side(side)
        if not threshold > 0.0 or not 0.0 <= tolerance < math.inf or minimum < 1:
            raise InvalidInputError(
                f"threshold {threshold}, tolerance {tolerance}, minimum {minimum} are no test",
                hint="threshold above 0, tolerance at least 0, minimum at least 1",
            )
        self.threshold, self.tolerance, self.minimum, self.side = threshold, tolerance, minimum, side
        self.n = 0
        self.mean = self._up = self._down = self._lowest_up = self._lowest_down = 0.0

    @property
    def statistic(self) -> float:
        """The larger rise of the two sums above their minima; 0 before ``minimum`` values."""
        if self.n < self.minimum:
            return 0.0
        up, down = self._up - self._lowest_up, self._down - self._lowest_down
        return max(up if self.side != "down" else 0.0, down if self.side != "up" else 0.0)

    def update(self, value: float) -> bool:
        """Take in one value; an alarm when a sum has risen by more than the threshold.

        Raises:
            InvalidInputError: Not finite.
        """
        checked_value(value)
        self.n += 1
        self.mean += (value - self.mean) / self.n
        self._up += value - self.mean - self.tolerance
        self._down += self.mean - value - self.tolerance
        self._lowest_up, self._lowest_down = min(self._lowest_up, self._up), min(self._lowest_down, self._down)
        return self.statistic > self.threshold

    def reset(self) -> None:
        """Forget all values, the running mean included."""
        self.n = 0
        self.mean = self._up = self._down = self._lowest_up = self._lowest_down = 0.0
