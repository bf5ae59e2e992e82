"""Screening: the best k of N candidates under constraints, with intervals that know they were picked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, finite_vector
from assay.stats.multiplicity.simultaneous import max_t_intervals
from assay.stats.special import check_confidence, normal_quantile

_PROJECTION_SHARE = 0.1
"""Part of the error spent on the projection interval: a tenth, as Andrews, Kitagawa & McCloskey propose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A constraint that a candidate must be shown to meet.

    Attributes:
        name: E.g. ``latency_s``.
        values: Measured, shape ``(N,)``.
        at_most: Largest admissible value.
        std_errors: Of the values; ``None`` when they are known. Their errors must be independent of the errors of
            the scores screened on, else picking on them bends the intervals of the scores.
    """

    name: str
    values: npt.ArrayLike
    at_most: float
    std_errors: npt.ArrayLike | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """A candidate that was picked.

    Attributes:
        name: The candidate.
        corrected: Median-unbiased within the projection, with the hybrid interval: the one to report.
        naive: As if it had not been picked: too high on average.
    """

    name: str
    corrected: Estimate
    naive: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """The shortlist.

    Attributes:
        selected: Best first, at most k; fewer when fewer meet the limits.
        dropped: Candidates that were not shown to meet a limit, with the names of the limits.
    """

    selected: tuple[Screened, ...]
    dropped: dict[str, tuple[str, ...]]


def screen_candidates(
    names: Sequence[str],
    scores: npt.ArrayLike,
    covariance: npt.ArrayLike,
    *,
    k: int,
    rng: np.random.Generator,
    limits: Sequence[Limit] = (),
    confidence: float = 0.95,
    n: int = 0,
    unit: str = "score",
) -> Screening:
    """Pick the k highest scores among candidates that meet the limits, and correct for the winner's curse.

    Of the intervals reported for the picked candidates, on average at most 1 - ``confidence`` miss (the false
    coverage rate), however close the race. Each is the hybrid of Andrews, Kitagawa & McCloskey: the law of a score
    given that it was picked, cut to a simultaneous interval over all eligible candidates, so it is never much wider
    than that one (the purely conditional interval can be endless after a photo finish).

    Args:
        names: N different names.
        scores: Approximately normal estimates, shape ``(N,)``, higher is better.
        covariance: Shape ``(N, N)``, or ``(N,)`` variances of independent estimates. All variances above 0. Scores
            over shared items are correlated: give the matrix.
        k: How many to pick, at least 1.
        rng: Draws the simultaneous quantile.
        limits: A limit is met when the upper bound at ``confidence``, one-sided, is within it.
        confidence: Of the corrected intervals.
        n: Units the estimates rest on, for the record.
        unit: Of the scores.

    Raises:
        InvalidInputError: Shapes differ, a name repeats, a variance is not above 0, k is outside 1 to N.

    Sources:
        Andrews, Kitagawa & McCloskey (2024), Quarterly Journal of Economics 139, 305-358 (hybrid, section 4); Lee, Sun,
        Sun & Taylor (2016), Annals of Statistics 44, 907-927 (truncation); Benjamini & Yekutieli (2005), JASA 100,
        71-81 (false coverage rate).

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> found = screen_candidates("abcde", [1.0, 1.1, 0.9, 1.05, 1.3], [0.04] * 5, k=1, rng=rng)
        >>> winner = found.selected[0]
        >>> winner.name, winner.corrected.value < winner.naive.value
        ('e', True)
    """
    point, spread = _checked(names, scores, covariance, k)
    check_confidence(confidence)
    failed = _failed(names, limits, confidence)
    eligible = np.array([place for place, name in enumerate(names) if name not in failed], dtype=np.intp)
    if not eligible.size:
        return Screening(selected=(), dropped=failed)
    point, spread = point[eligible], spread[np.ix_(eligible, eligible)]
    best = np.argsort(-point, kind="stable")[: min(k, eligible.size)]
    beta = _PROJECTION_SHARE * (1.0 - confidence)
    wide = max_t_intervals(point.tolist(), spread, rng=rng, confidence=1.0 - beta)
    selected = []
    for place in best.tolist():
        std_error = math.sqrt(spread[place, place])
        high = wide[place].high
        assert high is not None
        pieces = _pick_region(point, spread, place, best.size)
        law = _Picked(value=float(point[place]), std_error=std_error, reach=high - float(point[place]), pieces=pieces)
        tail = 0.5 * (1.0 - confidence - beta) / (1.0 - beta)
        z = normal_quantile(0.5 + confidence / 2.0)
        plain = Estimate(
            value=law.value, low=law.value - z * std_error, high=law.value + z * std_error, n=n, method="normal",
            confidence=confidence, unit=unit, std_error=std_error,
        )  # fmt: skip
        corrected = replace(
            plain,
            value=law.mean_at(0.5),
            low=law.mean_at(1.0 - tail),
            high=law.mean_at(tail),
            method="hybrid-selective",
        )
        selected.append(Screened(name=names[eligible[place]], corrected=corrected, naive=plain))
    return Screening(selected=tuple(selected), dropped=failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picked:
    """The law of a normal score given that it was picked and lies within ``reach`` of its mean."""

    value: float
    std_error: float
    reach: float
    pieces: tuple[tuple[float, float], ...]

    def mean_at(self, chance: float) -> float:
        """The mean under which a score of at most ``value`` has this chance; falls as the chance grows."""
        low, high = self.value - self.reach, self.value + self.reach
        for _ in range(60):
            middle = 0.5 * (low + high)
            if self._below(middle) > chance:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)

    def _below(self, mean: float) -> float:
        from scipy.special import log_ndtr

        def mass(low: float, high: float) -> float:
            """Log probability of an interval, right in both tails."""
            a, b = (low - mean) / self.std_error, (high - mean) / self.std_error
            if a > 0.0:
                a, b = -b, -a
            upper, lower = float(log_ndtr(b)), float(log_ndtr(a))
            return upper + math.log1p(-math.exp(min(lower - upper, 0.0))) if lower < upper else -math.inf

        cut = [(max(low, mean - self.reach), min(high, mean + self.reach)) for low, high in self.pieces]
        parts = [(low, high) for low, high in cut if low < high]
        total = [mass(low, high) for low, high in parts]
        below = [mass(low, min(high, self.value)) for low, high in parts if low < self.value]
        top = max(total, default=-math.inf)
        if top == -math.inf:
            return 0.0 if mean > self.value else 1.0
        return sum(math.exp(x - top) for x in below) / sum(math.exp(x - top) for x in total)


def _pick_region(point: Floats, spread: Floats, place: int, k: int) -> tuple[tuple[float, float], ...]:
    """Values of one score at which it is among the k best, all that is independent of it held fixed.

    The others are lines rest + slope · x in its value x; the set of x that fewer than k of them exceed changes only
    where a line crosses x.
    """
    slope = np.delete(spread[:, place] / spread[place, place], place)
    rest = np.delete(point, place) - slope * point[place]
    crossing = rest[slope != 1.0] / (1.0 - slope[slope != 1.0])
    edges = np.unique(np.concatenate([[-np.inf], crossing, [np.inf]]))
    finite = edges[1:-1]
    if not finite.size:
        return ((-math.inf, math.inf),)
    probes = np.concatenate([[finite[0] - 1.0], 0.5 * (finite[:-1] + finite[1:]), [finite[-1] + 1.0]])
    inside = (rest[None, :] + slope[None, :] * probes[:, None] > probes[:, None]).sum(axis=1) < k
    pieces: list[tuple[float, float]] = []
    for low, high, kept in zip(edges[:-1].tolist(), edges[1:].tolist(), inside.tolist(), strict=True):
        if kept and pieces and pieces[-1][1] == low:
            pieces[-1] = (pieces[-1][0], high)
        elif kept:
            pieces.append((low, high))
    return tuple(pieces)


def _failed(names: Sequence[str], limits: Sequence[Limit], confidence: float) -> dict[str, tuple[str, ...]]:
    z = normal_quantile(confidence)
    failed: dict[str, list[str]] = {}
    for limit in limits:
        values = finite_vector(limit.values, limit.name)
        errors = np.zeros(values.size) if limit.std_errors is None else finite_vector(limit.std_errors, limit.name)
        if values.size != len(names) or errors.size != len(names) or errors.min() < 0.0:
            raise InvalidInputError(
                f"limit {limit.name} has {values.size} values and {errors.size} errors for {len(names)} candidates",
                hint="one value, and one standard error from 0, for each candidate",
            )
        for place in np.flatnonzero(values + z * errors > limit.at_most).tolist():
            failed.setdefault(names[place], []).append(limit.name)
    return {name: tuple(said) for name, said in failed.items()}


def _checked(names: Sequence[str], scores: npt.ArrayLike, covariance: npt.ArrayLike, k: int) -> tuple[Floats, Floats]:
    point = finite_vector(scores, "scores")
    spread = np.asarray(covariance, dtype=np.float64)
    if spread.ndim == 1:
        spread = np.diag(spread)
    if len(names) != point.size or len(set(names)) != len(names) or spread.shape != (point.size, point.size):
        raise InvalidInputError(
            f"{len(names)} names, {point.size} scores and a covariance of shape {spread.shape} do not fit",
            hint="N different names, N scores, N variances or an N x N covariance",
        )
    if not (np.isfinite(spread).all() and (np.diag(spread) > 0.0).all() and np.allclose(spread, spread.T)):
        raise InvalidInputError("the covariance is no covariance with variances above 0", hint="check its entries")
    if not 1 <= k <= point.size:
        raise InvalidInputError(f"{k} of {point.size} candidates cannot be picked", hint="1 <= k <= N")
    return point, spread
