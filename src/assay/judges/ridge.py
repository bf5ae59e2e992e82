"""Ridge regression of people's labels on named features, its penalty and its residuals cross-fitted by document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

PENALTIES: tuple[float, ...] = tuple(float(one) for one in np.round(np.geomspace(0.3, 3_000.0, 21), 6))
"""Tried where none is named: in labels, on columns of unit spread."""
FLAT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """label = intercept + Σ weight · (column - centre) / spread.

    Attributes:
        centre: Mean of each column where it was fitted.
        spread: Its standard deviation there; 1 for columns that did not vary, whose weight is 0.
        weights: Of each column, in label units for one standard deviation.
        intercept: Mean label.
        penalty: In labels.
    """

    centre: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    penalty: float

    def predict(self, columns: Floats) -> Floats:
        """Label of each row, shape ``(n,)``."""
        scaled = (columns - np.array(self.centre)) / np.array(self.spread)
        return np.asarray(self.intercept + scaled @ np.array(self.weights), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "centre": list(self.centre),
            "spread": list(self.spread),
            "weights": list(self.weights),
            "intercept": self.intercept,
            "penalty": self.penalty,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Ridge:
        """Inverse of ``to_dict``."""
        return cls(
            centre=tuple(map(float, row["centre"])),
            spread=tuple(map(float, row["spread"])),
            weights=tuple(map(float, row["weights"])),
            intercept=float(row["intercept"]),
            penalty=float(row["penalty"]),
        )


def fit_ridge(columns: npt.ArrayLike, labels: npt.ArrayLike, *, penalty: float) -> Ridge:
    """Ridge with an intercept that is not penalised, on columns scaled to unit spread.

    Args:
        columns: Shape ``(n, p)``, finite; ``p`` may be 0.
        labels: Shape ``(n,)``.
        penalty: From 0, in labels: a column that says nothing else shrinks by n / (n + penalty).

    Raises:
        InvalidInputError: Shapes differ, a number is not finite, no row, or a negative penalty.

    Sources:
        Hoerl & Kennard (1970), Technometrics 12, 55-67.

    Examples:
        >>> fit_ridge([[1.0], [2.0], [3.0]], [2.0, 4.0, 6.0], penalty=0.0).predict(np.array([[4.0]])).round(6).tolist()
        [8.0]
    """
    x, y = _checked(columns, labels)
    if not penalty >= 0.0:
        raise InvalidInputError(f"penalty is {penalty}", hint="from 0")
    return _Path.of(x, y).fit(penalty)


@dataclass(frozen=True, slots=True)
class _Path:
    """One decomposition, from which every penalty's fit is two small products."""

    centre: Floats
    spread: Floats
    mean: float
    values: Floats
    vectors: Floats
    turned: Floats

    @classmethod
    def of(cls, x: Floats, y: Floats) -> _Path:
        centre = x.mean(axis=0)
        spread = x.std(axis=0)
        varies = spread > FLAT * np.maximum(np.abs(centre), 1.0)
        scaled = np.where(varies, (x - centre) / np.where(varies, spread, 1.0), 0.0)
        mean = float(y.mean())
        values, vectors = np.linalg.eigh(scaled.T @ scaled) if x.shape[1] else (np.zeros(0), np.zeros((0, 0)))
        return cls(centre, np.where(varies, spread, 1.0), mean, values, vectors, vectors.T @ (scaled.T @ (y - mean)))

    def weights(self, penalties: Sequence[float]) -> Floats:
        """Shape ``(p, penalties)``."""
        total = self.values[:, None] + np.asarray(penalties, dtype=np.float64)[None, :]
        least = 1e-10 * max(float(self.values.max(initial=0.0)), 1e-300)
        return np.asarray(self.vectors @ np.where(total > least, self.turned[:, None] / np.maximum(total, least), 0.0))

    def fit(self, penalty: float) -> Ridge:
        return Ridge(
            centre=tuple(self.centre.tolist()),
            spread=tuple(self.spread.tolist()),
            weights=tuple(self.weights([penalty])[:, 0].tolist()),
            intercept=self.mean,
            penalty=float(penalty),
        )


def fit_tuned_ridge(
    columns: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    folds: Codes,
    penalties: Sequence[float] = PENALTIES,
) -> Ridge:
    """Ridge whose penalty predicts held-out folds best.

    Args:
        columns: Shape ``(n, p)``.
        labels: Shape ``(n,)``.
        folds: Fold of each row, shape ``(n,)``; documents whole, see ``document_folds``.
        penalties: To choose from; a single one is taken as it is.

    Raises:
        InvalidInputError: As ``fit_ridge``; or there are fewer than two folds.
    """
    x, y = _checked(columns, labels)
    if len(penalties) == 1:
        return fit_ridge(x, y, penalty=penalties[0])
    names = np.unique(folds)
    if names.size < 2:
        raise InvalidInputError("one fold leaves nothing to hold out", hint="at least two documents, or a fixed ridge")
    losses = np.zeros(len(penalties))
    for name in names:
        held = folds == name
        path = _Path.of(x[~held], y[~held])
        scaled = (x[held] - path.centre) / path.spread
        losses += np.square(y[held, None] - path.mean - scaled @ path.weights(penalties)).sum(axis=0)
    return _Path.of(x, y).fit(penalties[int(losses.argmin())])


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
    """
    x, y = _checked(columns, labels)
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


def _checked(columns: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(columns, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if x.ndim != 2 or y.shape != (x.shape[0],) or not y.size:
        raise InvalidInputError(f"columns {x.shape} and labels {y.shape} do not fit", hint="(n, p) and (n,), n > 0")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InvalidInputError("a column or a label is not finite", hint="leave such items out, or fill them")
    return x, y
