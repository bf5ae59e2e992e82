"""What was assumed before the data: explicit, and recorded in every result."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.core.errors import InvalidInputError
from assay.stats.bayes.laws import SMALLEST_SHAPE, StudentLaw
from assay.stats.moments import Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaPrior:
    """Beta(alpha, beta) on a rate: as if alpha successes and beta failures had been seen. Uniform by default."""

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        if not (SMALLEST_SHAPE <= self.alpha < math.inf and SMALLEST_SHAPE <= self.beta < math.inf):
            raise InvalidInputError(f"Beta({self.alpha}, {self.beta}) is refused", hint="both at least 0.05, e.g. 0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaPrior:
    """Gamma(shape, rate) on an event rate; rate 0 is allowed (improper). Jeffreys' prior by default."""

    shape: float = 0.5
    rate: float = 0.0

    def __post_init__(self) -> None:
        if not (SMALLEST_SHAPE <= self.shape < math.inf and 0.0 <= self.rate < math.inf):
            raise InvalidInputError(
                f"Gamma({self.shape}, {self.rate}) is refused", hint="shape at least 0.05, rate at least 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePrior:
    """p(mean, variance) ∝ 1/variance: the posterior of the mean is the t interval's law."""

    def posterior(self, moments: Moments, arm: str) -> StudentLaw:
        """Student law of the mean with n - 1 degrees of freedom.

        Raises:
            InvalidInputError: Fewer than two values, or all are equal.
        """
        n = moments.count
        if n < 2 or moments.m2 <= 0.0:
            raise InvalidInputError(
                f"arm {arm} has {n} values"
                + ("" if n < 2 else " that are all equal")
                + ": no spread to learn the variance from",
                hint="collect at least two differing values, or state a NormalInverseGammaPrior or a NormalPrior",
            )
        return StudentLaw(location=moments.mean, scale=math.sqrt(moments.m2 / (n - 1) / n), df=float(n - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalInverseGammaPrior:
    """Mean ~ N(location, variance / pseudo_n), variance ~ Scaled-inverse-χ²(df, std²).

    Attributes:
        location: Expected mean.
        pseudo_n: Values that the prior is worth for the mean, above 0.
        std: Expected standard deviation of one value.
        df: Values that the prior is worth for the variance, above 0.
    """

    location: float
    pseudo_n: float
    std: float
    df: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.location) or any(not 0.0 < v < math.inf for v in (self.pseudo_n, self.std, self.df)):
            raise InvalidInputError(
                f"a normal-inverse-gamma prior with location {self.location}, pseudo_n {self.pseudo_n}, std {self.std} "
                f"and df {self.df} is refused",
                hint="finite location; the others finite and above 0",
            )

    def posterior(self, moments: Moments, arm: str) -> StudentLaw:
        """Student law of the mean (Gelman et al. 2013, section 3.3)."""
        n = moments.count
        mean = moments.mean if n else self.location
        weight, df = self.pseudo_n + n, self.df + n
        squares = self.df * self.std**2 + moments.m2 + self.pseudo_n * n / weight * (mean - self.location) ** 2
        location = (self.pseudo_n * self.location + n * mean) / weight
        return StudentLaw(location=location, scale=math.sqrt(squares / df / weight), df=df)


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalPrior:
    """Mean ~ N(location, std²); values have the known deviation ``value_std``. Infinite ``std`` is a flat prior."""

    location: float
    std: float
    value_std: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.location) and self.std > 0.0 and 0.0 < self.value_std < math.inf):
            raise InvalidInputError(
                f"a normal prior with location {self.location}, std {self.std}, value_std {self.value_std} is refused",
                hint="finite location, std above 0, finite value_std above 0",
            )

    def posterior(self, moments: Moments, arm: str) -> StudentLaw:
        """Normal law of the mean (Gelman et al. 2013, section 2.5).

        Raises:
            InvalidInputError: A flat prior and no value.
        """
        n = moments.count
        prior, data = 1.0 / self.std**2, n / self.value_std**2
        if prior + data <= 0.0:
            raise InvalidInputError(f"arm {arm} has no value and a flat prior", hint="give values or a finite std")
        location = (prior * self.location + data * (moments.mean if n else 0.0)) / (prior + data)
        return StudentLaw(location=location, scale=1.0 / math.sqrt(prior + data))


Prior = BetaPrior | GammaPrior | ReferencePrior | NormalInverseGammaPrior | NormalPrior
