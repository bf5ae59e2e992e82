"""Several tasks × several models: one gateway, one cache, one table."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.app.interrupts import Interrupts, interrupts
from assay.app.prepare import Prepared, RunOptions, new_run, prepare
from assay.app.runs import Silent, carry_out, in_loop
from assay.app.spending import budget_of
from assay.app.tasks import LoadedTask, load_task, task_from_file
from assay.app.wiring import App
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One task of a suite and the names of the tasks it needs."""

    name: str
    loaded: LoadedTask
    needs: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRun:
    """One task with one model: a node of the graph, checked and priced."""

    node: str
    task: str
    prepared: Prepared
    needs: Sequence[str]


def load_suite(
    path: str, *, data: str | None = None, skip_bad: bool = False, unsafe_exec: bool = False
) -> tuple[SuiteFile, list[Member]]:
    """The suite and its tasks, which keep to the suite's limits.

    Args:
        data: Where the files of its benchmarks are.
        skip_bad: As for ``load_task``; likewise ``unsafe_exec``.

    Raises:
        ConfigError: The file is not valid, or two tasks have one name.
    """
    from assay.app.schema import SuiteFile, check, read_yaml

    suite = check(SuiteFile, read_yaml(path), where=path)
    directory = str(Path(path).resolve().parent)
    members = []
    for entry in suite.tasks:
        loaded = _loaded(entry, directory, data=data, skip_bad=skip_bad, unsafe_exec=unsafe_exec)
        needs = () if isinstance(entry, str) else entry.needs
        name = loaded.task.name if isinstance(entry, str) else entry.task
        members.append(Member(name=name, loaded=replace(loaded, limits=suite.limits), needs=needs))
    names = [member.name for member in members]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"two tasks of {path} have one name: {', '.join(sorted(names))}", hint="give one another task:"
        )
    return suite, members


def _loaded(
    entry: str | TaskFile, directory: str, *, data: str | None, skip_bad: bool, unsafe_exec: bool
) -> LoadedTask:
    from assay.benchmarks import BENCHMARKS

    if isinstance(entry, str):
        is_benchmark = entry in BENCHMARKS
        what = str(Path(directory) / entry) if entry.endswith((".yaml", ".yml")) else entry
        return load_task(what, data=data if is_benchmark else None, skip_bad=skip_bad, unsafe_exec=unsafe_exec)
    data = data if entry.use is not None else None
    return task_from_file(entry, directory=directory, skip_bad=skip_bad, data=data, unsafe_exec=unsafe_exec)


def prepare_suite(
    app: App,
    suite: SuiteFile,
    members: Sequence[Member],
    *,
    models: Sequence[str],
    options: Callable[[LoadedTask], RunOptions],
) -> list[SuiteRun]:
    """Every run of a suite, checked and priced.

    Args:
        models: Instead of those the suite names.
        options: A task's run options.

    Raises:
        ConfigError: A task has no model, or a model cannot do what a task needs.
    """
    runs: list[SuiteRun] = []
    for member in members:
        chosen = list(models) or suite.models or list(member.loaded.models)
        if not chosen:
            raise ConfigError(
                f"no model is named for task {member.name}",
                hint="add models: to the suite, or --model",
                code="model.missing",
            )
        runs.extend(
            SuiteRun(
                node=f"{member.name}@{model}",
                task=member.name,
                prepared=prepare(app, member.loaded, model=model, options=options(member.loaded)),
                needs=[f"{need}@{model}" for need in member.needs],
            )
            for model in chosen
        )
    return runs


def run_suite(
    app: App,
    suite_name: str,
    runs: Sequence[SuiteRun],
    *,
    observe: Callable[[str], Observer] = lambda name: Silent(),
) -> dict[str, Any]:
    """Run a prepared suite side by side and return its document (``assay.suite/1``).

    Budget and time limit are the suite's: what one run has spent is gone for the others. A signal stops every run.
    """
    from assay.gateway import Gateway

    suite_id = make_id("suite", now_ms=int(time.time() * 1000), entropy=os.urandom(10))
    options = runs[0].prepared.options
    run_ids: list[str] = []
    budget = budget_of(app, options.budget_usd, run_ids=run_ids)
    started = time.monotonic()

    async def go() -> list[Outcome]:
        gateway = Gateway(runs[0].prepared.config, journal=app.store.journal)

        def node(run: SuiteRun, watching: Interrupts) -> Node:
            async def work() -> Mapping[str, Any]:
                plan = new_run(app, run.prepared, suite_id=suite_id)
                run_ids.append(plan.run_id)
                if plan.timeout_s is not None:
                    left_s = plan.timeout_s - (time.monotonic() - started)
                    plan = replace(plan, timeout_s=max(left_s, 0.0))
                return await carry_out(
                    app,
                    plan,
                    gateway,
                    options=run.prepared.options,
                    observer=observe(run.node),
                    watching=watching,
                    budget=budget,
                )

            return Node(name=run.node, needs=run.needs, work=work)

        try:
            with interrupts() as watching:
                return await run_graph([node(run, watching) for run in runs])
        finally:
            await gateway.close()

    outcomes = in_loop(go())
    return _document(suite_id, suite_name, runs, outcomes, seconds=time.monotonic() - started)


def _document(
    suite_id: str,
    name: str,
    runs: Sequence[SuiteRun],
    outcomes: Sequence[Outcome],
    *,
    seconds: float,
) -> dict[str, Any]:
    rows = []
    for run, outcome in zip(runs, outcomes, strict=True):
        rows.append(
            {
                "node": run.node,
                "task": run.task,
                "model": run.prepared.model,
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
        "status": _status([str(row["status"]) for row in rows]),
        "runs": rows,
        "macro": {model: _macro([row for row in rows if row["model"] == model]) for model in models},
        "seconds": round(seconds, 3),
    }


def _status(statuses: Sequence[str]) -> str:
    if all(status == "done" for status in statuses):
        return "done"
    return "interrupted" if "interrupted" in statuses else "partial"


def _macro(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Mean of the tasks' primary estimates, when every task has one of the same unit."""
    from assay.stats import macro_average

    primaries = [row["run"]["metrics"][row["run"]["primary"]] for row in rows if row["run"]]
    if len(primaries) < len(rows) or len({primary["unit"] for primary in primaries}) != 1:
        return None
    estimates = [Estimate(**primary) for primary in primaries]
    return None if any(estimate.std_error is None for estimate in estimates) else macro_average(estimates).to_dict()
