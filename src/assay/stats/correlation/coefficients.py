"""Pearson, Spearman and Kendall correlations with intervals that stay inside [-1, 1]."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Codes, Floats, Labels, cluster_codes
from assay.stats.correlation.influence import coefficient, coefficient_and_influence
from assay.stats.correlation.inputs import Kind, score_pairs, why_undefined
from assay.stats.correlation.weighted import item_counts, weighted_correlations
from assay.stats.correlation.zscale import (
    UNIT,
    bootstrap_estimate,
    correlation_interval,
    influence_variance,
    on_z_scale,
)
from assay.stats.special import check_confidence, t_quantile

Method = Literal["analytic", "delta", "bootstrap"]


def pearson_correlation(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    method: Method | None = None,
    clusters: Labels | None = None,
    rng: np.random.Generator | None = None,
    confidence: float = 0.95,
    repeats: int = 2_000,
) -> Estimate:
    """Pearson's r with Fisher's interval, exact enough from 4 pairs on when both scores are normal.

    Heavy tails, bounded scores and clusters break Fisher's variance: ``method="delta"`` estimates it from the data
    (50 pairs or clusters and more), ``"bootstrap"`` draws it.

    Args:
        x: Shape ``(n,)``, finite.
        y: Shape ``(n,)``, same order of items.
        method: ``analytic`` (Fisher z), ``delta`` (influence values on the z scale, t quantile) or ``bootstrap``
            (percentile). ``None`` is ``analytic``, or ``delta`` with clusters.
        clusters: Group of each pair, shape ``(n,)``; pairs of one document are not independent.
        rng: Source of randomness, for ``bootstrap``.
        confidence: Two-sided coverage.
        repeats: Bootstrap samples.

    Returns:
        Unit ``r``. Without value and with a reason where a score is constant; without bounds where |r| = 1 or there
        are too few pairs.

    Raises:
        InvalidInputError: Shapes differ, a score is not finite, the method is unknown or does not go with clusters.

    Sources:
        Fisher (1921), Metron 1, 3-32; Devlin, Gnanadesikan & Kettenring (1975), Biometrika 62, 531-545.

    Examples:
        >>> e = pearson_correlation([1, 2, 3, 4, 5, 6], [2, 1, 4, 3, 7, 8])
        >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
        (0.901, 0.335, 0.989)
    """
    return _correlation(x, y, "pearson", method, clusters, rng, confidence, repeats)


def spearman_correlation(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    method: Method | None = None,
    clusters: Labels | None = None,
    rng: np.random.Generator | None = None,
    confidence: float = 0.95,
    repeats: int = 2_000,
) -> Estimate:
    """Spearman's rho (Pearson's r of mid-ranks) with Bonett & Wright's interval: variance (1 + rho²/2)/(n - 3) of z.

    Holds for continuous scores from about 20 pairs on while |rho| is at most about .9. With many ties, as ratings on
    five points have, take ``method="delta"``.

    Args:
        x: Shape ``(n,)``, finite.
        y: Shape ``(n,)``.
        method: ``analytic`` (Bonett-Wright), ``delta`` or ``bootstrap``; see ``pearson_correlation``.
        clusters: Group of each pair.
        rng: Source of randomness, for ``bootstrap``.
        confidence: Two-sided coverage.
        repeats: Bootstrap samples.

    Returns:
        Unit ``rho``; see ``pearson_correlation``.

    Raises:
        InvalidInputError: See ``pearson_correlation``.

    Sources:
        Bonett & Wright (2000), Psychometrika 65, 23-28.

    Examples:
        >>> round(spearman_correlation([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]).value, 4)
        0.8208
    """
    return _correlation(x, y, "spearman", method, clusters, rng, confidence, repeats)


def kendall_tau_b(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    method: Method | None = None,
    clusters: Labels | None = None,
    rng: np.random.Generator | None = None,
    confidence: float = 0.95,
    repeats: int = 2_000,
) -> Estimate:
    """Kendall's tau-b, right with ties, with an interval from what each item contributes (on the z scale).

    Counts in a table when both scores have few levels, else compares all pairs block by block: 16 MB of memory at a
    time, work that grows with n² (10,000 different scores take about a second).

    Args:
        x: Shape ``(n,)``, finite.
        y: Shape ``(n,)``.
        method: ``delta`` (the default; 20 pairs or more), ``analytic`` (variance .437/(n - 4) of z: continuous
            scores without ties, |tau| below .8) or ``bootstrap``.
        clusters: Group of each pair.
        rng: Source of randomness, for ``bootstrap``.
        confidence: Two-sided coverage.
        repeats: Bootstrap samples.

    Returns:
        Unit ``tau-b``; see ``pearson_correlation``.

    Raises:
        InvalidInputError: See ``pearson_correlation``; or a bootstrap of more than 3,000 items.

    Sources:
        Kendall (1945), Biometrika 33, 239-251 (tau-b); Samara & Randles (1988), Communications in Statistics: Theory
        and Methods 17, 3191-3205; Fieller, Hartley & Pearson (1957), Biometrika 44, 470-481 (analytic).

    Examples:
        >>> round(kendall_tau_b([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]).value, 5)
        -0.4714
    """
    return _correlation(x, y, "kendall", method or "delta", clusters, rng, confidence, repeats)


def _correlation(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    kind: Kind,
    method: Method | None,
    clusters: Labels | None,
    rng: np.random.Generator | None,
    confidence: float,
    repeats: int,
) -> Estimate:
    first, second = score_pairs(x, y)
    codes = cluster_codes(clusters, first.size)
    chosen = method or ("analytic" if codes is None else "delta")
    if chosen not in ("analytic", "delta", "bootstrap"):
        raise InvalidInputError(f"there is no method called {method!r}", hint="'analytic', 'delta' or 'bootstrap'")
    if chosen == "analytic" and codes is not None:
        raise InvalidInputError(
            "the analytic interval takes pairs as independent", hint="method='delta' or 'bootstrap'"
        )
    if chosen == "bootstrap" and rng is None:
        raise InvalidInputError("a bootstrap needs a source of randomness", hint="rng=numpy.random.default_rng(1)")
    check_confidence(confidence)
    undefined = why_undefined(first, second)
    if undefined is not None:
        return Estimate(
            value=None,
            low=None,
            high=None,
            n=first.size,
            method=chosen,
            confidence=confidence,
            unit=UNIT[kind],
            reason=undefined,
        )
    if chosen == "analytic":
        return correlation_interval(coefficient(first, second, kind), n=first.size, kind=kind, confidence=confidence)
    if chosen == "delta" or rng is None:
        return _delta(first, second, kind, codes, confidence)
    return _bootstrap(first, second, kind, codes, rng, confidence, repeats)


def _delta(x: Floats, y: Floats, kind: Kind, codes: Codes | None, confidence: float) -> Estimate:
    r, influence = coefficient_and_influence(x, y, kind)
    variance, units = influence_variance(influence, codes)
    reason, z_variance, quantile = None, None, 0.0
    if units < 5:
        reason = f"{units} independent {'pairs' if codes is None else 'clusters'} are too few for this interval"
    elif 1.0 - abs(r) < 1e-12 or variance <= 0.0:
        reason = "the scores agree perfectly, so the spread of the correlation is unknown"
    else:
        z_variance = variance / (1.0 - r * r) ** 2
        quantile = t_quantile(0.5 + confidence / 2.0, units - 1)
    return on_z_scale(
        r,
        z_variance,
        quantile,
        reason,
        n=x.size,
        method="delta-z" if codes is None else "cluster-delta-z",
        confidence=confidence,
        unit=UNIT[kind],
        n_clusters=None if codes is None else units,
    )


def _bootstrap(
    x: Floats, y: Floats, kind: Kind, codes: Codes | None, rng: np.random.Generator, confidence: float, repeats: int
) -> Estimate:
    blocks = item_counts(x.size, codes, rng=rng, repeats=repeats)
    draws = np.concatenate([weighted_correlations(x, y, counts, kind) for counts in blocks])
    return bootstrap_estimate(
        coefficient(x, y, kind),
        draws,
        n=x.size,
        confidence=confidence,
        unit=UNIT[kind],
        n_clusters=None if codes is None else int(codes.max()) + 1,
    )
