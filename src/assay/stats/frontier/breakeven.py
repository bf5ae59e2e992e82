"""The base rate at which two cutoffs or systems cost the same."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, binary_outcomes
from assay.stats.frontier.crossing import zero_crossing_bounds
from assay.stats.special import check_confidence, normal_quantile


def break_even_prevalence(
    labels: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    false_positive: float,
    false_negative: float,
    confidence: float = 0.95,
) -> Estimate:
    """The share of positives at which two ways to flag the same cases cost the same on average.

    Below it the one with fewer false positives is cheaper, above it the one with fewer misses. The interval holds every
    base rate at which the paired difference in cost is not told from 0 (Fieller), so it may reach to 0 or to 1.

    Args:
        labels: 1 for positives, 0 for negatives, shape ``(n,)``; independent cases.
        first: 1 where the first way flags.
        second: 1 where the second does.
        false_positive: w₁, cost, above 0.
        false_negative: w₂, cost, above 0.
        confidence: Two-sided.

    Returns:
        Unit ``share``. Without value, with the reason, when one way is at least as good in both kinds of error.

    Raises:
        InvalidInputError: Shapes differ, a value is not 0 or 1, a class is missing, a cost is not above 0.

    Sources:
        (1 - π)·w₁·ΔFPR = π·w₂·(-ΔFNR) solved for π: Drummond & Holte (2006), Machine Learning 65, 95-130;
        Fieller (1954), JRSS B 16, 175-185;
        Agresti & Min (2005), Statistics in Medicine 24, 729-740 (½ on each cell of the paired
        variance).

    Examples:
        >>> labels, strict, loose = [0] * 10 + [1] * 10, [0] * 10 + [1] * 6 + [0] * 4, [1] * 4 + [0] * 6 + [1] * 10
        >>> break_even_prevalence(labels, strict, loose, false_positive=1.0, false_negative=1.0).value
        0.5
    """
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    if not all(math.isfinite(cost) and cost > 0.0 for cost in (false_positive, false_negative)):
        raise InvalidInputError("a cost is not above 0", hint="both finite and above 0, in one unit")
    truth = binary_outcomes(labels, np.size(labels))
    flags = [binary_outcomes(column, truth.size) for column in (first, second)]
    negative, positive = truth == 0.0, truth == 1.0
    if not negative.any() or not positive.any():
        raise InvalidInputError("a class is missing, so its rate is unknown", hint="label positives and negatives")
    # cost of the first minus the second: more flags among negatives cost, more among positives save
    extra, extra_variance = _paired(flags[0][negative], flags[1][negative])
    caught, caught_variance = _paired(flags[0][positive], flags[1][positive])
    at_none, at_all = false_positive * extra, -false_negative * caught

    def line(prevalence: float) -> tuple[float, float]:
        none, everything = (1.0 - prevalence) * false_positive, prevalence * false_negative
        spread = none * none * extra_variance + everything * everything * caught_variance
        return (1.0 - prevalence) * at_none + prevalence * at_all, math.sqrt(spread)

    if at_none * at_all >= 0.0:
        return Estimate(
            value=None, low=None, high=None, n=truth.size, method="fieller", confidence=confidence, unit="share",
            reason="one way is at least as good in both kinds of error, at every base rate",
        )  # fmt: skip
    value = at_none / (at_none - at_all)
    low, high = zero_crossing_bounds(line, value, low=0.0, high=1.0, z=z)
    return Estimate(
        value=value,
        low=0.0 if low is None else low,
        high=1.0 if high is None else high,
        n=truth.size,
        method="fieller",
        confidence=confidence,
        unit="share",
    )


def _paired(first: Floats, second: Floats) -> tuple[float, float]:
    """Difference of two paired shares, and its variance with half a pair in every cell."""
    n = first.size
    gained, lost = float((first > second).sum()), float((first < second).sum())
    net = gained - lost
    return net / n, (gained + lost + 1.0 - net * net / (n + 2.0)) / (n + 2.0) ** 2
