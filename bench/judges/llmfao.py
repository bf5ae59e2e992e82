"""LLMFAO: the same pairs voted by crowd workers, GPT-4 and GPT-3; who agrees with whom, and on which ranking."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from assay import stats
from assay.core.records import Estimate
from bench.judges.figures import correlation, share
from bench.judges.files import csv_rows
from bench.judges.row import Row

FILES = {"GPT-4": "llmfao_gpt4_crowd_comparisons.csv", "GPT-3": "llmfao_gpt3_crowd_comparisons.csv"}
WIN = {"left": 1.0, "right": 0.0, "tie": 0.5}
Votes = list[dict[str, str]]


def rows(folder: Path) -> list[Row]:
    """Agreement on pairs and on rankings; intervals speak of new prompts, of which there are only 13."""
    crowd = csv_rows(folder / "preference/llmfao_crowd_comparisons.csv")
    found = [
        Row(judge="two workers", data="", what="say the same of a pair", percent=True, estimate=same_among(crowd),
            note="human ceiling; left, right or tie"),
        Row(judge="workers", data="", what="Krippendorff's alpha, nominal", estimate=stats.krippendorff_alpha(
            stats.Ratings.from_labels([v["id"] for v in crowd], [v["worker"] for v in crowd],
                                      [v["winner"] for v in crowd])), note="pairs as independent"),
    ]  # fmt: skip
    strength = _ratings(crowd)
    for judge, file in FILES.items():
        votes = csv_rows(folder / "preference" / file)
        said = {vote["id"]: vote["winner"] for vote in votes}
        same = [float(said[vote["id"]] == vote["winner"]) for vote in crowd]
        found.append(Row(judge=judge, data="", what="says the same as a worker of the pair", percent=True,
                         estimate=share(same, [vote["prompt"] for vote in crowd])))  # fmt: skip
        found.append(_sides(judge, crowd, said))
        theirs = _ratings(votes)
        names = [name for name in strength if name in theirs]
        ours = ([strength[name] for name in names], [theirs[name] for name in names])
        found.append(Row(judge=judge, data="", what="Spearman of its Bradley-Terry ratings with the crowd's",
                         estimate=correlation("spearman", *ours),
                         note="over models; noise in both ratings pulls it to 0"))  # fmt: skip
        first = [WIN[vote["winner"]] for vote in votes]
        found.append(Row(judge=judge, data="", what="the answer on the left is preferred", percent=True,
                         estimate=share(first, [vote["prompt"] for vote in votes]),
                         note="a tie is a half; one order only, sides as drawn"))  # fmt: skip
    found.append(_halves(crowd))
    first = [WIN[vote["winner"]] for vote in crowd]
    found.append(Row(judge="workers", data="", what="the answer on the left is preferred", percent=True,
                     estimate=share(first, [vote["prompt"] for vote in crowd]), note="a tie is a half"))  # fmt: skip
    return found


def _by_pair(votes: Votes) -> dict[str, Votes]:
    found: dict[str, Votes] = defaultdict(list)
    for vote in votes:
        found[vote["id"]].append(vote)
    return found


def same_among(crowd: Votes) -> Estimate:
    """Over all ordered couples of workers of a pair, weighted as the votes of a judge against workers are."""
    same, prompts = [], []
    for votes in _by_pair(crowd).values():
        for vote in votes:
            others = [other["winner"] == vote["winner"] for other in votes if other is not vote]
            if others:
                same.append(float(np.mean(others)))
                prompts.append(vote["prompt"])
    return share(same, prompts)


def _sides(judge: str, crowd: Votes, said: dict[str, str]) -> Row:
    """With the side most workers took, where there is one."""
    hits, prompts = [], []
    for pair, votes in _by_pair(crowd).items():
        balance = sum(WIN[vote["winner"]] - 0.5 for vote in votes)
        if balance:
            hits.append(0.5 if said[pair] == "tie" else float((said[pair] == "left") == (balance > 0.0)))
            prompts.append(votes[0]["prompt"])
    return Row(judge=judge, data="", what="sides with most workers of the pair", percent=True,
               estimate=share(hits, prompts),
               note="a tie is half right; pairs without a majority are left out")  # fmt: skip


def _ratings(votes: Votes) -> dict[str, float]:
    table = stats.bradley_terry(
        stats.Battles.of(
            [vote["left"] for vote in votes],
            [vote["right"] for vote in votes],
            [WIN[vote["winner"]] for vote in votes],
        ),
        ridge=0.1,
    )
    return {name: e.value for name, e in zip(table.names, table.ratings, strict=True) if e.value is not None}


def _halves(crowd: Votes) -> Row:
    """The crowd's own ceiling: ratings from one half of the workers against those from the other."""
    place = {worker: number for number, worker in enumerate(dict.fromkeys(vote["worker"] for vote in crowd))}
    sides = [[vote for vote in crowd if place[vote["worker"]] % 2 == side] for side in (0, 1)]
    one, two = (_ratings(side) for side in sides)
    names = [name for name in one if name in two]
    return Row(judge="half of the workers", data="", what="Spearman of their ratings with the other half's",
               estimate=correlation("spearman", [one[name] for name in names], [two[name] for name in names]),
               note="human ceiling, with half of the votes on each side")  # fmt: skip
