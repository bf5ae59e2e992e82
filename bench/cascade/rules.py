"""Stopping rules: what looking again and again does to a width rule and to a gate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.stats.prediction.limits import t_quantiles
from assay.stats.sequential.asymptotic import mean_sequence
from bench.cascade.maps import predicted
from bench.cascade.row import Row
from bench.cascade.summeval import OVERALL, Floats, load

BATCH = 10


def terms(dimension: str, *, replays: int, seed: int) -> tuple[Floats, float]:
    """Residual-corrected terms in the order drawn, ``(R, N)``: gpt-4 on all, a map that has not seen the system."""
    y, found = load().experts[dimension], predicted(dimension, known=False).tiers[-1]
    rng = np.random.default_rng(seed)
    order = np.argsort(rng.random((replays, y.size)), axis=1)
    return found.mean() + (y - found)[order], float(y.mean())


def running(values: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the first n terms, for every n."""
    n = np.arange(1, values.shape[1] + 1)
    mean = values.cumsum(axis=1) / n
    square = np.square(values).cumsum(axis=1) / n - mean**2
    return mean, np.maximum(square, 0.0) * n / np.maximum(n - 1, 1)


def width(replays: int) -> Iterator[Row]:
    """Stop when the t interval is narrow enough, looking every ten labels."""
    for name, wanted, start in ((OVERALL, 0.1, 20), ("consistency", 0.2, 20), ("consistency", 0.2, 50)):
        values, truth = terms(name, replays=replays, seed=3)
        mean, variance = running(values)
        size = values.shape[1]
        looks = np.arange(start, size + 1, BATCH)
        half = t_quantiles(0.95, looks - 1.0) * np.sqrt(variance[:, looks - 1] * (1 / looks - 1 / size))
        enough = (half <= wanted) & (half > 0.0)
        first = np.where(enough.any(axis=1), enough.argmax(axis=1), looks.size - 1)
        rows = np.arange(replays)
        covered = np.abs(mean[rows, looks[first] - 1] - truth) <= half[rows, first]
        spread = values[0].std(ddof=1)
        fixed = next(
            n for n in range(3, size + 1)
            if float(t_quantiles(0.95, np.array([n - 1.0]))[0]) * spread * np.sqrt(1 / n - 1 / size) <= wanted
        )  # fmt: skip
        used = float(looks[first].mean())
        gated = name == OVERALL
        yield Row(
            figure=f"width rule: half-width ≤ {wanted:g}, {name}, first look at {start}",
            target="≤ 1.1 × fixed n (80 or more), ≥ 93.5" if gated else "shown",
            measured=f"n {used:.0f}, {used / fixed:.2f} × fixed n {fixed}, covers {100 * covered.mean():.1f}",
            met=used / fixed <= 1.1 and covered.mean() >= 0.935 if gated else None,
            sloppy="a confidence sequence here takes 2.3 times the labels" if gated else "",
        )


def gate(replays: int) -> Iterator[Row]:
    """Stop when the interval excludes a value; the value is the truth, so every stop is a false one."""
    count = max(replays // 4, 500)
    for name in (OVERALL, "consistency", "relevance"):
        values, truth = terms(name, replays=count, seed=8)
        values = values[:, :500]
        ever = {
            start: float(
                np.mean([mean_sequence(row, start=start).first_excluding(truth) is not None for row in values])
            )
            for start in (20, 50)
        }
        mean, variance = running(values)
        n = np.arange(20, 501)
        half = t_quantiles(0.95, n - 1.0) * np.sqrt(variance[:, 19:] / n)
        peeked = float((np.abs(mean[:, 19:] - truth) > half).any(axis=1).mean())
        yield Row(
            figure=f"gate: P(ever excludes the truth), looks at every label from 50 to 500, {name}",
            target="≤ 6 %",
            measured=f"{100 * ever[50]:.1f} %",
            met=ever[50] <= 0.06,
            sloppy=f"t at every label {100 * peeked:.0f} %; sequence from 20 labels {100 * ever[20]:.1f} %",
        )
    for name in (OVERALL, "consistency", "relevance"):
        values, truth = terms(name, replays=count, seed=9)
        stops = [mean_sequence(row, start=50).first_excluding(truth - 0.2) or row.size for row in values]
        spread = float(values[0].std(ddof=1))
        fixed = ((1.96 + 0.8416) * spread / 0.2) ** 2
        yield Row(
            figure=f"gate with a true margin of .2, {name}: labels until it stops",
            target="shown",
            measured=f"{np.mean(stops):.0f}; a fixed design of 80 % power takes {fixed:.0f}",
        )
