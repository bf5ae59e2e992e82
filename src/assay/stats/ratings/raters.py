"""Bradley–Terry with raters who differ: how sharply each one tells models apart, and which position each favours."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.ratings.battles import Battles
from assay.stats.ratings.encoding import Floats, Ints
from assay.stats.ratings.graph import finite_ratings, require_connected
from assay.stats.ratings.rater_model import fit_raters, votes_of
from assay.stats.ratings.report import Doubt, Layout, battles_behind, fitted_table, table_without_ratings
from assay.stats.ratings.table import RatingTable, Scale
from assay.stats.special import check_confidence, normal_quantile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RaterRatings:
    """Ratings and raters fitted together.

    Attributes:
        table: The models.
        raters: Names.
        skill: Of each rater: 1 is the average, 0 tosses a coin, below 0 prefers the worse.
        position: Of each rater: log-odds that an equal answer gains by being shown first.
    """

    table: RatingTable
    raters: tuple[str, ...]
    skill: tuple[Estimate, ...]
    position: tuple[Estimate, ...]


def rater_bradley_terry(
    battles: Battles,
    *,
    skill_sd: float = 0.5,
    position_sd: float = 0.5,
    confidence: float = 0.95,
    scale: Scale = "log-odds",
    anchor: str | None = None,
) -> RaterRatings:
    """Ratings where rater k prefers a to b with log-odds γ_k (r_a - r_b) + δ_k.

    A careless rater has γ near 0 and then hardly moves the ratings; plain Bradley–Terry lets every careless vote pull
    all of them together. γ is normal about 1 and δ about 0 with the given spreads, so that raters with few votes are
    judged by what raters are like in general. Ratings maximise the likelihood with γ and δ integrated out; a rater's
    skill and position are posterior means. Intervals take the two spreads as true. O(n + K · raters) memory.

    Args:
        battles: With ``rater``. A tie is half a win; weights multiply the log-likelihood; covariates are not used.
        skill_sd: Spread of γ over raters, above 0.
        position_sd: Spread of δ over raters, above 0.
        confidence: Two-sided, in (0, 1).
        scale: ``log-odds`` or ``elo`` points, as an average rater sees them.
        anchor: Model to fix at 0 or 1000 instead of the mean.

    Returns:
        Ratings, with reasons in place of values as in ``bradley_terry``, and the raters.

    Raises:
        InvalidInputError: Battles have no rater, the comparison graph is disconnected, an argument is out of range.

    Sources:
        Chen, Bennett, Collins-Thompson & Horvitz (2013), WSDM, 193-202 (annotators in a Bradley–Terry model);
        Birnbaum (1968), in Lord & Novick, chapter 17 (the two-parameter logistic form used here);
        Pinheiro & Bates (1995), J. Computational and Graphical Statistics 4, 12-35 (adaptive quadrature).

    Examples:
        >>> rng = np.random.default_rng(3)
        >>> a = rng.integers(3, size=900)
        >>> b = (a + rng.integers(1, 3, size=900)) % 3
        >>> who = rng.integers(9, size=900)
        >>> sharp = np.where(who == 0, 0.0, 1.0)  # rater 0 tosses a coin
        >>> won = rng.random(900) < 1 / (1 + np.exp(sharp * (b - a)))
        >>> fit = rater_bradley_terry(Battles.of(a, b, won, names=["x", "y", "z"], rater=who))
        >>> fit.table.order(), min(range(9), key=lambda k: fit.skill[k].value)
        (['z', 'y', 'x'], 0)
    """
    check_confidence(confidence)
    if battles.rater is None:
        raise InvalidInputError("the battles have no raters", hint="give rater= to Battles.of, or use bradley_terry")
    if not (0.0 < skill_sd < math.inf and 0.0 < position_sd < math.inf):
        raise InvalidInputError(f"spreads {skill_sd} and {position_sd} are not above 0", hint="for example 0.5")
    if anchor is not None and anchor not in battles.names:
        raise InvalidInputError(f"the anchor {anchor!r} is not among the models", hint="name a model of the battles")
    counts = battles.counts()
    require_connected(counts)
    rated, reasons = finite_ratings(counts, has_tie_parameter=False, ridge=0.0)
    layout = Layout(
        names=counts.names,
        rated=rated,
        reasons=reasons,
        battles_of=battles_behind(counts, rated),
        n=counts.n,
        confidence=confidence,
        scale=scale,
        anchor=anchor,
        ties="half",
        tie_reason=None,
        method="bradley-terry-raters",
        n_clusters=None,
    )
    if rated.size < 2:
        why = "no model has a rating to judge raters by"
        none = tuple(_missing(why, layout, n) for n in np.bincount(battles.rater, minlength=len(battles.rater_names)))
        return RaterRatings(table=table_without_ratings(layout), raters=battles.rater_names, skill=none, position=none)
    votes = votes_of(battles.among(rated), skill_sd=skill_sd, position_sd=position_sd)
    fit = fit_raters(votes)
    doubt = Doubt(covariance=fit.covariance)
    if not fit.converged:
        doubt = Doubt(reason="the likelihood of ratings and raters has no clear maximum; lower skill_sd")
    given = np.bincount(votes.rater, minlength=votes.raters)
    skill, position = (
        _estimates(fit.effects[k], fit.errors[k], given, doubt, layout, unit)
        for k, unit in enumerate(("ratio to the average rater", "log-odds"))
    )
    table = replace(fitted_table(layout, fit.rating, doubt, n=votes.a.size), log_likelihood=fit.log_likelihood)
    return RaterRatings(table=table, raters=battles.rater_names, skill=skill, position=position)


def _estimates(
    values: Floats, errors: Floats, votes: Ints, doubt: Doubt, layout: Layout, unit: str
) -> tuple[Estimate, ...]:
    if doubt.reason is not None:
        return tuple(_missing(doubt.reason, layout, n) for n in votes)
    z = normal_quantile(0.5 + layout.confidence / 2.0)
    return tuple(
        Estimate(
            value=value,
            low=value - z * error,
            high=value + z * error,
            n=n,
            method=layout.method,
            confidence=layout.confidence,
            unit=unit,
            std_error=error,
        )
        for value, error, n in zip(values.tolist(), errors.tolist(), votes.tolist(), strict=True)
    )


def _missing(reason: str, layout: Layout, n: int) -> Estimate:
    return Estimate(
        value=None,
        low=None,
        high=None,
        n=int(n),
        method=layout.method,
        confidence=layout.confidence,
        reason=reason,
    )
