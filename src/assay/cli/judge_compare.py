"""``judge compare``: which of two judges agrees better with people."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import click

from assay.cli.estimates import bounds_text, without_interval
from assay.cli.judge_columns import column_options, judged_request
from assay.cli.options import json_option
from assay.cli.output import WIDTH, number, print_json, table


@click.command("compare")
@click.argument("file")
@click.argument("first")
@click.argument("second")
@click.argument("more", nargs=-1)
@click.option(
    "--kind", type=click.Choice(["spearman", "pearson", "kendall"]), default="spearman", show_default=True,
    help="Of correlation.",
)  # fmt: skip
@column_options
@json_option
def compare_command(
    file: str, first: str, second: str, more: tuple[str, ...], kind: Any, *, as_json: bool, **chosen: Any
) -> None:
    """Hold the verdicts in columns FIRST and SECOND of FILE against the same labels (--human), and say how many
    independent judges they, and those in the columns MORE, would be worth together.

    Exit status: 0 done, 2 wrong usage, 3 the file cannot be used.
    """
    from assay.app.judge_compare import compare_columns

    request = judged_request(file, {**chosen, "verdict": first})
    document = compare_columns(request, first=first, second=second, more=more, kind=kind)
    if as_json:
        print_json(document)
    else:
        click.echo(comparison_text(document))


def comparison_text(document: Mapping[str, Any]) -> str:
    """The finding as text of 80 columns."""
    pair = document["correlations"]
    rows = [
        (document["first"], pair["first"]),
        (document["second"], pair["second"]),
        ("difference", pair["difference"]),
    ]
    cells = [[name, number(e["value"]), bounds_text(e, unit="score")] for name, e in rows]
    gap = document["decisions"]
    if gap is not None:
        rows.append(("decides as people do, difference", gap))
        cells.append(["decides as people do, difference", number(gap["value"], "share"), bounds_text(gap)])
    text = table([f"{document['kind']} with people", "value", "95% interval"], cells, align="<>>", cut=(0,))
    text = "\n".join([text, *without_interval(rows)])
    left = f"\nnote: {document['left_out']:,} items lack a verdict or a label" if document["left_out"] else ""
    return f"{text}\n\n" + "\n".join(fill(sentence, WIDTH) for sentence in document["sentences"]) + left
