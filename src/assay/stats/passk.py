"""How several attempts at one sample become one number: mean, pass@k, pass^k. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The mean of a sample's scored epochs.

    Examples:
        >>> Mean().reduce([0, 1, 1, 0])
        0.5
    """

    name: str = "mean"
    transform: str = "identity"

    def reduce(self, values: Sequence[float]) -> float | None:
        """Mean of at least one value."""
        return math.fsum(values) / len(values) if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfK:
    """What k of a sample's n >= k attempts would show; subclasses say how likely that is."""

    k: int
    _sign: ClassVar[str]
    transform: ClassVar[str] = "identity"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InvalidInputError(f"k is {self.k}; it must be at least 1", hint="for example pass@5")

    @property
    def name(self) -> str:
        """``pass@k`` or ``pass^k``."""
        return f"pass{self._sign}{self.k}"

    def reduce(self, values: Sequence[float]) -> float | None:
        """The sample's number from 0/1 verdicts; ``None`` with fewer than k of them."""
        right = sum(value == 1.0 for value in values)
        if right + sum(value == 0.0 for value in values) != len(values):
            raise InvalidInputError(
                f"{self.name} counts verdicts that are 0 or 1, and got a graded score",
                hint="use a 0/1 scorer, or mean",
            )
        return None if len(values) < self.k else self._chance(right, len(values))

    def _chance(self, right: int, n: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} does not say what it counts")


@dataclass(frozen=True, slots=True, kw_only=True)
class PassAtK(_OfK):
    """Probability that at least one of k attempts is right, estimated without bias from n >= k attempts.

    ``1 - C(n - c, k) / C(n, k)`` with c right ones; in [0, 1], higher is better.

    Sources:
        Chen et al. (2021), arXiv:2107.03374, eq. 1.

    Examples:
        >>> PassAtK(k=2).reduce([1, 0, 0])
        0.6666666666666667
        >>> PassAtK(k=5).reduce([1, 0, 0]) is None
        True
    """

    _sign = "@"

    def _chance(self, right: int, n: int) -> float:
        return 1.0 - math.comb(n - right, self.k) / math.comb(n, self.k)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassHatK(_OfK):
    """Probability that all of k attempts are right (reliability), estimated without bias from n >= k attempts.

    ``C(c, k) / C(n, k)`` with c right ones; in [0, 1], higher is better.

    Sources:
        Yao et al. (2024), tau-bench, arXiv:2406.12045, section 3 (pass^k).

    Examples:
        >>> PassHatK(k=2).reduce([1, 1, 0])
        0.3333333333333333
    """

    _sign = "^"

    def _chance(self, right: int, n: int) -> float:
        return math.comb(right, self.k) / math.comb(n, self.k)
