"""What a run knows of its cascade: every sample's free scores, and who was asked what and said what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from assay.core.cascade import Cascade, People, Tier
from assay.core.errors import ConfigError
from assay.core.outages import MENDABLE, OUTAGES
from assay.core.records import Item, Score
from assay.engine.cascade.draw import Bools, Draw, Floats, Rung
from assay.engine.cascade.policy import Policy, budget_optimal, fixed_shares, uncertainty
from assay.engine.cascade.stakes import is_certain

Key = tuple[str, int]

SAMPLE_LACKS = ("sample has no ", "reference ", "metadata.")
"""How reasons of free scorers begin that speak of the sample, not of the output: nobody upstairs is told more."""


@dataclass(slots=True, kw_only=True)
class Board:
    """One row a sample, in plan order; epochs of a sample go up together, and a tier's verdict is their mean.

    Attributes:
        system: The model whose outputs are judged.
        ids: Of the samples.
        epochs: Keys (sample, epoch) of each row.
        free: Free scores by scorer, one a row (mean of the epochs), NaN where one is missing.
        broken: Rows without a whole output of the model's own: nobody upstairs can tell more of them.
        failed: Rows that the programmatic tier cannot tell: there is an output, and a free score is missing.
        clusters: Of each row; ``None`` where independent.
        certain: Rows that go up every tier, whatever is drawn.
        critical: Those of them that are marked so.
        parts: ``(key, value)`` of the segments each row belongs to.
        lacking: By free scorer and reason, the rows it has no score of because their sample lacks what it needs.
        verdicts: For each tier in use, the Scores had so far.
        recorded: Likewise, as they stand in the run's items.
        rungs: Draws so far, the programmatic tier's first.
    """

    cascade: Cascade
    system: str | None = None
    ids: list[str] = field(default_factory=list)
    epochs: list[list[Key]] = field(default_factory=list)
    free: dict[str, list[float]] = field(default_factory=dict)
    broken: list[bool] = field(default_factory=list)
    failed: list[bool] = field(default_factory=list)
    clusters: list[str | None] = field(default_factory=list)
    certain: list[bool] = field(default_factory=list)
    critical: list[bool] = field(default_factory=list)
    parts: list[list[tuple[str, str]]] = field(default_factory=list)
    lacking: dict[tuple[str, str], int] = field(default_factory=dict)
    verdicts: list[dict[Key, Score]] = field(default_factory=list)
    recorded: list[dict[Key, Score]] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)

    @property
    def tiers(self) -> Sequence[Tier]:
        """The tiers above the programmatic one that are asked."""
        return self.cascade.used

    def scores(self, tier: int, row: int) -> list[Score]:
        """A tier's Scores on a row's epochs, of those it has."""
        held = self.verdicts[tier]
        return [held[key] for key in self.epochs[row] if key in held]

    def values(self, tier: int) -> Floats:
        """A tier's verdict on every row (mean of the epochs'), NaN where it has none."""
        found = np.full(len(self.ids), np.nan)
        for row in self.rungs[tier + 1].rows():
            values = [score.value for score in self.scores(tier, row) if score.value is not None]
            if values:
                found[row] = sum(values) / len(values)
        return found

    def features(self) -> dict[str, Floats]:
        """What the top tier's verdict is predicted from: free scores and verdicts of the tiers below it, by name."""
        free = {name: np.asarray(column) for name, column in self.free.items()}
        return free | {tier.name: self.values(place) for place, tier in enumerate(self.tiers[:-1])}

    def could_not_tell(self, tier: int) -> Bools:
        """Rows on which a tier gave no verdict although there is an output, and its model answered."""
        found = np.zeros(len(self.ids), dtype=bool)
        for row in self.rungs[tier + 1].rows():
            scores = [] if self.broken[row] else self.scores(tier, row)
            lost = [score.reason for score in scores if score.value is None]
            found[row] = bool(lost) and len(lost) == len(scores) and not OUTAGES.intersection(lost)
        return found

    def climb_to(self, tier: int) -> None:
        """Draw for a tier; the tier below has been asked."""
        if not self.rungs:
            self.rungs.append(self._draw().everything())
        failed = np.asarray(self.failed) if tier == 0 else self.could_not_tell(tier - 1)
        below = self.rungs[tier]
        certain = below.asked & (np.asarray(self.certain) | failed)
        rate = self._policy().rate(tier, reached=below.asked, certain=certain)
        self.rungs.append(self._draw().above(below, tier=self.tiers[tier].name, rate=rate, failed=failed))

    def _policy(self) -> Policy:
        shares = [one.share for one in self.tiers]
        if self.cascade.policy == "share" or len(self.rungs) < len(self.tiers):
            return fixed_shares(len(shares), shares)
        if self.cascade.policy == "uncertainty":
            free = [np.asarray(column) for column in self.free.values()]
            return uncertainty(shares, verdicts=[*free, *map(self.values, range(len(self.tiers) - 1))])
        assert self.cascade.calibration is not None
        sizes = self.cascade.calibration.residual_sizes(self.features(), [self.system] * len(self.ids))
        return budget_optimal(shares, sizes=sizes)

    def _draw(self) -> Draw:
        return Draw(self.ids, seed=self.cascade.seed, certain=self.certain)

    def drawn(self, tier: int) -> list[Key]:
        """Keys of the rows drawn for a tier, in the order drawn."""
        return [key for row in self.rungs[tier + 1].rows() for key in self.epochs[row]]

    def to_ask(self, tier: int) -> list[Key]:
        """Keys of the rows drawn for a tier that it has not answered, in the order drawn."""
        held = self.verdicts[tier]
        return [key for key in self.drawn(tier) if key not in held or held[key].reason in MENDABLE]

    def changes(self) -> dict[Key, dict[str, Score | None]]:
        """Verdicts to be recorded anew, by key and scorer column; ``None`` where there is none any more.

        Each verdict has the overall probability with which its sample was drawn for the tier, which moves while a rule
        asks batch by batch. What is drawn no more, because a tier below has been heard after all, is let go: an
        undisturbed run would not have it.
        """
        found: dict[Key, dict[str, Score | None]] = {}
        for place, rung in enumerate(self.rungs[1:]):
            held, before, column = self.verdicts[place], self.recorded[place], self.cascade.column(self.tiers[place])
            now = {}
            for row in rung.rows().tolist():
                chance = float(rung.probability[row])
                for key in self.epochs[row]:
                    if key in held:
                        score = held[key]
                        now[key] = score if score.probability == chance else replace(score, probability=chance)
            self.verdicts[place] = now
            for key in dict.fromkeys([*now, *before]):
                if now.get(key) != before.get(key):
                    found.setdefault(key, {})[column] = now.get(key)
        return found

    def waiting(self) -> list[str]:
        """Samples drawn for people that have no label yet, in the order drawn."""
        place = len(self.tiers) - 1
        if not isinstance(self.tiers[place].asks, People) or len(self.rungs) <= place + 1:
            return []
        return list(dict.fromkeys(sample_id for sample_id, _ in self.to_ask(place)))

    def cost_usd(self, tier: int) -> float | None:
        """What a tier's verdicts cost when they were first paid; ``None`` when a price is unknown."""
        held, asks = self.verdicts[tier], self.tiers[tier].asks
        if isinstance(asks, People):
            return sum(score.cost_usd or 0.0 for score in held.values())
        costs = [score.cost_usd for score in held.values() if score.reason not in MENDABLE]
        return None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs)


def read_board(
    cascade: Cascade, items: Iterable[Item], *, system: str | None = None, segments: Sequence[str] = ()
) -> Board:
    """The board of a run from its recorded items, in plan order, before anything is drawn.

    Raises:
        ConfigError: The shares are not known yet (``cascade.policy``).
    """
    if cascade.open:
        raise ConfigError(
            "nothing can be drawn before a budget has given the tiers their shares",
            hint="share: on every tier above the programmatic one",
            code="cascade.policy",
        )
    board = Board(
        cascade=cascade, system=system, free={name: [] for name in cascade.free}, verdicts=[{} for _ in cascade.used]
    )
    columns = {cascade.column(tier): place for place, tier in enumerate(cascade.used)}
    held: list[Item] = []
    for item in items:
        if held and held[0].sample.id != item.sample.id:
            _add(board, held, segments)
            held = []
        held.append(item)
        for score in item.scores:
            if score.scorer in columns:
                board.verdicts[columns[score.scorer]][item.sample.id, item.output.epoch] = score
    if held:
        _add(board, held, segments)
    board.recorded = [dict(verdicts) for verdicts in board.verdicts]
    return board


def _add(board: Board, items: Sequence[Item], segments: Sequence[str]) -> None:
    sample, cascade = items[0].sample, board.cascade
    board.ids.append(sample.id)
    board.epochs.append([(sample.id, item.output.epoch) for item in items])
    board.clusters.append(sample.cluster)
    board.certain.append(is_certain(sample, cascade.certain))
    board.critical.append(sample.critical)
    parts = [(key, str(sample.metadata[key])) for key in segments if sample.metadata.get(key) is not None]
    board.parts.append([*parts, ("critical", "true")] if sample.critical else parts)
    answered = all(item.output.error is None and not item.output.degraded for item in items)
    board.broken.append(not answered)
    failed = False
    for name in cascade.free:
        scores = [score for item in items for score in item.scores if score.scorer == name]
        values = [score.value for score in scores if score.value is not None]
        board.free[name].append(sum(values) / len(values) if values else float("nan"))
        reason = next((score.reason for score in scores if (score.reason or "").startswith(SAMPLE_LACKS)), None)
        if not values and reason is not None:
            board.lacking[name, reason] = board.lacking.get((name, reason), 0) + 1
        failed = failed or (answered and not values and reason is None)
    board.failed.append(failed)
