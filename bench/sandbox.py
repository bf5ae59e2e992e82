"""Cost of one sandboxed sample, two at a time, against starting a bare interpreter.

Rounds of the two are interleaved, so that both sides see the same machine. Processor time is that of everything
started, so it holds on a busy machine too.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from assay.sandbox import Program, find_sandbox
from assay.sandbox.bubblewrap import BubblewrapSandbox
from bench.measure import Row

PROMPT = "from typing import List\n\n\ndef add_all(xs: List[int], n: int) -> List[int]:\n"
PROGRAM = Program(
    source=f"{PROMPT}    return [x + n for x in xs]\n",
    prelude=f'{PROMPT}    """Add n."""\n',
    entry="add_all",
    checks=["def check(candidate):\n    assert candidate([1, 2], 3) == [4, 5]\n", "check(add_all)"],
)
AT_ONCE, IN_A_ROUND, ROUNDS = 2, 10, 20


def rows() -> list[Row]:
    """Wall and processor time of a sample, and their ratios to ``python -c pass``, two at a time."""
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

    rounds = [(measure(sandboxed), measure(interpreters)) for _ in range(ROUNDS)]
    found = []
    for label, part, limit in (("wall", 0, 25.0), ("CPU", 1, None)):
        ours, theirs = (statistics.median(pair[side][part] for pair in rounds) for side in (0, 1))
        ratios = sorted(pair[0][part] / pair[1][part] for pair in rounds)
        text = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"
        target, met = ("–", True) if limit is None else (f"≤ {limit:.0f} ms", ours <= limit)
        against = f"python -c pass {theirs:.1f} ms"
        found.append(Row(f"sandboxed sample, two at a time, {label}", f"{ours:.1f} ms", against, text, target, met))
    return found


def measure(work: Callable[[], None]) -> tuple[float, float]:
    """Wall and processor milliseconds a sample, children included."""
    began, spent = time.perf_counter(), processor_s()
    work()
    return (time.perf_counter() - began) / IN_A_ROUND * 1e3, (processor_s() - spent) / IN_A_ROUND * 1e3


def processor_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
