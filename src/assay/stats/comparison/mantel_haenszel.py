"""Two arms over strata of 0/1 outcomes: Mantel-Haenszel's common odds ratio and risk difference, and their test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.adjustment.cells import StratumTable
from assay.stats.health.tables import chi_square_sf
from assay.stats.health.weighting import mantel_haenszel_odds_ratio
from assay.stats.special import check_confidence, normal_quantile

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MantelHaenszel:
    """Effects over strata.

    Attributes:
        odds_ratio: Common odds ratio, candidate to baseline (Robins, Breslow & Greenland's interval).
        risk_difference: Common risk difference (Sato's interval).
        p_value: Cochran-Mantel-Haenszel test of no effect in any stratum, without continuity correction; ``None``
            where no stratum says anything.
        homogeneity_p_value: Breslow-Day test, with Tarone's correction, that one odds ratio fits all strata; small
            means that a common odds ratio hides different ones. ``None`` where fewer than two strata say anything.
    """

    odds_ratio: Estimate
    risk_difference: Estimate
    p_value: float | None
    homogeneity_p_value: float | None


def mantel_haenszel(table: StratumTable, *, confidence: float = 0.95) -> MantelHaenszel:
    """Two arms compared within strata; holds for many small strata and for few large ones.

    Args:
        table: Units and successes of both arms in each stratum, control first: ``StratumTable.of`` (0/1 outcomes) or
            ``StratumTable.from_counts``.
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: Outcomes are not 0/1.

    Sources:
        Mantel & Haenszel (1959), J. National Cancer Institute 22, 719-748; Greenland & Robins (1985), Biometrics 41,
        55-68, and Sato, Greenland & Robins (1989), Biometrics 45, 1323-1324 (risk difference); Breslow & Day (1980),
        Statistical Methods in Cancer Research I, section 4.4; Tarone (1985), Biometrika 72, 91-95.

    Examples:
        >>> table = StratumTable.from_counts({"small": (234, 270, 81, 87), "large": (55, 80, 192, 263)})
        >>> found = mantel_haenszel(table)
        >>> round(found.odds_ratio.value, 4), round(found.risk_difference.value, 4)
        (1.4468, 0.0538)
    """
    check_confidence(confidence)
    cells = _Cells.of(table)
    return MantelHaenszel(
        odds_ratio=mantel_haenszel_odds_ratio(table, confidence=confidence),
        risk_difference=_risk_difference(cells, confidence),
        p_value=_no_effect(cells),
        homogeneity_p_value=_homogeneity(cells),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cells:
    """Successes and units of each stratum, shape ``(strata,)`` each."""

    old: Floats
    old_n: Floats
    new: Floats
    new_n: Floats

    @classmethod
    def of(cls, table: StratumTable) -> _Cells:
        counts = table.counts.astype(np.float64)
        ones = counts * table.means
        whole = np.rint(ones)
        if not table.binary:
            raise InvalidInputError("the outcomes are not 0 and 1", hint="stratified_difference takes any outcome")
        both = (counts > 0.0).all(axis=1)
        return cls(old=whole[both, 0], old_n=counts[both, 0], new=whole[both, 1], new_n=counts[both, 1])

    @property
    def n(self) -> Floats:
        return self.old_n + self.new_n


def _risk_difference(cells: _Cells, confidence: float) -> Estimate:
    size, method = int(cells.n.sum()), "mantel-haenszel-sato"
    weights = cells.old_n * cells.new_n / cells.n
    total = float(weights.sum())
    if total == 0.0:
        return Estimate(
            value=None, low=None, high=None, n=size, method=method, confidence=confidence, unit="share",
            reason="no stratum holds both arms",
        )  # fmt: skip
    value = float(((cells.new * cells.old_n - cells.old * cells.new_n) / cells.n).sum()) / total
    uneven = 0.5 * cells.old_n * cells.new_n * (cells.old_n - cells.new_n)
    p = (cells.new_n**2 * cells.old - cells.old_n**2 * cells.new + uneven) / cells.n**2
    q = (cells.new * (cells.old_n - cells.old) + cells.old * (cells.new_n - cells.new)) / (2.0 * cells.n)
    variance = (value * float(p.sum()) + float(q.sum())) / total**2
    if variance <= 0.0:
        return Estimate(
            value=value, low=None, high=None, n=size, method=method, confidence=confidence, unit="share",
            reason="each arm has only successes or only failures, so the variance is unknown",
        )  # fmt: skip
    half = normal_quantile(0.5 + confidence / 2.0) * math.sqrt(variance)
    return Estimate(
        value=value, low=value - half, high=value + half, n=size, method=method, confidence=confidence, unit="share",
        std_error=math.sqrt(variance),
    )  # fmt: skip


def _no_effect(cells: _Cells) -> float | None:
    n, ones = cells.n, cells.old + cells.new
    said = n > 1.0
    variance = float((cells.old_n * cells.new_n * ones * (n - ones))[said] @ (1.0 / (n[said] ** 2 * (n[said] - 1.0))))
    if variance <= 0.0:
        return None
    gap = float((cells.new - ones * cells.new_n / n).sum())
    return chi_square_sf(gap * gap / variance, 1)


def _homogeneity(cells: _Cells) -> float | None:
    ones = cells.old + cells.new
    telling = (ones > 0.0) & (ones < cells.n)
    new, new_n, old_n, ones, n = (
        each[telling] for each in (cells.new, cells.new_n, cells.old_n, ones, cells.n)
    )  # fmt: skip
    old = ones - new
    up, down = float((new * (old_n - old) / n).sum()), float((old * (new_n - new) / n).sum())
    if new.size < 2 or up == 0.0 or down == 0.0:
        return None
    odds = up / down
    # the count x expected at this odds ratio: x (old_n - ones + x) = odds (new_n - x) (ones - x)
    a, b, c = 1.0 - odds, old_n - ones + odds * (new_n + ones), -odds * new_n * ones
    expected = -2.0 * c / (b + np.sqrt(np.maximum(b * b - 4.0 * a * c, 0.0)))
    inverse = 1.0 / expected + 1.0 / (new_n - expected) + 1.0 / (ones - expected) + 1.0 / (old_n - ones + expected)
    statistic = float((np.square(new - expected) * inverse).sum())
    statistic -= float((new - expected).sum()) ** 2 / float((1.0 / inverse).sum())
    return chi_square_sf(statistic, new.size - 1)
