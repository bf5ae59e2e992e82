"""The PPI++ mean before it becomes an interval: shared by means, differences, win rates and strata."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.stats.prediction.inputs import Floats, check_choice, check_lam, finite_vector
from assay.stats.special import normal_quantile, t_quantile

METHODS = ("t", "normal")


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedMean:
    """A PPI++ mean with its variance, its degrees of freedom and the range of its labels."""

    value: float
    variance: float
    df: float
    n: int
    flat: bool
    method: str
    lowest: float
    highest: float

    @classmethod
    def of(
        cls,
        labels: npt.ArrayLike,
        predictions: npt.ArrayLike,
        unlabeled: npt.ArrayLike,
        *,
        lam: float | None,
        method: str,
    ) -> TunedMean:
        check_choice(method, METHODS, "method")
        y = finite_vector(labels, "labels")
        f = finite_vector(predictions, "predictions", length=y.size)
        g = finite_vector(unlabeled, "unlabelled predictions")
        n, size = y.size, g.size
        level = float(g.mean())
        spread = _sum_of_squares(g, level)
        exact = method == "normal"
        if check_lam(lam) is not None:
            weight: Floats | float = float(lam or 0.0)
        elif exact or n < 3:
            weight = _tuned(y, f, level, spread, size)
        else:
            weight = _left_out_tuned(y, f, level, spread, size)
        residual = y - weight * (f - level)
        value = float(residual.mean())
        used = float(np.mean(weight))
        losses = 0 if lam is not None else 1
        divisor = n if exact else max(n - 1, 1)
        own = float(np.square(residual - value).sum()) / divisor / n
        proxy = used * used * spread / (size if exact else max(size - 1, 1)) / size
        scale = float(np.abs(y).max() + np.abs(f).max())
        return cls(
            value=value,
            variance=own + proxy,
            df=max(n - 1 - losses, 1),
            n=n,
            flat=n < 3 or math.sqrt(own) <= 1e-9 * scale,
            method=f"{'ppi' if lam == 1.0 else 'ppi++'}-{method}",
            lowest=float(y.min()),
            highest=float(y.max()),
        )

    def estimate(self, confidence: float, unit: str) -> Estimate:
        reason = None
        if self.n < 3:
            reason = f"{self.n} labels are too few for an interval"
        elif self.flat:
            reason = f"all {self.n:,} labels are predicted equally well, so their spread is unknown"
        half = None
        if reason is None:
            upper = 0.5 + confidence / 2.0
            quantile = normal_quantile(upper) if self.method.endswith("normal") else t_quantile(upper, self.df)
            half = quantile * math.sqrt(self.variance)
        return Estimate(
            value=self.value,
            low=None if half is None else self.value - half,
            high=None if half is None else self.value + half,
            confidence=confidence,
            n=self.n,
            method=self.method,
            unit=unit,
            reason=reason,
            std_error=None if half is None else math.sqrt(self.variance),
        )


def _sum_of_squares(values: Floats, mean: float) -> float:
    """Around the mean, in pieces that stay in the processor's cache and below the size that wakes other threads."""
    total = 0.0
    for start in range(0, values.size, 8_192):
        part = values[start : start + 8_192] - mean
        total += float(part @ part)
    return total


def _tuned(y: Floats, f: Floats, level: float, spread: float, size: int) -> float:
    """λ of PPI++: cov(y, f) / ((1 + n/N) var f), the variance over labelled and unlabelled inputs together."""
    n = y.size
    covariance = float((y - y.mean()) @ (f - f.mean())) / n
    gap = float(f.mean()) - level
    pooled = (float(np.square(f - f.mean()).sum()) + spread + gap * gap * n * size / (n + size)) / (n + size - 1)
    return 0.0 if pooled <= 0.0 else min(max(covariance / ((1.0 + n / size) * pooled), 0.0), 1.0)


def _left_out_tuned(y: Floats, f: Floats, level: float, spread: float, size: int) -> Floats:
    """λ for each label from all other labels, shape ``(n,)``; the means of the others in closed form."""
    n, rest = y.size, y.size - 1
    dy, df = y - y.mean(), f - f.mean()
    covariance = (float(dy @ df) - dy * df * n / rest) / rest
    squares = float(df @ df) - df * df * n / rest
    gap = float(f.mean()) - df / rest - level
    pooled = (squares + spread + gap * gap * rest * size / (rest + size)) / (rest + size - 1)
    safe = np.where(pooled > 0.0, pooled, 1.0)
    return np.where(pooled > 0.0, np.clip(covariance / ((1.0 + rest / size) * safe), 0.0, 1.0), 0.0)
