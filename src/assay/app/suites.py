"""Several tasks × several models: one gateway, one cache, one table."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.app.runs import Prepared, RunOptions, Silent, carry_out, in_loop, new_run, prepare
from assay.app.tasks import LoadedTask, load_task, task_from_file
from assay.app.wiring import App, gateway_config
from assay.core.errors import ConfigError
from assay.core.ids import make_id
from assay.core.protocols import Observer
from assay.core.records import Estimate
from assay.engine.suite import Node, Outcome, run_graph

if TYPE_CHECKING:
    from assay.app.schema import SuiteFile, TaskFile


def is_suite(what: str) -> bool:
    """Whether a file holds ``tasks:``."""
    if not what.endswith((".yaml", ".yml")) or not Path(what).exists():
        return False
    from assay.app.schema import read_yaml

    return "tasks" in read_yaml(what)


def load_suite(path: str) -> tuple[SuiteFile, list[tuple[str, LoadedTask, Sequence[str]]]]:
    """The suite and, for each task, its name, the task and what it needs.

    Raises:
        ConfigError: The file is not valid, or two tasks have one name.
    """
    from assay.app.schema import SuiteFile, check, read_yaml

    suite = check(SuiteFile, read_yaml(path), where=path)
    directory = str(Path(path).resolve().parent)
    loaded = [_member(entry, directory) for entry in suite.tasks]
    names = [name for name, _, _ in loaded]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"two tasks of {path} have one name: {', '.join(sorted(names))}", hint="give one another task:"
        )
    return suite, loaded


def _member(entry: str | TaskFile, directory: str) -> tuple[str, LoadedTask, Sequence[str]]:
    if isinstance(entry, str):
        what = str(Path(directory) / entry) if entry.endswith((".yaml", ".yml")) else entry
        task = load_task(what)
        return task.task.name, task, ()
    return entry.task, task_from_file(entry, directory=directory), entry.needs


def prepare_suite(
    app: App, path: str, *, models: Sequence[str], options: RunOptions
) -> tuple[SuiteFile, list[tuple[str, str, Prepared, Sequence[str]]]]:
    """Every run of a suite, checked and priced: ``(node name, task name, run, needs)``."""
    suite, members = load_suite(path)
    prepared: list[tuple[str, str, Prepared, Sequence[str]]] = []
    for name, loaded, needs in members:
        chosen = list(models) or suite.models or list(loaded.models)
        if not chosen:
            raise ConfigError(
                f"no model is named for task {name}", hint="add models: to the suite, or --model", code="model.missing"
            )
        for model in chosen:
            own = replace(options, limit=options.limit or loaded.limit, seed=options.seed or loaded.seed)
            run = prepare(app, replace(loaded, limits=suite.limits), model=model, options=own)
            prepared.append((f"{name}@{model}", name, run, [f"{need}@{model}" for need in needs]))
    return suite, prepared


def run_suite(
    app: App,
    suite_name: str,
    prepared: Sequence[tuple[str, str, Prepared, Sequence[str]]],
    *,
    observe: Callable[[str], Observer] = lambda name: Silent(),
) -> dict[str, Any]:
    """Run a prepared suite side by side and return its document (``assay.suite/1``).

    The budget is shared: what one run has spent is gone for the others.
    """
    suite_id = make_id("suite", now_ms=int(time.time() * 1000), entropy=os.urandom(10))

    async def go() -> list[Outcome]:
        from assay.gateway import Gateway

        limits = next((run.loaded.limits for _, _, run, _ in prepared), None)
        gateway = Gateway(gateway_config(app.settings, limits), journal=app.store.journal)

        def node(name: str, run: Prepared, needs: Sequence[str]) -> Node:
            async def work() -> Mapping[str, Any]:
                plan = new_run(app, run, suite_id=suite_id)
                return await carry_out(app, plan, gateway, options=run.options, observer=observe(name))

            return Node(name=name, needs=needs, work=work)

        try:
            return await run_graph([node(name, run, needs) for name, _, run, needs in prepared])
        finally:
            await gateway.close()

    started = time.monotonic()
    outcomes = in_loop(go())
    return _document(suite_id, suite_name, prepared, outcomes, seconds=time.monotonic() - started)


def _document(
    suite_id: str,
    name: str,
    prepared: Sequence[tuple[str, str, Prepared, Sequence[str]]],
    outcomes: Sequence[Outcome],
    *,
    seconds: float,
) -> dict[str, Any]:
    rows = []
    for (node, task, run, _), outcome in zip(prepared, outcomes, strict=True):
        rows.append(
            {
                "node": node,
                "task": task,
                "model": run.model,
                "status": outcome.summary["status"]
                if outcome.summary
                else ("skipped" if outcome.skipped_because else "failed"),
                "run": outcome.summary,
                "error": outcome.error.to_dict() if outcome.error else None,
                "skipped_because": outcome.skipped_because,
            }
        )
    models = list(dict.fromkeys(row["model"] for row in rows))
    return {
        "suite_id": suite_id,
        "suite": name,
        "schema": "assay.suite/1",
        "status": "done" if all(row["status"] == "done" for row in rows) else "partial",
        "runs": rows,
        "macro": {model: _macro([row for row in rows if row["model"] == model]) for model in models},
        "seconds": round(seconds, 3),
    }


def _macro(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Mean of the tasks' primary estimates, when every task has one of the same unit."""
    from assay.stats import macro_average

    primaries = [row["run"]["metrics"][row["run"]["primary"]] for row in rows if row["run"]]
    if len(primaries) < len(rows) or len({primary["unit"] for primary in primaries}) != 1:
        return None
    estimates = [Estimate(**primary) for primary in primaries]
    return None if any(estimate.std_error is None for estimate in estimates) else macro_average(estimates).to_dict()
