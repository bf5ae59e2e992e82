"""AlpacaEval: win rates of held-out models, predicted by how other models fared on the same instruction."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from functools import cache

import numpy as np

from assay.engine.cascade.policy import fixed_shares
from assay.engine.cascade.simulate import Replays, replay
from assay.engine.cascade.verdicts import TierVerdicts
from assay.stats.correlation.coefficients import spearman_correlation
from bench.cascade.row import Row
from bench.cascade.summeval import Floats, data_root

ANNOTATOR = "weighted_alpaca_eval_gpt4_turbo"


@cache
def load() -> tuple[list[str], Floats, Floats]:
    """Models with a verdict on every instruction, their preferences in [0, 1], and log length against the baseline."""
    root = data_root()
    if root is None:
        raise SystemExit("ASSAY_TEST_DATA names no folder: set it to the folder of the evaluation data")
    found: dict[str, dict[int, tuple[float, float]]] = {}
    path = root / "judge" / "alpaca_eval" / "preferences.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["annotator"] == ANNOTATOR and row["preference"]:
                length = np.log1p(float(row["len_model"])) - np.log1p(float(row["len_baseline"]))
                found.setdefault(row["model"], {})[int(row["id"])] = (float(row["preference"]) - 1.0, float(length))
    models = sorted(name for name, rows in found.items() if len(rows) == 805 and name != "NullModel")
    ids = sorted(found[models[0]])
    wins = np.array([[found[name][one][0] for one in ids] for name in models])
    lengths = np.array([[found[name][one][1] for one in ids] for name in models])
    return models, wins, lengths


@cache
def predictions() -> Floats:
    """Of each model's preferences by a map fitted on the other half of the models: their mean, and length."""
    _, wins, lengths = load()
    first = np.random.default_rng(2).permutation(len(wins)) < len(wins) // 2
    found = np.empty_like(wins)
    for there in (first, ~first):
        inside = np.flatnonzero(there)
        rows, labels = [], []
        for one in inside:  # the mean of the others, as a model outside will meet it
            others = wins[inside[inside != one]].mean(axis=0)
            rows.append(np.column_stack([np.ones(others.size), others, lengths[one]]))
            labels.append(wins[one])
        weights = np.linalg.lstsq(np.vstack(rows), np.concatenate(labels), rcond=None)[0]
        mean = wins[inside].mean(axis=0)
        for one in np.flatnonzero(~there):
            found[one] = np.column_stack([np.ones(mean.size), mean, lengths[one]]) @ weights
    return found


def wins(replays: int) -> Iterator[Row]:
    """Win rates from part of the verdicts: t where wins are plenty, Wilson's kind of interval where they are rare."""
    models, truth, _ = load()
    guesses = predictions()
    rates = truth.mean(axis=1)
    each = max(replays // 20, 100)
    for n in (24, 40, 80, 160, 400):
        kinds: dict[str, list[Replays]] = {"wilson": [], "t": []}
        for number, (own, guess) in enumerate(zip(truth, guesses, strict=True)):
            for kind, replayed in kinds.items():
                tiers = [
                    TierVerdicts(name="others", values=guess, prediction=guess),
                    TierVerdicts(name="judge", values=own, share=kind == "wilson"),
                ]
                replayed.append(replay(tiers, fixed_shares(1, (n / own.size,)), replays=each, seed=number))
        ours, plain = kinds["wilson"], kinds["t"]
        ranks = np.mean(
            [
                float(spearman_correlation([one.value[turn] for one in ours], rates).value or 0.0)
                for turn in range(min(each, 100))
            ]
        )
        saved = 1.0 - float(np.mean([one.std_dev / one.alone_value.std(ddof=1) for one in plain]))
        covered = float(np.mean([one.coverage for one in ours]))
        yield Row(
            figure=f"AlpacaEval, {len(models)} models, {n} of 805 verdicts ({100 * n / 805:.0f} %)",
            target="covers ≥ 94",
            measured=f"covers {100 * covered:.1f}, standard error {100 * saved:.0f} % smaller, Spearman {ranks:.2f}",
            met=covered >= 0.94,
            sloppy=f"t with predictions {100 * float(np.mean([one.coverage for one in plain])):.1f};"
            f" t alone {100 * float(np.mean([one.alone_coverage for one in plain])):.1f}",
        )
    needed, alone = _needed(truth, truth - guesses, 0.05), _needed(truth, truth, 0.05)
    yield Row(
        figure="AlpacaEval, verdicts for a half-width of 5 points: median and worst model",
        target="shown",
        measured=f"{np.median(needed):.0f} and {needed.max():.0f} of 805 with predictions;"
        f" {np.median(alone):.0f} and {alone.max():.0f} without",
    )


def _needed(labels: Floats, residuals: Floats, half: float) -> Floats:
    variance = residuals.var(axis=1, ddof=1)
    return 1.0 / (half**2 / (1.96**2 * variance) + 1.0 / labels.shape[1])
