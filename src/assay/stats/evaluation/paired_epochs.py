"""Two systems on shared samples, each with its own number of epochs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Floats, Labels, array_moments, cluster_codes, finite_vector
from assay.stats.evidence import difference_evidence
from assay.stats.special import check_confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedEpochs:
    """Candidate minus baseline over the samples both have.

    Attributes:
        difference: ``n`` shared samples; ``unscored`` samples only one system has.
        p_value: Two-sided, that the difference is 0; ``None`` where the spread is unknown.
        epoch_noise: Share of the difference's variance that more epochs would remove, in [0, 1]; ``None`` where no
            shared sample of one of the systems has two epochs.
    """

    difference: Estimate
    p_value: float | None
    epoch_noise: float | None


def paired_epochs_difference(
    baseline: npt.ArrayLike,
    baseline_samples: Labels,
    candidate: npt.ArrayLike,
    candidate_samples: Labels,
    *,
    clusters: Mapping[Hashable, Hashable] | None = None,
    confidence: float = 0.95,
    span: float = 1.0,
    unit: str = "score",
) -> PairedEpochs:
    """Mean difference over shared samples: epochs are reduced within the sample first, then samples are paired.

    Epochs of one sample are not independent samples; treating them as such makes the interval too narrow by the root
    of about 1 + (epochs - 1) · ICC.

    Args:
        baseline: Scores of the reference system, shape ``(n,)``.
        baseline_samples: Sample of each.
        candidate: Scores of the new system, shape ``(m,)``.
        candidate_samples: Sample of each.
        clusters: Group of a sample by its label; samples it does not name are groups of their own.
        confidence: Two-sided coverage.
        span: Largest possible difference, for samples that are all equal (see ``evidence.difference_evidence``).
        unit: The scorer's unit.

    Raises:
        InvalidInputError: Scores are not finite, labels do not fit, or fewer than two samples are shared.

    Sources:
        Miller (2024), arXiv:2411.00640, sections 3 and 4.

    Examples:
        >>> found = paired_epochs_difference([0, 1, 0, 0, 1, 1], list("aabbcc"), [1, 1, 0, 1, 1, 1], list("aabbcc"))
        >>> round(found.difference.value, 4), found.difference.n
        (0.3333, 3)
    """
    old, new = _reduced(baseline, baseline_samples), _reduced(candidate, candidate_samples)
    shared = [label for label in old if label in new]
    if len(shared) < 2:
        raise InvalidInputError(
            f"the two systems share {len(shared)} samples", hint="compare runs of one dataset, with its sample ids"
        )
    values = np.array([new[label][0] - old[label][0] for label in shared])
    groups = None if clusters is None else [clusters.get(label, (label,)) for label in shared]
    moments = array_moments(values, cluster_codes(groups, values.size))
    alone = len(old) + len(new) - 2 * len(shared)
    evidence = difference_evidence(moments, unit=unit, span=span, unscored=alone)
    above, below = evidence.p_above(0.0), evidence.p_below(0.0)
    return PairedEpochs(
        difference=evidence.estimate(check_confidence(confidence)),
        p_value=None if above is None or below is None else min(1.0, 2.0 * min(above, below)),
        epoch_noise=_noise(values, [old[label] for label in shared], [new[label] for label in shared]),
    )


def _reduced(scores: npt.ArrayLike, samples: Labels) -> dict[Hashable, tuple[float, int, float]]:
    """Mean, epochs and inner sum of squares of each sample."""
    values = finite_vector(scores, "scores")
    codes = cluster_codes(samples, values.size)
    if codes is None:
        raise InvalidInputError("pairing needs the sample of each score", hint="baseline_samples=[...]")
    sizes = np.bincount(codes)
    means = np.bincount(codes, weights=values) / sizes
    squares = np.bincount(codes, weights=np.square(values - means[codes]))
    plain = samples.tolist() if isinstance(samples, np.ndarray) else samples
    labels = dict.fromkeys(plain)
    return {
        label: (float(mean), int(size), float(square))
        for label, mean, size, square in zip(labels, means, sizes, squares, strict=True)
    }


def _noise(values: Floats, *systems: list[tuple[float, int, float]]) -> float | None:
    """Variance of repeating, pooled within each system, over the variance of the differences."""
    spread = float(values.var(ddof=1))
    noise = 0.0
    for rows in systems:
        repeats = sum(size - 1 for _, size, _ in rows)
        if repeats == 0:
            return None
        within = sum(square for _, _, square in rows) / repeats
        noise += within * sum(1.0 / size for _, size, _ in rows) / len(rows)
    return min(1.0, noise / spread) if spread > 0.0 else None
