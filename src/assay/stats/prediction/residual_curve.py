"""How far off a prediction is likely to be: a curve over the predictions, learnt where the labels are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.prediction.inputs import Floats, finite_vector

MOST_BINS, LEAST_IN_BIN = 8, 15
AVERAGE_ITEMS = 5.0
"""Items of the mean square that each bin is shrunk by."""
TINY = 1e-300
"""A mean square below which every prediction counts as right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualCurve:
    """Expected size of label minus prediction, constant between edges; what ``inclusion_probabilities`` follows.

    Attributes:
        edges: Predictions at which a bin ends and the next begins, rising.
        sizes: Root mean square residual of each bin, above 0, in label units; one more than edges.
    """

    edges: tuple[float, ...]
    sizes: tuple[float, ...]

    def __post_init__(self) -> None:
        known = np.isfinite(self.edges).all() and np.isfinite(self.sizes).all()
        rising = all(low < high for low, high in pairwise(self.edges))
        if not known or not rising or len(self.sizes) != len(self.edges) + 1 or min(self.sizes) <= 0.0:
            raise InvalidInputError(
                f"{len(self.edges)} edges and {len(self.sizes)} sizes are no curve",
                hint="edges that rise, and one size above 0 for each bin between and beyond them",
            )

    def at(self, predictions: npt.ArrayLike) -> Floats:
        """Expected size of the residual at each prediction, in its shape; at an edge, that of the bin above.

        Raises:
            InvalidInputError: A prediction is NaN.

        Examples:
            >>> ResidualCurve(edges=(2.0,), sizes=(0.5, 1.5)).at([1.0, 2.0, 3.0]).tolist()
            [0.5, 1.5, 1.5]
        """
        found = np.asarray(predictions, dtype=np.float64)
        if np.isnan(found).any():
            raise InvalidInputError("a prediction is not there", hint="fill gaps before the size is asked for")
        return np.asarray(np.array(self.sizes)[np.searchsorted(np.array(self.edges), found, side="right")])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; ``from_dict`` gives the same curve back, to the last bit."""
        return {"edges": list(self.edges), "sizes": list(self.sizes)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> ResidualCurve:
        """The curve whose ``to_dict`` gave ``row``."""
        return cls(edges=tuple(map(float, row["edges"])), sizes=tuple(map(float, row["sizes"])))


def fit_residual_curve(predictions: npt.ArrayLike, labels: npt.ArrayLike) -> ResidualCurve:
    """Root mean square residual in up to eight bins of the predictions, each of 15 items or more.

    Each bin is shrunk towards the mean square of all, as if it held five more average items.

    Args:
        predictions: Of items with labels, each by a fit that had not seen its label: in-sample residuals are too
            small just where the fit leaned on few items. Shape ``(n,)``.
        labels: Shape ``(n,)``.

    Returns:
        One bin below 30 items, and one of size 1 where every prediction is right: all items are then alike.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite, or there is no item.

    Sources:
        Neyman (1934), JRSS 97, 558-625 (draw in proportion to the standard deviation); Särndal, Swensson & Wretman
        (1992), section 12.2 (for the regression estimator).

    Examples:
        >>> guess = np.repeat([1.0, 5.0], 20)
        >>> curve = fit_residual_curve(guess, guess + np.tile([0.1, -0.1], 20) * guess)
        >>> [round(size, 2) for size in curve.at([1.0, 5.0]).tolist()]
        [0.18, 0.48]
    """
    known = finite_vector(predictions, "predictions")
    squares = np.square(finite_vector(labels, "labels", length=known.size) - known)
    mean = float(squares.mean())
    if mean < TINY:
        return ResidualCurve(edges=(), sizes=(1.0,))
    bins = int(np.clip(known.size // LEAST_IN_BIN, 1, MOST_BINS))
    edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, bins + 1)[1:-1])) if bins > 1 else np.empty(0)
    place = np.searchsorted(edges, known, side="right")
    count = np.bincount(place, minlength=edges.size + 1)
    total = np.bincount(place, weights=squares, minlength=edges.size + 1)
    sizes = np.sqrt((total + AVERAGE_ITEMS * mean) / (count + AVERAGE_ITEMS))
    return ResidualCurve(edges=tuple(edges.tolist()), sizes=tuple(sizes.tolist()))
