"""Krippendorff's alpha for any number of raters, missing labels and any distance, with an interval over units."""

from __future__ import annotations

from typing import Literal

import numpy as np

from assay.core.records import Estimate
from assay.stats.agreement.alpha_parts import alpha_parts
from assay.stats.agreement.beyond_chance import coefficient, undefined
from assay.stats.agreement.pairs import Difference
from assay.stats.agreement.ratings import Ratings

AlphaMetric = Literal["nominal", "ordinal", "interval", "ratio"]


def krippendorff_alpha(
    ratings: Ratings,
    *,
    metric: AlphaMetric | Difference = "nominal",
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
    repeats: int = 2_000,
) -> Estimate:
    """1 minus the disagreement within units over that between all labels, each pair of labels by its difference.

    Without ``rng`` the interval is linearised (t on the scale of log(1 - alpha)); with it, a studentised bootstrap on
    the same scale. Both draw units, with the raters as they are. Both need some fifty units to hold their coverage;
    with numeric labels of a skewed distribution and fewer than some two hundred units both are somewhat too narrow.

    Time grows with the number of labels (nominal, ordinal, interval; a sort where labels are many); with ``ratio`` or a
    function also with the square of the number of distinct labels and with the pairs within units. Memory: some
    200 bytes a label.

    Args:
        ratings: Labels; units with fewer than two are left out and counted as ``unscored``.
        metric: ``nominal``; ``ordinal`` (in the order of the levels); ``interval``; ``ratio`` (numbers of at least 0);
            or a function of two labels giving their squared difference.
        confidence: Two-sided coverage.
        rng: Source of randomness of the bootstrap.
        repeats: Resamples.

    Returns:
        Alpha, at most 1; 0 is what chance gives. No value, and the reason, where no unit has two labels, where there is
        only one rater, or where all labels are equal (nothing to disagree about is no proof of agreement).

    Raises:
        InvalidInputError: Labels that the metric does not fit, or an unknown metric.

    Sources:
        Krippendorff (2011), Computing Krippendorff's Alpha-Reliability. The ordinal difference is the squared
        difference of mid-ranks, so it is the interval metric on them.

    Examples:
        >>> r = Ratings.from_matrix([[1, 1], [2, 2], [3, 3], [3, 2], [1, 1], [2, None]])
        >>> alpha = krippendorff_alpha(r, metric="ordinal")
        >>> round(alpha.value, 4), alpha.n, alpha.unscored
        (0.8898, 5, 1)
    """
    name = f"alpha-{metric}" if isinstance(metric, str) else "alpha-function"
    counts = ratings.once().per_unit
    n, alone = int(np.count_nonzero(counts >= 2)), int(np.count_nonzero(counts == 1))
    parts = alpha_parts(ratings, metric) if n else None
    if parts is None:
        reason = "all labels are equal, so no disagreement was to be expected"
        if not n:
            reason = "there is only one rater" if ratings.n_raters < 2 else "no unit has labels of two raters"
        return undefined(reason, n=n, method=name, confidence=confidence, left_out=alone)
    return coefficient(parts, name=name, confidence=confidence, rng=rng, repeats=repeats)
