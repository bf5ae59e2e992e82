"""How well a metric could correlate with people at best, because people do not agree with each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, Labels, cluster_codes, finite_vector
from assay.stats.correlation.inputs import Kind, check_kind
from assay.stats.correlation.weighted import item_counts, weighted_correlations
from assay.stats.correlation.zscale import bootstrap_estimate
from assay.stats.special import check_confidence


def spearman_brown(reliability: float, factor: float) -> float:
    """Reliability of the mean of ``factor`` times as many raters.

    Args:
        reliability: Correlation of two such means, in [-1, 1].
        factor: Above 0; 2 turns a half into the whole.

    Raises:
        InvalidInputError: An argument is out of range, or the lengthened test has no reliability.

    Sources:
        Spearman (1910), British J. Psychology 3, 271-295; Brown (1910), the same, 296-322.

    Examples:
        >>> spearman_brown(0.5, 3)
        0.75
    """
    denominator = 1.0 + (factor - 1.0) * reliability
    if not -1.0 <= reliability <= 1.0 or factor <= 0.0 or denominator <= 0.0:
        raise InvalidInputError(
            f"reliability {reliability} cannot be stretched {factor} times",
            hint="reliability in [-1, 1], factor above 0",
        )
    return factor * reliability / denominator


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanCeiling:
    """How well one person predicts the others, and where a metric stands beside that.

    Attributes:
        person: Mean over raters of the correlation of one rater with the mean of the others.
        metric: Mean correlation of the metric with the same means of the others; ``None`` without a metric.
        difference: ``metric - person``, paired: above 0 the metric predicts people better than a person does.
    """

    person: Estimate
    metric: Estimate | None
    difference: Estimate | None


def human_ceiling(
    ratings: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    metric: npt.ArrayLike | None = None,
    kind: Kind = "spearman",
    clusters: Labels | None = None,
    confidence: float = 0.95,
    repeats: int = 1_000,
) -> HumanCeiling:
    """Leave-one-out agreement among people, the fair yardstick of a metric: both are held against the same means.

    Comparing a metric's correlation with the mean of *all* raters to a person's with the mean of the *others* favours
    the metric; here both meet the others. The raters are these; items (or clusters of items) are drawn anew.

    Args:
        ratings: Shape ``(items, raters)``; NaN where a rater did not see an item. Every rater rated 3 or more items
            that somebody else rated too.
        rng: Source of randomness of the intervals.
        metric: Shape ``(items,)``.
        kind: ``pearson``, ``spearman`` or ``kendall``.
        clusters: Group of each item (the document the answers belong to).
        confidence: Two-sided coverage.
        repeats: Bootstrap samples.

    Raises:
        InvalidInputError: Shapes do not fit, fewer than two raters, a rater shares too few items, or a rating is
            infinite.

    Sources:
        Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13 (percentile interval).

    Examples:
        >>> truth = np.arange(40.0)
        >>> people = truth[:, None] + np.random.default_rng(2).normal(scale=8, size=(40, 3))
        >>> found = human_ceiling(people, metric=truth, rng=np.random.default_rng(3))
        >>> found.metric.value > found.person.value
        True
    """
    table = _ratings(ratings)
    check_kind(kind)
    scores = None if metric is None else finite_vector(metric, "metric scores")
    if scores is not None and scores.size != table.shape[0]:
        raise InvalidInputError(f"{table.shape[0]} items come with {scores.size} metric scores", hint="one an item")
    codes = cluster_codes(clusters, table.shape[0])
    pairs = [_with_the_others(table, rater) for rater in range(table.shape[1])]

    def means(counts: Floats) -> tuple[Floats, Floats]:
        people, machine = [], []
        for rater, (rows, others) in enumerate(pairs):
            people.append(weighted_correlations(table[rows, rater], others, counts[:, rows], kind))
            if scores is not None:
                machine.append(weighted_correlations(scores[rows], others, counts[:, rows], kind))
        person = np.mean(people, axis=0)
        return person, np.mean(machine, axis=0) if machine else np.full_like(person, np.nan)

    whole = [float(part[0]) for part in means(np.ones((1, table.shape[0])))]
    drawn = [means(counts) for counts in item_counts(table.shape[0], codes, rng=rng, repeats=repeats)]
    person, machine = (np.concatenate([block[part] for block in drawn]) for part in (0, 1))

    def estimate(value: float, draws: Floats) -> Estimate:
        return bootstrap_estimate(
            None if np.isnan(value) else value,
            draws,
            n=table.shape[0],
            confidence=check_confidence(confidence),
            unit=kind,
            estimand="new items, these raters",
            n_clusters=None if codes is None else int(codes.max()) + 1,
            reason="some scores are all equal" if np.isnan(value) else None,
        )

    return HumanCeiling(
        person=estimate(whole[0], person),
        metric=None if scores is None else estimate(whole[1], machine),
        difference=None if scores is None else estimate(whole[1] - whole[0], machine - person),
    )


def split_half_reliability(
    ratings: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    kind: Kind = "pearson",
    clusters: Labels | None = None,
    confidence: float = 0.95,
    splits: int = 20,
    repeats: int = 1_000,
) -> Estimate:
    """Reliability of the mean rating: halves of the raters correlated, stretched to all of them (Spearman-Brown).

    Its square root is the highest correlation with the mean rating that a metric can have whose errors are not the
    raters' errors. Without gaps in the table the same raters form a half on all items, so that a lenient rater does no
    harm; with gaps raters are taken as exchangeable, and who falls into which half is drawn item by item.

    Args:
        ratings: Shape ``(items, raters)``; NaN where a rater did not see an item; two or more ratings an item.
        rng: Draws the splits and the items.
        kind: Coefficient between halves; Spearman-Brown is exact for ``pearson`` only.
        clusters: Group of each item.
        confidence: Two-sided coverage.
        splits: Random splits that are averaged.
        repeats: Bootstrap samples of items.

    Raises:
        InvalidInputError: Shapes do not fit, or an item has fewer than two ratings.

    Sources:
        Spearman (1910) and Brown (1910), see ``spearman_brown``.

    Examples:
        >>> truth = np.random.default_rng(1).normal(size=300)
        >>> people = truth[:, None] + np.random.default_rng(2).normal(size=(300, 4))
        >>> e = split_half_reliability(people, rng=np.random.default_rng(3))
        >>> e.low < 0.8 < e.high
        True
    """
    table = _ratings(ratings)
    check_kind(kind)
    halves, factor = _halves(table, rng, splits)
    codes = cluster_codes(clusters, table.shape[0])
    value = float(_reliability(halves, factor, np.ones((1, table.shape[0])), kind)[0])
    blocks = item_counts(table.shape[0], codes, rng=rng, repeats=repeats)
    draws = np.concatenate([_reliability(halves, factor, counts, kind) for counts in blocks])
    return bootstrap_estimate(
        None if np.isnan(value) else value,
        draws,
        n=table.shape[0],
        confidence=check_confidence(confidence),
        unit="reliability",
        estimand="new items, raters like these",
        n_clusters=None if codes is None else int(codes.max()) + 1,
        reason="some ratings are all equal" if np.isnan(value) else None,
    )


def disattenuated_correlation(
    scores: npt.ArrayLike,
    ratings: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    score_reliability: float = 1.0,
    kind: Kind = "pearson",
    clusters: Labels | None = None,
    confidence: float = 0.95,
    splits: int = 20,
    repeats: int = 1_000,
) -> Estimate:
    """Correlation with what infinitely many such raters would say: r with the mean rating over the root of reliability.

    r is that with the mean rating, so the reliability has to be that of the mean: Cronbach's alpha, for Pearson's r and
    a table without gaps. Raters who use the scale more widely than others weigh more in a mean; correlations of halves,
    stretched, do not see that, and are taken for rank correlations and tables with gaps only. The reliability is
    estimated from the same items in every resample, so its doubt is in the interval. Values above 1 are shown as they
    are: they mean that the reliability is underestimated or the errors are shared.

    Args:
        scores: The metric's, shape ``(items,)``.
        ratings: Shape ``(items, raters)``; NaN where a rater did not see an item; two or more ratings an item.
        rng: Source of randomness.
        score_reliability: Of the metric itself (its agreement with itself when repeated), in (0, 1].
        kind: ``pearson``; rank correlations are approximate.
        clusters: Group of each item.
        confidence: Two-sided coverage.
        splits: Random splits of the raters that are averaged.
        repeats: Bootstrap samples of items.

    Returns:
        The estimate; without value where the reliability is not above 0, without bounds where that happens in more
        than one resample in a hundred.

    Raises:
        InvalidInputError: Shapes do not fit, or ``score_reliability`` is out of range.

    Sources:
        Spearman (1904), American J. Psychology 15, 72-101; Cronbach (1951), Psychometrika 16, 297-334.

    Examples:
        >>> truth = np.random.default_rng(1).normal(size=400)
        >>> people = truth[:, None] + np.random.default_rng(2).normal(size=(400, 3))
        >>> e = disattenuated_correlation(truth, people, rng=np.random.default_rng(3))
        >>> e.low < 1.0 < e.high
        True
    """
    table, data = _ratings(ratings), finite_vector(scores, "scores")
    check_kind(kind)
    if data.size != table.shape[0]:
        raise InvalidInputError(f"{table.shape[0]} items come with {data.size} scores", hint="one score an item")
    if not 0.0 < score_reliability <= 1.0:
        raise InvalidInputError(f"a reliability of {score_reliability} cannot be", hint="in (0, 1]; 1 when unknown")
    of_mean = kind == "pearson" and not np.isnan(table).any()
    halves, factor = ([], 1.0) if of_mean else _halves(table, rng, splits)
    mean = np.nanmean(table, axis=1)
    codes = cluster_codes(clusters, data.size)

    def corrected(counts: Floats) -> Floats:
        reliability = _cronbach(table, counts) if of_mean else _reliability(halves, factor, counts, kind)
        r = weighted_correlations(data, mean, counts, kind)
        root = np.sqrt(np.where(reliability > 0.0, reliability, np.nan) * score_reliability)
        return np.asarray(r / root)

    value = float(corrected(np.ones((1, data.size)))[0])
    blocks = item_counts(data.size, codes, rng=rng, repeats=repeats)
    return bootstrap_estimate(
        None if np.isnan(value) else value,
        np.concatenate([corrected(counts) for counts in blocks]),
        n=data.size,
        confidence=check_confidence(confidence),
        unit=f"disattenuated {kind}",
        estimand="new items, all raters like these",
        n_clusters=None if codes is None else int(codes.max()) + 1,
        reason="people do not agree, so there is nothing to correct for" if np.isnan(value) else None,
    )


def _ratings(ratings: npt.ArrayLike) -> Floats:
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 3 or table.shape[1] < 2:
        raise InvalidInputError(f"ratings have shape {table.shape}", hint="(items >= 3, raters >= 2)")
    if np.isinf(table).any():
        raise InvalidInputError("a rating is infinite", hint="NaN marks what was not rated")
    if ((~np.isnan(table)).sum(axis=1) < 2).any():
        lonely = int(((~np.isnan(table)).sum(axis=1) < 2).sum())
        raise InvalidInputError(f"{lonely} items have fewer than two ratings", hint="leave them out")
    return table


def _with_the_others(table: Floats, rater: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], Floats]:
    """Items of one rater, and the mean of everybody else on them."""
    rows = np.flatnonzero(~np.isnan(table[:, rater]))
    if rows.size < 3:
        raise InvalidInputError(f"rater {rater} rated {rows.size} items", hint="leave out raters with fewer than 3")
    return rows, np.asarray(np.nanmean(np.delete(table[rows], rater, axis=1), axis=1))


def _halves(table: Floats, rng: np.random.Generator, splits: int) -> tuple[list[tuple[Floats, Floats]], float]:
    """Means of two disjoint groups of raters for each split, and how many times such a group fits in all raters."""
    if splits < 1:
        raise InvalidInputError(f"{splits} splits", hint="at least 1; 20 is enough")
    given = ~np.isnan(table)
    size = int(given.sum(axis=1).min()) // 2
    halves = []
    for _ in range(splits):
        if given.all():
            order = np.broadcast_to(rng.permutation(table.shape[1]), table.shape)
        else:
            order = np.argsort(np.where(given, rng.random(table.shape), np.inf), axis=1)
        mixed = np.take_along_axis(table, order, axis=1)
        halves.append((mixed[:, :size].mean(axis=1), mixed[:, size : 2 * size].mean(axis=1)))
    return halves, float(given.sum(axis=1).mean()) / size


def _reliability(halves: list[tuple[Floats, Floats]], factor: float, counts: Floats, kind: Kind) -> Floats:
    half = np.mean([weighted_correlations(a, b, counts, kind) for a, b in halves], axis=0)
    denominator = 1.0 + (factor - 1.0) * half
    return np.where(denominator > 0.0, factor * half / np.where(denominator > 0.0, denominator, 1.0), np.nan)


def _cronbach(table: Floats, counts: Floats) -> Floats:
    """Reliability of the mean of k raters, a resample a row: k/(k - 1) · (1 - Σ variances / variance of the sum)."""
    raters = table.shape[1]
    columns = np.column_stack([table, table.sum(axis=1)])
    columns = columns - columns.mean(axis=0)
    total = counts.sum(axis=1, keepdims=True)
    variance = counts @ np.square(columns) / total - np.square(counts @ columns / total)
    whole = variance[:, -1]
    share = np.divide(variance[:, :-1].sum(axis=1), whole, out=np.ones_like(whole), where=whole > 0.0)
    return np.asarray(raters / (raters - 1.0) * (1.0 - share))
