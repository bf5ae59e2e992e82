"""One run: a table of steps over recorded state. Killed anywhere, the next execution goes on where it stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from assay.core.errors import AssayError, BudgetExhaustedError, DataError, InvalidInputError, ProviderError
from assay.core.protocols import Clock, Judge, ModelClient, Observer, Stores
from assay.core.records import Item, Output, Sample, Score
from assay.engine.draft import CHUNK, Draft
from assay.engine.scoring import ItemScorer
from assay.engine.solve import Solver, judges_of, make_solver
from assay.engine.state import RunPlan, RunState, may_be_mended, recorded, unseal
from assay.engine.summary import summarise
from assay.engine.tally import Tally


@runtime_checkable
class KeepsBooks(Protocol):
    """A ModelClient whose usage is that of the whole run, earlier parts included."""

    def recall(self, output: Output) -> None:
        """Count the calls of an output that an earlier part has recorded."""
        ...

    def recall_verdict(self, score: Score) -> None:
        """Count the calls of a judge's verdict that an earlier part has recorded."""
        ...


async def recall(state: RunState) -> None:
    """Take in what earlier executions have recorded, and drop the items that failed and may succeed now."""
    run_id, journal, results = state.plan.run_id, state.stores.journal, state.stores.results
    again: list[tuple[str, int]] = []
    books = state.client if isinstance(state.client, KeepsBooks) else None
    for item in recorded(state):
        key = (item.sample.id, item.output.epoch)
        if may_be_mended(item):
            again.append(key)
        else:
            state.done.add(key)
            _count(state, item)
            if books is not None:
                books.recall(item.output)
                for score in item.scores:
                    books.recall_verdict(score)
    if books is not None and state.golden is not None:
        for score in state.golden.recalled(judges_of(state.plan.task)):
            books.recall_verdict(score)
    if results.sealed(run_id) and len(state.done) < state.total:
        unseal(state)
    if again:
        journal.forget_items(run_id, again)
    previous = state.stores.metadata.run(run_id).summary
    state.seconds_before = float(previous.get("seconds", 0.0))


async def work(state: RunState) -> None:
    """Generate and score every item not yet recorded, many at a time."""
    plan = state.plan
    solver = make_solver(plan.task, model=plan.model)
    scorer = ItemScorer(
        plan.task.scorers,
        client=state.client,
        include_degraded=plan.include_degraded,
        at_once=plan.judges_at_once,
    )
    pending = _pending(state)
    observer, journal = state.observer, state.stores.journal
    judges = [scorer for scorer in plan.task.scorers if isinstance(scorer, Judge)]

    async def worker() -> None:
        for row, epoch in pending:
            sample = plan.task.dataset[row]
            try:
                output = await _solved(solver, sample, epoch=epoch, client=state.client)
                scores = await scorer.score(sample, output)
            except (BudgetExhaustedError, ProviderError) as error:
                state.halt(error)
                return
            item = Item(row=row, sample=sample, output=output, scores=scores)
            journal.append_item(plan.run_id, item)
            _count(state, item)
            if state.draft is not None:
                state.draft.add(item)
            observer.item(item)
            for judge in judges:
                if state.golden is not None and not state.stop:
                    await state.golden.after(judge, output)
            if state.stop:
                return

    observer.started(run_id=plan.run_id, total=state.total, done=len(state.done), snapshot=state.snapshot)
    if state.stop:
        return
    if (
        not state.done and state.total > CHUNK and plan.task.cascade is None
    ):  # all of a run that is worth it; else the journal is sealed at the end
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


async def _solved(solver: Solver, sample: Sample, *, epoch: int, client: ModelClient) -> Output:
    try:
        return await solver.solve(sample, epoch=epoch, client=client)
    except (InvalidInputError, DataError) as error:
        return Output(sample_id=sample.id, epoch=epoch, error="bad_sample", finish_reason=str(error), calls=0)


async def escalate(state: RunState) -> None:
    """Ask the tiers of the task's cascade, if it has one, about what is drawn for each."""
    if state.plan.task.cascade is not None:
        from assay.engine.cascade.step import go_up

        await go_up(state)


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
        board=state.board,
        golden=() if state.golden is None else state.golden.conclude(judges_of(state.plan.task)),
    )
    if state.board is not None and state.board.rungs:
        from assay.engine.cascade.kept import KeptTiers, object_name

        state.stores.objects.put(object_name(state.plan.run_id), KeptTiers.of(state.board).to_bytes())
    state.stores.metadata.update_run(state.plan.run_id, status=summary["status"], summary=summary)


STEPS: tuple[Callable[[RunState], Awaitable[None]], ...] = (recall, work, escalate, seal, aggregate)


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
    if plan.task.golden is not None:
        from assay.engine.golden import GoldenWatch

        state.golden = GoldenWatch(
            golden=plan.task.golden,
            run_id=plan.run_id,
            begun_at=plan.begun_at,
            client=client,
            objects=stores.objects,
            halt=state.halt,
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
    state.failed += may_be_mended(item)
