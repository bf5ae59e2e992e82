"""Exact probabilities of crossing boundaries at planned looks, by recursive numerical integration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from assay.stats.sequential.result import Floats

_REACH = 8.5
"""Standard deviations beyond which a normal density is taken as 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where the statistic is that has not crossed yet, after some looks.

    The scores S = Z·√information have independent normal increments, N(drift · Δ, Δ) over Δ of information (the
    information of the last planned look is 1). ``density`` is that of S on the paths still inside.
    """

    drift: float
    information: float
    nodes: Floats
    density: Floats

    @classmethod
    def start(cls, drift: float) -> Walk:
        """Before the first look: all mass at 0."""
        return cls(drift=drift, information=0.0, nodes=np.zeros(1), density=np.ones(1))

    def above(self, z: float, information: float) -> float:
        """Probability of not having crossed before and having Z > z at this look."""
        return self._tail(z, information, 1.0)

    def below(self, z: float, information: float) -> float:
        """Likewise with Z < z."""
        return self._tail(z, information, -1.0)

    def _tail(self, z: float, information: float, sign: float) -> float:
        from scipy.special import ndtr

        step = information - self.information
        if math.isinf(z):
            return 0.0 if z * sign > 0.0 else float(self.density.sum())
        gap = self.nodes + self.drift * step - z * math.sqrt(information)
        return float(self.density @ ndtr(sign * gap / math.sqrt(step)))

    def inside(self, low: float, high: float, information: float) -> Walk:
        """After this look, with low <= Z <= high. Nodes lie a third of a step's standard deviation apart or closer."""
        step, root = information - self.information, math.sqrt(information)
        middle = self.drift * root
        low, high = max(low, middle - _REACH) * root, min(high, middle + _REACH) * root
        if not low < high:
            return Walk(drift=self.drift, information=information, nodes=np.zeros(1), density=np.zeros(1))
        points = 48 * max(
            1, math.ceil((high - low) / math.sqrt(step) / 16.0)
        )  # few sizes, so that the rules are reused
        at, weight = _legendre(points)
        nodes = 0.5 * (high - low) * at + 0.5 * (high + low)
        gaps = (nodes[:, None] - self.nodes[None, :] - self.drift * step) / math.sqrt(step)
        density = np.exp(-0.5 * gaps**2) @ self.density / math.sqrt(2.0 * math.pi * step)
        return Walk(
            drift=self.drift, information=information, nodes=nodes, density=density * weight * 0.5 * (high - low)
        )


@lru_cache(maxsize=64)
def _legendre(points: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.polynomial.legendre.leggauss(points)


def exit_probabilities(
    information: tuple[float, ...], lower: tuple[float, ...], upper: tuple[float, ...], drift: float
) -> tuple[Floats, Floats]:
    """Probability of first leaving below, and above, at each look; Z-scale boundaries.

    Args:
        information: Rising, the last usually 1.
        lower: Where -infinity there is no lower boundary; likewise ``upper``.
        upper: At least the lower ones.
        drift: Mean of Z at information 1.

    Sources:
        Armitage, McPherson & Rowe (1969), JRSS A 132, 235-244; Jennison & Turnbull (2000), Group Sequential Methods,
        chapter 19.
    """
    walk = Walk.start(drift)
    down, up = [], []
    for at, low, high in zip(information, lower, upper, strict=True):
        down.append(walk.below(low, at))
        up.append(walk.above(high, at))
        walk = walk.inside(low, high, at)
    return np.array(down), np.array(up)
