"""P-values of small tables of counts: exact where the counts are small, chi-square where they are not."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

SMALL_EXPECTED = 5.0
"""Below this expected count in a 2 × 2 table Fisher's exact test takes the place of chi-square (Cochran 1954)."""


def chi_square_sf(statistic: float, freedom: int) -> float:
    """P(X > statistic) for a chi-square variable with whole degrees of freedom."""
    if freedom == 1:
        return math.erfc(math.sqrt(max(statistic, 0.0) / 2.0))
    from scipy.special import gammaincc

    return float(gammaincc(freedom / 2.0, max(statistic, 0.0) / 2.0))


def two_by_two_p(first_ones: int, first_n: int, second_ones: int, second_n: int) -> tuple[float, str]:
    """Two-sided p-value that two shares are equal, and the test: ``score`` or ``fisher``.

    Sources:
        Fisher (1935), The Logic of Inductive Inference, JRSS 98, 39-82; two-sided by ordering on the probability.

    Examples:
        >>> two_by_two_p(1, 10, 9, 10)[1], round(two_by_two_p(1, 10, 9, 10)[0], 6)
        ('score', 0.000347)
        >>> two_by_two_p(3, 4, 1, 4)[1], round(two_by_two_p(3, 4, 1, 4)[0], 6)
        ('fisher', 0.485714)
    """
    ones, n = first_ones + second_ones, first_n + second_n
    if ones in (0, n):
        return 1.0, "fisher"
    if min(ones, n - ones) * min(first_n, second_n) / n >= SMALL_EXPECTED:
        share = ones / n
        gap = second_ones / second_n - first_ones / first_n
        z = gap / math.sqrt(share * (1.0 - share) * (1.0 / first_n + 1.0 / second_n))
        return math.erfc(abs(z) / math.sqrt(2.0)), "score"
    from scipy.special import gammaln

    possible = np.arange(max(0, ones - second_n), min(ones, first_n) + 1)
    log_p = -(
        gammaln(possible + 1)
        + gammaln(ones - possible + 1)
        + gammaln(first_n - possible + 1)
        + gammaln(second_n - ones + possible + 1)
    )
    p = np.exp(log_p - log_p.max())
    seen = p[possible == first_ones][0]
    return min(1.0, float(p[p <= seen * (1.0 + 1e-7)].sum() / p.sum())), "fisher"


def association(table: npt.NDArray[np.float64]) -> tuple[float, int, float]:
    """Pearson's statistic, degrees of freedom and p-value of a table whose rows and columns all hold something."""
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float((np.square(table - expected) / expected).sum())
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    return statistic, freedom, chi_square_sf(statistic, freedom) if freedom else 1.0
