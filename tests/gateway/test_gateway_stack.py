"""The stack as a run sees it: table, single flight, cancellation, resume, fail-over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from gateway_fakes import FakeTime, MemoryJournal, ScriptedTransport, chat_ok, chat_request, config_for, http

from assay.core.errors import ConfigError, NotFoundError, ProviderError, StoreError
from assay.core.protocols import StoredReply
from assay.core.records import GenerateParams, ModelRequest, Output, Usage
from assay.gateway import EndpointConfig, Gateway, ModelConfig, Price, RunClient
from assay.gateway.keys import KeyMaker

Make = Callable[..., Gateway]


def ask(gateway: Gateway, fake_time: FakeTime, *requests: ModelRequest, **client: Any) -> list[Any]:
    run_client = gateway.client(**{"run_id": "run_a", **client})

    async def go() -> list[Any]:
        return await asyncio.gather(*[run_client.generate(request) for request in requests], return_exceptions=True)

    return list(asyncio.run(fake_time.run(go())))


def test_an_answered_call_is_never_sent_again(make_gateway: Make, fake_time: FakeTime) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport)
    (first,) = ask(gateway, fake_time, chat_request())
    (again,) = ask(gateway, fake_time, chat_request(), run_id="run_b")
    assert len(transport.sent) == 1
    assert again == replace(first, cached=True)
    assert first.cost_usd == pytest.approx((10 * 1.0 + 5 * 2.0) / 1e6)


@pytest.mark.parametrize(
    "other",
    [
        chat_request("other"),
        chat_request(replicate=1),
        chat_request(params=GenerateParams(max_tokens=6)),
        chat_request(params=GenerateParams(max_tokens=5, temperature=0.5)),
        chat_request(params=GenerateParams(max_tokens=5, seed=1)),
        chat_request(params=GenerateParams(max_tokens=5, stop=["x"])),
        chat_request(params=GenerateParams(max_tokens=5, extra={"top_k": 1})),
        chat_request(tools=[{"type": "function", "function": {"name": "f"}}]),
        replace(chat_request(), messages=None, prompt="hi"),
    ],
    ids=["message", "replicate", "max_tokens", "temperature", "seed", "stop", "extra", "tools", "prompt"],
)
def test_every_part_of_a_call_is_part_of_its_key(other: ModelRequest) -> None:
    keys = KeyMaker()
    assert keys.key(chat_request(), identity=None) != keys.key(other, identity=None)


def test_what_does_not_change_the_answer_is_not_part_of_the_key() -> None:
    keys = KeyMaker()
    first = chat_request(params=GenerateParams(temperature=0, extra={"a": 1, "b": 2}), sample_id="s1")
    same = chat_request(params=GenerateParams(temperature=0.0, extra={"b": 2, "a": 1}), sample_id="s2", timeout_s=3.0)
    assert keys.key(first, identity=None) == KeyMaker().key(same, identity=None)
    assert keys.key(first, identity=None) != keys.key(first, identity="sha256:weights")
    assert keys.key(first, identity=None) != KeyMaker(scope="run_a").key(first, identity=None)


def test_without_cache_a_run_still_replays_its_own_calls_but_no_other_runs(
    make_gateway: Make, fake_time: FakeTime
) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport)
    ask(gateway, fake_time, chat_request())
    ask(gateway, fake_time, chat_request(), run_id="run_b", use_cache=False)
    assert len(transport.sent) == 2
    ask(gateway, fake_time, chat_request(), run_id="run_b", use_cache=False)
    assert len(transport.sent) == 2


def test_a_hundred_equal_calls_are_one_request(make_gateway: Make, fake_time: FakeTime) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport)
    client = gateway.client(run_id="run_a")

    async def go() -> list[Any]:
        transport.gate = asyncio.Event()
        calls = [asyncio.ensure_future(client.generate(chat_request())) for _ in range(100)]
        await asyncio.sleep(0.01)
        transport.gate.set()
        return await asyncio.gather(*calls)

    replies = asyncio.run(go())
    assert len(transport.sent) == 1
    assert len({reply.text for reply in replies}) == 1
    assert sorted(reply.cached for reply in replies) == [False] + [True] * 99
    usage = client.usage()
    assert (usage.requests, usage.cached) == (1, 99)


def test_when_the_leading_call_is_cancelled_another_takes_its_place(make_gateway: Make) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport)
    client = gateway.client(run_id="run_a", budget_usd=1.0)

    async def go() -> Any:
        transport.gate = asyncio.Event()
        leader = asyncio.ensure_future(client.generate(chat_request()))
        await asyncio.sleep(0.01)
        follower = asyncio.ensure_future(client.generate(chat_request()))
        await asyncio.sleep(0.01)
        leader.cancel()
        await asyncio.sleep(0.01)
        transport.gate.set()
        return await follower

    assert asyncio.run(go()).text == "hello"
    assert len(transport.sent) == 2
    assert len(gateway.flights) == 0


def test_a_cancelled_follower_harms_nobody(make_gateway: Make) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport)
    client = gateway.client(run_id="run_a")

    async def go() -> Any:
        transport.gate = asyncio.Event()
        leader = asyncio.ensure_future(client.generate(chat_request()))
        await asyncio.sleep(0.01)
        follower = asyncio.ensure_future(client.generate(chat_request()))
        await asyncio.sleep(0.01)
        follower.cancel()
        transport.gate.set()
        return await leader

    assert asyncio.run(go()).cached is False


def test_followers_of_a_failed_call_get_its_error(make_gateway: Make, fake_time: FakeTime) -> None:
    transport = ScriptedTransport(lambda body: http({"error": {"message": "no such model"}}, status=404))
    errors = ask(make_gateway(transport=transport), fake_time, *[chat_request()] * 5)
    assert [type(error) for error in errors] == [ProviderError] * 5
    assert len(transport.sent) == 1


class FullDisk(MemoryJournal):
    """A journal that can no longer write."""

    def record_reply(self, key: bytes, payload: bytes, *, run_id: str, cost_usd: float | None) -> None:
        raise StoreError("disk full", code="store.full")


def test_a_reply_that_cannot_be_written_down_is_still_not_paid_for_twice(
    make_gateway: Make, fake_time: FakeTime
) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport, journal=FullDisk())
    results = ask(gateway, fake_time, *[chat_request()] * 3)
    assert [type(result).__name__ for result in results] == ["StoreError", "Reply", "Reply"]
    assert len(transport.sent) == 1
    assert len(gateway.flights) == 0


NOT_TEXT = b'{"text": 3, "usage": [1, 1, null], "finish": null, "served": null, "latency_s": 0, "cost_usd": 0}'


def test_a_damaged_payload_counts_as_absent(make_gateway: Make, fake_time: FakeTime, journal: MemoryJournal) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport)
    ask(gateway, fake_time, chat_request())
    for damaged in (b"", b"{", b"null", b"[1]", b'{"text": 3}', b'{"text": "x", "usage": [1]}', NOT_TEXT):
        for key in journal.replies:
            journal.replies[key] = StoredReply(damaged, "run_a")
        (reply,) = ask(gateway, fake_time, chat_request(), run_id="run_b")
        assert (reply.text, reply.cached) == ("hello", False)


class PlainJournal(MemoryJournal):
    """A journal that cannot list what a run has paid for."""

    paid_replies = None  # type: ignore[assignment]


@pytest.mark.parametrize("kind", [MemoryJournal, PlainJournal])
def test_a_resumed_run_ends_with_the_usage_of_an_undisturbed_one(
    kind: type[MemoryJournal], make_gateway: Make, fake_time: FakeTime
) -> None:
    requests = [chat_request(f"question {number % 7}") for number in range(10)]

    def usage_after(*parts: list[ModelRequest]) -> dict[str, Any]:
        journal = kind()
        for part in parts:
            gateway = make_gateway(transport=ScriptedTransport(), journal=journal)
            client = gateway.client(run_id="run_a")
            for request in part:
                asyncio.run(fake_time.run(client.generate(request)))
        return client.usage().to_dict()

    undisturbed = usage_after(requests)
    assert usage_after(requests[:4], requests) == undisturbed
    assert undisturbed["requests"] == 7
    assert undisturbed["cached"] == 3


def test_a_resumed_run_counts_the_calls_of_items_it_does_not_ask_for_again(
    make_gateway: Make, fake_time: FakeTime
) -> None:
    journal = MemoryJournal()
    for part in ([chat_request("a"), chat_request("b")], [chat_request("c")]):
        client = make_gateway(transport=ScriptedTransport(), journal=journal).client(run_id="run_a")
        for request in part:
            asyncio.run(fake_time.run(client.generate(request)))
    assert client.usage().requests == 3
    assert client.usage().cost_usd == pytest.approx(journal.spent_usd("run_a"))


@pytest.mark.parametrize("kept", ["first", "second", "both", "neither"])
def test_what_one_sample_paid_for_is_free_for_another_whichever_was_recorded_before_the_run_died(
    make_gateway: Make, fake_time: FakeTime, kept: str
) -> None:
    journal = MemoryJournal()
    requests = {name: chat_request("the same", sample_id=name) for name in ("first \ud800", "second")}

    def part(client: RunClient, *names: str) -> list[bool]:
        return [
            asyncio.run(fake_time.run(client.generate(request))).cached
            for name, request in requests.items()
            if name.partition(" ")[0] in names
        ]

    before = make_gateway(transport=ScriptedTransport(), journal=journal).client(run_id="run_a")
    assert part(before, "first", "second") == [False, True]
    after = make_gateway(transport=ScriptedTransport(), journal=journal).client(run_id="run_a")
    cached = {"first": False, "second": True}
    recorded = [name for name in cached if kept in (name, "both")]
    for name in recorded:
        after.recall(Output(sample_id=name, model="openai/test", cached_calls=int(cached[name])))
    lost = [name for name in reversed(cached) if name not in recorded]
    assert [part(after, name) for name in lost] == [[cached[name]] for name in lost]
    assert after.usage().to_dict() == before.usage().to_dict()
    if "first" in lost:
        assert part(after, "first") == [True], "the same call once more is a repeat"


def test_attempts_before_an_answer_are_counted_after_a_resume_too(make_gateway: Make, fake_time: FakeTime) -> None:
    journal, answers = MemoryJournal(), iter([http({}, status=500), http({}, status=500), chat_ok(), chat_ok()])
    client = make_gateway(transport=ScriptedTransport(lambda body: next(answers)), journal=journal).client(run_id="r")
    for text in ("a", "b"):
        asyncio.run(fake_time.run(client.generate(chat_request(text))))
    assert client.usage().retries == 2
    resumed = make_gateway(transport=ScriptedTransport(), journal=journal).client(run_id="r")
    asyncio.run(fake_time.run(resumed.generate(chat_request("a"))))
    assert resumed.usage().to_dict() == client.usage().to_dict()


@pytest.mark.parametrize("kind", [MemoryJournal, PlainJournal])
def test_recorded_outputs_bring_back_what_no_journal_lists(
    kind: type[MemoryJournal], make_gateway: Make, fake_time: FakeTime
) -> None:
    client = make_gateway(transport=ScriptedTransport(), journal=kind()).client(run_id="run_a")
    used = Usage(input_tokens=7, output_tokens=2)
    client.recall(Output(sample_id="a", model="replay:f.jsonl", usage=used, cost_usd=0.0, calls=2))
    client.recall(Output(sample_id="b", model="openai/test", usage=used, cost_usd=None))
    client.recall(Output(sample_id="c", model="openai/test", error="timeout", calls=0))
    client.recall(Output(sample_id="d", error="bad_sample", calls=0))
    usage, listed = client.usage(), kind is MemoryJournal
    assert (usage.requests, usage.input_tokens, usage.unpriced_requests) == ((2, 7, 0) if listed else (3, 14, 1))


def test_a_reply_another_run_paid_for_is_cached_and_free(make_gateway: Make, fake_time: FakeTime) -> None:
    gateway = make_gateway(transport=ScriptedTransport())
    ask(gateway, fake_time, chat_request())
    client = gateway.client(run_id="run_b")
    reply = asyncio.run(fake_time.run(client.generate(chat_request())))
    usage = client.usage().to_dict()
    assert (usage["requests"], usage["cached"], usage["cost_usd"]) == (0, 1, 0.0)
    assert reply.cost_usd is not None and reply.cost_usd > 0.0  # what the answered call cost stays on record


def test_an_unknown_price_is_unknown_and_never_zero(make_gateway: Make, fake_time: FakeTime) -> None:
    config = config_for(models={"openai/test": ModelConfig(base_url="http://127.0.0.1:9/v1")})
    gateway = make_gateway(config, transport=ScriptedTransport())
    client = gateway.client(run_id="run_a")
    reply = asyncio.run(fake_time.run(client.generate(chat_request())))
    assert reply.cost_usd is None
    assert client.usage().cost_usd is None
    assert client.usage().unpriced_requests == 1


def test_a_reply_without_token_counts_has_an_unknown_cost(make_gateway: Make, fake_time: FakeTime) -> None:
    silent = http({"choices": [{"message": {"content": "x"}}]})
    (reply,) = ask(make_gateway(transport=ScriptedTransport(lambda body: silent)), fake_time, chat_request())
    assert reply.cost_usd is None


def test_models_served_are_counted_as_the_provider_names_them(make_gateway: Make, fake_time: FakeTime) -> None:
    gateway = make_gateway(transport=ScriptedTransport(lambda body: chat_ok(model="test-2026-01-01")))
    client = gateway.client(run_id="run_a")
    asyncio.run(fake_time.run(client.generate(chat_request())))
    assert client.models_served() == {"test-2026-01-01": 1}


DOWN = http({"error": {"message": "down"}}, status=500)


def test_another_endpoint_of_the_same_model_is_transparent(make_gateway: Make, fake_time: FakeTime) -> None:
    places = [EndpointConfig(base_url="http://127.0.0.1:1/v1"), EndpointConfig(base_url="http://127.0.0.1:2/v1")]
    config = config_for(models={"openai/test": ModelConfig(endpoints=places)})
    transport = ScriptedTransport()
    answer_up = transport.answer
    transport.answer = lambda body: DOWN if ":1/" in transport.sent[-1][0] else answer_up(body)
    gateway = make_gateway(config, transport=transport)
    replies = ask(gateway, fake_time, *[chat_request(f"q{number}") for number in range(40)])
    assert [reply.text for reply in replies] == ["hello"] * 40
    assert not any(reply.degraded for reply in replies)
    asked_down = sum(":1/" in url for url, _, _ in transport.sent)
    more = ask(gateway, fake_time, *[chat_request(f"r{number}") for number in range(40)])
    assert len(more) == 40
    assert sum(":1/" in url for url, _, _ in transport.sent) <= asked_down + 2  # it is open: probes only


def test_endpoints_of_one_model_share_the_load(make_gateway: Make, fake_time: FakeTime) -> None:
    places = [EndpointConfig(base_url=f"http://127.0.0.1:{port}/v1") for port in (1, 2)]
    transport = ScriptedTransport()
    gateway = make_gateway(config_for(models={"openai/test": ModelConfig(endpoints=places)}), transport=transport)
    ask(gateway, fake_time, *[chat_request(f"q{number}") for number in range(40)])
    assert sum(":1/" in url for url, _, _ in transport.sent) == 20


def with_fallback() -> Any:
    return config_for(
        models={
            "openai/test": ModelConfig(
                base_url="http://127.0.0.1:1/v1", fallback_models=["openai/other"], price=Price(input=1.0, output=1.0)
            ),
            "openai/other": ModelConfig(base_url="http://127.0.0.1:2/v1", price=Price(input=5.0, output=5.0)),
        }
    )


def test_another_model_stands_in_and_is_marked(make_gateway: Make, fake_time: FakeTime) -> None:
    transport = ScriptedTransport()
    transport.answer = lambda body: DOWN if body["model"] == "test" else chat_ok(model="other-1")
    gateway = make_gateway(with_fallback(), transport=transport)
    replies = ask(gateway, fake_time, *[chat_request(f"q{number}") for number in range(10)])
    assert {(reply.degraded, reply.model_served) for reply in replies} == {(True, "other-1")}
    transport.answer = lambda body: chat_ok(model="test-1")
    fake_time.now += 3600.0
    (reply,) = ask(gateway, fake_time, chat_request("q1"), run_id="run_b")
    assert (reply.degraded, reply.model_served) == (
        False,
        "test-1",
    )  # the stand-in's reply is not under the model's name


def test_with_every_endpoint_down_for_long_calls_fail_at_once_as_unavailable(
    make_gateway: Make, fake_time: FakeTime
) -> None:
    transport = ScriptedTransport(lambda body: DOWN)
    gateway = make_gateway(config_for(outage_patience_s=60.0), transport=transport)
    errors = ask(gateway, fake_time, *[chat_request(f"q{number}") for number in range(50)])
    assert {(error.kind, error.retryable) for error in errors} <= {("unavailable", True), ("provider_error", True)}
    sent, now = len(transport.sent), fake_time.now
    late = ask(gateway, fake_time, *[chat_request(f"late{number}") for number in range(50)])
    assert [error.kind for error in late].count("unavailable") >= 49
    assert len(transport.sent) - sent <= 2  # at most the probe
    assert fake_time.now - now < 30.0


def test_a_short_outage_costs_no_item(make_gateway: Make, fake_time: FakeTime) -> None:
    started = fake_time.now
    transport = ScriptedTransport()
    transport.answer = lambda body: DOWN if fake_time.now - started < 20.0 else chat_ok()
    replies = ask(make_gateway(transport=transport), fake_time, *[chat_request(f"q{number}") for number in range(50)])
    assert [getattr(reply, "text", reply) for reply in replies] == ["hello"] * 50


def test_probe_waits_until_the_model_answers(make_gateway: Make, fake_time: FakeTime) -> None:
    transport = ScriptedTransport()
    transport.answer = lambda body: DOWN if len(transport.sent) < 4 else chat_ok()
    asyncio.run(fake_time.run(make_gateway(transport=transport).probe("openai/test")))
    assert len(transport.sent) == 4
    assert transport.sent[0][2]["max_tokens"] == 1
    assert len(fake_time.slept) == 3


def test_probe_does_not_wait_for_a_key_that_is_refused(make_gateway: Make, fake_time: FakeTime) -> None:
    transport = ScriptedTransport(lambda body: http({"error": {"message": "bad key"}}, status=401))
    with pytest.raises(ProviderError) as caught:
        asyncio.run(fake_time.run(make_gateway(transport=transport).probe("openai/test")))
    assert caught.value.code == "provider.unauthorized"


def test_an_unknown_model_or_missing_key_is_an_error_of_its_own(make_gateway: Make, fake_time: FakeTime) -> None:
    gateway = make_gateway(transport=ScriptedTransport())
    (unknown,) = ask(gateway, fake_time, chat_request(model="opnai/test"))
    assert isinstance(unknown, NotFoundError)
    (keyless,) = ask(gateway, fake_time, chat_request(model="openai/gpt-4o-mini"))
    assert isinstance(keyless, ConfigError)
    assert keyless.code == "provider.key_missing"


def test_closing_the_gateway_closes_its_transport(make_gateway: Make, fake_time: FakeTime) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport)
    ask(gateway, fake_time, chat_request())
    asyncio.run(gateway.close())
    assert transport.closed
