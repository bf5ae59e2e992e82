"""What ``assay run plan.yaml`` does and shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.app.prepare import RunOptions
from assay.app.runs import run_task
from assay.app.wiring import App
from assay.cli.consent import confirm, show_limits, warn
from assay.cli.output import WIDTH, print_json, summary_text
from assay.cli.progress import observer
from assay.core.errors import ConfigError

FIXED = {"limit": "--limit", "seed": "--seed", "options": "--option", "include_degraded": "--include-degraded",
         "skip_bad": "--skip-bad"}  # fmt: skip
"""Options that would make another measurement of it than the planned one."""


def is_plan(what: str) -> bool:
    """Whether a file holds ``plan:``."""
    if not what.endswith((".yaml", ".yml")) or not Path(what).exists():
        return False
    from assay.app.schema import read_yaml

    return "plan" in read_yaml(what)


def run_plan(app: App, path: str, given: Mapping[str, Any], *, as_json: bool) -> int:
    """Carry out a plan and return the exit status: 0 it passed as planned, 1 it did not, 3 not decided, 130 Ctrl-C.

    Raises:
        ConfigError: An option changes what was planned (``plan.departs``).
    """
    from assay.app.plan_run import decide_plan, prepare_plan

    changed = [flag for name, flag in FIXED.items() if given[name]]
    if changed or len(given["models"]) > 1:
        raise ConfigError(
            f"{(changed or ['--model, twice,'])[0]} would change what {path} plans; nothing was sent",
            hint="write it into the plan or the task before anything is looked at",
            code="plan.departs",
        )
    planned = prepare_plan(
        app,
        path,
        data=given["data"] or app.data,
        model=next(iter(given["models"]), None),
        options=RunOptions(
            budget_usd=given["budget_usd"],
            concurrency=given["concurrency"] or 100,
            timeout_s=given["timeout_s"],
            use_cache=not given["no_cache"],
        ),
    )
    prepared = planned.prepared
    confirm(
        app,
        "run",
        cost_usd=prepared.plan.whole_cost_usd_max,
        calls=prepared.plan.calls,
        budget_usd=prepared.options.budget_usd,
        given=given,
        ask=not as_json,
        bounded=prepared.plan.bounded,
    )
    warn(prepared, given, ask=not as_json)
    summary = run_task(app, prepared, observer=observer(silent=as_json))
    show_limits(app)
    document = decide_plan(app, planned, summary)
    if as_json:
        print_json(document)
    else:
        click.echo(plan_text(document))
    if document["decision"] is None:
        return 130 if summary["status"] == "interrupted" else 3
    return 0 if document["kept"] and document["decision"]["verdict"] == "pass" else 1


def plan_text(document: Mapping[str, Any]) -> str:
    """The run, the rules and whether the plan was kept, in 80 columns."""
    parts = [summary_text(document["run"])]
    if document["decision"] is not None:
        for one in document["decision"]["rules"]:
            because = fill(one["sentence"], WIDTH, initial_indent=" " * 14, subsequent_indent=" " * 14)
            parts.append(f"{one['verdict']:<12}  {one['rule']}\n{because}")
    said = [f"departure: {one}" for one in document["departures"]] + [f"note: {one}" for one in document["notes"]]
    parts += ["\n".join(fill(line, WIDTH) for line in said)] if said else []
    return "\n\n".join([*parts, fill(f"plan {document['plan']}: {document['sentence']}", WIDTH)])
