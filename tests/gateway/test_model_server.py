"""The scripted server itself: what it answers, counts, records and how it fails."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from assay.testing import wire
from assay.testing.server import Call, Fault, ModelServer


def post(server: ModelServer, path: str = "/chat/completions", **body: Any) -> tuple[int, Any, dict[str, str]]:
    body = body or {"model": "m", "messages": [{"role": "user", "content": "line one\nlast line"}]}
    request = urllib.request.Request(f"{server.base_url}{path}", data=json.dumps(body).encode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as reply:
            return reply.status, json.load(reply), dict(reply.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), dict(error.headers)


def text_of(answer: tuple[int, Any, dict[str, str]]) -> str:
    return str(answer[1]["choices"][0]["message"]["content"])


def test_an_unknown_prompt_gets_its_last_line_back_and_a_known_one_its_answer() -> None:
    with ModelServer(answers={"6 x 7": "42"}) as server:
        assert text_of(post(server)) == "last line"
        assert text_of(post(server, messages=[{"role": "user", "content": "What is 6 x 7?"}])) == "42"
        assert server.requests == 2
        assert [call.path for call in server.calls] == ["/v1/chat/completions"] * 2
        assert server.bodies[0]["model"] == "m"


def test_answers_come_from_a_function_of_the_body() -> None:
    with ModelServer(answer=lambda body: str(body.get("temperature"))) as server:
        assert text_of(post(server, messages=[], temperature=0.5)) == "0.5"


def test_message_parts_and_tool_results_are_read_as_text() -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "a "}, {"type": "image_url", "image_url": {}}]}]
    assert wire.prompt_of({"messages": parts}) == "a "
    assert wire.prompt_of({"messages": [*parts, {"role": "tool", "content": "result"}]}) == "result"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.rate_limit(retry_after_s=1.5), 429),
        (Fault.server_error(), 500),
        (Fault.unauthorized(), 401),
        (Fault.context_overflow(), 400),
    ],
)
def test_scripted_errors_come_at_their_request_only(fault: Fault, status: int) -> None:
    with ModelServer(faults={1: fault}) as server:
        assert post(server)[0] == 200
        answer = post(server)
        assert answer[0] == status
        assert answer[1]["error"]["message"]
        if status == 429:
            assert answer[2]["Retry-After"] == "1.5"
        assert post(server)[0] == 200


def test_faults_may_be_a_function_of_the_call() -> None:
    def second_question(call: Call) -> Fault | None:
        return Fault.server_error() if "two" in str(call.body) else None

    with ModelServer(faults=second_question) as server:
        assert post(server)[0] == 200
        assert post(server, messages=[{"role": "user", "content": "two"}])[0] == 500


def test_a_reply_may_be_closed_on_or_never_come() -> None:
    with ModelServer(faults=[Fault.closes("middle"), Fault.closes("before")]) as server:
        for _ in range(2):
            with pytest.raises((OSError, http.client.HTTPException)):
                post(server)


def test_an_unknown_path_is_404() -> None:
    with ModelServer() as server:
        assert post(server, "/embeddings", model="m")[0] == 404


def test_echoed_options_are_likely_when_they_are_the_answer() -> None:
    with ModelServer(answers={"capital of France": " Paris"}) as server:
        prompts = [f"The capital of France is{option}" for option in (" Rome", " Paris")]
        _, body, _ = post(server, "/completions", prompt=prompts, echo=True, logprobs=1, max_tokens=1)
    wrong, right = (choice["logprobs"] for choice in body["choices"])
    assert "".join(right["tokens"]).startswith(prompts[1])
    assert right["text_offset"][4] == len("The capital of France")
    assert right["token_logprobs"][0] is None
    assert right["token_logprobs"][5] == wire.LIKELY > wrong["token_logprobs"][5]


def test_tokens_joined_are_the_text() -> None:
    for text in ("", " a  b\n c ", "\n", "word", "a b"):
        assert "".join(wire.tokens(text)) == text


def test_pipelined_and_split_requests_are_answered_in_order() -> None:
    import socket

    with ModelServer() as server:
        raw = b'{"messages": [{"role": "user", "content": "x"}]}'
        one = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(raw), raw)
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(one + one[:30])
            client.sendall(one[30:])
            received = b""
            while received.count(b"HTTP/1.1 200 OK") < 2:
                received += client.recv(65536)
        assert server.requests == 2


def test_the_command_prints_its_address_first(tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text('{"ping": "pong"}')
    command = [sys.executable, "-m", "assay.testing.server", "--port", "0", "--answers", str(answers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            server = ModelServer(port=int(url.rsplit(":", 1)[1].split("/")[0]))
            assert text_of(post(server, messages=[{"role": "user", "content": "ping"}])) == "pong"
        finally:
            process.terminate()


def get(server: ModelServer, path: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{server.base_url}{path}", timeout=5) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def asked(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


def test_a_message_batch_has_results_when_its_time_has_come() -> None:
    requests = [{"custom_id": name, "params": asked(name)} for name in ("a", "b", "late")]
    with ModelServer(batch_ms=300, batch_fault=lambda body: Fault.expires() if "late" in str(body) else None) as server:
        _, made, _ = post(server, "/messages/batches", requests=requests)
        assert made["processing_status"] == "in_progress"
        assert get(server, f"/messages/batches/{made['id']}/results")[0] == 404
        server.batches._batches[made["id"]].ended_at = 0.0
        ended = json.loads(get(server, f"/messages/batches/{made['id']}")[1])
        assert ended["results_url"] == f"{server.base_url}/messages/batches/{made['id']}/results"
        lines = [json.loads(line) for line in get(server, f"/messages/batches/{made['id']}/results")[1].splitlines()]
        assert [(line["custom_id"], line["result"]["type"]) for line in lines] == [
            ("late", "expired"),
            ("b", "succeeded"),
            ("a", "succeeded"),
        ]
        assert (server.batches.sizes, len(server.batches.bodies)) == ([3], 3)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([("a", "/v1/chat/completions", "m"), ("a", "/v1/chat/completions", "m")], "duplicate_custom_id"),
        ([("a", "/v1/chat/completions", "m"), ("b", "/v1/completions", "m")], "url_mismatch"),
        ([("a", "/v1/chat/completions", "m"), ("b", "/v1/chat/completions", "n")], "model_mismatch"),
        ([("a", "/v1/chat/completions", "m")], None),
    ],
)
def test_a_file_batch_is_refused_for_what_the_service_refuses(
    rows: list[tuple[str, str, str]], why: str | None
) -> None:
    lines = [
        json.dumps(
            {"custom_id": name, "method": "POST", "url": url, "body": {**asked("x"), "model": model, "prompt": "x"}}
        )
        for name, url, model in rows
    ]
    with ModelServer() as server:
        server.batches._files["file-0"] = "\n".join(lines).encode()
        _, made, _ = post(server, "/batches", input_file_id="file-0", endpoint="/v1/chat/completions")
        told = json.loads(get(server, f"/batches/{made['id']}")[1])
    assert told["status"] == ("failed" if why else "completed")
    assert (told["errors"] or {"data": [{"code": None}]})["data"][0]["code"] == why


def test_the_newest_batches_are_listed_first_a_page_at_a_time() -> None:
    with ModelServer() as server:
        server.batches._files["file-0"] = b""
        for _ in range(12):
            post(server, "/batches", input_file_id="file-0", endpoint="/v1/chat/completions")
        first = json.loads(get(server, "/batches?limit=100")[1])
        assert ([batch["id"] for batch in first["data"]][:2], first["has_more"]) == (["batch_11", "batch_10"], True)
        rest = json.loads(get(server, "/batches?limit=100&after=batch_2")[1])
        assert ([batch["id"] for batch in rest["data"]], rest["has_more"]) == (["batch_1", "batch_0"], False)
        assert get(server, "/batches/batch_99")[0] == 404
