"""Lin's regression adjustment: arm, centred covariates and their interactions, with HC2 or HC3 variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.adjustment.cuped import ASSUMED
from assay.stats.adjustment.joint import Floats, column, same_length, treated_mask
from assay.stats.adjustment.result import (
    AdjustedDifference,
    check_covariates,
    t_estimate,
    variance_ratio,
    welch,
)
from assay.stats.scalar import NEW_INPUTS, THESE_ITEMS
from assay.stats.special import check_confidence


def lin_adjustment(
    outcome: npt.ArrayLike,
    treated: npt.ArrayLike,
    covariates: Mapping[str, npt.ArrayLike],
    *,
    variance: Literal["HC2", "HC3"] = "HC2",
    estimand: str = NEW_INPUTS,
    confidence: float = 0.95,
    unit: str = "score",
) -> AdjustedDifference:
    """Average treatment effect from a regression of its own in each arm; never less precise than none, in the limit.

    Each arm is regressed on the covariates, centred at their mean over both arms; the difference of the intercepts is
    the effect. That is the regression with all interactions, and its HC variance is the sum of the arms'. For new
    inputs the variance also holds what the sampled mean of the covariates adds, where slopes differ. Memory: the
    design matrix of the larger arm.

    Args:
        outcome: Shape ``(n,)``.
        treated: 1 or true for the treatment, shape ``(n,)``.
        covariates: Numbers from before the experiment by name, shape ``(n,)`` each.
        variance: HC2 (unbiased under equal variances) or HC3 (wider; for few units or high leverage).
        estimand: ``new inputs like these`` or ``these items`` (the units of the experiment).
        confidence: Two-sided coverage.
        unit: Of the outcome.

    Raises:
        InvalidInputError: An arm has no more units than parameters, a covariate is constant in an arm or determined
            by the others, or a single unit determines a coefficient (leverage 1).

    Sources:
        Lin (2013), Annals of Applied Statistics 7, 295-318; MacKinnon & White (1985), J. Econometrics 29, 305-325,
        on HC2 and HC3; Negi & Wooldridge (2021), Econometric Reviews 40, 504-534, on the sampled mean.

    Examples:
        >>> rng = np.random.default_rng(3)
        >>> before = rng.normal(size=500)
        >>> treated = rng.random(500) < 0.5
        >>> result = lin_adjustment(2 * before + 0.5 * treated + rng.normal(size=500), treated, {"before": before})
        >>> result.difference.method, result.variance_ratio < 0.3
        ('lin-HC2-t', True)
    """
    check_confidence(confidence)
    if variance not in ("HC2", "HC3"):
        raise InvalidInputError(f"variance {variance!r} is not known", hint="HC2 or HC3")
    if estimand not in (NEW_INPUTS, THESE_ITEMS):
        raise InvalidInputError(f"estimand {estimand!r} is not known", hint=f"{NEW_INPUTS!r} or {THESE_ITEMS!r}")
    mask, values, names = treated_mask(treated), column(outcome, "outcome"), tuple(covariates)
    known = [column(covariates[name], name) for name in names]
    same_length([values, mask, *known], ["outcome", "treated", *names])
    n, p = values.size, len(names)
    design = np.column_stack(known) if known else np.empty((n, 0))
    arms = (~mask, mask)
    counts = np.array([arm.sum() for arm in arms], dtype=np.float64)
    if min(counts) < p + 2:
        raise InvalidInputError(
            f"{int(min(counts))} units in an arm are too few for {p} covariates with slopes of their own",
            hint="cuped shares one slope between the arms",
        )
    column_means = np.stack([design[arm].mean(axis=0) for arm in arms])
    column_squares = np.stack([np.square(design[arm] - design[arm].mean(axis=0)).sum(axis=0) for arm in arms])
    outcome_means = np.array([values[arm].mean() for arm in arms])
    outcome_squares = np.array([np.square(values[arm] - values[arm].mean()).sum() for arm in arms])
    unadjusted, _, _ = welch(counts, outcome_means, outcome_squares, confidence=confidence, unit=unit)
    checks, warnings = check_covariates(names, counts, column_means, column_squares, confidence=confidence)
    centred = design - design.mean(axis=0)
    power = 1 if variance == "HC2" else 2
    old, new = (_arm_fit(values[arm], centred[arm], names, power) for arm in arms)
    parts = np.array([old.variance, new.variance])
    total = float(parts.sum())
    freedom = total**2 / float((parts**2 / (counts - p - 1.0)).sum()) if total > 0.0 else 0.0
    gap = new.slopes - old.slopes
    if estimand == NEW_INPUTS and p:
        total += float(np.square(centred @ gap).sum()) / (n - 1.0) / n
    difference, p_value = t_estimate(
        new.intercept - old.intercept, total, freedom, n=n, method=f"lin-{variance}-t", confidence=confidence,
        unit=unit, estimand=estimand,
    )  # fmt: skip
    slopes = (old.slopes * counts[1] + new.slopes * counts[0]) / n
    return AdjustedDifference(
        difference=difference,
        unadjusted=unadjusted,
        p_value=p_value,
        variance_ratio=variance_ratio(difference, unadjusted),
        coefficients={name: float(slope) for name, slope in zip(names, slopes, strict=True)},
        covariates=checks,
        assumed=ASSUMED,
        warnings=warnings,
    )


class _ArmFit(NamedTuple):
    intercept: float
    variance: float
    slopes: Floats


def _arm_fit(values: Floats, centred: Floats, names: tuple[str, ...], power: int) -> _ArmFit:
    """Least squares of one arm; the intercept with its HC variance (``power`` 1 for HC2, 2 for HC3)."""
    scale = np.sqrt(np.square(centred - centred.mean(axis=0)).sum(axis=0))
    constant = [name for name, size in zip(names, scale, strict=True) if size <= 0.0]
    if constant:
        raise InvalidInputError(f"covariate {constant[0]} is constant in an arm", hint="leave it out")
    matrix = np.column_stack([np.ones(values.size) / np.sqrt(values.size), centred / scale])
    orthogonal, upper = np.linalg.qr(matrix)
    if np.abs(np.diag(upper)).min() < 1e-7:
        weak = names[int(np.abs(np.diag(upper)).argmin()) - 1]
        raise InvalidInputError(f"covariate {weak} is determined by the others in an arm", hint="leave it out")
    leverage = np.square(orthogonal).sum(axis=1)
    if leverage.max() > 1.0 - 1e-9:
        raise InvalidInputError(
            f"unit {int(leverage.argmax())} of an arm alone determines a coefficient (leverage 1)",
            hint="leave out the covariate that only this unit has, or the unit",
        )
    fitted = orthogonal.T @ values
    coefficients = np.linalg.solve(upper, fitted)
    residual = values - orthogonal @ fitted
    if np.square(residual).sum() <= 1e-24 * max(float(np.square(values).sum()), 1e-300):
        residual[:] = 0.0
    unit_vector = np.zeros(upper.shape[0])
    unit_vector[0] = 1.0
    influence = orthogonal @ np.linalg.solve(upper.T, unit_vector) / np.sqrt(values.size)
    variance = float((np.square(influence * residual) / (1.0 - leverage) ** power).sum())
    return _ArmFit(float(coefficients[0]) / np.sqrt(values.size), variance, coefficients[1:] / scale)
