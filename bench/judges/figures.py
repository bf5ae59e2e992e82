"""The figures every source needs, each from assay.stats and each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from assay import stats
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


def kappa(first: Labels, second: Labels, clusters: Groups | None = None) -> Estimate:
    """Cohen's kappa of two raters of the same items."""
    pairs = [[str(one), str(two)] for one, two in zip(first, second, strict=True)]
    return stats.cohen_kappa(stats.Ratings.from_matrix(np.array(pairs, dtype=object)), clusters=clusters)


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
