"""``quickstart``: the whole way on one small model, in about three minutes."""

from __future__ import annotations

import click

from assay.app.quickstart import MODEL, VARIANTS, quickstart
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import interval, money, number, print_json, table
from assay.cli.progress import observer


@click.command("quickstart")
@click.option("--model", default=MODEL, show_default=True, help="A model that scores options (local/…, vllm/…).")
@store_option
@json_option
def quickstart_command(model: str, store: str | None, *, as_json: bool) -> None:
    """Evaluate a small model in this process on 120 items, with two prompts, and say whether they differ.

    Exit status: 0 done, 3 the model is not installed (the hint says how).
    """
    from assay.report.write import write_report

    app = make_app(store)
    try:
        document = quickstart(
            app, model=model, write_report=write_report, observe=lambda name: observer(silent=as_json, label=name)
        )
    finally:
        app.close()
    if as_json:
        print_json(document)
        return
    rows = []
    for variant, run in zip(VARIANTS, document["runs"], strict=True):
        estimate = run["metrics"][run["primary"]]
        cost = money(run["usage"]["cost_usd"])
        value = number(estimate["value"], estimate["unit"])
        rows.append([variant, value, interval(estimate), str(estimate["n"]), cost, f"{run['seconds']:.0f} s"])
    click.echo(f"\n{document['runs'][0]['task']} · {model}\n")
    click.echo(table(["prompt", "value", "95% interval", "n", "cost", "time"], rows, align="<>>>>>"))
    metric = document["comparison"]["metrics"][document["runs"][0]["primary"]]
    click.echo(f"\n{VARIANTS[1]} against {VARIANTS[0]}: {metric['sentence']}\n")
    click.echo(f"report {document['report']}")
    click.echo("next: assay view · assay compare " + " ".join(run["run_id"] for run in document["runs"]))
