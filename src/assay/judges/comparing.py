"""Which of two judges agrees better with people, on the same items."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from assay.core.errors import DataError
from assay.core.records import Estimate
from assay.judges.agreeing import majority, scale_level
from assay.judges.judged import Floats, Judged
from assay.stats.correlation.dependent import DependentCorrelations, compare_dependent_correlations
from assay.stats.paired import paired_difference

FEWEST_ITEMS = 10
Kind = Literal["pearson", "spearman", "kendall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeComparison:
    """Two judges against the same labels.

    Attributes:
        n: Items that both judged and people labelled.
        left_out: Items that lack a verdict of either, or a label.
        correlations: Of each with people, and their difference, first minus second.
        decisions: Share of decisions as people decide them, first minus second: of binary verdicts the items; of
            others the pairs of answers to one document that people rank, a tie counting half. ``None`` without both.
        first_decisions: Of the first judge.
        second_decisions: Of the second judge.
        better: ``first``, ``second``, or ``None`` while the interval of the difference of correlations (of decisions,
            for binary verdicts) holds 0.
    """

    n: int
    left_out: int
    correlations: DependentCorrelations
    decisions: Estimate | None
    first_decisions: float | None
    second_decisions: float | None
    better: Literal["first", "second"] | None


def compare_judges(
    first: Judged, second: Judged, *, kind: Kind = "spearman", confidence: float = 0.95
) -> JudgeComparison:
    """Difference of the judges' agreement with people, paired item by item.

    Two judges are held against the same labels of the same items, so their correlations depend on each other; taking
    them as independent loses most of the power.

    Args:
        first: Verdicts of one judge; its labels and documents are used.
        second: Verdicts of the other, on items of the same ids.
        kind: Of correlation.
        confidence: Two-sided coverage.

    Raises:
        DataError: No labels (``judge.no_labels``), labels of an item that differ between the two
            (``judge.labels_differ``), or fewer than ten items in common (``judge.few_labels``).

    Sources:
        Williams (1959), JRSS B 21, 396-399; Zou (2007), Psychological Methods 12, 399-413; see
        ``compare_dependent_correlations``.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> truth, ids = rng.normal(size=200), [str(k) for k in range(200)]
        >>> good = Judged(ids=ids, verdicts=truth + rng.normal(size=200), human=truth)
        >>> poor = Judged(ids=ids, verdicts=truth + 4 * rng.normal(size=200), human=truth)
        >>> compare_judges(good, poor).better
        'first'
    """
    one, other, left_out = _common(first, second)
    binary = scale_level(one) == "binary" and scale_level(other) == "binary"
    labels: Floats = one.human
    if binary:
        labels = majority(labels, one.raters if one.raters is not None else labels[:, None])
        known = np.isfinite(labels)
        left_out += int((~known).sum())
        one, other, labels = one.where(known), other.where(known), labels[known]
    found = compare_dependent_correlations(
        one.verdicts, other.verdicts, labels, kind=kind, clusters=one.clusters, confidence=confidence
    )
    decided = _decided(one, other, labels) if binary else _rankings(one, other, labels)
    gap = None
    if decided is not None:
        groups = one.clusters if binary else None
        gap = paired_difference(
            decided[1].tolist(), decided[0].tolist(), clusters=groups, confidence=confidence, unit="share"
        )
    deciding = gap if binary and gap is not None else found.difference
    better: Literal["first", "second"] | None = None
    if deciding.low is not None and deciding.high is not None and not deciding.low <= 0.0 <= deciding.high:
        better = "first" if deciding.low > 0.0 else "second"
    return JudgeComparison(
        n=one.n,
        left_out=left_out,
        correlations=found,
        decisions=gap,
        first_decisions=None if decided is None else float(decided[0].mean()),
        second_decisions=None if decided is None else float(decided[1].mean()),
        better=better,
    )


def _common(first: Judged, second: Judged) -> tuple[Judged, Judged, int]:
    if first.human is None:
        raise DataError("the first judge's items have no labels", hint="give people's labels", code="judge.no_labels")
    place = {name: row for row, name in enumerate(second.ids)}
    both = [(row, place[name]) for row, name in enumerate(first.ids) if name in place]
    if second.human is not None:
        for mine, yours in both:
            a, b = first.human[mine], second.human[yours]
            if np.isfinite(a) and np.isfinite(b) and a != b:
                raise DataError(
                    f"people's label of {first.ids[mine]!r} is {a:g} with one judge and {b:g} with the other",
                    hint="hold both judges against one set of labels",
                    code="judge.labels_differ",
                )
    kept = [
        (mine, yours)
        for mine, yours in both
        if np.isfinite(first.human[mine]) and np.isfinite(first.verdicts[mine]) and np.isfinite(second.verdicts[yours])
    ]
    if len(kept) < FEWEST_ITEMS:
        raise DataError(
            f"{len(kept)} items have verdicts of both judges and a label; {FEWEST_ITEMS} are needed",
            hint="judge the same items, under the same ids",
            code="judge.few_labels",
        )
    one, other = first.where([mine for mine, _ in kept]), second.where([yours for _, yours in kept])
    everything = len(set(first.ids) | set(second.ids))
    return one, replace(other, human=one.human, raters=one.raters), everything - len(kept)


def _decided(one: Judged, other: Judged, labels: Floats) -> tuple[Floats, Floats]:
    """Whether each judge says what people say, item by item."""
    return (one.verdicts == labels).astype(np.float64), (other.verdicts == labels).astype(np.float64)


def _rankings(one: Judged, other: Judged, labels: Floats) -> tuple[Floats, Floats] | None:
    """For each document, the share of pairs that people rank and each judge ranks alike; a judge's tie counts half."""
    if one.clusters is None:
        return None
    documents: dict[str | None, list[int]] = {}
    for row, name in enumerate(one.clusters):
        documents.setdefault(name, []).append(row)
    shares = []
    for rows in documents.values():
        up = np.triu_indices(len(rows), 1)
        truth, mine, yours = (
            np.sign(column[rows][:, None] - column[rows][None, :])[up]
            for column in (labels, one.verdicts, other.verdicts)
        )
        ranked = truth != 0.0
        if ranked.any():
            shares.append([0.5 + 0.5 * float((side * truth)[ranked].mean()) for side in (mine, yours)])
    if len(shares) < FEWEST_ITEMS:
        return None
    table = np.array(shares)
    return table[:, 0], table[:, 1]


def comparison_sentence(found: JudgeComparison, *, first: str, second: str) -> str:
    """The finding in one sentence.

    Args:
        found: From ``compare_judges``.
        first: Name of the first judge.
        second: Name of the second.
    """
    pair = found.correlations
    a, b, gap = pair.first.value, pair.second.value, pair.difference
    if a is None or b is None:
        return f"Which judge agrees better with people cannot be said: {gap.reason}."
    unit = {"r": "Pearson's r", "rho": "Spearman's rho", "tau-b": "Kendall's tau-b"}.get(
        pair.first.unit, pair.first.unit
    )
    said = f"{unit} with people is {a:.3f} for {first} and {b:.3f} for {second} on the same {found.n:,} items"
    if gap.low is None or gap.high is None:
        return f"{said}; their difference has no interval: {gap.reason}."
    said += f", a difference of {gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
    if found.decisions is not None and found.first_decisions is not None and found.second_decisions is not None:
        said += f"; they decide as people do {found.first_decisions:.1%} and {found.second_decisions:.1%} of the time"
    winner = {"first": first, "second": second}.get(found.better or "")
    return f"{said}. {f'{winner} agrees better with people' if winner else 'Neither is shown to agree better'}."
