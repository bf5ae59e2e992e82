"""Slopes of a verdict at equal quality, people's labels being noisy, and how noisy they are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats
from assay.stats.intervals.jackknife import FEWEST_GROUPS, deletion_groups, jackknife_estimate


def controlled_slope(
    verdicts: Floats,
    exposure: Floats,
    controls: Sequence[Floats],
    *,
    noise: Floats | None = None,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    unit: str = "score",
) -> Estimate:
    """Least-squares coefficient of an exposure on a verdict, other columns held equal.

    People's labels, the first control, are themselves noisy; held equal as they are, a part of true quality would be
    ascribed to whatever goes along with it (a longer answer that is better). With ``noise`` the labels' error variance
    is taken off their sum of squares, which removes that. Errors that raters share stay in.

    Args:
        verdicts: Shape ``(n,)``.
        exposure: Shape ``(n,)``.
        controls: Columns held equal, people's labels first.
        noise: Error variance of each people's label, shape ``(n,)``; ``None`` when it is not known.
        clusters: Document of each item.
        confidence: Two-sided coverage.
        unit: Of the coefficient.

    Returns:
        The coefficient; no value, with the reason, where the exposure does not vary or the labels are mostly noise.

    Sources:
        Fuller (1987), Measurement Error Models, section 1.2 and equation 3.1.11 (known error variance); Shao & Wu
        (1989) for the interval.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> quality, length = rng.normal(size=(2, 400))
        >>> e = controlled_slope(quality + 0.5 * length + rng.normal(size=400), length, [quality])
        >>> e.low < 0.5 < e.high, e.method
        (True, 'ols-jackknife')
    """
    method = "ols" if noise is None else "errors-in-variables"
    codes = deletion_groups(clusters, verdicts.size)
    groups = int(codes.max()) + 1
    columns = np.column_stack([np.ones_like(verdicts), exposure, *controls])
    columns = columns - np.concatenate([[0.0], columns[:, 1:].mean(axis=0)])
    spread = np.sqrt(np.square(columns).mean(axis=0))
    if np.any(spread <= 1e-12):
        return _no_slope("the exposure or a column held equal does not vary", verdicts.size, method, confidence, unit)
    columns = columns / spread
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(groups))
    products = columns[:, :, None] * columns[:, None, :]
    if noise is not None:
        products[:, 2, 2] -= noise / spread[2] ** 2
    gram = np.add.reduceat(products[order], starts, axis=0)
    cross = np.add.reduceat((columns * (verdicts - verdicts.mean())[:, None])[order], starts, axis=0)
    grams = np.concatenate([gram.sum(axis=0)[None], gram.sum(axis=0) - gram])
    crosses = np.concatenate([cross.sum(axis=0)[None], cross.sum(axis=0) - cross])
    least = np.linalg.eigvalsh(grams)[:, 0] / verdicts.size
    if least[0] < 0.02:
        why = "what is held equal explains the exposure, or people's labels are mostly noise"
        return _no_slope(why, verdicts.size, method, confidence, unit)
    if groups >= FEWEST_GROUPS and least.min() < 0.01:
        return _no_slope("one document decides it", verdicts.size, method, confidence, unit)
    usable = grams if groups >= FEWEST_GROUPS else grams[:1]
    found = (np.linalg.solve(usable, crosses[: len(usable), :, None])[:, 1, 0] / spread[1]).tolist()
    return jackknife_estimate(
        found[0],
        found[1:],
        n=verdicts.size,
        unit=unit,
        method=method,
        n_clusters=None if clusters is None else len(set(clusters)),
        confidence=confidence,
    )


def label_noise(raters: Floats) -> Floats | None:
    """Error variance of each item's mean label, from how raters differ on it.

    Where the same people rated every item, their leniency shifts all means alike and is no error: it is taken off.
    Where items had different raters it is part of the error. Items with one label get the average of the others.
    ``None`` where fewer than two items have two labels.

    Args:
        raters: Shape ``(n, R)``, NaN where a person did not see an item.

    Examples:
        >>> label_noise(np.array([[1.0, 3.0], [2.0, 2.0], [4.0, 4.0]])).round(3).tolist()
        [0.667, 0.167, 0.167]
    """
    given = np.isfinite(raters)
    count = given.sum(axis=1)
    several = count >= 2
    if several.sum() < 2:
        return None
    item = np.where(given, raters, 0.0).sum(axis=1) / np.maximum(count, 1)
    gap = np.where(given & several[:, None], raters - item[:, None], 0.0)
    freedom = 1.0
    seen = (given & several[:, None]).sum(axis=0)
    if np.isin(seen, (0, several.sum())).all():
        gap = np.where(given & several[:, None], gap - gap.sum(axis=0) / np.maximum(seen, 1), 0.0)
        freedom = float((several.sum() - 1) / several.sum())
    rated = np.where(several, count, 2)
    variance = np.square(gap).sum(axis=1) / (rated - 1) / freedom
    typical = float(variance[several].mean())
    return np.asarray(np.where(several, variance, typical) / np.maximum(count, 1))


def _no_slope(reason: str, n: int, method: str, confidence: float, unit: str) -> Estimate:
    return Estimate(
        value=None, low=None, high=None, n=n, method=f"{method}-jackknife", confidence=confidence, unit=unit,
        reason=reason,
    )  # fmt: skip
