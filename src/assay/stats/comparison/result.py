"""What every comparison answers with: the effect in units, its interval, and a p-value that does not contradict it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import finite_vector

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A test with its effect.

    Attributes:
        effect: Candidate minus baseline (or their ratio) in its unit, with its interval.
        p_value: Two-sided; ``None`` only where the effect gives the reason.
        statistic: The test statistic, where there is one.
        method: Of the p-value.
        exact: Whether the p-value is computed from the exact null distribution.
        notes: What a reader must know: ties, zeros, what the p-value is about.
    """

    effect: Estimate
    p_value: float | None
    statistic: float | None
    method: str
    exact: bool = False
    notes: tuple[str, ...] = ()


class TwoSamples(NamedTuple):
    """Checked values of both sides."""

    baseline: Floats
    candidate: Floats

    @classmethod
    def of(cls, baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, at_least: int = 1) -> TwoSamples:
        """Vectors of finite numbers.

        Raises:
            InvalidInputError: They are not, or a side is too small.
        """
        found = cls(finite_vector(baseline, "baseline values"), finite_vector(candidate, "candidate values"))
        if min(side.size for side in found) < at_least:
            raise InvalidInputError(
                f"{found.baseline.size} baseline and {found.candidate.size} candidate values are too few",
                hint=f"give at least {at_least} of each",
            )
        return found

    @property
    def n(self) -> int:
        """Values of both sides."""
        return self.baseline.size + self.candidate.size


def paired_values(baseline: npt.ArrayLike, candidate: npt.ArrayLike) -> Floats:
    """Differences of shared samples, candidate minus baseline.

    Raises:
        InvalidInputError: Not finite vectors of one length.
    """
    old, new = TwoSamples.of(baseline, candidate)
    if old.size != new.size:
        raise InvalidInputError(
            f"{old.size} baseline and {new.size} candidate values cannot be paired", hint="give both of every sample"
        )
    return new - old
