"""Evidence on inputs of which some kinds were sampled more than others (critical samples, rare segments).

Where a comparison rests on every critical sample and a tenth of the others, an unweighted mean says what is true of
that mixture and not of the inputs it was drawn from. Here every stratum is judged by itself, with the method that suits
it, and the answers are put together with the weights the strata have among all inputs. Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.combine import stratified_estimate
from assay.stats.evidence import Evidence, mean_evidence
from assay.stats.moments import Moments
from assay.stats.scalar import SHARE_UNITS
from assay.stats.special import normal_cdf

FURTHEST = 7.0
"""Scores are searched for up to here: p-values below 1e-12 are given as that."""


class Stratum(NamedTuple):
    """What is known of one stratum, and its weight among all inputs (any scale, above 0)."""

    weight: float
    evidence: Evidence


def stratified_evidence(strata: Mapping[str, Stratum], *, unscored: int = 0, independent: bool = True) -> Evidence:
    """Evidence on the weighted mean of the strata's true values, from the evidence on each.

    Each stratum keeps its own interval; on either side the distances from estimate to bound add in squares (MOVER), so
    a stratum in which nothing varied still adds the honest width of its interval. P-values are those at which a bound
    reaches the threshold.

    Args:
        strata: At least one.
        unscored: Samples left out.
        independent: Whether no cluster reaches over two strata. Where one does, distances add as they are, which holds
            whatever the correlation, and is wider than need be.

    Returns:
        Evidence whose method is ``stratified-`` with the heaviest stratum's. Without bounds, and with the reason, where
        any stratum has none.

    Raises:
        InvalidInputError: There is no stratum, or a weight is not above 0.

    Sources:
        Zou & Donner (2008), Statistics in Medicine 27, 1693-1702 (MOVER).

    Examples:
        >>> from assay.stats.paired import tango_evidence
        >>> critical, ordinary = tango_evidence(20, 0, 10), tango_evidence(90, 9, 0)
        >>> strata = {"critical": Stratum(1.0, critical), "ordinary": Stratum(9.0, ordinary)}
        >>> found = stratified_evidence(strata).estimate(0.95)
        >>> round(found.value, 4), found.n, found.method
        (0.04, 110, 'stratified-tango')
    """
    if not strata or min(stratum.weight for stratum in strata.values()) <= 0.0:
        raise InvalidInputError(
            "strata are combined with weights above 0", hint="leave out strata that no input belongs to"
        )
    total = math.fsum(stratum.weight for stratum in strata.values())
    shares = {name: stratum.weight / total for name, stratum in strata.items()}
    heaviest = max(shares, key=lambda name: shares[name])
    joined = math.hypot if independent else lambda *distances: math.fsum(distances)

    def estimate(confidence: float) -> Estimate:
        parts = {name: stratum.evidence.estimate(confidence) for name, stratum in strata.items()}
        values = [shares[name] * part.value for name, part in parts.items() if part.value is not None]
        lower = [
            shares[name] * (p.value - p.low) for name, p in parts.items() if p.value is not None and p.low is not None
        ]
        upper = [
            shares[name] * (p.high - p.value) for name, p in parts.items() if p.value is not None and p.high is not None
        ]
        errors = [shares[name] * p.std_error for name, p in parts.items() if p.std_error is not None]
        value = math.fsum(values) if len(values) == len(parts) else None
        whole = value is not None and len(lower) == len(upper) == len(parts)
        reasons = [f"stratum {name}: {part.reason}" for name, part in parts.items() if part.reason]
        clustered = any(part.n_clusters is not None for part in parts.values())
        return Estimate(
            value=value,
            low=value - joined(*lower) if whole and value is not None else None,
            high=value + joined(*upper) if whole and value is not None else None,
            confidence=confidence,
            n=sum(part.n for part in parts.values()),
            method=f"stratified-{parts[heaviest].method}",
            unit=parts[heaviest].unit,
            reason=None if whole else "; ".join(reasons),
            n_clusters=sum(part.n_clusters or part.n for part in parts.values()) if clustered else None,
            std_error=joined(*errors) if whole and len(errors) == len(parts) else None,
            unscored=unscored,
        )

    return inverted_evidence(estimate)


def stratified_mean_evidence(
    strata: Mapping[str, Moments], *, weights: Mapping[str, float], unit: str = "score", unscored: int = 0
) -> Evidence:
    """Evidence on a weighted mean or share over a few strata.

    Graded scores get the interval of ``stratified_estimate``. For 0/1 scores each stratum gets Wilson's, put together
    as in ``stratified_evidence``: with 100 right of 100 ordinary samples and 10 of 20 critical ones a pooled variance
    would take the ordinary share for certain.

    Args:
        strata: Moments by stratum, each with at least one value; clusters are honoured, also over strata.
        weights: Share of each stratum among all inputs, on any scale.
        unit: As in ``mean_estimate``.
        unscored: Samples left out.

    Raises:
        InvalidInputError: A weight is missing or not above 0.

    Examples:
        >>> strata = {"critical": Moments.of([0] * 10), "ordinary": Moments.of([1] * 45 + [0] * 45)}
        >>> found = stratified_mean_evidence(strata, weights={"critical": 1, "ordinary": 99}, unit="share")
        >>> found.estimate(0.95).value, round(found.p_above(0.35), 4)
        (0.495, 0.0018)
    """
    if unit in SHARE_UNITS and all(moments.all_binary for moments in strata.values()):
        reaching = set.intersection(*(set(moments.clusters) for moments in strata.values()))
        return stratified_evidence(
            {name: Stratum(weights[name], mean_evidence(moments, unit=unit)) for name, moments in strata.items()},
            unscored=unscored + sum(moments.unscored for moments in strata.values()),
            independent=not reaching,
        )

    def estimate(confidence: float) -> Estimate:
        found = stratified_estimate(strata, weights=weights, confidence=confidence, unit=unit)
        return replace(found, unscored=found.unscored + unscored)

    return inverted_evidence(estimate)


def inverted_evidence(estimate: Callable[[float], Estimate]) -> Evidence:
    """Evidence that rests on an interval alone, at whatever confidence it is asked for.

    The score against a threshold is the normal quantile of the confidence at which the nearer bound reaches it, so
    p-values and bounds cannot contradict each other.
    """
    usual = estimate(0.95)
    value = usual.value
    if value is None or usual.low is None or usual.high is None:
        return Evidence(estimate=estimate, score=None, n=usual.n)

    def clears(quantile: float, threshold: float) -> bool:
        found = estimate(1.0 - 2.0 * normal_cdf(-quantile))
        assert found.low is not None and found.high is not None
        return not found.low <= threshold <= found.high

    def score(threshold: float) -> float:
        if threshold == value:
            return 0.0
        near, far = 0.0, FURTHEST
        while far - near > 1e-9:
            middle = 0.5 * (near + far)
            if clears(middle, threshold):
                near = middle
            else:
                far = middle
        return math.copysign(near, value - threshold)

    return Evidence(estimate=estimate, score=score, n=usual.n)


def stratified_dz(
    differences: Mapping[str, Sequence[float]],
    *,
    weights: Mapping[str, float],
    clusters: Mapping[str, Sequence[str | None]] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Weighted mean paired difference over the weighted standard deviation of the differences.

    Args:
        differences: Candidate minus baseline by stratum, each shape ``(n_h,)``.
        weights: Share of each stratum among all inputs; normalised to sum to 1.
        clusters: Group of each sample by stratum, ``None`` where it stands alone.
        confidence: Two-sided coverage.

    Returns:
        The effect in standard deviations, by the influence of each sample on it (delta method); without bounds, and
        with the reason, when the differences do not vary or a stratum holds one sample.

    Raises:
        InvalidInputError: A weight is missing or negative.

    Sources:
        Serfling (1980), Approximation Theorems, section 3.3 (delta method); Cochran (1977), section 5.4 (strata).

    Examples:
        >>> e = stratified_dz({"a": [0.2, 0.4, 0.1, 0.5], "b": [0.0, 0.3]}, weights={"a": 3, "b": 1})
        >>> round(e.value, 3), e.method
        (1.305, 'stratified-delta-t')
    """
    groups = clusters or {}
    moments = {name: Moments.of(values) for name, values in differences.items()}
    mean = stratified_estimate(moments, weights=weights, unit="difference").value
    n = sum(part.count for part in moments.values())
    total = math.fsum(weights.values())
    deviation = 0.0 if mean is None else math.sqrt(_variance(moments, weights, mean) / total)
    if mean is None or deviation <= 1e-12 * max(abs(mean), 1e-300):
        return _effect(None, None, None, n=n, confidence=confidence, reason="differences do not vary")
    effect = mean / deviation
    influence = {}
    for name, values in differences.items():
        standard = [(value - mean) / deviation for value in values]
        influence[name] = Moments.of([z - 0.5 * effect * (z * z - 1.0) for z in standard], groups.get(name))
    around = stratified_estimate(influence, weights=weights, confidence=confidence, unit="difference")
    if around.value is None or around.low is None or around.high is None:
        return _effect(effect, None, None, n=n, confidence=confidence, reason=around.reason)
    low, high = effect + around.low - around.value, effect + around.high - around.value
    return _effect(effect, low, high, n=n, confidence=confidence)


def _variance(moments: Mapping[str, Moments], weights: Mapping[str, float], mean: float) -> float:
    """Variance of one input's difference, times the sum of the weights."""
    return math.fsum(
        weights[name] * (part.m2 / max(part.count - 1, 1) + (part.mean - mean) ** 2) for name, part in moments.items()
    )


def _effect(
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    n: int,
    confidence: float,
    reason: str | None = None,
) -> Estimate:
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        n=n,
        method="stratified-delta-t",
        unit="standard deviations",
        reason=reason,
    )
