"""What the guard answers: the method that holds, why it was chosen, and what the t method would have said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.core.records import Estimate
from assay.stats.comparison.diagnosis import MeanDiagnosis
from assay.stats.evidence import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedAnswer:
    """An answer, the method behind it and why that method.

    Attributes:
        answer: The effect or mean to report; its ``estimand`` says when it is not the mean that was asked for.
        p_value: Two-sided, of no difference; ``None`` for a single mean and where the answer gives the reason.
        method: The chosen method.
        why: One sentence: what was found in the values, and what it rules out.
        triggers: ``rare events``, ``heavy tail``, ``few values``, ``skew``; empty when the t method holds.
        textbook: What the t method would have said; for a heavy tail the mean without bounds, with the reason.
        alternatives: Other answers by name (median, trimmed mean, capped mean, shift), where they are offered.
        diagnosis: Of each sample: one for a mean or paired differences, else baseline and candidate.
    """

    answer: Estimate
    p_value: float | None
    method: str
    why: str
    triggers: tuple[str, ...]
    textbook: Estimate
    alternatives: Mapping[str, Estimate]
    diagnosis: tuple[MeanDiagnosis, ...]


def unguarded(
    usual: Estimate, p_value: float | None, *diagnosis: MeanDiagnosis, method: str | None = None
) -> GuardedAnswer:
    """The usual method holds."""
    return GuardedAnswer(
        answer=usual, p_value=p_value, method=method or usual.method,
        why="nothing was found that rules the usual method out", triggers=(), textbook=usual, alternatives={},
        diagnosis=diagnosis,
    )  # fmt: skip


def guarded(
    answer: Estimate,
    p_value: float | None,
    trigger: str,
    why: str,
    usual: Estimate,
    *diagnosis: MeanDiagnosis,
    method: str | None = None,
    alternatives: Mapping[str, Estimate] | None = None,
) -> GuardedAnswer:
    """Another method answers, and why."""
    return GuardedAnswer(
        answer=answer, p_value=p_value, method=method or answer.method, why=why, triggers=(trigger,), textbook=usual,
        alternatives=alternatives or {}, diagnosis=diagnosis,
    )  # fmt: skip


def skew_sentence(skewness: float, needed: float, n: int) -> str:
    """Why the bootstrap-t answers."""
    return (
        f"skewness {skewness:.2g} needs about {needed:,.0f} values for t's tails to be right (355 times its square), "
        f"and there are {n:,}: each resample brings its own standard error instead"
    )


def tail_sentence(index: float) -> str:
    """Why the mean is not answered."""
    return (
        f"the tail falls like that of a Pareto distribution with index {index:.2g}: at 2 and below the variance is "
        "infinite, and no interval of the mean holds, a bootstrap's covers about half the time"
    )


def two_sided_p(evidence: Evidence) -> float | None:
    """Of no difference."""
    above, below = evidence.p_above(0.0), evidence.p_below(0.0)
    return None if above is None or below is None else min(1.0, 2.0 * min(above, below))
