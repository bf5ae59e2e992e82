"""Cutoffs with unequal costs: which one, what it will cost on new inputs, and how sure either is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, binary_outcomes, finite_vector
from assay.stats.scalar import wilson
from assay.stats.special import check_confidence

_GRID = 1_000
_METHOD = "mover-wilson"
_UNBOUNDED = "flagging nothing, or everything, may be best, which no finite cutoff does"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCosts:
    """What a wrong answer costs and how common the class is where the system will work.

    Attributes:
        prevalence: π, share of positives in use, in (0, 1); the share in the sample is mostly another one.
        false_positive: w₁, cost of flagging a negative, above 0.
        false_negative: w₂, cost of missing a positive, above 0.
    """

    prevalence: float
    false_positive: float
    false_negative: float

    def __post_init__(self) -> None:
        if not 0.0 < self.prevalence < 1.0:
            raise InvalidInputError(f"prevalence is {self.prevalence}", hint="a share in (0, 1): 2 % is 0.02")
        costs = (self.false_positive, self.false_negative)
        if not all(math.isfinite(cost) and cost > 0.0 for cost in costs):
            raise InvalidInputError(f"costs are {costs}", hint="both finite and above 0, in one unit")

    @property
    def weights(self) -> tuple[float, float]:
        """Cost of a false positive rate of 1, and of a false negative rate of 1."""
        return (1.0 - self.prevalence) * self.false_positive, self.prevalence * self.false_negative


@dataclass(frozen=True, slots=True, kw_only=True)
class CostThreshold:
    """A chosen cutoff: flag when score >= threshold.

    Attributes:
        threshold: Half-way between neighbouring scores; its interval holds every cutoff that may be the best one.
            Infinite bounds, which mean flagging nothing or everything, are ``None`` with the reason.
        cost: Expected cost of a case, of thresholds chosen this way, on new inputs; cross-fitted.
        apparent_cost: On the very data the threshold was chosen on: too low.
        trivial_cost: Of the better of flagging nothing and flagging everything.
    """

    threshold: Estimate
    cost: Estimate
    apparent_cost: float
    trivial_cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPoint:
    """The best cutoff at one prevalence; see ``CostThreshold``. An infinite threshold flags nothing, or all."""

    prevalence: float
    threshold: float
    cost: Estimate
    trivial_cost: float


def expected_cost(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    threshold: float,
    costs: ErrorCosts,
    confidence: float = 0.95,
    unit: str = "cost per case",
) -> Estimate:
    """Expected cost (1 - π)·w₁·FPR + π·w₂·FNR of a cutoff that was fixed beforehand.

    Args:
        scores: Shape ``(n,)``, higher means positive.
        labels: 1 for positives, 0 for negatives.
        threshold: Flag when score >= threshold.
        costs: Prevalence and costs of use.
        confidence: Two-sided. The bounds join Wilson's of the two rates, so no errors seen is not no errors.
        unit: Of the costs.

    Raises:
        InvalidInputError: Shapes differ, a score is not finite, a class is missing.

    Sources:
        Provost & Fawcett (2001), Machine Learning 42, 203-231; Zou & Donner (2008), Statistics in Medicine 27,
        1693-1702 (the interval of a weighted sum).

    Examples:
        >>> costs = ErrorCosts(prevalence=0.1, false_positive=1.0, false_negative=20.0)
        >>> round(expected_cost([0.1, 0.6, 0.4, 0.9], [0, 0, 1, 1], threshold=0.5, costs=costs).value, 3)
        1.45
    """
    negatives, positives = _by_class(scores, labels)
    wrong = int((negatives >= threshold).sum()), int((positives < threshold).sum())
    return _cost(wrong, (negatives.size, positives.size), costs, confidence, unit, _METHOD)


def cost_threshold(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    costs: ErrorCosts,
    rng: np.random.Generator,
    folds: int = 10,
    repeats: int = 1_000,
    confidence: float = 0.95,
    unit: str = "cost per case",
) -> CostThreshold:
    """The cutoff of least expected cost, with an interval, and the cost it will really have.

    The least cost seen is too low, being the least of many. ``cost`` therefore counts the errors that each fold makes
    under the cutoff chosen on the other folds. The best cutoff converges at the cube root of n and its plain bootstrap
    is inconsistent; the interval instead holds each cutoff whose excess cost over the best seen is within what the
    bootstrap of the whole cost curve allows, which covers the best cutoff at least at ``confidence``.
    Cases must be independent. Memory: 1,000 candidate cutoffs x repeats numbers.

    Args:
        scores: Shape ``(n,)``, higher means positive.
        labels: 1 for positives, 0 for negatives.
        costs: Prevalence and costs of use.
        rng: Splits into folds and resamples.
        folds: At least 2 and at most the cases of the rarer class.
        repeats: Of the bootstrap, at least 200.
        confidence: Of both intervals, two-sided.
        unit: Of the costs.

    Raises:
        InvalidInputError: Shapes differ, a score is not finite, a class has fewer cases than folds.

    Sources:
        Elkan (2001), IJCAI 973-978 (costs and base rate); Abrevaya & Huang (2005), Econometrica 73, 1175-1204 (the
        bootstrap fails at the cube root); Stone (1974), JRSS B 36, 111-147 (cross-validation).

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> labels = np.repeat([0, 1], 200)
        >>> costs = ErrorCosts(prevalence=0.5, false_positive=1.0, false_negative=1.0)
        >>> found = cost_threshold(rng.normal(size=400) + 2 * labels, labels, costs=costs, rng=rng)
        >>> found.threshold.low < 1.0 < found.threshold.high, found.apparent_cost <= found.cost.value
        (True, True)
    """
    negatives, positives = _by_class(scores, labels)
    _check_folds(negatives, positives, folds)
    if repeats < 200:
        raise InvalidInputError(f"{repeats} repeats are too few for a quantile", hint="1,000 take a moment")
    check_confidence(confidence)
    cuts = _cuts(np.concatenate([negatives, positives]))
    curve = _curve(negatives, positives, cuts, costs)
    best = int(curve.argmin())
    wrong = _crossfit(negatives, positives, [costs], folds, rng)[0]
    return CostThreshold(
        threshold=_threshold_set(negatives, positives, cuts, best, costs, rng, repeats, confidence),
        cost=_cost(wrong, (negatives.size, positives.size), costs, confidence, unit, f"cross-fitted-{_METHOD}"),
        apparent_cost=float(curve[best]),
        trivial_cost=min(costs.weights),
    )


def cost_curve(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    prevalences: Sequence[float],
    false_positive: float,
    false_negative: float,
    rng: np.random.Generator,
    folds: int = 10,
    confidence: float = 0.95,
    unit: str = "cost per case",
) -> tuple[CostPoint, ...]:
    """The best cutoff and its cross-fitted cost at each of several base rates.

    Args:
        scores: Shape ``(n,)``, higher means positive.
        labels: 1 for positives, 0 for negatives.
        prevalences: Base rates, each in (0, 1).
        false_positive: w₁, above 0.
        false_negative: w₂, above 0.
        rng: Splits into folds.
        folds: As in ``cost_threshold``.
        confidence: Two-sided, at each base rate by itself.
        unit: Of the costs.

    Raises:
        InvalidInputError: As ``cost_threshold``; or there are no base rates.

    Sources:
        Drummond & Holte (2006), Machine Learning 65, 95-130.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> labels = np.repeat([0, 1], 100)
        >>> curve = cost_curve(rng.normal(size=200) + 2 * labels, labels, prevalences=[0.01, 0.5],
        ...                    false_positive=1, false_negative=1, rng=rng)
        >>> curve[0].threshold > curve[1].threshold
        True
    """
    negatives, positives = _by_class(scores, labels)
    _check_folds(negatives, positives, folds)
    if not len(prevalences):
        raise InvalidInputError("there are no base rates", hint="for example 0.01, 0.1 and 0.5")
    each = [ErrorCosts(prevalence=p, false_positive=false_positive, false_negative=false_negative) for p in prevalences]
    cuts = _cuts(np.concatenate([negatives, positives]))
    wrong = _crossfit(negatives, positives, each, folds, rng)
    sizes, method = (negatives.size, positives.size), f"cross-fitted-{_METHOD}"
    return tuple(
        CostPoint(
            prevalence=costs.prevalence,
            threshold=float(cuts[int(_curve(negatives, positives, cuts, costs).argmin())]),
            cost=_cost(count, sizes, costs, confidence, unit, method),
            trivial_cost=min(costs.weights),
        )
        for costs, count in zip(each, wrong, strict=True)
    )


def _by_class(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, Floats]:
    values = finite_vector(scores, "scores")
    truth = binary_outcomes(labels, values.size)
    negatives, positives = values[truth == 0.0], values[truth == 1.0]
    if not negatives.size or not positives.size:
        raise InvalidInputError(
            f"{negatives.size} negatives and {positives.size} positives leave a rate unknown", hint="label both kinds"
        )
    return np.sort(negatives), np.sort(positives)


def _check_folds(negatives: Floats, positives: Floats, folds: int) -> None:
    fewest = min(negatives.size, positives.size)
    if not 2 <= folds <= fewest:
        raise InvalidInputError(
            f"{folds} folds of {negatives.size} negatives and {positives.size} positives",
            hint="at least 2 folds, and a case of each class for each",
        )


def _cuts(values: Floats) -> Floats:
    """Every cutoff that splits the scores differently: below all, between neighbours, above all."""
    distinct = np.unique(values)
    return np.concatenate([[-np.inf], distinct[:-1] + 0.5 * np.diff(distinct), [np.inf]])


def _curve(negatives: Floats, positives: Floats, cuts: Floats, costs: ErrorCosts) -> Floats:
    """Cost at each cutoff; both classes are sorted."""
    flagged = negatives.size - np.searchsorted(negatives, cuts, side="left")
    missed = np.searchsorted(positives, cuts, side="left")
    first, second = costs.weights
    total: Floats = first * flagged / negatives.size + second * missed / positives.size
    return total


def _cost(
    wrong: tuple[int, int], sizes: tuple[int, int], costs: ErrorCosts, confidence: float, unit: str, method: str
) -> Estimate:
    check_confidence(confidence)
    value = variance = below = above = 0.0
    for errors, n, weight in zip(wrong, sizes, costs.weights, strict=True):
        rate = errors / n
        low, high = wilson(errors, n, confidence)
        value += weight * rate
        below += (weight * (rate - low)) ** 2
        above += (weight * (high - rate)) ** 2
        variance += weight**2 * rate * (1.0 - rate) / n
    return Estimate(
        value=value,
        low=value - math.sqrt(below),
        high=value + math.sqrt(above),
        n=sum(sizes),
        method=method,
        confidence=confidence,
        unit=unit,
        std_error=math.sqrt(variance) if variance > 0.0 else None,
    )


def _crossfit(
    negatives: Floats, positives: Floats, each: Sequence[ErrorCosts], folds: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """False positives and false negatives of every fold under the cutoff chosen without it, for each cost."""
    of_negative, of_positive = (rng.permutation(np.arange(side.size) % folds) for side in (negatives, positives))
    wrong = np.zeros((len(each), 2), dtype=np.int64)
    for fold in range(folds):
        others = negatives[of_negative != fold], positives[of_positive != fold]
        cuts = _cuts(np.concatenate(others))
        for place, costs in enumerate(each):
            cut = cuts[int(_curve(*others, cuts, costs).argmin())]
            wrong[place, 0] += int((negatives[of_negative == fold] >= cut).sum())
            wrong[place, 1] += int((positives[of_positive == fold] < cut).sum())
    return [(int(first), int(second)) for first, second in wrong]


def _threshold_set(
    negatives: Floats,
    positives: Floats,
    cuts: Floats,
    best: int,
    costs: ErrorCosts,
    rng: np.random.Generator,
    repeats: int,
    confidence: float,
) -> Estimate:
    kept = np.arange(cuts.size)
    if cuts.size > _GRID:
        kept = np.unique(np.append(np.linspace(0, cuts.size - 1, _GRID).astype(np.intp), best))
    cuts, best = cuts[kept], int(np.searchsorted(kept, best))
    curve = _curve(negatives, positives, cuts, costs)
    noise = _resampled(negatives, positives, cuts, costs, rng, repeats) - curve
    allowed = np.quantile(noise - noise.min(axis=1, keepdims=True), confidence, axis=0)
    held = np.flatnonzero(curve - curve[best] <= allowed)
    # the optimum lies between the cutoffs tried: the set reaches to the next one not held
    ends = cuts[max(int(held[0]) - 1, 0)], cuts[min(int(held[-1]) + 1, cuts.size - 1)]
    value, low, high = (float(x) if math.isfinite(x) else None for x in (cuts[best], *ends))
    reason = None if None not in (value, low, high) else _UNBOUNDED
    return Estimate(
        value=value, low=low, high=high, n=negatives.size + positives.size, method="bootstrap-cost-set",
        confidence=confidence, unit="score", reason=reason,
    )  # fmt: skip


def _resampled(
    negatives: Floats, positives: Floats, cuts: Floats, costs: ErrorCosts, rng: np.random.Generator, repeats: int
) -> Floats:
    """Cost curves of samples drawn again within each class, shape ``(repeats, cuts)``."""
    first, second = costs.weights
    total = np.zeros((repeats, cuts.size))
    for side, weight, counts_below in ((negatives, first, False), (positives, second, True)):
        below = np.searchsorted(side, cuts, side="left")
        shares = np.diff(below, append=side.size) / side.size
        drawn = rng.multinomial(side.size, shares, size=repeats) / side.size
        under = np.cumsum(drawn, axis=1) - drawn
        total += weight * (under if counts_below else 1.0 - under)
    return total
