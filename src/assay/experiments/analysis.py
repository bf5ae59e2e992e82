"""The analysis of an experiment, in the order in which it may be believed: split first, then effects, then segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from assay.core.records import Estimate
from assay.experiments.effects import Effect, corrected, effect_of, mixing
from assay.experiments.registry import Registration
from assay.experiments.scan import ArmMoments, Scan
from assay.experiments.spec import Experiment, MetricSpec
from assay.stats.adjustment.cells import StratumTable
from assay.stats.comparison.margins import moments_difference_evidence
from assay.stats.health.ratio import SampleRatio, srm_test
from assay.stats.health.simpson import SimpsonReport, simpson_from_tables
from assay.stats.moments import Moments
from assay.stats.multiplicity.adjusted import holm
from assay.stats.sequential.mixture import msprt
from assay.stats.sequential.result import ConfidenceSequence

MOST_CELLS = 200
"""A segment column with more values is an identifier, not a segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffect:
    """The primary metric's effect among the units of one segment.

    Attributes:
        difference: Arm minus control there; the interval is for one segment by itself.
        p_adjusted: Holm over every segment of every column and arm.
    """

    column: str
    value: str
    arm: str
    n: int
    difference: Estimate
    p_value: float | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the primary metric's always-valid interval narrowed, look by look."""

    arm: str
    times: Sequence[str]
    sequence: ConfidenceSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything that is said about an experiment.

    Attributes:
        sample_ratio: Looked at first.
        trustworthy: False when the split is an alarm: no figure below it means anything then.
        counts: Randomised units by arm.
        unassigned: Rows that name no arm.
        effects: Primary first, then secondary, then guardrails.
        deviations: What differs from the pre-registration; ``None`` when nothing was registered.
        sentence: The finding in words.
    """

    name: str
    fingerprint: str
    sample_ratio: SampleRatio
    trustworthy: bool
    counts: Mapping[str, int]
    unassigned: Mapping[str, int]
    effects: Sequence[Effect]
    segments: Sequence[SegmentEffect]
    simpson: Mapping[str, SimpsonReport]
    courses: Sequence[Course]
    registered_at: str | None
    deviations: Sequence[str] | None
    warnings: Sequence[str]
    sentence: str


def analyze(scan: Scan, experiment: Experiment, *, registration: Registration | None = None) -> Analysis:
    """Analyse an experiment's data.

    Primary effects are corrected over the treatments, secondary ones over treatments and metrics (Holm); every
    guardrail must pass by itself. The verdicts follow the interval that ``stopping`` names.

    Raises:
        DataError: The data do not fit the experiment (see ``Scan``).
    """
    ratio = srm_test(scan.counts, expected=experiment.arms, confidence=experiment.confidence)
    moments = {metric.name: scan.metric(metric) for metric in experiment.metrics}
    order = sorted(experiment.metrics, key=lambda metric: ("primary", "secondary", "guardrail").index(metric.role))
    effects = [
        effect_of(metric, arm, moments[metric.name], experiment) for metric in order for arm in experiment.treatments
    ]
    effects = _corrected(effects, experiment)
    primary = experiment.primary
    cells = {column: scan.cells(primary, [column]) for column in experiment.segments}
    usable = [column for column, found in cells.items() if 1 < len(found) <= MOST_CELLS]
    pairs = {" × ".join(pair): scan.cells(primary, pair) for pair in combinations(usable, 2)}
    deviations = None if registration is None else registration.deviations(experiment)
    return Analysis(
        name=experiment.name,
        fingerprint=experiment.fingerprint(),
        sample_ratio=ratio,
        trustworthy=ratio.verdict != "alarm",
        counts=scan.counts,
        unassigned=scan.unassigned,
        effects=effects,
        segments=_segments({column: scan.cells(primary, [column], within=True) for column in usable}, experiment),
        simpson=_simpson({**{column: cells[column] for column in usable}, **pairs}, experiment),
        courses=_courses(scan, moments[primary.name], experiment),
        registered_at=None if registration is None else registration.registered_at,
        deviations=deviations,
        warnings=_warnings(scan, experiment, cells, effects),
        sentence=_sentence(experiment, ratio, effects, deviations),
    )


def _corrected(effects: Sequence[Effect], experiment: Experiment) -> list[Effect]:
    result = list(effects)
    for role in ("primary", "secondary"):
        places = [place for place, effect in enumerate(effects) if effect.role == role]
        key = "always_valid_p" if experiment.stopping == "sequential" else "p_value"
        known = [place for place in places if getattr(effects[place], key) is not None]
        adjusted = holm([getattr(effects[place], key) for place in known])
        for place, p_value in zip(known, adjusted, strict=True):
            result[place] = corrected(effects[place], p_value, experiment)
    return result


def _segments(cells: Mapping[str, Mapping[str, Mapping[str, Moments]]], experiment: Experiment) -> list[SegmentEffect]:
    found: list[tuple[str, str, str, int, Estimate, float | None]] = []
    unit = experiment.primary.unit
    for column, values in cells.items():
        for value, arms in values.items():
            for arm in experiment.treatments:
                sides = (arms.get(experiment.control, Moments()), arms.get(arm, Moments()))
                if min(side.count for side in sides) == 0:
                    continue
                evidence = moments_difference_evidence(*sides, unit=unit)
                above, below = evidence.p_above(0.0), evidence.p_below(0.0)
                p_value = None if above is None or below is None else min(1.0, 2.0 * min(above, below))
                n = sum(side.count for side in sides)
                found.append((column, value, arm, n, evidence.estimate(experiment.confidence), p_value))
    known = [row[5] for row in found if row[5] is not None]
    adjusted = iter(holm(known))
    return [
        SegmentEffect(
            column=column, value=value, arm=arm, n=n, difference=difference, p_value=p_value,
            p_adjusted=None if p_value is None else next(adjusted),
        )
        for column, value, arm, n, difference, p_value in found
    ]  # fmt: skip


def _simpson(
    cells: Mapping[str, Mapping[str, Mapping[str, Moments]]], experiment: Experiment
) -> dict[str, SimpsonReport]:
    if not cells:
        return {}
    reports = {}
    for arm in experiment.treatments:
        tables = {
            name: StratumTable.from_moments(
                {
                    value: (arms.get(experiment.control, Moments()), arms.get(arm, Moments()))
                    for value, arms in values.items()
                }
            )
            for name, values in cells.items()
        }
        reports[arm] = simpson_from_tables(
            tables, arms=(experiment.control, arm), confidence=experiment.confidence, unit=experiment.primary.unit
        )
    return reports


def _courses(scan: Scan, moments: Mapping[str, ArmMoments], experiment: Experiment) -> list[Course]:
    if experiment.time is None:
        return []
    primary = experiment.primary
    steps = scan.times(primary)
    return [
        course
        for arm in experiment.treatments
        if (course := _course(steps, primary, moments[experiment.control], experiment, arm)) is not None
    ]


def _course(
    steps: Mapping[str, Mapping[str, Moments]],
    metric: MetricSpec,
    control: ArmMoments,
    experiment: Experiment,
    arm: str,
) -> Course | None:
    times, values, errors, sizes = [], [], [], []
    sides = [Moments(), Moments()]
    for time, arms in steps.items():
        sides = [side + arms.get(name, Moments()) for side, name in zip(sides, (experiment.control, arm), strict=True)]
        if min(side.count for side in sides) < 2:
            continue
        found = moments_difference_evidence(*sides, unit=metric.unit).estimate(experiment.confidence)
        if found.value is not None and found.std_error:
            times.append(time)
            values.append(found.value)
            errors.append(found.std_error)
            sizes.append(found.n)
    if not times:
        return None
    sequence = msprt(
        values, errors, n=sizes, mixing_std_dev=mixing(metric, control), confidence=experiment.confidence,
        unit=metric.unit,
    )  # fmt: skip
    return Course(arm=arm, times=times, sequence=sequence)


def _warnings(
    scan: Scan, experiment: Experiment, cells: Mapping[str, Mapping[str, object]], effects: Sequence[Effect]
) -> list[str]:
    warnings = [line for effect in effects for line in effect.warnings]
    if scan.unassigned:
        named = ", ".join(f"{name} ({count:,})" for name, count in list(scan.unassigned.items())[:5])
        warnings.append(f"rows of no arm of this experiment were left out: {named}")
    for column, found in cells.items():
        if not 1 < len(found) <= MOST_CELLS:
            warnings.append(f"{column} has {len(found):,} values and was not used as a segment")
    smallest = min(scan.counts.values())
    if experiment.stopping == "fixed" and experiment.planned_n and smallest < experiment.planned_n:
        warnings.append(
            f"{smallest:,} units in the smallest arm of {experiment.planned_n:,} planned: a fixed design is looked at "
            "once, at its end"
        )
    if experiment.cluster is not None and any(metric.covariates for metric in experiment.metrics):
        warnings.append("covariates are not used where clusters were randomised")
    return list(dict.fromkeys(warnings))


def _sentence(
    experiment: Experiment, ratio: SampleRatio, effects: Sequence[Effect], deviations: Sequence[str] | None
) -> str:
    if ratio.verdict == "alarm":
        return f"do not trust this experiment: {ratio.sentence}"
    parts = [effect.sentence for effect in effects if effect.role == "primary"]
    failed = [effect.sentence for effect in effects if effect.verdict == "fail"]
    unclear = [effect.metric for effect in effects if effect.verdict == "inconclusive"]
    parts += failed
    if unclear:
        parts.append(f"harm is not excluded on {', '.join(dict.fromkeys(unclear))}")
    if ratio.verdict == "warning":
        parts.append(ratio.sentence)
    if deviations:
        ways = "1 way" if len(deviations) == 1 else f"{len(deviations)} ways"
        parts.append(f"the analysis departs from what was registered in {ways}")
    return "; ".join(parts)
