"""Proper scores of probabilities: Brier and logarithmic, with intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import (
    Floats,
    Labels,
    array_moments,
    class_forecasts,
    cluster_codes,
    forecasts_and_outcomes,
)
from assay.stats.scalar import mean_estimate
from assay.stats.special import check_confidence, normal_cdf


def brier_score(
    probabilities: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Mean squared distance of forecasts from what happened; lower is better.

    In [0, 1] for one event; in [0, 2] for several classes, where the squares of all classes are added. The interval
    is a t interval of the mean (cluster-robust with ``clusters``): valid for 30 forecasts or more that are not all
    near 0 or 1.

    Args:
        probabilities: Of the event, shape ``(n,)``, or of every class, shape ``(n, classes)``, in [0, 1].
        outcomes: 0 or 1, shape ``(n,)``; the number of the class that happened with several classes.
        clusters: Group of each forecast, shape ``(n,)``; ``None`` when they are independent.
        confidence: Two-sided coverage, in (0, 1).

    Raises:
        InvalidInputError: A probability lies outside [0, 1], rows do not sum to 1, or shapes differ.

    Sources:
        Brier (1950), Monthly Weather Review 78, 1-3.

    Examples:
        >>> round(brier_score([0.1, 0.9, 0.8, 0.3], [0, 1, 1, 0]).value, 6)
        0.0375
    """
    if np.ndim(probabilities) == 2:
        forecasts, labels = class_forecasts(probabilities, outcomes)
        happened = np.take_along_axis(forecasts, labels[:, None], axis=1)[:, 0]
        losses = np.square(forecasts).sum(axis=1) - 2.0 * happened + 1.0
    else:
        single, event = forecasts_and_outcomes(probabilities, outcomes)
        losses = np.square(single - event)
    return _mean_loss(losses, clusters, confidence, unit="squared probability")


def log_score(
    probabilities: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    floor: float = 0.0,
) -> Estimate:
    """Mean of -ln of the probability given to what happened, in nats; lower is better.

    A forecast of 0 for what then happened makes the score infinite: the estimate then has no value and says how many
    forecasts did so. ``floor`` raises such probabilities instead, which must be said beside the number.

    Args:
        probabilities: Shape ``(n,)`` or ``(n, classes)``, in [0, 1].
        outcomes: 0 or 1, or class numbers, shape ``(n,)``.
        clusters: Group of each forecast.
        confidence: Two-sided coverage.
        floor: Smallest probability counted, in [0, 0.5).

    Raises:
        InvalidInputError: As in ``brier_score``, or ``floor`` is out of range.

    Sources:
        Good (1952), JRSS B 14, 107-114.

    Examples:
        >>> round(log_score([0.5, 0.25], [1, 0]).value, 4)
        0.4904
        >>> log_score([0.0, 0.25], [1, 0]).reason
        '1 of 2 forecasts gave probability 0 to what happened'
    """
    if not 0.0 <= floor < 0.5:
        raise InvalidInputError(f"floor is {floor}", hint="a small probability such as 1e-6")
    if np.ndim(probabilities) == 2:
        forecasts, labels = class_forecasts(probabilities, outcomes)
        happened = np.take_along_axis(forecasts, labels[:, None], axis=1)[:, 0]
    else:
        single, event = forecasts_and_outcomes(probabilities, outcomes)
        happened = np.where(event == 1.0, single, 1.0 - single)
    happened = np.maximum(happened, floor)
    impossible = int((happened <= 0.0).sum())
    if impossible:
        check_confidence(confidence)
        return Estimate(
            value=None,
            low=None,
            high=None,
            n=happened.size,
            method="t",
            confidence=confidence,
            unit="nats",
            reason=f"{impossible:,} of {happened.size:,} forecasts gave probability 0 to what happened",
        )
    return _mean_loss(-np.log(happened), clusters, confidence, unit="nats")


def calibration_in_the_large(
    probabilities: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Share that happened minus mean forecast, in [-1, 1]; 0 is calibrated on the whole, below 0 over-confident.

    Raises:
        InvalidInputError: As in ``brier_score``.

    Examples:
        >>> round(calibration_in_the_large([0.9, 0.9, 0.9, 0.8], [1, 0, 1, 1]).value, 3)
        -0.125
    """
    forecasts, event = forecasts_and_outcomes(probabilities, outcomes)
    return _mean_loss(event - forecasts, clusters, confidence, unit="probability")


class SpiegelhalterTest(NamedTuple):
    """Test that every forecast is the true probability.

    Attributes:
        z: Above 0 when the Brier score is larger than calibrated forecasts would have.
        p_value: Two-sided.
    """

    z: float
    p_value: float


def spiegelhalter_test(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> SpiegelhalterTest:
    """Whether the Brier score is what these forecasts would have if each were exact; needs no bins.

    Its z is normal under calibration when the sum of p(1 - p)(1 - 2p)² is 5 or more. It is blind where forecasts are
    all 0.5, and to errors that leave the expected Brier score unchanged.

    Raises:
        InvalidInputError: As in ``brier_score``, or all forecasts are 0, 0.5 or 1.

    Sources:
        Spiegelhalter (1986), Statistics in Medicine 5, 421-433.

    Examples:
        >>> result = spiegelhalter_test([0.2, 0.8, 0.7, 0.4], [0, 1, 1, 1])
        >>> round(result.z, 3), round(result.p_value, 3)
        (-0.603, 0.546)
    """
    forecasts, event = forecasts_and_outcomes(probabilities, outcomes)
    lean = 1.0 - 2.0 * forecasts
    variance = float((lean * lean * forecasts * (1.0 - forecasts)).sum())
    if variance <= 0.0:
        raise InvalidInputError("every forecast is 0, 0.5 or 1, which this test cannot judge", hint="use a t interval")
    z = float(((event - forecasts) * lean).sum()) / variance**0.5
    return SpiegelhalterTest(z, 2.0 * normal_cdf(-abs(z)))


def _mean_loss(losses: Floats, clusters: Labels | None, confidence: float, *, unit: str) -> Estimate:
    moments = array_moments(losses, cluster_codes(clusters, losses.size))
    return mean_estimate(moments, confidence=confidence, unit=unit)
