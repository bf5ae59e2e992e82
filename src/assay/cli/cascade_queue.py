"""``cascade queue``: whom to ask about what."""

from __future__ import annotations

import json
from pathlib import Path

import click

from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import print_json
from assay.cli.written_files import check_written, source_files


@click.command("queue")
@click.argument("run_id")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write; standard output by default."
)
@store_option
@json_option
def queue_command(run_id: str, *, output: Path | None, store: str | None, as_json: bool) -> None:
    """Write the samples of RUN_ID whose label people still owe, as JSON lines with an empty "label".

    Fill the labels in, one line for each rater ("?" where a person could not tell), put the lines into the file that
    the task names under labels: (labels/TASK.jsonl without it), and resume the run.
    """
    from assay.app.tiered import label_queue

    app = make_app(store, read_only=True)
    try:
        check_written("output", reads=source_files(app.store.metadata.run(run_id).manifest))
        document = label_queue(app, run_id)
    finally:
        app.close()
    if as_json:
        print_json(document)
        return
    rows = document["waiting"]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if output is None:
        click.echo(lines, nl=False)
    else:
        output.write_text(lines, encoding="utf-8")
        click.echo(f"{len(rows):,} {'sample waits' if len(rows) == 1 else 'samples wait'} for a label: {output}")
    if document["labels"] is not None and rows:
        click.echo(f"labels go into {document['labels']}; then: assay resume {document['run_id']}", err=True)
