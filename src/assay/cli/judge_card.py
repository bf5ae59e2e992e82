"""``judge card``: a judge against people, its biases, scale use and cost; from recorded verdicts, or as it was kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.judge_columns import card_options, card_request, column_options
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import WIDTH, interval, number, print_json, table

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("card")
@click.argument("what", metavar="FILE|JUDGE")
@column_options
@card_options
@click.option("--report", metavar="FILE.html", type=_FILE, help="Write a page with plots.")
@store_option
@json_option
def card_command(
    what: str,
    report: Path | None,
    store: str | None,
    *,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Make the card of a judge from its recorded verdicts in FILE (CSV, Parquet, JSON lines, or a query; one row an
    item), or show the card kept of JUDGE (a name or version).

    Exit status: 0 done, 2 wrong usage, 3 the file cannot be used or there is no such card.
    """
    if is_table(what):
        from assay.app.judge_card import make_card

        card = make_card(card_request(what, chosen))
        if chosen["version"] is not None:
            card = kept(card, store)
    else:
        from assay.app.judge_cards import current_card, find_card, kept_objects

        app = make_app(store, read_only=True)
        try:
            objects = kept_objects(app)
            card = current_card(objects, find_card(objects, what), now=datetime.now(UTC))
        finally:
            app.close()
    if report is not None:
        from assay.report.judge_card import write_judge_card

        card["report"] = write_judge_card(card, path=report)
    if as_json:
        print_json(card)
    else:
        click.echo(card_text(card))


def is_table(what: str) -> bool:
    """Whether an argument is a file or a query, and no judge's name."""
    suffixes = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json", ".gz")
    return Path(what).is_file() or what.endswith(suffixes) or any(char in what for char in " \n*/")


def keep(card: Mapping[str, Any], store: str | None) -> str:
    """Put a card into the store and say where; what only this file's page draws is kept with it."""
    return str(kept(card, store)["saved"])


def kept(card: Mapping[str, Any], store: str | None) -> dict[str, Any]:
    """A card as it is in the store once it is put there, with what an earlier one had measured; ``saved`` is where."""
    from assay.app.judge_cards import find_card, save_card

    app = make_app(store)
    try:
        where = save_card(app.store.objects, card)
        return {**find_card(app.store.objects, str(card["version"])), "saved": where}
    finally:
        app.close()


def card_text(card: Mapping[str, Any]) -> str:
    """The card as text of 80 columns."""
    from assay.app.judge_card_words import bias_rows, coefficient_rows, measured

    documents = "" if card["n_documents"] is None else f" in {card['n_documents']:,} documents"
    head = f"{card['name']} {card['version']} · {card['model'] or 'model not named'} · {card['n']:,} items{documents}"
    parts = [f"{head}\nmade {card['made_at']}"]
    rows = [[name, number(e["value"], e["unit"]), interval(e), f"{e['n']:,}"] for name, e in coefficient_rows(card)]
    agreement = measured(card, "agreement")
    if agreement is not None:
        for beside in agreement["ceiling"]:
            rows += [
                [f"{beside['measure']}, {who} and the other people", number(e["value"]), interval(e), f"{e['n']:,}"]
                for who, e in (("one person", beside["person"]), ("judge", beside["judge"]))
            ]
    if rows:
        parts.append(table(["agreement with people", "value", "95% interval", "n"], rows, align="<>>>", cut=(0, 2)))
    rows = [[name, number(e["value"], e["unit"]), interval(e), f"{e['n']:,}"] for name, e in bias_rows(card)]
    parts.append(table(["bias", "value", "95% interval", "n"], rows, align="<>>>", cut=(0, 2)))
    parts += [_parts(agreement[kind], kind) for kind in ("segments", "languages") if agreement and agreement[kind]]
    spent = [
        [name, *(number(card[name][key]["value"], card[name][key]["unit"]) for key in ("mean", "p50", "p95"))]
        for name in ("cost", "latency")
        if measured(card, name) is not None
    ]
    if spent:
        parts.append(table(["a verdict", "mean", "median", "95th"], spent, align="<>>>"))
    parts.append("\n".join(fill(sentence, WIDTH) for sentence in card["sentences"]))
    ends = [f"{name} {card[name]}" for name in ("saved", "report") if name in card]
    return "\n\n".join([*parts, *(["\n".join(ends)] if ends else [])])


def _parts(rows: list[Mapping[str, Any]], kind: str) -> str:
    shown = [
        [row["name"], f"{row['n']:,}", number(row["alpha"]["value"]), interval(row["alpha"]),
         number(row["spearman"]["value"])]
        for row in rows[:20]
    ]  # fmt: skip
    text = table([kind[:-1], "n", "alpha", "interval, all hold", "rho"], shown, align="<>>>>", cut=(0, 3))
    return text if len(rows) <= 20 else f"{text}\n… and {len(rows) - 20:,} more in --json"
