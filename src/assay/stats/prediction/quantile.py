"""PPI and PPI++ for quantiles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.prediction.inputs import Floats, check_lam, finite_vector
from assay.stats.special import check_confidence, normal_quantile


def ppi_quantile(
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    unlabeled_predictions: npt.ArrayLike,
    *,
    q: float,
    lam: float | None = None,
    confidence: float = 0.95,
    unit: str = "score",
) -> Estimate:
    """Quantile of the label over new inputs, by inverting the rectified distribution function.

    F(x) = λ·F_N(x) + mean(1{y ≤ x} - λ·1{f ≤ x}); the interval holds every x at which F(x) = q is not rejected by the
    normal test. All x among labels and predictions are tried, so there is no grid error. λ is tuned at the estimate
    of λ = 1. Fit for n·min(q, 1 - q) of about 10 or more: further out the normal test has too little to go on.

    Args:
        labels: Shape ``(n,)``.
        predictions: Of the same inputs, shape ``(n,)``.
        unlabeled_predictions: Of other inputs of the same kind, shape ``(N,)``.
        q: The quantile, in (0, 1).
        lam: Weight of the predictions in [0, 1]; tuned when left out, 1 is PPI.
        confidence: Two-sided coverage.
        unit: Of the labels.

    Returns:
        The estimate; without bounds, and with the reason, where no x is accepted or a bound lies beyond the data.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite or ``q`` is outside (0, 1).

    Sources:
        Angelopoulos et al. (2023), Science 382, 669-674, algorithm 2; Angelopoulos, Duchi & Zrnic (2023),
        arXiv:2311.01453, section 6 (λ).

    Notes:
        Sorting takes O((n + N) log(n + N)) time; memory is a few vectors of that length.

    Examples:
        >>> y = [float(k) for k in range(1, 41)]
        >>> e = ppi_quantile(y, y, [k / 10 for k in range(1, 401)], q=0.5, lam=0.0)
        >>> e.value, e.low, e.high
        (20.0, 15.0, 25.9)
    """
    if not 0.0 < q < 1.0:
        raise InvalidInputError(f"q is {q}; it must lie strictly between 0 and 1", hint="the median is 0.5")
    check_confidence(confidence)
    y = finite_vector(labels, "labels", at_least=2)
    f = finite_vector(predictions, "predictions", length=y.size)
    g = np.sort(finite_vector(unlabeled_predictions, "unlabelled predictions", at_least=2))
    grid = np.sort(np.concatenate([y, f, g]))
    weight = _tuned(y, f, g, grid, q) if check_lam(lam) is None else float(lam or 0.0)
    rectified, variance = _rectified(y, f, g, grid, weight)
    value = float(grid[int(np.argmin(np.abs(rectified - q)))])
    z = np.abs(rectified - q) / np.maximum(np.sqrt(variance), 1e-16)
    accepted = np.flatnonzero(z < normal_quantile(0.5 + confidence / 2.0))
    reason = None
    if accepted.size == 0:
        reason = "the labels have too few different values near this quantile for an interval"
    elif y.size * min(q, 1.0 - q) < 3.0:
        reason = f"{y.size} labels say too little about the quantile {q:g}"
    return Estimate(
        value=value,
        low=None if reason else float(grid[accepted[0]]),
        high=None if reason else float(grid[accepted[-1]]),
        confidence=confidence,
        n=y.size,
        method="ppi-quantile" if lam == 1.0 else "ppi++-quantile",
        unit=unit,
        reason=reason,
    )


def _rectified(y: Floats, f: Floats, g: Floats, grid: Floats, lam: float) -> tuple[Floats, Floats]:
    """The rectified distribution function on the grid and its variance; ``g`` is sorted."""
    n, size = y.size, g.size
    far = np.searchsorted(g, grid, side="right") / size
    label = np.searchsorted(np.sort(y), grid, side="right") / n
    near = np.searchsorted(np.sort(f), grid, side="right") / n
    both = np.searchsorted(np.sort(np.maximum(y, f)), grid, side="right") / n
    shift = label - lam * near
    second = (1.0 - lam) ** 2 * both + (label - both) + lam * lam * (near - both)
    variance = np.maximum(second - shift * shift, 0.0) / n + lam * lam * far * (1.0 - far) / size
    return lam * far + shift, variance


def _tuned(y: Floats, f: Floats, g: Floats, grid: Floats, q: float) -> float:
    """λ that minimises the variance of the rectified distribution function at the estimate of λ = 1."""
    rectified, _ = _rectified(y, f, g, grid, 1.0)
    at = grid[int(np.argmin(np.abs(rectified - q)))]
    label, near, far = (y <= at).astype(float), (f <= at).astype(float), float(np.mean(g <= at))
    n, size = y.size, g.size
    covariance = float(np.mean(label * near) - label.mean() * near.mean())
    share = (n * float(near.mean()) + size * far) / (n + size)
    pooled = share * (1.0 - share) * (n + size) / (n + size - 1)
    return 0.0 if pooled <= 0.0 else min(max(covariance / ((1.0 + n / size) * pooled), 0.0), 1.0)
