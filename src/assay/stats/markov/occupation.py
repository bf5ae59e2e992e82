"""How many of the next n steps are spent in a state: exact distributions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.markov.inputs import Floats, check_matrix, check_rows, check_start


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountDistribution:
    """Distribution of a number of steps.

    Attributes:
        probabilities: P(count = 0), …, P(count = n), shape ``(n + 1,)``.
        mean: Expected count.
        std: Standard deviation of the count.
    """

    probabilities: Floats
    mean: float
    std: float

    def at_least(self, count: int) -> float:
        """P(count >= ``count``)."""
        return float(min(1.0, self.probabilities[max(count, 0) :].sum()))

    def at_most(self, count: int) -> float:
        """P(count <= ``count``)."""
        return float(min(1.0, self.probabilities[: max(count + 1, 0)].sum()))

    def interval(self, confidence: float = 0.9) -> tuple[int, int]:
        """Counts between which the number falls with at least ``confidence``, with at most half the rest each side."""
        tail = (1.0 - confidence) / 2.0
        below = np.cumsum(self.probabilities)
        above = np.cumsum(self.probabilities[::-1])[::-1]
        low = int(np.flatnonzero(below > tail)[0])
        high = int(np.flatnonzero(above > tail)[-1])
        return low, high


def occupation_distribution(
    tables: npt.ArrayLike | Sequence[npt.ArrayLike], start: npt.ArrayLike, *, n: int, counted: Iterable[int]
) -> CountDistribution:
    """Distribution of how many of the next ``n`` steps enter one of the counted states.

    Exact by dynamic programming over (state, count): O(n²·k²) time, ``8·k·(n + 1)`` bytes. The present state is not
    counted. Nothing is simulated and no independence is assumed.

    Args:
        tables: The transition matrix, shape ``(k, k)``, or one for each of the n steps, shape ``(n, k, k)``.
        start: Number of the present state, or probabilities of shape ``(k,)``.
        n: Steps, at least 0.
        counted: Numbers of the states counted.

    Raises:
        InvalidInputError: A matrix, the start or a state number is not valid, or there is not one matrix a step.

    Sources:
        Gabriel (1959), Biometrika 46, 454-460 (successes in dependent trials); Gabriel & Neumann (1962), Quarterly
        Journal of the Royal Meteorological Society 88, 90-95 (wet days).

    Examples:
        >>> found = occupation_distribution([[0.8, 0.2], [0.4, 0.6]], 0, n=2, counted=[1])
        >>> found.probabilities.round(6).tolist()
        [0.64, 0.24, 0.12]
    """
    steps = _steps(tables, n)
    k = steps[0].shape[0] if steps else np.asarray(tables).shape[-1]
    law = check_start(start, k)
    chosen = np.zeros(k, dtype=bool)
    for state in counted:
        check_start(state, k)
        chosen[state] = True
    joint = np.zeros((n + 1, k))
    joint[0] = law
    for step in steps:
        moved = joint @ step
        joint = moved.copy()
        joint[1:, chosen] = moved[:-1, chosen]
        joint[0, chosen] = 0.0
    chances = joint.sum(axis=1)
    chances = chances / chances.sum()
    numbers = np.arange(n + 1)
    mean = float(chances @ numbers)
    std = float(np.sqrt(max(float(chances @ np.square(numbers - mean)), 0.0)))
    return CountDistribution(probabilities=chances, mean=mean, std=std)


def _steps(tables: npt.ArrayLike | Sequence[npt.ArrayLike], n: int) -> list[Floats]:
    if n < 0 or n != int(n):
        raise InvalidInputError(f"the number of steps is {n}", hint="a whole number, at least 0")
    data = np.asarray(tables, dtype=np.float64)
    if data.ndim == 3:
        if data.shape[0] != n or data.shape[1] != data.shape[2]:
            raise InvalidInputError(f"matrices of shape {data.shape} for {n} steps", hint="one (k, k) matrix a step")
        if n:
            check_rows(data)
        return list(data)
    return [check_matrix(data)] * n


def rain_days(
    n: int, *, rain_after_dry: float, rain_after_rain: float, raining_now: bool | float = False
) -> CountDistribution:
    """Distribution of the number of rain days in the next ``n`` days of a two-state chain.

    Args:
        n: Days, at least 0.
        rain_after_dry: P(rain tomorrow | dry today), in [0, 1].
        rain_after_rain: P(rain tomorrow | rain today), in [0, 1].
        raining_now: Whether it rains today, or the probability that it does.

    Raises:
        InvalidInputError: A probability lies outside [0, 1] or ``n`` is negative.

    Sources:
        Gabriel & Neumann (1962), as in ``occupation_distribution``.

    Examples:
        >>> week = rain_days(7, rain_after_dry=0.2437, rain_after_rain=0.6726, raining_now=True)
        >>> round(week.mean, 2), round(week.at_least(1), 4), week.interval(0.9)
        (3.42, 0.9387, (0, 7))
    """
    for chance in (rain_after_dry, rain_after_rain, float(raining_now)):
        if not 0.0 <= chance <= 1.0:
            raise InvalidInputError(f"a probability is {chance}", hint="it lies in [0, 1]")
    matrix = [[1.0 - rain_after_dry, rain_after_dry], [1.0 - rain_after_rain, rain_after_rain]]
    return occupation_distribution(matrix, [1.0 - float(raining_now), float(raining_now)], n=n, counted=[1])
