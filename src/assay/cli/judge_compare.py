"""``judge compare``: which of two judges agrees better with people."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import click

from assay.cli.judge_columns import column_options, judged_request
from assay.cli.options import json_option
from assay.cli.output import WIDTH, interval, number, print_json, table


@click.command("compare")
@click.argument("file")
@click.argument("first")
@click.argument("second")
@click.option(
    "--kind", type=click.Choice(["spearman", "pearson", "kendall"]), default="spearman", show_default=True,
    help="Of correlation.",
)  # fmt: skip
@column_options
@json_option
def compare_command(file: str, first: str, second: str, kind: Any, *, as_json: bool, **chosen: Any) -> None:
    """Hold the verdicts in columns FIRST and SECOND of FILE against the same labels (--human).

    Exit status: 0 done, 2 wrong usage, 3 the file cannot be used.
    """
    from assay.app.judge_compare import compare_columns

    request = judged_request(file, {**chosen, "verdict": first})
    document = compare_columns(request, first=first, second=second, kind=kind)
    if as_json:
        print_json(document)
    else:
        click.echo(comparison_text(document))


def comparison_text(document: Mapping[str, Any]) -> str:
    """The finding as text of 80 columns."""
    pair = document["correlations"]
    rows = [
        [name, number(e["value"]), interval(e)]
        for name, e in (
            (document["first"], pair["first"]),
            (document["second"], pair["second"]),
            ("difference", pair["difference"]),
        )
    ]
    gap = document["decisions"]
    if gap is not None:
        rows.append(["decides as people do, difference", number(gap["value"], "share"), interval(gap)])
    text = table([f"{document['kind']} with people", "value", "95% interval"], rows, align="<>>", cut=(0, 2))
    left = f"\nnote: {document['left_out']:,} items lack a verdict or a label" if document["left_out"] else ""
    return f"{text}\n\n" + "\n".join(fill(sentence, WIDTH) for sentence in document["sentences"]) + left
