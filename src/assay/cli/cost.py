"""``cost``: what evaluation has cost, by whom and for what, and where that is going."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from assay.app.cost import GROUPS, LOOK_BACK_DAYS
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import interval, money, print_json, table


@click.command("cost")
@click.option("--by", type=click.Choice(GROUPS), default="day", show_default=True, help="What is added up.")
@click.option("--days", type=click.IntRange(min=1), default=LOOK_BACK_DAYS, show_default=True, help="How far back.")
@store_option
@json_option
@click.pass_context
def cost_command(ctx: click.Context, *, by: str, days: int, store: str | None, as_json: bool) -> None:
    """What runs and attacks have paid to models, what the month will come to, and how the limits of assay.yaml stand.

    People's labels are paid elsewhere and not in it; a run says what they cost.

    Exit status: 0 within every limit, 1 a limit is near or reached.
    """
    from assay.app.cost import cost_report

    app = make_app(store, read_only=True)
    try:
        document = cost_report(app, by=by, days=days, today=datetime.now(UTC).date())
    finally:
        app.close()
    if as_json:
        print_json(document)
    else:
        click.echo(_text(document))
    ctx.exit(0 if all(limit["state"] == "ok" for limit in document["limits"]) else 1)


def _text(document: Mapping[str, Any]) -> str:
    by = document["by"]
    rows = [[row[by], money(row["cost_usd"]), f"{row['unpriced']:,}"] for row in document["rows"]]
    rows.append(["total", money(document["total_usd"]), f"{document['unpriced']:,}"])
    lines = [
        f"since {document['since']}, by {by}",
        "",
        table([by, "cost", "unpriced"], rows, align="<>>", cut=(0,)),
        "",
    ]
    forecast = document["forecast"]
    daily = forecast["usd_a_day"]
    if daily["value"] is not None:
        lines.append(f"{money(daily['value'])} a day ({interval(daily)}) over {forecast['days']} days before today")
        month = forecast["month_usd"]
        lines.append(
            f"this month: {money(forecast['month_so_far_usd'])} so far, {money(month['value'])} at its end"
            f" ({interval(month)})"
        )
    for limit in document["limits"]:
        spent = f"{money(limit['spent_usd'])} of {money(limit['limit_usd'])}"
        said = {"ok": "", "alert": ": ALERT, it is nearly reached", "stop": ": STOP, no run can be started"}
        lines.append(f"limit a {limit['limit']}: {spent}{said[limit['state']]}")
    if document["unpriced"]:
        lines.append("unpriced: entries whose cost is not known and not in the sums; give prices under models:")
    return "\n".join(lines).rstrip()
