"""A group against the rest of the units, never against the overall that contains it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.health.tables import two_by_two_p
from assay.stats.moments import Moments
from assay.stats.multiplicity.adjusted import holm
from assay.stats.scalar import SHARE_UNITS, mean_variance
from assay.stats.special import check_confidence, t_sf
from assay.stats.two_sample import difference_of_means


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAgainstRest:
    """One group's mean minus that of all other units.

    Attributes:
        difference: With an interval that is simultaneous over the groups (Bonferroni) from three on.
        p_value: Of no difference: score or Fisher's test for shares, Welch for other means; ``None`` when unknown.
        p_adjusted: Holm over the groups; two groups are one comparison.
    """

    group: str
    difference: Estimate
    p_value: float | None
    p_adjusted: float | None


def groups_against_rest(
    groups: Mapping[str, Moments], *, confidence: float = 0.95, unit: str = "score"
) -> tuple[GroupAgainstRest, ...]:
    """Every group against the units that are not in it.

    Comparing a group with the overall mean as if that were a constant is not a cautious version of this: a group that
    is half of the data drags the overall along, and a nominal 5 % test rejects a true hypothesis .56 % of the time.

    Args:
        groups: Moments of disjoint groups that together are all units; at least two with values.
        confidence: Of all intervals together.
        unit: Of the score; 0/1 scores in ``share`` or ``score`` count as shares.

    Returns:
        One result a group, in the order given; a group without values has a reason in its place.

    Raises:
        InvalidInputError: Fewer than two groups have values.

    Sources:
        Newcombe (1998), Statistics in Medicine 17, 873-890; Welch (1947), Biometrika 34, 28-35; Holm (1979).

    Examples:
        >>> found = groups_against_rest(
        ...     {"de": Moments.of([1] * 60 + [0] * 40), "fr": Moments.of([1] * 45 + [0] * 55)}, unit="share")
        >>> round(found[0].difference.value, 2), round(found[0].p_value, 4), found[0].p_value == found[1].p_value
        (0.15, 0.0337, True)
    """
    check_confidence(confidence)
    filled = [name for name, moments in groups.items() if moments.count]
    if len(filled) < 2:
        raise InvalidInputError(
            f"{len(filled)} group has values: there is no rest to compare it with", hint="give at least two groups"
        )
    pair = len(filled) == 2  # one comparison, seen from both sides
    level = confidence if pair else 1.0 - (1.0 - confidence) / len(filled)
    found: list[tuple[str, Estimate, float | None]] = []
    for name, moments in groups.items():
        if not moments.count:
            empty = Estimate(
                value=None, low=None, high=None, n=0, method="welch", confidence=level, unit=unit,
                reason="no scored sample in the group", unscored=moments.unscored,
            )  # fmt: skip
            found.append((name, empty, None))
            continue
        rest = reduce(lambda one, other: one + other, (groups[other] for other in groups if other != name))
        estimate = difference_of_means(rest, moments, confidence=level, unit=unit)
        found.append((name, estimate, _p_value(rest, moments, estimate, unit)))
    known = [p for _, _, p in found if p is not None]
    adjusted = iter(known if pair else holm(known))
    return tuple(
        GroupAgainstRest(group=name, difference=estimate, p_value=p, p_adjusted=None if p is None else next(adjusted))
        for name, estimate, p in found
    )


def _p_value(rest: Moments, group: Moments, estimate: Estimate, unit: str) -> float | None:
    if unit in SHARE_UNITS and all(side.all_binary and not side.clustered for side in (rest, group)):
        return two_by_two_p(rest.ones, rest.count, group.ones, group.count)[0]
    variances = [mean_variance(side) for side in (rest, group)]
    known = [variance for variance in variances if variance is not None]
    total = math.fsum(known)
    if len(known) < 2 or total <= 0.0 or estimate.value is None:
        return None
    freedom = total**2 / sum(v * v / (s.n_clusters - 1) for v, s in zip(known, (rest, group), strict=True))
    return min(1.0, 2.0 * t_sf(abs(estimate.value) / math.sqrt(total), freedom))
