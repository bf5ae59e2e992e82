"""``new plan``: write a measurement plan, which ``assay run`` carries out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from assay.cli.numbers import FiniteRange
from assay.cli.options import json_option
from assay.cli.output import print_json

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("plan")
@click.argument("name")
@click.option("--task", required=True, metavar="FILE|BENCHMARK", help="What is measured; a file beside the plan.")
@click.option("--primary", metavar="RULE", help="The gate rule that decides (default: the middle of the scale).")
@click.option("--guardrail", "guardrails", multiple=True, metavar="RULE", help="Must hold as well; may be repeated.")
@click.option("--baseline", metavar="RUN", help="Run that relative rules compare with.")
@click.option("--samples", type=click.IntRange(min=2), help="Sample size (default: what the half-width needs).")
@click.option("--std-dev", type=FiniteRange(min=0, min_open=True), help="Of one sample's score, as known.")
@click.option(
    "--half-width", type=FiniteRange(min=0, min_open=True),
    help="Wanted of the primary metric (default: a twentieth of its scale).",
)  # fmt: skip
@click.option("--budget-usd", type=FiniteRange(min=0), help="Most the run may cost.")
@click.option("--data", metavar="DIR", help="Where a benchmark's files are.")
@click.option(
    "--output", "path", type=_FILE, default=Path("plan.yaml"), show_default=True, metavar="FILE",
    help="Where it is written.",
)  # fmt: skip
@click.option("--force", "replace", is_flag=True, help="Write over a plan that is there.")
@json_option
def plan_command(*, as_json: bool, **given: Any) -> None:
    """Write the measurement plan NAME; carry it out with: assay run plan.yaml

    Exit status: 0 written, 3 it could not be.

    \b
    assay new plan support --task eval.yaml --primary 'exact_match.low >= 0.6'
    """
    from assay.app.new_plan import NewPlan, new_plan

    document = new_plan(NewPlan(**given))
    if as_json:
        print_json(document)
        return
    plan = document["plan"]
    click.echo(
        f"plan {plan['plan']}: {plan['primary']}, on {plan['samples']:,} sample{'' if plan['samples'] == 1 else 's'}"
    )
    click.echo(f"the design needs {document['needed_samples']:,}")
    click.echo(f"written to {document['path']}; carry it out with: assay run {document['path']}")
