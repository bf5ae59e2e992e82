"""The form that kappa, Gwet's AC and Krippendorff's alpha share, and its interval when other units had been drawn.

Each is 1 - e^θ, where e^θ is the disagreement seen over the disagreement expected by chance. The first is a sum over
units, the second a quadratic form in sums over units; so θ is a smooth function of sums of independent terms, and its
derivative in the weight of a unit (the unit's influence) is known exactly. The standard error is that of the sum of
influences. Bounds are set on θ, where the distribution is nearly symmetric, and never exceed 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.agreement.columns import Floats, Ints, summed
from assay.stats.intervals.clustered import clustered_mean
from assay.stats.special import check_confidence, t_quantile

AGREEMENT_UNIT = "agreement"
MOST_GROUPS = 2_048
"""A resample draws so many groups of units at most; more units are first put into that many groups at random."""
FEWEST_DISAGREEING = 20
"""With fewer units that show disagreement, too many resamples show almost none, and the resampled θ has no spread."""
CHUNK_CELLS = 1_000_000
"""Weights drawn at a time; about 40 MB in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A factor ``(sum(terms) - offset) ** power`` of e^θ."""

    terms: Floats
    offset: float = 0.0
    power: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """What e^θ is made of: ``sum(observed) · factors / expected``, every array with one entry for each rated unit.

    Attributes:
        observed: Disagreement within the unit, at least 0.
        worst: The most that could have been seen in all of them, with the same numbers of labels.
        n: Units that two raters labelled; the others have no disagreement, and ``left_out`` counts them.
        factors: See ``Factor``.
        expected: Chance disagreement, a quadratic form in sums over units, above 0.
        gradient: Half its derivative in the weight of the unit; adds up to ``expected``.
        shift: Further influence of the unit on θ (through ranks made from the data).
        features: Group of each unit and number of groups in; out the sums ``(groups, p)`` and the form ``(p, p)`` with
            ``expected = f M f`` for f the total of the rows.
    """

    observed: Floats
    worst: float
    n: int
    left_out: int
    factors: tuple[Factor, ...]
    expected: float
    gradient: Floats
    shift: Floats | None = None
    features: Callable[[Ints, int], tuple[Floats, Floats]]


def undefined(reason: str, *, n: int, method: str, confidence: float, left_out: int = 0) -> Estimate:
    """A coefficient that these labels do not determine."""
    return Estimate(
        value=None,
        low=None,
        high=None,
        n=n,
        method=method,
        confidence=check_confidence(confidence),
        unit=AGREEMENT_UNIT,
        reason=reason,
        unscored=left_out,
    )


def coefficient(
    parts: Disagreement,
    *,
    name: str,
    confidence: float,
    rng: np.random.Generator | None,
    repeats: int,
    clusters: Ints | None = None,
) -> Estimate:
    """1 - e^θ with its interval: linearised, or with ``rng`` from a studentised bootstrap over units.

    With ``clusters``, the cluster of each rated unit, clusters are drawn and not units: influences are added up within
    them (CR2, Satterthwaite), and N below counts clusters.

    Without any disagreement θ is minus infinity, and the lower bound rests on the share of disagreeing units that
    would still show none in N: ``1 - (1 - confidence) ** (1 / N)``.

    Raises:
        InvalidInputError: Confidence outside (0, 1), or fewer than 200 repeats.

    Sources:
        Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 12.5 (studentised, on a transformed
        scale); Davison & Hinkley (1997), section 2.7 (influence).
    """
    if repeats < 200:
        raise InvalidInputError(f"{repeats} resamples cannot carry an interval", hint="repeats=2000 or more")
    n, total = parts.n, float(parts.observed.sum())
    groups = None if clusters is None else np.unique(clusters).size
    scale = math.prod((float(f.terms.sum()) - f.offset) ** f.power for f in parts.factors) / parts.expected

    def answer(low: float | None, high: float | None, method: str, *, reason: str = "", se: float = 0.0) -> Estimate:
        return Estimate(
            value=1.0 - scale * total,
            low=low,
            high=high,
            n=n,
            method=f"{name}-{method}",
            confidence=check_confidence(confidence),
            unit=AGREEMENT_UNIT,
            reason=reason or None,
            n_clusters=groups,
            std_error=se or None,
            unscored=parts.left_out,
        )

    if n < 2:
        return answer(None, None, "linearised", reason="only one unit has labels of two raters")
    if total <= 0.0:
        unseen = 1.0 - (1.0 - check_confidence(confidence)) ** (1.0 / (groups or n))
        return answer(1.0 - scale * unseen * parts.worst, 1.0, "none-disagree")
    influence, ratio = _influence(parts, total), scale * total
    units = influence.size
    if clusters is not None:
        drawn = clustered_mean(units * influence, clusters, confidence=confidence)  # its mean is 0
        if drawn.std_error is None or drawn.value is None or drawn.high is None:
            return answer(None, None, "linearised-CR2", reason=drawn.reason or "")
        half = drawn.high - drawn.value
        low, high = 1.0 - ratio * math.exp(half), 1.0 - ratio * math.exp(-half)
        return answer(low, high, "linearised-CR2", se=ratio * drawn.std_error)
    spread = math.sqrt(units / (units - 1.0) * float(np.square(influence - influence.mean()).sum()))
    if spread <= 1e-12:
        return answer(None, None, "linearised", reason="all units show the same labels, so their spread is unknown")
    pivots = None if rng is None else _pivots(parts, math.log(ratio), rng, repeats)
    if pivots is None:
        half = t_quantile(0.5 + check_confidence(confidence) / 2.0, n - 1) * spread
        return answer(1.0 - ratio * math.exp(half), 1.0 - ratio * math.exp(-half), "linearised", se=ratio * spread)
    below, above = (float(q) for q in np.quantile(pivots, [0.5 - confidence / 2.0, 0.5 + confidence / 2.0]))
    low, high = 1.0 - ratio * math.exp(-below * spread), 1.0 - ratio * math.exp(-above * spread)
    return answer(low, high, "bootstrap-t", se=ratio * spread)


def _influence(parts: Disagreement, total: float) -> Floats:
    found = parts.observed / total - parts.gradient * (2.0 / parts.expected)
    for factor in parts.factors:
        found += factor.terms * (factor.power / (float(factor.terms.sum()) - factor.offset))
    return found if parts.shift is None else found + parts.shift


def _pivots(parts: Disagreement, theta: float, rng: np.random.Generator, repeats: int) -> Floats | None:
    """(θ* - θ) / se* of each resample; ``None`` where too few units disagree for them to mean something."""
    if int(np.count_nonzero(parts.observed > 0.0)) < FEWEST_DISAGREEING:
        return None
    units = parts.observed.size
    groups = min(units, MOST_GROUPS)
    group = np.arange(units) if groups == units else rng.permutation(units) % groups

    def grouped(terms: Floats) -> Floats:
        return summed(group, terms, groups)

    observed, shift = grouped(parts.observed), None if parts.shift is None else grouped(parts.shift)
    factors = [(grouped(factor.terms), factor) for factor in parts.factors]
    features, form = parts.features(group, groups)
    rows = max(1, CHUNK_CELLS // groups)
    found = []
    for first in range(0, repeats, rows):
        many = min(rows, repeats - first)
        drawn = rng.integers(groups, size=(many, groups)) + np.arange(many)[:, None] * groups
        weights = np.bincount(drawn.ravel(), minlength=many * groups).reshape(many, groups).astype(np.float64)
        seen, totals = weights @ observed, weights @ features
        slopes = totals @ form
        chance = np.einsum("ij,ij->i", slopes, totals)
        with np.errstate(divide="ignore", invalid="ignore"):  # a resample may hold one label only; left out below
            center = np.log(seen) - np.log(chance) - theta
            influence = (slopes * (-2.0 / chance)[:, None]) @ features.T
            influence += observed / seen[:, None]
            for terms, factor in factors:
                size = weights @ terms - factor.offset
                center += factor.power * np.log(size)
                influence += terms * (factor.power / size)[:, None]
            if shift is not None:
                center += weights @ shift - shift.sum()
                influence += shift
            mean = np.einsum("ij,ij->i", weights, influence) / groups
            square = np.einsum("ij,ij,ij->i", weights, influence, influence) / groups - mean * mean
            found.append(center / (groups * np.sqrt(square / (groups - 1.0))))
    pivots = np.concatenate(found)
    usable = pivots[np.isfinite(pivots)]
    return usable if usable.size >= 0.99 * repeats else None


def linear_features(gradient: Floats, expected: float) -> Callable[[Ints, int], tuple[Floats, Floats]]:
    """Features for a chance term with too many of its own: its tangent, written as a quadratic form."""
    units = gradient.size

    def features(group: Ints, groups: int) -> tuple[Floats, Floats]:
        counts = np.bincount(group, minlength=groups).astype(np.float64)
        slopes = summed(group, gradient, groups)
        form = np.array([[-expected / units**2, 1.0 / units], [1.0 / units, 0.0]])
        return np.stack([counts, slopes], axis=1), form

    return features
