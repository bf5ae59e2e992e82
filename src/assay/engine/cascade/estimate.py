"""The one estimate of a cascade, from the verdicts of its tiers: live runs, pages, gates and replays all call this.

Every lower tier only helps to predict the top tier's verdict; labels drawn with known probabilities correct whatever it
gets wrong, so the figure stays that of the top tier however bad a judge below may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.engine.cascade.verdicts import DEFAULT, Question, TierVerdicts, answers, matrix, prepare

COLD, MAP = "cold", "map"
LEAST_LABELS = 3
"""Verdicts of a tier below which no figure speaks of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierCount:
    """What one tier did in an estimate.

    Attributes:
        used: It is in the estimate; a tier without any verdict is not.
        answered: Items with a verdict, of those asked.
    """

    name: str
    asked: int
    answered: int
    cost_usd: float | None
    used: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TieredEstimate:
    """A figure and what a report says beside it.

    Attributes:
        estimate: Mean verdict of the tier it speaks of.
        speaks_of: That tier; another than the one asked for only when ``degraded``.
        start: ``cold`` (weights fitted on these labels) or ``map`` (weights from a calibration card).
        effective_n: Verdicts of that tier, drawn at random and used alone, that would give this doubt.
        df: Degrees of freedom of the interval.
        tiers: Lowest first.
        cost_usd: All tiers together; ``None`` when a price is unknown.
        top_alone_usd: What the same doubt would have cost with that tier alone.
        degraded: A tier is missing, in whole or in part; ``reason`` says which.
        bounds: Verdicts that were asked for and never came, all at the low or all at the high end of the scale:
            outer ends of the intervals; ``None`` where none is missing or the scale is unknown.
    """

    estimate: Estimate
    speaks_of: str
    start: str
    effective_n: float | None
    df: float | None
    tiers: tuple[TierCount, ...]
    cost_usd: float | None
    top_alone_usd: float | None
    degraded: bool = False
    reason: str | None = None
    bounds: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            **self.estimate.to_dict(),
            "speaks_of": self.speaks_of,
            "start": self.start,
            "effective_n": self.effective_n,
            "df": self.df,
            "tiers": [
                {
                    "tier": tier.name,
                    "asked": tier.asked,
                    "answered": tier.answered,
                    "cost_usd": tier.cost_usd,
                    "used": tier.used,
                }
                for tier in self.tiers
            ],
            "cost_usd": self.cost_usd,
            "top_alone_usd": self.top_alone_usd,
            "degraded": self.degraded,
            "degraded_reason": self.reason,
            "bounds": None if self.bounds is None else list(self.bounds),
        }


def tiered_estimate(
    tiers: Sequence[TierVerdicts], *, question: Question = DEFAULT, interrupted: str | None = None
) -> TieredEstimate:
    """Mean verdict of the top tier over all items, from what every tier said.

    Args:
        tiers: Lowest (free, on every item) first, the one that the figure speaks of last. With a ``prediction`` on
            every tier but the last the weights are those of a map; else they are fitted on these labels.
        question: Estimand, clusters and so on.
        interrupted: Why asking stopped early (budget, outage); marks the estimate.

    A tier without any verdict is left out. Top verdicts that were asked for and did not come are taken as missing at
    random within certain and drawn items, counted as ``unscored``, and bounded where the scale is known. With fewer
    than three top verdicts the estimate speaks of the highest tier below that has as many, and says so.

    Raises:
        InvalidInputError: Shapes differ, a tier has a verdict where the one below was not asked, or there is one tier.

    Examples:
        >>> nan = float("nan")
        >>> free = TierVerdicts(name="programmatic", values=[3.0, 4.0, 2.0, 5.0, 4.0, 1.0, 3.0, 2.0])
        >>> people = TierVerdicts(name="human", values=[2.5, nan, 2.0, 4.0, nan, nan, 3.5, nan],
        ...                       probability=[0.5] * 8, cost_usd=1.20)
        >>> found = tiered_estimate([free, people])
        >>> round(found.estimate.value, 2), found.tiers[1].asked, round(found.top_alone_usd, 2)
        (2.91, 4, 1.5)
    """
    if len(tiers) < 2:
        raise InvalidInputError("one tier is no cascade", hint="give the free tier and at least one above it")
    states = [answers(tier, place, tiers) for place, tier in enumerate(tiers)]
    counts = [
        TierCount(
            name=tier.name, asked=int(asked.sum()), answered=int((asked & known).sum()), cost_usd=tier.cost_usd,
            used=place == 0 or bool(known.any()),
        )
        for place, (tier, (asked, known)) in enumerate(zip(tiers, states, strict=True))
    ]  # fmt: skip
    top = max((place for place, count in enumerate(counts) if place and count.answered >= LEAST_LABELS), default=0)
    reasons = [f"tier {count.name} gave no verdict" for count in counts[1:] if not count.used]
    reasons += [interrupted] if interrupted else []
    if top == 0:
        return _nothing(tiers, counts, question, reasons)
    if top < len(tiers) - 1:
        few = counts[-1]
        reasons.append(f"{few.answered} verdicts of {few.name} are too few: the figure speaks of {tiers[top].name}")
        tiers = [replace(tier, prediction=None, prior_variance=None) for tier in tiers[: top + 1]]
    ready = prepare(tiers)
    found = ready.mean(question)
    missing = counts[top].asked - counts[top].answered
    estimate = replace(found.estimate, unscored=missing)
    total = None if any(count.cost_usd is None for count in counts) else sum(count.cost_usd or 0.0 for count in counts)
    price = counts[top].cost_usd
    worth = found.effective_n
    return TieredEstimate(
        estimate=estimate,
        speaks_of=tiers[-1].name,
        start=MAP if ready.weights == "fixed" else COLD,
        effective_n=worth,
        df=found.df,
        tiers=tuple(replace(count, used=count.used and place <= top) for place, count in enumerate(counts)),
        cost_usd=total,
        top_alone_usd=None if price is None or worth is None else worth * price / counts[top].answered,
        degraded=bool(reasons),
        reason="; ".join(reasons) or None,
        bounds=_bounds(tiers, question) if missing else None,
    )


def _bounds(tiers: Sequence[TierVerdicts], question: Question) -> tuple[float, float] | None:
    if question.scale is None:
        return None
    asked, known = answers(tiers[-1], len(tiers) - 1, tiers)
    low, high = (
        prepare([*tiers[:-1], replace(tiers[-1], values=np.where(asked & ~known, end, matrix(tiers[-1])[:, 0]))])
        .mean(question)
        .estimate
        for end in question.scale
    )
    if low.low is None or high.high is None:
        return None
    return low.low, high.high


def _nothing(
    tiers: Sequence[TierVerdicts], counts: Sequence[TierCount], question: Question, reasons: list[str]
) -> TieredEstimate:
    """No tier above the free one has said enough: no figure, and why."""
    why = f"no tier above {tiers[0].name} gave {LEAST_LABELS} verdicts"
    estimate = Estimate(
        value=None,
        low=None,
        high=None,
        n=0,
        method="two-phase",
        confidence=question.confidence,
        unit=question.unit,
        estimand=question.estimand,
        reason=why,
        unscored=counts[-1].asked,
    )
    total = None if any(count.cost_usd is None for count in counts) else sum(count.cost_usd or 0.0 for count in counts)
    return TieredEstimate(
        estimate=estimate,
        speaks_of=tiers[-1].name,
        start=COLD,
        effective_n=None,
        df=None,
        tiers=tuple(replace(count, used=False) for count in counts),
        cost_usd=total,
        top_alone_usd=None,
        degraded=True,
        reason="; ".join([why, *reasons]),
    )
