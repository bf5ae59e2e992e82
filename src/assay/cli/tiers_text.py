"""The tiers of a run on a few lines: who was asked what, at which probability, and what that was worth."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from assay.cli.output import WIDTH, interval, money, number, table


def cascade_text(cascade: Mapping[str, Any]) -> str:
    """The ``cascade`` part of a run's document for 80 columns."""
    here, new = cascade["these_items"], cascade["new_inputs"]
    unit = here.get("unit", "score")
    lines = [f"{cascade['metric']} is the verdict of tier {here['speaks_of']}:"]
    for label, estimate in (("on these items", here), ("on new inputs like these", new)):
        lines.append(f"  {number(estimate['value'], unit):>8} ({interval(estimate)}) {label}")
    lines += [f"  {_worth(here)}", "", _tiers(here["tiers"])]
    if here["degraded"]:
        lines += textwrap.wrap(f"degraded: {here['degraded_reason']}", width=WIDTH, subsequent_indent="  ")
    if here["bounds"] is not None:
        low, high = (number(end, unit) for end in here["bounds"])
        lines.append(f"with the missing verdicts all lowest or all highest: {low} – {high}")
    if cascade["waiting"]:
        lines.append(f"{cascade['waiting']:,} labels are waited for: assay cascade queue RUN writes the list")
    return "\n".join(lines)


def _worth(here: Mapping[str, Any]) -> str:
    if here["effective_n"] is None:
        return f"cost {money(here['cost_usd'])}"
    text = f"worth {here['effective_n']:,.0f} of its verdicts, for {money(here['cost_usd'])} in all"
    alone = here["top_alone_usd"]
    return f"{text}; it alone: {money(alone)} for as much" if alone else text


def _tiers(tiers: list[Mapping[str, Any]]) -> str:
    rows = [
        [
            tier["tier"],
            f"{tier['asked']:,}",
            "–" if tier["probability"] is None else f"{100 * tier['probability']:.3g} %",
            f"{tier['certain']:,}",
            f"{tier['asked'] - tier['answered']:,}",
            money(tier["cost_usd"]),
            ", ".join(tier["asks"]) if isinstance(tier["asks"], list) else tier["asks"],
        ]
        for tier in tiers
    ]
    return table(["tier", "asked", "chance", "certain", "missing", "cost", "who"], rows, align="<>>>>><", cut=(6,))
