"""What pairing gains: two measurements of one unit against as many of different units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.adjustment.joint import column, same_length
from assay.stats.adjustment.result import AdjustedDifference, t_estimate, variance_ratio, welch
from assay.stats.special import check_confidence


def paired_adjustment(
    baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, confidence: float = 0.95, unit: str = "score"
) -> AdjustedDifference:
    """Mean of candidate minus baseline over pairs, and how its variance compares with not having paired.

    The variance ratio is 1 - 2·cov / (sum of the variances): below 1 exactly where the pairs correlate positively.

    Args:
        baseline: Shape ``(n,)``.
        candidate: Of the same units in the same order, shape ``(n,)``.
        confidence: Two-sided coverage.
        unit: Of the outcome.

    Raises:
        InvalidInputError: Lengths differ, a value is not finite, or there are fewer than two pairs.

    Sources:
        Student (1908), Biometrika 6, 1-25; Cochran (1953), American Journal of Public Health 43, 684-691.

    Examples:
        >>> result = paired_adjustment([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.5])
        >>> result.difference.value, round(result.gain)
        (1.125, 62)
    """
    check_confidence(confidence)
    old, new = column(baseline, "baseline"), column(candidate, "candidate")
    same_length([old, new], ["baseline", "candidate"])
    n = old.size
    if n < 2:
        raise InvalidInputError(f"{n} pairs have no spread", hint="give at least two pairs")
    squares = np.array([np.square(side - side.mean()).sum() for side in (old, new)])
    unadjusted, _, _ = welch(
        np.full(2, float(n)), np.array([old.mean(), new.mean()]), squares, confidence=confidence, unit=unit
    )
    gaps = new - old
    variance = float(np.square(gaps - gaps.mean()).sum()) / (n - 1) / n
    if variance <= 1e-26 * float(np.square(gaps).mean() + squares.sum() / n):
        variance = 0.0
    difference, p_value = t_estimate(
        float(gaps.mean()), variance, n - 1.0, n=n, method="paired-t", confidence=confidence, unit=unit,
        reason="all pairs differ by the same amount, so the spread is unknown",
    )  # fmt: skip
    return AdjustedDifference(
        difference=difference,
        unadjusted=unadjusted,
        p_value=p_value,
        variance_ratio=variance_ratio(difference, unadjusted),
        assumed=("pairs are independent of each other", "enough pairs for the central limit theorem"),
    )
