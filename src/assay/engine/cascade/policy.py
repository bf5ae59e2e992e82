"""How many of each tier, and which: fixed shares, shares that follow the size of what is left to explain, uncertainty.

Whatever the policy, every item has a known, positive probability. Unequal ones never fall below ``FLOOR`` of the
uniform one over the whole chain: below that, rare items with huge weights ruin the interval on skewed scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from assay.core.cascade import default_share
from assay.core.errors import InvalidInputError
from assay.engine.cascade.draw import Floats, conditional_rates
from assay.stats.prediction.sampling import DEFAULT_FLOOR, inclusion_probabilities

FLOOR = DEFAULT_FLOOR


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Policy:
    """What a cascade draws.

    Attributes:
        name: ``share``, ``budget`` or ``uncertainty``.
        shares: Of all items, for each tier above the free one, lowest first.
        scores: By the place of a tier above the free one: how much each item calls for it, ``(N,)``; tiers without
            scores draw at random.
        floor: Least overall probability as a share of the uniform one.
    """

    name: str
    shares: tuple[float, ...]
    scores: Mapping[int, Floats] = field(default_factory=dict)
    floor: float = FLOOR

    def __post_init__(self) -> None:
        conditional_rates(self.shares)
        if not 0.0 < self.floor <= 1.0 or any(not 0 <= place < len(self.shares) for place in self.scores):
            raise InvalidInputError(
                f"a policy of {len(self.shares)} tiers with floor {self.floor:g} and scores of {sorted(self.scores)}",
                hint="a floor in (0, 1], scores for tiers that are there",
            )

    def rate(self, place: int, *, reached: npt.ArrayLike, certain: npt.ArrayLike | None = None) -> float | Floats:
        """What ``Draw.above`` takes as ``rate`` for the tier at ``place``.

        Args:
            place: Of the tier above the free one, from 0.
            reached: Items the tier below was asked on.
            certain: Items of these that go up anyway.
        """
        rate = conditional_rates(self.shares)[place]
        if place not in self.scores:
            return rate
        below = np.asarray(reached, dtype=bool)
        sure = np.zeros(below.shape, dtype=bool) if certain is None else np.asarray(certain, dtype=bool)
        free = below & ~sure
        found = np.full(below.shape, np.nan)
        found[below & sure] = 1.0
        if free.any():
            floor = self.floor ** (1.0 / len(self.scores))
            expected = max(rate * float(free.sum()), min(1.0, float(free.sum())))
            above = _above_floor(self.scores[place][free], expected_n=expected, floor=floor)
            found[free] = inclusion_probabilities(above, expected_n=expected, floor=floor)
        return found


def _above_floor(sizes: Floats, *, expected_n: float, floor: float) -> Floats:
    """What the sizes ask for beyond the floor, so that each probability is the larger of floor and Neyman's share.

    Under a floor that is the narrowest choice; adding the floor to Neyman's shares instead wastes half of the gain.
    """
    least = floor * expected_n / sizes.size
    low, high = 0.0, expected_n / max(float(sizes.mean()), 1e-300)
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.maximum(least, middle * sizes).sum() < expected_n else (low, middle)
    return np.asarray(np.maximum(high * sizes - least, 0.0))


def fixed_shares(tiers: int, shares: Sequence[float] | None = None) -> Policy:
    """Simple random draws of fixed shares: 10 %, then 1 %, where none are given.

    Examples:
        >>> fixed_shares(3).shares
        (0.1, 0.01, 0.01)
    """
    given = [default_share(place) for place in range(tiers)] if shares is None else list(shares)
    if len(given) != tiers:
        raise InvalidInputError(f"{len(given)} shares for {tiers} tiers", hint="one for each tier above the free one")
    return Policy(name="share", shares=tuple(float(one) for one in given))


def budget_optimal(shares: Sequence[float], *, sizes: npt.ArrayLike, floor: float = FLOOR) -> Policy:
    """The top tier follows the expected size of the residual, item by item (Neyman's rule with a floor).

    Args:
        shares: Of all items; ``allocate_tiers`` finds good ones for a budget.
        sizes: Expected size of what the prediction leaves open, from a map: a ``ResidualCurve`` at its
            predictions.
        floor: Least probability as a share of the uniform one.
    """
    scores = np.asarray(sizes, dtype=np.float64)
    return Policy(
        name="budget", shares=tuple(float(one) for one in shares), scores={len(shares) - 1: scores}, floor=floor
    )


def uncertainty(shares: Sequence[float], *, verdicts: Sequence[npt.ArrayLike], floor: float = FLOOR) -> Policy:
    """The top tier follows the spread of the tiers below, each on its own scale of standard deviations.

    Offered, never the default: on recorded judges it lost to drawing at random in most trials, because judges disagree
    where they are noisy and agree where they are wrong together.
    """
    columns = [np.asarray(one, dtype=np.float64) for one in verdicts]
    if len(columns) < 2:
        raise InvalidInputError("one tier cannot disagree with itself", hint="give the verdicts of two tiers or more")
    scaled = [(one - np.nanmean(one)) / (np.nanstd(one) or 1.0) for one in columns]
    spread = np.nan_to_num(np.std(np.stack(scaled), axis=0))
    return Policy(name="uncertainty", shares=tuple(map(float, shares)), scores={len(shares) - 1: spread}, floor=floor)
