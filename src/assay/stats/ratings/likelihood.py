"""Three likelihoods of a battle given η, the log-odds by which a is better, and the tie parameter θ.

======================  =======================================================================
``half``                P(a) = σ(η); a tie is half a win for each (a quasi-likelihood: pair it with the sandwich)
``davidson``            P(a) : P(b) : P(tie) = exp(η/2) : exp(-η/2) : exp(θ), so ν = exp(θ)
``rao-kupper``          P(a) = σ(η - θ), P(b) = σ(-η - θ), θ > 0 the threshold of notice
======================  =======================================================================

Sources:
    Bradley & Terry (1952), Biometrika 39, 324-345; Davidson (1970), JASA 65, 317-328;
    Rao & Kupper (1967), JASA 62, 194-204.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from assay.stats.ratings.encoding import Floats

TieModel = Literal["half", "davidson", "rao-kupper"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Derivatives:
    """Slopes and negative curvatures of the log-likelihood: in η row by row, in θ summed; mixed ones row by row."""

    slope: Floats
    curvature: Floats
    tie_slope: float = 0.0
    mixed: Floats | None = None
    tie_curvature: float = 0.0


class Outcomes(Protocol):
    """One of the likelihoods; ``sums`` holds the weights of wins of a, wins of b and ties, shape ``(3, rows)``."""

    has_tie_parameter: bool
    lowest_theta: float

    def log_likelihood(self, sums: Floats, eta: Floats, theta: float) -> float:
        """Up to a constant."""
        ...

    def derivatives(self, sums: Floats, eta: Floats, theta: float) -> Derivatives:
        """Everything one Newton step needs."""
        ...

    def scores(self, eta: Floats, theta: float) -> tuple[Floats, Floats | None]:
        """Slopes in η and θ of the log-probability of each outcome, shape ``(3, rows)``."""
        ...

    def probabilities(self, eta: Floats, theta: float) -> Floats:
        """Of a winning, b winning and a tie, shape ``(3, rows)``."""
        ...


class Half:
    """Logistic, a tie as half a win for each."""

    has_tie_parameter = False
    lowest_theta = -np.inf

    def log_likelihood(self, sums: Floats, eta: Floats, theta: float) -> float:
        """Σ s·η - N·log(1 + e^η) with s the wins plus half the ties."""
        return float(((sums[0] + 0.5 * sums[2]) * eta - sums.sum(axis=0) * np.logaddexp(0.0, eta)).sum())

    def derivatives(self, sums: Floats, eta: Floats, theta: float) -> Derivatives:
        """Observed minus expected wins, and their variance."""
        share = _sigmoid(eta)
        fitted = sums.sum(axis=0) * share
        return Derivatives(slope=sums[0] + 0.5 * sums[2] - fitted, curvature=fitted * (1.0 - share))

    def scores(self, eta: Floats, theta: float) -> tuple[Floats, Floats | None]:
        """Observed minus expected score of a."""
        share = _sigmoid(eta)
        return np.stack([1.0 - share, -share, 0.5 - share]), None

    def probabilities(self, eta: Floats, theta: float) -> Floats:
        """Of a battle that must have a winner."""
        share = _sigmoid(eta)
        return np.stack([share, 1.0 - share, np.zeros_like(share)])


class Davidson:
    """Log-linear in η/2 and θ = log ν."""

    has_tie_parameter = True
    lowest_theta = -np.inf

    def log_likelihood(self, sums: Floats, eta: Floats, theta: float) -> float:
        """Σ (wins - losses)·η/2 + ties·θ - N·log(e^(η/2) + e^(-η/2) + e^θ)."""
        log_total = self._shares(eta, theta)[3]
        rows = 0.5 * (sums[0] - sums[1]) * eta - sums.sum(axis=0) * log_total
        return float(rows.sum() + theta * sums[2].sum())

    def derivatives(self, sums: Floats, eta: Floats, theta: float) -> Derivatives:
        """Those of an exponential family: observed minus expected, and the covariance of the statistics."""
        won, lost, tied, _ = self._shares(eta, theta)
        total, gap = sums.sum(axis=0), won - lost
        return Derivatives(
            slope=0.5 * (sums[0] - sums[1] - total * gap),
            curvature=0.25 * total * (won + lost - gap * gap),
            tie_slope=float((sums[2] - total * tied).sum()),
            mixed=-0.5 * total * gap * tied,
            tie_curvature=float((total * tied * (1.0 - tied)).sum()),
        )

    def scores(self, eta: Floats, theta: float) -> tuple[Floats, Floats | None]:
        """Statistic of each outcome minus its expectation."""
        won, lost, tied, _ = self._shares(eta, theta)
        middle = 0.5 * (won - lost)
        return np.stack([0.5 - middle, -0.5 - middle, -middle]), np.stack([-tied, -tied, 1.0 - tied])

    def probabilities(self, eta: Floats, theta: float) -> Floats:
        """In proportion exp(η/2), exp(-η/2) and ν."""
        return np.stack(self._shares(eta, theta)[:3])

    @staticmethod
    def _shares(eta: Floats, theta: float) -> tuple[Floats, Floats, Floats, Floats]:
        top = np.maximum(0.5 * np.abs(eta), theta)
        won, lost, tied = np.exp(0.5 * eta - top), np.exp(-0.5 * eta - top), np.exp(theta - top)
        total = won + lost + tied
        return won / total, lost / total, tied / total, top + np.log(total)


class RaoKupper:
    """Two logistic thresholds at distance θ on both sides of equality."""

    has_tie_parameter = True
    lowest_theta = 0.0

    def log_likelihood(self, sums: Floats, eta: Floats, theta: float) -> float:
        """A tie is one win and one loss against the thresholds, times exp(2θ) - 1."""
        above, below = sums[0] + sums[2], sums[1] + sums[2]
        rows = above * np.logaddexp(0.0, theta - eta) + below * np.logaddexp(0.0, theta + eta)
        return float(sums[2].sum() * np.log(np.expm1(2.0 * theta)) - rows.sum())

    def derivatives(self, sums: Floats, eta: Floats, theta: float) -> Derivatives:
        """A tie is one win and one loss against the thresholds, times exp(2θ) - 1."""
        above, below = sums[0] + sums[2], sums[1] + sums[2]
        first, second = _sigmoid(eta - theta), _sigmoid(-eta - theta)
        ties = float(sums[2].sum())
        up, down = above * (1.0 - first), below * (1.0 - second)
        curved_up, curved_down = up * first, down * second
        shrink = -np.expm1(-2.0 * theta)
        return Derivatives(
            slope=up - down,
            curvature=curved_up + curved_down,
            tie_slope=float(2.0 * ties / shrink - (up + down).sum()),
            mixed=curved_down - curved_up,
            tie_curvature=float((curved_up + curved_down).sum() + 4.0 * ties * np.exp(-2.0 * theta) / shrink**2),
        )

    def scores(self, eta: Floats, theta: float) -> tuple[Floats, Floats | None]:
        """Slopes of log P(a), log P(b) and log P(tie)."""
        up, down = 1.0 - _sigmoid(eta - theta), 1.0 - _sigmoid(-eta - theta)
        gain = -2.0 / np.expm1(-2.0 * theta)
        return np.stack([up, -down, up - down]), np.stack([-up, -down, gain - up - down])

    def probabilities(self, eta: Floats, theta: float) -> Floats:
        """Beyond either threshold, or between them."""
        won, lost = _sigmoid(eta - theta), _sigmoid(-eta - theta)
        return np.stack([won, lost, 1.0 - won - lost])


def outcomes_of(ties: TieModel) -> Outcomes:
    """The likelihood of that name."""
    if ties == "half":
        return Half()
    return Davidson() if ties == "davidson" else RaoKupper()


def start_of(ties: TieModel, tie_share: float) -> float:
    """θ that gives the observed share of ties between equals."""
    if ties == "davidson":
        return float(np.log(2.0 * tie_share / (1.0 - tie_share)))
    return float(np.log((1.0 + tie_share) / (1.0 - tie_share)))


def tie_probability(ties: TieModel, theta: float) -> tuple[float, float]:
    """Probability of a tie between equals, and its slope in θ."""
    if ties == "davidson":
        share = float(np.exp(theta) / (2.0 + np.exp(theta)))
        return share, share * (1.0 - share)
    return float(np.tanh(0.5 * theta)), float(0.5 / np.cosh(0.5 * theta) ** 2)


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * x))
