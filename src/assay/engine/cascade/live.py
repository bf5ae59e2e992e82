"""A run goes up its cascade: every tier is asked on what was drawn for it, and its verdicts are put on the board."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from assay.core.cascade import People
from assay.core.errors import BudgetExhaustedError, ProviderError
from assay.core.protocols import Judge, ModelClient
from assay.core.records import Item, Score
from assay.core.stopping import StoppingRule
from assay.engine.cascade.board import Board, Key
from assay.engine.cascade.figure import look
from assay.engine.cascade.sequential import BATCH, SKEWED_START, START
from assay.engine.golden import GoldenWatch
from assay.engine.scoring import ItemScorer


@dataclass(slots=True, kw_only=True)
class Ascent:
    """One execution's way up the tiers.

    Attributes:
        items: Gives the recorded items of some keys, in any order.
        golden: Tries the judges on items with known answers in between.
        held: Those given so far; what a tier is asked on the tier below was asked on too.
        heard: Told of every verdict: the tier, how many of its verdicts there are, how many were drawn.
        include_degraded: Verdicts on what a fall-back model answered count.
        stopped: Whether nothing more is to be asked.
        halt: Told what makes further calls pointless: no money, or a refused key.
        drawn: Verdicts wanted of the tier being asked.
        workers: Verdicts being asked for.
    """

    board: Board
    client: ModelClient
    items: Callable[[set[Key]], Iterator[Item]]
    concurrency: int
    heard: Callable[[str, int, int], None]
    stopped: Callable[[], bool]
    halt: Callable[[BudgetExhaustedError | ProviderError], None]
    golden: GoldenWatch | None = None
    include_degraded: bool = False
    held: dict[Key, Item] = field(default_factory=dict)
    drawn: int = 0
    workers: list[asyncio.Task[None]] = field(default_factory=list)


async def climb(ascent: Ascent) -> None:
    """Ask tier after tier; a tier that cannot be asked to its end is the last one."""
    board = ascent.board
    for place in range(len(board.tiers)):
        if ascent.stopped():
            return
        board.climb_to(place)
        ascent.drawn = len(board.drawn(place))
        if board.cascade.until is not None and place == len(board.tiers) - 1:
            await _in_batches(ascent, place, board.cascade.until)
        else:
            await _ask(ascent, place)


async def _in_batches(ascent: Ascent, place: int, rule: StoppingRule) -> None:
    """Ask a batch at a time, in the order drawn, until the rule is met, people owe labels, or the share is used up."""
    board = ascent.board
    whole, take = board.rungs[-1], START if rule.half_width is not None else SKEWED_START
    while True:
        board.rungs[-1] = whole.first(take)
        await _ask(ascent, place)
        if board.rungs[-1] is whole or ascent.stopped() or board.waiting() or look(board, rule).stop:
            return
        take += BATCH


async def _ask(ascent: Ascent, place: int) -> None:
    judge = ascent.board.tiers[place].asks
    if isinstance(judge, People):
        _look_up(ascent, place, judge)
        return
    keys = ascent.board.to_ask(place)
    if not keys:
        return
    hold(ascent, keys)
    pending = iter([ascent.held[key] for key in keys])
    count = min(ascent.concurrency, len(keys))
    ascent.workers[:] = [asyncio.ensure_future(_worker(ascent, place, judge, pending)) for _ in range(count)]
    try:
        await asyncio.gather(*ascent.workers)
    finally:
        for worker in ascent.workers:
            worker.cancel()
        await asyncio.gather(*ascent.workers, return_exceptions=True)


def hold(ascent: Ascent, keys: Iterable[Key]) -> None:
    """Have the recorded items of these keys at hand."""
    wanted = {key for key in keys if key not in ascent.held}
    if wanted:
        ascent.held.update(((item.sample.id, item.output.epoch), item) for item in ascent.items(wanted))


async def _worker(ascent: Ascent, place: int, judge: Judge, pending: Iterator[Item]) -> None:
    scorer = ItemScorer([judge], client=ascent.client, include_degraded=ascent.include_degraded)
    for item in pending:
        try:
            (score,) = await scorer.score(item.sample, item.output)
        except (BudgetExhaustedError, ProviderError) as error:
            ascent.halt(error)
            return
        _take(ascent, place, (item.sample.id, item.output.epoch), score)
        if ascent.golden is not None and not ascent.stopped():
            await ascent.golden.after(judge, item.output)
        if ascent.stopped():
            return


def _take(ascent: Ascent, place: int, key: Key, score: Score) -> None:
    """Put a verdict on the board under its tier's name."""
    board = ascent.board
    tier = board.tiers[place]
    board.verdicts[place][key] = replace(score, epoch=key[1], scorer=board.cascade.column(tier), tier=tier.name)
    ascent.heard(tier.name, len(board.verdicts[place]), ascent.drawn)


def _look_up(ascent: Ascent, place: int, people: People) -> None:
    """Take the labels as they are now, over those of an earlier look; who is still to be asked stays on the board."""
    held = ascent.board.verdicts[place]
    for key in ascent.board.drawn(place):
        if key[0] not in people.labels:
            held.pop(key, None)
            continue
        label = people.labels[key[0]]
        score = Score(
            sample_id=key[0],
            scorer="people",
            scorer_version=people.content_hash,
            value=label,
            reason="no_verdict" if label is None else None,
            cost_usd=people.paid_usd(key[0]),
        )
        _take(ascent, place, key, score)
