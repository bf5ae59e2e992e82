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


def hochberg(p_values: Sequence[float]) -> list[float]:
    """Hochberg's step-up adjustment: never above Holm's; needs independent or positively dependent tests.

    Args:
        p_values: Each in [0, 1], in any order; the answer has the same order.

    Raises:
        InvalidInputError: A value is not in [0, 1].

    Sources:
        Hochberg (1988), Biometrika 75, 800-802.

    Examples:
        >>> hochberg([0.01, 0.04, 0.03])
        [0.03, 0.04, 0.04]
    """
    _check(p_values)
    adjusted, running = [0.0] * len(p_values), 1.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__, reverse=True)):
        running = min(running, (rank + 1) * p_values[index])
        adjusted[index] = running
    return adjusted


def benjamini_yekutieli(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's adjustment times 1 + 1/2 + … + 1/m: holds under any dependence.

    Sources:
        Benjamini & Yekutieli (2001), Annals of Statistics 29, 1165-1188, theorem 1.3.

    Examples:
        >>> [round(p, 4) for p in benjamini_yekutieli([0.01, 0.04, 0.03])]
        [0.055, 0.0733, 0.0733]
    """
    harmonic = sum(1.0 / rank for rank in range(1, len(p_values) + 1))
    return [min(1.0, harmonic * p) for p in benjamini_hochberg(p_values)]


def null_share(p_values: Sequence[float], *, threshold: float = 0.5) -> float:
    """Estimated share of true null hypotheses, biased upwards: of p-values above the threshold nearly all are null.

    Args:
        p_values: Each in [0, 1]; at least one.
        threshold: In (0, 1); higher is less biased and noisier.

    Returns:
        In (0, 1].

    Sources:
        Storey, Taylor & Siegmund (2004), JRSS B 66, 187-205, equation 6, with the one that makes it finite-sample safe.

    Examples:
        >>> null_share([0.001, 0.002, 0.6, 0.9], threshold=0.5)
        1.0
        >>> null_share([0.001] * 9 + [0.7])
        0.4
    """
    _check(p_values)
    if not p_values or not 0.0 < threshold < 1.0:
        raise InvalidInputError(
            f"{len(p_values)} p-values and a threshold of {threshold} say nothing about the null share",
            hint="give p-values, and a threshold between 0 and 1",
        )
    above = sum(p > threshold for p in p_values)
    return min(1.0, (above + 1) / (len(p_values) * (1.0 - threshold)))


def storey_q(p_values: Sequence[float], *, threshold: float = 0.5) -> list[float]:
    """q-values: the false discovery rate of calling everything at least as extreme, given the estimated null share.

    More is found than by Benjamini and Hochberg where many hypotheses are false; the tests must be independent or
    nearly so, and p-values uniform under the null.

    Sources:
        Storey (2002), JRSS B 64, 479-498; Storey, Taylor & Siegmund (2004), theorem 3.

    Examples:
        >>> storey_q([0.01] * 9 + [0.7])[0] < benjamini_hochberg([0.01] * 9 + [0.7])[0]
        True
    """
    share = null_share(p_values, threshold=threshold)
    return [share * p for p in benjamini_hochberg(p_values)]


def _check(p_values: Sequence[float]) -> None:
    wrong = [p for p in p_values if not 0.0 <= p <= 1.0]
    if wrong:
        raise InvalidInputError(f"{wrong[0]} is not a p-value", hint="leave comparisons without a p-value out")
