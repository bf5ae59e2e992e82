"""``assay agreement``: how far raters agree beyond chance, who stands apart, and the consensus their labels support."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from assay.app.agreement_consensus import Agreed, consensus_document, find_consensus
from assay.app.agreement_file import AgreementRequest, LabelFile, Level, read_labels
from assay.app.agreement_words import agreement_sentences
from assay.core.codec import to_document
from assay.core.errors import DataError
from assay.core.records import Estimate
from assay.stats.agreement.against_others import raters_against_others
from assay.stats.agreement.alpha import krippendorff_alpha
from assay.stats.agreement.icc import intraclass_correlation
from assay.stats.agreement.kappa import cohen_kappa
from assay.stats.agreement.percent import percent_agreement
from assay.stats.agreement.ratings import Ratings
from assay.stats.agreement.shares import fleiss_kappa, gwet_ac1, gwet_ac2
from assay.stats.moments import Moments
from assay.stats.multiplicity.adjusted import holm
from assay.stats.multiplicity.simultaneous import simultaneous_confidence
from assay.stats.scalar import mean_estimate

SCHEMA = "assay.agreement/1"
MOST_PAIRS = 190
"""All pairs of twenty raters; of more raters, the pairs that share most units."""
MOST_WEIGHTED_LEVELS = 200


def measure_agreement(request: AgreementRequest) -> tuple[dict[str, Any], Agreed]:
    """The ``assay.agreement/1`` document of a file, and the consensus that ``--output`` writes.

    Raises:
        DataError: As ``read_labels``; or one rater only (``agreement.one_rater``), no unit that two raters labelled
            (``agreement.no_overlap``), or a consensus that the labels do not allow (``agreement.consensus``).
    """
    file = read_labels(request)
    ratings = file.ratings
    _check(ratings, request)
    agreed = find_consensus(file, request)
    shown = _shares(ratings, file.level)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "file": request.path,
        "columns": {"unit": request.unit, "rater": request.rater, "label": request.label},
        "level": file.level,
        "level_reason": file.why or None,
        "confidence": request.confidence,
        "units": ratings.n_units,
        "raters": ratings.n_raters,
        "labels": ratings.n_labels,
        "missing": file.missing,
        "dropped": file.dropped,
        "alone": int(np.count_nonzero(ratings.per_unit == 1)),
        "label_shares": shown,
        "coefficients": coefficients(ratings, file.level, request),
        "segments": _segments(file, request),
        **_pairs(ratings, file.level, request.confidence),
        "rater_table": _raters(file, agreed, request.confidence),
        "consensus": consensus_document(agreed, file, request),
    }
    document = {name: to_document(value) for name, value in document.items()}
    return {**document, "sentences": agreement_sentences(document)}, agreed


def _check(ratings: Ratings, request: AgreementRequest) -> None:
    if ratings.n_raters < 2:
        raise DataError(
            f"all labels are by {ratings.rater_names[0]}; agreement needs two raters",
            hint=f"name the column of raters with --rater (now {request.rater})",
            code="agreement.one_rater",
        )
    if int(ratings.per_unit.max()) < 2:
        raise DataError(
            f"none of {ratings.n_units:,} units has labels of two raters",
            hint=f"name the column of units with --unit (now {request.unit})",
            code="agreement.no_overlap",
        )


def _shares(ratings: Ratings, level: Level) -> dict[str, float] | None:
    """How often each label was given; nothing for a scale of numbers."""
    if level in ("interval", "ratio"):
        return None
    counts = np.bincount(ratings.code, minlength=len(ratings.levels)) / ratings.n_labels
    return dict(zip(map(str, ratings.levels), counts.tolist(), strict=True))


def coefficients(ratings: Ratings, level: Level, request: AgreementRequest) -> dict[str, Estimate]:
    """The ones that suit the scale and the number of raters; alpha always, by a bootstrap over units."""
    confidence, rng = request.confidence, np.random.default_rng(request.seed)
    found = {
        "percent_agreement": percent_agreement(ratings, confidence=confidence),
        "krippendorff_alpha": krippendorff_alpha(ratings, metric=level, confidence=confidence, rng=rng),
    }
    two = ratings.n_raters == 2
    if level == "nominal":
        if two:
            found["cohen_kappa"] = cohen_kappa(ratings, confidence=confidence)
        else:
            found["fleiss_kappa"] = fleiss_kappa(ratings, confidence=confidence)
        found["gwet_ac1"] = gwet_ac1(ratings, confidence=confidence)
    elif level == "ordinal" and len(ratings.levels) <= MOST_WEIGHTED_LEVELS:
        if two:
            found["cohen_kappa_quadratic"] = cohen_kappa(ratings, weights="quadratic", confidence=confidence)
        found["gwet_ac2"] = gwet_ac2(ratings, confidence=confidence)
    elif level in ("interval", "ratio"):
        found["icc_2_1"] = intraclass_correlation(ratings, form="2,1", confidence=confidence)
        found["icc_2_k"] = intraclass_correlation(ratings, form="2,k", confidence=confidence)
    return found


def _segments(file: LabelFile, request: AgreementRequest) -> list[dict[str, Any]]:
    """Alpha of each segment, with intervals that hold for all of them together."""
    if not file.segments:
        return []
    level = simultaneous_confidence(len(file.segments), confidence=request.confidence)
    rows = []
    for place, (name, ratings) in enumerate(file.segments.items()):
        rng = np.random.default_rng([request.seed, place])
        alpha = krippendorff_alpha(ratings, metric=file.level, confidence=level, rng=rng)
        rows.append(
            {
                "segment": name,
                "units": ratings.n_units,
                "labels": ratings.n_labels,
                "percent_agreement": percent_agreement(ratings, confidence=level),
                "krippendorff_alpha": alpha,
            }
        )
    return rows


def _pairs(ratings: Ratings, level: Level, confidence: float) -> dict[str, Any]:
    """Agreement of two raters at a time: Cohen's kappa for labels, alpha for numbers."""
    from scipy.sparse import coo_array

    shape = (ratings.n_raters, ratings.n_units)
    table = coo_array((np.ones(ratings.n_labels), (ratings.rater, ratings.unit)), shape=shape).tocsr()
    shared = (table @ table.T).tocoo()
    upper = shared.row < shared.col
    first, second, units = shared.row[upper], shared.col[upper], shared.data[upper]
    order = np.lexsort((second, first, -units))[:MOST_PAIRS]
    marks = ratings.values if level in ("interval", "ratio") else ratings.code
    ends = np.cumsum(np.bincount(ratings.rater, minlength=ratings.n_raters))
    by_rater = np.split(np.argsort(ratings.rater, kind="stable"), ends[:-1])
    rows = []
    for one, other in zip(first[order].tolist(), second[order].tolist(), strict=True):
        left, right = by_rater[one], by_rater[other]
        _, here, there = np.intersect1d(
            ratings.unit[left], ratings.unit[right], assume_unique=True, return_indices=True
        )
        both = np.column_stack([marks[left[here]], marks[right[there]]])
        rows.append(
            {
                "raters": [ratings.rater_names[one], ratings.rater_names[other]],
                **_pair(both, len(ratings.levels), level, confidence),
            }
        )
    return {"pairs": rows, "pairs_left_out": max(0, int(upper.sum()) - len(rows))}


def _pair(both: Any, levels: int, level: Level, confidence: float) -> dict[str, Any]:
    codes = None if level in ("interval", "ratio") else range(levels)
    two = Ratings.from_matrix(both, levels=codes)
    if codes is None:
        beyond = krippendorff_alpha(two, metric=level, confidence=confidence)
    else:
        weighted = level == "ordinal" and levels <= MOST_WEIGHTED_LEVELS
        beyond = cohen_kappa(two, weights="quadratic" if weighted else "unweighted", confidence=confidence)
    return {"percent_agreement": percent_agreement(two, confidence=confidence), "beyond_chance": beyond}


def _raters(file: LabelFile, agreed: Agreed, confidence: float) -> list[dict[str, Any]]:
    """Every rater beside the others, the consensus and the truth; who disagrees most comes first."""
    ratings, numbers = file.ratings, file.level in ("interval", "ratio")
    against = raters_against_others(
        ratings, metric="interval" if numbers else "ordinal" if file.level == "ordinal" else "nominal",
        confidence=confidence,
    )  # fmt: skip
    adjusted = iter(holm([one.p_value for one in against if one.p_value is not None]))
    count = np.bincount(ratings.rater, minlength=ratings.n_raters)
    truth = _against_truth(file, confidence)
    rows = [
        {
            "rater": one.rater,
            "labels": int(n),
            "disagreement": one.own,
            "among_others": one.others,
            "excess": one.excess,
            "p_value": one.p_value,
            "p_adjusted": None if one.p_value is None else next(adjusted),
            "quality": None if agreed.quality is None else agreed.quality[place],
            "against_gold": None if truth is None else truth[place],
        }
        for place, (one, n) in enumerate(zip(against, count.tolist(), strict=True))
    ]
    return sorted(rows, key=_standing)


def _standing(row: Mapping[str, Any]) -> tuple[bool, float]:
    """By the certain part of the excess: three odd labels of a newcomer are no finding."""
    low = row["excess"].low
    return low is None, -(low or 0.0)


def _against_truth(file: LabelFile, confidence: float) -> Sequence[Estimate] | None:
    """Share of right labels of each rater; its mean absolute error on a scale of numbers."""
    ratings, gold = file.ratings, file.gold
    if not gold:
        return None
    numbers = file.level in ("interval", "ratio")
    marks: list[Hashable] = ratings.values.tolist() if numbers else [ratings.levels[code] for code in ratings.code]
    scores: list[list[float]] = [[] for _ in ratings.rater_names]
    for unit, rater, label in zip(ratings.unit.tolist(), ratings.rater.tolist(), marks, strict=True):
        true = gold.get(ratings.unit_names[unit])
        if true is not None:
            scores[rater].append(abs(label - true) if numbers else float(label == true))  # type: ignore[operator]
    unit_name = "error" if numbers else "share"
    return [mean_estimate(Moments.of(found), confidence=confidence, unit=unit_name) for found in scores]
