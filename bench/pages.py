"""A page of a 100,000-sample run with filter and sort: the whole page, and the table alone as htmx fetches it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assay.app.settings import load_settings
from assay.app.wiring import App
from assay.core.records import Item, Output, RunRecord, Sample, Score, Usage
from assay.server.app import create_app
from bench.measure import Row

SAMPLES = 100_000
REQUESTS = 100
RUN = "run_bench"
SCORERS = ("exact_match", "overlap")
SHOWS = ("all", "zero", "below", "critical", "unscored")
SORTS = ("value", "latency_s", "cost_usd", "output_chars", "row")
P50_MS, P95_MS = 25.0, 60.0


def items(count: int) -> Iterator[Item]:
    """Synthetic items of the size of a short question and answer."""
    for row in range(count):
        sample = Sample(
            id=f"q{row}",
            input=f"Question {row}: " + "what is the sum of these numbers? " * 5,
            reference=str(row),
            critical=row % 97 == 0,
        )
        unscored = row % 501 == 0
        output = Output(
            sample_id=sample.id,
            text=f"Let us see. {'step by step, ' * (row % 13)}the answer is {row}",
            usage=Usage(input_tokens=60, output_tokens=20 + row % 90),
            latency_s=0.2 + (row * 7919 % 1000) / 700,
            cost_usd=0.00002 * (1 + row % 13),
            error="timeout" if unscored else None,
        )
        values = (float(row * 31 % 10 < 6), (row * 17 % 100) / 100)
        scores = [
            Score(
                sample_id=sample.id,
                scorer=name,
                scorer_version="1",
                value=None if unscored else value,
                reason="timeout" if unscored else None,
            )
            for name, value in zip(SCORERS, values, strict=True)
        ]
        yield Item(row=row, sample=sample, output=output, scores=scores)


def make_store(folder: Path, count: int = SAMPLES) -> App:
    """A store with one sealed run."""
    app = App(load_settings(environ={}, flags={"store": str(folder)}, directory=str(folder)))
    estimate = {
        "value": 0.6,
        "low": 0.597,
        "high": 0.603,
        "n": count,
        "confidence": 0.95,
        "method": "wilson",
        "unit": "share",
        "unscored": 200,
    }
    manifest = {
        "scorers": [{"name": name, "version": "1", "unit": "share", "higher_is_better": True} for name in SCORERS],
        "primary": SCORERS[0],
        "selection": {"samples": count},
    }
    usage = {"requests": count, "cached": 0, "input_tokens": 1, "output_tokens": 1, "cost_usd": 1.0}
    summary = {
        "run_id": RUN,
        "task": "bench",
        "model": "openai/m",
        "schema": "assay.run/1",
        "manifest": "sha256:0",
        "primary": SCORERS[0],
        "samples": {"planned": count, "scored": count - 200, "unscored": 200, "by_reason": {"timeout": 200}},
        "metrics": dict.fromkeys(SCORERS, estimate),
        "segments": [],
        "notes": [],
        "seconds": 1.0,
        "usage": usage,
    }
    record = RunRecord(
        run_id=RUN,
        task="bench",
        model="openai/m",
        status="running",
        manifest=manifest,
        manifest_hash="sha256:0",
        created_at="2026-01-01T00:00:00+00:00",
    )
    app.store.metadata.create_run(record)
    app.store.results.seal(RUN, items(count))
    app.store.metadata.update_run(RUN, status="done", summary=summary)
    return app


async def ask(application: Any, query: str, *, partial: bool) -> int:
    """One request through the application; returns the bytes of the body."""
    headers = [(b"host", b"127.0.0.1"), *([(b"hx-request", b"true")] if partial else [])]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/runs/{RUN}",
        "raw_path": b"",
        "query_string": query.encode(),
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, send)
    if sent[0]["status"] != 200:
        raise RuntimeError(f"{query}: {sent[0]['status']} {sent[1]['body'][:300]!r}")
    return sum(len(message.get("body", b"")) for message in sent[1:])


def queries() -> list[str]:
    """Different filters, sorts, scorers and pages, so that no answer repeats."""
    return [
        f"scorer={SCORERS[i % 2]}&show={SHOWS[i % 5]}&sort={SORTS[(i // 5) % 5]}"
        f"&order={('asc', 'desc')[i % 2]}&offset={50 * (i // 25)}"
        for i in range(REQUESTS)
    ]


async def measure(application: Any, *, partial: bool) -> list[float]:
    """Milliseconds of each request, sorted; the first one, which opens the run, is not among them."""
    await ask(application, "", partial=partial)
    taken = []
    for query in queries():
        started = time.perf_counter()
        await ask(application, query, partial=partial)
        taken.append(1000 * (time.perf_counter() - started))
    return sorted(taken)


def _rows(label: str, taken: Sequence[float]) -> list[Row]:
    p50, p95 = statistics.median(taken), taken[int(0.95 * len(taken)) - 1]
    return [
        Row(f"{label}, p50", f"{p50:.1f} ms", "–", "–", f"≤ {P50_MS:.0f} ms", p50 <= P50_MS),
        Row(f"{label}, p95", f"{p95:.1f} ms", "–", "–", f"≤ {P95_MS:.0f} ms", p95 <= P95_MS),
    ]


def rows() -> list[Row]:
    """p50 and p95 over 100 requests through the application, in this process."""
    with TemporaryDirectory() as name:
        app = make_store(Path(name))
        try:
            application = create_app(app)
            whole = asyncio.run(measure(application, partial=False))
            table = asyncio.run(measure(application, partial=True))
        finally:
            app.close()
    return [
        *_rows(f"page of a {SAMPLES:,}-sample run, filter + sort", whole),
        *_rows("the same, table alone", table),
    ]
