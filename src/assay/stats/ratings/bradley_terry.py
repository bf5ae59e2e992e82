"""Bradley–Terry ratings: ties, position, style control, robust intervals, and a refusal where nothing is finite."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.ratings.battles import Battles, PairCounts
from assay.stats.ratings.covariance import bread, clustered, robust
from assay.stats.ratings.encoding import Floats
from assay.stats.ratings.graph import finite_ratings, require_connected
from assay.stats.ratings.likelihood import Outcomes, TieModel, outcomes_of, start_of
from assay.stats.ratings.newton import Fit, maximise
from assay.stats.ratings.problem import Problem, problem_of
from assay.stats.ratings.report import Doubt, Layout, battles_behind, rating_table, table_without_ratings
from assay.stats.ratings.resampling import bootstrap_points, drawn_battles, drawn_counts
from assay.stats.ratings.table import RatingTable, Scale
from assay.stats.special import check_confidence

Interval = Literal["sandwich", "model", "bootstrap"]
_FAILED_SHARE = 0.01
_SEPARATION = "position or covariates foretell winners without error: no finite maximum; leave one out"
_SEPARATED = 1e3
"""A standard error of so many log-odds, for a covariate moved by its own spread, means there is no maximum."""


def bradley_terry(
    data: Battles | PairCounts,
    *,
    ties: TieModel = "half",
    position: bool = False,
    ridge: float = 0.0,
    interval: Interval = "sandwich",
    rng: np.random.Generator | None = None,
    rounds: int = 100,
    confidence: float = 0.95,
    scale: Scale = "log-odds",
    anchor: str | None = None,
) -> RatingTable:
    """Ratings r such that a beats b with log-odds r_a - r_b, plus covariates where the battles have them.

    Intervals are of Wald's form on the rating: right for models with, say, ten wins and ten losses, too short for a
    model that lost one battle of many. Battles that share a prompt or a person are not independent: name it in the
    battles' ``cluster``. Memory: O(pairs + K²) beyond the battles; with covariates every battle is a row, about
    150 bytes each.

    Args:
        data: Battles, or their counts. Covariates of the battles are controlled for (style control): the ratings are
            then those of models whose answers do not differ in them.
        ties: ``half``: a tie is half a win for each. ``davidson`` and ``rao-kupper``: a likelihood with ties, its
            parameter estimated.
        position: Also estimate how much being shown first helps.
        ridge: Precision λ of a normal prior on each rating (mean 0, variance 1/λ in squared log-odds). Above 0 every
            model gets a finite rating, drawn towards the mean; 0 is maximum likelihood.
        interval: ``sandwich`` (robust; over clusters where given), ``model`` (inverse information: needs independent
            battles and a true model) or ``bootstrap`` (normal, from refits of battles or clusters drawn again, with
            the t quantile that allows for few rounds).
        rng: Source of randomness, for ``bootstrap``.
        rounds: Bootstrap rounds, at least 10.
        confidence: Two-sided, in (0, 1), for each model by itself; ``rank_ranges`` speaks of all together.
        scale: ``log-odds``, mean 0; or ``elo`` points, mean 1000.
        anchor: Model to fix at 0 or 1000 instead of the mean.

    Returns:
        The table. A model that is never below the others by any chain of results (it won everything), or never above
        them, has no finite maximum: it gets no value but the reason. The largest group in which everybody is above
        everybody by some chain is rated by the battles inside it, which is the limit of the likelihood's maximum.

    Raises:
        InvalidInputError: The comparison graph is disconnected (the groups are named), a covariate cannot be told from
            the models or the others, an argument is outside its range.

    Sources:
        Bradley & Terry (1952), Biometrika 39, 324-345; Ford (1957), American Mathematical Monthly 64, 28-33;
        Davidson (1970), JASA 65, 317-328; Rao & Kupper (1967), JASA 62, 194-204; White (1982), Econometrica 50, 1-25.

    Examples:
        >>> counts = PairCounts.of(["x", "y", "x"], ["y", "z", "z"], wins_a=[6, 5, 9], wins_b=[3, 3, 1])
        >>> table = bradley_terry(counts)
        >>> [(name, round(e.value, 3)) for name, e in zip(table.names, table.ratings)]
        [('x', 0.897), ('y', -0.056), ('z', -0.841)]
    """
    _check(data, ridge=ridge, interval=interval, rng=rng, rounds=rounds, anchor=anchor, scale=scale)
    check_confidence(confidence)
    counts = data.counts() if isinstance(data, Battles) else data
    require_connected(counts)
    kind, tie_reason = _tie_model(ties, counts, interval)
    rated, reasons = finite_ratings(counts, has_tie_parameter=kind != "half", ridge=ridge)
    layout = Layout(
        names=counts.names,
        rated=rated,
        reasons=reasons,
        battles_of=battles_behind(counts, rated),
        n=counts.n,
        confidence=confidence,
        scale=scale,
        anchor=anchor,
        ties=kind,
        tie_reason=tie_reason,
        method=_method(data, kind, ridge, interval),
        n_clusters=data.n_clusters if isinstance(data, Battles) else None,
    )
    if rated.size < 2:
        return table_without_ratings(layout)
    problem = problem_of(data, counts, rated, position=position)
    if problem.battles is not None:
        layout = replace(layout, n_clusters=problem.battles.n_clusters)
    outcomes = outcomes_of(kind)
    fit = maximise(problem.rows, outcomes, _start(problem, kind), ridge=ridge)
    if not fit.converged or _is_separated(fit, problem, ridge):
        return table_without_ratings(layout, reason=_SEPARATION)
    doubt = _doubt(problem, fit, outcomes, interval, ridge=ridge, rng=rng, rounds=rounds)
    return rating_table(layout, problem, fit, doubt)


def _check(
    data: Battles | PairCounts,
    *,
    ridge: float,
    interval: str,
    rng: np.random.Generator | None,
    rounds: int,
    anchor: str | None,
    scale: str,
) -> None:
    if not (np.isfinite(ridge) and ridge >= 0.0):
        raise InvalidInputError(f"ridge is {ridge}", hint="a precision from 0; 0.1 means ratings of spread 3.2")
    if interval not in ("sandwich", "model", "bootstrap"):
        raise InvalidInputError(f"interval {interval!r} is unknown", hint="sandwich, model or bootstrap")
    if scale not in ("log-odds", "elo"):
        raise InvalidInputError(f"scale {scale!r} is unknown", hint="log-odds or elo")
    if anchor is not None and anchor not in data.names:
        raise InvalidInputError(f"the anchor {anchor!r} is not among the models", hint="name a model of the battles")
    if interval != "bootstrap":
        return
    if rng is None or rounds < 10:
        raise InvalidInputError(
            "a bootstrap needs a random generator and at least 10 rounds",
            hint="give rng=np.random.default_rng(seed) and rounds=100",
        )
    if isinstance(data, PairCounts) and data.squares is not None:
        raise InvalidInputError(
            "counts of weighted battles cannot be drawn again", hint="give the battles, or interval='sandwich'"
        )


def _tie_model(ties: TieModel, counts: PairCounts, interval: str) -> tuple[TieModel, str | None]:
    """The model used, and why the tie parameter is missing where it was asked for."""
    if ties not in ("half", "davidson", "rao-kupper"):
        raise InvalidInputError(f"tie model {ties!r} is unknown", hint="half, davidson or rao-kupper")
    any_tie, any_win = bool(counts.sums[2].any()), bool(counts.sums[:2].any())
    if ties == "half" and interval == "model" and any_tie:
        raise InvalidInputError(
            "ties counted as half wins are no likelihood, so the model gives no interval",
            hint="interval='sandwich', or ties='davidson'",
        )
    if ties != "half" and not (any_tie and any_win):
        return "half", "no battle was a tie" if any_win else "every battle was a tie"
    return ties, None


def _method(data: Battles | PairCounts, ties: TieModel, ridge: float, interval: str) -> str:
    parts = ["bradley-terry"] + ([] if ties == "half" else [ties]) + (["ridge"] if ridge else [])
    over_clusters = isinstance(data, Battles) and data.cluster is not None and interval != "model"
    return "-".join([*parts, "cluster", interval] if over_clusters else [*parts, interval])


def _start(problem: Problem, ties: TieModel) -> Floats:
    start = np.zeros(problem.rows.size + len(problem.effects))
    if ties == "half":
        return start
    sums = problem.rows.sums
    return np.append(start, start_of(ties, float(sums[2].sum() / sums.sum())))


def _is_separated(fit: Fit, problem: Problem, ridge: float) -> bool:
    if not problem.effects:
        return False
    size = problem.rows.size
    variance = np.diag(bread(fit, size, ridge))[size : size + len(problem.effects)]
    return bool((variance > _SEPARATED**2).any())


def _doubt(
    problem: Problem,
    fit: Fit,
    outcomes: Outcomes,
    interval: Interval,
    *,
    ridge: float,
    rng: np.random.Generator | None,
    rounds: int,
) -> Doubt:
    """Covariance of the parameters and the freedom it rests on; or the reason for having none."""
    rows, battles = problem.rows, problem.battles
    groups = battles.n_clusters if battles is not None else None
    reason = None if interval == "model" else _no_spread(problem, groups, fit.point.size - 1, ridge)
    if reason is not None:
        return Doubt(reason=reason)
    if interval == "bootstrap":
        assert rng is not None
        return _bootstrap(problem, fit, outcomes, ridge=ridge, rng=rng, rounds=rounds)
    if interval == "model":
        return Doubt(covariance=bread(fit, rows.size, ridge), freedom=math.inf)
    if groups is not None and battles is not None:
        each = problem.as_battles()
        covariance = clustered(fit, each, outcomes, battles, ridge=ridge) * (groups / (groups - 1))
        return Doubt(covariance=covariance, freedom=groups - 1)
    freedom = problem.n - (fit.point.size - 1)
    factor = problem.n / freedom if freedom > 0 and ridge == 0.0 else 1.0
    covariance = factor * robust(fit, rows, outcomes, ridge=ridge)
    return Doubt(covariance=covariance, freedom=math.inf)


def _no_spread(problem: Problem, groups: int | None, parameters: int, ridge: float) -> str | None:
    """Why residuals cannot tell the doubt, if they cannot."""
    if not problem.rows.sums[:2].any():
        return "every battle was a tie, so their spread is unknown"
    if groups == 1:
        return "all battles share one cluster"
    if groups is not None and groups <= parameters and ridge == 0.0:
        return f"{groups} clusters are too few for {parameters} ratings and effects"
    return None


def _bootstrap(
    problem: Problem,
    fit: Fit,
    outcomes: Outcomes,
    *,
    ridge: float,
    rng: np.random.Generator,
    rounds: int,
) -> Doubt:
    rows, battles = problem.rows, problem.battles
    if battles is None or not (problem.weighted or battles.cluster is not None or battles.covariates is not None):
        tables = drawn_counts(problem.n_of, rounds=rounds, rng=rng)
    else:
        tables = drawn_battles(battles, problem.cells(), rows.a.size, rounds=rounds, rng=rng)
    points, failed = bootstrap_points(fit, tables, rows, outcomes, ridge=ridge)
    if failed > _FAILED_SHARE * rounds:
        reason = f"{failed} of {rounds} resamples have no finite ratings; take the sandwich or a ridge"
        return Doubt(reason=reason, failed_rounds=failed)
    return Doubt(covariance=np.cov(points, rowvar=False), freedom=len(points) - 1, failed_rounds=failed)
