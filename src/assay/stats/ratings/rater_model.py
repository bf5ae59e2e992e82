"""Marginal likelihood of ratings when every rater has a skill and a position bias drawn from a normal law.

The two effects of each rater are integrated out by adaptive Gauss–Hermite quadrature around their mode: at the joint
mode of ratings and raters, ratings from few votes a rater would be biased and their intervals too short. Memory:
O(n + raters · K) numbers, whatever the number of nodes.

Sources:
    Pinheiro & Bates (1995), J. Computational and Graphical Statistics 4, 12-35 (adaptive quadrature);
    Louis (1982), JRSS B 44, 226-233 (information where something is unseen).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from assay.stats.ratings.battles import Battles
from assay.stats.ratings.encoding import A_WINS, TIE, Floats, Ints, counted

_NODES = 5
_STEPS = 100
_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Votes:
    """Battles with raters, and the precisions of the two normal laws.

    Attributes:
        won: Score of a: 1, 0.5 or 0.
    """

    size: int
    raters: int
    a: Ints
    b: Ints
    rater: Ints
    won: Floats
    weight: Floats
    skill_precision: float
    position_precision: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RaterFit:
    """Ratings at the maximum of the marginal likelihood; means and standard errors of the raters' effects.

    Attributes:
        covariance: Of the ratings.
        effects: Posterior means of skill and position, shape ``(2, raters)``.
        errors: Their standard errors, the doubt in the ratings included.
    """

    rating: Floats
    covariance: Floats
    log_likelihood: float
    effects: Floats
    errors: Floats
    converged: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Marginal:
    """Everything at one vector of ratings; ``pulls`` is how effects move with ratings, shape ``(2, raters, K)``."""

    value: float
    gradient: Floats
    complete: Floats
    information: Floats
    modes: Floats
    means: Floats
    variances: Floats
    pulls: Floats


def votes_of(battles: Battles, *, skill_sd: float, position_sd: float) -> Votes:
    """What the marginal likelihood needs of battles that have raters."""
    assert battles.rater is not None
    won = (battles.outcome == A_WINS).astype(np.float64)
    won[battles.outcome == TIE] = 0.5
    return Votes(
        size=len(battles.names),
        raters=len(battles.rater_names),
        a=battles.a,
        b=battles.b,
        rater=battles.rater,
        won=won,
        weight=np.ones(battles.n) if battles.weight is None else battles.weight,
        skill_precision=skill_sd**-2,
        position_precision=position_sd**-2,
    )


def fit_raters(votes: Votes) -> RaterFit:
    """Newton's method with halved steps; where the information is not positive, with that of complete data."""
    rating = np.zeros(votes.size)
    here = _marginal(votes, rating, np.stack([np.ones(votes.raters), np.zeros(votes.raters)]))
    converged = False
    for _ in range(_STEPS):
        move = _inverse(here.information if _is_maximal(here.information) else here.complete) @ here.gradient
        scale = 1.0
        while scale > 1e-6:
            trial = rating + scale * move
            there = _marginal(votes, trial, here.modes)
            if there.value >= here.value - 1e-10 * (1.0 + abs(here.value)):
                break
            scale *= 0.5
        rating, here = trial, there
        if float(np.abs(scale * move).max()) <= _TOLERANCE:
            converged = True
            break
    covariance = _inverse(here.information)
    added = np.einsum("erk,kl,erl->er", here.pulls, covariance, here.pulls)
    return RaterFit(
        rating=rating,
        covariance=covariance,
        log_likelihood=here.value,
        effects=here.means,
        errors=np.sqrt(here.variances + added),
        converged=converged and _is_maximal(here.information),
    )


def _marginal(votes: Votes, rating: Floats, start: Floats) -> _Marginal:
    """Log marginal likelihood with gradient and information, effects of every rater integrated over 25 nodes."""
    gap = rating[votes.a] - rating[votes.b]
    modes, root, log_det = _modes(votes, gap, start)
    nodes = [modes + np.einsum("efr,f->er", root, z) for z, _ in _grid()]
    logs = np.stack([_log_joint(votes, gap, u) + log_weight for u, (_, log_weight) in zip(nodes, _grid(), strict=True)])
    top = logs.max(axis=0)
    share = np.exp(logs - top)
    total = share.sum(axis=0)
    share /= total
    means = sum(p * u for p, u in zip(share, nodes, strict=True))
    size, shape = votes.size, (votes.raters, votes.size)
    mean_score, curvature = np.zeros(shape), np.zeros(gap.shape)
    outer, pulls, variances = np.zeros((size, size)), np.zeros((2, *shape)), np.zeros((2, votes.raters))
    for p, u in zip(share, nodes, strict=True):
        skill = u[0][votes.rater]
        fitted = _sigmoid(skill * gap + u[1][votes.rater])
        score = _by_rater(votes, votes.weight * (votes.won - fitted) * skill)
        curvature += p[votes.rater] * votes.weight * fitted * (1.0 - fitted) * skill * skill
        weighted = p[:, None] * score
        mean_score += weighted
        outer += score.T @ weighted
        pulls += (u - means)[:, :, None] * weighted
        variances += p * (u - means) ** 2
    pairs = counted(votes.a * size + votes.b, curvature, size * size).reshape(size, size)
    pairs += pairs.T
    complete = np.diag(pairs.sum(axis=1)) - pairs
    return _Marginal(
        value=float((log_det + top + np.log(total)).sum()),
        gradient=mean_score.sum(axis=0),
        complete=complete,
        information=complete - outer + mean_score.T @ mean_score,
        modes=modes,
        means=means,
        variances=variances,
        pulls=pulls,
    )


def _grid() -> Iterator[tuple[Floats, float]]:
    """Nodes of the plane for a standard normal law, and the logarithm of weight times exp(|z|²/2)."""
    points, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    for x, first in zip(points, weights, strict=True):
        for y, second in zip(points, weights, strict=True):
            yield np.array([x, y]), float(np.log(first * second) + 0.5 * (x * x + y * y))


def _modes(votes: Votes, gap: Floats, start: Floats) -> tuple[Floats, Floats, Floats]:
    """Mode of every rater's effects, a root of the inverse curvature there, and the logarithm of its determinant."""
    u, count, rater = start.copy(), votes.raters, votes.rater
    for _ in range(_STEPS):
        fitted = _sigmoid(u[0][rater] * gap + u[1][rater])
        left, curve = votes.weight * (votes.won - fitted), votes.weight * fitted * (1.0 - fitted)
        d11 = counted(rater, curve * gap * gap, count) + votes.skill_precision
        d12 = counted(rater, curve * gap, count)
        d22 = counted(rater, curve, count) + votes.position_precision
        slope = (
            counted(rater, left * gap, count) - votes.skill_precision * (u[0] - 1.0),
            counted(rater, left, count) - votes.position_precision * u[1],
        )
        apart = d11 * d22 - d12 * d12
        move = np.stack([d22 * slope[0] - d12 * slope[1], d11 * slope[1] - d12 * slope[0]]) / apart
        u += np.clip(move, -1.0, 1.0)
        if float(np.abs(move).max()) < 1e-9:
            break
    first = np.sqrt(d22 / apart)
    root = np.zeros((2, 2, count))
    root[0, 0], root[1, 0], root[1, 1] = first, -d12 / apart / first, 1.0 / np.sqrt(d22)
    return u, root, -0.5 * np.log(apart)


def _log_joint(votes: Votes, gap: Floats, u: Floats) -> Floats:
    """Log-likelihood of every rater's votes plus the log prior of the effects, up to a constant."""
    eta = u[0][votes.rater] * gap + u[1][votes.rater]
    likelihood = counted(votes.rater, votes.weight * (votes.won * eta - np.logaddexp(0.0, eta)), votes.raters)
    prior = votes.skill_precision * (u[0] - 1.0) ** 2 + votes.position_precision * u[1] ** 2
    return np.asarray(likelihood - 0.5 * prior, dtype=np.float64)


def _by_rater(votes: Votes, values: Floats) -> Floats:
    """Slopes in the ratings, summed over each rater's votes; shape ``(raters, K)``."""
    size, cells = votes.size, votes.raters * votes.size
    place = votes.rater * size
    both = counted(place + votes.a, values, cells) - counted(place + votes.b, values, cells)
    return both.reshape(votes.raters, size)


def _is_maximal(information: Floats) -> bool:
    """Whether the log-likelihood curves downwards in every direction but the one that moves all ratings together."""
    size = len(information)
    return bool(np.linalg.eigvalsh(information + np.abs(np.trace(information)) / size**2)[0] > 0.0)


def _inverse(information: Floats) -> Floats:
    """Inverse in the space of ratings with mean 0."""
    size = len(information)
    inverse = np.linalg.pinv(information + np.abs(np.trace(information)) / size**2, hermitian=True)
    inverse -= inverse.mean(axis=0)
    inverse -= inverse.mean(axis=1, keepdims=True)
    return np.asarray(inverse, dtype=np.float64)


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * x))
