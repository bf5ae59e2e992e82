"""Adjusted odds ratio and risk difference of a 0/1 outcome by logistic regression with a robust variance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.adjustment.joint import column, same_length, treated_mask
from assay.stats.special import check_confidence, normal_cdf, normal_quantile

Floats = npt.NDArray[np.float64]
STEPS = 60
SUSPICIOUS = 8.0
"""Log-odds beyond which a fit may be separated: one in 3,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogitAdjustment:
    """What a logistic regression says about the arms.

    Attributes:
        odds_ratio: Of the treatment at equal covariates; not the ratio of the arms' odds, even without confounding.
        risk_difference: Mean over all units of P(1 | treated) - P(1 | control): the one to decide on.
        p_value: Two-sided, of a log odds ratio of 0.
        coefficients: Log odds ratio of each covariate.
    """

    odds_ratio: Estimate
    risk_difference: Estimate
    p_value: float
    coefficients: Mapping[str, float]


def logit_adjustment(
    outcome: npt.ArrayLike,
    treated: npt.ArrayLike,
    covariates: Mapping[str, npt.ArrayLike],
    *,
    confidence: float = 0.95,
) -> LogitAdjustment:
    """Logistic regression of a 0/1 outcome on the arm and covariates, with sandwich (HC1) intervals.

    The risk difference stays meaningful when the model is wrong, and in a randomised experiment it is then still
    consistent. Where a combination of columns foretells some outcomes without error (separation) there is no finite
    fit; that is found by linear programming and reported as an error. Memory: the design matrix.

    Args:
        outcome: 0 or 1, shape ``(n,)``.
        treated: 0 or 1, shape ``(n,)``.
        covariates: Numbers from before the experiment by name, shape ``(n,)`` each.
        confidence: Two-sided coverage (normal); for some 10 events a coefficient and more.

    Raises:
        InvalidInputError: Outcomes are not 0/1 or all alike, lengths differ, a column is constant or determined by
            the others, there are no more units than columns, or the outcome is separated (the columns are named).

    Sources:
        White (1982), Econometrica 50, 1-25 (sandwich); Ge et al. (2011), Drug Information Journal 45, 481-493 (risk
        difference by the delta method); Albert & Anderson (1984), Biometrika 71, 1-10, and Konis (2007), DPhil
        thesis, Oxford (separation, and its linear programme).

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> age, arm = rng.normal(size=2_000), np.arange(2_000) % 2
        >>> answer = rng.random(2_000) < 1 / (1 + np.exp(-(0.7 * arm + age)))
        >>> found = logit_adjustment(answer, arm, {"age": age})
        >>> found.odds_ratio.low < 2.01 < found.odds_ratio.high
        True
    """
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    y, names = column(outcome, "outcome"), tuple(covariates)
    known = [column(covariates[name], name) for name in names]
    same_length([y, *known], ["outcome", *names])
    if not np.isin(y, (0.0, 1.0)).all() or y.min() == y.max():
        raise InvalidInputError("the outcome is not 0 and 1, or all alike", hint="1 where it happened; some of each")
    mask = treated_mask(treated)
    same_length([y, mask], ["outcome", "treated"])
    raw = np.column_stack([mask.astype(np.float64), *known])
    labels = ("treated", *names)
    centre, scale = raw.mean(axis=0), raw.std(axis=0)
    _check_rank(raw, centre, scale, labels)
    design = np.column_stack([np.ones(y.size), (raw - centre) / scale])
    beta, information = _fit(design, y, labels)
    fitted = _logistic(design @ beta)
    inverse = np.linalg.inv(information)
    scores = design * (y - fitted)[:, None]
    n, p = design.shape
    covariance = inverse @ (scores.T @ scores) @ inverse * n / (n - p)
    log_ratio, error = float(beta[1] / scale[0]), math.sqrt(covariance[1, 1]) / float(scale[0])
    odds = Estimate(
        value=math.exp(log_ratio), low=math.exp(log_ratio - z * error), high=math.exp(log_ratio + z * error), n=n,
        method="logit-HC1", confidence=confidence, unit="odds ratio", std_error=math.exp(log_ratio) * error,
    )  # fmt: skip
    return LogitAdjustment(
        odds_ratio=odds,
        risk_difference=_risk_difference(design, beta, inverse, scores, centre[0], scale[0], confidence=confidence),
        p_value=2.0 * normal_cdf(-abs(log_ratio) / error),
        coefficients={name: float(b / s) for name, b, s in zip(names, beta[2:], scale[1:], strict=True)},
    )


def _risk_difference(
    design: Floats,
    beta: Floats,
    inverse: npt.NDArray[np.floating],
    scores: Floats,
    centre: float,
    scale: float,
    *,
    confidence: float,
) -> Estimate:
    """Predictions with every unit in either arm; its influence adds the units' spread to that of the coefficients."""
    n, p = design.shape
    sides, slopes = [], []
    for arm in (0.0, 1.0):
        moved = design.copy()
        moved[:, 1] = (arm - centre) / scale
        risk = _logistic(moved @ beta)
        sides.append(risk)
        slopes.append((moved * (risk * (1.0 - risk))[:, None]).mean(axis=0))
    gain = sides[1] - sides[0]
    value = float(gain.mean())
    influence = (gain - value) / n + scores @ (inverse @ (slopes[1] - slopes[0]))
    std_error = math.sqrt(float(np.square(influence).sum()) * n / (n - p))
    half = normal_quantile(0.5 + confidence / 2.0) * std_error
    return Estimate(
        value=value, low=value - half, high=value + half, n=n, method="logit-standardised", confidence=confidence,
        unit="share", std_error=std_error,
    )  # fmt: skip


def _check_rank(raw: Floats, centre: Floats, scale: Floats, labels: tuple[str, ...]) -> None:
    if raw.shape[0] <= raw.shape[1] + 1:
        raise InvalidInputError(
            f"{raw.shape[0]} units are too few for {raw.shape[1]} columns", hint="leave covariates out"
        )
    for label, spread, middle in zip(labels, scale, centre, strict=True):
        if spread <= 1e-12 * max(abs(middle), 1e-300):
            raise InvalidInputError(f"{label} is constant", hint="leave it out")
    strengths = np.abs(np.diag(np.linalg.qr((raw - centre) / scale / math.sqrt(raw.shape[0])).R))
    weakest = int(strengths.argmin())
    if strengths[weakest] < 1e-7:
        raise InvalidInputError(f"{labels[weakest]} is determined by the others", hint="leave it out")


def _logistic(x: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def _log_likelihood(eta: Floats, y: Floats) -> float:
    return float((y * eta - np.logaddexp(0.0, eta)).sum())


def _fit(design: Floats, y: Floats, labels: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Newton's method with halved steps; coefficients and information matrix."""
    beta = np.zeros(design.shape[1])
    share = float(y.mean())
    beta[0] = math.log(share / (1.0 - share))
    reached = _log_likelihood(design @ beta, y)
    for _ in range(STEPS):
        eta = design @ beta
        if float(np.abs(eta).max()) > SUSPICIOUS:
            _refuse_separation(design, y, labels)
        fitted = _logistic(eta)
        information = design.T @ (design * (fitted * (1.0 - fitted))[:, None])
        step = np.linalg.solve(information, design.T @ (y - fitted))
        likelihood = _log_likelihood(design @ (beta + step), y)
        while likelihood < reached - 1e-9 * abs(reached) and float(np.abs(step).max()) > 1e-12:
            step *= 0.5
            likelihood = _log_likelihood(design @ (beta + step), y)
        beta, reached = beta + step, likelihood
        if float(np.abs(step).max()) <= 1e-10 * max(1.0, float(np.abs(beta).max())):
            return beta, information
    raise InvalidInputError(
        f"the logistic regression did not settle in {STEPS} steps", hint="rescale or leave out covariates"
    )


def _refuse_separation(design: Floats, y: Floats, labels: tuple[str, ...]) -> None:
    """Raise when a direction never puts an outcome on the wrong side of 0, and some strictly on the right one."""
    from scipy.optimize import linprog

    signed = design * (2.0 * y - 1.0)[:, None]
    found = linprog(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(y.size), bounds=[(-1.0, 1.0)] * design.shape[1],
        method="highs",
    )  # fmt: skip
    if found.status != 0 or -found.fun <= 1e-6:
        return
    parted = int((signed @ found.x > 1e-7).sum())
    guilty = [label for label, weight in zip(labels, found.x[1:], strict=True) if abs(weight) > 1e-6]
    raise InvalidInputError(
        f"{', '.join(guilty)} foretell {parted:,} of {y.size:,} outcomes without error (separation): no ratio fits",
        hint="leave these columns out, merge rare levels, or compare the shares: share_difference has an interval then",
    )
