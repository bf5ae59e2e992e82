"""SummEval as a cascade: free metrics, gpt-3.5-turbo-0301, gpt-4-0314, the mean of three experts."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
DIMENSIONS = ("coherence", "consistency", "fluency", "relevance")
OVERALL = "overall"
PRICES = {"gpt-3.5": 0.0005, "gpt-4": 0.003, "experts": 0.30}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Summaries:
    """600 summaries, or a part of them.

    Attributes:
        free: Free metrics, one column each.
        small: gpt-3.5 by prompt and dimension.
        strong: gpt-4 by dimension.
        experts: Mean of three experts by dimension, and over the dimensions.
    """

    documents: npt.NDArray[np.str_]
    systems: npt.NDArray[np.str_]
    free: Floats
    small: dict[tuple[str, str], Floats]
    strong: dict[str, Floats]
    experts: dict[str, Floats]

    def __len__(self) -> int:
        return self.documents.size

    def part(self, rows: npt.NDArray[Any]) -> Summaries:
        return Summaries(
            documents=self.documents[rows],
            systems=self.systems[rows],
            free=self.free[rows],
            small={key: values[rows] for key, values in self.small.items()},
            strong={key: values[rows] for key, values in self.strong.items()},
            experts={key: values[rows] for key, values in self.experts.items()},
        )


def data_root() -> Path | None:
    """Where the recorded judges are; ``None`` when nobody said."""
    root = os.environ.get("ASSAY_TEST_DATA")
    return Path(root) if root else None


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a gzipped file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


@cache
def load(elsewhere: Path | None = None) -> Summaries:
    """The 600 summaries of 50 documents by 12 systems; of another part of SummEval in a folder like that one."""
    root = data_root()
    if root is None and elsewhere is None:
        raise SystemExit("ASSAY_TEST_DATA names no folder: set it to the folder of the evaluation data")
    folder = elsewhere or Path(root or "") / "judge" / "summeval"
    people = list(rows_of(folder / "human.jsonl.gz"))
    place = {(row["doc_id"], row["system"]): number for number, row in enumerate(people)}
    small: dict[tuple[str, str], Floats] = {}
    strong = {name: np.full(len(people), np.nan) for name in DIMENSIONS}
    for row in rows_of(folder / "llm_judge_scores.jsonl.gz"):
        where = place[row["doc_id"], row["system"]]
        if row["judge"] == "gpt-4-0314":
            strong[row["dimension"]][where] = row["score"]
        elif row["judge"] == "gpt-3.5-turbo-0301":
            column = small.setdefault((row["prompt"], row["dimension"]), np.full(len(people), np.nan))
            column[where] = row["score"]
    experts = {
        name: np.array([np.mean([one[name] for one in row["expert_annotations"]]) for row in people])
        for name in DIMENSIONS
    }
    experts[OVERALL] = np.mean([experts[name] for name in DIMENSIONS], axis=0)
    strong[OVERALL] = np.mean([strong[name] for name in DIMENSIONS], axis=0)
    for prompt in sorted({prompt for prompt, _ in small}):
        small[prompt, OVERALL] = np.mean([small[prompt, name] for name in DIMENSIONS], axis=0)
    return Summaries(
        documents=np.array([row["doc_id"] for row in people]),
        systems=np.array([row["system"] for row in people]),
        free=_free(people, {row["doc_id"]: row for row in rows_of(folder / "documents.jsonl.gz")}),
        small=small,
        strong=strong,
        experts=experts,
    )


def _free(people: list[dict[str, Any]], documents: dict[str, dict[str, Any]]) -> Floats:
    """ROUGE-L with the references, ROUGE-2 precision with the article (how much is copied), length in words."""
    from assay.core.records import Output, Sample
    from assay.scorers import Length, Rouge2, RougeL

    references, copied, length = RougeL(), Rouge2(measure="precision"), Length(of="words")
    rows = []
    for row in people:
        document, text = documents[row["doc_id"]], row["summary"]
        words = length.score(Sample(id="1", input=""), Output(sample_id="1", text=text)).value
        rows.append(
            [references.value_of(text, document["references"]), copied.value_of(text, [document["article"]]), words]
        )
    return np.array(rows, dtype=np.float64)


def halves(data: Summaries, *, seed: int = 20) -> tuple[Summaries, Summaries]:
    """Documents split in two at random, the same way every time."""
    names = np.unique(data.documents)
    first = np.random.default_rng(seed).permutation(names)[: names.size // 2]
    inside = np.isin(data.documents, first)
    return data.part(np.flatnonzero(inside)), data.part(np.flatnonzero(~inside))
