"""Bootstrap of a mean difference, 10,000 values a side: ours with all resamples and with 10,000, scipy with 10,000."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from assay.stats.intervals.ideal_bootstrap import ideal_bootstrap_difference
from assay.stats.intervals.two_sample_bootstrap import bootstrap_difference
from bench.measure import Row, Usage, median, pairs, ratio

N = 10_000
RESAMPLES = 10_000
REPEATS = 3


def rows() -> list[Row]:
    """CPU seconds within the process; the first call of each is a warm-up."""
    rng = np.random.default_rng(1)
    baseline, candidate = rng.lognormal(size=N), rng.lognormal(size=N) + 0.05

    def ideal() -> object:
        return ideal_bootstrap_difference(baseline, candidate)

    def drawn() -> object:
        return bootstrap_difference(baseline, candidate, rng=rng, method="bca", repeats=RESAMPLES)

    def theirs() -> object:
        return stats.bootstrap((candidate, baseline), _gap, n_resamples=RESAMPLES, method="BCa", rng=rng, batch=500)

    found = []
    for name, ours in (("all resamples (ideal)", ideal), ("10,000 resamples drawn", drawn)):
        measured = pairs(lambda ours=ours: _cpu(ours), lambda: _cpu(theirs), repeats=REPEATS)  # type: ignore[misc]
        cpu_s = median([mine for mine, _ in measured], lambda u: u.cpu_s)
        found.append(
            Row(
                f"bootstrap mean difference, 10k a side, BCa: {name}",
                f"{cpu_s:.3f} s CPU",
                f"scipy, 10,000 resamples: {median([other for _, other in measured], lambda u: u.cpu_s):.2f} s",
                ratio(measured, lambda u: u.cpu_s)[1],
                "≤ .4 s CPU",
                cpu_s <= 0.4,
            )
        )
    return found


def _gap(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
    return first.mean(axis=axis) - second.mean(axis=axis)


def _cpu(work: Callable[[], object]) -> Usage:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Usage(time.perf_counter() - wall, time.process_time() - cpu, 0.0)


if __name__ == "__main__":
    for row in rows():
        print(f"{row.work}: {row.ours} against {row.other}; {row.ratio}; target {row.target}: {row.met}")
