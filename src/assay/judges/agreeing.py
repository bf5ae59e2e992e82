"""How far a judge agrees with people: the coefficients its scale asks for, by part, and beside people themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from assay.core.errors import DataError
from assay.core.records import Estimate
from assay.judges.coding import why_not_one_scale
from assay.judges.judged import Floats, Judged, mean_of_raters
from assay.stats.agreement.alpha import krippendorff_alpha
from assay.stats.agreement.kappa import cohen_kappa
from assay.stats.agreement.ratings import Ratings
from assay.stats.calibration.inputs import array_moments, cluster_codes
from assay.stats.correlation.ceiling import human_ceiling
from assay.stats.correlation.coefficients import kendall_tau_b, spearman_correlation
from assay.stats.correlation.levels import summary_level_correlation
from assay.stats.intervals.jackknife import Bools, deletion_groups, jackknife_estimate, left_out_values
from assay.stats.multiplicity.simultaneous import simultaneous_confidence
from assay.stats.scalar import mean_estimate

Level = Literal["binary", "ordinal", "interval"]
FEW_LEVELS = 11
FEWEST_ITEMS = 10
CEILING_GROUPS = 50
CEILING_ITEMS = 5_000
"""Items that the ceiling is measured on; of more, every k-th one: it moves by less than its interval."""
MOST_PARTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A judge and a person, each held against the mean (or majority) of the other people, on the same items.

    Attributes:
        measure: ``spearman`` or ``alpha``.
        person: One person against the others: the ceiling that people set among themselves.
        judge: The judge against the same others.
        difference: Judge minus person, paired.
    """

    measure: str
    person: Estimate
    judge: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Agreement on the items of one segment or language; intervals hold for all parts of a kind together."""

    name: str
    n: int
    alpha: Estimate
    spearman: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A judge against people.

    Attributes:
        level: Scale of verdicts and labels: ``binary``, ``ordinal`` (few whole numbers) or ``interval``.
        n: Items with a verdict and a label.
        raters: People who labelled.
        coefficients: By name: ``agreement`` and ``kappa`` of binary labels, ``kappa_quadratic`` of ordinal ones,
            ``alpha``, ``spearman``, ``kendall``, and ``spearman_within_documents``.
        people: Krippendorff's alpha of people among themselves; ``None`` with one label an item.
        ceiling: The judge beside a person, by measure.
        segments: By segment.
        languages: By language.
        other_coding: Why verdicts and labels cannot be on one scale: then nothing that compares their levels is made,
            only correlations. ``None`` where they may be.
    """

    level: Level
    n: int
    raters: int
    coefficients: dict[str, Estimate]
    people: Estimate | None
    ceiling: tuple[Beside, ...] = ()
    segments: tuple[Part, ...] = field(default=())
    languages: tuple[Part, ...] = field(default=())
    other_coding: str | None = None


def agreement_with_people(judged: Judged, *, rng: np.random.Generator, confidence: float = 0.95) -> Agreement | None:
    """Every coefficient with its interval; documents are drawn whole where ``clusters`` names them.

    Several people's labels count as their mean; of binary labels as their majority, ties left out. ``None`` without
    people, or with fewer than ten items that both judged.

    Args:
        judged: Verdicts and labels.
        rng: For the bootstrap of the human ceiling.
        confidence: Two-sided coverage.

    Raises:
        DataError: There are more than 100 segments or languages (``judge.segments``).

    Sources:
        Krippendorff (2011), Computing Krippendorff's Alpha-Reliability; Cohen (1968), Psychological Bulletin 70,
        213-220; Kendall (1945), Biometrika 33, 239-251; Shao & Wu (1989), Annals of Statistics 17, 1176-1197.
    """
    if judged.human is None:
        return None
    level = scale_level(judged)
    labels = _labels(judged, level)
    both = np.isfinite(judged.verdicts) & np.isfinite(labels)
    if int(both.sum()) < FEWEST_ITEMS:
        return None
    kept, labels = judged.where(both), labels[both]
    odd = why_not_one_scale(kept)
    return Agreement(
        level=level,
        n=kept.n,
        raters=1 if kept.raters is None else kept.raters.shape[1],
        coefficients=_coefficients(kept, labels, level, odd, confidence),
        people=_among_people(kept, level, confidence),
        ceiling=_ceilings(kept, level, odd, rng, confidence),
        segments=_parts(kept, labels, kept.segments, level, odd, "segments", confidence),
        languages=_parts(kept, labels, kept.languages, level, odd, "languages", confidence),
        other_coding=odd,
    )


def scale_level(judged: Judged) -> Level:
    """What verdicts and single labels look like, taken together."""
    people = judged.human if judged.raters is None else judged.raters
    columns = [judged.verdicts] if people is None else [judged.verdicts, people.ravel()]
    values = np.unique(np.concatenate([column[np.isfinite(column)] for column in columns]))
    if values.size <= 2:
        return "binary"
    if values.size <= FEW_LEVELS and np.array_equal(values, np.round(values)):
        return "ordinal"
    return "interval"


def _labels(judged: Judged, level: Level) -> Floats:
    """Mean label; of binary ones the majority, NaN where people are split."""
    human: Floats = judged.human
    return human if level != "binary" or judged.raters is None else majority(human, judged.raters)


def majority(mean: Floats, raters: Floats) -> Floats:
    """The binary label that most gave, NaN where people are split."""
    low, high = float(np.nanmin(raters)), float(np.nanmax(raters))
    middle = 0.5 * (low + high)
    chosen = np.where(mean > middle, high, low)
    return np.where(np.isnan(mean) | (mean == middle), np.nan, chosen)


def _coefficients(
    judged: Judged, labels: Floats, level: Level, odd: str | None, confidence: float
) -> dict[str, Estimate]:
    verdicts, clusters = judged.verdicts, judged.clusters
    pair = np.column_stack([verdicts, labels])
    found: dict[str, Estimate] = {}
    if odd is not None:
        found["alpha"] = _none(judged.n, "alpha", "agreement", odd, confidence)
    elif level == "binary":
        moments = array_moments((verdicts == labels).astype(np.float64), cluster_codes(clusters, judged.n))
        found["agreement"] = mean_estimate(moments, confidence=confidence, unit="share")
        found["kappa"] = _kappa(pair, clusters, "unweighted", confidence)
    elif level == "ordinal" and np.array_equal(labels, np.round(labels)):
        found["kappa_quadratic"] = _kappa(pair, clusters, "quadratic", confidence)
    if odd is None:
        found["alpha"] = alpha_of(pair, clusters, level, confidence)
    still = next((name for name, column in (("verdicts", verdicts), ("labels", labels)) if np.ptp(column) == 0.0), None)
    if still is not None:
        why = f"all {still} are equal, so nothing beyond chance can show"
        found = {name: one if name == "agreement" else _unbounded(one, why) for name, one in found.items()}
    found["spearman"] = spearman_correlation(verdicts, labels, method="delta", clusters=clusters, confidence=confidence)
    found["kendall"] = kendall_tau_b(verdicts, labels, clusters=clusters, confidence=confidence)
    if clusters is not None and judged.n > 2 * len(set(clusters)):
        within = summary_level_correlation(verdicts, labels, clusters, confidence=confidence)
        found["spearman_within_documents"] = within.estimate
    return found


def _kappa(
    table: Floats,
    clusters: Sequence[str | None] | None,
    weights: Literal["unweighted", "quadratic"],
    confidence: float,
) -> Estimate:
    levels = np.unique(table[np.isfinite(table)]).tolist()
    ratings = Ratings.from_matrix(table, levels=levels)
    return cohen_kappa(ratings, weights=weights, clusters=clusters, confidence=confidence)


def _alpha(table: Floats, level: Level, confidence: float) -> Estimate:
    metric: Literal["nominal", "interval"] = "nominal" if level == "binary" else "interval"
    return krippendorff_alpha(Ratings.from_matrix(table), metric=metric, confidence=confidence)


def alpha_of(table: Floats, clusters: Sequence[str | None] | None, level: Level, confidence: float = 0.95) -> Estimate:
    """Krippendorff's alpha of columns of labels: nominal for binary ones, else by squared differences.

    People's mean is no level of an ordinal scale, so ordinal labels count as numbers here. The interval is linearised;
    where items share documents it is made by leaving out one document at a time.
    """
    whole = _alpha(table, level, confidence)
    if clusters is None or len(set(clusters)) == len(table) or whole.value is None:
        return whole

    def value(kept: Bools) -> float | None:
        return _alpha(table[kept], level, confidence).value

    _, left_out = left_out_values(value, deletion_groups(clusters, len(table)))
    return jackknife_estimate(
        whole.value,
        left_out,
        n=whole.n,
        unit=whole.unit,
        method=f"alpha-{'nominal' if level == 'binary' else 'interval'}",
        beyond_chance=True,
        n_clusters=len(set(clusters)),
        confidence=confidence,
    )


def _among_people(judged: Judged, level: Level, confidence: float) -> Estimate | None:
    if judged.raters is None or not (np.isfinite(judged.raters).sum(axis=1) >= 2).any():
        return None
    return alpha_of(judged.raters, judged.clusters, level, confidence)


def _ceilings(
    judged: Judged, level: Level, odd: str | None, rng: np.random.Generator, confidence: float
) -> tuple[Beside, ...]:
    """Items with two people or more, raters with enough of them."""
    if judged.raters is None:
        return ()
    rows = np.flatnonzero(np.isfinite(judged.raters).sum(axis=1) >= 2)
    rows = rows[:: max(1, -(-rows.size // CEILING_ITEMS))]
    table = judged.raters[rows]
    table = table[:, np.isfinite(table).sum(axis=0) >= FEWEST_ITEMS]
    enough = np.isfinite(table).sum(axis=1) >= 2
    rows, table = rows[enough], table[enough]
    if table.shape[1] < 2 or rows.size < FEWEST_ITEMS:
        return ()
    groups = None if judged.clusters is None else [judged.clusters[row] for row in rows.tolist()]
    verdicts = judged.verdicts[rows]
    ranks = _spearman_beside(table, verdicts, groups, rng, confidence)
    return (ranks,) if odd is not None else (ranks, beside_people(table, verdicts, groups, level, confidence))


def _spearman_beside(
    table: Floats, verdicts: Floats, groups: list[str | None] | None, rng: np.random.Generator, confidence: float
) -> Beside:
    found = human_ceiling(table, metric=verdicts, rng=rng, clusters=groups, confidence=confidence)
    assert found.metric is not None and found.difference is not None
    return Beside(measure="spearman", person=found.person, judge=found.metric, difference=found.difference)


def beside_people(
    table: Floats,
    verdicts: Floats,
    groups: Sequence[str | None] | None,
    level: Level,
    confidence: float = 0.95,
) -> Beside:
    """As ``human_ceiling``, with alpha: each rater, and the judge, against the mean or majority of the others.

    Args:
        table: People's labels, shape ``(n, R)``, NaN where one did not see an item.
        verdicts: Of the judge.
        groups: Document of each item.
        level: Scale of the labels.
        confidence: Two-sided coverage.
    """
    others = [_others(table, rater, level) for rater in range(table.shape[1])]

    def mean_alpha(own: Sequence[Floats]) -> Callable[[Bools], float | None]:
        pairs = [np.column_stack(both) for both in zip(own, others, strict=True)]
        known = [np.isfinite(pair).all(axis=1) for pair in pairs]

        def of(kept: Bools) -> float | None:
            values = [
                _alpha(pair[seen & kept], level, confidence).value if (seen & kept).any() else None
                for pair, seen in zip(pairs, known, strict=True)
            ]
            found = [value for value in values if value is not None]
            return float(np.mean(found)) if len(found) == len(values) else None

        return of

    codes = deletion_groups(groups, len(table), most=CEILING_GROUPS)
    person = left_out_values(mean_alpha(list(table.T)), codes)
    judge = left_out_values(mean_alpha([verdicts] * table.shape[1]), codes)
    gap = [
        None if one is None or other is None else other - one
        for one, other in zip([person[0], *person[1]], [judge[0], *judge[1]], strict=True)
    ]

    def interval(whole: float | None, left_out: Sequence[float | None], *, beyond_chance: bool) -> Estimate:
        return jackknife_estimate(
            whole, left_out, n=len(table), unit="agreement", method="alpha", beyond_chance=beyond_chance,
            n_clusters=None if groups is None else len(set(groups)), confidence=confidence,
            estimand="new items, these raters",
        )  # fmt: skip

    return Beside(
        measure="alpha",
        person=interval(*person, beyond_chance=True),
        judge=interval(*judge, beyond_chance=True),
        difference=interval(gap[0], gap[1:], beyond_chance=False),
    )


def _others(table: Floats, rater: int, level: Level) -> Floats:
    """Mean or majority of everybody else, NaN where the rater or all others did not see the item."""
    rest = np.delete(table, rater, axis=1)
    mean = np.where(np.isfinite(table[:, rater]), mean_of_raters(rest), np.nan)
    return majority(mean, table) if level == "binary" else mean


def _parts(
    judged: Judged,
    labels: Floats,
    names: Sequence[str | None] | None,
    level: Level,
    odd: str | None,
    what: str,
    confidence: float,
) -> tuple[Part, ...]:
    if names is None:
        return ()
    parts: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        parts.setdefault(name or "(empty)", []).append(row)
    if len(parts) > MOST_PARTS:
        raise DataError(
            f"there are {len(parts):,} {what}; intervals that hold for so many at once say nothing",
            hint=f"at most {MOST_PARTS}; name a column that groups items",
            code="judge.segments",
        )
    joint = simultaneous_confidence(len(parts), confidence=confidence)
    found = []
    for name, rows in sorted(parts.items()):
        pair = np.column_stack([judged.verdicts[rows], labels[rows]])
        groups = None if judged.clusters is None else [judged.clusters[row] for row in rows]
        few = f"fewer than {FEWEST_ITEMS} items" if len(rows) < FEWEST_ITEMS else None
        why = odd or few
        alpha = (
            alpha_of(pair, groups, level, joint) if why is None else _none(len(rows), "alpha", "agreement", why, joint)
        )
        rho = _spearman(pair, groups, joint) if few is None else _none(len(rows), "delta-z", "rho", few, joint)
        found.append(Part(name=name, n=len(rows), alpha=alpha, spearman=rho))
    return tuple(found)


def _none(n: int, method: str, unit: str, reason: str, confidence: float) -> Estimate:
    return Estimate(
        value=None, low=None, high=None, n=n, method=method, confidence=confidence, unit=unit, reason=reason
    )


def _unbounded(estimate: Estimate, reason: str) -> Estimate:
    return replace(estimate, low=None, high=None, std_error=None, reason=reason)


def _spearman(pair: Floats, groups: list[str | None] | None, confidence: float) -> Estimate:
    return spearman_correlation(pair[:, 0], pair[:, 1], method="delta", clusters=groups, confidence=confidence)
