"""How much of a budget each tier should get, what half-width that buys, and which tier is not worth its price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from assay.core.errors import InvalidInputError
from assay.stats.special import check_confidence, t_quantile

MOST_TIERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TierPlan:
    """What one tier gets.

    Attributes:
        name: Of the tier.
        share: Of all items it is asked on, in [0, 1].
        n: Items it is asked on, a real number.
        cost: What that costs, in the unit of the prices.
        partial_r2: Share of what the tiers below leave unexplained that this one explains; 1 for the top.
        needed_r2: 4k/(1 + k)² with k its price over the top's: what it must exceed to pay at all.
        pays: Whether the budget buys a narrower interval with it than without it.
    """

    name: str
    share: float
    n: float
    cost: float
    partial_r2: float
    needed_r2: float
    pays: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A budget spread over tiers.

    Attributes:
        tiers: Lowest first, the top last; every tier asked for, also those advised against (share 0).
        cost: Total, the lowest tier's included.
        std_error: Expected.
        half_width: Expected half of the interval.
        effective_n: Top-tier labels alone that would be as good.
        top_alone_cost: What those would cost.
        advice: One sentence for every tier that cannot pay.
    """

    tiers: tuple[TierPlan, ...]
    cost: float
    std_error: float
    half_width: float
    effective_n: float
    top_alone_cost: float
    advice: tuple[str, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares of all items, lowest tier first."""
        return tuple(tier.share for tier in self.tiers)


def allocate_tiers(
    names: Sequence[str],
    *,
    prices: Sequence[float],
    r2: Sequence[float],
    std_dev: float,
    n_items: int,
    budget: float | None = None,
    half_width: float | None = None,
    new_inputs: bool = False,
    keep: Sequence[str] = (),
    min_labels: int = 10,
    confidence: float = 0.95,
) -> Allocation:
    """Shares of a chain of tiers that make the interval narrowest for a budget, or cheapest for a half-width.

    The variance is S² Σ_t (R²_t - R²_(t-1)) / n_t less the finite-population part, so without caps n_t is proportional
    to √((R²_t - R²_(t-1)) / price). Tiers are nested (n_t cannot rise along the chain) and at most every item is asked;
    the optimum under both is found exactly. A tier whose removal narrows the interval is left out and named.

    Args:
        names: Of the tiers, lowest first. The lowest is asked on every item.
        prices: Of one verdict, in one unit, at least 0; people: all raters of an item together. The top's is above 0.
        r2: Share of the label's variance that a prediction from the tiers up to each explains, for all tiers but the
            top, in [0, 1), from a pilot or a calibration card.
        std_dev: Of the label over items.
        n_items: N.
        budget: To be spent, the lowest tier included. Give this or ``half_width``.
        half_width: To be reached at least cost.
        new_inputs: The estimand is new inputs like these: the items' own sampling variance is added.
        keep: Tiers that are kept although they cannot pay.
        min_labels: Top-tier labels below which no plan is made.
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: The numbers do not fit, the budget buys fewer than ``min_labels`` labels, or no budget
            reaches the half-width.

    Sources:
        Cochran (1977), Sampling Techniques, section 12.9 (double sampling with regression; the rule 4k/(1 + k)²);
        Särndal, Swensson & Wretman (1992), chapter 12.

    Examples:
        >>> plan = allocate_tiers(["rouge", "judge", "people"], prices=[0.0, 0.003, 0.3], r2=[0.1, 0.5],
        ...                       std_dev=0.8, n_items=10_000, budget=30.0)
        >>> [round(tier.n) for tier in plan.tiers], round(plan.half_width, 3), round(plan.effective_n)
        ([10000, 821, 92], 0.122, 168)
    """
    check_confidence(confidence)
    tiers = _Tiers.of(names, prices, r2, std_dev, n_items, new_inputs, min_labels, confidence)
    if (budget is None) == (half_width is None):
        raise InvalidInputError("give a budget or a half-width, one of them", hint="budget=20.0 or half_width=0.05")
    unknown = sorted(set(keep) - set(names))
    if unknown:
        raise InvalidInputError(f"there is no tier {', '.join(unknown)}", hint=f"tiers: {', '.join(names)}")
    if budget is not None:
        return _plan(tiers, budget, set(keep))
    assert half_width is not None
    return _plan(tiers, _budget_for(tiers, half_width, set(keep)), set(keep))


def price_tiers(
    names: Sequence[str],
    *,
    shares: Sequence[float],
    prices: Sequence[float],
    r2: Sequence[float],
    std_dev: float,
    n_items: int,
    new_inputs: bool = False,
    confidence: float = 0.95,
) -> Allocation:
    """What given shares cost and how narrow they are, with the same advice: ``allocate_tiers`` without its choice.

    Args:
        names: As in ``allocate_tiers``, like all that follow.
        shares: Of all items, lowest tier first (that one is 1); they do not rise, and 0 leaves a tier out.
        prices: See there.
        r2: See there.
        std_dev: See there.
        n_items: See there.
        new_inputs: See there.
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: The numbers do not fit, or fewer than three items reach the top.

    Examples:
        >>> plan = price_tiers(["rouge", "judge", "people"], shares=[1.0, 0.1, 0.03], prices=[0.0, 0.003, 0.3],
        ...                    r2=[0.3, 0.55], std_dev=0.6, n_items=600)
        >>> round(plan.cost, 2), round(plan.half_width, 2), round(plan.effective_n)
        (5.58, 0.21, 34)
    """
    check_confidence(confidence)
    tiers = _Tiers.of(names, prices, r2, std_dev, n_items, new_inputs, 3, confidence)
    top = len(names) - 1
    used = [t for t, share in enumerate(shares) if share > 0.0]
    falling = all(shares[b] <= shares[a] for a, b in pairwise(used))
    if len(shares) != len(names) or not used or used[0] != 0 or used[-1] != top or not falling or shares[0] != 1.0:
        raise InvalidInputError(
            f"shares {', '.join(f'{one:g}' for one in shares)} do not fit {len(names)} tiers",
            hint="one for each, 1 for the lowest, never rising; 0 leaves one out",
        )
    counts = [shares[t] * n_items for t in used[1:]]
    if counts[-1] < 3.0:
        raise InvalidInputError(
            f"{counts[-1]:.1f} items reach {names[-1]}: too few for an interval", hint="raise its share, or the items"
        )
    worth = {t: _worth(tiers, t) for t in used}
    pays = {t: t in (0, top) or worth[t][0] > worth[t][1] for t in used}
    return _allocation(tiers, used, counts, pays)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tiers:
    """The problem; index 0 is the lowest tier, the last is the top."""

    names: tuple[str, ...]
    prices: tuple[float, ...]
    r2: tuple[float, ...]
    variance: float
    n_items: int
    new_inputs: bool
    min_labels: int
    confidence: float

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        prices: Sequence[float],
        r2: Sequence[float],
        std_dev: float,
        n_items: int,
        new_inputs: bool,
        min_labels: int,
        confidence: float,
    ) -> _Tiers:
        if (
            not 2 <= len(names) <= MOST_TIERS
            or len(prices) != len(names)
            or len(r2) != len(names) - 1
            or len(set(names)) != len(names)
        ):
            raise InvalidInputError(
                f"{len(names)} tiers, {len(prices)} prices and {len(r2)} r2 do not fit",
                hint=f"different names, a price each, an r2 for each tier below the top; 2 to {MOST_TIERS} tiers",
            )
        if not all(0.0 <= price < math.inf for price in prices) or prices[-1] <= 0.0:
            raise InvalidInputError("a price is negative or the top tier is free", hint="prices of one verdict")
        if not all(0.0 <= one < 1.0 for one in r2) or any(b < a for a, b in pairwise(r2)):
            raise InvalidInputError("r2 must lie in [0, 1) and not fall along the chain", hint="r2 of tiers up to each")
        if not 0.0 < std_dev < math.inf or n_items < 2 or min_labels < 3:
            raise InvalidInputError("std_dev above 0, at least 2 items and min_labels >= 3 are needed", hint="a pilot")
        return cls(
            names=tuple(names),
            prices=tuple(float(p) for p in prices),
            r2=tuple(float(one) for one in r2),
            variance=std_dev**2,
            n_items=n_items,
            new_inputs=new_inputs,
            min_labels=min_labels,
            confidence=confidence,
        )

    def gains(self, used: Sequence[int]) -> list[float]:
        """What 1/n_t is multiplied by in the variance, in units of S², for each tier in use above the lowest."""
        below = [self.r2[used[0]], *(self.r2[t] for t in used[1:-1])]
        return [b - a for a, b in zip(below, [*below[1:], 1.0], strict=True)]

    def solve(self, used: Sequence[int], budget: float) -> list[float] | None:
        """n of each tier in use above the lowest, ``None`` when the budget does not reach ``min_labels``."""
        left = budget - self.prices[used[0]] * self.n_items
        gains, prices = self.gains(used), [self.prices[t] for t in used[1:]]
        least = float(min(self.min_labels, self.n_items))
        counts = _nested_optimum(gains, prices, float(self.n_items), left)
        if counts is not None and counts[-1] < least * (1.0 - 1e-9) and len(counts) > 1:
            lower = _nested_optimum(gains[:-1], prices[:-1], float(self.n_items), left - prices[-1] * least)
            counts = None if lower is None else [*lower, least]
        if counts is None or min(counts) < least * (1.0 - 1e-9):
            return None
        return counts

    def std_error(self, used: Sequence[int], counts: Sequence[float]) -> float:
        gains = self.gains(used)
        finite = sum(gains) / self.n_items
        relative = sum(gain / n for gain, n in zip(gains, counts, strict=True)) - finite
        own = 1.0 / self.n_items if self.new_inputs else 0.0
        return math.sqrt(self.variance * (max(relative, 0.0) + own))

    def half(self, used: Sequence[int], counts: Sequence[float]) -> float:
        df = max(counts[-1] - len(used), 1.0)
        return t_quantile(0.5 + self.confidence / 2.0, round(df, 3)) * self.std_error(used, counts)


def _nested_optimum(gains: list[float], prices: list[float], n_items: float, budget: float) -> list[float] | None:
    """Minimise Σ gain/n subject to Σ price·n = budget and N ≥ n_1 ≥ n_2 ≥ …

    Neighbours in the wrong order are merged (pool adjacent violators on gain/price); the cap is then a clip, with the
    multiplier found by bisection.
    """
    if budget <= 0.0:
        return None
    blocks: list[tuple[float, float, int]] = []
    for gain, price in zip(gains, prices, strict=True):
        block = (gain, price, 1)
        while blocks and _ratio(blocks[-1]) < _ratio(block):
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    roots = [math.sqrt(_ratio(block)) for block in blocks]

    def counts(scale: float) -> list[float]:
        return [min(n_items, scale * root) if root < math.inf else n_items for root in roots]

    def cost(scale: float) -> float:
        return math.fsum(block[1] * n for block, n in zip(blocks, counts(scale), strict=True))

    low, high = 0.0, n_items / max(min(root for root in roots), 1e-12)
    if cost(high) > budget:
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if cost(middle) < budget else (low, middle)
    return [n for block, n in zip(blocks, counts(high), strict=True) for _ in range(block[2])]


def _ratio(block: tuple[float, float, int]) -> float:
    return block[0] / block[1] if block[1] > 0.0 else math.inf


def _used(tiers: _Tiers, budget: float, keep: set[str]) -> tuple[list[int], list[float]] | None:
    """Tiers to use and their n: of all choices of tiers between the lowest and the top, the narrowest."""
    top = len(tiers.names) - 1
    best: tuple[float, list[int], list[float]] | None = None
    for count in range(top):
        for chosen in combinations(range(1, top), count):
            if any(tiers.names[t] in keep and t not in chosen for t in range(1, top)):
                continue
            used = [0, *chosen, top]
            counts = tiers.solve(used, budget)
            if counts is None:
                continue
            error = tiers.std_error(used, counts)
            if best is None or error < best[0] * (1.0 - 1e-12):  # of equals the one with fewer tiers
                best = (error, used, counts)
    return None if best is None else best[1:]


def _plan(tiers: _Tiers, budget: float, keep: set[str]) -> Allocation:
    found = _used(tiers, budget, keep)
    if found is None:
        fixed = tiers.prices[0] * tiers.n_items
        need = fixed + tiers.prices[-1] * tiers.min_labels
        raise InvalidInputError(
            f"a budget of {budget:g} buys fewer than {tiers.min_labels} top-tier labels after {fixed:g} for the lowest"
            f" tier on all {tiers.n_items:,} items",
            hint=f"spend at least {need:g}, or drop a tier",
        )
    used, counts = found
    top, error = len(tiers.names) - 1, tiers.std_error(used, counts)
    pays = {
        t: t in (0, top) or not (tiers.names[t] in keep and not _helps(tiers, used, t, budget, error)) for t in used
    }
    return _allocation(tiers, used, counts, pays)


def _allocation(tiers: _Tiers, used: Sequence[int], counts: Sequence[float], pays: Mapping[int, bool]) -> Allocation:
    """Counts with what they cost and give; tiers that are not used do not pay."""
    asked = dict(zip(used[1:], counts, strict=True)) | {0: float(tiers.n_items)}
    top, error = len(tiers.names) - 1, tiers.std_error(used, counts)
    plans, advice = [], []
    for t, name in enumerate(tiers.names):
        n = asked.get(t, 0.0)
        partial, needed = _worth(tiers, t)
        plans.append(
            TierPlan(
                name=name,
                share=n / tiers.n_items,
                n=n,
                cost=n * tiers.prices[t],
                partial_r2=partial,
                needed_r2=needed,
                pays=pays.get(t, False),
            )
        )
        if not plans[-1].pays:
            advice.append(_advice(name, partial, needed, tiers.n_items))
    own = 0.0 if tiers.new_inputs else 1.0 / tiers.n_items
    worth = 1.0 / (error * error / tiers.variance + own)
    return Allocation(
        tiers=tuple(plans),
        cost=math.fsum(plan.cost for plan in plans),
        std_error=error,
        half_width=tiers.half(used, counts),
        effective_n=worth,
        top_alone_cost=worth * tiers.prices[top],
        advice=tuple(advice),
    )


def _advice(name: str, partial: float, needed: float, n_items: int) -> str:
    if partial <= needed:
        return (
            f"tier {name} cannot pay at its price: it explains {_brief(partial)} of what the tiers below leave open,"
            f" and would have to explain more than {_brief(needed)}"
        )
    return (
        f"tier {name} does not pay beside the other tiers: with {n_items:,} items to ask, they use the budget better"
        f" without it"
    )


def _brief(share: float) -> str:
    """Two decimals, and one digit of what they would call nothing."""
    return f"{share:.1g}" if 0.0 < share < 0.005 else f"{share:.2f}"


def _helps(tiers: _Tiers, used: Sequence[int], t: int, budget: float, error: float) -> bool:
    fewer = [one for one in used if one != t]
    without = tiers.solve(fewer, budget)
    return without is None or tiers.std_error(fewer, without) > error


def _worth(tiers: _Tiers, t: int) -> tuple[float, float]:
    """Partial r² of a tier beyond those below, and the r² its price asks for."""
    top = len(tiers.names) - 1
    k = tiers.prices[t] / tiers.prices[top]
    below = tiers.r2[t - 1] if t else 0.0
    partial = 1.0 if t == top else (tiers.r2[t] - below) / (1.0 - below)
    return partial, 4.0 * k / (1.0 + k) ** 2 if k < 1.0 else 1.0


def _budget_for(tiers: _Tiers, half_width: float, keep: set[str]) -> float:
    """Least budget whose plan reaches the half-width, by bisection."""
    if not half_width > 0.0:
        raise InvalidInputError(f"half_width is {half_width}; it must be above 0", hint="in units of the label")
    high = math.fsum(tiers.prices) * tiers.n_items
    low = tiers.prices[0] * tiers.n_items + tiers.prices[-1] * tiers.min_labels

    def reached(budget: float) -> bool:
        found = _used(tiers, budget, keep)
        return found is not None and tiers.half(*found) <= half_width

    if not reached(high):
        raise InvalidInputError(
            f"no budget reaches a half-width of {half_width:g} with {tiers.n_items:,} items",
            hint="for new inputs the items themselves are a sample: more of them are needed",
        )
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
