"""Whether the share of right verdicts has fallen below what it was: an alarm that may be looked at every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.stats.drift.edetector import EDetector
from assay.stats.scalar import wilson

BASELINE = 50
"""First verdicts that stand for how good a judge was, where nobody says how good it should be."""
FEWEST_BASELINE = 20
RUN_LENGTH = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyWatch:
    """What became of the watch.

    Attributes:
        expected: Accuracy that was to be held: given, or the lower end of what the first verdicts allow; ``None`` where
            there are too few verdicts to know.
        start: Verdicts before the watch began.
        evidence: That accuracy has fallen below ``expected``: the e-detector's statistic after the last verdict.
        alarm_after: Verdicts watched until the alarm went off; ``None`` while there is none.
    """

    expected: float | None
    start: int
    evidence: float | None
    alarm_after: int | None


def watch_accuracy(
    right: Sequence[bool], *, expected: float | None = None, run_length: float = RUN_LENGTH
) -> AccuracyWatch:
    """Look at verdicts in order of time, after each of them.

    Without a change, the mean number of verdicts to a false alarm is at least ``run_length``, whatever the accuracy
    above ``expected`` is and however often one looks.

    Args:
        right: Whether each verdict was.
        expected: Accuracy to hold, in (0, 1); without it the lower end of Wilson's interval of the first 50 verdicts
            (half of them where there are fewer, from 20 on), which are not watched.
        run_length: Verdicts between false alarms.

    Sources:
        Shin, Ramdas & Rinaldo (2024), arXiv:2203.03532 (e-detectors).

    Examples:
        >>> found = watch_accuracy([True] * 120 + [False] * 80)
        >>> found.start, round(found.expected, 3), found.alarm_after
        (50, 0.929, 75)
    """
    start, bar = (0, expected) if expected is not None else _start(right)
    if bar is None:
        return AccuracyWatch(expected=None, start=0, evidence=None, alarm_after=None)
    detector, alarm = EDetector(mean=bar, run_length=run_length, side="down"), None
    for place, one in enumerate(right[start:], start=1):
        if detector.update(float(one)) and alarm is None:
            alarm = place
    return AccuracyWatch(expected=bar, start=start, evidence=detector.statistic, alarm_after=alarm)


def _start(right: Sequence[bool]) -> tuple[int, float | None]:
    first = min(BASELINE, len(right) // 2)
    if first < FEWEST_BASELINE:
        return 0, None
    low = wilson(float(sum(right[:first])), float(first))[0]
    return (first, low) if low > 0.0 else (0, None)
