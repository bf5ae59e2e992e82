"""Verdicts of several tiers as arrays, and the arrays that the estimator of ``assay.stats`` works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.engine.cascade.draw import Bools, Floats, Rung
from assay.stats.prediction.twophase import TwoPhaseResult, two_phase_mean
from assay.stats.scalar import THESE_ITEMS

RIDGE = 2.0
"""Penalty, in labels, of weights that are fitted on labels of other items."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TierVerdicts:
    """What one tier said; arrays have one row an item, all tiers in the same order.

    Attributes:
        name: Of the tier.
        values: Verdicts ``(N,)`` or several features ``(N, p)``; NaN where it was not asked or could not tell.
        asked: Items it was asked on; without it those with a verdict, and all of them for the lowest tier.
        probability: Overall probability of being asked, looked at only where it was; without it the draw was simple.
        certain: Items that were asked whatever the draw (critical ones, failures below); none without it.
        prediction: Map start: the top verdict as predicted from this tier and those below, ``(N,)``.
        prior_variance: Map start: residual variance of that prediction on the data the map was fitted on.
        cost_usd: What its verdicts cost; ``None`` when unknown.
        unit: Of its verdicts.
        share: They lie in [0, 1] and rare ones get Wilson's interval.
        scale: Ends of its scale, for the bounds of verdicts that never came; ``None`` where nobody says.
        lost: Verdicts that were asked for and are missing although another attempt may get them, by reason.
    """

    name: str
    values: npt.ArrayLike
    asked: npt.ArrayLike | None = None
    probability: npt.ArrayLike | None = None
    certain: npt.ArrayLike | None = None
    prediction: npt.ArrayLike | None = None
    prior_variance: float | None = None
    cost_usd: float | None = 0.0
    unit: str = "score"
    share: bool = False
    scale: tuple[float, float] | None = None
    lost: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rung: Rung, values: npt.ArrayLike, *, cost_usd: float | None = 0.0, **more: Any) -> TierVerdicts:
        """Verdicts on a draw."""
        return cls(
            name=rung.tier,
            values=values,
            asked=rung.asked,
            probability=rung.probability,
            certain=rung.certain,
            cost_usd=cost_usd,
            **more,
        )

    def at(self, rows: npt.NDArray[np.intp]) -> TierVerdicts:
        """The same of some items."""
        columns: dict[str, Any] = {name: getattr(self, name) for name in ("values", "asked", "certain", "prediction")}
        if self.probability is not None:
            columns["probability"] = np.broadcast_to(np.asarray(self.probability), matrix(self).shape[:1])
        part: dict[str, Any] = {name: np.asarray(one)[rows] for name, one in columns.items() if one is not None}
        return replace(self, **part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the verdicts; every estimate of one figure shares it.

    Attributes:
        estimand: ``these items`` or ``new inputs like these``.
        clusters: Document of each item, for new inputs.
        prior_weight: Labels that the prior variances of a map are worth.
    """

    estimand: str = THESE_ITEMS
    clusters: npt.ArrayLike | None = None
    prior_weight: float = 20.0
    confidence: float = 0.95


DEFAULT = Question()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """Verdicts as the estimator of ``assay.stats`` takes them.

    Attributes:
        labels: Top verdicts, NaN where there is none.
        proxies: Lower tiers in use, gaps filled and flagged.
        asked: For each tier above the lowest in use.
        probabilities: Likewise.
        weights: ``fit`` or ``fixed``.
        prior_variances: Of a map.
        places: Of the tiers in use among those given.
        unit: Of the labels.
        share: The labels lie in [0, 1] and rare ones get Wilson's interval.
        certain: Items asked for certain at the top tier.
    """

    labels: Floats
    proxies: list[Floats]
    asked: list[Bools]
    probabilities: list[Floats]
    weights: str
    prior_variances: list[float] | None
    places: list[int]
    unit: str
    share: bool
    certain: Bools

    def options(self, question: Question) -> dict[str, Any]:
        """What is asked of these verdicts, as the estimator names it."""
        return {
            "share": self.share,
            "estimand": question.estimand,
            "clusters": question.clusters,
            "prior_weight": question.prior_weight,
            "confidence": question.confidence,
        }

    def mean(self, question: Question) -> TwoPhaseResult:
        """The estimate."""
        return two_phase_mean(
            self.labels,
            self.proxies,
            probabilities=self.probabilities,
            weights=self.weights,
            prior_variances=self.prior_variances,
            unit=self.unit,
            certain=self.certain,
            **self.options(question),
        )


def prepare(tiers: Sequence[TierVerdicts]) -> Prepared:
    """Tiers as arrays for ``two_phase_mean`` and ``two_phase_replays``: gaps filled and flagged, empty tiers left out.

    A verdict that was asked for and did not come is part of the design: its place is filled and a column says so.
    """
    states = [answers(tier, place, tiers) for place, tier in enumerate(tiers)]
    last = len(tiers) - 1
    places = [place for place in range(last) if place == 0 or states[place][1].any()]
    fixed = all(tiers[place].prediction is not None for place in places)
    proxies: list[Floats] = []
    for place in places:
        asked, known = states[place]
        if fixed:
            proxies.append(_filled_prediction(tiers[place], asked, proxies))
        else:
            proxies.append(_filled_features(tiers[place], asked, known))
    priors = [tiers[place].prior_variance for place in places]
    probabilities = [chances(tiers[place], asked=states[place][0]) for place in places[1:]]
    asked, known = states[last]
    labels = np.where(asked & known, matrix(tiers[last])[:, 0], np.nan)
    probabilities.append(_answering(chances(tiers[last], asked=asked), certainly(tiers[last], asked), asked, known))
    return Prepared(
        labels=labels,
        proxies=proxies,
        asked=[*(states[place][0] for place in places[1:]), asked & known],
        probabilities=probabilities,
        weights="fixed" if fixed else "fit",
        prior_variances=[one for one in priors if one] if fixed and all(priors) else None,
        places=[*places, last],
        unit=tiers[last].unit,
        share=tiers[last].share,
        certain=certainly(tiers[last], asked),
    )


def matrix(tier: TierVerdicts) -> Floats:
    """The tier's verdicts, one column a feature."""
    values = np.asarray(tier.values, dtype=np.float64)
    return values[:, None] if values.ndim == 1 else values


def answers(tier: TierVerdicts, place: int, tiers: Sequence[TierVerdicts]) -> tuple[Bools, Bools]:
    """Who was asked, and who gave a whole verdict."""
    values, size = matrix(tier), matrix(tiers[0]).shape[0]
    if values.ndim != 2 or values.shape[0] != size or (place == len(tiers) - 1 and values.shape[1] != 1):
        raise InvalidInputError(
            f"tier {tier.name} has verdicts of shape {values.shape} for {size} items",
            hint="one verdict an item; a lower tier may have several columns",
        )
    known: Bools = np.asarray(~np.isnan(values).any(axis=1), dtype=np.bool_)
    if tier.asked is None:
        return (np.ones(size, dtype=np.bool_) if place == 0 else known), known
    asked = np.asarray(tier.asked, dtype=bool)
    if asked.shape != (size,):
        raise InvalidInputError(f"tier {tier.name} has {asked.shape} for asked", hint="one truth value an item")
    return asked, known & asked


def chances(tier: TierVerdicts, *, asked: Bools) -> Floats:
    """The overall probability of each item that it is asked."""
    if tier.probability is None:
        return np.full(asked.size, max(asked.mean(), 1.0 / asked.size))
    return np.array(np.broadcast_to(np.asarray(tier.probability, dtype=np.float64), asked.shape))


def certainly(tier: TierVerdicts, asked: Bools) -> Bools:
    """Items that were asked whatever the draw."""
    return asked & (False if tier.certain is None else np.asarray(tier.certain, dtype=np.bool_))


def _filled_features(tier: TierVerdicts, asked: Bools, known: Bools) -> Floats:
    """The tier's columns, NaN only where it was not asked; each gap takes its column's mean and raises a flag."""
    values = matrix(tier).copy()
    gap = asked & ~known
    if gap.any():
        for column in values.T:
            there = ~np.isnan(column)
            column[gap & ~there] = column[there].mean() if there.any() else 0.0
        values = np.column_stack([values, gap.astype(np.float64)])
    values[~asked] = np.nan
    return values


def _filled_prediction(tier: TierVerdicts, asked: Bools, below: Sequence[Floats]) -> Floats:
    """The map's prediction; where the tier could not tell, that of the tier below."""
    found = np.array(tier.prediction, dtype=np.float64)
    if below:
        found = np.where(asked & np.isnan(found), below[-1], found)
    return np.where(asked, found, np.nan)


def _answering(probability: Floats, certain: Bools, asked: Bools, known: Bools) -> Floats:
    """Probability of being asked *and* answering, the latter at random within certain and within drawn items."""
    if not (asked & ~known).any():
        return probability
    kinds = [certain, asked & ~certain]
    if any(kind.any() and not (kind & known).any() for kind in kinds):
        kinds = [asked]
    found = probability.copy()
    for kind in kinds:
        if kind.any():
            found[kind] *= (kind & known).sum() / kind.sum()
    return found
