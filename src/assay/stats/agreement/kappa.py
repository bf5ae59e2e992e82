"""Cohen's kappa of two raters, plain or with weights for near misses."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.agreement.beyond_chance import Disagreement, Factor, coefficient, linear_features, undefined
from assay.stats.agreement.columns import Floats, Ints
from assay.stats.agreement.pairs import MOST_LEVELS, level_weights
from assay.stats.agreement.ratings import Ratings
from assay.stats.calibration.inputs import Labels, cluster_codes

MOST_FEATURES = 128


def cohen_kappa(
    ratings: Ratings,
    *,
    raters: tuple[Hashable, Hashable] | None = None,
    weights: Literal["unweighted", "linear", "quadratic"] = "unweighted",
    clusters: Labels | None = None,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
    repeats: int = 2_000,
) -> Estimate:
    """Agreement of two raters beyond what their own label shares would give by chance.

    Args:
        ratings: Labels; only units that both raters labelled count, the others are ``unscored``.
        raters: Names of the two; not needed when there are only two.
        weights: ``unweighted``; ``linear`` or ``quadratic`` in the distance of the labels' positions in ``levels``.
        clusters: Group (document, prompt) of each unit, in the order of ``ratings.unit_names``: other groups could have
            been drawn, not other units. The standard error then adds up influences within groups (CR2), with
            Satterthwaite's degrees of freedom. For the linearised interval only.
        confidence: Two-sided coverage of the interval over units.
        rng: With it a studentised bootstrap, without it a linearised interval, as ``krippendorff_alpha``; the
            linearised standard error is the non-null one of Fleiss, Cohen & Everitt times √(n / (n - 1)).
        repeats: Resamples.

    Returns:
        Kappa, at most 1; no value, and the reason, where no unit has both labels or where both raters use one and the
        same label only.

    Raises:
        InvalidInputError: More than two raters and none named, an unknown rater, unknown weights, not one cluster a
            unit, or clusters and ``rng`` together.

    Sources:
        Cohen (1960), Educational and Psychological Measurement 20, 37-46; Cohen (1968), Psychological Bulletin 70,
        213-220; Fleiss, Cohen & Everitt (1969), Psychological Bulletin 72, 323-327. Clusters: Yang & Zhou (2015),
        Computational Statistics & Data Analysis 82, 1-18 (delta method); Pustejovsky & Tipton (2018), J. Business &
        Economic Statistics 36, 672-683 (CR2).

    Examples:
        >>> e = cohen_kappa(Ratings.from_matrix([[1, 1], [1, 1], [1, 2], [2, 2], [2, 2], [2, 1]]))
        >>> round(e.value, 4)
        0.3333
        >>> twice = Ratings.from_matrix([[1, 1], [1, 1], [1, 2], [2, 2], [2, 2], [2, 1]] * 2)
        >>> e = cohen_kappa(twice, clusters=[*range(6), *range(6)])
        >>> round(e.value, 4), e.n_clusters, e.method
        (0.3333, 6, 'cohen-kappa-linearised-CR2')
    """
    name = "cohen-kappa" if weights == "unweighted" else f"cohen-kappa-{weights}"
    levels = len(ratings.once().levels)
    if levels > MOST_LEVELS:
        raise InvalidInputError(f"{levels:,} different labels are too many for kappa", hint="use krippendorff_alpha")
    cost = level_weights(weights, levels)
    if clusters is not None and rng is not None:
        raise InvalidInputError("units are resampled one by one, not by cluster", hint="give clusters or rng, not both")
    groups = cluster_codes(clusters, ratings.n_units)
    if ratings.n_raters < 2:
        return undefined("there is only one rater", n=0, method=name, confidence=confidence)
    first, second, both, left_out = _both(ratings, raters)
    if not first.size:
        reason = "the two raters have no unit in common"
        return undefined(reason, n=0, method=name, confidence=confidence, left_out=left_out)
    ours = np.bincount(first, minlength=levels).astype(np.float64)
    theirs = np.bincount(second, minlength=levels).astype(np.float64)
    expected = float(ours @ cost @ theirs)
    if expected <= 0.0:
        reason = "both raters use one and the same label only, so no disagreement was to be expected"
        return undefined(reason, n=first.size, method=name, confidence=confidence, left_out=left_out)
    gradient = 0.5 * ((cost @ theirs)[first] + (ours @ cost)[second])

    def features(group: Ints, groups: int) -> tuple[Floats, Floats]:
        if levels > MOST_FEATURES:
            return linear_features(gradient, expected)(group, groups)
        columns = [
            np.bincount(group * levels + code, minlength=groups * levels).reshape(groups, levels)
            for code in (first, second)
        ]
        empty = np.zeros_like(cost)
        return np.hstack(columns).astype(np.float64), np.block([[empty, 0.5 * cost], [0.5 * cost, empty]])

    parts = Disagreement(
        observed=cost[first, second],
        worst=float(first.size),
        n=int(first.size),
        left_out=left_out,
        factors=(Factor(terms=np.ones(first.size)),),
        expected=expected,
        gradient=gradient,
        features=features,
    )
    drawn = None if groups is None else groups[both]
    return coefficient(parts, name=name, confidence=confidence, rng=rng, repeats=repeats, clusters=drawn)


def _both(ratings: Ratings, raters: tuple[Hashable, Hashable] | None) -> tuple[Ints, Ints, Ints, int]:
    """Codes of the two raters on the units both labelled, these units, and how many only one of them labelled."""
    names = list(ratings.rater_names)
    if raters is None:
        if len(names) != 2:
            raise InvalidInputError(
                f"Cohen's kappa compares two raters, and there are {len(names)}",
                hint="name two with raters=(a, b), or use fleiss_kappa or krippendorff_alpha",
            )
        raters = (names[0], names[1])
    if raters[0] == raters[1] or any(name not in names for name in raters):
        raise InvalidInputError(f"{raters} are not two of the raters", hint="name two different raters of the data")
    one, two = (ratings.rater == names.index(name) for name in raters)
    left, right = ratings.unit[one], ratings.unit[two]
    both, in_left, in_right = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    return (
        ratings.code[one][in_left],
        ratings.code[two][in_right],
        both,
        int(left.size + right.size - 2 * both.size),
    )
