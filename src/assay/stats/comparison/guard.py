"""Means compared with the method that holds for these values, and the reason said: a guard on the normal approximation.

The choice, in this order:

- 0/1 values: the score interval; Fisher's test (or Clopper-Pearson's interval) where events are rare.
- a heavy tail: the mean has no finite variance, so no interval of it holds, the bootstrap's least of all; the answer is
  the trimmed mean, and the median and the capped mean stand beside it.
- few values: an exact permutation or sign-flip test.
- skew too large for n: the bootstrap-t.
- else Student's or Welch's t.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.stats.calibration.inputs import array_moments
from assay.stats.comparison.diagnosis import (
    FEW,
    RARE,
    VALUES_PER_SQUARED_SKEW,
    MeanDiagnosis,
    diagnose_mean,
    estimator_skewness,
)
from assay.stats.comparison.guard_answer import (
    GuardedAnswer,
    guarded,
    skew_sentence,
    tail_sentence,
    two_sided_p,
    unguarded,
)
from assay.stats.comparison.margins import welch_evidence
from assay.stats.comparison.permutation import permutation_test, sign_flip_test
from assay.stats.comparison.rank_tests import mann_whitney, wilcoxon_signed_rank
from assay.stats.comparison.result import Floats, TwoSamples, paired_values
from assay.stats.comparison.share_scores import share_difference
from assay.stats.comparison.studentised import bootstrap_t_test
from assay.stats.evidence import mean_evidence
from assay.stats.health.tables import two_by_two_p
from assay.stats.intervals.quantiles import quantile_difference, quantile_interval
from assay.stats.intervals.robust import (
    capped_mean,
    capped_mean_difference,
    trimmed_mean,
    trimmed_mean_difference,
)
from assay.stats.intervals.shares import clopper_pearson
from assay.stats.intervals.two_sample_bootstrap import studentised_bootstrap_mean
from assay.stats.paired import mcnemar, tango
from assay.stats.scalar import mean_estimate
from assay.stats.special import check_confidence
from assay.stats.strata import inverted_evidence

CAP_QUANTILE = 0.99
REPEATS = 1_999


def guarded_mean(
    values: npt.ArrayLike, *, rng: np.random.Generator, confidence: float = 0.95, unit: str = "score"
) -> GuardedAnswer:
    """A mean with the interval that holds for these values; see the top of this module for how it is chosen.

    Args:
        values: Shape ``(n,)``, finite and independent.
        rng: Used by the bootstrap and the sampled sign flips only.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Raises:
        InvalidInputError: Not a vector of finite numbers.

    Sources:
        As ``diagnosis.diagnose_mean`` and the method that is named; on the bootstrap under infinite variance: Athreya
        (1987), Annals of Statistics 15, 724-731.

    Examples:
        >>> wages = (1 - np.random.default_rng(1).random(500)) ** (-1 / 1.2)
        >>> found = guarded_mean(wages, rng=np.random.default_rng(2))
        >>> found.triggers, found.method, found.textbook.low
        (('heavy tail',), 'trimmed-t', None)
    """
    check_confidence(confidence)
    diagnosis = diagnose_mean(values)
    data = np.asarray(values, dtype=np.float64)
    if diagnosis.binary:
        usual = mean_evidence(array_moments(data, None), unit="share").estimate(confidence)
        if not diagnosis.rare:
            return unguarded(usual, None, diagnosis)
        exact = clopper_pearson(int(data.sum()), data.size, confidence=confidence)
        why = f"{diagnosis.events} of {data.size:,} are the rarer outcome: below {RARE} only an exact interval holds"
        return guarded(exact, None, "rare events", why, usual, diagnosis)
    usual = mean_estimate(array_moments(data, None), confidence=confidence, unit=unit)
    if diagnosis.heavy_tail:
        return _heavy_mean(data, diagnosis, confidence, unit)
    if diagnosis.few:
        flipped = sign_flip_test(np.zeros(data.size), data, rng=rng, confidence=confidence, unit=unit)
        why = f"{data.size} values are too few to judge their shape; exact for values symmetric about their centre"
        return guarded(flipped.effect, None, "few values", why, usual, diagnosis)
    if data.size < diagnosis.n_needed:
        found = studentised_bootstrap_mean(data, rng=rng, confidence=confidence, repeats=REPEATS, unit=unit)
        why = skew_sentence(diagnosis.skewness, diagnosis.n_needed, data.size)
        return guarded(found, None, "skew", why, usual, diagnosis)
    return unguarded(usual, None, diagnosis)


def compare_groups(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    paired: bool = False,
    confidence: float = 0.95,
    unit: str = "score",
) -> GuardedAnswer:
    """Two groups' means compared by the method that holds for these values; never chosen silently.

    Args:
        baseline: Shape ``(n,)``, finite and independent.
        candidate: Shape ``(m,)``, or ``(n,)`` in the same order of samples when paired.
        rng: Used by the bootstrap and sampled relabellings only.
        paired: Whether the samples are shared.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        Candidate minus baseline. See the top of this module for the choice, which looks at the values but not at the
        difference between the groups.

    Raises:
        InvalidInputError: A side is not a vector of two or more finite numbers, or paired lengths differ.

    Sources:
        As ``guarded_mean``.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> found = compare_groups(rng.normal(size=400), rng.normal(size=400) + 1.0, rng=rng)
        >>> found.method, found.triggers
        ('welch', ())
        >>> compare_groups([0] * 99 + [1], [0] * 94 + [1] * 6, rng=rng).triggers
        ('rare events',)
    """
    check_confidence(confidence)
    if paired:
        return _compare_paired(baseline, candidate, rng, confidence, unit)
    old, new = TwoSamples.of(baseline, candidate, at_least=2)
    both = (diagnose_mean(old), diagnose_mean(new))
    if all(one.binary for one in both):
        return _compare_shares(old, new, both, confidence)
    evidence = welch_evidence(old, new, unit=unit)
    usual = evidence.estimate(confidence)
    if any(one.heavy_tail for one in both):
        return _heavy_difference(old, new, both, confidence, unit)
    if any(one.few for one in both):
        found = permutation_test(old, new, rng=rng, confidence=confidence, unit=unit)
        why = f"a side has fewer than {FEW} values: too few to judge their shape; exact when labels are exchangeable"
        answer = replace(found.effect, method=found.method)
        return guarded(answer, found.p_value, "few values", why, usual, *both)
    skewness = estimator_skewness([new, old], [1.0, -1.0])
    if VALUES_PER_SQUARED_SKEW * skewness**2 > 1.0:
        found = bootstrap_t_test(old, new, rng=rng, confidence=confidence, repeats=REPEATS, unit=unit)
        n = old.size + new.size
        why = skew_sentence(skewness * math.sqrt(n), VALUES_PER_SQUARED_SKEW * skewness**2 * n, n)
        return guarded(found.effect, found.p_value, "skew", why, usual, *both)
    return unguarded(usual, two_sided_p(evidence), *both)


def _compare_paired(
    baseline: npt.ArrayLike, candidate: npt.ArrayLike, rng: np.random.Generator, confidence: float, unit: str
) -> GuardedAnswer:
    old, new = TwoSamples.of(baseline, candidate, at_least=2)
    differences = paired_values(old, new)
    diagnosis = diagnose_mean(differences)
    n = differences.size
    if all(bool(np.isin(side, (0.0, 1.0)).all()) for side in (old, new)):
        gained, lost = int((differences > 0.0).sum()), int((differences < 0.0).sum())
        flips = mcnemar(gained, lost)
        answer = tango(n, gained, lost, confidence=confidence)
        if gained + lost >= 2 * RARE:
            return unguarded(answer, flips.mid, diagnosis, method="tango, mid-p McNemar")
        why = f"only {gained + lost} samples flipped: below {2 * RARE} McNemar's exact test is due"
        return guarded(answer, flips.exact, "rare events", why, answer, diagnosis, method="tango, exact McNemar")
    evidence = mean_evidence(array_moments(differences, None), unit="difference")
    usual = replace(evidence.estimate(confidence), unit=unit, method="paired-t")
    if diagnosis.heavy_tail:
        heavy = _heavy_mean(differences, diagnosis, confidence, unit)
        shift = wilcoxon_signed_rank(old, new, confidence=confidence, unit=unit)
        trimmed = inverted_evidence(lambda level: trimmed_mean(differences, confidence=level, unit=unit))
        return replace(heavy, p_value=two_sided_p(trimmed), alternatives={**heavy.alternatives, "shift": shift.effect})
    if diagnosis.few:
        flipped = sign_flip_test(old, new, rng=rng, confidence=confidence, unit=unit)
        why = f"{n} pairs are too few to judge their shape; exact when each pair's scores are exchangeable"
        answer = replace(flipped.effect, method=flipped.method)
        return guarded(answer, flipped.p_value, "few values", why, usual, diagnosis)
    if n < diagnosis.n_needed:
        found = bootstrap_t_test(old, new, rng=rng, paired=True, confidence=confidence, repeats=REPEATS, unit=unit)
        why = skew_sentence(diagnosis.skewness, diagnosis.n_needed, n)
        return guarded(found.effect, found.p_value, "skew", why, usual, diagnosis)
    return unguarded(usual, two_sided_p(evidence), diagnosis)


def _compare_shares(
    old: Floats, new: Floats, both: tuple[MeanDiagnosis, MeanDiagnosis], confidence: float
) -> GuardedAnswer:
    counts = int(old.sum()), old.size, int(new.sum()), new.size
    answer = share_difference(*counts, confidence=confidence)
    p_value, test = two_by_two_p(*counts)
    if test == "score":
        return unguarded(answer, p_value, *both, method="miettinen-nurminen, score test")
    events = counts[0] + counts[2]
    rarer = min(events, old.size + new.size - events)
    why = f"{rarer} of {old.size + new.size:,} are the rarer outcome: expected counts below 5 call for Fisher's test"
    method = "miettinen-nurminen, fisher"
    return guarded(answer, p_value, "rare events", why, answer, *both, method=method)


def _heavy_mean(data: Floats, diagnosis: MeanDiagnosis, confidence: float, unit: str) -> GuardedAnswer:
    cap = float(np.quantile(data, CAP_QUANTILE))
    why = tail_sentence(diagnosis.tail_index or 0.0)
    answer = trimmed_mean(data, confidence=confidence, unit=unit)
    alternatives = {
        "median": quantile_interval(data, confidence=confidence, unit=unit),
        "capped mean": capped_mean(data, cap=cap, confidence=confidence, unit=unit),
    }
    usual = _no_mean(float(data.mean()), data.size, confidence, unit)
    return guarded(answer, None, "heavy tail", why, usual, diagnosis, alternatives=alternatives)


def _heavy_difference(
    old: Floats, new: Floats, both: tuple[MeanDiagnosis, MeanDiagnosis], confidence: float, unit: str
) -> GuardedAnswer:
    cap = float(np.quantile(np.concatenate([old, new]), CAP_QUANTILE))
    index = min(one.tail_index for one in both if one.heavy_tail and one.tail_index is not None)
    answer, p_value = trimmed_mean_difference(old, new, confidence=confidence, unit=unit)
    alternatives = {
        "median": quantile_difference(old, new, confidence=confidence, unit=unit),
        "capped mean": capped_mean_difference(old, new, cap=cap, confidence=confidence, unit=unit)[0],
        "shift": mann_whitney(old, new, confidence=confidence, unit=unit).effect,
    }
    usual = _no_mean(float(new.mean() - old.mean()), old.size + new.size, confidence, unit)
    why = tail_sentence(index)
    return guarded(answer, p_value, "heavy tail", why, usual, *both, alternatives=alternatives)


def _no_mean(value: float, n: int, confidence: float, unit: str) -> Estimate:
    return Estimate(
        value=value, low=None, high=None, n=n, method="none", confidence=confidence, unit=unit,
        reason="the tail is so heavy that the mean has no finite variance: no interval of it holds",
    )  # fmt: skip
