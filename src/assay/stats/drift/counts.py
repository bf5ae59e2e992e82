"""Drift of categories: chi-square, Kullback-Leibler and Jensen-Shannon divergence of counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.drift.result import (
    DriftResult,
    Floats,
    checked_level,
    checked_permutations,
    permutation_p,
    verdict_at,
)

ENOUGH_EXPECTED = 5.0
_CHUNK = 2_000

Counts = Mapping[Hashable, int] | Sequence[int] | npt.NDArray[np.int64]


def category_drift(
    reference: Counts,
    current: Counts,
    *,
    level: float = 0.05,
    permutations: int = 9_999,
    rng: np.random.Generator | None = None,
) -> DriftResult:
    """Chi-square test that categories are as frequent as before.

    Chi-square's law when every expected count is at least 5; with fewer, exact for two categories (hypergeometric),
    else by relabelling with ``rng``. A category that only one side has counts as 0 on the other.

    Args:
        reference: Counts by label, or in one order with ``current``.
        current: Counts by label, or in the same order.
        level: p at most this is drift.
        permutations: Relabellings when the table is sparse.
        rng: Needed for a sparse table of three or more categories.

    Returns:
        ``effect`` is Cramér's V, bias-corrected, without an interval.

    Raises:
        InvalidInputError: A count is no count, one side is empty, or only one category was seen.

    Sources:
        Pearson (1900), Philosophical Magazine 50, 157-175; Bergsma (2013), J. Korean Statistical Society 42 (V).

    Examples:
        >>> found = category_drift({"yes": 80, "no": 20}, {"yes": 60, "no": 40})
        >>> found.statistic, round(found.p_value, 5)
        (9.523809523809524, 0.00203)
        >>> category_drift([8, 0], [3, 5]).method
        'chi-square-exact'
    """
    table = checked_table(reference, current)
    checked_level(level)
    p_value, method, used, reason = counts_p_value(table, _chi_square, 1.0, "chi-square", level, permutations, rng)
    n, k = int(table.sum()), table.shape[1]
    statistic = float(_chi_square(table[:1], table[1:])[0])
    phi = max(0.0, statistic / n - (k - 1) / (n - 1))
    smaller = 2.0 - 1.0 / (n - 1)
    effect = Estimate(
        value=min(1.0, math.sqrt(phi / (smaller - 1.0))) if smaller > 1.0 else None,
        low=None,
        high=None,
        n=n,
        method="cramers-v",
        unit="association",
        reason="no interval: its law at 0 is not known without simulation",
    )
    return counts_result(table, p_value, statistic, level, method, effect, used, (), reason)


def divergence_drift(
    reference: Counts,
    current: Counts,
    *,
    kind: Literal["kl", "js"] = "js",
    smoothing: float = 0.5,
    level: float = 0.05,
    permutations: int = 9_999,
    rng: np.random.Generator | None = None,
) -> DriftResult:
    """Kullback-Leibler (current from reference) or Jensen-Shannon divergence of counts, in nats.

    Without drift 2nm/(n+m) · KL and 8nm/(n+m) · JS are about χ² with k - 1 degrees of freedom; a table with expected
    counts below 5 is judged by relabelling with ``rng``.

    Args:
        reference: Counts by label or in order.
        current: Counts by label or in order.
        kind: ``kl`` or ``js``.
        smoothing: Added to every count, above 0 for ``kl`` (a label new to the reference would be infinite).
        level: p at most this is drift.
        permutations: Relabellings when sparse.
        rng: Needed then.

    Raises:
        InvalidInputError: Counts do not fit, unknown kind, or no smoothing for ``kl``.

    Sources:
        Kullback (1959), Information Theory and Statistics, ch. 6; Lin (1991), IEEE Trans. Inf. Theory 37, 145-151.

    Examples:
        >>> round(divergence_drift([50, 50], [90, 10], kind="kl", smoothing=1e-9).statistic, 6)
        0.368064
    """
    if kind not in ("kl", "js"):
        raise InvalidInputError(f"there is no divergence {kind!r}", hint="'kl' or 'js'")
    if not (math.isfinite(smoothing) and smoothing >= 0.0) or (kind == "kl" and smoothing == 0.0):
        raise InvalidInputError(f"smoothing is {smoothing}", hint="above 0, for example 0.5; js allows 0")
    table = checked_table(reference, current)
    checked_level(level)
    n, m = (int(side) for side in table.sum(axis=1))
    scale = 2.0 * n * m / (n + m) * (4.0 if kind == "js" else 1.0)

    def statistic(first: Floats, second: Floats) -> Floats:
        p, q = smoothed_shares(first, smoothing), smoothed_shares(second, smoothing)
        if kind == "kl":
            return _relative_entropy(q, p)
        middle = 0.5 * (p + q)
        return 0.5 * (_relative_entropy(p, middle) + _relative_entropy(q, middle))

    p_value, method, used, reason = counts_p_value(table, statistic, scale, kind, level, permutations, rng)
    value = float(statistic(table[:1], table[1:])[0])
    note = f"without drift this divergence would be {(table.shape[1] - 1) / scale:.4g} nats on average at these sizes"
    return counts_result(table, p_value, value, level, method, None, used, (note,), reason)


def checked_table(reference: Counts, current: Counts) -> Floats:
    """Counts of both sides, shape ``(2, k)``, of the labels seen at all."""
    if isinstance(reference, Mapping) != isinstance(current, Mapping):
        raise InvalidInputError("one side has labels and the other has none", hint="two mappings or two sequences")
    if isinstance(reference, Mapping) and isinstance(current, Mapping):
        labels = list(dict.fromkeys([*reference, *current]))
        rows = [[side.get(label, 0) for label in labels] for side in (reference, current)]
    else:
        rows = [list(np.asarray(side).ravel()) for side in (reference, current)]
    if len(rows[0]) != len(rows[1]):
        raise InvalidInputError(f"{len(rows[0])} and {len(rows[1])} categories", hint="the same in one order")
    table = np.asarray(rows, dtype=np.float64)
    if table.ndim != 2 or not np.isfinite(table).all() or (table < 0).any() or (table != np.floor(table)).any():
        raise InvalidInputError("counts must be whole numbers", hint="at least 0, one for every category")
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        raise InvalidInputError(
            "one side is empty, or only one category was seen", hint="two categories and both sides"
        )
    return table


def counts_p_value(
    table: Floats,
    statistic: Callable[[Floats, Floats], Floats],
    scale: float,
    name: str,
    level: float,
    permutations: int,
    rng: np.random.Generator | None,
) -> tuple[float | None, str, int, str | None]:
    """p-value, method, relabellings used, and why there is none.

    ``scale`` times the statistic is about chi-square without drift.
    """
    from scipy.special import gammaincc

    total, columns = table.sum(), table.sum(axis=0)
    sizes = table.sum(axis=1)
    observed = statistic(table[:1], table[1:])
    if (sizes.min() * columns / total).min() >= ENOUGH_EXPECTED:
        return float(gammaincc(0.5 * (columns.size - 1), 0.5 * scale * observed[0])), f"{name}-asymptotic", 0, None
    if columns.size == 2:
        return _hypergeometric_p(table, statistic, float(observed[0])), f"{name}-exact", 0, None
    if rng is None:
        reason = "a category expects fewer than 5: too few for the asymptotic law; pass rng for a permutation p-value"
        return None, f"{name}-none", 0, reason
    checked_permutations(permutations, level)
    draws = [observed]
    for first in range(0, permutations, _CHUNK):
        drawn = rng.multivariate_hypergeometric(
            columns.astype(np.int64), int(sizes[0]), size=min(_CHUNK, permutations - first)
        ).astype(np.float64)
        draws.append(statistic(drawn, columns - drawn))
    return permutation_p(np.concatenate(draws)), f"{name}-permutation", permutations, None


def _hypergeometric_p(table: Floats, statistic: Callable[[Floats, Floats], Floats], observed: float) -> float:
    from scipy.special import gammaln

    def log_choose(n: Floats, k: Floats) -> Floats:
        return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))

    n, columns = float(table[0].sum()), table.sum(axis=0)
    hits = np.arange(max(0.0, n - columns[1]), min(n, columns[0]) + 1)
    first = np.column_stack([hits, n - hits])
    log_p = log_choose(columns, first).sum(axis=1) - log_choose(columns.sum(), np.asarray(n))
    extreme = statistic(first, columns - first) >= observed * (1.0 - 1e-9) - 1e-15
    return min(1.0, float(np.exp(log_p[extreme]).sum()))


def _chi_square(first: Floats, second: Floats) -> Floats:
    columns = first + second
    n, m = first.sum(axis=1, keepdims=True), second.sum(axis=1, keepdims=True)
    expected = columns * n / (n + m)
    return np.asarray((np.square(first - expected) / expected).sum(axis=1) * ((n + m) / m)[:, 0])


def smoothed_shares(counts: Floats, smoothing: float) -> Floats:
    """Shares of each row after adding ``smoothing`` to every count."""
    raised = counts + smoothing
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _relative_entropy(p: Floats, q: Floats) -> Floats:
    from scipy.special import rel_entr

    return np.asarray(rel_entr(p, q).sum(axis=1))


def counts_result(
    table: Floats,
    p_value: float | None,
    statistic: float,
    level: float,
    method: str,
    effect: Estimate | None,
    permutations: int,
    notes: tuple[str, ...],
    reason: str | None,
) -> DriftResult:
    """The result of a test on counts."""
    return DriftResult(
        verdict=verdict_at(p_value, level),
        p_value=p_value,
        statistic=statistic,
        level=level,
        method=method,
        n_reference=int(table[0].sum()),
        n_current=int(table[1].sum()),
        effect=effect,
        permutations=permutations,
        notes=notes,
        reason=reason,
    )
