"""``python -m bench [NAME …] [--write]``: print the table, and with --write put its rows into docs/benchmarks.md."""

from __future__ import annotations

import multiprocessing
import pkgutil
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path

import bench.stats
from bench import cascade_speed, harness, judges_speed, pages, sandbox, scoring, text_metrics
from bench.cascade import speed
from bench.measure import Row

BENCHES: dict[str, Callable[[], list[Row]]] = {
    "starts": harness.starts,
    "run": harness.fresh_and_cached,
    "no_delay": harness.no_delay,
    "killed": harness.killed,
    "text": text_metrics.rows,
    "score": scoring.rows,
    "page": pages.rows,
    "sandbox": sandbox.rows,
    "many": harness.many,
    "judges": judges_speed.rows,
    "cascade": cascade_speed.rows,
    "replays": speed.rows,
}
for found in pkgutil.iter_modules(bench.stats.__path__):
    BENCHES[found.name] = import_module(f"bench.stats.{found.name}").rows
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
START, END = "<!-- table -->", "<!-- end of table -->"


def main() -> None:
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")] or list(BENCHES)
    lines = ["| work | Assay | against | ratio (range) | target | met |", "|---|---|---|---|---|---|"]
    print("\n".join(lines))
    # A process each: a child's peak memory counts its parent's at the fork, so the parent must be small.
    context = multiprocessing.get_context("spawn")
    for name in chosen:
        with ProcessPoolExecutor(1, mp_context=context) as process:
            rows = process.submit(BENCHES[name]).result()
        for row in rows:
            lines.append(
                f"| {row.work} | {row.ours} | {row.other} | {row.ratio} | {row.target} | {'yes' if row.met else 'no'} |"
            )
            print(lines[-1], flush=True)
    if "--write" in sys.argv:
        write(lines)


def write(lines: list[str]) -> None:
    """Put the rows into the page, in place of those of the same work; the others stay."""
    before, _, rest = PAGE.read_text().partition(START)
    table, _, after = rest.partition(END)
    kept = {row.split("|")[1]: row for row in table.splitlines() if row.startswith("| ")}
    rows = kept | {row.split("|")[1]: row for row in lines if row.startswith("| ")}
    machine = f"Python {platform.python_version()}, {platform.machine()}, 2 cores."
    head, *others = rows.values()
    PAGE.write_text(before + "\n".join([START, "", head, lines[1], *others, "", machine, "", END]) + after)


if __name__ == "__main__":
    main()
