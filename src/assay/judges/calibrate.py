"""Calibration: the map from verdicts, free metrics and system to people's labels, and the judge's error rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from assay.core.errors import DataError, InvalidInputError
from assay.core.records import Estimate
from assay.judges.calibration_map import (
    CalibrationMap,
    ErrorRates,
    Fitted,
    TierMap,
    filled_columns,
    system_columns,
)
from assay.judges.judged import HUMAN, VERDICT, Judged
from assay.judges.ridge import cross_fitted_ridge, document_folds, within_variance
from assay.stats.calibration.inputs import array_moments, cluster_codes
from assay.stats.intervals.ratios import ratio_metric
from assay.stats.prediction.inputs import Floats
from assay.stats.prediction.residual_curve import fit_residual_curve
from assay.stats.prediction.ridge import PENALTIES, Codes, Ridge, fit_tuned_ridge
from assay.stats.scalar import mean_estimate

FEWEST_LABELS = 20
FOLDS = 10
SYSTEM_FOLDS = 12
"""Systems are left out one by one up to this many, in groups beyond."""

Bools = npt.NDArray[np.bool_]
Tiers = Mapping[str, Sequence[str]] | Sequence[str]


def calibrate(
    judged: Judged,
    *,
    features: Tiers = (VERDICT,),
    rng: np.random.Generator,
    target: str = HUMAN,
    system: bool = False,
    ridge: float | None = None,
    folds: int = FOLDS,
    threshold: float | None = None,
    confidence: float = 0.95,
) -> CalibrationMap:
    """Fit the map from named features to people's labels, tier by tier.

    Its errors are honest: each label is predicted by a fit, choice of penalty included, that saw nothing of the
    label's document; the map for unknown systems also nothing of its system.

    Args:
        judged: Verdicts, features and labels; items without a label are left out.
        features: Columns of each tier, lowest first, ``{"free": ["rouge_l"], "strong": ["verdict"]}``: a tier's map
            uses its own and those below. A plain sequence is one tier called ``judge``.
        rng: Draws the folds.
        target: Column of labels.
        system: Also fit maps that know each system. They predict these systems better, and say nothing of new ones.
        ridge: Penalty in labels; chosen by cross-validation when ``None``.
        folds: Of documents.
        threshold: For 0/1 labels: a verdict of at least this counts as yes; 0.5 for verdicts that are 0 or 1.
        confidence: Of the intervals.

    Raises:
        DataError: A feature is not there (``judge.no_feature``), fewer than 20 labels (``judge.few_labels``), labels
            that do not vary (``judge.flat_labels``), no systems (``judge.no_systems``).
        InvalidInputError: A tier is without features, or all items are of one document.

    Sources:
        Hoerl & Kennard (1970), Technometrics 12, 55-67 (ridge); Ayer et al. (1955), Annals of Mathematical Statistics
        26, 641-647 (isotonic curve).

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> truth = rng.normal(3, 1, size=200)
        >>> judged = Judged(ids=[str(k) for k in range(200)], verdicts=truth + 1 + rng.normal(size=200), human=truth)
        >>> found = calibrate(judged, rng=rng)
        >>> 0.4 < found.tiers[0].unknown.r2.value < 0.6
        True
        >>> bool(found.predict({"verdict": [4.0]})[0] < 4.0)
        True
    """
    labelled = _labelled(judged, target, system)
    labels = labelled.column(target)
    tiers = _tiers(features, labelled)
    fold = document_folds(labelled.clusters, labelled.n, folds=folds, rng=rng)
    known = tuple(sorted({str(one) for one in labelled.systems or () if one is not None})) if system else ()
    others = _system_folds(labelled, rng) if labelled.systems is not None else None
    penalties = PENALTIES if ridge is None else (float(ridge),)
    maps, used = [], []
    for name, own in tiers.items():
        used += [one for one in own if one not in used]
        maps.append(_tier(name, used, labelled, labels, known, fold, others, penalties, confidence))
    return CalibrationMap(
        target=target,
        tiers=tuple(maps),
        systems=known,
        n=labelled.n,
        n_documents=None if labelled.clusters is None else len(set(labelled.clusters)),
        label_std_dev=float(labels.std(ddof=1)),
        curve=isotonic_curve(labelled.verdicts, labels),
        errors=error_rates(labelled, labels, threshold=threshold, confidence=confidence),
        labels_hash=labelled.labels_hash(),
    )


def _labelled(judged: Judged, target: str, system: bool) -> Judged:
    labels = judged.column(target)
    known = np.isfinite(labels)
    count = int(known.sum())
    if count < FEWEST_LABELS:
        raise DataError(
            f"{count} items have a label in {target}; a map needs {FEWEST_LABELS}",
            hint="label more items, drawn at random",
            code="judge.few_labels",
        )
    if float(labels[known].std()) == 0.0:
        raise DataError(
            f"all {count} labels in {target} are {labels[known][0]:g}",
            hint="a map needs labels that differ",
            code="judge.flat_labels",
        )
    if system and (judged.systems is None or len(set(judged.systems)) < 2):
        raise DataError("a map with systems needs two of them", hint="name their column", code="judge.no_systems")
    return judged.where(known)


def _tiers(features: Tiers, judged: Judged) -> dict[str, tuple[str, ...]]:
    named = features if isinstance(features, Mapping) else {"judge": features}
    tiers = {name: tuple(columns) for name, columns in named.items()}
    if not tiers or not all(tiers.values()):
        raise InvalidInputError("a tier has no features", hint="name at least one column for each tier")
    for columns in tiers.values():
        for name in columns:
            if not np.isfinite(judged.column(name)).any():
                raise InvalidInputError(f"{name} has no value on any labelled item", hint="leave it out")
    return tiers


def _system_folds(judged: Judged, rng: np.random.Generator) -> Codes | None:
    """Each system a fold of its own, or several together; ``None`` where there is one system."""
    names = judged.systems or ()
    if len(set(names)) < 2:
        return None
    return document_folds(names, judged.n, folds=SYSTEM_FOLDS, rng=rng)


def _tier(
    name: str,
    used: Sequence[str],
    judged: Judged,
    labels: Floats,
    known: tuple[str, ...],
    fold: Codes,
    others: Codes | None,
    penalties: Sequence[float],
    confidence: float,
) -> TierMap:
    columns = {one: judged.column(one) for one in used}
    fill = tuple(float(np.nanmean(column)) for column in columns.values())
    marked = tuple(one for one, column in columns.items() if np.isnan(column).any())
    plain = filled_columns(columns, used, fill, marked, judged.n)
    systems = None if judged.systems is None else np.unique(list(map(str, judged.systems)), return_inverse=True)[1]

    def fitted(x: Floats, left_out: Codes | None) -> Fitted:
        predicted = cross_fitted_ridge(x, labels, folds=fold, others=left_out, penalties=penalties)
        return Fitted(
            ridge=fit_tuned_ridge(x, labels, folds=fold, penalties=penalties),
            residual_variance=float(np.square(labels - predicted).mean()),
            within_variance=within_variance(labels - predicted, systems),
            r2=explained(labels, predicted, judged.clusters, confidence=confidence),
            sizes=fit_residual_curve(predicted, labels),
        )

    return TierMap(
        name=name,
        features=tuple(used),
        fill=fill,
        marked=marked,
        unknown=fitted(plain, others),
        known=fitted(np.hstack([plain, system_columns(judged.systems or (), known)]), None) if known else None,
        left_out=_without_each(known, judged, plain, labels, fold, penalties),
    )


def _without_each(
    known: Sequence[str], judged: Judged, columns: Floats, labels: Floats, fold: Codes, penalties: Sequence[float]
) -> dict[str, Ridge]:
    """For each known system the fit of all others."""
    named, found = np.array([str(one) for one in judged.systems or ()]), {}
    for system in known:
        seen = named != system
        chosen = penalties if np.unique(fold[seen]).size > 1 else (float(np.median(penalties)),)
        found[system] = fit_tuned_ridge(columns[seen], labels[seen], folds=fold[seen], penalties=chosen)
    return found


def explained(
    labels: Floats, predicted: Floats, clusters: Sequence[str | None] | None, *, confidence: float = 0.95
) -> Estimate:
    """Share of the labels' variance that predictions made without them explain: 1 - Σ(y - p)² / Σ(y - ȳ)².

    The interval is that of the ratio of the two sums, documents (or items) being drawn; it takes the fits as they are.
    """
    lost = ratio_metric(
        np.square(labels - predicted), np.square(labels - labels.mean()), clusters=clusters, confidence=confidence
    )
    return Estimate(
        value=None if lost.value is None else 1.0 - lost.value,
        low=None if lost.high is None else 1.0 - lost.high,
        high=None if lost.low is None else 1.0 - lost.low,
        n=lost.n,
        method="cross-fitted-delta-t",
        confidence=confidence,
        unit="r2",
        reason=lost.reason,
        n_clusters=None if clusters is None else len(set(clusters)),
        std_error=lost.std_error,
    )


def isotonic_curve(verdicts: Floats, labels: Floats) -> tuple[tuple[float, float], ...]:
    """Rising points (verdict, mean label), inner points of flat runs left out; empty without two verdicts.

    Examples:
        >>> isotonic_curve(np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 4.0]))
        ((1.0, 1.5), (2.0, 1.5), (3.0, 4.0))
    """
    from scipy.optimize import isotonic_regression

    both = np.isfinite(verdicts) & np.isfinite(labels)
    if np.unique(verdicts[both]).size < 2:
        return ()
    levels, index = np.unique(verdicts[both], return_inverse=True)
    mass = np.bincount(index).astype(np.float64)
    fitted = isotonic_regression(np.bincount(index, weights=labels[both]) / mass, weights=mass).x
    shown = np.ones(levels.size, dtype=bool)
    shown[1:-1] = (np.diff(fitted)[:-1] != 0.0) | (np.diff(fitted)[1:] != 0.0)
    return tuple(zip(levels[shown].tolist(), fitted[shown].tolist(), strict=True))


def error_rates(
    judged: Judged, labels: Floats, *, threshold: float | None = None, confidence: float = 0.95
) -> ErrorRates | None:
    """Sensitivity and specificity against 0/1 labels; ``None`` where labels or verdicts are graded.

    Wilson's interval, on the effective number of items where they share documents. Items without a verdict are left
    out and counted as ``unscored``.
    """
    seen = np.isfinite(judged.verdicts) & np.isfinite(labels)
    binary = np.isin(labels[np.isfinite(labels)], (0.0, 1.0)).all()
    if threshold is None and np.isin(judged.verdicts[seen], (0.0, 1.0)).all():
        threshold = 0.5
    if not binary or threshold is None or not seen.any():
        return None
    yes, positive = judged.verdicts >= threshold, labels == 1.0
    negative = np.isfinite(labels) & ~positive
    sensitivity, found_positive = _rate(judged, yes, positive, seen, confidence)
    specificity, found_negative = _rate(judged, ~yes, negative, seen, confidence)
    return ErrorRates(
        threshold=float(threshold),
        sensitivity=sensitivity,
        specificity=specificity,
        true_positives=found_positive,
        n_positive=sensitivity.n,
        true_negatives=found_negative,
        n_negative=specificity.n,
    )


def _rate(judged: Judged, right: Bools, side: Bools, seen: Bools, confidence: float) -> tuple[Estimate, int]:
    """Share of right verdicts on one side of the truth, and their number."""
    rows = np.flatnonzero(seen & side).tolist()
    hits = right[rows].astype(np.float64)
    left_out = int(side.sum()) - hits.size
    if not hits.size:
        nothing = Estimate(
            value=None, low=None, high=None, n=0, method="wilson", confidence=confidence, unit="share",
            reason="people call no judged item so", unscored=left_out,
        )  # fmt: skip
        return nothing, 0
    groups = None if judged.clusters is None else [judged.clusters[row] for row in rows]
    moments = array_moments(hits, cluster_codes(groups, hits.size))
    return mean_estimate(moments, confidence=confidence, unit="share", unscored=left_out), int(hits.sum())
