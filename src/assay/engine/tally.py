"""Running totals of a run: every finished item is added once, estimates can be had at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from assay.core.cascade import scale_ends
from assay.core.protocols import Judge, Metric, Scorer
from assay.core.records import Estimate, Item, Sample, Score
from assay.core.task import Task
from assay.stats.missing import worst_and_best
from assay.stats.moments import Moments, MomentsBuilder
from assay.stats.scalar import mean_estimate
from assay.stats.strata import stratified_mean_evidence


@runtime_checkable
class PoolsParts(Protocol):
    """A Metric of which not the samples but their parts weigh alike (the instructions of a prompt)."""

    def parts(self, value: float, sample: Sample) -> Sequence[float]:
        """Values of the sample's parts, from its scorer's value on one epoch."""
        ...


@dataclass(slots=True)
class _Series:
    """One estimate in the making: the moments of one metric of one scorer on one part of the samples."""

    unit: str
    metric: Metric | None
    ordinary: MomentsBuilder = field(default_factory=MomentsBuilder)
    critical: MomentsBuilder = field(default_factory=MomentsBuilder)
    unscored: int = 0
    missing: Counter[tuple[bool, str | None]] = field(default_factory=Counter)
    """Unscored samples, by whether they are critical and by cluster."""

    def add(self, values: Sequence[float], sample: Sample) -> None:
        value = values[0] if self.metric is None and len(values) == 1 else self._reduce(values)
        if value is None:
            self.unscored += 1
            self.missing[sample.critical, sample.cluster] += 1
        else:
            (self.critical if sample.critical else self.ordinary).add(value, sample.cluster)

    def _reduce(self, values: Sequence[float]) -> float | None:
        if not values:
            return None
        return sum(values) / len(values) if self.metric is None else self.metric.reduce(values)

    def counts(self) -> dict[str, int]:
        """Values, by stratum."""
        return {"ordinary": self.ordinary.freeze().count, "critical": self.critical.freeze().count}

    def estimate(self, confidence: float, strata: Mapping[str, float] | None) -> Estimate:
        """Critical samples, which are never sampled away, weigh what they weigh in the dataset."""
        estimate = self._of_parts(
            {"ordinary": self.ordinary.freeze(), "critical": self.critical.freeze()}, confidence, strata
        )
        if self.metric is None or self.metric.transform == "identity":
            return estimate
        return _exponential(estimate)

    def _of_parts(
        self, parts: Mapping[str, Moments], confidence: float, strata: Mapping[str, float] | None
    ) -> Estimate:
        if strata is not None and parts["critical"].count and parts["ordinary"].count:
            evidence = stratified_mean_evidence(parts, weights=strata, unit=self.unit, unscored=self.unscored)
            return evidence.estimate(confidence)
        whole = parts["ordinary"] + parts["critical"]
        return mean_estimate(whole, confidence=confidence, unit=self.unit, unscored=self.unscored)

    def bounds(
        self, span: tuple[float, float], confidence: float, strata: Mapping[str, float] | None
    ) -> Mapping[str, float]:
        """What the unscored samples leave open, were they anything between the ends of the scale."""
        worst, best = (self._of_parts(self._filled(level), confidence, strata) for level in span)
        return worst_and_best(worst, best, low=span[0], high=span[1])

    def _filled(self, level: float) -> dict[str, Moments]:
        found = {"ordinary": self.ordinary.freeze(), "critical": self.critical.freeze()}
        for name in found:
            clusters = [
                cluster
                for (critical, cluster), count in self.missing.items()
                if critical == (name == "critical")
                for _ in range(count)
            ]
            found[name] += Moments.of([level] * len(clusters), clusters)
        return found


@dataclass(slots=True, kw_only=True)
class _PooledSeries(_Series):
    """The moments of parts; parts of one sample are a cluster, or belong to their sample's."""

    pools: PoolsParts
    samples: Counter[str] = field(default_factory=Counter)

    def add(self, values: Sequence[float], sample: Sample) -> None:
        if not values:
            self.unscored += 1
            return
        self.samples["critical" if sample.critical else "ordinary"] += 1
        builder = self.critical if sample.critical else self.ordinary
        cluster = f"sample {sample.id}" if sample.cluster is None else f"cluster {sample.cluster}"
        for value in values:
            for part in self.pools.parts(value, sample):
                builder.add(part, cluster)

    def estimate(self, confidence: float, strata: Mapping[str, float] | None) -> Estimate:
        """The pooled mean of the parts; n counts samples."""
        if strata is not None:
            held = self.counts()
            strata = {name: size * held[name] / max(self.samples[name], 1) for name, size in strata.items()}
        return replace(_Series.estimate(self, confidence, strata), n=self.samples.total())


class Tally:
    """Adds items in any order; epochs are reduced within the sample before samples are averaged.

    Args:
        strata: How many samples of the dataset are ``critical`` and ``ordinary``, where a run took all of the former
            and a random sample of the latter; ``None`` where every sample was as likely as any other.
    """

    def __init__(self, task: Task, *, strata: Mapping[str, float] | None = None, confidence: float = 0.95) -> None:
        self._strata = strata
        self._epochs = task.epochs
        self._segments = task.segments
        self._confidence = confidence
        self.primary = task.primary or task.scorers[0].name
        self._scorers: Mapping[str, Scorer] = {scorer.name: scorer for scorer in task.scorers}
        self._metrics = task.metrics
        self._named = Counter([*self._scorers, *(m.name for name in self._scorers for m in task.metrics.get(name, ()))])
        self._whole: dict[str, dict[str, _Series]] = {name: self._series(name) for name in self._scorers}
        self._parts: dict[tuple[str, str], dict[str, _Series]] = {}
        self._waiting: dict[str, dict[str, list[float]]] = {}
        self._waiting_epochs: Counter[str] = Counter()
        self._judges = {name: scorer for name, scorer in self._scorers.items() if isinstance(scorer, Judge)}
        self._reasons: dict[str, Counter[str]] = {name: Counter() for name in (self.primary, *self._judges)}
        self._judges_usd: dict[str, float | None] = dict.fromkeys(self._judges, 0.0)
        self._causes: dict[tuple[str, str], tuple[int, str]] = {}
        self.degraded = 0
        self.samples = 0

    def _series(self, scorer: str) -> dict[str, _Series]:
        unit = self._scorers[scorer].unit
        series = {scorer: _Series(unit=unit, metric=None)}
        for metric in self._metrics.get(scorer, ()):
            series[self._shown_as(scorer, metric)] = (
                _PooledSeries(unit=unit, metric=metric, pools=metric)
                if isinstance(metric, PoolsParts)
                else _Series(unit=unit, metric=metric)
            )
        return series

    def _shown_as(self, scorer: str, metric: Metric) -> str:
        """A metric's own name; with its scorer's in front where something else of the task has that name too."""
        return metric.name if self._named[metric.name] == 1 else f"{scorer}.{metric.name}"

    def add(self, item: Item) -> None:
        """Count one finished (sample, epoch)."""
        self.degraded += item.output.degraded
        if self._judges:
            self._book(item)
        if self._epochs == 1:
            self._count(item, {score.scorer: _known(score) for score in self._own(item)})
            return
        held = self._waiting.setdefault(item.sample.id, {name: [] for name in self._scorers})
        for score in self._own(item):
            held[score.scorer].extend(_known(score))
        self._waiting_epochs[item.sample.id] += 1
        if self._waiting_epochs[item.sample.id] == self._epochs:
            del self._waiting[item.sample.id], self._waiting_epochs[item.sample.id]
            self._count(item, held)

    def _book(self, item: Item) -> None:
        for score in item.scores:
            known = self._judges_usd.get(score.scorer)
            if known is not None:
                unpriced = score.cost_usd is None and score.value is not None
                self._judges_usd[score.scorer] = None if unpriced else known + (score.cost_usd or 0.0)

    def judges(self) -> list[dict[str, Any]]:
        """The judges among the scorers, and what their verdicts cost whoever paid for them."""
        return [
            {"asks": f"{name} ({judge.model})", "model": judge.model, "cost_usd": self._judges_usd[name]}
            for name, judge in self._judges.items()
        ]

    def _own(self, item: Item) -> Sequence[Score]:
        """The Scores of the task's scorers; an item of a resumed run also has those of the tiers above."""
        if len(item.scores) == len(self._scorers):
            return item.scores
        return [score for score in item.scores if score.scorer in self._scorers]

    def _count(self, item: Item, values: Mapping[str, Sequence[float]]) -> None:
        sample = item.sample
        self.samples += 1
        for name, known in values.items():
            for series in self._whole[name].values():
                series.add(known, sample)
        for name in self._reasons:
            if not values[name]:
                self._note_reason(name, item)
        if self._segments or sample.critical:
            self._count_parts(sample, values)

    def _note_reason(self, scorer: str, item: Item) -> None:
        score = next(score for score in item.scores if score.scorer == scorer)
        reason = score.reason or "unscored"
        self._reasons[scorer][reason] += 1
        cause = item.output.finish_reason if item.output.error else score.explanation
        known = self._causes.get((scorer, reason))
        if cause and (known is None or item.row < known[0]):
            self._causes[scorer, reason] = (item.row, cause)

    @property
    def reasons(self) -> Counter[str]:
        """Why samples have no value of the primary metric."""
        return self._reasons[self.primary]

    def causes(self) -> dict[str, str]:
        """For each of these reasons: what was said about the first sample."""
        return {reason: cause for (name, reason), (_, cause) in sorted(self._causes.items()) if name == self.primary}

    def unheard(self) -> dict[str, Counter[str]]:
        """For every judge that gave no verdict on any sample: the reasons."""
        return {
            name: reasons
            for name, reasons in self._reasons.items()
            if self.samples and reasons.total() == self.samples and name in self._judges
        }

    def _count_parts(self, sample: Sample, values: Mapping[str, Sequence[float]]) -> None:
        parts = [(key, str(sample.metadata[key])) for key in self._segments if sample.metadata.get(key) is not None]
        if sample.critical:
            parts.append(("critical", "true"))
        for part in parts:
            if part not in self._parts:
                self._parts[part] = {name: self._series(name)[name] for name in self._scorers}
            for name, known in values.items():
                self._parts[part][name].add(known, sample)

    def primary_estimate(self) -> Estimate:
        """The primary metric so far."""
        return self._whole[self.primary][self.primary].estimate(self._confidence, self._strata)

    def estimates(self) -> dict[str, Estimate]:
        """Every metric by name, a scorer's mean before its others; ``scorer.metric`` where two have one name."""
        return {
            name: self._estimate(scorer, series, bounded=name == scorer)
            for scorer, group in self._whole.items()
            for name, series in group.items()
        }

    def _estimate(self, scorer: str, series: _Series, *, bounded: bool) -> Estimate:
        """A metric; of a scorer's mean also what its missing scores leave open, where its scale has known ends."""
        estimate, span = series.estimate(self._confidence, self._strata), scale_ends(self._scorers[scorer])
        if not bounded or not series.unscored or span is None:
            return estimate
        if estimate.value is not None and not span[0] <= estimate.value <= span[1]:
            return estimate
        return replace(estimate, bounds=series.bounds(span, self._confidence, self._strata))

    def segments(self) -> list[dict[str, Any]]:
        """Estimates along the task's segment keys, and of the critical samples."""
        return [
            {
                "key": key,
                "value": value,
                "metrics": {
                    name: series.estimate(
                        self._confidence, self._strata_within(series, self._whole[name][name])
                    ).to_dict()
                    for name, series in group.items()
                },
            }
            for (key, value), group in sorted(self._parts.items())
        ]

    def _strata_within(self, part: _Series, whole: _Series) -> dict[str, float] | None:
        """About how many samples of the dataset each stratum of a segment has, by what one of them stands for."""
        if self._strata is None:
            return None
        held, of = part.counts(), whole.counts()
        return {name: size * held[name] / of[name] if of[name] else 0.0 for name, size in self._strata.items()}


def _known(score: Score) -> list[float]:
    return [] if score.value is None else [score.value]


def _exponential(estimate: Estimate) -> Estimate:
    import math

    def raised(value: float | None) -> float | None:
        return None if value is None else math.exp(value)

    return replace(
        estimate,
        value=raised(estimate.value),
        low=raised(estimate.low),
        high=raised(estimate.high),
        std_error=None,
        method=f"exp-{estimate.method}",
        unit="ratio",
    )
