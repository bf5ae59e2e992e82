"""A rate counted by an imperfect classifier, corrected by its measured sensitivity and specificity."""

from __future__ import annotations

import math

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.scalar import wilson
from assay.stats.special import check_confidence, normal_quantile


def rogan_gladen(
    positives: int,
    n: int,
    *,
    true_positives: int,
    n_positive: int,
    true_negatives: int,
    n_negative: int,
    method: str = "lang-reiczigel",
    confidence: float = 0.95,
) -> Estimate:
    """True rate from a classifier's rate, its sensitivity and specificity having been measured on labelled items.

    (p + Sp - 1) / (Se + Sp - 1), kept within [0, 1]. The three samples are independent. The Lang-Reiczigel interval
    adds pseudo-counts and a shift to the delta method and covers from about 30 of each on; the plain delta interval
    fails near 0 and 1, as Wald's does.

    Args:
        positives: Items the classifier calls positive.
        n: Items it was run on.
        true_positives: Called positive among ``n_positive`` items that are.
        n_positive: Items known to be positive, for the sensitivity.
        true_negatives: Called negative among ``n_negative`` items that are.
        n_negative: Items known to be negative, for the specificity.
        method: ``lang-reiczigel`` or ``delta``.
        confidence: Two-sided coverage.

    Returns:
        A share. Without a value, and with the reason, where sensitivity + specificity is at most 1 (the classifier is
        no better than chance): no correction exists.

    Raises:
        InvalidInputError: Counts do not fit.

    Sources:
        Rogan & Gladen (1978), Am. J. Epidemiology 107, 71-76 (estimate, delta variance);
        Lang & Reiczigel (2014), Preventive Veterinary Medicine 113, 13-22, equations 4, 6, 7, 16 and 17.

    Examples:
        >>> e = rogan_gladen(30, 100, true_positives=90, n_positive=100, true_negatives=80, n_negative=100)
        >>> round(e.value, 4), round(e.low, 4), round(e.high, 4)
        (0.1429, 0.0, 0.3009)
    """
    if method not in ("lang-reiczigel", "delta"):
        raise InvalidInputError(f"method is {method!r}", hint="one of: lang-reiczigel, delta")
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    for hits, of, name in (
        (positives, n, "positives"),
        (true_positives, n_positive, "true positives"),
        (true_negatives, n_negative, "true negatives"),
    ):
        if of < 1 or not 0 <= hits <= of:
            raise InvalidInputError(f"{hits} {name} of {of} do not fit", hint="0 <= count <= size, and size >= 1")
    p, se, sp = positives / n, true_positives / n_positive, true_negatives / n_negative
    if se + sp <= 1.0:
        return _no_better_than_chance(se, sp, n, method, confidence)
    value = _corrected(p, se, sp)
    shift, sizes = 0.0, (n, n_positive, n_negative)
    if method == "lang-reiczigel":
        sizes_with = (n + z * z, n_positive + 2.0, n_negative + 2.0)
        p = (positives + z * z / 2.0) / sizes_with[0]
        se, sp = (true_positives + 1.0) / sizes_with[1], (true_negatives + 1.0) / sizes_with[2]
        middle = _corrected(p, se, sp)
        of_se, of_sp = middle * se * (1.0 - se) / sizes_with[1], (1.0 - middle) * sp * (1.0 - sp) / sizes_with[2]
        shift = 2.0 * z * z * (of_se - of_sp)
        error = _delta_error(p, se, sp, middle, sizes_with)
    else:
        middle = value
        error = _delta_error(p, se, sp, middle, sizes)
    low, high = (min(max(middle + shift + side * z * error, 0.0), 1.0) for side in (-1.0, 1.0))
    reason = "neither the rate nor the error rates vary in these samples" if error == 0.0 else None
    return Estimate(
        value=min(max(value, 0.0), 1.0),
        low=None if reason else low,
        high=None if reason else high,
        confidence=confidence,
        n=n,
        method=f"rogan-gladen-{method}",
        unit="share",
        reason=reason,
        std_error=None if reason else error,
    )


def rogan_gladen_known(
    positives: int, n: int, *, sensitivity: float, specificity: float, method: str = "wilson", confidence: float = 0.95
) -> Estimate:
    """True rate from a classifier's rate when its error rates are known exactly.

    Args:
        positives: Items the classifier calls positive.
        n: Items it was run on.
        sensitivity: Share of positive items it calls positive, in [0, 1].
        specificity: Share of negative items it calls negative, in [0, 1].
        method: ``wilson`` (the corrected bounds of Wilson's interval) or ``delta``.
        confidence: Two-sided coverage.

    Returns:
        A share; without a value where sensitivity + specificity is at most 1.

    Raises:
        InvalidInputError: Counts or rates do not fit.

    Sources:
        Rogan & Gladen (1978); Reiczigel, Földi & Ózsvári (2010), Epidemiology & Infection 138, 1674-1678.

    Examples:
        >>> e = rogan_gladen_known(20, 120, sensitivity=0.9, specificity=0.99)
        >>> round(e.value, 5), round(e.low, 5), round(e.high, 5)
        (0.17603, 0.11299, 0.26231)
    """
    if method not in ("wilson", "delta"):
        raise InvalidInputError(f"method is {method!r}", hint="one of: wilson, delta")
    z = normal_quantile(0.5 + check_confidence(confidence) / 2.0)
    if n < 1 or not 0 <= positives <= n or not (0.0 <= sensitivity <= 1.0 and 0.0 <= specificity <= 1.0):
        raise InvalidInputError(
            f"{positives} of {n} at sensitivity {sensitivity} and specificity {specificity} do not fit",
            hint="0 <= positives <= n, and rates in [0, 1]",
        )
    if sensitivity + specificity <= 1.0:
        return _no_better_than_chance(sensitivity, specificity, n, method, confidence)
    p = positives / n
    value = _corrected(p, sensitivity, specificity)
    error = math.sqrt(p * (1.0 - p) / n) / (sensitivity + specificity - 1.0)
    if method == "wilson":
        bounds = [_corrected(bound, sensitivity, specificity) for bound in wilson(positives, n, confidence)]
    else:
        bounds = [value - z * error, value + z * error]
    reason = "the delta method knows no spread where no item, or every item, is positive" if error == 0.0 else None
    low, high = (min(max(bound, 0.0), 1.0) for bound in bounds)
    unknown = method == "delta" and reason is not None
    return Estimate(
        value=min(max(value, 0.0), 1.0),
        low=None if unknown else low,
        high=None if unknown else high,
        confidence=confidence,
        n=n,
        method=f"rogan-gladen-{method}",
        unit="share",
        reason=reason if unknown else None,
        std_error=None if error == 0.0 else error,
    )


def _corrected(p: float, se: float, sp: float) -> float:
    return (p + sp - 1.0) / (se + sp - 1.0)


def _delta_error(p: float, se: float, sp: float, rate: float, sizes: tuple[float, float, float]) -> float:
    of_p = p * (1.0 - p) / sizes[0]
    of_se, of_sp = rate**2 * se * (1.0 - se) / sizes[1], (1.0 - rate) ** 2 * sp * (1.0 - sp) / sizes[2]
    return math.sqrt(of_p + of_se + of_sp) / (se + sp - 1.0)


def _no_better_than_chance(se: float, sp: float, n: int, method: str, confidence: float) -> Estimate:
    return Estimate(
        value=None,
        low=None,
        high=None,
        confidence=confidence,
        n=n,
        method=f"rogan-gladen-{method}",
        unit="share",
        reason=f"sensitivity {se:.3g} + specificity {sp:.3g} is at most 1: the classifier tells nothing apart",
    )
