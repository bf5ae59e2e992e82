"""The estimator under every tiered figure: simulated and live runs go through ``solve`` and nothing else.

Items 1 … N carry the verdicts of tiers 0 … K. Tier 0 is known on every item; tier t is asked on a part A_t of A_(t-1)
with known probability. A prediction m_t of the top verdict y rests on the tiers up to t. The estimate is the chain

    mean_U m_0 + mean_A1 (m_1 - m_0) + … + mean_AK (y - m_(K-1)),

every mean weighted by 1/π. All arrays have a leading replicate axis, and each step is one matrix product over it.

Variance over draws of the same items, with w_t = 1/π_t (w_0 = 1) and r_t = y - m_t on the labelled items:

    N⁻² Σ_AK w_K Σ_t (w_(t+1) - w_t) r_t²,

which for simple random draws is Σ_t S²(r_t) (1/n_(t+1) - 1/n_t), finite-population correction included.

Where the weights of the predictions are fitted on the same labels, every labelled item is predicted by a fit that has
not seen it (closed form, so there is nothing random about it), and r_t are these residuals (HC3). The weights' own
noise counts along the difference of the features' means between one draw and the next.
"""

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
class Solved:
    """What ``solve`` found, one entry a replicate.

    Attributes:
        value: Estimated mean top verdict.
        squares: Part of each stage in the variance of the value over draws from these items, ``(R, K)``.
        design: What a stage's residual variance is multiplied by in ``squares``, ``(R, K)``.
        n_labels: Items with a top verdict.
        df: Degrees of freedom of the residual variance.
        label_variance: Of the top verdict over the items.
        label_mean: Weighted mean of the labels alone.
        flat: The last stage's residuals are all equal.
        extreme: Some labelled item alone determines a fitted weight.
        terms: Each item's linearised contribution to ``value``, ``(R, N)``; only when asked for.
    """

    value: Floats
    squares: Floats
    design: Floats
    n_labels: Floats
    df: Floats
    label_variance: Floats
    label_mean: Floats
    flat: Bools
    extreme: Bools
    terms: Floats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """One tier's predictions on the labelled items, shape ``(R, M)``, and their fit."""

    predicted: Floats
    residual: Floats
    left_out: Floats
    leverage: Floats
    beta: Floats
    inverse: Floats


def solve(chain: Chain, weights: Floats, *, want_terms: bool = False) -> Solved:
    """Estimate every replicate.

    Args:
        chain: The verdicts.
        weights: 1/π where tier t + 1 was asked and 0 elsewhere, shape ``(R, K, N)``; each replicate has labels.
        want_terms: Fill ``terms``.
    """
    columns = np.flatnonzero((weights[:, -1] > 0.0).any(axis=0))
    top = weights[:, -1, columns]
    labelled = top > 0.0
    n = np.count_nonzero(labelled, axis=1).astype(np.float64)
    total = top.sum(axis=1)
    labels = chain.labels[columns]
    relative = top * (n / total)[:, None]
    stages = [
        (_fit if chain.fitted else _given)(chain, t, columns, labelled, relative, n, weights)
        for t in range(len(chain.designs))
    ]
    if chain.fitted and _equal_probabilities(weights):
        value = _unbiased_mean(chain, stages, weights, columns, labelled, n)
    else:
        value = _weighted_chain(chain, stages, weights, top, columns)
    squares, design = _stage_variances(chain, stages, weights, top, columns, n)
    mean = (top @ labels) / total
    spread = (top @ labels**2) / total - mean**2
    rank = np.where(labelled, stages[-1].leverage, 0.0).sum(axis=1) if chain.fitted else 1.0
    last = np.where(labelled, stages[-1].residual, 0.0)
    level = (relative * last).sum(axis=1) / n
    deviation = np.where(labelled, np.abs(last - level[:, None]), 0.0).max(axis=1)
    scale = np.where(labelled, np.abs(labels) + np.abs(stages[-1].predicted), 0.0).max(axis=1)
    return Solved(
        value=value,
        squares=squares,
        design=design,
        n_labels=n,
        df=n - rank,
        label_variance=np.maximum(spread, 0.0) * n / np.maximum(n - 1.0, 1.0),
        label_mean=mean,
        flat=deviation <= 1e-9 * scale,
        extreme=np.any([(s.leverage > 1.0 - 1e-6) & labelled for s in stages], axis=(0, 2)),
        terms=_terms(chain, stages, weights, top, columns, value) if want_terms else None,
    )


def _equal_probabilities(weights: Floats) -> bool:
    """Whether every tier asked all its items with one probability: then given the counts it is a simple draw."""
    for t in range(weights.shape[1]):
        tier = weights[:, t]
        largest = tier.max(axis=1)
        smallest = np.where(tier > 0.0, tier, np.inf).min(axis=1)
        if np.any(largest > smallest * (1.0 + 1e-9)):
            return False
    return True


def _given(
    chain: Chain,
    t: int,
    columns: npt.NDArray[np.intp],
    labelled: Bools,
    relative: Floats,
    n: Floats,
    weights: Floats,
) -> _Stage:
    """Predictions that were fixed outside: nothing is fitted."""
    predicted = np.broadcast_to(chain.designs[t][columns, 0], labelled.shape)
    residual = chain.labels[columns] - predicted
    nothing = np.zeros((labelled.shape[0], 0))
    none = np.broadcast_to(0.0, labelled.shape)
    return _Stage(
        predicted=predicted,
        residual=residual,
        left_out=residual,
        leverage=none,
        beta=nothing,
        inverse=nothing,
    )


def _fit(
    chain: Chain,
    t: int,
    columns: npt.NDArray[np.intp],
    labelled: Bools,
    relative: Floats,
    n: Floats,
    weights: Floats,
) -> _Stage:
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
    return _Stage(
        predicted=predicted, residual=residual, left_out=left_out, leverage=leverage, beta=beta, inverse=inverse
    )


def _variances(design: Floats, weights: Floats | None) -> Floats:
    """Variance of each column over the items its tier was asked on, shape ``(R, p)``."""
    if weights is None:
        return np.asarray(np.square(design - design.mean(axis=0)).mean(axis=0)[None, :])
    total = weights.sum(axis=1, keepdims=True)
    mean = (weights @ design) / total
    return np.asarray(np.maximum((weights @ design**2) / total - mean**2, 0.0))


def _unbiased_mean(
    chain: Chain,
    stages: list[_Stage],
    weights: Floats,
    columns: npt.NDArray[np.intp],
    labelled: Bools,
    n: Floats,
) -> Floats:
    """Average over labelled items i of the estimate whose weights were fitted without i.

    Given the training items T (all labels but i), what was drawn of the rest is a simple draw from the rest, so
    [Σ_T y + (N - n + 1) · chain on the rest] / N is unbiased. Folds of one item need no random split, and each is a
    rank-one change of the full fit.
    """
    labels = chain.labels[columns]
    mine = labelled.astype(np.float64)
    c = np.broadcast_to(labels, labelled.shape).copy()
    for t, stage in enumerate(stages):
        rows = chain.designs[t][columns]
        whole = mine @ rows
        lower, lower_n = _others(chain, t, weights, whole, t - 1)
        upper, upper_n = _others(chain, t, weights, whole, t)
        lower_rest, upper_rest = lower_n - n + 1.0, upper_n - n + 1.0
        between = lower / lower_rest[:, None] - upper / upper_rest[:, None]
        kappa = (1.0 / lower_rest - 1.0 / upper_rest)[:, None]
        turned = np.einsum("rpq,rq->rp", stage.inverse, between) @ rows.T
        c += np.sum(stage.beta * between, axis=1)[:, None] + kappa * stage.predicted
        c -= (turned + kappa * stage.leverage) * stage.left_out
    rest_mean = (mine * c).sum(axis=1) / n
    label_mean = (mine @ labels) / n
    return np.asarray(((n - 1.0) * label_mean + (chain.n_items - n + 1.0) * rest_mean) / chain.n_items)


def _others(chain: Chain, t: int, weights: Floats, labelled_sum: Floats, drawn: int) -> tuple[Floats, Floats]:
    """Sum of design t over the items of a draw (-1: all items) that have no label, and the draw's size."""
    if drawn < 0:
        return chain.designs[t].sum(axis=0)[None, :] - labelled_sum, np.full(weights.shape[0], float(chain.n_items))
    asked = (weights[:, drawn] > 0.0).astype(np.float64)
    size = asked.sum(axis=1)
    if drawn == weights.shape[1] - 1:
        return np.zeros_like(labelled_sum), size
    return asked @ chain.designs[t] - labelled_sum, size


def _weighted_chain(
    chain: Chain, stages: list[_Stage], weights: Floats, top: Floats, columns: npt.NDArray[np.intp]
) -> Floats:
    """The chain of weighted means; a labelled item's prediction is the one that has not seen its label."""
    n_items = float(chain.n_items)
    first = chain.designs[0].mean(axis=0)
    value = stages[0].beta @ first if chain.fitted else np.full(weights.shape[0], float(first[0]))
    for t in range(1, len(stages)):
        drawn = weights[:, t - 1]
        size = drawn.sum(axis=1) if chain.hajek else n_items
        value = value + (_total(chain, stages, drawn, t) - _total(chain, stages, drawn, t - 1)) / size
    size = top.sum(axis=1) if chain.hajek else n_items
    value = value + (top * stages[-1].residual).sum(axis=1) / size
    if chain.fitted:
        for t, stage in enumerate(stages):
            step = np.where(top > 0.0, weights[:, t, columns] - _below(weights, t, columns), 0.0)
            value = value + (step * (stage.left_out - stage.residual)).sum(axis=1) / n_items
    return np.asarray(value)


def _below(weights: Floats, t: int, columns: npt.NDArray[np.intp]) -> Floats | float:
    """1/π of the tier below draw t; 1 for the tier that sees everything."""
    return weights[:, t - 1, columns] if t else 1.0


def _total(chain: Chain, stages: list[_Stage], drawn: Floats, t: int) -> Floats:
    """Weighted sum of tier t's predictions over a draw."""
    sums = drawn @ chain.designs[t]
    return np.sum(stages[t].beta * sums, axis=1) if chain.fitted else sums[:, 0]


def _stage_variances(
    chain: Chain,
    stages: list[_Stage],
    weights: Floats,
    top: Floats,
    columns: npt.NDArray[np.intp],
    n: Floats,
) -> tuple[Floats, Floats]:
    total = top.sum(axis=1)
    size = total if chain.hajek else np.full(top.shape[0], float(chain.n_items))
    squares, design = [], []
    for t, stage in enumerate(stages):
        step = top * np.where(top > 0.0, weights[:, t, columns] - _below(weights, t, columns), 0.0)
        residual, small = stage.left_out, np.ones(n.size)
        if not chain.fitted and chain.hajek:
            residual = residual - ((top * residual).sum(axis=1) / total)[:, None]
            small = n / np.maximum(n - 1.0, 1.0)
        squares.append(small * (step * residual**2).sum(axis=1) / size**2)
        design.append(step.sum(axis=1) / size**2)
        if chain.fitted:
            squares[-1] = squares[-1] + _imbalance(chain, stage, t, weights, top, columns, n)
    return np.stack(squares, axis=1), np.stack(design, axis=1)


def _imbalance(
    chain: Chain,
    stage: _Stage,
    t: int,
    weights: Floats,
    top: Floats,
    columns: npt.NDArray[np.intp],
    n: Floats,
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
    relative = top * (n / top.sum(axis=1))[:, None]
    return np.asarray(np.square(relative * along * stage.residual).sum(axis=1))


def _terms(
    chain: Chain, stages: list[_Stage], weights: Floats, top: Floats, columns: npt.NDArray[np.intp], value: Floats
) -> Floats:
    """Each item's contribution, scaled so that their mean is the value and their spread its doubt."""
    n_items = float(chain.n_items)
    terms = np.array(np.broadcast_to(_everywhere(chain, stages, 0), (weights.shape[0], chain.n_items)))
    for t in range(1, len(stages)):
        drawn = weights[:, t - 1]
        size = drawn.sum(axis=1, keepdims=True)
        step = _everywhere(chain, stages, t) - _everywhere(chain, stages, t - 1)
        level = (drawn * step).sum(axis=1, keepdims=True) / size if chain.hajek else 0.0
        terms += drawn * (step - level) * (n_items / size if chain.hajek else 1.0)
    size = top.sum(axis=1, keepdims=True)
    level = (top * stages[-1].left_out).sum(axis=1, keepdims=True) / size if chain.hajek else 0.0
    terms[:, columns] += top * (stages[-1].left_out - level) * (n_items / size if chain.hajek else 1.0)
    return np.asarray(terms + (value - terms.mean(axis=1))[:, None])


def _everywhere(chain: Chain, stages: list[_Stage], t: int) -> Floats:
    """Tier t's predictions on all items, ``(R or 1, N)``."""
    return stages[t].beta @ chain.designs[t].T if chain.fitted else chain.designs[t].T
