"""Ridge predictions cross-fitted by document: each by a fit, penalty included, that saw nothing of the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.prediction.inputs import Floats
from assay.stats.prediction.ridge import PENALTIES, Codes, Ridge, finite_columns, fit_tuned_ridge

__all__ = ["Codes", "Floats", "Ridge", "cross_fitted_ridge", "document_folds", "fit_tuned_ridge", "within_variance"]


def cross_fitted_ridge(
    columns: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    folds: Codes,
    others: Codes | None = None,
    penalties: Sequence[float] = PENALTIES,
) -> Floats:
    """Prediction of each label by a fit (penalty included) that saw nothing of its fold.

    Args:
        columns: Shape ``(n, p)``.
        labels: Shape ``(n,)``.
        folds: Fold of each row by document, shape ``(n,)``.
        others: Fold of each row by system, shape ``(n,)``: its own system is left out of its fit as well.
        penalties: As ``fit_tuned_ridge``.

    Returns:
        Shape ``(n,)``.

    Raises:
        InvalidInputError: As ``fit_tuned_ridge``; or nothing is left to fit on.

    Examples:
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> cross_fitted_ridge(x, y, folds=np.array([0, 1, 0, 1]), penalties=(0.0,)).round(6).tolist()
        [0.0, 1.0, 2.0, 3.0]
    """
    x, y = finite_columns(columns, labels)
    second = np.zeros_like(folds) if others is None else others
    predicted = np.empty_like(y)
    for name in np.unique(folds):
        for system in np.unique(second[folds == name]):
            here = (folds == name) & (second == system)
            seen = (folds != name) if others is None else (folds != name) & (second != system)
            if not seen.any():
                raise InvalidInputError("a fold holds every item", hint="at least two documents and two systems")
            inner = folds[seen]
            few = np.unique(inner).size < 2
            chosen = penalties if not few else (float(np.median(penalties)),)
            predicted[here] = fit_tuned_ridge(x[seen], y[seen], folds=inner, penalties=chosen).predict(x[here])
    return predicted


def document_folds(documents: Sequence[Any] | None, n: int, *, folds: int, rng: np.random.Generator) -> Codes:
    """Fold of each item, whole documents together; every item its own document without them.

    Raises:
        InvalidInputError: Fewer than two documents, or fewer than two folds.

    Examples:
        >>> document_folds(["a", "a", "b", "b"], 4, folds=5, rng=np.random.default_rng(1)).tolist()
        [0, 0, 1, 1]
    """
    if folds < 2:
        raise InvalidInputError(f"{folds} folds hold nothing out", hint="at least 2")
    if documents is None:
        units, codes = n, np.arange(n)
    else:
        known: dict[Any, int] = {}
        codes = np.fromiter((known.setdefault(one, len(known)) for one in documents), dtype=np.intp, count=n)
        units = len(known)
    if units < 2:
        raise InvalidInputError(f"{units} document cannot be cross-fitted", hint="label items of several documents")
    return np.asarray(rng.permutation(np.arange(units) % min(folds, units))[codes], dtype=np.intp)


def within_variance(residuals: Floats, systems: Codes | None) -> float:
    """Mean variance of residuals within a system: what is left where a run is of one system, whose level drops out.

    Args:
        residuals: Shape ``(n,)``.
        systems: Number of each row's system, from 0; ``None`` where all are of one.

    Examples:
        >>> within_variance(np.array([1.0, 3.0, 6.0, 8.0]), np.array([0, 0, 1, 1]))
        2.0
    """
    codes = np.zeros(residuals.size, dtype=np.intp) if systems is None else systems
    count = np.bincount(codes)
    mean = np.bincount(codes, weights=residuals) / np.maximum(count, 1)
    free = max(residuals.size - int(np.count_nonzero(count)), 1)
    return float(np.square(residuals - mean[codes]).sum()) / free
