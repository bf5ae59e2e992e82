"""Glicko ratings: Elo with a deviation that shrinks with play and grows with time."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.ratings.battles import Battles
from assay.stats.ratings.encoding import Floats, counted
from assay.stats.special import check_confidence, normal_quantile

_Q = math.log(10.0) / 400.0
_SCORE = np.array([1.0, 0.0, 0.5])


def glicko_update(
    rating: float,
    deviation: float,
    *,
    opponents: npt.ArrayLike,
    opponent_deviations: npt.ArrayLike,
    scores: npt.ArrayLike,
    confidence: float = 0.95,
) -> Estimate:
    """Rating after one period, whose games count as played at once; the deviation is the ``std_error``.

    Args:
        rating: Before the period.
        deviation: Before the period (RD), above 0, already grown for the time since the last one.
        opponents: Ratings of the opponents before the period, shape ``(games,)``.
        opponent_deviations: Theirs.
        scores: 1 won, 0.5 drawn, 0 lost.
        confidence: Of the interval rating ± z·RD.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite, a deviation is not above 0, a score is not in [0, 1].

    Sources:
        Glickman (1999), Applied Statistics 48, 377-394; The Glicko system, steps 1 and 2 and its worked example.

    Examples:
        >>> e = glicko_update(
        ...     1500, 200, opponents=[1400, 1550, 1700], opponent_deviations=[30, 100, 300], scores=[1, 0, 0]
        ... )
        >>> round(e.value), round(e.std_error, 1)
        (1464, 151.4)
    """
    others, spread, results = (np.asarray(x, dtype=np.float64) for x in (opponents, opponent_deviations, scores))
    if not others.shape == spread.shape == results.shape or others.ndim != 1:
        raise InvalidInputError("opponents, deviations and scores differ in length", hint="one of each a game")
    numbers = np.concatenate([[rating, deviation], others, spread, results])
    if not np.isfinite(numbers).all() or deviation <= 0 or (spread < 0).any() or ((results < 0) | (results > 1)).any():
        raise InvalidInputError("a rating, deviation or score is outside its range", hint="deviations above 0")
    gain, information = _sums(np.full(others.shape, rating), others, spread, results)
    precision = 1.0 / deviation**2 + float(information.sum())
    value = rating + _Q / precision * float(gain.sum())
    return _estimate(value, 1.0 / math.sqrt(precision), others.size, check_confidence(confidence))


def glicko_ratings(
    battles: Battles,
    *,
    period: npt.ArrayLike | None = None,
    initial: float = 1500.0,
    initial_deviation: float = 350.0,
    growth: float = 0.0,
    confidence: float = 0.95,
) -> tuple[Estimate, ...]:
    """Ratings of everybody after all periods; battles of one period count as simultaneous.

    The interval is the posterior's under Glickman's model with its two approximations (a normal posterior, opponents'
    skills averaged out); it takes the prior's spread of skills as true, and with many games a period it is too short
    (nominal .95 covers .94 at four games, .93 at twenty). O(n + K) memory.

    Args:
        battles: A tie is half a win; weights and covariates are not used.
        period: Whole number of each battle's period, shape ``(n,)``, never falling; ``None`` for one period.
        initial: Rating before the first battle.
        initial_deviation: Deviation before the first battle, which is also the largest.
        growth: Deviation added (in squares) for each period that goes by; 0 for skills that stay.
        confidence: Of the interval rating ± z·RD.

    Returns:
        One estimate for each of ``battles.names``; the deviation is the ``std_error``.

    Raises:
        InvalidInputError: Periods have another length, are not whole or fall; a number is outside its range.

    Sources:
        Glickman (1999), Applied Statistics 48, 377-394.

    Examples:
        >>> x, y = glicko_ratings(Battles.of(["x"], ["y"], ["a"]))
        >>> round(x.value), round(y.value), round(x.std_error)
        (1662, 1338, 290)
    """
    check_confidence(confidence)
    if not (math.isfinite(initial) and 0.0 < initial_deviation < math.inf and 0.0 <= growth < math.inf):
        raise InvalidInputError("the initial rating, deviation or growth is outside its range", hint="1500, 350, 0")
    when = _periods(period, battles.n)
    size = len(battles.names)
    rating, variance = np.full(size, initial), np.full(size, initial_deviation**2)
    scores = _SCORE[battles.outcome]
    edges = [0, *(np.flatnonzero(np.diff(when)) + 1).tolist(), battles.n]
    for start, end in pairwise(edges):
        part = slice(start, end)
        passed = float(when[start] - when[start - 1]) if start else 0.0
        variance = np.minimum(variance + passed * growth**2, initial_deviation**2)
        me = np.concatenate([battles.a[part], battles.b[part]])
        other = np.concatenate([battles.b[part], battles.a[part]])
        results = np.concatenate([scores[part], 1.0 - scores[part]])
        gain, information = _sums(rating[me], rating[other], np.sqrt(variance[other]), results)
        after = 1.0 / (1.0 / variance + counted(me, information, size))
        rating, variance = rating + _Q * after * counted(me, gain, size), after
    played = np.bincount(battles.a, minlength=size) + np.bincount(battles.b, minlength=size)
    return tuple(
        _estimate(float(rating[model]), math.sqrt(variance[model]), int(played[model]), confidence)
        for model in range(size)
    )


def _sums(rating: Floats, other: Floats, spread: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """g·(s - E) and 1/d² of each game."""
    damping = 1.0 / np.sqrt(1.0 + 3.0 * (_Q * spread / math.pi) ** 2)
    expected = 1.0 / (1.0 + 10.0 ** (-damping * (rating - other) / 400.0))
    return damping * (scores - expected), (_Q * damping) ** 2 * expected * (1.0 - expected)


def _periods(period: npt.ArrayLike | None, n: int) -> npt.NDArray[np.int64]:
    if period is None:
        return np.zeros(n, dtype=np.int64)
    when = np.asarray(period)
    if when.shape != (n,) or when.dtype.kind not in "iu" or (np.diff(when) < 0).any():
        raise InvalidInputError(
            f"periods must be {n} whole numbers that never fall", hint="sort the battles by time first"
        )
    return when.astype(np.int64)


def _estimate(value: float, deviation: float, games: int, confidence: float) -> Estimate:
    half = normal_quantile(0.5 + confidence / 2.0) * deviation
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        n=games,
        method="glicko",
        confidence=confidence,
        unit="elo points",
        std_error=deviation,
    )
