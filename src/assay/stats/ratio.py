"""Relative change of a mean on the same samples (latency, cost, length). Standard library only."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
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
    baseline: Sequence[float], candidate: Sequence[float], *, clusters: Sequence[str | None] | None = None
) -> Evidence:
    """Evidence on the ratio of two paired means."""
    if len(baseline) != len(candidate):
        raise InvalidInputError(
            f"{len(baseline)} and {len(candidate)} values cannot be paired", hint="give both values of every sample"
        )
    pair = _Pair.of(baseline, candidate, clusters)
    reason = pair.missing()
    if reason is not None:
        return Evidence(estimate=lambda confidence: pair.estimate(confidence, reason=reason), score=None, n=pair.n)
    return Evidence(estimate=pair.estimate, score=pair.score, df=pair.groups - 1, n=pair.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Means of x (baseline) and y (candidate) with the covariance matrix of these means."""

    n: int
    groups: int
    x: float
    y: float
    xx: float
    xy: float
    yy: float

    @classmethod
    def of(cls, baseline: Sequence[float], candidate: Sequence[float], clusters: Sequence[str | None] | None) -> _Pair:
        n = len(baseline)
        x, y = (math.fsum(values) / n if n else 0.0 for values in (baseline, candidate))
        sums: dict[object, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for row, (old, new) in enumerate(zip(baseline, candidate, strict=True)):
            cluster = clusters[row] if clusters is not None else None
            group = sums[row if cluster is None else cluster]
            group[0] += old - x
            group[1] += new - y
        groups = len(sums)
        scale = groups / (groups - 1) / (n * n) if groups > 1 else 0.0
        return cls(
            n=n,
            groups=groups,
            x=x,
            y=y,
            xx=scale * math.fsum(dx * dx for dx, _ in sums.values()),
            xy=scale * math.fsum(dx * dy for dx, dy in sums.values()),
            yy=scale * math.fsum(dy * dy for _, dy in sums.values()),
        )

    def variance(self, ratio: float) -> float:
        """Of mean(y) - ratio·mean(x)."""
        return self.yy - 2.0 * ratio * self.xy + ratio * ratio * self.xx

    def missing(self) -> str | None:
        if self.n == 0:
            return "no sample has it on both sides"
        if self.groups < 2:
            return "fewer than two paired samples"
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
            square = t_quantile(0.5 + confidence / 2.0, self.groups - 1) ** 2
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
            method="fieller",
            unit="ratio",
            reason=reason,
            n_clusters=self.groups if self.groups < self.n else None,
        )
