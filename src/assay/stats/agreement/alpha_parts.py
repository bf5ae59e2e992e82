"""What Krippendorff's alpha is made of: from a table of counts where levels are few, else in the metric's own way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.agreement.beyond_chance import Disagreement, Factor, linear_features
from assay.stats.agreement.columns import Floats, Ints, summed
from assay.stats.agreement.pairs import Difference, difference_table, equal_pairs, pair_sums, pairable
from assay.stats.agreement.ratings import Ratings

FEW_LEVELS = 12
"""Levels up to which all pairs of them are gone through with one vector of units each."""
MOST_FEATURES = 256
"""Levels up to which a resample recomputes the chance term from its margins; beyond, it follows the tangent."""
BLOCK_CELLS = 2_000_000


def alpha_parts(ratings: Ratings, metric: str | Difference) -> Disagreement | None:
    """Observed and expected disagreement of units with two labels or more; ``None`` where none is to be expected.

    Raises:
        InvalidInputError: Labels that the metric does not fit, or an unknown metric.
    """
    if isinstance(metric, str) and metric not in ("nominal", "ordinal", "interval", "ratio"):
        raise InvalidInputError(
            f"there is no metric called {metric!r}", hint="use nominal, ordinal, interval, ratio or a function"
        )
    values = ratings.values if metric in ("interval", "ratio") else None  # raises for labels that are no numbers
    if metric == "ratio" and values is not None and (values < 0.0).any():
        raise InvalidInputError("the ratio metric met a negative number", hint="use interval, or shift the labels")
    if metric == "interval" and not ratings.has_few_levels(FEW_LEVELS):
        used, alone = pairable(ratings)
        return None if used is None else _moments(used, used.values - used.values.mean(), alone)
    if len(ratings.levels) <= FEW_LEVELS:
        return _tabled(ratings, metric)
    used, alone = pairable(ratings)
    if used is None:
        return None
    if metric == "nominal":
        return _nominal(used, alone)
    if metric == "ordinal":
        counts = np.bincount(used.code, minlength=len(used.levels)).astype(np.float64)
        return _moments(used, _mid_ranks(counts)[used.code], alone, ranked=True)
    if metric == "ratio":
        return _general(used, np.array(used.levels, dtype=np.float64), _ratio, alone)
    assert not isinstance(metric, str)
    table = difference_table(used.levels, metric)
    return _general(used, np.arange(len(used.levels)), lambda first, second: table[first, second], alone)


def _mid_ranks(counts: Floats) -> Floats:
    """Middle rank of each level as a share of all labels, less one half."""
    return np.asarray((np.cumsum(counts) - 0.5 * counts) / counts.sum() - 0.5)


def _tabled(ratings: Ratings, metric: str | Difference) -> Disagreement | None:
    levels, units = len(ratings.levels), ratings.n_units
    place = ratings.code * units
    place += ratings.unit
    every = np.bincount(place, minlength=levels * units).reshape(levels, units)
    kept = np.flatnonzero(ratings.per_unit >= 2)
    counts = np.empty((levels, kept.size))
    for row, found in zip(counts, every, strict=True):
        row[:] = found if kept.size == units else found[kept]
    size, margins = counts.sum(axis=0), counts.sum(axis=1)
    marks = _mid_ranks(margins) if metric == "ordinal" else None
    table = _differences(ratings, metric, marks)
    slopes = table @ margins
    expected = float(slopes @ margins)
    if expected <= 0.0:
        return None
    observed, coincidences, weight = np.zeros(size.size), np.zeros((levels, levels)), 1.0 / (size - 1.0)
    for first in range(levels):
        weighted = counts[first] * weight
        for second in range(first):
            pairs = weighted * counts[second]
            coincidences[first, second] = coincidences[second, first] = pairs.sum()
            pairs *= 2.0 * table[first, second]
            observed += pairs
    shift = None
    if marks is not None and observed.any():
        gaps = marks[:, None] - marks
        within = 4.0 * (coincidences * gaps).sum(axis=1) / observed.sum()
        between = 4.0 * margins * (gaps @ margins) / expected
        shift = _by_level(counts, _rank_slopes(within - between) / margins.sum())
    return Disagreement(
        observed=observed,
        worst=float(table.max()) * float(size.sum()),
        n=int(kept.size),
        left_out=int(np.count_nonzero(ratings.per_unit == 1)),
        factors=(Factor(terms=size, offset=1.0),),
        expected=expected,
        gradient=_by_level(counts, slopes),
        shift=shift,
        features=lambda group, groups: (np.stack([summed(group, row, groups) for row in counts], axis=1), table),
    )


def _by_level(counts: Floats, weights: Floats) -> Floats:
    """Weighted sum of the rows of a table levels × units; row by row, as a thin matrix product is slower."""
    total = np.zeros(counts.shape[1])
    for row, weight in zip(counts, weights.tolist(), strict=True):
        if weight:
            total += weight * row
    return total


def _rank_slopes(by_level: Floats) -> Floats:
    """Derivative in each level's count of what has these derivatives in the mid-ranks."""
    return np.asarray(by_level.sum() - np.cumsum(by_level) + 0.5 * by_level)


def _differences(ratings: Ratings, metric: str | Difference, marks: Floats | None) -> Floats:
    if metric == "nominal":
        return 1.0 - np.eye(len(ratings.levels))
    if not isinstance(metric, str):
        return difference_table(ratings.levels, metric)
    if marks is None:
        marks = np.array(ratings.levels, dtype=np.float64)
    if metric == "ratio":
        return _ratio(marks[:, None], marks)
    return np.asarray(np.square(marks[:, None] - marks))


def _nominal(used: Ratings, alone: int) -> Disagreement | None:
    code, size, n = used.code, used.per_unit.astype(np.float64), float(used.n_labels)
    margins = np.bincount(code, minlength=len(used.levels)).astype(np.float64)
    expected = n * n - float(margins @ margins)
    if expected <= 0.0:
        return None
    gradient = used.unit_sums((n - margins)[code])
    return Disagreement(
        observed=(size * size - equal_pairs(used.unit, code, used.per_unit, margins.size)) / (size - 1.0),
        worst=n,
        n=used.n_units,
        left_out=alone,
        factors=(Factor(terms=size, offset=1.0),),
        expected=expected,
        gradient=gradient,
        features=_margin_features(used, 1.0 - np.eye(margins.size))
        if margins.size <= MOST_FEATURES
        else linear_features(gradient, expected),
    )


def _moments(used: Ratings, values: Floats, alone: int, *, ranked: bool = False) -> Disagreement | None:
    """Squared differences need no pairs: within a unit they add up to 2 m times its squared deviations."""
    count, size, n = used.per_unit, used.per_unit.astype(np.float64), float(used.n_labels)
    sums, squares = used.unit_sums(values), used.unit_sums(np.square(values))
    deviations = values - np.repeat(sums / size, count)
    observed = 2.0 * size / (size - 1.0) * used.unit_sums(np.square(deviations))
    total, total_square = float(sums.sum()), float(squares.sum())
    expected = 2.0 * (n * total_square - total * total)
    if values.max() == values.min():
        return None
    shift = None
    if ranked and observed.sum() > 0.0:
        within = 4.0 * np.repeat(size / (size - 1.0), count) * deviations / float(observed.sum())
        slope = within - 4.0 * (n * values - total) / expected
        by_level = summed(used.code, slope, len(used.levels))
        shift = used.unit_sums(_rank_slopes(by_level)[used.code]) / n

    def features(group: Ints, groups: int) -> tuple[Floats, Floats]:
        columns = [summed(group, terms, groups) for terms in (size, sums, squares)]
        return np.stack(columns, axis=1), np.array([[0.0, 0.0, 1.0], [0.0, -2.0, 0.0], [1.0, 0.0, 0.0]])

    return Disagreement(
        observed=observed,
        worst=n * float(values.max() - values.min()) ** 2,
        n=used.n_units,
        left_out=alone,
        factors=(Factor(terms=size, offset=1.0),),
        expected=expected,
        gradient=total_square * size - 2.0 * total * sums + n * squares,
        shift=shift,
        features=features,
    )


def _ratio(first: Floats, second: Floats) -> Floats:
    total = first + second
    share = np.divide(first - second, total, out=np.zeros(np.broadcast(first, second).shape), where=total > 0.0)
    return np.square(share)


def _general(used: Ratings, marks: Floats | Ints, difference: Callable[..., Floats], alone: int) -> Disagreement | None:
    """Any difference: pairs within units, and the levels against each other in blocks of rows."""
    code, size = used.code, used.per_unit.astype(np.float64)
    margins = np.bincount(code, minlength=marks.size).astype(np.float64)
    slopes, worst = np.empty(marks.size), 0.0
    for rows, block in _blocks(marks, difference):
        slopes[rows] = block @ margins
        worst = max(worst, float(block.max()))
    expected = float(slopes @ margins)
    if expected <= 0.0:
        return None
    within = pair_sums(used.unit, used.n_units, lambda one, two: difference(marks[code[one]], marks[code[two]]))
    gradient = used.unit_sums(slopes[code])
    small = marks.size <= MOST_FEATURES
    return Disagreement(
        observed=within / (size - 1.0),
        worst=worst * used.n_labels,
        n=used.n_units,
        left_out=alone,
        factors=(Factor(terms=size, offset=1.0),),
        expected=expected,
        gradient=gradient,
        features=_margin_features(used, difference(marks[:, None], marks[None, :]))
        if small
        else linear_features(gradient, expected),
    )


def _blocks(marks: Floats | Ints, difference: Callable[..., Floats]) -> Iterator[tuple[slice, Floats]]:
    step = max(1, BLOCK_CELLS // marks.size)
    for first in range(0, marks.size, step):
        rows = slice(first, first + step)
        yield rows, difference(marks[rows, None], marks[None, :])


def _margin_features(used: Ratings, form: Floats) -> Callable[[Ints, int], tuple[Floats, Floats]]:
    """How often each group of units has each label."""
    levels = form.shape[0]

    def features(group: Ints, groups: int) -> tuple[Floats, Floats]:
        cells = np.bincount(group[used.unit] * levels + used.code, minlength=groups * levels)
        return cells.reshape(groups, levels).astype(np.float64), form

    return features
