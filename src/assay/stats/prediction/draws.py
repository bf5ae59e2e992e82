"""From verdicts with gaps and inclusion probabilities to the arrays that ``chain.solve`` works on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.prediction.inputs import Bools, Floats, as_floats, as_matrix, check_choice
from assay.stats.prediction.stages import Chain

SAME = 1e-9
"""Relative difference below which two weights are the same."""


def build_chain(
    labels: npt.ArrayLike, proxies: Sequence[npt.ArrayLike], *, weights: str, ridge: float | None, hajek: bool
) -> tuple[Chain, Bools]:
    """The chain, and which verdicts are known, ``(tiers, N)``."""
    check_choice(weights, ("fit", "fixed"), "weights")
    if not proxies:
        raise InvalidInputError("there is no tier below the labels", hint="give proxies=[…], lowest tier first")
    if ridge is not None and ridge < 0.0:
        raise InvalidInputError(f"ridge is {ridge}; it must be at least 0", hint="0 is least squares")
    top = as_floats(labels, "labels")
    if top.ndim != 1:
        raise InvalidInputError(f"labels have shape {top.shape}; a vector is needed", hint="NaN where not asked")
    tiers = [as_matrix(p, f"proxies of tier {t}", rows=top.size) for t, p in enumerate(proxies)]
    if any(np.isinf(one).any() for one in (top, *tiers)):
        raise InvalidInputError("a verdict is infinite", hint="NaN means not asked; everything else is finite")
    if weights == "fixed" and any(tier.shape[1] != 1 for tier in tiers):
        raise InvalidInputError("a fixed proxy is one prediction an item", hint="combine the features outside")
    known = np.stack([~np.isnan(tier).any(axis=1) for tier in tiers] + [~np.isnan(top)])
    if np.any(known[1:] & ~known[:-1]):
        raise InvalidInputError(
            "a tier was asked on items that the tier below was not asked on", hint="tiers are nested, lowest first"
        )
    designs: list[Floats] = []
    for t, tier in enumerate(tiers):
        columns = np.where(known[t][:, None], tier, 0.0)
        if weights == "fit":
            columns = _standardised(columns, known[t])
            below = [np.where(known[t][:, None], designs[-1], 0.0)] if designs else [known[t][:, None].astype(float)]
            columns = np.hstack([*below, columns])
        designs.append(columns)
    chain = Chain(
        labels=np.where(known[-1], top, 0.0), designs=tuple(designs), fitted=weights == "fit", ridge=ridge, hajek=hajek
    )
    return chain, known


def _standardised(columns: Floats, known: Bools) -> Floats:
    """Columns shifted and scaled for the sake of the arithmetic alone; the answer does not depend on it."""
    mean, spread = columns[known].mean(axis=0), columns[known].std(axis=0)
    return np.where(known[:, None], (columns - mean) / np.where(spread > 0.0, spread, 1.0), 0.0)


def inverse_probabilities(asked: Bools, probabilities: Sequence[npt.ArrayLike] | None) -> Floats:
    """1/π where asked, 0 elsewhere, ``(R, K, N)``."""
    replicates, tiers, n_items = asked.shape
    counts = asked.sum(axis=2)
    if np.any(counts[:, -1] == 0):
        raise InvalidInputError("no item has a top-tier label", hint="label at least two items")
    if np.any(asked[:, 1:] & ~asked[:, :-1]):
        raise InvalidInputError(
            "a draw is not nested in the draw of the tier below", hint="tiers are nested, lowest first"
        )
    if probabilities is None:
        return np.where(asked, (n_items / counts)[:, :, None], 0.0)
    if len(probabilities) != tiers:
        raise InvalidInputError(
            f"{len(probabilities)} probabilities for {tiers} tiers above the lowest", hint="one entry for each of them"
        )
    inverse = np.zeros(asked.shape)
    for t, probability in enumerate(probabilities):
        p = np.asarray(probability, dtype=np.float64)
        if p.ndim > 2 or (p.ndim and p.shape[-1] != n_items) or (p.ndim == 2 and p.shape[0] != replicates):
            raise InvalidInputError(f"probabilities have shape {p.shape}", hint="(N,), one number, or (replicates, N)")
        p = np.broadcast_to(p, (replicates, n_items))
        here = asked[:, t]
        if not np.all((p[here] > 0.0) & (p[here] <= 1.0)):
            raise InvalidInputError(
                "an item was asked with a probability outside (0, 1]", hint="every draw has a known positive one"
            )
        inverse[:, t][here] = 1.0 / p[here]
    rising = asked[:, 1:] & (inverse[:, 1:] < inverse[:, :-1] * (1.0 - 1e-9))
    if rising.any():
        raise InvalidInputError(
            "a probability rises along the chain",
            hint="give overall probabilities: the product of each tier's with those below",
        )
    return inverse


def balanced(inverse: Floats, certain: Bools | None = None) -> Floats:
    """The weights, such that items drawn by lot at a tier weigh together what those weigh that they were drawn from.

    In a simple draw of all items they do. In a Poisson draw, and in a part of the items, the sum is a random number;
    beside items that were certain one divisor for both would let it decide how much those count.

    Args:
        inverse: As ``inverse_probabilities`` gives it, ``(R, K, N)``.
        certain: Items asked for certain at the top tier, ``(N,)``, where some of them gave no verdict; else they are
            those whose weight is that of the tier below.
    """
    found, lower = inverse.copy(), np.ones_like(inverse[:, 0])
    given, factor = lower, lower
    last = inverse.shape[1] - 1
    for t in range(last + 1):
        here = inverse[:, t] > 0.0
        sure = here & (inverse[:, t] <= given * (1.0 + SAME))
        if t == last and certain is not None:
            sure = sure | certain
        weight, lot = inverse[:, t] * factor, here & ~sure
        reached, drawn = (lower * ~sure).sum(axis=1), (weight * lot).sum(axis=1)
        scale = np.divide(reached, drawn, out=np.ones_like(drawn), where=drawn > 0.0)[:, None]
        found[:, t] = np.where(lot, np.maximum(weight * scale, lower), weight)
        given, lower = inverse[:, t], found[:, t]
        factor = np.divide(lower, given, out=np.ones_like(given), where=here)
    return found


def check_missing(asked: Bools, inverse: Floats, probabilities: Sequence[npt.ArrayLike] | None) -> None:
    """An item that was asked for certain and has no verdict is not a draw: the estimate would be biased in silence."""
    if probabilities is None:
        return
    for t, probability in enumerate(probabilities):
        p = np.broadcast_to(np.asarray(probability, dtype=np.float64), asked[t].shape)
        below = asked[t - 1] if t else np.ones_like(asked[t])
        reached = np.where(below, 1.0 / np.maximum(inverse[0, t - 1], 1e-300), 0.0) if t else np.ones(p.shape)
        certain = below & (p >= reached * (1.0 - 1e-9)) & ~asked[t]
        if certain.any():
            raise InvalidInputError(
                f"{np.count_nonzero(certain)} items were asked for certain at tier {t + 1} and have no verdict",
                hint="a verdict that failed is missing, not undrawn: bound it, or give it a value with a flag column",
            )
