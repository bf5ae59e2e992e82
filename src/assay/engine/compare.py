"""Two runs on shared samples: paired differences with intervals, exact tests, flips, segments and a plain sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.core.errors import InvalidInputError, NotFoundError, nearest
from assay.core.protocols import ScoreColumn
from assay.engine.broke import BrokeColumns, what_broke
from assay.engine.paired_metric import MetricComparison, ScorerFacts, adjusted, compare_metric
from assay.engine.pairing import Pairs, Reduced, stands_for
from assay.engine.worst import worst_segments
from assay.stats.special import check_confidence

__all__ = ["Comparison", "MetricComparison", "ScorerFacts", "compare_columns"]

SCHEMA = "assay.compare/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What ``compare`` found.

    Attributes:
        primary: Metric the flips, the segments and the panel are about.
        flips: Samples ``gained`` and ``lost`` on the primary metric; empty unless it is a single 0/1 verdict.
        what_broke: The standing panel (see ``engine.broke``).
        segments: Worst segments first, of the primary metric.
        not_compared: ``{"metric", "reason"}`` of metrics only one run has, or whose scorers differ.
    """

    baseline: str
    candidate: str
    primary: str
    confidence: float
    margin: float
    paired_samples: int
    metrics: Mapping[str, MetricComparison]
    flips: Mapping[str, Sequence[str]]
    what_broke: Sequence[Mapping[str, Any]] = ()
    segments: Sequence[Mapping[str, Any]] = ()
    not_compared: Sequence[Mapping[str, str]] = field(default_factory=list)

    def __getitem__(self, metric: str) -> MetricComparison:
        """A metric by name; raises NotFoundError with the nearest one."""
        if metric not in self.metrics:
            raise NotFoundError(
                f"the comparison has no metric {metric!r}", hint=nearest(metric, self.metrics), code="metric.unknown"
            )
        return self.metrics[metric]

    def to_dict(self) -> dict[str, Any]:
        """The ``assay compare --json`` document."""
        return {
            "schema": SCHEMA,
            "baseline": self.baseline,
            "candidate": self.candidate,
            "primary": self.primary,
            "confidence": self.confidence,
            "margin": self.margin,
            "paired_samples": self.paired_samples,
            "metrics": {name: metric.to_dict() for name, metric in self.metrics.items()},
            "flips": {side: list(ids) for side, ids in self.flips.items()},
            "what_broke": [dict(row) for row in self.what_broke],
            "segments": [dict(row) for row in self.segments],
            "not_compared": [dict(row) for row in self.not_compared],
        }

    def to_frame(self) -> Any:
        """One row a metric, as an Arrow table any dataframe library takes (``polars.from_arrow``, ``pandas``)."""
        from arro3.core import Array, DataType, Table

        numbers, words = DataType.float64(), DataType.string()
        rows = list(self.metrics.values())
        columns: dict[str, Any] = {
            "metric": Array([row.name for row in rows], type=words),
            "baseline": Array([row.baseline.value for row in rows], type=numbers),
            "candidate": Array([row.candidate.value for row in rows], type=numbers),
            "difference": Array([row.difference.value for row in rows], type=numbers),
            "low": Array([row.difference.low for row in rows], type=numbers),
            "high": Array([row.difference.high for row in rows], type=numbers),
            "p_value": Array([row.p_value for row in rows], type=numbers),
            "p_adjusted": Array([row.p_adjusted for row in rows], type=numbers),
            "verdict": Array([row.verdict for row in rows], type=words),
            "sentence": Array([row.sentence for row in rows], type=words),
        }
        return Table.from_pydict(columns)

    def _repr_html_(self) -> str:
        """A small table for notebooks."""
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(row.name)}</td><td>{escape(row.verdict)}</td><td>{escape(row.sentence)}</td></tr>"
            for row in self.metrics.values()
        )
        head = f"{escape(self.candidate)} against {escape(self.baseline)}, {self.paired_samples:,} samples paired"
        return f"<table><caption>{head}</caption><tr><th>metric</th><th>verdict</th><th></th></tr>{rows}</table>"


def compare_columns(
    baseline: Mapping[str, ScoreColumn],
    candidate: Mapping[str, ScoreColumn],
    *,
    scorers: Mapping[str, ScorerFacts],
    candidate_versions: Mapping[str, str] | None = None,
    confidence: float = 0.95,
    margin: float = 0.0,
    segments: Mapping[str, Mapping[str, str]] | None = None,
    broke: BrokeColumns | None = None,
    strata: Mapping[str, float] | None = None,
    primary: str | None = None,
    tiered: Mapping[str, MetricComparison] | None = None,
    baseline_run: str = "A",
    candidate_run: str = "B",
    label: str = "B",
) -> Comparison:
    """Compare two runs scorer by scorer, on the samples both have scored.

    Epochs are averaged within the sample first. Single 0/1 verdicts on independent samples get McNemar's exact test
    and Tango's interval, everything else a (cluster-robust) paired t. Where ``strata`` say that critical samples are
    here more often than in the dataset, each stratum gets that interval, and the differences are put together with the
    weights of the dataset; the test is then the interval's.

    Args:
        baseline: Columns of the reference run by scorer name.
        candidate: Columns of the new run.
        scorers: Facts by name; ``version`` is the baseline's.
        candidate_versions: Versions in the candidate run where they may differ; a scorer of another version is another
            scorer, so that metric is not compared and named in ``not_compared``.
        confidence: Coverage of every interval.
        margin: Differences within ± margin are too small to matter (score units, at least 0): an interval inside is
            ``equivalent``, even if it excludes 0.
        segments: ``{key: {sample_id: value}}``; the primary metric's worst values are reported, Holm over all of them,
            with simultaneous (Bonferroni) intervals.
        broke: Lengths, latencies, costs and so on for the panel.
        strata: How many samples of the dataset are ``critical`` and ``ordinary``, where one of the runs drew only a
            part of the latter (``pairing.strata_of_run``); ``None`` where every sample was as likely as any other.
        primary: Metric the flips and segments are about; the first compared one when ``None``.
        tiered: Figures of cascades, compared already (``cascade.versus``); they are corrected with the others.
        baseline_run: Id shown in the document; likewise ``candidate_run``.
        label: How sentences call the candidate.

    Raises:
        InvalidInputError: The margin is negative, or no metric can be compared.
    """
    check_confidence(confidence)
    if not margin >= 0.0:
        raise InvalidInputError(f"margin is {margin}; it must be at least 0", hint="2 points of a share are 0.02")
    shared, refused = _comparable(baseline, candidate, scorers, candidate_versions or {})
    found: dict[str, MetricComparison] = dict(tiered or {})
    pairs: dict[str, Pairs] = {}
    critical: set[str] = set()
    for name in shared:
        before, after = Reduced.of(baseline[name]), Reduced.of(candidate[name])
        pairs[name] = Pairs.of(before, after, weights=stands_for(strata, before, after))
        critical |= before.critical | after.critical
        found[name] = compare_metric(
            name, pairs[name], scorers[name], confidence=confidence, margin=margin, label=label
        )
    if not any(len(pair.ids) for pair in pairs.values()):
        raise InvalidInputError(
            f"{baseline_run} and {candidate_run} share no scored sample" if shared else _nothing(refused),
            hint="compare runs of one task and dataset whose scorers have the same versions; see: assay show RUN",
            code="compare.nothing_shared",
        )
    first = primary if primary in pairs else next(name for name in shared if pairs[name].ids)
    by_key = dict(segments or {})
    if critical:
        by_key["critical"] = dict.fromkeys(critical, "true")
    facts, flips = scorers[first], {"gained": list[str](), "lost": list[str]()}
    if pairs[first].binary(facts.unit):
        up, down = pairs[first].flips()
        flips = {"gained": up, "lost": down} if facts.higher_is_better is not False else {"gained": down, "lost": up}
    return Comparison(
        baseline=baseline_run,
        candidate=candidate_run,
        primary=first,
        confidence=confidence,
        margin=margin,
        paired_samples=len(pairs[first].ids),
        metrics=adjusted(found, confidence),
        flips=flips,
        what_broke=what_broke(
            {name: (pair, scorers[name]) for name, pair in pairs.items() if name != first},
            broke or BrokeColumns(),
            strata=strata,
            confidence=confidence,
        ),
        segments=worst_segments(first, pairs[first], facts, by_key, confidence=confidence),
        not_compared=refused,
    )


def _comparable(
    baseline: Mapping[str, ScoreColumn],
    candidate: Mapping[str, ScoreColumn],
    scorers: Mapping[str, ScorerFacts],
    versions: Mapping[str, str],
) -> tuple[list[str], list[dict[str, str]]]:
    shared, refused = [], []
    for name in dict.fromkeys([*scorers, *baseline, *candidate]):
        reason = None
        if name not in baseline or name not in candidate:
            reason = f"only the {'candidate' if name in candidate else 'baseline'} has it"
        elif name not in scorers:
            reason = "its unit and direction are not known"
        elif versions.get(name, scorers[name].version) != scorers[name].version:
            reason = (
                f"scorer versions differ ({scorers[name].version} and {versions[name]}): "
                "score both runs' outputs again with one version (assay score)"
            )
        if reason is None:
            shared.append(name)
        elif name in baseline or name in candidate:
            refused.append({"metric": name, "reason": reason})
    return shared, refused


def _nothing(refused: Sequence[Mapping[str, str]]) -> str:
    return "no metric can be compared: " + "; ".join(f"{row['metric']}: {row['reason']}" for row in refused)
