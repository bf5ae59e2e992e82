"""Run, resume and reproduce: the platform's main use case."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from assay.app.interrupts import Interrupts, interrupts
from assay.app.prepare import Prepared, RunOptions, new_run, recorded
from assay.app.spending import budget_of, count_today
from assay.app.wiring import App
from assay.core.protocols import Holder, Observer
from assay.engine.run import execute
from assay.engine.state import RunPlan

if TYPE_CHECKING:
    from assay.gateway import Gateway, GatewayConfig
    from assay.gateway.budget import Budget

Result = TypeVar("Result")


class Silent:
    """An Observer that shows nothing."""

    def started(self, *, run_id: str, total: int, done: int, snapshot: Any) -> None: ...
    def item(self, item: Any) -> None: ...
    def verdict(self, tier: str, done: int, wanted: int) -> None: ...
    def waiting(self, wait: Any) -> None: ...
    def ended(self) -> None: ...


async def carry_out(
    app: App,
    plan: RunPlan,
    gateway: Gateway,
    *,
    options: RunOptions,
    observer: Observer,
    watching: Interrupts,
    budget: Budget | None = None,
) -> Mapping[str, Any]:
    """Execute a run that a signal can stop in order.

    Args:
        budget: What the run shares with others; its own (``options.budget_usd``) when ``None``.
    """
    from assay.gateway.client import RunClient

    count_today(app, plan.run_id)
    if budget is None:
        budget = budget_of(app, options.budget_usd, run_ids=[plan.run_id], hint_run=plan.run_id)
    client = RunClient(gateway, run_id=plan.run_id, budget=budget, use_cache=options.use_cache)
    gateway.watchers.append(observer.waiting)
    try:
        return await execute(
            plan, stores=app.store, client=client, observer=observer, clock=time.monotonic, on_state=watching.watch
        )
    finally:
        gateway.watchers.remove(observer.waiting)


def run_task(app: App, prepared: Prepared, *, observer: Observer | None = None) -> Mapping[str, Any]:
    """Start a prepared run and return its summary."""
    return in_loop(_run(app, new_run(app, prepared), prepared.config, prepared.options, observer or Silent()))


async def _run(
    app: App, plan: RunPlan, config: GatewayConfig, options: RunOptions, observer: Observer
) -> Mapping[str, Any]:
    from assay.gateway import Gateway

    gateway = Gateway(config, journal=app.store.journal)
    try:
        with interrupts() as watching:
            return await carry_out(app, plan, gateway, options=options, observer=observer, watching=watching)
    finally:
        await gateway.close()


def steal_run(app: App, run_id: str) -> Holder | None:
    """Take a run for this process, from one of another machine too; returns who held it.

    Raises:
        NotFoundError: There is no such run.
        RunHeldError: A living process of this machine holds it.
    """
    metadata = app.store.metadata
    whole_id = metadata.run(run_id).run_id
    holder = metadata.holder(whole_id)
    metadata.acquire(whole_id, steal=True)
    return holder


def resume_run(
    app: App,
    run_id: str,
    *,
    budget_usd: float | None = None,
    timeout_s: float | None = None,
    wait: bool = False,
    observer: Observer | None = None,
) -> Mapping[str, Any]:
    """Go on with a run: answered calls are replayed, failed and missing items are made.

    Args:
        budget_usd: Replaces the run's limit. Without it a run of a suite keeps to what the suite has left.
        wait: First wait until the model answers a probe.
    """
    plan, prepared = recorded(app, run_id, budget_usd=budget_usd, timeout_s=timeout_s)
    shared = _left_of_suite(app, plan, prepared.options.budget_usd) if budget_usd is None else None

    async def go() -> Mapping[str, Any]:
        from assay.gateway import Gateway

        gateway = Gateway(prepared.config, journal=app.store.journal)
        try:
            if wait:
                await gateway.probe(plan.model)
            with interrupts() as watching:
                return await carry_out(
                    app,
                    plan,
                    gateway,
                    options=prepared.options,
                    observer=observer or Silent(),
                    watching=watching,
                    budget=shared,
                )
        finally:
            await gateway.close()

    return in_loop(go())


def _left_of_suite(app: App, plan: RunPlan, limit_usd: float | None) -> Budget | None:
    """The budget that a suite's runs share, with what all of them have spent; ``None`` outside a suite."""
    suite_id = app.store.metadata.run(plan.run_id).suite_id
    if limit_usd is None or suite_id is None:
        return None
    members = [run.run_id for run in app.store.metadata.runs(limit=100_000) if run.suite_id == suite_id]
    return budget_of(app, limit_usd, run_ids=members, hint_run=plan.run_id)


def reproduce_run(
    app: App, run_id: str, *, use_cache: bool = False, observer: Observer | None = None
) -> dict[str, Any]:
    """Execute a run's manifest again and say where the two first differ, if anywhere."""
    first, prepared = recorded(app, run_id)
    again = replace(prepared, options=replace(prepared.options, use_cache=use_cache))
    summary = run_task(app, again, observer=observer)
    difference = first_difference(app, first.run_id, summary["run_id"])
    return {
        "run_id": summary["run_id"],
        "original": first.run_id,
        "equal": difference is None,
        "first_difference": difference,
    }


def first_difference(app: App, run_a: str, run_b: str) -> dict[str, Any] | None:
    """The first (sample, epoch, scorer) at which two runs' scores differ, or ``None``."""
    rows_a, rows_b = (_rows(app, run) for run in (run_a, run_b))
    for key in sorted(rows_a.keys() | rows_b.keys()):
        if rows_a.get(key) != rows_b.get(key):
            sample_id, epoch, scorer = key
            return {
                "sample_id": sample_id,
                "epoch": epoch,
                "scorer": scorer,
                "original": rows_a.get(key),
                "again": rows_b.get(key),
            }
    return None


def _rows(app: App, run_id: str) -> dict[tuple[str, int, str], dict[str, Any]]:
    return {
        (score.sample_id, score.epoch, score.scorer): {
            "value": score.value,
            "reason": score.reason,
            "version": score.scorer_version,
        }
        for item in app.store.results.items(run_id)
        for score in item.scores
    }


def in_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end on the fastest event loop there is."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    runner: Callable[[Coroutine[Any, Any, Result]], Result] = uvloop.run
    return runner(work)
