"""Progress on stderr: a live bar in a terminal, plain lines elsewhere, nothing with ``--json``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from assay.app.runs import Silent
from assay.cli.output import money, number
from assay.core.protocols import Observer, Snapshot
from assay.core.records import Item

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_EVERY_S = 5.0


def observer(*, silent: bool, label: str = "") -> Observer:
    """The observer that fits where stderr goes."""
    if silent:
        return Silent()
    return LiveProgress(label) if sys.stderr.isatty() else PlainProgress(label)


def figures(snapshot: Snapshot) -> str:
    """``exact_match 56.2% (53.1–59.3) · $0.02``."""
    estimate = snapshot.estimate
    text = f"{snapshot.metric} {number(estimate.value, estimate.unit)}"
    if estimate.low is not None and estimate.high is not None:
        text += f" ({number(estimate.low, estimate.unit)}–{number(estimate.high, estimate.unit)})"
    failed = f" · {snapshot.failed} failed" if snapshot.failed else ""
    return f"{text} · {money(snapshot.cost_usd)}{failed}"


class PlainProgress:
    """A line every few seconds: done, rate, running estimate, cost, time left."""

    def __init__(self, label: str) -> None:
        self._label = f"{label}: " if label else ""

    def started(self, *, run_id: str, total: int, done: int, snapshot: Callable[[], Snapshot]) -> None:
        self._total, self._done, self._first, self._snapshot = total, done, done, snapshot
        self._began = self._spoke = time.monotonic()
        kept = f", {done:,} kept from before" if done else ""
        click.echo(f"{self._label}run {run_id}: {total:,} to do{kept}", err=True)

    def item(self, item: Item) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._spoke >= PLAIN_EVERY_S:
            self._spoke = now
            rate = (self._done - self._first) / (now - self._began)
            left = (self._total - self._done) / rate
            done = f"{self._label}{self._done:,}/{self._total:,} · {rate:.1f}/s"
            click.echo(f"{done} · {figures(self._snapshot())} · {left:.0f} s left", err=True)

    def verdict(self, tier: str, done: int, wanted: int) -> None:
        now = time.monotonic()
        if now - self._spoke >= PLAIN_EVERY_S:
            self._spoke = now
            cost = money(self._snapshot().cost_usd)
            click.echo(f"{self._label}tier {tier}: {done:,}/{wanted:,} verdicts · {cost}", err=True)

    def ended(self) -> None: ...


class LiveProgress:
    """A bar with rate, running estimate and its interval, cost so far and time left."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._progress: Progress | None = None

    def started(self, *, run_id: str, total: int, done: int, snapshot: Callable[[], Snapshot]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._snapshot, self._drawn, self._pending = snapshot, 0.0, 0
        click.echo(f"{self._label or 'run'} {run_id}", err=True)
        self._progress = Progress(
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            refresh_per_second=4,
        )
        self._bar = self._progress.add_task("", total=total, completed=done, figures="")
        self._progress.start()

    def item(self, item: Item) -> None:
        self._pending += 1
        now = time.monotonic()
        if now - self._drawn >= 0.25:
            self._draw(now)

    def verdict(self, tier: str, done: int, wanted: int) -> None:
        now = time.monotonic()
        if self._progress is not None and (now - self._drawn >= 0.25 or done == wanted):
            figure = f"tier {tier} · {money(self._snapshot().cost_usd)}"
            self._progress.update(self._bar, completed=done, total=wanted, figures=figure)
            self._pending, self._drawn = 0, now

    def _draw(self, now: float) -> None:
        assert self._progress is not None
        self._progress.update(self._bar, advance=self._pending, figures=figures(self._snapshot()))
        self._pending, self._drawn = 0, now

    def ended(self) -> None:
        if self._progress is not None:
            self._draw(time.monotonic())
            self._progress.stop()
