"""Estimates made of parts: strata that were sampled apart, tasks that are averaged. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.moments import Moments
from assay.stats.scalar import (
    NEW_INPUTS,
    SHARE_UNITS,
    finite_population_factor,
    mean_variance,
    too_few,
    wilson_bounds,
)
from assay.stats.special import check_confidence, t_quantile


def stratified_estimate(
    strata: Mapping[str, Moments],
    *,
    weights: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    unit: str = "score",
    estimand: str = NEW_INPUTS,
    populations: Mapping[str, int] | None = None,
) -> Estimate:
    """Weighted mean over strata that were sampled apart (MMLU's subjects, critical and ordinary samples).

    The value is Σ w_h·mean_h and its variance Σ w_h²·s_h²/n_h. 0/1 scores get Wilson's interval on the effective
    number of samples, graded ones a t interval with Satterthwaite's degrees of freedom. Where a stratum of 0/1 scores
    is small, and all right or all wrong, ``strata.stratified_mean_evidence`` is the one that covers.

    Args:
        strata: Moments by stratum; clusters inside a stratum are honoured.
        weights: Share of each stratum among all inputs; normalised to sum to 1. Without it every stratum weighs what
            it holds (its population where known, else its samples).
        confidence: Two-sided coverage.
        unit: As in ``mean_estimate``.
        estimand: As in ``mean_estimate``.
        populations: Items in each stratum, for the estimand ``these items``; a stratum seen whole adds no variance.

    Raises:
        InvalidInputError: A weight is missing or negative, or a population is smaller than its sample.

    Sources:
        Cochran (1977), Sampling Techniques, section 5.4 (degrees of freedom).

    Examples:
        >>> e = stratified_estimate({"a": Moments.of([1, 0, 1, 1]), "b": Moments.of([0, 0, 1, 0])},
        ...                         weights={"a": 0.9, "b": 0.1}, unit="share")
        >>> round(e.value, 3)
        0.7
    """
    check_confidence(confidence)
    known = {name: moments for name, moments in strata.items() if moments.count}
    shares = _stratum_shares(strata, weights, populations)
    share = unit in SHARE_UNITS and all(m.all_binary for m in known.values())
    found = _Weighted.of(known, shares, estimand, populations or {})
    low, high = (found.value, found.value) if found.seen_whole else (None, None)
    std_error, reason = (0.0 if found.seen_whole else None), found.reason
    if found.value is not None and reason is None and not found.seen_whole:
        if share:
            low, high, std_error = wilson_bounds(min(max(found.value, 0.0), 1.0), found.effective_n(), confidence, None)
        elif found.variance <= 0.0:
            reason = "the scores within each stratum do not differ, so their spread is unknown"
        else:
            std_error = math.sqrt(found.variance)
            half = t_quantile(0.5 + confidence / 2.0, found.freedom) * std_error
            low, high = found.value - half, found.value + half
    return Estimate(
        value=found.value,
        low=low,
        high=high,
        confidence=confidence,
        n=sum(m.count for m in strata.values()),
        method="stratified-wilson" if share else "stratified-t",
        unit=unit,
        estimand=estimand,
        reason=reason,
        std_error=std_error,
        unscored=sum(m.unscored for m in strata.values()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighted:
    """Weighted mean of strata, its variance and what is needed around it."""

    value: float | None
    reason: str | None = None
    variance: float = 0.0
    freedom: float = math.inf
    design: float = 0.0
    seen_whole: bool = False

    def effective_n(self) -> float:
        """Simple random 0/1 samples of the same variance; by the design alone where no stratum varies."""
        spread = 0.0 if self.value is None else self.value * (1.0 - self.value)
        return spread / self.variance if self.variance > 0.0 < spread else 1.0 / self.design

    @classmethod
    def of(
        cls,
        strata: Mapping[str, Moments],
        shares: Mapping[str, float],
        estimand: str,
        populations: Mapping[str, int],
    ) -> _Weighted:
        empty = sorted(name for name, weight in shares.items() if weight > 0 and name not in strata)
        if empty or not strata:
            return cls(value=None, reason=f"no scored sample in {', '.join(empty) or 'any stratum'}")
        value = math.fsum(shares[name] * moments.mean for name, moments in strata.items())
        parts: list[tuple[float, int]] = []
        design = 0.0
        for name, moments in strata.items():
            left = finite_population_factor(moments.count, estimand, populations.get(name))
            if left == 0.0 or shares[name] == 0.0:
                continue
            variance = mean_variance(moments)
            if variance is None:
                return cls(value=value, reason=f"stratum {name}: {too_few(moments)}")
            parts.append((shares[name] ** 2 * variance * left, moments.n_clusters - 1))
            design += shares[name] ** 2 * left / moments.n_clusters
        total = math.fsum(variance for variance, _ in parts)
        squares = math.fsum(variance * variance / freedom for variance, freedom in parts)
        return cls(
            value=value,
            variance=total,
            freedom=total * total / squares if squares > 0.0 else math.inf,
            design=design,
            seen_whole=not parts,
        )


def _stratum_shares(
    strata: Mapping[str, Moments], weights: Mapping[str, float] | None, populations: Mapping[str, int] | None
) -> dict[str, float]:
    raw: Mapping[str, float] = weights or populations or {name: m.count for name, m in strata.items()}
    absent = sorted(set(strata) ^ set(raw))
    total = math.fsum(raw.values())
    if absent or (raw and (min(raw.values()) < 0.0 or total <= 0.0)):
        raise InvalidInputError(
            f"weights do not fit the strata{': ' + ', '.join(absent) if absent else ''}",
            hint="give one weight of at least 0 for every stratum, not all 0",
        )
    return {name: weight / total for name, weight in raw.items()}


def macro_average(estimates: Sequence[Estimate]) -> Estimate:
    """Unweighted mean of independent estimates (tasks of a suite), with an interval from theirs.

    Each side adds in squares (MOVER), so Wilson's asymmetry carries over: low = m - √Σ(value - low)² / k.

    Raises:
        InvalidInputError: No estimates, or their units or confidences differ.

    Sources:
        Zou & Donner (2008), Statistics in Medicine 27, 1693-1702.

    Examples:
        >>> from assay.stats.scalar import mean_estimate
        >>> a = mean_estimate(Moments.of([1, 1, 0, 1]), unit="share")
        >>> macro_average([a, a]).value
        0.75
    """
    if not estimates:
        raise InvalidInputError("a macro-average of nothing has no value", hint="give at least one estimate")
    if len({e.confidence for e in estimates}) > 1 or len({e.unit for e in estimates}) > 1:
        raise InvalidInputError(
            "a macro-average needs estimates of one unit and one confidence", hint="average shares with shares"
        )
    k, first = len(estimates), estimates[0]
    n, unscored = sum(e.n for e in estimates), sum(e.unscored for e in estimates)
    values = [e.value for e in estimates if e.value is not None]
    lower = [e.value - e.low for e in estimates if e.value is not None and e.low is not None]
    upper = [e.high - e.value for e in estimates if e.value is not None and e.high is not None]
    value = math.fsum(values) / k if len(values) == k else None
    whole = value is not None and len(lower) == k and len(upper) == k
    reason = None
    if not whole:
        lacking = [e.reason for e in estimates if e.value is None or e.low is None or e.high is None]
        reason = f"{len(lacking)} of {k} estimates lack a value or a bound: {lacking[0]}"
    errors = [e.std_error for e in estimates if e.std_error is not None]
    return Estimate(
        value=value,
        low=value - math.hypot(*lower) / k if whole and value is not None else None,
        high=value + math.hypot(*upper) / k if whole and value is not None else None,
        confidence=first.confidence,
        n=n,
        method="macro-mover",
        unit=first.unit,
        estimand=first.estimand,
        reason=reason,
        std_error=math.hypot(*errors) / k if len(errors) == k else None,
        unscored=unscored,
    )
