"""The figures every source needs, each from assay.stats and each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from assay import stats
from assay.core.errors import InvalidInputError
from assay.core.records import Estimate

Floats = npt.NDArray[np.float64]
Groups = Sequence[Hashable] | npt.NDArray[Any]
Labels = Sequence[Any] | npt.NDArray[Any]
Kind = Literal["pearson", "spearman", "kendall"]
CORRELATIONS: dict[Kind, Callable[..., Estimate]] = {
    "pearson": stats.pearson_correlation,
    "spearman": stats.spearman_correlation,
    "kendall": stats.kendall_tau_b,
}


def share(hits: npt.ArrayLike, clusters: Groups | None = None) -> Estimate:
    """Mean of values in [0, 1], with Wilson's interval on the effective number; clusters are prompts or documents."""
    return stats.win_rate(np.asarray(hits, dtype=np.float64), clusters=clusters)


def correlation(kind: Kind, x: npt.ArrayLike, y: npt.ArrayLike, clusters: Groups | None = None) -> Estimate:
    """A correlation whose interval allows for ties, bounded scores and clusters (influence values, on the z scale)."""
    return CORRELATIONS[kind](x, y, method="delta", clusters=clusters)


def balanced_accuracy(said: npt.ArrayLike, truth: npt.ArrayLike, clusters: Groups | None = None) -> Estimate:
    """Mean of the share right among the positives and among the negatives: .5 is what a constant answer gets.

    Without clusters the two shares' Wilson intervals are added in squares (MOVER); with clusters, which may hold both
    classes, each item's influence on the figure is averaged over clusters (CR2).

    Raises:
        InvalidInputError: Lengths differ, or the truth has one class only.
    """
    answer, right = _flags(said), _flags(truth)
    if answer.size != right.size or right.all() or not right.any():
        raise InvalidInputError(
            "balanced accuracy needs items of both classes and an answer on each", hint="give said and truth"
        )
    if answer.all() or not answer.any():
        return Estimate(value=0.5, low=None, high=None, n=answer.size, method="by definition", unit="share",
                        reason="a constant answer has one half on any items")  # fmt: skip
    hits = answer == right
    if clusters is None:
        classes = [
            stats.mean_estimate(stats.Moments.of(hits[right == side].astype(float).tolist()), unit="share")
            for side in (True, False)
        ]
        return replace(stats.macro_average(classes), method="wilson-mover")
    influence = np.zeros(answer.size)
    value = 0.0
    for side in (True, False):
        member = right == side
        rate = float(hits[member].mean())
        value += 0.5 * rate
        influence[member] = 0.5 * answer.size / member.sum() * (hits[member] - rate)
    return _linearised(value, influence, clusters, "share")


def kappa(first: Labels, second: Labels, clusters: Groups | None = None) -> Estimate:
    """Cohen's kappa of two raters of the same items; with clusters, from each item's influence over clusters (CR2)."""
    ratings = stats.Ratings.from_labels(
        [*range(len(first)), *range(len(second))],
        ["first"] * len(first) + ["second"] * len(second),
        [*map(str, first), *map(str, second)],
    )
    plain = stats.cohen_kappa(ratings)
    if clusters is None or plain.value is None:
        return plain
    _, codes = np.unique([*map(str, first), *map(str, second)], return_inverse=True)
    one, two = codes[: len(first)], codes[len(first) :]
    levels = int(codes.max()) + 1
    ours, theirs = (np.bincount(side, minlength=levels) / side.size for side in (one, two))
    same, chance = (one == two).astype(float), float(ours @ theirs)
    observed = float(same.mean())
    influence = (same - observed) / (1.0 - chance)
    influence -= (1.0 - observed) / (1.0 - chance) ** 2 * (theirs[one] + ours[two] - 2.0 * chance)
    return _linearised(plain.value, influence, clusters, plain.unit)


def f1(said: npt.ArrayLike, truth: npt.ArrayLike, clusters: Groups | None = None) -> Estimate:
    """F1 of the positive class: twice the hits over all that were called or are positive, as a ratio of sums."""
    answer, right = _flags(said), _flags(truth)
    both = (answer & right).astype(float)
    return stats.ratio_metric(2.0 * both, answer.astype(float) + right.astype(float), clusters=clusters, unit="F1")


def cross_threshold(scores: npt.ArrayLike, truth: npt.ArrayLike, groups: Sequence[Hashable]) -> npt.NDArray[np.bool_]:
    """Whether each score is above a threshold chosen on the other half of the groups, by balanced accuracy there.

    Groups are halved in their order of appearance, every other one; no item helps to choose the threshold it meets.
    """
    values, right = np.asarray(scores, dtype=np.float64), _flags(truth)
    place = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    half = np.array([place[group] % 2 for group in groups])
    said = np.zeros(values.size, dtype=bool)
    for side in (0, 1):
        said[half == side] = values[half == side] > _best_threshold(values[half != side], right[half != side])
    return said


def _best_threshold(values: Floats, truth: npt.NDArray[np.bool_]) -> float:
    """The midpoint between neighbouring scores at which the shares right of both classes are highest together."""
    levels = np.unique(values)
    cuts = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]) / 2.0])
    above = values[None, :] > cuts[:, None]
    gain = above[:, truth].mean(axis=1) + (~above[:, ~truth]).mean(axis=1)
    return float(cuts[int(np.argmax(gain))])


def _flags(column: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    return np.asarray(column).astype(bool)


def _linearised(value: float, influence: Floats, clusters: Groups, unit: str) -> Estimate:
    found = stats.clustered_mean(value + influence, clusters, unit=unit)
    return replace(found, method=f"linearised {found.method}")
