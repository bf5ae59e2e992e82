"""Two score columns brought onto the samples they share, and the evidence the pairs give."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from assay.core.protocols import ScoreColumn
from assay.stats.evidence import Evidence, difference_evidence, mean_evidence
from assay.stats.moments import Moments
from assay.stats.paired import tango_evidence
from assay.stats.scalar import SHARE_UNITS
from assay.stats.strata import Stratum, stratified_evidence, stratified_mean_evidence

CRITICAL, ORDINARY = "critical", "ordinary"


def strata_of_run(manifest: Mapping[str, Any]) -> dict[str, float] | None:
    """Sizes in the dataset of a recorded run's critical and ordinary samples, as ``Selection.strata`` has them.

    Under a limit every critical sample is taken on top of the ``limit`` ordinary ones; ``None`` where the run used all
    of its dataset or no sample is critical.

    Examples:
        >>> strata_of_run({"dataset": {"samples": 1000}, "selection": {"limit": 100, "samples": 130}})
        {'critical': 30.0, 'ordinary': 970.0}
        >>> strata_of_run({"dataset": {"samples": 1000}, "selection": {"limit": None, "samples": 1000}}) is None
        True
    """
    selection, population = manifest["selection"], manifest["dataset"]["samples"]
    if selection["limit"] is None or not selection["limit"] < selection["samples"] < population:
        return None
    critical = selection["samples"] - selection["limit"]
    return {CRITICAL: float(critical), ORDINARY: float(population - critical)}


def stands_for(strata: Mapping[str, float] | None, *columns: Reduced) -> Mapping[str, float] | None:
    """How many samples of the dataset one sample stands for that all columns have scored, by stratum.

    Args:
        strata: How many samples of the dataset are ``critical`` and ``ordinary``; ``None`` where none was drawn.

    Returns:
        ``None`` where all stand for equally many, so that nothing need be weighed.
    """
    if strata is None:
        return None
    shared = set.intersection(*(set(column.values) for column in columns))
    critical = len(shared & frozenset[str]().union(*(column.critical for column in columns)))
    held = {CRITICAL: critical, ORDINARY: len(shared) - critical}
    if not all(held.values()):
        return None
    found = {name: strata[name] / count for name, count in held.items()}
    return None if math.isclose(found[CRITICAL], found[ORDINARY]) else found


class Part(NamedTuple):
    """One stratum of a column or of pairs: its rows, and its share of the inputs."""

    rows: Sequence[int]
    share: float


def _parts(critical: Sequence[bool], weights: Mapping[str, float]) -> dict[str, Part] | None:
    """Strata by name; ``None`` where there is but one."""
    if len(set(critical)) < 2:
        return None
    rows = {
        CRITICAL: [row for row, marked in enumerate(critical) if marked],
        ORDINARY: [row for row, marked in enumerate(critical) if not marked],
    }
    held = {name: len(found) * weights[name] for name, found in rows.items()}
    return {name: Part(found, held[name] / sum(held.values())) for name, found in rows.items()}


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

    def strata(self, weights: Mapping[str, float] | None) -> dict[str, Part] | None:
        """Critical and ordinary values, where they stand for other numbers of samples and both are here."""
        return None if weights is None else _parts([sample in self.critical for sample in self.values], weights)

    def evidence(self, unit: str, *, weights: Mapping[str, float] | None = None) -> Evidence:
        """On this column's own mean; with ``weights`` (``stands_for`` of the whole column) on its weighted mean."""
        parts = self.strata(weights)
        if parts is None:
            return mean_evidence(self.moments(), unit=unit)
        values, ids = list(self.values.values()), list(self.values)
        moments = {
            name: Moments.of([values[row] for row in part.rows], [self.clusters.get(ids[row]) for row in part.rows])
            for name, part in parts.items()
        }
        shares = {name: part.share for name, part in parts.items()}
        return stratified_mean_evidence(moments, weights=shares, unit=unit, unscored=len(self.unscored))


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
        critical: Parallel to ``ids``; empty where nothing is weighed.
        weights: How many samples of the dataset one pair stands for, by stratum; ``None`` where all stand for alike.
    """

    ids: Sequence[str]
    baseline: Sequence[float]
    candidate: Sequence[float]
    clusters: Sequence[str | None] | None
    only_baseline: int
    only_candidate: int
    unscored: int
    repeated: bool
    critical: Sequence[bool] = ()
    weights: Mapping[str, float] | None = None

    @classmethod
    def of(cls, baseline: Reduced, candidate: Reduced, *, weights: Mapping[str, float] | None = None) -> Pairs:
        """The samples both have scored; ``weights`` are ``stands_for`` both whole columns."""
        ids = [sample for sample in baseline.values if sample in candidate.values]
        before = baseline.values.keys() | baseline.unscored.keys()
        after = candidate.values.keys() | candidate.unscored.keys()
        known, marked = {**baseline.clusters, **candidate.clusters}, baseline.critical | candidate.critical
        return cls(
            ids=ids,
            baseline=[baseline.values[sample] for sample in ids],
            candidate=[candidate.values[sample] for sample in ids],
            clusters=[known.get(sample) for sample in ids] if known else None,
            only_baseline=len(before - after),
            only_candidate=len(after - before),
            unscored=len(before & after) - len(ids),
            repeated=baseline.repeated or candidate.repeated,
            critical=[] if weights is None else [sample in marked for sample in ids],
            weights=weights,
        )

    def part(self, kept: Sequence[int]) -> Pairs:
        """The pairs at these positions."""
        return replace(
            self,
            ids=[self.ids[i] for i in kept],
            baseline=[self.baseline[i] for i in kept],
            candidate=[self.candidate[i] for i in kept],
            clusters=None if self.clusters is None else [self.clusters[i] for i in kept],
            critical=[self.critical[i] for i in kept] if self.critical else [],
            only_baseline=0,
            only_candidate=0,
            unscored=0,
        )

    def strata(self) -> dict[str, Part] | None:
        """Critical and ordinary pairs, where they stand for other numbers of samples and both are here."""
        return None if self.weights is None else _parts(self.critical, self.weights)

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
        """On the mean difference: Tango's score for independent 0/1 pairs, else cluster-robust t; by stratum."""
        strata = self.strata()
        if strata is None:
            return self._plain_evidence(unit, self._span(unit))
        return stratified_evidence(
            {
                name: Stratum(part.share, self.part(part.rows)._plain_evidence(unit, self._span(unit)))
                for name, part in strata.items()
            },
            unscored=self.unscored,
            independent=not self._clusters_reach_over(strata),
        )

    def _plain_evidence(self, unit: str, span: float) -> Evidence:
        if self.ids and self.binary(unit) and not self.clustered():
            gained, lost = self.flips()
            return tango_evidence(len(self.ids), len(gained), len(lost), unit=unit, unscored=self.unscored)
        return difference_evidence(
            Moments.of(self.differences, self.clusters), unit=unit, span=span, unscored=self.unscored
        )

    def clusters_of(self, part: Part) -> Sequence[str | None] | None:
        """Clusters of the rows of one stratum."""
        return None if self.clusters is None else [self.clusters[row] for row in part.rows]

    def _clusters_reach_over(self, strata: Mapping[str, Part]) -> bool:
        if self.clusters is None:
            return False
        named = [{self.clusters[row] for row in part.rows} - {None} for part in strata.values()]
        return bool(set.intersection(*named))

    def _span(self, unit: str) -> float:
        """Largest difference to reckon with: that of the values seen, and at least 1 for shares and scores."""
        if not self.ids:
            return 0.0
        seen = [*self.baseline, *self.candidate]
        low, high = min(seen), max(seen)
        return max(high, 1.0) - min(low, 0.0) if unit in SHARE_UNITS else high - low
