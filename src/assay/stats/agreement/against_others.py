"""Which raters stand apart: how much each disagrees with the others, beside how much those do among themselves."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.agreement.columns import Floats, summed
from assay.stats.agreement.pairs import equal_pairs
from assay.stats.agreement.ratings import Ratings
from assay.stats.special import check_confidence, normal_cdf, t_quantile

FEWEST_UNITS = 10
"""Units below which a mean of a few coarse differences has no t law."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterExcess:
    """One rater beside the others on the same units.

    Attributes:
        rater: Name.
        own: Mean disagreement of its labels with the others'; ``None`` without a unit that has three labels.
        others: Mean disagreement of those others among themselves.
        excess: ``own - others`` with its interval; above 0, the rater disagrees more than the others do.
        p_value: Two-sided, that each unit's labels could as well have been dealt to its raters in any other way;
            ``None`` where there is no interval.
    """

    rater: Hashable
    own: float | None
    others: float | None
    excess: Estimate
    p_value: float | None


def raters_against_others(
    ratings: Ratings,
    *,
    metric: Literal["nominal", "ordinal", "interval"] = "nominal",
    confidence: float = 0.95,
) -> tuple[RaterExcess, ...]:
    """For each rater, disagreement with the others minus disagreement among the others, paired unit by unit.

    A rater who was given hard units disagrees much, and so do the others there; the difference is 0 on average for any
    raters that could be exchanged, whatever the units. The p-value takes the units as they are and deals each one's
    labels to its raters at random; its law is matched by a gamma of the same variance and skewness. The interval draws
    units anew: t, on the larger of the variance seen and that of dealing, since rare disagreement hides its own spread.
    Both speak of one rater each: correct p-values for the number of raters. O(n) memory.

    Args:
        ratings: Labels; units with fewer than three are left out.
        metric: ``nominal``: two labels disagree or not, in [0, 1]; ``ordinal``: squared distance of their places in the
            levels; ``interval``: squared difference of numbers.
        confidence: Two-sided coverage.

    Returns:
        One result a rater, in the order of ``ratings.rater_names``. No bounds, and the reason, for fewer than ten
        units or where the differences do not vary.

    Raises:
        InvalidInputError: Unknown metric; interval metric of labels that are no numbers; a rater with several labels
            of a unit.

    Sources:
        The difference of two U-statistics of one unit's labels, averaged over units; t interval as for paired means,
        Student (1908), Biometrika 6, 1-25; Mielke & Berry (2007), Permutation Methods, 2nd ed. (Pearson type III law
        of a permutation statistic).

    Examples:
        >>> table = [["a", "a", "b"], ["b", "b", "a"], ["a", "a", "a"]] * 5
        >>> found = raters_against_others(Ratings.from_matrix(table))
        >>> [(one.rater, round(one.own, 2), round(one.others, 2)) for one in found]
        [(0, 0.33, 0.67), (1, 0.33, 0.67), (2, 0.67, 0.0)]
    """
    check_confidence(confidence)
    if metric not in ("nominal", "ordinal", "interval"):
        raise InvalidInputError(f"there is no metric called {metric!r}", hint="use nominal, ordinal or interval")
    used = ratings.once()
    used = used.units_where(used.per_unit >= 3)
    raters = used.n_raters
    if not used.n_labels:
        return tuple(_missing(name, 0, metric, confidence, "no unit has labels of three raters") for name in
                     used.rater_names)  # fmt: skip
    own, others = _disagreements(used, metric)
    count = np.bincount(used.rater, minlength=raters)
    size = np.maximum(count, 1)
    gap = own - others
    mean = summed(used.rater, gap, raters) / size
    squares = summed(used.rater, np.square(gap - mean[used.rater]), raters)
    dealt = [(used.unit_sums(gap**power) / np.maximum(used.per_unit, 1))[used.unit] for power in (2, 3)]
    cumulants = [summed(used.rater, terms, raters) for terms in dealt]
    rows = zip(
        used.rater_names,
        count.tolist(),
        (summed(used.rater, own, raters) / size).tolist(),
        (summed(used.rater, others, raters) / size).tolist(),
        mean.tolist(),
        squares.tolist(),
        zip(*(column.tolist() for column in cumulants), strict=True),
        strict=True,
    )
    return tuple(
        _result(name, n, here, there, value, spread, dealing, metric, confidence)
        for name, n, here, there, value, spread, dealing in rows
    )


def _p_value(total: float, variance: float, third: float) -> float:
    """Two-sided p of a sum of mean 0 with these central moments, by a shifted gamma; normal where there is no skew."""
    if variance <= 1e-24:
        return 1.0
    z, skewness = total / math.sqrt(variance), third / variance**1.5
    if abs(skewness) < 1e-4:
        return min(1.0, 2.0 * normal_cdf(-abs(z)))
    from scipy.special import gammainc, gammaincc

    shape = 4.0 / skewness**2
    place = max(0.0, shape + math.copysign(math.sqrt(shape), skewness) * z)
    return float(min(1.0, 2.0 * min(gammainc(shape, place), gammaincc(shape, place))))


def _disagreements(used: Ratings, metric: str) -> tuple[Floats, Floats]:
    """Of each label with the others of its unit, and of those others among themselves; shape ``(n,)`` both."""
    unit, size = used.unit, used.per_unit.astype(np.float64)
    m = size[unit]
    if metric == "nominal":
        levels = len(used.levels)
        _, place, counts = np.unique(unit * levels + used.code, return_inverse=True, return_counts=True)
        sums = m - counts[place.ravel()]
        total = size * size - equal_pairs(unit, used.code, used.per_unit, levels)
    else:
        marks = used.values if metric == "interval" else used.code.astype(np.float64)
        marks = marks - marks.mean()
        first, second = used.unit_sums(marks), used.unit_sums(np.square(marks))
        sums = m * np.square(marks) - 2.0 * marks * first[unit] + second[unit]
        total = 2.0 * (size * second - np.square(first))
    rest = (total[unit] - 2.0 * sums) / ((m - 1.0) * (m - 2.0))
    return np.asarray(sums / (m - 1.0)), np.asarray(np.maximum(rest, 0.0))


def _result(
    name: Hashable,
    n: int,
    own: float,
    others: float,
    value: float,
    squares: float,
    dealing: tuple[float, float],
    metric: str,
    confidence: float,
) -> RaterExcess:
    if not n:
        return _missing(name, n, metric, confidence, "shares no unit with two other raters")
    seen = squares / (n - 1) / n if n > 1 else 0.0
    std_error = math.sqrt(max(seen, dealing[0] / n**2))
    reason = None
    if n < FEWEST_UNITS:
        reason = f"fewer than {FEWEST_UNITS} units with two other raters"
    elif std_error <= 1e-12 * max(own, others, 1e-300):
        reason = "the differences do not vary from unit to unit"
    half = None if reason else t_quantile(0.5 + confidence / 2.0, n - 1) * std_error
    excess = Estimate(
        value=value,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
        n=n,
        method="against-others-t",
        confidence=confidence,
        unit=_unit(metric),
        reason=reason,
        std_error=None if half is None else std_error,
    )
    p_value = None if reason else _p_value(n * value, *dealing)
    return RaterExcess(rater=name, own=own, others=others, excess=excess, p_value=p_value)


def _missing(name: Hashable, n: int, metric: str, confidence: float, reason: str) -> RaterExcess:
    nothing = Estimate(
        value=None,
        low=None,
        high=None,
        n=n,
        method="against-others-t",
        confidence=confidence,
        unit=_unit(metric),
        reason=reason,
    )
    return RaterExcess(rater=name, own=None, others=None, excess=nothing, p_value=None)


def _unit(metric: str) -> str:
    return {"nominal": "share", "ordinal": "squared levels", "interval": "squared score"}[metric]
