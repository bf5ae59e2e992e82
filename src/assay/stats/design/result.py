"""What a plan is: so many units in each group, and everything that was assumed for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Hypothesis = Literal["two-sided", "superiority", "non-inferiority", "equivalence"]
Unknown = Literal["n", "difference", "power", "margin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """A design: n, difference, margin and power of one test, one of them solved from the others.

    Attributes:
        solved_for: Which of them was unknown.
        n: Units of each group, control first; one number for pairs.
        total: Their sum (pairs count once).
        n_clusters: Clusters of each group, where whole clusters are assigned.
        difference: True difference, treatment minus control, that the power belongs to; in ``unit``.
        margin: Of the hypothesis; 0 where it has none.
        power: Achieved with these whole units: at least the power asked for when n was solved.
        alpha: Of the test; one-sided for every hypothesis but ``two-sided``.
        hypothesis: What the test is to show.
        method: The test and the formula of its power.
        unit: Of difference and margin.
        inputs: Everything else that was assumed, by argument name.
    """

    solved_for: Unknown
    n: tuple[int, ...]
    total: int
    n_clusters: tuple[int, ...] | None = None
    difference: float
    margin: float
    power: float
    alpha: float
    hypothesis: Hypothesis
    method: str
    unit: str
    inputs: Mapping[str, float | str]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        row = {name: getattr(self, name) for name in self.__slots__}
        row["n"] = list(self.n)
        row["n_clusters"] = None if self.n_clusters is None else list(self.n_clusters)
        row["inputs"] = dict(self.inputs)
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCurve:
    """Power along one axis, the rest of the design fixed.

    Attributes:
        axis: ``n`` (units of the control group; clusters where clusters are assigned) or ``difference``.
        values: Shape ``(k,)``.
        power: Shape ``(k,)``.
        method: Of the plans behind it.
    """

    axis: Literal["n", "difference"]
    values: npt.NDArray[np.float64]
    power: npt.NDArray[np.float64]
    method: str
