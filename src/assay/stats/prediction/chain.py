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

from assay.stats.prediction.draws import SAME
from assay.stats.prediction.inputs import Bools, Floats
from assay.stats.prediction.stages import Chain, Stage, fitted_stage, given_stage
from assay.stats.prediction.variance import below, carried_variance, no_spread, stage_variances

CROWDED = 1 / 3
"""Labels to each item of a tier between the lowest and the top, beyond which the tier's others are too few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """What ``solve`` found, one entry a replicate.

    Attributes:
        value: Estimated mean top verdict.
        squares: Part of each stage in the variance of the value over draws from these items, ``(R, K)``.
        carried: What a label's squared residual is multiplied by in each stage's variance, and in that of new inputs
            (last row), ``(R, K + 1, M)``; M labels, those that some replicate has.
        columns: Items of these labels.
        labels: Their verdicts.
        shares: Their weights, which sum to 1, ``(R, M)``.
        leverage: Of the last stage's fit, ``(R, M)``; ``None`` where nothing is fitted.
        n_labels: Items with a top verdict.
        label_variance: Of the top verdict over the items.
        label_mean: Weighted mean of the labels alone.
        flat: The residuals of the highest stage that was drawn are all equal.
        extreme: Some labelled item alone determines a fitted weight.
        terms: Each item's linearised contribution to ``value``, ``(R, N)``; only when asked for.
    """

    value: Floats
    squares: Floats
    carried: Floats
    columns: npt.NDArray[np.intp]
    labels: Floats
    shares: Floats
    leverage: Floats | None
    n_labels: Floats
    label_variance: Floats
    label_mean: Floats
    flat: Bools
    extreme: Bools
    terms: Floats | None


def solve(chain: Chain, weights: Floats, *, certain: Bools | None = None, want_terms: bool = False) -> Solved:
    """Estimate every replicate.

    Args:
        chain: The verdicts.
        weights: 1/π where tier t + 1 was asked and 0 elsewhere, shape ``(R, K, N)``; each replicate has labels.
        certain: Items asked for certain at the top tier, ``(N,)``, where some gave no verdict.
        want_terms: Fill ``terms``.
    """
    columns = np.flatnonzero((weights[:, -1] > 0.0).any(axis=0))
    top = weights[:, -1, columns]
    labelled = top > 0.0
    n = np.count_nonzero(labelled, axis=1).astype(np.float64)
    total = top.sum(axis=1)
    labels = chain.labels[columns]
    carried = carried_variance(chain, weights, top, columns)
    drawn = carried[:, :-1].sum(axis=1) > 0.0
    if certain is not None:
        drawn &= ~(certain[columns] & np.all(weights[:, :-1, columns] <= 1.0 + SAME, axis=1))
    relative = _fit_weights(top, drawn)
    stages = [
        (fitted_stage if chain.fitted else given_stage)(chain, t, columns, labelled, relative, n, weights)
        for t in range(len(chain.designs))
    ]
    value = _value(chain, stages, weights, top, columns, n)
    mean = (top @ labels) / total
    spread = (top @ labels**2) / total - mean**2
    return Solved(
        value=value,
        squares=stage_variances(chain, stages, weights, top, columns, carried, relative),
        carried=carried,
        columns=columns,
        labels=labels,
        shares=top / total[:, None],
        leverage=np.where(labelled, stages[-1].leverage, 0.0) if chain.fitted else None,
        n_labels=n,
        label_variance=np.maximum(spread, 0.0) * n / np.maximum(n - 1.0, 1.0),
        label_mean=mean,
        flat=no_spread(stages, carried, labels, labelled),
        extreme=np.any([(s.leverage > 1.0 - 1e-6) & labelled for s in stages], axis=(0, 2)),
        terms=_terms(chain, stages, weights, top, columns, value) if want_terms else None,
    )


def _fit_weights(top: Floats, drawn: Bools) -> Floats:
    """What each label counts in the fits, summing to the labels that count.

    A label that was certain all the way up is in the estimate as itself, whatever is predicted of it, and may be of
    another kind: it counts only where no label was ``drawn`` by lot.
    """
    used = np.where(drawn.any(axis=1, keepdims=True), drawn, top > 0.0)
    fit = np.where(used, top, 0.0)
    return np.asarray(fit * (np.count_nonzero(used, axis=1) / fit.sum(axis=1))[:, None])


def _value(
    chain: Chain, stages: list[Stage], weights: Floats, top: Floats, columns: npt.NDArray[np.intp], n: Floats
) -> Floats:
    """The estimate: without bias where that is cheap, else by the chain of weighted means.

    What is free of bias rests on the items of the tiers between that have no label. Where these are few it is noisier
    than the labels alone, and the weighted chain, whose bias is some hundredths of a standard error, is not.
    """
    if not chain.fitted or not _equal_probabilities(weights):
        return _weighted_chain(chain, stages, weights, top, columns)
    between = np.count_nonzero(weights[:, :-1] > 0.0, axis=2)
    crowded = n > CROWDED * (between.min(axis=1) if between.size else np.inf)
    if crowded.all():
        return _weighted_chain(chain, stages, weights, top, columns)
    unbiased = _unbiased_mean(chain, stages, weights, columns, top > 0.0, n)
    if not crowded.any():
        return unbiased
    return np.where(crowded, _weighted_chain(chain, stages, weights, top, columns), unbiased)


def _equal_probabilities(weights: Floats) -> bool:
    """Whether every tier asked all its items with one probability: then given the counts it is a simple draw."""
    for t in range(weights.shape[1]):
        tier = weights[:, t]
        largest = tier.max(axis=1)
        smallest = np.where(tier > 0.0, tier, np.inf).min(axis=1)
        if np.any(largest > smallest * (1.0 + 1e-9)):
            return False
    return True


def _unbiased_mean(
    chain: Chain,
    stages: list[Stage],
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
    chain: Chain, stages: list[Stage], weights: Floats, top: Floats, columns: npt.NDArray[np.intp]
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
            step = np.where(top > 0.0, weights[:, t, columns] - below(weights, t, columns), 0.0)
            value = value + (step * (stage.left_out - stage.residual)).sum(axis=1) / n_items
    return np.asarray(value)


def _total(chain: Chain, stages: list[Stage], drawn: Floats, t: int) -> Floats:
    """Weighted sum of tier t's predictions over a draw."""
    sums = drawn @ chain.designs[t]
    return np.sum(stages[t].beta * sums, axis=1) if chain.fitted else sums[:, 0]


def _terms(
    chain: Chain, stages: list[Stage], weights: Floats, top: Floats, columns: npt.NDArray[np.intp], value: Floats
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


def _everywhere(chain: Chain, stages: list[Stage], t: int) -> Floats:
    """Tier t's predictions on all items, ``(R or 1, N)``."""
    return stages[t].beta @ chain.designs[t].T if chain.fitted else chain.designs[t].T
