"""Post-stratified and stratified differences: two arms compared like with like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.adjustment.cells import StratumTable, weighted_difference
from assay.stats.adjustment.joint import Floats
from assay.stats.adjustment.result import AdjustedDifference, variance_ratio, welch
from assay.stats.special import check_confidence


def stratified_difference(
    table: StratumTable,
    *,
    weights: Mapping[str, float] | None = None,
    small: Literal["refuse", "merge"] = "refuse",
    min_per_arm: int = 2,
    confidence: float = 0.95,
    unit: str = "score",
) -> AdjustedDifference:
    """Treatment minus control within strata, averaged with each stratum's share of the population.

    Without ``weights`` the shares are those of the sample (post-stratification) and their own uncertainty is in the
    variance; with ``weights`` they are known (a stratified draw, a census).

    Args:
        table: Cells; ``StratumTable.of`` makes it from rows.
        weights: Share of every stratum in the population, normalised to sum to 1.
        small: What to do with a stratum that has fewer than ``min_per_arm`` units in an arm: refuse, or merge it with
            the other small ones and, while that is not enough, with the smallest other stratum. Merging looks at
            counts only, never at outcomes.
        min_per_arm: At least 2; below about 5 units a cell the gain of many small strata turns into a loss.
        confidence: Two-sided coverage.
        unit: Of the outcome.

    Raises:
        InvalidInputError: A weight is missing or negative, a stratum is small under ``refuse``, or all of them
            together are.

    Sources:
        Cochran (1977), Sampling Techniques, sections 5.4 and 5A.9; Miratrix, Sekhon & Yu (2013), JRSS B 75, 369-396.

    Examples:
        >>> table = StratumTable.from_counts({"iOS": (7525, 8750, 2200, 2500), "Android": (975, 1250, 6000, 7500)})
        >>> result = stratified_difference(table)
        >>> round(result.unadjusted.value, 4), round(result.difference.value, 4)
        (-0.03, 0.02)
    """
    check_confidence(confidence)
    if min_per_arm < 2:
        raise InvalidInputError(f"min_per_arm is {min_per_arm}", hint="a variance needs at least 2 units")
    if small not in ("refuse", "merge"):
        raise InvalidInputError(f"small={small!r} is not known", hint="'refuse' or 'merge'")
    whole = table.pooled()
    if whole.counts.min() < 2:
        raise InvalidInputError("an arm has fewer than two units", hint="give at least two units an arm")
    unadjusted, _, _ = welch(whole.counts[0], whole.means[0], whole.squares[0], confidence=confidence, unit=unit)
    shares = _shares(table, weights)
    used, shares, warnings = _without_small(table, shares, small, min_per_arm)
    difference, p_value = weighted_difference(
        used, shares, weights_drawn_from=None if weights is not None else float(whole.counts.sum()),
        confidence=confidence, unit=unit, method="stratified-t" if weights is not None else "post-stratified-t",
    )  # fmt: skip
    known = "the given shares are those of the population" if weights is not None else "the sample is the population's"
    return AdjustedDifference(
        difference=difference,
        unadjusted=unadjusted,
        p_value=p_value,
        variance_ratio=variance_ratio(difference, unadjusted),
        assumed=("units were assigned at random within strata", "the treatment cannot have moved the strata", known),
        warnings=warnings,
    )


def _shares(table: StratumTable, weights: Mapping[str, float] | None) -> Floats:
    if weights is None:
        sizes: Floats = table.counts.sum(axis=1)
        return sizes
    missing = [name for name in table.names if name not in weights]
    extra = [name for name in weights if name not in table.names]
    if missing or extra:
        raise InvalidInputError(
            f"weights and strata differ: without a weight {missing}, without units {extra}",
            hint="one weight for every stratum",
        )
    shares = np.array([weights[name] for name in table.names], dtype=np.float64)
    if not np.isfinite(shares).all() or (shares < 0).any() or shares.sum() <= 0:
        raise InvalidInputError("weights are not shares of a population", hint="each at least 0, one above 0")
    return shares


def _without_small(
    table: StratumTable, shares: Floats, small: str, min_per_arm: int
) -> tuple[StratumTable, Floats, tuple[str, ...]]:
    """Strata with enough units in both arms, and what was merged for it."""
    low = table.counts.min(axis=1) < min_per_arm
    if not low.any():
        return table, shares, ()
    names = [name for name, is_low in zip(table.names, low, strict=True) if is_low]
    if small == "refuse":
        raise InvalidInputError(
            f"{len(names)} strata have fewer than {min_per_arm} units in an arm: {', '.join(names[:5])}",
            hint="small='merge' joins them, or define coarser strata",
        )
    joined = low.copy()
    by_size = iter(np.argsort(table.counts.sum(axis=1), kind="stable"))
    while table.counts[joined].sum(axis=0).min() < min_per_arm:
        following = next((index for index in by_size if not joined[index]), None)
        if following is None:
            raise InvalidInputError(
                f"all strata together have fewer than {min_per_arm} units in an arm", hint="give more units"
            )
        joined[following] = True
    merged = [name for name, is_joined in zip(table.names, joined, strict=True) if is_joined]
    kept = [name for name in table.names if name not in set(merged)]
    groups = np.array([len(kept) if is_joined else 0 for is_joined in joined], dtype=np.intp)
    groups[~joined] = np.arange(len(kept))
    total = np.zeros(len(kept) + 1)
    np.add.at(total, groups, shares)
    said = f"{len(merged)} strata were merged, {len(names)} of them with too few units in an arm: {', '.join(merged)}"
    return table.grouped(groups, [*kept, "(merged)"]), total, (said,)
