"""Parts of a run, and two runs on shared items, by the one estimator."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.engine.cascade.draw import Bools, Floats
from assay.engine.cascade.estimate import TieredEstimate, tiered_estimate
from assay.engine.cascade.verdicts import (
    DEFAULT,
    RIDGE,
    Question,
    TierVerdicts,
    answers,
    certainly,
    chances,
    matrix,
    prepare,
)
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
        borrowed = _borrowed(tiers, rows)
        found[name] = tiered_estimate(
            [_cut(tier, number, borrowed, rows) for number, tier in enumerate(borrowed)],
            question=_cut_question(question, rows),
        )
    return found


def _borrowed(tiers: Sequence[TierVerdicts], rows: Bools) -> list[TierVerdicts]:
    """The tiers with predictions by weights from outside the rows; as they are where that cannot be."""
    if all(tier.prediction is not None for tier in tiers[:-1]):
        return list(tiers)
    asked, known = answers(tiers[-1], len(tiers) - 1, tiers)
    outside = asked & known & ~rows
    ready = prepare(tiers)
    proxies = [proxy.reshape(proxy.shape[0], -1) for proxy in ready.proxies]
    if np.count_nonzero(outside) < max(LEAST_OUTSIDE, 4 * sum(proxy.shape[1] for proxy in proxies)):
        return list(tiers)
    labels, weights = matrix(tiers[-1])[:, 0], 1.0 / ready.probabilities[-1][outside]
    predicted: dict[int, Floats] = {}
    sofar = np.empty((labels.size, 0))
    for place, proxy in zip(ready.places, proxies, strict=False):
        sofar = np.hstack([sofar, proxy])
        fitted = fit_ridge(sofar[outside], labels[outside], penalty=RIDGE, label_weights=weights)
        predicted[place] = fitted.predict(sofar)
    return [
        replace(tier, prediction=predicted.get(place)) if place < len(tiers) - 1 else tier
        for place, tier in enumerate(tiers)
    ]


def _cut(tier: TierVerdicts, place: int, tiers: Sequence[TierVerdicts], rows: Bools) -> TierVerdicts:
    """The tier on some rows, with their part of its cost; a simple draw was one of all items, not of these."""
    asked, known = answers(tier, place, tiers)
    cost = tier.cost_usd
    if cost:
        cost *= float(asked[rows].sum()) / max(float(asked.sum()), 1.0)
    if tier.probability is None and not (known if tier.asked is None else asked).all():
        tier = replace(tier, probability=chances(tier, asked=asked))
    return replace(tier.at(np.flatnonzero(rows)), cost_usd=cost)


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
    differences item by item: what makes a document hard drops out. A tier whose verdicts have other columns in the two
    runs (other free metrics) predicts no difference and is left out of the prediction. Runs drawn apart, or up other
    tiers, share few labels or none that pair; then the two estimates are subtracted (``unpaired-…``), which is valid as
    long as both speak of one tier, and wider where what is good for one system is good for the other.

    Args:
        before: Tiers of the first run; rows are the shared items, in one order for both.
        after: Of the second; the same tier last.
        coordinated: Both were drawn with the same seed and tier names.
        question: As in ``tiered_estimate``.

    Returns:
        The difference; without a value, and with a reason, where one of the runs has none or the two would speak of
        different tiers.

    Raises:
        InvalidInputError: The numbers of items differ.
    """
    if matrix(before[0]).shape[0] != matrix(after[0]).shape[0]:
        raise InvalidInputError("the runs differ in items", hint="give the rows of the items that both have")
    shared = _shared(before, after) if coordinated and len(before) == len(after) else None
    if shared is not None:
        found = tiered_estimate(shared, question=question).estimate
        return replace(found, method=f"paired-{found.method}")
    first, second = (tiered_estimate(one, question=question) for one in (before, after))
    ends = (before[-1].name, after[-1].name)
    alike = first.speaks_of == second.speaks_of or (first.speaks_of, second.speaks_of) == ends
    reason = None if alike else f"one run speaks of {first.speaks_of}, the other of {second.speaks_of}"
    return _subtracted(first, second, question, reason=reason)


def _shared(before: Sequence[TierVerdicts], after: Sequence[TierVerdicts]) -> list[TierVerdicts] | None:
    """Differences of the verdicts, asked where both were; ``None`` where hardly any label is shared."""
    found, overall = [], np.ones(matrix(before[0]).shape[0])
    previous = [np.ones(overall.size), np.ones(overall.size)]
    for place, (one, other) in enumerate(zip(before, after, strict=True)):
        drawn = [answers(tier, place, tiers)[0] for tier, tiers in ((one, before), (other, after))]
        asked = drawn[0] & drawn[1]
        probabilities = [chances(tier, asked=own) for tier, own in zip((one, other), drawn, strict=True)]
        with np.errstate(invalid="ignore"):
            given = [now / was for now, was in zip(probabilities, previous, strict=True)]
            overall = overall * np.minimum(*given) if place else overall
        previous = probabilities
        predicted = None
        if one.prediction is not None and other.prediction is not None:
            predicted = np.asarray(other.prediction, dtype=np.float64) - np.asarray(one.prediction, dtype=np.float64)
        alike = matrix(one).shape == matrix(other).shape
        values = matrix(other) - matrix(one) if alike else np.zeros((asked.size, 1))
        found.append(
            TierVerdicts(
                name=one.name,
                values=np.where(asked[:, None], values, np.nan),
                asked=asked,
                probability=overall.copy(),
                certain=certainly(one, drawn[0]) & certainly(other, drawn[1]),
                prediction=predicted,
                cost_usd=None if one.cost_usd is None or other.cost_usd is None else one.cost_usd + other.cost_usd,
                unit=other.unit,
            )
        )
    ends = [answers(tiers[-1], len(tiers) - 1, tiers)[1].sum() for tiers in (before, after)]
    together = answers(found[-1], len(found) - 1, found)[1].sum()
    return found if together >= max(3, 0.5 * min(ends)) else None


def _subtracted(first: TieredEstimate, second: TieredEstimate, question: Question, *, reason: str | None) -> Estimate:
    """One estimate less the other, as if their draws had nothing to do with each other."""
    one, other = first.estimate, second.estimate
    lacking = next((side.reason for side in (one, other) if side.value is None), reason)
    facts: dict[str, Any] = {
        "n": min(one.n, other.n),
        "confidence": question.confidence,
        "unit": other.unit,
        "estimand": question.estimand,
    }
    if one.value is None or other.value is None or lacking is not None:
        return Estimate(value=None, low=None, high=None, reason=lacking, method="unpaired-two-phase", **facts)
    value = other.value - one.value
    if one.low is None or one.high is None or other.low is None or other.high is None:
        reason = one.reason or other.reason
        return Estimate(value=value, low=None, high=None, reason=reason, method="unpaired-two-phase", **facts)
    if "two-phase-wilson" in (one.method, other.method):  # bounds that are not symmetric: squares of each side added
        low = value - math.hypot(other.value - other.low, one.high - one.value)
        high = value + math.hypot(other.high - other.value, one.value - one.low)
        return Estimate(value=value, low=low, high=high, method="unpaired-two-phase-wilson", **facts)
    variances = [(side.std_error or 0.0) ** 2 for side in (one, other)]
    error = math.sqrt(sum(variances))
    squares = sum(v * v / (df or 1.0) for v, df in zip(variances, (first.df, second.df), strict=True))
    half = t_quantile(0.5 + question.confidence / 2.0, error**4 / squares if squares else 1.0) * error
    return Estimate(
        value=value, low=value - half, high=value + half, std_error=error, method="unpaired-two-phase-t", **facts
    )
