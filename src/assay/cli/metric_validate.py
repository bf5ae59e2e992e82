"""``metric validate``: any proxy metric against people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.estimates import estimate_table
from assay.cli.numbers import FiniteRange
from assay.cli.options import json_option
from assay.cli.output import WIDTH, print_json
from assay.cli.written_files import check_written

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("validate")
@click.argument("file")
@click.option("--metric", "metrics", metavar="COLUMN", multiple=True, required=True, help="Once for each metric.")
@click.option(
    "--human", metavar="COLUMN", multiple=True, help="A person's labels; once for each person (default human)."
)
@click.option("--rater", metavar="COLUMN", help="Who labelled: one row a label instead of one row an item.")
@click.option("--id", "item", metavar="COLUMN", help="Of the item (default id, if there; else every row).")
@click.option("--system", metavar="COLUMN", help="Who gave the answer. Default: system, if there.")
@click.option("--cluster", metavar="COLUMN", help="Items of one are not independent. Default: document, if there.")
@click.option("--segment", metavar="COLUMN", help="Correlation for each value. Default: segment, if there.")
@click.option("--lower-is-better", "lower", metavar="COLUMN", multiple=True, help="A metric of which less is better.")
@click.option(
    "--least", type=FiniteRange(0, 1, max_open=True), default=0.3, show_default=True,
    help="Correlation that a guardrail must be shown to reach.",
)  # fmt: skip
@click.option(
    "--margin", type=FiniteRange(0, 1), default=0.05, show_default=True,
    help="How far below one person a stand-in may lie.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap.")
@click.option("--report", metavar="FILE.html", type=_FILE, help="Write a page with plots.")
@json_option
def validate_command(
    file: str,
    *,
    system: str | None,
    cluster: str | None,
    segment: str | None,
    report: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Hold the metrics in columns of FILE (CSV, Parquet, JSON lines, or a query; one row an item) against people.

    Exit status: 0 done, 2 wrong usage, 3 the file cannot be used.

    \b
    assay metric validate answers.csv --metric rouge_l --human ann --human ben --system model
    """
    check_written("report")
    from assay.app.metric_file import MetricRequest
    from assay.app.metric_validate import validate_metrics

    groups = {"system": system, "cluster": cluster, "segment": segment}
    document = validate_metrics(
        MetricRequest(path=file, columns={key: name for key, name in groups.items() if name is not None}, **given)
    )
    if report is not None:
        from assay.report.metric_validate import write_metric_validation

        document["report"] = write_metric_validation(document, path=report)
    if as_json:
        print_json(document)
    else:
        click.echo(validation_text(document))


def validation_text(document: Mapping[str, Any]) -> str:
    """The document as text of 80 columns: verdicts first."""
    known = [
        f"{document['items']:,} items",
        f"{document['labelled']:,} labelled",
        f"{document['raters']:,} {'person' if document['raters'] == 1 else 'people'}",
        *(f"{document[key]:,} {key}" for key in ("systems", "clusters") if document[key] is not None),
    ]
    parts = [" · ".join(known), "\n".join(fill(sentence, WIDTH) for sentence in document["sentences"])]
    for row in document["metrics"]:
        parts += [_figures(row), *_decisions(row), *_segments(row)]
    if document["comparisons"]:
        parts.append(_comparisons(document))
    if "report" in document:
        parts.append(f"report {document['report']}")
    return "\n\n".join(parts)


def _figures(row: Mapping[str, Any]) -> str:
    from assay.app.judge_card_words import counted
    from assay.app.metric_words import figure_rows

    rows = figure_rows(row)
    left = f"\n{row['left_out']:,} items lack it or a label" if row["left_out"] else ""
    wanted = row["verdict"]["needed_half_width"]
    left += "" if wanted is None else f"\nrho to ± 0.05 takes about {wanted:,} items like these"
    header = [row["metric"], "value", "95% interval", "n"]
    return estimate_table(header, rows, [counted(estimate) for _, estimate in rows], unit="score") + left


def _decisions(row: Mapping[str, Any]) -> list[str]:
    from assay.app.metric_words import DECISIONS

    if row["systems"] is None:
        return []
    found = row["systems"]["decisions"]
    rows = [(name, found[key]) for key, name in DECISIONS.items()]
    header = [f"{row['metric']}: decisions", "share", "95% interval", "pairs"]
    return [estimate_table(header, rows, [f"{estimate['n']:,}" for _, estimate in rows])]


def _segments(row: Mapping[str, Any]) -> list[str]:
    if not row["segments"]:
        return []
    rows = [(one["segment"], one["spearman"]) for one in row["segments"][:20]]
    header = [f"{row['metric']}: segment", "rho", "interval, all hold", "n"]
    text = estimate_table(header, rows, [f"{one['n']:,}" for _, one in rows], unit="score")
    more = len(row["segments"]) - len(rows)
    return [f"{text}\n… and {more:,} more in --json" if more else text]


def _comparisons(document: Mapping[str, Any]) -> str:
    rows, shown = [], []
    for row in document["comparisons"]:
        p = row["p_adjusted"]
        shown.append("–" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}")
        rows.append((f"{row['first']} − {row['second']}", row["spearman"]["difference"]))
    return estimate_table(["difference of rho", "value", "95% interval", "p adj."], rows, shown, unit="score")
