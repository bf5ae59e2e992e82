"""One run: a table of steps over recorded state. Killed anywhere, the next execution goes on where it stopped."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.core.errors import AssayError, BudgetExhaustedError, DataError, InvalidInputError, ProviderError
from assay.core.protocols import Clock, ModelClient, Observer, Snapshot, Stores
from assay.core.records import Item, Output
from assay.core.task import Task
from assay.engine.draft import CHUNK, Draft
from assay.engine.scoring import ItemScorer
from assay.engine.selection import Selection
from assay.engine.solve import make_solver
from assay.engine.summary import summarise
from assay.engine.tally import Tally

FINAL_ERRORS = frozenset({"bad_sample", "context_overflow", "no recorded output", "content_filter"})
"""Failures that another attempt cannot mend; every other failed item is made again when a run is resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What is to be executed; the manifest is its recorded form. ``skipped`` counts malformed rows left out."""

    run_id: str
    task: Task
    model: str
    selection: Selection
    manifest: Mapping[str, Any]
    manifest_hash: str
    concurrency: int = 100
    timeout_s: float | None = None
    include_degraded: bool = False
    skipped: int = 0


@dataclass(slots=True, kw_only=True)
class RunState:
    """An execution under way.

    Attributes:
        stop: Why no further item is started: ``budget``, ``timeout``, ``interrupted``, ``key_refused``.
        problem: What makes every further call pointless.
    """

    plan: RunPlan
    stores: Stores
    client: ModelClient
    observer: Observer
    clock: Clock
    tally: Tally
    done: set[tuple[str, int]] = field(default_factory=set)
    stop: str | None = None
    problem: ProviderError | None = None
    failed: int = 0
    seconds_before: float = 0.0
    started_at: float = 0.0
    workers: list[asyncio.Task[None]] = field(default_factory=list)
    draft: Draft | None = None

    @property
    def total(self) -> int:
        return len(self.plan.selection.rows) * self.plan.task.epochs

    def request_stop(self, reason: str) -> None:
        """Start nothing more and give up what is in flight; what was read is kept."""
        self.stop = self.stop or reason
        for worker in self.workers:
            worker.cancel()

    def snapshot(self) -> Snapshot:
        """The running figures."""
        return Snapshot(self.tally.primary, self.tally.primary_estimate(), self.client.usage().cost_usd, self.failed)


async def recall(state: RunState) -> None:
    """Take in what earlier executions have recorded, and drop the items that failed and may succeed now."""
    run_id, journal, results = state.plan.run_id, state.stores.journal, state.stores.results
    again: list[tuple[str, int]] = []
    for item in _recorded(state):
        key = (item.sample.id, item.output.epoch)
        if _may_be_mended(item):
            again.append(key)
        else:
            state.done.add(key)
            _count(state, item)
    if results.sealed(run_id) and len(state.done) < state.total:
        _unseal(state)
    if again:
        journal.forget_items(run_id, again)
    previous = state.stores.metadata.run(run_id).summary
    state.seconds_before = float(previous.get("seconds", 0.0))


async def work(state: RunState) -> None:
    """Generate and score every item not yet recorded, many at a time."""
    plan = state.plan
    solver = make_solver(plan.task, model=plan.model)
    scorer = ItemScorer(plan.task.scorers, include_degraded=plan.include_degraded)
    pending = _pending(state)
    observer, journal = state.observer, state.stores.journal

    async def worker() -> None:
        for row, epoch in pending:
            sample = plan.task.dataset[row]
            try:
                output = await solver.solve(sample, epoch=epoch, client=state.client)
            except BudgetExhaustedError:
                state.stop = state.stop or "budget"
                return
            except ProviderError as error:
                state.problem = error
                state.request_stop("key_refused")
                return
            except (InvalidInputError, DataError) as error:
                output = Output(sample_id=sample.id, epoch=epoch, error="bad_sample", finish_reason=str(error))
            item = Item(row=row, sample=sample, output=output, scores=await scorer.score(sample, output))
            journal.append_item(plan.run_id, item)
            _count(state, item)
            if state.draft is not None:
                state.draft.add(item)
            observer.item(item)
            if state.stop:
                return

    observer.started(run_id=plan.run_id, total=state.total, done=len(state.done), snapshot=state.snapshot)
    if state.stop:
        return
    if not state.done and state.total > CHUNK:  # all of a run that is worth it; else the journal is sealed at the end
        order = ((row, epoch) for row in plan.selection.rows for epoch in range(plan.task.epochs))
        state.draft = Draft(state.stores.results, plan.run_id, order=order)
    count = min(plan.concurrency, state.total - len(state.done))
    state.workers = [asyncio.ensure_future(worker()) for _ in range(count)]
    try:
        async with asyncio.timeout(plan.timeout_s):
            await asyncio.gather(*state.workers)
    except TimeoutError:
        state.stop = "timeout"
    except asyncio.CancelledError:
        if state.stop is None:
            raise
    finally:
        for task in state.workers:
            task.cancel()
        await asyncio.gather(*state.workers, return_exceptions=True)
        journal.flush()


async def seal(state: RunState) -> None:
    """Turn the live items of a run that came to an end into immutable segments."""
    journal, results, run_id = state.stores.journal, state.stores.results, state.plan.run_id
    if state.stop == "interrupted" or (results.sealed(run_id) and not journal.done(run_id)):
        return
    if state.draft is None or not state.draft.publish():
        results.seal(run_id, journal.items(run_id))
    journal.forget_items(run_id)
    journal.flush()


async def aggregate(state: RunState) -> None:
    """Write the summary, from which every command and page takes its figures."""
    seconds = state.seconds_before + state.clock() - state.started_at
    summary = summarise(
        state.plan,
        state.tally,
        usage=state.client.usage().to_dict(),
        stop=state.stop,
        failed=state.failed,
        seconds=seconds,
    )
    state.stores.metadata.update_run(state.plan.run_id, status=summary["status"], summary=summary)


STEPS: tuple[Callable[[RunState], Awaitable[None]], ...] = (recall, work, seal, aggregate)


async def execute(
    plan: RunPlan,
    *,
    stores: Stores,
    client: ModelClient,
    observer: Observer,
    clock: Clock,
    on_state: Callable[[RunState], None] = lambda state: None,
) -> Mapping[str, Any]:
    """Carry out a run whose record exists, or go on with it, and return its summary.

    Raises:
        RunHeldError: Another living process executes it.
        ProviderError: The key is refused: the run was stopped, what it has is aggregated and kept.
        AssayError: It cannot go on (store full …); what was recorded is kept.
    """
    stores.metadata.acquire(plan.run_id)
    state = RunState(
        plan=plan,
        stores=stores,
        client=client,
        observer=observer,
        clock=clock,
        tally=Tally(plan.task, strata=plan.selection.strata),
        started_at=clock(),
    )
    on_state(state)
    try:
        stores.metadata.update_run(plan.run_id, status="running")
        for step in STEPS:
            await step(state)
        if state.problem is not None:
            raise _stopped_by(state.problem, plan.run_id)
    except AssayError:
        with contextlib.suppress(AssayError):
            stores.metadata.update_run(plan.run_id, status="failed")
        raise
    finally:
        if state.draft is not None:
            state.draft.give_up()
        observer.ended()
        with contextlib.suppress(AssayError):
            stores.metadata.release(plan.run_id)
    return stores.metadata.run(plan.run_id).summary


def _stopped_by(problem: ProviderError, run_id: str) -> ProviderError:
    return ProviderError(
        f"{problem}; run {run_id} was stopped, what it has is kept",
        hint=f"{problem.hint}; then: assay resume {run_id}",
        code=problem.code,
        kind=problem.kind,
        status=problem.status,
    )


def _pending(state: RunState) -> Iterator[tuple[int, int]]:
    ids, epochs, done = state.plan.task.dataset.ids(), range(state.plan.task.epochs), state.done
    for row in state.plan.selection.rows:
        for epoch in epochs:
            if (ids[row], epoch) not in done:
                yield row, epoch


def _count(state: RunState, item: Item) -> None:
    state.tally.add(item)
    state.failed += _may_be_mended(item)


def _may_be_mended(item: Item) -> bool:
    return item.output.error is not None and item.output.error not in FINAL_ERRORS


def _recorded(state: RunState) -> Iterator[Item]:
    """Sealed and live items of the run in plan order; a live one replaces the sealed one it was made from."""
    run_id, journal, results = state.plan.run_id, state.stores.journal, state.stores.results
    if not results.sealed(run_id):
        return journal.items(run_id)
    live = journal.done(run_id)
    sealed = (item for item in results.items(run_id) if (item.sample.id, item.output.epoch) not in live)
    return heapq.merge(sealed, journal.items(run_id), key=lambda item: (item.row, item.output.epoch))


def _unseal(state: RunState) -> None:
    """Bring a sealed run's items back to the journal, where items can be made again."""
    journal, run_id = state.stores.journal, state.plan.run_id
    for item in state.stores.results.items(run_id):
        journal.append_item(run_id, item)
    journal.flush()
