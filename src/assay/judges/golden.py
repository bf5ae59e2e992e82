"""Golden items: known answers hidden among real ones, the judge's accuracy on them, and an alarm when it drifts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from assay.core.errors import DataError, InvalidInputError
from assay.core.records import Estimate
from assay.judges.card import moment
from assay.judges.judged import Floats, Judged
from assay.stats.calibration.inputs import array_moments, cluster_codes
from assay.stats.drift.accuracy import RUN_LENGTH, watch_accuracy
from assay.stats.scalar import mean_estimate

PERIODS = 20


def golden_answers(rows: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The known answer of each item; an item may occur again with the same answer.

    Raises:
        DataError: Two rows give an item different answers (``judge.golden_contradiction``), an answer is no number
            (``judge.golden_answer``), or there is no row.

    Examples:
        >>> golden_answers([("a", 5.0), ("b", 1.0), ("a", 5.0)])
        {'a': 5.0, 'b': 1.0}
    """
    answers: dict[str, float] = {}
    for name, answer in rows:
        if not math.isfinite(answer):
            raise DataError(
                f"golden item {name!r} has no answer", hint="every golden item needs one", code="judge.golden_answer"
            )
        if answers.setdefault(name, answer) != answer:
            raise DataError(
                f"golden item {name!r} has the answers {answers[name]:g} and {answer:g}",
                hint="one known answer an item; drop it where people do not agree",
                code="judge.golden_contradiction",
            )
    if not answers:
        raise DataError("the golden set is empty", hint="give items with known answers", code="judge.golden_answer")
    return answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Golden verdicts of one stretch of time.

    Attributes:
        since: Time, or place in the order, of the first.
        until: Of the last.
        accuracy: Share that were right.
    """

    since: str
    until: str
    accuracy: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenReport:
    """A judge on its golden set.

    Attributes:
        accuracy: Share of right verdicts, all together.
        unscored: Golden items without a verdict; counted nowhere else.
        tolerance: A verdict this near to the answer is right.
        periods: In order of time.
        expected: Accuracy that was to be held: given, or the lower end of what the first verdicts allow.
        watched: Verdicts since then.
        evidence: That accuracy has fallen below ``expected``: the e-detector's statistic after the last verdict.
        run_length: Verdicts between false alarms, on average at least; the alarm goes off where the evidence reaches
            it.
        alarm_at: Time or place of the verdict that raised the alarm; ``None`` while there is none.
        alarm_after: Verdicts watched until then.
        wrong: Items judged wrong, with verdict and answer, latest first.
    """

    accuracy: Estimate
    unscored: int
    tolerance: float
    periods: tuple[Period, ...]
    expected: float | None
    watched: int
    evidence: float | None
    run_length: float
    alarm_at: str | None
    alarm_after: int | None
    wrong: tuple[tuple[str, float, float], ...]


def golden_report(
    judged: Judged,
    golden: Mapping[str, float],
    *,
    tolerance: float = 0.5,
    expected: float | None = None,
    run_length: float = RUN_LENGTH,
    confidence: float = 0.95,
) -> GoldenReport:
    """Accuracy over time and an alarm that may be looked at after every verdict.

    Without a change, the mean number of verdicts to a false alarm is at least ``run_length``, whatever the accuracy
    above ``expected`` is and however often one looks.

    Args:
        judged: Verdicts, in order of ``times`` where they are given, else as they stand. Golden items may recur under
            ids that end in ``#`` and a number; others than golden items are left out.
        golden: Known answers, see ``golden_answers``.
        tolerance: A verdict at most this far from the answer is right.
        expected: Accuracy to hold, in (0, 1); without it the lower end of Wilson's interval of the first 50 verdicts,
            which are not watched.
        run_length: Verdicts between false alarms.
        confidence: Of the intervals.

    Raises:
        DataError: No golden item was judged (``judge.no_golden``).
        InvalidInputError: A number is out of range, or a time is none.

    Sources:
        Shin, Ramdas & Rinaldo (2024), arXiv:2203.03532 (e-detectors).

    Examples:
        >>> judged = Judged(ids=[f"g#{k}" for k in range(200)], verdicts=[5] * 120 + [2] * 80)
        >>> found = golden_report(judged, {"g": 5.0})
        >>> found.accuracy.value, found.alarm_after
        (0.6, 75)
    """
    if not 0.0 <= tolerance < math.inf or (expected is not None and not 0.0 < expected < 1.0):
        raise InvalidInputError(
            f"tolerance {tolerance}, expected accuracy {expected}", hint="tolerance from 0, accuracy in (0, 1)"
        )
    names = [_golden_name(one, golden) for one in judged.ids]
    mine = [row for row, name in enumerate(names) if name is not None]
    if not mine:
        raise DataError(
            "no golden item is among the verdicts", hint="ids must be those of the golden set", code="judge.no_golden"
        )
    if judged.times is not None:
        mine.sort(key=lambda row: moment(str(judged.times[row])) if judged.times else row)
    rows = [row for row in mine if np.isfinite(judged.verdicts[row])]
    answers = np.array([golden[str(names[row])] for row in rows])
    right = (np.abs(judged.verdicts[rows] - answers) <= tolerance).astype(np.float64)
    labels = [str(judged.times[row]) if judged.times is not None else str(place + 1) for place, row in enumerate(rows)]
    groups = [str(names[row]) for row in rows]
    watch = watch_accuracy((right == 1.0).tolist(), expected=expected, run_length=run_length)
    alarm = watch.alarm_after
    return GoldenReport(
        accuracy=_accuracy(right, groups, confidence),
        unscored=len(mine) - len(rows),
        tolerance=tolerance,
        periods=_periods(right, labels, groups, confidence),
        expected=watch.expected,
        watched=0 if watch.expected is None else right.size - watch.start,
        evidence=watch.evidence,
        run_length=run_length,
        alarm_at=None if alarm is None else labels[watch.start + alarm - 1],
        alarm_after=alarm,
        wrong=tuple(
            (judged.ids[rows[place]], float(judged.verdicts[rows[place]]), float(answers[place]))
            for place in np.flatnonzero(right == 0.0)[::-1].tolist()
        ),
    )


def _golden_name(name: str, golden: Mapping[str, float]) -> str | None:
    if name in golden:
        return name
    head, mark, number = name.rpartition("#")
    return head if mark and number.isdigit() and head in golden else None


def _accuracy(right: Floats, items: Sequence[str], confidence: float) -> Estimate:
    """Verdicts on one golden item are one cluster."""
    codes = cluster_codes(items, right.size) if right.size and len(set(items)) < right.size else None
    if codes is not None and int(codes.max()) == 0:
        codes = None
    if not right.size:
        return Estimate(
            value=None, low=None, high=None, n=0, method="wilson", confidence=confidence, unit="share",
            reason="no golden item has a verdict",
        )  # fmt: skip
    return mean_estimate(array_moments(right, codes), confidence=confidence, unit="share")


def _periods(
    right: Floats,
    labels: Sequence[str],
    items: Sequence[str],
    confidence: float,
) -> tuple[Period, ...]:
    """At most twenty stretches of (nearly) equally many verdicts, ten or more each; those of one time stay together."""
    count = max(1, min(PERIODS, right.size // 10))
    begins = [place for place in range(1, right.size) if labels[place] != labels[place - 1]]
    wanted = np.linspace(0, right.size, count + 1).round().astype(int).tolist()
    nearest = [next((place for place in begins if place >= end), right.size) for end in wanted[1:-1]]
    ends = [0, *nearest, right.size]
    return tuple(
        Period(
            since=labels[begin],
            until=labels[end - 1],
            accuracy=_accuracy(right[begin:end], items[begin:end], confidence),
        )
        for begin, end in pairwise(ends)
        if end > begin
    )
