"""Intervals that judges come with: how many independent ones a panel is worth."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from assay.stats.agreement.effective_raters import effective_judges
from assay.stats.special import t_quantile
from bench.coverage.case import Case, Simulation

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], tuple[Floats, Floats, list[int] | None]]
Bounds = tuple[float, float]
TRUTH_ITEMS = 1_000_000


def _graded(judges: int, common: float, *, per_document: int = 1) -> Draw:
    """Truth and errors are normal; a share of the errors' variance is common to all judges of an item (or document)."""

    def draw(rng: np.random.Generator, items: int) -> tuple[Floats, Floats, list[int] | None]:
        truth = rng.normal(size=items)
        document = np.arange(items) // per_document
        shared = rng.normal(size=int(document[-1]) + 1)[document]
        own = rng.normal(size=(items, judges))
        errors = math.sqrt(common) * shared[:, None] + math.sqrt(1.0 - common) * own
        scale = np.linspace(0.6, 1.4, judges)
        return truth[:, None] + scale * errors, truth, document.tolist() if per_document > 1 else None

    return draw


def _binary(judges: int, hard: float) -> Draw:
    """Verdicts and truth of 0 and 1; on a share of the items judges err half of the time, else one time in ten."""

    def draw(rng: np.random.Generator, items: int) -> tuple[Floats, Floats, list[int] | None]:
        truth = rng.integers(2, size=items).astype(float)
        rate = np.where(rng.random(items) < hard, 0.5, 0.1)
        wrong = rng.random((items, judges)) < rate[:, None]
        return np.abs(truth[:, None] - wrong), truth, None

    return draw


def _ours(verdicts: Floats, truth: Floats, documents: list[int] | None) -> Bounds:
    found = effective_judges(verdicts, truth, clusters=documents)
    return (math.nan if found.low is None else found.low), (math.nan if found.high is None else found.high)


def _over_pairs(verdicts: Floats, truth: Floats, documents: list[int] | None) -> Bounds:
    """Mean and spread of the pairs' correlations, as if pairs were independent draws."""
    k = verdicts.shape[1]
    pairs = np.corrcoef((verdicts - truth[:, None]).T)[np.triu_indices(k, 1)]
    half = t_quantile(0.975, pairs.size - 1) * float(pairs.std(ddof=1)) / math.sqrt(pairs.size)
    low, high = float(pairs.mean()) - half, float(pairs.mean()) + half
    return k / (1.0 + (k - 1) * high), k / max(1e-9, 1.0 + (k - 1) * low)


def _without_clusters(verdicts: Floats, truth: Floats, documents: list[int] | None) -> Bounds:
    return _ours(verdicts, truth, None)


def _case(
    domain: str,
    draw: Draw,
    items: int,
    wrong: Callable[[Floats, Floats, list[int] | None], Bounds],
    wrong_method: str,
    allowed: str = "",
) -> Case:
    @cache
    def true() -> float:
        verdicts, truth, _ = draw(np.random.default_rng(20_264), TRUTH_ITEMS)
        return effective_judges(verdicts, truth).value or math.nan

    def covered(bounds: Callable[[Floats, Floats, list[int] | None], Bounds]) -> Simulation:
        def simulate(rng: np.random.Generator, trials: int) -> int:
            hits = 0
            for _ in range(trials):
                low, high = bounds(*draw(rng, items))
                hits += low <= true() <= high
            return hits

        return simulate

    return Case(
        family="judges",
        method="effective number of independent judges",
        domain=domain,
        nominal=0.95,
        claim="equal",
        right=covered(_ours),
        wrong=covered(wrong),
        wrong_method=wrong_method,
        short=1_500,
        long=20_000,
        slack=0.005 if allowed else 0.0,
        slack_because=allowed,
    )


PAIRS = "t over the pairs' correlations, as if pairs were independent"
CASES: list[Case] = [
    _case("60 items, 5 judges, normal errors, .3 of their variance shared", _graded(5, 0.3), 60, _over_pairs, PAIRS),
    _case("30 items, 5 judges, normal errors, .1 of their variance shared", _graded(5, 0.1), 30, _over_pairs, PAIRS),
    _case("100 items, 7 judges, normal errors, .8 of their variance shared", _graded(7, 0.8), 100, _over_pairs, PAIRS),
    _case(
        "300 items, 5 judges, right or wrong, a fifth of the items hard",
        _binary(5, 0.2),
        300,
        _over_pairs,
        PAIRS,
        "a jackknife of correlations of rare joint errors",
    ),
    _case(
        "60 documents of 5 items, 4 judges, the shared error is the document's",
        _graded(4, 0.5, per_document=5),
        300,
        _without_clusters,
        "items of one document as if independent",
        "a jackknife over 60 documents",
    ),
]
