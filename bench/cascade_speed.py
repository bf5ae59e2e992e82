"""A live run's cascade: 10,000 recorded verdicts of four tiers, over the same run without tiers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Row, Usage, assay, median, pairs, process

OUTPUTS, VERDICTS = 10_000, 10_000
SHARES = {"fast": 0.6, "strong": 0.3, "human": 0.1}
TASK = 'task: recorded\ndataset: data.jsonl\nprompt: "{{ input }}"\nmodel: replay:outputs.jsonl\n'
TIERS = f"""cascade:
  - {{tier: programmatic, scorers: [length]}}
  - {{tier: fast, judge: "helpfulness@replay:fast.jsonl", share: {SHARES["fast"]}}}
  - {{tier: strong, judge: "helpfulness@replay:strong.jsonl", share: {SHARES["strong"]}}}
  - {{tier: human, labels: people.jsonl, share: {SHARES["human"]}}}
"""


def rows() -> list[Row]:
    """One row: what the tiers take on top of the run."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder)
        measured = pairs(_timed(folder, "tiers.yaml"), _timed(folder, "plain.yaml"))
    extra = [Usage(a.wall_s - b.wall_s, a.cpu_s - b.cpu_s, a.rss_mb - b.rss_mb) for a, b in measured]
    cpu = sorted(one.cpu_s for one in extra)
    wall = median(extra, lambda used: used.wall_s)
    return [
        Row(
            work=f"cascade of four tiers in a run, {VERDICTS:,} recorded verdicts",
            ours=f"{wall:.1f} s more ({median(extra, lambda used: used.cpu_s):.1f} s CPU)",
            other=f"the run without tiers: {median([b for _, b in measured], lambda used: used.wall_s):.1f} s",
            ratio=f"({cpu[0]:.1f}–{cpu[-1]:.1f} s CPU)",
            target="< 3 s",
            met=wall < 3.0,
        )
    ]


def _timed(folder: Path, task: str) -> Callable[[], Usage]:
    def run() -> Usage:
        with TemporaryDirectory() as store:
            return process(assay("run", str(folder / task), "--store", store, "--json"))

    return run


def _write(folder: Path) -> None:
    level = [random.Random(i).randint(1, 5) for i in range(OUTPUTS)]
    kind = [min(5, max(1, q + random.Random(-i).randint(-1, 1))) for i, q in enumerate(level)]
    _lines(folder / "data.jsonl", [{"id": f"q{i}", "input": f"question {i}"} for i in range(OUTPUTS)])
    _lines(folder / "outputs.jsonl", [{"id": f"q{i}", "output": "word " * q} for i, q in enumerate(level)])
    _lines(folder / "fast.jsonl", [{"id": f"q{i}", "output": f"Score: {q}"} for i, q in enumerate(kind)])
    _lines(folder / "strong.jsonl", [{"id": f"q{i}", "output": f"Score: {q}"} for i, q in enumerate(level)])
    _lines(folder / "people.jsonl", [{"id": f"q{i}", "label": q} for i, q in enumerate(level)])
    replayed = TASK
    for name in ("outputs", "fast", "strong"):
        replayed = replayed.replace(f"replay:{name}", f"replay:{folder}/{name}")
    tiers = TIERS
    for name in ("fast", "strong"):
        tiers = tiers.replace(f"replay:{name}", f"replay:{folder}/{name}")
    (folder / "plain.yaml").write_text(replayed + "scorers: [length]\n")
    (folder / "tiers.yaml").write_text(replayed + tiers)


def _lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
