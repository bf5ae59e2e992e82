"""Comparisons at equal compute: the best of k tries, and two systems at one budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, finite_vector
from assay.stats.intervals.jackknife import jackknife_error
from assay.stats.special import check_confidence, t_quantile, t_sf


def expected_best_of(
    scores: npt.ArrayLike, *, trials: Sequence[int], confidence: float = 0.95, unit: str = "score"
) -> dict[int, Estimate]:
    """Expected best score of k tries, for every k, from n >= k tries: what a search budget of k would have found.

    Reporting the best of many seeds against the best of few compares budgets, not systems. Unbiased: the mean of
    the best over all subsets of k. The interval is a t interval of the jackknife, approximate, for k up to a third
    of n (about 2 points short at k = 5 of 40, 1 at 5 of 80); beyond, there are no bounds.

    Args:
        scores: One score of each try, shape ``(n,)``; higher is better (negate losses).
        trials: Each k from 1 to n.
        confidence: Two-sided coverage.
        unit: Of the scores.

    Raises:
        InvalidInputError: A k is not between 1 and n.

    Sources:
        Dodge et al. (2019), EMNLP, arXiv:1909.03004; Tang et al. (2020), ACL, arXiv:2004.13705 (the unbiased form).

    Examples:
        >>> best = expected_best_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], trials=[1, 2])
        >>> best[1].value, round(best[2].value, 4)
        (3.5, 4.6667)
    """
    values = np.sort(finite_vector(scores, "scores"))
    n = values.size
    check_confidence(confidence)
    wrong = [k for k in trials if not 1 <= k <= n]
    if wrong or not trials:
        raise InvalidInputError(f"the best of {wrong or 'no'} tries cannot be had from {n}", hint=f"1 <= k <= {n}")
    answer = {}
    for k in dict.fromkeys(trials):
        value = float(_best_weights(n, k) @ values)
        std_error, reason = None, None
        if 3 * k > n or n < 3:
            reason = f"{n} tries are too few for an interval of the best of {k}"
        else:
            left = _left_out(values, k)
            std_error = jackknife_error(left)
            reason = (
                "the scores do not vary, so their spread is unknown"
                if std_error <= 1e-12 * float(np.abs(values).max())
                else None
            )
        half = None
        if std_error is not None and reason is None:
            half = t_quantile(0.5 + confidence / 2.0, n - 1) * std_error
        answer[k] = Estimate(
            value=value,
            low=None if half is None else value - half,
            high=None if half is None else value + half,
            n=n,
            method=f"best-of-{k}, jackknife-t",
            confidence=confidence,
            unit=unit,
            estimand="new tries like these",
            reason=reason,
            std_error=std_error if reason is None else None,
        )
    return answer


def _best_weights(n: int, k: int) -> Floats:
    """Chance that the i-th smallest of n is the best of k drawn without replacement: C(i - 1, k - 1) / C(n, k)."""
    weights = np.zeros(n)
    weight = k / n
    for i in range(n, k - 1, -1):
        weights[i - 1] = weight
        weight *= (i - k) / (i - 1) if i > 1 else 0.0
    return weights


def _left_out(values: Floats, k: int) -> Floats:
    """The statistic without each score in turn: those above it move down one place."""
    weights = _best_weights(values.size - 1, k)
    below = np.concatenate([[0.0], np.cumsum(weights * values[:-1])])
    above = np.concatenate([np.cumsum((weights * values[1:])[::-1])[::-1], [0.0]])
    return np.asarray(below + above)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedCompute:
    """Candidate minus baseline at one compute budget.

    Attributes:
        compute: The budget.
        difference: Mean over seeds; ``n`` seeds of both systems together.
        p_value: Two-sided (Welch), before any correction; ``None`` without an interval.
    """

    compute: float
    difference: Estimate
    p_value: float | None


def matched_compute_difference(
    baseline: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]],
    candidate: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    at: Sequence[float],
    simultaneous: bool = True,
    confidence: float = 0.95,
    unit: str = "score",
) -> list[MatchedCompute]:
    """Candidate minus baseline at equal compute, from one curve of scores over compute for every seed.

    Each seed's curve is read at the budget by straight lines in the logarithm of compute; the readings of the two
    systems are compared by Welch's t. A budget that some seed did not reach gives no number: nothing is extrapolated.

    Args:
        baseline: For each seed ``(compute, scores)``, both of shape ``(points,)``, compute above 0 and rising.
        candidate: The same of the other system, in the same unit of compute.
        at: Budgets.
        simultaneous: The intervals of all budgets hold together (Bonferroni).
        confidence: Two-sided coverage.
        unit: Of the scores.

    Raises:
        InvalidInputError: A curve is not rising in compute or not finite, or no budget is given.

    Sources:
        Welch (1947), Biometrika 34, 28-35; Dodge et al. (2019), arXiv:1909.03004 (report results with their budget).

    Examples:
        >>> slow = [([1, 10, 100], [0.1, 0.2, 0.3]), ([1, 10, 100], [0.1, 0.22, 0.32])]
        >>> fast = [([1, 10, 100], [0.2, 0.3, 0.4]), ([1, 10, 100], [0.22, 0.32, 0.42])]
        >>> [round(found.difference.value, 3) for found in matched_compute_difference(slow, fast, at=[10, 1000])
        ...  if found.difference.value is not None]
        [0.1]
    """
    check_confidence(confidence)
    if not at or min(at) <= 0.0 or not all(math.isfinite(budget) for budget in at):
        raise InvalidInputError(f"budgets {list(at)} cannot be matched", hint="at=[1e18, 1e19], above 0")
    systems = [[_curve(*points) for points in curves] for curves in (baseline, candidate)]
    if not all(systems):
        raise InvalidInputError("a system has no curve", hint="one (compute, scores) pair for every seed")
    level = 1.0 - (1.0 - confidence) / len(at) if simultaneous else confidence
    return [_at_budget(systems, float(budget), level, unit) for budget in at]


def _curve(compute: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[Floats, Floats]:
    x, y = finite_vector(compute, "compute"), finite_vector(scores, "scores")
    if x.size != y.size or x.min() <= 0.0 or (np.diff(x) <= 0.0).any():
        raise InvalidInputError("compute of a curve does not rise", hint="one score at each of rising budgets")
    return np.log(x), y


def _at_budget(
    systems: list[list[tuple[Floats, Floats]]], budget: float, confidence: float, unit: str
) -> MatchedCompute:
    point = math.log(budget)
    slack = 1e-9 * max(1.0, abs(point))
    curves = [curve for curves in systems for curve in curves]
    short = sum(not curve[0][0] - slack <= point <= curve[0][-1] + slack for curve in curves)
    readings = [np.array([np.interp(point, *curve) for curve in curves]) for curves in systems]
    sizes = [part.size for part in readings]
    gap = float(readings[1].mean() - readings[0].mean())
    reason = f"{short} of {len(curves)} curves do not reach this budget" if short else None
    if reason is None and min(sizes) < 2:
        reason = "one seed of a system tells nothing of new seeds"
    parts = [float(part.var(ddof=1)) / part.size if part.size > 1 else 0.0 for part in readings]
    if reason is None and math.sqrt(sum(parts)) <= 1e-12 * max(abs(float(part.mean())) for part in readings):
        reason = "the seeds do not differ, so their spread is unknown"
    half = std_error = p_value = None
    if reason is None:
        std_error = math.sqrt(sum(parts))
        df = sum(parts) ** 2 / sum(part * part / (size - 1) for part, size in zip(parts, sizes, strict=True))
        half = t_quantile(0.5 + confidence / 2.0, df) * std_error
        p_value = 2.0 * t_sf(abs(gap) / std_error, df)
    return MatchedCompute(
        compute=budget,
        difference=Estimate(
            value=None if short else gap,
            low=None if half is None else gap - half,
            high=None if half is None else gap + half,
            n=sum(sizes),
            method="welch-t over seeds",
            confidence=confidence,
            unit=unit,
            estimand="new seeds, these items",
            reason=reason,
            std_error=std_error,
        ),
        p_value=p_value,
    )
