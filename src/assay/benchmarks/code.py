"""What the coding benchmarks share: samples a problem, pass@k, and the scorer that runs the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.benchmarks.entry import Option
from assay.core.protocols import Metric
from assay.core.records import GenerateParams, Sample
from assay.core.task import Prompt, Samples, Task

OPTIONS = {
    "style": Option(
        default="chat", values=("chat", "completion"), help="completion continues the bare code, for base models."
    ),
    "samples": Option(default=1, low=1, high=1000, help="Answers drawn for every problem; pass@k for k up to this."),
    "temperature": Option(default=-1.0, low=-1, high=2, help="-1 means 0 for one sample and 0.8 for several."),
    "max_tokens": Option(default=768, low=1, help="Longest answer."),
}


def code_task(
    name: str,
    *,
    dataset: Samples,
    prompt: Prompt,
    options: Mapping[str, Any],
    stop: Sequence[str],
    notes: Sequence[str] = (),
) -> Task:
    """A task whose answers are run against the tests in each sample's metadata."""
    from assay.sandbox import CodeExecution

    scorer = CodeExecution()
    samples = options["samples"]
    temperature = options["temperature"] if options["temperature"] >= 0 else (0.0 if samples == 1 else 0.8)
    return Task(
        name=name,
        dataset=dataset,
        solver=prompt,
        scorers=[scorer],
        generate=GenerateParams(
            temperature=temperature, max_tokens=options["max_tokens"], stop=stop if prompt.completion else ()
        ),
        epochs=samples,
        metrics={scorer.name: pass_at(samples)},
        notes=notes,
    )


def pass_at(samples: int) -> list[Metric]:
    """pass@k for k = 1, 10, 100 as far as the samples reach, and for all of them."""
    from assay.stats import PassAtK

    return [PassAtK(k=k) for k in sorted({k for k in (1, 10, 100) if k <= samples} | {samples})]


def code_sample(*, sample_id: str, text: str, solution: str | None, metadata: Mapping[str, Any]) -> Sample:
    """A problem; its reference is the published solution, for people and for testing the sandbox."""
    return Sample(id=sample_id, input=text, reference=solution, metadata=metadata)
