"""Sealing while a run goes on gives the same segments as sealing at its end, or nothing at all."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable

import pytest

from assay.core.errors import StoreError
from assay.core.records import Item, Output, Sample
from assay.engine import draft
from assay.engine.draft import CHUNK, Draft


class Recorder:
    """A Results that keeps what it is given to seal; may fail after some items."""

    def __init__(self, *, fails_after: int | None = None) -> None:
        self.sealed_items: list[Item] | None = None
        self.begun = threading.Event()
        self._fails_after = fails_after

    def seal(self, run_id: str, items: Iterable[Item]) -> None:
        taken = []
        for item in items:
            self.begun.set()
            taken.append(item)
            if self._fails_after is not None and len(taken) > self._fails_after:
                raise StoreError("the disk is full", hint="free some space")
        self.sealed_items = taken


def item(row: int, epoch: int = 0) -> Item:
    name = f"s{row}"
    return Item(row=row, sample=Sample(id=name, input="q"), output=Output(sample_id=name, epoch=epoch), scores=[])


def keys(items: Iterable[Item] | None) -> list[tuple[int, int]]:
    return [(one.row, one.output.epoch) for one in items or ()]


@pytest.mark.parametrize("count", [0, 1, CHUNK, 3 * CHUNK + 7])
def test_items_in_any_order_are_sealed_in_plan_order(count: int) -> None:
    order = [(row, epoch) for row in range(0, 2 * count, 2) for epoch in (0, 1)]
    shuffled = order.copy()
    random.Random(3).shuffle(shuffled)
    results = Recorder()
    made = Draft(results, "run_a", order=order)  # type: ignore[arg-type]
    for row, epoch in shuffled:
        made.add(item(row, epoch))
    assert made.publish()
    assert keys(results.sealed_items) == order


def test_a_run_that_stopped_early_is_sealed_with_what_there_is() -> None:
    results = Recorder()
    made = Draft(results, "run_a", order=[(row, 0) for row in range(2_000)])  # type: ignore[arg-type]
    finished = [row for row in range(2_000) if row % 3]
    for row in finished:
        made.add(item(row))
    assert made.publish()
    assert keys(results.sealed_items) == [(row, 0) for row in finished]


def test_given_up_it_seals_nothing_and_its_thread_is_gone() -> None:
    results = Recorder()
    made = Draft(results, "run_a", order=[(row, 0) for row in range(2_000)])  # type: ignore[arg-type]
    for row in range(1_500):
        made.add(item(row))
    results.begun.wait(5)
    made.give_up()
    made.give_up()
    made.add(item(1_500))
    assert not made.publish()
    assert results.sealed_items is None
    assert not any(thread.name == "seal run_a" for thread in threading.enumerate())


def test_an_item_that_is_late_for_too_long_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "_MOST_WAITING", 50)
    results = Recorder()
    made = Draft(results, "run_a", order=[(row, 0) for row in range(2_000)])  # type: ignore[arg-type]
    for row in range(1, 52):
        made.add(item(row))
    assert not made.publish()
    assert results.sealed_items is None


def test_a_store_that_fails_is_told_when_the_run_is_sealed_and_holds_nobody_up() -> None:
    made = Draft(Recorder(fails_after=10), "run_a", order=[(row, 0) for row in range(20_000)])  # type: ignore[arg-type]
    for row in range(20_000):
        made.add(item(row))
    with pytest.raises(StoreError, match="disk is full"):
        made.publish()
