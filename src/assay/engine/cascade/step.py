"""The step of a run that goes up its cascade and records what the tiers said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from assay.core.records import Item, Score
from assay.engine.cascade.board import Board, read_board
from assay.engine.cascade.live import Ascent, climb, hold
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
    changes = ascent.board.changes()
    if not changes:
        return
    journal, run_id = state.stores.journal, state.plan.run_id
    hold(ascent, changes)
    if state.stores.results.sealed(run_id) and not journal.done(run_id):
        unseal(state)
    changed = [_with_verdicts(ascent.held[key], said, ascent.board) for key, said in changes.items()]
    journal.forget_items(run_id, changes)
    for item in changed:
        journal.append_item(run_id, item)
    journal.flush()


def _with_verdicts(item: Item, said: Mapping[str, Score | None], board: Board) -> Item:
    """The item with its verdicts as they are now: other scores first, then tier by tier."""
    columns = [board.cascade.column(tier) for tier in board.tiers]
    verdicts = {**{score.scorer: score for score in item.scores if score.scorer in columns}, **said}
    others = [score for score in item.scores if score.scorer not in columns]
    return replace(item, scores=[*others, *(score for name in columns if (score := verdicts.get(name)) is not None)])
