"""An agent with two tools, evaluated by its answer and by the calls it made: python examples/python/agent.py"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import assay
from assay.scorers import GoalReached, Steps, ToolCallMatch, ToolErrors

PRICES = {"pencil": 0.4, "notebook": 3.2}


def look_up(item: str) -> float:
    if item not in PRICES:
        raise LookupError(f"no item {item!r}")
    return PRICES[item]


def multiply(a: float, b: float) -> float:
    return round(a * b, 2)


def number(name: str) -> dict[str, Any]:
    return {name: {"type": "number"}}


TOOLS = [
    assay.Tool(
        name="look_up",
        description="Price of one item in dollars.",
        parameters={"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]},
        run=look_up,
    ),
    assay.Tool(
        name="multiply",
        description="Product of two numbers.",
        parameters={"type": "object", "properties": number("a") | number("b"), "required": ["a", "b"]},
        run=multiply,
    ),
]


def stand_in(messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] = ()) -> str | dict[str, Any]:
    """Answers as a model with tools would: one call, or the final answer."""
    count, item = re.findall(r"(\d+) (\w+?)s?\b cost", messages[-1 if len(messages) == 1 else 0]["content"])[0]
    results = [message["content"] for message in messages if message["role"] == "tool"]
    if not results:
        return call("look_up", item=item)
    if "error" in results[-1]:
        return "unknown"
    return call("multiply", a=float(count), b=float(results[0])) if len(results) == 1 else results[-1]


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"text": "", "tool_calls": [{"id": f"{name}-1", "name": name, "arguments": json.dumps(arguments)}]}


def questions() -> list[dict[str, Any]]:
    asked = [(5, "pencil", "2.0"), (3, "notebook", "9.6"), (2, "ruler", "unknown")]
    rows = []
    for count, item, answer in asked:
        expected = [{"name": "look_up", "arguments": {"item": item}}]
        text = f"What do {count} {item}s cost? Use the tools; if a price is not known, say: unknown."
        rows.append({"id": item, "input": text, "reference": answer, "expected_calls": expected})
    return rows


def main() -> None:
    task = assay.Task(
        name="shop",
        dataset=assay.Dataset.from_list(questions(), name="shop"),
        solver=assay.Agent(prompt=assay.prompt("{{ input }}"), tools=TOOLS, max_steps=5),
        scorers=[GoalReached(), ToolCallMatch(extra=True), ToolErrors(), Steps()],
    )
    run = assay.run(task, model="python:agent:stand_in")
    for name, estimate in run.metrics.items():
        print(f"{name}: {estimate.value}")


if __name__ == "__main__":
    main()
