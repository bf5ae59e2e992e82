"""Whether an offline metric foretells an online one: correlation, agreement of sign, and bias, over experiments."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, finite_vector
from assay.stats.correlation.coefficients import pearson_correlation, spearman_correlation
from assay.stats.correlation.inputs import score_pairs
from assay.stats.intervals.jackknife import jackknife_error, left_out_values
from assay.stats.scalar import share_of
from assay.stats.special import check_confidence, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyValidity:
    """What the offline metric says about the online one.

    Attributes:
        correlation: Pearson's r of the measured effects, Fisher's interval. Noise in either metric pulls it to 0.
        rank_correlation: Spearman's rho.
        true_correlation: r of the true effects, the measurement errors taken off; only with standard errors.
        sign_agreement: Share of experiments in which both move the same way; a zero effect on either side is left out
            and counted in ``unscored``. Noise pulls it to one half.
        bias: Mean of online minus offline, in their common unit; of use only where they have one.
        slope: Online effect for one unit of offline effect, corrected for errors in the offline metric where its
            standard errors are given; without them it is pulled to 0.
        intercept: Online effect where the offline metric shows none (surrogate bias); likewise corrected.
    """

    correlation: Estimate
    rank_correlation: Estimate
    true_correlation: Estimate
    sign_agreement: Estimate
    bias: Estimate
    slope: Estimate
    intercept: Estimate


def proxy_validity(
    offline: npt.ArrayLike,
    online: npt.ArrayLike,
    *,
    offline_errors: npt.ArrayLike | None = None,
    online_errors: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    unit: str = "score",
) -> ProxyValidity:
    """Validity of a cheap metric over experiments (or models) in which both were measured.

    With few experiments it stays open: 20 at r = .85 leave [.65, .94]. Experiments that share a control or a model
    are not independent. The line is least squares with HC3 errors; corrected for noise, the spread is that of the
    experiments' influences, scaled by leverage as HC2 does. ``true_correlation`` uses the delete-one jackknife. All
    corrected numbers ask for about 20 experiments and a reliability of half and more (share of the offline metric's
    variance that is no noise), and for offline and online errors that are independent of each other.

    Args:
        offline: Effect of each experiment on the offline metric, shape ``(n,)``, n at least 3.
        online: Effect on the online metric, same order.
        offline_errors: Standard errors, from 0.
        online_errors: Standard errors, from 0; ``true_correlation`` needs both.
        confidence: Two-sided, of each number by itself.
        unit: Of both metrics, for ``bias``.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite, a standard error is negative, n is below 3.

    Sources:
        Fisher (1921), Metron 1, 3-32; Fuller (1987), Measurement Error Models, equation 1.2.3 (moment correction);
        Kelly (1984), Annals of Statistics 12, 87-100 (its influence function); MacKinnon & White (1985), Journal of
        Econometrics 29, 305-325 (HC2, HC3); Miller (1974), Biometrika 61, 1-15 (jackknife); Prentice (1989),
        Statistics in Medicine 8, 431-440 (surrogates).

    Examples:
        >>> found = proxy_validity([1, 2, 3, 4, 5, 6], [2, 1, 4, 3, 7, 8])
        >>> round(found.correlation.value, 3), found.sign_agreement.value
        (0.901, 1.0)
    """
    x, y = score_pairs(offline, online)
    check_confidence(confidence)
    if x.size < 3:
        raise InvalidInputError(f"{x.size} experiments say nothing of a relation", hint="give at least three")
    noise_x, noise_y = _variances(offline_errors, x.size), _variances(online_errors, x.size)
    slope, intercept = _line(x, y, noise_x, confidence)

    def fisher_z(keep: npt.NDArray[np.bool_]) -> float | None:
        real = (_real_variance(x[keep], noise_x, keep), _real_variance(y[keep], noise_y, keep))
        if real[0] is None or real[1] is None:
            return None
        r = _covariance(x[keep], y[keep]) / math.sqrt(real[0] * real[1])
        return math.atanh(r) if abs(r) < 1.0 else None

    return ProxyValidity(
        correlation=pearson_correlation(x, y, confidence=confidence),
        rank_correlation=spearman_correlation(x, y, confidence=confidence),
        true_correlation=_true_correlation(fisher_z, x.size, noise_x is not None and noise_y is not None, confidence),
        sign_agreement=_signs(x, y, confidence),
        bias=_bias(y - x, confidence, unit),
        slope=slope,
        intercept=intercept,
    )


def _variances(errors: npt.ArrayLike | None, n: int) -> Floats | None:
    if errors is None:
        return None
    found = finite_vector(errors, "standard errors")
    if found.size != n or found.min() < 0.0:
        raise InvalidInputError(f"{found.size} standard errors for {n} experiments", hint="one each, from 0")
    return np.square(found)


def _covariance(x: Floats, y: Floats) -> float:
    return float((x - x.mean()) @ (y - y.mean())) / (x.size - 1)


def _real_variance(x: Floats, noise: Floats | None, keep: npt.NDArray[np.bool_]) -> float | None:
    """Variance of the true effects; ``None`` when noise explains all that is seen."""
    real = _covariance(x, x) - (0.0 if noise is None else float(noise[keep].mean()))
    return real if real > 1e-12 * float(np.square(x).mean()) else None


def _line(x: Floats, y: Floats, noise: Floats | None, confidence: float) -> tuple[Estimate, Estimate]:
    """Slope and intercept, each with t bounds on the squares of the experiments' influences."""
    n, centred = x.size, x - x.mean()
    method = "ols-hc3" if noise is None else "errors-in-variables-hc2"
    units = ("online per offline", "online effect")
    real = _real_variance(x, noise, np.ones(n, dtype=bool))
    if real is None:
        first, second = (
            Estimate(
                value=None, low=None, high=None, n=n, method=method, confidence=confidence, unit=unit,
                reason="the offline effects differ by no more than their noise",
            )
            for unit in units
        )  # fmt: skip
        return first, second
    slope = _covariance(x, y) / real
    residual = y - y.mean() - slope * centred
    known = np.zeros(n) if noise is None else noise
    squares = np.square(centred)
    on_slope = (centred * residual + slope * known * (n - 1) / n) / ((n - 1) * real)
    on_intercept = residual / n - x.mean() * on_slope
    leverage = 1.0 / n + squares / squares.sum()
    without = (squares.sum() - squares * n / (n - 1)) / (n - 2) - (known.sum() - known) / (n - 1)
    reason = None
    if without.min() <= 1e-12 * squares.sum():
        reason = "one experiment decides whether the offline effects differ by more than their noise"
    # HC3 is the jackknife of least squares; with noise taken off it is too wide, since noise bends the leverage too
    scale = 1.0 if noise is None else 0.5
    found = []
    values = slope, float(y.mean() - slope * x.mean())
    for value, influence, unit in zip(values, (on_slope, on_intercept), units, strict=True):
        spread = 0.0 if reason else math.sqrt(float(np.square(influence / (1.0 - leverage) ** scale).sum()))
        said = reason
        if not reason and spread <= 1e-14 * (1.0 + abs(value)):
            said = "the experiments lie on one line, so the spread about it is unknown"
        half = None if said else t_quantile(0.5 + confidence / 2.0, n - 2) * spread
        found.append(
            Estimate(
                value=value, low=None if half is None else value - half, high=None if half is None else value + half,
                n=n, method=method, confidence=confidence, unit=unit, reason=said,
                std_error=None if half is None else spread,
            )
        )  # fmt: skip
    return found[0], found[1]


def _signs(x: Floats, y: Floats, confidence: float) -> Estimate:
    moved = (x != 0.0) & (y != 0.0)
    n = int(moved.sum())
    if not n:
        return Estimate(
            value=None, low=None, high=None, n=0, method="wilson", confidence=confidence, unit="share",
            reason="no experiment moved both metrics", unscored=x.size,
        )  # fmt: skip
    agree = int((np.sign(x[moved]) == np.sign(y[moved])).sum())
    return share_of(agree, n, confidence, unscored=x.size - n)


def _bias(difference: Floats, confidence: float, unit: str) -> Estimate:
    n, value = difference.size, float(difference.mean())
    std_error = math.sqrt(_covariance(difference, difference) / n)
    half = t_quantile(0.5 + confidence / 2.0, n - 1) * std_error
    flat = std_error == 0.0
    return Estimate(
        value=value, low=None if flat else value - half, high=None if flat else value + half, n=n, method="paired-t",
        confidence=confidence, unit=unit, std_error=None if flat else std_error,
        reason="all differences are equal, so their spread is unknown" if flat else None,
    )  # fmt: skip


def _jackknife(
    statistic: Callable[[npt.NDArray[np.bool_]], float | None], n: int, method: str, confidence: float, unit: str
) -> Estimate:
    value, without = left_out_values(statistic, np.arange(n))
    known = [found for found in without if found is not None]
    reason = None
    if value is None:
        reason = "the offline effects differ by no more than their noise"
    elif len(known) < n:
        reason = "one experiment decides whether the offline effects differ by more than their noise"
    spread = jackknife_error(known) if known else 0.0
    if reason is None and spread <= 1e-14 * (1.0 + abs(value or 0.0)):
        reason = "the experiments lie on one line, so the spread about it is unknown"
    if value is None or reason is not None:
        return Estimate(
            value=value, low=None, high=None, n=n, method=method, confidence=confidence, unit=unit, reason=reason
        )
    half = t_quantile(0.5 + confidence / 2.0, n - 2) * spread
    return Estimate(
        value=value, low=value - half, high=value + half, n=n, method=method, confidence=confidence, unit=unit,
        std_error=spread,
    )  # fmt: skip


def _true_correlation(
    fisher_z: Callable[[npt.NDArray[np.bool_]], float | None], n: int, has_errors: bool, confidence: float
) -> Estimate:
    method = "errors-in-variables-jackknife-z"
    if not has_errors:
        return Estimate(
            value=None, low=None, high=None, n=n, method=method, confidence=confidence, unit="r",
            reason="needs the standard errors of both metrics",
        )  # fmt: skip
    found = _jackknife(fisher_z, n, method, confidence, "r")
    if found.value is None or found.low is None or found.high is None:
        reason = "a metric's effects differ by no more than their noise, or its correction passes r = 1"
        value = None if found.value is None else math.tanh(found.value)
        return Estimate(
            value=value, low=None, high=None, n=n, method=method, confidence=confidence, unit="r", reason=reason
        )
    return Estimate(
        value=math.tanh(found.value), low=math.tanh(found.low), high=math.tanh(found.high), n=n, method=method,
        confidence=confidence, unit="r",
    )  # fmt: skip
