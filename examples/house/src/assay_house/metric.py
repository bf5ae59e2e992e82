"""A metric plug-in: the worst of a sample's attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Worst:
    """The lowest value of a sample's epochs."""

    name: str = "house/worst"
    transform: str = "identity"

    def reduce(self, values: Sequence[float]) -> float | None:
        return min(values)
