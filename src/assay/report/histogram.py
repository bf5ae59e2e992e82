"""Distributions of latency, cost and length: counted here, so that a page carries bins and not 100,000 numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from assay.stats.moments import Moments
from assay.stats.scalar import mean_estimate

BINS = 30
DRAWN = 0.99
"""Share of the values that is drawn: one call that hung for a minute must not flatten all others."""


def histogram(values: Sequence[float], *, unit: str) -> dict[str, Any]:
    """Equal bins from the smallest value to the 99th percentile, and what lies beyond.

    Args:
        values: Known values, in ``unit``.

    Returns:
        ``{"unit", "n", "mean": estimate, "median", "p95", "smallest", "largest", "beyond", "bins": [{"low", "high",
        "count"}]}``; without values the quantiles are ``None`` and there are no bins. Quantiles describe these values
        (inverse of the empirical distribution); only the mean is an estimate.

    Examples:
        >>> histogram([1.0, 2.0, 3.0, 4.0], unit="s")["median"]
        2.0
    """
    ordered = sorted(value for value in values if math.isfinite(value))
    mean = mean_estimate(Moments.of(ordered), unit=unit).to_dict()
    if not ordered:
        return {
            "unit": unit,
            "n": 0,
            "mean": mean,
            "median": None,
            "p95": None,
            "smallest": None,
            "largest": None,
            "beyond": 0,
            "bins": [],
        }
    smallest, top = ordered[0], _quantile(ordered, DRAWN)
    bins = _bins(ordered, smallest, top)
    return {
        "unit": unit,
        "n": len(ordered),
        "mean": mean,
        "median": _quantile(ordered, 0.5),
        "p95": _quantile(ordered, 0.95),
        "smallest": smallest,
        "largest": ordered[-1],
        "beyond": len(ordered) - sum(row["count"] for row in bins),
        "bins": bins,
    }


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _bins(ordered: Sequence[float], smallest: float, top: float) -> list[dict[str, Any]]:
    width = (top - smallest) / BINS
    if not width > 0.0:
        return [{"low": smallest, "high": top, "count": sum(1 for value in ordered if value <= top)}]
    counts = [0] * BINS
    for value in ordered:
        if value > top:
            break
        counts[min(int((value - smallest) / width), BINS - 1)] += 1
    return [
        {"low": smallest + i * width, "high": smallest + (i + 1) * width, "count": count}
        for i, count in enumerate(counts)
    ]
