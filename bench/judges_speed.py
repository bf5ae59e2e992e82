"""Verdicts of a G-Eval judge through the whole gateway, against the same requests without a judge."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.measure import Row

VERDICTS = 1_000
IN_FLIGHT = 100
REPEATS = 5
DELAY_MS = 50
MODEL = "openai/m"
FLOOR = IN_FLIGHT / (DELAY_MS / 1000.0)
PEER = 14.5
"""Verdicts a second of deepeval's G-Eval against such a server, as measured once (it is not installed here)."""


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """The scripted server in a process of its own, which answers every prompt with a level."""
    answers = folder / "answers.json"
    answers.write_text(json.dumps({"": "4"}))
    command = [sys.executable, "-m", "assay.testing.server", "--delay-ms", str(DELAY_MS), "--answers", str(answers)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait()


def rows() -> list[Row]:
    """Verdicts a second, and what a verdict takes of the processor beyond its request."""
    from assay.app.runs import in_loop

    rates, verdicts_us, requests_us = [], [], []
    with TemporaryDirectory() as name, _server(Path(name)) as url:
        for repeat in range(REPEATS + 1):
            judged, bare = in_loop(_pair(url, Path(name) / f"store{repeat}"))
            if repeat:  # the first round loads what is loaded lazily
                rates.append(VERDICTS / judged[0])
                verdicts_us.append(judged[1] / VERDICTS * 1e6)
                requests_us.append(bare[1] / VERDICTS * 1e6)
    rate = statistics.median(rates)
    beyond = [one - other for one, other in zip(verdicts_us, requests_us, strict=True)]
    middle = statistics.median(beyond)
    return [
        Row(
            f"{VERDICTS:,} G-Eval verdicts, {DELAY_MS} ms server, {IN_FLIGHT} in flight",
            f"{rate:,.0f} verdicts/s",
            f"deepeval {PEER} (recorded); floor {FLOOR:,.0f}",
            f"{rate / PEER:.0f} ({min(rates) / PEER:.0f}–{max(rates) / PEER:.0f})",
            "≥ 600/s",
            rate >= 600,
        ),
        Row(
            "CPU of a G-Eval verdict beyond its request",
            f"{statistics.median(verdicts_us):.0f} µs",
            f"the request alone {statistics.median(requests_us):.0f} µs",
            f"{middle:.0f} µs more ({min(beyond):.0f}–{max(beyond):.0f})",
            "< 1,000 µs",
            middle < 1_000,
        ),
    ]


async def _pair(url: str, store: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """(wall seconds, CPU seconds) of the verdicts, then of the requests they were made of."""
    from assay.core.records import Output, Sample
    from assay.gateway import Gateway, GatewayConfig, ModelConfig, Price
    from assay.judges.geval import GEval
    from assay.stores import open_store

    opened = open_store(str(store))
    model = ModelConfig(base_url=url, price=Price(input=1.0, output=2.0))
    config = GatewayConfig(models={MODEL: model}, environ={}, concurrency=IN_FLIGHT)
    gateway = Gateway(config, journal=opened.journal)
    judge = GEval.built_in("helpfulness", model=MODEL)
    items = [
        (
            Sample(id=f"q{number}", input=f"What is {number} and {number + 1} together? Show your steps."),
            Output(
                sample_id=f"q{number}", text=f"{number} and {number + 1} make {2 * number + 1}, since " + "so " * 120
            ),
        )
        for number in range(VERDICTS)
    ]
    try:
        client = _Heard(gateway.client(run_id="run_judged", use_cache=False))

        async def verdict(item: tuple[Any, Any]) -> None:
            score = await judge.judge(*item, client=client)
            assert score.value == 4.0, score

        judged = await _timed(verdict, items)
        plain = gateway.client(run_id="run_bare", use_cache=False)

        async def request(asked: Any) -> None:
            assert (await plain.generate(asked)).text == "4"

        return judged, await _timed(request, client.requests)
    finally:
        await gateway.close()
        opened.close()


class _Heard:
    """A client that remembers what it was asked."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests: list[Any] = []
        self.capabilities = client.capabilities
        self.usage = client.usage

    async def generate(self, request: Any) -> Any:
        self.requests.append(request)
        return await self._client.generate(request)


async def _timed(work: Callable[[Any], Awaitable[None]], items: Sequence[Any]) -> tuple[float, float]:
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await work(item)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    for row in rows():
        print(f"{row.work}: {row.ours} against {row.other}; {row.ratio}; target {row.target}")
