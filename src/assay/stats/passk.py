"""How several attempts at one sample become one number: mean, pass@k, pass^k. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
class PassAtK:
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

    k: int

    def __post_init__(self) -> None:
        _check_k(self.k)

    @property
    def name(self) -> str:
        """``pass@k``."""
        return f"pass@{self.k}"

    @property
    def transform(self) -> str:
        """The mean over samples is shown as it is."""
        return "identity"

    def reduce(self, values: Sequence[float]) -> float | None:
        """The sample's pass@k from 0/1 verdicts; ``None`` with fewer than k of them."""
        right = _right(values, self.name)
        if len(values) < self.k:
            return None
        missed = math.comb(len(values) - right, self.k)
        return 1.0 - missed / math.comb(len(values), self.k)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassHatK:
    """Probability that all of k attempts are right (reliability), estimated without bias from n >= k attempts.

    ``C(c, k) / C(n, k)`` with c right ones; in [0, 1], higher is better.

    Sources:
        Yao et al. (2024), tau-bench, arXiv:2406.12045, section 3 (pass^k).

    Examples:
        >>> PassHatK(k=2).reduce([1, 1, 0])
        0.3333333333333333
    """

    k: int

    def __post_init__(self) -> None:
        _check_k(self.k)

    @property
    def name(self) -> str:
        """``pass^k``."""
        return f"pass^{self.k}"

    @property
    def transform(self) -> str:
        """The mean over samples is shown as it is."""
        return "identity"

    def reduce(self, values: Sequence[float]) -> float | None:
        """The sample's pass^k from 0/1 verdicts; ``None`` with fewer than k of them."""
        right = _right(values, self.name)
        if len(values) < self.k:
            return None
        return math.comb(right, self.k) / math.comb(len(values), self.k)


def _right(values: Sequence[float], name: str) -> int:
    right = sum(value == 1.0 for value in values)
    if right + sum(value == 0.0 for value in values) != len(values):
        raise InvalidInputError(
            f"{name} counts verdicts that are 0 or 1, and got a graded score", hint="use a 0/1 scorer, or mean"
        )
    return right


def _check_k(k: int) -> None:
    if k < 1:
        raise InvalidInputError(f"k is {k}; it must be at least 1", hint="for example pass@5")
