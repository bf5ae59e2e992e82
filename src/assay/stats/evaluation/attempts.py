"""pass@k and pass^k over samples, for many k at once, from how many attempts were right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, Labels, array_moments, cluster_codes, finite_vector
from assay.stats.calibration.resampling import resampled_totals
from assay.stats.scalar import effective_n, mean_variance, wilson_bounds
from assay.stats.special import check_confidence, t_quantile


def pass_at_k_curve(
    right: npt.ArrayLike,
    attempts: npt.ArrayLike,
    *,
    ks: Sequence[int],
    of: Literal["any", "all"] = "any",
    clusters: Labels | None = None,
    rng: np.random.Generator | None = None,
    confidence: float = 0.95,
    repeats: int = 2_000,
) -> dict[int, Estimate]:
    """Share of samples that k attempts solve: at least one of them (pass@k) or all of them (pass^k), for every k.

    Per sample without bias from n >= k attempts; a sample with fewer has no value for that k and is counted as
    unscored. The interval is Wilson's on the number of 0/1 samples that would have this variance (t quantile,
    cluster-robust), which stays in [0, 1] and has honest width at 0 and 1; with ``rng`` a percentile bootstrap over
    samples or clusters. Intervals of different k are not independent.

    Args:
        right: Right attempts of each sample, shape ``(n,)``, whole numbers.
        attempts: Attempts of each sample, shape ``(n,)``, at least 1.
        ks: Each at least 1.
        of: ``any`` for pass@k, ``all`` for pass^k.
        clusters: Group of each sample.
        rng: Takes the bootstrap instead.
        confidence: Two-sided coverage of each interval.
        repeats: Bootstrap samples.

    Raises:
        InvalidInputError: Counts are not whole, exceed the attempts, or a k is below 1.

    Sources:
        Chen et al. (2021), arXiv:2107.03374, eq. 1 (pass@k); Yao et al. (2024), arXiv:2406.12045 (pass^k);
        Wilson (1927), JASA 22, 209-212.

    Examples:
        >>> curve = pass_at_k_curve([1, 0, 3, 2], [3, 3, 3, 3], ks=[1, 2])
        >>> [(k, round(e.value, 4)) for k, e in curve.items()]
        [(1, 0.5), (2, 0.6667)]
    """
    hits, tries = finite_vector(right, "counts"), finite_vector(attempts, "attempts")
    whole = hits.shape == tries.shape and bool(((hits == np.floor(hits)) & (tries == np.floor(tries))).all())
    if not whole or hits.min() < 0 or tries.min() < 1 or (hits > tries).any():
        raise InvalidInputError(
            "right attempts and attempts do not fit", hint="whole numbers, 0 <= right <= attempts, one pair a sample"
        )
    if not ks or min(ks) < 1 or of not in ("any", "all"):
        raise InvalidInputError(f"cannot compute k = {list(ks)} of {of!r}", hint="ks=[1, 5], of='any' or 'all'")
    check_confidence(confidence)
    codes = cluster_codes(clusters, hits.size)
    answer = {}
    for k in dict.fromkeys(ks):
        known = tries >= k
        values = _per_sample(hits[known], tries[known], k, of)
        inside = None if codes is None else np.unique(codes[known], return_inverse=True)[1]
        answer[k] = _estimate(
            values,
            inside,
            rng,
            name=f"pass{'@' if of == 'any' else '^'}{k}",
            confidence=confidence,
            repeats=repeats,
            unscored=int((~known).sum()),
            k=k,
        )
    return answer


def _per_sample(hits: Floats, tries: Floats, k: int, of: str) -> Floats:
    """Chance that k attempts drawn without replacement are all wrong, or all right: a product of k ratios."""
    favourable = hits if of == "all" else tries - hits
    chance = np.ones_like(hits)
    for step in range(k):
        chance *= np.maximum(favourable - step, 0.0) / np.maximum(tries - step, 1.0)
    return chance if of == "all" else 1.0 - chance


def _estimate(
    values: Floats,
    codes: npt.NDArray[np.intp] | None,
    rng: np.random.Generator | None,
    *,
    name: str,
    confidence: float,
    repeats: int,
    unscored: int,
    k: int,
) -> Estimate:
    low = high = std_error = reason = None
    units = values.size if codes is None else int(codes.max(initial=-1)) + 1
    method = f"{'cluster-' if codes is not None else ''}{'percentile' if rng is not None else 'effective-wilson'}"
    if not values.size:
        reason = f"no sample has {k} attempts"
    elif units < 2:
        reason = "fewer than two independent samples"
    elif rng is not None:
        columns = np.stack([values, np.ones_like(values)], axis=1)
        totals = resampled_totals(columns, codes, rng=rng, repeats=repeats)
        draws = totals[:, 0] / totals[:, 1]
        std_error = float(draws.std(ddof=1))
        if std_error <= 1e-12:
            std_error, reason = None, "every resample gives the same value"
        else:
            low, high = (float(b) for b in np.quantile(draws, [0.5 - confidence / 2, 0.5 + confidence / 2]))
    else:
        moments = array_moments(values, codes)
        share = min(1.0, max(0.0, moments.mean))
        quantile = t_quantile(0.5 + confidence / 2.0, units - 1)
        independent = effective_n(share, mean_variance(moments) or 0.0, units)
        low, high, std_error = wilson_bounds(share, independent, confidence, quantile)
    return Estimate(
        value=float(values.mean()) if values.size else None,
        low=low,
        high=high,
        n=values.size,
        method=f"{name} {method}",
        confidence=confidence,
        unit="share",
        reason=reason,
        n_clusters=None if codes is None else units,
        std_error=std_error,
        unscored=unscored,
    )
