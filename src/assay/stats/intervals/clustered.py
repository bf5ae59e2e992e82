"""Means and differences of values that share clusters: CR1 and CR2 variances, Satterthwaite's degrees of freedom."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Labels, cluster_codes, finite_vector
from assay.stats.special import check_confidence, t_quantile

Floats = npt.NDArray[np.float64]
Variance = Literal["CR1", "CR2"]


def clustered_mean(
    values: npt.ArrayLike,
    clusters: Labels,
    *,
    variance: Variance = "CR2",
    confidence: float = 0.95,
    unit: str = "score",
) -> Estimate:
    """Mean of clustered values with an interval that holds for few and unequal clusters.

    CR2 corrects the residuals of each cluster for its own pull on the mean, and Satterthwaite's degrees of freedom say
    how many clusters the variance really rests on: 40 clusters of which one holds half of the values count as few.
    CR1 with G - 1 degrees of freedom is what most software prints; it is too narrow there. Memory: a few vectors.

    Args:
        values: Shape ``(n,)``, finite.
        clusters: Label of each value, shape ``(n,)``.
        variance: ``CR2`` (Satterthwaite) or ``CR1`` (G - 1).
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        The mean; without bounds, and with the reason, where there is one cluster or no spread.

    Raises:
        InvalidInputError: Lengths differ, a value is not finite or the variance is unknown.

    Sources:
        Bell & McCaffrey (2002), Survey Methodology 28, 169-181; Pustejovsky & Tipton (2018), J. Business & Economic
        Statistics 36, 672-683, equations 6 and 11, with the identity as working covariance.

    Examples:
        >>> e = clustered_mean([1.0, 2.0, 4.0, 3.0, 8.0], ["a", "a", "b", "c", "c"])
        >>> round(e.value, 3), e.method, e.n_clusters
        (3.6, 'CR2-satterthwaite', 3)
    """
    data = finite_vector(values, "values")
    codes = _codes(clusters, data.size)
    return _estimate([_Arm.of(data, codes, codes.max() + 1)], [1.0], variance, confidence=confidence, unit=unit)


def clustered_difference(
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    clusters: Labels,
    *,
    variance: Variance = "CR2",
    confidence: float = 0.95,
    unit: str = "score",
) -> Estimate:
    """Difference of two means, treated minus control, where clusters may lie in one arm or reach over both.

    Assigning whole clusters, samples within clusters, or a mixture of the two: the labels say which. With every value
    a cluster of its own this is the difference with HC2 variance, that is Welch's, and Satterthwaite's degrees of
    freedom by Bell & McCaffrey.

    Args:
        values: Shape ``(n,)``, finite.
        treated: 0 or 1, shape ``(n,)``.
        clusters: Label of each value, shape ``(n,)``.
        variance: ``CR2`` or ``CR1``; see ``clustered_mean``.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        The difference; without bounds, and with the reason, where an arm has one cluster or there is no spread.

    Raises:
        InvalidInputError: Lengths differ, a value is not finite, an arm is empty or the variance is unknown.

    Sources:
        As ``clustered_mean``; Imbens & Kolesár (2016), Review of Economics and Statistics 98, 701-712.

    Examples:
        >>> e = clustered_difference([1.0, 2.0, 4.0, 3.0, 8.0, 6.0], [0, 0, 0, 1, 1, 1], list("aabccd"))
        >>> round(e.value, 3), e.n_clusters
        (3.333, 4)
    """
    data = finite_vector(values, "values")
    mask = np.asarray(treated)
    if mask.shape != data.shape or not np.isin(mask, (0, 1)).all():
        raise InvalidInputError(f"treated is not {data.size} values of 0 and 1", hint="pass arms == 'treatment'")
    mask = mask.astype(bool)
    if mask.all() or not mask.any():
        raise InvalidInputError("one arm is empty", hint="give at least one value of each arm")
    codes = _codes(clusters, data.size)
    arms = [_Arm.of(data[side], codes[side], codes.max() + 1) for side in (mask, ~mask)]
    return _estimate(arms, [1.0, -1.0], variance, confidence=confidence, unit=unit)


def _codes(clusters: Labels, n: int) -> npt.NDArray[np.intp]:
    codes = cluster_codes(clusters, n)
    if codes is None:
        raise InvalidInputError("clusters are missing", hint="mean_estimate is for values without clusters")
    return codes


class _Arm(NamedTuple):
    """One mean: its clusters' shares of the values, and their summed residuals over n; shape ``(G,)`` each."""

    mean: float
    n: int
    shares: Floats
    residuals: Floats

    @classmethod
    def of(cls, data: Floats, codes: npt.NDArray[np.intp], groups: int) -> _Arm:
        n, mean = data.size, float(data.mean())
        residuals = np.bincount(codes, weights=data - mean, minlength=groups)
        return cls(mean, n, np.bincount(codes, minlength=groups) / n, residuals / n)

    def whole(self) -> bool:
        """Whether one cluster holds every value, so that nothing is known about how clusters vary."""
        return bool(self.shares.max() >= 1.0 - 1e-12)


def _estimate(arms: list[_Arm], signs: list[float], variance: Variance, *, confidence: float, unit: str) -> Estimate:
    if variance not in ("CR1", "CR2"):
        raise InvalidInputError(f"variance {variance!r} is not known", hint="CR1 or CR2")
    check_confidence(confidence)
    n = sum(arm.n for arm in arms)
    groups = int((np.sum([arm.shares for arm in arms], axis=0) > 0.0).sum())
    value = sum(sign * arm.mean for sign, arm in zip(signs, arms, strict=True))
    method = "CR2-satterthwaite" if variance == "CR2" else "CR1-t"
    if any(arm.whole() for arm in arms):
        where = "all samples share one cluster" if len(arms) == 1 else "all samples of an arm share one cluster"
        return _without(value, where, n, method, confidence, unit, groups)
    pull = [1.0 / np.sqrt(1.0 - arm.shares) if variance == "CR2" else np.ones_like(arm.shares) for arm in arms]
    parts = [sign * a * arm.residuals for sign, a, arm in zip(signs, pull, arms, strict=True)]
    total = float(np.square(np.sum(parts, axis=0)).sum())
    scale = max(abs(arm.mean) for arm in arms)
    if total <= (1e-13 * scale) ** 2:
        reason = f"the {groups:,} clusters do not differ, so their spread is unknown"
        return _without(value, reason, n, method, confidence, unit, groups)
    if variance == "CR1":
        total *= groups / (groups - 1.0) * (n - 1.0) / (n - len(arms))
        freedom = groups - 1.0
    else:
        freedom = _satterthwaite(arms, pull)
    std_error = math.sqrt(total)
    half = t_quantile(0.5 + confidence / 2.0, freedom) * std_error
    return Estimate(
        value=value, low=value - half, high=value + half, n=n, method=method, confidence=confidence, unit=unit,
        n_clusters=groups, std_error=std_error,
    )  # fmt: skip


def _satterthwaite(arms: list[_Arm], pull: list[Floats]) -> float:
    """(Σ P_gg)² / Σ P_gh², where P_gh is the covariance of the terms of clusters g and h for independent values.

    For means P_gh = [g = h] d_g - Σ_arms u_g u_h, with d_g = Σ a² s / n and u_g = a s / √n (s the share, a the pull).
    """
    diagonal = np.sum([a * a * arm.shares / arm.n for a, arm in zip(pull, arms, strict=True)], axis=0)
    lines = np.stack([a * arm.shares / math.sqrt(arm.n) for a, arm in zip(pull, arms, strict=True)])
    own = np.square(lines).sum(axis=0)
    trace = float((diagonal - own).sum())
    squares = float((diagonal * diagonal - 2.0 * diagonal * own).sum() + np.square(lines @ lines.T).sum())
    return trace * trace / squares


def _without(
    value: float, reason: str, n: int, method: str, confidence: float, unit: str, groups: int
) -> Estimate:  # fmt: skip
    return Estimate(
        value=value, low=None, high=None, n=n, method=method, confidence=confidence, unit=unit, reason=reason,
        n_clusters=groups,
    )  # fmt: skip
