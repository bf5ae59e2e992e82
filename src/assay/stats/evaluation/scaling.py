"""Learning curves and scaling laws: y = a·x^(-b) + c, with intervals that say how far the curve may be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, finite_vector
from assay.stats.correlation.inputs import score_pairs
from assay.stats.evaluation.power_law import at_the_edge, fit_power_laws, jacobian
from assay.stats.special import check_confidence, normal_quantile, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLawFit:
    """y = scale · (x / x_unit)^(-exponent) + floor.

    Attributes:
        exponent: b; above 0, so the curve levels off at ``floor`` as x grows.
        scale: a, at ``x_unit``.
        floor: c, the value at infinite x; exactly 0 without an offset.
        x_unit: Geometric mean of the sizes fitted.
        x_range: Smallest and largest size fitted.
        residual_sd: Of one observation; in standard errors where these were given.
        n: Points.
        std_errors_given: Whether the noise was known.
        draws: Exponent, scale and floor of bootstrap fits, shape ``(repeats, 3)``.
    """

    exponent: Estimate
    scale: Estimate
    floor: Estimate
    x_unit: float
    x_range: tuple[float, float]
    residual_sd: float
    n: int
    std_errors_given: bool
    draws: Floats

    def predict(self, x: float, *, confidence: float = 0.95, limit: float = 10.0, std_error: float = 0.0) -> Estimate:
        """The curve at ``x`` with the interval of the bootstrap fits; of a new observation when its noise is given.

        Args:
            x: Above 0.
            confidence: Two-sided coverage.
            limit: How many times beyond the largest size fitted (or below the smallest) is answered at all.
            std_error: Noise of the new observation, for a prediction interval.

        Returns:
            Without bounds, with the reason, beyond ``limit`` or where the exponent is not identified.

        Raises:
            InvalidInputError: ``x`` or ``std_error`` is out of range.
        """
        if not (math.isfinite(x) and x > 0.0 and std_error >= 0.0 and limit >= 1.0):
            raise InvalidInputError(
                f"no prediction at x = {x}", hint="x above 0, std_error at least 0, limit at least 1"
            )
        check_confidence(confidence)
        beyond = max(x / self.x_range[1], self.x_range[0] / x)
        reason = self.exponent.reason
        if reason is None and beyond > limit * (1.0 + 1e-12):
            reason = f"x lies {beyond:.3g} times beyond the sizes fitted; the limit is {limit:g}"
        curve = self.draws[:, 1] * (x / self.x_unit) ** -self.draws[:, 0] + self.draws[:, 2]
        parts = (self.exponent.value, self.scale.value, self.floor.value)
        value = None
        if parts[0] is not None and parts[1] is not None and parts[2] is not None:
            value = parts[1] * (x / self.x_unit) ** -parts[0] + parts[2]
        low = high = spread = None
        if reason is None and value is not None:
            low, high = _percentile(curve, confidence, value, std_error)
            spread = math.hypot(float(curve.std(ddof=1)), std_error)
        return Estimate(
            value=value,
            low=low,
            high=high,
            n=self.n,
            method="power law, parametric bootstrap",
            confidence=confidence,
            estimand="a new run at this size" if std_error > 0.0 else "the curve at this size",
            reason=reason,
            std_error=spread,
        )


def power_law_fit(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    std_errors: npt.ArrayLike | None = None,
    offset: bool = True,
    confidence: float = 0.95,
    repeats: int = 2_000,
) -> PowerLawFit:
    """Power law with offset by weighted least squares: error, loss or 1 - score against data, parameters or compute.

    For every exponent the other two are a linear fit, so the search has one dimension and no start to choose. The
    parameters have t intervals by the delta method (normal ones with known noise); predictions use refits of data
    drawn about the curve, because a curve's reach is not symmetric. The noise is taken as normal and independent;
    fit one mean over seeds for each size.

    Args:
        x: Sizes above 0, shape ``(n,)``; at least 6 points of 5 different sizes with an offset (5 of 4 without).
        y: Shape ``(n,)``; falling towards the floor (use errors, not accuracies).
        rng: Source of randomness of the bootstrap.
        std_errors: Known noise of each point, above 0, shape ``(n,)``; ``None`` takes it as equal and estimates it.
        offset: ``False`` fixes the floor at 0.
        confidence: Two-sided coverage.
        repeats: Bootstrap fits. Memory: ``400 · repeats`` floats (6 MB).

    Returns:
        The fit. Its estimates have no bounds, and say so, where the best exponent lies at the edge of the search
        (0.01 to 10): the points show no curve that levels off.

    Raises:
        InvalidInputError: Shapes differ, a size or standard error is not above 0, too few points, sizes that span
            less than a factor of 4, or y that does not vary.

    Sources:
        Golub & Pereyra (1973), SIAM J. Numerical Analysis 10, 413-432 (variable projection); Rosenfeld et al. (2020),
        ICLR, arXiv:1909.12673, and Hoffmann et al. (2022), arXiv:2203.15556 (the form of the law); Seber & Wild
        (1989), Nonlinear Regression, section 5.1 (intervals).

    Examples:
        >>> sizes = np.array([1e3, 2e3, 4e3, 8e3, 1.6e4, 3.2e4, 6.4e4])
        >>> noise = np.random.default_rng(1).normal(scale=0.002, size=7)
        >>> fit = power_law_fit(sizes, 8 * sizes**-0.5 + 0.1 + noise, rng=np.random.default_rng(2))
        >>> fit.exponent.low < 0.5 < fit.exponent.high, fit.predict(6.4e6).reason
        (True, 'x lies 100 times beyond the sizes fitted; the limit is 10')
    """
    sizes, values, noise = _points(x, y, std_errors, offset)
    if repeats < 100:
        raise InvalidInputError(f"{repeats} bootstrap fits give no interval", hint="repeats >= 100, better 1,000")
    check_confidence(confidence)
    weight = np.ones_like(values) if noise is None else 1.0 / noise
    unit = float(np.exp(np.log(sizes).mean()))
    scaled = sizes / unit
    found = fit_power_laws(scaled, values[None, :], weight, offset=offset, refine=True)[0]
    fitted = found[1] * scaled ** -found[0] + found[2]
    free = values.size - (3 if offset else 2)
    residual_sd = math.sqrt(float(np.square((values - fitted) * weight).sum()) / free)
    spread = 1.0 if noise is not None else residual_sd
    slopes = jacobian(scaled, found, offset=offset) * weight[:, None]
    reason = None
    if at_the_edge(found[0]):
        reason = (
            f"the exponent runs to the edge of the search ({found[0]:.2g}): the points show no curve that levels off"
        )
    elif residual_sd <= 1e-12 * float(np.abs(values * weight).max()) and noise is None:
        reason = "the curve passes through every point, so the noise is unknown"
    errors = spread * np.sqrt(np.diag(np.linalg.pinv(slopes.T @ slopes)))
    quantile = normal_quantile(0.5 + confidence / 2) if noise is not None else t_quantile(0.5 + confidence / 2, free)
    scatter = rng.normal(size=(repeats, values.size)) * (spread / weight)
    if noise is None:  # the spread is itself an estimate: its own doubt makes the draws t instead of normal
        scatter *= np.sqrt(free / rng.chisquare(free, size=(repeats, 1)))
    draws = fit_power_laws(scaled, fitted + scatter, weight, offset=offset)

    def estimate(place: int, name: str) -> Estimate:
        value, error = float(found[place]), float(errors[place])
        return Estimate(
            value=value,
            low=None if reason else value - quantile * error,
            high=None if reason else value + quantile * error,
            n=values.size,
            method="weighted least squares, delta",
            confidence=confidence,
            unit=name,
            reason=reason,
            std_error=None if reason else error,
        )

    fixed = replace(estimate(1, "score"), value=0.0, low=0.0, high=0.0, std_error=0.0, method="fixed at 0")
    return PowerLawFit(
        exponent=estimate(0, "exponent"),
        scale=estimate(1, "score"),
        floor=estimate(2, "score") if offset else fixed,
        x_unit=unit,
        x_range=(float(sizes.min()), float(sizes.max())),
        residual_sd=residual_sd,
        n=values.size,
        std_errors_given=noise is not None,
        draws=draws,
    )


def _points(
    x: npt.ArrayLike, y: npt.ArrayLike, std_errors: npt.ArrayLike | None, offset: bool
) -> tuple[Floats, Floats, Floats | None]:
    sizes, values = score_pairs(x, y)
    noise = None if std_errors is None else finite_vector(std_errors, "standard errors")
    if sizes.min() <= 0.0 or (noise is not None and (noise.size != values.size or noise.min() <= 0.0)):
        raise InvalidInputError("a size or a standard error is not above 0", hint="one of each for every point")
    points, different = (6, 5) if offset else (5, 4)
    if values.size < points or np.unique(sizes).size < different:
        raise InvalidInputError(
            f"{values.size} points of {np.unique(sizes).size} different sizes are too few for this curve",
            hint=f"at least {points} points of {different} sizes" + (", or offset=False" if offset else ""),
        )
    if sizes.max() < 4.0 * sizes.min():
        raise InvalidInputError(
            f"sizes span a factor of {sizes.max() / sizes.min():.2g}, too little to see a curve", hint="a factor of 4"
        )
    if values.max() == values.min():
        raise InvalidInputError("y is the same at every size", hint="there is no curve to fit")
    return sizes, values, noise


def _percentile(curve: Floats, confidence: float, value: float, std_error: float) -> tuple[float, float]:
    """Bounds of the curve, widened by the noise of a new observation (distances add in squares)."""
    low, high = (float(b) for b in np.quantile(curve, [0.5 - confidence / 2.0, 0.5 + confidence / 2.0]))
    noise = normal_quantile(0.5 + confidence / 2.0) * std_error
    if noise == 0.0:
        return low, high
    return value - math.hypot(max(0.0, value - low), noise), value + math.hypot(max(0.0, high - value), noise)
