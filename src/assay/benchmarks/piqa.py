"""PIQA: see ``PIQA``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.benchmarks.entry import Benchmark, Found, Role, sample_list
from assay.benchmarks.multiple_choice import SCORERS, STYLE, ask, choice_sample, question_of
from assay.core.records import Sample
from assay.core.task import Task


def build(found: Found, options: Mapping[str, Any]) -> Task:
    """The task on all questions."""
    samples = [_sample(row, number) for number, row in enumerate(found.rows("test"))]
    solver, scorers, generate = ask(style=options["style"])
    return Task(name="piqa", dataset=sample_list("piqa", samples), solver=solver, scorers=scorers, generate=generate)


def _sample(row: Mapping[str, Any], number: int) -> Sample:
    question, choices, right = question_of("piqa", row, number)
    return choice_sample(
        sample_id=str(row.get("id") or f"test-{number}"), question=question, choices=choices, right=right, metadata={}
    )


PIQA = Benchmark(
    name="piqa",
    title="PIQA",
    description="1,838 everyday goals with two ways to reach them, one of which works (the published "
    "validation split, whose answers are public).",
    source="https://yonatanbisk.com/piqa/",
    licence="AFL-3.0",
    paper="Bisk et al. (2019), PIQA: Reasoning about Physical Commonsense in Natural Language, arXiv:1911.11641",
    scorers=SCORERS,
    options={"style": STYLE},
    roles={
        "test": Role(
            names=("piqa_test", "piqa_validation", "piqa"),
            original=(),
            hub="hf:ybisk/piqa?split=validation&revision=refs/convert/parquet",
        )
    },
    build=build,
)
