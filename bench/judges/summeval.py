"""SummEval: judges of summaries beside three experts, and one judge of pairs in both orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay import stats
from bench.judges.figures import Floats, correlation, share
from bench.judges.files import json_rows
from bench.judges.row import Row

DIMENSIONS = ("coherence", "consistency", "fluency", "relevance")
JUDGES = ("gpt-4-0314", "gpt-3.5-turbo-0301", "llama-2-70b-chat-hf", "llama-2-13b-chat-hf", "llama-2-7b-chat-hf")
PUBLISHED = {
    "gpt-4-0314": dict(zip(DIMENSIONS, (0.448, 0.556, 0.498, 0.427), strict=True)),
    "gpt-3.5-turbo-0301": dict(zip(DIMENSIONS, (0.444, 0.423, 0.285, 0.448), strict=True)),
}
SOURCE = "all 100 documents of the judges' repository (DAMO-NLP-SG/LLM_summeval)"
SEED = 4


@dataclass(frozen=True)
class Scored:
    """The 600 summaries in one order: their documents, the experts' scores and every judge's."""

    documents: list[str]
    experts: dict[str, Floats]
    judged: dict[tuple[str, str, str], Floats]

    def mean(self, dimension: str) -> Floats:
        """The three experts' mean, shape ``(600,)``."""
        return np.asarray(self.experts[dimension].mean(axis=1))


def scored(folder: Path) -> Scored:
    """Scores by dimension: experts of shape ``(600, 3)``, judges (judge, prompt, dimension) of shape ``(600,)``."""
    people = json_rows(folder / "judge/summeval/human.jsonl.gz")
    place = {(row["doc_id"], row["system"]): index for index, row in enumerate(people)}
    experts = {
        name: np.array([[one[name] for one in row["expert_annotations"]] for row in people], dtype=np.float64)
        for name in DIMENSIONS
    }
    judged: dict[tuple[str, str, str], Floats] = defaultdict(lambda: np.full(len(people), np.nan))
    for row in json_rows(folder / "judge/summeval/llm_judge_scores.jsonl.gz"):
        judged[row["judge"], row["prompt"], row["dimension"]][place[row["doc_id"], row["system"]]] = row["score"]
    return Scored([row["doc_id"] for row in people], experts, dict(judged))


def rows(folder: Path) -> list[Row]:
    """Judges against the mean expert, people against each other, and the judge of pairs."""
    data = scored(folder)
    return [*_judges(data), *_prompts(data), *_people(data), *_pairs(folder)]


def _judges(data: Scored) -> Iterator[Row]:
    """Over all summaries, as published; and within documents, which asks only for the order of 12 summaries."""
    for judge in JUDGES:
        for name in DIMENSIONS:
            found = correlation("spearman", data.judged[judge, "rts", name], data.mean(name), data.documents)
            yield Row(judge=judge, data="", what=f"{name}, Spearman over all summaries", estimate=found,
                      published=PUBLISHED.get(judge, {}).get(name), source=SOURCE)  # fmt: skip
    for judge in JUDGES:
        for name in DIMENSIONS:
            within = stats.summary_level_correlation(data.judged[judge, "rts", name], data.mean(name), data.documents)
            yield Row(judge=judge, data="", what=f"{name}, mean Spearman within documents",
                      estimate=within.estimate, note="n is documents")  # fmt: skip


def _prompts(data: Scored) -> Iterator[Row]:
    judge = "gpt-3.5-turbo-0301"
    for prompt in ("mcq", "stareval", "altrts", "altmcq"):
        for name in DIMENSIONS:
            found = correlation("spearman", data.judged[judge, prompt, name], data.mean(name), data.documents)
            yield Row(judge=f"{judge}, prompt {prompt}", data="", what=f"{name}, Spearman over all summaries",
                      estimate=found)  # fmt: skip


def _people(data: Scored) -> Iterator[Row]:
    """Experts among themselves, and the two best judges on equal footing with one of them."""
    for name in DIMENSIONS:
        for judge in JUDGES[:2]:
            rng = np.random.default_rng(SEED)
            both = stats.human_ceiling(
                data.experts[name], metric=data.judged[judge, "rts", name], rng=rng, clusters=data.documents
            )
            assert both.difference is not None
            if judge == JUDGES[0]:
                yield Row(judge="one expert", data="", what=f"{name}, Spearman with the mean of the other two",
                          estimate=both.person, note="human ceiling")  # fmt: skip
            yield Row(judge=judge, data="", what=f"{name}, the same minus one expert's", estimate=both.difference,
                      note="below 0: a person predicts people better")  # fmt: skip


def _pairs(folder: Path) -> Iterator[Row]:
    judge = "gpt-3.5-turbo-0301"
    pairs: dict[tuple[str, ...], dict[bool, dict[str, Any]]] = defaultdict(dict)
    for row in json_rows(folder / "judge/summeval/llm_judge_pairs.jsonl.gz"):
        pairs[row["doc_id"], row["system_1"], row["system_2"], row["dimension"]][row["swapped"]] = row
    win = {"A": 1.0, "B": 0.0, "C": 0.5}
    keys = list(pairs)
    first = np.array([win[pairs[key][False]["choice_shown"]] for key in keys])
    second = np.array([1.0 - win[pairs[key][True]["choice_shown"]] for key in keys])
    people = np.array([pairs[key][False]["human_1"] - pairs[key][False]["human_2"] for key in keys])
    documents, dimensions = np.array([key[0] for key in keys]), np.array([key[3] for key in keys])
    both = stats.swapped_win_rate(first, second, clusters=documents)
    yield Row(judge=judge, data="pairs", what="same choice when the order is exchanged", percent=True,
              estimate=share(first == second, documents))  # fmt: skip
    yield Row(judge=judge, data="pairs", what="position bias: mean score shown first minus shown second",
              estimate=both.position_bias, note="0 is none; above 0 favours the first")  # fmt: skip
    for name in DIMENSIONS:
        here = dimensions == name
        yield Row(judge=judge, data="pairs", what=f"{name}, same choice when the order is exchanged", percent=True,
                  estimate=share((first == second)[here], documents[here]))  # fmt: skip
    for name in DIMENSIONS:
        here = (dimensions == name) & (people != 0.0)
        right = (first + second) / 2.0 > 0.5
        tied = first + second == 1.0
        score = np.where(tied, 0.5, right == (people > 0.0))
        yield Row(judge=judge, data="pairs", what=f"{name}, sides with the experts' mean, both orders together",
                  percent=True, estimate=share(score[here], documents[here]),
                  note="a flip is half right; pairs the experts tie are left out")  # fmt: skip
