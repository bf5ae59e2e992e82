"""A test of two means that keeps its level under skew: the bootstrap-t."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.stats.calibration.inputs import Labels
from assay.stats.comparison.result import Comparison, TwoSamples, paired_values
from assay.stats.intervals.two_sample_bootstrap import BootstrapSide, studentised_bootstrap


def bootstrap_t_test(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    paired: bool = False,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    repeats: int = 9_999,
    unit: str = "score",
) -> Comparison:
    """Two means compared by resampling the t statistic itself; interval and p-value agree.

    Args:
        baseline: Shape ``(n,)``, finite.
        candidate: Shape ``(m,)``, or ``(n,)`` in the same order when paired.
        rng: Source of randomness.
        paired: Whether the samples are shared.
        clusters: Group of each shared sample, for ``paired``; whole groups are drawn.
        confidence: Two-sided coverage.
        repeats: Resamples; memory is that of 262,144 draws.
        unit: The scorer's unit.

    Returns:
        The difference of means; p-value and bounds are ``None`` with a reason where nothing varies.

    Raises:
        InvalidInputError: Not finite vectors, or lengths do not fit.

    Sources:
        Hall & Wilson (1991), Biometrics 47, 757-762 (resample around the estimate, studentise); Efron & Tibshirani
        (1993), An Introduction to the Bootstrap, sections 12.5 and 16.4.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> c = bootstrap_t_test(rng.exponential(size=80), 2.0 + rng.exponential(size=60), rng=rng, repeats=999)
        >>> c.p_value, c.effect.low > 0.0
        (0.002, True)
    """
    if paired:
        differences = paired_values(baseline, candidate)
        groups = clusters.tolist() if isinstance(clusters, np.ndarray) else clusters
        sides, signs = [BootstrapSide.of(differences, groups, "differences")], [1.0]
    else:
        old, new = TwoSamples.of(baseline, candidate)
        sides, signs = [BootstrapSide.of(new, None, "values"), BootstrapSide.of(old, None, "values")], [1.0, -1.0]
    effect, p_value = studentised_bootstrap(sides, signs, rng, confidence=confidence, repeats=repeats, unit=unit)
    statistic = None if effect.value is None or not effect.std_error else effect.value / effect.std_error
    return Comparison(effect=effect, p_value=p_value, statistic=statistic, method="bootstrap-t")
