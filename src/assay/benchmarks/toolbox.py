"""The built-in agent task: questions about a small warehouse, answered with tools of which some calls fail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.benchmarks.entry import Benchmark, Found, Option, sample_list
from assay.benchmarks.warehouse import TOOLS
from assay.core.records import GenerateParams
from assay.core.task import Agent, Prompt, Task

DATA = Path(__file__).with_name("toolbox.jsonl")
SYSTEM = """\
You answer questions about a warehouse. Use the tools for every fact and every calculation; do not guess. \
When a tool fails, correct the call or go on without it; when a fact cannot be had, the answer is: unknown. \
Reply with the answer alone: one number or one word, without unit, thousands separator or needless zeros."""


def build(found: Found, options: Mapping[str, Any]) -> Task:
    """The task; its data ships with Assay, so nothing is searched for.

    ``expected_calls`` must all be made, in any order and among others; of a calculation any correct form will do, so
    only its ``example`` is given, no arguments to match.
    """
    from assay.datasets import open_samples
    from assay.scorers import GoalReached, Steps, ToolCallMatch, ToolErrors

    data = open_samples(DATA)
    prompt = Prompt(messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": "{{ input }}"}])
    return Task(
        name="toolbox",
        dataset=sample_list("toolbox", [data[row] for row in range(len(data))]),
        solver=Agent(prompt=prompt, tools=TOOLS, max_steps=options["max_steps"]),
        scorers=[GoalReached(), ToolCallMatch(ordered=False, extra=True), ToolErrors(), Steps()],
        generate=GenerateParams(temperature=0.0, max_tokens=512),
        epochs=options["epochs"],
        metrics={"goal_reached": _passes(options["epochs"])},
        primary="goal_reached",
        segments=("skill",),
    )


def _passes(epochs: int) -> list[Any]:
    from assay.stats import PassHatK

    return [PassHatK(k=k) for k in sorted({1, epochs})]


TOOLBOX = Benchmark(
    name="toolbox",
    title="Toolbox",
    description="26 original questions about a small warehouse for an agent with three tools: look-ups, arithmetic, "
    "both, and calls that fail. Scored by the final answer, the calls made, those that failed, and the steps taken.",
    source="ships with Assay",
    licence="Apache-2.0",
    paper="none",
    scorers=("goal_reached", "tool_call_match", "tool_errors", "steps"),
    metrics=("pass^k",),
    needs=("chat", "tools"),
    options={
        "max_steps": Option(default=8, low=1, high=50, help="Model calls allowed for one question."),
        "epochs": Option(default=1, low=1, high=100, help="Repeats of every question; pass^k for k up to this."),
    },
    build=build,
)
