"""Equivalence, non-inferiority and superiority by a margin, for any effect that there is Evidence on.

The p-values and the interval come from the same score, so the verdict and the interval cannot contradict each other:
equivalent at level α exactly when the 1 - 2α interval lies within the margins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import array_moments, finite_vector
from assay.stats.evidence import Evidence
from assay.stats.moments import Moments
from assay.stats.scalar import mean_variance, too_few
from assay.stats.special import t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginVerdict:
    """What a margin test shows.

    Attributes:
        shown: Whether the claim holds at ``alpha``; False means *not shown*, which is not *shown to be false*.
        claim: ``equivalent``, ``non-inferior`` or ``superior``.
        p_value: Of "the claim is false" (the larger of the two one-sided ones for equivalence); ``None`` where the
            estimate has no bounds.
        estimate: Of the effect at confidence 1 - 2 alpha, the interval that decides.
        low: Lower margin, ``None`` where there is none.
        high: Upper margin, likewise.
        sentence: For people.
    """

    shown: bool
    claim: str
    p_value: float | None
    alpha: float
    estimate: Estimate
    low: float | None
    high: float | None
    sentence: str


def equivalence_test(evidence: Evidence, *, low: float, high: float, alpha: float = 0.05) -> MarginVerdict:
    """Two one-sided tests (TOST) that the effect lies between two margins fixed beforehand.

    Args:
        evidence: On the effect: ``welch_evidence``, ``share_difference_evidence``, ``paired.tango_evidence``,
            ``evidence.difference_evidence`` or ``ratio.ratio_evidence``.
        low: Lower margin, in the effect's unit.
        high: Upper margin, above ``low``.
        alpha: Of each one-sided test.

    Raises:
        InvalidInputError: The margins are not ordered or alpha lies outside (0, .5).

    Sources:
        Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15, 657-680.

    Examples:
        >>> from assay.stats.paired import tango_evidence
        >>> v = equivalence_test(tango_evidence(400, 8, 7), low=-0.05, high=0.05)
        >>> v.shown, v.claim
        (True, 'equivalent')
    """
    _check(alpha)
    if not low < high or not (math.isfinite(low) and math.isfinite(high)):
        raise InvalidInputError(f"the margins {low} and {high} leave nothing between them", hint="low < high")
    above, below = evidence.p_above(low), evidence.p_below(high)
    p_value = None if above is None or below is None else max(above, below)
    return _verdict(evidence, "equivalent", p_value, alpha, low, high)


def noninferiority_test(
    evidence: Evidence, *, margin: float, higher_is_better: bool = True, alpha: float = 0.025
) -> MarginVerdict:
    """Test that the candidate is worse by less than a margin fixed beforehand.

    Args:
        evidence: On candidate minus baseline; see ``equivalence_test``.
        margin: Largest loss that is acceptable, above 0, in the effect's unit.
        higher_is_better: False for latency, cost, harms.
        alpha: One-sided level.

    Raises:
        InvalidInputError: The margin is not above 0 or alpha lies outside (0, .5).

    Sources:
        Piaggio et al. (2012), JAMA 308, 2594-2604 (CONSORT); ICH E9 (1998), section 3.3.2; for shares Farrington &
        Manning (1990), Statistics in Medicine 9, 1447-1454.

    Examples:
        >>> from assay.stats.comparison.share_scores import share_difference_evidence
        >>> noninferiority_test(share_difference_evidence(160, 200, 158, 200), margin=0.1).shown
        True
    """
    return _one_sided(evidence, "non-inferior", margin, upwards=higher_is_better, alpha=alpha)


def superiority_test(
    evidence: Evidence, *, margin: float = 0.0, higher_is_better: bool = True, alpha: float = 0.025
) -> MarginVerdict:
    """Test that the candidate is better by more than a margin fixed beforehand (0: better at all).

    Args:
        evidence: On candidate minus baseline; see ``equivalence_test``.
        margin: Gain that must be exceeded, at least 0, in the effect's unit.
        higher_is_better: False for latency, cost, harms.
        alpha: One-sided level.

    Raises:
        InvalidInputError: The margin is negative or alpha lies outside (0, .5).

    Sources:
        ICH E9 (1998), section 3.3.2; Lesaffre (2008), Bulletin of the NYU Hospital for Joint Diseases 66, 150-154.

    Examples:
        >>> superiority_test(welch_evidence([1, 2, 3, 2], [6, 7, 5, 6]), margin=1.0).shown
        True
    """
    return _one_sided(evidence, "superior", margin, upwards=higher_is_better, alpha=alpha)


def welch_evidence(baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, unit: str = "score") -> Evidence:
    """Evidence on the difference of two independent means, candidate minus baseline, by Welch's t.

    Args:
        baseline: Shape ``(n,)``, finite.
        candidate: Shape ``(m,)``, finite.
        unit: The scorer's unit.

    Raises:
        InvalidInputError: A side is not a finite vector.

    Sources:
        Welch (1947), Biometrika 34, 28-35.

    Examples:
        >>> found = welch_evidence([1.0, 2.0, 3.0], [2.0, 4.0, 9.0])
        >>> round(found.p_above(0.0), 4)
        0.1419
    """
    sides = [array_moments(finite_vector(side, "values"), None) for side in (baseline, candidate)]
    return moments_difference_evidence(*sides, unit=unit)


def moments_difference_evidence(baseline: Moments, candidate: Moments, *, unit: str = "score") -> Evidence:
    """``welch_evidence`` from Moments; cluster-robust where values share clusters.

    Examples:
        >>> found = moments_difference_evidence(Moments.of([1.0, 2.0, 3.0]), Moments.of([2.0, 4.0, 9.0]))
        >>> found.estimate(0.95).value
        3.0
    """
    sides = (baseline, candidate)
    n, value = baseline.count + candidate.count, candidate.mean - baseline.mean
    variances = [mean_variance(side) for side in sides]
    clusters = sum(side.n_clusters for side in sides) if any(side.clustered for side in sides) else None
    known = [variance for variance in variances if variance is not None]
    total = math.fsum(known)
    scale = max(abs(side.mean) for side in sides)
    reason = None
    if len(known) < 2:
        reason = too_few(baseline if variances[0] is None else candidate)
    elif total <= (1e-13 * scale) ** 2:
        reason = "the scores of each side do not differ, so their spread is unknown"
    freedom = 0.0
    if reason is None:
        parts = [(v / total) ** 2 / (side.n_clusters - 1) for v, side in zip(known, sides, strict=True)]
        freedom = 1.0 / math.fsum(parts)

    def estimate(confidence: float) -> Estimate:
        half = None if reason else t_quantile(0.5 + confidence / 2.0, freedom) * math.sqrt(total)
        return Estimate(
            value=value, low=None if half is None else value - half, high=None if half is None else value + half,
            n=n, method="welch", confidence=confidence, unit=unit, reason=reason, n_clusters=clusters,
            std_error=None if half is None else math.sqrt(total),
        )  # fmt: skip

    if reason is not None:
        return Evidence(estimate=estimate, score=None, n=n)
    return Evidence(estimate=estimate, score=lambda margin: (value - margin) / math.sqrt(total), df=freedom, n=n)


def _one_sided(evidence: Evidence, claim: str, margin: float, *, upwards: bool, alpha: float) -> MarginVerdict:
    _check(alpha)
    if not math.isfinite(margin) or margin < 0.0 or (margin == 0.0 and claim == "non-inferior"):
        raise InvalidInputError(f"the margin is {margin}", hint="a finite number above 0, in the effect's unit")
    gain = margin if claim == "superior" else -margin
    line = gain if upwards else -gain
    p_value = evidence.p_above(line) if upwards else evidence.p_below(line)
    return _verdict(evidence, claim, p_value, alpha, line if upwards else None, None if upwards else line)


def _check(alpha: float) -> None:
    if not 0.0 < alpha < 0.5:
        raise InvalidInputError(f"alpha is {alpha}", hint="the error rate of a one-sided test, e.g. 0.025")


def _verdict(
    evidence: Evidence, claim: str, p_value: float | None, alpha: float, low: float | None, high: float | None
) -> MarginVerdict:
    estimate = evidence.estimate(1.0 - 2.0 * alpha)
    shown = p_value is not None and p_value <= alpha
    words = (("above", low), ("below", high))
    lines = " and ".join(f"{word} {line:g}" for word, line in words if line is not None)
    if estimate.low is None or estimate.high is None or p_value is None:
        sentence = f"{claim} is not shown: {estimate.reason}"
    else:
        sentence = (
            f"{claim} is {'' if shown else 'not '}shown: the effect lies in [{estimate.low:.4g}, {estimate.high:.4g}] "
            f"at {100.0 * estimate.confidence:g} %, {'' if shown else 'not '}wholly {lines} (p = {p_value:.2g})"
        )
    return MarginVerdict(
        shown=shown, claim=claim, p_value=p_value, alpha=alpha, estimate=estimate, low=low, high=high,
        sentence=sentence,
    )  # fmt: skip
