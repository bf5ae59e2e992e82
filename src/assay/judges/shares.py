"""Shares and means of items that may share documents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.core.records import Estimate
from assay.judges.judged import Floats, Judged
from assay.stats.calibration.inputs import array_moments, cluster_codes
from assay.stats.intervals.jackknife import Bools
from assay.stats.scalar import mean_estimate


def groups_of(judged: Judged, rows: Sequence[int]) -> list[str | None] | None:
    """Documents of some items; ``None`` where items stand for themselves."""
    return None if judged.clusters is None else [judged.clusters[row] for row in rows]


def share_of(hits: Bools, clusters: Sequence[str | None] | None, confidence: float) -> Estimate:
    """Share of hits, with its interval."""
    return mean_of(hits.astype(np.float64), clusters, confidence, "share")


def mean_of(values: Floats, clusters: Sequence[str | None] | None, confidence: float, unit: str) -> Estimate:
    """Mean with its interval; no value of nothing."""
    if not values.size:
        return Estimate(
            value=None, low=None, high=None, n=0, method="none", confidence=confidence, unit=unit,
            reason="nothing was decided",
        )  # fmt: skip
    moments = array_moments(values, cluster_codes(clusters, values.size))
    return mean_estimate(moments, confidence=confidence, unit=unit)
