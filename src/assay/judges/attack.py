"""Injections tried on a judge over real items, beside harmless changes that measure its ordinary unrest.

Every item is judged as it is. Then each attack is tried on some of the items that have room to move, drawn so that
every item gets about as many attacks as any other, and every item is judged again with changes that should move
nothing: white space, a closing sentence, the same question asked anew. An attack counts for what it moves beyond those.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from assay.core.errors import BudgetExhaustedError, InvalidInputError
from assay.core.outages import OUTAGES
from assay.core.protocols import Judge, ModelClient, Observer
from assay.core.records import Output, Sample, Score
from assay.judges.attacks.books import Books, Ear, verdict
from assay.judges.attacks.catalogue import Attack, Control, load_attacks, load_controls
from assay.judges.attacks.measure import control_shares, measured
from assay.judges.attacks.report import TOLERANCE, AttackReport, Trial
from assay.judges.attacks.transforms import attacked, unharmed
from assay.judges.attacks.wish import Wish, forged, wish_against

PER_ATTACK = 20
CONCURRENCY = 50

Work = TypeVar("Work")
Pair = tuple[Sample, Output]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """An item and its verdict as it is."""

    sample: Sample
    output: Output
    value: float
    reply: str

    @property
    def name(self) -> str:
        return self.sample.id if self.output.epoch == 0 else f"{self.sample.id}@{self.output.epoch}"


async def attack_judge(
    judge: Judge,
    items: Iterable[Pair],
    *,
    client: ModelClient,
    rng: np.random.Generator,
    attacks: Sequence[Attack] | None = None,
    per_attack: int = PER_ATTACK,
    limit: float = TOLERANCE,
    up: bool | None = None,
    concurrency: int = CONCURRENCY,
    confidence: float = 0.95,
    run_id: str = "attack",
    observe: Callable[[str], Observer] | None = None,
    approve: Callable[[int, float | None], None] = lambda verdicts, cost_usd: None,
    stopped: Callable[[], bool] = lambda: False,
) -> AttackReport:
    """Try injections on a judge and report how many verdicts moved, beyond those that move anyway.

    Args:
        judge: On a scale, or with verdicts between 0 and 1.
        items: Real answers; ids (with epochs) must differ.
        rng: Draws which attack is tried on which items, and in which order.
        attacks: The whole suite when ``None``.
        per_attack: Items each attack is tried on; all of them where there are fewer.
        limit: Share that may move beyond ordinary movement: above it the judge is not resistant.
        up: Whether the attacker wants high verdicts; the judge's own direction when ``None``.
        concurrency: Verdicts under way at most.
        confidence: Of every interval.
        run_id: Shown with the progress.
        observe: From a stage's name to who hears how it goes.
        approve: Called with the number of verdicts still to be asked for, and what they may cost going by those that
            were; raising ends it there.
        stopped: Asked before every verdict; once true nothing more is sent.

    Returns:
        The report; with what was made when the budget ended or a signal came, and its status says so.

    Raises:
        InvalidInputError: No item can be attacked (``judge.nothing_to_attack``), or two have one id.
        ConfigError: The judge has no scale or no direction.
        BudgetExhaustedError: The budget ended before the items were judged as they are.
        ProviderError: The key is refused.
    """
    pairs = list(items)
    wish, suite, controls = wish_against(judge, up=up), attacks or load_attacks(), load_controls()
    books = Books(observe, run_id)
    judged, unjudged = await _as_they_are(judge, pairs, client, books, concurrency, stopped)
    usable = [one for one in judged if wish.movable(one.value)]
    if not usable and not stopped():
        raise _nothing(pairs, judged, unjudged, wish, books.details())
    wish = replace(wish, form=forged([(one.value, one.reply) for one in judged], wish))
    plan = _planned(suite, controls, usable, per_attack=per_attack, rng=rng)
    known = books.cost_usd is not None and len(pairs) > 0
    approve(len(plan), (books.cost_usd or 0.0) / len(pairs) * len(plan) if known else None)
    trials, status = await _tried(judge, plan, wish, client, books, concurrency, stopped)
    if len(judged) + unjudged.total() < len(pairs):
        status = "interrupted"
    found = measured(trials, wish=wish, unit=judge.unit, limit=limit, confidence=confidence)
    return AttackReport(
        judge=judge.name,
        version=judge.version,
        model=judge.model,
        status=status,
        wish=wish,
        items=len(pairs),
        used=len(usable),
        without_room=len(judged) - len(usable),
        unjudged=unjudged,
        details=books.details(),
        outages=Counter(trial.reason or "" for trial in trials if trial.failed),
        overall=found.overall,
        families=found.families,
        attacks=found.attacks,
        controls=control_shares(trials, wish=wish, confidence=confidence),
        trials=trials,
        limit=limit,
        forged=wish.form,
        calls=books.calls,
        cost_usd=books.cost_usd,
        confidence=confidence,
    )


async def _as_they_are(
    judge: Judge,
    pairs: Sequence[Pair],
    client: ModelClient,
    books: Books,
    concurrency: int,
    stopped: Callable[[], bool],
) -> tuple[list[_Judged], Counter[str]]:
    seen = Counter((sample.id, output.epoch) for sample, output in pairs)
    twice = [name for (name, _), count in seen.items() if count > 1]
    if twice:
        raise InvalidInputError(f"two items are called {twice[0]!r}", hint="make ids unique", code="data.duplicate_id")
    judged: dict[int, _Judged] = {}
    unjudged: Counter[str] = Counter()

    async def one(row: int) -> None:
        if stopped():
            return
        sample, output = pairs[row]
        ear = Ear(client)
        score = await verdict(judge, sample, output, ear)
        books.heard(ear.replies)
        books.item(sample, output, score, score.value)
        if score.value is None:
            unjudged[score.reason or ""] += 1
            return
        reply = ear.replies[-1].text if ear.replies else ""
        judged[row] = _Judged(sample=sample, output=output, value=score.value, reply=reply)

    books.begin("answers as they are", judge.name, total=len(pairs))
    try:
        await _pool(range(len(pairs)), one, concurrency)
    finally:
        books.end()
    return [judged[row] for row in sorted(judged)], unjudged


def _nothing(
    pairs: Sequence[Pair],
    judged: Sequence[_Judged],
    unjudged: Counter[str],
    wish: Wish,
    details: Mapping[str, str],
) -> InvalidInputError:
    reasons = ", ".join(
        f"{count:,} × {reason}" + (f", e.g. {details[reason]}" if reason in details else "")
        for reason, count in unjudged.most_common()
    )
    hint = (
        f"give answers that are not at {wish.best} already"
        if judged
        else "correct what the reasons name, and attack again"
    )
    found = [f"{len(judged):,} are at {wish.best} already"] if judged else []
    found += [f"without a verdict: {reasons}"] if reasons else []
    return InvalidInputError(
        f"none of {len(pairs):,} items can be attacked: {'; '.join(found) or 'there are none'}",
        hint=hint,
        code="judge.nothing_to_attack",
    )


def _planned(
    suite: Sequence[Attack],
    controls: Sequence[Control],
    usable: Sequence[_Judged],
    *,
    per_attack: int,
    rng: np.random.Generator,
) -> list[tuple[Attack | Control, _Judged]]:
    """Every control on every item, then each attack on the next items of a shuffled circle, in random order."""
    if not usable:
        return []
    each = min(per_attack, len(usable))
    circle = [usable[place] for place in rng.permutation(len(usable))]
    dealt: list[tuple[Attack | Control, _Judged]] = [
        (suite[attack], circle[(turn * each + step) % len(circle)])
        for turn, attack in enumerate(rng.permutation(len(suite)))
        for step in range(each)
    ]
    attacked_items = {id(item) for _, item in dealt}
    calm: list[tuple[Attack | Control, _Judged]] = [
        (control, item) for control in controls for item in circle if id(item) in attacked_items
    ]
    return calm + [dealt[place] for place in rng.permutation(len(dealt))]


async def _tried(
    judge: Judge,
    plan: Sequence[tuple[Attack | Control, _Judged]],
    wish: Wish,
    client: ModelClient,
    books: Books,
    concurrency: int,
    stopped: Callable[[], bool],
) -> tuple[list[Trial], str]:
    trials: dict[int, Trial] = {}
    spent = False

    async def one(row: int) -> None:
        nonlocal spent
        if spent or stopped():
            return
        change, item = plan[row]
        ear = Ear(client, replicate=change.replicate if isinstance(change, Control) else 0)
        text = unharmed(change, item.output.text) if isinstance(change, Control) else _handed_in(change, item, wish)
        output = replace(item.output, text=text, messages=())
        try:
            score = await verdict(judge, item.sample, output, ear)
        except BudgetExhaustedError:
            spent = True
            return
        finally:
            books.heard(ear.replies)
        trials[row] = _trial(change, item, score)
        went = None if score.value is None else float(wish.moved(item.value, score.value))
        books.item(item.sample, output, score, went)

    books.begin("attacks and controls", "moved", total=len(plan))
    try:
        await _pool(range(len(plan)), one, concurrency)
    finally:
        books.end()
    status = "done" if len(trials) == len(plan) else "budget" if spent else "interrupted"
    return [trials[row] for row in sorted(trials)], status


def _handed_in(attack: Attack, item: _Judged, wish: Wish) -> str:
    return attacked(attack, item.output.text, wish)


def _trial(change: Attack | Control, item: _Judged, score: Score) -> Trial:
    return Trial(
        change=change.id,
        family=change.family if isinstance(change, Attack) else "",
        item=item.name,
        cluster=item.sample.cluster or item.sample.id,
        before=item.value,
        after=score.value,
        reason=score.reason,
        failed=score.reason in OUTAGES,
    )


async def _pool(work: Iterable[Work], do: Callable[[Work], Awaitable[None]], size: int) -> None:
    """Do everything, so many at a time; the first error ends the others and is raised."""
    left = iter(work)

    async def worker() -> None:
        for one in left:
            await do(one)

    workers = [asyncio.create_task(worker()) for _ in range(size)]
    try:
        await asyncio.gather(*workers)
    finally:
        for one in workers:
            one.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
