"""How many independent judges a panel is worth, from how their errors go together."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Codes, Floats, cluster_codes
from assay.stats.intervals.jackknife import jackknife_error
from assay.stats.special import check_confidence, t_quantile

MOST = 300.0
FEWEST_UNITS = 10
"""Items or clusters below which the spread of a correlation is not known well enough for bounds."""


def effective_judges(
    verdicts: npt.ArrayLike,
    truth: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Independent judges whose mean would be as good as this panel's: k / (1 + (k - 1) · mean error correlation).

    An error is a verdict minus the truth; every pair of judges has a Pearson correlation of errors. Five judges that
    err on the same items are worth hardly more than one. Items, or clusters, are left out in turn for a jackknife
    interval on the logit of 1 / value, which is Fisher's scale for an intraclass correlation, with a t quantile.
    O(n·k) memory, O(n·k²) time.

    Args:
        verdicts: Shape ``(n, k)``, an item a row and a judge a column; NaN where a judge gave none.
        truth: What was right, on the same scale, shape ``(n,)``; NaN where nobody knows.
        clusters: Label of each item's group (document), shape ``(n,)``.
        confidence: Two-sided coverage.

    Returns:
        A number of judges, above 1 unless all errors are the same; above k where errors cancel each other. Items
        without one of the verdicts or the truth are left out and counted in ``unscored``. No value, with the reason,
        where a judge's errors do not vary (it is always right, say) or errors cancel exactly; no bounds below ten
        items (clusters), where all errors are the same, or where it takes one item to tell them apart.

    Raises:
        InvalidInputError: Shapes do not fit, there are fewer than two judges, or a number is infinite.

    Sources:
        Kish (1965), Survey Sampling, section 8.2 (design effect); Fisher (1925), Statistical Methods for Research
        Workers, section 39 (z of an intraclass correlation); Miller (1974), Biometrika 61, 1-15 (jackknife).

    Examples:
        >>> truth = [0, 0, 0, 0, 1, 1, 1, 1]
        >>> alike = [[1, 1], [0, 0], [0, 0], [0, 0], [1, 1], [1, 1], [1, 1], [0, 0]]
        >>> effective_judges(alike, truth).value
        1.0
        >>> apart = [[1, 0], [0, 1], [0, 0], [0, 0], [0, 1], [1, 0], [1, 1], [1, 1]]
        >>> effective_judges(apart, truth).value
        2.0
    """
    check_confidence(confidence)
    errors, codes, left_out = _errors(verdicts, truth, clusters)
    n, k = errors.shape

    def answer(
        value: float | None,
        reason: str | None,
        bounds: tuple[float, float] | None = None,
        std_error: float | None = None,
    ) -> Estimate:
        return Estimate(
            value=value,
            low=bounds[0] if bounds else None,
            high=bounds[1] if bounds else None,
            n=n,
            method="jackknife-t" if codes is None else "cluster-jackknife-t",
            confidence=confidence,
            unit="judges",
            reason=reason,
            n_clusters=None if codes is None else int(codes.max(initial=-1)) + 1,
            std_error=std_error,
            unscored=left_out,
        )

    if n < 2:
        return answer(None, "fewer than two items with every verdict and the truth")
    spread = errors.std(axis=0)
    still = np.flatnonzero(spread <= 1e-12 * np.maximum(np.abs(errors).max(axis=0), 1e-300))
    if still.size:
        return answer(None, f"the errors of judge {int(still[0])} do not vary: it errs on no item, or on all alike")
    z = (errors - errors.mean(axis=0)) / spread
    share = float(np.square(z.sum(axis=1)).mean()) / k**2  # variance of the mean of errors of variance 1: 1 / value
    if share <= 1e-12:
        return answer(None, "the errors cancel exactly")
    if share >= 1.0 - 1e-12:
        return answer(1.0, "all judges make the same errors")
    value = 1.0 / share
    group = np.arange(n) if codes is None else codes
    units = int(group.max()) + 1
    if units < FEWEST_UNITS:
        return answer(value, f"fewer than {FEWEST_UNITS} {'items' if codes is None else 'clusters'}")
    logits = _logits_without(z, group)
    if not np.isfinite(logits).all():
        return answer(value, "without one of the items a judge's errors do not vary, or all are the same")
    spread = jackknife_error(logits)
    if spread <= 1e-12:
        return answer(value, "every item weighs the same, so the spread is unknown")
    middle = units * math.log(share / (1.0 - share)) - (units - 1) * float(logits.mean())
    half = t_quantile(0.5 + confidence / 2.0, units - 1) * spread
    bounds = (1.0 + math.exp(min(-middle - half, MOST)), 1.0 + math.exp(min(half - middle, MOST)))
    return answer(value, None, bounds, spread * (value - 1.0))


def _logits_without(z: Floats, group: Codes) -> Floats:
    """Logit of 1 / value when each group in turn is left out, shape ``(groups,)``; not finite where there is none.

    Sums of standardised errors, of their squares and of their products are enough, and a group's are taken away.
    """
    n, k = z.shape
    left = n - np.bincount(group).astype(np.float64)[:, None]
    mean = np.stack([np.bincount(group, weights=-column) for column in z.T], axis=1) / left
    squares = np.stack([np.bincount(group, weights=np.square(column)) for column in z.T], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (n - squares) / left - np.square(mean)
        weight = np.where(variance > 1e-12, variance, np.nan) ** -0.5
        taken = np.bincount(group, weights=np.square((weight[group] * z).sum(axis=1)))
        total = ((weight @ (z.T @ z)) * weight).sum(axis=1)
        share = ((total - taken) / left[:, 0] - np.square((weight * mean).sum(axis=1))) / k**2
        return np.asarray(np.log(share / (1.0 - share)))


def _errors(
    verdicts: npt.ArrayLike, truth: npt.ArrayLike, clusters: Sequence[Hashable] | None
) -> tuple[Floats, Codes | None, int]:
    """Errors on the items that have every verdict, shape ``(m, k)``, their clusters, and how many items have not."""
    try:
        table, right = np.asarray(verdicts, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError("verdicts or truth are not numbers", hint="NaN where there is none") from error
    if table.ndim != 2 or right.shape != table.shape[:1] or table.shape[1] < 2:
        raise InvalidInputError(
            f"verdicts of shape {table.shape} and a truth of shape {right.shape} are no panel's",
            hint="an item a row, a judge a column, at least two judges; one truth an item",
        )
    if np.isinf(table).any() or np.isinf(right).any():
        raise InvalidInputError("a verdict or the truth is infinite", hint="NaN where there is none")
    codes = cluster_codes(clusters, right.size)
    errors = table - right[:, None]
    known = np.isfinite(errors).all(axis=1)
    if codes is not None:
        codes = np.unique(codes[known], return_inverse=True)[1].ravel()
    return errors[known], codes, int((~known).sum())
