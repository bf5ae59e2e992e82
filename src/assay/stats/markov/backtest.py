"""Forecasts made in the past, held to what happened: Brier skill against two baselines, and calibration."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.error import ReliabilityCurve, reliability_curve
from assay.stats.calibration.inputs import forecasts_and_outcomes
from assay.stats.calibration.scores import brier_score, calibration_in_the_large
from assay.stats.markov.counts import context_codes
from assay.stats.markov.forecast import advance_contexts
from assay.stats.markov.inputs import MISSING, Codes, Floats, check_horizons
from assay.stats.markov.seasonal import StepTables
from assay.stats.ratio import ratio_of_means
from assay.stats.special import check_confidence

Fit = Callable[[int], StepTables]
"""Number of observations that may be seen → the model fitted to them."""
MIN_FORECASTS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonSkill:
    """How forecasts of one horizon did.

    Attributes:
        brier: Of the chain: of the event with two states, summed over states with more.
        persistence: Of "it stays as it is".
        climatology: Of the shares seen until then (by season where seasons were given).
        skill_over_persistence: 1 - brier / persistence; above 0 the chain is better.
        skill_over_climatology: 1 - brier / climatology.
        bias: Share that happened minus mean forecast, of the event; ``None`` without one.
        reliability: Observed share against forecast; ``None`` without an event.
        n: Forecasts judged.
        block: Consecutive forecasts treated as one cluster.
    """

    horizon: int
    brier: Estimate
    persistence: Estimate
    climatology: Estimate
    skill_over_persistence: Estimate
    skill_over_climatology: Estimate
    bias: Estimate | None
    reliability: ReliabilityCurve | None
    n: int
    block: int


def backtest_chain(
    codes: Codes,
    *,
    states: int,
    order: int,
    fit: Fit,
    horizons: Sequence[int],
    keys: Sequence[Any] | None = None,
    climate: Sequence[Hashable] | None = None,
    event: int | None = None,
    first: int | None = None,
    refits: int = 10,
    confidence: float = 0.95,
) -> tuple[HorizonSkill, ...]:
    """Forecasts from every time in the later part of a sequence, each by a model that saw only the past.

    The model is fitted again ``refits`` times as time goes on. Forecasts that follow each other are dependent:
    intervals take blocks of them as clusters (at least twice the horizon and the square root of their number).

    Args:
        codes: Numbers of states in order of time, ``MISSING`` where nothing was observed, shape ``(n,)``.
        states: How many states there are.
        order: Of the model.
        fit: Given m, fits the model to ``codes[:m]`` (and their keys).
        horizons: Steps ahead, each at least 1.
        keys: Season or phase of each observation, shape ``(n,)``; needed by seasonal models.
        climate: Season of each observation, by which the climatology is taken; ``None`` for one over all.
        event: The state whose forecasts are judged for calibration; the last one of two states when ``None``.
        first: Observations before the first forecast; half of them when ``None``.
        refits: How often the model is fitted, at least 1.
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: Fewer than 30 forecasts of a horizon can be judged.

    Sources:
        Murphy (1973), J. Applied Meteorology 12, 595-600; Wilks (2011), Statistical Methods in the Atmospheric
        Sciences, section 8.4.2 (skill against climatology and persistence).

    Examples:
        >>> from assay.stats.markov.counts import counts_of_codes
        >>> from assay.stats.markov.seasonal import HomogeneousChain
        >>> rng = np.random.default_rng(5)
        >>> walk = [0]
        >>> for u in rng.random(1999):
        ...     walk.append(int(u < (0.8 if walk[-1] else 0.1)))
        >>> codes = np.array(walk)
        >>> fit = lambda m: HomogeneousChain(counts=counts_of_codes(codes[:m], (0, 1), order=1))
        >>> (found,) = backtest_chain(codes, states=2, order=1, fit=fit, horizons=[1])
        >>> found.n, found.skill_over_climatology.low > 0.2
        (1000, True)
    """
    check_confidence(confidence)
    steps = check_horizons(horizons)
    begin = codes.size // 2 if first is None else first
    if min(steps) < 1 or refits < 1 or not order < begin < codes.size:
        raise InvalidInputError("the backtest has nothing to forecast", hint="horizons >= 1 and a longer sequence")
    chances, origins = _walk_forward(codes, states, order, fit, steps, keys, begin, refits)
    climatology = _climatology(codes, states, climate, begin, refits)
    event = 1 if event is None and states == 2 else event
    return tuple(
        _judge(codes, states, step, origins, chances[place], climatology, event, confidence)
        for place, step in enumerate(steps)
    )


def _edges(begin: int, size: int, refits: int) -> list[int]:
    return [int(edge) for edge in np.unique(np.linspace(begin, size, refits + 1).astype(int))]


def _walk_forward(
    codes: Codes,
    k: int,
    order: int,
    fit: Fit,
    steps: list[int],
    keys: Sequence[Any] | None,
    begin: int,
    refits: int,
) -> tuple[Floats, Codes]:
    """Forecasts ``(horizons, origins, k)`` and the places they were made at (the last observation seen)."""
    contexts = context_codes(codes, k, order)
    pieces: list[Floats] = []
    places: list[Codes] = []
    edges = _edges(begin, codes.size, refits)
    for edge, following in pairwise(edges):
        model = fit(edge)
        origins = np.arange(edge - 1, following - 1)
        now = contexts[origins - order + 1]
        origins, now = origins[now != MISSING], now[now != MISSING]
        law = np.zeros((origins.size, k**order))
        law[np.arange(origins.size), now] = 1.0
        piece = np.zeros((len(steps), origins.size, k))
        for step in range(1, max(steps) + 1):
            law, states = advance_contexts(law, _tables(model, keys, origins + step, codes.size))
            for place in (place for place, wanted in enumerate(steps) if wanted == step):
                piece[place] = states
        pieces.append(piece)
        places.append(origins)
    return np.concatenate(pieces, axis=1), np.concatenate(places)


def _tables(model: StepTables, keys: Sequence[Any] | None, places: Codes, size: int) -> Floats:
    if keys is None:
        return np.asarray(model.tables(np.zeros(1))[0], dtype=np.float64)
    inside = np.minimum(places, size - 1)  # forecasts beyond the end are not judged
    wanted, back = np.unique(np.asarray(keys)[inside], return_inverse=True)
    return np.asarray(model.tables(wanted)[back], dtype=np.float64)


def _climatology(codes: Codes, k: int, climate: Sequence[Hashable] | None, begin: int, refits: int) -> Floats:
    """Shares seen before each place's last refit, shape ``(n, k)``, by the season of the place."""
    number: dict[Hashable, int] = {}
    labels = [0] * codes.size if climate is None else [number.setdefault(one, len(number)) for one in climate]
    season = np.array(labels)
    result = np.zeros((codes.size, k))
    edges = _edges(begin, codes.size, refits)
    edges[-1] = codes.size
    for edge, following in pairwise(edges):
        seen = codes[:edge] != MISSING
        counts = np.bincount(season[:edge][seen] * k + codes[:edge][seen], minlength=(season.max() + 1) * k)
        table = counts.reshape(-1, k).astype(np.float64)
        whole = (table.sum(axis=0) + 0.5) / (table.sum() + 0.5 * k)
        shares = (table + whole) / (table.sum(axis=1, keepdims=True) + 1.0)
        result[edge:following] = shares[season[edge:following]]
    return result


def _judge(
    codes: Codes,
    k: int,
    step: int,
    origins: Codes,
    chances: Floats,
    climatology: Floats,
    event: int | None,
    confidence: float,
) -> HorizonSkill:
    targets = origins + step
    known = targets < codes.size
    known[known] = codes[targets[known]] != MISSING
    made, came, before = chances[known], codes[targets[known]], codes[origins[known]]
    if came.size < MIN_FORECASTS:
        raise InvalidInputError(
            f"only {came.size} forecasts {step} steps ahead can be judged",
            hint="a shorter horizon or a longer sequence; 30 are needed",
        )
    block = max(2 * step, round(float(np.sqrt(came.size))))
    clusters = np.arange(came.size) // block
    rivals = (made, np.eye(k)[before], climatology[targets[known]])
    if k == 2:
        scores = [brier_score(one[:, 1], came, clusters=clusters, confidence=confidence) for one in rivals]
    else:
        scores = [brier_score(one, came, clusters=clusters, confidence=confidence) for one in rivals]
    happened = np.eye(k)[came]
    losses = [np.square(one - happened).sum(axis=1) for one in rivals]
    bias = curve = None
    if event is not None:
        forecast, outcome = forecasts_and_outcomes(np.clip(made[:, event], 0.0, 1.0), came == event)
        bias = calibration_in_the_large(forecast, outcome, clusters=clusters, confidence=confidence)
        curve = reliability_curve(forecast, outcome, bins=10, clusters=clusters, confidence=confidence)
    return HorizonSkill(
        horizon=step,
        brier=scores[0],
        persistence=scores[1],
        climatology=scores[2],
        skill_over_persistence=brier_skill(losses[0], losses[1], clusters=clusters, confidence=confidence),
        skill_over_climatology=brier_skill(losses[0], losses[2], clusters=clusters, confidence=confidence),
        bias=bias,
        reliability=curve,
        n=int(came.size),
        block=block,
    )


def brier_skill(
    losses: npt.ArrayLike,
    reference_losses: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """1 - mean loss / mean loss of a reference on the same forecasts; 1 is perfect, 0 no better, below 0 worse.

    Args:
        losses: Squared errors of the forecasts, shape ``(n,)``.
        reference_losses: Of the baseline's forecasts of the same events.
        clusters: Block of each forecast; forecasts that follow each other in time are not independent.
        confidence: Two-sided coverage of Fieller's interval (t with blocks - 1 degrees of freedom).

    Raises:
        InvalidInputError: The lengths differ.

    Sources:
        Murphy (1973), as above; Fieller (1954), JRSS B 16, 175-185.

    Examples:
        >>> round(brier_skill([0.01, 0.04, 0.09, 0.04], [0.25, 0.25, 0.25, 0.25]).value, 6)
        0.82
    """
    data = [np.asarray(one, dtype=np.float64).tolist() for one in (reference_losses, losses)]
    labels = None if clusters is None else [str(one) for one in np.asarray(clusters).tolist()]
    ratio = ratio_of_means(data[0], data[1], clusters=labels, confidence=confidence)
    known = ratio.value is not None
    return Estimate(
        value=None if ratio.value is None else 1.0 - ratio.value,
        low=None if ratio.high is None else 1.0 - ratio.high,
        high=None if ratio.low is None else 1.0 - ratio.low,
        n=len(data[0]),
        method=ratio.method,
        confidence=confidence,
        unit="skill",
        reason=ratio.reason if known else ratio.reason or "the reference made no error",
        n_clusters=ratio.n_clusters,
    )
