"""n-step forecasts of a fitted chain of any order, with intervals for what the data leave open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.markov.counts import context_matrix
from assay.stats.markov.inputs import Floats, check_horizons
from assay.stats.markov.powers import ChainPowers
from assay.stats.markov.seasonal import HomogeneousChain, StepTables
from assay.stats.special import check_confidence

MIN_DRAWS = 200
CHUNK_FLOATS = 4_000_000
"""Numbers of drawn matrices held at a time (32 MB)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepForecast:
    """Probabilities of the states after ``horizon`` steps, in the order of the chain's states."""

    horizon: int
    probabilities: tuple[Estimate, ...]


def forecast_chain(
    model: StepTables,
    *,
    horizons: Sequence[int],
    rng: np.random.Generator,
    context: int | None = None,
    keys: Sequence[Any] | None = None,
    draws: int = 2_000,
    confidence: float = 0.95,
) -> tuple[StepForecast, ...]:
    """Probability of every state after each number of steps.

    The value is that of the fitted tables. The interval says how far the *probability* is known: equal-tailed over
    draws of the tables from their posterior (Dirichlet rows; normal coefficients of logits), carried through all
    steps. It does not say which state will come. A chain that does not change costs O(log n) a horizon (short ones
    are walked); a seasonal one is walked step by step, each with its own matrix. Memory: 32 MB of draws,
    or one table a draw.

    Args:
        model: From ``fit_seasonal_chain`` or ``fit_fourier_chain``, or a ``HomogeneousChain``.
        horizons: Steps ahead, each at least 1, in any order.
        rng: Source of the draws.
        context: Number of the present context; where the sequence ended when ``None``.
        keys: Season or phase of steps 1, 2, … up to the largest horizon; needed unless the chain is homogeneous.
        draws: At least 200.
        confidence: Two-sided coverage of each probability.

    Raises:
        InvalidInputError: The present context is unknown, a horizon is below 1, or keys are missing.

    Sources:
        Welton & Ades (2005), Medical Decision Making 25, 633-645 (Dirichlet uncertainty of transition matrices).

    Examples:
        >>> from assay.stats.markov.counts import count_transitions
        >>> chain = HomogeneousChain(counts=count_transitions([0, 0, 1, 1, 0, 0, 0, 1] * 30))
        >>> found = forecast_chain(chain, horizons=[1, 10**9], rng=np.random.default_rng(1))
        >>> [round(step.probabilities[1].value, 3) for step in found]
        [0.339, 0.377]
    """
    check_confidence(confidence)
    steps = check_horizons(horizons)
    if min(steps) < 1 or draws < MIN_DRAWS:
        raise InvalidInputError(f"horizon {min(steps)} with {draws} draws", hint="horizons >= 1 and 200 draws or more")
    start = model.counts.last if context is None else context
    contexts = model.counts.counts.shape[0]
    if start is None or not 0 <= start < contexts:
        raise InvalidInputError("the present context is unknown: the last observations are missing", hint="context=…")
    steady = isinstance(model, HomogeneousChain)
    if not steady and (keys is None or len(keys) < max(steps)):
        raise InvalidInputError(f"{max(steps)} steps need as many seasons or phases", hint="keys=…, one a step")
    if isinstance(model, HomogeneousChain) and max(steps) > contexts * max(steps).bit_length():
        values, drawn = _by_powers(model, start, steps, rng, draws)
    else:
        values, drawn = _by_steps(model, start, steps, keys or [0] * max(steps), rng, draws)
    tail = 50.0 * (1.0 - confidence)
    bounds = np.percentile(drawn, [tail, 100.0 - tail], axis=0)
    return tuple(
        StepForecast(
            horizon=step,
            probabilities=tuple(
                _estimate(values[h, s], bounds[:, h, s], drawn[:, h, s], model.counts.n, confidence)
                for s in range(values.shape[1])
            ),
        )
        for h, step in enumerate(steps)
    )


def _estimate(value: float, bounds: Floats, drawn: Floats, n: int, confidence: float) -> Estimate:
    return Estimate(
        value=float(value),
        low=float(min(bounds[0], value)),
        high=float(max(bounds[1], value)),
        n=n,
        method="posterior-draws",
        confidence=confidence,
        unit="share",
        estimand="probability of the state at this step",
        std_error=float(drawn.std()),
    )


def _by_powers(
    model: HomogeneousChain, start: int, steps: list[int], rng: np.random.Generator, draws: int
) -> tuple[Floats, Floats]:
    """Point forecasts ``(horizons, k)`` and drawn ones ``(draws, horizons, k)``."""
    k = len(model.counts.states)
    table = model.tables(np.zeros(1))[0]
    side = context_matrix(table).shape[0]
    values = by_state(ChainPowers(context_matrix(table)).distributions(start, steps), k)
    tables = model.sampler(rng, draws).tables_at(0)
    result = np.empty((draws, len(steps), k))
    size = max(1, CHUNK_FLOATS // (3 * side * side))
    for first in range(0, draws, size):
        chunk = context_matrix(tables[first : first + size])
        row = np.zeros((chunk.shape[0], 1, side))
        row[:, 0, start] = 1.0
        done = 0
        for place in sorted(range(len(steps)), key=steps.__getitem__):
            row = row @ np.linalg.matrix_power(chunk, steps[place] - done)
            row = row / row.sum(axis=-1, keepdims=True)
            done = steps[place]
            result[first : first + size, place] = by_state(row[:, 0], k)
    return values, result


def by_state(contexts: Floats, k: int) -> Floats:
    """Probabilities of contexts (last axis) summed to their newest state."""
    return np.asarray(contexts.reshape(*contexts.shape[:-1], -1, k).sum(axis=-2), dtype=np.float64)


def _by_steps(
    model: StepTables, start: int, steps: list[int], keys: Sequence[Any], rng: np.random.Generator, draws: int
) -> tuple[Floats, Floats]:
    k = len(model.counts.states)
    contexts = model.counts.counts.shape[0]
    sampler = model.sampler(rng, draws)
    tables = model.tables(list(keys[: max(steps)]))
    law, drawn = np.zeros((1, contexts)), np.zeros((draws, contexts))
    law[0, start] = drawn[:, start] = 1.0
    values, result = np.empty((len(steps), k)), np.empty((draws, len(steps), k))
    for step in range(1, max(steps) + 1):
        law, states = advance_contexts(law, tables[step - 1])
        drawn, drawn_states = advance_contexts(drawn, sampler.tables_at(keys[step - 1]))
        for place in (place for place, wanted in enumerate(steps) if wanted == step):
            values[place], result[:, place] = states[0], drawn_states
    return values, result


def advance_contexts(law: Floats, table: Floats) -> tuple[Floats, Floats]:
    """One step of distributions over contexts, without the matrix of contexts.

    Args:
        law: Shape ``(rows, k**order)``.
        table: Shape ``(k**order, k)``, or one a row, ``(rows, k**order, k)``.

    Returns:
        The new distributions over contexts and those over states, ``(rows, k)``.
    """
    joint = law[..., None] * table
    rows, contexts, k = joint.shape
    states = joint.sum(axis=1)
    if contexts == 1:
        return np.ones((rows, 1)), states
    return joint.reshape(rows, k, contexts // k, k).sum(axis=1).reshape(rows, contexts), states
