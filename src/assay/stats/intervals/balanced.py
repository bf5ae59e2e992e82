"""Balanced accuracy: how often a yes-or-no verdict is right, both classes counting the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Labels, array_moments
from assay.stats.combine import macro_average
from assay.stats.intervals.clustered import clustered_mean
from assay.stats.scalar import mean_estimate
from assay.stats.special import check_confidence

Bools = npt.NDArray[np.bool_]
UNIT = "share"


def balanced_accuracy(
    said: npt.ArrayLike, truth: npt.ArrayLike, *, clusters: Labels | None = None, confidence: float = 0.95
) -> Estimate:
    """Mean of the share right among the positives and among the negatives: 0.5 is what a constant answer gets.

    Without clusters the intervals of the two shares (Wilson) are added in squares (MOVER). Clusters may hold both
    classes, so with them each item's influence on the figure is averaged over clusters (CR2, Satterthwaite), and bounds
    are cut to [0, 1]. Memory: a few vectors.

    Args:
        said: Verdicts, 0 or 1, shape ``(n,)``.
        truth: What was right, 0 or 1, shape ``(n,)``.
        clusters: Group (document, prompt) of each item, shape ``(n,)``.
        confidence: Two-sided coverage.

    Returns:
        A share. A constant answer has one half on any items, so there are no bounds; nor are there with one cluster, or
        where clusters do not differ.

    Raises:
        InvalidInputError: Lengths differ, a value is not 0 or 1, or the truth has one class only.

    Sources:
        Brodersen, Ong, Stephan & Buhmann (2010), ICPR, 3121-3124; Zou & Donner (2008), Statistics in Medicine 27,
        1693-1702 (MOVER); Pustejovsky & Tipton (2018), J. Business & Economic Statistics 36, 672-683 (CR2).

    Examples:
        >>> e = balanced_accuracy([1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0])
        >>> e.value, round(e.low, 3), round(e.high, 3)
        (0.75, 0.378, 0.925)
    """
    check_confidence(confidence)
    answer, right = _flags(said, "said"), _flags(truth, "truth")
    if answer.size != right.size or right.all() or not right.any():
        raise InvalidInputError(
            f"{answer.size} verdicts and {right.size} truths, of which {int(right.sum())} positive, are too few",
            hint="balanced accuracy needs items of both classes and a verdict on each",
        )
    if answer.all() or not answer.any():
        return Estimate(
            value=0.5, low=None, high=None, n=answer.size, method="by definition", confidence=confidence, unit=UNIT,
            reason="a constant answer has one half on any items",
        )  # fmt: skip
    hits = (answer == right).astype(np.float64)
    if clusters is None:
        classes = [
            mean_estimate(array_moments(hits[side], None), confidence=confidence, unit=UNIT) for side in (right, ~right)
        ]
        return replace(macro_average(classes), method="wilson-mover")
    value, influence = 0.0, np.zeros(answer.size)
    for side in (right, ~right):
        share = float(hits[side].mean())
        value += 0.5 * share
        influence[side] = 0.5 * answer.size / side.sum() * (hits[side] - share)
    found = clustered_mean(value + influence, clusters, confidence=confidence, unit=UNIT)
    if found.low is None or found.high is None:
        return found
    return replace(found, method=f"linearised-{found.method}", low=max(0.0, found.low), high=min(1.0, found.high))


def _flags(column: npt.ArrayLike, what: str) -> Bools:
    values = np.asarray(column)
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise InvalidInputError(f"{what} is not a vector of 0 and 1", hint="leave items without a verdict out")
    return values.astype(bool)
