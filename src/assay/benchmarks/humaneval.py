"""HumanEval: Python functions to complete from their docstring, run against tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.benchmarks.code import OPTIONS, code_sample, code_task
from assay.benchmarks.entry import Benchmark, Found, Role, sample_list, wrong_shape
from assay.core.records import Sample
from assay.core.task import Prompt, Task

CHAT = """\
Complete the Python function below. Reply with one Python code block that holds the whole function, its imports and \
any helper it needs, and nothing else.

```python
{{ input }}
```"""
STOP = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint(")


def build(found: Found, options: Mapping[str, Any]) -> Task:
    """The task on all 164 problems."""
    samples = [_sample(row, number) for number, row in enumerate(found.rows("test"))]
    completion = options["style"] == "completion"
    prompt = Prompt(template="{{ input }}" if completion else CHAT, completion=completion)
    return code_task("humaneval", dataset=sample_list("humaneval", samples), prompt=prompt, options=options, stop=STOP)


def _sample(row: Mapping[str, Any], number: int) -> Sample:
    if not all(isinstance(row.get(key), str) for key in ("task_id", "prompt", "entry_point", "test")):
        raise wrong_shape("humaneval", row, number)
    return code_sample(
        sample_id=row["task_id"],
        text=row["prompt"],
        solution=row.get("canonical_solution"),
        metadata={
            "format": "humaneval",
            "prompt": row["prompt"],
            "entry_point": row["entry_point"],
            "test": row["test"],
        },
    )


HUMANEVAL = Benchmark(
    name="humaneval",
    title="HumanEval",
    description="164 Python functions to write from signature and docstring; every answer is run against its tests.",
    source="https://github.com/openai/human-eval",
    licence="MIT",
    paper="Chen et al. (2021), Evaluating Large Language Models Trained on Code, arXiv:2107.03374",
    scorers=("code_execution",),
    metrics=("pass@1", "pass@k"),
    needs=("chat", "isolation"),
    options=OPTIONS,
    roles={"test": Role(names=("humaneval", "HumanEval"), hub="hf:openai/openai_humaneval?split=test")},
    build=build,
)
