"""Restricted maximum likelihood of a one-way random model, from group sizes, means and inner squares alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats
from assay.stats.special import normal_quantile

_LARGEST_RATIO = 1e8


def restricted_likelihood(
    sizes: Floats, means: Floats, squares: Floats, *, confidence: float
) -> tuple[Estimate, Estimate, Estimate]:
    """Between variance, within variance and ICC, each with its profile likelihood interval.

    The likelihood is a function of the ratio between / within once the within variance is profiled out; the intervals
    hold what a likelihood ratio test at this level does not reject.

    Sources:
        Searle, Casella & McCulloch (1992), Variance Components, section 6.6 (REML).
    """
    model = _OneWay(sizes, means, squares)
    threshold = 0.5 * normal_quantile(0.5 + confidence / 2.0) ** 2
    ratio = model.best_ratio()
    top = model.profile(ratio)
    within = model.within(ratio)
    between = ratio * within
    start = math.log(max(between, 1e-6 * within))

    def at_between(value: float) -> float:
        """Profile over the within variance with the between variance fixed, on the scale of its logarithm."""
        return _maximum(lambda log_within: model.value(value, math.exp(log_within)), math.log(within))

    def at_within(value: float) -> float:
        inside = _maximum(lambda log_between: model.value(math.exp(log_between), value), start)
        return max(model.value(0.0, value), inside)

    def estimate(value: float, low: float, high: float, unit: str) -> Estimate:
        return Estimate(
            value=value,
            low=low,
            high=high,
            n=sizes.size,
            method="reml, profile-likelihood",
            confidence=confidence,
            unit=unit,
        )

    ratio_low = _edge(model.profile, ratio, top - threshold, downwards=True)
    ratio_high = _edge(model.profile, ratio, top - threshold, downwards=False)
    total_scale = between if between > 0.0 else 1e-3 * within
    return (
        estimate(
            between,
            _edge(at_between, between, top - threshold, downwards=True, scale=total_scale),
            _edge(at_between, between, top - threshold, downwards=False, scale=total_scale),
            "score²",
        ),
        estimate(
            within,
            _edge(at_within, within, top - threshold, downwards=True, scale=within),
            _edge(at_within, within, top - threshold, downwards=False, scale=within),
            "score²",
        ),
        estimate(ratio / (1.0 + ratio), ratio_low / (1.0 + ratio_low), ratio_high / (1.0 + ratio_high), "share"),
    )


class _OneWay:
    """Restricted log likelihood up to a constant."""

    def __init__(self, sizes: Floats, means: Floats, squares: Floats) -> None:
        self._sizes, self._means, self._inside = sizes, means - means.mean(), float(squares.sum())
        self._n, self._groups = float(sizes.sum()), sizes.size

    def value(self, between: float, within: float) -> float:
        """At these two variances."""
        weight = 1.0 / (between + within / self._sizes)
        centre = float(weight @ self._means) / float(weight.sum())
        spread = float(weight @ np.square(self._means - centre))
        return -0.5 * (
            (self._n - self._groups) * math.log(within)
            + self._inside / within
            - float(np.log(weight).sum())
            + spread
            + math.log(float(weight.sum()))
        )

    def within(self, ratio: float) -> float:
        """Best within variance at a given ratio."""
        weight = 1.0 / (ratio + 1.0 / self._sizes)
        centre = float(weight @ self._means) / float(weight.sum())
        return (self._inside + float(weight @ np.square(self._means - centre))) / (self._n - 1.0)

    def profile(self, ratio: float) -> float:
        """At a ratio, with the within variance that suits it best."""
        within = self.within(ratio)
        return self.value(ratio * within, within)

    def best_ratio(self) -> float:
        """The profile may have its maximum at 0; else it is found on a grid of logarithms and refined."""
        grid = np.concatenate([[0.0], np.logspace(-6, math.log10(_LARGEST_RATIO), 113)])
        heights = [self.profile(float(ratio)) for ratio in grid]
        best = int(np.argmax(heights))
        if best == 0:
            return 0.0
        low, high = (math.log(grid[place]) for place in (max(best - 1, 1), min(best + 1, grid.size - 1)))
        return math.exp(_argmax(lambda x: self.profile(math.exp(x)), low, high))


def _argmax(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda x: -function(x), bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    return float(found.x)


def _maximum(function: Callable[[float], float], start: float) -> float:
    return function(_argmax(function, start - 12.0, start + 12.0))


def _edge(
    profile: Callable[[float], float], best: float, level: float, *, downwards: bool, scale: float | None = None
) -> float:
    """Where the profile falls to ``level`` on one side of its maximum; 0 or the largest ratio if it never does."""
    from scipy.optimize import brentq

    step = scale or max(best, 1e-3)
    if downwards:
        if best <= 0.0 or profile(1e-12 * step) >= level:
            return 0.0
        return float(brentq(lambda x: profile(x) - level, 1e-12 * step, best, xtol=1e-12 * step))
    far = best + step
    while profile(far) > level and far < _LARGEST_RATIO * step:
        far = best + 2.0 * (far - best)
    if profile(far) > level:
        return far
    return float(brentq(lambda x: profile(x) - level, best, far, xtol=1e-12 * step))
