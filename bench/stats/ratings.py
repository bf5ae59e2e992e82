"""Bradley–Terry on a million battles of 200 models, against choix, in a process of one BLAS thread.

Ours is timed from columns of indices to ratings with their sandwich intervals; choix from the matrix of wins, which is
counted inside its time, to ratings without intervals. Bootstrap: 100 tables drawn from the counts and fitted again.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from bench.measure import Row

BATTLES, MODELS, ROUNDS, REPEATS = 1_000_000, 200, 100, 5
Pair = tuple[float, float]


def rows() -> list[Row]:
    """CPU seconds of one fit, and of one hundred more."""
    found = subprocess.run(
        [sys.executable, "-m", "bench.stats.ratings"],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    measured = json.loads(found.stdout)
    return [
        _row("Bradley–Terry with sandwich intervals, 1,000,000 battles, 200 models", measured["fit"], 0.10),
        _row("100 bootstrap rounds of it", measured["bootstrap"], 2.5),
    ]


def _row(work: str, pairs: Sequence[Pair], target_s: float) -> Row:
    ratios = sorted(other / ours for ours, other in pairs)
    ours, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Row(
        f"{work} (times as fast as choix)",
        f"{ours:.3f} CPU s",
        f"{other:.3f} s",
        f"{statistics.median(ratios):.1f} ({ratios[0]:.1f}–{ratios[-1]:.1f})",
        f"≤ {target_s:.2f} s",
        ours <= target_s,
    )


def _measure() -> dict[str, list[Pair]]:
    import choix
    import numpy as np

    from assay.stats.ratings.battles import Battles
    from assay.stats.ratings.bradley_terry import bradley_terry

    rng = np.random.default_rng(0)
    strength = rng.normal(size=MODELS)
    a = rng.integers(MODELS, size=BATTLES)
    b = (a + rng.integers(1, MODELS, size=BATTLES)) % MODELS
    won = rng.random(BATTLES) < 1.0 / (1.0 + np.exp(strength[b] - strength[a]))
    names = [f"model {i}" for i in range(MODELS)]

    def theirs() -> np.ndarray:
        winner, loser = np.where(won, a, b), np.where(won, b, a)
        wins = np.bincount(winner * MODELS + loser, minlength=MODELS**2).reshape(MODELS, MODELS)
        return np.asarray(choix.ilsr_pairwise_dense(wins))

    def ours() -> np.ndarray:
        return bradley_terry(Battles.of(a, b, won, names=names)).log_odds

    def our_rounds() -> None:
        bradley_terry(Battles.of(a, b, won, names=names), interval="bootstrap", rounds=ROUNDS, rng=rng)

    def their_rounds() -> None:
        winner, loser = np.where(won, a, b), np.where(won, b, a)
        wins = np.bincount(winner * MODELS + loser, minlength=MODELS**2)
        for _ in range(ROUNDS):
            drawn = rng.multinomial(BATTLES, wins / BATTLES).reshape(MODELS, MODELS)
            choix.ilsr_pairwise_dense(drawn)

    worst = float(np.abs(ours() - theirs()).max())  # also loads what is loaded lazily
    if worst > 1e-6:
        raise AssertionError(f"ratings differ by {worst}")
    return {
        "fit": [(_cpu(ours), _cpu(theirs)) for _ in range(REPEATS)],
        "bootstrap": [(_cpu(our_rounds), _cpu(their_rounds)) for _ in range(2)],
    }


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    print(json.dumps(_measure()))
