"""``assay cascade simulate``: replay recorded verdicts of several tiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.cascade_options import named_columns, named_numbers, share_text
from assay.cli.options import json_option
from assay.cli.output import WIDTH, money, number, print_json, table
from assay.cli.written_files import check_written


@click.command("simulate")
@click.argument("file")
@click.option("--tier", "tiers", metavar="[NAME=]COLUMN,…", multiple=True, required=True,
              help="Columns of a tier's verdicts, cheapest first; the figure speaks of the last.")  # fmt: skip
@click.option("--free", metavar="COLUMN", multiple=True, help="Column of a free metric.")
@click.option("--share", "shares", metavar="TIER=S", multiple=True,
              help="Share of all items a tier is asked on (default 10%, then 1%, 18 items at least).")  # fmt: skip
@click.option("--price", "prices", metavar="TIER=USD", multiple=True, help="Of one verdict.")
@click.option("--id", "sample_id", metavar="COLUMN", help="Column of ids; checked to be different.")
@click.option("--cluster", metavar="COLUMN", help="Column of documents: halves, and new inputs, go by them.")
@click.option("--system", metavar="COLUMN", help="Column of who gave the answer.")
@click.option("--known-systems", is_flag=True,
              help="The map uses what it knows of an item's system; else as if that were new.")  # fmt: skip
@click.option("--policy", "policies", type=click.Choice(["share", "budget", "uncertainty"]), multiple=True,
              default=("share",), show_default=True, help="Which items go up; may be repeated.")  # fmt: skip
@click.option("--start", type=click.Choice(["cold", "map"]), default="cold", show_default=True,
              help="Weights of the labels drawn, or of a map: --map, else the other half of FILE.")  # fmt: skip
@click.option("--map", "map_path", metavar="MAP.json", help="From `assay judge calibrate`; implies --start map.")
@click.option("--new-inputs", is_flag=True, help="Draw documents anew and replay the interval on new inputs.")
@click.option("--win-rate", is_flag=True, help="Verdicts lie in [0, 1]; rare wins get Wilson's interval.")
@click.option("--replays", type=click.IntRange(100, 100_000), default=2_000, show_default=True, help="Draws.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draws.")
@click.option("--report", metavar="FILE.html", type=click.Path(dir_okay=False, path_type=Path),
              help="Write a page with the frontier of cost and half-width.")  # fmt: skip
@json_option
def simulate_command(
    file: str,
    tiers: Sequence[str],
    free: Sequence[str],
    shares: Sequence[str],
    prices: Sequence[str],
    sample_id: str | None,
    cluster: str | None,
    system: str | None,
    known_systems: bool,
    policies: Sequence[Any],
    start: Any,
    map_path: str | None,
    new_inputs: bool,
    win_rate: bool,
    replays: int,
    seed: int,
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    """Replay a cascade on FILE (CSV, Parquet, JSON lines, or a query): one row an item, one column a tier, or several.

    Every item with a verdict of the last tier is used; an empty cell of a lower tier is a verdict it could not give.

    Exit status: 0 done, 2 wrong usage, 3 the file cannot be used so.
    """
    if known_systems and not system:
        raise click.UsageError("--known-systems needs --system COLUMN")
    if new_inputs and not cluster:
        raise click.UsageError("--new-inputs needs --cluster COLUMN")
    check_written("report")
    from assay.app.cascade_simulate import SimulationRequest, simulate_file

    document = simulate_file(
        SimulationRequest(
            path=file,
            tiers=named_columns(tiers),
            free=free,
            shares=named_numbers(shares, "--share"),
            prices=named_numbers(prices, "--price"),
            cluster=cluster,
            system=system,
            sample_id=sample_id,
            policies=tuple(dict.fromkeys(policies)),
            start="cold" if map_path is None and start == "cold" else "map",
            map_path=map_path,
            known_systems=known_systems,
            new_inputs=new_inputs,
            share_scale=win_rate,
            replays=replays,
            seed=seed,
            frontier=report is not None,
        )
    )
    if report is not None:
        from assay.report.cascade import write_simulation

        document["report"] = write_simulation(document, path=report)
    if as_json:
        print_json(document)
    else:
        click.echo(simulation_text(document))


def simulation_text(document: Mapping[str, Any]) -> str:
    """The document as text of 80 columns."""
    head = (
        f"{document['items']:,} items, {document['replays']:,} replays, start {document['start']};"
        f" the figure speaks of {document['speaks_of']} on {document['estimand']}"
    )
    tiers = [
        [
            row["tier"],
            share_text(row["share"]),
            money(row["usd"]),
            "–" if row["r"] is None else f"{row['r']:.2f}",
            f"{row['missing']:,}",
        ]
        for row in document["tiers"]
    ]
    policies = [
        [
            row["policy"],
            f"{row['labels']:.0f}",
            number(row["half_width"]),
            number(row["narrowing"], "share"),
            number(row["coverage"], "share"),
            f"{row['bias']:+.4f}",
            f"{row['bias_z']:+.1f}",
            money(row["cost_usd"]),
        ]
        for row in document["policies"]
    ]
    parts = [
        fill(head, WIDTH),
        table(["tier", "share", "price", "r with last", "missing"], tiers, align="<>>>>", cut=(0,)),
        table(
            ["policy", "labels", "half-width", "narrower", "covers", "bias", "z", "cost"],
            policies,
            align="<>>>>>>>",
        ),
        "\n".join(fill(sentence, WIDTH) for sentence in document["sentences"]),
    ]
    if document.get("report"):
        parts.append(f"page {document['report']}")
    return "\n\n".join(parts)
