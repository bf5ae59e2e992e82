"""Hidden Markov models in log space: likelihood, filter, smoother, most likely path, forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.markov.inputs import MISSING, Codes, Floats, check_matrix, check_rows, check_start
from assay.stats.markov.powers import ChainPowers

_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CategoricalEmission:
    """Each hidden state shows symbol numbers.

    Attributes:
        probabilities: Of each symbol in each state, shape ``(m, symbols)``.
    """

    probabilities: Floats

    def log_density(self, observations: npt.ArrayLike) -> Floats:
        """Log-probability of each observation in each state, ``(n, m)``; 0 where it is missing (-1).

        Raises:
            InvalidInputError: A symbol is not a number the model knows.
        """
        codes = symbol_codes(observations, self.probabilities.shape[1])
        return np.asarray(logs(np.vstack([self.probabilities.T, np.ones(self.probabilities.shape[0])]))[codes])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianEmission:
    """Each hidden state shows normal numbers.

    Attributes:
        means: Shape ``(m,)``, in the unit of the observations.
        stds: Shape ``(m,)``, above 0.
    """

    means: Floats
    stds: Floats

    def log_density(self, observations: npt.ArrayLike) -> Floats:
        """Log-density of each observation in each state, ``(n, m)``; 0 where it is missing (NaN)."""
        values = number_observations(observations)
        z = (np.where(np.isnan(values), 0.0, values)[:, None] - self.means) / self.stds
        density = -0.5 * np.square(z) - np.log(self.stds) - _HALF_LOG_2PI
        density[np.isnan(values)] = 0.0
        return np.asarray(density, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HiddenMarkovModel:
    """A chain that is seen only through what its states emit.

    Attributes:
        start: Distribution of the first hidden state, shape ``(m,)``.
        transition: Shape ``(m, m)``.
        emission: What each state shows.
    """

    start: Floats
    transition: Floats
    emission: CategoricalEmission | GaussianEmission


def hidden_markov_model(
    start: npt.ArrayLike, transition: npt.ArrayLike, emission: CategoricalEmission | GaussianEmission
) -> HiddenMarkovModel:
    """A checked model.

    Raises:
        InvalidInputError: Shapes do not fit, rows do not sum to 1, or a standard deviation is not above 0.
    """
    matrix = check_matrix(transition)
    states = matrix.shape[0]
    if isinstance(emission, CategoricalEmission):
        if emission.probabilities.ndim != 2 or emission.probabilities.shape[0] != states:
            raise InvalidInputError(f"emissions have shape {emission.probabilities.shape}", hint="(states, symbols)")
        check_rows(emission.probabilities)
    elif emission.means.shape != (states,) or emission.stds.shape != (states,) or not (emission.stds > 0.0).all():
        raise InvalidInputError("there is not one mean and one positive spread a state", hint="shapes (states,)")
    return HiddenMarkovModel(start=check_start(start, states), transition=matrix, emission=emission)


def symbol_codes(observations: npt.ArrayLike, symbols: int) -> Codes:
    """Symbol numbers, ``MISSING`` (-1) where nothing was observed."""
    data = np.asarray(observations)
    if data.ndim != 1 or data.size == 0 or data.dtype.kind not in "iu":
        raise InvalidInputError("observations are not a vector of symbol numbers", hint="whole numbers; -1 is missing")
    if data.min() < MISSING or data.max() >= symbols:
        raise InvalidInputError(f"a symbol lies outside 0 to {symbols - 1}", hint="-1 marks a missing one")
    return data.astype(np.intp)


def number_observations(observations: npt.ArrayLike) -> Floats:
    """Numbers, NaN where nothing was observed."""
    data = np.asarray(observations, dtype=np.float64)
    if data.ndim != 1 or data.size == 0 or np.isinf(data).any():
        raise InvalidInputError("observations are not a vector of finite numbers", hint="NaN marks a missing one")
    return data


def logs(values: Floats) -> Floats:
    """Logarithms; of 0 minus infinity."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values), dtype=np.float64)


def log_sum(values: Floats, axis: int) -> Floats:
    """log Σ exp along an axis; minus infinity where all are."""
    peak = values.max(axis=axis, keepdims=True)
    safe = np.where(np.isfinite(peak), peak, 0.0)
    return logs(np.exp(values - safe).sum(axis=axis)) + safe.squeeze(axis)


def log_forward(start: Floats, transition: Floats, density: Floats) -> Floats:
    """Forward log-probabilities ``(n, ..., m)`` from logs; leading axes of the model are kept."""
    alpha = np.empty(density.shape)
    alpha[0] = start + density[0]
    for t in range(1, density.shape[0]):
        alpha[t] = log_sum(alpha[t - 1][..., :, None] + transition, axis=-2) + density[t]
    return alpha


def log_backward(transition: Floats, density: Floats) -> Floats:
    """Backward log-probabilities, as ``log_forward``."""
    beta = np.zeros(density.shape)
    for t in range(density.shape[0] - 2, -1, -1):
        beta[t] = log_sum(transition + (density[t + 1] + beta[t + 1])[..., None, :], axis=-1)
    return beta


def _forward(model: HiddenMarkovModel, observations: npt.ArrayLike) -> tuple[Floats, Floats]:
    density = model.emission.log_density(observations)
    alpha = log_forward(logs(model.start), logs(model.transition), density)
    if not np.isfinite(alpha[-1].max()):
        raise InvalidInputError("the model gives these observations probability 0", hint="fit it with smoothing")
    return alpha, density


def hidden_log_likelihood(model: HiddenMarkovModel, observations: npt.ArrayLike) -> float:
    """Log-probability (density) of the observations, in nats.

    Args:
        model: From ``hidden_markov_model`` or ``fit_hidden_markov``.
        observations: Symbol numbers (-1 missing) or numbers (NaN missing), shape ``(n,)``.

    Raises:
        InvalidInputError: The observations are not what the model emits, or are impossible under it.

    Sources:
        Rabiner (1989), Proceedings of the IEEE 77, 257-286, section III.A.

    Examples:
        >>> emission = CategoricalEmission(probabilities=np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> model = hidden_markov_model([0.5, 0.5], [[0.7, 0.3], [0.3, 0.7]], emission)
        >>> round(float(np.exp(hidden_log_likelihood(model, [0, 0]))), 4)
        0.3515
    """
    alpha, _ = _forward(model, observations)
    return float(log_sum(alpha[-1], axis=-1))


def hidden_filter(model: HiddenMarkovModel, observations: npt.ArrayLike) -> Floats:
    """P(hidden state at t | observations up to t), shape ``(n, m)``; raises as ``hidden_log_likelihood``.

    Examples:
        >>> emission = CategoricalEmission(probabilities=np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> model = hidden_markov_model([0.5, 0.5], [[0.7, 0.3], [0.3, 0.7]], emission)
        >>> hidden_filter(model, [0, 0])[:, 0].round(3).tolist()
        [0.818, 0.883]
    """
    alpha, _ = _forward(model, observations)
    return np.asarray(np.exp(alpha - log_sum(alpha, axis=-1)[:, None]), dtype=np.float64)


def hidden_smooth(model: HiddenMarkovModel, observations: npt.ArrayLike) -> Floats:
    """P(hidden state at t | all observations), shape ``(n, m)``; raises as ``hidden_log_likelihood``."""
    alpha, density = _forward(model, observations)
    both = alpha + log_backward(logs(model.transition), density)
    return np.asarray(np.exp(both - log_sum(both, axis=-1)[:, None]), dtype=np.float64)


class HiddenPath(NamedTuple):
    """The most likely hidden path.

    Attributes:
        states: Shape ``(n,)``.
        log_probability: Of path and observations together, in nats.
    """

    states: Codes
    log_probability: float


def viterbi_path(model: HiddenMarkovModel, observations: npt.ArrayLike) -> HiddenPath:
    """The single most likely path of hidden states; O(n·m²). Ties go to the lower state number.

    Raises:
        InvalidInputError: As ``hidden_log_likelihood``.

    Sources:
        Viterbi (1967), IEEE Trans. Information Theory 13, 260-269; Forney (1973), Proceedings of the IEEE 61, 268-278.

    Examples:
        >>> emission = CategoricalEmission(probabilities=np.array([[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]]))
        >>> model = hidden_markov_model([0.6, 0.4], [[0.7, 0.3], [0.4, 0.6]], emission)
        >>> path = viterbi_path(model, [0, 1, 2])
        >>> path.states.tolist(), round(float(np.exp(path.log_probability)), 5)
        ([0, 0, 1], 0.01512)
    """
    density = model.emission.log_density(observations)
    transition = logs(model.transition)
    best = logs(model.start) + density[0]
    back = np.zeros(density.shape, dtype=np.intp)
    for t in range(1, density.shape[0]):
        through = best[:, None] + transition
        back[t] = through.argmax(axis=0)
        best = through.max(axis=0) + density[t]
    if not np.isfinite(best.max()):
        raise InvalidInputError("the model gives these observations probability 0", hint="fit it with smoothing")
    path = np.empty(density.shape[0], dtype=np.intp)
    path[-1] = int(best.argmax())
    for t in range(density.shape[0] - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return HiddenPath(path, float(best.max()))


def hidden_forecast(model: HiddenMarkovModel, observations: npt.ArrayLike, *, horizons: Sequence[int]) -> Floats:
    """Distribution of the hidden state after each number of steps, shape ``(horizons, m)``.

    For categorical emissions ``hidden_forecast(...) @ model.emission.probabilities`` forecasts the symbol.
    """
    now = hidden_filter(model, observations)[-1]
    return ChainPowers(model.transition).distributions(now / now.sum(), horizons)
