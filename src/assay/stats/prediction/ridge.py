"""Ridge regression on named columns: at one penalty, at the one that foretells held-out folds best, left-one-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.prediction.inputs import Floats, finite_vector

Codes = npt.NDArray[np.intp]

PENALTIES: tuple[float, ...] = tuple(float(one) for one in np.round(np.geomspace(0.3, 3_000.0, 21), 6))
"""Tried where none is named: in labels, on columns of unit spread."""
FLAT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """label = intercept + Σ weight · (column - centre) / spread.

    Attributes:
        centre: Mean of each column where it was fitted.
        spread: Its standard deviation there (of n, not n - 1); 1 for columns that did not vary, whose weight is 0.
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
        """Label of each row of ``(n, p)``, shape ``(n,)``; NaN where a column is."""
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


def fit_ridge(
    columns: npt.ArrayLike, labels: npt.ArrayLike, *, penalty: float, label_weights: npt.ArrayLike | None = None
) -> Ridge:
    """Ridge with an intercept that is not penalised, on columns scaled to unit spread.

    Args:
        columns: Shape ``(n, p)``, finite; ``p`` may be 0.
        labels: Shape ``(n,)``.
        penalty: From 0, in labels: a column that says nothing else shrinks by n / (n + penalty).
        label_weights: Of each label, say 1 over the probability of its draw, shape ``(n,)``, above 0; they are scaled
            to a mean of 1. Equal without them.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite, no row, or a negative penalty.

    Sources:
        Hoerl & Kennard (1970), Technometrics 12, 55-67.

    Examples:
        >>> fit_ridge([[1.0], [2.0], [3.0]], [2.0, 4.0, 6.0], penalty=0.0).predict(np.array([[4.0]])).round(6).tolist()
        [8.0]
    """
    return _Path.of(*_checked(columns, labels, label_weights)).fit(_penalty(penalty))


def ridge_left_out_residuals(
    columns: npt.ArrayLike, labels: npt.ArrayLike, *, penalty: float, label_weights: npt.ArrayLike | None = None
) -> Floats:
    """Each label minus its prediction by a ridge fitted on all others, the columns' spread held as it is.

    One decomposition, no refits: the residual over 1 minus the label's own pull on its prediction. Memory: two copies
    of the columns.

    Args:
        columns: Shape ``(n, p)``, finite; ``p`` may be 0.
        labels: Shape ``(n,)``.
        penalty: As ``fit_ridge``.
        label_weights: As ``fit_ridge``.

    Returns:
        Shape ``(n,)``; huge where a label alone decides a weight.

    Raises:
        InvalidInputError: As ``fit_ridge``.

    Sources:
        Golub, Heath & Wahba (1979), Technometrics 21, 215-223, section 2 (the left-out residual of a ridge); Allen
        (1974), Technometrics 16, 125-127 (PRESS).

    Examples:
        >>> ridge_left_out_residuals([[1.0], [2.0], [4.0]], [1.0, 3.0, 4.0], penalty=0.0).round(6).tolist()
        [-1.5, 1.0, -3.0]
    """
    x, y, w = _checked(columns, labels, label_weights)
    path = _Path.of(x, y, w)
    scaled = (x - path.centre) / path.spread
    turned = scaled @ path.vectors
    pull = w * (1.0 / y.size + np.square(turned) @ path.shrunk([_penalty(penalty)])[:, 0])
    residual = y - path.mean - scaled @ path.weights([penalty])[:, 0]
    return np.asarray(residual / np.maximum(1.0 - pull, 1e-6))


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
    def of(cls, x: Floats, y: Floats, w: Floats) -> _Path:
        """Weights ``w`` add up to n."""
        centre = (w @ x) / y.size
        spread = np.sqrt((w @ np.square(x - centre)) / y.size)
        varies = spread > FLAT * np.maximum(np.abs(centre), 1.0)
        scaled = np.where(varies, (x - centre) / np.where(varies, spread, 1.0), 0.0)
        weighted = scaled * w[:, None]
        mean = float(w @ y) / y.size
        values, vectors = np.linalg.eigh(scaled.T @ weighted) if x.shape[1] else (np.zeros(0), np.zeros((0, 0)))
        return cls(centre, np.where(varies, spread, 1.0), mean, values, vectors, vectors.T @ (weighted.T @ (y - mean)))

    def shrunk(self, penalties: Sequence[float]) -> Floats:
        """1 / (eigenvalue + penalty), 0 where that is no number; shape ``(p, penalties)``."""
        total = self.values[:, None] + np.asarray(penalties, dtype=np.float64)[None, :]
        least = 1e-10 * max(float(self.values.max(initial=0.0)), 1e-300)
        return np.asarray(np.where(total > least, 1.0 / np.maximum(total, least), 0.0))

    def weights(self, penalties: Sequence[float]) -> Floats:
        """Shape ``(p, penalties)``."""
        return np.asarray(self.vectors @ (self.turned[:, None] * self.shrunk(penalties)))

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
        folds: Fold of each row, shape ``(n,)``; whatever goes together (a document) whole.
        penalties: To choose from; a single one is taken as it is.

    Raises:
        InvalidInputError: As ``fit_ridge``; or there are fewer than two folds.

    Examples:
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> fit_tuned_ridge(x, y, folds=np.array([0, 1, 0, 1]), penalties=(0.1, 10.0)).penalty
        0.1
    """
    x, y, w = _checked(columns, labels, None)
    if len(penalties) == 1:
        return fit_ridge(x, y, penalty=penalties[0])
    names = np.unique(folds)
    if names.size < 2:
        raise InvalidInputError("one fold leaves nothing to hold out", hint="at least two documents, or a fixed ridge")
    losses = np.zeros(len(penalties))
    for name in names:
        held = folds == name
        path = _Path.of(x[~held], y[~held], w[~held])
        scaled = (x[held] - path.centre) / path.spread
        losses += np.square(y[held, None] - path.mean - scaled @ path.weights(penalties)).sum(axis=0)
    return _Path.of(x, y, w).fit(penalties[int(losses.argmin())])


def _penalty(penalty: float) -> float:
    if not penalty >= 0.0:
        raise InvalidInputError(f"penalty is {penalty}", hint="from 0")
    return float(penalty)


def _checked(
    columns: npt.ArrayLike, labels: npt.ArrayLike, label_weights: npt.ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    x, y = finite_columns(columns, labels)
    if label_weights is None:
        return x, y, np.ones(y.size)
    w = finite_vector(label_weights, "label_weights", length=y.size)
    if not (w > 0.0).all():
        raise InvalidInputError("a label's weight is not above 0", hint="leave labels without weight out")
    return x, y, w * (y.size / w.sum())


def finite_columns(columns: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Columns ``(n, p)`` and labels ``(n,)`` as arrays; ``p`` may be 0.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite, or there is no row.
    """
    x, y = np.asarray(columns, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if x.ndim != 2 or y.shape != (x.shape[0],) or not y.size:
        raise InvalidInputError(f"columns {x.shape} and labels {y.shape} do not fit", hint="(n, p) and (n,), n > 0")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InvalidInputError("a column or a label is not finite", hint="leave such items out, or fill them")
    return x, y
