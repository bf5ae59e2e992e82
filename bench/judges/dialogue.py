"""Topical-Chat: a trained metric of dialogue answers beside people, aspect by aspect."""

from __future__ import annotations

from pathlib import Path

from bench.judges.figures import Kind, correlation
from bench.judges.files import json_rows
from bench.judges.row import Row

PUBLISHED = {
    "naturalness": (0.443666, 0.513986),
    "coherence": (0.595143, 0.612942),
    "engagingness": (0.55651, 0.604739),
    "groundedness": (0.536209, 0.574954),
    "understandability": (0.380038, 0.467807),
    "overall": (0.632796, 0.662583),
}
KINDS: tuple[Kind, ...] = ("pearson", "spearman")
SOURCE = "UniEval repository, all 360 answers"


def rows(folder: Path) -> list[Row]:
    """Pearson and Spearman of each aspect over all answers; answers to one dialogue are a group."""
    items = json_rows(folder / "judge/topical_chat_unieval.jsonl.gz")
    dialogues = [item["source"] for item in items]
    found = []
    for aspect, published in PUBLISHED.items():
        people = [item["scores"][aspect] for item in items]
        metric = [item["predict_scores"][aspect] for item in items]
        length = [float(len(item["system_output"])) for item in items]
        found += [
            Row(judge="UniEval", data="", what=f"{aspect}, {kind.title()}", published=figure, source=SOURCE,
                estimate=correlation(kind, metric, people, dialogues))
            for kind, figure in zip(KINDS, published, strict=True)
        ]  # fmt: skip
        found.append(Row(judge="length of the answer", data="", what=f"{aspect}, Spearman", note="baseline",
                         estimate=correlation("spearman", length, people, dialogues)))  # fmt: skip
    return found
