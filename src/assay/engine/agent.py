"""An agent: model → tool → model, until it answers or its steps are used up."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from assay.core.errors import ProviderError
from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, Message, ModelRequest, Output, Reply, Sample
from assay.core.task import Agent, Tool
from assay.engine.prompts import PromptRenderer
from assay.engine.trajectory import failed_output, output_of, request_for


class AgentSolver:
    """Runs the loop and keeps every call, its arguments and its result.

    Bad arguments (not JSON, breaking the tool's schema), an unknown tool and a tool that raises are told to the model
    as the tool's reply ``{"error": …}``; the model may mend them. The loop ends with finish reason ``step_limit``
    after ``max_steps`` model calls.
    """

    def __init__(self, spec: Agent, *, model: str, params: GenerateParams) -> None:
        self._spec = spec
        self._renderer = PromptRenderer(spec.prompt)
        self._tools = {tool.name: tool for tool in spec.tools}
        self._definitions = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in spec.tools
        ]
        self._model = model
        self._params = params

    def requests(self, sample: Sample) -> Sequence[ModelRequest]:
        return [self._request(self._start(sample), sample, 0)]

    def _start(self, sample: Sample) -> list[Message]:
        rendered = self._renderer.render(sample)
        return [{"role": "user", "content": rendered}] if isinstance(rendered, str) else list(rendered)

    def _request(self, messages: Sequence[Message], sample: Sample, epoch: int) -> ModelRequest:
        request = request_for(tuple(messages), sample, epoch, model=self._model, params=self._params)
        return replace(request, tools=self._definitions)

    async def solve(self, sample: Sample, *, epoch: int, client: ModelClient) -> Output:
        messages, replies, calls = self._start(sample), list[Reply](), list[Mapping[str, Any]]()
        request = self._request(messages, sample, epoch)
        for _ in range(self._spec.max_steps):
            request = self._request(messages, sample, epoch)
            try:
                reply = await client.generate(request)
            except ProviderError as error:
                return failed_output(sample, epoch, request, error, replies=replies, tool_calls=calls)
            replies.append(reply)
            if not reply.tool_calls:
                return output_of(sample, epoch, request, *replies, tool_calls=calls)
            messages.append(_assistant_message(reply))
            for call in reply.tool_calls:
                record = await self._carry_out(call)
                calls.append(record)
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": _tool_reply(record)})
        final = replace(request, messages=tuple(messages))
        return output_of(sample, epoch, final, *replies, tool_calls=calls, finish_reason="step_limit")

    async def _carry_out(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        record: dict[str, Any] = {"name": call["name"], "arguments": call["arguments"]}
        tool = self._tools.get(call["name"])
        if tool is None:
            return {**record, "error": f"there is no tool {call['name']!r}; tools: {', '.join(self._tools)}"}
        problem, arguments = _parse_arguments(tool, call["arguments"])
        if problem:
            return {**record, "error": problem}
        record["arguments"] = arguments
        started = time.monotonic()
        try:
            result = tool.run(**arguments)
            if inspect.isawaitable(result):
                result = await result
        except Exception as error:  # a tool is somebody else's code: its failure is the model's to handle
            return {**record, "error": f"{type(error).__name__}: {error}", "seconds": time.monotonic() - started}
        return {**record, "result": result, "seconds": time.monotonic() - started}


def _assistant_message(reply: Reply) -> Message:
    return {
        "role": "assistant",
        "content": reply.text or None,
        "tool_calls": [
            {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
            for call in reply.tool_calls
        ],
    }


def _tool_reply(record: Mapping[str, Any]) -> str:
    if "error" in record:
        return json.dumps({"error": record["error"]}, ensure_ascii=False)
    result = record["result"]
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)


def _parse_arguments(tool: Tool, raw: str) -> tuple[str | None, dict[str, Any]]:
    """What is wrong with the arguments, if anything, and the arguments."""
    from jsonschema import Draft202012Validator

    try:
        arguments = json.loads(raw or "{}")
    except ValueError as error:
        return f"the arguments are not JSON: {error}", {}
    problems = sorted(Draft202012Validator(tool.parameters).iter_errors(arguments), key=str)
    if problems:
        return f"the arguments do not fit: {problems[0].message}", {}
    if not isinstance(arguments, dict):
        return "the arguments must be a JSON object", {}
    return None, arguments
