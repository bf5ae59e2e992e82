"""Rates of many small groups, each pulled towards what the others show, with the doubt about that pull left in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.bayes.laws import Floats
from assay.stats.special import check_confidence

_GRID = 25
_NEGLIGIBLE = 1e-7
_CHUNK_CELLS = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrunkenRates:
    """Rates of groups that borrow strength from one another.

    Attributes:
        groups: Posterior mean and credible interval by group, in the order given.
        raw: Observed share by group; ``None`` without trials.
        mean: Of the groups' rates (posterior median and interval): what a new group's rate is expected to be.
        concentration: Trials that the other groups are worth to each group (posterior median and interval); small when
            groups truly differ.
    """

    groups: Mapping[str, Estimate]
    raw: Mapping[str, float | None]
    mean: Estimate
    concentration: Estimate


def shrunken_rates(counts: Mapping[str, tuple[int, int]], *, confidence: float = 0.95) -> ShrunkenRates:
    """Hierarchical Beta-Binomial: each group's rate given all groups.

    Rates are Beta with an unknown mean (uniform prior) and an unknown concentration κ, log κ with density
    ∝ κ (1 + κ)^(-3/2) (proper, and like Gelman's in its upper tail). Both are integrated out on a grid about their
    mode, so intervals are wider than those of plug-in empirical Bayes, which takes them as known. Intervals hold on
    average over groups like these, not for the one group that was picked because it stood out.

    Args:
        counts: Successes and trials of each group, at least three groups; trials may be 0.
        confidence: Probability inside each credible interval.

    Returns:
        One estimate a group. Work: groups with distinct counts × about 600 grid points; memory below 30 MB.

    Raises:
        InvalidInputError: Fewer than three groups, or counts do not fit.

    Sources:
        Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.3.

    Examples:
        >>> found = shrunken_rates({"a": (0, 4), "b": (30, 100), "c": (36, 100), "d": (33, 110)})
        >>> 0.15 < found.groups["a"].value < 0.33
        True
    """
    check_confidence(confidence)
    if len(counts) < 3:
        raise InvalidInputError(f"{len(counts)} groups cannot say how groups vary", hint="give at least three groups")
    table = np.array(list(counts.values()), dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 2 or not np.isfinite(table).all() or (table != np.floor(table)).any():
        raise InvalidInputError("counts must be whole numbers", hint="(successes, trials) for every group")
    if (table[:, 0] < 0).any() or (table[:, 0] > table[:, 1]).any() or table[:, 1].sum() == 0:
        raise InvalidInputError("counts do not fit, or there is no trial", hint="0 <= successes <= trials")
    pairs, place, times = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    place = place.ravel()
    logit_mean, log_size, weights = _hyper_posterior(pairs, times.astype(np.float64))
    mean, size = 1.0 / (1.0 + np.exp(-logit_mean)), np.exp(log_size)
    values, stds, lows, highs = _group_posteriors(pairs, mean * size, (1.0 - mean) * size, weights, confidence)
    groups = {
        name: Estimate(
            value=float(values[at]),
            low=float(lows[at]),
            high=float(highs[at]),
            n=int(trials),
            method="hierarchical-beta-binomial",
            confidence=confidence,
            unit="share",
            std_error=float(stds[at]),
        )
        for (name, at), trials in zip(zip(counts, place, strict=True), table[:, 1], strict=True)
    }
    return ShrunkenRates(
        groups=groups,
        raw={name: hits / trials if trials else None for name, (hits, trials) in counts.items()},
        mean=_weighted(mean, weights, len(counts), confidence, "share"),
        concentration=_weighted(size, weights, len(counts), confidence, "trials"),
    )


def _hyper_posterior(pairs: Floats, times: Floats) -> tuple[Floats, Floats, Floats]:
    """Grid points (logit mean, log concentration) and their posterior weights, negligible ones left out."""
    means, sizes = np.linspace(-14.0, 14.0, _GRID), np.linspace(-4.0, 20.0, _GRID)
    for _ in range(12):  # each round closes in on the box where the posterior is within e^-14 of its peak
        grid_mean, grid_size = (axis.ravel() for axis in np.meshgrid(means, sizes, indexing="ij"))
        log_density = _log_hyper_density(grid_mean, grid_size, pairs, times)
        near = np.reshape(log_density > log_density.max() - 14.0, (_GRID, _GRID))
        widths = np.ptp(means), np.ptp(sizes)
        means, sizes = _closer(means, near.any(axis=1)), _closer(sizes, near.any(axis=0))
        if np.ptp(means) > 0.8 * widths[0] and np.ptp(sizes) > 0.8 * widths[1]:
            break
    weights = np.exp(log_density - log_density.max())
    kept = weights > _NEGLIGIBLE
    return grid_mean[kept], grid_size[kept], weights[kept] / weights[kept].sum()


def _closer(axis: Floats, near: npt.ArrayLike) -> Floats:
    inside, step = axis[np.asarray(near)], axis[1] - axis[0]
    return np.linspace(inside[0] - step, inside[-1] + step, _GRID)


def _log_hyper_density(logit_mean: Floats, log_size: Floats, pairs: Floats, times: Floats) -> Floats:
    from scipy.special import betaln, log_expit

    log_mean, log_rest = log_expit(logit_mean), log_expit(-logit_mean)
    a, b = np.exp(log_mean + log_size), np.exp(log_rest + log_size)
    total = log_mean + log_rest + log_size - 1.5 * np.logaddexp(0.0, log_size)
    step = max(1, _CHUNK_CELLS // a.size)
    for first in range(0, len(pairs), step):
        hits, trials = pairs[first : first + step, 0, None], pairs[first : first + step, 1, None]
        total = total + times[first : first + step] @ (betaln(a + hits, b + trials - hits) - betaln(a, b))
    return np.asarray(total)


def _group_posteriors(
    pairs: Floats, a: Floats, b: Floats, weights: Floats, confidence: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, standard deviation and bounds of each group's mixture of Beta laws."""
    step = max(1, _CHUNK_CELLS // a.size)
    parts = []
    for first in range(0, len(pairs), step):
        hits, trials = pairs[first : first + step, 0, None], pairs[first : first + step, 1, None]
        up, down = a + hits, b + trials - hits
        share = up / (up + down)
        mean = share @ weights
        square = (share * (up + 1.0) / (up + down + 1.0)) @ weights
        low = _mixture_quantile(up, down, weights, 0.5 - confidence / 2.0)
        high = _mixture_quantile(up, down, weights, 0.5 + confidence / 2.0)
        parts.append(np.stack([mean, np.sqrt(np.maximum(square - mean**2, 0.0)), low, high]))
    values, stds, lows, highs = np.concatenate(parts, axis=1)
    return values, stds, lows, highs


def _mixture_quantile(a: Floats, b: Floats, weights: Floats, p: float) -> Floats:
    """Quantile of each row's mixture: Newton's method in the logit, kept inside a bracket that only shrinks."""
    from scipy.special import betainc, betaln, expit, log_expit

    low, high = np.full(len(a), -700.0), np.full(len(a), 700.0)
    share = (a / (a + b)) @ weights
    t = np.log(share) - np.log1p(-share)
    log_front = betaln(a, b)
    for _ in range(80):
        gap = betainc(a, b, expit(t)[:, None]) @ weights - p
        low, high = np.where(gap < 0.0, t, low), np.where(gap < 0.0, high, t)
        slope = np.exp(a * log_expit(t)[:, None] + b * log_expit(-t)[:, None] - log_front) @ weights
        moved = t - gap / np.maximum(slope, 1e-300)
        inside = (moved > low) & (moved < high)
        after = np.where(inside, moved, 0.5 * (low + high))
        done = np.abs(after - t) < 1e-9
        t = after
        if done.all():
            break
    return np.asarray(expit(t))


def _weighted(points: Floats, weights: Floats, n: int, confidence: float, unit: str) -> Estimate:
    distinct, place = np.unique(points.round(12), return_inverse=True)
    mass = np.bincount(place, weights=weights)
    below = np.cumsum(mass) - 0.5 * mass
    low, middle, high = np.interp([0.5 - confidence / 2.0, 0.5, 0.5 + confidence / 2.0], below, distinct)
    return Estimate(
        value=float(middle),
        low=float(low),
        high=float(high),
        n=n,
        method="hierarchical-beta-binomial",
        confidence=confidence,
        unit=unit,
    )
