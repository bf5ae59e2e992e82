"""Anthropic's messages API, from and to the chat form the rest of Assay speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Reply, Usage
from assay.gateway.provider import BatchService, Endpoint, bad_reply
from assay.gateway.providers.openai import post
from assay.gateway.transport import Transport

BASE_URL = "https://api.anthropic.com/v1"
VERSION = "2023-06-01"
DEFAULT_MAX_TOKENS = 4096
"""The API demands a limit; this one is sent when the task sets none."""
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_SCHEMA_TOOL = "reply"


class AnthropicProvider:
    """Calls ``messages``. The API has no ``seed``: it is part of the call's identity but not sent.

    A JSON schema is asked for as the arguments of one forced tool; its arguments come back as the text.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def capabilities(self, name: str) -> frozenset[str]:
        return frozenset({"chat", "tools", "images", "json_schema"})

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Reply:
        body = message_body(request, name)
        url, headers = address(endpoint, "/messages")
        document = await post(self._transport, url, headers, body, request=request, endpoint=endpoint)
        return read_reply(document, request)

    def batches(self) -> BatchService:
        """The service's batch endpoint."""
        from assay.gateway.providers.anthropic_batches import AnthropicBatches

        return AnthropicBatches(self._transport)


def address(endpoint: Endpoint, path: str) -> tuple[str, dict[str, str]]:
    """URL of a path at an endpoint, and the headers sent there."""
    headers = {"content-type": "application/json", "anthropic-version": VERSION}
    if endpoint.api_key:
        headers["x-api-key"] = endpoint.api_key
    return endpoint.base_url.rstrip("/") + path, headers


def message_body(request: ModelRequest, name: str) -> dict[str, Any]:
    """What is posted for a request, alone or in a batch.

    Raises:
        ProviderError: It is no chat (``bad_request``).
    """
    if request.messages is None or request.options is not None:
        raise ProviderError(
            f"{request.model} takes chat messages only",
            hint="leave completion: out, or use a completion server (vllm/, llamacpp/, local/)",
            kind="bad_request",
        )
    params = request.params
    system, messages = _conversation(request.messages)
    body: dict[str, Any] = {"model": name, "max_tokens": params.max_tokens or DEFAULT_MAX_TOKENS, "messages": messages}
    if system:
        body["system"] = system
    if params.temperature is not None:
        body["temperature"] = params.temperature
    if params.top_p is not None:
        body["top_p"] = params.top_p
    if params.stop:
        body["stop_sequences"] = list(params.stop)
    if request.tools:
        body["tools"] = [_tool(tool["function"]) for tool in request.tools]
    elif params.json_schema is not None:
        body["tools"] = [{"name": _SCHEMA_TOOL, "description": "Gives the reply", "input_schema": params.json_schema}]
        body["tool_choice"] = {"type": "tool", "name": _SCHEMA_TOOL}
    body.update(params.extra)
    return body


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": function["name"],
        "description": function.get("description", ""),
        "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
    }


def _conversation(messages: Sequence[Mapping[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """System text and the turns; results of several tools share one user turn, as the API demands."""
    system: list[str] = []
    turns: list[dict[str, Any]] = []
    for message in messages:
        role, content = message["role"], message.get("content")
        if role in ("system", "developer"):
            system.append(
                content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())
            )
            continue
        if role == "tool":
            blocks: Any = [{"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content or ""}]
            role = "user"
        elif message.get("tool_calls"):
            blocks = _blocks(content) + [_tool_use(call) for call in message["tool_calls"]]
        else:
            blocks = content if isinstance(content, str) else _blocks(content)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] = _blocks(turns[-1]["content"]) + _blocks(blocks)
        else:
            turns.append({"role": role, "content": blocks})
    return "\n\n".join(system), turns


def _tool_use(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    try:
        arguments = orjson.loads(function["arguments"] or "{}")
    except orjson.JSONDecodeError:
        arguments = {}
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": arguments}


def _blocks(content: Any) -> list[Any]:
    if not content:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_image(part) if part.get("type") == "image_url" else part for part in content]


def _image(part: Mapping[str, Any]) -> dict[str, Any]:
    url = part["image_url"]["url"] if isinstance(part["image_url"], Mapping) else part["image_url"]
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def read_reply(document: Mapping[str, Any], request: ModelRequest) -> Reply:
    """What the API has answered, alone or in a batch.

    Raises:
        ProviderError: It is no message (``bad_reply``).
    """
    try:
        blocks = document["content"]
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        calls = [
            {"id": block["id"], "name": block["name"], "arguments": orjson.dumps(block["input"]).decode()}
            for block in blocks
            if block["type"] == "tool_use"
        ]
        finish = _FINISH.get(document.get("stop_reason") or "", document.get("stop_reason"))
        if request.params.json_schema is not None and not request.tools and calls:
            text, calls, finish = calls[0]["arguments"], [], "stop"
        return Reply(
            text=text,
            finish_reason=finish,
            tool_calls=calls,
            usage=_usage(document.get("usage") or {}),
            model_served=document.get("model"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise bad_reply(request.model, f"the reply is not a message ({error!r})") from error


def _usage(counted: Mapping[str, Any]) -> Usage:
    """Tokens read from or written to the provider's cache are reported beside ``input_tokens``; here they are in it."""
    fresh, read = counted.get("input_tokens"), counted.get("cache_read_input_tokens")
    if fresh is None:
        return Usage(output_tokens=counted.get("output_tokens"))
    return Usage(
        input_tokens=fresh + (read or 0) + (counted.get("cache_creation_input_tokens") or 0),
        output_tokens=counted.get("output_tokens"),
        cached_tokens=read,
    )
