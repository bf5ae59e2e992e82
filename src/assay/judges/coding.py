"""Whether verdicts and people's labels can be on one scale, so that their levels may be compared."""

from __future__ import annotations

import numpy as np

from assay.judges.judged import Judged

OTHER_CODING = 5.0
"""Times that one range of labels is the other, from which on they are two codings."""


def why_not_one_scale(judged: Judged) -> str | None:
    """The reason why verdicts and single labels cannot be on one scale; ``None`` where they may be.

    With a stated scale: a label is beside it. Without: the two have at most one number in common, or one of them is
    whole numbers that reach over a fifth of the other at most.
    """
    people = judged.human if judged.raters is None else judged.raters
    if people is None or not np.isfinite(people).any() or judged.seen is None:
        return None
    low, high = float(np.nanmin(people)), float(np.nanmax(people))
    if judged.scale is not None:
        ends = judged.scale
        if ends[0] <= low and high <= ends[1]:
            return None
        return f"labels reach from {low:g} to {high:g} on a scale from {ends[0]:g} to {ends[1]:g}"
    first, last = judged.seen
    if low == high or first == last:
        return None if first <= low <= last or low <= first <= high else _apart(judged.seen, (low, high))
    narrow, column = min((last - first, judged.verdicts), (high - low, people), key=lambda pair: pair[0])
    whole = np.array_equal(column[np.isfinite(column)], np.round(column[np.isfinite(column)]))
    if min(last, high) <= max(first, low) or (whole and OTHER_CODING * narrow <= max(last - first, high - low)):
        return _apart(judged.seen, (low, high))
    return None


def _apart(verdicts: tuple[float, float], labels: tuple[float, float]) -> str:
    return (
        f"verdicts reach from {verdicts[0]:g} to {verdicts[1]:g} and labels from {labels[0]:g} to {labels[1]:g}, which"
        " cannot be one scale (--scale says that it is)"
    )
