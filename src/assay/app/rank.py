"""``assay rank``: a Bradley–Terry leaderboard with its doubt, and what else moves verdicts: order, style, raters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.app.rank_file import BattleFile, RankRequest, read_battles
from assay.app.rank_words import rank_sentences
from assay.core.codec import to_document
from assay.core.errors import DataError, InvalidInputError
from assay.core.records import Estimate
from assay.stats.ratings.bradley_terry import bradley_terry
from assay.stats.ratings.elo import elo_over_orders, elo_ratings
from assay.stats.ratings.problem import POSITION
from assay.stats.ratings.ranks import RankRange, rank_ranges
from assay.stats.ratings.raters import RaterRatings, rater_bradley_terry
from assay.stats.ratings.table import RatingTable
from assay.stats.ratings.win_rate import SwappedWinRate, swapped_win_rate, win_rate

SCHEMA = "assay.rank/1"
MOST_REPLAYED = 20_000
"""Battles up to which Elo is played in a hundred random orders (about a second)."""
MOST_DRAWN_MODELS = 100


def make_ranking(request: RankRequest) -> dict[str, Any]:
    """The ``assay.rank/1`` document of a file.

    Raises:
        DataError: As ``read_battles``; no pair judged in both orders (``rank.no_swaps``), options that exclude each
            other on these data (``rank.options``).
        InvalidInputError: The models fall into groups that never met; a covariate cannot be told from the models.
    """
    file = read_battles(request)
    swapped = _swaps(file, request) if request.swap else None
    table, raters = _fit(file, request)
    rng = np.random.default_rng(request.seed) if len(table.names) <= MOST_DRAWN_MODELS else None
    ranges = rank_ranges(table, rng=rng)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "file": request.path,
        "columns": {
            "a": request.a,
            "b": request.b,
            "verdict": request.preference or request.winner,
            "rater": request.rater,
            "cluster": request.cluster,
        },
        "scale": request.scale,
        "ties": table.ties,
        "method": table.method,
        "confidence": request.confidence,
        "battles": int(file.score.size),
        "tied": int((file.score == 0.5).sum()),
        "graded": file.graded,
        "missing": file.missing,
        "mapping": file.mapping,
        "reading": file.note,
        "n_clusters": None if file.cluster is None else len(set(file.cluster)),
        "failed_rounds": table.failed_rounds,
        "models": _models(file, table, ranges, request),
        "tie_probability": table.tie,
        "covariates": {name: effect for name, effect in table.effects.items() if name != POSITION},
        "position": _position(file, request),
        "swapped": None if swapped is None else _swap_document(*swapped),
        "raters": _raters(raters),
    }
    document = {name: to_document(value) for name, value in document.items()}
    return {**document, "sentences": rank_sentences(document)}


def _fit(file: BattleFile, request: RankRequest) -> tuple[RatingTable, RaterRatings | None]:
    if request.rater is not None:
        grouped = request.cluster and not request.swap  # there it names what two verdicts share, and no more
        if request.covariates or request.ridge or request.bootstrap or request.ties != "half" or grouped:
            raise DataError(
                "rater effects are fitted without covariates, ridge, bootstrap, clusters and a model of ties",
                hint="leave --rater out, or the others",
                code="rank.options",
            )
        fitted = rater_bradley_terry(file.battles, scale=request.scale, confidence=request.confidence)
        return _recounted(fitted.table, file), fitted
    table = bradley_terry(
        file.battles,
        ties=request.ties,
        ridge=request.ridge,
        interval="bootstrap" if request.bootstrap else "sandwich",
        rng=np.random.default_rng(request.seed) if request.bootstrap else None,
        rounds=request.bootstrap or 100,
        confidence=request.confidence,
        scale=request.scale,
    )
    return _recounted(table, file), None


def _recounted(table: RatingTable, file: BattleFile) -> RatingTable:
    """Graded preferences went in as two weighted battles each; an Estimate's n counts what people judged."""
    if not file.graded:
        return table
    rated = np.isfinite(table.log_odds)
    inside = rated[file.a] & rated[file.b]
    counts = _played(file, inside)
    every = _played(file, np.ones(file.score.size, dtype=np.bool_))
    clusters = None if file.cluster is None else table.n_clusters
    ratings = tuple(
        replace(one, n=int(counts[place] if rated[place] else every[place]), n_clusters=clusters)
        for place, one in enumerate(table.ratings)
    )
    n = int(inside.sum())
    effects = {name: replace(effect, n=n, n_clusters=clusters) for name, effect in table.effects.items()}
    tie = None if table.tie is None else replace(table.tie, n=n, n_clusters=clusters)
    return replace(table, ratings=ratings, effects=effects, tie=tie, n=n, n_clusters=clusters)


def _played(file: BattleFile, kept: Any) -> Any:
    size = len(file.battles.names)
    return np.bincount(file.a[kept], minlength=size) + np.bincount(file.b[kept], minlength=size)


def _models(
    file: BattleFile, table: RatingTable, ranges: Sequence[RankRange], request: RankRequest
) -> list[dict[str, Any]]:
    """Best first; models without a rating last."""
    size = len(table.names)
    elo = elo_ratings(file.battles)
    orders: Sequence[Estimate | None] = [None] * size
    if file.score.size <= MOST_REPLAYED:
        orders = elo_over_orders(file.battles, rng=np.random.default_rng(request.seed), confidence=request.confidence)
    everyone = np.concatenate([file.a, file.b])
    scores = np.concatenate([file.score, 1.0 - file.score])
    groups = None if file.cluster is None else np.array([*file.cluster, *file.cluster], dtype=object)
    parts = np.split(np.argsort(everyone, kind="stable"), np.cumsum(np.bincount(everyone, minlength=size))[:-1])
    rows = []
    for place, (name, battles, standing) in enumerate(zip(table.names, parts, ranges, strict=True)):
        won = scores[battles]
        rows.append(
            {
                "model": name,
                "rank": standing.rank,
                "rank_low": standing.low,
                "rank_high": standing.high,
                "rating": table.ratings[place],
                "battles": int(won.size),
                "wins": int((won == 1.0).sum()),
                "losses": int((won == 0.0).sum()),
                "ties": int((won == 0.5).sum()),
                "win_rate": win_rate(
                    won,
                    clusters=None if groups is None else groups[battles].tolist(),
                    confidence=request.confidence,
                ),
                "elo_in_file_order": elo[place],
                "elo_over_orders": orders[place],
            }
        )
    return sorted(rows, key=_standing)


def _standing(row: Mapping[str, Any]) -> tuple[bool, float, str]:
    value = row["rating"].value
    return value is None, -(value or 0.0), row["model"]


def _position(file: BattleFile, request: RankRequest) -> dict[str, Any]:
    """How much being shown first helps, in log-odds and as the share won against an equal; or why nobody can tell."""
    try:
        table = bradley_terry(
            file.battles, ties=request.ties, ridge=request.ridge, position=True, confidence=request.confidence
        )
    except InvalidInputError as error:
        return {"effect": None, "share": None, "reason": str(error)}
    found = _recounted(table, file).effects.get(POSITION)
    if found is None or found.value is None:
        return {"effect": None, "share": None, "reason": "the battles determine no ratings"}
    bounds = (found.value, found.low, found.high)
    value, low, high = (None if x is None else float(1.0 / (1.0 + np.exp(-x))) for x in bounds)
    share = replace(found, value=value, low=low, high=high, unit="share", std_error=None)
    return {"effect": found, "share": share, "reason": found.reason}


def _swaps(file: BattleFile, request: RankRequest) -> tuple[SwappedWinRate, int]:
    """Pairs judged in both orders, and the rows that have no partner."""
    if file.graded:
        raise DataError(
            "flips are counted on verdicts, and these preferences are graded",
            hint="leave --swap out; position bias is estimated from graded preferences all the same",
            code="rank.options",
        )
    assert file.cluster is not None
    raters = file.rater or [""] * len(file.cluster)
    met: dict[tuple[int, int, str, str], tuple[list[float], list[float]]] = {}
    for one, other, score, group, rater in zip(
        file.a.tolist(), file.b.tolist(), file.score.tolist(), file.cluster, raters, strict=True
    ):
        first, second = met.setdefault((min(one, other), max(one, other), group, rater), ([], []))
        if one < other:
            first.append(score)
        else:
            second.append(1.0 - score)
    both = {key: (first[0], second[0]) for key, (first, second) in met.items() if len(first) == len(second) == 1}
    if not both:
        raise DataError(
            f"no two models were judged in both orders on the same {request.cluster}",
            hint="--cluster names the prompt both verdicts share; leave --swap out where one order was shown",
            code="rank.no_swaps",
        )
    shown_first, shown_second = zip(*both.values(), strict=True)
    found = swapped_win_rate(
        shown_first, shown_second, clusters=[key[2] for key in both], confidence=request.confidence
    )
    return found, int(file.score.size) - 2 * len(both)


def _swap_document(found: SwappedWinRate, unmatched: int) -> dict[str, Any]:
    """Whose win rate it is differs from pair to pair, so it is left out."""
    return {
        "pairs": found.n_flips + found.n_partial + found.n_agreed,
        "unmatched": unmatched,
        "flip_rate": found.flip_rate,
        "position_bias": found.position_bias,
        "flipped": found.n_flips,
        "partly": found.n_partial,
        "agreed": found.n_agreed,
    }


def _raters(found: RaterRatings | None) -> list[dict[str, Any]]:
    """Least skilled first."""
    if found is None:
        return []
    rows = [
        {"rater": name, "skill": skill, "position": position}
        for name, skill, position in zip(found.raters, found.skill, found.position, strict=True)
    ]
    return sorted(rows, key=lambda row: (row["skill"].value is None, row["skill"].value or 0.0))
