"""How a judge uses its scale, whether it says the same again, and which verdicts it did not give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.core.records import Estimate
from assay.judges.judged import Judged
from assay.judges.shares import groups_of, mean_of, share_of
from assay.stats.intervals.jackknife import Bools

CONSTANT_SHARE = 0.95
"""Of verdicts on one level, from which on a judge counts as one that always says the same; and of one system's answers
that are one text."""
MOST_LEVELS = 20
STEPS = (1.0, 0.5, 0.25)
"""Between two levels: whole numbers, wins and ties, and means of two orders of a pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleUse:
    """How a judge spreads its verdicts.

    Attributes:
        shares: Share of verdicts on each level, lowest first; ten ranges of equal width where levels are many.
        levels: The levels, or the lower ends of the ranges.
        distinct: Different verdicts given.
        ceiling: Share on the highest level of the scale; no value where the scale is not known.
        floor: Share on the lowest level of the scale; likewise.
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
        same: Share of repeats with the verdict of the first time, within ``tolerance``.
        change: Mean absolute difference, in points of the scale.
        tolerance: Repeats less than this away are the same verdict: half a level. An expected level, made from
            probabilities, is never the same to the last digit.
    """

    repeats: int
    same: Estimate
    change: Estimate
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Verdicts that were asked for and not given.

    Attributes:
        share: Of all items.
        reasons: How often each was given.
        worst: Mean verdict if all missing ones were the lowest of the scale; ``None`` where that is not known.
        best: Likewise the highest.
    """

    share: Estimate
    reasons: Mapping[str, int]
    worst: Estimate | None
    best: Estimate | None


def scale_use(judged: Judged, *, confidence: float = 0.95) -> ScaleUse | None:
    """Shares by level, ceiling and floor; ``None`` without a verdict."""
    rows = np.flatnonzero(np.isfinite(judged.verdicts)).tolist()
    if judged.seen is None:
        return None
    verdicts, (low, high) = judged.verdicts[rows], judged.ends or judged.seen
    levels, counts = np.unique(verdicts, return_counts=True)
    distinct, most = levels.size, float(counts.max()) / verdicts.size
    if levels.size > MOST_LEVELS:
        edges = np.linspace(low, high, 11)
        counts, levels = np.histogram(verdicts, edges)[0], edges[:-1]
    elif judged.ends is not None and float(low).is_integer() and high - low < MOST_LEVELS:
        every = np.union1d(levels, np.arange(low, high + 0.5))
        full = np.zeros(every.size, dtype=counts.dtype)
        full[np.searchsorted(every, levels)] = counts
        levels, counts = every, full
    shares = counts / counts.sum()
    used = shares[shares > 0.0]
    groups = groups_of(judged, rows)

    def on(hits: Bools) -> Estimate:
        if judged.ends is not None:
            return share_of(hits, groups, confidence)
        why = "the scale is not known: state it (--scale)"
        return Estimate(
            value=None, low=None, high=None, n=len(rows), method="none", confidence=confidence, unit="share", reason=why
        )

    return ScaleUse(
        levels=tuple(levels.tolist()),
        shares=tuple(shares.tolist()),
        distinct=distinct,
        ceiling=on(verdicts >= high),
        floor=on(verdicts <= low),
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
    tolerance = _half_a_level(judged)
    same = np.where(known[rows], gap[rows] < tolerance, False).sum(axis=1) / count
    change = np.where(known[rows], gap[rows], 0.0).sum(axis=1) / count
    groups = groups_of(judged, rows)
    return Retest(
        repeats=judged.repeats.shape[1],
        same=mean_of(same, groups, confidence, "share"),
        change=mean_of(change, groups, confidence, "points"),
        tolerance=tolerance,
    )


def _half_a_level(judged: Judged) -> float:
    """Half the step of the grid that all verdicts lie on; off any grid half a level of a scale of whole numbers, else a
    twentieth of the scale."""
    columns = [judged.verdicts, *([] if judged.repeats is None else [judged.repeats.ravel()])]
    given = np.concatenate(columns)
    given = given[np.isfinite(given)]
    for step in STEPS:
        if np.allclose(given / step, np.round(given / step), rtol=0.0, atol=1e-6):
            return 0.5 * step
    low, high = judged.ends or (float(given.min()), float(given.max()))
    return (
        0.5 if judged.ends is not None and high - low >= 2.0 and float(high - low).is_integer() else (high - low) / 20
    )


def missing_verdicts(judged: Judged, *, confidence: float = 0.95) -> Missing:
    """How many verdicts are missing and why, and what they could do to the mean: never averaged away."""
    gone = ~np.isfinite(judged.verdicts)
    reasons: dict[str, int] = {}
    for row in np.flatnonzero(gone).tolist():
        why = (judged.reasons[row] if judged.reasons is not None else None) or "no reason given"
        reasons[why] = reasons.get(why, 0) + 1
    groups = groups_of(judged, list(range(judged.n)))
    bounds = [mean_of(np.where(gone, end, judged.verdicts), groups, confidence, "score") for end in judged.ends or ()]
    return Missing(
        share=share_of(gone, groups, confidence),
        reasons=dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        worst=bounds[0] if bounds else None,
        best=bounds[1] if bounds else None,
    )
