"""Maximum likelihood over ratings, covariate effects and a tie parameter, by Newton's method on rows.

A row is one pair of models with the weights of its three outcomes, or one battle where covariates differ from battle
to battle. Parameters stand in one vector: K ratings (their mean kept at 0), p effects, and θ where there is one.
Memory: O(rows · (p + 8)) + O((K + p)²) numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.stats.ratings.encoding import Floats, Ints, counted
from assay.stats.ratings.likelihood import Outcomes

_STEPS = 100
_LIMIT = 35.0
"""Log-odds of a row beyond which its probability is 1 to the last digit: the maximum is at infinity."""
_CONTRACTION = 0.5
_PRODUCTS = 40
_RESIDUAL = 1e-9
_NOTHING = np.zeros((0, 0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What the likelihood sees.

    Attributes:
        size: Number of models K.
        a: Model shown first, shape ``(rows,)``.
        b: Model shown second.
        sums: Weights of wins of a, wins of b, ties; shape ``(3, rows)``.
        squares: Sums of squared weights.
        x: Covariates of each row, shape ``(rows, p)``, p may be 0.
    """

    size: int
    a: Ints
    b: Ints
    sums: Floats
    squares: Floats
    x: Floats

    def eta(self, point: Floats) -> Floats:
        """Log-odds of each row at a parameter vector."""
        eta = point[self.a] - point[self.b]
        effects = self.x.shape[1]
        return eta + self.x @ point[self.size : self.size + effects] if effects else eta

    def gradient(self, slope: Floats) -> Floats:
        """Slopes in ratings and effects from slopes in η."""
        ratings = counted(self.a, slope, self.size) - counted(self.b, slope, self.size)
        return np.concatenate([ratings, self.x.T @ slope]) if self.x.shape[1] else ratings

    def quadratic(self, curvature: Floats) -> Floats:
        """Σ curvature · d dᵀ over rows, d the derivative of η in ratings and effects."""
        size, effects = self.size, self.x.shape[1]
        full = np.zeros((size + effects, size + effects))
        cross = counted(self.a * size + self.b, curvature, size * size).reshape(size, size)
        cross += cross.T
        full[:size, :size] = -cross
        full[np.arange(size), np.arange(size)] += cross.sum(axis=1)
        if effects:
            weighted = self.x * curvature[:, None]
            for column in range(effects):
                part = weighted[:, column]
                mixed = counted(self.a, part, size) - counted(self.b, part, size)
                full[:size, size + column] = full[size + column, :size] = mixed
            full[size:, size:] = self.x.T @ weighted
        return full

    def bordered(self, curvature: Floats, mixed: Floats | None, corner: float) -> Floats:
        """The quadratic form with one more row and column for θ, where there is one."""
        inner = self.quadratic(curvature)
        if mixed is None:
            return inner
        full = np.empty((inner.shape[0] + 1, inner.shape[0] + 1))
        full[:-1, :-1] = inner
        full[-1, :-1] = full[:-1, -1] = self.gradient(mixed)
        full[-1, -1] = corner
        return full


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """Where Newton's method ended.

    Attributes:
        point: Parameters, ratings with mean 0.
        information: Negative curvature of the log-likelihood there, prior left out.
        log_likelihood: Prior left out.
        converged: The last step was below the tolerance.
    """

    point: Floats
    information: Floats
    log_likelihood: float
    converged: bool


def maximise(rows: Rows, outcomes: Outcomes, start: Floats, *, ridge: float = 0.0, tolerance: float = 1e-9) -> Fit:
    """Maximise the log-likelihood minus ``ridge``/2 times the sum of squared ratings, which is concave.

    Steps are halved until the objective does not fall. Where there is no maximum the parameters grow until the first
    row is certain, and ``converged`` is false.
    """
    point, size = start.copy(), rows.size
    value, (gradient, information) = _value(rows, outcomes, point), _slopes(rows, outcomes, point)
    step, steps = np.inf, 0
    while step > tolerance and steps < _STEPS and np.abs(rows.eta(point)).max() < _LIMIT:
        objective = value - 0.5 * ridge * float(point[:size] @ point[:size])
        gradient[:size] -= ridge * point[:size]
        move = _direction(anchored(information, size, ridge), gradient)
        scale = 1.0
        while scale > 1e-9:
            trial = point + scale * move
            trial[:size] -= trial[:size].mean()
            if trial[-1] > outcomes.lowest_theta:
                value = _value(rows, outcomes, trial)
                reached = value - 0.5 * ridge * float(trial[:size] @ trial[:size])
                if reached >= objective - 1e-10 * (1.0 + abs(objective)):
                    break
            scale *= 0.5
        step = float(np.abs(trial - point).max())
        point, steps = trial, steps + 1
        gradient, information = _slopes(rows, outcomes, point)
    return Fit(point=point, information=information, log_likelihood=value, converged=step <= tolerance)


def refit(rows: Rows, outcomes: Outcomes, fit: Fit, inverse: Floats, *, ridge: float, tolerance: float) -> Fit | None:
    """The maximum for a table near the one that ``fit`` is of; ``None`` where there is none within reach.

    Steps with the inverse information of that fit, each a product of a matrix with a vector, as long as every step is
    well below the last; else Newton's method. Both end at the same point.
    """
    point, size, last = fit.point.copy(), rows.size, np.inf
    for _ in range(_STEPS):
        gradient, _ = _slopes(rows, outcomes, point, curved=False)
        gradient[:size] -= ridge * point[:size]
        move = inverse @ gradient
        move[:size] -= move[:size].mean()
        step = float(np.abs(move).max())
        if not step < _CONTRACTION * last or point[-1] + move[-1] <= outcomes.lowest_theta:
            break
        point += move
        if step <= tolerance:
            return Fit(point=point, information=fit.information, log_likelihood=np.nan, converged=True)
        last = step
    again = maximise(rows, outcomes, fit.point, ridge=ridge, tolerance=tolerance)
    return again if again.converged else None


def anchored(information: Floats, size: int, ridge: float) -> Floats:
    """The information plus the prior's, made regular in the one direction that moves all ratings together."""
    full: Floats = information.copy()
    ratings = full[:size, :size]
    ratings += (np.trace(ratings) / size + 1e-300) / size
    ratings[np.diag_indices(size)] += ridge
    return full


def _direction(information: Floats, gradient: Floats) -> Floats:
    """Solution of the Newton equations: by conjugate gradients, else directly.

    Where most models have met, a dozen products of a matrix with a vector are enough. A dense solve of this size is
    spread over threads that cost more than they save, most of all where cores are busy.
    """
    scale = 1.0 / np.diag(information)
    found, left = np.zeros_like(gradient), gradient.copy()
    ready = scale * left
    along, norm = ready, float(left @ ready)
    enough = _RESIDUAL**2 * norm
    for _ in range(_PRODUCTS):
        if not norm > enough:
            return found
        product = information @ along
        length = norm / float(along @ product)
        found = found + length * along
        left = left - length * product
        ready = scale * left
        last, norm = norm, float(left @ ready)
        along = ready + norm / last * along
    return np.linalg.solve(information, gradient).astype(np.float64, copy=False)


def _theta(outcomes: Outcomes, point: Floats) -> float:
    return float(point[-1]) if outcomes.has_tie_parameter else 0.0


def _value(rows: Rows, outcomes: Outcomes, point: Floats) -> float:
    return outcomes.log_likelihood(rows.sums, rows.eta(point), _theta(outcomes, point))


def _slopes(rows: Rows, outcomes: Outcomes, point: Floats, *, curved: bool = True) -> tuple[Floats, Floats]:
    """Gradient and information of the log-likelihood; the latter is left out unless ``curved``."""
    d = outcomes.derivatives(rows.sums, rows.eta(point), _theta(outcomes, point))
    gradient = rows.gradient(d.slope)
    if outcomes.has_tie_parameter:
        gradient = np.append(gradient, d.tie_slope)
    return gradient, rows.bordered(d.curvature, d.mixed, d.tie_curvature) if curved else _NOTHING
