"""Why there is no answer: every endpoint's last error is said, and a web page at the wrong address is no outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from gateway_fakes import FakeTime, ScriptedTransport, chat_ok, chat_request, config_for, http

from assay.core.errors import ProviderError
from assay.gateway import EndpointConfig, Gateway, HttpReply, ModelConfig

Make = Callable[..., Gateway]
DOWN = http({"error": {"message": "out of order"}}, status=500)
PAGE = HttpReply(200, {"content-type": "text/html; charset=utf-8"}, b"<!doctype html><title>Welcome</title>")


class ByPlace(ScriptedTransport):
    """Answers by the number of the endpoint's port."""

    def __init__(self, answers: Mapping[str, HttpReply]) -> None:
        super().__init__()
        self._answers = answers

    async def send(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpReply:
        await asyncio.sleep(0)
        return next(reply for place, reply in self._answers.items() if place in url)


def ask(gateway: Gateway, fake_time: FakeTime, count: int, *, model: str = "openai/test") -> list[Any]:
    client = gateway.client(run_id="run_a")

    async def go() -> list[Any]:
        calls = [client.generate(chat_request(f"q{number}", model=model)) for number in range(count)]
        return await asyncio.gather(*calls, return_exceptions=True)

    return list(asyncio.run(fake_time.run(go())))


def test_an_outage_names_the_last_error_of_every_endpoint(make_gateway: Make, fake_time: FakeTime) -> None:
    places = [
        EndpointConfig(base_url="http://user:secret@127.0.0.1:1/v1"),
        EndpointConfig(base_url="http://127.0.0.1:2/v1?key=secret"),
    ]
    transport = ByPlace({":1/": http({"error": {"message": "overloaded"}}, status=503), ":2/": DOWN})
    gateway = make_gateway(config_for(models={"openai/test": ModelConfig(endpoints=places)}), transport=transport)
    errors = ask(gateway, fake_time, 20)
    late = next(error for error in errors if error.kind == "unavailable")
    assert "openai/test: no endpoint answers (down for 6" in str(late)
    assert "http://127.0.0.1:1/v1: HTTP 503: overloaded" in str(late)
    assert "http://127.0.0.1:2/v1: HTTP 500: out of order" in str(late)
    assert "secret" not in str(late)
    assert late.hint == "when the provider is back: assay resume RUN --wait"


def test_one_endpoint_needs_no_address(make_gateway: Make, fake_time: FakeTime) -> None:
    errors = ask(make_gateway(transport=ScriptedTransport(lambda body: DOWN)), fake_time, 20)
    late = next(error for error in errors if error.kind == "unavailable")
    assert str(late).endswith("); last error: HTTP 500: out of order")


def test_a_long_error_is_cut(make_gateway: Make, fake_time: FakeTime) -> None:
    endless = http({"error": {"message": "x" * 5_000}}, status=500)
    errors = ask(make_gateway(transport=ScriptedTransport(lambda body: endless)), fake_time, 20)
    assert max(len(str(error)) for error in errors if error.kind == "unavailable") < 400


@pytest.mark.parametrize("calls", [1, 50])
def test_a_server_of_web_pages_is_not_waited_for_and_is_named_as_one(
    calls: int, make_gateway: Make, fake_time: FakeTime
) -> None:
    transport, started = ScriptedTransport(lambda body: PAGE), fake_time.now
    errors = ask(make_gateway(transport=transport), fake_time, calls)
    assert fake_time.now - started < 10.0
    assert len(transport.sent) <= 6 if calls == 1 else len(transport.sent) <= calls
    for error in errors:
        assert isinstance(error, ProviderError)
        assert "the reply is not JSON (text/html; charset=utf-8): '<!doctype html><title>Welcome</title>'" in str(error)
        assert error.hint == "check that the base URL is the API's and not a web page's"
        assert error.retryable  # another execution of the run may find the server mended
    before = fake_time.now
    (again,) = ask(make_gateway(transport=transport), fake_time, 1)
    assert fake_time.now - before < 10.0 and again.kind in ("bad_reply", "unavailable")


def test_a_page_without_content_type_says_so(make_gateway: Make, fake_time: FakeTime) -> None:
    errors = ask(make_gateway(transport=ScriptedTransport(lambda body: HttpReply(200, {}, b"ok"))), fake_time, 1)
    assert "the reply is not JSON (no content type): 'ok'" in str(errors[0])


def test_a_web_page_in_the_middle_of_a_run_is_an_outage_that_is_waited_for(
    make_gateway: Make, fake_time: FakeTime
) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport)
    assert ask(gateway, fake_time, 1)[0].text == "hello"
    started = fake_time.now
    transport.answer = lambda body: PAGE if fake_time.now - started < 20.0 else chat_ok()
    replies = ask(gateway, fake_time, 50)
    assert [getattr(reply, "text", reply) for reply in replies] == ["hello"] * 50


def test_pages_from_one_endpoint_and_errors_from_another_are_an_outage(make_gateway: Make, fake_time: FakeTime) -> None:
    places = [EndpointConfig(base_url=f"http://127.0.0.1:{port}/v1") for port in (1, 2)]
    transport, started = ByPlace({":1/": PAGE, ":2/": DOWN}), fake_time.now
    gateway = make_gateway(config_for(models={"openai/test": ModelConfig(endpoints=places)}), transport=transport)
    errors = ask(gateway, fake_time, 20)
    assert "unavailable" in {error.kind for error in errors}
    assert fake_time.now - started >= 60.0


def test_another_model_stands_in_for_a_server_of_web_pages(make_gateway: Make, fake_time: FakeTime) -> None:
    config = config_for(
        models={
            "openai/test": ModelConfig(base_url="http://127.0.0.1:1/v1", fallback_models=["openai/other"]),
            "openai/other": ModelConfig(base_url="http://127.0.0.1:2/v1"),
        }
    )
    transport = ScriptedTransport()
    transport.answer = lambda body: PAGE if body["model"] == "test" else chat_ok(model="other-1")
    replies = ask(make_gateway(config, transport=transport), fake_time, 20)
    assert {(reply.degraded, reply.model_served) for reply in replies} == {(True, "other-1")}
