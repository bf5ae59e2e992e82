"""Hypotheses that arrive one by one: each is decided at once, and false discoveries stay rare over the whole stream."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from assay.core.errors import InvalidInputError

_LOND_SCALE = 0.07720838
"""Makes LOND's spending sequence sum to one (Javanmard & Montanari 2018, section 2.2)."""
_SAFFRON_SCALE = 0.4374901658
"""1 / zeta(1.6): SAFFRON's spending sequence is j^-1.6 (Ramdas et al. 2018, section 4)."""


class Tested(NamedTuple):
    """One hypothesis of a stream: the level it was tested at, which earlier ones alone determine, and the decision."""

    level: float
    rejected: bool


class Lond:
    """LOND: the level grows with the number of discoveries so far.

    False discovery rate at most ``alpha`` for independent p-values, and, with ``dependent``, under any dependence.

    Args:
        alpha: Rate to hold, in (0, 1).
        dependent: Divide by 1 + 1/2 + … + 1/t.

    Sources:
        Javanmard & Montanari (2015), arXiv:1502.06197, equation 1 and theorem 2.2; (2018) Annals of Statistics 46.

    Examples:
        >>> stream = Lond(alpha=0.05)
        >>> stream.test(0.0001).rejected, round(stream.test(0.04).level, 6)
        (True, 0.001164)
    """

    def __init__(self, *, alpha: float = 0.05, dependent: bool = False) -> None:
        self._alpha = _check_alpha(alpha)
        self._dependent = dependent
        self._count = 0
        self._found = 0
        self._harmonic = 0.0

    def test(self, p_value: float) -> Tested:
        """Decide the next hypothesis.

        Raises:
            InvalidInputError: It is not a p-value; the stream stays as it was.
        """
        _check_p(p_value)
        self._count += 1
        t = self._count
        self._harmonic += 1.0 / t
        share = _LOND_SCALE * math.log(max(t, 2)) / (t * math.exp(math.sqrt(math.log(t))))
        level = self._alpha * share * (self._found + 1) / (self._harmonic if self._dependent else 1.0)
        rejected = p_value <= level
        self._found += rejected
        return Tested(level, rejected)


class Saffron:
    """SAFFRON: spends nothing on hypotheses that are clearly null, so it finds more where many are false.

    A p-value above ``candidate`` cannot be rejected and costs no wealth. Independent p-values are needed.

    Args:
        alpha: False discovery rate to hold, in (0, 1).
        candidate: In (0, 1); the paper's lambda.
        wealth: Initial wealth, in (0, alpha); half of alpha by default.

    Sources:
        Ramdas, Zrnic, Wainwright & Jordan (2018), ICML, PMLR 80, 4286-4294, section 2.

    Examples:
        >>> stream = Saffron(alpha=0.05)
        >>> stream.test(2.9e-08).rejected, round(stream.test(0.06743).level, 9)
        (True, 0.010937254)
    """

    def __init__(self, *, alpha: float = 0.05, candidate: float = 0.5, wealth: float | None = None) -> None:
        self._alpha = _check_alpha(alpha)
        self._candidate = _check_alpha(candidate)
        self._wealth = alpha / 2 if wealth is None else wealth
        if not 0.0 < self._wealth < alpha:
            raise InvalidInputError(
                f"an initial wealth of {self._wealth} cannot be spent at a rate of {alpha}",
                hint="give a wealth between 0 and alpha",
            )
        self._ages = [1]  # for the start and for every rejection: 1 + non-candidates tested since

    def test(self, p_value: float) -> Tested:
        """Decide the next hypothesis; memory and time grow with the number of rejections.

        Raises:
            InvalidInputError: It is not a p-value; the stream stays as it was.
        """
        _check_p(p_value)
        gains = [self._wealth, self._alpha - self._wealth]
        spent = sum(
            (gains[rank] if rank < 2 else self._alpha) * _SAFFRON_SCALE * age**-1.6
            for rank, age in enumerate(self._ages)
        )
        level = min(self._candidate, (1.0 - self._candidate) * spent)
        rejected = p_value <= level
        if p_value > self._candidate:
            self._ages = [age + 1 for age in self._ages]
        if rejected:
            self._ages.append(1)
        return Tested(level, rejected)


def decide_stream(rule: Lond | Saffron, p_values: Iterable[float]) -> list[Tested]:
    """A whole stream at once, in its order.

    Examples:
        >>> [tested.rejected for tested in decide_stream(Lond(), [1e-6, 0.5, 1e-5])]
        [True, False, True]
    """
    return [rule.test(p_value) for p_value in p_values]


def _check_alpha(alpha: float) -> float:
    if not 0.0 < alpha < 1.0:
        raise InvalidInputError(f"{alpha} is not a rate between 0 and 1", hint="0.05 is usual")
    return alpha


def _check_p(p_value: float) -> None:
    if not 0.0 <= p_value <= 1.0:
        raise InvalidInputError(
            f"{p_value} is not a p-value; the stream stays as it was", hint="leave what has no p-value out"
        )
