"""Plain agreement: how often two raters of a unit say the same, with no allowance for chance."""

from __future__ import annotations

import math

import numpy as np

from assay.core.records import Estimate
from assay.stats.agreement.beyond_chance import undefined
from assay.stats.agreement.pairs import equal_pairs, pairable
from assay.stats.agreement.ratings import Ratings
from assay.stats.scalar import effective_n, wilson_bounds
from assay.stats.special import check_confidence, t_quantile


def percent_agreement(ratings: Ratings, *, confidence: float = 0.95) -> Estimate:
    """Chance that two labels of a unit are equal, averaged over units, in [0, 1].

    With two raters this is a share of units and gets Wilson's interval; with more, Wilson's interval on the effective
    number of units (a unit's agreement is then a fraction). Units are drawn, raters stay.

    Args:
        ratings: Labels; units with fewer than two are left out and counted as ``unscored``.
        confidence: Two-sided coverage.

    Returns:
        The share; no value, and the reason, where no unit has two labels.

    Sources:
        Fleiss (1971), Psychological Bulletin 76, 378-382, equation 2, with a number of labels of each unit's own.

    Examples:
        >>> e = percent_agreement(Ratings.from_matrix([["a", "a"], ["a", "b"], ["b", "b"], ["b", "b"]]))
        >>> e.value, round(e.low, 3), round(e.high, 3)
        (0.75, 0.301, 0.954)
    """
    check_confidence(confidence)
    used, alone = pairable(ratings)
    if used is None:
        reason = "there is only one rater" if ratings.n_raters < 2 else "no unit has labels of two raters"
        return undefined(reason, n=0, method="percent-agreement", confidence=confidence, left_out=alone)
    size = used.per_unit.astype(np.float64)
    equal = equal_pairs(used.unit, used.code, used.per_unit, len(used.levels))
    agreed = (equal - size) / (size * (size - 1.0))
    n, share = used.n_units, float(agreed.mean())
    if np.isin(agreed, (0.0, 1.0)).all():
        method, effective, quantile = "wilson", float(n), None
    elif n < 2:
        method, effective, quantile = "effective-wilson", 1.0, None
    else:
        method, quantile = "effective-wilson", t_quantile(0.5 + confidence / 2.0, n - 1)
        effective = effective_n(share, float(agreed.var(ddof=1)) / n, n)
    low, high, std_error = wilson_bounds(min(share, 1.0), effective, confidence, quantile)
    return Estimate(
        value=share,
        low=low,
        high=high,
        n=n,
        method=f"percent-agreement-{method}",
        confidence=confidence,
        unit="share",
        std_error=std_error if math.isfinite(std_error) else None,
        unscored=alone,
    )
