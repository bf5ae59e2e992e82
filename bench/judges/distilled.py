"""Distilled judges: GPT-4's verdicts on SummEval's summaries learned from texts, on systems and documents not seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from assay.judges.distilling import Distillation, Taught, distil
from assay.judges.text_features import word_encoder
from bench.judges.figures import Floats, correlation
from bench.judges.files import json_rows
from bench.judges.row import Row
from bench.judges.summeval import DIMENSIONS, Scored, scored

TEACHER, PROMPT = "gpt-4-0314", "rts"
ENCODER = word_encoder()
SEED = 4


def rows(folder: Path) -> list[Row]:
    """Each dimension and their mean: explained variance beyond length, and what people say of the foretold verdicts."""
    data = scored(folder)
    found: list[Row] = []
    for name in (*DIMENSIONS, "overall"):
        chosen = DIMENSIONS if name == "overall" else (name,)
        verdicts = np.mean([data.judged[TEACHER, PROMPT, one] for one in chosen], axis=0)
        people = np.mean([data.mean(one) for one in chosen], axis=0)
        distilled = learned(folder, verdicts)
        found += _rows(name, data, distilled, people)
    return found


def learned(folder: Path, verdicts: Floats) -> Distillation:
    """A judge distilled from verdicts on the 600 summaries, shown with their articles."""
    summaries = json_rows(folder / "judge/summeval/human.jsonl.gz")
    articles = {row["doc_id"]: row["article"] for row in json_rows(folder / "judge/summeval/documents.jsonl.gz")}
    taught = Taught(
        texts=[row["summary"] for row in summaries],
        verdicts=verdicts,
        inputs=[articles[row["doc_id"]] for row in summaries],
        systems=[row["system"] for row in summaries],
        clusters=[row["doc_id"] for row in summaries],
    )
    return distil(taught, encoder=ENCODER, rng=np.random.default_rng(SEED), teacher=TEACHER, scale=(1.0, 5.0))


def _rows(name: str, data: Scored, distilled: Distillation, people: Floats) -> Iterator[Row]:
    judge = f"{TEACHER} distilled, {ENCODER.name}"
    for held in distilled.held_out:
        seen = "left-out systems" if held.left_out == "systems" else "left-out documents"
        alone = held.length_spearman.value
        note = "" if alone is None else f"length alone {alone:.3f}"
        yield Row(judge=judge, data=name, what=f"{seen}: Spearman with the teacher", estimate=held.spearman, note=note)
        yield Row(judge=judge, data=name, what=f"{seen}: variance explained beyond length", estimate=held.gain)
        if held.gain_new is not None:
            yield Row(judge=judge, data=name, what="the same, for new systems like these", estimate=held.gain_new,
                      note=f"its card says {distilled.judge.standing}")  # fmt: skip
    documents = [data.documents[row] for row in distilled.rows.tolist()]
    rank = correlation("spearman", distilled.foretold, people[distilled.rows], documents)
    yield Row(judge=judge, data=name, what="left-out systems: Spearman with the mean expert", estimate=rank)
