"""What ``assay run suite.yaml`` does and shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from assay.app.runs import Silent
from assay.app.suites import load_suite, prepare_suite
from assay.app.suites import run_suite as run_prepared
from assay.app.wiring import App
from assay.cli.consent import confirm, show_limits
from assay.cli.output import interval, money, number, print_json, table
from assay.cli.progress import PlainProgress
from assay.cli.run import options_of
from assay.core.errors import ConfigError


def run_suite(app: App, path: str, given: Mapping[str, Any], *, as_json: bool) -> int:
    """Run a suite file and return the exit status."""
    if given["options"]:
        raise ConfigError(
            "--option is for one benchmark, not for a suite",
            hint="write {task: NAME, use: BENCHMARK, options: {…}} under tasks:",
            code="config.no_benchmark",
        )
    suite, members = load_suite(
        path, data=given["data"] or app.data, skip_bad=given["skip_bad"], unsafe_exec=given["unsafe_exec"]
    )
    runs = prepare_suite(app, suite, members, models=given["models"], options=lambda loaded: options_of(loaded, given))
    plans = [run.prepared.plan for run in runs]
    confirm(
        app,
        "suite",
        cost_usd=sum(plan.whole_cost_usd_max or 0.0 for plan in plans),
        calls=sum(plan.calls for plan in plans),
        budget_usd=runs[0].prepared.options.budget_usd,
        given=given,
        ask=not as_json,
        bounded=all(plan.bounded for plan in plans),
    )
    show_limits(app)
    document = run_prepared(app, suite.suite, runs, observe=lambda name: Silent() if as_json else PlainProgress(name))
    show_limits(app)
    if as_json:
        print_json(document)
    else:
        click.echo(suite_text(document))
    return {"done": 0, "interrupted": 130}.get(document["status"], 3)


def suite_text(document: Mapping[str, Any]) -> str:
    """The aggregate table and the macro-averages."""
    rows = []
    for row in document["runs"]:
        run = row["run"]
        if run is None:
            rows.append([row["task"], row["model"], row["status"], "–", "–", "–"])
            continue
        primary = run["metrics"][run["primary"]]
        value = number(primary["value"], primary["unit"])
        rows.append(
            [row["task"], row["model"], row["status"], value, interval(primary), money(run["usage"]["cost_usd"])]
        )
    lines = [
        table(["task", "model", "status", "value", "95% interval", "cost"], rows, align="<<<>>>", cut=(0, 1, 4)),
        "",
    ]
    for row in document["runs"]:
        if row["error"]:
            lines.append(f"{row['node']}: error[{row['error']['code']}]: {row['error']['message']}")
        elif row["skipped_because"]:
            lines.append(f"{row['node']}: not run, because {row['skipped_because']} did not end well")
        elif row["status"] != "done":
            lines.append(f"{row['node']}: {row['status']}; go on with: assay resume {row['run']['run_id']}")
    for model, macro in document["macro"].items():
        if macro is None:
            lines.append(f"macro-average of {model}: not given (a task has no estimate, or units differ)")
        else:
            lines.append(f"macro-average of {model}: {number(macro['value'], macro['unit'])} ({interval(macro)})")
    lines.append(f"{document['suite_id']} · {document['seconds']:.1f} s")
    return "\n".join(lines)
