"""Two systems on the same samples: differences of means and of shares, exact tests. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.evidence import Evidence, difference_evidence
from assay.stats.moments import Moments
from assay.stats.special import binomial_cdf, check_confidence, normal_quantile


def paired_difference(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    unit: str = "score",
    span: float = 1.0,
) -> Estimate:
    """Mean of ``candidate - baseline`` over shared samples, with a cluster-robust t interval.

    Samples cut from one document are not independent; naming the document in ``clusters`` keeps the interval from
    being too narrow. With G groups the interval uses G - 1 degrees of freedom (CR1). With few (below about 20) or very
    unequal groups it is somewhat too narrow.

    Args:
        baseline: Scores of the reference system, shape ``(n,)``, in score units.
        candidate: Scores of the new system, shape ``(n,)``, same order of samples.
        clusters: Group label of each sample, shape ``(n,)``; ``None`` when samples are independent.
        confidence: Coverage of the interval, in (0, 1).
        unit: The scorer's unit.
        span: Largest possible difference, used only when all differences are equal
            (see ``evidence.difference_evidence``).

    Raises:
        InvalidInputError: Shapes differ, a score is not finite, or there are fewer than two groups.

    Sources:
        Cameron & Miller (2015), J. Human Resources 50(2), on cluster-robust variance;
        Miller (2024), arXiv:2411.00640, on paired and clustered evaluation scores.

    Examples:
        >>> paired_difference([0, 1, 0, 1], [1, 1, 1, 1], clusters=[1, 2, 3, 4]).value
        0.5
    """
    before, after = _floats(baseline), _floats(candidate)
    labels = None if clusters is None else [str(label) for label in clusters]
    if len(before) != len(after) or (labels is not None and len(labels) != len(before)):
        raise InvalidInputError(
            f"{len(before)} baseline scores, {len(after)} candidate scores"
            + (f" and {len(labels)} clusters" if labels is not None else "")
            + " cannot be paired",
            hint="give one score of each system, and one cluster, for every shared sample",
        )
    moments = Moments.of([new - old for old, new in zip(before, after, strict=True)], labels)
    if moments.n_clusters < 2:
        raise InvalidInputError(
            f"a difference over {moments.n_clusters} independent group has no interval",
            hint="give at least two samples from at least two clusters",
        )
    return difference_evidence(moments, unit=unit, span=span).estimate(check_confidence(confidence))


def _floats(values: Sequence[float]) -> list[float]:
    return [float(value) for value in values]


class McNemar(NamedTuple):
    """Two-sided p-values that a flip one way is as likely as the other.

    Attributes:
        exact: Never below nominal error, conservative with few flips.
        mid: Mid-p variant: closer to nominal, may slightly exceed it.
    """

    exact: float
    mid: float


def mcnemar(gained: int, lost: int) -> McNemar:
    """McNemar's exact test and its mid-p variant on the discordant pairs.

    Args:
        gained: Samples only the candidate has right.
        lost: Samples only the baseline has right.

    Raises:
        InvalidInputError: A count is negative.

    Sources:
        McNemar (1947), Psychometrika 12, 153-157; Fagerland, Lydersen & Laake (2013), BMC Med. Res. Methodol. 13:91.

    Examples:
        >>> p = mcnemar(1, 7)
        >>> round(p.exact, 4), round(p.mid, 4)
        (0.0703, 0.0391)
    """
    if gained < 0 or lost < 0:
        raise InvalidInputError(f"{gained} and {lost} are not counts of flips", hint="counts are at least 0")
    flips, fewer = gained + lost, min(gained, lost)
    if flips == 0:
        return McNemar(1.0, 1.0)
    at_most = binomial_cdf(fewer, flips, 0.5)
    below = binomial_cdf(fewer - 1, flips, 0.5)
    return McNemar(min(1.0, 2.0 * at_most), min(1.0, at_most + below))


def tango(
    n: int, gained: int, lost: int, *, confidence: float = 0.95, unit: str = "share", unscored: int = 0
) -> Estimate:
    """Score interval of the difference of two paired shares, candidate minus baseline.

    The bounds are the differences that the score test does not reject; the nuisance share is re-estimated under each.
    It keeps its coverage with few flips, and has honest width with none.

    Args:
        n: Paired samples, at least 1.
        gained: Only the candidate has them right.
        lost: Only the baseline has them right.
        confidence: Two-sided coverage.
        unit: The scorer's unit.
        unscored: Samples left out.

    Raises:
        InvalidInputError: The counts do not fit in ``n``.

    Sources:
        Tango (1998), Statistics in Medicine 17, 891-908.

    Examples:
        >>> e = tango(21, 1, 7)
        >>> round(e.low, 3), round(e.high, 3)
        (-0.517, -0.026)
    """
    if n < 1 or gained < 0 or lost < 0 or gained + lost > n:
        raise InvalidInputError(
            f"{gained} gained and {lost} lost of {n} pairs do not fit", hint="gained + lost <= n, and n >= 1"
        )
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    value = (gained - lost) / n
    low = _crossing(n, gained, lost, z, -1.0, value)
    high = -_crossing(n, lost, gained, z, -1.0, -value)
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        n=n,
        method="tango",
        unit=unit,
        std_error=0.5 * (high - low) / z,
        unscored=unscored,
    )


def tango_evidence(n: int, gained: int, lost: int, *, unit: str = "share", unscored: int = 0) -> Evidence:
    """Evidence on the difference of two paired shares."""
    return Evidence(
        estimate=lambda confidence: tango(n, gained, lost, confidence=confidence, unit=unit, unscored=unscored),
        score=lambda difference: tango_score(n, gained, lost, difference),
        n=n,
    )


def tango_score(n: int, gained: int, lost: int, difference: float) -> float:
    """Tango's score statistic for the hypothesis that the true difference is ``difference``; falls as it grows."""
    if not -1.0 < difference < 1.0:
        return 0.0 if gained - lost == n * difference else math.copysign(math.inf, -difference)
    linear = -gained - lost + (2 * n - gained + lost) * difference
    constant = -lost * difference * (1.0 - difference)
    root = math.sqrt(max(linear * linear - 8.0 * n * constant, 0.0))
    # the two forms of the same root of a quadratic; this choice subtracts nothing from nearly itself
    only_lost = (root - linear) / (4.0 * n) if linear <= 0.0 else -2.0 * constant / (root + linear)
    variance = n * (2.0 * only_lost + difference * (1.0 - difference))
    distance = gained - lost - n * difference
    if variance <= 0.0:
        return 0.0 if distance == 0.0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


@lru_cache(maxsize=4096)
def _crossing(n: int, gained: int, lost: int, z: float, low: float, high: float) -> float:
    """The difference below the estimate at which the score reaches z, by bisection."""
    while high - low > 1e-12:
        middle = 0.5 * (low + high)
        if tango_score(n, gained, lost, middle) > z:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
