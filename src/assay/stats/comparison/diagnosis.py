"""Whether the normal approximation of a mean can be trusted: skew, rare events, heavy tails, few values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.stats.calibration.inputs import finite_vector

Floats = npt.NDArray[np.float64]
VALUES_PER_SQUARED_SKEW = 355.0
"""n a mean needs for each squared skewness, so that 2.5 % tails are off by less than .25 % (Kohavi et al. 2014)."""
RARE = 5
"""Events, or non-events, below which a share gets an exact method (Cochran 1954)."""
FEW = 12
"""Values of a side below which neither skew nor tails can be judged, and an exact test is due."""
TAIL_VALUES = 200
"""Values from which on the tail is judged."""
LOW_GUMBEL = 1.1
"""The logarithm of the largest of k Pareto excesses is (ln k + G) / index, and G is above -1.1 in 95 of 100 samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanDiagnosis:
    """What stands between some values and the central limit theorem.

    Attributes:
        n: Values.
        binary: Whether all are 0 or 1.
        events: The rarer of zeros and ones, for 0/1 values.
        skewness: Third standardised moment; 0 where nothing varies.
        n_needed: 355 times the squared skewness.
        tail_index: Hill's estimate of the heavier tail; ``None`` below 200 values or where no tail is drawn out.
        heavy_tail: Whether the tail index is at most 2 by one standard error: the variance is then infinite.
    """

    n: int
    binary: bool
    events: int | None
    skewness: float
    n_needed: float
    tail_index: float | None
    heavy_tail: bool

    @property
    def few(self) -> bool:
        """Fewer than 12 values."""
        return self.n < FEW

    @property
    def rare(self) -> bool:
        """Fewer than five events or five non-events."""
        return self.events is not None and self.events < RARE


def diagnose_mean(values: npt.ArrayLike) -> MeanDiagnosis:
    """Skewness, rare events and tail of a sample.

    The sample's skewness is at most (n - 2)/√(n - 1), so the rule can always pass at a small n that has not seen the
    tail yet: it warns of what the data show, not of what they do not.

    Args:
        values: Shape ``(n,)``, finite.

    Raises:
        InvalidInputError: Not a vector of finite numbers.

    Sources:
        Kohavi, Deng, Longbotham & Xu (2014), KDD, "Seven Rules of Thumb for Web Site Experimenters", rule 7, after
        Boos & Hughes-Oliver (2000), American Statistician 54, 121-128 (n > 355 s²); Cochran (1977), Sampling
        Techniques, section 2.15 (n > 25 G², the looser rule); Hill (1975), Annals of Statistics 3, 1163-1174.

    Examples:
        >>> d = diagnose_mean([0.0] * 90 + [10.0] * 10)
        >>> round(d.skewness, 2), round(d.n_needed), d.heavy_tail
        (2.67, 2524, False)
    """
    data = finite_vector(values, "values")
    binary = bool(((data == 0.0) | (data == 1.0)).all())
    skewness = estimator_skewness([data], [1.0]) * math.sqrt(data.size)
    index, heavy = (None, False) if binary else _tails(data)
    ones = int(data.sum()) if binary else 0
    return MeanDiagnosis(
        n=data.size,
        binary=binary,
        events=min(ones, data.size - ones) if binary else None,
        skewness=skewness,
        n_needed=VALUES_PER_SQUARED_SKEW * skewness**2,
        tail_index=index,
        heavy_tail=heavy,
    )


def estimator_skewness(sides: list[Floats], signs: list[float]) -> float:
    """Skewness of a sum of signed independent means; the rule of 355 asks that it be at most 1/√355.

    In a difference of two means of equal n and equal skew the skews cancel, which the rule for each side alone misses.
    """
    gaps = [side - side.mean() for side in sides]
    scale = max(float(np.abs(gap).max()) for gap in gaps)
    if scale <= 1e-13 * max(float(np.abs(side).max()) for side in sides):
        return 0.0
    cubes = sum(sign * float(((gap / scale) ** 3).mean()) / gap.size**2 for sign, gap in zip(signs, gaps, strict=True))
    squares = sum(float(((gap / scale) ** 2).mean()) / gap.size for gap in gaps)
    return float(cubes / squares**1.5)


def _tails(data: Floats) -> tuple[float | None, bool]:
    """Smaller of Hill's estimates of both tails, and whether one of the tails is heavy.

    On the 2√n farthest values: from 0 where no value changes sign (a time, a price), else from the median. That the
    largest value stands as far out as an index of 2 lets expect keeps counts of few levels from passing for a tail.
    """
    n = data.size
    if n < TAIL_VALUES:
        return None, False
    signed = float(data.min()) < 0.0 < float(data.max())
    gaps = data - float(np.median(data)) if signed else data
    top = math.ceil(2.0 * math.sqrt(n))
    indices, heavy = [], False
    for side in (gaps, -gaps):
        far = np.sort(np.partition(side, n - top - 1)[n - top - 1 :])
        if far[0] > 0.0 and far[-1] > far[0]:
            logs = np.log(far[1:] / far[0])
            index = 1.0 / float(logs.mean())
            drawn_out = float(logs[-1]) >= (math.log(top) - LOW_GUMBEL) / 2.0
            indices.append(index)
            heavy = heavy or (drawn_out and index * (1.0 + 1.0 / math.sqrt(top)) <= 2.0)
    return (min(indices) if indices else None), heavy
