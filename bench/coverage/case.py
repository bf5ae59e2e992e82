"""One claim that a simulation can refute: how often a method is right, and a wrong method that is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Simulation = Callable[[np.random.Generator, int], int]
"""Trials in, hits out: how many of so many simulated data sets the interval covered, or the test rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A method inside its stated domain.

    Attributes:
        family: Page the row stands on, e.g. ``intervals``.
        method: What is claimed to hold, e.g. ``Wilson interval``.
        domain: The data it is tried on, in words: distribution, n, parameters.
        nominal: The promised rate of hits, e.g. 0.95 for coverage, 0.05 for false rejections.
        claim: ``equal`` for approximate methods (within four standard errors of nominal), ``at least`` for exact or
            conservative intervals, ``at most`` for exact or conservative tests.
        right: The simulation of the method.
        wrong: The same simulation of a method that circulates and fails here.
        wrong_method: Its name.
        short: Trials in the suite.
        long: Trials for the table.
        slack: Approximation error that the stated domain allows beyond simulation noise, as a rate. Zero wherever
            the theory allows zero, and wherever a long simulation finds none.
        slack_because: Which approximation it is; a slack without one is refused.
    """

    family: str
    method: str
    domain: str
    nominal: float
    claim: Literal["equal", "at least", "at most"]
    right: Simulation
    wrong: Simulation
    wrong_method: str
    short: int = 1_000
    long: int = 20_000
    slack: float = 0.0
    slack_because: str = ""

    def __post_init__(self) -> None:
        if bool(self.slack) != bool(self.slack_because):
            raise ValueError(f"{self.family}: {self.method} has a slack of {self.slack} {self.slack_because!r}")

    def holds(self, hits: int, trials: int) -> bool:
        """Whether so many hits agree with the claim, within four standard errors."""
        noise = 4 * math.sqrt(self.nominal * (1 - self.nominal) / trials) + self.slack
        difference = hits / trials - self.nominal
        if self.claim == "at least":
            return difference >= -noise
        if self.claim == "at most":
            return difference <= noise
        return abs(difference) <= noise
