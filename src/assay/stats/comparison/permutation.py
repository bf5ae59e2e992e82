"""Permutation tests: every relabelling when there are few, a seeded sample of them when there are many."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Labels, cluster_codes
from assay.stats.comparison.result import Comparison, Floats, TwoSamples, paired_values
from assay.stats.special import check_confidence

EVERY = 20_000
"""Up to so many relabellings all are tried."""
CELLS = 1 << 20
"""Numbers drawn at a time."""


def permutation_test(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    statistic: str = "studentised",
    confidence: float = 0.95,
    repeats: int = 9_999,
    unit: str = "score",
) -> Comparison:
    """Two independent samples: how rare is such a difference when the labels mean nothing?

    Exact for "both sides have one distribution". Studentised (by Welch's standard error) it also holds, for many
    values, when only the means are equal and the spreads differ; ``mean`` does not, and rejects too often where the
    smaller side varies more. All relabellings are tried when they number 20,000 at most; else ``repeats`` are drawn
    and p = (b + 1) / (repeats + 1), which is valid at any number.

    Args:
        baseline: Shape ``(n,)``, finite, at least two values.
        candidate: Shape ``(m,)``, at least two values.
        rng: Source of randomness; untouched when all relabellings are tried.
        statistic: ``studentised`` or ``mean``.
        confidence: Two-sided coverage of the interval, which for ``mean`` collects the shifts that the test does not
            reject, and for ``studentised`` takes the place of t's quantiles.
        repeats: Relabellings drawn.
        unit: The scorer's unit.

    Returns:
        The difference of means; bounds are ``None`` with a reason where so few relabellings cannot reach the
        confidence or nothing varies. Memory: about 1,000,000 numbers at a time.

    Raises:
        InvalidInputError: A side is not a finite vector of two or more values, or the statistic is unknown.

    Sources:
        Pitman (1937), JRSS Supplement 4, 119-130; Janssen (1997), Statistics & Probability Letters 36, 9-21
        (studentised); Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9:39 (the + 1).

    Examples:
        >>> c = permutation_test([1, 2, 3], [4, 5, 6], rng=np.random.default_rng(1), statistic="mean")
        >>> c.p_value, c.exact
        (0.1, True)
    """
    if statistic not in ("studentised", "mean"):
        raise InvalidInputError(f"statistic {statistic!r} is not known", hint="'studentised' or 'mean'")
    old, new = TwoSamples.of(baseline, candidate, at_least=2)
    n, m, tail = old.size, new.size, 0.5 - check_confidence(confidence) / 2.0
    value = float(new.mean() - old.mean())
    pooled = np.concatenate([new, old])
    pooled = pooled - pooled.mean()  # moves nothing, and keeps digits
    if np.ptp(pooled) == 0.0:
        effect = _effect(value, None, None, n + m, confidence, unit, "the values do not vary")
        return Comparison(effect=effect, p_value=1.0, statistic=None, method="permutation", exact=True)
    exact = math.comb(n + m, m) <= EVERY
    picked = _all_subsets(n + m, m) if exact else _random_subsets(rng, n + m, m, repeats)
    found = [_relabelled(pooled, index, m) for index in picked]
    gaps, errors, kept = (np.concatenate(parts) for parts in zip(*found, strict=True))
    seen = _relabelled(pooled, np.arange(m)[None, :], m)
    std_error = float(seen.errors[0])
    method = f"permutation-{statistic}-{'exact' if exact else 'monte-carlo'}"
    if statistic == "mean":
        p_value = _p_value(np.abs(gaps), abs(value), exact)
        # under a shift d the relabelled difference is gap + d·slope, the observed one value - d: they cross at
        slope = kept / m - (m - kept) / n
        moved = slope < 1.0 - 1e-12
        crossings = (value - gaps[moved]) / (1.0 - slope[moved])
        low, high = _crossed(crossings, int(moved.size), tail, exact=exact)
        shown = value
    else:
        shown, ratios = _ratio(np.array([value]), np.array([std_error]))[0], _ratio(gaps, errors)
        p_value = _p_value(np.abs(ratios), abs(shown), exact)
        low, high = _studentised_bounds(value, std_error, ratios, tail, exact=exact)
    reason = None if low is not None else "so few relabellings cannot reach this confidence"
    return Comparison(
        effect=_effect(value, low, high, n + m, confidence, unit, reason, std_error or None),
        p_value=p_value,
        statistic=float(shown),
        method=method,
        exact=exact,
    )


def sign_flip_test(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    repeats: int = 9_999,
    unit: str = "score",
) -> Comparison:
    """Shared samples: the mean difference against all ways to swap the two systems, sample by sample.

    Exact for differences that are symmetric about 0, in particular when each sample's two scores are exchangeable.
    With clusters a cluster's differences flip together. All flips are tried up to 14 units, else ``repeats`` are drawn
    and p = (b + 1) / (repeats + 1).

    Args:
        baseline: Shape ``(n,)``, finite.
        candidate: Shape ``(n,)``, same order of samples.
        rng: Source of randomness; untouched when all flips are tried.
        clusters: Group of each sample, shape ``(n,)``.
        confidence: Two-sided coverage of the interval: the shifts that the test does not reject.
        repeats: Flips drawn.
        unit: The scorer's unit.

    Returns:
        The mean difference; bounds are ``None`` with a reason below 6 units at 95 %.

    Raises:
        InvalidInputError: Not two finite vectors of one length, or the clusters do not fit.

    Sources:
        Fisher (1935), The Design of Experiments, section 21; Hartigan (1969), JASA 64, 1303-1317 (the interval from
        means of subsets); Phipson & Smyth (2010), as in ``permutation_test``.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> c = sign_flip_test([0, 0, 0, 0, 0, 0], [1.0, 2.0, 0.5, 1.5, 3.0, 2.5], rng=rng)
        >>> c.p_value, c.effect.low, c.effect.high
        (0.03125, 0.5, 3.0)
    """
    differences = paired_values(baseline, candidate)
    codes, n = cluster_codes(clusters, differences.size), differences.size
    sums, counts = differences, np.ones(n)
    if codes is not None:
        sums, counts = (np.bincount(codes, weights=each).astype(np.float64) for each in (differences, counts))
    units, tail = sums.size, 0.5 - check_confidence(confidence) / 2.0
    value = float(differences.mean())
    exact = 2**units <= EVERY
    label = f"sign-flip-{'exact' if exact else 'monte-carlo'}"
    if not differences.any():
        effect = _effect(0.0, None, None, n, confidence, unit, "all differences are 0")
        return Comparison(effect=effect, p_value=1.0, statistic=0.0, method=label, exact=exact)
    flipped_sum, flipped_count = [], []
    for flips in _all_flips(units) if exact else _random_flips(rng, units, repeats):
        flipped_sum.append(flips @ sums)
        flipped_count.append(flips @ counts)
    away, size = np.concatenate(flipped_sum), np.concatenate(flipped_count)
    p_value = _p_value(np.abs(sums.sum() - 2.0 * away), abs(float(sums.sum())), exact)
    moved = size > 0.0  # the mean of what was flipped is the shift at which flipping changes nothing
    low, high = _crossed(away[moved] / size[moved], size.size, tail, exact=exact)
    reason = None if low is not None else f"{units} units cannot reach this confidence"
    effect = _effect(value, low, high, n, confidence, unit, reason, n_clusters=units if units < n else None)
    return Comparison(effect=effect, p_value=p_value, statistic=value, method=label, exact=exact)


class _Relabelled(NamedTuple):
    """Of each relabelling: the difference of means, its standard error, and how many of the candidate's stayed."""

    gaps: Floats
    errors: Floats
    kept: Floats


def _relabelled(pooled: Floats, index: npt.NDArray[np.intp], m: int) -> _Relabelled:
    n = pooled.size - m
    chosen = pooled[index]
    total, squares = float(pooled.sum()), float(np.square(pooled).sum())
    first, first_squares = chosen.sum(axis=1), np.square(chosen).sum(axis=1)
    second, second_squares = total - first, squares - first_squares
    spread = np.maximum(first_squares - first**2 / m, 0.0) / (m - 1.0) / m
    spread += np.maximum(second_squares - second**2 / n, 0.0) / (n - 1.0) / n
    spread[spread <= 1e-14 * squares / pooled.size**2] = 0.0
    return _Relabelled(first / m - second / n, np.sqrt(spread), (index < m).sum(axis=1).astype(np.float64))


def _ratio(gaps: Floats, errors: Floats) -> Floats:
    still = errors == 0.0
    return np.where(still, np.copysign(np.inf, gaps), gaps / np.where(still, 1.0, errors))


def _p_value(relabelled: Floats, seen: float, exact: bool) -> float:
    """Share at least as far out; ties are counted in, rounding errors forgiven."""
    limit = seen * (1.0 - 1e-10) if math.isfinite(seen) else seen
    hits = int((relabelled >= limit).sum())
    return hits / relabelled.size if exact else (hits + 1.0) / (relabelled.size + 1.0)


def _crossed(crossings: Floats, tried: int, tail: float, *, exact: bool) -> tuple[float | None, float | None]:
    """The shifts that a test with ``tail`` on each side does not reject, from where each relabelling ties with it.

    The one-sided p-value of a shift is the share of crossings at or below it, the identity (which ties always) in it.
    """
    allowed = math.floor(tail * (tried if exact else tried + 1.0) * (1.0 + 1e-12))
    own = tried - crossings.size if exact else 1 + tried - crossings.size
    rank = allowed - own + 1
    if rank < 1 or crossings.size < 2 * rank:
        return None, None
    ordered = np.partition(crossings, (rank - 1, crossings.size - rank))
    low, high = float(ordered[rank - 1]), float(ordered[crossings.size - rank])
    return (low, high) if low < high else (None, None)


def _studentised_bounds(
    value: float, std_error: float, ratios: Floats, tail: float, *, exact: bool
) -> tuple[float | None, float | None]:
    ordered = np.sort(np.abs(ratios))
    size = ordered.size if exact else ordered.size + 1
    rank = math.floor(2.0 * tail * size * (1.0 + 1e-12))  # of the largest, so many may be rejected
    if rank < 1 or std_error == 0.0:
        return None, None
    reach = float(ordered[ordered.size - rank])
    return (value - reach * std_error, value + reach * std_error) if math.isfinite(reach) else (None, None)


def _all_subsets(total: int, size: int) -> Iterator[npt.NDArray[np.intp]]:
    yield np.array(list(combinations(range(total), size)), dtype=np.intp)


def _random_subsets(rng: np.random.Generator, total: int, size: int, repeats: int) -> Iterator[npt.NDArray[np.intp]]:
    rows = max(1, CELLS // total)
    for first in range(0, repeats, rows):
        keys = rng.random((min(rows, repeats - first), total))
        yield np.argpartition(keys, size - 1, axis=1)[:, :size]


def _all_flips(units: int) -> Iterator[Floats]:
    yield (np.arange(2**units)[:, None] >> np.arange(units) & 1).astype(np.float64)


def _random_flips(rng: np.random.Generator, units: int, repeats: int) -> Iterator[Floats]:
    rows = max(1, CELLS // units)
    for first in range(0, repeats, rows):
        yield rng.integers(2, size=(min(rows, repeats - first), units), dtype=np.uint8).astype(np.float64)


def _effect(
    value: float,
    low: float | None,
    high: float | None,
    n: int,
    confidence: float,
    unit: str,
    reason: str | None,
    std_error: float | None = None,
    n_clusters: int | None = None,
) -> Estimate:
    return Estimate(
        value=value, low=low, high=high, n=n, method="permutation", confidence=confidence, unit=unit, reason=reason,
        std_error=std_error, n_clusters=n_clusters,
    )  # fmt: skip
