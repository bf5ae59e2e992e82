"""PPI++ mean of 1,000 labels and a million predictions, against ppi-python, in one process on one core."""

from __future__ import annotations

import statistics
import time

import numpy as np

from bench.measure import Row

LABELS, PREDICTIONS, REPEATS, TARGET_S = 1_000, 1_000_000, 9, 0.02


def rows() -> list[Row]:
    """The published interval by both, and the one that holds at small n by ours; then the replays of a cascade."""
    from ppi_py import ppi_mean_ci

    from assay.stats.prediction.mean import ppi_mean

    rng = np.random.default_rng(1)
    f, g = rng.normal(size=LABELS), rng.normal(size=PREDICTIONS)
    y = 0.7 * f + rng.normal(size=LABELS)
    mine, small, theirs = [], [], []
    for repeat in range(REPEATS + 1):
        started = time.process_time()
        ours = ppi_mean(y, f, g, method="normal")
        first = time.process_time()
        ppi_mean(y, f, g)
        second = time.process_time()
        low, high = ppi_mean_ci(y, f, g, alpha=0.05)
        ended = time.process_time()
        assert ours.low is not None and ours.high is not None
        if max(abs(ours.low - float(low[0])), abs(ours.high - float(high[0]))) > 1e-9:
            raise AssertionError("the two intervals differ")
        if repeat:  # the first round loads what is loaded lazily
            mine.append(first - started)
            small.append(second - first)
            theirs.append(ended - second)
    work = f"PPI++ mean, n {LABELS:,}, N {PREDICTIONS:,}"
    return [_row(work, mine, theirs), _row(f"{work}, λ left out label by label, t", small, theirs), _replays()]


def _row(work: str, mine: list[float], theirs: list[float]) -> Row:
    ratios = sorted(one / other for one, other in zip(mine, theirs, strict=True))
    middle = statistics.median(mine)
    return Row(
        work,
        f"{middle:.4f} CPU s",
        f"ppi-python {statistics.median(theirs):.4f} CPU s",
        f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})",
        f"≤ {TARGET_S} CPU s",
        middle <= TARGET_S,
    )


def _replays() -> Row:
    """10,000 draws of 600 items through four tiers, weights fitted on 18 labels each time."""
    from assay.stats.prediction.twophase import two_phase_replays

    rng = np.random.default_rng(2)
    y = rng.normal(size=600)
    proxies = [y + noise * rng.normal(size=600) for noise in (2.0, 1.0, 0.7)]
    rank = np.argsort(np.argsort(rng.random((10_000, 600)), axis=1), axis=1)
    draws = np.stack([rank < size for size in (300, 60, 18)], axis=1)
    seconds = []
    for _ in range(3):
        started = time.process_time()
        two_phase_replays(y, proxies, asked=draws)
        seconds.append(time.process_time() - started)
    middle = statistics.median(seconds)
    spread = f"{min(seconds):.1f}–{max(seconds):.1f}"
    return Row("10,000 replays of 600 items, four tiers", f"{middle:.1f} CPU s", "–", spread, "≤ 30 s", middle <= 30.0)


if __name__ == "__main__":
    for row in rows():
        print(f"{row.work}: {row.ours} against {row.other}; {row.ratio}; target {row.target}")
