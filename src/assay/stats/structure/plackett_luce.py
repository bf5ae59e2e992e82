"""Plackett–Luce: ratings from rankings of several, whole or partial, with robust intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Labels, cluster_codes
from assay.stats.ratings.battles import PairCounts
from assay.stats.ratings.encoding import Floats, Ints, counted
from assay.stats.ratings.graph import finite_ratings, require_connected
from assay.stats.ratings.table import RatingTable, quantile
from assay.stats.special import check_confidence
from assay.stats.structure.rankings import Stages, stages_of

_MM_STEPS = 5
_NEWTON_STEPS = 100
_TOLERANCE = 1e-10


def plackett_luce(
    rankings: Sequence[Sequence[str]],
    *,
    behind: Sequence[Sequence[str]] | None = None,
    clusters: Labels | None = None,
    interval: Literal["sandwich", "model"] = "sandwich",
    confidence: float = 0.95,
) -> RatingTable:
    """Ratings θ such that from any set shown, i is put first with probability exp(θᵢ)/Σ exp(θⱼ), then the rest alike.

    Rankings may be of different, partial sets; items not shown in a ranking say nothing in it. Rankings of two are
    Bradley-Terry battles. Memory: O(rankings · (longest + K)) numbers.

    Args:
        rankings: Names, best first, no ties; at least one name, and at least two with those ``behind``.
        behind: For each ranking the names that were shown too and stand behind all ranked ones in no known order (a
            top-3 of ten has seven behind).
        clusters: Label of each ranking; those of one person or one prompt are not independent.
        interval: ``sandwich`` (robust, over clusters where given) or ``model`` (inverse information).
        confidence: Two-sided, of each rating by itself; ``rank_ranges`` speaks of all together.

    Returns:
        A table in log-odds, mean 0; its ``n`` counts rankings. Items without a finite rating carry the reason; the
        others are rated among themselves.

    Raises:
        InvalidInputError: A ranking repeats a name or holds nothing to compare, the items fall into groups that never
            met (they are named), there are not as many clusters as rankings.

    Sources:
        Luce (1959), Individual Choice Behavior; Plackett (1975), Applied Statistics 24, 193-202; Hunter (2004), Annals
        of Statistics 32, 384-406 (MM algorithm, section 5; condition for a maximum, Assumption 1); White (1982),
        Econometrica 50, 1-25 (sandwich).

    Examples:
        >>> table = plackett_luce([["x", "y", "z"], ["y", "x", "z"], ["z", "x", "y"], ["x", "y", "z"]])
        >>> table.order()
        ['x', 'y', 'z']
    """
    check_confidence(confidence)
    if interval not in ("sandwich", "model"):
        raise InvalidInputError(f"interval {interval!r} is unknown", hint="sandwich or model")
    stages = stages_of(rankings, behind)
    codes = cluster_codes(clusters, len(rankings))
    counts = _wins(stages)
    require_connected(counts)
    rated, reasons = finite_ratings(counts, has_tie_parameter=False, ridge=0.0)
    method = f"plackett-luce-{'cluster-' if codes is not None and interval == 'sandwich' else ''}{interval}"
    size = len(stages.names)
    log_odds, covariance = np.full(size, np.nan), np.full((size, size), np.nan)
    freedom, log_likelihood, n, groups = math.inf, math.nan, len(rankings), None
    no_interval = None
    if rated.size >= 2:
        kept, rows = stages.among(rated)
        codes = None if codes is None else codes[rows]
        point, log_likelihood = _maximise(kept)
        log_odds[rated] = point
        _, scores, information = _slopes(kept, point)
        bread = _inverse(information)
        n = rows.size
        groups = None if codes is None else int(np.unique(codes).size)
        if interval == "model":
            spread = bread
        else:
            units = scores if codes is None else _summed(scores, codes)
            if len(units) <= rated.size - 1:
                no_interval = f"{len(units)} independent rankings are too few for {rated.size} ratings"
            spread = bread @ (units.T @ units) @ bread * (len(units) / max(len(units) - 1, 1))
            freedom = math.inf if codes is None else max(len(units) - 1.0, 1.0)
        if no_interval is None:
            covariance[np.ix_(rated, rated)] = spread
    ratings = _estimates(
        log_odds, covariance, reasons, no_interval, n=n, groups=groups, method=method, confidence=confidence,
        freedom=freedom,
    )  # fmt: skip
    return RatingTable(
        names=stages.names,
        ratings=ratings,
        scale="log-odds",
        anchor=None,
        ties="half",
        log_odds=log_odds,
        covariance=covariance,
        confidence=confidence,
        method=method,
        n=n,
        log_likelihood=log_likelihood,
        n_clusters=groups,
        freedom=freedom,
    )


def _estimates(
    log_odds: Floats,
    covariance: Floats,
    reasons: dict[int, str],
    no_interval: str | None,
    *,
    n: int,
    groups: int | None,
    method: str,
    confidence: float,
    freedom: float,
) -> tuple[Estimate, ...]:
    found = []
    for item, value in enumerate(log_odds.tolist()):
        known = math.isfinite(value)
        variance = float(covariance[item, item])
        bounded = known and variance > 0.0
        half = quantile(confidence, freedom) * math.sqrt(variance) if bounded else 0.0
        reason = reasons.get(item) or no_interval or "the rankings show no spread to estimate one from"
        found.append(
            Estimate(
                value=value if known else None,
                low=value - half if bounded else None,
                high=value + half if bounded else None,
                n=n,
                method=method,
                confidence=confidence,
                unit="log-odds",
                reason=None if bounded else reason,
                n_clusters=groups,
                std_error=math.sqrt(variance) if bounded else None,
            )
        )
    return tuple(found)


def _wins(stages: Stages) -> PairCounts:
    """Every choice as a win over each of those left, for the conditions on the comparison graph alone."""
    size = len(stages.names)
    table = np.zeros((size, size), dtype=np.int64)
    for stage in range(int(stages.chosen.max())):
        rows = np.flatnonzero(stages.chosen > stage)
        rest = stages.order[rows, stage + 1 :]
        winner = np.repeat(stages.order[rows, stage], rest.shape[1])
        loser = rest.ravel()
        met = loser >= 0
        table += np.bincount(winner[met] * size + loser[met], minlength=size * size).reshape(size, size)
    a, b = np.nonzero(np.triu(table + table.T, 1))
    return PairCounts.of(a, b, wins_a=table[a, b], wins_b=table[b, a], names=stages.names)


def _maximise(stages: Stages) -> tuple[Floats, float]:
    """A few MM steps from equal ratings, then Newton's method with halved steps; the likelihood is concave."""
    point = np.zeros(len(stages.names))
    wins = np.bincount(_winners(stages), minlength=point.size)
    for _ in range(_MM_STEPS):
        # Hunter's update with each total taken at the old point: wins over Σ 1/Σ exp(θ) of the sets it was in;
        # an item that was never first keeps a start, Newton's steps move it on
        pull = _appearances(stages, point)
        point = np.where(wins > 0, np.log(np.maximum(wins, 0.5)) - np.log(pull), point - 0.5)
        point -= point.mean()
    value, scores, information = _slopes(stages, point)
    for _ in range(_NEWTON_STEPS):
        step = np.linalg.solve(_anchored(information), scores.sum(axis=0))
        scale = 1.0
        while scale > 1e-9:
            trial = point + scale * step
            trial -= trial.mean()
            found = _slopes(stages, trial)
            if found[0] >= value - 1e-12 * (1.0 + abs(value)):
                break
            scale *= 0.5
        moved = float(np.abs(trial - point).max())
        point, (value, scores, information) = trial, found
        if moved <= _TOLERANCE:
            break
    return point, value


def _anchored(information: Floats) -> Floats:
    """The information with a pull on the mean of the ratings, about which rankings say nothing."""
    anchored: Floats = information + np.trace(information) / len(information) ** 2
    return anchored


def _inverse(information: Floats) -> Floats:
    """Inverse where the ratings have mean 0; a pseudo-inverse may take rounding for information on their mean."""
    inverse = np.linalg.inv(_anchored(information))
    return np.asarray(inverse - inverse.mean(axis=0), dtype=np.float64)


def _winners(stages: Stages) -> Ints:
    columns = np.arange(stages.order.shape[1])
    return stages.order[columns[None, :] < stages.chosen[:, None]]


def _worths(stages: Stages, point: Floats) -> Floats:
    padded = np.append(np.exp(point - point.max()), 0.0)
    return padded[stages.order]


def _appearances(stages: Stages, point: Floats) -> Floats:
    worth = _worths(stages, point)
    left = np.cumsum(worth[:, ::-1], axis=1)[:, ::-1]
    used = np.arange(left.shape[1])[None, :] < stages.chosen[:, None]
    share = np.cumsum(np.where(used, 1.0 / np.where(used, left, 1.0), 0.0), axis=1)
    total: Floats = counted(np.asarray(stages.order.ravel() + 1), share.ravel(), point.size + 1)[1:] * math.exp(
        -point.max()
    )
    return total


def _slopes(stages: Stages, point: Floats) -> tuple[float, Floats, Floats]:
    """Log-likelihood, its gradient of each ranking (rows), and the information."""
    size, rankings = point.size, len(stages.order)
    worth = _worths(stages, point)
    left = np.cumsum(worth[:, ::-1], axis=1)[:, ::-1]
    place = np.where(stages.order >= 0, stages.order, size)
    scores, information, value = np.zeros((rankings, size + 1)), np.zeros((size, size)), 0.0
    for stage in range(int(stages.chosen.max())):
        rows = np.flatnonzero(stages.chosen > stage)
        share = np.zeros((rows.size, size + 1))
        share[np.arange(rows.size)[:, None], place[rows, stage:]] = worth[rows, stage:] / left[rows, stage : stage + 1]
        winner = place[rows, stage]
        value += float(np.log(share[np.arange(rows.size), winner]).sum())
        scores[rows] -= share
        scores[rows, winner] += 1.0
        information -= share[:, :size].T @ share[:, :size]
        information[np.arange(size), np.arange(size)] += share[:, :size].sum(axis=0)
    return value, scores[:, :size], information


def _summed(scores: Floats, codes: Ints) -> Floats:
    _, group = np.unique(codes, return_inverse=True)
    units = np.zeros((int(group.max()) + 1, scores.shape[1]))
    np.add.at(units, group, scores)
    return units
