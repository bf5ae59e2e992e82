"""``judge list``: judges that have a card."""

from __future__ import annotations

import click

from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import print_json, table


@click.command("list")
@store_option
@json_option
def list_command(store: str | None, *, as_json: bool) -> None:
    """Judges that have a card, with its date.

    Exit status: 0 done, 3 the store cannot be read.
    """
    from assay.app.judge_cards import kept_objects, list_cards

    app = make_app(store, read_only=True)
    try:
        cards = list_cards(kept_objects(app))
    finally:
        app.close()
    if as_json:
        print_json({"schema": "assay.judges/1", "judges": [dict(card) for card in cards]})
    elif not cards:
        click.echo("no judge has a card; make one: assay judge card VERDICTS.csv --judge-version VERSION")
    else:
        rows = [
            [str(card["name"]), str(card["version"]), str(card["model"] or "–"), str(card["made_at"])[:10],
             f"{card['n']:,}"]
            for card in cards
        ]  # fmt: skip
        click.echo(table(["judge", "version", "model", "made", "items"], rows, align="<<<<>", cut=(0, 1, 2)))
