"""IFEval: prompts with instructions that a program can verify."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.benchmarks.entry import Benchmark, Found, Option, Role, sample_list, wrong_shape
from assay.core.records import GenerateParams, Sample
from assay.core.task import Prompt, Task


def build(found: Found, options: Mapping[str, Any]) -> Task:
    """The task on all prompts, sent as they are."""
    from assay.scorers import IFEval, InstructionAccuracy

    samples = [_sample(row, number) for number, row in enumerate(found.rows("prompts"))]
    return Task(
        name="ifeval",
        dataset=sample_list("ifeval", samples),
        solver=Prompt(template="{{ input }}"),
        scorers=[IFEval(level=level, mode=mode) for mode in ("strict", "loose") for level in ("prompt", "instruction")],
        metrics={
            f"ifeval_instruction_{mode}": [InstructionAccuracy(name=f"instruction_accuracy_{mode}")]
            for mode in ("strict", "loose")
        },
        primary="ifeval_prompt_strict",
        generate=GenerateParams(temperature=0.0, max_tokens=options["max_tokens"]),
    )


def _sample(row: Mapping[str, Any], number: int) -> Sample:
    kinds, arguments = row.get("instruction_id_list"), row.get("kwargs")
    if not isinstance(row.get("prompt"), str) or not isinstance(kinds, list) or not isinstance(arguments, list):
        raise wrong_shape("ifeval", row, number)
    given = [{key: value for key, value in entry.items() if value is not None} for entry in arguments]
    if len(kinds) != len(given):
        raise wrong_shape("ifeval", row, number)
    return Sample(
        id=str(row.get("key", f"test-{number}")),
        input=row["prompt"],
        metadata={"instruction_id_list": kinds, "kwargs": given},
    )


IFEVAL = Benchmark(
    name="ifeval",
    title="IFEval",
    description="541 prompts with one to three of 25 kinds of verifiable instruction (length, format, keywords …).",
    source="https://github.com/google-research/google-research/tree/master/instruction_following_eval",
    licence="Apache-2.0",
    paper="Zhou et al. (2023), Instruction-Following Evaluation for Large Language Models, arXiv:2311.07911",
    scorers=("ifeval_prompt_strict", "ifeval_instruction_strict", "ifeval_prompt_loose", "ifeval_instruction_loose"),
    metrics=("instruction_accuracy_strict", "instruction_accuracy_loose"),
    options={"max_tokens": Option(default=1280, low=1, help="Longest answer.")},
    roles={
        "prompts": Role(
            names=("ifeval_input", "ifeval"), original=("input_data.jsonl",), hub="hf:google/IFEval?split=train"
        )
    },
    build=build,
)
