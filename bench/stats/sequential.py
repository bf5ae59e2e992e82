"""The betting confidence sequence: every look and the exact last interval, against a target in CPU seconds."""

from __future__ import annotations

import statistics
import time

import numpy as np

from assay.stats.sequential.betting import betting_sequence
from bench.measure import Row

REPEATS = 5
TARGETS_S = {1_000: 0.1, 10_000: 0.5}


def rows() -> list[Row]:
    """Graded scores, Beta(1, 3); the grid of 1,000 means is the default."""
    return [_row(n, target_s) for n, target_s in TARGETS_S.items()]


def _row(n: int, target_s: float) -> Row:
    taken = []
    for repeat in range(REPEATS + 1):
        scores = np.random.default_rng(repeat).beta(1.0, 3.0, size=n)
        started = time.process_time()
        betting_sequence(scores)
        if repeat:  # the first round loads what is loaded lazily
            taken.append(time.process_time() - started)
    middle = statistics.median(taken)
    return Row(
        f"betting confidence sequence, n {n:,}, every look, 1,000 candidate means",
        f"{middle:.3f} s CPU",
        "confseq .37 s for n 1,000 (not installed: it needs an old numpy)",
        f"({min(taken):.3f}–{max(taken):.3f} s)",
        f"≤ {target_s} s",
        middle <= target_s,
    )


if __name__ == "__main__":
    for row in rows():
        print(f"{row.work}: {row.ours}; {row.ratio}; target {row.target}: {row.met}")
