"""Intraclass correlations of units × raters tables of numbers, with F intervals."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.agreement.beyond_chance import undefined
from assay.stats.agreement.columns import Floats
from assay.stats.agreement.ratings import Ratings
from assay.stats.special import beta_quantile, check_confidence

IccForm = Literal["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"]
ROUNDINGS = 8.0
FORMS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")


class _Table(NamedTuple):
    """Mean squares of n complete units by k raters."""

    n: int
    k: int
    units: float
    raters: float
    error: float
    within: float


def intraclass_correlation(ratings: Ratings, *, form: IccForm = "2,1", confidence: float = 0.95) -> Estimate:
    """Share of the variance of a rating that lies between units.

    ``1``: every unit has raters of its own. ``2``: the same raters, themselves a draw from many; a rater's constant
    offset counts as disagreement. ``3``: just these raters; offsets do not count. ``,1``: one rater's label; ``,k``:
    the mean of all k raters.

    The intervals assume normal effects: exact for forms 1 and 3, Satterthwaite's approximation for 2, which is too
    narrow with a handful of raters whose offsets differ much.

    Args:
        ratings: Numbers. Units that some rater did not label are left out and counted as ``unscored``.
        form: Shrout and Fleiss' name of the case.
        confidence: Two-sided coverage.

    Returns:
        The coefficient, at most 1 and possibly negative. No value, and the reason, with fewer than two raters or two
        complete units, or without any variance; no bounds where raters agree exactly or units do not differ.

    Raises:
        InvalidInputError: Labels that are not numbers, or an unknown form.

    Sources:
        Shrout & Fleiss (1979), Psychological Bulletin 86, 420-428; McGraw & Wong (1996), Psychological Methods 1,
        30-46, table 7 (intervals).

    Examples:
        >>> table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
        >>> [round(intraclass_correlation(Ratings.from_matrix(table), form=f).value, 2) for f in FORMS]
        [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    """
    if form not in FORMS:
        raise InvalidInputError(f"there is no intraclass correlation {form!r}", hint=f"use one of {', '.join(FORMS)}")
    check_confidence(confidence)
    method = f"icc({form})"
    k = ratings.n_raters
    complete = ratings.once().per_unit == k
    n, left_out = int(complete.sum()), int(np.count_nonzero(~complete & (ratings.per_unit > 0)))
    reason = None
    if k < 2:
        reason = "there is only one rater"
    elif n < 2:
        reason = "fewer than two units have a label of every rater"
    if reason is not None:
        return undefined(reason, n=n, method=method, confidence=confidence, left_out=left_out)
    table = _mean_squares(ratings.units_where(complete), n, k)
    value = _value(table, form)
    if value is None:
        reason = (
            "the units' means do not differ enough for a reliability" if table.within > 0.0 else "all labels are equal"
        )
        return undefined(reason, n=n, method=method, confidence=confidence, left_out=left_out)
    bounds = _bounds(table, form, confidence)
    return Estimate(
        value=value,
        low=None if bounds is None else bounds[0],
        high=None if bounds is None else bounds[1],
        n=n,
        method=f"{method}-F",
        confidence=confidence,
        unit="agreement",
        reason=None if bounds is not None else _no_bounds(table, form),
        unscored=left_out,
    )


def _mean_squares(complete: Ratings, n: int, k: int) -> _Table:
    """Mean squares; a sum of squares that rounding of the labels alone could leave counts as 0."""
    table = complete.values.reshape(n, k)
    noise = n * k * (ROUNDINGS * float(np.finfo(float).eps) * float(np.abs(table).max())) ** 2
    table = table - table.mean()
    by_unit, by_rater = table.mean(axis=1), table.mean(axis=0)

    def squares(parts: Floats) -> float:
        total = float(np.square(parts).sum())
        return total if total > noise else 0.0

    return _Table(
        n=n,
        k=k,
        units=k * squares(by_unit) / (n - 1),
        raters=n * squares(by_rater) / (k - 1),
        error=squares(table - by_unit[:, None] - by_rater[None, :]) / ((n - 1) * (k - 1)),
        within=squares(table - by_unit[:, None]) / (n * (k - 1)),
    )


def _value(t: _Table, form: IccForm) -> float | None:
    noise = _noise(t, form)
    offsets = t.k * (t.raters - t.error) / t.n if form[0] == "2" else 0.0
    if form.endswith("k"):
        bottom = t.units + offsets / t.k if t.units > 0.0 else 0.0
    else:
        bottom = t.units + (t.k - 1) * noise + offsets
    return (t.units - noise) / bottom if bottom > 1e-12 * (t.units + noise) else None


def _no_bounds(t: _Table, form: IccForm) -> str:
    if t.units <= 0.0:
        return "the units' means are equal, so their spread is unknown"
    if _noise(t, form) <= 0.0:
        return "raters agree exactly, so the spread of their errors is unknown"
    return "the raters differ by less than their errors explain, too little for bounds"


def _noise(t: _Table, form: IccForm) -> float:
    return t.within if form[0] == "1" else t.error


def _bounds(t: _Table, form: IccForm, confidence: float) -> tuple[float, float] | None:
    tail, noise = 0.5 + confidence / 2.0, _noise(t, form)
    if noise <= 0.0 or t.units <= 0.0:
        return None
    if form[0] == "2":
        return _absolute_bounds(t, tail, mean=form.endswith("k"))
    free = t.n * (t.k - 1) if form[0] == "1" else (t.n - 1) * (t.k - 1)
    ratio = t.units / noise
    smaller, larger = ratio / _f_quantile(tail, t.n - 1, free), ratio * _f_quantile(tail, free, t.n - 1)
    if form.endswith("k"):
        return 1.0 - 1.0 / smaller, 1.0 - 1.0 / larger
    return (smaller - 1.0) / (smaller + t.k - 1.0), (larger - 1.0) / (larger + t.k - 1.0)


def _absolute_bounds(t: _Table, tail: float, *, mean: bool) -> tuple[float, float] | None:
    n, k = t.n, t.k
    value = max(_value(t, "2,1") or 0.0, 0.0)  # a negative one would make the degrees of freedom meaningless
    a, b = k * value / n, 1.0 - value + k * value * (n - 1) / n  # both times 1 - value, which cancels and may be 0
    free = (a * t.raters + b * t.error) ** 2 / (
        (a * t.raters) ** 2 / (k - 1) + (b * t.error) ** 2 / ((n - 1) * (k - 1))
    )
    lower, upper = _f_quantile(tail, n - 1, free), _f_quantile(tail, free, n - 1)
    rest = t.raters - t.error if mean else k * t.raters + (k * n - k - n) * t.error
    below, above = lower * rest + n * t.units, rest + n * upper * t.units
    if below <= 0.0 or above <= 0.0:
        return None
    return n * (t.units - lower * t.error) / below, n * (upper * t.units - t.error) / above


def _f_quantile(p: float, first: float, second: float) -> float:
    share = beta_quantile(p, first / 2.0, second / 2.0)
    return second * share / (first * (1.0 - share))
