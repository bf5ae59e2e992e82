"""``score``: verdicts on outputs recorded elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from assay.app.prepare import RunOptions, prepare
from assay.app.runs import run_task
from assay.app.tasks import recorded_outputs
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import print_json, summary_text
from assay.cli.progress import observer
from assay.cli.written_files import check_written


@click.command("score")
@click.argument("outputs")
@click.option(
    "--scorers", required=True, metavar="NAME,NAME", help="e.g. exact_match,token_f1; see: assay tasks --scorers"
)
@click.option("--dataset", metavar="FILE", help="Where references are, when OUTPUTS does not hold them.")
@click.option(
    "--to",
    "table_path",
    metavar="FILE.parquet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Stream scores into a table instead of recording a run: constant memory, millions of rows.",
)
@store_option
@json_option
@click.pass_context
def score_command(
    ctx: click.Context,
    outputs: str,
    store: str | None,
    *,
    scorers: str,
    dataset: str | None,
    table_path: Path | None,
    as_json: bool,
) -> None:
    """Score OUTPUTS (JSONL with id and output, and reference unless --dataset has it); no model is called.

    Exit status: 0 done, 3 a file or scorer was not found, 130 Ctrl-C.
    """
    check_written("table_path")
    names = [name.strip() for name in scorers.split(",") if name.strip()]
    if table_path is not None:
        if dataset is not None:
            raise click.UsageError("--to reads the references from OUTPUTS itself; leave --dataset or --to out")
        from assay.app.bulk import score_to_table

        summary = score_to_table(outputs, scorers=names, path=table_path)
    else:
        app = make_app(store)
        try:
            loaded = recorded_outputs(outputs, scorers=names, dataset=dataset)
            prepared = prepare(app, loaded, model=loaded.models[0], options=RunOptions())
            summary = {**run_task(app, prepared, observer=observer(silent=as_json)), "model": None}
        finally:
            app.close()
    if as_json:
        print_json(summary)
    else:
        click.echo(summary_text(summary))
    ctx.exit({"done": 0, "interrupted": 130}.get(summary["status"], 3))
