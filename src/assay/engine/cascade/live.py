"""A run goes up its cascade: every tier is asked on what was drawn for it, and its verdicts are put on the board."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from assay.core.cascade import People
from assay.core.errors import BudgetExhaustedError, ProviderError
from assay.core.protocols import Judge, ModelClient
from assay.core.records import Item, Score
from assay.engine.cascade.board import Board, Key
from assay.engine.cascade.sequential import BATCH, START
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
        wide: Whether the top tier's interval is wider than wanted; ``None`` without such a rule.
        drawn: Verdicts wanted of the tier being asked.
        fresh: Verdicts that are not recorded yet.
        workers: Verdicts being asked for.
    """

    board: Board
    client: ModelClient
    items: Callable[[set[Key]], Iterator[Item]]
    concurrency: int
    heard: Callable[[str, int, int], None]
    stopped: Callable[[], bool]
    halt: Callable[[BudgetExhaustedError | ProviderError], None]
    wide: Callable[[Board], bool] | None = None
    golden: GoldenWatch | None = None
    include_degraded: bool = False
    held: dict[Key, Item] = field(default_factory=dict)
    drawn: int = 0
    fresh: dict[Key, list[Score]] = field(default_factory=dict)
    workers: list[asyncio.Task[None]] = field(default_factory=list)


async def climb(ascent: Ascent) -> None:
    """Ask tier after tier; a tier that cannot be asked to its end is the last one."""
    board = ascent.board
    for place, tier in enumerate(board.tiers):
        if ascent.stopped():
            return
        board.climb_to(place)
        ascent.drawn = sum(len(board.epochs[row]) for row in board.rungs[-1].rows())
        if isinstance(tier.asks, People):
            _look_up(ascent, place, tier.asks)
        elif ascent.wide is not None and place == len(board.tiers) - 1:
            await _until_narrow(ascent, place, tier.asks, ascent.wide)
        else:
            await _ask(ascent, place, tier.asks)


async def _until_narrow(ascent: Ascent, place: int, judge: Judge, wide: Callable[[Board], bool]) -> None:
    """Ask a batch at a time, in the order drawn, while the interval is too wide and something is left of the share."""
    rungs = ascent.board.rungs
    whole, take = rungs[-1], START
    while True:
        rungs[-1] = whole.first(take)
        await _ask(ascent, place, judge)
        if rungs[-1] is whole or ascent.stopped() or not wide(ascent.board):
            return
        take += BATCH


async def _ask(ascent: Ascent, place: int, judge: Judge) -> None:
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
    named = replace(score, epoch=key[1], scorer=board.cascade.column(tier), tier=tier.name)
    board.verdicts[place][key] = named
    ascent.fresh.setdefault(key, []).append(named)
    ascent.heard(tier.name, len(board.verdicts[place]), ascent.drawn)


def _look_up(ascent: Ascent, place: int, people: People) -> None:
    """Take the labels that are there; whom to ask about what is left stays on the board."""
    for key in ascent.board.to_ask(place):
        label = people.labels.get(key[0])
        if label is not None:
            score = Score(
                sample_id=key[0],
                scorer="people",
                scorer_version=people.content_hash,
                value=label,
                cost_usd=people.usd_per_item,
            )
            _take(ascent, place, key, score)


def with_probabilities(board: Board, fresh: dict[Key, list[Score]]) -> dict[Key, list[Score]]:
    """Verdicts as they are recorded: each with the overall probability its item was drawn with for that tier."""
    places = {board.cascade.column(tier): place for place, tier in enumerate(board.tiers)}
    rows = {sample_id: row for row, sample_id in enumerate(board.ids)}
    return {
        key: [
            replace(score, probability=float(board.rungs[places[score.scorer] + 1].probability[rows[key[0]]]))
            for score in scores
        ]
        for key, scores in fresh.items()
    }
