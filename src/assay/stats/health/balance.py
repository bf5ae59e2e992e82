"""Covariate balance: standardised differences judged against what a correct split of this size gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.adjustment.cells import Labels, label_codes
from assay.stats.adjustment.joint import Floats, column, same_length, treated_mask
from assay.stats.adjustment.result import welch
from assay.stats.health.tables import SMALL_EXPECTED, association, chi_square_sf, two_by_two_p
from assay.stats.multiplicity.adjusted import benjamini_hochberg, holm
from assay.stats.special import check_confidence

_LOOK = 1_000
_CORRECTIONS = {"holm": holm, "bh": benjamini_hochberg}


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateBalance:
    """One covariate, treatment against control.

    Attributes:
        kind: ``number``, ``binary`` (two values) or ``category``.
        standardised: Difference in pooled standard deviations; for a category the length of the vector of share
            differences in the metric of their covariance, at least 0; ``None`` when the covariate does not vary.
        null_limit: Size of ``standardised`` that a correct split of this size stays below with probability
            1 - level, for this covariate alone; compare it with a flat 0.1 or 5 %.
        difference: Of the means (of the shares where binary); ``None`` for a category.
        p_value: Welch's t, a score or Fisher test for shares, Pearson's chi-square for categories.
        p_adjusted: Over all covariates.
        method: Name of the test.
        imbalanced: ``p_adjusted`` below the level.
        note: What was merged to make the test hold; ``""`` when nothing was.
    """

    name: str
    kind: Literal["number", "binary", "category"]
    standardised: float | None
    null_limit: float
    difference: Estimate | None
    p_value: float | None
    p_adjusted: float | None
    method: str
    imbalanced: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceReport:
    """All covariates of one experiment.

    Attributes:
        balanced: No covariate's adjusted p-value is below the level.
        correction: ``holm`` or ``bh``.
        level: Of the correction.
        omnibus_p: One test of all covariates together, against many small differences; ``None`` when no covariate
            varies or units are too few.
        sentence: The finding in words.
    """

    balanced: bool
    covariates: tuple[CovariateBalance, ...]
    correction: str
    level: float
    omnibus_p: float | None
    sentence: str


def covariate_balance(
    treated: npt.ArrayLike,
    covariates: Mapping[str, Labels],
    *,
    level: float = 0.01,
    correction: Literal["holm", "bh"] = "holm",
    confidence: float = 0.95,
) -> BalanceReport:
    """Do the arms differ in what they were before the experiment by more than chance allows?

    A standardised difference has a standard deviation of about sqrt(1/n1 + 1/n0) under a correct split, so a flat
    limit is no test: 5 % flags 26 % of correct splits for one covariate at 1,000 units an arm, and hides real trouble
    at a million. Here each is tested at this n and the p-values are corrected over the covariates.

    Args:
        treated: 1 or true for the treatment, shape ``(n,)``.
        covariates: Numbers (finite; two values are compared as shares) or labels, shape ``(n,)`` each.
        level: Of the corrected tests together.
        correction: ``holm`` (any false flag) or ``bh`` (expected share of false flags).
        confidence: Of each covariate's difference.

    Raises:
        InvalidInputError: Lengths differ, a number is not finite, or an arm has fewer than two units.

    Sources:
        Austin (2009), Statistics in Medicine 28, 3083-3107, on standardised differences and their null;
        Yang & Dalton (2012), SAS Global Forum 335, for categories; Hansen & Bowers (2008), Statistical Science 23,
        219-236, for the omnibus test.

    Examples:
        >>> rng = np.random.default_rng(2)
        >>> report = covariate_balance(rng.random(2_000) < 0.5, {"age": rng.normal(40, 9, size=2_000)})
        >>> report.balanced, round(report.covariates[0].null_limit, 3)
        (True, 0.115)
    """
    check_confidence(confidence)
    if correction not in _CORRECTIONS or not 0.0 < level < 1.0:
        raise InvalidInputError(f"correction {correction!r} at {level}", hint="'holm' or 'bh', 0 < level < 1")
    if not covariates:
        raise InvalidInputError("there is no covariate", hint="give at least one")
    mask = treated_mask(treated)
    found, columns = [], []
    for name, values in covariates.items():
        one, encoded = _one(name, values, mask, level, confidence)
        found.append(one)
        columns.append(encoded)
    adjusted = iter(_CORRECTIONS[correction]([one.p_value for one in found if one.p_value is not None]))
    judged = tuple(_judged(one, next(adjusted), level) if one.p_value is not None else one for one in found)
    bad = sorted((one for one in judged if one.imbalanced), key=lambda one: one.p_adjusted or 0.0)
    return BalanceReport(
        balanced=not bad,
        covariates=judged,
        correction=correction,
        level=level,
        omnibus_p=_omnibus(np.column_stack(columns), mask),
        sentence=_sentence(bad, len(judged), level, correction),
    )


def _judged(one: CovariateBalance, p_adjusted: float, level: float) -> CovariateBalance:
    return replace(one, p_adjusted=p_adjusted, imbalanced=p_adjusted < level)


def _is_number(name: str, values: Labels) -> bool:
    """Whether a covariate holds numbers rather than labels.

    Raises:
        InvalidInputError: It holds both.
    """
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values.dtype.kind in "biuf"
    kinds = {type(value) for value in values}
    numeric = {kind for kind in kinds if issubclass(kind, (int, float, np.number, np.bool_))}
    if numeric and numeric != kinds:
        raise InvalidInputError(
            f"covariate {name} mixes numbers with something else",
            hint="fill gaps in a number and add a 0/1 column that says so; write codes as text",
        )
    return bool(numeric)


def _one(
    name: str, values: Labels, mask: npt.NDArray[np.bool_], level: float, confidence: float
) -> tuple[CovariateBalance, Floats]:
    """One covariate without its correction, and its numeric columns for the omnibus test."""
    if not _is_number(name, values):
        return _category(name, values, mask, level)
    numbers = column(np.asarray(values), name)
    same_length([mask, numbers], ["treated", name])
    distinct = np.unique(numbers[:_LOOK])
    if distinct.size <= 2:
        distinct = np.unique(numbers)
    arms = (numbers[~mask], numbers[mask])
    counts = np.array([arm.size for arm in arms], dtype=np.float64)
    means = np.array([arm.mean() for arm in arms])
    squares = np.array([np.square(arm - arm.mean()).sum() for arm in arms])
    difference, p_value, _ = welch(counts, means, squares, confidence=confidence, unit="covariate")
    spread = math.sqrt(float((squares / (counts - 1.0)).mean()))
    varies, method = difference.std_error is not None, "welch"
    if distinct.size == 2:  # also where each arm has one value of its own
        ones = [int((arm == distinct[1]).sum()) for arm in arms]
        p_value, method = two_by_two_p(ones[0], arms[0].size, ones[1], arms[1].size)
    found = CovariateBalance(
        name=name,
        kind="binary" if distinct.size == 2 else "number",
        standardised=(means[1] - means[0]) / spread if varies else None,
        null_limit=_null_limit(counts, 1, level),
        difference=difference,
        p_value=p_value,
        p_adjusted=None,
        method=method,
        imbalanced=False,
        note="" if varies else "the covariate does not vary within the arms",
    )
    return found, numbers[:, None]


def _category(name: str, values: Labels, mask: npt.NDArray[np.bool_], level: float) -> tuple[CovariateBalance, Floats]:
    levels, codes = label_codes(values)
    same_length([mask, codes], ["treated", name])
    table = np.bincount(codes * 2 + mask, minlength=2 * len(levels)).reshape(-1, 2).astype(np.float64)
    counts = table.sum(axis=0)
    # rare levels are tested as one: chi-square needs an expected count of about 5 in every cell
    rare = table.sum(axis=1) * counts.min() / counts.sum() < SMALL_EXPECTED
    note, tested = "", table
    if rare.sum() > 1 or (rare.any() and len(levels) > 2):
        tested = np.vstack([table[~rare], table[rare].sum(axis=0)])
        note = f"{int(rare.sum())} rare levels of {len(levels)} were tested as one"
        if len(tested) > 2 and tested[-1].sum() * counts.min() / counts.sum() < SMALL_EXPECTED:
            smallest = int(tested[:-1].sum(axis=1).argmin())
            tested = np.vstack([np.delete(tested[:-1], smallest, axis=0), tested[-1] + tested[smallest]])
    if len(tested) == 2:
        p_value, method = two_by_two_p(int(tested[0, 0]), int(counts[0]), int(tested[0, 1]), int(counts[1]))
    else:
        p_value, method = association(tested)[2], "chi-square"
    shares = tested / counts
    found = CovariateBalance(
        name=name,
        kind="category",
        standardised=_length(shares) if len(tested) > 1 else None,
        null_limit=_null_limit(counts, max(len(tested) - 1, 1), level),
        difference=None,
        p_value=p_value if len(tested) > 1 else None,
        p_adjusted=None,
        method=method,
        imbalanced=False,
        note=note if len(levels) > 1 else "the covariate has one level",
    )
    return found, (codes[:, None] == np.arange(1, len(levels))).astype(np.float64)


def _length(shares: Floats) -> float:
    """Mahalanobis length of the differences of shares, all levels but the last."""
    gap, covariance = shares[:-1, 1] - shares[:-1, 0], np.zeros((len(shares) - 1, len(shares) - 1))
    for arm in (0, 1):
        share = shares[:-1, arm]
        covariance += 0.5 * (np.diag(share) - np.outer(share, share))
    return math.sqrt(max(float(gap @ np.linalg.pinv(covariance) @ gap), 0.0))


def _null_limit(counts: Floats, freedom: int, level: float) -> float:
    from scipy.special import gammainccinv

    return math.sqrt(2.0 * float(gammainccinv(freedom / 2.0, level)) * float((1.0 / counts).sum()))


def _omnibus(design: Floats, mask: npt.NDArray[np.bool_]) -> float | None:
    """Chi-square of the vector of mean differences under re-assignment, with the rank as degrees of freedom."""
    n, treated = mask.size, int(mask.sum())
    spread = design.std(axis=0)
    used = design[:, spread > 0.0]
    if not used.shape[1]:
        return None
    scaled = (used - used.mean(axis=0)) / spread[spread > 0.0]
    values, vectors = np.linalg.eigh(scaled.T @ scaled / (n - 1))
    held = values > 1e-9 * values[-1]
    if n < 10 * int(held.sum()):  # the approximation to the permutation law needs units to spare
        return None
    gap = scaled[mask].mean(axis=0) - scaled[~mask].mean(axis=0)
    statistic = float((np.square(gap @ vectors[:, held]) / values[held]).sum()) * treated * (n - treated) / n
    return chi_square_sf(statistic, int(held.sum()))


def _sentence(bad: Sequence[CovariateBalance], count: int, level: float, correction: str) -> str:
    if not bad:
        return f"no covariate of {count} differs between the arms by more than chance ({correction}, level {level:g})"
    worst = bad[0]
    size = "" if worst.standardised is None else f" by {abs(worst.standardised):.3f} standard deviations"
    return (
        f"{len(bad)} of {count} covariates differ between the arms beyond chance, most clearly {worst.name}{size} "
        f"(p = {worst.p_adjusted:.2g}, {correction}): check the assignment before reading metrics"
    )
