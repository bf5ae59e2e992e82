from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from assay.core.records import GenerateParams, ModelRequest, Reply, Sample, Usage
from assay.core.task import Agent, Prompt, Tool
from assay.engine.agent import AgentSolver


class Scripted:
    """A model client that answers from a list and keeps what it was asked."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.replies = list(replies)
        self.requests: list[ModelRequest] = []

    async def generate(self, request: ModelRequest) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0)


def calling(name: str, arguments: object) -> Reply:
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return Reply(
        text="", tool_calls=[{"id": "c1", "name": name, "arguments": raw}], usage=Usage(input_tokens=5, output_tokens=2)
    )


def fails(item: str) -> float:
    raise KeyError(item)


NUMBERS = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}
ITEM = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}
TOOLS = (
    Tool(name="add", description="Adds.", parameters=NUMBERS, run=lambda a, b: a + b),
    Tool(name="price", description="Looks a price up.", parameters=ITEM, run=fails),
)


def solve(*replies: Reply, max_steps: int = 5) -> tuple[Scripted, object]:
    client = Scripted(replies)
    solver = AgentSolver(
        Agent(prompt=Prompt(template="{{ input }}"), tools=TOOLS, max_steps=max_steps),
        model="m",
        params=GenerateParams(),
    )
    output = asyncio.run(solver.solve(Sample(id="s", input="what is 2 + 3?"), epoch=0, client=client))  # type: ignore[arg-type]
    return client, output


def test_the_loop_hands_results_back_and_keeps_the_trajectory() -> None:
    client, output = solve(
        calling("add", {"a": 2, "b": 3}),
        Reply(text="5", finish_reason="stop", usage=Usage(input_tokens=9, output_tokens=1)),
    )
    assert output.text == "5"
    assert [call["result"] for call in output.tool_calls] == [5]
    assert client.requests[1].messages[1]["tool_calls"][0]["function"]["name"] == "add"
    assert client.requests[1].messages[2] == {"role": "tool", "tool_call_id": "c1", "content": "5"}
    assert (output.usage.input_tokens, output.usage.output_tokens) == (14, 3)


def test_bad_arguments_unknown_tools_and_failing_tools_are_told_to_the_model() -> None:
    client, output = solve(
        calling("add", "{not json"),
        calling("add", {"a": "two"}),
        calling("divide", {}),
        calling("price", {"item": "nut"}),
        Reply(text="sorry"),
    )
    errors = [call["error"] for call in output.tool_calls]
    assert "not JSON" in errors[0]
    assert "do not fit" in errors[1]
    assert "no tool 'divide'; tools: add, price" in errors[2]
    assert errors[3].startswith("KeyError")
    assert all(
        "error" in json.loads(message["content"])
        for message in client.requests[-1].messages
        if message["role"] == "tool"
    )


def test_the_step_limit_ends_the_loop() -> None:
    client, output = solve(*[calling("add", {"a": 1, "b": 1})] * 3, max_steps=3)
    assert output.finish_reason == "step_limit"
    assert len(client.requests) == 3
