"""From a solved chain to bounds: which variance, how many degrees of freedom, which shape, and when to refuse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.stats.prediction.chain import Solved
from assay.stats.prediction.inputs import Bools, Floats
from assay.stats.prediction.variance import kish
from assay.stats.special import normal_quantile, t_quantile

RARE = 8.0
"""Expected wins (or losses) among the labels that carry the variance, below which a share gets Wilson's interval."""
STRANGE = 0.01
"""Level of the test that the labels vary no more here than where the map was fitted."""
TINY = 1e-300
"""A variance below which there is none: everything was asked."""
REASONS = (
    "",
    "too few top-tier labels were drawn by lot for the weights that are fitted: no degrees of freedom are left",
    "all top-tier labels that were drawn by lot are predicted equally well, so their spread is unknown",
    "one labelled item alone determines a fitted weight",
    "all top-tier labels lie in one cluster",
    "no item left to chance has a top-tier label: those asked for certain say nothing of the others",
)
NOT_DRAWN = 5
"""The reason without a value."""
FEW_WINS = 3.0
"""Wins up to which Wilson's lower limit is too high, and the Poisson one is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of every replicate, shape ``(R,)``; NaN where ``reason`` is not 0.

    Attributes:
        map_fits: Whether the prior variance is in them; ``None`` without one.
    """

    low: Floats
    high: Floats
    std_error: Floats
    df: Floats
    reason: npt.NDArray[np.int8]
    rare: Bools
    census: Bools
    n_clusters: Floats | None
    map_fits: Bools | None


def limits(
    solved: Solved,
    *,
    n_items: int,
    new_inputs: bool,
    groups: tuple[npt.NDArray[np.intp], int] | None,
    confidence: float,
    share: bool,
    prior: Floats | None,
    prior_weight: float,
) -> Limits:
    """Bounds from a solved chain.

    Only labels drawn by lot tell how far the value would move in another draw; those asked for certain count in the
    value and nowhere here.

    With clusters and a prior the map's variance replaces that of this run where it can: in the part of the variance
    that independent items would have. What documents add to that is not in the map and is taken from this run alone:
    clustered variance + blended - independent. Where nothing varies here the map's variance is all there is.

    Args:
        solved: The chain.
        n_items: N.
        new_inputs: Whether N itself is a draw.
        groups: Cluster of each item and their number; only for new inputs.
        confidence: Two-sided coverage.
        share: Labels lie in [0, 1] and rare ones get Wilson's interval.
        prior: Residual variance of each tier's map where it was fitted, ``(K,)``.
        prior_weight: Labels that the prior is worth.
    """
    n = solved.n_labels
    own = solved.squares.sum(axis=1)
    squares, worth = _blended(solved, prior, prior_weight)
    variance, clusters = squares.sum(axis=1), None
    carry = _carry(solved, squares, new_inputs)
    df = _degrees(carry, solved.leverage) + worth
    if new_inputs:
        own, variance = (one + solved.label_variance / n_items for one in (own, variance))
    reason = np.zeros(n.size, dtype=np.int8)
    census = np.full(n.size, not new_inputs) & (n == n_items)
    if new_inputs and groups is not None and solved.terms is not None:
        clustered = _cluster_variance(solved.terms, solved.value, groups)
        variance = np.maximum(clustered + variance - own, np.minimum(clustered, variance))
        clusters = _clusters(solved.shares > 0.0, groups[0][solved.columns])
        df = np.minimum(df, _clusters(carry, groups[0][solved.columns]) - 1.0)
        reason[clusters < 2.0] = 4
    unknown_spread = (solved.flat & (worth == 0.0)) | (variance <= 0.0)
    reason[unknown_spread & ~census] = 2
    reason[solved.extreme & ~census] = 3
    reason[(df < 1.0 - 1e-9) & (reason == 0) & ~census] = 1
    std_error = np.where(census, 0.0, np.sqrt(variance))
    half = t_quantiles(confidence, np.maximum(df, 1.0)) * std_error
    low, high = solved.value - half, solved.value + half
    rare = np.zeros(n.size, dtype=bool)
    if share:
        found = rare_share(solved, n_items=n_items, new_inputs=new_inputs, groups=groups, confidence=confidence)
        rare = found.rare & ~census
        low, high = np.where(rare, found.low, low), np.where(rare, found.high, high)
        implied = (found.high - found.low) / (2.0 * normal_quantile(0.5 + confidence / 2.0))
        std_error = np.where(rare, implied, std_error)
        reason[rare] = 0
        low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    reason[~solved.carried[:, :-1].any(axis=(1, 2)) & (n < n_items)] = NOT_DRAWN
    low, high = (np.where(reason == 0, bound, np.nan) for bound in (low, high))
    return Limits(
        low=low,
        high=high,
        std_error=std_error,
        df=df,
        reason=reason,
        rare=rare,
        census=census,
        n_clusters=clusters,
        map_fits=None if prior is None or prior_weight == 0.0 else worth > 0.0,
    )


def _blended(solved: Solved, prior: Floats | None, prior_weight: float) -> tuple[Floats, Floats]:
    """Each stage's variance and the map's, by the labels that either rests on; and what the map's is worth here.

    Where the labels here vary far more than the map's residuals did (an F test at ``STRANGE``), the map is of something
    else, and its variance would make the interval too narrow: it is worth nothing then.
    """
    n_replicates = solved.n_labels.size
    if prior is None:
        return solved.squares, np.zeros(n_replicates)
    drawn = solved.carried[:, :-1]
    leverage = None if solved.leverage is None else solved.leverage[:, None]
    own = np.maximum(_degrees(drawn, leverage), 0.0)
    expected = prior * drawn.sum(axis=2)
    whole = expected.sum(axis=1)
    ratio = np.divide(solved.squares.sum(axis=1), whole, out=np.zeros(n_replicates), where=whole > 0.0)
    top = np.maximum(_degrees(drawn.sum(axis=1), solved.leverage), 1.0)
    most = np.minimum(prior_weight, 2.0 * solved.n_labels)
    worth = most
    if np.any(ratio > 1.0):  # below, no F quantile of this level lies
        worth = np.where(ratio > f_quantiles(1.0 - STRANGE, top, prior_weight), 0.0, most)
    mixed = (own * solved.squares + worth[:, None] * expected) / np.maximum(own + worth[:, None], TINY)
    return np.where(worth[:, None] > 0.0, mixed, solved.squares), worth


def f_quantiles(p: float, df: Floats, other: float) -> Floats:
    """F quantiles of many degrees of freedom above and one below."""
    from scipy.special import fdtri

    distinct, index = np.unique(np.round(df, 9), return_inverse=True)
    return np.asarray(fdtri(distinct, other, p)[index], dtype=np.float64)


def _carry(solved: Solved, squares: Floats, new_inputs: bool) -> Floats:
    """Expected part of each label in the variance, ``(R, M)``; where nothing varies, as if all stages did alike."""
    drawn = solved.carried[:, :-1]
    design = drawn.sum(axis=2)
    spread = np.divide(squares, design, out=np.zeros_like(squares), where=design > 0.0)
    carry = np.einsum("rt,rtm->rm", spread, drawn)
    alike = drawn.sum(axis=1)
    if new_inputs:
        carry = carry + solved.label_variance[:, None] * solved.carried[:, -1]
        alike = alike + solved.carried[:, -1]
    carry = np.where(carry.any(axis=1, keepdims=True), carry, alike)
    return np.asarray(np.where(carry.any(axis=1, keepdims=True), carry, solved.shares))


def _degrees(carry: Floats, leverage: Floats | None) -> Floats:
    """Satterthwaite's number for a sum of one square a label, less what the fit (or the mean) takes of it."""
    n = kish(carry)
    if leverage is None:
        return np.asarray(np.round(n - 1.0, 9))
    total = carry.sum(axis=-1)
    taken = np.divide((carry * leverage).sum(axis=-1), total, out=np.zeros_like(total), where=total > 0.0)
    return np.asarray(np.round(n * (1.0 - taken), 9))


def t_quantiles(confidence: float, df: Floats) -> Floats:
    """Two-sided t quantiles of many degrees of freedom; scipy only where there are many different ones."""
    distinct, index = np.unique(np.round(df, 9), return_inverse=True)
    if distinct.size <= 32:
        found = np.array([t_quantile(0.5 + confidence / 2.0, float(one)) for one in distinct])
    else:
        from scipy.special import stdtrit

        found = stdtrit(distinct, 0.5 + confidence / 2.0)
    return np.asarray(found[index], dtype=np.float64)


def _cluster_variance(terms: Floats, value: Floats, groups: tuple[npt.NDArray[np.intp], int]) -> Floats:
    """CR1 variance of the mean of terms that share clusters."""
    index, count = groups
    sums = _group_sums(terms - value[:, None], index)
    return np.asarray(count / max(count - 1.0, 1.0) / terms.shape[1] ** 2 * np.square(sums).sum(axis=1))


def _group_sums(values: Floats, index: npt.NDArray[np.intp]) -> Floats:
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    return np.asarray(np.add.reduceat(values[:, order], starts, axis=1))


def _clusters(carry: npt.ArrayLike, index: npt.NDArray[np.intp]) -> Floats:
    """Clusters that carry as much as a label does that matters; of those with less, that part."""
    weight = np.asarray(carry, dtype=np.float64)
    typical = np.square(weight).sum(axis=1) / weight.sum(axis=1)
    parts = _group_sums(weight, index) / typical[:, None]
    return np.asarray(np.round(np.minimum(parts, 1.0).sum(axis=1), 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class RareShare:
    """Wilson's bounds of every replicate, and where wins or losses are so few that they are called for."""

    low: Floats
    high: Floats
    rare: Bools


def rare_share(
    solved: Solved,
    *,
    n_items: int,
    new_inputs: bool,
    groups: tuple[npt.NDArray[np.intp], int] | None,
    confidence: float,
) -> RareShare:
    """Wilson's interval on the part of the items that labels drawn by lot stand for; the rest of the value is known.

    Predictions earn nothing where wins are rare: n is that of the labels, plainly drawn or in Kish's effective number,
    and the interval reaches from the lower to the higher of the estimate and the share of these labels.
    Items asked for certain are a constant beside it. For new inputs they vary as well, by more or less than the drawn
    ones; the difference is added in squares.
    """
    carry = solved.carried[:, :-1].sum(axis=1)
    doubt = carry + solved.carried[:, -1] if new_inputs else carry
    carry = np.where(carry.any(axis=1, keepdims=True), carry, solved.shares)
    by_lot = np.minimum(carry * (carry.sum(axis=1) / np.square(carry).sum(axis=1))[:, None], 1.0)
    stands_for = (by_lot * solved.shares).sum(axis=1)
    known = ((1.0 - by_lot) * solved.shares) @ solved.labels
    wins = np.clip((solved.value - known) / stands_for, 0.0, 1.0)
    n = np.square(stands_for) / np.maximum((by_lot * doubt).sum(axis=1), TINY)
    if not new_inputs:
        n = n * (1.0 - 1.0 / np.maximum(stands_for * n_items, 2.0))
    if groups is not None:
        n = np.minimum(n, _clusters(carry, groups[0][solved.columns]))
    alone = np.clip(((by_lot * solved.shares) @ solved.labels) / stands_for, 0.0, 1.0)
    low, _ = _wilson(np.minimum(wins, alone), n, confidence)
    _, high = _wilson(np.maximum(wins, alone), n, confidence)
    low, high = stands_for * (wins - low), stands_for * (high - wins)
    if new_inputs:
        spread = solved.label_variance * (1.0 - 1.0 / np.maximum(solved.n_labels, 2.0))
        beside = (
            normal_quantile(0.5 + confidence / 2.0) ** 2
            * np.maximum(spread - stands_for * wins * (1.0 - wins), 0.0)
            / n_items
        )
        low, high = np.hypot(low, np.sqrt(beside)), np.hypot(high, np.sqrt(beside))
    value = known + stands_for * wins
    rare = np.minimum(wins, 1.0 - wins) * kish(carry) < RARE
    return RareShare(low=value - low, high=value + high, rare=rare)


def _wilson(share: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Wilson's interval of many shares at once."""
    square = normal_quantile(0.5 + confidence / 2.0) ** 2
    middle = (share + square / (2.0 * n)) / (1.0 + square / n)
    half = np.sqrt(square * (share * (1.0 - share) / n + square / (4.0 * n) / n)) / (1.0 + square / n)
    low = np.where(share <= 0.0, 0.0, np.maximum(middle - half, 0.0))
    high = np.where(share >= 1.0, 1.0, np.minimum(middle + half, 1.0))
    return np.minimum(low, _few(share, n, confidence)), np.maximum(high, 1.0 - _few(1.0 - share, n, confidence))


def _few(share: Floats, n: Floats, confidence: float) -> Floats:
    """Lower limit of few wins as Poisson counts; 1 where they are not few."""
    wins = share * n
    if not np.any((wins > 0.0) & (wins <= FEW_WINS)):
        return np.where(wins > FEW_WINS, 1.0, 0.0)
    from scipy.special import gammaincinv

    limit = gammaincinv(np.maximum(wins, TINY), 1.0 - confidence) / n
    return np.asarray(np.where(wins > FEW_WINS, 1.0, np.where(wins > 0.0, limit, 0.0)))
