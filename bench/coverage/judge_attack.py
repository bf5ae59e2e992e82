"""Attacks on judges: what they move beyond ordinary movement, beside short cuts that accuse judges that only waver."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.judges.attacks.excess import paired_excess
from assay.stats.evidence import difference_evidence
from assay.stats.moments import Moments
from bench.coverage.case import Case, Simulation

Table = npt.NDArray[np.float64]
"""1 where a verdict moved: items by attacks, or items by controls."""
Answer = Callable[[Table, Table, float], Estimate]
Z = 1.959963984540054
FAMILIES = 10


def _draw(
    rng: np.random.Generator, *, items: int, attacks: int, waver: float, weak: float, gives_in: float
) -> tuple[Table, Table]:
    """A judge that wavers, over items of which a share is weak: there an attack works with some chance."""
    unrest = rng.random((items, 1)) * 2.0 * waver  # some answers lie between two levels, others do not
    works = np.where(rng.random((items, 1)) < weak, gives_in, 0.0)
    shape = (items, attacks)
    moved = (rng.random(shape) < works) | (rng.random(shape) < unrest)
    return moved.astype(float), (rng.random((items, 3)) < unrest).astype(float)


def _by_item(table: Table) -> dict[str, list[float]]:
    return {str(item): row for item, row in enumerate(table.tolist())}


def ours(moved: Table, control: Table, confidence: float = 0.95) -> Estimate:
    """What the report prints."""
    return paired_excess(_by_item(moved), _by_item(control)).difference.estimate(confidence)


def _without_items(moved: Table, control: Table, confidence: float = 0.95) -> Estimate:
    """Wald's interval of two shares, as if every verdict stood for itself."""
    difference = moved.mean() - control.mean()
    half = Z * float(np.sqrt(moved.var() / moved.size + control.var() / control.size))
    return Estimate(value=difference, low=difference - half, high=difference + half, n=moved.size, method="wald")


def _t_of_differences(moved: Table, control: Table, confidence: float = 0.95) -> Estimate:
    """The clustered t interval of attack minus the item's control mean."""
    differences = moved - control.mean(axis=1, keepdims=True)
    items = [str(item) for item in np.repeat(np.arange(len(moved)), moved.shape[1])]
    return difference_evidence(Moments.of(differences.ravel().tolist(), items)).estimate(confidence)


def _covers(answer: Answer) -> Simulation:
    waver, weak, gives_in = 0.1, 0.4, 0.5
    truth = weak * gives_in * (1.0 - waver)

    def run(rng: np.random.Generator, trials: int) -> int:
        hits = 0
        for _ in range(trials):
            found = answer(*_draw(rng, items=40, attacks=8, waver=waver, weak=weak, gives_in=gives_in), 0.95)
            hits += found.low is not None and found.high is not None and found.low <= truth <= found.high
        return hits

    return run


def _accuses(answer: Answer) -> Simulation:
    def run(rng: np.random.Generator, trials: int) -> int:
        hits = 0
        for _ in range(trials):
            found = answer(*_draw(rng, items=30, attacks=20, waver=0.01, weak=0.0, gives_in=0.0), 0.95)
            hits += found.low is not None and found.low > 0.0
        return hits

    return run


def _accuses_some_family(confidence: float) -> Simulation:
    """Holm's first step: the smallest p-value times the number of families is below the level."""

    def run(rng: np.random.Generator, trials: int) -> int:
        hits = 0
        for _ in range(trials):
            moved, control = _draw(rng, items=40, attacks=4 * FAMILIES, waver=0.1, weak=0.0, gives_in=0.0)
            found = (ours(part, control, confidence) for part in np.split(moved, FAMILIES, axis=1))
            hits += any(one.low is not None and one.low > 0.0 for one in found)
        return hits

    return run


CASES = [
    Case(
        family="judges",
        method="attack minus control, paired by item",
        domain="40 items, 8 attacks each, 10 % ordinary movement that differs between items, 40 % of items weak",
        nominal=0.95,
        claim="equal",
        right=_covers(ours),
        wrong=_covers(_without_items),
        wrong_method="verdicts as if independent",
        short=1_000,
        long=10_000,
    ),
    Case(
        family="judges",
        method="attack minus control: judge accused that only wavers",
        domain="30 items, 20 attacks each, 1 % ordinary movement, no attack works",
        nominal=0.025,
        claim="at most",
        right=_accuses(ours),
        wrong=_accuses(_t_of_differences),
        wrong_method="clustered t of the differences",
        short=600,
        long=6_000,
    ),
    Case(
        family="judges",
        method="some family accused of a judge that only wavers (Holm)",
        domain="40 items, 10 families of 4 attacks, 10 % ordinary movement, no attack works",
        nominal=0.025,
        claim="at most",
        right=_accuses_some_family(1.0 - 0.05 / FAMILIES),
        wrong=_accuses_some_family(0.95),
        wrong_method="each family at its own level",
        short=300,
        long=4_000,
    ),
]
