"""P-values adjusted for how many were looked at. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.errors import InvalidInputError


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: controls the chance of any false rejection, whatever the dependence.

    Args:
        p_values: Each in [0, 1], in any order; the answer has the same order.

    Sources:
        Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    _check(p_values)
    adjusted, running, count = [0.0] * len(p_values), 0.0, len(p_values)
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        running = max(running, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Each p-value times their number: Holm is never worse, but this one has matching simultaneous intervals.

    Examples:
        >>> bonferroni([0.01, 0.6])
        [0.02, 1.0]
    """
    _check(p_values)
    return [min(1.0, len(p_values) * p) for p in p_values]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Step-up adjustment that controls the expected share of false discoveries (independent or positively dependent).

    Sources:
        Benjamini & Hochberg (1995), JRSS B 57, 289-300.

    Examples:
        >>> benjamini_hochberg([0.01, 0.04, 0.03])
        [0.03, 0.04, 0.04]
    """
    _check(p_values)
    adjusted, running, count = [0.0] * len(p_values), 1.0, len(p_values)
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__, reverse=True)):
        running = min(running, count / (count - rank) * p_values[index])
        adjusted[index] = running
    return adjusted


def _check(p_values: Sequence[float]) -> None:
    wrong = [p for p in p_values if not 0.0 <= p <= 1.0]
    if wrong:
        raise InvalidInputError(f"{wrong[0]} is not a p-value", hint="leave comparisons without a p-value out")
