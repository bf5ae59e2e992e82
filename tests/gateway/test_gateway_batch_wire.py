"""Batch endpoints on the wire: what is sent, and how what the vendors document as replies is read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
from gateway_fakes import ScriptedTransport, chat_request, http

from assay.core.errors import ProviderError
from assay.core.records import GenerateParams, ModelRequest, Reply
from assay.gateway import BatchConfig, Gateway, GatewayConfig, ModelConfig
from assay.gateway.provider import BatchService, BatchState, Endpoint
from assay.gateway.providers.anthropic import AnthropicProvider, message_body
from assay.gateway.providers.openai import OpenAIProvider
from assay.gateway.providers.presets import PRESETS
from assay.gateway.transport import HttpReply
from assay.testing.server import Fault, ModelServer

ENDPOINT = Endpoint(base_url="http://127.0.0.1:9/v1", api_key="k-1", timeout_s=12.0)
SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}}
CLAUDE = chat_request(model="anthropic/claude-x")

# From the API references: one line of each kind, shortened.
ANSWERED = (
    b'{"id": "batch_req_123", "custom_id": "%s", "response": {"status_code": 200, "request_id": "req_123", "body": '
    b'{"id": "chatcmpl-123", "object": "chat.completion", "created": 1711652795, "model": "gpt-3.5-turbo-0125", '
    b'"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "logprobs": null, '
    b'"finish_reason": "stop"}], "usage": {"prompt_tokens": 22, "completion_tokens": 2, "total_tokens": 24}, '
    b'"system_fingerprint": "fp_123"}}, "error": null}'
)
REFUSED = (
    b'{"id": "batch_req_2", "custom_id": "%s", "response": {"status_code": 400, "request_id": "req_2", "body": '
    b'{"error": {"message": "max_tokens is too large: 1000000.", "type": "invalid_request_error", '
    b'"param": "max_tokens", "code": null}}}, "error": null}'
)
OVERFLOW = REFUSED.replace(b"null}}}", b'"context_length_exceeded"}}}')
EXPIRED = (
    b'{"id": "batch_req_3", "custom_id": "%s", "response": null, "error": {"code": "batch_expired", '
    b'"message": "This request could not be executed before the completion window expired."}}'
)
SUCCEEDED = (
    b'{"custom_id":"%s","result":{"type":"succeeded","message":{"id":"msg_014VwiXbi91y3JMjcpyGBHX5","type":"message",'
    b'"role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Hello again!"}],'
    b'"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":11,"output_tokens":36}}}}'
)
ERRORED = (
    b'{"custom_id":"%s","result":{"type":"errored","error":{"type":"error","error":{"type":"%s","message":"no"}}}}'
)


def openai(transport: ScriptedTransport, preset: str = "openai") -> BatchService:
    service = OpenAIProvider(PRESETS[preset], transport).batches()
    assert service is not None
    return service


def anthropic(transport: ScriptedTransport) -> BatchService:
    return AnthropicProvider(transport).batches()


class RawTransport(ScriptedTransport):
    """Keeps bodies that are not JSON, too."""

    def __init__(self, *replies: HttpReply) -> None:
        super().__init__()
        self.replies = list(replies)
        self.raw: list[tuple[str, Mapping[str, str], bytes]] = []

    async def send(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpReply:
        self.raw.append((url, headers, body))
        return self.replies.pop(0)


def results(service: BatchService, *bodies: bytes, files: Sequence[str] = ("f",)) -> list[Mapping[str, Any]]:
    transport = service._transport  # type: ignore[attr-defined]
    given = iter(bodies)
    transport.give = lambda url: HttpReply(200, {}, next(given))

    async def go() -> list[Mapping[str, Any]]:
        state = BatchState(ended=True, results=list(files))
        return [row async for row in service.results(state, model="m", endpoint=ENDPOINT)]

    return asyncio.run(go())


def read(service: BatchService, line: bytes, request: ModelRequest) -> Reply:
    return service.read(orjson.loads(line), request)


def test_a_line_of_openais_file_holds_the_body_of_a_single_call() -> None:
    params = GenerateParams(max_tokens=7, logprobs=True, top_logprobs=5, json_schema=SCHEMA)
    request = chat_request(params=params)
    transport = ScriptedTransport()
    line = openai(transport).line(request, name="gpt-4o", custom_id="ab12")
    asyncio.run(OpenAIProvider(PRESETS["openai"], transport).call(request, name="gpt-4o", endpoint=ENDPOINT))
    assert line.path == "/v1/chat/completions"
    assert orjson.loads(line.body) == {
        "custom_id": "ab12",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": transport.sent[0][2],
    }


def test_a_prompt_goes_to_completions_and_options_go_nowhere() -> None:
    service = openai(ScriptedTransport())
    request = ModelRequest(model="openai/davinci-002", prompt="Once", params=GenerateParams(max_tokens=3))
    line = service.line(request, name="davinci-002", custom_id="c")
    assert line.path == "/v1/completions"
    assert orjson.loads(line.body)["body"] == {"model": "davinci-002", "max_tokens": 3, "prompt": "Once"}
    with pytest.raises(ProviderError) as caught:
        service.line(ModelRequest(model="m", prompt="Once", options=["a"]), name="m", custom_id="c")
    assert (caught.value.code, caught.value.kind) == ("batch.unsupported", "bad_request")


def test_openai_gets_a_file_then_a_batch_that_bears_our_token() -> None:
    transport = RawTransport(http({"id": "file-abc"}), http({"id": "batch_abc"}))
    service = openai(transport)
    name = asyncio.run(
        service.submit([b'{"a":1}', b'{"b":2}'], path="/v1/chat/completions", token="t9", model="m", endpoint=ENDPOINT)
    )
    assert name == "batch_abc"
    (url, headers, form), (url_2, headers_2, wanted) = transport.raw
    assert (url, url_2) == ("http://127.0.0.1:9/v1/files", "http://127.0.0.1:9/v1/batches")
    kind, _, boundary = headers["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    assert headers["authorization"] == headers_2["authorization"] == "Bearer k-1"
    first, second, third = form.split(f"--{boundary}".encode())[1:]
    assert first == b'\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    assert second == (
        b'\r\nContent-Disposition: form-data; name="file"; filename="t9.jsonl"\r\n'
        b'Content-Type: application/jsonl\r\n\r\n{"a":1}\n{"b":2}\n\r\n'
    )
    assert third == b"--\r\n"
    assert orjson.loads(wanted) == {
        "input_file_id": "file-abc",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"assay_batch": "t9"},
    }


def test_azure_has_its_own_path_and_header() -> None:
    transport = RawTransport(http({"id": "file-abc"}), http({"id": "batch_abc"}))
    endpoint = Endpoint(base_url="https://x.openai.azure.com?api-version=preview", api_key="k")
    asyncio.run(openai(transport, "azure").submit([b"{}"], path="/p", token="t", model="m", endpoint=endpoint))
    assert [url for url, _, _ in transport.raw] == [
        "https://x.openai.azure.com/openai/v1/files?api-version=preview",
        "https://x.openai.azure.com/openai/v1/batches?api-version=preview",
    ]
    transport.give = lambda url: http({"data": []})
    asyncio.run(openai(transport, "azure").find("t", model="m", endpoint=endpoint))
    assert transport.fetched[0][0] == "https://x.openai.azure.com/openai/v1/batches?api-version=preview&limit=100"


@pytest.mark.parametrize(
    ("status", "ended", "given", "files"),
    [
        ("validating", False, {}, []),
        ("in_progress", False, {}, []),
        ("finalizing", False, {}, []),
        ("cancelling", False, {}, []),
        ("completed", True, {"output_file_id": "file-1", "error_file_id": ""}, ["file-1"]),
        ("completed", True, {"output_file_id": None, "error_file_id": "file-2"}, ["file-2"]),
        ("expired", True, {"output_file_id": "file-1", "error_file_id": "file-2"}, ["file-1", "file-2"]),
        ("cancelled", True, {}, []),
    ],
)
def test_openais_states(status: str, ended: bool, given: Mapping[str, Any], files: list[str]) -> None:
    transport = ScriptedTransport()
    counts = {"total": 100, "completed": 95 if given.get("output_file_id") else 0, "failed": 5}
    transport.give = lambda url: http({"id": "batch_abc", "status": status, "request_counts": counts, **given})
    state = asyncio.run(openai(transport).look("batch_abc", model="m", endpoint=ENDPOINT))
    assert (state.ended, state.answered, list(state.results)) == (ended, counts["completed"] + 5, files)
    assert (state.failure and state.failure.code) == ("batch.cancelled" if status == "cancelled" else None)
    assert transport.fetched[0][0] == "http://127.0.0.1:9/v1/batches/batch_abc"


@pytest.mark.parametrize(
    ("code", "kind"), [("token_limit_exceeded", "rate_limited"), ("invalid_json_line", "provider_error")]
)
def test_a_batch_openai_does_not_take_says_why(code: str, kind: str) -> None:
    transport = ScriptedTransport()
    errors = {"object": "list", "data": [{"code": code, "message": "Enqueued too much.", "line": None}]}
    transport.give = lambda url: http({"id": "b", "status": "failed", "errors": errors})
    failure = asyncio.run(openai(transport).look("b", model="m", endpoint=ENDPOINT)).failure
    assert failure is not None
    assert (failure.code, failure.kind, failure.retryable) == ("batch.refused", kind, False)
    assert "Enqueued too much." in str(failure)


def test_openais_results_are_read_from_both_files_and_what_is_no_line_is_left_out() -> None:
    service = openai(ScriptedTransport())
    rows = results(service, ANSWERED % b"aa" + b"\n<html>\n\n[1]\n", EXPIRED % b"bb", files=("out", "err"))
    assert [row["custom_id"] for row in rows] == ["aa", "bb"]
    transport = service._transport  # type: ignore[attr-defined]
    assert [url for url, _ in transport.fetched] == [
        "http://127.0.0.1:9/v1/files/out/content",
        "http://127.0.0.1:9/v1/files/err/content",
    ]


def test_openais_lines_are_read_as_single_replies_are() -> None:
    service = openai(ScriptedTransport())
    reply = read(service, ANSWERED % b"aa", chat_request())
    assert (reply.text, reply.finish_reason, reply.model_served) == ("Hello.", "stop", "gpt-3.5-turbo-0125")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (22, 2)


@pytest.mark.parametrize(
    ("line", "code", "kind", "retryable"),
    [
        (REFUSED % b"a", "provider.failed", "provider_error", False),
        (REFUSED.replace(b": 400", b": 429") % b"a", "provider.rate_limited", "rate_limited", True),
        (REFUSED.replace(b": 400", b": 500") % b"a", "provider.failed", "provider_error", True),
        (OVERFLOW % b"a", "provider.context_overflow", "context_overflow", False),
        (EXPIRED % b"a", "batch.expired", "timeout", True),
        (EXPIRED.replace(b"batch_expired", b"batch_cancelled") % b"a", "batch.cancelled", "provider_error", False),
        (EXPIRED.replace(b"batch_expired", b"request_timeout") % b"a", "batch.unanswered", "provider_error", True),
        (b'{"custom_id": "a"}', "batch.unanswered", "provider_error", True),
        (b'{"custom_id": "a", "response": {"status_code": 200, "body": []}}', "provider.bad_reply", "bad_reply", True),
        (b'{"custom_id": "a", "response": {"status_code": 200, "body": {}}}', "provider.bad_reply", "bad_reply", True),
    ],
)  # fmt: skip
def test_openais_failed_lines_have_the_errors_of_single_calls(
    line: bytes, code: str, kind: str, *, retryable: bool
) -> None:
    with pytest.raises(ProviderError) as caught:
        read(openai(ScriptedTransport()), line, chat_request())
    assert (caught.value.code, caught.value.kind, caught.value.retryable) == (code, kind, retryable)


def test_a_batch_is_found_by_our_token_on_any_page() -> None:
    transport = ScriptedTransport()
    pages = {
        "?limit=100": {"data": [{"id": "b3", "metadata": None}, {"id": "b2", "metadata": {"x": "t"}}], "has_more": 1},
        "?limit=100&after=b2": {"data": [{"id": "b1", "metadata": {"assay_batch": "t"}}], "has_more": 0},
    }  # fmt: skip
    transport.give = lambda url: http(pages[url.removeprefix("http://127.0.0.1:9/v1/batches")])
    service = openai(transport)
    assert asyncio.run(service.find("t", model="m", endpoint=ENDPOINT)) == "b1"
    assert asyncio.run(service.find("other", model="m", endpoint=ENDPOINT)) is None


def test_answers_whose_file_is_not_named_yet_are_waited_for() -> None:
    transport = ScriptedTransport()
    counts = {"total": 9, "completed": 8, "failed": 1}
    ended = {"id": "b", "status": "completed", "request_counts": counts, "error_file_id": "file-2"}
    transport.give = lambda url: http(ended)
    with pytest.raises(ProviderError) as caught:
        asyncio.run(openai(transport).look("b", model="m", endpoint=ENDPOINT))
    assert (caught.value.code, caught.value.retryable) == ("provider.bad_reply", True)


def test_a_service_that_turns_no_pages_or_lists_nothing_knows_no_batch() -> None:
    transport = ScriptedTransport()
    transport.give = lambda url: http({"data": [{"id": "b1", "metadata": {}}], "has_more": True})
    assert asyncio.run(openai(transport).find("t", model="m", endpoint=ENDPOINT)) is None
    assert len(transport.fetched) == 2
    for status, known in ((404, True), (405, True), (401, False)):
        transport.give = lambda url, status=status: http({"error": {"message": "no"}}, status=status)
        if known:
            assert asyncio.run(openai(transport).find("t", model="m", endpoint=ENDPOINT)) is None
            continue
        with pytest.raises(ProviderError):
            asyncio.run(openai(transport).find("t", model="m", endpoint=ENDPOINT))


def test_anthropic_gets_the_bodies_of_single_calls_in_one_request() -> None:
    transport = RawTransport(http({"id": "msgbatch_1", "processing_status": "in_progress"}))
    service = anthropic(transport)
    lines = [service.line(CLAUDE, name="claude-x", custom_id=custom_id) for custom_id in ("aa", "bb")]
    name = asyncio.run(
        service.submit([line.body for line in lines], path=lines[0].path, token="t", model="m", endpoint=ENDPOINT)
    )
    assert name == "msgbatch_1"
    url, headers, body = transport.raw[0]
    assert url == "http://127.0.0.1:9/v1/messages/batches"
    assert (headers["x-api-key"], headers["anthropic-version"]) == ("k-1", "2023-06-01")
    params = message_body(CLAUDE, "claude-x")
    assert orjson.loads(body) == {
        "requests": [{"custom_id": "aa", "params": params}, {"custom_id": "bb", "params": params}]
    }


@pytest.mark.parametrize(
    ("given", "fetched"),
    [
        ("http://127.0.0.1:9/v1/messages/batches/msgbatch_1/files", "http://127.0.0.1:9/v1/messages/batches/msgbatch_1/files"),
        ("https://api.anthropic.com/v1/elsewhere", "http://127.0.0.1:9/v1/messages/batches/msgbatch_1/results"),
        (None, "http://127.0.0.1:9/v1/messages/batches/msgbatch_1/results"),
    ],
)  # fmt: skip
def test_anthropics_key_goes_only_where_the_user_says_the_api_is(given: str | None, fetched: str) -> None:
    transport = ScriptedTransport()
    counts = {"processing": 1, "succeeded": 2, "errored": 3, "canceled": 4, "expired": 5}
    document = {"id": "msgbatch_1", "processing_status": "ended", "request_counts": counts, "results_url": given}
    transport.give = lambda url: http(document)
    state = asyncio.run(anthropic(transport).look("msgbatch_1", model="m", endpoint=ENDPOINT))
    assert (state.ended, state.answered, list(state.results)) == (True, 14, [fetched])


@pytest.mark.parametrize("status", ["in_progress", "canceling"])
def test_anthropics_batch_goes_on(status: str) -> None:
    transport = ScriptedTransport()
    transport.give = lambda url: http({"id": "b", "processing_status": status})
    assert not asyncio.run(anthropic(transport).look("b", model="m", endpoint=ENDPOINT)).ended


def test_anthropics_lines_are_read_as_single_replies_are() -> None:
    service = anthropic(ScriptedTransport())
    reply = read(service, SUCCEEDED % b"a", CLAUDE)
    assert (reply.text, reply.finish_reason, reply.usage.input_tokens) == ("Hello again!", "stop", 11)
    tool = SUCCEEDED.replace(
        b'{"type":"text","text":"Hello again!"}', b'{"type":"tool_use","id":"t","name":"reply","input":{"score":3}}'
    )
    held = chat_request(model="anthropic/claude-x", params=GenerateParams(json_schema=SCHEMA))
    assert read(service, tool % b"a", held).text == '{"score":3}'


@pytest.mark.parametrize(
    ("line", "code", "kind", "retryable"),
    [
        (ERRORED % (b"a", b"invalid_request_error"), "provider.failed", "provider_error", False),
        (ERRORED % (b"a", b"request_too_large"), "provider.context_overflow", "context_overflow", False),
        (ERRORED % (b"a", b"rate_limit_error"), "provider.rate_limited", "rate_limited", True),
        (ERRORED % (b"a", b"overloaded_error"), "provider.failed", "provider_error", True),
        (ERRORED % (b"a", b"api_error"), "provider.failed", "provider_error", True),
        (ERRORED % (b"a", b"authentication_error"), "provider.unauthorized", "provider_error", False),
        (b'{"custom_id": "a", "result": {"type": "expired"}}', "batch.expired", "timeout", True),
        (b'{"custom_id": "a", "result": {"type": "canceled"}}', "batch.cancelled", "provider_error", False),
        (b'{"custom_id": "a", "result": {"type": "new"}}', "batch.unanswered", "provider_error", True),
        (b'{"custom_id": "a", "result": 3}', "provider.bad_reply", "bad_reply", True),
    ],
)  # fmt: skip
def test_anthropics_failed_lines_have_the_errors_of_single_calls(
    line: bytes, code: str, kind: str, *, retryable: bool
) -> None:
    with pytest.raises(ProviderError) as caught:
        read(anthropic(ScriptedTransport()), line, CLAUDE)
    assert (caught.value.code, caught.value.kind, caught.value.retryable) == (code, kind, retryable)


@pytest.mark.parametrize("refusal", [http({"error": {"message": "no"}}, status=401), http({"nothing": 1})])
def test_a_submission_that_is_refused_or_unreadable_is_an_error(refusal: HttpReply) -> None:
    for service in (openai(RawTransport(refusal)), anthropic(RawTransport(refusal))):
        with pytest.raises(ProviderError) as caught:
            asyncio.run(service.submit([b"{}"], path="/messages/batches", token="t", model="m", endpoint=ENDPOINT))
        assert caught.value.code in ("provider.unauthorized", "provider.bad_reply")


PARAMS = (
    GenerateParams(max_tokens=20),
    GenerateParams(max_tokens=20, logprobs=True, top_logprobs=3),
    GenerateParams(max_tokens=20, json_schema=SCHEMA, temperature=0.0),
)


@pytest.mark.parametrize("transport", ["pyreqwest", "aiohttp"])
@pytest.mark.parametrize("model", ["openai/gpt-4o", "compatible/m", "anthropic/claude-sonnet-4-5"])
def test_a_batch_gives_the_replies_of_single_calls(make_gateway: Any, model: str, transport: str) -> None:
    if transport == "aiohttp":
        pytest.importorskip("aiohttp")
    asked = [
        chat_request(f"say\nanswer {number}", model=model, params=params) for number in range(4) for params in PARAMS
    ]

    async def go(server: ModelServer, batch: BatchConfig | None) -> tuple[list[Reply], Any]:
        config = GatewayConfig(
            models={model: ModelConfig(base_url=server.base_url, batch=batch)}, transport=transport, environ={}
        )
        gateway: Gateway = make_gateway(config, clock=asyncio.get_running_loop().time, sleep=_hasty)
        client = gateway.client(run_id=f"run_{batch}", use_cache=False)
        try:
            return list(await asyncio.gather(*map(client.generate, asked))), client.usage()
        finally:
            await gateway.close()

    async def both() -> None:
        async with ModelServer(batch_ms=30) as server:
            single, cost = await go(server, None)
            batched, less = await go(server, BatchConfig(poll_s=0.02))
            assert server.batches.sizes == [len(asked)]
            assert [_told(reply) for reply in batched] == [_told(reply) for reply in single]
            assert less.requests == cost.requests == len(asked)
            if cost.cost_usd is not None:
                assert less.cost_usd == pytest.approx(cost.cost_usd / 2)

    asyncio.run(both())


async def _hasty(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.02))


def _told(reply: Reply) -> Any:
    return reply.text, reply.finish_reason, reply.logprobs, reply.usage, reply.model_served


@pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"])
def test_requests_of_a_batch_fail_each_for_itself(make_gateway: Any, model: str) -> None:
    faults = {"bad": Fault.context_overflow(), "late": Fault.expires(), "busy": Fault.server_error(status=529)}
    seen: list[str] = []

    def fault(body: Mapping[str, Any]) -> Fault | None:
        text = str(body["messages"][0]["content"])
        seen.append(text)
        return faults.get(text) if text == "bad" or seen.count(text) == 1 else None

    async def go() -> list[Any]:
        async with ModelServer(batch_fault=fault) as server:
            config = GatewayConfig(
                models={model: ModelConfig(base_url=server.base_url, batch=BatchConfig(poll_s=0.02))}, environ={}
            )
            gateway: Gateway = make_gateway(config, clock=asyncio.get_running_loop().time, sleep=_hasty)
            client = gateway.client(run_id="run_a")
            calls = [client.generate(chat_request(text, model=model)) for text in ("fine", "bad", "late", "busy")]
            try:
                return await asyncio.gather(*calls, return_exceptions=True)
            finally:
                await gateway.close()

    fine, bad, late, busy = asyncio.run(go())
    assert isinstance(bad, ProviderError)
    assert bad.kind == "context_overflow"
    assert [(reply.text, reply.retries) for reply in (fine, late, busy)] == [("fine", 0), ("late", 1), ("busy", 1)]
