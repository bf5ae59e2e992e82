"""Correlations of verdicts on few levels with people's: do their intervals, and those of differences, cover?"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.stats.correlation.coefficients import pearson_correlation, spearman_correlation
from assay.stats.correlation.dependent import compare_dependent_correlations
from assay.stats.correlation.influence import coefficient
from assay.stats.correlation.inputs import Kind
from bench.coverage.case import Case

Floats = npt.NDArray[np.float64]
SINGLE: dict[Kind, Callable[..., Estimate]] = {"pearson": pearson_correlation, "spearman": spearman_correlation}
CONTINUOUS = {"pearson": "Fisher's variance, for normal scores", "spearman": "Bonett-Wright, for continuous scores"}
BINARY_ITEMS = 262
FIVE = (-2.0, -1.5, -1.0, -0.3)
"""Ends of five levels of which the highest takes most, as fluency has it."""


def _verdicts(rng: np.random.Generator, n: int, *, levels: int) -> tuple[Floats, Floats, Floats]:
    """Two judges and people: rare yes and no with errors, or five levels, correlations .8 and .6."""
    if levels == 2:
        people = rng.random(n) < 0.15
        wrong = rng.random((2, n)) < np.array([[0.1], [0.2]])
        first, second, truth = ((people ^ error).astype(np.float64) for error in (wrong[0], wrong[1], False))
        return first, second, truth
    quality, *noise = rng.normal(size=(3, n))
    scores = (0.8 * quality + 0.6 * noise[0], 0.6 * quality + 0.8 * noise[1], quality)
    first, second, truth = (np.searchsorted(FIVE, column).astype(np.float64) for column in scores)
    return first, second, truth


@cache
def _verdicts_truth(kind: Kind, levels: int) -> tuple[float, float]:
    first, second, people = _verdicts(np.random.default_rng(20), 4_000_000, levels=levels)
    return coefficient(first, people, kind), coefficient(second, people, kind)


def _coarse_single(rng: np.random.Generator, trials: int, *, kind: Kind, levels: int, n: int, right: bool) -> int:
    """A judge's correlation with people as the comparison gives it, against the interval for continuous scores."""
    hits, truth = 0, _verdicts_truth(kind, levels)[0]
    for _ in range(trials):
        first, second, people = _verdicts(rng, n, levels=levels)
        if right:
            found = compare_dependent_correlations(first, second, people, kind=kind).first
        else:
            found = SINGLE[kind](first, people, method="analytic")
        hits += _holds(found, truth)
    return hits


def _coarse_difference(rng: np.random.Generator, trials: int, *, right: bool) -> int:
    """Difference of two binary judges' r: delta, against Zou's interval for normal scores."""
    hits, (one, other) = 0, _verdicts_truth("pearson", 2)
    for _ in range(trials):
        found = compare_dependent_correlations(*_verdicts(rng, BINARY_ITEMS, levels=2))
        assert found.if_normal is not None
        hits += _holds(found.difference if right else found.if_normal.difference, one - other)
    return hits


def _holds(found: Estimate, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def _case(
    method: str,
    domain: str,
    right: Callable[[np.random.Generator, int], int],
    wrong: Callable[[np.random.Generator, int], int],
    wrong_method: str,
    *,
    short: int,
    long: int,
    slack: float,
    slack_because: str,
) -> Case:
    return Case(
        family="correlation", method=method, domain=domain, nominal=0.95, claim="equal", right=right, wrong=wrong,
        wrong_method=wrong_method, short=short, long=long, slack=slack, slack_because=slack_because,
    )  # fmt: skip


COARSE: list[tuple[Kind, int, int, str, int]] = [
    ("pearson", 2, BINARY_ITEMS, "binary verdicts and labels", 1_000),
    ("spearman", 2, BINARY_ITEMS, "binary verdicts and labels", 1_000),
    ("spearman", 5, 300, "five levels, most on the highest", 2_000),
]
CASES = [
    _case(
        "difference of two Pearson correlations, delta",
        "262 items, two binary judges of unequal error, people say yes to 15 %",
        partial(_coarse_difference, right=True),
        partial(_coarse_difference, right=False),
        "Zou's interval, which assumes normal scores",
        short=1_000,
        long=6_000,
        slack=0.01,
        slack_because="second-order error on rare verdicts",
    ),
    *(
        _case(
            f"{kind} of one judge as compared, delta on the z scale",
            f"{n} items, {domain}",
            partial(_coarse_single, kind=kind, levels=levels, n=n, right=True),
            partial(_coarse_single, kind=kind, levels=levels, n=n, right=False),
            CONTINUOUS[kind],
            short=short,
            long=8_000,
            slack=0.01,
            slack_because="second-order error",
        )
        for kind, levels, n, domain, short in COARSE
    ),
]
