"""Variance of the chain over draws: which labels carry it, and how much of it each stage brings.

A label's squared residual counts in stage t by w_K (w_(t+1) - w_t) / N², so a label that was asked for certain at a
step tells nothing of that step's doubt. Everything that depends on a number of labels (degrees of freedom, Wilson's n,
the small-sample factor) counts those that carry the variance, in Kish's effective number.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.stats.prediction.draws import SAME
from assay.stats.prediction.inputs import Bools, Floats
from assay.stats.prediction.stages import Chain, Stage


def kish(carried: Floats) -> Floats:
    """Effective number (Σc)² / Σc² of the labels along the last axis; 0 where none carries anything."""
    squares = np.square(carried).sum(axis=-1)
    whole = np.square(carried.sum(axis=-1))
    return np.asarray(np.divide(whole, squares, out=np.zeros_like(whole), where=squares > 0.0))


def below(weights: Floats, t: int, columns: npt.NDArray[np.intp]) -> Floats | float:
    """1/π of the tier below draw t; 1 for the tier that sees everything."""
    return weights[:, t - 1, columns] if t else 1.0


def carried_variance(chain: Chain, weights: Floats, top: Floats, columns: npt.NDArray[np.intp]) -> Floats:
    """What a label's squared residual is multiplied by in each stage's variance, ``(R, K + 1, M)``.

    The last row is that of new inputs, where what is squared is the label's deviation from the mean.
    """
    total = top.sum(axis=1)[:, None]
    size = total if chain.hajek else float(chain.n_items)
    rows = []
    for t in range(weights.shape[1]):
        here = np.where(top > 0.0, weights[:, t, columns], 0.0)
        step = np.where(top > 0.0, here - below(weights, t, columns), 0.0)
        rows.append(top * np.where(step > SAME * here, step, 0.0) / size**2)
    rows.append(top / (total * chain.n_items))
    return np.stack(rows, axis=1)


def stage_variances(
    chain: Chain,
    stages: list[Stage],
    weights: Floats,
    top: Floats,
    columns: npt.NDArray[np.intp],
    carried: Floats,
    relative: Floats,
) -> Floats:
    """Part of each stage in the variance of the value over draws from these items, ``(R, K)``."""
    squares = []
    for t, stage in enumerate(stages):
        factor, residual, small = carried[:, t], stage.left_out, np.ones(top.shape[0])
        if not chain.fitted and chain.hajek:
            residual = residual - _centre(factor, top, residual)[:, None]
            carriers = kish(factor)
            small = np.where(carriers > 1.0 + SAME, carriers / np.maximum(carriers - 1.0, SAME), 1.0)
        squares.append(small * (factor * residual**2).sum(axis=1))
        if chain.fitted:
            squares[-1] = squares[-1] + _imbalance(chain, stage, t, weights, columns, relative)
    return np.stack(squares, axis=1)


def _centre(factor: Floats, top: Floats, residual: Floats) -> Floats:
    """What residuals vary around: in a simple draw beside certain items the drawn ones' own mean, else that of all."""
    ratio = np.divide(factor, top, out=np.zeros_like(top), where=top > 0.0)
    largest = ratio.max(axis=1, keepdims=True)
    simple = np.all((ratio == 0.0) | (ratio >= largest * (1.0 - SAME)), axis=1, keepdims=True) & (largest > 0.0)
    share = np.where(simple, factor, top)
    return np.asarray((share * residual).sum(axis=1) / share.sum(axis=1))


def no_spread(stages: list[Stage], carried: Floats, labels: Floats, labelled: Bools) -> Bools:
    """Whether the residuals of the highest stage that was drawn are all equal; where none was, the labels."""
    found = _all_equal(np.broadcast_to(labels, labelled.shape), labelled, np.abs(labels)[None, :])
    for t, stage in enumerate(stages):
        here = carried[:, t] > 0.0
        equal = _all_equal(stage.residual, here, np.abs(labels)[None, :] + np.abs(stage.predicted))
        found = np.where(here.any(axis=1), equal, found)
    return np.asarray(found, dtype=np.bool_)


def _all_equal(values: Floats, here: Bools, size: Floats) -> Bools:
    most, least = np.where(here, values, -np.inf).max(axis=1), np.where(here, values, np.inf).min(axis=1)
    return np.asarray(most - least <= SAME * np.where(here, size, 0.0).max(axis=1), dtype=np.bool_)


def _imbalance(
    chain: Chain,
    stage: Stage,
    t: int,
    weights: Floats,
    columns: npt.NDArray[np.intp],
    relative: Floats,
) -> Floats:
    """Variance of the fitted weights where they count: along the difference of the features' means in two draws.

    Two draws whose features agree would give the same estimate whatever the weights; the further they are apart, the
    more of the weights' own noise is in it.
    """
    upper = weights[:, t]
    between = -(upper @ chain.designs[t]) / upper.sum(axis=1, keepdims=True)
    if t:
        lower = weights[:, t - 1]
        between = between + (lower @ chain.designs[t]) / lower.sum(axis=1, keepdims=True)
    else:
        between = between + chain.designs[t].mean(axis=0)
    along = np.einsum("rpq,rq->rp", stage.inverse, between) @ chain.designs[t][columns].T
    return np.asarray(np.square(relative * along * stage.residual).sum(axis=1))
