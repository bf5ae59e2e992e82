"""Who goes up a tier: draws that depend on the seed, the tier and the sample's id and on nothing else.

Equal probabilities: the n smallest keys among those who may go up, which is exactly a simple random draw of n. Unequal
ones: every item whose key lies below its own probability (Poisson; the number drawn is random). Items that are certain
go up with probability 1 *given* that the tier below was asked, so probabilities multiply along the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from assay.core.cascade import PROGRAMMATIC
from assay.core.errors import InvalidInputError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]
_BITS = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One tier's draw; arrays have one entry an item, in the order of the ids.

    Attributes:
        tier: Name.
        asked: Items the tier is asked on.
        probability: Overall probability of being asked: the product along the chain; NaN where the tier below was not
            asked, since nobody knows whether it would have failed there.
        conditional: Probability given that the tier below was asked; likewise.
        certain: Items asked with conditional probability 1, whatever the draw.
        keys: The uniform number of each item at this tier.
    """

    tier: str
    asked: Bools
    probability: Floats
    conditional: Floats
    certain: Bools
    keys: Floats

    def rows(self) -> Ints:
        """Items asked, in an order of which every beginning is itself a random draw from both kinds."""
        rows = np.flatnonzero(self.asked)
        return rows[np.lexsort((self.keys[rows], self.keys[rows] / self.conditional[rows]))]

    def first(self, drawn: int) -> Rung:
        """The draw as if only ``drawn`` items had been drawn at random, all certain ones included.

        For a rule that asks batch by batch: exact for equal probabilities; for unequal ones it is the order sampling of
        Rosén (1997), whose probabilities hold approximately.

        Raises:
            InvalidInputError: Fewer than one.
        """
        if drawn < 1:
            raise InvalidInputError("a draw of no item is none", hint="draw one item or more")
        free = self.asked & ~self.certain
        total = int(np.count_nonzero(free))
        if drawn >= total:
            return self
        order = [row for row in self.rows() if free[row]]
        asked = self.asked & self.certain
        asked[order[:drawn]] = True
        scale = np.where(self.certain, 1.0, drawn / total)
        return replace(self, asked=asked, probability=self.probability * scale, conditional=self.conditional * scale)


class Draw:
    """The draws of one cascade over some items; the same items are picked whenever it is asked again.

    Args:
        ids: Of the items, all different.
        seed: Of the cascade.
        certain: Items that go up every tier (critical ones, high stakes), one truth value an item.

    Raises:
        InvalidInputError: Two items have one id, or ``certain`` does not fit.

    Examples:
        >>> draw = Draw([f"q{k}" for k in range(1_000)], seed=7)
        >>> fast = draw.above(draw.everything(), tier="fast", rate=0.1)
        >>> strong = draw.above(fast, tier="strong", rate=0.1, failed=np.arange(1_000) == fast.rows()[0])
        >>> int(fast.asked.sum()), int(strong.asked.sum()), bool((fast.asked | ~strong.asked).all())
        (100, 11, True)
        >>> sorted(set(strong.probability[strong.asked].round(4).tolist()))
        [0.0101, 0.1]
    """

    def __init__(self, ids: Sequence[str], *, seed: int, certain: npt.ArrayLike | None = None) -> None:
        self.ids = list(ids)
        if len(set(self.ids)) != len(self.ids):
            raise InvalidInputError(
                "two items have one id, so they would be drawn together", hint="ids are unique in a dataset"
            )
        self.seed = seed
        self.always = _mask(certain, len(self.ids), "certain")

    def everything(self, tier: str = PROGRAMMATIC) -> Rung:
        """The lowest tier: asked on every item."""
        whole = np.ones(len(self.ids))
        return Rung(
            tier=tier,
            asked=whole > 0.0,
            probability=whole,
            conditional=whole,
            certain=whole > 0.0,
            keys=draw_keys(self.ids, seed=self.seed, tier=tier),
        )

    def above(
        self,
        below: Rung,
        *,
        tier: str,
        rate: float | npt.ArrayLike,
        failed: npt.ArrayLike | None = None,
    ) -> Rung:
        """Draw the next tier from the items the tier below was asked on.

        Args:
            below: That tier's draw.
            tier: Name of the next one; part of every key.
            rate: Probability given the tier below: one number for a simple random draw of that share (at least one
                item), or one probability an item for a Poisson draw.
            failed: Items on which the tier below could not tell (failure, unreadable verdict): they go up for certain.
                An outage is no such failure: leave those out, or a dead provider sends everything upstairs.

        Raises:
            InvalidInputError: A probability lies outside (0, 1], or an array does not fit.
        """
        keys = draw_keys(self.ids, seed=self.seed, tier=tier)
        certain = below.asked & (self.always | _mask(failed, len(self.ids), "failed"))
        asked, conditional = choose(keys, reached=below.asked, certain=certain, rate=rate)
        return Rung(
            tier=tier,
            asked=asked,
            probability=below.probability * conditional,
            conditional=conditional,
            certain=certain,
            keys=keys,
        )


def draw_keys(ids: Sequence[str], *, seed: int, tier: str) -> Floats:
    """One uniform number in (0, 1) for each id, by hashing seed, tier and id; 100,000 take about a tenth of a second.

    Examples:
        >>> draw_keys(["a", "b"], seed=0, tier="fast").round(6).tolist() == draw_keys(
        ...     ["b", "a"], seed=0, tier="fast").round(6).tolist()[::-1]
        True
    """
    start = blake2b(f"{seed}\x1f{tier}\x1f".encode(), digest_size=8)

    def number(sample_id: str) -> int:
        own = start.copy()
        own.update(sample_id.encode())
        return int.from_bytes(own.digest(), "big") >> (64 - _BITS)

    whole = np.fromiter((number(one) for one in ids), dtype=np.float64, count=len(ids))
    return np.asarray((whole + 0.5) / 2.0**_BITS)


def choose(
    keys: Floats, *, reached: npt.ArrayLike, certain: npt.ArrayLike, rate: float | npt.ArrayLike
) -> tuple[Bools, Floats]:
    """Which items go up, and with which probability given the tier below; live draws and replays both end here.

    Args:
        keys: Uniform numbers, ``(…, N)``; leading axes are replicates.
        reached: Items the tier below was asked on, ``(…, N)`` or ``(N,)``.
        certain: Items of these that go up for certain, likewise.
        rate: One number for a simple random draw of the others, or ``(N,)`` probabilities for a Poisson draw.

    Raises:
        InvalidInputError: A probability lies outside (0, 1].
    """
    below = np.broadcast_to(np.asarray(reached, dtype=bool), keys.shape)
    sure = below & np.asarray(certain, dtype=bool)
    free = below & ~sure
    probability = np.asarray(rate, dtype=np.float64)
    known = probability[np.isfinite(probability)] if probability.ndim else probability
    if not np.all((known > 0.0) & (known <= 1.0)) or (probability.ndim == 0 and not np.isfinite(probability)):
        raise InvalidInputError(
            "a draw with a probability outside (0, 1]", hint="every item needs a known, positive probability"
        )
    if probability.ndim:
        if np.any(free & ~np.isfinite(probability)):
            raise InvalidInputError("an item that may be drawn has no probability", hint="one for every item reached")
        drawn = free & (keys < probability)
        conditional = np.broadcast_to(probability, keys.shape)
    else:
        counts = np.count_nonzero(free, axis=-1)
        wanted = np.minimum(np.maximum(np.floor(counts * float(probability) + 0.5), 1.0), counts).astype(np.intp)
        drawn = free & (keys <= _smallest(np.where(free, keys, np.inf), wanted)[..., None])
        shared = np.where(counts > 0, wanted / np.maximum(counts, 1), 1.0)
        conditional = np.broadcast_to(shared[..., None], keys.shape)
    return sure | drawn, np.where(below, np.where(sure, 1.0, conditional), np.nan)


def _smallest(keys: Floats, wanted: Ints) -> Floats:
    """The ``wanted``-th smallest key of each row; below every key where none is wanted."""
    place = np.maximum(np.asarray(wanted) - 1, 0)
    if keys.shape[-1] == 0:
        return np.full(keys.shape[:-1], -np.inf)
    if place.ndim == 0 or bool(np.all(place == place.flat[0])):
        one = int(place.flat[0]) if place.size else 0
        found = np.partition(keys, one, axis=-1)[..., one]
    else:
        found = np.take_along_axis(np.sort(keys, axis=-1), place[..., None], axis=-1)[..., 0]
    return np.where(np.asarray(wanted) > 0, found, -np.inf)


def conditional_rates(shares: Sequence[float]) -> list[float]:
    """What share of the tier below each tier draws, from shares of all items, lowest tier first (that one left out).

    Examples:
        >>> conditional_rates([0.5, 0.125])
        [0.5, 0.25]
    """
    rates, below = [], 1.0
    for share in shares:
        if not 0.0 < share <= below:
            raise InvalidInputError(
                f"a share of {share:g} above a tier with {below:g}", hint="shares lie in (0, 1] and do not rise"
            )
        rates.append(share / below)
        below = share
    return rates


def _mask(values: npt.ArrayLike | None, size: int, name: str) -> Bools:
    found = np.zeros(size, dtype=bool) if values is None else np.asarray(values, dtype=bool)
    if found.shape != (size,):
        raise InvalidInputError(f"{name} has shape {found.shape} for {size} items", hint="one truth value an item")
    return found
