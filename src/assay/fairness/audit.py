"""Judge every metric in every grouping: one family of comparisons, so that looking at more finds no more by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Literal

from assay.core.errors import DataError, nearest
from assay.core.records import Estimate
from assay.fairness.gaps import Spread, group_spread
from assay.fairness.gate import judge_gaps
from assay.fairness.impossibility import impossibilities
from assay.fairness.question import Metric, Question
from assay.fairness.result import Audit, GroupResult, MetricResult
from assay.fairness.scan import MetricCells, Scanned
from assay.fairness.standardise import Standardised, standardised_difference
from assay.fairness.wording import audit_sentence, gap_sentence, group_sentence
from assay.stats.bayes.shrinkage import shrunken_rates
from assay.stats.health.rest import groups_against_rest
from assay.stats.moments import Moments
from assay.stats.multiplicity.adjusted import holm
from assay.stats.multiplicity.simultaneous import simultaneous_confidence
from assay.stats.scalar import mean_estimate

FOUR_FIFTHS = 0.8
_SMALL = "(groups below the minimum)"


def audit(scanned: Scanned, question: Question) -> Audit:
    """Judge what was scanned.

    Intervals of one kind (values, differences, gaps, ratios, standardised differences) hold together over all groups,
    metrics and groupings: Bonferroni over the tables, and within a table over its groups, or its pairs of groups where
    the extreme ones are picked. P-values are Holm's over every comparison; two groups are one comparison, and TPR is
    none beside FNR.

    Raises:
        DataError: Fewer than two groups of every grouping reach the minimum (``fairness.small_groups``), or there is no
            such reference (``fairness.no_reference``).
    """
    families = {(table.grouping, table.metric.hypothesis) for table in scanned.tables}
    level = simultaneous_confidence(len(families), confidence=question.confidence)
    results, comparisons = _corrected([_metric_result(table, question, level) for table in scanned.tables], question)
    if not any(len(result.judged()) > 1 for result in results):
        raise _nothing_to_judge(results, question)
    notes = [*scanned.notes, *_notes(results, question)]
    decision = judge_gaps(results, question)
    found = impossibilities(scanned, results)
    return Audit(
        rows=scanned.rows,
        confidence=question.confidence,
        min_group=question.min_group,
        comparisons=comparisons,
        confounders=question.confounders,
        results=results,
        impossibility=found,
        decision=decision,
        notes=notes,
        sentence=audit_sentence(results, question.confidence),
    )


def _nothing_to_judge(results: Sequence[MetricResult], question: Question) -> DataError:
    largest = max(sorted((group.value.n for group in result.groups), reverse=True)[:2] for result in results)
    return DataError(
        f"fewer than two groups have {question.min_group} units in any metric (the two largest have "
        f"{' and '.join(f'{n:,}' for n in largest[:2])})",
        hint="give more data, join groups in a query, or lower --min-group",
        code="fairness.small_groups",
    )


def _metric_result(table: MetricCells, question: Question, level: float) -> MetricResult:
    """One table before the correction of its p-values; ``level`` is what a table gets of the confidence."""
    groups = {name: reduce(lambda a, b: a + b, strata.values()) for name, strata in table.cells.items()}
    judged = [name for name, moments in groups.items() if moments.count >= question.min_group]
    reference = _reference(question, groups, judged)
    metric = table.metric
    if len(judged) < 2:
        said = f"{metric.words} by {table.grouping}: fewer than two groups have {question.min_group} units"
        rows = [_too_small(name, moments, metric, question, level) for name, moments in groups.items()]
        return _result(table, rows, reference, sentence=said)
    spread = group_spread({name: groups[name] for name in judged}, confidence=level, unit=metric.unit)
    each = simultaneous_confidence(len(judged), confidence=level)
    shrunken = _shrunken(groups, metric, question.confidence)
    compared = _differences(groups, judged, reference, metric, level)
    count = max(1, len(judged) - (reference is not None or len(groups) == 2))
    adjusted_for = simultaneous_confidence(count, confidence=level)
    rows = []
    for name, moments in groups.items():
        if name not in judged:
            rows.append(replace(_too_small(name, moments, metric, question, level), shrunken=shrunken.get(name)))
            continue
        difference, p_value = compared.get(name, (None, None))
        standard = Standardised()
        if question.confounders and name != reference:
            standard = standardised_difference(
                table.cells, name, reference=reference, confidence=adjusted_for, unit=metric.unit
            )
        rows.append(
            GroupResult(
                group=name,
                value=mean_estimate(moments, confidence=each, unit=metric.unit),
                difference=difference,
                p_value=p_value,
                verdict="reference" if name == reference else "undecided",
                shrunken=shrunken.get(name),
                ratio=spread.ratios.get(name),
                standardised=standard.effect,
                standardised_reason=standard.reason,
                standardised_p=standard.p_value,
                reversal_p=standard.reversal_p,
                sentence="",
            )
        )
    return _result(table, rows, reference, spread=spread, sentence="")


def _result(
    table: MetricCells, rows: Sequence[GroupResult], reference: str | None, *, sentence: str,
    spread: Spread | None = None,
) -> MetricResult:  # fmt: skip
    made = MetricResult(
        metric=table.metric.name,
        words=table.metric.words,
        grouping=table.grouping,
        unit=table.metric.unit,
        better=table.metric.better,
        against=reference or "the rest",
        groups=rows,
        highest=spread.highest if spread else None,
        lowest=spread.lowest if spread else None,
        gap=spread.gap if spread else None,
        ratio=spread.ratio if spread else None,
        four_fifths=_four_fifths(spread),
        sentence=sentence,
    )
    return made if sentence else replace(made, sentence=gap_sentence(made))


def _four_fifths(spread: Spread | None) -> Literal["below", "above", "undecided"] | None:
    if spread is None or spread.ratio is None or spread.ratio.low is None or spread.ratio.high is None:
        return None
    if spread.ratio.high < FOUR_FIFTHS:
        return "below"
    return "above" if spread.ratio.low >= FOUR_FIFTHS else "undecided"


def _reference(question: Question, groups: Mapping[str, Moments], judged: Sequence[str]) -> str | None:
    """The reference, where this grouping has it and it is large enough; intersections have other names."""
    if question.reference in judged:
        return question.reference
    if question.reference is not None and len(question.groups) == 1:
        if question.reference in groups:
            raise DataError(
                f"the reference {question.reference} has {groups[question.reference].count:,} units, fewer than "
                f"{question.min_group}", hint="name a larger group, or lower --min-group", code="fairness.no_reference",
            )  # fmt: skip
        raise DataError(
            f"{question.groups[0]} has no group {question.reference!r}", hint=nearest(question.reference, groups),
            code="fairness.no_reference",
        )  # fmt: skip
    return None


def _too_small(name: str, moments: Moments, metric: Metric, question: Question, level: float) -> GroupResult:
    alone = moments.count >= question.min_group
    why = "and no other group has" if alone else "fewer than"
    return GroupResult(
        group=name,
        value=mean_estimate(moments, confidence=level, unit=metric.unit),
        verdict="alone" if alone else "too small",
        sentence=f"{name} has {moments.count:,} units, {why} {question.min_group}, and is not judged.",
    )


def _shrunken(groups: Mapping[str, Moments], metric: Metric, confidence: float) -> Mapping[str, Estimate]:
    if metric.unit != "share" or len(groups) < 3:
        return {}
    return shrunken_rates({name: (one.ones, one.count) for name, one in groups.items()}, confidence=confidence).groups


def _differences(
    groups: Mapping[str, Moments], judged: Sequence[str], reference: str | None, metric: Metric, level: float
) -> dict[str, tuple[Estimate, float | None]]:
    """Each judged group against the units that are not in it, or against the reference."""
    if reference is not None:
        others = [name for name in judged if name != reference]
        each = simultaneous_confidence(len(others), confidence=level)
        sides = [{reference: groups[reference], name: groups[name]} for name in others]
        found = [groups_against_rest(side, confidence=each, unit=metric.unit)[1] for side in sides]
    else:
        small = [moments for name, moments in groups.items() if name not in judged and moments.count]
        sides_of = {name: groups[name] for name in judged}
        if small:
            sides_of[_SMALL] = reduce(lambda a, b: a + b, small)
        found = list(groups_against_rest(sides_of, confidence=level, unit=metric.unit))[: len(judged)]
    return {one.group: (one.difference, one.p_value) for one in found}


def _corrected(results: Sequence[MetricResult], question: Question) -> tuple[list[MetricResult], int]:
    """Holm's correction of every kind of p-value over the whole audit, then verdicts and sentences."""
    adjusted = {kind: _holm(results, kind) for kind in ("p_value", "standardised_p", "reversal_p")}
    done = []
    for result in results:
        rows = []
        for row in result.groups:
            key = _hypothesis(result, row)
            p_adjusted, standardised_p, reversal_p = (
                found.get(key) if getattr(row, kind) is not None else None for kind, found in adjusted.items()
            )
            row = replace(row, p_adjusted=p_adjusted, standardised_p=standardised_p, reversal_p=reversal_p)
            row = _judged(row, 1.0 - question.confidence)
            rows.append(row if row.sentence else replace(row, sentence=group_sentence(row, result)))
        done.append(replace(result, groups=rows))
    return done, len(adjusted["p_value"])


def _judged(row: GroupResult, alpha: float) -> GroupResult:
    """Higher or lower where the adjusted p-value and the interval agree; reversed where both differences say so."""
    if row.p_adjusted is None or row.p_adjusted > alpha or row.difference is None:
        return row
    side = _side(row.difference)
    if side == "undecided":
        return row
    reversal = row.reversal_p is not None and row.reversal_p <= alpha and _side(row.standardised) != "undecided"
    return replace(row, verdict=side, simpson=reversal)


def _side(difference: Estimate | None) -> Literal["higher", "lower", "undecided"]:
    if difference is None or difference.low is None or difference.high is None:
        return "undecided"
    return "higher" if difference.low > 0.0 else "lower" if difference.high < 0.0 else "undecided"


def _hypothesis(result: MetricResult, row: GroupResult) -> tuple[str, str, str]:
    """What a comparison asks; two that ask the same are counted once."""
    pair = len(result.groups) == 2 and len(result.judged()) == 2
    name = "fnr" if result.metric == "tpr" else result.metric
    return result.grouping, name, "the pair" if pair else row.group


def _holm(results: Sequence[MetricResult], kind: str) -> dict[tuple[str, str, str], float]:
    known = {
        _hypothesis(result, row): getattr(row, kind)
        for result in results
        for row in result.groups
        if getattr(row, kind) is not None
    }
    return dict(zip(known, holm(list(known.values())), strict=True))


def _notes(results: Sequence[MetricResult], question: Question) -> list[str]:
    notes = []
    small = {(result.grouping, row.group) for result in results for row in result.groups if row.verdict == "too small"}
    if small:
        notes.append(
            f"{len(small)} group{'' if len(small) == 1 else 's'} with fewer than {question.min_group} units in some "
            "metric: listed there, not judged"
        )
    if question.reference is not None and not any(result.against == question.reference for result in results):
        notes.append(
            f"no grouping has a group {question.reference} that is large enough: groups stand against the rest"
        )
    missing = [(result, row.value.unscored) for result in results for row in result.groups if row.value.unscored]
    if missing:
        notes.append(
            "units without a value are left out; where groups lack values unequally, the rest cannot be compared"
        )
    return notes
