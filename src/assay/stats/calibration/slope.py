"""Calibration slope and intercept: are forecasts too extreme, too timid, too high or too low?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Codes, Floats, Labels, cluster_codes, forecasts_and_outcomes
from assay.stats.special import check_confidence, normal_quantile, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxCalibration:
    """logit P(event) = intercept + slope · logit(forecast).

    Attributes:
        slope: 1 is calibrated, below 1 the forecasts are too extreme (over-confident), above 1 too timid.
        intercept: 0 is calibrated; in log-odds.
        p_value: Of the hypothesis that both are so (robust Wald test, 2 degrees of freedom).
    """

    slope: Estimate
    intercept: Estimate
    p_value: float


def cox_calibration(
    probabilities: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    floor: float = 0.0,
) -> CoxCalibration:
    """Logistic regression of what happened on the log-odds of the forecast, with robust (HC0 or cluster) intervals.

    Approximate: 50 or more of the rarer outcome keep it near nominal.

    Args:
        probabilities: Shape ``(n,)``; strictly between 0 and 1 unless ``floor`` pulls them in.
        outcomes: 0 or 1, shape ``(n,)``.
        clusters: Group of each forecast; the variance is then cluster-robust (CR1, t with G - 1).
        confidence: Two-sided coverage.
        floor: Forecasts are kept within [floor, 1 - floor].

    Raises:
        InvalidInputError: A forecast is 0 or 1, all forecasts are equal, only one outcome occurs, forecasts separate
            the outcomes (no finite slope), or there are fewer than three independent groups.

    Sources:
        Cox (1958), Biometrika 45, 562-565; Miller, Hui & Tierney (1991), Statistics in Medicine 10, 1213-1226.

    Examples:
        >>> rng = np.random.default_rng(3)
        >>> truth = rng.normal(size=2000)
        >>> y = (rng.random(2000) < 1 / (1 + np.exp(-truth))).astype(float)
        >>> found = cox_calibration(1 / (1 + np.exp(-2 * truth)), y)   # twice as extreme as it should be
        >>> found.slope.low < 0.5 < found.slope.high, found.p_value < 1e-6
        (True, True)
    """
    forecasts, event = forecasts_and_outcomes(probabilities, outcomes)
    check_confidence(confidence)
    forecasts = np.clip(forecasts, floor, 1.0 - floor)
    if forecasts.min() <= 0.0 or forecasts.max() >= 1.0:
        raise InvalidInputError("a forecast of 0 or 1 has no log-odds", hint="give floor=1e-6, and say so")
    if event.min() == event.max() or forecasts.min() == forecasts.max():
        raise InvalidInputError("forecasts or outcomes do not vary, so there is no slope", hint="give both outcomes")
    codes = cluster_codes(clusters, event.size)
    groups = event.size if codes is None else int(codes.max()) + 1
    if groups < 3:
        raise InvalidInputError(f"{groups} independent groups give no interval of a slope", hint="three or more")
    design = np.stack([np.ones_like(event), np.log(forecasts / (1.0 - forecasts))], axis=1)
    beta = _logistic_fit(design, event)
    covariance = _sandwich(design, event, beta, codes, groups)
    quantile = normal_quantile(0.5 + confidence / 2) if codes is None else t_quantile(0.5 + confidence / 2, groups - 1)

    def estimate(position: int, unit: str) -> Estimate:
        std_error = math.sqrt(float(covariance[position, position]))
        value = float(beta[position])
        return Estimate(
            value=value,
            low=value - quantile * std_error,
            high=value + quantile * std_error,
            n=event.size,
            method="logistic-hc0" if codes is None else "logistic-cluster-t",
            confidence=confidence,
            unit=unit,
            n_clusters=None if codes is None else groups,
            std_error=std_error,
        )

    gap = beta - np.array([0.0, 1.0])
    wald = float(gap @ np.linalg.solve(covariance, gap))
    df = groups - 1.0
    p_value = (
        math.exp(-0.5 * wald) if codes is None else (1.0 + wald / df) ** (-0.5 * df)
    )  # chi-square, or F with 2, df
    return CoxCalibration(slope=estimate(1, "slope"), intercept=estimate(0, "log-odds"), p_value=p_value)


def _logistic_fit(design: Floats, event: Floats) -> Floats:
    from scipy.special import expit

    beta = np.zeros(2)
    for _ in range(60):
        p = expit(design @ beta)
        hessian = (design * (p * (1.0 - p))[:, None]).T @ design
        step = np.linalg.solve(hessian + 1e-14 * np.trace(hessian) * np.eye(2), design.T @ (event - p))
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 4.0)
        if float(np.abs(beta[1])) > 1e3 or p.min() > 1.0 - 1e-12 or np.abs(event - p).max() < 1e-6:
            break
        if float(np.abs(step).max()) < 1e-11:
            return beta
    raise InvalidInputError(
        "the forecasts separate what happened from what did not, so the slope is infinite",
        hint="give more samples, or describe the forecasts with a reliability curve",
    )


def _sandwich(design: Floats, event: Floats, beta: Floats, codes: Codes | None, groups: int) -> Floats:
    from scipy.special import expit

    p = expit(design @ beta)
    bread = np.linalg.inv((design * (p * (1.0 - p))[:, None]).T @ design)
    scores = design * (event - p)[:, None]
    factor = 1.0
    if codes is not None:
        sums = np.zeros((groups, 2))
        np.add.at(sums, codes, scores)
        scores, factor = sums, groups / (groups - 1)
    return np.asarray(factor * bread @ (scores.T @ scores) @ bread)
