"""Two score columns brought onto the samples they share, and the evidence the pairs give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assay.core.protocols import ScoreColumn
from assay.stats.evidence import Evidence, difference_evidence, mean_evidence
from assay.stats.moments import Moments
from assay.stats.paired import tango_evidence
from assay.stats.scalar import SHARE_UNITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """A column with the epochs of each sample averaged, in the column's order.

    Attributes:
        values: Mean of the scored epochs by sample; samples without any are in ``unscored``.
        unscored: The first reason, by sample.
        clusters: By sample, where it has one.
        critical: Samples marked critical.
        repeated: Some sample has more than one epoch.
    """

    values: Mapping[str, float]
    unscored: Mapping[str, str]
    clusters: Mapping[str, str]
    critical: frozenset[str]
    repeated: bool

    @classmethod
    def of(cls, column: ScoreColumn) -> Reduced:
        values: Mapping[str, float]
        ids, repeated = column.sample_id, False
        if len(set(ids)) == len(ids):
            values = {sample: value for sample, value in zip(ids, column.value, strict=True) if value is not None}
        else:
            repeated = True
            held: dict[str, list[float]] = {}
            for sample, value in zip(ids, column.value, strict=True):
                if value is not None:
                    held.setdefault(sample, []).append(value)
            values = {sample: sum(known) / len(known) for sample, known in held.items()}
        unscored: dict[str, str] = {}
        if len(values) < len(ids):
            for sample, reason in zip(ids, column.reason, strict=True):
                if sample not in values:
                    unscored.setdefault(sample, reason or "unscored")
        return cls(
            values=values,
            unscored=unscored,
            clusters={name: cluster for name, cluster in zip(ids, column.cluster, strict=True) if cluster is not None},
            critical=frozenset(sample for sample, marked in zip(ids, column.critical, strict=True) if marked),
            repeated=repeated,
        )

    def within(self, kept: Callable[[str], bool]) -> Reduced:
        """Only the samples for which ``kept`` is true."""
        return Reduced(
            values={sample: value for sample, value in self.values.items() if kept(sample)},
            unscored={sample: reason for sample, reason in self.unscored.items() if kept(sample)},
            clusters=self.clusters,
            critical=self.critical,
            repeated=self.repeated,
        )

    def moments(self) -> Moments:
        return Moments.of(
            list(self.values.values()),
            [self.clusters.get(sample) for sample in self.values] if self.clusters else None,
            unscored=len(self.unscored),
        )

    def evidence(self, unit: str) -> Evidence:
        """On this column's own mean."""
        return mean_evidence(self.moments(), unit=unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Samples scored on both sides, with what was left out and why.

    Attributes:
        ids: Paired samples, in the baseline's order.
        baseline: Their values, parallel to ``ids``; likewise ``candidate``.
        clusters: Likewise; ``None`` for all when no sample has one.
        only_baseline: Samples the candidate run does not have.
        only_candidate: Samples the baseline run does not have.
        unscored: Shared samples without a score on at least one side.
        repeated: Values are means over epochs.
    """

    ids: Sequence[str]
    baseline: Sequence[float]
    candidate: Sequence[float]
    clusters: Sequence[str | None] | None
    only_baseline: int
    only_candidate: int
    unscored: int
    repeated: bool

    @classmethod
    def of(cls, baseline: Reduced, candidate: Reduced) -> Pairs:
        ids = [sample for sample in baseline.values if sample in candidate.values]
        before = baseline.values.keys() | baseline.unscored.keys()
        after = candidate.values.keys() | candidate.unscored.keys()
        known = {**baseline.clusters, **candidate.clusters}
        return cls(
            ids=ids,
            baseline=[baseline.values[sample] for sample in ids],
            candidate=[candidate.values[sample] for sample in ids],
            clusters=[known.get(sample) for sample in ids] if known else None,
            only_baseline=len(before - after),
            only_candidate=len(after - before),
            unscored=len(before & after) - len(ids),
            repeated=baseline.repeated or candidate.repeated,
        )

    def part(self, kept: Sequence[int]) -> Pairs:
        """The pairs at these positions."""
        return Pairs(
            ids=[self.ids[i] for i in kept],
            baseline=[self.baseline[i] for i in kept],
            candidate=[self.candidate[i] for i in kept],
            clusters=None if self.clusters is None else [self.clusters[i] for i in kept],
            only_baseline=0,
            only_candidate=0,
            unscored=0,
            repeated=self.repeated,
        )

    @property
    def differences(self) -> list[float]:
        """Candidate minus baseline."""
        return [new - old for old, new in zip(self.baseline, self.candidate, strict=True)]

    def binary(self, unit: str) -> bool:
        """Whether these are single 0/1 verdicts."""
        return (
            unit in SHARE_UNITS
            and not self.repeated
            and all(side.count(0.0) + side.count(1.0) == len(side) for side in (self.baseline, self.candidate))
        )

    def clustered(self) -> bool:
        """Whether at least two pairs share a cluster."""
        named = [cluster for cluster in self.clusters or () if cluster is not None]
        return len(set(named)) < len(named)

    def flips(self) -> tuple[list[str], list[str]]:
        """Samples gained and lost, for 0/1 verdicts."""
        rows = [row for row in zip(self.ids, self.baseline, self.candidate, strict=True) if row[1] != row[2]]
        return [sample for sample, old, new in rows if new > old], [sample for sample, old, new in rows if new < old]

    def evidence(self, unit: str) -> Evidence:
        """On the mean difference: Tango's score for independent 0/1 pairs, else cluster-robust t."""
        if self.ids and self.binary(unit) and not self.clustered():
            gained, lost = self.flips()
            return tango_evidence(len(self.ids), len(gained), len(lost), unit=unit, unscored=self.unscored)
        return difference_evidence(
            Moments.of(self.differences, self.clusters), unit=unit, span=self._span(unit), unscored=self.unscored
        )

    def _span(self, unit: str) -> float:
        """Largest difference to reckon with: that of the values seen, and at least 1 for shares and scores."""
        if not self.ids:
            return 0.0
        seen = [*self.baseline, *self.candidate]
        low, high = min(seen), max(seen)
        return max(high, 1.0) - min(low, 0.0) if unit in SHARE_UNITS else high - low
