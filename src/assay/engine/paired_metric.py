"""One metric of two runs: difference, test, effect size, verdict and the sentence that says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from assay.core.records import Estimate
from assay.engine.pairing import Pairs, Part
from assay.engine.wording import scale_of
from assay.stats.design.simple import n_for_half_width, n_for_power, nice_step_below
from assay.stats.effect import cohens_dz, discordant_odds_ratio
from assay.stats.evidence import Evidence
from assay.stats.moments import Moments
from assay.stats.multiplicity.adjusted import holm
from assay.stats.paired import mcnemar
from assay.stats.scalar import mean_estimate
from assay.stats.strata import stratified_dz, stratified_mean_evidence

POWER = 0.8


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
        test: ``mcnemar-exact``, ``paired-t``, ``paired-cluster-t``, ``sign-exact`` (all differences equal), or
            ``stratified-…`` with the interval that was inverted, where strata are weighed.
        effect_size: Discordant odds ratio for 0/1 verdicts, else Cohen's d_z (also where strata are weighed).
        verdict: ``better``, ``worse``, ``equivalent`` (interval within ± margin) or ``undecided``; it follows the
            interval of ``difference``. Where neither direction is better it is never better or worse.
        only_baseline: Samples only the baseline run has; likewise ``only_candidate``.
        unscored: Shared samples without a score on a side.
        strata: ``{"n", "share"}`` of the critical and the ordinary pairs, where a limit drew only a part of the
            ordinary samples: ``share`` is what they are of the dataset, and weigh. ``None`` where nothing is weighed.
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
    strata: Mapping[str, Mapping[str, float]] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; ``strata`` only where they are weighed."""
        estimates = ("baseline", "candidate", "difference", "effect_size")
        plain = ("p_value", "p_adjusted", "test", "verdict", "sentence", "only_baseline", "only_candidate", "unscored")
        weighed = {} if self.strata is None else {"strata": self.strata}
        return (
            {name: getattr(self, name).to_dict() for name in estimates} | {n: getattr(self, n) for n in plain} | weighed
        )


def compare_metric(
    name: str, pairs: Pairs, facts: ScorerFacts, *, confidence: float, margin: float = 0.0, label: str = "B"
) -> MetricComparison:
    """Compare one metric; ``p_adjusted`` is filled by ``adjusted`` once all metrics are known."""
    evidence = pairs.evidence(facts.unit)
    difference = evidence.estimate(confidence)
    verdict = verdict_of(difference, facts.higher_is_better, margin)
    p_value, test = two_sided_test(pairs, evidence, facts.unit)
    strata = pairs.strata()
    return MetricComparison(
        name=name,
        baseline=_side(pairs, pairs.baseline, facts.unit, confidence),
        candidate=_side(pairs, pairs.candidate, facts.unit, confidence),
        difference=difference,
        p_value=p_value,
        test=test,
        effect_size=_effect_size(pairs, facts.unit, confidence),
        verdict=verdict,
        sentence=_sentence(name, pairs, evidence, difference, verdict, facts, margin, label)
        + weighing(strata)
        + _left_out(pairs),
        higher_is_better=facts.higher_is_better,
        only_baseline=pairs.only_baseline,
        only_candidate=pairs.only_candidate,
        unscored=pairs.unscored,
        strata=None if strata is None else {n: {"n": len(p.rows), "share": p.share} for n, p in strata.items()},
    )


def weighing(strata: Mapping[str, Part] | None) -> str:
    """How strata were weighed, for the end of a sentence; nothing where they were not.

    Examples:
        >>> weighing({"critical": Part(range(30), 0.003), "ordinary": Part(range(1200), 0.997)})
        ' (weighed as in the dataset: 30 critical count 0.3 %, 1,200 ordinary 99.7 %)'
    """
    if strata is None:
        return ""
    (first, critical), (second, ordinary) = strata.items()
    return (
        f" (weighed as in the dataset: {len(critical.rows):,} {first} count {100.0 * critical.share:.3g} %, "
        f"{len(ordinary.rows):,} {second} {100.0 - float(f'{100.0 * critical.share:.3g}'):.6g} %)"
    )


def verdict_of(difference: Estimate, higher_is_better: bool | None, margin: float) -> str:
    """``equivalent`` inside ± margin, else better or worse when the interval excludes 0, else undecided."""
    if difference.low is None or difference.high is None:
        return "undecided"
    if margin > 0.0 and -margin <= difference.low and difference.high <= margin:
        return "equivalent"
    if higher_is_better is None or difference.low <= 0.0 <= difference.high:
        return "undecided"
    return "better" if (difference.low > 0.0) == higher_is_better else "worse"


def two_sided_test(pairs: Pairs, evidence: Evidence, unit: str) -> tuple[float | None, str]:
    """P-value of no difference, and the name of the test."""
    differences = pairs.differences
    weighed = pairs.strata() is not None
    if differences and not weighed and pairs.binary(unit) and not pairs.clustered():
        gained, lost = pairs.flips()
        return mcnemar(len(gained), len(lost)).exact, "mcnemar-exact"
    method = evidence.estimate(0.95).method
    if differences and not weighed and max(differences) - min(differences) <= 1e-12 * max(abs(differences[0]), 1e-300):
        if differences[0] == 0.0:
            return 1.0, "sign-exact"
        if len(differences) > 1:
            return min(1.0, 2.0 * 0.5 ** Moments.of(differences, pairs.clusters).n_clusters), "sign-exact"
    above, below = evidence.p_above(0.0), evidence.p_below(0.0)
    test = method if method.startswith(("paired", "stratified")) else "paired-t"
    return (None if above is None or below is None else min(1.0, 2.0 * min(above, below))), test


def _side(pairs: Pairs, values: Sequence[float], unit: str, confidence: float) -> Estimate:
    strata = pairs.strata()
    if strata is not None:
        parts = {
            name: Moments.of([values[row] for row in part.rows], pairs.clusters_of(part))
            for name, part in strata.items()
        }
        shares = {name: part.share for name, part in strata.items()}
        evidence = stratified_mean_evidence(parts, weights=shares, unit=unit, unscored=pairs.unscored)
        return evidence.estimate(confidence)
    moments = Moments.of(values, pairs.clusters)
    return mean_estimate(moments, confidence=confidence, unit=unit, unscored=pairs.unscored)


def _effect_size(pairs: Pairs, unit: str, confidence: float) -> Estimate:
    strata = pairs.strata()
    if strata is not None:
        differences = pairs.differences
        return stratified_dz(
            {name: [differences[row] for row in part.rows] for name, part in strata.items()},
            weights={name: part.share for name, part in strata.items()},
            clusters={name: found for name, part in strata.items() if (found := pairs.clusters_of(part)) is not None},
            confidence=confidence,
        )
    if pairs.ids and pairs.binary(unit) and not pairs.clustered():
        gained, lost = pairs.flips()
        return discordant_odds_ratio(len(gained), len(lost), n=len(pairs.ids), confidence=confidence)
    return cohens_dz(pairs.differences, clusters=pairs.clusters, confidence=confidence)


def _sentence(
    name: str,
    pairs: Pairs,
    evidence: Evidence,
    difference: Estimate,
    verdict: str,
    facts: ScorerFacts,
    margin: float,
    label: str,
) -> str:
    value, low, high, paired = difference.value, difference.low, difference.high, f"n = {difference.n:,} paired"
    if value is None:
        return f"{name} undecided: {difference.reason}"
    scale = scale_of(difference)
    if difference.n > 1 and not any(pairs.differences):
        same = f"no difference on {name}: both score the same on all {difference.n:,} paired samples"
        return same if high is None else f"{same}, and more than ±{scale.named(high)} is ruled out"
    if low is None or high is None:
        return (
            f"{name} undecided: the difference is {scale.named(value)}, without bounds ({difference.reason}), {paired}"
        )
    if verdict in ("better", "worse"):
        near, far = sorted((abs(low), abs(high)))
        return (
            f"{label} is {verdict} on {name} by {scale.named(abs(value))} "
            f"({scale.amount(near)} to {scale.amount(far)}), {paired}"
        )
    between = f"the difference lies between {scale.amount(low)} and {scale.named(high)}"
    if verdict == "equivalent":
        return f"{name} equivalent: {between}, within ±{scale.target(margin)}, {paired}"
    if low > 0.0 or high < 0.0:
        return f"{name} differs: {between} (neither direction is better), {paired}"
    return f"{name} undecided: {between}{_needs(evidence, difference, margin)}, {paired}"


def _needs(evidence: Evidence, difference: Estimate, margin: float) -> str:
    """How many more samples would settle it: for a narrower interval, and for 80 % power."""
    confidence, scale = difference.confidence, scale_of(difference)
    deviation = evidence.std_dev(confidence)
    if deviation is None or difference.low is None or difference.high is None or difference.high <= difference.low:
        return ""
    half = 0.5 * (difference.high - difference.low)
    target = margin if 0.0 < margin < half else nice_step_below(half)
    narrow = n_for_half_width(std_dev=deviation, half_width=target, confidence=confidence) - difference.n
    power = n_for_power(std_dev=deviation, difference=target, power=POWER, confidence=confidence) - difference.n
    return (
        f"; {max(narrow, 1):,} more samples would narrow it to ±{scale.plain(target)}, "
        f"{max(power, 1):,} more would detect {scale.target(target)} with {POWER:.0%} power".replace("%", " %")
    )


def _left_out(pairs: Pairs) -> str:
    parts = []
    if pairs.unscored:
        parts.append(f"{pairs.unscored:,} shared without a score on one side")
    if pairs.only_baseline or pairs.only_candidate:
        parts.append(f"{pairs.only_baseline + pairs.only_candidate:,} in one run only")
    return f" (left out: {', '.join(parts)})" if parts else ""


def adjusted(found: Mapping[str, MetricComparison], confidence: float) -> dict[str, MetricComparison]:
    """The metrics with Holm's p-values; a sentence that claims a difference says when they disagree with it."""
    tested = {name: metric.p_value for name, metric in found.items() if metric.p_value is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    result = {}
    for name, metric in found.items():
        p = corrected.get(name)
        sentence = metric.sentence
        if metric.verdict in ("better", "worse") and p is not None and p > 1.0 - confidence:
            doubt = f"after Holm's correction over {len(tested)} metrics" if len(tested) > 1 else "by the exact test"
            sentence += f"; {doubt} p = {p:.2g}, so do not rely on it alone"
        result[name] = replace(metric, p_adjusted=p, sentence=sentence)
    return result
