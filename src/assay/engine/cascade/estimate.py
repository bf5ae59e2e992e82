"""The one estimate of a cascade, from the verdicts of its tiers: live runs, pages, gates and replays all call this.

Every lower tier only helps to predict the top tier's verdict; labels drawn with known probabilities correct whatever it
gets wrong, so the figure stays that of the top tier however bad a judge below may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.engine.cascade.verdicts import DEFAULT, Question, TierVerdicts, answers, matrix, prepare
from assay.stats.missing import worst_and_best

COLD, MAP = "cold", "map"
LEAST_LABELS = 3
"""Verdicts of a tier below which no figure speaks of it, unless they are on all items."""


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
        speaks_of: That tier; another than the one asked for, or ``None`` where no tier said enough, only when
            ``degraded``.
        start: ``cold`` (weights fitted on these labels) or ``map`` (weights from a calibration card).
        effective_n: Verdicts of that tier, drawn at random and used alone, that would give this doubt.
        df: Degrees of freedom of the interval.
        tiers: Lowest first.
        cost_usd: All tiers together; ``None`` when a price is unknown.
        top_alone_usd: What the same doubt would have cost with that tier alone.
        degraded: Not what was asked for: a tier is missing in whole, verdicts are missing that another attempt may get
            (an outage), or more than half of a tier's verdicts for whatever reason; ``reason`` says which.
        map_fits: Whether the variance of the map is in the interval; ``False`` where verdicts vary far more here than
            where it was fitted, ``None`` without one.
    """

    estimate: Estimate
    speaks_of: str | None
    start: str
    effective_n: float | None
    df: float | None
    tiers: tuple[TierCount, ...]
    cost_usd: float | None
    top_alone_usd: float | None
    degraded: bool = False
    reason: str | None = None
    map_fits: bool | None = None

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
            "map_fits": self.map_fits,
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
    than three top verdicts the estimate speaks of the highest tier below that has as many, in that tier's unit, and
    says so.

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
            name=tier.name,
            asked=int(asked.sum()),
            answered=int((asked & known).sum()),
            cost_usd=tier.cost_usd,
            used=place == 0 or bool(known.any()),
        )
        for place, (tier, (asked, known)) in enumerate(zip(tiers, states, strict=True))
    ]
    least = min(LEAST_LABELS, matrix(tiers[0]).shape[0])
    top = max((place for place, count in enumerate(counts) if place and count.answered >= least), default=0)
    reasons = [why for tier, count in zip(tiers[1:], counts[1:], strict=True) if (why := _missing(tier, count))]
    reasons += [interrupted] if interrupted else []
    if top == 0:
        return _nothing(tiers, counts, question, reasons)
    if top < len(tiers) - 1:
        few = counts[-1]
        said = f"{_verdicts(few.answered)} of {few.name} {'is' if few.answered == 1 else 'are'} too few"
        reasons.append(f"{said}: the figure speaks of {tiers[top].name}")
        tiers = [replace(tier, prediction=None, prior_variance=None) for tier in tiers[: top + 1]]
    ready = prepare(tiers)
    found = ready.mean(question)
    missing = counts[top].asked - counts[top].answered
    estimate = replace(found.estimate, unscored=missing, bounds=_bounds(tiers, question) if missing else None)
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
        map_fits=found.map_fits,
    )


def _missing(tier: TierVerdicts, count: TierCount) -> str | None:
    """What makes an estimate without some of a tier's verdicts a degraded one."""
    missing, lost = count.asked - count.answered, sum(tier.lost.values())
    if not count.used:
        said = f"tier {count.name} gave no verdict"
    elif lost or 2 * missing > count.asked:
        verb = "is" if count.asked == 1 else "are"
        said = f"tier {count.name}: {lost or missing} of {_verdicts(count.asked)} {verb} missing"
    else:
        return None
    return f"{said} ({', '.join(tier.lost)})" if lost else said


def _verdicts(count: int) -> str:
    return "1 verdict" if count == 1 else f"{count:,} verdicts"


def _bounds(tiers: Sequence[TierVerdicts], question: Question) -> Mapping[str, float] | None:
    """The figure with the verdicts that never came all at the one or all at the other end of the scale."""
    scale = tiers[-1].scale
    if scale is None:
        return None
    asked, known = answers(tiers[-1], len(tiers) - 1, tiers)
    worst, best = (
        prepare([*tiers[:-1], replace(tiers[-1], values=np.where(asked & ~known, end, matrix(tiers[-1])[:, 0]))])
        .mean(question)
        .estimate
        for end in scale
    )
    if worst.low is None or best.high is None:
        return None
    return worst_and_best(worst, best, low=scale[0], high=scale[1])


def _nothing(
    tiers: Sequence[TierVerdicts], counts: Sequence[TierCount], question: Question, reasons: list[str]
) -> TieredEstimate:
    """No tier above the free one has said enough: no figure, and why."""
    why = f"no tier above {tiers[0].name} gave {_verdicts(min(LEAST_LABELS, matrix(tiers[0]).shape[0]))}"
    estimate = Estimate(
        value=None,
        low=None,
        high=None,
        n=0,
        method="two-phase",
        confidence=question.confidence,
        unit=tiers[-1].unit,
        estimand=question.estimand,
        reason=why,
        unscored=counts[-1].asked,
    )
    total = None if any(count.cost_usd is None for count in counts) else sum(count.cost_usd or 0.0 for count in counts)
    return TieredEstimate(
        estimate=estimate,
        speaks_of=None,
        start=COLD,
        effective_n=None,
        df=None,
        tiers=tuple(replace(count, used=False) for count in counts),
        cost_usd=total,
        top_alone_usd=None,
        degraded=True,
        reason="; ".join([why, *reasons]),
    )
