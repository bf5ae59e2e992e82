"""Estimates as a table that fits 80 columns; why one has no interval stands below it, whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

from assay.cli.output import WIDTH, interval, number, table

NONE = "–"


def bounds_text(estimate: Mapping[str, Any], *, unit: str | None = None) -> str:
    """``low – high``, or a dash where there is no interval."""
    if estimate.get("low") is None or estimate.get("high") is None:
        return NONE
    return interval(estimate if unit is None else {**estimate, "unit": unit})


def without_interval(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Lines that say why estimates have no interval, one a reason.

    Examples:
        >>> without_interval([("rho", {"low": None, "high": None, "reason": "all verdicts are equal"})])
        ['no interval of rho: all verdicts are equal']
    """
    reasons: dict[str, list[str]] = {}
    for name, estimate in rows:
        if bounds_text(estimate) == NONE:
            reasons.setdefault(str(estimate.get("reason") or "it is not known"), []).append(name)
    return [
        fill(f"no interval of {'; '.join(names)}: {reason}", WIDTH, subsequent_indent="  ")
        for reason, names in reasons.items()
    ]


def estimate_table(
    header: Sequence[str],
    rows: Sequence[tuple[str, Mapping[str, Any]]],
    last: Sequence[str],
    *,
    unit: str | None = None,
) -> str:
    """Name, value, interval and one more column a row.

    Args:
        header: Of the four columns.
        rows: Name and estimate, as JSON has it.
        last: Of the fourth column.
        unit: Instead of the estimates' own: names of coefficients need none.
    """
    cells = [
        [name, number(e["value"], unit or str(e["unit"])), bounds_text(e, unit=unit), more]
        for (name, e), more in zip(rows, last, strict=True)
    ]
    return "\n".join([table(header, cells, align="<>>>", cut=(0,)), *without_interval(rows)])
