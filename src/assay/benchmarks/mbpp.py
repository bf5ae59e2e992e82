"""MBPP: short Python programs from one sentence and three assertions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.benchmarks.code import OPTIONS, code_sample, code_task
from assay.benchmarks.entry import Benchmark, Found, Option, Role, sample_list, wrong_shape
from assay.core.errors import DataError
from assay.core.records import Sample
from assay.core.task import Prompt, Task

CHAT = """\
{% if shots %}
{{ shots }}

{% endif %}
Write Python code for the task and reply with one Python code block and nothing else.

Task: {{ input }}
Your code must pass these tests:
{{ metadata.test_list | join("\n") }}"""
SHOT = """\
Task: {{ input }}
Your code must pass these tests:
{{ metadata.test_list | join("\n") }}
```python
{{ reference }}
```"""
COMPLETION = """\
{% if shots %}
{{ shots }}

{% endif %}
Task: {{ input }}
Your code must pass these tests:
{{ metadata.test_list | join("\n") }}
```python
"""
SPLITS = {"test": (11, 510), "prompt": (1, 10), "validation": (511, 600), "train": (601, 974), "all": (1, 974)}
EXAMPLES = (2, 3, 4)


def build(found: Found, options: Mapping[str, Any]) -> Task:
    """The task on one split; examples are problems 2, 3 and 4, as in the paper."""
    samples = {int(row["task_id"]): _sample(row, number) for number, row in enumerate(found.rows("problems"))}
    first, last = SPLITS[options["split"]]
    chosen = [sample for task_id, sample in sorted(samples.items()) if first <= task_id <= last]
    shots = options["shots"]
    examples = [samples[task_id] for task_id in EXAMPLES if task_id in samples]
    if shots > len(examples):
        raise DataError(
            f"the data of mbpp holds {len(examples)} of the three example problems (2, 3, 4)",
            hint="use the full file, or shots=0",
            code="benchmark.no_examples",
        )
    completion = options["style"] == "completion"
    prompt = Prompt(
        template=COMPLETION if completion else CHAT,
        completion=completion,
        shot_template=SHOT,
        shots=shots,
        shots_from=sample_list("mbpp examples", examples) if shots else None,
        fixed_shots=True,
    )
    name = "mbpp" if options["split"] == "test" else f"mbpp-{options['split']}"
    whole = last - first + 1
    notes = [f"This is not all of MBPP: {len(chosen)} of {whole} problems of the split are in the data."]
    return code_task(
        name,
        dataset=sample_list(name, chosen),
        prompt=prompt,
        options=options,
        stop=("\n```", "\nTask:"),
        notes=notes if len(chosen) < whole else (),
    )


def _sample(row: Mapping[str, Any], number: int) -> Sample:
    text, tests = row.get("text", row.get("prompt")), row.get("test_list")
    if not isinstance(text, str) or not isinstance(tests, list) or not tests:
        raise wrong_shape("mbpp", row, number)
    imports = row.get("test_imports") or ()
    code = row.get("code")
    return code_sample(
        sample_id=f"MBPP/{row['task_id']}",
        text=text.strip(),
        solution=_unix(code) if isinstance(code, str) else None,
        metadata={
            "format": "mbpp",
            "test_list": tests,
            "test_setup_code": _unix(row.get("test_setup_code") or "\n".join(imports)),
        },
    )


def _unix(code: str) -> str:
    """The data mixes line ends, even within one program."""
    return code.replace("\r\n", "\n").replace("\r", "\n")


MBPP = Benchmark(
    name="mbpp",
    title="MBPP",
    description="500 short Python tasks (task_id 11 to 510), each with three assertions that are shown and then run.",
    source="https://github.com/google-research/google-research/tree/master/mbpp",
    licence="CC BY 4.0",
    paper="Austin et al. (2021), Program Synthesis with Large Language Models, arXiv:2108.07732",
    scorers=("code_execution",),
    metrics=("pass@1", "pass@k"),
    needs=("chat", "isolation"),
    options={
        **OPTIONS,
        "split": Option(default="test", values=tuple(SPLITS), help="test is task_id 11 to 510."),
        "shots": Option(default=3, low=0, high=3, help="Solved problems in front (task_id 2, 3, 4)."),
    },
    roles={
        "problems": Role(
            names=("mbpp",), hub="hf:google-research-datasets/mbpp?config=full&split=train%2Btest%2Bvalidation%2Bprompt"
        )
    },
    build=build,
)
