"""``export``: a run as files other tools read."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from assay.app.exports import FORMATS, export_file, export_text
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import print_json
from assay.cli.written_files import check_written, source_files


@click.command("export")
@click.argument("run_id")
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="jsonl", show_default=True)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File (default stdout).")
@store_option
@json_option
def export_command(run_id: str, store: str | None, *, format_name: str, output: Path | None, as_json: bool) -> None:
    """Write RUN_ID (or ``last``) as JSONL (items), CSV or Parquet (scores), JUnit XML or Markdown.

    Exit status: 0 written, 3 no such run. With --json the document says where and how many; it needs --output.
    """
    if output is None and (as_json or format_name == "parquet"):
        why = "--json needs --output, or two documents would share stdout" if as_json else "Parquet needs --output FILE"
        raise click.UsageError(why)
    app = make_app(store, read_only=True)
    try:
        check_written("output", reads=source_files(app.store.metadata.run(run_id).manifest))
        if output is None:
            count = export_text(app, run_id, format_name=format_name, out=sys.stdout)
        else:
            count = export_file(app, run_id, format_name=format_name, path=output)
    finally:
        app.close()
    if as_json:
        print_json({"path": str(output), "format": format_name, "rows": count})
    elif output is not None:
        click.echo(f"{count:,} rows written to {output}", err=True)
