"""The quickstart task: 120 hand-made items over four skills that ship with Assay, asked in two ways to be compared.

Every item is answered by the likelihood of its options, so a base model can take it and no answer needs parsing. Items
of one skill stand together and share their examples: the prompt up to the question stays in the model's cache.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from assay.benchmarks.entry import Benchmark, Found, Option, sample_list
from assay.core.errors import ConfigError, nearest
from assay.core.records import GenerateParams, Sample
from assay.core.task import Choices, Prompt, Samples, Task

VARIANTS: Mapping[str, int] = {"0-shot": 0, "4-shot": 4}
"""Number of examples in front of the question, by variant."""
SKILLS = ("cloze facts", "sentiment", "arithmetic in words", "yes/no reading")


def load_quickstart(variant: str = "4-shot") -> Task:
    """The task with none or four examples of the same skill in front of each question.

    Facts and sums have four options, sentiment and reading two: guessing is right in 37.5 % of all items. Questions
    about one passage share a ``cluster``.

    Raises:
        ConfigError: There is no such variant.

    Examples:
        >>> task = load_quickstart("0-shot")
        >>> len(task.dataset), task.dataset[0].input, task.dataset[0].reference
        (120, 'The capital of Japan is', 'Tokyo')
    """
    if variant not in VARIANTS:
        raise ConfigError(
            f"the quickstart has no variant {variant!r}", hint=nearest(variant, VARIANTS), code="benchmark.option"
        )
    from assay.scorers import ChoiceLikelihood

    shots = VARIANTS[variant]
    prompt = Prompt(
        template="{{ input }}",
        completion=True,
        shot_template="{{ input }} {{ reference }}",
        shots=shots,
        shots_from=quickstart_samples("quickstart_shots") if shots else None,
        fixed_shots=True,
        shot_group="skill" if shots else None,
    )
    return Task(
        name="quickstart",
        dataset=quickstart_samples("quickstart"),
        solver=Choices(prompt=prompt),
        scorers=[ChoiceLikelihood()],
        generate=GenerateParams(temperature=0.0),
        segments=("skill",),
    )


def quickstart_samples(name: str) -> Samples:
    """The items (``quickstart``) or the examples (``quickstart_shots``) in file order, grouped by skill."""
    text = files("assay.benchmarks").joinpath(f"{name}.jsonl").read_text(encoding="utf-8")
    return sample_list(name, [Sample(**json.loads(line)) for line in text.splitlines()])


def build(found: Found, options: Mapping[str, Any]) -> Task:
    """The task of the variant that the options name; its data ships with Assay."""
    return load_quickstart(options["variant"])


QUICKSTART = Benchmark(
    name="quickstart",
    title="Quickstart",
    description="120 short items over four skills (facts, sentiment, sums in words, yes/no reading), scored by the "
    "likelihood of their options; small enough for a 270M model on one slow thread.",
    source="made for Assay and shipped with it",
    licence="Apache-2.0",
    paper="none",
    scorers=("choice_likelihood",),
    needs=("options",),
    options={
        "variant": Option(
            default="4-shot", values=tuple(VARIANTS), help="Examples of the same skill in front of each item."
        )
    },
    build=build,
)
