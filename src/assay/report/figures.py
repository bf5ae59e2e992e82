"""Figures as people read them: as many digits as the interval supports, units, and never a bare unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from assay.engine.wording import Scale

UNKNOWN = "\N{EN DASH}"
_AFTER = {"standard deviations": " SD", "share": "%", "score": "", "ratio": "", "usd": "", "points": " points"}


def value_text(value: float | None, unit: str = "score", *, half_width: float | None = None) -> str:
    """A figure in its unit; an unknown one is a dash.

    Examples:
        >>> value_text(0.5625, "share"), value_text(None), value_text(0.0125, "usd"), value_text(1.5, "s")
        ('56.2%', '–', '$0.0125', '1.500 s')
        >>> value_text(38.0, "tokens"), value_text(0.0010985, "usd", half_width=2e-6)
        ('38 tokens', '$0.0010985')
    """
    if value is None:
        return UNKNOWN
    if unit == "usd" and not half_width:
        return money(value)
    scale = Scale(unit, half_width)
    if unit == "usd":
        return f"${scale.amount(value)}"
    if half_width is None and unit != "share" and value == int(value):
        return f"{value:,.0f}{_AFTER.get(unit, f' {unit}')}"
    return scale.amount(value) + _AFTER.get(unit, f" {unit}")


def estimate_text(estimate: Mapping[str, Any]) -> str:
    """The value of an estimate."""
    return value_text(estimate.get("value"), estimate.get("unit", "score"), half_width=_half(estimate))


def interval_text(estimate: Mapping[str, Any]) -> str:
    """``low to high``, or why there is no interval.

    Examples:
        >>> interval_text({"low": 0.535, "high": 0.589, "unit": "share"})
        '53.5 to 58.9%'
        >>> interval_text({"low": None, "high": None, "reason": "fewer than two samples"})
        'fewer than two samples'
    """
    low, high, unit = estimate.get("low"), estimate.get("high"), estimate.get("unit", "score")
    if low is None or high is None:
        return str(estimate.get("reason") or "no interval")
    half = _half(estimate)
    first = value_text(low, unit, half_width=half) if unit == "usd" else Scale(unit, half).amount(low)
    return f"{first} to {value_text(high, unit, half_width=half)}"


def difference_text(estimate: Mapping[str, Any]) -> str:
    """A difference with its sign; shares in points.

    Examples:
        >>> difference_text({"value": 0.031, "low": 0.012, "high": 0.05, "unit": "share"})
        '+3.1 points'
    """
    value = estimate.get("value")
    if value is None:
        return UNKNOWN
    text = Scale(str(estimate.get("unit", "score")), _half(estimate)).named(value)
    return f"+{text}" if value > 0 else text


def difference_interval(estimate: Mapping[str, Any]) -> str:
    """Bounds of a difference; shares in points."""
    low, high = estimate.get("low"), estimate.get("high")
    if low is None or high is None:
        return str(estimate.get("reason") or "no interval")
    scale = Scale(str(estimate.get("unit", "score")), _half(estimate))
    return f"{scale.amount(low)} to {scale.named(high)}"


def basis_text(estimate: Mapping[str, Any]) -> str:
    """What an estimate rests on: n, clusters, confidence, method.

    A mean of correlations over documents counts those.

    Examples:
        >>> basis_text({"n": 1319, "method": "wilson", "confidence": 0.95})
        'n = 1,319, 95% wilson'
        >>> basis_text({"n": 49, "method": "t", "confidence": 0.95, "unit": "mean spearman"})
        'n = 49 documents, 95% t'
    """
    what = " documents" if str(estimate.get("unit", "")).startswith("mean ") else ""
    clusters = estimate.get("n_clusters")
    inside = f" in {clusters:,} clusters" if clusters else ""
    how = f"{100 * estimate.get('confidence', 0.95):g}% {estimate.get('method')}"
    return f"n = {estimate.get('n', 0):,}{what}{inside}, {how}"


def money(value: float | None) -> str:
    """US dollars; an unknown cost says so.

    Examples:
        >>> money(None), money(0.0), money(12.3), money(0.00001234)
        ('unknown', '$0.00', '$12.30', '$0.000012')
    """
    if value is None:
        return "unknown"
    if value == 0 or abs(value) >= 1:
        return f"${value:,.2f}"
    return f"${value:.4f}" if abs(value) >= 0.001 else f"${value:.6f}"


def seconds_text(value: float | None) -> str:
    """A duration.

    Examples:
        >>> seconds_text(0.0312), seconds_text(41.2), seconds_text(3725.0), seconds_text(None)
        ('0.031 s', '41.2 s', '1 h 2 min', '–')
    """
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value:.3f} s"
    if value < 120:
        return f"{value:.1f} s"
    minutes, hours = int(value // 60), int(value // 3600)
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min {int(value % 60)} s"


def moment_text(stamp: str) -> str:
    """An ISO time to the minute, in UTC; what is no time comes back as it is.

    Examples:
        >>> moment_text("2026-01-02T03:04:05+00:00"), moment_text("?")
        ('2026-01-02 03:04', '?')
    """
    try:
        return datetime.fromisoformat(stamp).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return stamp


def p_text(value: float | None) -> str:
    """A p-value to three digits.

    Examples:
        >>> p_text(0.0312), p_text(0.00001), p_text(None)
        ('0.031', '< 0.001', '–')
    """
    if value is None:
        return UNKNOWN
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _half(estimate: Mapping[str, Any]) -> float | None:
    low, high, value = estimate.get("low"), estimate.get("high"), estimate.get("value")
    if low is not None and high is not None:
        return float(high - low) / 2.0
    return None if value is None or estimate.get("unit") == "share" else abs(value) / 10.0
