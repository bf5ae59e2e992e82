"""``judge card``: a judge against people, its biases, scale use and cost; from recorded verdicts, or as it was kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.estimates import bounds_text, estimate_table, without_interval
from assay.cli.judge_columns import card_options, card_request, column_options
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import WIDTH, number, print_json, table
from assay.cli.written_files import check_written

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
    check_written("report")
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
    from assay.app.judge_card_words import bias_rows, coefficient_rows, counted, measured, people_rows

    documents = "" if card["n_documents"] is None else f" in {card['n_documents']:,} documents"
    head = f"{card['name']} {card['version']} · {card['model'] or 'model not named'} · {card['n']:,} items{documents}"
    parts = [f"{head}\nmade {card['made_at']}"]
    agreement = measured(card, "agreement")
    for title, rows in (
        ("agreement with people", [*coefficient_rows(card), *people_rows(card)]),
        ("bias", bias_rows(card)),
    ):
        if rows:
            header = [title, "value", "95% interval", "n"]
            parts.append(estimate_table(header, rows, [counted(estimate) for _, estimate in rows]))
    parts += [_parts(agreement[kind], kind) for kind in ("segments", "languages") if agreement and agreement[kind]]
    spent = [
        [name, *(number(card[name][key]["value"], card[name][key]["unit"]) for key in ("mean", "p50", "p95"))]
        for name in ("cost", "latency")
        if measured(card, name) is not None
    ]
    if spent:
        parts.append(table(["a verdict", "mean", "median", "95th"], spent, align="<>>>"))
    said = [sentence for sentence in card["sentences"] if not sentence.startswith("Not measured: ")]
    parts.append("\n".join(fill(sentence, WIDTH) for sentence in said))
    parts += _not_measured(card)
    ends = [f"{name} {card[name]}" for name in ("saved", "report") if name in card]
    return "\n\n".join([*parts, *(["\n".join(ends)] if ends else [])])


def _not_measured(card: Mapping[str, Any]) -> list[str]:
    """What was not measured, and why."""
    from assay.app.judge_card_words import MEASURES, measured

    lines = [
        fill(f"{label}: {card[name]['not_measured']}", WIDTH, initial_indent="  ", subsequent_indent="    ")
        for name, label in MEASURES.items()
        if name in card and measured(card, name) is None
    ]
    return ["\n".join(["Not measured, because", *lines])] if lines else []


def _parts(rows: list[Mapping[str, Any]], kind: str) -> str:
    shown = [
        [row["name"], f"{row['n']:,}", number(row["alpha"]["value"]), bounds_text(row["alpha"]),
         number(row["spearman"]["value"])]
        for row in rows[:20]
    ]  # fmt: skip
    text = table([kind[:-1], "n", "alpha", "interval, all hold", "rho"], shown, align="<>>>>", cut=(0,))
    text = "\n".join([text, *without_interval([(row["name"], row["alpha"]) for row in rows[:20]])])
    return text if len(rows) <= 20 else f"{text}\n… and {len(rows) - 20:,} more in --json"
