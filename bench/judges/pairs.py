"""Pairs judged once, beside people: PandaLM's test set and Auto-J's scenarios."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay import stats
from bench.judges.figures import kappa, share
from bench.judges.files import json_rows
from bench.judges.row import Row

PANDALM = "README and results of the PandaLM repository, all 999 rows"
IAA = {(1, 2): 0.85, (1, 3): 0.88, (2, 3): 0.86}
CODES = {"1": 1, "2": 2, "Tie": 0, "0": 0}
UNREAD = -1
JUDGES = {"gpt35_result": ("GPT-3.5", 0.6927), "pandalm7b_result": ("PandaLM-7B", 0.6677)}


def pandalm(folder: Path) -> list[Row]:
    """People among themselves, and the two recorded judges against their majority."""
    items = json_rows(folder / "judge/pandalm_test.jsonl.gz")
    prompts = [f"{item['instruction']}\n{item['input']}" for item in items]
    labels = np.array([[int(item[f"annotator{rater}"]) for rater in (1, 2, 3)] for item in items])
    majority = [Counter(row).most_common(1)[0][0] for row in labels.tolist()]
    found = [
        Row(judge=f"annotators {a} and {b}", data="", what="Cohen's kappa", estimate=kappa(labels[:, a - 1],
            labels[:, b - 1], prompts), published=IAA[a, b], source=PANDALM)
        for a, b in combinations((1, 2, 3), 2)
    ]  # fmt: skip
    found.append(Row(judge="three annotators", data="", what="Krippendorff's alpha",
                     estimate=stats.krippendorff_alpha(stats.Ratings.from_matrix(labels)),
                     note="rows as independent, though some share a prompt"))  # fmt: skip
    for key, (name, published) in JUDGES.items():
        given = [str(item[key]) for item in items]
        said = [CODES.get(verdict, UNREAD) for verdict in given]
        lost = f"{said.count(UNREAD)} verdicts that cannot be read count as wrong" if UNREAD in said else ""
        if "Tie" in given:
            bare = [UNREAD if verdict == "Tie" else code for verdict, code in zip(given, said, strict=True)]
            found.append(Row(judge=name, data="", what="accuracy against the majority, the verdict Tie never right",
                             percent=True, estimate=share(np.equal(bare, majority), prompts), published=published,
                             source=PANDALM, note=f"as published: Tie is not read as the label 0; {lost}"))  # fmt: skip
        found.append(Row(judge=name, data="", what="accuracy against the majority", percent=True, source=PANDALM,
                         published=None if "Tie" in given else published, note=lost,
                         estimate=share(np.equal(said, majority), prompts)))  # fmt: skip
        found.append(Row(judge=name, data="", what="Cohen's kappa with the majority",
                         estimate=kappa(said, majority, prompts), note=lost))  # fmt: skip
    found.append(_longer(items, majority, prompts))
    return found


def _longer(items: list[dict[str, Any]], majority: list[int], prompts: list[str]) -> Row:
    said = [1 if len(str(item["response1"])) > len(str(item["response2"])) else 2 for item in items]
    return Row(judge="the longer answer", data="", what="accuracy against the majority", percent=True,
               estimate=share(np.equal(said, majority), prompts), note="baseline, never ties")  # fmt: skip


def autoj(folder: Path) -> list[Row]:
    """No judge's verdicts are recorded here: what people said, and what length alone would have said."""
    items = json_rows(folder / "judge/autoj_pairwise.jsonl.gz")
    prompts = [item["prompt"] for item in items]
    label = np.array([int(item["label"]) for item in items])
    found = [
        Row(judge="people", data="", what=f"share of {name}", percent=True, estimate=share(label == code, prompts))
        for code, name in enumerate(("response 1 better", "response 2 better", "ties"))
    ]
    return [*found, *_length_alone(items, label, prompts)]


def _length_alone(items: list[dict[str, Any]], label: npt.NDArray[np.int_], prompts: list[str]) -> Iterator[Row]:
    gap = np.array([len(item["response 2"]) - len(item["response 1"]) for item in items])
    said = np.where(gap > 0, 1, 0)
    groups = np.array(prompts)
    decided = label != 2
    yield Row(judge="the longer answer", data="", what="accuracy, ties left out", percent=True, note="baseline",
              estimate=share((said == label)[decided], groups[decided]))  # fmt: skip
    yield Row(judge="the longer answer", data="", what="accuracy, ties counted as wrong", percent=True,
              estimate=share(said == label, groups), note="baseline, never ties")  # fmt: skip
