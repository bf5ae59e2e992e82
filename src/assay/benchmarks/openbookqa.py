"""OpenBookQA: see ``OPENBOOKQA``."""

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
        name="openbookqa", dataset=sample_list("openbookqa", samples), solver=solver, scorers=scorers, generate=generate
    )


def _sample(row: Mapping[str, Any], number: int) -> Sample:
    question, choices, right = question_of("openbookqa", row, number)
    return choice_sample(
        sample_id=str(row.get("id") or f"test-{number}"), question=question, choices=choices, right=right, metadata={}
    )


OPENBOOKQA = Benchmark(
    name="openbookqa",
    title="OpenBookQA",
    description="500 elementary science questions with four choices, asked without the book of facts.",
    source="https://allenai.org/data/open-book-qa",
    licence="Apache-2.0",
    paper="Mihaylov et al. (2018), Can a Suit of Armor Conduct Electricity?, arXiv:1809.02789",
    scorers=SCORERS,
    options={"style": STYLE},
    roles={
        "test": Role(
            names=("openbookqa_test", "openbookqa"),
            original=("test.jsonl", "Main/test.jsonl", "Data/Main/test.jsonl"),
            hub="hf:allenai/openbookqa?config=main&split=test",
        )
    },
    build=build,
)
