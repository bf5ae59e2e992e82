"""What a cascade will cost and how narrow it will be, before any money is spent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import ConfigError, InvalidInputError
from assay.engine.cascade.verdicts import RIDGE
from assay.stats.prediction.allocation import Allocation, TierPlan, allocate_tiers, price_tiers
from assay.stats.prediction.ridge import ridge_left_out_residuals

HUMAN_PRICES = (0.10, 0.50)
"""US dollars a label where nobody named a price: what crowd and expert platforms ask."""
MANY_LABELS_A_DAY = 10_000
_VOLUME = re.compile(r"\s*([\d_.]+)\s*([kKmMbBgG]?)\s*(?:/\s*(d|day|h|hour|month))?\s*")
_TIMES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}
_PER_DAY = {None: 1.0, "d": 1.0, "day": 1.0, "h": 24.0, "hour": 24.0, "month": 1.0 / 30.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class TierPrice:
    """A tier as a plan sees it.

    Attributes:
        name: Of the tier.
        usd: Price of one verdict; of people, of one label by one rater.
        raters: People an item; 1 for a judge.
        hours: Until an answer is there.
        people: These are people, not a model.
    """

    name: str
    usd: float
    raters: int = 1
    hours: float | None = None
    people: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.usd < float("inf") or self.raters < 1:
            raise InvalidInputError(
                f"tier {self.name} costs {self.usd} with {self.raters} raters", hint="a price from 0, one rater or more"
            )

    @property
    def usd_per_item(self) -> float:
        """All raters together."""
        return self.usd * self.raters


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known of the verdicts beforehand.

    Attributes:
        r2: Share of the top verdict's variance that the tiers up to each explain, all tiers but the top.
        std_dev: Of the top verdict over items.
        source: ``pilot``, ``map`` or ``priors``.
        labels: Of the pilot or the map.
        features: Columns below the top; one a tier where nobody knows.
    """

    r2: tuple[float, ...]
    std_dev: float
    source: str
    labels: int | None = None
    features: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Shares, cost and half-width to be expected.

    Attributes:
        allocation: Tiers with share, n and cost; half-width, effective n, advice.
        knowledge: What it rests on.
        whole_usd: The top tier on every item.
        warnings: Sentences that somebody should read before paying.
        per: ``run`` or ``day``.
    """

    allocation: Allocation
    knowledge: Knowledge
    prices: tuple[TierPrice, ...]
    n_items: int
    whole_usd: float
    warnings: tuple[str, ...]
    per: str = "run"

    @property
    def cold_half_width(self) -> float:
        """Half-width where the weights are fitted on the same labels: each costs about as much as two labels."""
        features = self.knowledge.features or len(self.knowledge.r2)
        return self.allocation.half_width * float(np.sqrt(1.0 + 2.0 * features / self.allocation.tiers[-1].n))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        found, known = self.allocation, self.knowledge
        return {
            "per": self.per,
            "items": self.n_items,
            "tiers": [
                {
                    "tier": plan.name,
                    "usd_per_item": price.usd_per_item,
                    "raters": price.raters,
                    "hours": price.hours,
                    "share": plan.share,
                    "items": plan.n,
                    "cost_usd": plan.cost,
                    "partial_r2": plan.partial_r2,
                    "needed_r2": plan.needed_r2,
                    "pays": plan.pays,
                }
                for plan, price in zip(found.tiers, self.prices, strict=True)
            ],
            "cost_usd": found.cost,
            "whole_usd": self.whole_usd,
            "half_width": found.half_width,
            "cold_half_width": self.cold_half_width,
            "std_error": found.std_error,
            "effective_n": found.effective_n,
            "top_alone_usd": found.top_alone_cost,
            "knowledge": {
                "source": known.source,
                "r2": list(known.r2),
                "std_dev": known.std_dev,
                "labels": known.labels,
            },
            "advice": list(found.advice),
            "warnings": list(self.warnings),
        }


def forecast(
    prices: Sequence[TierPrice],
    knowledge: Knowledge,
    *,
    n_items: int,
    shares: Sequence[float] | None = None,
    budget_usd: float | None = None,
    half_width: float | None = None,
    new_inputs: bool = False,
    force: Sequence[str] = (),
    per: str = "run",
    confidence: float = 0.95,
) -> Forecast:
    """Plan a cascade.

    Args:
        prices: Tiers, the free one first, the one that the figure speaks of last.
        knowledge: From ``pilot_knowledge``, a map, or guesses.
        n_items: Items in the run, or a day.
        shares: Of all items, for each tier above the free one; then cost and half-width follow. Give this, or
        budget_usd: to be spent in the best way, or
        half_width: to be reached at least cost.
        new_inputs: The estimand is new inputs like these.
        force: Tiers kept although they cannot pay.
        per: ``run`` or ``day``, for the sentences.
        confidence: Of the interval.

    Raises:
        ConfigError: Not exactly one of shares, budget and half-width (``cascade.plan``), or a budget that cannot buy
            the fewest labels (``cascade.budget``).
        InvalidInputError: The numbers do not fit.

    Examples:
        >>> tiers = [TierPrice(name="free", usd=0.0), TierPrice(name="strong", usd=0.003),
        ...          TierPrice(name="human", usd=0.10, raters=3, people=True)]
        >>> known = Knowledge(r2=(0.1, 0.5), std_dev=0.8, source="priors")
        >>> found = forecast(tiers, known, n_items=10_000, budget_usd=30.0)
        >>> [round(plan.n) for plan in found.allocation.tiers], round(found.allocation.half_width, 3)
        ([10000, 821, 92], 0.122)
    """
    if sum(one is not None for one in (shares, budget_usd, half_width)) != 1:
        raise ConfigError(
            "a plan needs shares, a budget or a half-width, one of them",
            hint="--shares 0.1,0.01, --budget-usd 20 or --half-width 0.05",
            code="cascade.plan",
        )
    names = [price.name for price in prices]
    options: dict[str, Any] = {
        "prices": [price.usd_per_item for price in prices],
        "r2": knowledge.r2,
        "std_dev": knowledge.std_dev,
        "n_items": n_items,
        "new_inputs": new_inputs,
        "confidence": confidence,
    }
    if shares is not None:
        found = price_tiers(names, shares=[1.0, *shares], **options)
    else:
        try:
            found = allocate_tiers(names, budget=budget_usd, half_width=half_width, keep=force, **options)
        except InvalidInputError as error:
            if budget_usd is None or not str(error).startswith("a budget"):
                raise
            raise ConfigError(str(error), hint=error.hint, code="cascade.budget") from error
    whole = prices[-1].usd_per_item * n_items
    return Forecast(
        allocation=found,
        knowledge=knowledge,
        prices=tuple(prices),
        n_items=n_items,
        whole_usd=whole,
        warnings=tuple(_warnings(prices, found.tiers, per=per)),
        per=per,
    )


def _warnings(prices: Sequence[TierPrice], plans: Sequence[TierPlan], *, per: str) -> list[str]:
    """What people cost and how long they take, said before anyone finds out."""
    said = []
    for price, plan in zip(prices, plans, strict=True):
        if not price.people or plan.n == 0.0:
            continue
        labels = plan.n * price.raters
        if per == "day" and labels >= MANY_LABELS_A_DAY:
            low, high = (labels * one for one in HUMAN_PRICES)
            said.append(
                f"{price.name}: {100 * plan.share:.3g} % of the items by {price.raters} raters each are {labels:,.0f}"
                f" labels a day; at $0.10 to $0.50 a label that is ${low:,.0f} to ${high:,.0f} a day"
            )
        if price.hours:
            said.append(f"{price.name}: answers take about {price.hours:g} hours; until then the figure is wider")
    return said


def pilot_knowledge(features: Sequence[npt.ArrayLike], labels: npt.ArrayLike, *, source: str = "pilot") -> Knowledge:
    """What a pilot with verdicts of every tier on the same items says: each tier's r2, left-one-out.

    Args:
        features: For each tier below the top ``(n,)`` or ``(n, p)``.
        labels: Top verdicts ``(n,)``.

    Raises:
        InvalidInputError: Fewer than 20 items, or labels that do not vary.
    """
    y = np.asarray(labels, dtype=np.float64)
    rows = [np.asarray(one, dtype=np.float64) for one in features]
    rows = [one[:, None] if one.ndim == 1 else one for one in rows]
    whole = np.isfinite(y)
    for one in rows:
        whole &= np.isfinite(one).all(axis=1)
    if whole.sum() < 20 or float(y[whole].std()) == 0.0:
        raise InvalidInputError(
            f"a pilot of {int(whole.sum())} items with every verdict says too little",
            hint="20 items or more, whose labels differ",
        )
    variance = float(y[whole].var(ddof=1))
    r2, least = [], 0.0
    for place in range(len(rows)):
        sofar = np.hstack(rows[: place + 1])[whole]
        left = float(np.square(ridge_left_out_residuals(sofar, y[whole], penalty=RIDGE)).mean())
        least = min(max(least, 1.0 - left / variance), 1.0 - 1e-9)
        r2.append(least)
    return Knowledge(
        r2=tuple(r2),
        std_dev=float(np.sqrt(variance)),
        source=source,
        labels=int(whole.sum()),
        features=sum(one.shape[1] for one in rows),
    )


def from_correlations(correlations: Sequence[float], std_dev: float) -> Knowledge:
    """Guesses: how far the verdicts of each tier (with those below) correlate with the top's."""
    if any(not -1.0 < one < 1.0 for one in correlations):
        raise InvalidInputError("a correlation lies outside (-1, 1)", hint="e.g. --correlation fast=0.5")
    r2, least = [], 0.0
    for one in correlations:
        least = max(least, one * one)
        r2.append(least)
    return Knowledge(r2=tuple(r2), std_dev=std_dev, source="priors")


def parse_volume(text: str) -> tuple[int, str]:
    """Items and ``day`` or ``run`` from ``10M/day``, ``500k``, ``2_000/hour``.

    Raises:
        ConfigError: It is no number of items.

    Examples:
        >>> parse_volume("10M/day"), parse_volume("600")
        ((10000000, 'day'), (600, 'run'))
    """
    match = _VOLUME.fullmatch(text)
    try:
        count = float(match[1].replace("_", "")) * _TIMES[match[2].lower()] if match else 0.0
    except ValueError:
        count = 0.0
    if match is None or count < 2:
        raise ConfigError(
            f"{text!r} is no number of items", hint="--volume 10M/day, 500k/day or 600", code="cascade.volume"
        )
    return round(count * _PER_DAY[match[3]]), "run" if match[3] is None else "day"
