"""A table of ratings on one scale, with what is needed to compare any two of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from assay.core.errors import InvalidInputError, nearest
from assay.core.records import Estimate
from assay.stats.ratings.encoding import Floats
from assay.stats.ratings.likelihood import TieModel, outcomes_of
from assay.stats.special import normal_quantile, t_quantile

Scale = Literal["log-odds", "elo"]
ELO_POINTS = 400.0 / math.log(10.0)
"""Elo points in one unit of log-odds: 400 points are odds of ten to one."""
ELO_CENTRE = 1000.0
NO_VARIANCE = 1e-20
"""A variance of a difference, in squared log-odds, that only rounding can leave."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatingTable:
    """Ratings fitted together.

    Attributes:
        names: The K models.
        ratings: One estimate each, in ``scale``; without value, and with the reason, where no finite rating exists.
        scale: ``log-odds`` or ``elo`` points (400 points are odds of ten to one).
        anchor: Model whose rating is fixed; ``None`` when the mean of the rated models is.
        ties: Model of ties used.
        log_odds: Shape ``(K,)``, mean 0 over rated models; NaN for the others.
        covariance: Of ``log_odds``, shape ``(K, K)``; NaN where there is none.
        freedom: Degrees of freedom of the t law used for intervals; infinite for the normal.
        effects: Effect of each covariate and of being shown first, in log-odds.
        tie: Probability that two equal models tie, where the tie model has a parameter.
        tie_parameter: Davidson's ν, or Rao and Kupper's θ (1 means no ties).
        log_likelihood: At the maximum, without the prior; up to a constant.
        n: Battles used.
        n_clusters: Groups of battles, where the variance is cluster-robust.
        failed_rounds: Bootstrap rounds left out because they had no finite ratings.
        confidence: Of every interval.
        method: Model and interval, e.g. ``bradley-terry-sandwich``.
    """

    names: tuple[str, ...]
    ratings: tuple[Estimate, ...]
    scale: Scale
    anchor: str | None
    ties: TieModel
    log_odds: Floats
    covariance: Floats
    confidence: float
    method: str
    n: int
    effects: Mapping[str, Estimate] = field(default_factory=dict)
    tie: Estimate | None = None
    tie_parameter: float | None = None
    log_likelihood: float = math.nan
    n_clusters: int | None = None
    failed_rounds: int = 0
    freedom: float = math.inf

    def order(self) -> list[str]:
        """Rated models, best first; the others are left out."""
        rated = [(-e.value, name) for name, e in zip(self.names, self.ratings, strict=True) if e.value is not None]
        return [name for _, name in sorted(rated)]

    def rating(self, name: str) -> Estimate:
        """The rating of one model.

        Raises:
            InvalidInputError: No such model.
        """
        return self.ratings[self._place(name)]

    def difference(self, first: str, second: str) -> Estimate:
        """Rating of ``first`` minus that of ``second``, in the table's scale; needs no anchor.

        Raises:
            InvalidInputError: No such model, or both are the same.
        """
        value, std_error, reason = self._contrast(first, second)
        factor = ELO_POINTS if self.scale == "elo" else 1.0
        return self._estimate(value, std_error, reason, factor=factor, unit=unit_of(self.scale))

    def expected_score(self, first: str, second: str) -> Estimate:
        """Chance that ``first`` wins plus half the chance of a tie, with covariates equal and no position effect.

        The interval of the difference put through; a tie parameter is taken at its estimate.

        Raises:
            InvalidInputError: No such model, or both are the same.
        """
        value, std_error, reason = self._contrast(first, second)
        plain = self._estimate(value, std_error, reason, factor=1.0, unit="log-odds")
        shares = [None if x is None else self._score_at(x) for x in (plain.value, plain.low, plain.high)]
        return replace(plain, value=shares[0], low=shares[1], high=shares[2], unit="share", std_error=None)

    def _score_at(self, eta: float) -> float:
        theta = math.log(self.tie_parameter) if self.tie_parameter is not None else 0.0
        won, _, tied = outcomes_of(self.ties).probabilities(np.array([eta]), theta)[:, 0].tolist()
        return float(won + 0.5 * tied)

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise InvalidInputError(f"there is no model {name!r}", hint=nearest(name, self.names))
        return self.names.index(name)

    def _contrast(self, first: str, second: str) -> tuple[float, float, str | None]:
        i, j = self._place(first), self._place(second)
        if i == j:
            raise InvalidInputError(f"{first} is compared with itself", hint="name two different models")
        variance = float(self.covariance[i, i] + self.covariance[j, j] - 2.0 * self.covariance[i, j])
        value = float(self.log_odds[i] - self.log_odds[j])
        missing = [e.reason for name, e in ((first, self.ratings[i]), (second, self.ratings[j])) if name != self.anchor]
        reason = next((said for said in missing if said), None)
        if variance <= NO_VARIANCE:
            return value, math.nan, "their battles show no spread to estimate one from"
        return value, math.sqrt(variance), reason

    def _estimate(self, value: float, std_error: float, reason: str | None, *, factor: float, unit: str) -> Estimate:
        known, bounded = math.isfinite(value), math.isfinite(std_error)
        half = quantile(self.confidence, self.freedom) * std_error
        return Estimate(
            value=factor * value if known else None,
            low=factor * (value - half) if bounded and known else None,
            high=factor * (value + half) if bounded and known else None,
            n=self.n,
            method=self.method,
            confidence=self.confidence,
            unit=unit,
            reason=None if known and bounded else reason,
            n_clusters=self.n_clusters,
            std_error=factor * std_error if bounded and known else None,
        )


def quantile(confidence: float, freedom: float) -> float:
    """Two-sided quantile of the t law; of the normal where freedom is infinite."""
    upper = 0.5 + confidence / 2.0
    return normal_quantile(upper) if math.isinf(freedom) else t_quantile(upper, freedom)


def unit_of(scale: Scale) -> str:
    """Unit of a rating, as Estimates name it."""
    return "elo points" if scale == "elo" else "log-odds"
