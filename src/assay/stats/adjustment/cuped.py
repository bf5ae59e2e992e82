"""CUPED: an outcome minus the part of it that pre-period covariates foretold, from moments alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.adjustment.joint import Floats, JointMoments, column, same_length, treated_mask
from assay.stats.adjustment.result import (
    AdjustedDifference,
    check_covariates,
    t_estimate,
    variance_ratio,
    welch,
)
from assay.stats.special import check_confidence

ASSUMED = (
    "units were assigned at random and independently",
    "the treatment cannot have moved the covariates (they were measured before it)",
    "enough units for the central limit theorem (heavy tails need more)",
)


def cuped(
    control: JointMoments, treatment: JointMoments, *, confidence: float = 0.95, unit: str = "score"
) -> AdjustedDifference:
    """Difference of means, treatment minus control, with covariates from before the experiment taken out.

    The slope is the pooled within-arm one, so the difference equals the coefficient of the arm in the regression of
    the outcome on arm and covariates. The variance keeps the residual variance of each arm apart (slopes and variances
    may differ between the arms) and adds what estimating the slope costs, which matters below some hundred units.

    Args:
        control: Moments of outcome and covariates, from values or from one pass of SQL.
        treatment: Of the other arm; same covariates in the same order.
        confidence: Two-sided coverage, in (0, 1).
        unit: Of the outcome.

    Raises:
        InvalidInputError: The covariates differ, one is constant or a combination of the others, or there are no more
            units than parameters.

    Sources:
        Deng, Xu, Kohavi & Walker (2013), WSDM, eqs. 3-5; Freedman (2008), Annals of Applied Statistics 2, 176-196,
        on regression adjustment of experiments.

    Examples:
        >>> old = JointMoments.of([3.0, 5.0, 7.1, 9.0], {"before": [1.0, 2.0, 3.0, 4.0]})
        >>> new = JointMoments.of([6.0, 8.1, 9.9, 12.0], {"before": [2.0, 3.0, 4.0, 5.0]})
        >>> result = cuped(old, new)
        >>> round(result.unadjusted.value, 3), round(result.difference.value, 3)
        (2.975, 0.98)
    """
    check_confidence(confidence)
    arms, p = (control, treatment), len(control.names)
    if control.names != treatment.names:
        raise InvalidInputError(
            f"control has the covariates {control.names}, treatment {treatment.names}", hint="the same, in one order"
        )
    counts = np.array([arm.count for arm in arms], dtype=np.float64)
    n = int(counts.sum())
    if min(counts) < 2 or n - 2 - p < 1:
        raise InvalidInputError(
            f"{control.count} and {treatment.count} units are too few for {p} covariates",
            hint="at least two units an arm, and three more units than covariates in all",
        )
    means = np.stack([arm.means for arm in arms])
    squares = np.stack([np.diag(arm.products) for arm in arms])
    unadjusted, plain_p, _ = welch(counts, means[:, 0], squares[:, 0], confidence=confidence, unit=unit)
    checks, warnings = check_covariates(control.names, counts, means[:, 1:], squares[:, 1:], confidence=confidence)
    if p == 0 or unadjusted.std_error is None:
        return AdjustedDifference(
            difference=unadjusted, unadjusted=unadjusted, p_value=plain_p, variance_ratio=None, covariates=checks,
            assumed=ASSUMED, warnings=warnings,
        )  # fmt: skip
    within = control.products + treatment.products
    gap = means[1] - means[0]
    solved = _solve(within[1:, 1:], np.column_stack([within[1:, 0], gap[1:]]), control.names)
    slope, distance = solved[:, 0], float(gap[1:] @ solved[:, 1])
    direction = np.concatenate([[1.0], -slope])
    residual = np.array([max(float(direction @ arm.products @ direction), 0.0) for arm in arms])
    if residual.sum() <= 1e-12 * within[0, 0]:
        residual[:] = 0.0
    lost = (n - 2.0) / (n - 2.0 - p)
    parts = residual / (counts - 1.0) / counts * lost
    variance = float(parts.sum()) + distance * float(residual.sum()) / (n - 2.0 - p)
    freedom = 0.0
    if variance > 0.0:
        freedom = max(float(parts.sum()) ** 2 / float((parts**2 / (counts - 1.0)).sum()) - p, 1.0)
    difference, p_value = t_estimate(
        float(gap @ direction), variance, freedom, n=n, method="cuped-t", confidence=confidence, unit=unit,
        reason="the covariates foretell the outcome without error, so its spread is unknown",
    )  # fmt: skip
    return AdjustedDifference(
        difference=difference,
        unadjusted=unadjusted,
        p_value=p_value,
        variance_ratio=variance_ratio(difference, unadjusted),
        coefficients={name: float(value) for name, value in zip(control.names, slope, strict=True)},
        covariates=checks,
        assumed=ASSUMED,
        warnings=warnings,
    )


def cuped_from_values(
    outcome: npt.ArrayLike,
    treated: npt.ArrayLike,
    covariates: Mapping[str, npt.ArrayLike],
    *,
    confidence: float = 0.95,
    unit: str = "score",
) -> AdjustedDifference:
    """``cuped`` on one row a unit; a prediction of the outcome as the covariate makes it CUPAC.

    A prediction must come from data before the experiment, or be cross-fitted (``cross_fitted_predictions``): one that
    has seen the unit's own outcome explains its noise too, and the interval gets too narrow.

    Args:
        outcome: Shape ``(n,)``, in outcome units.
        treated: 1 or true for the treatment, 0 for the control, shape ``(n,)``.
        covariates: Numbers from before the experiment by name, shape ``(n,)`` each.
        confidence: Two-sided coverage.
        unit: Of the outcome.

    Raises:
        InvalidInputError: As ``cuped``; lengths differ or a value is not finite.

    Sources:
        Deng et al. (2013), WSDM; Poyarkov et al. (2016), KDD, on predictions as the covariate.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> before = rng.normal(size=2_000)
        >>> treated = rng.random(2_000) < 0.5
        >>> result = cuped_from_values(before + rng.normal(size=2_000) + 0.1 * treated, treated, {"before": before})
        >>> round(result.variance_ratio, 1)
        0.5
    """
    mask = treated_mask(treated)
    values = column(outcome, "outcome")
    known = {name: column(given, name) for name, given in covariates.items()}
    same_length([values, mask, *known.values()], ["outcome", "treated", *known])
    control, treatment = (
        JointMoments.of(values[arm], {name: given[arm] for name, given in known.items()}) for arm in (~mask, mask)
    )
    return cuped(control, treatment, confidence=confidence, unit=unit)


def _solve(matrix: Floats, right: Floats, names: tuple[str, ...]) -> Floats:
    """``matrix⁻¹ right`` for sums of squares, scaled to correlations so that units do not matter."""
    scale = np.sqrt(np.diag(matrix))
    constant = [name for name, size in zip(names, scale, strict=True) if size <= 0.0]
    if constant:
        raise InvalidInputError(f"covariate {constant[0]} is constant within the arms", hint="leave it out")
    correlations = matrix / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(correlations)
    if values[0] < 1e-10:
        involved = [name for name, part in zip(names, vectors[:, 0], strict=True) if abs(part) > 0.1]
        raise InvalidInputError(
            f"the covariates {', '.join(involved)} determine each other", hint="leave one of them out"
        )
    solved: Floats = np.linalg.solve(correlations, right / scale[:, None]) / scale[:, None]
    return solved
