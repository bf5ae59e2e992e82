"""PPI++ within strata that are labelled apart."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.prediction.inputs import finite_vector
from assay.stats.prediction.tuned import TunedMean
from assay.stats.special import check_confidence, normal_quantile, t_quantile


def stratified_ppi_mean(
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    strata: npt.ArrayLike,
    unlabeled_predictions: npt.ArrayLike,
    unlabeled_strata: npt.ArrayLike,
    *,
    shares: dict[str, float] | None = None,
    lam: float | None = None,
    method: str = "t",
    confidence: float = 0.95,
    unit: str = "score",
) -> Estimate:
    """PPI++ within strata (systems, languages, segments), each with its own λ, added up by their shares.

    Helps where the predictor's bias differs between strata. With ``t`` the degrees of freedom are Satterthwaite's;
    strata of fewer than 4 labels have no usable variance and leave the estimate without bounds.

    Args:
        labels: Shape ``(n,)``.
        predictions: Of the same inputs.
        strata: Stratum of each labelled input, shape ``(n,)``.
        unlabeled_predictions: Shape ``(N,)``.
        unlabeled_strata: Stratum of each unlabelled input, shape ``(N,)``.
        shares: Known share of each stratum among all inputs, by name; without it the unlabelled inputs' shares, taken
            as known.
        lam: As in ``ppi_mean``, for all strata.
        method: ``t`` or ``normal``.
        confidence: Two-sided coverage.
        unit: Of the labels.

    Raises:
        InvalidInputError: A stratum lacks labelled or unlabelled inputs, or shares do not fit.

    Sources:
        Fisch et al. (2024), arXiv:2406.04291 (stratified PPI); Cochran (1977), section 5.4 (degrees of freedom).

    Examples:
        >>> y, f, s = [1, 2, 1, 2, 8, 9, 8, 9], [1, 2, 2, 2, 5, 6, 5, 5], list("aaaabbbb")
        >>> stratified_ppi_mean(y, f, s, [1, 2, 5, 6], list("aabb"), lam=1.0).value
        5.0
    """
    names, other = np.asarray(strata).astype(str), np.asarray(unlabeled_strata).astype(str)
    y, f = finite_vector(labels, "labels"), finite_vector(predictions, "predictions")
    g = finite_vector(unlabeled_predictions, "unlabelled predictions")
    if not (names.shape == y.shape == f.shape and other.shape == g.shape):
        raise InvalidInputError("strata do not fit the inputs", hint="one stratum for every input")
    known = sorted(set(names.tolist()) | set(other.tolist()))
    weights = _shares(shares, other, known)
    parts = {}
    for name in known:
        mine, theirs = names == name, other == name
        if not mine.any() or not theirs.any():
            raise InvalidInputError(
                f"stratum {name} has {mine.sum()} labelled and {theirs.sum()} unlabelled inputs",
                hint="merge small strata",
            )
        parts[name] = TunedMean.of(y[mine], f[mine], g[theirs], lam=lam, method=method)
    value = math.fsum(weights[name] * part.value for name, part in parts.items())
    few = [name for name, part in parts.items() if part.n < 4 and weights[name] > 0.0]
    reason = f"fewer than 4 labels in stratum {', '.join(few)}" if few else None
    variances = [(weights[name] ** 2 * part.variance, part.df) for name, part in parts.items()]
    variance = math.fsum(v for v, _ in variances)
    if reason is None and all(part.flat for part in parts.values()):
        reason = "the residuals within each stratum do not differ, so their spread is unknown"
    half = None
    if reason is None:
        squares = math.fsum(v * v / df for v, df in variances)
        quantile = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
        half = math.sqrt(variance) * (
            quantile if method == "normal" else t_quantile(0.5 + confidence / 2.0, variance * variance / squares)
        )
    return Estimate(
        value=value,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
        confidence=confidence,
        n=y.size,
        method=f"stratified-ppi++-{method}",
        unit=unit,
        reason=reason,
        std_error=None if half is None else math.sqrt(variance),
    )


def _shares(shares: dict[str, float] | None, other: npt.NDArray[np.str_], known: list[str]) -> dict[str, float]:
    raw = {name: float(np.count_nonzero(other == name)) for name in known} if shares is None else shares
    total = math.fsum(raw.values())
    if sorted(raw) != known or total <= 0.0 or min(raw.values()) < 0.0:
        raise InvalidInputError(f"shares do not fit the strata {', '.join(known)}", hint="one positive share for each")
    return {name: share / total for name, share in raw.items()}
