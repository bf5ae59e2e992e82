"""From a solved chain to bounds: which variance, how many degrees of freedom, which shape, and when to refuse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.stats.prediction.chain import Solved
from assay.stats.prediction.inputs import Bools, Floats
from assay.stats.special import normal_quantile, t_quantile

RARE = 8.0
"""Expected wins (or losses) among the labels below which a share gets Wilson's interval."""
REASONS = (
    "",
    "too few top-tier labels for the weights that are fitted: no degrees of freedom are left",
    "all top-tier labels are predicted equally well, so their spread is unknown",
    "one labelled item alone determines a fitted weight",
    "all top-tier labels lie in one cluster",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of every replicate, shape ``(R,)``; NaN where ``reason`` is not 0."""

    low: Floats
    high: Floats
    std_error: Floats
    df: Floats
    reason: npt.NDArray[np.int8]
    rare: Bools
    census: Bools
    n_clusters: Floats | None


def limits(
    solved: Solved,
    *,
    n_items: int,
    new_inputs: bool,
    groups: tuple[npt.NDArray[np.intp], int] | None,
    labelled: Bools,
    confidence: float,
    share: bool,
    prior: Floats | None,
    prior_weight: float,
) -> Limits:
    """Bounds from a solved chain.

    Args:
        solved: The chain.
        n_items: N.
        new_inputs: Whether N itself is a draw.
        groups: Cluster of each item and their number; only for new inputs.
        labelled: Which items have a top verdict, ``(R, N)``; only looked at with clusters.
        confidence: Two-sided coverage.
        share: Labels lie in [0, 1] and rare ones get Wilson's interval.
        prior: Residual variance of each tier's map where it was fitted, ``(K,)``.
        prior_weight: Labels that the prior is worth.
    """
    n, df = solved.n_labels, solved.df
    squares = solved.squares
    if prior is not None:
        own = np.maximum(df, 0.0)[:, None]
        squares = (own * squares + prior_weight * prior * solved.design) / (own + prior_weight)
        df = np.maximum(df, 0.0) + prior_weight
    variance, clusters = squares.sum(axis=1), None
    if new_inputs:
        variance = variance + solved.label_variance / n_items
    reason = np.zeros(n.size, dtype=np.int8)
    census = np.full(n.size, not new_inputs) & (n == n_items)
    unknown_spread = solved.flat & (prior is None)
    if new_inputs and groups is not None and solved.terms is not None:
        variance, seen = _cluster_variance(solved.terms, solved.value, groups, labelled)
        clusters, df = seen, np.minimum(df, seen - 1.0)
        reason[seen < 2.0] = 4
    reason[unknown_spread & ~census] = 2
    reason[solved.extreme & ~census] = 3
    reason[(df < 1.0 - 1e-9) & (reason == 0) & ~census] = 1
    std_error = np.where(census, 0.0, np.sqrt(variance))
    half = t_quantiles(confidence, np.maximum(df, 1.0)) * std_error
    low, high = solved.value - half, solved.value + half
    rare = np.zeros(n.size, dtype=bool)
    if share:
        wins = np.clip(solved.value, 0.0, 1.0)
        rare = (np.minimum(wins, 1.0 - wins) * n < RARE) & ~census & (n >= 1.0)
        left = 1.0 if new_inputs else (n_items - n) / max(n_items - 1.0, 1.0)
        size = n if clusters is None else np.minimum(n, clusters)
        wilson_low, wilson_high = _wilson(wins, size / np.maximum(left, 1e-12), confidence)
        low, high = np.where(rare, wilson_low, low), np.where(rare, wilson_high, high)
        reason[rare] = 0
        low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    low, high = (np.where(reason == 0, bound, np.nan) for bound in (low, high))
    return Limits(
        low=low, high=high, std_error=std_error, df=df, reason=reason, rare=rare, census=census, n_clusters=clusters
    )


def t_quantiles(confidence: float, df: Floats) -> Floats:
    """Two-sided t quantiles of many degrees of freedom; scipy only where there are many different ones."""
    distinct, index = np.unique(np.round(df, 9), return_inverse=True)
    if distinct.size <= 32:
        found = np.array([t_quantile(0.5 + confidence / 2.0, float(one)) for one in distinct])
    else:
        from scipy.special import stdtrit

        found = stdtrit(distinct, 0.5 + confidence / 2.0)
    return np.asarray(found[index], dtype=np.float64)


def _cluster_variance(
    terms: Floats, value: Floats, groups: tuple[npt.NDArray[np.intp], int], labelled: Bools
) -> tuple[Floats, Floats]:
    """CR1 variance of the mean of terms that share clusters, and how many clusters hold a label."""
    index, count = groups
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(count))
    sums = np.add.reduceat((terms - value[:, None])[:, order], starts, axis=1)
    seen = np.add.reduceat(labelled[:, order], starts, axis=1, dtype=np.float64) > 0.0
    scale = count / max(count - 1.0, 1.0) / terms.shape[1] ** 2
    return scale * np.square(sums).sum(axis=1), np.count_nonzero(seen, axis=1).astype(np.float64)


def _wilson(share: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Wilson's interval of many shares at once, n counted plainly: predictions earn nothing where wins are rare."""
    square = normal_quantile(0.5 + confidence / 2.0) ** 2
    middle = (share + square / (2.0 * n)) / (1.0 + square / n)
    half = np.sqrt(square * (share * (1.0 - share) / n + square / (4.0 * n * n))) / (1.0 + square / n)
    low = np.where(share <= 0.0, 0.0, np.maximum(middle - half, 0.0))
    high = np.where(share >= 1.0, 1.0, np.minimum(middle + half, 1.0))
    return low, high
