"""Krippendorff's alpha and its interval against evalica in one process; Dawid-Skene against crowd-kit as processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.stats.agreement.alpha import krippendorff_alpha
from assay.stats.agreement.ratings import Ratings
from bench.measure import Row, Usage, median, pairs, ratio

UNITS, RATERS, MISSING, REPEATS = 100_000, 5, 0.2, 5
CONTINUOUS_UNITS_FOR_EVALICA = 400

CROWD = """
import numpy as np
rng = np.random.default_rng(1)
units, raters, levels = 100_000, 500, 4
truth, skill = rng.integers(levels, size=units), rng.beta(7, 3, size=raters)
teams = np.stack([rng.permutation(raters)[:5] for _ in range(2_000)])
unit, rater = np.repeat(np.arange(units), 5), teams[rng.integers(2_000, size=units)].ravel()
label = np.where(rng.random(unit.size) < skill[rater], truth[unit], rng.integers(levels, size=unit.size))
del rng, teams, skill
"""
OURS = """
from assay.stats.agreement.dawid_skene import dawid_skene
from assay.stats.agreement.ratings import Ratings
found = dawid_skene(Ratings.from_labels(unit, rater, label))
print(np.mean(np.array(found.labels, dtype=float) == truth))
"""
CROWD_KIT = """
import pandas as pd
from crowdkit.aggregation import DawidSkene
found = DawidSkene(n_iter=100).fit_predict(pd.DataFrame({"task": unit, "worker": rater, "label": label}))
print((found.sort_index().to_numpy() == truth).mean())
"""
PEAK = """
import time
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(time.process_time(), peak)
"""


def rows() -> list[Row]:
    """Ours from the matrix of labels on, with an interval; evalica's from its data frame on, value only."""
    return [
        _alpha("5-point", 5, UNITS, 0.03),
        _alpha("101-point", 101, UNITS, 0.06),
        _alpha("continuous", None, CONTINUOUS_UNITS_FOR_EVALICA, 0.05),
        _interval(),
        _dawid_skene(),
    ]


def _matrix(levels: int | None, units: int) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(units, 1)) + rng.normal(size=(units, RATERS))
    if levels is not None:
        values = np.clip(np.round((values + 4.0) / 8.0 * (levels - 1)), 0, levels - 1)
    return np.where(rng.random(values.shape) < MISSING, np.nan, values)


def _frame(matrix: npt.NDArray[np.float64]) -> Any:
    import pandas as pd

    return pd.DataFrame(matrix.T)


def _alpha(name: str, levels: int | None, their_units: int, target_s: float) -> Row:
    import evalica

    metric = "interval" if levels is None else "ordinal"
    matrix, smaller = _matrix(levels, UNITS), _matrix(levels, their_units)
    frame = _frame(smaller)

    def ours() -> float:
        return krippendorff_alpha(Ratings.from_matrix(matrix), metric=metric).value or 0.0  # type: ignore[arg-type]

    mine, theirs = _interleaved(ours, lambda: float(evalica.alpha(frame, metric).alpha))
    twin = krippendorff_alpha(Ratings.from_matrix(smaller), metric=metric).value or 0.0  # type: ignore[arg-type]
    if abs(twin - float(evalica.alpha(frame, metric).alpha)) > 1e-9:
        raise AssertionError(f"alpha, {name}: values differ")
    return Row(
        f"alpha, {metric}, {name}, 100,000 units x 5 raters, 20 % missing",
        f"{statistics.median(mine):.3f} s CPU",
        f"evalica {statistics.median(theirs):.3f} s" + (f" for {their_units:,} units" * (their_units < UNITS)),
        _ratio(mine, theirs),
        f"≤ {target_s} s",
        statistics.median(mine) <= target_s,
    )


def _interval() -> Row:
    import evalica

    matrix = _matrix(5, UNITS)
    frame = _frame(matrix)

    def ours() -> float:
        found = krippendorff_alpha(Ratings.from_matrix(matrix), metric="ordinal", rng=np.random.default_rng(2))
        return found.low or 0.0

    mine, theirs = _interleaved(ours, lambda: float(evalica.alpha_bootstrap(frame, "ordinal", random_state=2).low))
    return Row(
        "alpha interval, bootstrap, ordinal, 5-point, 100,000 units x 5 raters (evalica's does not cover)",
        f"{statistics.median(mine):.2f} s CPU",
        f"evalica {statistics.median(theirs):.2f} s",
        _ratio(mine, theirs),
        "≤ 1.0 s",
        statistics.median(mine) <= 1.0,
    )


def _interleaved(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[list[float], list[float]]:
    mine, others = [], []
    for repeat in range(REPEATS + 1):
        started = time.process_time()
        ours()
        between = time.process_time()
        theirs()
        ended = time.process_time()
        if repeat:  # the first round loads what is loaded lazily
            mine.append(between - started)
            others.append(ended - between)
    return mine, others


def _ratio(mine: list[float], theirs: list[float]) -> str:
    values = sorted(one / other for one, other in zip(mine, theirs, strict=True))
    return f"{statistics.median(values):.2f} ({values[0]:.2f}–{values[-1]:.2f})"


def _dawid_skene() -> Row:
    measured = pairs(lambda: _run(CROWD + OURS), lambda: _run(CROWD + CROWD_KIT))
    ours, theirs = [mine for mine, _ in measured], [other for _, other in measured]
    cpu_s, rss_mb = median(ours, lambda u: u.cpu_s), median(ours, lambda u: u.rss_mb)
    return Row(
        "Dawid-Skene, 500,000 labels, 4 levels, whole process",
        f"{cpu_s:.2f} s CPU, {rss_mb:.0f} MB",
        f"crowd-kit {median(theirs, lambda u: u.cpu_s):.2f} s, {median(theirs, lambda u: u.rss_mb):.0f} MB",
        ratio(measured, lambda u: u.cpu_s)[1],
        "≤ .5 s, ≤ 150 MB",
        cpu_s <= 0.5 and rss_mb <= 150.0,
    )


def _run(script: str) -> Usage:
    """The process tells its own peak: the kernel's account of a child starts from the memory of its parent."""
    started = time.perf_counter()
    said = subprocess.run([sys.executable, "-c", script + PEAK], check=True, capture_output=True, text=True).stdout
    cpu_s, peak_kb = said.split()[-2:]
    return Usage(time.perf_counter() - started, float(cpu_s), float(peak_kb) / 1024.0)


if __name__ == "__main__":
    for row in rows():
        print(f"{row.work}: {row.ours} against {row.other}; {row.ratio}; target {row.target}: {row.met}")
