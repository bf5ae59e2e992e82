"""One label a unit from many: which model, what it says, how often it is right; and the file that holds it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.app.agreement_file import AgreementRequest, LabelFile
from assay.core.errors import DataError, InvalidInputError, StoreError
from assay.core.records import Estimate
from assay.stats.agreement.consensus import Consensus
from assay.stats.agreement.dawid_skene import dawid_skene
from assay.stats.agreement.glad import glad
from assay.stats.agreement.mace import mace
from assay.stats.agreement.one_coin import one_coin
from assay.stats.agreement.ratings import Ratings
from assay.stats.agreement.votes import majority_vote, weighted_vote
from assay.stats.moments import Moments
from assay.stats.scalar import mean_estimate

MODELS: Mapping[str, Callable[..., Consensus]] = {
    "dawid-skene": dawid_skene,
    "one-coin": one_coin,
    "glad": glad,
    "mace": mace,
}
LABELS_A_CELL = 5
"""Labels of the middle rater for each level, from which a confusion matrix a rater can be learnt."""
MOST_LEVELS = 50
FOLDS = 5
TIE = 1e-9
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreed:
    """The consensus.

    Attributes:
        method: Model used.
        why: How it was chosen; empty when it was named.
        labels: Per unit; ``None`` where several are equally likely.
        belief: Probability (or share of votes) of that label; ``None`` for numbers.
        votes: Labels behind it.
        posterior: Shape ``(units, levels)``; ``None`` for numbers.
        quality: Of each rater, as the model sees it; ``None`` where it judges nobody.
        converged: Whether the model's rounds came to an end.
    """

    method: str
    why: str
    units: Sequence[Hashable]
    labels: Sequence[Hashable | None]
    belief: Sequence[float] | None
    votes: Sequence[int]
    posterior: Floats | None
    quality: Sequence[Estimate] | None
    converged: bool


def find_consensus(file: LabelFile, request: AgreementRequest) -> Agreed:
    """The consensus by the model asked for, or by the one that suits the labels.

    Raises:
        DataError: The model does not suit the scale, or needs gold that is not there (``agreement.consensus``).
    """
    ratings = file.ratings
    numbers = file.level in ("interval", "ratio")
    name, why = _suited(file) if request.consensus == "auto" else (request.consensus, "")
    if numbers != (name in ("mean", "median")):
        fitting = "mean or median" if numbers else f"majority, weighted, {', '.join(MODELS)}"
        raise DataError(
            f"a consensus by {name} does not suit labels on the scale {file.level}",
            hint=f"use {fitting}, or name another --level",
            code="agreement.consensus",
        )
    if name == "weighted" and not file.gold:
        raise DataError(
            "a weighted vote needs true labels to weigh raters by",
            hint="--gold COLUMN, or --consensus dawid-skene, which needs none",
            code="agreement.consensus",
        )
    if numbers:
        return _middle(ratings, name, why)
    if name == "majority" or len(ratings.levels) < 2:
        vote = majority_vote(ratings)
        return _agreed(ratings, "majority", why, vote.posterior, vote.labels, None, converged=True)
    try:
        found = weighted_vote(ratings, file.gold) if name == "weighted" else MODELS[name](ratings)
    except InvalidInputError as error:
        raise DataError(str(error), hint=error.hint, code="agreement.consensus") from error
    return _agreed(ratings, name, why, found.posterior, found.labels, found.quality, converged=found.converged)


def _suited(file: LabelFile) -> tuple[str, str]:
    ratings = file.ratings
    if file.level in ("interval", "ratio"):
        return "mean", "the mean, because the labels are numbers"
    levels = len(ratings.levels)
    if ratings.n_raters < 3 or levels > MOST_LEVELS:
        few = "two raters" if ratings.n_raters < 3 else f"{levels} labels"
        return "majority", f"the majority, because {few} cannot show who is right more often"
    middle = float(np.median(np.bincount(ratings.rater, minlength=ratings.n_raters)))
    if middle >= LABELS_A_CELL * levels:
        return "dawid-skene", f"Dawid–Skene, because the middle rater gave {middle:g} labels"
    return "one-coin", f"one accuracy a rater, because the middle rater gave only {middle:g} labels"


def _agreed(
    ratings: Ratings,
    method: str,
    why: str,
    posterior: Floats,
    labels: Sequence[Hashable | None],
    quality: Sequence[Estimate] | None,
    *,
    converged: bool,
) -> Agreed:
    return Agreed(
        method=method, why=why, units=ratings.unit_names, labels=labels, belief=posterior.max(axis=1).tolist(),
        votes=ratings.per_unit.tolist(), posterior=posterior, quality=quality, converged=converged,
    )  # fmt: skip


def _middle(ratings: Ratings, method: str, why: str) -> Agreed:
    parts = np.split(ratings.values, np.cumsum(ratings.per_unit)[:-1])
    take = np.mean if method == "mean" else np.median
    labels = [float(take(part)) if part.size else None for part in parts]
    return Agreed(
        method=method, why=why, units=ratings.unit_names, labels=labels, belief=None,
        votes=ratings.per_unit.tolist(), posterior=None, quality=None, converged=True,
    )  # fmt: skip


def consensus_document(agreed: Agreed, file: LabelFile, request: AgreementRequest) -> dict[str, Any]:
    """What is said of the consensus; the labels themselves go to ``--output``."""
    prevalence = None
    if agreed.posterior is not None:
        prevalence = dict(zip(map(str, file.ratings.levels), agreed.posterior.mean(axis=0).tolist(), strict=True))
    return {
        "method": agreed.method,
        "reason": agreed.why or None,
        "units": len(agreed.units),
        "undecided": sum(label is None for label in agreed.labels),
        "converged": agreed.converged,
        "prevalence": prevalence,
        "accuracy": _accuracy(agreed, file, request),
        "majority_accuracy": _majority_accuracy(agreed, file, request),
    }


def _accuracy(agreed: Agreed, file: LabelFile, request: AgreementRequest) -> Estimate | None:
    """Share of gold units that are right, a tie counting in part; the mean absolute error of numbers."""
    if not file.gold:
        return None
    if agreed.posterior is None:
        errors = [
            abs(label - file.gold[unit])  # type: ignore[operator]
            for unit, label in zip(agreed.units, agreed.labels, strict=True)
            if label is not None and unit in file.gold
        ]
        return mean_estimate(Moments.of(errors), confidence=request.confidence, unit="error")
    if agreed.method == "weighted":
        return _share(_held_out(file, request.seed), request)
    return _share(_right(agreed.posterior, file, file.gold), request)


def _majority_accuracy(agreed: Agreed, file: LabelFile, request: AgreementRequest) -> Estimate | None:
    if not file.gold or agreed.posterior is None or agreed.method == "majority":
        return None
    return _share(_right(majority_vote(file.ratings).posterior, file, file.gold), request)


def _share(right: Sequence[float], request: AgreementRequest) -> Estimate:
    return mean_estimate(Moments.of(right), confidence=request.confidence, unit="share")


def _right(posterior: Floats, file: LabelFile, gold: Mapping[Hashable, Hashable]) -> list[float]:
    """1 where the label is right, 1/j where it is one of j equally likely ones, 0 elsewhere."""
    place = {label: index for index, label in enumerate(file.ratings.levels)}
    found = []
    for unit, belief in zip(file.ratings.unit_names, posterior, strict=True):
        if unit in gold:
            best = belief >= belief.max() - TIE
            found.append(float(best[place[gold[unit]]]) / int(best.sum()))
    return found


def _held_out(file: LabelFile, seed: int) -> list[float]:
    """Accuracy of weights that were learnt on other gold units: a weighted vote copies the gold it has seen."""
    units = [unit for unit in file.ratings.unit_names if unit in file.gold]
    fold = np.random.default_rng(seed).permutation(len(units)) % min(FOLDS, len(units))
    found: list[float] = []
    for part in range(int(fold.max()) + 1):
        held = {unit: file.gold[unit] for unit, here in zip(units, fold.tolist(), strict=True) if here == part}
        rest = {unit: file.gold[unit] for unit in units if unit not in held}
        if rest:
            found += _right(weighted_vote(file.ratings, rest).posterior, file, held)
    return found


def write_consensus(path: Path, agreed: Agreed, *, unit: str, label: str) -> str:
    """A CSV of unit, label, how sure it is and how many labels are behind it.

    Raises:
        StoreError: The file cannot be written (``agreement.unwritable``).
    """
    beliefs = [None] * len(agreed.units) if agreed.belief is None else agreed.belief
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([unit, label, "probability", "labels"])
            for name, found, belief, votes in zip(agreed.units, agreed.labels, beliefs, agreed.votes, strict=True):
                sure = "" if belief is None else f"{belief:.6g}"
                writer.writerow([name, "" if found is None else found, sure, votes])
    except OSError as error:
        raise StoreError(
            f"the labels could not be written to {path}: {error.strerror}; the figures themselves were made",
            hint="choose another --output",
            code="agreement.unwritable",
        ) from error
    return str(path)
