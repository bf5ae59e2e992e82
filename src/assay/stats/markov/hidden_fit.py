"""Hidden Markov models fitted by Baum-Welch from several random starts, all of them in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.markov.hidden import (
    CategoricalEmission,
    GaussianEmission,
    HiddenMarkovModel,
    log_backward,
    log_forward,
    log_sum,
    logs,
    number_observations,
    symbol_codes,
)
from assay.stats.markov.inputs import MISSING, Floats

_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_CHUNK_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HiddenMarkovFit:
    """A fitted hidden Markov model.

    Attributes:
        model: The best of all starts, states in order of their mean (or of their first symbol's probability, falling).
        log_likelihood: Of the data, in nats.
        bic: With the model's free parameters; compares numbers of states.
        iterations: Steps of the best start.
        converged: Its last step gained less than the tolerance.
        agreeing: Share of the starts that ended within 0.01 nats of the best; low means a rugged likelihood.
    """

    model: HiddenMarkovModel
    log_likelihood: float
    bic: float
    iterations: int
    converged: bool
    agreeing: float


@dataclass(slots=True)
class _Batch:
    """Parameters of all starts: start ``(r, m)``, transition ``(r, m, m)``, emission as the family keeps it."""

    start: Floats
    transition: Floats
    first: Floats
    second: Floats | None


def fit_hidden_markov(
    observations: npt.ArrayLike,
    *,
    states: int,
    emission: Literal["categorical", "gaussian"],
    rng: np.random.Generator,
    symbols: int | None = None,
    restarts: int = 8,
    max_iterations: int = 200,
    tolerance: float = 1e-6,
    smoothing: float = 0.0,
    min_std_share: float = 1e-3,
) -> HiddenMarkovFit:
    """Maximum likelihood by expectation-maximisation in log space, the best of several random starts.

    The likelihood has several maxima and, with normal emissions, grows without bound as a spread goes to 0: spreads
    are kept above ``min_std_share`` of the spread of the data. Which state is which is arbitrary and made definite by
    sorting. Memory: ``16·n·restarts·states`` bytes.

    Args:
        observations: Symbol numbers (-1 missing) or numbers (NaN missing), shape ``(n,)``.
        states: Hidden states, at least 1.
        emission: ``categorical`` or ``gaussian``.
        rng: Source of the starts.
        symbols: How many symbols there are; the largest seen plus one when ``None``.
        restarts: Random starts, at least 1.
        max_iterations: Steps of every start at most.
        tolerance: Gain in log-likelihood, relative to its size, at which a start is done.
        smoothing: Pseudo-count of every transition and every symbol.
        min_std_share: See above; in (0, 1).

    Raises:
        InvalidInputError: Fewer than two observations, a number out of range, or normal data without spread.

    Sources:
        Baum, Petrie, Soules & Weiss (1970), Ann. Math. Statist. 41, 164-171; Rabiner (1989), Proceedings of the IEEE
        77, 257-286, section III.C.

    Examples:
        >>> rng = np.random.default_rng(2)
        >>> truth = np.repeat([0, 1, 0, 1], 50)
        >>> fit = fit_hidden_markov(rng.normal(4.0 * truth), states=2, emission="gaussian", rng=rng)
        >>> bool(np.abs(fit.model.emission.means - [0, 4]).max() < 0.5)
        True
    """
    if states < 1 or restarts < 1 or max_iterations < 1 or smoothing < 0.0 or not 0.0 < min_std_share < 1.0:
        raise InvalidInputError(
            f"{states} states, {restarts} restarts, {max_iterations} iterations", hint="each at least 1"
        )
    family: _Categorical | _Gaussian
    if emission == "categorical":
        data = np.asarray(observations)
        most = symbols or int(data.max(initial=0)) + 1
        family = _Categorical(symbol_codes(data, most), most, smoothing)
    elif emission == "gaussian":
        family = _Gaussian(number_observations(observations), min_std_share)
    else:
        raise InvalidInputError(f"there is no emission {emission!r}", hint="'categorical' or 'gaussian'")
    first, second = family.initial(rng, restarts, states)
    batch = _Batch(
        start=rng.dirichlet(np.full(states, 5.0), size=restarts),
        transition=_sticky(rng, restarts, states),
        first=first,
        second=second,
    )
    history, steps, converged = _climb(family, batch, max_iterations, tolerance, smoothing)
    best = int(np.argmax(history))
    free = states * states - 1 + family.parameters(states)
    likelihood = float(history[best])
    return HiddenMarkovFit(
        model=family.model(batch, best),
        log_likelihood=likelihood,
        bic=free * float(np.log(family.known)) - 2.0 * likelihood,
        iterations=steps,
        converged=converged,
        agreeing=float((history > likelihood - 0.01).mean()),
    )


def _sticky(rng: np.random.Generator, restarts: int, states: int) -> Floats:
    """Random rows that lean to staying: the hidden states people look for last longer than a step."""
    rows = rng.dirichlet(np.ones(states), size=(restarts, states))
    stay = rng.uniform(0.3, 0.9, size=(restarts, 1, 1))
    return np.asarray(stay * np.eye(states) + (1.0 - stay) * rows, dtype=np.float64)


def _climb(
    family: _Categorical | _Gaussian, batch: _Batch, max_iterations: int, tolerance: float, smoothing: float
) -> tuple[Floats, int, bool]:
    """Expectation-maximisation of all starts together; the log-likelihoods reached."""
    before = np.full(batch.start.shape[0], -np.inf)
    for step in range(1, max_iterations + 1):
        density = family.density(batch)
        transition = logs(batch.transition)
        alpha = log_forward(logs(batch.start), transition, density)
        beta = log_backward(transition, density)
        reached = log_sum(alpha[-1], axis=-1)
        gain = reached - before
        if step > 1 and bool((gain <= tolerance * np.abs(reached)).all()):
            return reached, step, True
        if step == max_iterations:
            return reached, step, False
        weights = np.exp(alpha + beta - reached[:, None])
        batch.transition = _moved(alpha, beta, density, transition, reached, smoothing)
        batch.start = weights[0] / weights[0].sum(axis=-1, keepdims=True)
        family.update(batch, weights)
        before = reached
    return before, max_iterations, False


def _moved(
    alpha: Floats, beta: Floats, density: Floats, transition: Floats, reached: Floats, smoothing: float
) -> Floats:
    """Expected transitions as rows, summed over time in chunks."""
    steps, restarts, states = alpha.shape
    total = np.full((restarts, states, states), smoothing)
    size = max(1, _CHUNK_CELLS // (restarts * states * states))
    for first in range(0, steps - 1, size):
        last = min(first + size, steps - 1)
        into = (density + beta)[first + 1 : last + 1]
        both = alpha[first:last, :, :, None] + transition + into[:, :, None, :] - reached[:, None, None]
        total += np.exp(both).sum(axis=0)
    rows = total.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(rows > 0.0, total / np.maximum(rows, 1e-300), 1.0 / states), dtype=np.float64)


class _Categorical:
    def __init__(self, codes: npt.NDArray[np.intp], symbols: int, smoothing: float) -> None:
        self.codes, self.symbols, self.smoothing = codes, symbols, smoothing
        self.shown = (codes[:, None] == np.arange(symbols)).astype(np.float64)
        self.known = _enough(int((codes != MISSING).sum()))

    def initial(self, rng: np.random.Generator, restarts: int, states: int) -> tuple[Floats, None]:
        shares = (self.shown.sum(axis=0) + 0.5) / (self.known + 0.5 * self.symbols)
        return rng.dirichlet(np.maximum(2.0 * self.symbols * shares, 0.2), size=(restarts, states)), None

    def density(self, batch: _Batch) -> Floats:
        table = np.concatenate([batch.first, np.ones((*batch.first.shape[:-1], 1))], axis=-1)
        return np.ascontiguousarray(np.moveaxis(logs(table), -1, 0)[self.codes])

    def update(self, batch: _Batch, weights: Floats) -> None:
        counts = np.einsum("trm,ts->rms", weights, self.shown) + self.smoothing
        rows = counts.sum(axis=-1, keepdims=True)
        batch.first = np.where(rows > 0.0, counts / np.maximum(rows, 1e-300), 1.0 / self.symbols)

    def parameters(self, states: int) -> int:
        return states * (self.symbols - 1)

    def model(self, batch: _Batch, best: int) -> HiddenMarkovModel:
        order = np.argsort(-batch.first[best][:, 0], kind="stable")
        return _sorted(batch, best, order, CategoricalEmission(probabilities=batch.first[best][order]))


class _Gaussian:
    def __init__(self, values: Floats, min_std_share: float) -> None:
        self.there = ~np.isnan(values)
        self.values = np.where(self.there, values, 0.0)
        self.known = _enough(int(self.there.sum()))
        self.spread = float(values[self.there].std())
        if self.spread <= 0.0:
            raise InvalidInputError("all observations are equal", hint="normal emissions need numbers that differ")
        self.floor = min_std_share * self.spread

    def initial(self, rng: np.random.Generator, restarts: int, states: int) -> tuple[Floats, Floats]:
        means = rng.choice(self.values[self.there], size=(restarts, states))
        return means, np.full((restarts, states), self.spread)

    def density(self, batch: _Batch) -> Floats:
        assert batch.second is not None
        z = (self.values[:, None, None] - batch.first) / batch.second
        density = -0.5 * np.square(z) - np.log(batch.second) - _HALF_LOG_2PI
        density[~self.there] = 0.0
        return np.asarray(density, dtype=np.float64)

    def update(self, batch: _Batch, weights: Floats) -> None:
        used = weights[self.there]
        seen = self.values[self.there]
        mass = np.maximum(used.sum(axis=0), 1e-300)
        batch.first = np.einsum("trm,t->rm", used, seen) / mass
        squares = (used * np.square(seen[:, None, None] - batch.first)).sum(axis=0) / mass
        batch.second = np.maximum(np.sqrt(squares), self.floor)

    def parameters(self, states: int) -> int:
        return 2 * states

    def model(self, batch: _Batch, best: int) -> HiddenMarkovModel:
        assert batch.second is not None
        order = np.argsort(batch.first[best], kind="stable")
        emission = GaussianEmission(means=batch.first[best][order], stds=batch.second[best][order])
        return _sorted(batch, best, order, emission)


def _enough(known: int) -> int:
    if known < 2:
        raise InvalidInputError(f"{known} observations cannot fit a model", hint="at least two")
    return known


def _sorted(
    batch: _Batch, best: int, order: npt.NDArray[np.intp], emission: CategoricalEmission | GaussianEmission
) -> HiddenMarkovModel:
    return HiddenMarkovModel(
        start=batch.start[best][order], transition=batch.transition[best][np.ix_(order, order)], emission=emission
    )
