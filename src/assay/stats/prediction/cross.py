"""Cross-PPI: the predictor is trained on the labels themselves, in folds."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.prediction.inputs import CHUNK_ROWS, finite_matrix, finite_vector
from assay.stats.special import check_confidence, normal_quantile, t_quantile


def cross_ppi_mean(
    labels: npt.ArrayLike,
    held_out_predictions: npt.ArrayLike,
    unlabeled_predictions: npt.ArrayLike,
    *,
    method: str = "t",
    confidence: float = 0.95,
    unit: str = "score",
) -> Estimate:
    """Mean label of new inputs when K models were trained on the labels, each without one fold.

    mean over unlabelled inputs of the K models' average, plus the mean held-out residual. For new inputs drawn apart
    from the labelled ones it is unbiased. In a *finite* population that holds the labelled items too it is not
    (residuals never come from training items): use ``two_phase_mean`` there.

    Held-out residuals count as independent, which asks for stable models: at 40 labels and 14 fitted weights in 5 folds
    92 % coverage was measured, at 80 labels and 8 weights in 10 folds 95 %.

    Args:
        labels: Shape ``(n,)``.
        held_out_predictions: For each label the prediction of the model whose training folds lack it, shape ``(n,)``.
        unlabeled_predictions: Of every model, shape ``(N, K)``.
        method: ``t`` (n - 1 degrees of freedom) or ``normal`` (the published interval).
        confidence: Two-sided coverage.
        unit: Of the labels.

    Returns:
        The estimate; without bounds where all held-out residuals are equal.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite, or there are fewer than two models.

    Sources:
        Zrnic & Candès (2024), PNAS 121(15) e2322083121, section 2.

    Notes:
        The N x K predictions are averaged 65,536 rows at a time.

    Examples:
        >>> e = cross_ppi_mean([1.0, 2.0, 3.0, 4.0], [1.5, 1.5, 3.5, 3.0], [[2.0, 3.0], [3.0, 4.0]])
        >>> e.value
        3.125
    """
    if method not in ("t", "normal"):
        raise InvalidInputError(f"method is {method!r}", hint="one of: t, normal")
    check_confidence(confidence)
    y = finite_vector(labels, "labels", at_least=2)
    f = finite_vector(held_out_predictions, "held-out predictions", length=y.size)
    far = finite_matrix(unlabeled_predictions, "unlabelled predictions")
    if far.shape[1] < 2:
        raise InvalidInputError("one model cannot have been trained without each label", hint="at least two folds")
    size = far.shape[0]
    averages = np.concatenate([far[k : k + CHUNK_ROWS].mean(axis=1) for k in range(0, size, CHUNK_ROWS)])
    residual = y - f
    loss = 0 if method == "normal" else 1
    value = float(averages.mean() + residual.mean())
    own = float(np.var(residual, ddof=loss)) / y.size
    variance = own + float(np.var(averages)) / size
    flat = math.sqrt(own) <= 1e-9 * float(np.abs(y).max() + np.abs(f).max())
    upper = 0.5 + confidence / 2.0
    half = math.sqrt(variance) * (normal_quantile(upper) if method == "normal" else t_quantile(upper, y.size - 1))
    return Estimate(
        value=value,
        low=None if flat else value - half,
        high=None if flat else value + half,
        confidence=confidence,
        n=y.size,
        method=f"cross-ppi-{method}",
        unit=unit,
        reason=f"all {y.size:,} held-out residuals are equal, so their spread is unknown" if flat else None,
        std_error=None if flat else math.sqrt(variance),
    )
