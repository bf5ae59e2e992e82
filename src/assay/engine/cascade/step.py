"""The step of a run that goes up its cascade and records what the tiers said."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from assay.engine.cascade.board import read_board
from assay.engine.cascade.figure import still_wide
from assay.engine.cascade.live import Ascent, climb, hold, with_probabilities
from assay.engine.state import RunState, recorded, unseal


async def go_up(state: RunState) -> None:
    """Ask the tiers of the task's cascade, and record their verdicts with the items they are about."""
    cascade, plan = state.plan.task.cascade, state.plan
    if cascade is None:
        return
    board = state.board = read_board(cascade, recorded(state), system=plan.model, segments=plan.task.segments)
    ascent = Ascent(
        board=board,
        client=state.client,
        items=lambda keys: (item for item in recorded(state) if (item.sample.id, item.output.epoch) in keys),
        concurrency=plan.concurrency,
        heard=state.observer.verdict,
        stopped=lambda: state.stop is not None,
        halt=state.halt,
        golden=state.golden,
        include_degraded=plan.include_degraded,
        wide=None if cascade.half_width is None else still_wide(cascade.half_width),
        workers=state.workers,
    )
    try:
        async with asyncio.timeout(plan.timeout_s):
            await climb(ascent)
    except TimeoutError:
        state.stop = "timeout"
    except asyncio.CancelledError:
        if state.stop is None:
            raise
    finally:
        _record_verdicts(state, ascent)


def _record_verdicts(state: RunState, ascent: Ascent) -> None:
    """Put verdicts into the items they are about; killed in between, the items are made again from replies."""
    if not ascent.fresh:
        return
    journal, run_id = state.stores.journal, state.plan.run_id
    hold(ascent, ascent.fresh)
    if state.stores.results.sealed(run_id) and not journal.done(run_id):
        unseal(state)
    changed = []
    for key, said in with_probabilities(ascent.board, ascent.fresh).items():
        new = {score.scorer for score in said}
        item = ascent.held[key]
        changed.append(replace(item, scores=[*(score for score in item.scores if score.scorer not in new), *said]))
    journal.forget_items(run_id, ascent.fresh)
    for item in changed:
        journal.append_item(run_id, item)
    journal.flush()
