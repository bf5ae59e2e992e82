"""Student's and Welch's t tests of two means."""

from __future__ import annotations

import numpy.typing as npt

from assay.stats.calibration.inputs import array_moments
from assay.stats.comparison.guard_answer import two_sided_p
from assay.stats.comparison.margins import welch_evidence
from assay.stats.comparison.result import Comparison, paired_values
from assay.stats.evidence import Evidence, difference_evidence
from assay.stats.special import check_confidence


def welch_test(
    baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, confidence: float = 0.95, unit: str = "score"
) -> Comparison:
    """Welch's t test of two independent means, candidate minus baseline; no equal variances are assumed.

    For skew, few values, rare events or a heavy tail take ``compare_groups``, which says when this one does not hold.

    Args:
        baseline: Shape ``(n,)``, finite and independent.
        candidate: Shape ``(m,)``.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        The p-value and bounds are ``None``, and the effect gives the reason, where nothing varies or a side has one
        value.

    Raises:
        InvalidInputError: A side is not a finite vector.

    Sources:
        Welch (1947), Biometrika 34, 28-35; Satterthwaite (1946), Biometrics Bulletin 2, 110-114.

    Examples:
        >>> c = welch_test([1.0, 2.0, 3.0], [2.0, 4.0, 9.0])
        >>> round(c.effect.value, 6), round(c.p_value, 4)
        (3.0, 0.2838)
    """
    return _compared(welch_evidence(baseline, candidate, unit=unit), "welch", confidence)


def paired_t_test(
    baseline: npt.ArrayLike, candidate: npt.ArrayLike, *, confidence: float = 0.95, unit: str = "score"
) -> Comparison:
    """Student's t test of the mean difference over shared samples; clusters: ``paired_difference``.

    Args:
        baseline: Shape ``(n,)``, finite.
        candidate: Shape ``(n,)``, same order of samples.
        confidence: Two-sided coverage.
        unit: The scorer's unit.

    Returns:
        The p-value and bounds are ``None``, and the effect gives the reason, where all differences are equal or there
        is one pair.

    Raises:
        InvalidInputError: Not two finite vectors of one length.

    Sources:
        Student (1908), Biometrika 6, 1-25.

    Examples:
        >>> c = paired_t_test([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 4.0, 6.0])
        >>> c.effect.value, round(c.p_value, 4)
        (1.5, 0.0138)
    """
    moments = array_moments(paired_values(baseline, candidate), None)
    return _compared(difference_evidence(moments, unit=unit, span=0.0), "paired-t", confidence)


def _compared(evidence: Evidence, method: str, confidence: float) -> Comparison:
    effect = evidence.estimate(check_confidence(confidence))
    return Comparison(
        effect=effect,
        p_value=two_sided_p(evidence),
        statistic=None if evidence.score is None else evidence.score(0.0),
        method=method,
    )
