"""The tiers of a run on a few lines: who was asked what, at which probability, and what that was worth."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from assay.cli.output import WIDTH, interval, money, number, table
from assay.core.outages import MENDABLE
from assay.engine.cascade.why import certain_parts


def cascade_text(cascade: Mapping[str, Any]) -> str:
    """The ``cascade`` part of a run's document for 80 columns."""
    here, new = cascade["these_items"], cascade["new_inputs"]
    unit = here.get("unit", "score")
    lines = [f"{cascade['metric']} is the verdict of tier {here['speaks_of'] or cascade['speaks_of']}:"]
    for label, estimate in (("on these items", here), ("on new inputs like these", new)):
        said = f"  {number(estimate['value'], unit):>8} ({interval(estimate)}) {label}"
        lines += textwrap.wrap(said, width=WIDTH, subsequent_indent=" " * 12)
    lines += [f"  {_worth(here)}", "", _tiers(here["tiers"])]
    for tier in here["tiers"]:
        if parts := certain_parts(tier, cascade.get("stakes")):
            said = f"certain for {tier['tier']}: {', '.join(parts)}"
            lines += textwrap.wrap(said, width=WIDTH, subsequent_indent="  ")
    if cascade.get("because"):
        lines += ["", shares_text(cascade["because"], here["tiers"])]
    if here["degraded"]:
        lines += textwrap.wrap(f"degraded: {here['degraded_reason']}", width=WIDTH, subsequent_indent="  ")
    if here["map_fits"] is False:
        lines.append("the map is of something else: verdicts vary far more here, and its variance is left out")
    if "bounds" in here:
        low, high = (number(here["bounds"][end], unit) for end in ("low", "high"))
        lines.append(f"with the missing verdicts all lowest or all highest: {low} – {high}")
    if cascade["waiting"]:
        owed = "1 label is" if cascade["waiting"] == 1 else f"{cascade['waiting']:,} labels are"
        lines.append(f"{owed} waited for: assay cascade queue RUN writes the list")
    if cascade.get("stopping"):
        lines += textwrap.wrap(stopping_text(cascade["stopping"]), width=WIDTH, subsequent_indent="  ")
    return "\n".join(lines)


def asked_text(scores: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why the tiers were asked on one sample, as a table; nothing without tiers."""
    rows = [[score["tier"], score["asked"]["why"]] for score in scores if score.get("asked")]
    return [table(["tier", "why it was asked"], rows, align="<<")] if rows else []


def next_step(summary: Mapping[str, Any]) -> str:
    """What to type after a run that did not end well; a resume only where it would ask somebody."""
    resume = f"go on with: assay resume {summary['run_id']}"
    cascade, samples = summary.get("cascade"), summary["samples"]
    if summary["status"] != "degraded" or cascade is None or samples["failed"] or samples["degraded"]:
        return resume
    if cascade["waiting"]:
        return f"write down whom to ask with: assay cascade queue {summary['run_id']}"
    if any(MENDABLE.intersection(tier["unscored"]) for tier in cascade["these_items"]["tiers"]):
        return resume
    return "a resume would ask nobody: a larger share: of the top tier, or more samples, give the figure more verdicts"


def stopping_text(stopping: Mapping[str, Any]) -> str:
    """What became of the rule for when to stop."""
    count = stopping["labels"]
    met = f"met at {count:,} {'verdict' if count == 1 else 'verdicts'}" if stopping["stopped"] else "not met"
    found = stopping["interval"]
    between = ""
    if stopping["kind"] == "gate" and found is not None and found["low"] is not None:
        between = f" (it lies between {number(found['low'], found['unit'])} and {number(found['high'], found['unit'])}"
        between += ", however often one looked)"
    return f"until {stopping['rule']}: {met}: {stopping['sentence']}{between}"


def shares_text(because: str, tiers: Sequence[Mapping[str, Any]]) -> str:
    """Why a budget gave the tiers their shares, for 80 columns."""
    lines = [f"The shares come from the budget: {because}."]
    lines += [f"  {tier['tier']} {100 * tier['share']:.3g} %: {tier['why']}" for tier in tiers if tier["why"]]
    return "\n".join(
        textwrap.fill(line, width=WIDTH, subsequent_indent="    " * line.startswith(" "), break_on_hyphens=False)
        for line in lines
    )


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
