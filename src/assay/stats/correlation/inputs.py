"""Checks that every correlation makes."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.calibration.inputs import Floats, finite_vector

Kind = Literal["pearson", "spearman", "kendall"]
HUGE, TINY = 1e50, 1e-50
KINDS: tuple[Kind, ...] = ("pearson", "spearman", "kendall")


def score_pairs(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Two finite vectors of one length; huge and tiny scores are brought near 1, which no correlation sees.

    Raises:
        InvalidInputError: They are not.
    """
    first, second = finite_vector(x, "scores"), finite_vector(y, "scores")
    if first.size != second.size:
        raise InvalidInputError(
            f"{first.size} and {second.size} scores cannot be paired", hint="one score of each kind for every item"
        )
    return _near_one(first), _near_one(second)


def _near_one(scores: Floats) -> Floats:
    """Divided by a power of two, which is exact, where squares would leave the range of floats."""
    largest = float(np.abs(scores).max())
    if largest == 0.0 or TINY < largest < HUGE:
        return scores
    return np.asarray(np.ldexp(scores, -math.frexp(largest)[1]))


def check_kind(kind: str) -> None:
    """Raises InvalidInputError unless the coefficient is known."""
    if kind not in KINDS:
        raise InvalidInputError(f"there is no correlation called {kind!r}", hint="'pearson', 'spearman' or 'kendall'")


def why_undefined(x: Floats, y: Floats) -> str | None:
    """The reason a correlation of these scores does not exist, or ``None``."""
    if x.size < 2:
        return "fewer than two pairs"
    for scores, which in ((x, "first"), (y, "second")):
        if float(scores.max()) == float(scores.min()):
            return f"all {which} scores are equal"
    return None
