"""Drift that a classifier can see: held-out power to tell current rows from reference rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.drift.kolmogorov import ks_drift
from assay.stats.drift.result import (
    DriftResult,
    Floats,
    checked_level,
    checked_permutations,
    finite_rows,
    label_columns,
    permutation_result,
    verdict_at,
)
from assay.stats.multiplicity.adjusted import holm
from assay.stats.two_sample import newcombe


def classifier_drift(
    reference: npt.ArrayLike,
    current: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    model: Literal["ridge", "logistic"] = "ridge",
    squares: bool = True,
    penalty: float = 0.1,
    folds: int = 5,
    level: float = 0.05,
    permutations: int = 500,
) -> DriftResult:
    """Classifier two-sample test, exact for any data.

    ``ridge`` scores every row by a ridge regression fitted to the other folds; the statistic is the mean area under the
    ROC curve over folds, its p-value by relabelling (all relabellings are fitted at once). ``logistic`` fits one half
    and tests on the other: given the predictions, the hits are hypergeometric without drift (Fisher's exact test).

    Args:
        reference: Shape ``(n, d)`` or ``(n,)``, finite, at least 2 · folds rows.
        current: Shape ``(m, d)`` or ``(m,)``.
        rng: Folds and relabellings.
        model: ``ridge`` or ``logistic``.
        squares: Squares of the standardised columns are features too, without which a change of variance is unseen.
        penalty: Ridge penalty per training row, above 0.
        folds: Of ``ridge``.
        level: p at most this is drift.
        permutations: Of ``ridge``.

    Returns:
        ``ridge``: the statistic is the area (½ without drift). ``logistic``: the statistic, and ``effect`` with its
        interval, is the share of current minus the share of reference test rows called current, which is a lower bound
        of the total variation distance. Memory: 8 bytes × (n + m) × (permutations + 2d).

    Raises:
        InvalidInputError: Too few rows, different columns, or no column varies.

    Sources:
        Lopez-Paz & Oquab (2017), ICLR, Revisiting classifier two-sample tests; Kim, Ramdas, Singh & Wasserman (2021),
        Annals of Statistics 49, 411-434 (permutation).

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> wider = classifier_drift(rng.normal(size=(200, 4)), 2.0 * rng.normal(size=(200, 4)), rng=rng)
        >>> wider.verdict, wider.statistic > 0.8
        ('drift', True)
    """
    checked_level(level)
    if model not in ("ridge", "logistic"):
        raise InvalidInputError(f"there is no model {model!r}", hint="'ridge' or 'logistic'")
    if not penalty > 0.0 or folds < 2:
        raise InvalidInputError(f"penalty {penalty}, folds {folds}", hint="penalty above 0, at least 2 folds")
    first, second = finite_rows(reference, "the reference"), finite_rows(current, "the current data")
    if first.shape[1] != second.shape[1]:
        raise InvalidInputError(
            f"{first.shape[1]} and {second.shape[1]} columns cannot be compared", hint="the same columns on both sides"
        )
    n, m = len(first), len(second)
    if min(n, m) < 2 * folds:
        raise InvalidInputError(f"{n} and {m} rows are too few for {folds} folds", hint="at least 2 · folds a side")
    features = _features(np.concatenate([first, second]), squares=squares)
    if model == "logistic":
        return _held_out(features, n, m, rng, penalty, level)
    checked_permutations(permutations, level)
    shuffled = rng.permutation(n + m)
    labels = ~label_columns(n, m, permutations, rng)[:, shuffled].T
    areas, pairs = np.zeros(permutations + 1), np.zeros(permutations + 1)
    for fold in np.array_split(np.arange(n + m), folds):
        inside = np.zeros(n + m, dtype=bool)
        inside[fold] = True
        rows = features[shuffled]
        scores = _ridge_scores(rows[~inside], labels[~inside], rows[inside], penalty)
        area, weight = _area(scores, labels[inside])
        areas += area * weight
        pairs += weight
    values = areas / np.maximum(pairs, 1.0)
    return permutation_result(
        values,
        method="classifier-ridge-permutation",
        level=level,
        n_reference=n,
        n_current=m,
        notes=(f"{folds} folds, {features.shape[1]} features, penalty {penalty:g}",),
    )


def column_drift(
    reference: npt.ArrayLike, current: npt.ArrayLike, *, names: Sequence[str] | None = None, level: float = 0.05
) -> dict[str, DriftResult]:
    """Kolmogorov-Smirnov column by column, p-values corrected by Holm over the columns.

    Args:
        reference: Shape ``(n, d)``.
        current: Shape ``(m, d)``.
        names: Of the columns; ``column 0`` and so on without them.
        level: Probability of any false alarm over all columns.

    Returns:
        By column; ``p_value`` is the corrected one, so a verdict holds for all columns together.

    Raises:
        InvalidInputError: Columns or names do not fit.

    Sources:
        Holm (1979), Scandinavian J. Statistics 6, 65-70; Rabanser, Günnemann & Lipton (2019), NeurIPS 32.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> found = column_drift(rng.normal(size=(99, 2)), rng.normal(size=(99, 2)) + [0, 2], names=["a", "b"])
        >>> [one.verdict for one in found.values()]
        ['no drift', 'drift']
    """
    first, second = finite_rows(reference, "the reference"), finite_rows(current, "the current data")
    titles = [f"column {i}" for i in range(first.shape[1])] if names is None else [str(name) for name in names]
    if first.shape[1] != second.shape[1] or len(titles) != first.shape[1] or len(set(titles)) != len(titles):
        raise InvalidInputError(
            f"{first.shape[1]} and {second.shape[1]} columns with {len(titles)} names",
            hint="the same columns on both sides, a different name for each",
        )
    found = [ks_drift(first[:, i], second[:, i], level=level) for i in range(first.shape[1])]
    adjusted = holm([one.p_value or 0.0 for one in found])
    return {
        title: DriftResult(
            verdict=verdict_at(float(p_value), level),
            p_value=float(p_value),
            statistic=one.statistic,
            level=level,
            method=f"{one.method}-holm",
            n_reference=one.n_reference,
            n_current=one.n_current,
            notes=one.notes,
        )
        for title, one, p_value in zip(titles, found, adjusted, strict=True)
    }


def _features(rows: Floats, *, squares: bool) -> Floats:
    """Standardised over both sides, so relabelling leaves them alone; constant columns are left out."""
    found = _standardised(np.asarray(rows, dtype=np.float64))
    if squares:
        found = np.column_stack([found, _standardised(np.square(found))])
    if found.shape[1] == 0:
        raise InvalidInputError("no column varies", hint="there is nothing to compare")
    return found


def _standardised(columns: Floats) -> Floats:
    spread = columns.std(axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(columns).max(axis=0), 1e-300)
    return np.asarray((columns[:, varies] - columns[:, varies].mean(axis=0)) / spread[varies])


def _ridge_scores(rows: Floats, labels: npt.NDArray[np.bool], held_out: Floats, penalty: float) -> Floats:
    """Scores of the held-out rows, one column a labelling."""
    from scipy.linalg import cho_factor, cho_solve

    centre = rows.mean(axis=0)
    centred = rows - centre
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += penalty * len(rows)
    slopes = cho_solve(cho_factor(gram), centred.T @ labels.astype(np.float64))
    return np.asarray((held_out - centre) @ slopes)


def _area(scores: Floats, labels: npt.NDArray[np.bool]) -> tuple[Floats, Floats]:
    """Area under the ROC curve of each column, and its number of pairs; rows are in random order, so ties are fair."""
    order = np.argsort(scores, axis=0, kind="stable")
    ranked = np.take_along_axis(labels, order, axis=0)
    positives = ranked.sum(axis=0).astype(np.float64)
    pairs = positives * (len(ranked) - positives)
    rank_sum = np.arange(1.0, len(ranked) + 1.0) @ ranked
    return (rank_sum - positives * (positives + 1.0) / 2.0) / np.maximum(pairs, 1.0), pairs


def _held_out(features: Floats, n: int, m: int, rng: np.random.Generator, penalty: float, level: float) -> DriftResult:
    labels = np.arange(n + m) >= n
    train = np.zeros(n + m, dtype=bool)
    train[rng.permutation(n)[: n // 2]] = True
    train[n + rng.permutation(m)[: m // 2]] = True
    weights, intercept = _logistic(features[train], labels[train], penalty)
    share = float(labels[train].mean())
    called = features[~train] @ weights + intercept > np.log(share / (1.0 - share))
    truth = labels[~train]
    p_value = _fisher(int(called[truth].sum()), int(truth.sum()), int(called.sum()), truth.size)
    effect: Estimate = newcombe(
        int(called[truth].sum()), int(truth.sum()), int(called[~truth].sum()), int((~truth).sum())
    )
    return DriftResult(
        verdict=verdict_at(p_value, level),
        p_value=p_value,
        statistic=float(effect.value or 0.0),
        level=level,
        method="classifier-logistic-exact",
        n_reference=n,
        n_current=m,
        effect=effect,
        notes=(f"fitted on {int(train.sum()):,} rows, tested on {truth.size:,}",),
    )


def _logistic(rows: Floats, labels: npt.NDArray[np.bool], penalty: float) -> tuple[Floats, float]:
    """Penalised logistic regression by Newton's method; the penalty keeps it finite under separation."""
    design = np.column_stack([rows, np.ones(len(rows))])
    ridge = np.full(design.shape[1], 0.25 * penalty * len(rows))
    ridge[-1] = 1e-9
    beta: Floats = np.zeros(design.shape[1])
    for _ in range(50):
        chance = 0.5 * (1.0 + np.tanh(0.5 * (design @ beta)))
        curvature = (design * (chance * (1.0 - chance))[:, None]).T @ design
        curvature[np.diag_indices_from(curvature)] += ridge
        step = np.linalg.solve(curvature, design.T @ (labels - chance) - ridge * beta)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-8:
            break
    return beta[:-1], float(beta[-1])


def _fisher(hits: int, drawn: int, marked: int, total: int) -> float:
    """P(at least so many of the drawn are marked) without replacement."""
    from scipy.special import gammaln

    def log_choose(n: Floats | int, k: Floats | int) -> Floats:
        return np.asarray(
            gammaln(np.asarray(n) + 1.0) - gammaln(np.asarray(k) + 1.0) - gammaln(np.asarray(n) - k + 1.0)
        )

    x = np.arange(hits, min(drawn, marked) + 1, dtype=np.float64)
    log_p = log_choose(marked, x) + log_choose(total - marked, drawn - x) - log_choose(total, drawn)
    return min(1.0, float(np.exp(log_p).sum()))
