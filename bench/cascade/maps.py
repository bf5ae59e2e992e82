"""Predictions of the experts' label by a calibration map of other documents: half of them predicts the other half."""

from __future__ import annotations

from functools import cache

import numpy as np

from assay.app.cascade_map import MapPredictions, halved_map
from bench.cascade.summeval import DIMENSIONS, Floats, Summaries, load

TIERS = ("free", "gpt-3.5", "gpt-4")


def columns(data: Summaries) -> dict[str, Floats]:
    """Features of each tier: free metrics; what each judge's plain rating says on all four dimensions."""
    return {
        "free": data.free,
        "gpt-3.5": np.column_stack([data.small["rts", name] for name in DIMENSIONS]),
        "gpt-4": np.column_stack([data.strong[name] for name in DIMENSIONS]),
    }


@cache
def predicted(dimension: str, *, known: bool, tiers: tuple[str, ...] = TIERS, split: int = 20) -> MapPredictions:
    """Each of the 600 summaries predicted by the map fitted on the 25 documents of the other half.

    Args:
        dimension: Of the verdicts.
        known: The map knows every system (a column each); else it has seen nothing of the item's own system.
        tiers: Whose features are used.
        split: Seed of the halves.
    """
    data = load()
    features = columns(data)
    return halved_map(
        [features[name] for name in tiers],
        data.experts[dimension],
        documents=data.documents.tolist(),
        systems=data.systems.tolist(),
        known=known,
        seed=split,
    )


def explained(dimension: str, found: MapPredictions) -> list[float]:
    """Share of the label's variance that each tier's predictions explain."""
    labels = load().experts[dimension]
    return [1.0 - float(np.square(labels - one).mean() / labels.var()) for one in found.tiers]
