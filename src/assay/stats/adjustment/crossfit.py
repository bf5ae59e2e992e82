"""Predictions for CUPAC that have not seen the outcome they foretell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.adjustment.joint import Floats, column
from assay.stats.prediction.ridge import fit_ridge

Predictor = Callable[[Floats], npt.ArrayLike]
Learner = Callable[[Floats, Floats], Predictor]
"""Features ``(m, k)`` and outcomes ``(m,)`` in, a function from features to predictions out."""


def cross_fitted_predictions(
    outcome: npt.ArrayLike,
    features: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    folds: int = 5,
    learner: Learner | None = None,
    penalty: float = 1.0,
) -> Floats:
    """Each unit's outcome foretold by a model that was fitted on the other folds; a covariate for ``cuped``.

    The arm is no feature: the model may see both arms, and its prediction still carries no news of the unit's own
    outcome. Memory: a copy of the features.

    Args:
        outcome: Shape ``(n,)``.
        features: From before the experiment, shape ``(n, k)``.
        rng: Draws the folds.
        folds: At least 2 and at most n.
        learner: Any fit-and-predict pair; ridge regression on standardised features without it.
        penalty: Of the ridge regression, in units of one observation; above 0.

    Returns:
        Predictions, shape ``(n,)``.

    Raises:
        InvalidInputError: Shapes differ, a value is not finite, or a learner answers with other than one finite number
            a unit.

    Sources:
        Chernozhukov et al. (2018), Econometrics Journal 21, C1-C68, on cross-fitting; Poyarkov et al. (2016), KDD.

    Examples:
        >>> rng = np.random.default_rng(5)
        >>> features = rng.normal(size=(300, 3))
        >>> foretold = cross_fitted_predictions(features @ [1.0, 2.0, 0.0] + rng.normal(size=300), features, rng=rng)
        >>> round(float(np.corrcoef(foretold, features @ [1.0, 2.0, 0.0])[0, 1]), 2)
        1.0
    """
    values, matrix = column(outcome, "outcome"), np.asarray(features, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != values.size or not np.isfinite(matrix).all():
        raise InvalidInputError(
            f"features of shape {matrix.shape} do not fit {values.size} outcomes, or are not finite",
            hint="one row a unit, finite numbers",
        )
    if not 2 <= folds <= values.size or not penalty > 0.0:
        raise InvalidInputError(
            f"{folds} folds of {values.size} units, penalty {penalty}", hint="2 <= folds <= n, penalty > 0"
        )
    fit = learner or (lambda inputs, known: fit_ridge(inputs, known, penalty=penalty).predict)
    fold = rng.permutation(values.size) % folds
    foretold = np.empty(values.size)
    for index in range(folds):
        held = fold == index
        found = np.asarray(fit(matrix[~held], values[~held])(matrix[held]), dtype=np.float64)
        if found.shape != (int(held.sum()),) or not np.isfinite(found).all():
            raise InvalidInputError(
                f"the learner answered with shape {found.shape} for {int(held.sum())} units, or not with numbers",
                hint="return one finite prediction a row",
            )
        foretold[held] = found
    return foretold
