"""Bets against every possible mean of bounded scores: exact at every n, no normal approximation."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.sequential.result import ConfidenceSequence, Floats, stream
from assay.stats.special import check_confidence

TRUNCATION = 0.5
"""Share of the wealth that a bet may lose at most."""
_BLOCK = 256


def betting_sequence(
    values: npt.ArrayLike,
    *,
    lower: float = 0.0,
    upper: float = 1.0,
    tuned_for_n: int | None = None,
    grid: int = 1_000,
    confidence: float = 0.95,
    unit: str = "score",
) -> ConfidenceSequence:
    """Confidence sequence of the mean of bounded scores by the hedged capital process.

    Against each candidate mean two gamblers bet, one that the scores are larger, one that they are smaller. A mean
    under which either of them would have multiplied a dollar by 2/α at any time is out for good. Exact at every n
    for any scores in the range whose conditional mean does not move, skewed or rare events included.

    The upward gambler's wealth falls with the mean and the downward one's rises, so what is left is an interval and
    its ends are found by elimination: only means still in the running are followed, 256 scores at a time. Memory is
    of order n + 256 · grid numbers.

    Args:
        values: In order of arrival, shape ``(n,)``, in [lower, upper].
        lower: Least possible score; likewise ``upper``. Differences of two scores in [0, 1] lie in [-1, 1].
        upper: Greatest possible score.
        tuned_for_n: Where the interval should be tightest (the bets of a fixed size, still valid at every n); without
            it the bets are spread over all times.
        grid: Candidate means along the way: bounds before the last are rounded outwards to a grid point. The last
            interval is exact.
        confidence: That no look ever excludes the truth.
        unit: Of the scores.

    Returns:
        Looks after 1, 2, … n scores, each the intersection of all before. Without bounds from where on every mean is
        refuted, which scores of one mean do with probability 1 - confidence at most.

    Raises:
        InvalidInputError: A score is outside the range, or there is none.

    Sources:
        Waudby-Smith & Ramdas (2024), JRSS B 86, 1-27 (arXiv:2010.09686), theorem 3, with predictable plug-in bets.

    Examples:
        >>> found = betting_sequence([1, 0, 1, 1, 1, 0, 1, 1, 1, 1] * 10).final()
        >>> round(found.low, 3), round(found.high, 3)
        (0.665, 0.897)
    """
    scores = scaled_scores(values, lower, upper)
    alpha = 1.0 - check_confidence(confidence)
    if grid < 10 or (tuned_for_n is not None and tuned_for_n < 1):
        raise InvalidInputError(f"grid {grid}, tuned for {tuned_for_n}", hint="10 grid points or more, n above 0")
    bets = predictable_bets(scores, alpha, tuned_for_n)
    bar = math.log(2.0 / alpha)
    low, high = _paths(scores, bets, bar, grid)
    low[-1] = _exact_lower(scores, bets, bar, float(low[-1]), grid)
    high[-1] = 1.0 - _exact_lower(1.0 - scores, bets, bar, 1.0 - float(high[-1]), grid)
    return _result(scores, low, high, lower, upper, confidence, "betting", unit)


def empirical_bernstein_sequence(
    values: npt.ArrayLike,
    *,
    lower: float = 0.0,
    upper: float = 1.0,
    tuned_for_n: int | None = None,
    confidence: float = 0.95,
    unit: str = "score",
) -> ConfidenceSequence:
    """Confidence sequence of the mean of bounded scores in closed form: one pass, wider than betting at small n.

    Args:
        values: As in ``betting_sequence``; likewise all others.
        lower: Least possible score.
        upper: Greatest possible score.
        tuned_for_n: As in ``betting_sequence``.
        confidence: That no look ever excludes the truth.
        unit: Of the scores.

    Returns:
        Looks after 1, 2, … n scores, each the intersection of all before.

    Raises:
        InvalidInputError: A score is outside the range, or there is none.

    Sources:
        Waudby-Smith & Ramdas (2024), theorem 2.

    Examples:
        >>> found = empirical_bernstein_sequence([1, 0, 1, 1, 1, 0, 1, 1, 1, 1] * 10).final()
        >>> round(found.low, 3), round(found.high, 3)
        (0.656, 0.938)
    """
    scores = scaled_scores(values, lower, upper)
    alpha = 1.0 - check_confidence(confidence)
    if tuned_for_n is not None and tuned_for_n < 1:
        raise InvalidInputError(f"tuned for {tuned_for_n}", hint="a number of scores above 0")
    bets = np.minimum(predictable_bets(scores, alpha, tuned_for_n), TRUNCATION)
    means, _ = _regularised(scores)
    before = np.concatenate(([0.5], means[:-1]))
    cost = np.cumsum((scores - before) ** 2 * (-np.log1p(-bets) - bets))
    total = np.cumsum(bets)
    middle, half = np.cumsum(bets * scores) / total, (math.log(2.0 / alpha) + cost) / total
    low = np.maximum.accumulate(np.clip(middle - half, 0.0, 1.0))
    high = np.minimum.accumulate(np.clip(middle + half, 0.0, 1.0))
    return _result(scores, low, high, lower, upper, confidence, "empirical-bernstein", unit)


def scaled_scores(values: npt.ArrayLike, lower: float, upper: float) -> Floats:
    """Scores on [0, 1].

    Raises:
        InvalidInputError: The range is empty, or a score lies outside it.
    """
    if not (math.isfinite(lower) and math.isfinite(upper) and lower < upper):
        raise InvalidInputError(f"scores between {lower} and {upper}", hint="lower < upper, both finite")
    data = stream(values, "scores")
    if data.min() < lower or data.max() > upper:
        raise InvalidInputError(
            f"scores from {data.min()} to {data.max()} are not all in [{lower}, {upper}]",
            hint="give the range the scores can have, not the one they had",
        )
    scaled: Floats = np.clip((data - lower) / (upper - lower), 0.0, 1.0)
    return scaled


def predictable_bets(scores: Floats, alpha: float, tuned_for_n: int | None) -> Floats:
    """The stake on each score, from the scores before it alone: √(2 log(2/α) / (variance so far · time))."""
    _, variances = _regularised(scores)
    before = np.concatenate(([0.25], variances[:-1]))
    t = np.arange(1, scores.size + 1)
    time = t * np.log1p(t) if tuned_for_n is None else np.maximum(t, tuned_for_n)
    bets: Floats = np.sqrt(2.0 * math.log(2.0 / alpha) / (before * time))
    return bets


def _regularised(scores: Floats) -> tuple[Floats, Floats]:
    """Running mean and variance that start from one score of 1/2 and a variance of 1/4."""
    t = np.arange(1, scores.size + 1)
    means = (0.5 + np.cumsum(scores)) / (t + 1)
    return means, (0.25 + np.cumsum((scores - means) ** 2)) / (t + 1)


def log_wealth(scores: Floats, bets: Floats, means: Floats) -> Floats:
    """Gains of the upward gambler on each score against each mean in (0, 1], shape ``(means, scores)``.

    The stake is cut so that a score of 0 costs half of the wealth at most; cut or not, wealth falls with the mean.
    """
    stake = np.minimum(bets, TRUNCATION / means[:, None])
    gains: Floats = np.log1p(stake * (scores - means[:, None]))
    return gains


def _paths(scores: Floats, bets: Floats, bar: float, grid: int) -> tuple[Floats, Floats]:
    """The outermost grid points not yet refuted, one step outwards, after each score.

    Wealth is monotone in the mean, so the refuted points are those below one end and above the other; the points
    between are few soon, and only they are followed.
    """
    below, above = np.zeros(scores.size), np.ones(scores.size)
    first, last = 1, grid - 1  # grid points still in the running
    up, down = np.zeros(grid - 1), np.zeros(grid - 1)
    for start in range(0, scores.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        means = np.arange(first, last + 1) / grid
        rising = up[:, None] + np.cumsum(log_wealth(scores[block], bets[block], means), axis=1)
        falling = down[:, None] + np.cumsum(log_wealth(1.0 - scores[block], bets[block], 1.0 - means), axis=1)
        out_low = (np.maximum.accumulate(rising, axis=1) >= bar).sum(axis=0)
        out_high = (np.maximum.accumulate(falling, axis=1) >= bar).sum(axis=0)
        below[block], above[block] = (first - 1 + out_low) / grid, (last + 1 - out_high) / grid
        kept = slice(int(out_low[-1]), means.size - int(out_high[-1]))
        up, down = rising[kept, -1], falling[kept, -1]
        first, last = first + int(out_low[-1]), last - int(out_high[-1])
        if first > last:  # the ends are within one step of each other, or have passed each other
            below[block.stop :], above[block.stop :] = below[block][-1], above[block][-1]
            break
    return below, above


def _exact_lower(scores: Floats, bets: Floats, bar: float, refuted: float, grid: int) -> float:
    """The largest refuted mean, to 1e-12, from the refuted grid point below it."""
    low, high = refuted, min(1.0, refuted + 1.0 / grid)
    while high - low > 1e-12:
        middle = 0.5 * (low + high)
        peak = float(np.cumsum(log_wealth(scores, bets, np.array([middle]))).max())
        low, high = (middle, high) if peak >= bar else (low, middle)
    return low


def _result(
    scores: Floats, low: Floats, high: Floats, lower: float, upper: float, confidence: float, method: str, unit: str
) -> ConfidenceSequence:
    """On the scale of the scores; without bounds once every mean is refuted."""
    empty = np.logical_or.accumulate(low > high)
    span = upper - lower
    n = np.arange(1, scores.size + 1)
    return ConfidenceSequence(
        n=n,
        value=lower + span * np.cumsum(scores) / n,
        low=np.where(empty, np.nan, lower + span * low),
        high=np.where(empty, np.nan, lower + span * high),
        confidence=confidence,
        method=method,
        unit=unit,
        reason="every mean is refuted: the scores do not have one mean over time" if empty[-1] else None,
    )
