"""Wire formats: exact bodies sent, exact replies read, every bad reply named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from gateway_fakes import ScriptedTransport, chat_ok, chat_request, http

from assay.core.errors import ProviderError
from assay.core.records import GenerateParams, ModelRequest, Reply, Usage
from assay.gateway.provider import Endpoint, error_of, retry_after_s
from assay.gateway.providers.anthropic import AnthropicProvider
from assay.gateway.providers.openai import OpenAIProvider
from assay.gateway.providers.presets import PRESETS
from assay.gateway.transport import HttpReply, TransportError, TransportTimeoutError, open_transport
from assay.testing.server import ModelServer

ENDPOINT = Endpoint(base_url="http://127.0.0.1:9/v1", api_key="k-1", timeout_s=12.0)
TOOLS = [
    {
        "type": "function",
        "function": {"name": "add", "description": "Adds", "parameters": {"type": "object", "properties": {"a": {}}}},
    }
]
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}


def openai(
    request: ModelRequest,
    answer: HttpReply | None = None,
    *,
    preset: str = "openai",
    name: str = "gpt-4o",
    endpoint: Endpoint = ENDPOINT,
) -> tuple[Reply, ScriptedTransport]:
    transport = ScriptedTransport((lambda body: answer) if answer is not None else None)
    provider = OpenAIProvider(PRESETS[preset], transport)
    return asyncio.run(provider.call(request, name=name, endpoint=endpoint)), transport


def anthropic(request: ModelRequest, answer: HttpReply) -> tuple[Reply, dict[str, Any]]:
    transport = ScriptedTransport(lambda body: answer)
    provider = AnthropicProvider(transport)
    endpoint = Endpoint(base_url="https://api.anthropic.com/v1", api_key="k-2")
    reply = asyncio.run(provider.call(request, name="claude-sonnet-4-5", endpoint=endpoint))
    url, headers, body = transport.sent[0]
    assert url == "https://api.anthropic.com/v1/messages"
    assert headers["x-api-key"] == "k-2"
    assert headers["anthropic-version"] == "2023-06-01"
    return reply, body


def test_a_chat_call_sends_what_is_set_and_nothing_else() -> None:
    _, transport = openai(chat_request(params=GenerateParams()))
    url, headers, body = transport.sent[0]
    assert url == "http://127.0.0.1:9/v1/chat/completions"
    assert headers == {"content-type": "application/json", "authorization": "Bearer k-1"}
    assert body == {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    assert transport.timeouts == [12.0]


def test_every_parameter_has_its_place_on_the_wire() -> None:
    params = GenerateParams(
        temperature=0.0,
        top_p=0.9,
        max_tokens=7,
        seed=3,
        stop=["\n"],
        logprobs=True,
        top_logprobs=2,
        json_schema=SCHEMA,
        extra={"n": 1},
    )
    _, transport = openai(chat_request(params=params, tools=TOOLS, timeout_s=3.0))
    assert transport.sent[0][2] == {
        "model": "gpt-4o",
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 7,
        "seed": 3,
        "stop": ["\n"],
        "logprobs": True,
        "top_logprobs": 2,
        "response_format": {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA}},
        "n": 1,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": TOOLS,
    }
    assert transport.timeouts == [3.0]


def test_reasoning_models_get_their_own_word_for_max_tokens() -> None:
    _, transport = openai(chat_request(), name="o3-mini")
    assert transport.sent[0][2]["max_completion_tokens"] == 5
    assert "max_tokens" not in transport.sent[0][2]
    _, transport = openai(chat_request(), name="o3-mini", preset="vllm")
    assert transport.sent[0][2]["max_tokens"] == 5


def test_images_pass_through_unchanged() -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    request = ModelRequest(model="openai/gpt-4o", messages=[{"role": "user", "content": parts}])
    _, transport = openai(request)
    assert transport.sent[0][2]["messages"][0]["content"] == parts


def test_a_chat_reply_is_read_whole() -> None:
    answer = http(
        {
            "model": "gpt-4o-2024-08-06",
            "choices": [
                {
                    "message": {
                        "content": None,
                        "tool_calls": [
                            {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
                        ],
                    },
                    "finish_reason": "tool_calls",
                    "logprobs": {
                        "content": [
                            {
                                "token": "x",
                                "logprob": -0.1,
                                "bytes": [1],
                                "top_logprobs": [{"token": "y", "logprob": -2.0}],
                            }
                        ]
                    },
                }
            ],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}},
        }
    )
    reply, _ = openai(chat_request(), answer)
    assert reply == Reply(
        text="",
        finish_reason="tool_calls",
        tool_calls=[{"id": "c1", "name": "add", "arguments": '{"a":1}'}],
        logprobs=[{"token": "x", "logprob": -0.1, "top": [{"token": "y", "logprob": -2.0}]}],
        usage=Usage(input_tokens=9, output_tokens=4, cached_tokens=3),
        model_served="gpt-4o-2024-08-06",
    )


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab"),
        ({"content": None, "refusal": "I cannot"}, "I cannot"),
        ({"content": None}, ""),
        ({}, ""),
    ],
)
def test_other_shapes_of_content(message: dict[str, Any], text: str) -> None:
    reply, _ = openai(chat_request(), http({"choices": [{"message": message}]}))
    assert reply.text == text
    assert reply.usage == Usage()


def test_arguments_that_came_as_an_object_are_made_text() -> None:
    call = {"function": {"name": "add", "arguments": {"a": 1}}}
    reply, _ = openai(chat_request(), http({"choices": [{"message": {"tool_calls": [call]}}]}))
    assert reply.tool_calls == [{"id": "add", "name": "add", "arguments": '{"a":1}'}]


def test_a_completion_goes_to_its_own_path() -> None:
    request = ModelRequest(
        model="vllm/base", prompt="1 2", params=GenerateParams(max_tokens=3, logprobs=True, top_logprobs=1, stop=["\n"])
    )
    answer = http(
        {
            "model": "base",
            "choices": [
                {
                    "text": " 3",
                    "finish_reason": "stop",
                    "logprobs": {
                        "tokens": [" 3"],
                        "token_logprobs": [-0.5],
                        "top_logprobs": [{" 3": -0.5, " 4": -2.0}],
                    },
                }
            ],
            "usage": {"prompt_tokens": 2, "completion_tokens": 1},
        }
    )
    reply, transport = openai(request, answer, preset="vllm", name="base")
    url, _, body = transport.sent[0]
    assert url == "http://127.0.0.1:9/v1/completions"
    assert body == {"model": "base", "max_tokens": 3, "stop": ["\n"], "logprobs": 1, "prompt": "1 2"}
    assert reply.text == " 3"
    assert reply.logprobs == [
        {"token": " 3", "logprob": -0.5, "top": [{"token": " 3", "logprob": -0.5}, {"token": " 4", "logprob": -2.0}]}
    ]


def test_options_are_scored_by_the_echoed_prompt() -> None:
    request = ModelRequest(model="vllm/base", prompt="Q A:", options=[" yes", " no"])

    def choice(index: int, option: list[tuple[str, float]]) -> dict[str, Any]:
        tokens, values, offsets, position = list[str](), list[float | None](), list[int](), 0
        for token, value in [("Q", None), (" A", -3.0), (":", -1.0), *option, (" generated", -9.0)]:
            tokens.append(token)
            values.append(value)
            offsets.append(position)
            position += len(token)
        return {"index": index, "logprobs": {"tokens": tokens, "token_logprobs": values, "text_offset": offsets}}

    answer = http({"choices": [choice(1, [(" n", -2.0), ("o", -0.5)]), choice(0, [(" yes", -0.25)])]})
    reply, transport = openai(request, answer, preset="vllm", name="base")
    assert transport.sent[0][2] == {
        "model": "base",
        "prompt": ["Q A: yes", "Q A: no"],
        "max_tokens": 1,
        "temperature": 0,
        "echo": True,
        "logprobs": 1,
    }
    assert reply.option_logprobs == [-0.25, -2.5]


def test_a_server_without_prompt_logprobs_is_told_apart() -> None:
    request = ModelRequest(model="vllm/base", prompt="Q", options=[" a"])
    with pytest.raises(ProviderError, match="log-probabilities of the prompt") as caught:
        openai(request, http({"choices": [{"text": " a", "logprobs": None}]}), preset="vllm")
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("base_url", "preset", "expected"),
    [
        ("https://x.openai.azure.com", "azure", "https://x.openai.azure.com/openai/v1/chat/completions"),
        (
            "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
            "azure",
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ),
        ("http://127.0.0.1:8000/v1/", "vllm", "http://127.0.0.1:8000/v1/chat/completions"),
    ],
)
def test_addresses_are_put_together(base_url: str, preset: str, expected: str) -> None:
    _, transport = openai(chat_request(), preset=preset, endpoint=Endpoint(base_url=base_url, api_key="k"))
    url, headers, _ = transport.sent[0]
    assert url == expected
    assert headers.get("api-key" if preset == "azure" else "authorization") in ("k", "Bearer k")


ANTHROPIC_OK = http(
    {
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 4,
            "cache_creation_input_tokens": 1,
            "output_tokens": 3,
        },
    }
)


def test_anthropic_takes_the_system_text_apart_from_the_turns() -> None:
    request = ModelRequest(
        model="anthropic/claude-sonnet-4-5",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": [{"type": "text", "text": "And this?"}, _image("data:image/png;base64,QUJD")]},
        ],
        params=GenerateParams(temperature=0.0, top_p=0.5, stop=["END"], seed=4),
    )
    reply, body = anthropic(request, ANTHROPIC_OK)
    assert body == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 4096,
        "system": "Be brief.",
        "temperature": 0.0,
        "top_p": 0.5,
        "stop_sequences": ["END"],
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "And this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
                ],
            },
        ],
    }
    assert (reply.text, reply.finish_reason) == ("Hello", "stop")
    assert reply.usage == Usage(input_tokens=15, output_tokens=3, cached_tokens=4)


def _image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def test_anthropic_takes_images_by_address() -> None:
    request = ModelRequest(model="anthropic/c", messages=[{"role": "user", "content": [_image("https://x/y.png")]}])
    _, body = anthropic(request, ANTHROPIC_OK)
    assert body["messages"][0]["content"] == [{"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}]


def test_anthropic_tools_go_there_and_back() -> None:
    calls = [
        {"id": f"t{number}", "type": "function", "function": {"name": "add", "arguments": arguments}}
        for number, arguments in enumerate(['{"a":1}', "{broken"])
    ]
    request = ModelRequest(
        model="anthropic/claude-sonnet-4-5",
        messages=[
            {"role": "user", "content": "Add"},
            {"role": "assistant", "content": "I will", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "t0", "content": "1"},
            {"role": "tool", "tool_call_id": "t1", "content": '{"error": "not JSON"}'},
        ],
        tools=TOOLS,
        params=GenerateParams(max_tokens=9),
    )
    answer = http(
        {
            "content": [{"type": "tool_use", "id": "t2", "name": "add", "input": {"a": 2}}],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    )
    reply, body = anthropic(request, answer)
    assert body["tools"] == [
        {"name": "add", "description": "Adds", "input_schema": {"type": "object", "properties": {"a": {}}}}
    ]
    assert body["messages"][1]["content"] == [
        {"type": "text", "text": "I will"},
        {"type": "tool_use", "id": "t0", "name": "add", "input": {"a": 1}},
        {"type": "tool_use", "id": "t1", "name": "add", "input": {}},
    ]
    assert body["messages"][2] == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t0", "content": "1"},
            {"type": "tool_result", "tool_use_id": "t1", "content": '{"error": "not JSON"}'},
        ],
    }
    assert reply.tool_calls == [{"id": "t2", "name": "add", "arguments": '{"a":2}'}]
    assert reply.finish_reason == "tool_calls"


def test_anthropic_gives_json_by_a_forced_tool() -> None:
    request = ModelRequest(
        model="anthropic/c", messages=[{"role": "user", "content": "x"}], params=GenerateParams(json_schema=SCHEMA)
    )
    answer = http({"content": [{"type": "tool_use", "id": "t", "name": "reply", "input": {"answer": "a"}}]})
    reply, body = anthropic(request, answer)
    assert body["tool_choice"] == {"type": "tool", "name": "reply"}
    assert body["tools"][0]["input_schema"] == SCHEMA
    assert (reply.text, reply.tool_calls, reply.finish_reason) == ('{"answer":"a"}', [], "stop")


def test_anthropic_refuses_a_completion() -> None:
    with pytest.raises(ProviderError, match="chat messages only"):
        anthropic(ModelRequest(model="anthropic/c", prompt="x"), ANTHROPIC_OK)


@pytest.mark.parametrize(
    "answer",
    [
        HttpReply(200, {}, b"<html>"),
        http([1]),
        http({}),
        http({"choices": []}),
        http({"choices": [{}]}),
        http({"choices": [{"message": "text"}]}),
    ],
    ids=["not JSON", "a list", "empty", "no choices", "no message", "message is text"],
)
def test_a_reply_that_cannot_be_read_is_a_bad_reply(answer: HttpReply) -> None:
    for call in (lambda: openai(chat_request(), answer), lambda: anthropic(chat_request(), answer)):
        with pytest.raises(ProviderError) as caught:
            call()
        assert (caught.value.kind, caught.value.retryable) == ("bad_reply", True)


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (TransportTimeoutError("no reply within 1 s"), "timeout", "provider.timeout"),
        (TransportError("connection refused"), "provider_error", "provider.unreachable"),
    ],
)
def test_a_failed_transport_is_retryable(failure: TransportError, kind: str, code: str) -> None:
    def fail(body: dict[str, Any]) -> HttpReply:
        raise failure

    provider = OpenAIProvider(PRESETS["openai"], ScriptedTransport(fail))
    with pytest.raises(ProviderError) as caught:
        asyncio.run(provider.call(chat_request(), name="m", endpoint=ENDPOINT))
    assert (caught.value.kind, caught.value.code, caught.value.retryable) == (kind, code, True)


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (401, {"error": {"message": "bad key"}}, "provider_error", False),
        (403, {"error": {"message": "no access"}}, "provider_error", False),
        (404, {"detail": "Not Found"}, "provider_error", False),
        (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, "context_overflow", False),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, "context_overflow", False),
        (400, {"error": {"message": "the request exceeds the available context size"}}, "context_overflow", False),
        (400, {"error": {"message": "temperature must be below 2"}}, "provider_error", False),
        (400, {"error": {"message": "x", "code": "content_filter"}}, "content_filter", False),
        (413, {"error": "too large"}, "context_overflow", False),
        (429, {"error": {"message": "slow down"}}, "rate_limited", True),
        (429, {"error": {"message": "pay", "code": "insufficient_quota"}}, "rate_limited", False),
        (500, {"error": {"message": "oops"}}, "provider_error", True),
        (503, None, "provider_error", True),
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            "provider_error",
            True,
        ),
    ],
)
def test_every_status_has_its_kind(status: int, body: Any, kind: str, retryable: bool) -> None:
    reply = http(body, status=status) if body is not None else HttpReply(status, {}, b"")
    error = error_of(reply, model="openai/m")
    assert (error.kind, error.retryable, error.status) == (kind, retryable, status)
    assert "openai/m" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "soon", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_a_routers_error_inside_a_200_is_an_error() -> None:
    with pytest.raises(ProviderError) as caught:
        openai(chat_request(), http({"error": {"code": 429, "message": "upstream is busy"}}))
    assert (caught.value.kind, caught.value.retryable) == ("rate_limited", True)
    with pytest.raises(ProviderError) as caught:
        openai(chat_request(), http({"error": {"code": 400, "message": "bad"}}))
    assert not caught.value.retryable


def test_a_request_that_is_not_json_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ProviderError, match="not JSON"):
        openai(chat_request(params=GenerateParams(extra={"x": object()})), chat_ok())


def on_server(work: Callable[[ModelServer, Any], Any], **server: Any) -> Any:
    async def go() -> Any:
        async with ModelServer(**server) as model_server:
            transport = open_transport("pyreqwest", max_connections=None)
            try:
                return await work(model_server, transport)
            finally:
                await transport.close()

    return asyncio.run(go())


def test_options_against_the_scripted_server() -> None:
    async def work(server: ModelServer, transport: Any) -> Reply:
        provider = OpenAIProvider(PRESETS["vllm"], transport)
        request = ModelRequest(
            model="vllm/m", prompt="The capital of France is", options=[" Rome", " Paris", " the moon"]
        )
        return await provider.call(request, name="m", endpoint=Endpoint(base_url=server.base_url))

    reply = on_server(work, answers={"capital of France": " Paris"})
    assert reply.option_logprobs is not None
    assert max(range(3), key=reply.option_logprobs.__getitem__) == 1


def test_both_formats_against_the_scripted_server() -> None:
    async def work(server: ModelServer, transport: Any) -> list[Reply]:
        endpoint = Endpoint(base_url=server.base_url)
        request = chat_request("What is 6 x 7?", params=GenerateParams(logprobs=True, top_logprobs=2))
        first = await OpenAIProvider(PRESETS["openai"], transport).call(request, name="m", endpoint=endpoint)
        second = await AnthropicProvider(transport).call(chat_request("What is 6 x 7?"), name="m", endpoint=endpoint)
        return [first, second]

    first, second = on_server(work, answers={"6 x 7": "It is 42"})
    assert first.text == second.text == "It is 42"
    assert "".join(token["token"] for token in first.logprobs) == first.text
    assert [len(token["top"]) for token in first.logprobs] == [2, 2, 2]
    assert first.usage == second.usage


def test_scripted_tool_calls_in_both_formats() -> None:
    scripted = {"text": "", "tool_calls": [{"id": "c1", "name": "add", "arguments": '{"a":1}'}]}

    async def work(server: ModelServer, transport: Any) -> list[Reply]:
        endpoint = Endpoint(base_url=server.base_url)
        request = chat_request(tools=TOOLS)
        first = await OpenAIProvider(PRESETS["openai"], transport).call(request, name="m", endpoint=endpoint)
        return [first, await AnthropicProvider(transport).call(request, name="m", endpoint=endpoint)]

    for reply in on_server(work, answer=lambda body: scripted):
        assert reply.tool_calls == [{"id": "c1", "name": "add", "arguments": '{"a":1}'}]
        assert reply.finish_reason == "tool_calls"
