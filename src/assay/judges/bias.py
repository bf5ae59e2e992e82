"""What moves a judge besides quality: the place of an answer, its length, who wrote it; and how it uses its scale."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.judges.judged import Floats, Judged
from assay.judges.slopes import controlled_slope, label_noise
from assay.stats.calibration.inputs import array_moments, cluster_codes
from assay.stats.intervals.clustered import clustered_difference
from assay.stats.intervals.jackknife import Bools
from assay.stats.ratings.win_rate import swapped_win_rate
from assay.stats.scalar import mean_estimate

CONSTANT_SHARE = 0.95
"""Of verdicts on one level, from which on a judge counts as one that always says the same; and of one system's answers
that are one text."""
MOST_LEVELS = 20
FEWEST_ANSWERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBias:
    """What the order of showing two answers does.

    Attributes:
        bias: Mean preference for an answer when shown first minus when shown second, in [-1, 1]; 0 is none.
        same_choice: Share of pairs with the same verdict in both orders; ``None`` where one order was asked.
        flip_rate: Share of pairs decided for the other side when the order was exchanged.
        first_chosen: Share of decided verdicts that went to the answer shown first; .5 where order does not matter and
            each answer came first equally often.
    """

    bias: Estimate
    same_choice: Estimate | None
    flip_rate: Estimate | None
    first_chosen: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleUse:
    """How a judge spreads its verdicts.

    Attributes:
        shares: Share of verdicts on each level, lowest first; ten ranges of equal width where levels are many.
        levels: The levels, or the lower ends of the ranges.
        distinct: Different verdicts given.
        ceiling: Share on the highest level of the scale.
        floor: Share on the lowest level of the scale.
        entropy_bits: Of the shares.
        constant: One level holds 95 % of the verdicts or more: whatever the judge measures, it is hardly the answers.
    """

    levels: tuple[float, ...]
    shares: tuple[float, ...]
    distinct: int
    ceiling: Estimate
    floor: Estimate
    entropy_bits: float
    constant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Retest:
    """The same questions asked again.

    Attributes:
        repeats: Times beyond the first.
        same: Share of repeats with the verdict of the first time.
        change: Mean absolute difference, in points of the scale.
    """

    repeats: int
    same: Estimate
    change: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Verdicts that were asked for and not given.

    Attributes:
        share: Of all items.
        reasons: How often each was given.
        worst: Mean verdict if all missing ones were the lowest of the scale.
        best: Likewise the highest.
    """

    share: Estimate
    reasons: Mapping[str, int]
    worst: Estimate | None
    best: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantAnswer:
    """A system that answers (nearly) everything with one text, and how the judge likes that.

    Attributes:
        system: Name.
        share: Of its answers that are that text.
        mean: Its mean verdict.
        others: Mean verdict of all other systems.
        rewarded: The text does as well as the other systems' answers or better: the judge does not read what it judges.
    """

    system: str
    share: float
    mean: float
    others: float | None
    rewarded: bool


def position_bias(judged: Judged, *, confidence: float = 0.95) -> PositionBias | None:
    """From pairs judged in both orders, or once in an order drawn at random; ``None`` for verdicts on one answer.

    Sources:
        Zheng et al. (2023), arXiv:2306.05685, section 3.4; Wang et al. (2024), ACL, arXiv:2305.17926.

    Raises:
        InvalidInputError: All pairs were shown in one order and none in the other.
    """
    if not judged.pairwise or judged.range is None:
        return None
    preference = _preference(judged, judged.verdicts)
    first = np.ones(judged.n) if judged.a_first is None else judged.a_first
    if judged.swapped is not None:
        return _both_orders(judged, preference, _preference(judged, judged.swapped), first == 1.0, confidence)
    known = np.isfinite(preference) & np.isfinite(first)
    if np.unique(first[known]).size < 2:
        raise InvalidInputError(
            "every pair was shown in one order, so order and quality cannot be told apart",
            hint="ask each pair in both orders (swapped), or draw the order at random (a_first)",
        )
    rows = np.flatnonzero(known).tolist()
    groups = _groups(judged, rows)
    bias = clustered_difference(
        preference[known],
        first[known],
        groups if groups is not None else list(range(len(rows))),
        confidence=confidence,
        unit="preference",
    )
    to_first = np.where(first == 1.0, preference, 1.0 - preference)
    return PositionBias(bias=bias, same_choice=None, flip_rate=None, first_chosen=_chosen(judged, to_first, confidence))


def _both_orders(
    judged: Judged, preference: Floats, swapped: Floats, a_first: Bools, confidence: float
) -> PositionBias:
    rows = np.flatnonzero(np.isfinite(preference) & np.isfinite(swapped)).tolist()
    if not rows:
        raise InvalidInputError("no pair has a verdict in both orders", hint="give swapped where verdicts are")
    choice, other = (0.5 + 0.5 * np.sign(column[rows] - 0.5) for column in (preference, swapped))
    shown_first = np.where(a_first[rows], choice, other)
    shown_second = np.where(a_first[rows], other, choice)
    groups = _groups(judged, rows)
    found = swapped_win_rate(shown_first, shown_second, clusters=groups, confidence=confidence)
    both = np.full((judged.n, 2), np.nan)
    both[rows, 0], both[rows, 1] = shown_first, 1.0 - shown_second
    return PositionBias(
        bias=found.position_bias,
        same_choice=_share(choice == other, groups, confidence),
        flip_rate=found.flip_rate,
        first_chosen=_chosen(judged, both, confidence),
    )


def _chosen(judged: Judged, to_first: Floats, confidence: float) -> Estimate:
    """Share of decided verdicts that went to the answer shown first; a pair's two verdicts are one cluster."""
    columns = to_first if to_first.ndim == 2 else to_first[:, None]
    row, column = np.nonzero(np.isfinite(columns) & (columns != 0.5))
    names = judged.clusters if judged.clusters is not None else judged.ids
    groups = None if judged.clusters is None and columns.shape[1] == 1 else [names[one] for one in row.tolist()]
    return _share(columns[row, column] > 0.5, groups, confidence)


def _preference(judged: Judged, column: Floats) -> Floats:
    low, high = judged.range or (0.0, 1.0)
    if high <= low:
        raise InvalidInputError("all verdicts on pairs are equal", hint="state the scale: its middle is a tie")
    return (column - low) / (high - low)


def length_bias(judged: Judged, *, confidence: float = 0.95) -> Estimate | None:
    """Points of verdict for an answer of twice the length and the same quality, by people's labels.

    Of a pair: preference for the answer that is twice as long as the other. ``None`` without lengths or people. Where
    several people labelled, the noise in their mean is taken off; see ``controlled_slope``.
    """
    doublings = _doublings(judged)
    if doublings is None or judged.human is None:
        return None
    return _held_equal(judged, doublings, [], confidence, "points per doubling")


def prefers_longer(judged: Judged, *, confidence: float = 0.95) -> Estimate | None:
    """Share of decided pairs that went to the longer answer, whatever its quality; ``None`` for single answers."""
    doublings = _doublings(judged)
    if not judged.pairwise or doublings is None or judged.other_lengths is None or judged.range is None:
        return None
    side = np.sign(_preference(judged, judged.verdicts) - 0.5) * np.sign(doublings)
    rows = np.flatnonzero(np.isfinite(side) & (side != 0.0)).tolist()
    return _share(side[rows] > 0.0, _groups(judged, rows), confidence)


def self_preference(judged: Judged, *, own: Collection[str], confidence: float = 0.95) -> Estimate | None:
    """Points that systems of the judge's own family get beyond others of the same quality and length.

    It speaks of these systems on new documents: with one or two systems in the family, what sets them apart otherwise
    is in it. ``None`` without systems, without people, or where only one side was judged.

    Args:
        judged: Verdicts.
        own: Systems of the judge's family.
        confidence: Two-sided coverage.
    """
    if judged.systems is None or judged.human is None or not own:
        return None
    mine = np.array([float(name in own) for name in judged.systems])
    if not 0.0 < mine.mean() < 1.0:
        return None
    doublings = _doublings(judged)
    return _held_equal(judged, mine, [] if doublings is None else [doublings], confidence, "points")


def _doublings(judged: Judged) -> Floats | None:
    """log₂ of the length, or of the quotient of two lengths; NaN where an answer is empty."""
    if judged.lengths is None or (judged.pairwise and judged.other_lengths is None):
        return None
    found = np.log2(np.where(judged.lengths > 0.0, judged.lengths, np.nan))
    if judged.other_lengths is not None:
        found = found - np.log2(np.where(judged.other_lengths > 0.0, judged.other_lengths, np.nan))
    return np.asarray(found)


def _held_equal(
    judged: Judged, exposure: Floats, more: Sequence[Floats], confidence: float, unit: str
) -> Estimate | None:
    columns = [judged.verdicts, exposure, judged.human, *more]
    known = np.all([np.isfinite(column) for column in columns], axis=0)
    rows = np.flatnonzero(known).tolist()
    if len(rows) < len(columns) + 2:
        return None
    noise = None if judged.raters is None else label_noise(judged.raters[rows])
    verdicts, exposed, *held = (column[rows] for column in columns)
    return controlled_slope(
        verdicts, exposed, held, noise=noise, clusters=_groups(judged, rows), confidence=confidence, unit=unit
    )


def scale_use(judged: Judged, *, confidence: float = 0.95) -> ScaleUse | None:
    """Shares by level, ceiling and floor; ``None`` without a verdict."""
    rows = np.flatnonzero(np.isfinite(judged.verdicts)).tolist()
    if not rows or judged.range is None:
        return None
    verdicts, (low, high) = judged.verdicts[rows], judged.range
    levels, counts = np.unique(verdicts, return_counts=True)
    distinct, most = levels.size, float(counts.max()) / verdicts.size
    if levels.size > MOST_LEVELS:
        edges = np.linspace(low, high, 11)
        counts, levels = np.histogram(verdicts, edges)[0], edges[:-1]
    elif judged.scale is not None and float(low).is_integer() and high - low < MOST_LEVELS:
        every = np.union1d(levels, np.arange(low, high + 0.5))
        full = np.zeros(every.size, dtype=counts.dtype)
        full[np.searchsorted(every, levels)] = counts
        levels, counts = every, full
    shares = counts / counts.sum()
    used = shares[shares > 0.0]
    groups = _groups(judged, rows)
    return ScaleUse(
        levels=tuple(levels.tolist()),
        shares=tuple(shares.tolist()),
        distinct=distinct,
        ceiling=_share(verdicts >= high, groups, confidence),
        floor=_share(verdicts <= low, groups, confidence),
        entropy_bits=max(0.0, float(-(used * np.log2(used)).sum())),
        constant=most >= CONSTANT_SHARE,
    )


def retest(judged: Judged, *, confidence: float = 0.95) -> Retest | None:
    """Agreement of a judge with itself; ``None`` where nothing was asked twice."""
    if judged.repeats is None:
        return None
    gap = np.abs(judged.repeats - judged.verdicts[:, None])
    known = np.isfinite(gap)
    rows = np.flatnonzero(known.any(axis=1)).tolist()
    if not rows:
        return None
    count = known[rows].sum(axis=1)
    same = np.where(known[rows], gap[rows] == 0.0, False).sum(axis=1) / count
    change = np.where(known[rows], gap[rows], 0.0).sum(axis=1) / count
    groups = _groups(judged, rows)
    return Retest(
        repeats=judged.repeats.shape[1],
        same=_mean(same, groups, confidence, "share"),
        change=_mean(change, groups, confidence, "points"),
    )


def missing_verdicts(judged: Judged, *, confidence: float = 0.95) -> Missing:
    """How many verdicts are missing and why, and what they could do to the mean: never averaged away."""
    gone = ~np.isfinite(judged.verdicts)
    reasons: dict[str, int] = {}
    for row in np.flatnonzero(gone).tolist():
        why = (judged.reasons[row] if judged.reasons is not None else None) or "no reason given"
        reasons[why] = reasons.get(why, 0) + 1
    groups = _groups(judged, list(range(judged.n)))
    bounds = [_mean(np.where(gone, end, judged.verdicts), groups, confidence, "score") for end in judged.range or ()]
    return Missing(
        share=_share(gone, groups, confidence),
        reasons=dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        worst=bounds[0] if bounds else None,
        best=bounds[1] if bounds else None,
    )


def constant_answers(judged: Judged) -> tuple[ConstantAnswer, ...]:
    """Systems that give one text to 95 % of their items or more, with what the judge made of it."""
    if judged.answers is None or judged.systems is None:
        return ()
    found = []
    for system in sorted({name for name in judged.systems if name is not None}):
        mine = np.array([name == system for name in judged.systems])
        texts = [judged.answers[row] for row in np.flatnonzero(mine).tolist()]
        most = max(texts.count(text) for text in set(texts)) / len(texts)
        seen = mine & np.isfinite(judged.verdicts)
        if len(texts) < FEWEST_ANSWERS or most < CONSTANT_SHARE or not seen.any():
            continue
        rest = ~mine & np.isfinite(judged.verdicts)
        mean = float(judged.verdicts[seen].mean())
        others = float(judged.verdicts[rest].mean()) if rest.any() else None
        tie = None if judged.range is None else math.fsum(judged.range) / 2.0
        bar = others if others is not None else (tie if judged.pairwise else None)
        found.append(
            ConstantAnswer(
                system=system, share=most, mean=mean, others=others, rewarded=bar is not None and mean >= bar
            )
        )
    return tuple(found)


def _groups(judged: Judged, rows: Sequence[int]) -> list[str | None] | None:
    return None if judged.clusters is None else [judged.clusters[row] for row in rows]


def _share(hits: Bools, clusters: Sequence[str | None] | None, confidence: float) -> Estimate:
    return _mean(hits.astype(np.float64), clusters, confidence, "share")


def _mean(values: Floats, clusters: Sequence[str | None] | None, confidence: float, unit: str) -> Estimate:
    if not values.size:
        return Estimate(
            value=None, low=None, high=None, n=0, method="none", confidence=confidence, unit=unit,
            reason="nothing was decided",
        )  # fmt: skip
    moments = array_moments(values, cluster_codes(clusters, values.size))
    return mean_estimate(moments, confidence=confidence, unit=unit)
