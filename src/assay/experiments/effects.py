"""One metric, one arm against the control: the effect three ways, and what the metric's role makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from assay.core.records import Estimate
from assay.engine.wording import scale_of
from assay.experiments.scan import ArmMoments
from assay.experiments.spec import Experiment, MetricSpec
from assay.stats.adjustment.cuped import cuped
from assay.stats.adjustment.result import AdjustedDifference
from assay.stats.bayes.answers import BayesDifference, BayesQuestion
from assay.stats.bayes.compare import bayes_counts, bayes_means, bayes_rates
from assay.stats.comparison.margins import moments_difference_evidence
from assay.stats.comparison.share_scores import share_difference_evidence
from assay.stats.evidence import Evidence
from assay.stats.sequential.mixture import msprt

Verdict = Literal["better", "worse", "undecided", "pass", "fail", "inconclusive"]
TYPICAL_EFFECT_SD = 0.1
"""Size of effect, in standard deviations of the metric, that always-valid intervals are tuned for when none is named.
Any value keeps them valid; this one finds the effects that experiments on live traffic mostly have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one arm did to one metric.

    Attributes:
        control_level: The control's value of the metric.
        arm_level: The arm's.
        difference: Arm minus control; with covariates, adjusted by CUPED.
        unadjusted: Without them; the same Estimate where there are none.
        variance_ratio: Adjusted over unadjusted variance, ``None`` without covariates.
        p_value: Of no difference, two-sided.
        p_adjusted: Holm over the effects of the same role; ``None`` for guardrails, all of which must pass.
        always_valid: Interval that holds however often the data are looked at.
        always_valid_p: Its p-value.
        bayes: Probability of being better, expected losses, credible interval.
        verdict: By the rule that the experiment's ``stopping`` names. Guardrails: ``pass`` when a loss beyond the
            margin is excluded, ``fail`` when one is shown, else ``inconclusive``.
        missing: Units without a value, by arm.
        warnings: What speaks against the figures.
    """

    metric: str
    role: str
    arm: str
    unit: str
    n: Mapping[str, int]
    control_level: float
    arm_level: float
    difference: Estimate
    unadjusted: Estimate
    variance_ratio: float | None
    p_value: float | None
    p_adjusted: float | None = None
    always_valid: Estimate | None
    always_valid_p: float | None
    bayes: BayesDifference | None
    verdict: Verdict
    sentence: str
    missing: Mapping[str, int]
    warnings: tuple[str, ...] = ()


def effect_of(metric: MetricSpec, arm: str, moments: Mapping[str, ArmMoments], experiment: Experiment) -> Effect:
    """The effect of one arm on one metric."""
    control, treated = moments[experiment.control], moments[arm]
    adjusted = _adjusted(metric, control, treated, experiment)
    evidence = _evidence(metric, control, treated)
    plain = evidence.estimate(experiment.confidence)
    difference = adjusted.difference if adjusted else plain
    p_value = adjusted.p_value if adjusted else _two_sided(evidence)
    always, always_p = _always_valid(metric, difference, control, experiment)
    deciding = always if experiment.stopping == "sequential" else difference
    verdict = _verdict(metric, deciding)
    return Effect(
        metric=metric.name,
        role=metric.role,
        arm=arm,
        unit=metric.unit,
        n={experiment.control: control.outcome.count, arm: treated.outcome.count},
        control_level=control.level,
        arm_level=treated.level,
        difference=difference,
        unadjusted=plain,
        variance_ratio=adjusted.variance_ratio if adjusted else None,
        p_value=p_value,
        always_valid=always,
        always_valid_p=always_p,
        bayes=_bayes(metric, control, treated, arm, experiment),
        verdict=verdict,
        sentence=_sentence(metric, arm, experiment, deciding, verdict),
        missing={experiment.control: control.missing, arm: treated.missing},
        warnings=_warnings(metric, control, treated, adjusted),
    )


def corrected(effect: Effect, p_adjusted: float | None, experiment: Experiment) -> Effect:
    """The effect after correction for how many were looked at: what is no longer significant is undecided."""
    decided = effect.verdict in ("better", "worse")
    if p_adjusted is None or not decided or p_adjusted <= 1.0 - experiment.confidence:
        return replace(effect, p_adjusted=p_adjusted)
    return replace(
        effect,
        p_adjusted=p_adjusted,
        verdict="undecided",
        sentence=f"{effect.sentence}; undecided once the other comparisons are counted (adjusted p {p_adjusted:.2g})",
    )


def _adjusted(
    metric: MetricSpec, control: ArmMoments, treated: ArmMoments, experiment: Experiment
) -> AdjustedDifference | None:
    if control.joint is None or treated.joint is None:
        return None
    return cuped(control.joint, treated.joint, confidence=experiment.confidence, unit=metric.unit)


def _evidence(metric: MetricSpec, control: ArmMoments, treated: ArmMoments) -> Evidence:
    sides = (control.outcome, treated.outcome)
    if metric.kind == "share" and all(side.all_binary for side in sides):
        return share_difference_evidence(*(number for side in sides for number in (side.ones, side.count)))
    return moments_difference_evidence(*sides, unit=metric.unit)


def _two_sided(evidence: Evidence) -> float | None:
    above, below = evidence.p_above(0.0), evidence.p_below(0.0)
    return None if above is None or below is None else min(1.0, 2.0 * min(above, below))


def _always_valid(
    metric: MetricSpec, difference: Estimate, control: ArmMoments, experiment: Experiment
) -> tuple[Estimate | None, float | None]:
    if difference.value is None or not difference.std_error:
        return None, None
    found = msprt(
        [difference.value],
        [difference.std_error],
        n=[difference.n],
        mixing_std_dev=mixing(metric, control),
        confidence=experiment.confidence,
        unit=metric.unit,
    )
    return found.final(), None if found.p_value is None else float(found.p_value[-1])


def mixing(metric: MetricSpec, control: ArmMoments) -> float:
    """Size of effect that the always-valid interval is tuned for."""
    if metric.minimum_effect:
        return abs(metric.minimum_effect)
    outcome = control.outcome
    spread = (outcome.m2 / max(outcome.count - 1, 1)) ** 0.5
    return TYPICAL_EFFECT_SD * spread if spread > 0.0 else 1.0


def _bayes(
    metric: MetricSpec, control: ArmMoments, treated: ArmMoments, arm: str, experiment: Experiment
) -> BayesDifference | None:
    sides = {experiment.control: control.outcome, arm: treated.outcome}
    question = BayesQuestion(
        control=experiment.control,
        confidence=experiment.confidence,
        rope=(-metric.margin, metric.margin) if metric.margin else None,
        better="higher" if metric.higher_is_better else "lower",
        unit=metric.unit,
    )
    if min(side.count for side in sides.values()) < 2:
        return None
    if metric.kind == "share" and all(side.all_binary for side in sides.values()):
        found = bayes_rates({name: (side.ones, side.count) for name, side in sides.items()}, question=question)
    elif metric.kind == "count" and experiment.cluster is None and metric.cap is None:
        events = {name: (round(side.mean * side.count), float(side.count)) for name, side in sides.items()}
        found = bayes_counts(events, question=question)
    elif min(side.m2 for side in sides.values()) > 0.0:
        found = bayes_means(sides, question=question)
    else:
        return None
    return found.differences[0]


def _verdict(metric: MetricSpec, deciding: Estimate | None) -> Verdict:
    """From the interval alone, so that it can never contradict it."""
    guardrail = metric.role == "guardrail"
    if deciding is None or deciding.low is None or deciding.high is None:
        return "inconclusive" if guardrail else "undecided"
    worst, best = (deciding.low, deciding.high) if metric.higher_is_better else (-deciding.high, -deciding.low)
    if guardrail:
        return "pass" if worst > -metric.margin else "fail" if best < -metric.margin else "inconclusive"
    return "better" if worst > 0.0 else "worse" if best < 0.0 else "undecided"


def _sentence(metric: MetricSpec, arm: str, experiment: Experiment, deciding: Estimate | None, verdict: Verdict) -> str:
    against = f"than {experiment.control} on {metric.name}"
    if deciding is None or deciding.value is None or deciding.low is None or deciding.high is None:
        why = "there is too little to judge" if deciding is None else deciding.reason
        return f"{arm} cannot be compared with {experiment.control} on {metric.name}: {why}"
    scale = scale_of(deciding)
    interval = f"({scale.amount(deciding.low)} to {scale.amount(deciding.high)})"
    loss = f"a loss of {scale.target(metric.margin)}" if metric.margin else "any loss"
    shown = scale.named(deciding.value)
    return {
        "better": f"{arm} is better {against}: the difference is {shown} {interval}",
        "worse": f"{arm} is worse {against}: the difference is {shown} {interval}",
        "undecided": f"undecided whether {arm} is better {against}: the difference is {shown} {interval}",
        "pass": f"{arm} loses less than {scale.target(metric.margin)} on {metric.name}: {shown} {interval}",
        "fail": f"{arm} harms {metric.name} by more than the margin: {shown} {interval}",
        "inconclusive": f"{arm} may harm {metric.name}: {loss} is not excluded, {shown} {interval}",
    }[verdict]


def _warnings(
    metric: MetricSpec, control: ArmMoments, treated: ArmMoments, adjusted: AdjustedDifference | None
) -> tuple[str, ...]:
    warnings = list(adjusted.warnings) if adjusted else []
    counts = [(side.missing, side.missing + side.outcome.count) for side in (control, treated)]
    if any(missing for missing, _ in counts):
        p_value = _two_sided(share_difference_evidence(*(number for pair in counts for number in pair)))
        if p_value is not None and p_value < 0.01:
            warnings.append(
                f"{metric.name} is missing more often in one arm ({counts[0][0]:,} of {counts[0][1]:,} against "
                f"{counts[1][0]:,} of {counts[1][1]:,}): those who remain cannot be compared"
            )
    if metric.cap is not None:
        warnings.append(f"{metric.name} is capped at {metric.cap:g}: the figures speak of capped values")
    return tuple(warnings)
