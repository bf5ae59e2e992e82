"""``view`` and ``report``: results as pages, served on this machine or as one file."""

from __future__ import annotations

import sys

import click

from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import print_json
from assay.cli.written_files import check_written, source_files


@click.command("view")
@click.argument("run_id", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1 (default: a free one).")
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
@store_option
@json_option
def view_command(run_id: str | None, store: str | None, *, port: int, no_open: bool, as_json: bool) -> None:
    """Serve pages of all runs, or of RUN_ID, on this machine until Ctrl-C; prints the address.

    Exit status: 0 after Ctrl-C, 3 no such run or the port is taken.
    """
    from assay.server.serve import serve

    app = make_app(store)
    try:
        path = f"/runs/{app.store.metadata.run(run_id).run_id}" if run_id else "/"

        def ready(address: str) -> None:
            if as_json:
                print_json({"url": address + path})
            else:
                click.echo(address + path)
                click.echo("Ctrl-C ends it", err=True)
            sys.stdout.flush()
            if not no_open and not as_json and sys.stdout.isatty():
                click.launch(address + path)

        serve(app, port=port, ready=ready)
    finally:
        app.close()


@click.command("report")
@click.argument("run_id")
@click.option("--baseline", metavar="RUN_B", help="Compare with this run on the same page.")
@click.option(
    "--output", metavar="FILE", type=click.Path(dir_okay=False), help="Write there instead of into the store."
)
@store_option
@json_option
def report_command(run_id: str, store: str | None, *, baseline: str | None, output: str | None, as_json: bool) -> None:
    """Write one self-contained HTML page of RUN_ID (or ``last``) and print its path.

    Exit status: 0 written, 3 a run was not found or the file cannot be written.
    """
    from assay.report.write import write_report

    app = make_app(store)
    try:
        check_written("output", reads=source_files(app.store.metadata.run(run_id).manifest))
        path = write_report(app, run_id, baseline=baseline, path=output)
    finally:
        app.close()
    if as_json:
        print_json({"report": path})
    else:
        click.echo(path)
