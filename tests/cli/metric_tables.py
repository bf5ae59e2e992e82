"""Files of metrics and labels: made ones, and those of public data."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def made(path: Path, *, documents: int = 40, systems: int = 8, noise: float = 0.7, seed: int = 1) -> Path:
    """Systems one step of .3 apart; a good metric as noisy as a person, a poor one, one that is turned round."""
    rng = np.random.default_rng(seed)
    header = ["id", "document", "system", "good", "poor", "turned", "ann", "ben", "cem"]
    rows = []
    for document in range(documents):
        hard = rng.normal(scale=0.5)
        for system in range(systems):
            truth = hard + 0.3 * system + rng.normal(scale=0.5)
            seen = truth + noise * rng.normal(size=5)
            rows.append([f"d{document}-s{system}", f"d{document}", f"s{system}", round(seen[0], 3),
                         round(seen[1] + 4 * rng.normal(), 3), round(-seen[0], 3), *np.round(seen[2:], 2)])  # fmt: skip
    return write_csv(path, header, rows)


def json_rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file.read().split("\n") if line]


def summeval(data: Path, path: Path, *, dimension: str = "coherence") -> Path:
    """600 summaries of 50 documents by 12 systems: GPT-4, GPT-3.5 and ROUGE-L beside three experts."""
    from assay.core.records import Output, Sample
    from assay.scorers.rouge import RougeL

    rouge = RougeL()
    folder = data / "judge" / "summeval"
    judged = {
        (row["judge"], row["doc_id"], row["system"]): row["score"]
        for row in json_rows(folder / "llm_judge_scores.jsonl.gz")
        if row["prompt"] == "rts" and row["dimension"] == dimension
    }
    references = {row["doc_id"]: row["references"] for row in json_rows(folder / "documents.jsonl.gz")}
    rows = []
    for row in json_rows(folder / "human.jsonl.gz"):
        key = (row["doc_id"], row["system"])
        sample = Sample(id="s", input="", reference=references[row["doc_id"]])
        overlap = rouge.score(sample, Output(sample_id="s", text=row["summary"])).value
        experts = [one[dimension] for one in row["expert_annotations"]]
        rows.append([*key, judged["gpt-4-0314", *key], judged["gpt-3.5-turbo-0301", *key], overlap, *experts])
    return write_csv(path, ["document", "system", "gpt4", "gpt35", "rouge_l", "e1", "e2", "e3"], rows)
