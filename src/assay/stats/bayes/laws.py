"""Posterior laws of one unknown quantity: Beta, Gamma and Student (normal at infinite degrees of freedom).

Each law knows a smooth coordinate (logit, log, asinh) on the whole line in which its density falls off at both ends,
so that quadrature meets no singularity even where the density itself is infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError

Floats = npt.NDArray[np.float64]
TAILS = np.array([1e-16, 1e-13, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.35])
SMALLEST_SHAPE = 0.05
"""Below it more than 1e-15 of a law's mass lies under e^-700, where numbers end."""
_EDGE = 700.0


class Law(Protocol):
    """What comparisons ask of a posterior."""

    @property
    def centre(self) -> float:
        """Posterior mean (of a Student law its median, which exists for any df)."""
        ...

    @property
    def spread(self) -> float | None:
        """Posterior standard deviation; ``None`` where it is infinite."""
        ...

    def cdf(self, x: Floats) -> Floats:
        """P(X <= x)."""
        ...

    def sf(self, x: Floats) -> Floats:
        """P(X > x), without loss of digits in the upper tail."""
        ...

    def quantile(self, p: float) -> float:
        """x with P(X <= x) = p."""
        ...

    def knots(self) -> Floats:
        """Quantiles from 1e-16 to 1 - 1e-16 in the law's own coordinate."""
        ...

    def to_line(self, x: Floats) -> Floats:
        """Coordinate of x, clipped to what numbers can hold."""
        ...

    def at(self, t: Floats) -> tuple[Floats, Floats, Floats]:
        """x at the coordinate, dx/dt, and the density of the coordinate."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaLaw:
    """Beta(a, b): a rate."""

    a: float
    b: float

    def __post_init__(self) -> None:
        _check_shapes(self.a, self.b)

    @property
    def centre(self) -> float:
        return self.a / (self.a + self.b)

    @property
    def spread(self) -> float | None:
        total = self.a + self.b
        return math.sqrt(self.a * self.b / (total + 1.0)) / total

    def cdf(self, x: Floats) -> Floats:
        from scipy.special import betainc

        return np.asarray(betainc(self.a, self.b, np.clip(x, 0.0, 1.0)))

    def sf(self, x: Floats) -> Floats:
        from scipy.special import betaincc

        return np.asarray(betaincc(self.a, self.b, np.clip(x, 0.0, 1.0)))

    def quantile(self, p: float) -> float:
        from scipy.special import betaincinv

        return float(betaincinv(self.a, self.b, p))

    def knots(self) -> Floats:
        from scipy.special import betaincinv

        lower = self.to_line(betaincinv(self.a, self.b, np.append(TAILS, 0.5)))
        upper = -self.to_line(betaincinv(self.b, self.a, TAILS))
        return np.concatenate([lower, upper])

    def to_line(self, x: Floats) -> Floats:
        from scipy.special import logit

        return np.asarray(np.clip(logit(np.clip(x, 0.0, 1.0)), -_EDGE, _EDGE))

    def at(self, t: Floats) -> tuple[Floats, Floats, Floats]:
        from scipy.special import betaln, expit, log_expit

        low, high = log_expit(t), log_expit(-t)
        return expit(t), np.exp(low + high), np.exp(self.a * low + self.b * high - betaln(self.a, self.b))


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaLaw:
    """Gamma(shape, rate): events per unit of exposure."""

    shape: float
    rate: float

    def __post_init__(self) -> None:
        _check_shapes(self.shape)
        if not (0.0 < self.rate < math.inf):
            raise InvalidInputError(f"the rate of a gamma law is {self.rate}", hint="a finite number above 0")

    @property
    def centre(self) -> float:
        return self.shape / self.rate

    @property
    def spread(self) -> float | None:
        return math.sqrt(self.shape) / self.rate

    def cdf(self, x: Floats) -> Floats:
        from scipy.special import gammainc

        return np.asarray(gammainc(self.shape, self.rate * np.maximum(x, 0.0)))

    def sf(self, x: Floats) -> Floats:
        from scipy.special import gammaincc

        return np.asarray(gammaincc(self.shape, self.rate * np.maximum(x, 0.0)))

    def quantile(self, p: float) -> float:
        from scipy.special import gammaincinv

        return float(gammaincinv(self.shape, p)) / self.rate

    def knots(self) -> Floats:
        from scipy.special import gammainccinv, gammaincinv

        points = np.concatenate([gammaincinv(self.shape, np.append(TAILS, 0.5)), gammainccinv(self.shape, TAILS)])
        return self.to_line(points / self.rate)

    def to_line(self, x: Floats) -> Floats:
        return np.log(np.clip(x, math.exp(-_EDGE), math.exp(_EDGE)))

    def at(self, t: Floats) -> tuple[Floats, Floats, Floats]:
        x = np.exp(t)
        log_rate = math.log(self.rate)
        return x, x, np.exp(self.shape * (t + log_rate) - self.rate * x - math.lgamma(self.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentLaw:
    """Location + scale · t with ``df`` degrees of freedom, normal when ``df`` is infinite: a mean."""

    location: float
    scale: float
    df: float = math.inf

    def __post_init__(self) -> None:
        if not (math.isfinite(self.location) and 0.0 < self.scale < math.inf and self.df > 0.0):
            raise InvalidInputError(
                f"location {self.location}, scale {self.scale}, df {self.df} is no law",
                hint="finite location, scale and df above 0",
            )

    @property
    def centre(self) -> float:
        return self.location

    @property
    def spread(self) -> float | None:
        if self.df <= 2.0:
            return None
        return self.scale * (1.0 if math.isinf(self.df) else math.sqrt(self.df / (self.df - 2.0)))

    def cdf(self, x: Floats) -> Floats:
        from scipy.special import ndtr, stdtr

        z = (x - self.location) / self.scale
        return np.asarray(ndtr(z) if math.isinf(self.df) else stdtr(self.df, z))

    def sf(self, x: Floats) -> Floats:
        return self.cdf(2.0 * self.location - x)

    def quantile(self, p: float) -> float:
        return self.location + self.scale * float(self._standard(np.asarray(p)))

    def knots(self) -> Floats:
        # heavy tails: the loss integral needs quantiles that lie further out than the probabilities do
        further = TAILS if self.df > 30.0 else np.concatenate([[1e-40, 1e-32, 1e-26, 1e-21], TAILS])
        lower = np.arcsinh(self._standard(further))
        return np.concatenate([lower, [0.0], -lower])

    def to_line(self, x: Floats) -> Floats:
        return np.arcsinh((x - self.location) / self.scale)

    def at(self, t: Floats) -> tuple[Floats, Floats, Floats]:
        z, slope = np.sinh(t), np.cosh(t)
        if math.isinf(self.df):
            density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        else:
            from scipy.special import betaln

            half = 0.5 * self.df
            front = -0.5 * math.log(self.df) - float(betaln(half, 0.5))
            density = np.exp(front - (half + 0.5) * np.log1p(z * z / self.df))
        return self.location + self.scale * z, self.scale * slope, density * slope

    def _standard(self, p: Floats) -> Floats:
        from scipy.special import ndtri, stdtrit

        return np.asarray(ndtri(p) if math.isinf(self.df) else stdtrit(self.df, p))


def _check_shapes(*shapes: float) -> None:
    if any(not SMALLEST_SHAPE <= shape < math.inf for shape in shapes):
        raise InvalidInputError(
            f"posterior shapes {shapes} leave what quadrature can hold",
            hint=f"a prior with shapes of at least {SMALLEST_SHAPE}, such as Beta(0.5, 0.5), keeps them in",
        )


_ORDER, _CHECK_ORDER = 16, 11


@lru_cache(maxsize=4)
def _gauss_legendre(order: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(order)


def integrate(
    base: Law, lines: Floats, of: Callable[[Floats, Floats, Floats], Floats], *, order: int = _ORDER
) -> float:
    """Integral over the base law's coordinate.

    Composite Gauss-Legendre quadrature with panels between the given coordinates: quantiles of every law in play, so
    no law is too narrow to be seen.

    Args:
        base: Whose coordinate is used.
        lines: Borders of the panels, unsorted.
        of: Integrand of (x, dx/dt, base density in t).
        order: Nodes of a panel.
    """
    borders = np.unique(lines)
    middle, half = 0.5 * (borders[1:] + borders[:-1]), 0.5 * np.diff(borders)
    nodes, weights = _gauss_legendre(order)
    points = (middle[:, None] + half[:, None] * nodes).ravel()
    return float(of(*base.at(points)) @ (half[:, None] * weights).ravel())


def checked_integral(base: Law, lines: Floats, of: Callable[[Floats, Floats, Floats], Floats]) -> tuple[float, float]:
    """The integral, and how far a coarser rule is from it."""
    value = integrate(base, lines, of)
    return value, abs(value - integrate(base, lines, of, order=_CHECK_ORDER))
