"""Progress on stderr: a live bar in a terminal, plain lines elsewhere, nothing with ``--json``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from assay.app.runs import Silent
from assay.cli.output import money, number
from assay.core.protocols import BatchWait, Observer, Snapshot
from assay.core.records import Item

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_EVERY_S = 5.0
WAITING_EVERY_S = 60.0


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


class Waits:
    """The batches that are waited for, and what to say of them."""

    def __init__(self) -> None:
        self._open: dict[str, BatchWait] = {}

    def hear(self, wait: BatchWait) -> None:
        """Take in what the gateway says."""
        self._open.pop(wait.token, None)
        if wait.requests:
            self._open[wait.token] = wait

    def __bool__(self) -> bool:
        return bool(self._open)

    def line(self) -> str:
        """``waiting for 2,000 answers of openai/gpt-4o in batch batch_a, sent 14:03 (12 min ago), 800 done there``."""
        return "; ".join(_waiting(wait) for wait in self._open.values())

    def left(self, run_id: str) -> str:
        """What becomes of the batches that are waited for no more."""
        count = sum(wait.requests for wait in self._open.values())
        return f"{count:,} requests go on in a batch at the provider; fetch the answers with: assay resume {run_id}"


def _waiting(wait: BatchWait) -> str:
    sent = datetime.fromisoformat(wait.since)
    minutes = (datetime.now(UTC) - sent).total_seconds() / 60.0
    ago = f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60.0:.1f} h"
    if not wait.batch:
        return f"sending {wait.requests:,} requests to {wait.model} in a batch"
    done = f", {wait.answered:,} done there" if wait.answered else ""
    when = f"sent {sent.astimezone():%H:%M} ({ago} ago)"
    return f"waiting for {wait.requests:,} answers of {wait.model} in batch {wait.batch}, {when}{done}"


class PlainProgress:
    """A line every few seconds: done, rate, running estimate, cost, time left; every minute while a batch is on."""

    def __init__(self, label: str) -> None:
        self._label = f"{label}: " if label else ""
        self._waits = Waits()
        self._run_id = ""

    def started(self, *, run_id: str, total: int, done: int, snapshot: Callable[[], Snapshot]) -> None:
        self._run_id = run_id
        self._total, self._done, self._first, self._snapshot = total, done, done, snapshot
        self._began = self._spoke = self._waited = time.monotonic()
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

    def waiting(self, wait: BatchWait) -> None:
        before = self._waits.line()
        self._waits.hear(wait)
        now = time.monotonic()
        news = bool(wait.batch) and wait.batch not in before
        if self._waits and (news or now - self._waited >= WAITING_EVERY_S):
            self._waited = now
            click.echo(f"{self._label}{self._waits.line()}", err=True)

    def ended(self) -> None:
        if self._waits:
            click.echo(f"{self._label}{self._waits.left(self._run_id)}", err=True)


class LiveProgress:
    """A bar with rate, running estimate and its interval, cost so far and time left."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._progress: Progress | None = None
        self._waits = Waits()
        self._run_id = ""

    def started(self, *, run_id: str, total: int, done: int, snapshot: Callable[[], Snapshot]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._run_id, self._snapshot, self._drawn, self._pending = run_id, snapshot, 0.0, 0
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

    def waiting(self, wait: BatchWait) -> None:
        self._waits.hear(wait)
        if self._progress is not None:
            said = self._waits.line() or figures(self._snapshot())
            self._progress.update(self._bar, figures=said, refresh=True)

    def _draw(self, now: float) -> None:
        assert self._progress is not None
        self._progress.update(self._bar, advance=self._pending, figures=figures(self._snapshot()))
        self._pending, self._drawn = 0, now

    def ended(self) -> None:
        if self._progress is not None:
            self._draw(time.monotonic())
            self._progress.stop()
        if self._waits:
            click.echo(self._waits.left(self._run_id), err=True)
