"""The run path: whole ``assay run`` processes against the bare loop, fresh, from cache and at 100,000 samples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Row, Usage, assay, median, pairs, process, ratio

SAMPLES = 2_000
MANY = 100_000
IN_FLIGHT = 100


@contextmanager
def model_server(delay_ms: int) -> Iterator[str]:
    """The scripted server in a process of its own; yields its base URL."""
    command = [sys.executable, "-m", "assay.testing.server", "--port", "0", "--delay-ms", str(delay_ms)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip().rstrip("/").removesuffix("/v1")
    finally:
        server.terminate()
        server.wait()


def write_task(folder: Path, count: int) -> Path:
    """A dataset of questions and its exact-match task; returns the task file."""
    lines = (
        json.dumps({"id": f"q{i}", "input": f"Repeat this line.\nanswer {i}", "reference": f"answer {i}"})
        for i in range(count)
    )
    (folder / "data.jsonl").write_text("\n".join(lines) + "\n")
    task = folder / "eval.yaml"
    task.write_text(
        "task: bench\ndataset: data.jsonl\nprompt: '{{ input }}'\nmodel: openai/m\n"
        f"generate: {{temperature: 0}}\nscorers: [exact_match]\nlimits: {{concurrency: {IN_FLIGHT}}}\n"
    )
    return task


def _environment(url: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "none"}


def _run(task: Path, url: str, store: str, *extra: str) -> Usage:
    command = assay("run", str(task), "--store", store, "--json", "--yes", *extra)
    return process(command, env=_environment(url))


def _bare(task: Path, url: str) -> Usage:
    return process([sys.executable, "-m", "bench.bare_loop", url, str(task.parent / "data.jsonl"), str(IN_FLIGHT)])


def fresh_and_cached() -> list[Row]:
    """2,000 samples at 50 ms, 100 in flight: fresh, and again from the response table."""
    with TemporaryDirectory() as name, model_server(50) as url:
        task = write_task(Path(name), SAMPLES)
        stores = iter(f"{name}/store{i}" for i in range(100))
        fresh = pairs(lambda: _run(task, url, next(stores)), lambda: _bare(task, url), repeats=5)
        cached = pairs(lambda: _run(task, url, f"{name}/store0"), lambda: _bare(task, url), repeats=3)
    rows = []
    for label, of, unit, goal in (
        ("wall", lambda u: u.wall_s, "s", 1.25),
        ("CPU", lambda u: u.cpu_s, "s", 1.5),
    ):
        middle, text = ratio(fresh, of)
        ours, other = (median([pair[i] for pair in fresh], of) for i in (0, 1))
        rows.append(
            Row(
                f"{SAMPLES:,} samples, 50 ms server, {label}",
                f"{ours:.2f} {unit}",
                f"bare loop {other:.2f} {unit}",
                text,
                f"≤ {goal}×",
                middle <= goal,
            )
        )
    peak = median([ours for ours, _ in fresh], lambda u: u.rss_mb)
    rows.append(Row("the same, peak memory", f"{peak:.0f} MB", "–", "–", "≤ 130 MB", peak <= 130))
    middle, text = ratio(cached, lambda u: u.wall_s)
    ours = median([ours for ours, _ in cached], lambda u: u.wall_s)
    rows.append(Row("the same again from cache, wall", f"{ours:.2f} s", "bare loop", text, "≤ 0.5×", middle <= 0.5))
    return rows


def no_delay() -> list[Row]:
    """20,000 samples at a server that answers at once: throughput against the bare loop."""
    with TemporaryDirectory() as name, model_server(0) as url:
        task = write_task(Path(name), 20_000)
        stores = iter(f"{name}/store{i}" for i in range(100))
        measured = pairs(lambda: _run(task, url, next(stores)), lambda: _bare(task, url), repeats=3)
    inverse = [(other, ours) for ours, other in measured]
    middle, text = ratio(inverse, lambda u: u.wall_s)
    rate = 20_000 / median([ours for ours, _ in measured], lambda u: u.wall_s)
    return [Row("20,000 samples, 0 ms server, throughput", f"{rate:,.0f}/s", "bare loop", text, "≥ 1×", middle >= 1)]


def many() -> list[Row]:
    """100,000 samples against 2,000: what one more sample costs."""
    with TemporaryDirectory() as name, model_server(50) as url:
        few_folder, many_folder = Path(name) / "few", Path(name) / "many"
        few_folder.mkdir()
        many_folder.mkdir()
        few = _run(write_task(few_folder, SAMPLES), url, f"{name}/store-few")
        large = _run(write_task(many_folder, MANY), url, f"{name}/store-many")
    marginal = (large.cpu_s - few.cpu_s) / (MANY - SAMPLES) * 1e6
    growth = large.rss_mb - few.rss_mb
    floor = MANY / IN_FLIGHT * 0.05
    loss = 100 * (1 - floor / large.wall_s)
    return [
        Row(f"marginal CPU a sample at {MANY:,}", f"{marginal:.0f} µs", "–", "–", "≤ 200 µs", marginal <= 200),
        Row("memory growth from 2,000 to 100,000", f"{growth:.0f} MB", "–", "–", "≤ 80 MB", growth <= 80),
        Row(
            "throughput at 100,000, start and end included",
            f"{MANY / large.wall_s:,.0f}/s",
            f"server's ceiling {MANY / floor:,.0f}/s",
            f"{loss:.1f} % less",
            "≤ 5 % less",
            loss <= 5,
        ),
    ]


def starts() -> list[Row]:
    """Start-up: ``import assay`` against a bare interpreter, and ``assay --help``."""
    imported = pairs(
        lambda: process([sys.executable, "-c", "import assay"]),
        lambda: process([sys.executable, "-c", "pass"]),
        repeats=9,
    )
    middle, text = ratio(imported, lambda u: u.wall_s)
    helped = 1000 * median([process(assay("--help")) for _ in range(7)], lambda u: u.wall_s)
    return [
        Row("import assay", "–", "bare interpreter", text, "≤ 3×", middle <= 3),
        Row("assay --help", f"{helped:.0f} ms", "–", "–", "≤ 150 ms", helped <= 150),
    ]


def killed() -> list[Row]:
    """500 calls at 50 ms, killed after half, resumed: what the server answered against what was needed."""
    with TemporaryDirectory() as name, model_server(50) as url:
        task = write_task(Path(name), 500)
        command = assay("run", str(task), "--store", f"{name}/store", "--json", "--yes")
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **_environment(url)})
        _wait_for_requests(url, 250)
        child.kill()
        child.wait()
        process(assay("resume", "last", "--store", f"{name}/store", "--json"), env=_environment(url))
        answered = _requests(url)
    again = answered - 500
    return [
        Row(
            "calls made again after kill -9 (in flight included)",
            str(again),
            f"{IN_FLIGHT} in flight",
            "–",
            "≤ in flight",
            again <= IN_FLIGHT,
        )
    ]


def _requests(url: str) -> int:
    import urllib.request

    with urllib.request.urlopen(f"{url}/stats") as reply:
        return int(json.load(reply)["requests"])


def _wait_for_requests(url: str, count: int) -> None:
    import time

    for _ in range(2000):
        if _requests(url) >= count:
            return
        time.sleep(0.005)
    raise RuntimeError(f"the server never saw {count} requests")
