"""ARC-Challenge: see ``ARC``."""

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
    return Task(
        name="arc_challenge",
        dataset=sample_list("arc_challenge", samples),
        solver=solver,
        scorers=scorers,
        generate=generate,
    )


def _sample(row: Mapping[str, Any], number: int) -> Sample:
    question, choices, right = question_of("arc_challenge", row, number)
    return choice_sample(
        sample_id=str(row.get("id") or f"test-{number}"), question=question, choices=choices, right=right, metadata={}
    )


ARC = Benchmark(
    name="arc_challenge",
    title="ARC-Challenge",
    description="1,172 grade-school science questions that simple retrieval gets wrong, mostly with four choices.",
    source="https://allenai.org/data/arc",
    licence="CC BY-SA 4.0",
    paper="Clark et al. (2018), Think you have Solved Question Answering? Try ARC, arXiv:1803.05457",
    scorers=SCORERS,
    options={"style": STYLE},
    roles={
        "test": Role(
            names=("arc_challenge_test", "arc_challenge", "ARC-Challenge-Test"),
            original=(),
            hub="hf:allenai/ai2_arc?config=ARC-Challenge&split=test",
        )
    },
    build=build,
)
