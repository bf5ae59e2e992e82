"""What one tier predicts of the labelled items: given from outside, or fitted on the labels themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.stats.prediction.inputs import Bools, Floats

SINGULAR = 1e-10
"""Added to the diagonal of the normal equations, times n, on columns scaled to unit spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Verdicts of every tier on the same items; rows a tier was not asked hold zeros, which no sum reaches.

    Attributes:
        labels: Top verdicts, shape ``(N,)``.
        designs: For each tier below the top ``(N, p_t)``: its prediction (one column), or, when ``fitted``, an
            intercept and the features of all tiers up to it.
        fitted: Weights are fitted on the labels.
        ridge: Penalty in units of labelled items, on columns of unit variance; 0 is least squares, ``None`` one label
            for each column.
        hajek: Weighted sums are divided by the sum of weights, not by N: moving all labels by a constant moves the
            estimate by it.
    """

    labels: Floats
    designs: tuple[Floats, ...]
    fitted: bool
    ridge: float | None
    hajek: bool

    @property
    def n_items(self) -> int:
        return self.labels.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One tier's predictions on the labelled items, shape ``(R, M)``, and their fit."""

    predicted: Floats
    residual: Floats
    left_out: Floats
    leverage: Floats
    beta: Floats
    inverse: Floats


def given_stage(
    chain: Chain,
    t: int,
    columns: npt.NDArray[np.intp],
    labelled: Bools,
    relative: Floats,
    n: Floats,
    weights: Floats,
) -> Stage:
    """Predictions that were fixed outside: nothing is fitted."""
    predicted = np.broadcast_to(chain.designs[t][columns, 0], labelled.shape)
    residual = chain.labels[columns] - predicted
    nothing = np.zeros((labelled.shape[0], 0))
    none = np.broadcast_to(0.0, labelled.shape)
    return Stage(
        predicted=predicted,
        residual=residual,
        left_out=residual,
        leverage=none,
        beta=nothing,
        inverse=nothing,
    )


def fitted_stage(
    chain: Chain,
    t: int,
    columns: npt.NDArray[np.intp],
    labelled: Bools,
    relative: Floats,
    n: Floats,
    weights: Floats,
) -> Stage:
    """Ridge on the labelled items, with every item's leave-one-out residual e / (1 - h)."""
    rows = chain.designs[t][columns]
    width = rows.shape[1]
    products = (rows[:, :, None] * rows[:, None, :]).reshape(rows.shape[0], width * width)
    gram = (relative @ products).reshape(-1, width, width)
    ridge = width - 1.0 if chain.ridge is None else chain.ridge
    penalty = ridge * _variances(chain.designs[t], None if t == 0 else weights[:, t - 1]) + SINGULAR * n[:, None]
    penalty[:, 0] = 0.0
    gram[:, np.arange(width), np.arange(width)] += penalty
    inverse = np.asarray(np.linalg.inv(gram), dtype=np.float64)
    beta = np.einsum("rpq,rq->rp", inverse, (relative * chain.labels[columns]) @ rows)
    predicted = beta @ rows.T
    leverage = relative * (inverse.reshape(-1, width * width) @ products.T)
    residual = chain.labels[columns] - predicted
    left_out = residual / np.maximum(1.0 - leverage, 1e-6)
    return Stage(
        predicted=predicted, residual=residual, left_out=left_out, leverage=leverage, beta=beta, inverse=inverse
    )


def _variances(design: Floats, weights: Floats | None) -> Floats:
    """Variance of each column over the items its tier was asked on, shape ``(R, p)``."""
    if weights is None:
        return np.asarray(np.square(design - design.mean(axis=0)).mean(axis=0)[None, :])
    total = weights.sum(axis=1, keepdims=True)
    mean = (weights @ design) / total
    return np.asarray(np.maximum((weights @ design**2) / total - mean**2, 0.0))
