"""From fitted parameters to a table of Estimates in the scale asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from assay.core.records import Estimate
from assay.stats.ratings.battles import PairCounts
from assay.stats.ratings.encoding import Floats, Ints
from assay.stats.ratings.likelihood import TieModel, tie_probability
from assay.stats.ratings.newton import Fit
from assay.stats.ratings.problem import Problem
from assay.stats.ratings.table import ELO_CENTRE, ELO_POINTS, RatingTable, Scale, quantile, unit_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """What the table says beside the numbers fitted.

    Attributes:
        rated: Models that were fitted, as indices into ``names``, in the order of the parameters.
        reasons: Why each other model has no rating.
        battles_of: Battles behind each rating; all of its battles for a model without one.
        tie_reason: Why a tie model that was asked for has no parameter.
    """

    names: tuple[str, ...]
    rated: Ints
    reasons: Mapping[int, str]
    battles_of: Ints
    n: int
    confidence: float
    scale: Scale
    anchor: str | None
    ties: TieModel
    tie_reason: str | None
    method: str
    n_clusters: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Doubt:
    """Covariance of all parameters with its degrees of freedom; or the reason there is none."""

    covariance: Floats | None = None
    freedom: float = math.inf
    failed_rounds: int = 0
    reason: str | None = None


def battles_behind(counts: PairCounts, rated: Ints) -> Ints:
    """Battles that each rating rests on: those among rated models; all of its battles for a model without rating."""
    battles = counts.battles_of()
    battles[rated] = counts.among(rated).battles_of()
    return battles


def rating_table(layout: Layout, problem: Problem, fit: Fit, doubt: Doubt) -> RatingTable:
    """The table of a fit."""
    size = problem.rows.size
    effects = {}
    for column, name in enumerate(problem.effects):
        value, variance = float(fit.point[size + column]), math.nan
        if doubt.covariance is not None:
            variance = float(doubt.covariance[size + column, size + column])
        unit = 1.0 / float(problem.spread[column])
        effects[name] = _wald(
            layout, doubt, value * unit, math.sqrt(variance) * unit, n=problem.n, unit="log-odds per unit"
        )
    tie, tie_parameter = _tie(layout, doubt, fit, problem.n)
    return replace(
        fitted_table(layout, fit.point[:size], doubt, n=problem.n),
        effects=effects,
        tie=tie,
        tie_parameter=tie_parameter,
        log_likelihood=fit.log_likelihood,
    )


def fitted_table(layout: Layout, ratings: Floats, doubt: Doubt, *, n: int) -> RatingTable:
    """The table of ratings alone: those of the rated models, mean 0, and the reasons of the others."""
    size, rated = len(ratings), layout.rated
    log_odds = np.full(len(layout.names), np.nan)
    log_odds[rated] = ratings
    covariance = np.full((len(layout.names),) * 2, np.nan)
    if doubt.covariance is not None:
        covariance[np.ix_(rated, rated)] = doubt.covariance[:size, :size]
    return RatingTable(
        names=layout.names,
        ratings=_ratings(layout, doubt, log_odds, covariance),
        scale=layout.scale,
        anchor=layout.anchor,
        ties=layout.ties,
        log_odds=log_odds,
        covariance=covariance,
        confidence=layout.confidence,
        method=layout.method,
        n=n,
        n_clusters=layout.n_clusters,
        failed_rounds=doubt.failed_rounds,
        freedom=doubt.freedom,
    )


def table_without_ratings(layout: Layout, *, reason: str | None = None) -> RatingTable:
    """The table of battles that determine no rating at all."""
    size = len(layout.names)
    reasons = [reason or layout.reasons[model] for model in range(size)]
    return RatingTable(
        names=layout.names,
        ratings=tuple(_missing(layout, model, why) for model, why in enumerate(reasons)),
        scale=layout.scale,
        anchor=layout.anchor,
        ties=layout.ties,
        log_odds=np.full(size, np.nan),
        covariance=np.full((size, size), np.nan),
        confidence=layout.confidence,
        method=layout.method,
        n=layout.n,
        n_clusters=layout.n_clusters,
    )


def _ratings(layout: Layout, doubt: Doubt, log_odds: Floats, covariance: Floats) -> tuple[Estimate, ...]:
    """Ratings from the mean of the rated models, or from the anchor."""
    variance = np.diag(covariance)
    values = log_odds
    if layout.anchor is not None:
        at = layout.names.index(layout.anchor)
        if at in layout.reasons:
            why = f"the anchor {layout.anchor} has no rating: {layout.reasons[at]}"
            return tuple(_missing(layout, model, layout.reasons.get(model, why)) for model in range(len(values)))
        values = log_odds - log_odds[at]
        variance = np.maximum(variance + variance[at] - 2.0 * covariance[at], 0.0)
    factor, centre = (ELO_POINTS, ELO_CENTRE) if layout.scale == "elo" else (1.0, 0.0)
    answers = []
    for model, value in enumerate(values.tolist()):
        if model in layout.reasons:
            answers.append(_missing(layout, model, layout.reasons[model]))
            continue
        std_error = factor * math.sqrt(variance[model])
        n, unit = int(layout.battles_of[model]), unit_of(layout.scale)
        answers.append(_wald(layout, doubt, centre + factor * value, std_error, n=n, unit=unit))
    return tuple(answers)


def _tie(layout: Layout, doubt: Doubt, fit: Fit, n: int) -> tuple[Estimate | None, float | None]:
    """Probability of a tie between equals, its interval put through from θ so that it stays inside 0 and 1."""
    if layout.tie_reason is not None:
        missing = Estimate(
            value=None, low=None, high=None, n=n, method=layout.method, unit="share", reason=layout.tie_reason
        )
        return missing, None
    if layout.ties == "half":
        return None, None
    theta = float(fit.point[-1])
    value, slope = tie_probability(layout.ties, theta)
    low = high = std_error = None
    if doubt.covariance is not None:
        error = math.sqrt(float(doubt.covariance[-1, -1]))
        std_error = error * slope
        half = quantile(layout.confidence, doubt.freedom) * error
        low, high = (tie_probability(layout.ties, theta + side * half)[0] for side in (-1.0, 1.0))
    tie = Estimate(
        value=value,
        low=None if low is None else max(low, 0.0),
        high=high,
        n=n,
        method=layout.method,
        confidence=layout.confidence,
        unit="share",
        reason=doubt.reason,
        n_clusters=layout.n_clusters,
        std_error=std_error,
    )
    return tie, math.exp(theta)


def _wald(layout: Layout, doubt: Doubt, value: float, std_error: float, *, n: int, unit: str) -> Estimate:
    bounded = doubt.covariance is not None
    half = quantile(layout.confidence, doubt.freedom) * std_error
    return Estimate(
        value=value,
        low=value - half if bounded else None,
        high=value + half if bounded else None,
        n=n,
        method=layout.method,
        confidence=layout.confidence,
        unit=unit,
        reason=doubt.reason,
        n_clusters=layout.n_clusters,
        std_error=std_error if bounded else None,
    )


def _missing(layout: Layout, model: int, reason: str) -> Estimate:
    return Estimate(
        value=None,
        low=None,
        high=None,
        n=int(layout.battles_of[model]),
        method=layout.method,
        confidence=layout.confidence,
        unit=unit_of(layout.scale),
        reason=reason,
        n_clusters=layout.n_clusters,
    )
