"""When to stop asking the top tier: a width rule and a gate rule, which are not the same thing.

*Width* (``half_width <= 0.02``): stop when the t interval is narrow enough. Looking again and again hardly biases it,
because how wide an interval is says little about where it lies (Chow & Robbins 1965).

*Gate*: stop when the interval excludes a value. Here looking again and again is exactly what fools a t interval, so
the bounds are a confidence sequence, which may be looked at always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.engine.cascade.draw import Floats
from assay.engine.cascade.verdicts import TierVerdicts, answers, certainly, prepare
from assay.stats.prediction.anytime import ppi_confidence_sequence
from assay.stats.prediction.ridge import fit_ridge
from assay.stats.special import normal_quantile

START, SKEWED_START = 20, 50
"""Top verdicts before the first look; the second on skewed scales, and for every gate."""
SKEWED = 1.0
"""Third standardised moment beyond which a scale counts as skewed."""
BATCH = 10
LOWER_SHARE = 0.2
"""Of a gate's error: spent on the lower tiers where they did not see everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a rule says after a batch.

    Attributes:
        stop: Nothing more needs to be asked.
        labels: Top verdicts so far.
        estimate: Interval of this look; ``None`` before the first.
        sentence: Why.
    """

    stop: bool
    labels: int
    estimate: Estimate | None
    sentence: str


def skewness(labels: npt.ArrayLike) -> float:
    """Third standardised moment of the verdicts so far; 0 where they do not vary.

    Examples:
        >>> round(skewness([5, 5, 5, 5, 1]), 2), skewness([1, 1])
        (-1.5, 0.0)
    """
    values = np.asarray(labels, dtype=np.float64)
    spread = values.std() if values.size else 0.0
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 0.0 else 0.0


def first_look(labels: npt.ArrayLike) -> int:
    """Top verdicts a width rule waits for: 50 on skewed scales, 20 otherwise."""
    return SKEWED_START if abs(skewness(labels)) > SKEWED else START


def width_rule(estimate: Estimate, labels: npt.ArrayLike, *, half_width: float) -> Look:
    """Whether the interval is narrow enough.

    Args:
        estimate: Of the labels so far (``tiered_estimate``).
        labels: Top verdicts so far, for their number and their skewness.
        half_width: Wanted on either side, in label units.

    Raises:
        InvalidInputError: ``half_width`` is not above 0.
    """
    if not half_width > 0.0:
        raise InvalidInputError(f"half_width is {half_width}", hint="above 0, in units of the label")
    values = np.asarray(labels, dtype=np.float64)
    start = first_look(values)
    if values.size < start:
        return _not_yet(values.size, start)
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return Look(stop=False, labels=values.size, estimate=estimate, sentence=f"no interval yet: {estimate.reason}")
    wide = max(estimate.high - estimate.value, estimate.value - estimate.low)
    enough = wide <= half_width * (1.0 + 1e-9)
    verb = "is" if enough else "is not yet"
    return Look(
        stop=enough,
        labels=values.size,
        estimate=estimate,
        sentence=f"the half-width {wide:.3g} {verb} at most {half_width:g}",
    )


def _not_yet(labels: int, start: int) -> Look:
    return Look(stop=False, labels=labels, estimate=None, sentence=f"{labels} verdicts; the first look is at {start}")


def gate_rule(
    terms: npt.ArrayLike,
    *,
    threshold: float,
    lower_error: float = 0.0,
    start: int = SKEWED_START,
    tuned_for_n: int | None = None,
    confidence: float = 0.95,
    unit: str = "score",
) -> Look:
    """Whether the figure is settled to lie on one side of a value; may be asked after every verdict.

    Args:
        terms: Of ``gate_terms``, in the order drawn.
        threshold: The value.
        lower_error: Standard error that the lower tiers leave, of ``gate_terms``.
        start: Verdicts before the first look, at least 50.
        tuned_for_n: Verdicts at which the bounds are tightest.
        confidence: That no look ever excludes the truth.
        unit: Of the verdicts.

    Raises:
        InvalidInputError: ``start`` is below 50: earlier looks exclude the truth too often on skewed scales.
    """
    if start < SKEWED_START:
        raise InvalidInputError(
            f"a gate that looks after {start} verdicts",
            hint=f"from {SKEWED_START} on; earlier ones err on skewed scales",
        )
    values = np.asarray(terms, dtype=np.float64)
    if values.size < start:
        return _not_yet(values.size, start)
    error = 1.0 - confidence
    spent = LOWER_SHARE * error if lower_error > 0.0 else 0.0
    found = ppi_confidence_sequence(
        values, start=start, tuned_for_n=tuned_for_n, confidence=1.0 - (error - spent), unit=unit
    )
    more = normal_quantile(1.0 - spent / 2.0) * lower_error if spent else 0.0
    low, high = found.low - more, found.high + more
    out = np.flatnonzero((low > threshold) | (high < threshold))
    place = int(out[0]) if out.size else found.n.size - 1
    known = bool(np.isfinite(low[place]))
    estimate = Estimate(
        value=float(found.value[place]),
        low=float(low[place]) if known else None,
        high=float(high[place]) if known else None,
        confidence=confidence,
        n=int(found.n[place]),
        method=found.method,
        unit=unit,
        reason=None if known else found.reason or "the spread is not known yet",
    )
    side = "above" if out.size and low[place] > threshold else "below"
    sentence = f"the figure lies {side} {threshold:g}" if out.size else f"{threshold:g} is not excluded yet"
    return Look(stop=bool(out.size), labels=int(found.n[place]), estimate=estimate, sentence=sentence)


def gate_terms(tiers: Sequence[TierVerdicts], order: npt.ArrayLike, *, batch: int = BATCH) -> tuple[Floats, float]:
    """One term for each top verdict in the order drawn, whose mean estimates the figure; and the lower tiers' error.

    term = (chain of the lower tiers' predictions) + (what certain items correct) + weighted residual. A prediction
    never rests on its own or a later label: a map is fixed, and on a cold start each batch is predicted by weights
    fitted on the batches before it.

    Args:
        tiers: As in ``tiered_estimate``.
        order: Rows of the top verdicts, as drawn (``Rung.rows``).
        batch: Labels between two fits on a cold start.

    Raises:
        InvalidInputError: A row has no top verdict, or the top tier was not drawn with equal probabilities.
    """
    ready = prepare(tiers)
    labels, rows = ready.labels, np.asarray(order, dtype=np.intp)
    if not rows.size or np.isnan(labels[rows]).any():
        raise InvalidInputError("a row in the order has no top verdict", hint="rows of the verdicts so far, as drawn")
    size = labels.size
    top = ready.probabilities[-1]
    below = ready.probabilities[-2] if len(ready.probabilities) > 1 else np.ones(size)
    reached = ready.asked[-2] if len(ready.asked) > 1 else np.ones(size, dtype=bool)
    with np.errstate(invalid="ignore"):
        given = top / below
    certain = certainly(tiers[-1], answers(tiers[-1], len(tiers) - 1, tiers)[0])
    sure, drawn = rows[certain[rows]], rows[~certain[rows]]
    if drawn.size and np.ptp(given[drawn]) > 1e-9:
        raise InvalidInputError(
            "a gate needs a simple random draw of the top tier", hint="draw it by fixed shares, or use a fixed number"
        )
    open_items = np.count_nonzero(reached & ~certain)
    weight = np.where(reached, 1.0 / below, 0.0)
    terms = np.empty(drawn.size)
    for start in range(0, drawn.size, batch):
        part = drawn[start : start + batch]
        predicted = _predictions(ready.proxies, ready.weights, labels, np.concatenate([sure, drawn[:start]]))
        level = _chain(predicted, ready.asked, ready.probabilities)
        fixed = float((1.0 / top[sure] * (labels[sure] - predicted[-1][sure])).sum()) / size
        scale = open_items / size * weight[part]
        terms[start : start + batch] = level + fixed + scale * (labels[part] - predicted[-1][part])
    return terms, _lower_error(ready.proxies, ready.weights, labels, rows, ready.asked)


def _predictions(proxies: Sequence[Floats], weights: str, labels: Floats, seen: npt.NDArray[np.intp]) -> list[Floats]:
    """Each lower tier's prediction of every item from the labels seen; their mean where they are too few."""
    if weights == "fixed":
        return list(proxies)
    found, sofar = [], np.empty((labels.size, 0))
    for proxy in proxies:
        sofar = np.hstack([sofar, proxy if proxy.ndim == 2 else proxy[:, None]])
        if seen.size < 2 * sofar.shape[1] + 4:
            level = labels[seen].mean() if seen.size else 0.0
            found.append(np.where(np.isnan(sofar).any(axis=1), np.nan, level))
        else:
            found.append(fit_ridge(sofar[seen], labels[seen], penalty=float(sofar.shape[1])).predict(sofar))
    return found


def _chain(
    predicted: Sequence[Floats], asked: Sequence[npt.NDArray[np.bool_]], probabilities: Sequence[Floats]
) -> float:
    value = float(predicted[0].mean())
    for place in range(1, len(predicted)):
        here = asked[place - 1]
        weight = 1.0 / probabilities[place - 1][here]
        value += float(weight @ (predicted[place] - predicted[place - 1])[here] / weight.sum())
    return value


def _lower_error(
    proxies: Sequence[Floats],
    weights: str,
    labels: Floats,
    rows: npt.NDArray[np.intp],
    asked: Sequence[npt.NDArray[np.bool_]],
) -> float:
    """Standard error that would remain if the top tier saw all that the tier below saw."""
    if len(proxies) < 2:
        return 0.0
    predicted = _predictions(proxies, weights, labels, rows)
    counts = [labels.size, *(int(one.sum()) for one in asked[:-1])]
    total = 0.0
    for place, (larger, smaller) in enumerate(pairwise(counts)):
        residual = labels[rows] - predicted[place][rows]
        total += float(residual.var(ddof=1)) * (1.0 / smaller - 1.0 / larger) if rows.size > 1 else 0.0
    return float(np.sqrt(max(total, 0.0)))
