"""A run as it is carried out: its plan, what it has so far, and what earlier executions recorded."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.core.errors import BudgetExhaustedError, ProviderError
from assay.core.protocols import Clock, ModelClient, Observer, Snapshot, Stores
from assay.core.records import Item
from assay.core.task import Task
from assay.engine.draft import Draft
from assay.engine.selection import Selection
from assay.engine.tally import Tally

if TYPE_CHECKING:
    from assay.engine.cascade.board import Board
    from assay.engine.golden import GoldenWatch

FINAL_ERRORS = frozenset({"bad_sample", "context_overflow", "no recorded output", "content_filter"})
"""Failures that another attempt cannot mend; every other failed item is made again when a run is resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What is to be executed; the manifest is its recorded form.

    Attributes:
        judges_at_once: The judges of an output are asked side by side, not one after the other.
        skipped: Malformed rows left out.
        notes: What the report says besides the task's own notes; no part of the manifest.
        late_notes: Likewise, as things stand when the run has ended.
        begun_at: When this execution began, ISO 8601.
    """

    run_id: str
    task: Task
    model: str
    selection: Selection
    manifest: Mapping[str, Any]
    manifest_hash: str
    concurrency: int = 100
    timeout_s: float | None = None
    include_degraded: bool = False
    judges_at_once: bool = False
    skipped: int = 0
    notes: Sequence[str] = ()
    late_notes: Callable[[], Sequence[str]] = tuple
    begun_at: str = ""


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
    board: Board | None = None
    golden: GoldenWatch | None = None

    @property
    def total(self) -> int:
        return len(self.plan.selection.rows) * self.plan.task.epochs

    def request_stop(self, reason: str) -> None:
        """Start nothing more and give up what is in flight; what was read is kept."""
        self.stop = self.stop or reason
        for worker in self.workers:
            worker.cancel()

    def halt(self, error: BudgetExhaustedError | ProviderError) -> None:
        """Stop for what makes further calls pointless: no money, or a refused key."""
        if isinstance(error, ProviderError):
            self.problem = error
            self.request_stop("key_refused")
        else:
            self.stop = self.stop or "budget"

    def snapshot(self) -> Snapshot:
        """The running figures."""
        return Snapshot(self.tally.primary, self.tally.primary_estimate(), self.client.usage().cost_usd, self.failed)


def may_be_mended(item: Item) -> bool:
    """Whether an item failed in a way that another attempt may mend."""
    return item.output.error is not None and item.output.error not in FINAL_ERRORS


def recorded(state: RunState) -> Iterator[Item]:
    """Sealed and live items of the run in plan order; a live one replaces the sealed one it was made from."""
    run_id, journal, results = state.plan.run_id, state.stores.journal, state.stores.results
    if not results.sealed(run_id):
        return journal.items(run_id)
    live = journal.done(run_id)
    sealed = (item for item in results.items(run_id) if (item.sample.id, item.output.epoch) not in live)
    return heapq.merge(sealed, journal.items(run_id), key=lambda item: (item.row, item.output.epoch))


def unseal(state: RunState) -> None:
    """Bring a sealed run's items back to the journal, where items can be made again."""
    journal, run_id = state.stores.journal, state.plan.run_id
    for item in state.stores.results.items(run_id):
        journal.append_item(run_id, item)
    journal.flush()
