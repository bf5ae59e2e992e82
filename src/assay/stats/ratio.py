"""Relative change of a mean on the same samples (latency, cost, length). Standard library only."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.evidence import Evidence
from assay.stats.special import check_confidence, t_quantile


def ratio_of_means(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    clusters: Sequence[str | None] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Mean of the candidate over mean of the baseline, with Fieller's interval.

    Args:
        baseline: Values at least 0, shape ``(n,)``.
        candidate: Values on the same samples.
        clusters: Group of each sample, ``None`` where it stands alone.
        confidence: Two-sided coverage.

    Returns:
        A ratio (1 is no change), without bounds and with the reason where the baseline's mean cannot be told from 0.

    Raises:
        InvalidInputError: The lengths differ.

    Sources:
        Fieller (1954), JRSS B 16, 175-185.

    Examples:
        >>> ratio_of_means([1.0, 2.0, 3.0], [2.0, 4.0, 7.0]).value
        2.1666666666666665
    """
    return ratio_evidence(baseline, candidate, clusters=clusters).estimate(check_confidence(confidence))


def ratio_evidence(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    clusters: Sequence[str | None] | None = None,
    strata: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
) -> Evidence:
    """Evidence on the ratio of two paired means.

    Args:
        baseline: As in ``ratio_of_means``; likewise ``candidate`` and ``clusters``, which may reach over strata.
        strata: Stratum of each sample, where strata were sampled apart; each mean is then the weighted mean of theirs
            (the combined ratio estimate).
        weights: What each stratum is of all inputs, on any scale.

    Raises:
        InvalidInputError: The lengths differ.

    Sources:
        Fieller (1954), JRSS B 16, 175-185; Cochran (1977), Sampling Techniques, section 6.11 (strata).

    Examples:
        >>> found = ratio_evidence([1, 3, 10, 12], [2, 4, 10, 10], strata="aabb", weights={"a": 9, "b": 1})
        >>> round(found.estimate(0.95).value, 4)
        1.2759
    """
    if len(baseline) != len(candidate):
        raise InvalidInputError(
            f"{len(baseline)} and {len(candidate)} values cannot be paired", hint="give both values of every sample"
        )
    pair = _Pair.of(baseline, candidate, clusters, strata or [""] * len(baseline), weights or {"": 1.0})
    reason = pair.missing()
    if reason is not None:
        return Evidence(estimate=lambda confidence: pair.estimate(confidence, reason=reason), score=None, n=pair.n)
    return Evidence(estimate=pair.estimate, score=pair.score, df=pair.df, n=pair.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Means of x (baseline) and y (candidate), on the scale of the weights, with their covariance matrix.

    ``df`` is 0 where that cannot be estimated.
    """

    n: int
    groups: int
    df: int
    strata: int
    x: float
    y: float
    xx: float
    xy: float
    yy: float

    @classmethod
    def of(
        cls,
        baseline: Sequence[float],
        candidate: Sequence[float],
        clusters: Sequence[str | None] | None,
        strata: Sequence[str],
        weights: Mapping[str, float],
    ) -> _Pair:
        rows_of: dict[str, list[int]] = defaultdict(list)
        for row, stratum in enumerate(strata):
            rows_of[stratum].append(row)
        means, degrees = [0.0, 0.0], list[int]()
        sums: dict[object, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for stratum, rows in rows_of.items():
            share = weights[stratum]
            x, y = (math.fsum(values[row] for row in rows) / len(rows) for values in (baseline, candidate))
            groups = [row if clusters is None or clusters[row] is None else clusters[row] for row in rows]
            freedom = len(set(groups)) - 1
            degrees.append(freedom)
            scale = share / len(rows) * math.sqrt((freedom + 1) / freedom if freedom else 0.0)
            for row, group in zip(rows, groups, strict=True):
                sums[group][0] += scale * (baseline[row] - x)
                sums[group][1] += scale * (candidate[row] - y)
            means[0] += share * x
            means[1] += share * y
        return cls(
            n=len(baseline),
            groups=len(sums),
            df=sum(degrees) if all(degrees) else 0,
            strata=len(rows_of),
            x=means[0],
            y=means[1],
            xx=math.fsum(dx * dx for dx, _ in sums.values()),
            xy=math.fsum(dx * dy for dx, dy in sums.values()),
            yy=math.fsum(dy * dy for _, dy in sums.values()),
        )

    def variance(self, ratio: float) -> float:
        """Of mean(y) - ratio·mean(x)."""
        return self.yy - 2.0 * ratio * self.xy + ratio * ratio * self.xx

    def missing(self) -> str | None:
        if self.n == 0:
            return "no sample has it on both sides"
        if not self.df:
            return "fewer than two paired samples" + (" in a stratum" if self.strata > 1 else "")
        if self.x <= 0.0:
            return "the baseline's mean is 0"
        if self.variance(self.y / self.x) <= 1e-24 * max(self.yy, self.xx, self.x * self.x):
            return f"the ratio is the same on all {self.n:,} samples, so its spread is unknown"
        return None

    def score(self, ratio: float) -> float:
        return (self.y - ratio * self.x) / math.sqrt(self.variance(ratio))

    def estimate(self, confidence: float, *, reason: str | None = None) -> Estimate:
        low = high = None
        if reason is None:
            square = t_quantile(0.5 + confidence / 2.0, self.df) ** 2
            a = self.x * self.x - square * self.xx
            b = self.x * self.y - square * self.xy
            c = self.y * self.y - square * self.yy
            if a > 0.0:
                root = math.sqrt(max(b * b - a * c, 0.0))
                low, high = (b - root) / a, (b + root) / a
            else:
                reason = "the baseline's mean cannot be told from 0"
        return Estimate(
            value=self.y / self.x if self.x > 0.0 else None,
            low=low,
            high=high,
            confidence=confidence,
            n=self.n,
            method="stratified-fieller" if self.strata > 1 else "fieller",
            unit="ratio",
            reason=reason,
            n_clusters=self.groups if self.groups < self.n else None,
        )
