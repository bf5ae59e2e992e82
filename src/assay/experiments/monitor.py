"""Watching guardrails while an experiment runs: harm is called as soon as it is shown, however often one looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.codec import to_document
from assay.core.errors import ConfigError, DataError
from assay.core.records import Estimate
from assay.engine.wording import scale_of
from assay.experiments.effects import mixing
from assay.experiments.scan import ArmMoments, Scan
from assay.experiments.spec import Experiment, MetricSpec
from assay.stats.comparison.margins import moments_difference_evidence
from assay.stats.health.sequential_ratio import sequential_srm
from assay.stats.sequential.mixture import msprt

SCHEMA = "assay.monitor/1"
FIRST_LOOK = 100
"""Units an arm before harm is judged: the bounds hold in the limit of late first looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """One guardrail in one arm at one look.

    Attributes:
        estimate: Arm minus control, always valid, corrected for the number of guardrails and arms.
        breached: A loss beyond the margin is shown.
    """

    metric: str
    arm: str
    estimate: Estimate | None
    margin: float
    breached: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at the data said.

    Attributes:
        at: When it was, ISO 8601.
        counts: Randomised units by arm, since the start.
        split_p: Always-valid p-value of the planned split.
        halted: Whether the experiment must stop: a guardrail is breached, or the split is an alarm. It stays halted.
        why: Sentences, one a reason.
    """

    at: str
    counts: Mapping[str, int]
    split_p: float
    harms: Sequence[Harm]
    halted: bool
    why: Sequence[str]


def watch(scan: Scan, experiment: Experiment, *, at: str, before: Mapping[str, Any] | None = None) -> Look:
    """Look once, going on from the state the look before left.

    The error is shared: all guardrails in all arms together call a harm that is none with probability at most
    1 - confidence, at any number of looks.

    Args:
        at: The time of the look.
        before: ``to_document`` of the look before; ``None`` at the first.

    Raises:
        ConfigError: The experiment has no guardrail.
        DataError: ``before`` is of another experiment, or counts have fallen since.
    """
    guardrails = [metric for metric in experiment.metrics if metric.role == "guardrail"]
    if not guardrails:
        raise ConfigError(
            f"experiment {experiment.name} has no guardrail to watch",
            hint="give a metric role: guardrail and a margin",
            code="experiment.no_guardrail",
        )
    previous = before or {}
    seen = previous.get("counts", {})
    if any(scan.counts.get(arm, 0) < count for arm, count in seen.items()):
        raise DataError(
            f"there are fewer units than at the look of {previous.get('at')}",
            hint="give all data since the start; the state file was left as it was",
            code="experiment.shrunk",
        )
    split = sequential_srm([scan.counts], expected=experiment.arms, previous_p=float(previous.get("split_p", 1.0)))
    share = (1.0 - experiment.confidence) / (len(guardrails) * len(experiment.treatments))
    harms = [
        _harm(metric, arm, moments, experiment, confidence=1.0 - share)
        for metric in guardrails
        for moments in [scan.metric(metric)]
        for arm in experiment.treatments
    ]
    why = [harm.sentence for harm in harms if harm.breached]
    if split.verdict == "alarm":
        why.append(f"the split is not the planned one (p = {split.p_value:.2g}): units are lost or doubled")
    if previous.get("halted") and not why:
        why = [f"halted at {previous.get('at')}: {reason}" for reason in previous.get("why", [])]
    return Look(
        at=at, counts=scan.counts, split_p=float(split.p_value or 0.0), harms=harms, halted=bool(why), why=why
    )  # fmt: skip


def state_of(look: Look, experiment: Experiment) -> dict[str, Any]:
    """What is kept between looks."""
    return {
        "schema": SCHEMA,
        "experiment": experiment.name,
        "fingerprint": experiment.fingerprint(),
        **to_document(look),
    }


def checked_state(stored: Mapping[str, Any], experiment: Experiment) -> Mapping[str, Any]:
    """A stored state, if it is this experiment's.

    Raises:
        DataError: It is another experiment's, or the experiment was changed since.
    """
    if stored.get("schema") != SCHEMA or stored.get("fingerprint") != experiment.fingerprint():
        raise DataError(
            f"the state is that of {stored.get('experiment', 'something else')}, or {experiment.name} was changed "
            "since it was written; it was left as it was",
            hint="keep one state file an experiment; start a new one when the experiment is changed",
            code="experiment.other_state",
        )
    return stored


def _harm(
    metric: MetricSpec, arm: str, moments: Mapping[str, ArmMoments], experiment: Experiment, *, confidence: float
) -> Harm:
    control, treated = moments[experiment.control], moments[arm]
    found = moments_difference_evidence(control.outcome, treated.outcome, unit=metric.unit).estimate(confidence)
    too_few = min(control.outcome.count, treated.outcome.count) < FIRST_LOOK
    if too_few or found.value is None or not found.std_error:
        why = f"fewer than {FIRST_LOOK} units in an arm" if too_few else found.reason
        return Harm(
            metric=metric.name, arm=arm, estimate=None, margin=metric.margin, breached=False,
            sentence=f"{arm} on {metric.name}: not judged yet, {why}",
        )  # fmt: skip
    estimate = msprt(
        [found.value], [found.std_error], n=[found.n], mixing_std_dev=mixing(metric, control), confidence=confidence,
        unit=metric.unit,
    ).final()  # fmt: skip
    assert estimate.low is not None and estimate.high is not None
    best = estimate.high if metric.higher_is_better else -estimate.low
    breached = best < -metric.margin
    scale = scale_of(estimate)
    interval = f"{scale.named(found.value)} ({scale.amount(estimate.low)} to {scale.amount(estimate.high)})"
    sentence = (
        f"{arm} harms {metric.name} beyond the margin of {scale.target(metric.margin)}: {interval}"
        if breached
        else f"{arm} on {metric.name}: no harm beyond {scale.target(metric.margin)} is shown, {interval}"
    )
    return Harm(
        metric=metric.name, arm=arm, estimate=estimate, margin=metric.margin, breached=breached, sentence=sentence
    )  # fmt: skip
