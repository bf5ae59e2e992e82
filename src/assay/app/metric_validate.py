"""``assay metric validate``: how far a cheap metric may speak for people, by item, by system and by decision."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from assay.app.metric_decisions import Decisions, pairwise_decisions
from assay.app.metric_file import MetricRequest, read_metrics
from assay.app.metric_words import comparison_sentence, metric_sentences
from assay.core.codec import to_document
from assay.core.errors import DataError
from assay.core.records import Estimate
from assay.judges.judged import Floats, Judged, mean_of_raters
from assay.stats.correlation.ceiling import HumanCeiling, disattenuated_correlation, human_ceiling
from assay.stats.correlation.coefficients import kendall_tau_b, pearson_correlation, spearman_correlation
from assay.stats.correlation.dependent import compare_dependent_correlations
from assay.stats.correlation.inputs import Kind, why_undefined
from assay.stats.correlation.levels import summary_level_correlation, system_level_correlation
from assay.stats.multiplicity.adjusted import holm
from assay.stats.multiplicity.simultaneous import simultaneous_confidence
from assay.stats.special import t_quantile

SCHEMA = "assay.metric_validation/1"
KINDS: tuple[Kind, ...] = ("pearson", "spearman", "kendall")
FEWEST_ITEMS = 10
CEILING_ITEMS = 5_000
"""Items that the ceiling is measured on; of more, every k-th one: it moves by less than its interval."""
MOST_SEGMENTS = 100
WIDTH = 0.05
"""Half-width of a correlation for which the items needed are given."""
ROUNDS = 20
Answer = Literal["yes", "no", "open", "not measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a metric may be used for; the rules are in ``judged_usable``.

    Attributes:
        guardrail: May it watch, so that people look where it falls?
        stands_in: Does it predict people as well as one person predicts the others?
        needed_guardrail: Items that would settle ``guardrail`` if what was found holds.
        needed_stands_in: Likewise for ``stands_in``.
        needed_half_width: Items with which Spearman's rho is known to ± 0.05.
    """

    guardrail: Answer
    stands_in: Answer
    needed_guardrail: int | None
    needed_stands_in: int | None
    needed_half_width: int | None


def validate_metrics(request: MetricRequest) -> dict[str, Any]:
    """The ``assay.metric_validation/1`` document.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: As ``read_metrics``.
        DataError: As ``read_metrics``; fewer than ten items have a metric and a label (``metric.few_labels``); there
            are more than 100 segments (``metric.segments``).
    """
    table = read_metrics(request)
    items = table.items
    rows = [_validated(name, scores, items, request) for name, scores in table.scores.items()]
    comparisons = _comparisons(table.scores, items, request)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "file": request.path,
        "items": items.n,
        "labelled": int(np.isfinite(_human(items)).sum()),
        "raters": 1 if items.raters is None else items.raters.shape[1],
        "systems": None if items.systems is None else len(set(items.systems)),
        "clusters": None if items.clusters is None else len(set(items.clusters)),
        "least": request.least,
        "margin": request.margin,
        "lower_is_better": list(request.lower),
        **to_document({"metrics": rows, "comparisons": comparisons}),
    }
    sentences = [line for row in document["metrics"] for line in metric_sentences(row, document)]
    return {**document, "sentences": [*sentences, *(comparison_sentence(row) for row in document["comparisons"])]}


def _human(items: Judged) -> Floats:
    """People's mean label; a file without any was refused when it was read."""
    assert items.human is not None
    found: Floats = items.human
    return found


def _validated(name: str, scores: Floats, items: Judged, request: MetricRequest) -> dict[str, Any]:
    """Everything about one metric, on the items that have it and a label."""
    both = np.isfinite(scores) & np.isfinite(_human(items))
    n = int(both.sum())
    if n < FEWEST_ITEMS:
        raise DataError(
            f"{n} items have both {name} and a label by people; {FEWEST_ITEMS} are needed",
            hint="name the columns with --metric and --human; label more items",
            code="metric.few_labels",
        )
    kept, metric = items.where(both), scores[both]
    people, confidence = _human(kept), request.confidence
    by_item = {kind: _correlation(metric, people, kind, kept.clusters, confidence) for kind in KINDS}
    ceiling, corrected = _beside_people(metric, kept, request)
    systems = _systems(metric, kept, confidence)
    return {
        "metric": name,
        "n": n,
        "left_out": items.n - n,
        "items": by_item,
        "within_clusters": _within(metric, kept, confidence),
        "corrected": corrected,
        "ceiling": None
        if ceiling is None
        else {"person": ceiling.person, "metric": ceiling.metric, "difference": ceiling.difference},
        "systems": systems,
        "segments": _segments(metric, kept, confidence),
        "verdict": judged_usable(
            by_item["spearman"],
            None if ceiling is None else ceiling.difference,
            None if systems is None else systems["decisions"],
            least=request.least,
            margin=request.margin,
        ),
    }


def _correlation(
    metric: Floats, people: Floats, kind: Kind, clusters: Sequence[str | None] | None, confidence: float
) -> Estimate:
    """Bounded scores with ties are neither normal nor continuous, so the spread comes from the data."""
    of = {"pearson": pearson_correlation, "spearman": spearman_correlation, "kendall": kendall_tau_b}[kind]
    return of(metric, people, method="delta", clusters=clusters, confidence=confidence)


def _within(metric: Floats, items: Judged, confidence: float) -> dict[str, Estimate] | None:
    """Order of the answers to one document; ``None`` where documents have no several answers."""
    if items.clusters is None or items.n <= 2 * len(set(items.clusters)):
        return None
    return {
        kind: summary_level_correlation(
            metric, _human(items), items.clusters, kind=kind, confidence=confidence
        ).estimate
        for kind in KINDS
    }


def _beside_people(
    metric: Floats, items: Judged, request: MetricRequest
) -> tuple[HumanCeiling | None, Estimate | None]:
    """The metric beside one person, and its correlation with error taken off people; items with two labels or more."""
    if items.raters is None:
        return None, None
    table = items.raters[:, np.isfinite(items.raters).sum(axis=0) >= FEWEST_ITEMS]
    rows = np.flatnonzero(np.isfinite(table).sum(axis=1) >= 2)
    rows = rows[:: max(1, -(-rows.size // CEILING_ITEMS))]
    table = table[rows]
    seen = np.isfinite(table).sum(axis=0) >= FEWEST_ITEMS
    if not seen.all():  # a rater whose items lost their second label
        table = table[:, seen]
        enough = np.isfinite(table).sum(axis=1) >= 2
        rows, table = rows[enough], table[enough]
    if table.shape[1] < 2 or rows.size < FEWEST_ITEMS or why_undefined(metric[rows], mean_of_raters(table)):
        return None, None
    groups = None if items.clusters is None else [items.clusters[row] for row in rows.tolist()]
    rng = np.random.default_rng(request.seed)
    ceiling = human_ceiling(table, metric=metric[rows], rng=rng, clusters=groups, confidence=request.confidence)
    corrected = disattenuated_correlation(metric[rows], table, rng=rng, clusters=groups, confidence=request.confidence)
    return ceiling, corrected


def _systems(metric: Floats, items: Judged, confidence: float) -> dict[str, Any] | None:
    """Means of systems, their correlations, and decisions between two of them."""
    if items.systems is None or len(set(items.systems)) < 2:
        return None
    names = [name or "(empty)" for name in items.systems]
    people = _human(items)
    order = list(dict.fromkeys(names))
    rows = {name: [row for row, one in enumerate(names) if one == name] for name in order}
    return {
        "n": len(order),
        **{
            # every item is a document of its own here: only the systems' means count
            kind: system_level_correlation(metric, people, names, items.ids, kind=kind, confidence=confidence)
            for kind in KINDS
        },
        "decisions": pairwise_decisions(metric, people, names, items.clusters, confidence=confidence),
        "means": [
            {
                "system": name,
                "n": len(rows[name]),
                "metric": float(metric[rows[name]].mean()),
                "people": float(people[rows[name]].mean()),
            }
            for name in sorted(order, key=lambda name: -float(people[rows[name]].mean()))
        ],
    }


def _segments(metric: Floats, items: Judged, confidence: float) -> list[dict[str, Any]]:
    """Spearman's rho in each segment, worst first; the intervals hold for all of them together."""
    if items.segments is None:
        return []
    parts: dict[str, list[int]] = {}
    for row, name in enumerate(items.segments):
        parts.setdefault(name or "(empty)", []).append(row)
    if len(parts) > MOST_SEGMENTS:
        raise DataError(
            f"there are {len(parts):,} segments; intervals that hold for so many at once say nothing",
            hint=f"at most {MOST_SEGMENTS}; name a column that groups items",
            code="metric.segments",
        )
    joint, people = simultaneous_confidence(len(parts), confidence=confidence), _human(items)
    found = []
    for name, rows in sorted(parts.items()):
        groups = None if items.clusters is None else [items.clusters[row] for row in rows]
        rho = _correlation(metric[rows], people[rows], "spearman", groups, joint)
        found.append({"segment": name, "n": len(rows), "spearman": rho})
    return sorted(found, key=lambda row: math.inf if row["spearman"].value is None else row["spearman"].value)


def _comparisons(scores: Mapping[str, Floats], items: Judged, request: MetricRequest) -> list[dict[str, Any]]:
    """Every two metrics on the items both have, by Spearman's rho; p-values by Holm over all of them."""
    people = _human(items)
    found: list[dict[str, Any]] = []
    for first, second in combinations(scores, 2):
        both = np.isfinite(scores[first]) & np.isfinite(scores[second]) & np.isfinite(people)
        if int(both.sum()) < FEWEST_ITEMS:
            continue
        kept = items.where(both)
        pair = [
            compare_dependent_correlations(
                scores[first][both], scores[second][both], _human(kept), kind=kind, clusters=kept.clusters,
                confidence=request.confidence,
            )
            for kind in ("spearman", "pearson")
        ]  # fmt: skip
        found.append({"first": first, "second": second, "n": kept.n, "spearman": pair[0], "pearson": pair[1]})
    known = [row for row in found if row["spearman"].p_value is not None]
    adjusted = dict(zip(map(id, known), holm([row["spearman"].p_value for row in known]), strict=True))
    for row in found:
        p = row["p_adjusted"] = adjusted.get(id(row))
        gap = row["spearman"].difference.value
        clear = p is not None and p < 1.0 - request.confidence
        row["better"] = (row["first"] if gap > 0 else row["second"]) if clear else None
    return found


def judged_usable(
    rho: Estimate, against_person: Estimate | None, decisions: Decisions | None, *, least: float, margin: float
) -> Verdict:
    """The rules of the verdict.

    *Guardrail*: yes when the lower bound of Spearman's rho over items reaches ``least`` and, where people separate
    pairs of systems, the metric orders more than half of them as they do (of few systems no interval can show that);
    no when the upper bound of rho, or that share's, stays below; else open. *Stands in for one person*: yes when it is
    a guardrail and the lower bound of its correlation with the other people minus one person's lies above ``-margin``;
    no when the upper bound lies below 0; else open.

    Args:
        rho: Over items.
        against_person: Metric minus one person, against the same other people; ``None`` with one label an item.
        decisions: Between systems; ``None`` without.
        least: Correlation that a guardrail must be shown to reach.
        margin: Loss against one person that is accepted.

    Examples:
        >>> def found(value, low, high):
        ...     return Estimate(value=value, low=low, high=high, n=400, method="delta", confidence=0.95)
        >>> verdict = judged_usable(found(0.5, 0.4, 0.6), found(-0.2, -0.3, -0.1), None, least=0.3, margin=0.05)
        >>> verdict.guardrail, verdict.stands_in
        ('yes', 'no')
    """
    order = None if decisions is None or not decisions.separated else decisions.same_order
    answers = [_reaches(rho, least)]
    if order is not None and order.value is not None:
        answers.append("yes" if order.value > 0.5 else "no" if _reaches(order, 0.5) == "no" else "open")
    guardrail: Answer = "no" if "no" in answers else "open" if "open" in answers else "yes"
    stands_in: Answer = "not measured"
    if against_person is not None:
        stands_in = _reaches(against_person, -margin)
        if against_person.high is not None and against_person.high < 0.0 and stands_in != "yes":
            stands_in = "no"
        if guardrail != "yes":
            stands_in = guardrail
    return Verdict(
        guardrail=guardrail,
        stands_in=stands_in,
        needed_guardrail=_needed(rho, least) if answers[0] == "open" else None,
        needed_stands_in=_needed(against_person, -margin) if against_person and stands_in == "open" else None,
        needed_half_width=_needed_half_width(rho),
    )


def _reaches(estimate: Estimate, bar: float) -> Answer:
    """Perfect agreement has no interval, and needs none: so many items are not put into one order by chance."""
    if perfect(estimate):
        return "yes" if (estimate.value or 0.0) >= bar else "no"
    if estimate.low is None or estimate.high is None:
        return "open"
    return "yes" if estimate.low >= bar else "no" if estimate.high < bar else "open"


def perfect(estimate: Estimate) -> bool:
    """Whether a correlation of at least five independent items or documents is 1 or -1."""
    units = estimate.n if estimate.n_clusters is None else estimate.n_clusters
    return estimate.value is not None and abs(estimate.value) > 1.0 - 1e-9 and estimate.low is None and units >= 5


def _needed(estimate: Estimate, bar: float) -> int | None:
    """Items with which the bound on the bar's side would meet it; ``None`` when the value sits on it."""
    if estimate.value is None or estimate.low is None or estimate.high is None or abs(estimate.value - bar) < 1e-9:
        return None
    above = estimate.value > bar
    half = estimate.value - estimate.low if above else estimate.high - estimate.value
    return max(estimate.n, math.ceil(estimate.n * (half / (estimate.value - bar)) ** 2))


def _needed_half_width(estimate: Estimate) -> int | None:
    """Items with which half the interval is ``WIDTH``, by t: of more items, or documents, its quantile shrinks too."""
    if estimate.low is None or estimate.high is None or estimate.high <= estimate.low:
        return None
    level = 0.5 + estimate.confidence / 2.0
    units = estimate.n if estimate.n_clusters is None else estimate.n_clusters

    def quantile(items: float) -> float:
        return t_quantile(level, max(1.0, items * units / estimate.n - 1.0))

    half = 0.5 * (estimate.high - estimate.low)
    needed = estimate.n * (half / WIDTH) ** 2
    for _ in range(ROUNDS):
        needed = estimate.n * (half / WIDTH * quantile(needed) / quantile(estimate.n)) ** 2
    return max(FEWEST_ITEMS, math.ceil(needed - 1e-9))
