"""What moves a judge besides quality: the place of an answer, its length, who wrote it, a text for everything."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.judges.judged import Floats, Judged
from assay.judges.shares import groups_of, mean_of, share_of
from assay.judges.slopes import controlled_slope, label_noise
from assay.judges.usage import CONSTANT_SHARE
from assay.stats.intervals.clustered import clustered_difference
from assay.stats.intervals.jackknife import Bools
from assay.stats.ratings.win_rate import swapped_win_rate

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
class ConstantAnswer:
    """A system that answers (nearly) everything with one text, and how the judge likes that.

    Attributes:
        system: Name.
        share: Of its answers that are that text.
        mean: Its mean verdict.
        others: Mean verdict of all other systems.
        difference: Its mean minus that of the others (of pairs without others: minus a tie); ``None`` without either.
        rewarded: The text is shown to do as well as the other systems' answers or better: the judge does not read what
            it judges.
    """

    system: str
    share: float
    mean: float
    others: float | None
    difference: Estimate | None
    rewarded: bool


def position_bias(judged: Judged, *, confidence: float = 0.95) -> PositionBias | None:
    """From pairs judged in both orders, or once in an order drawn at random; ``None`` for verdicts on one answer.

    Sources:
        Zheng et al. (2023), arXiv:2306.05685, section 3.4; Wang et al. (2024), ACL, arXiv:2305.17926.

    Raises:
        InvalidInputError: All pairs were shown in one order and none in the other, which one came first is not known,
            or the scale is not.
    """
    if not judged.pairwise or judged.seen is None:
        return None
    if judged.a_first is None and judged.swapped is None:
        raise InvalidInputError(
            "which answer was shown first is not known",
            hint="give a_first, or the verdict in the other order (swapped)",
        )
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
    groups = groups_of(judged, rows)
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
    groups = groups_of(judged, rows)
    found = swapped_win_rate(shown_first, shown_second, clusters=groups, confidence=confidence)
    both = np.full((judged.n, 2), np.nan)
    both[rows, 0], both[rows, 1] = shown_first, 1.0 - shown_second
    return PositionBias(
        bias=found.position_bias,
        same_choice=share_of(choice == other, groups, confidence),
        flip_rate=found.flip_rate,
        first_chosen=_chosen(judged, both, confidence),
    )


def _chosen(judged: Judged, to_first: Floats, confidence: float) -> Estimate:
    """Share of decided verdicts that went to the answer shown first; a pair's two verdicts are one cluster."""
    columns = to_first if to_first.ndim == 2 else to_first[:, None]
    row, column = np.nonzero(np.isfinite(columns) & (columns != 0.5))
    names = judged.clusters if judged.clusters is not None else judged.ids
    groups = None if judged.clusters is None and columns.shape[1] == 1 else [names[one] for one in row.tolist()]
    return share_of(columns[row, column] > 0.5, groups, confidence)


def _preference(judged: Judged, column: Floats) -> Floats:
    if judged.ends is None:
        raise InvalidInputError(
            "the scale of verdicts on pairs is not known, and its middle is a tie", hint="state it: --scale LOW HIGH"
        )
    low, high = judged.ends
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
    if doublings is None or judged.other_lengths is None or judged.ends is None:
        return None
    side = np.sign(_preference(judged, judged.verdicts) - 0.5) * np.sign(doublings)
    rows = np.flatnonzero(np.isfinite(side) & (side != 0.0)).tolist()
    return share_of(side[rows] > 0.0, groups_of(judged, rows), confidence)


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
        verdicts, exposed, held, noise=noise, clusters=groups_of(judged, rows), confidence=confidence, unit=unit
    )


def constant_answers(judged: Judged, *, confidence: float = 0.95) -> tuple[ConstantAnswer, ...]:
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
        difference = _beyond(judged, seen, rest, confidence)
        found.append(
            ConstantAnswer(
                system=system,
                share=most,
                mean=float(judged.verdicts[seen].mean()),
                others=float(judged.verdicts[rest].mean()) if rest.any() else None,
                difference=difference,
                rewarded=difference is not None
                and _not_below(difference, [judged.verdicts[seen], judged.verdicts[rest]]),
            )
        )
    return tuple(found)


def _beyond(judged: Judged, seen: Bools, rest: Bools, confidence: float) -> Estimate | None:
    """Mean verdict on a system minus that on the others; of pairs without others, minus a tie."""
    if rest.any():
        rows = np.flatnonzero(seen | rest).tolist()
        groups = groups_of(judged, rows) or rows
        return clustered_difference(
            judged.verdicts[rows], seen[rows].astype(float), groups, confidence=confidence, unit="points"
        )
    if not judged.pairwise or judged.ends is None:
        return None
    rows = np.flatnonzero(seen).tolist()
    return mean_of(judged.verdicts[rows] - math.fsum(judged.ends) / 2.0, groups_of(judged, rows), confidence, "points")


def _not_below(difference: Estimate, sides: Sequence[Floats]) -> bool:
    """Whether it is shown to be at least 0; a difference of verdicts that do not vary is what it is."""
    still = all(not side.size or float(np.ptp(side)) == 0.0 for side in sides)
    bound = difference.value if still else difference.low
    return bound is not None and bound >= 0.0
