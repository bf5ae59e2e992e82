"""One row of the table of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from assay.app.cascade_map import MapPredictions
from assay.engine.cascade.policy import Policy
from assay.engine.cascade.simulate import Replays, joined, replay
from assay.engine.cascade.verdicts import DEFAULT, Question, TierVerdicts
from bench.cascade.maps import TIERS, columns
from bench.cascade.summeval import PRICES, Summaries, load

SEEDS = (11, 12, 13, 14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure beside its target.

    Attributes:
        met: ``None`` where there is no target.
        sloppy: What a method that skips the care gets, and why that is worse.
    """

    figure: str
    target: str
    measured: str
    sloppy: str = ""
    met: bool | None = None

    def line(self) -> str:
        """As a row of the Markdown table."""
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        return f"| {self.figure} | {self.target} | {self.measured} | {met} | {self.sloppy} |"


Section = Callable[[int], Iterator[Row]]


def seeded(
    tiers: Sequence[TierVerdicts],
    policy: Policy,
    *,
    replays: int,
    question: Question = DEFAULT,
    prices: Sequence[float] | None = None,
    seeds: Sequence[int] = SEEDS,
) -> Replays:
    """Replays split over several seeds: one seed can be lucky."""
    parts = [
        replay(tiers, policy, replays=max(replays // len(seeds), 1), seed=seed, question=question, prices=prices)
        for seed in seeds
    ]
    return joined(parts)


def cold_tiers(dimension: str) -> list[TierVerdicts]:
    """Free metrics, gpt-3.5 and gpt-4 on the dimension itself, experts."""
    data = load()
    return [
        TierVerdicts(name="free", values=data.free),
        TierVerdicts(name="gpt-3.5", values=data.small["rts", dimension]),
        TierVerdicts(name="gpt-4", values=data.strong[dimension]),
        TierVerdicts(name="experts", values=data.experts[dimension]),
    ]


def map_tiers(
    dimension: str, found: MapPredictions, *, blend: bool, within: bool = False, data: Summaries | None = None
) -> list[TierVerdicts]:
    """The same tiers with a map's predictions, the map's variances (those within a system) blended in or not."""
    data = load() if data is None else data
    values = columns(data)
    lower = [
        TierVerdicts(name=name, values=values[name], prediction=one, prior_variance=variance if blend else None)
        for name, one, variance in zip(TIERS, found.tiers, found.within if within else found.variances, strict=True)
    ]
    return [*lower, TierVerdicts(name="experts", values=data.experts[dimension])]


def usd(*names: str) -> list[float]:
    """Prices of a verdict."""
    return [PRICES[name] for name in names]


def percent(share: float, digits: int = 1) -> str:
    """``12.3 %``."""
    return f"{100 * share:.{digits}f} %"


def both(found: Replays) -> str:
    """Narrowing and coverage."""
    return f"{100 * found.narrowing:.1f} %, covers {100 * found.coverage:.1f}"
