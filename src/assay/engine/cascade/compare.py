"""Parts of a run, and two runs on shared items, by the one estimator."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.engine.cascade.draw import Bools, Floats
from assay.engine.cascade.estimate import TieredEstimate, tiered_estimate
from assay.engine.cascade.verdicts import DEFAULT, RIDGE, Question, TierVerdicts, answers, matrix, prepare
from assay.stats.prediction.ridge import fit_ridge
from assay.stats.special import t_quantile

LEAST_OUTSIDE = 20
"""Labels outside a segment from which its weights are borrowed; with fewer it fits its own."""


def tiered_segments(
    tiers: Sequence[TierVerdicts], segments: Sequence[Hashable], *, question: Question = DEFAULT
) -> dict[Hashable, TieredEstimate]:
    """The figure on each part of the items.

    Few labels lie in a part. So on a cold start the weights of a part are fitted on the labels of all *other* parts:
    for the part they are weights from outside, fixed, and its own labels only correct them.

    Args:
        tiers: As in ``tiered_estimate``.
        segments: Part of each item.
        question: As there.
    """
    names = list(dict.fromkeys(segments))
    found: dict[Hashable, TieredEstimate] = {}
    place_of = {name: place for place, name in enumerate(names)}
    where = np.array([place_of[one] for one in segments], dtype=np.intp)
    if where.size != matrix(tiers[0]).shape[0]:
        raise InvalidInputError(f"{where.size} segments for {matrix(tiers[0]).shape[0]} items", hint="one an item")
    for place, name in enumerate(names):
        rows: Bools = np.asarray(where == place, dtype=np.bool_)
        found[name] = tiered_estimate(
            [_cut(tier, rows) for tier in _borrowed(tiers, rows)], question=_cut_question(question, rows)
        )
    return found


def _borrowed(tiers: Sequence[TierVerdicts], rows: Bools) -> list[TierVerdicts]:
    """The tiers with predictions by weights from outside the rows; as they are where that cannot be."""
    if all(tier.prediction is not None for tier in tiers[:-1]):
        return list(tiers)
    asked, known = answers(tiers[-1], len(tiers) - 1, tiers)
    outside = asked & known & ~rows
    ready = prepare(tiers)
    if np.count_nonzero(outside) < max(
        LEAST_OUTSIDE, 4 * sum(proxy.shape[1] for proxy in map(_columns, ready.proxies))
    ):
        return list(tiers)
    labels, weights = matrix(tiers[-1])[:, 0], 1.0 / ready.probabilities[-1][outside]
    predicted: dict[int, Floats] = {}
    sofar = np.empty((labels.size, 0))
    for place, proxy in zip(ready.places, ready.proxies, strict=False):
        sofar = np.hstack([sofar, _columns(proxy)])
        fitted = fit_ridge(sofar[outside], labels[outside], penalty=RIDGE, label_weights=weights)
        predicted[place] = fitted.predict(sofar)
    return [
        replace(tier, prediction=predicted.get(place)) if place < len(tiers) - 1 else tier
        for place, tier in enumerate(tiers)
    ]


def _columns(proxy: Floats) -> Floats:
    return proxy[:, None] if proxy.ndim == 1 else proxy


def _cut(tier: TierVerdicts, rows: Bools) -> TierVerdicts:
    def part(values: npt.ArrayLike | None) -> Any:
        if values is None:
            return None
        array = np.asarray(values)
        return array[rows] if array.ndim else array

    asked = part(tier.asked)
    cost = tier.cost_usd
    if cost:
        drawn = _drawn(tier)
        cost *= float(drawn[rows].sum()) / max(float(drawn.sum()), 1.0)
    return replace(
        tier,
        values=part(tier.values),
        asked=asked,
        probability=_overall(tier, rows) if tier.probability is None else part(tier.probability),
        prediction=part(tier.prediction),
        cost_usd=cost,
    )


def _overall(tier: TierVerdicts, rows: Bools) -> Floats | None:
    """Without probabilities the draw was simple and of all items, not of the part."""
    if tier.asked is None and np.isfinite(matrix(tier)).all():
        return None
    return np.full(int(rows.sum()), _drawn(tier).mean())


def _drawn(tier: TierVerdicts) -> Bools:
    if tier.asked is None:
        return np.asarray(np.isfinite(matrix(tier)).all(axis=1), dtype=np.bool_)
    return np.asarray(tier.asked, dtype=np.bool_)


def _cut_question(question: Question, rows: Bools) -> Question:
    return question if question.clusters is None else replace(question, clusters=np.asarray(question.clusters)[rows])


def tiered_difference(
    before: Sequence[TierVerdicts],
    after: Sequence[TierVerdicts],
    *,
    coordinated: bool,
    question: Question = DEFAULT,
) -> Estimate:
    """Mean top verdict of ``after`` minus that of ``before``, over the items both have.

    Where both runs drew with one seed their labels fall on the same items, and the difference is estimated from the
    differences item by item: what makes a document hard drops out. Runs drawn apart share few labels; then the two
    estimates are subtracted.

    Args:
        before: Tiers of the first run; rows are the shared items, in one order for both.
        after: Of the second; as many tiers.
        coordinated: Both were drawn with the same seed and tier names.
        question: As in ``tiered_estimate``.

    Raises:
        InvalidInputError: The numbers of tiers or items differ.
    """
    if len(before) != len(after) or matrix(before[0]).shape[0] != matrix(after[0]).shape[0]:
        raise InvalidInputError(
            "the runs differ in tiers or in items", hint="shared items, and the same tiers, in order"
        )
    shared = _shared(before, after) if coordinated else None
    if shared is not None:
        found = tiered_estimate(shared, question=replace(question, share=False, scale=None)).estimate
        return replace(found, method=f"paired-{found.method}")
    first, second = (tiered_estimate(one, question=question) for one in (before, after))
    return _subtracted(first, second, question)


def _shared(before: Sequence[TierVerdicts], after: Sequence[TierVerdicts]) -> list[TierVerdicts] | None:
    """Differences of the verdicts, asked where both were; ``None`` where hardly any label is shared."""
    found, overall = [], np.ones(matrix(before[0]).shape[0])
    previous = [np.ones(overall.size), np.ones(overall.size)]
    for place, (one, other) in enumerate(zip(before, after, strict=True)):
        (asked_one, _), (asked_other, _) = answers(one, place, before), answers(other, place, after)
        asked = asked_one & asked_other
        values = matrix(other) - matrix(one) if matrix(other).shape == matrix(one).shape else None
        if values is None:
            raise InvalidInputError(f"tier {one.name} has other columns in the two runs", hint="the same free metrics")
        probabilities = [_given(tier, drawn) for tier, drawn in ((one, asked_one), (other, asked_other))]
        with np.errstate(invalid="ignore"):
            given = [now / was for now, was in zip(probabilities, previous, strict=True)]
            overall = overall * np.minimum(*given) if place else overall
        previous = probabilities
        predicted = None
        if one.prediction is not None and other.prediction is not None:
            predicted = np.asarray(other.prediction, dtype=np.float64) - np.asarray(one.prediction, dtype=np.float64)
        cost = None if one.cost_usd is None or other.cost_usd is None else one.cost_usd + other.cost_usd
        found.append(
            TierVerdicts(
                name=one.name,
                values=np.where(asked[:, None], values, np.nan) if values.shape[1] > 1 else _single(values, asked),
                asked=asked,
                probability=overall.copy(),
                prediction=predicted,
                cost_usd=cost,
            )
        )
    ends = [answers(tiers[-1], len(tiers) - 1, tiers)[1].sum() for tiers in (before, after)]
    together = answers(found[-1], len(found) - 1, found)[1].sum()
    return found if together >= max(3, 0.5 * min(ends)) else None


def _single(values: Floats, asked: Bools) -> Floats:
    return np.where(asked, values[:, 0], np.nan)


def _given(tier: TierVerdicts, asked: Bools) -> Floats:
    if tier.probability is None:
        return np.full(asked.size, max(float(asked.mean()), 1.0 / asked.size))
    return np.array(np.broadcast_to(np.asarray(tier.probability, dtype=np.float64), asked.shape))


def _subtracted(first: TieredEstimate, second: TieredEstimate, question: Question) -> Estimate:
    one, other = first.estimate, second.estimate
    common: Mapping[str, Any] = {
        "n": min(one.n, other.n),
        "confidence": question.confidence,
        "unit": question.unit,
        "estimand": question.estimand,
        "method": "unpaired-two-phase-t",
    }
    if one.value is None or other.value is None:
        reason = one.reason if one.value is None else other.reason
        return Estimate(value=None, low=None, high=None, reason=reason, **common)
    value = other.value - one.value
    if one.std_error is None or other.std_error is None or first.df is None or second.df is None:
        return Estimate(value=value, low=None, high=None, reason=one.reason or other.reason, **common)
    variances = [one.std_error**2, other.std_error**2]
    total = sum(variances)
    degrees = (
        total**2 / sum(v * v / df for v, df in zip(variances, (first.df, second.df), strict=True)) if total else 1.0
    )
    half = t_quantile(0.5 + question.confidence / 2.0, degrees) * math.sqrt(total)
    return Estimate(value=value, low=value - half, high=value + half, std_error=math.sqrt(total), **common)
