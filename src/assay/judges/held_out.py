"""What a distilled judge is worth on systems and documents it has not seen, beside the length of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.core.records import Estimate
from assay.judges.distilled import UNDECIDED, USEFUL, USELESS
from assay.judges.text_features import Floats
from assay.stats.correlation.dependent import compare_dependent_correlations
from assay.stats.intervals.clustered import clustered_mean
from assay.stats.intervals.ratios import ratio_metric

SYSTEMS, DOCUMENTS = "systems", "documents"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What was foretold of items whose document, and whose system too, no fit had seen.

    Shares of variance are squared errors saved against the mean verdict of what each fit had seen, over what that mean
    loses: 0 for a judge that knows nothing. Correlations are of what is foretold beyond that mean, which would else
    fall with the left-out verdicts themselves and make a judge that knows nothing look opposed to its teacher.

    Attributes:
        left_out: ``systems`` (documents as well) or ``documents`` alone.
        spearman: Rank correlation with the teacher's verdicts.
        length_spearman: The same of length alone.
        spearman_gain: The first minus the second.
        r2: Share of the variance of the teacher's verdicts explained; below 0 when it does harm.
        length_r2: The same of length alone.
        gain: The first minus the second. Like those above it speaks of these systems on new documents.
        r2_new: ``r2`` with the interval that speaks of new systems like these, which rests on how the systems differ;
            ``None`` where none were left out.
        gain_new: ``gain``, likewise.
        slope: Of the teacher's verdict on the foretold one; 1 when calibrated.
        residual_variance: Of the teacher's verdict minus the foretold one.
    """

    left_out: str
    spearman: Estimate
    length_spearman: Estimate
    spearman_gain: Estimate
    r2: Estimate
    length_r2: Estimate
    gain: Estimate
    r2_new: Estimate | None
    gain_new: Estimate | None
    slope: Estimate
    residual_variance: float


def measured(
    left_out: str,
    predicted: Floats,
    verdicts: Floats,
    clusters: list[str] | None,
    systems: list[str] | None,
    confidence: float,
) -> HeldOut:
    """Hold what was foretold against the verdicts and against length alone.

    Args:
        left_out: ``systems`` or ``documents``.
        predicted: By the mean of what was seen, by length alone and by the whole judge, shape ``(3, n)``.
        verdicts: The teacher's, shape ``(n,)``.
        clusters: Document of each; every item its own without.
        systems: Who answered.
        confidence: Of the intervals.
    """
    mean, length, whole = predicted
    ranks = compare_dependent_correlations(
        whole - mean, length - mean, verdicts, kind="spearman", clusters=clusters, confidence=confidence
    )
    documents: Sequence[str] = clusters or [str(row) for row in range(verdicts.size)]
    drawn = systems if left_out == SYSTEMS else None
    losses = [np.square(verdicts - one) for one in (mean, length, whole)]

    def saved(before: int, after: int, labels: Sequence[str]) -> Estimate:
        share = (losses[before] - losses[after]) / losses[0].mean()
        return replace(clustered_mean(share, labels, confidence=confidence, unit="r2"), method="cross-fitted-CR2")

    return HeldOut(
        left_out=left_out,
        spearman=ranks.first,
        length_spearman=ranks.second,
        spearman_gain=ranks.difference,
        r2=saved(0, 2, documents),
        length_r2=saved(0, 1, documents),
        gain=saved(1, 2, documents),
        r2_new=None if drawn is None else saved(0, 2, drawn),
        gain_new=None if drawn is None else saved(1, 2, drawn),
        slope=_slope(whole - mean, verdicts, documents, confidence),
        residual_variance=float(losses[2].mean()),
    )


def _slope(foretold: Floats, verdicts: Floats, documents: Sequence[str], confidence: float) -> Estimate:
    """Of a straight line through verdicts by what was foretold of them."""
    centred = foretold - foretold.mean()
    if float(np.square(centred).sum()) <= 0.0:
        return Estimate(value=None, low=None, high=None, n=verdicts.size, method="delta-t", confidence=confidence,
                        unit="slope", reason="it foretells the same of every item")  # fmt: skip
    return ratio_metric(
        centred * (verdicts - verdicts.mean()),
        np.square(centred),
        clusters=documents,
        confidence=confidence,
        unit="slope",
    )


def standing(held: HeldOut) -> tuple[str, str]:
    """Whether it is shown to explain something, and more than length alone, of systems it has not seen."""
    if held.r2_new is None or held.gain_new is None:
        return UNDECIDED, (
            "No system was held out, for nobody said who answered: whether it foretells verdicts on a new system better"
            f" than the answer's length does is not known. On new documents it explains {_said(held.gain)} of their"
            " variance beyond length."
        )
    if not _above_zero(held.r2):
        return USELESS, f"Useless: of systems it has not seen it is not shown to explain anything, {_said(held.r2)}."
    if not _above_zero(held.gain):
        return USELESS, (
            "Useless: of systems it has not seen it is not shown to foretell verdicts better than length alone;"
            f" it explains {_said(held.gain)} of their variance beyond length."
        )
    shown = (
        f"of these systems, each held out, it explains {_said(held.r2)} of the variance of verdicts,"
        f" {_said(held.gain)} beyond length"
    )
    if _above_zero(held.r2_new) and _above_zero(held.gain_new):
        return USEFUL, f"Useful: {shown}; for new systems like these the interval beyond length is {_new(held)}."
    return UNDECIDED, (
        f"Undecided: {shown}; but that rests on few of them, and for new systems like these the interval beyond length"
        f" is {_new(held)}."
    )


def _above_zero(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.low > 0.0


def _new(held: HeldOut) -> str:
    gain = held.gain_new
    return "not known" if gain is None or gain.low is None else f"{gain.low:.1%} to {gain.high:.1%}"


def _said(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None:
        return f"an unknown share ({estimate.reason})"
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
