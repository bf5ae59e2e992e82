"""Gates and comparisons on tiered figures: the same Evidence that plain metrics give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from assay.core.records import Estimate
from assay.engine.cascade.compare import tiered_segments
from assay.engine.cascade.estimate import tiered_estimate
from assay.engine.cascade.figure import meant
from assay.engine.cascade.kept import KeptTiers, difference
from assay.engine.paired_metric import MetricComparison, verdict_of
from assay.engine.wording import scale_of
from assay.stats.evidence import Evidence
from assay.stats.special import normal_quantile

MOST_CONFIDENCE = 1.0 - 1e-12


def tiered_evidence(kept: KeptTiers, *, within: Sequence[bool] | None = None) -> Evidence:
    """Evidence on a run's tiered figure, or on the part of its samples that lies ``within``."""

    def estimate(confidence: float) -> Estimate:
        question = replace(kept.question(), confidence=confidence)
        if within is None:
            return meant(tiered_estimate(kept.tiers, question=question), kept.speaks_of)
        return meant(tiered_segments(kept.tiers, within, question=question)[True], kept.speaks_of)

    return by_inversion(estimate)


def difference_evidence(before: KeptTiers, after: KeptTiers) -> Evidence:
    """Evidence on the difference of two runs' figures, on the samples both have."""

    def estimate(confidence: float) -> Estimate:
        for kept in (before, after):
            found = meant(tiered_estimate(kept.tiers, question=kept.question()), kept.speaks_of)
            if found.value is None:
                return replace(found, confidence=confidence)
        return difference(before, after, confidence=confidence)

    return by_inversion(estimate)


def by_inversion(estimate: Callable[[float], Estimate]) -> Evidence:
    """Evidence from intervals alone: the p-value against a value is 1 less the confidence at which a bound reaches it.

    So no p-value can contradict the interval beside it, whichever method made that.
    """
    first = estimate(0.95)
    if first.value is None or first.low is None or first.high is None:
        return Evidence(estimate=estimate, score=None, n=first.n)
    value = first.value

    def score(threshold: float) -> float:
        if threshold == value:
            return 0.0
        below = threshold < value
        least, most = 0.0, MOST_CONFIDENCE
        for _ in range(45):
            confidence = 0.5 * (least + most)
            found = estimate(confidence)
            bound = found.low if below else found.high
            reached = bound is None or (bound <= threshold if below else bound >= threshold)
            least, most = (least, confidence) if reached else (confidence, most)
        distance = normal_quantile(0.5 + 0.5 * least)
        return distance if below else -distance

    return Evidence(estimate=estimate, score=score, n=first.n)


def compare_tiers(
    before: KeptTiers,
    after: KeptTiers,
    *,
    higher_is_better: bool | None,
    confidence: float,
    margin: float,
    label: str = "B",
) -> MetricComparison:
    """The tiered figure of two runs, as every other metric is compared; ``p_adjusted`` is filled by ``adjusted``."""
    evidence = difference_evidence(before, after)
    found = evidence.estimate(confidence)
    verdict = verdict_of(found, higher_is_better, margin)
    above, below = evidence.p_above(0.0), evidence.p_below(0.0)
    first, second = (
        meant(tiered_estimate(kept.tiers, question=replace(kept.question(), confidence=confidence)), kept.speaks_of)
        for kept in (before, after)
    )
    return MetricComparison(
        name=after.metric,
        baseline=first,
        candidate=second,
        difference=found,
        p_value=None if above is None or below is None else min(1.0, 2.0 * min(above, below)),
        test=found.method,
        effect_size=Estimate(
            value=None,
            low=None,
            high=None,
            n=found.n,
            method="none",
            confidence=confidence,
            reason="verdicts known on a part of the samples have no standardised effect",
        ),
        verdict=verdict,
        sentence=_sentence(after.metric, found, verdict, margin, label),
        higher_is_better=higher_is_better,
    )


def _sentence(name: str, found: Estimate, verdict: str, margin: float, label: str) -> str:
    n = f"n = {found.n:,} verdicts of the top tier"
    if found.value is None or found.low is None or found.high is None:
        return f"{name} undecided: {found.reason}, {n}"
    scale = scale_of(found)
    between = f"the difference lies between {scale.amount(found.low)} and {scale.named(found.high)}"
    if verdict in ("better", "worse"):
        near, far = sorted((abs(found.low), abs(found.high)))
        by = f"{scale.named(abs(found.value))} ({scale.amount(near)} to {scale.amount(far)})"
        return f"{label} is {verdict} on {name} by {by}, {n}"
    if verdict == "equivalent":
        return f"{name} equivalent: {between}, within ±{scale.target(margin)}, {n}"
    return f"{name} undecided: {between}, {n}"
