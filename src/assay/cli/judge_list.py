"""``judge list``: judges that have a card."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from textwrap import fill
from typing import Any

import click

from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import WIDTH, interval, number, print_json, table


@click.command("list")
@store_option
@json_option
def list_command(store: str | None, *, as_json: bool) -> None:
    """Judges that have a card: its date, agreement with people beside the ceiling, what speaks against them.

    Exit status: 0 done, 3 the store cannot be read.
    """
    from assay.app.judge_cards import judge_rows, kept_objects

    app = make_app(store, read_only=True)
    try:
        cards = judge_rows(kept_objects(app), now=datetime.now(UTC))
    finally:
        app.close()
    if as_json:
        print_json({"schema": "assay.judges/1", "judges": cards})
    elif not cards:
        click.echo("no judge has a card; make one: assay judge card VERDICTS.csv --judge-version VERSION")
    else:
        click.echo(judges_text(cards))


def judges_text(cards: list[dict[str, Any]]) -> str:
    """The list as text of 80 columns: a table, then what each card says first."""
    rows = [
        [_line(card["name"]), str(card["version"]), str(card["model"] or "–"), str(card["made_at"])[:10],
         f"{card['n']:,}"]
        for card in cards
    ]  # fmt: skip
    said = [fill(f"{_line(card['name'])} {card['version']}: {'; '.join(_said(card))}.", WIDTH) for card in cards]
    return "\n".join(
        [table(["judge", "version", "model", "made", "items"], rows, align="<<<<>", cut=(0, 1, 2)), "", *said]
    )


def _line(name: Any) -> str:
    """A name on one line, whatever is in it."""
    return " ".join(str(name).split())


def _said(card: Mapping[str, Any]) -> list[str]:
    """Agreement with its ceiling, what speaks against the judge, and why its card is old."""
    from assay.app.judge_card_words import FLAGS

    found = card["agreement"]
    if found is None:
        said = ["agreement with people not measured"]
    else:
        said = [f"{found['measure']} with people {_figure(found['judge'])}, n = {found['judge']['n']:,}"]
        if found["person"] is not None:
            said[0] += f", one person {_figure(found['person'])}"
    return [*said, *(FLAGS.get(flag, flag) for flag in card["flags"]), *([card["stale"]] if card["stale"] else [])]


def _figure(estimate: Mapping[str, Any]) -> str:
    return f"{number(estimate['value'])} ({interval(estimate)})"
