"""``cascade queue``: whom to ask about what."""

from __future__ import annotations

import json
from pathlib import Path

import click

from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import print_json


@click.command("queue")
@click.argument("run_id")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write; standard output by default."
)
@store_option
@json_option
def queue_command(run_id: str, *, output: Path | None, store: str | None, as_json: bool) -> None:
    """Write the samples of RUN_ID whose label people still owe, as JSON lines with an empty "label".

    Fill the labels in (one line for each rater), name the file under labels: in the task, and resume the run.
    """
    from assay.app.tiered import label_queue

    app = make_app(store, read_only=True)
    try:
        rows = label_queue(app, run_id)
    finally:
        app.close()
    if as_json:
        print_json({"schema": "assay.queue/1", "run_id": run_id, "waiting": rows})
        return
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if output is None:
        click.echo(lines, nl=False)
        return
    output.write_text(lines, encoding="utf-8")
    click.echo(f"{len(rows):,} samples wait for a label: {output}")
