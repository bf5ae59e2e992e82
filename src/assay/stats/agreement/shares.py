"""Coefficients whose chance agreement comes from the labels' mean shares over units: Fleiss' kappa and Gwet's AC."""

from __future__ import annotations

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.agreement.beyond_chance import Disagreement, Factor, coefficient, linear_features, undefined
from assay.stats.agreement.columns import Floats, Ints, summed
from assay.stats.agreement.pairs import equal_pairs, level_weights, pair_sums
from assay.stats.agreement.ratings import Ratings

MOST_FEATURES = 256


def fleiss_kappa(
    ratings: Ratings,
    *,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
    repeats: int = 2_000,
) -> Estimate:
    """Agreement beyond chance of any number of raters, unordered labels; each unit may have its own raters.

    Chance agreement is that of two draws from the labels' shares, averaged over units. Units with one label count in
    those shares and nowhere else.

    Args:
        ratings: Labels.
        confidence: Two-sided coverage of the interval over units.
        rng: With it a studentised bootstrap, without it a linearised interval, as ``krippendorff_alpha``.
        repeats: Resamples.

    Returns:
        Kappa, at most 1; no value, and the reason, where no unit has two labels or all labels are equal.

    Sources:
        Fleiss (1971), Psychological Bulletin 76, 378-382; unequal numbers of labels and the linearisation as in
        Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed., chapters 2 and 5.

    Examples:
        >>> e = fleiss_kappa(Ratings.from_matrix([[1, 1, 1], [1, 1, 2], [2, 2, 2], [2, 2, 2], [1, 2, 2]]))
        >>> round(e.value, 4)
        0.4444
    """
    return _from_shares(
        ratings, "fleiss-kappa", "unweighted", gwet=False, confidence=confidence, rng=rng, repeats=repeats
    )


def gwet_ac1(
    ratings: Ratings,
    *,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
    repeats: int = 2_000,
) -> Estimate:
    """Gwet's AC1: agreement beyond chance that stays near plain agreement when one label dominates.

    Depends on the number of possible labels: declare those that did not occur with ``levels``. Arguments and result as
    ``fleiss_kappa``; defined even where all labels are equal, if more than one was possible.

    Sources:
        Gwet (2008), British Journal of Mathematical and Statistical Psychology 61, 29-48.

    Examples:
        >>> e = gwet_ac1(Ratings.from_matrix([[1, 1], [1, 1], [1, 1], [1, 2]]))
        >>> round(e.value, 4)
        0.68
    """
    return _from_shares(ratings, "gwet-ac1", "unweighted", gwet=True, confidence=confidence, rng=rng, repeats=repeats)


def gwet_ac2(
    ratings: Ratings,
    *,
    weights: str = "quadratic",
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
    repeats: int = 2_000,
) -> Estimate:
    """Gwet's AC2: AC1 for ordered labels, near misses counting in part.

    Args:
        ratings: Labels; their distance is that of their positions in ``levels``.
        weights: ``quadratic``, ``linear`` or ``unweighted`` (AC1).
        confidence: Two-sided coverage.
        rng: As ``fleiss_kappa``.
        repeats: Resamples.

    Raises:
        InvalidInputError: Unknown weights.

    Sources:
        Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed., section 3.5.

    Examples:
        >>> e = gwet_ac2(Ratings.from_matrix([[1, 1], [2, 2], [3, 3], [3, 2]]), weights="linear")
        >>> round(e.value, 4)
        0.7241
    """
    return _from_shares(ratings, "gwet-ac2", weights, gwet=True, confidence=confidence, rng=rng, repeats=repeats)


def _from_shares(
    ratings: Ratings,
    name: str,
    weights: str,
    *,
    gwet: bool,
    confidence: float,
    rng: np.random.Generator | None,
    repeats: int,
) -> Estimate:
    rated, levels = ratings.once().rated_only(), len(ratings.levels)
    size = rated.per_unit.astype(np.float64)
    n = int(np.count_nonzero(size >= 2))
    reason = None
    if not n:
        reason = "there is only one rater" if ratings.n_raters < 2 else "no unit has labels of two raters"
    elif levels < 2:
        reason = "only one label is possible, so nothing can be agreed on"
    left_out = rated.n_units - n
    if reason is not None:
        return undefined(reason, n=n, method=name, confidence=confidence, left_out=left_out)
    if levels > 2_000 and weights != "unweighted":
        raise InvalidInputError(f"{levels:,} levels are too many for weights", hint="use krippendorff_alpha")
    disagreement = None if weights == "unweighted" else level_weights(weights, levels)
    even = 1.0 / (levels - 1.0)
    if disagreement is not None:
        even = (levels * levels - float(disagreement.sum())) / (levels * (levels - 1.0))
    # the chance term is across · (Σ f)² + along · Σ f², for f the sums over units of the labels' shares in the unit
    across, along = (1.0 - even, even) if gwet else (1.0, -1.0)
    parts = _parts(rated, disagreement, across, along)
    if parts.expected <= 1e-12 * rated.n_units**2:
        reason = "all labels are equal, so no disagreement was to be expected"
        return undefined(reason, n=n, method=name, confidence=confidence, left_out=left_out)
    return coefficient(parts, name=name, confidence=confidence, rng=rng, repeats=repeats)


def _parts(rated: Ratings, disagreement: Floats | None, across: float, along: float) -> Disagreement:
    code, unit, size = rated.code, rated.unit, rated.per_unit.astype(np.float64)
    share = 1.0 / size[unit]
    levels = len(rated.levels)
    margins = summed(code, share, levels)
    paired = size >= 2.0
    if disagreement is None:
        within = size * size - equal_pairs(unit, code, rated.per_unit, levels)
    else:
        table = disagreement
        within = pair_sums(unit, rated.n_units, lambda one, two: table[code[one], code[two]])
    gradient = rated.unit_sums(((across * margins.sum() + along * margins)[code]) * share)
    expected = across * float(margins.sum()) ** 2 + along * float(margins @ margins)

    def features(group: Ints, groups: int) -> tuple[Floats, Floats]:
        if levels > MOST_FEATURES:
            return linear_features(gradient, expected)(group, groups)
        cells = summed(group[unit] * levels + code, share, groups * levels)
        return cells.reshape(groups, levels), across + along * np.eye(levels)

    n = int(np.count_nonzero(paired))
    return Disagreement(
        observed=np.where(paired, within / np.maximum(size * (size - 1.0), 1.0), 0.0),
        worst=float(n),
        n=n,
        left_out=rated.n_units - n,
        factors=(
            Factor(terms=paired.astype(np.float64), power=-1),
            Factor(terms=np.ones(rated.n_units), power=2),
        ),
        expected=expected,
        gradient=gradient,
        features=features,
    )
