"""Online Elo ratings, for comparison: they depend on the order of battles, and this module says by how much."""

from __future__ import annotations

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.ratings.battles import Battles
from assay.stats.ratings.encoding import Floats
from assay.stats.special import check_confidence

_SCORE = np.array([1.0, 0.0, 0.5])
_CHUNK_CELLS = 4_000_000


def elo_expected_score(rating: float, opponent: float) -> float:
    """Expected score of a player against an opponent: 1 / (1 + 10^((opponent - rating) / 400)).

    Sources:
        Elo (1978), The Rating of Chessplayers, Past and Present, section 1.4 in the logistic form.

    Examples:
        >>> round(elo_expected_score(1613, 1477), 3)
        0.686
    """
    return float(1.0 / (1.0 + 10.0 ** ((opponent - rating) / 400.0)))


def elo_ratings(battles: Battles, *, k_factor: float = 4.0, initial: float = 1000.0) -> tuple[Estimate, ...]:
    """Ratings after playing the battles one by one in the order given; weights multiply the step.

    Two orders of the same battles give two answers, so there is no interval; ``elo_over_orders`` shows the spread, and
    ``bradley_terry`` is the estimate that this is a noisy walk around. O(n) time, about 0.5 s for a million battles.

    Args:
        battles: In the order they happened.
        k_factor: Points that a battle can move a rating.
        initial: Rating of everybody at the start.

    Returns:
        One estimate for each of ``battles.names``, in Elo points, without bounds.

    Raises:
        InvalidInputError: ``k_factor`` is not above 0, or a number is not finite.

    Sources:
        Elo (1978), The Rating of Chessplayers, Past and Present.

    Examples:
        >>> x, y = elo_ratings(Battles.of(["x"], ["y"], ["a"]), k_factor=32)
        >>> x.value, y.value
        (1016.0, 984.0)
    """
    _check(k_factor, initial)
    ratings = [initial] * len(battles.names)
    weights = np.full(battles.n, k_factor) if battles.weight is None else k_factor * battles.weight
    columns = (battles.a.tolist(), battles.b.tolist(), _SCORE[battles.outcome].tolist(), weights.tolist())
    for a, b, score, step in zip(*columns, strict=True):
        moved = step * (score - elo_expected_score(ratings[a], ratings[b]))
        ratings[a] += moved
        ratings[b] -= moved
    reason = "online Elo depends on the order of the battles and has no sampling interval; see elo_over_orders"
    return tuple(
        Estimate(
            value=value,
            low=None,
            high=None,
            n=n,
            method="elo",
            unit="elo points",
            estimand="these battles in this order",
            reason=reason,
        )
        for value, n in zip(ratings, _battles_of(battles), strict=True)
    )


def elo_over_orders(
    battles: Battles,
    *,
    rng: np.random.Generator,
    orders: int = 100,
    k_factor: float = 4.0,
    initial: float = 1000.0,
    confidence: float = 0.95,
) -> tuple[Estimate, ...]:
    """Median rating over random orders of the same battles, and the range that the orders give.

    The range is what the order alone does; it is not a confidence interval for skill. All orders are played side by
    side: O(n) steps on vectors, 64 MB of indices at most at a time.

    Args:
        battles: Their own order plays no part.
        rng: Source of randomness.
        orders: At least 20.
        k_factor: Points that a battle can move a rating.
        initial: Rating of everybody at the start.
        confidence: Share of orders inside the range.

    Raises:
        InvalidInputError: An argument is outside its range.

    Examples:
        >>> battles = Battles.of(["x", "x"], ["y", "y"], ["a", "b"])
        >>> x, y = elo_over_orders(battles, rng=np.random.default_rng(1), k_factor=32)
        >>> x.low < 1000 < x.high
        True
    """
    _check(k_factor, initial)
    check_confidence(confidence)
    if orders < 20:
        raise InvalidInputError(f"{orders} orders are too few for a range", hint="at least 20")
    ratings: list[Floats] = []
    block = max(1, _CHUNK_CELLS // battles.n)
    for start in range(0, orders, block):
        ratings.extend(_side_by_side(battles, rng, min(block, orders - start), k_factor, initial))
    played = np.array(ratings)
    low, middle, high = np.quantile(played, [0.5 - confidence / 2.0, 0.5, 0.5 + confidence / 2.0], axis=0)
    return tuple(
        Estimate(
            value=float(middle[model]),
            low=float(low[model]),
            high=float(high[model]),
            n=n,
            method="elo-orders",
            confidence=confidence,
            unit="elo points",
            estimand="these battles in a random order",
        )
        for model, n in enumerate(_battles_of(battles))
    )


def _side_by_side(
    battles: Battles, rng: np.random.Generator, orders: int, k_factor: float, initial: float
) -> list[Floats]:
    order = rng.permuted(np.tile(np.arange(battles.n, dtype=np.int32), (orders, 1)), axis=1).T
    ratings, line = np.full((orders, len(battles.names)), initial), np.arange(orders)
    steps = np.full(battles.n, k_factor) if battles.weight is None else k_factor * battles.weight
    scores = _SCORE[battles.outcome]
    for row in order:
        a, b = battles.a[row], battles.b[row]
        expected = 1.0 / (1.0 + 10.0 ** ((ratings[line, b] - ratings[line, a]) / 400.0))
        moved = steps[row] * (scores[row] - expected)
        ratings[line, a] += moved
        ratings[line, b] -= moved
    return list(ratings)


def _check(k_factor: float, initial: float) -> None:
    if not (np.isfinite(k_factor) and k_factor > 0.0 and np.isfinite(initial)):
        raise InvalidInputError(
            f"k factor {k_factor} and initial rating {initial} do not make a rating", hint="for example 4 and 1000"
        )


def _battles_of(battles: Battles) -> list[int]:
    size = len(battles.names)
    played = np.bincount(battles.a, minlength=size) + np.bincount(battles.b, minlength=size)
    return [int(count) for count in played]
