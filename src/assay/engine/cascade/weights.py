"""Weights of a map: the top verdict predicted from what the lower tiers said, fitted on labels of other items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.engine.cascade.draw import Floats

RIDGE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """A linear prediction, with what its residuals looked like where it was fitted.

    Attributes:
        level: Prediction at the features' means.
        means: Of the features.
        slopes: One a feature.
        variance: Of the residuals, left-one-out.
    """

    level: float
    means: Floats
    slopes: Floats
    variance: float

    def predict(self, features: npt.ArrayLike) -> Floats:
        """Predictions, NaN where a feature is missing."""
        rows = np.asarray(features, dtype=np.float64)
        rows = rows[:, None] if rows.ndim == 1 else rows
        return np.asarray(self.level + (rows - self.means) @ self.slopes)


def fit_weights(
    features: npt.ArrayLike, labels: npt.ArrayLike, *, weights: npt.ArrayLike | None = None, ridge: float = RIDGE
) -> Weights:
    """Ridge regression on features of unit spread, with an unpenalised level.

    Args:
        features: ``(n, p)``, finite.
        labels: ``(n,)``, finite.
        weights: 1/probability of each label; equal without them.
        ridge: Penalty in labels.
    """
    rows = np.asarray(features, dtype=np.float64)
    rows = rows[:, None] if rows.ndim == 1 else rows
    y = np.asarray(labels, dtype=np.float64)
    w = np.ones(y.size) if weights is None else np.asarray(weights, dtype=np.float64)
    w = w * (y.size / w.sum())
    means = (w @ rows) / y.size
    level = float(w @ y) / y.size
    centred = rows - means
    spread = np.sqrt((w @ centred**2) / y.size)
    scaled = centred / np.where(spread > 0.0, spread, 1.0)
    gram = (scaled * w[:, None]).T @ scaled + np.diag(np.where(spread > 0.0, ridge, 1.0) + 1e-10 * y.size)
    beta = np.linalg.solve(gram, (scaled * w[:, None]).T @ (y - level))
    inverse = np.linalg.inv(gram)
    leverage = w * (1.0 / y.size + np.einsum("np,pq,nq->n", scaled, inverse, scaled))
    residual = (y - level - scaled @ beta) / np.maximum(1.0 - leverage, 1e-6)
    return Weights(
        level=level,
        means=np.asarray(means),
        slopes=np.asarray(beta / np.where(spread > 0.0, spread, 1.0)),
        variance=float(w @ residual**2) / y.size,
    )


def fit_map(features: Sequence[Floats], labels: Floats, *, ridge: float = RIDGE) -> list[Weights]:
    """For each tier below the labels, weights on its features and those of all tiers below it; lowest tier first."""
    found, sofar = [], np.empty((labels.size, 0))
    for columns in features:
        sofar = np.hstack([sofar, columns if columns.ndim == 2 else columns[:, None]])
        found.append(fit_weights(sofar, labels, ridge=ridge))
    return found
