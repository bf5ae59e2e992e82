"""Several epochs of every sample: how much of the noise lies between samples, how much in repeating one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, Labels, cluster_codes, finite_vector
from assay.stats.evaluation.likelihood import restricted_likelihood
from assay.stats.intervals.jackknife import jackknife_error
from assay.stats.special import check_confidence, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochGroups:
    """Epochs of each sample, summed up.

    Attributes:
        sizes: Epochs of each sample, shape ``(samples,)``.
        means: Their mean.
        squares: Sum of squared deviations from it.
    """

    sizes: Floats
    means: Floats
    squares: Floats

    @staticmethod
    def of(values: npt.ArrayLike, samples: Labels) -> EpochGroups:
        """Groups of values by sample label, in order of first appearance.

        Raises:
            InvalidInputError: Values are not finite, or labels and values differ in number.
        """
        data = finite_vector(values, "scores")
        codes = cluster_codes(samples, data.size)
        if codes is None:
            raise InvalidInputError("epochs need the sample of each score", hint="samples=[...]")
        sizes = np.bincount(codes).astype(np.float64)
        first = data[np.unique(codes, return_index=True)[1]]
        above = data - first[codes]  # exactly 0 where epochs agree, so that agreement is not lost in rounding
        shift = np.bincount(codes, weights=above) / sizes
        squares = np.bincount(codes, weights=np.square(above - shift[codes])).astype(np.float64)
        return EpochGroups(sizes=sizes, means=first + shift, squares=squares)


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceComponents:
    """Var(score) = between + within.

    Attributes:
        mean: Of the samples' means, every sample counting once.
        between: Variance of the samples' true means.
        within: Mean variance of repeating one sample.
        icc: ``between / (between + within)``: how alike two epochs of one sample are.
        epochs: Mean number of epochs a sample.
    """

    mean: Estimate
    between: Estimate
    within: Estimate
    icc: Estimate
    epochs: float


def epoch_variance_components(
    values: npt.ArrayLike,
    samples: Labels,
    *,
    method: Literal["moments", "reml"] = "moments",
    confidence: float = 0.95,
) -> VarianceComponents:
    """Variance between and within samples, from scores with epochs, balanced or not.

    ``moments`` (analysis of variance) makes no assumption on the scores: its intervals are t intervals of the
    jackknife over samples, on the log scale for the variances and the logit scale for the ICC, so they hold for 0/1
    scores too, from about 50 samples on (30 for the ICC). ``reml`` maximises the restricted normal likelihood, with
    profile likelihood intervals: sharper for few samples of unequal size, wrong for 0/1 scores. Balanced data give
    the same values either way while the between part is above 0; below 0 it is cut to 0 and has no interval by
    ``moments``.

    Args:
        values: Scores, shape ``(n,)``.
        samples: Sample of each score, shape ``(n,)``.
        method: ``moments`` or ``reml``.
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: Fewer than three samples, no sample with two epochs, an unknown method, or
            ``reml`` on epochs that never differ.

    Sources:
        Searle, Casella & McCulloch (1992), Variance Components, chapter 3 and section 6.6; Arvesen (1969), Annals of
        Mathematical Statistics 40, 2076-2100 (jackknife of variance components).

    Examples:
        >>> parts = epoch_variance_components([1, 1, 1, 0, 0, 0, 0, 1], list("aabbccdd"))
        >>> round(parts.between.value, 4), round(parts.within.value, 4)
        (0.0417, 0.25)
    """
    groups = EpochGroups.of(values, samples)
    check_confidence(confidence)
    if groups.sizes.size < 3 or groups.sizes.max() < 2:
        raise InvalidInputError(
            f"{groups.sizes.size} samples with at most {groups.sizes.max():.0f} epochs have no variance components",
            hint="three samples or more, some of them with two epochs or more",
        )
    if method == "reml" and groups.squares.sum() <= 0.0:
        raise InvalidInputError(
            "no sample differs between epochs, so the likelihood has no maximum", hint="method='moments'"
        )
    if method == "reml":
        between, within, icc = restricted_likelihood(groups.sizes, groups.means, groups.squares, confidence=confidence)
    elif method == "moments":
        between, within, icc = _jackknifed(groups, confidence)
    else:
        raise InvalidInputError(f"there is no method called {method!r}", hint="'moments' or 'reml'")
    return VarianceComponents(
        mean=_mean(groups, confidence),
        between=between,
        within=within,
        icc=icc,
        epochs=float(groups.sizes.mean()),
    )


def _mean(groups: EpochGroups, confidence: float) -> Estimate:
    n = groups.sizes.size
    value, std_error = float(groups.means.mean()), float(groups.means.std(ddof=1)) / math.sqrt(n)
    half = t_quantile(0.5 + confidence / 2.0, n - 1) * std_error
    flat = std_error <= 1e-12 * abs(value)
    return Estimate(
        value=value,
        low=None if flat else value - half,
        high=None if flat else value + half,
        n=n,
        method="t",
        confidence=confidence,
        reason="the samples do not differ, so their spread is unknown" if flat else None,
        std_error=std_error,
    )


def moment_components(sizes: Floats, means: Floats, squares: Floats) -> tuple[float, float]:
    """Between and within variance by analysis of variance; the first may be below 0."""
    between, within = _components(
        np.array([sizes.size], dtype=float),
        *(np.array([float(part.sum())]) for part in (sizes, sizes * sizes, sizes * means, sizes * means**2, squares)),
    )
    return float(between[0]), float(within[0])


def _components(
    groups: Floats, n: Floats, n_squared: Floats, total: Floats, total_squared: Floats, inside: Floats
) -> tuple[Floats, Floats]:
    """Components from column totals; a column leaves one sample out, or none."""
    within = inside / np.maximum(n - groups, 1e-300)
    across = (total_squared - total * total / n) / (groups - 1.0)
    common = (n - n_squared / n) / (groups - 1.0)
    return (across - within) / common, within


def _jackknifed(groups: EpochGroups, confidence: float) -> tuple[Estimate, Estimate, Estimate]:
    s = groups.sizes.size
    centred = groups.means - groups.means.mean()  # before squaring: means far from 0 would lose their digits
    parts = [
        np.ones(s),
        groups.sizes,
        groups.sizes**2,
        groups.sizes * centred,
        groups.sizes * centred**2,
        groups.squares,
    ]
    sums = [float(part.sum()) for part in parts]
    between, within = moment_components(groups.sizes, centred, groups.squares)
    left_b, left_w = _components(*(total - part for total, part in zip(sums, parts, strict=True)))
    lonely = sums[1] - groups.sizes <= s - 1
    whole = between + within
    reason = "only one sample has more than one epoch" if lonely.any() else None
    no_between = reason or ("samples differ no more than epochs do" if between <= 0.0 else None)
    no_within = reason or ("no sample differs between epochs" if within <= 0.0 else None)

    def estimate(value: float, left: Floats, why: str | None, *, logit: bool, unit: str) -> Estimate:
        low = high = std_error = None
        if why is None:
            std_error = jackknife_error(left)
            quantile = t_quantile(0.5 + confidence / 2.0, s - 1)
            slope = value * (1.0 - value) if logit else value
            centre = math.log(value / (1.0 - value)) if logit else math.log(value)
            ends = [centre - quantile * std_error / slope, centre + quantile * std_error / slope]
            low, high = (_expit(end) if logit else math.exp(min(end, 700.0)) for end in ends)
        return Estimate(
            value=max(0.0, value),
            low=low,
            high=high,
            n=s,
            method="moments, sample-jackknife-t",
            confidence=confidence,
            unit=unit,
            reason=why,
            std_error=std_error,
        )

    ratio = max(0.0, between) / whole if whole > 0.0 else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        left_icc = left_b / (left_b + left_w)
    return (
        estimate(between, left_b, no_between, logit=False, unit="score²"),
        estimate(within, left_w, no_within, logit=False, unit="score²"),
        estimate(ratio, left_icc, no_between or no_within, logit=True, unit="share"),
    )


def _expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0.0 else math.exp(x) / (1.0 + math.exp(x))
