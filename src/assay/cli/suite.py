"""What ``assay run suite.yaml`` does and shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from assay.app.runs import RunOptions, Silent
from assay.app.suites import prepare_suite
from assay.app.suites import run_suite as run_prepared
from assay.app.wiring import App
from assay.cli.output import interval, money, number, print_json, table
from assay.cli.progress import PlainProgress
from assay.core.errors import ConfigError


def run_suite(app: App, path: str, given: Mapping[str, Any], *, as_json: bool) -> int:
    """Run a suite file and return the exit status."""
    options = RunOptions(
        limit=given["limit"],
        seed=given["seed"] or 0,
        budget_usd=given["budget_usd"],
        concurrency=given["concurrency"] or 100,
        timeout_s=given["timeout_s"],
        use_cache=not given["no_cache"],
        include_degraded=given["include_degraded"],
    )
    suite, prepared = prepare_suite(app, path, models=given["models"], options=options)
    costs = [run.plan.cost_usd_max for _, _, run, _ in prepared]
    total = sum(cost for cost in costs if cost is not None)
    if total > app.settings["confirm_above_usd"] and not given["yes"] and given["budget_usd"] is None:
        raise ConfigError(
            f"this suite may cost up to {money(total)}; nothing was sent",
            hint=f"add --budget-usd {total:.0f} or --yes",
            code="run.unconfirmed",
        )
    document = run_prepared(
        app, suite.suite, prepared, observe=lambda name: Silent() if as_json else PlainProgress(name)
    )
    if as_json:
        print_json(document)
    else:
        click.echo(suite_text(document))
    return 0 if document["status"] == "done" else 3


def suite_text(document: Mapping[str, Any]) -> str:
    """The aggregate table and the macro-averages."""
    rows = []
    for row in document["runs"]:
        run = row["run"]
        if run is None:
            why = row["error"]["message"] if row["error"] else f"needs {row['skipped_because']}"
            rows.append([row["task"], row["model"], row["status"], "–", why[:30], ""])
            continue
        primary = run["metrics"][run["primary"]]
        value = number(primary["value"], primary["unit"])
        rows.append(
            [row["task"], row["model"], row["status"], value, interval(primary), money(run["usage"]["cost_usd"])]
        )
    lines = [table(["task", "model", "status", "value", "95% interval", "cost"], rows, align="<<<>>>"), ""]
    for model, macro in document["macro"].items():
        if macro is None:
            lines.append(f"macro-average of {model}: not given (a task has no estimate, or units differ)")
        else:
            lines.append(f"macro-average of {model}: {number(macro['value'], macro['unit'])} ({interval(macro)})")
    lines.append(f"{document['suite_id']} · {document['seconds']:.1f} s")
    return "\n".join(lines)
