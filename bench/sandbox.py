"""Cost of one sandboxed sample, two at a time, against starting a bare interpreter.

Run with ``python bench/sandbox.py [samples]``. Rounds of the two are interleaved, so that both sides see the same
machine; printed are the medians over the rounds and their ratio. Processor time is that of everything started, so it
holds on a busy machine too.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from assay.sandbox import Program, find_sandbox
from assay.sandbox.bubblewrap import BubblewrapSandbox

PROMPT = "from typing import List\n\n\ndef add_all(xs: List[int], n: int) -> List[int]:\n"
PROGRAM = Program(
    source=f"{PROMPT}    return [x + n for x in xs]\n",
    prelude=f'{PROMPT}    """Add n."""\n',
    entry="add_all",
    checks=["def check(candidate):\n    assert candidate([1, 2], 3) == [4, 5]\n", "check(add_all)"],
)
AT_ONCE, IN_A_ROUND = 2, 10


def main(samples: int) -> None:
    sandbox = find_sandbox()
    if not isinstance(sandbox, BubblewrapSandbox):
        raise SystemExit("this bench measures bubblewrap")
    sandbox = replace(sandbox, jobs=AT_ONCE)
    bare = [str(sandbox.interpreter.executable), "-c", "pass"]

    def sandboxed() -> None:
        async def run() -> None:
            verdicts = await asyncio.gather(*(sandbox.run(PROGRAM) for _ in range(IN_A_ROUND)))
            assert all(verdict.passed for verdict in verdicts), verdicts

        asyncio.run(run())

    def interpreters() -> None:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(lambda _: subprocess.run(bare, check=True), range(IN_A_ROUND)))

    sides: dict[str, list[tuple[float, float]]] = {"sandboxed sample": [], "python -c pass": []}
    for _ in range(max(1, samples // IN_A_ROUND)):
        for name, work in zip(sides, (sandboxed, interpreters), strict=True):
            sides[name].append(measure(work))
    wall, processor = {}, {}
    for name, rounds in sides.items():
        wall[name], processor[name] = (statistics.median(values) for values in zip(*rounds, strict=True))
        low, *_, high = statistics.quantiles([each for each, _ in rounds], n=10)
        print(f"{name:18} wall {wall[name]:5.1f} ms a sample ({low:.1f}–{high:.1f}), CPU {processor[name]:5.1f} ms")
    ours, theirs = sides
    print(
        f"ratio              wall {wall[ours] / wall[theirs]:5.2f}, CPU {processor[ours] / processor[theirs]:5.2f}; "
        f"target: at most 25 ms a sample, two at a time, with seccomp"
    )


def measure(work: Callable[[], None]) -> tuple[float, float]:
    """Wall and processor milliseconds a sample, children included."""
    began, spent = time.perf_counter(), processor_s()
    work()
    return (time.perf_counter() - began) / IN_A_ROUND * 1e3, (processor_s() - spent) / IN_A_ROUND * 1e3


def processor_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
