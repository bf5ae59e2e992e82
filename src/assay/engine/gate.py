"""From rules and scores to a Decision: pass, fail or inconclusive, each with its evidence.

A rule asks a one-sided question of an interval: it passes when the bound clears the threshold, fails when the opposite
bound refutes it, and is inconclusive in between. At confidence 0.95 either claim is wrong at most 2.5 times in 100.
Holm's correction over the rules keeps that for all of them together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.core.errors import InvalidInputError, NotFoundError, nearest
from assay.core.protocols import ScoreColumn
from assay.core.records import Decision, Estimate, Verdict
from assay.engine.paired_metric import ScorerFacts, weighing
from assay.engine.pairing import Pairs, Part, Reduced, stands_for
from assay.engine.rules import Rule, parse_rule
from assay.engine.wording import Scale, scale_of
from assay.stats.evidence import Evidence
from assay.stats.multiplicity.adjusted import holm
from assay.stats.special import check_confidence, normal_quantile

_ORDER = ("pass", "inconclusive", "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A rule with its evidence: the claim is "the true value is above (or below) ``threshold``"."""

    rule: Rule
    evidence: Evidence
    threshold: float
    above: bool
    strata: Mapping[str, Part] | None = None

    def p_pass(self) -> float | None:
        return self.evidence.p_above(self.threshold) if self.above else self.evidence.p_below(self.threshold)

    def p_fail(self) -> float | None:
        return self.evidence.p_below(self.threshold) if self.above else self.evidence.p_above(self.threshold)


def decide(
    rules: Sequence[Rule | str],
    *,
    candidate: Mapping[str, ScoreColumn],
    scorers: Mapping[str, ScorerFacts],
    baseline: Mapping[str, ScoreColumn] | None = None,
    baseline_versions: Mapping[str, str] | None = None,
    segments: Mapping[str, Mapping[str, str]] | None = None,
    strata: Mapping[str, float] | None = None,
    baseline_strata: Mapping[str, float] | None = None,
    tiered: Mapping[str, Evidence] | None = None,
    confidence: float = 0.95,
) -> Decision:
    """Apply gate rules; the decision is the worst of their verdicts.

    Args:
        rules: Parsed or as text; at least one.
        candidate: Columns of the run that wants to pass, by scorer name.
        scorers: Unit, direction and version by name, of the candidate's run.
        baseline: Columns of the run that relative rules compare with.
        baseline_versions: Scorer versions of the baseline, where they may differ.
        segments: ``{key: {sample_id: value}}``; ``critical:true`` is known without.
        strata: How many samples of the dataset are ``critical`` and ``ordinary``, where the candidate's run drew only a
            part of the latter (``pairing.strata_of_run``): they then weigh what they weigh in the dataset.
        baseline_strata: Likewise of the baseline's run; relative rules use it where ``strata`` is ``None``.
        tiered: Evidence of the rules that ask about a cascade's figure, by the rule's text (``cascade.versus``).
        confidence: Of the intervals; the level of each claim is (1 - confidence) / 2.

    Raises:
        ConfigError: A rule cannot be read.
        NotFoundError: A metric or segment is not in the run.
        InvalidInputError: A relative rule has no baseline, no direction, or another scorer version.
    """
    check_confidence(confidence)
    parsed = [parse_rule(rule) if isinstance(rule, str) else rule for rule in rules]
    on_tiers = tiered or {}
    asked = [
        _on_tiers(rule, on_tiers[rule.text], scorers)
        if rule.text in on_tiers
        else _relative(
            rule, candidate, baseline, scorers, baseline_versions or {}, segments or {}, strata or baseline_strata
        )
        if rule.relative
        else _absolute(rule, candidate, scorers, segments or {}, strata)
        for rule in parsed
    ]
    passing, failing = _holm([q.p_pass() for q in asked]), _holm([q.p_fail() for q in asked])
    level = 0.5 * (1.0 - confidence)
    verdicts = [
        _verdict(question, p_pass, p_fail, level=level, count=len(asked), confidence=confidence)
        for question, p_pass, p_fail in zip(asked, passing, failing, strict=True)
    ]
    worst = max((verdict.verdict for verdict in verdicts), key=_ORDER.index, default="inconclusive")
    return Decision(verdict=worst, rules=verdicts)


def _on_tiers(rule: Rule, evidence: Evidence, scorers: Mapping[str, ScorerFacts]) -> _Question:
    if not rule.relative:
        return _Question(rule=rule, evidence=evidence, threshold=rule.threshold, above=rule.kind == "low")
    better = scorers[rule.metric].higher_is_better
    if better is None:
        raise _no_direction(rule)
    allowed = -rule.threshold if rule.kind == "noninferior" else rule.threshold
    return _Question(rule=rule, evidence=evidence, threshold=allowed if better else -allowed, above=better)


def _no_direction(rule: Rule) -> InvalidInputError:
    return InvalidInputError(
        f"{rule.text!r} needs a direction, and for {rule.metric} neither more nor less is better",
        hint=f"use bounds: {rule.metric}.low >= … or {rule.metric}.high <= …",
        code="gate.no_direction",
    )


def _column(rule: Rule, candidate: Mapping[str, ScoreColumn], scorers: Mapping[str, ScorerFacts]) -> Reduced:
    if rule.metric not in candidate or rule.metric not in scorers:
        raise NotFoundError(
            f"the run has no metric {rule.metric!r}", hint=nearest(rule.metric, candidate), code="metric.unknown"
        )
    return Reduced.of(candidate[rule.metric])


def _absolute(
    rule: Rule,
    candidate: Mapping[str, ScoreColumn],
    scorers: Mapping[str, ScorerFacts],
    segments: Mapping[str, Mapping[str, str]],
    strata: Mapping[str, float] | None,
) -> _Question:
    whole = _column(rule, candidate, scorers)
    weights, part = stands_for(strata, whole), _part(whole, rule, segments)
    return _Question(
        rule=rule,
        evidence=part.evidence(scorers[rule.metric].unit, weights=weights),
        threshold=rule.threshold,
        above=rule.kind == "low",
        strata=part.strata(weights),
    )


def _relative(
    rule: Rule,
    candidate: Mapping[str, ScoreColumn],
    baseline: Mapping[str, ScoreColumn] | None,
    scorers: Mapping[str, ScorerFacts],
    baseline_versions: Mapping[str, str],
    segments: Mapping[str, Mapping[str, str]],
    strata: Mapping[str, float] | None,
) -> _Question:
    after = _column(rule, candidate, scorers)
    facts = scorers[rule.metric]
    if baseline is None or rule.metric not in baseline:
        what = "no baseline was given" if baseline is None else f"the baseline has no metric {rule.metric!r}"
        raise InvalidInputError(
            f"{rule.text!r} compares with a baseline, and {what}",
            hint="name the run to compare with: --baseline RUN",
            code="gate.baseline_missing",
        )
    if facts.higher_is_better is None:
        raise _no_direction(rule)
    if baseline_versions.get(rule.metric, facts.version) != facts.version:
        raise InvalidInputError(
            f"the baseline was scored by another version of {rule.metric}",
            hint="score both runs' outputs again with one version (assay score)",
            code="compare.version_mismatch",
        )
    before = Reduced.of(baseline[rule.metric])
    weights = stands_for(strata, before, after)
    pairs = Pairs.of(_part(before, rule, segments), _part(after, rule, segments), weights=weights)
    allowed = -rule.threshold if rule.kind == "noninferior" else rule.threshold
    return _Question(
        rule=rule,
        evidence=pairs.evidence(facts.unit),
        threshold=allowed if facts.higher_is_better else -allowed,
        above=facts.higher_is_better,
        strata=pairs.strata(),
    )


def _part(column: Reduced, rule: Rule, segments: Mapping[str, Mapping[str, str]]) -> Reduced:
    if rule.segment is None:
        return column
    key, value = rule.segment
    if key == "critical" and key not in segments:
        members: Mapping[str, str] = dict.fromkeys(column.critical, "true")
    elif key in segments:
        members = segments[key]
    else:
        raise NotFoundError(
            f"no segment key {key!r} for {rule.text!r}",
            hint=nearest(key, [*segments, "critical"]),
            code="segment.unknown",
        )
    if value not in members.values():
        raise NotFoundError(
            f"no sample has {key} = {value!r}", hint=nearest(value, set(members.values())), code="segment.unknown"
        )
    return column.within(lambda sample: members.get(sample) == value)


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    known = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(known) for p in p_values]


def _verdict(
    question: _Question, p_pass: float | None, p_fail: float | None, *, level: float, count: int, confidence: float
) -> Verdict:
    estimate = question.evidence.estimate(confidence)
    verdict, needed = "inconclusive", None
    if p_pass is not None and p_pass <= level:
        verdict = "pass"
    elif p_fail is not None and p_fail <= level:
        verdict = "fail"
    else:
        needed = _needed_n(question, estimate, level / count, confidence)
    failed = verdict == "fail"
    return Verdict(
        rule=question.rule.text,
        verdict=verdict,
        estimate=estimate,
        sentence=_sentence(question, estimate, verdict, needed, count),
        p_value=question.p_fail() if failed else question.p_pass(),
        p_adjusted=p_fail if failed else p_pass,
        needed_n=needed,
    )


def _needed_n(question: _Question, estimate: Estimate, level: float, confidence: float) -> int | None:
    """Further samples that settle the rule if the difference stays what it is; ``None`` when it sits on the threshold.

    Reckoned at the strictest of Holm's levels, so it is enough whatever the other rules say.
    """
    deviation = question.evidence.std_dev(confidence)
    if deviation is None or estimate.value is None:
        return None
    gap = abs(estimate.value - question.threshold)
    if gap <= 1e-9 * max(1.0, abs(question.threshold)):
        return None
    return max(1, math.ceil((normal_quantile(1.0 - level) * deviation / gap) ** 2) - estimate.n)


def _sentence(question: _Question, estimate: Estimate, verdict: str, needed: int | None, count: int) -> str:
    rule, n = question.rule, f"n = {estimate.n:,}{' paired' if question.rule.relative else ''}"
    if estimate.unscored:
        n += f", {estimate.unscored:,} unscored"
    n += weighing(question.strata)
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return f"{rule.metric} cannot be judged: {estimate.reason}, {n}"
    scale = scale_of(estimate)
    what = f"{rule.metric} changes by" if rule.relative else f"{rule.metric} is"
    side = "above" if question.above else "below"
    found = f"{what} {_shown(scale, estimate.value, rule)} ({_span(scale, estimate, rule)}), {n}"
    limit = _shown(scale, question.threshold, rule, exact=True)
    if verdict == "pass":
        return f"{found}: the whole interval is {side} {limit}"
    if verdict == "fail":
        return f"{found}: the whole interval is {'below' if question.above else 'above'} {limit}"
    clear = estimate.low > question.threshold if question.above else estimate.high < question.threshold
    refuted = estimate.high < question.threshold if question.above else estimate.low > question.threshold
    why = f"the interval reaches across {limit}"
    if clear or refuted:
        why = f"clear of {limit} alone, but not after Holm's correction over {count} rules"
    more = (
        f"; about {needed:,} more sample{'' if needed == 1 else 's'} would settle it if this holds"
        if needed is not None
        else ""
    )
    return f"{found}: {why}{more}"


def _shown(scale: Scale, value: float, rule: Rule, *, exact: bool = False) -> str:
    text = scale.plain(value) if exact else scale.amount(value)
    if scale.factor == 100.0:
        return f"{text} points" if rule.relative else f"{text} %"
    return text + scale.word


def _span(scale: Scale, estimate: Estimate, rule: Rule) -> str:
    if estimate.low is None or estimate.high is None:
        return estimate.reason or ""
    return f"{scale.amount(estimate.low)} to {_shown(scale, estimate.high, rule)}"
