"""Results to stdout: one JSON document, or aligned text that fits 80 columns."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click

LEFT = "<"
WIDTH = 80
NARROWEST = 8
"""Characters of a column that are kept whatever else there is."""


def print_json(document: Any) -> None:
    """Exactly one JSON document on stdout."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, align: str = "", cut: Sequence[int] = ()) -> str:
    """Aligned columns, two spaces apart.

    Args:
        align: One of ``<`` and ``>`` a column; left where it is shorter than the header.
        cut: Columns whose long cells lose their middle where a line would be longer than 80 characters.

    Examples:
        >>> print(table(["metric", "n"], [["exact", "12"]], align="<>"))
        metric   n
        exact   12
    """
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    while sum(widths) + 2 * (len(widths) - 1) > WIDTH and any(widths[column] > NARROWEST for column in cut):
        widths[max(cut, key=lambda column: widths[column])] -= 1
    rows = [[_shortened(cell, width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    sides = [align[column : column + 1] or LEFT for column in range(len(header))]
    lines = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join(lines)


def _shortened(text: str, width: int) -> str:
    """Beginning and end of a text that is too long: names differ at either."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"


def number(value: float | None, unit: str = "score") -> str:
    """A figure in its unit, short.

    Examples:
        >>> number(0.5625, "share"), number(None), number(0.00012, "usd")
        ('56.2%', '–', '$0.00012')
    """
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.1f}%"
    if unit == "usd":
        return f"${value:.4f}" if abs(value) >= 0.001 or value == 0 else f"${_small(value)}"
    if unit == "s":
        return f"{value:.2f} s"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"


def money(value: float | None) -> str:
    """Cost in dollars; an unknown cost says so."""
    if value is None:
        return "unknown"
    if value >= 1 or value == 0:
        return f"${value:,.2f}"
    return f"${value:.4f}" if value >= 0.001 else f"${_small(value)}"


def _small(value: float) -> str:
    """Two significant digits without an exponent: a price is no physical constant."""
    return f"{value:.{1 - math.floor(math.log10(abs(value)))}f}"


def interval(estimate: Mapping[str, Any]) -> str:
    """``low – high`` in the estimate's unit, or why there is none."""
    unit = str(estimate.get("unit", "score"))
    if estimate.get("low") is None or estimate.get("high") is None:
        return str(estimate.get("reason") or "no interval")
    return f"{number(estimate['low'], unit)} – {number(estimate['high'], unit)}"


def metrics_table(summary: Mapping[str, Any]) -> str:
    """The metrics of a run: value, interval, n, method."""
    rows = [
        [
            name,
            number(e["value"], e.get("unit", "score")),
            interval(e),
            f"{e['n']:,}",
            str(e.get("unscored", 0)),
            e["method"],
        ]
        for name, e in summary["metrics"].items()
    ]
    return table(["metric", "value", "95% interval", "n", "unscored", "method"], rows, align="<>>>><", cut=(0, 2, 5))


def summary_text(summary: Mapping[str, Any]) -> str:
    """A run on a few lines."""
    usage = summary["usage"]
    samples = summary["samples"]
    lines = [
        f"{summary['task']} · {summary['model'] or 'recorded outputs'} · {summary['status']}",
        "",
        metrics_table(summary),
        "",
    ]
    lines.append(
        f"{samples['scored']:,} of {samples['planned']:,} samples scored · {usage['requests']:,} calls"
        f" ({usage['cached']:,} from cache) · {money(usage['cost_usd'])} · {summary['seconds']:.1f} s"
    )
    if usage.get("unpriced_requests"):
        lines.append(f"price unknown for {usage['unpriced_requests']:,} calls: give it under models: in assay.yaml")
    for reason, count in samples["by_reason"].items():
        cause = samples.get("causes", {}).get(reason)
        lines.append(f"unscored: {count:,} × {reason}" + (f", e.g. {cause[:200]}" if cause else ""))
    if samples.get("degraded"):
        lines.append(f"another model answered {samples['degraded']:,} calls (--include-degraded counts them)")
    if samples.get("skipped"):
        lines.append(f"left out: {samples['skipped']:,} malformed rows of the dataset (--skip-bad)")
    lines += [
        f"golden items: judge {judge['judge']} was right on {judge['right']:,} of {judge['asked']:,}"
        for judge in summary.get("golden", ())
    ]
    for note in summary.get("notes", ()):
        lines += textwrap.wrap(f"note: {note}", width=WIDTH, subsequent_indent="  ")
    if summary.get("cascade"):
        from assay.cli.tiers_text import cascade_text

        lines[4:4] = [cascade_text(summary["cascade"]), ""]
    lines.append(f"table {summary['table']}" if summary.get("table") else f"run {summary['run_id']}")
    return "\n".join(lines)
