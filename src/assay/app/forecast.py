"""Forecasts of a series of states in a file: fit a chain, judge it on the past, foretell; one document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from assay.app.forecast_series import ForecastRequest, Season, Series, read_series, stamp, threshold_states
from assay.core.errors import DataError, InvalidInputError, nearest
from assay.stats.markov.backtest import HorizonSkill, backtest_chain
from assay.stats.markov.counts import (
    TransitionCounts,
    context_matrix,
    counts_of_codes,
    estimate_markov_chain,
    sparse_transition_matrix,
)
from assay.stats.markov.forecast import StepForecast, forecast_chain
from assay.stats.markov.fourier import fit_fourier_chain
from assay.stats.markov.inputs import Codes, encode_states
from assay.stats.markov.occupation import occupation_distribution
from assay.stats.markov.order import HomogeneityTest, OrderSelection, chain_stationarity_test, select_markov_order
from assay.stats.markov.seasonal import HomogeneousChain, StepTables, fit_seasonal_chain
from assay.stats.markov.structure import chain_structure
from assay.stats.markov.times import mixing_time

SCHEMA = "assay.forecast/1"
MIN_TRANSITIONS = 30
MAX_STATES = 50
MAX_CONTEXTS = 256
MAX_HORIZON: dict[Season, int] = {"none": 10**12, "month": 10_000, "fourier": 10_000}
COUNTED_STEPS = 400
DAYS_A_YEAR = 365.2425
RIDGE = 0.01
"""Penalty of the Fourier logits: keeps rare contexts finite and moves nothing that 100 transitions support."""
LONG_RUN = 1 << 40
PATH_STEPS = 60


def make_forecast(request: ForecastRequest) -> dict[str, Any]:
    """The ``assay.forecast/1`` document of a file.

    Raises:
        NotFoundError: There is no such file.
        DataError: As ``read_series``; or too few rows, one state only, too many states, an unknown start.
    """
    series = read_series(request)
    names = threshold_states(request.threshold) if request.threshold is not None else tuple(request.states) or None
    codes, states = _checked(series, names, request)
    if request.season != "none" and series.times is None:
        raise DataError(
            "a seasonal forecast needs to know when each row was", hint="--date COLUMN", code="forecast.no_date"
        )
    longest, notes = max(request.horizons), _first_notes(series)
    if longest > MAX_HORIZON[request.season]:
        raise DataError(
            f"{longest:,} steps cannot be walked day by day",
            hint=f"at most {MAX_HORIZON[request.season]:,} with --season {request.season}",
            code="forecast.horizon",
        )
    selection = _orders(codes, states)
    order = _chosen_order(selection, request, len(states), notes)
    keys, future = _keys(series, request.season, longest)
    fit = _fitter(codes, states, order, request, keys)
    model = fit(codes.size)
    counts = model.counts
    if isinstance(model, HomogeneousChain) and model.smoothing and request.smoothing is None:
        notes.append("some contexts were never left: half a transition was added to every cell")
    context = _start(request, states, order, counts)
    rng = np.random.default_rng(request.seed)
    draws = 2_000 if counts.counts.shape[0] <= 16 else 500
    walked = list(range(1, min(longest, PATH_STEPS) + 1))
    forecasts = forecast_chain(
        model,
        horizons=[*request.horizons, *walked],
        rng=rng,
        context=context,
        keys=future,
        draws=draws,
        confidence=request.confidence,
    )
    months = [time.month for time in series.times] if series.times else None
    judged, unjudged = _judged(codes, states, order, fit, request, keys, months)
    document = {
        "schema": SCHEMA,
        "file": request.path,
        "column": request.state or request.value,
        "states": list(states),
        "season": request.season,
        "confidence": request.confidence,
        "observations": {
            "rows": len(series.values) - series.missing_steps,
            "missing": int((codes < 0).sum()),
            "transitions": counts.n,
            "first": stamp(series.times[0]) if series.times else None,
            "last": stamp(series.times[-1]) if series.times else None,
        },
        "order": _order_document(selection, order),
        "transitions": _transitions(counts, request.confidence),
        "stationarity": _stationarity(codes, order, months),
        "structure": _structure(series.values, states),
        "long_run": _long_run(model, states),
        "from": list(counts.context(context)) if order else [],
        "forecasts": [_forecast_document(step, states, series) for step in forecasts[: len(request.horizons)]],
        "path": _path(forecasts[len(request.horizons) :], states),
        "counts": _count_documents(model, context, states, longest, future),
        "backtest": [_skill_document(one) for one in judged],
        "backtest_reason": unjudged,
        "notes": notes,
    }
    return {**document, "sentence": _sentence(document)}


def _checked(series: Series, names: Sequence[str] | None, request: ForecastRequest) -> tuple[Codes, tuple[str, ...]]:
    seen = {value for value in series.values if value is not None}
    if len(series.values) <= MIN_TRANSITIONS:
        raise DataError(
            f"{request.path} has {len(series.values)} rows, too few for a chain",
            hint=f"at least {MIN_TRANSITIONS + 1}, and some hundreds for useful intervals",
            code="forecast.too_few_rows",
        )
    if len(seen) < 2:
        only = f"only one state, {next(iter(seen))!r}" if seen else "no state at all"
        raise DataError(
            f"{request.path} shows {only}: there is nothing to forecast",
            hint="choose another column or threshold",
            code="forecast.one_state",
        )
    if len(names or seen) > MAX_STATES:
        raise DataError(
            f"{request.path} has {len(names or seen):,} states in {request.state}",
            hint=f"merge them to at most {MAX_STATES}; a column of numbers goes to --value with --threshold",
            code="forecast.too_many_states",
        )
    codes, states = encode_states(series.values, states=names)
    transitions = int(((codes[:-1] >= 0) & (codes[1:] >= 0)).sum())
    if transitions < MIN_TRANSITIONS:
        raise DataError(
            f"{request.path} has {transitions} steps between observed rows, too few for a chain",
            hint=f"at least {MIN_TRANSITIONS}; empty cells and gaps break steps",
            code="forecast.too_few_rows",
        )
    return codes, tuple(map(str, states))


def _first_notes(series: Series) -> list[str]:
    if series.missing_steps:
        return [f"{series.missing_steps:,} dates are missing; no transition is counted over them"]
    return []


def _orders(codes: Codes, states: tuple[str, ...]) -> OrderSelection:
    """Orders up to 3 that leave five observations a free probability."""
    k, highest = len(states), 1
    while highest < 3 and codes.size >= 5 * k ** (highest + 1) * (k - 1):
        highest += 1
    plain = [None if code < 0 else int(code) for code in codes]
    return select_markov_order(plain, max_order=highest, states=range(k))


def _chosen_order(selection: OrderSelection, request: ForecastRequest, k: int, notes: list[str]) -> int:
    order = request.order
    if order is None:
        order = selection.by_bic
        if request.season != "none" and order > 1:
            order = 1
            notes.append("with a season the order is 1 unless --order says more: seasons look like longer memory")
    if k**order > MAX_CONTEXTS:
        raise DataError(
            f"order {order} over {k} states has {k**order:,} contexts",
            hint=f"at most {MAX_CONTEXTS}: lower --order or merge states",
            code="forecast.order",
        )
    return order


def _keys(series: Series, season: Season, longest: int) -> tuple[list[Any] | None, list[Any] | None]:
    """Season or phase of every observation, and of the steps ahead."""
    if season == "none" or series.times is None:
        return None, None
    ahead = series.following(longest)
    if season == "month":
        return [time.month for time in series.times], [time.month for time in ahead]
    return [_phase(time) for time in series.times], [_phase(time) for time in ahead]


def _phase(time: datetime) -> float:
    return (time.timetuple().tm_yday - 1 + time.hour / 24.0) / DAYS_A_YEAR


def _fitter(
    codes: Codes, states: tuple[str, ...], order: int, request: ForecastRequest, keys: list[Any] | None
) -> Callable[[int], StepTables]:
    plain = [None if code < 0 else states[code] for code in codes]

    def fit(size: int) -> StepTables:
        if keys is None:
            counts = counts_of_codes(codes[:size], states, order=order)
            unseen = bool((counts.counts.sum(axis=1) == 0.0).any())
            smoothing = request.smoothing if request.smoothing is not None else 0.5 if unseen else 0.0
            return HomogeneousChain(counts=counts, smoothing=smoothing)
        if request.season == "month":
            return fit_seasonal_chain(
                plain[:size], keys[:size], order=order, smoothing=request.smoothing or 1.0, states=states
            )
        return fit_fourier_chain(
            plain[:size], keys[:size], order=order, ridge=request.smoothing or RIDGE, states=states
        )

    return fit


def _start(request: ForecastRequest, states: tuple[str, ...], order: int, counts: TransitionCounts) -> int:
    """The present context: the last one observed, its newest state replaced where one is named."""
    if order == 0:
        return 0
    if request.start is None:
        if counts.last is None:
            raise DataError(
                f"the last {order} rows of {request.path} are not all known, so there is no present state",
                hint="--from STATE names one",
                code="forecast.no_start",
            )
        return counts.last
    if request.start not in states:
        raise DataError(
            f"{request.start!r} is no state of {request.path}",
            hint=nearest(request.start, states),
            code="forecast.unknown_state",
        )
    k, newest = len(states), states.index(request.start)
    older = newest if counts.last is None or order == 1 else counts.last % k ** (order - 1)
    return newest if order == 1 else older * k + newest


# --- findings


def _order_document(selection: OrderSelection, order: int) -> dict[str, Any]:
    return {
        "used": order,
        "by_bic": selection.by_bic,
        "by_aic": selection.by_aic,
        "by_tests": selection.by_tests,
        "n": selection.n,
        "compared": [
            {
                "order": fit.order,
                "parameters": fit.parameters,
                "log_likelihood": fit.log_likelihood,
                "aic": fit.aic,
                "bic": fit.bic,
                "lr_statistic": fit.lr_statistic,
                "df": fit.df,
                "p_value": fit.p_value,
            }
            for fit in selection.fits
        ],
    }


def _transitions(counts: TransitionCounts, confidence: float) -> list[dict[str, Any]]:
    found = estimate_markov_chain(counts, confidence=confidence)
    return [
        {
            "after": [str(state) for state in counts.context(number)],
            "n": int(counts.counts[number].sum()),
            "probabilities": {str(state): one.to_dict() for state, one in zip(counts.states, estimates, strict=True)},
        }
        for number, estimates in enumerate(found.probabilities)
    ]


def _stationarity(codes: Codes, order: int, months: list[int] | None) -> dict[str, Any]:
    plain = [None if code < 0 else int(code) for code in codes]
    stretches = 4 if codes.size >= 200 else 2
    result: dict[str, Any] = {"stretches": None, "months": None}
    for name, periods in (("stretches", stretches), ("months", months)):
        if periods is None or (isinstance(periods, list) and len(set(periods)) < 2):
            continue
        try:
            found = chain_stationarity_test(plain, periods=periods, order=min(order, 1))
        except InvalidInputError as error:
            result[name] = {"reason": str(error)}
            continue
        result[name] = _homogeneity(found)
    return result


def _homogeneity(found: HomogeneityTest) -> dict[str, Any]:
    return {
        "periods": found.periods,
        "statistic": found.statistic,
        "df": found.df,
        "p_value": found.p_value,
        "small_cells": found.small_cells,
    }


def _structure(values: Sequence[str | None], states: tuple[str, ...]) -> dict[str, Any]:
    """Classes and periods of the first-order chain as observed: a step never seen counts as impossible."""
    matrix, _ = sparse_transition_matrix(values, states=states)
    found = chain_structure(matrix, max_states=MAX_STATES)
    return {
        "irreducible": found.irreducible,
        "aperiodic": found.aperiodic,
        "classes": [
            {"states": [states[number] for number in one.states], "closed": one.closed, "period": one.period}
            for one in found.classes
        ],
        "reason": found.reason,
    }


def _long_run(model: StepTables, states: tuple[str, ...]) -> dict[str, Any] | None:
    """Shares of time in the long run and how soon the present is forgotten; ``None`` for seasonal or large chains."""
    if not isinstance(model, HomogeneousChain) or model.counts.counts.shape[0] > 16:
        return None
    matrix = context_matrix(model.tables(np.zeros(1))[0])
    mixing = mixing_time(matrix, epsilon=0.05)
    if mixing.steps is None:
        return {"shares": None, "forgotten_after": None, "reason": mixing.reason}
    (far,) = forecast_chain(model, horizons=[LONG_RUN], context=0, rng=np.random.default_rng(0), draws=1_000)
    shares = {state: one.to_dict() for state, one in zip(states, far.probabilities, strict=True)}
    return {"shares": shares, "forgotten_after": mixing.steps, "reason": None}


def _forecast_document(step: StepForecast, states: tuple[str, ...], series: Series) -> dict[str, Any]:
    dated = series.times is not None and step.horizon <= MAX_HORIZON["month"]
    return {
        "horizon": step.horizon,
        "date": stamp(series.following(step.horizon)[-1]) if dated else None,
        "probabilities": {state: one.to_dict() for state, one in zip(states, step.probabilities, strict=True)},
    }


def _path(walked: Sequence[StepForecast], states: tuple[str, ...]) -> dict[str, Any]:
    """The first steps one by one, as columns."""
    columns = {
        state: {
            part: [getattr(step.probabilities[number], part) for step in walked] for part in ("value", "low", "high")
        }
        for number, state in enumerate(states)
    }
    return {"steps": [step.horizon for step in walked], "states": columns}


def _count_documents(
    model: StepTables, context: int, states: tuple[str, ...], longest: int, future: list[Any] | None
) -> list[dict[str, Any]]:
    """How many of the next steps each state takes: exact given the fitted tables."""
    contexts, k = model.counts.counts.shape
    steps = min(longest, COUNTED_STEPS)
    if contexts * k * steps * steps > 50_000_000:
        return []
    tables = context_matrix(np.asarray(model.tables([0] * steps if future is None else future[:steps])))
    side = tables.shape[-1]
    result = []
    for number, state in enumerate(states):
        counted = range(number, side, k)
        found = occupation_distribution(tables, context, n=steps, counted=counted)
        low, high = found.interval(0.9)
        result.append(
            {
                "state": state,
                "steps": steps,
                "mean": found.mean,
                "std": found.std,
                "low": low,
                "high": high,
                "confidence": 0.9,
                "at_least_one": found.at_least(1),
                "probabilities": found.probabilities.tolist(),
            }
        )
    return result


def _judged(
    codes: Codes,
    states: tuple[str, ...],
    order: int,
    fit: Callable[[int], StepTables],
    request: ForecastRequest,
    keys: list[Any] | None,
    months: list[int] | None,
) -> tuple[tuple[HorizonSkill, ...], str | None]:
    """The backtest of the horizons that the past can judge, or why there is none."""
    begin = codes.size // 2
    horizons = [step for step in sorted(set(request.horizons)) if step <= min((codes.size - begin) // 4, 400)]
    if codes.size < 120 or not horizons:
        return (), "too few rows to judge forecasts of this length on the past"
    if request.season == "month" and keys is not None and set(keys[begin:]) - set(keys[:begin]):
        return (), "the first half of the file does not hold every month of the second"
    try:
        found = backtest_chain(
            codes,
            states=len(states),
            order=order,
            fit=fit,
            horizons=horizons,
            keys=keys,
            climate=None if request.season == "none" else months,
            event=1 if len(states) == 2 else None,
            first=begin,
            confidence=request.confidence,
        )
    except InvalidInputError as error:
        return (), str(error)
    return found, None


def _skill_document(one: HorizonSkill) -> dict[str, Any]:
    curve = one.reliability.bins if one.reliability is not None else ()
    return {
        "horizon": one.horizon,
        "n": one.n,
        "block": one.block,
        "brier": one.brier.to_dict(),
        "persistence": one.persistence.to_dict(),
        "climatology": one.climatology.to_dict(),
        "skill_over_persistence": one.skill_over_persistence.to_dict(),
        "skill_over_climatology": one.skill_over_climatology.to_dict(),
        "bias": None if one.bias is None else one.bias.to_dict(),
        "reliability": [
            {"forecast": bin_.forecast, "observed": bin_.observed.to_dict(), "n": bin_.observed.n} for bin_ in curve
        ],
    }


def _sentence(document: dict[str, Any]) -> str:
    """The forecast in plain words, with what it is worth."""
    first = document["forecasts"][0]
    state = (
        document["states"][-1]
        if len(document["states"]) == 2
        else max(first["probabilities"], key=lambda name: first["probabilities"][name]["value"])
    )
    chance = first["probabilities"][state]
    steps = "the next step" if first["horizon"] == 1 else f"step {first['horizon']:,}"
    after = f" after {' → '.join(document['from'])}" if document["from"] else ""
    said = (
        f"{state} has a chance of {100 * chance['value']:.0f}% at {steps}{after}"
        f" ({100 * chance['low']:.0f} to {100 * chance['high']:.0f}%)"
    )
    if not document["backtest"]:
        return f"{said}; how good such forecasts are could not be judged: {document['backtest_reason']}."
    skill = document["backtest"][0]["skill_over_climatology"]
    if skill["value"] is None or skill["low"] is None:
        return f"{said}; the backtest is undecided: {skill.get('reason')}."
    rival = "the long-run share" if document["season"] == "none" else "the season's share"
    if skill["low"] > 0:
        worth = f"beat {rival} by {100 * skill['value']:.0f}% in Brier score"
    elif skill["high"] < 0:
        worth = f"were worse than {rival} by {-100 * skill['value']:.0f}% in Brier score"
    else:
        worth = f"could not be told from {rival}"
    return f"{said}; on the past, such forecasts {worth}."
