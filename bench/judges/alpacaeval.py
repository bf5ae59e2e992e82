"""AlpacaEval: what the order and the length of answers do to a judge's preference, and an answer to no question."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from assay import stats
from bench.judges.figures import correlation, share
from bench.judges.files import csv_rows, json_rows
from bench.judges.row import Row

GPT4_TURBO = "weighted_alpaca_eval_gpt4_turbo"
LEADERBOARDS = {
    GPT4_TURBO: "leaderboard_v2_weighted_gpt4_turbo.csv",
    "alpaca_eval_gpt4_turbo_fn": "leaderboard_v2_gpt4_turbo_fn.csv",
    "alpaca_eval_cot_gpt4_turbo_fn": "leaderboard_v2_cot_gpt4_turbo_fn.csv",
    "alpaca_eval_gpt4": "leaderboard_v1_gpt4.csv",
}
SHOWN = ("NullModel", "gpt-3.5-turbo-1106_verbose", "FuseChat-Llama-3.2-1B-Instruct", "text_davinci_001")
SOURCE = "leaderboards of the AlpacaEval repository"
NULL = "NullModel"
ARENA = "Arena Elo\n[April 18, 2024]"
Preferences = dict[str, dict[str, list[tuple[int, float, int, int]]]]


def preferences(folder: Path) -> Preferences:
    """By annotator and model: (instruction, preference for the model in [0, 1], its length, the baseline's).

    A preference of 0 is a tie, as the repository reads it; one that could not be parsed is left out.
    """
    found: Preferences = defaultdict(lambda: defaultdict(list))
    for row in csv_rows(folder / "judge/alpaca_eval/preferences.csv.gz"):
        if row["preference"]:
            given = float(row["preference"]) or 1.5
            lengths = int(row["len_model"]), int(row["len_baseline"])
            found[row["annotator"]][row["model"]].append((int(row["id"]), given - 1.0, *lengths))
    return found


def rows(folder: Path) -> list[Row]:
    """Position, length and the null answer."""
    judged = preferences(folder)
    return [*_position(folder), *_length(folder, judged), *_controlled(folder, judged), *_rankings(folder)]


def published_rates(folder: Path, annotator: str) -> dict[str, dict[str, float]]:
    """Win rate, its standard error and the length-controlled one of each model, in [0, 1]; NaN where not given."""
    keys = ("win_rate", "standard_error", "length_controlled_winrate")
    return {
        row[""]: {key: float(row.get(key) or math.nan) / 100.0 for key in keys}
        for row in csv_rows(folder / "judge/alpaca_eval" / LEADERBOARDS[annotator])
    }


def shown_second(row: dict[str, Any]) -> bool | None:
    """Whether the model's answer was the second one shown, from which verdict token carries its preference."""
    tokens = row["top_logprobs"] or {}
    if row["preference"] is None or not {"m", "M"} <= tokens.keys():
        return None
    first, second = (math.exp(tokens[name]) for name in ("m", "M"))
    of_second, given = second / (first + second), row["preference"] - 1.0
    if abs(of_second - given) < 1e-3 < abs(1.0 - of_second - given):
        return True
    return False if abs(1.0 - of_second - given) < 1e-3 < abs(of_second - given) else None


def _position(folder: Path) -> Iterator[Row]:
    items, values, second, unknown = [], [], [], 0
    null: list[tuple[float, bool]] = []
    for path in sorted((folder / "judge/alpaca_eval/outputs").glob("*.jsonl.gz")):
        for row in json_rows(path):
            place = shown_second(row)
            if place is None:
                unknown += 1
            elif path.name.startswith(NULL):
                null.append((row["preference"] - 1.0, place))
            else:
                items.append(row["id"])
                values.append(row["preference"] - 1.0)
                second.append(place)
    note = f"the order was random for each answer; {unknown:,} whose order cannot be told are left out"
    chosen = np.where(second, 1.0 - np.array(values), values)
    yield Row(judge=GPT4_TURBO, data="13 models", what="preference for the answer shown first", percent=True,
              estimate=share(chosen, items), note="50 % without position bias")  # fmt: skip
    yield Row(judge=GPT4_TURBO, data="13 models", what="position bias: model shown first minus shown second",
              estimate=stats.clustered_difference(values, ~np.array(second), items, unit="share"),
              note=note)  # fmt: skip
    column, behind = np.array([given for given, _ in null]), np.array([place for _, place in null])
    yield Row(judge=GPT4_TURBO, data=NULL, what="position bias: shown first minus shown second",
              estimate=stats.clustered_difference(column, ~behind, np.arange(column.size), unit="share"),
              note="the constant answer poses as the verdict's own form")  # fmt: skip


def _length(folder: Path, judged: Preferences) -> Iterator[Row]:
    """How often the longer answer is preferred, and what length adds for one and the same model."""
    elsewhere = {row[""]: row for row in csv_rows(folder / "judge/alpaca_eval/evaluators_leaderboard.csv")}
    for annotator in LEADERBOARDS:
        asked, people = (float(elsewhere[name]["Proba. prefer longer"]) for name in (annotator, "humans"))
        battles = [(model, *row) for model, table in judged[annotator].items() if model != NULL for row in table]
        clear = [row for row in battles if row[3] != row[4] and row[2] != 0.5]
        longer = [(row[2] > 0.5) == (row[3] > row[4]) for row in clear]
        yield Row(judge=annotator, data=f"{len(judged[annotator]) - (NULL in judged[annotator])} models",
                  what="the longer answer is preferred", percent=True,
                  estimate=share(longer, [row[1] for row in clear]),
                  note=f"quality not held equal, clear wins only; published for its 648 items with human labels: "
                       f"{asked:.1%}, people {people:.1%}")  # fmt: skip
        gap = np.array([row[3] - row[4] for row in battles], dtype=np.float64)
        fitted = stats.bradley_terry(
            stats.Battles.of(
                [row[0] for row in battles],
                ["baseline"] * len(battles),
                [float(np.sign(row[2] - 0.5) + 1.0) / 2.0 for row in battles],
                covariates=np.tanh(gap / gap.std()),
                covariate_names=["length"],
                cluster=[row[1] for row in battles],
            ),
            ridge=0.01,
        )
        yield Row(judge=annotator, data="", what="log-odds of tanh(length difference / sd), model by model",
                  estimate=fitted.effects["length"],
                  note="Bradley-Terry with a rating for each model; 0 is no bias")  # fmt: skip


def _controlled(folder: Path, judged: Preferences) -> Iterator[Row]:
    """Raw and length-controlled win rates of the models that use length or nothing at all."""
    published, table = published_rates(folder, GPT4_TURBO), judged[GPT4_TURBO]
    known = [(model, *row) for model, rows_of in table.items() if model != NULL for row in rows_of]
    hard = stats.instruction_difficulty(
        [row[2] for row in known],
        model=[row[0] for row in known],
        item=[row[1] for row in known],
        length_difference=[row[3] - row[4] for row in known],
    )
    for model in SHOWN:
        won = [row[1] for row in table[model]]
        yield Row(judge=GPT4_TURBO, data=model, what="win rate", percent=True, estimate=share(won),
                  published=published[model]["win_rate"], source=SOURCE,
                  note="one constant text for every question" if model == NULL else "")  # fmt: skip
        if model == NULL:
            continue
        controlled = stats.length_controlled_win_rate(
            won,
            [row[2] - row[3] for row in table[model]],
            difficulty=[hard[row[0]] for row in table[model]],
        )
        yield Row(judge=GPT4_TURBO, data=model, what="length-controlled win rate", percent=True, estimate=controlled,
                  published=published[model]["length_controlled_winrate"], source=SOURCE,
                  note="difficulty of the instructions refitted here, not the published one")  # fmt: skip


def _rankings(folder: Path) -> Iterator[Row]:
    """Do published win rates order models as people's votes in the arena do?"""
    table = csv_rows(folder / "judge/alpaca_eval/benchmark_correlations.csv")
    for board in ("LC AlpacaEval 2.0", "AlpacaEval 2.0", "AlpacaEval 1.0"):
        both = [(float(row[board]), float(row[ARENA])) for row in table if row[board] and row[ARENA]]
        yield Row(judge=board, data="", what="Spearman of published win rates with the arena's ratings by people",
                  estimate=correlation("spearman", *zip(*both, strict=True)),
                  note="over models; arena of 18 April 2024")  # fmt: skip
