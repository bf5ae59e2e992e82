"""Two runs on shared samples: paired differences with intervals, exact tests, flips, segments and a plain sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from assay.core.errors import InvalidInputError, NotFoundError, nearest
from assay.core.protocols import ScoreColumn
from assay.core.records import Estimate
from assay.engine.broke import BrokeColumns, what_broke
from assay.engine.pairing import Pairs, Reduced
from assay.engine.wording import scale_of
from assay.stats.design import n_for_half_width, n_for_power, nice_step_below
from assay.stats.effect import cohens_dz, discordant_odds_ratio
from assay.stats.evidence import Evidence
from assay.stats.multiple import holm
from assay.stats.paired import mcnemar
from assay.stats.scalar import mean_estimate
from assay.stats.special import check_confidence

SCHEMA = "assay.compare/1"
POWER = 0.8
WORST_SEGMENTS = 5
SMALLEST_SEGMENT = 5
"""Pairs a segment needs before it is tested: fewer say nothing and cost the others power."""


class ScorerFacts(NamedTuple):
    """What a comparison must know of a scorer: its unit, its direction (``None``: neither is better), its version."""

    unit: str
    higher_is_better: bool | None
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricComparison:
    """One metric of both runs and their paired difference, candidate minus baseline.

    Attributes:
        p_value: Two-sided, of no difference; ``None`` where it cannot be computed.
        p_adjusted: Holm over the metrics compared.
        test: ``mcnemar-exact``, ``paired-t``, ``paired-cluster-t`` or ``sign-exact`` (all differences equal).
        effect_size: Discordant odds ratio for 0/1 verdicts, else Cohen's d_z.
        verdict: ``better``, ``worse``, ``equivalent`` (interval within ± margin) or ``undecided``; it follows the
            interval of ``difference``. Where neither direction is better it is never better or worse.
        only_baseline: Samples only the baseline run has; likewise ``only_candidate``.
        unscored: Shared samples without a score on a side.
    """

    name: str
    baseline: Estimate
    candidate: Estimate
    difference: Estimate
    p_value: float | None
    p_adjusted: float | None = None
    test: str
    effect_size: Estimate
    verdict: str
    sentence: str
    higher_is_better: bool | None
    only_baseline: int = 0
    only_candidate: int = 0
    unscored: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        estimates = ("baseline", "candidate", "difference", "effect_size")
        plain = ("p_value", "p_adjusted", "test", "verdict", "sentence", "only_baseline", "only_candidate", "unscored")
        return {name: getattr(self, name).to_dict() for name in estimates} | {n: getattr(self, n) for n in plain}


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
        columns = {
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
    primary: str | None = None,
    baseline_run: str = "A",
    candidate_run: str = "B",
    label: str = "B",
) -> Comparison:
    """Compare two runs scorer by scorer, on the samples both have scored.

    Epochs are averaged within the sample first. Single 0/1 verdicts on independent samples get McNemar's exact test
    and Tango's interval, everything else a (cluster-robust) paired t.

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
        primary: Metric the flips and segments are about; the first compared one when ``None``.
        baseline_run: Id shown in the document; likewise ``candidate_run``.
        label: How sentences call the candidate.

    Raises:
        InvalidInputError: The margin is negative, or no metric can be compared.
    """
    check_confidence(confidence)
    if not margin >= 0.0:
        raise InvalidInputError(f"margin is {margin}; it must be at least 0", hint="2 points of a share are 0.02")
    shared, refused = _comparable(baseline, candidate, scorers, candidate_versions or {})
    found: dict[str, MetricComparison] = {}
    pairs: dict[str, Pairs] = {}
    for name in shared:
        before, after = Reduced.of(baseline[name]), Reduced.of(candidate[name])
        pairs[name] = Pairs.of(before, after)
        found[name] = _compare(name, before, after, pairs[name], scorers[name], confidence, margin, label)
    if not any(len(pair.ids) for pair in pairs.values()):
        raise InvalidInputError(
            f"{baseline_run} and {candidate_run} share no scored sample" if shared else _nothing(refused),
            hint="compare runs of one task and dataset whose scorers have the same versions; see: assay show RUN",
            code="compare.nothing_shared",
        )
    first = primary if primary in pairs else next(name for name in shared if pairs[name].ids)
    found = _adjusted(found, confidence)
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
        metrics=found,
        flips=flips,
        what_broke=what_broke(
            {name: (pair, scorers[name]) for name, pair in pairs.items() if name != first},
            broke or BrokeColumns(),
            confidence=confidence,
        ),
        segments=_worst_segments(first, pairs[first], facts, segments or {}, confidence),
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


def _compare(
    name: str,
    before: Reduced,
    after: Reduced,
    pairs: Pairs,
    facts: ScorerFacts,
    confidence: float,
    margin: float,
    label: str,
) -> MetricComparison:
    evidence = pairs.evidence(facts.unit)
    difference = evidence.estimate(confidence)
    verdict = _verdict(difference, facts.higher_is_better, margin)
    p_value, test = _test(pairs, evidence, difference, facts.unit)
    return MetricComparison(
        name=name,
        baseline=_side(pairs, pairs.baseline, facts.unit, confidence),
        candidate=_side(pairs, pairs.candidate, facts.unit, confidence),
        difference=difference,
        p_value=p_value,
        test=test,
        effect_size=_effect_size(pairs, facts.unit, confidence),
        verdict=verdict,
        sentence=_sentence(name, pairs, evidence, difference, verdict, facts, margin, label),
        higher_is_better=facts.higher_is_better,
        only_baseline=pairs.only_baseline,
        only_candidate=pairs.only_candidate,
        unscored=pairs.unscored,
    )
