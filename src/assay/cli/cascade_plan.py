"""``assay cascade plan``: shares, cost and half-width before money is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.cascade_options import listed_shares, named_numbers, share_text
from assay.cli.numbers import FiniteRange
from assay.cli.options import json_option
from assay.cli.output import WIDTH, money, print_json, table
from assay.cli.written_files import check_written

_EXAMPLE = "assay cascade plan --volume 10M/day --tier fast=0.0005 --tier strong=0.003 --shares 10%,1%"

_PAYS = {True: "yes", False: "no", None: "?"}


@click.command("plan")
@click.option("--tier", "tiers", metavar="NAME=USD", multiple=True, required=True,
              help="A tier and its price a verdict, cheapest first; the figure speaks of the last.")  # fmt: skip
@click.option("--volume", metavar="N[/day]", required=True, help="Items: 600, 50k, 10M/day.")
@click.option("--shares", metavar="S,S", help="Shares of all items, a tier each: 10%,1%.")
@click.option("--budget-usd", type=FiniteRange(min=0, min_open=True), help="Spend this in the best way.")
@click.option("--half-width", type=FiniteRange(min=0, min_open=True), help="Reach this at least cost.")
@click.option("--correlation", "correlations", metavar="NAME=R", multiple=True,
              help="Guess: correlation of a tier (and those below) with the last one; NAME may be free.")  # fmt: skip
@click.option(
    "--std-dev",
    type=FiniteRange(min=0, min_open=True),
    help="Guess: of the last tier's verdicts; half-widths are in this unit.",
)
@click.option("--pilot", metavar="FILE", help="Recorded verdicts, a column a tier, instead of guesses.")
@click.option("--free", metavar="COLUMN", multiple=True, help="Column of a free metric in the pilot.")
@click.option("--people", metavar="NAME", multiple=True, help="This tier is people.")
@click.option("--raters", metavar="NAME=N", multiple=True, help="People an item.")
@click.option("--hours", metavar="NAME=H", multiple=True, help="Until an answer is there.")
@click.option("--new-inputs", is_flag=True, help="Speak of new inputs like these, not of these items.")
@click.option("--force", metavar="NAME", multiple=True, help="Keep a tier that cannot pay.")
@click.option("--report", metavar="FILE.html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@json_option
def plan_command(
    tiers: Sequence[str],
    volume: str,
    shares: str | None,
    budget_usd: float | None,
    half_width: float | None,
    correlations: Sequence[str],
    std_dev: float | None,
    pilot: str | None,
    free: Sequence[str],
    people: Sequence[str],
    raters: Sequence[str],
    hours: Sequence[str],
    new_inputs: bool,
    force: Sequence[str],
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    """Forecast what a cascade costs and how narrow its figure will be.

    Give --shares, --budget-usd or --half-width, one of them.

    Exit status: 0 done, 2 wrong usage, 3 there is no such plan.
    """
    if sum(one is not None for one in (shares, budget_usd, half_width)) != 1:
        raise click.UsageError(f"give --shares, --budget-usd or --half-width, one of them; e.g. {_EXAMPLE}")
    if pilot is not None and (correlations or std_dev is not None):
        raise click.UsageError("--pilot measures what --correlation and --std-dev guess: give one or the other")
    check_written("report")
    from assay.app.cascade_plan import PlanRequest, plan_cascade
    from assay.engine.cascade.plan import TierPrice, parse_volume

    items, per = parse_volume(volume)
    counts, waits = named_numbers(raters, "--raters"), named_numbers(hours, "--hours")
    prices = named_numbers(tiers, "--tier")
    for option, names in (("--raters", counts), ("--hours", waits), ("--people", people)):
        for name in names:
            if name not in prices:
                raise click.UsageError(f"{option} names the tier {name!r}, which is not there")
    document = plan_cascade(
        PlanRequest(
            tiers=[
                TierPrice(
                    name=name,
                    usd=price,
                    raters=int(counts.get(name, 1)),
                    hours=waits.get(name),
                    people=name in people or name in counts or name in waits,
                )
                for name, price in prices.items()
            ],
            items=items,
            per=per,
            shares=listed_shares(shares),
            budget_usd=budget_usd,
            half_width=half_width,
            correlations=named_numbers(correlations, "--correlation"),
            std_dev=std_dev,
            pilot=pilot,
            free=free,
            new_inputs=new_inputs,
            force=force,
        )
    )
    if report is not None:
        from assay.report.cascade import write_plan

        document["report"] = write_plan(document, path=report)
    if as_json:
        print_json(document)
    else:
        click.echo(plan_text(document))


def plan_text(document: Mapping[str, Any]) -> str:
    """The document as text of 80 columns."""
    from assay.app.cascade_plan import explained_text

    per = " a day" if document["per"] == "day" else ""
    rows = [
        [
            row["tier"],
            share_text(row["share"]),
            f"{row['items']:,.0f}",
            money(row["usd_per_item"]),
            money(row["cost_usd"]),
            explained_text(row["partial_r2"]),
            explained_text(row["needed_r2"]),
            _PAYS[row["pays"]],
        ]
        for row in document["tiers"]
    ]
    head = ["tier", "share", "items", "price", f"cost{per}", "adds r²", "needs", "pays"]
    parts = [table(head, rows, align="<>>>>>><", cut=(0,))]
    parts.append("\n".join(fill(sentence, WIDTH) for sentence in document["sentences"]))
    if document.get("report"):
        parts.append(f"page {document['report']}")
    return "\n\n".join(parts)
