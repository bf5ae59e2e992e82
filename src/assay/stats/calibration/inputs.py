"""Checks that every measure of calibration makes, and the bridge from arrays to Moments."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.moments import Moments, Sums

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Labels = Sequence[Hashable] | npt.NDArray[np.generic]


def finite_vector(values: npt.ArrayLike, what: str) -> Floats:
    """``values`` as a vector.

    Raises:
        InvalidInputError: Empty, not one-dimensional, not numbers, or not finite.
    """
    try:
        data = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{what} are not numbers", hint="give a vector of finite numbers") from error
    if data.ndim != 1 or data.size == 0:
        raise InvalidInputError(f"{what} have shape {data.shape}", hint="give a vector with at least one number")
    if not np.isfinite(data).all():
        raise InvalidInputError(
            f"{int((~np.isfinite(data)).sum())} of {data.size} {what} are not finite",
            hint="leave samples without a score out, and count them",
        )
    return data


def binary_outcomes(outcomes: npt.ArrayLike, n: int) -> Floats:
    """Outcomes that are 0 or 1, one for each of ``n`` forecasts."""
    data = finite_vector(outcomes, "outcomes")
    if data.size != n:
        raise InvalidInputError(f"{n} forecasts come with {data.size} outcomes", hint="one outcome a forecast")
    if not ((data == 0.0) | (data == 1.0)).all():
        raise InvalidInputError("an outcome is neither 0 nor 1", hint="1 where it happened (the answer was right)")
    return data


def forecasts_and_outcomes(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Probabilities in [0, 1] of an event and whether it happened, both of shape ``(n,)``."""
    forecasts = finite_vector(probabilities, "probabilities")
    if forecasts.min() < 0.0 or forecasts.max() > 1.0:
        raise InvalidInputError(
            f"probabilities reach from {forecasts.min():.4g} to {forecasts.max():.4g}",
            hint="they lie in [0, 1]; divide percentages by 100, pass log-odds through the logistic function",
        )
    return forecasts, binary_outcomes(outcomes, forecasts.size)


def class_forecasts(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[Floats, Codes]:
    """Probabilities of shape ``(n, classes)`` with rows that sum to 1, and the class that happened."""
    forecasts = np.asarray(probabilities, dtype=np.float64)
    if forecasts.ndim != 2 or forecasts.shape[0] == 0 or forecasts.shape[1] < 2:
        raise InvalidInputError(f"probabilities have shape {forecasts.shape}", hint="(n,) or (n, classes >= 2)")
    if not np.isfinite(forecasts).all() or forecasts.min() < 0.0 or np.abs(forecasts.sum(axis=1) - 1.0).max() > 1e-6:
        raise InvalidInputError("a row of probabilities does not sum to 1", hint="normalise each row")
    return forecasts, class_labels(outcomes, forecasts.shape[0], forecasts.shape[1])


def class_labels(outcomes: npt.ArrayLike, n: int, classes: int) -> Codes:
    """Class numbers 0 to ``classes - 1``, one for each of ``n`` rows."""
    labels = finite_vector(outcomes, "outcomes")
    if labels.size != n or not ((labels == np.floor(labels)) & (labels >= 0) & (labels < classes)).all():
        raise InvalidInputError(
            f"outcomes are not {n} class numbers from 0 to {classes - 1}", hint="the column that happened, a row"
        )
    return labels.astype(np.intp)


def cluster_codes(clusters: Labels | None, n: int) -> Codes | None:
    """Groups numbered 0, 1, … in order of first appearance; ``None`` when there are none.

    A value whose label is ``None`` belongs to no group and gets a number of its own.

    Raises:
        InvalidInputError: There is not one label for each value.
    """
    if clusters is None:
        return None
    if len(clusters) != n:
        raise InvalidInputError(f"{n} values come with {len(clusters)} clusters", hint="one cluster a value")
    known: dict[Hashable, int] = {}
    plain = clusters.tolist() if isinstance(clusters, np.ndarray) else clusters
    keys = (_Alone() if label is None else label for label in plain)
    return np.fromiter((known.setdefault(label, len(known)) for label in keys), dtype=np.intp, count=n)


class _Alone:
    """The label of a value that has none: equal to no other."""


def array_moments(values: Floats, codes: Codes | None) -> Moments:
    """Moments of a vector without a loop over its values; groups of one value count as independent values."""
    mean = float(values.mean())
    total = Sums(values.size, mean, float(np.square(values - mean).sum()))
    zeros, ones = int((values == 0.0).sum()), int((values == 1.0).sum())
    if codes is None:
        return Moments(total=total, loose=total, zeros=zeros, ones=ones)
    sizes = np.bincount(codes)
    means = np.bincount(codes, weights=values) / sizes
    squares = np.bincount(codes, weights=np.square(values - means[codes]))
    clusters = {
        str(code): Sums(int(size), float(centre), float(square))
        for code, (size, centre, square) in enumerate(zip(sizes, means, squares, strict=True))
    }
    return Moments(total=total, clusters=clusters, zeros=zeros, ones=ones)
