"""A map made of a recorded file itself: one half of its documents predicts the other, both ways."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import DataError
from assay.engine.cascade.policy import residual_sizes
from assay.judges.ridge import cross_fitted_ridge, document_folds, within_variance
from assay.stats.prediction.ridge import fit_tuned_ridge

Floats = npt.NDArray[np.float64]
PENALTIES: tuple[float, ...] = tuple(np.geomspace(1.0, 1_000.0, 10).tolist())
FOLDS = 10
FEWEST = 40
"""Items with every verdict below which a half is no map."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HalvedMap:
    """Predictions of each item by the map of the other half.

    Attributes:
        tiers: Of each tier below the top, lowest first, ``(N,)``.
        variances: Residual variance that the maps showed on their own half, cross-fitted.
        within: The same within a system, what its level leaves out: the one to blend where a run is of one system.
        sizes: Expected size of the top residual of each item, learnt on the map's own half.
    """

    tiers: tuple[Floats, ...]
    variances: tuple[float, ...]
    within: tuple[float, ...]
    sizes: Floats


def halved_map(
    features: Sequence[Floats],
    labels: Floats,
    *,
    documents: Sequence[Hashable],
    systems: Sequence[Hashable] | None = None,
    known: bool = False,
    seed: int = 20,
) -> HalvedMap:
    """Fit a map on one half of the documents and predict the other with it, both ways.

    Every item's predictions are then fixed as far as its own label's draw goes, which is what a map from a calibration
    card gives; this one has seen half as many documents.

    Args:
        features: For each tier below the top ``(N, p)``, finite.
        labels: Top verdicts, ``(N,)``.
        documents: Halves are split between documents, never within.
        systems: Who gave each answer.
        known: With a column for each system; else an item's own system is left out of its fit.
        seed: Of the halves.

    Raises:
        DataError: Fewer than 40 items or fewer than four documents (``cascade.few``).
    """
    codes = {name: place for place, name in enumerate(dict.fromkeys(documents))}
    document = np.array([codes[one] for one in documents])
    if labels.size < FEWEST or len(codes) < 4:
        raise DataError(
            f"{labels.size} items of {len(codes)} documents make no map",
            hint=f"{FEWEST} items of four documents or more, or --start cold",
            code="cascade.few",
        )
    first = np.isin(document, np.random.default_rng(seed).permutation(len(codes))[: len(codes) // 2])
    system = None
    if systems is not None:
        names = {name: place for place, name in enumerate(dict.fromkeys(systems))}
        system = np.array([names[one] for one in systems])
    dummies = np.empty((labels.size, 0))
    if known and system is not None:
        dummies = (system[:, None] == np.arange(int(system.max()) + 1)[None, :]).astype(np.float64)
    left_out = None if known else system
    found, sizes = [np.empty(labels.size) for _ in features], np.empty(labels.size)
    variances, within = np.zeros(len(features)), np.zeros(len(features))
    for there in (first, ~first):
        sofar, rng = dummies, np.random.default_rng(seed)
        fold = document_folds(document[there].tolist(), int(there.sum()), folds=FOLDS, rng=rng)
        honest = labels[there]
        for place, own in enumerate(features):
            sofar = np.hstack([sofar, own if own.ndim == 2 else own[:, None]])
            others = None if left_out is None else left_out[there]
            honest = cross_fitted_ridge(sofar[there], labels[there], folds=fold, others=others, penalties=PENALTIES)
            residual = labels[there] - honest
            variances[place] += float(np.square(residual).mean()) / 2.0
            within[place] += within_variance(residual, None if system is None else system[there]) / 2.0
            found[place][~there] = _applied(sofar, labels, there, fold, left_out)
        sizes[~there] = residual_sizes(honest, labels[there], found[-1][~there])
    return HalvedMap(
        tiers=tuple(found), variances=tuple(variances.tolist()), within=tuple(within.tolist()), sizes=sizes
    )


def _applied(
    rows: Floats,
    labels: Floats,
    there: npt.NDArray[np.bool_],
    fold: npt.NDArray[np.intp],
    system: npt.NDArray[np.intp] | None,
) -> Floats:
    """Predictions of the other half; with systems, each by a fit that left its own out."""
    if system is None:
        return fit_tuned_ridge(rows[there], labels[there], folds=fold, penalties=PENALTIES).predict(rows[~there])
    found = np.empty(int((~there).sum()))
    for one in np.unique(system[~there]):
        seen, wanted = system[there] != one, system[~there] == one
        fitted = fit_tuned_ridge(rows[there][seen], labels[there][seen], folds=fold[seen], penalties=PENALTIES)
        found[wanted] = fitted.predict(rows[~there][wanted])
    return found
