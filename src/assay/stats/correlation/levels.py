"""Correlation of a metric with people where many systems answer many documents: summary level and system level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Codes, Floats, Labels, array_moments, cluster_codes
from assay.stats.correlation.coefficients import kendall_tau_b
from assay.stats.correlation.influence import coefficient
from assay.stats.correlation.inputs import Kind, check_kind, score_pairs, why_undefined
from assay.stats.correlation.zscale import correlation_interval
from assay.stats.scalar import mean_estimate
from assay.stats.special import check_confidence

NEW_DOCUMENTS = "new documents, these systems"
NEW_SYSTEMS = "new systems, these documents"


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryLevelCorrelation:
    """Mean over documents of the correlation across the systems' answers to one document.

    Attributes:
        estimate: ``n`` documents went in; ``unscored`` documents have no correlation.
        undefined: Why, and how many documents each reason took.
    """

    estimate: Estimate
    undefined: Mapping[str, int]


def summary_level_correlation(
    scores: npt.ArrayLike,
    human: npt.ArrayLike,
    documents: Labels,
    *,
    kind: Kind = "spearman",
    confidence: float = 0.95,
) -> SummaryLevelCorrelation:
    """Does the metric order the answers to one document as people do? The mean over documents, with a t interval.

    A document whose answers all have one score, from the metric or from people, has no correlation: it is left out of
    the mean, counted and named. The interval speaks of new documents answered by these systems.

    Args:
        scores: The metric's, shape ``(n,)``.
        human: People's, shape ``(n,)``.
        documents: Document of each answer, shape ``(n,)``.
        kind: ``pearson``, ``spearman`` or ``kendall``.
        confidence: Two-sided coverage.

    Returns:
        The estimate, without bounds where fewer than two documents have a correlation, or all have the same.

    Raises:
        InvalidInputError: Shapes differ, a score is not finite, or the kind is unknown.

    Sources:
        Peyrard, Botschen & Gurevych (2017), EMNLP workshop on summarization; Fabbri et al. (2021), TACL 9, 391-409
        (SummEval).

    Examples:
        >>> found = summary_level_correlation([1, 2, 3, 1, 2, 3, 5, 5, 5], [1, 2, 3, 3, 2, 4, 1, 2, 3],
        ...                                   list("aaabbbccc"))
        >>> found.estimate.value, found.estimate.n, dict(found.undefined)
        (0.75, 2, {'all first scores are equal': 1})
    """
    first, second = score_pairs(scores, human)
    check_kind(kind)
    rows = _by_document(documents, first.size)
    values, reasons = [], Counter[str]()
    for row in rows:
        reason = why_undefined(first[row], second[row])
        if reason is None:
            values.append(coefficient(first[row], second[row], kind))
        else:
            reasons[reason] += 1
    return SummaryLevelCorrelation(
        estimate=_document_mean(np.array(values), reasons, confidence, kind), undefined=dict(reasons)
    )


def summary_level_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    human: npt.ArrayLike,
    documents: Labels,
    *,
    kind: Kind = "spearman",
    confidence: float = 0.95,
) -> SummaryLevelCorrelation:
    """How much better ``first`` orders the answers to a document than ``second``: paired over documents, t interval.

    Only documents on which both metrics have a correlation count.

    Args:
        first: Scores of one metric, shape ``(n,)``.
        second: Scores of the other, shape ``(n,)``.
        human: People's, shape ``(n,)``.
        documents: Document of each answer.
        kind: ``pearson``, ``spearman`` or ``kendall``.
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: As in ``summary_level_correlation``.

    Sources:
        Deutsch, Dror & Roth (2021), TACL 9, 1132-1146 (paired comparison of metrics).

    Examples:
        >>> a, b, people = [1, 2, 3, 1, 2, 3], [3, 2, 1, 1, 3, 2], [1, 2, 3, 1, 2, 3]
        >>> summary_level_difference(a, b, people, list("aaabbb")).estimate.value
        1.25
    """
    one, people = score_pairs(first, human)
    other, _ = score_pairs(second, human)
    check_kind(kind)
    values, reasons = [], Counter[str]()
    for row in _by_document(documents, one.size):
        why = [why_undefined(scores[row], people[row]) for scores in (one, other)]
        if why[0] is None and why[1] is None:
            pair = [coefficient(scores[row], people[row], kind) for scores in (one, other)]
            values.append(pair[0] - pair[1])
        else:
            reasons[f"{'first' if why[0] else 'second'} metric: {why[0] or why[1]}"] += 1
    return SummaryLevelCorrelation(
        estimate=_document_mean(np.array(values), reasons, confidence, kind), undefined=dict(reasons)
    )


def _by_document(documents: Labels, n: int) -> list[Codes]:
    codes = cluster_codes(documents, n)
    if codes is None:
        raise InvalidInputError("summary level needs the document of each answer", hint="documents=[...]")
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _document_mean(values: Floats, reasons: Counter[str], confidence: float, kind: Kind) -> Estimate:
    undefined, unit = reasons.total(), f"mean {kind}"
    if not values.size:
        check_confidence(confidence)
        return Estimate(
            value=None,
            low=None,
            high=None,
            n=0,
            method="t",
            confidence=confidence,
            unit=unit,
            estimand=NEW_DOCUMENTS,
            reason="no document has a correlation",
            unscored=undefined,
        )
    return mean_estimate(
        array_moments(values, None), confidence=confidence, unit=unit, estimand=NEW_DOCUMENTS, unscored=undefined
    )


def system_level_correlation(
    scores: npt.ArrayLike,
    human: npt.ArrayLike,
    systems: Labels,
    documents: Labels,
    *,
    kind: Kind = "spearman",
    confidence: float = 0.95,
) -> Estimate:
    """Does the metric order whole systems as people do? The correlation of the systems' means over documents.

    Its n is the number of systems, which is mostly small: 12 systems at r = .8 mean [.42, .94]. The interval speaks of
    new systems on these documents. Few documents make noisy means, and noise pulls this correlation towards 0; no
    interval over systems shows that.

    Args:
        scores: The metric's, shape ``(n,)``.
        human: People's, shape ``(n,)``.
        systems: System of each answer.
        documents: Document of each answer; a system may miss some.
        kind: ``pearson`` (Fisher), ``spearman`` (Bonett-Wright) or ``kendall`` (by influence values).
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: Shapes differ, a system answers a document twice, or the kind is unknown.

    Sources:
        Deutsch, Dror & Roth (2021), TACL 9, 1132-1146.

    Examples:
        >>> e = system_level_correlation([1, 2, 2, 4, 5, 5], [1, 1, 2, 3, 4, 5], list("aabbcc"), list("xyxyxy"))
        >>> e.value, e.n, e.estimand
        (1.0, 3, 'new systems, these documents')
    """
    first, second = score_pairs(scores, human)
    check_kind(kind)
    system, document = cluster_codes(systems, first.size), cluster_codes(documents, first.size)
    if system is None or document is None:
        raise InvalidInputError("every answer has a system and a document", hint="systems=[...], documents=[...]")
    cells = document * (int(system.max()) + 1) + system
    if np.unique(cells).size < cells.size:
        raise InvalidInputError("a system answers a document more than once", hint="reduce epochs to their mean first")
    sizes = np.bincount(system)
    a, b = (np.bincount(system, weights=values) / sizes for values in (first, second))
    return _over_systems(a, b, kind, check_confidence(confidence))


def _over_systems(a: Floats, b: Floats, kind: Kind, confidence: float) -> Estimate:
    undefined = why_undefined(a, b)
    if undefined is not None:
        found = Estimate(
            value=None, low=None, high=None, n=a.size, method="none", confidence=confidence, reason=undefined
        )
    elif kind == "kendall":
        found = kendall_tau_b(a, b, confidence=confidence)
    else:
        found = correlation_interval(coefficient(a, b, kind), n=a.size, kind=kind, confidence=confidence)
    return replace(found, unit=kind, estimand=NEW_SYSTEMS)
