"""LLMBar: pairs with one answer that follows the instruction, judged in both orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from assay import stats
from bench.judges.figures import Floats, share
from bench.judges.files import csv_rows
from bench.judges.row import Row

SUBSETS = ("Natural", "Adversarial/GPTInst", "Adversarial/GPTOut", "Adversarial/Manual", "Adversarial/Neighbor")
EVALUATORS = ("GPT-4", "ChatGPT", "ChatGPT-0301", "LLaMA2", "PaLM2", "Falcon")
SOURCE = "statistics of the LLMBar repository, full subsets"
Verdicts = dict[tuple[str, str, str], list[tuple[float, float, float]]]


def rows(folder: Path) -> list[Row]:
    """Accuracy by evaluator and subset, then what the order of the answers does."""
    given, published = verdicts(folder), _published(folder)
    return [
        *_accuracies(given, published),
        *_prompts(given, published),
        *_orders(given, published),
    ]


def verdicts(folder: Path) -> Verdicts:
    """(evaluator, prompt, subset): rows of (verdict, verdict with the orders exchanged, label), 1 for output 1."""
    found: Verdicts = defaultdict(list)
    for row in csv_rows(folder / "judge/llmbar/judgments.csv.gz"):
        wins = [{"1": 1.0, "2": 0.0}.get(row[name], 0.5) for name in ("winner", "winner_swapped")]
        key = (row["evaluator"], row["prompt"], row["subset"])
        found[key].append((wins[0], wins[1], float(row["label"] == "1")))
    return found


def _published(folder: Path) -> dict[tuple[str, str, str], dict[str, float]]:
    found = {}
    for row in csv_rows(folder / "judge/llmbar/published_statistics.csv"):
        key = (row["evaluator"], row["prompt"], row["subset"])
        found[key] = {
            name: float(row[name].rpartition("= ")[2].rstrip("%")) / 100.0 for name in ("correct_average", "equal")
        }
    return found


def correct(table: Floats) -> Floats:
    """Mean over the two orders of being right; no verdict is wrong, as its authors count it."""
    return np.asarray((table[:, :2] == table[:, 2:]).mean(axis=1))


def _accuracies(given: Verdicts, published: dict[tuple[str, str, str], dict[str, float]]) -> Iterator[Row]:
    for evaluator in EVALUATORS:
        for subset in SUBSETS:
            key = (evaluator, "Vanilla", subset)
            yield Row(judge=f"{evaluator}, Vanilla", data=subset, what="accuracy, mean of both orders", percent=True,
                      estimate=share(correct(np.array(given[key]))),
                      published=published[key]["correct_average"], source=SOURCE)  # fmt: skip


def _prompts(given: Verdicts, published: dict[tuple[str, str, str], dict[str, float]]) -> Iterator[Row]:
    """The prompts of GPT-4 on the adversarial subset that is hardest for a plain judge to tell."""
    subset = "Adversarial/Neighbor"
    for evaluator, prompt, part in sorted(given):
        if (evaluator, part) == ("GPT-4", subset) and prompt != "Vanilla":
            key = (evaluator, prompt, part)
            yield Row(judge=f"{evaluator}, {prompt}", data=subset, what="accuracy, mean of both orders", percent=True,
                      estimate=share(correct(np.array(given[key]))),
                      published=published.get(key, {}).get("correct_average"), source=SOURCE)  # fmt: skip


def _orders(given: Verdicts, published: dict[tuple[str, str, str], dict[str, float]]) -> Iterator[Row]:
    for evaluator in EVALUATORS:
        keys = [(evaluator, "Vanilla", subset) for subset in SUBSETS]
        table = np.concatenate([np.array(given[key]) for key in keys])
        both = stats.swapped_win_rate(table[:, 0], table[:, 1])
        sizes = np.array([len(given[key]) for key in keys])
        flips = float(sizes @ [1.0 - published[key]["equal"] for key in keys] / sizes.sum())
        yield Row(judge=f"{evaluator}, Vanilla", data="all five subsets",
                  what="another verdict when the order is exchanged",
                  percent=True, estimate=share(table[:, 0] != table[:, 1]), published=flips, source=SOURCE,
                  note="published rates weighted by the items here")  # fmt: skip
        yield Row(judge=f"{evaluator}, Vanilla", data="all five subsets", what="position bias, first minus second",
                  estimate=both.position_bias)  # fmt: skip
