"""Two tests on the whole distribution: Anderson-Darling (any number of samples) and Wasserstein distance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.drift.result import (
    DriftResult,
    Floats,
    checked_level,
    checked_permutations,
    finite_values,
    label_columns,
    permutation_p,
    permutation_result,
    verdict_at,
)

_CHUNK_CELLS = 2_000_000


def anderson_darling_drift(
    reference: npt.ArrayLike,
    *current: npt.ArrayLike,
    level: float = 0.05,
    permutations: int = 0,
    rng: np.random.Generator | None = None,
) -> DriftResult:
    """k-sample Anderson-Darling test with midranks: more weight on the tails than Kolmogorov-Smirnov.

    Without permutations the p-value is the limit law's tail (a weighted sum of chi-squares, inverted numerically),
    shifted and scaled to the exact mean and variance; meant for at least 8 values in each sample. With few values or
    many ties use permutations.

    Args:
        reference: Shape ``(n,)``.
        *current: One or more samples to compare with it, each shape ``(m,)``.
        level: p at most this is drift.
        permutations: Random relabellings; 0 for the limit law. Memory 8 bytes × values × relabellings, in chunks of
            16 MB.
        rng: Needed with permutations.

    Returns:
        The statistic is standardised: (A² - (k - 1)) / σ. ``n_current`` counts all current samples.

    Raises:
        InvalidInputError: Fewer than two samples or four values, all values equal, or permutations without ``rng``.

    Sources:
        Scholz & Stephens (1987), JASA 82, 918-924, eq. 7 (midranks) and section 3; Imhof (1961), Biometrika 48.

    Examples:
        >>> x = [38.7, 41.5, 43.8, 44.5, 45.5, 46.0, 47.7, 58.0]
        >>> y = [39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8]
        >>> found = anderson_darling_drift(x, y)
        >>> round(found.statistic, 3), round(found.p_value, 2)
        (1.718, 0.06)
    """
    checked_level(level)
    samples = [finite_values(reference, "the reference")]
    samples += [finite_values(one, "a current sample") for one in current]
    sizes = [one.size for one in samples]
    pooled = np.concatenate(samples)
    if len(samples) < 2 or pooled.size < 4:
        raise InvalidInputError(
            f"{len(samples)} samples with {pooled.size} values cannot be compared",
            hint="a reference and at least one current sample, four values together",
        )
    order = np.argsort(pooled, kind="stable")
    _, counts = np.unique(pooled, return_counts=True)
    if counts.size == 1:
        raise InvalidInputError("all values are equal", hint="there is nothing to compare")
    group = np.repeat(np.arange(len(samples)), sizes)[order]
    value = _anderson(group[None, :], counts, sizes)
    k, sigma = len(samples), _anderson_sigma(sizes)
    standard = float((value[0] - (k - 1)) / sigma)
    if permutations:
        checked_permutations(permutations, level)
        draws = [value]
        source = _generator(rng)
        rows = max(1, _CHUNK_CELLS // pooled.size)
        for first in range(0, permutations, rows):
            shuffled = np.tile(group, (min(rows, permutations - first), 1))
            draws.append(_anderson(source.permuted(shuffled, axis=1), counts, sizes))
        p_value, how = permutation_p(np.concatenate(draws)), "permutation"
    else:
        limit_sigma = math.sqrt(2.0 * (k - 1) * (math.pi**2 / 3.0 - 3.0))
        p_value, how = _limit_tail(k - 1 + limit_sigma * standard, k - 1), "asymptotic"
    tied = pooled.size - counts.size
    return DriftResult(
        verdict=verdict_at(p_value, level),
        p_value=p_value,
        statistic=standard,
        level=level,
        method=f"anderson-darling-{how}",
        n_reference=sizes[0],
        n_current=pooled.size - sizes[0],
        permutations=permutations,
        notes=(f"{tied:,} of {pooled.size:,} values are tied; midranks are used",) if tied else (),
    )


def _generator(rng: np.random.Generator | None) -> np.random.Generator:
    if rng is None:
        raise InvalidInputError("permutations need a generator", hint="pass rng=np.random.default_rng(seed)")
    return rng


def _anderson(groups: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], sizes: Sequence[int]) -> Floats:
    """A²_akN of each row of group labels of the sorted pooled values."""
    total = groups.shape[1]
    ends = np.cumsum(counts)
    middle = ends - 0.5 * counts
    weight = counts / (middle * (total - middle) - 0.25 * total * counts)
    found: Floats = np.zeros(len(groups))
    for label, size in enumerate(sizes):
        seen = np.cumsum(groups == label, axis=1, dtype=np.int64)[:, ends - 1]
        before = np.concatenate([np.zeros((len(groups), 1), dtype=np.int64), seen[:, :-1]], axis=1)
        half = 0.5 * (seen + before)
        found += ((total * half - middle * size) ** 2) @ weight / size
    scaled: Floats = found * ((total - 1) / total**2)
    return scaled


def _anderson_sigma(sizes: Sequence[int]) -> float:
    """Exact standard deviation of A² without ties (Scholz & Stephens 1987, section 3)."""
    total, k = sum(sizes), len(sizes)
    inverse = sum(1.0 / size for size in sizes)
    i = np.arange(1, total)
    harmonic = float((1.0 / i).sum())
    # g = Σ_{i=1}^{N-2} Σ_{j=i+1}^{N-1} 1 / ((N - i) j)
    tails = np.cumsum((1.0 / i)[::-1])[::-1]
    g = float((tails[1:] / (total - i[:-1])).sum())
    a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * inverse
    b = (2 * g - 4) * k**2 + 8 * harmonic * k + (2 * g - 14 * harmonic - 4) * inverse - 8 * harmonic + 4 * g - 6
    c = (6 * harmonic + 2 * g - 2) * k**2 + (4 * harmonic - 4 * g + 6) * k + (2 * harmonic - 6) * inverse + 4 * harmonic
    d = (2 * harmonic + 6) * k**2 - 4 * harmonic * k
    return math.sqrt((a * total**3 + b * total**2 + c * total + d) / ((total - 1) * (total - 2) * (total - 3)))


def _limit_tail(x: float, df: int) -> float:
    """P(Σ_j χ²_df / (j (j + 1)) > x) by Imhof's formula over 100 terms, the rest replaced by its mean.

    Below 1e-5 quadrature's own error shows; there the tail's first term stands in: the heaviest term's tail times
    Π_{j>1} (1 - 2/(j (j + 1)))^(-df/2) = 3^(df/2).
    """
    from scipy.special import gammaincc

    j = np.arange(1, 101)
    weights = 1.0 / (j * (j + 1.0))
    rest = df / 101.0  # Σ_{j>100} 1/(j (j+1)) telescopes to 1/101
    nodes, shares = np.polynomial.legendre.leggauss(16)
    borders = np.concatenate([[0.0], np.geomspace(0.05, 2_000.0, 120)])
    half = 0.5 * np.diff(borders)
    u = (0.5 * (borders[1:] + borders[:-1])[:, None] + half[:, None] * nodes).ravel()
    angle = 0.5 * df * np.arctan(np.outer(u, weights)).sum(axis=1) - 0.5 * u * (x - rest)
    log_size = 0.25 * df * np.log1p(np.outer(u, weights) ** 2).sum(axis=1)
    integral = float((np.sin(angle) / u * np.exp(-log_size)) @ (half[:, None] * shares).ravel())
    p_value = min(1.0, 0.5 + integral / math.pi)
    return p_value if p_value > 1e-5 else min(1e-5, 3.0 ** (0.5 * df) * float(gammaincc(0.5 * df, x)))


def wasserstein_drift(
    reference: npt.ArrayLike,
    current: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    level: float = 0.05,
    permutations: int = 999,
) -> DriftResult:
    """Wasserstein-1 (earth mover's) distance: how far values moved on average, in their own unit.

    The p-value is exact by permutation. The distance itself is above 0 without any drift; the note gives its mean
    under relabelling. There is no interval: the usual bootstrap is not valid where the true distance is 0.

    Args:
        reference: Shape ``(n,)``, finite.
        current: Shape ``(m,)``, finite.
        rng: Source of relabellings.
        level: p at most this is drift.
        permutations: Random relabellings; memory 16 MB at a time.

    Raises:
        InvalidInputError: Empty or not finite, or too few permutations for the level.

    Sources:
        Vallender (1974), Theory of Probability and its Applications 18, 784-786 (distance as an area).

    Examples:
        >>> found = wasserstein_drift([0.0, 1.0, 3.0], [5.0, 6.0, 8.0], rng=np.random.default_rng(1))
        >>> found.statistic
        5.0
    """
    checked_permutations(permutations, checked_level(level))
    first, second = finite_values(reference, "the reference"), finite_values(current, "the current data")
    n, m = first.size, second.size
    pooled = np.concatenate([first, second])
    order = np.argsort(pooled, kind="stable")
    widths = np.diff(pooled[order])
    parts = []
    rows = max(1, _CHUNK_CELLS // (n + m))
    for start in range(0, permutations, rows):
        labels = label_columns(n, m, min(rows, permutations - start), rng)[:, order]
        seen = np.cumsum(labels, axis=1, dtype=np.int32)[:, :-1]
        gaps = np.abs(seen * (1.0 / n + 1.0 / m) - np.arange(1, n + m) / m)
        parts.append((gaps @ widths)[1 if start else 0 :])
    distances = np.concatenate(parts)
    return permutation_result(
        distances,
        method="wasserstein-permutation",
        level=level,
        n_reference=n,
        n_current=m,
        notes=(f"without drift this distance would be {float(distances[1:].mean()):.4g} on average",),
    )
