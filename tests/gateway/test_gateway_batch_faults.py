"""What providers, stores and other processes do to a batch that the interface does not promise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_fakes import MODEL, USAGE, Provider, batch_config, fails
from gateway_fakes import FakeTime, MemoryJournal, chat_request

from assay.core.errors import ProviderError, StoreError
from assay.core.protocols import PendingBatch, StoredReply
from assay.core.records import Reply
from assay.gateway import Gateway
from assay.gateway.payload import encode
from assay.gateway.provider import BatchState
from assay.gateway.under_way import GONE_LOOKS
from assay.stores import open_store

Make = Callable[..., Gateway]


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Any]:
    with open_store(tmp_path / "store") as store:
        yield store.journal


async def ask(gateway: Gateway, asked: Iterable[str]) -> list[Any]:
    client = gateway.client(run_id="run_a")
    calls = [client.generate(chat_request(text, model=MODEL)) for text in asked]
    return await asyncio.gather(*calls, return_exceptions=True)


def key_of(gateway: Gateway, text: str) -> bytes:
    return gateway.client(run_id="run_a")._keys.key(chat_request(text, model=MODEL), identity=None)


def fault(journal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(type(journal), "release_from_batch", full)


def test_of_a_batch_another_process_has_begun_to_fetch_the_rest_is_fetched_here(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, sqlite: Any
) -> None:
    gateway = make_gateway(batch_config(provider), journal=sqlite)
    keys = {text: key_of(gateway, text) for text in "ab"}
    sent = PendingBatch(token="t", provider_id="", model=MODEL, base_url="", since="2030-01-01T00:00:00+00:00")
    sqlite.intend_batch(sent, dict.fromkeys(keys.values(), "run_x"))
    lines = [provider.line(chat_request(text, model=MODEL), name="m", custom_id=keys[text].hex()).body for text in keys]

    async def go() -> list[Any]:
        waiting = asyncio.ensure_future(ask(gateway, "ab"))
        while fake_time.slept.count(2.0) < 2:
            await asyncio.sleep(0)
        provider.taken.append(("t", lines))
        sqlite.name_batch("t", "b0")
        payload = encode(Reply(text="theirs", usage=USAGE), model=MODEL)
        await sqlite.collect_reply(keys["a"], payload, run_id="run_x", cost_usd=0.0)
        return await waiting

    replies = asyncio.run(fake_time.run(go()))
    assert [(reply.text, reply.cached) for reply in replies] == [("theirs", True), ("re b", True)]
    assert not provider.sent


def test_what_two_processes_gather_at_once_is_sent_once_however_long_sending_takes(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, tmp_path: Path
) -> None:
    with open_store(tmp_path / "s") as store_a, open_store(tmp_path / "s") as store_b:
        gateways = [make_gateway(batch_config(provider), journal=store.journal) for store in (store_a, store_b)]

        async def go() -> list[Any]:
            provider.gate = asyncio.Event()
            both = asyncio.gather(*(ask(gateway, ["a", "b"]) for gateway in gateways))
            while fake_time.slept.count(2.0) < 2:
                await asyncio.sleep(0)
            provider.gate.set()
            return [reply.text for replies in await both for reply in replies]

        assert asyncio.run(fake_time.run(go())) == ["re a", "re b", "re a", "re b"]
    assert provider.sent == [["a", "b"]]


def test_a_reply_is_kept_though_another_process_has_given_its_request_up(tmp_path: Path) -> None:
    batch = PendingBatch(token="t", provider_id="b", model=MODEL, base_url="", since="2025-01-01T00:00:00+00:00")
    with open_store(tmp_path / "s") as store_a, open_store(tmp_path / "s") as store_b:
        one: Any = store_a.journal
        other: Any = store_b.journal
        one.intend_batch(batch, {b"k1": "run_a"})
        other.release_from_batch("t", [b"k1"])
        one.collect_reply(b"k1", b"first", run_id="run_a", cost_usd=0.25)
        assert one.spent_usd("run_a") == 0.25
        assert other.intend_batch(batch._replace(token="t2"), {b"k1": "run_b"}) == set()
        other.collect_reply(b"k1", b"second", run_id="run_b", cost_usd=0.5)
        assert other.spent_usd("run_b") == 0.0
        assert one.reply(b"k1").payload == b"first"


@pytest.mark.parametrize("bad", [fails(retryable=False), None])
def test_a_store_that_fails_while_answers_are_handed_out_leaves_nobody_waiting(
    make_gateway: Make,
    provider: Provider,
    fake_time: FakeTime,
    sqlite: Any,
    monkeypatch: pytest.MonkeyPatch,
    bad: ProviderError | None,
) -> None:
    provider.answer = lambda text: bad if text == "bad" else Reply(text=text, usage=USAGE)
    fault(sqlite, monkeypatch)
    good, failed = asyncio.run(fake_time.run(ask(make_gateway(batch_config(provider), journal=sqlite), ["a", "bad"])))
    assert good.text == "a"
    assert isinstance(failed, StoreError)


def test_a_damaged_reply_in_the_store_is_an_error_and_not_gathered_for_ever(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, journal: MemoryJournal
) -> None:
    gateway = make_gateway(batch_config(provider), journal=journal)
    journal.replies[key_of(gateway, "a")] = StoredReply(b"{", "run_x")
    damaged, fine = asyncio.run(fake_time.run(asyncio.wait_for(ask(gateway, ["a", "b"]), 10)))
    assert (damaged.code, damaged.retryable) == ("batch.unanswered", False)
    assert fine.text == "re b"
    assert provider.sent == [["b"]]


@pytest.mark.parametrize("sight", [fails(status=503), fails(retryable=False, status=401)])
def test_a_search_that_fails_says_nothing_of_the_sending_before_it(
    make_gateway: Make,
    provider: Provider,
    fake_time: FakeTime,
    sqlite: Any,
    monkeypatch: pytest.MonkeyPatch,
    sight: ProviderError,
) -> None:
    async def blind(*_: Any, **__: Any) -> str | None:
        raise sight

    provider.swallows = 1
    gateway = make_gateway(batch_config(provider), journal=sqlite)
    monkeypatch.setattr(provider, "find", blind)
    (error,) = asyncio.run(fake_time.run(ask(gateway, ["a"])))
    assert isinstance(error, ProviderError)
    monkeypatch.undo()
    (reply,) = asyncio.run(fake_time.run(ask(gateway, ["a"])))
    assert reply.text == "re a"
    assert provider.sent == [["a"]]


@pytest.mark.parametrize(("status", "searches"), [(504, 1), (500, 1), (200, 1), (503, 0), (429, 0), (400, 0), (401, 0)])
def test_what_a_gateway_on_the_way_says_is_no_proof_that_a_batch_was_not_taken(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, status: int, searches: int
) -> None:
    gateway = make_gateway(batch_config(provider, max_retries=0))
    provider.refuses = [fails(status=status)]
    asyncio.run(fake_time.run(ask(gateway, ["a"])))
    (reply,) = asyncio.run(fake_time.run(ask(gateway, ["a"])))
    assert reply.text == "re a"
    assert provider.finds == searches


def test_a_request_asked_again_before_its_batch_is_sent_stays_in_it(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    gateway = make_gateway(batch_config(provider))
    provider.refuses = [fails(status=503, retry_after_s=50.0)]

    async def go() -> list[Any]:
        leaving = asyncio.ensure_future(ask(gateway, ["a"]))
        while not any(pause >= 50.0 for pause in fake_time.slept):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        return await ask(gateway, ["a"])

    (reply,) = asyncio.run(fake_time.run(go()))
    assert reply.text == "re a"
    assert provider.sent == [["a"]]


def test_one_not_found_does_not_send_a_batch_again(make_gateway: Make, provider: Provider, fake_time: FakeTime) -> None:
    provider.unseen = [fails(retryable=False, status=404) for _ in range(GONE_LOOKS - 1)]
    replies = asyncio.run(fake_time.run(ask(make_gateway(batch_config(provider)), ["a"])))
    assert replies[0].text == "re a"
    assert provider.sent == [["a"]]


def test_a_provider_that_speaks_otherwise_is_a_bad_reply_and_no_cancellation(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(*_: Any, **__: Any) -> BatchState:
        raise AttributeError("'list' object has no attribute 'get'")

    monkeypatch.setattr(provider, "look", look)
    (error,) = asyncio.run(fake_time.run(ask(make_gateway(batch_config(provider)), ["a"])))
    assert isinstance(error, ProviderError)
    assert error.code == "provider.bad_reply"
    assert provider.sent == [["a"]]


def test_what_a_cancelled_batch_did_not_come_to_is_not_sent_again(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(*_: Any, **__: Any) -> BatchState:
        why = fails(retryable=False, code="batch.cancelled")
        return BatchState(ended=True, results=["b0"], failure=why)

    monkeypatch.setattr(provider, "look", look)
    provider.answer = lambda text: Reply(text=text, usage=USAGE) if text == "a" else None
    done, left = asyncio.run(fake_time.run(ask(make_gateway(batch_config(provider)), ["a", "b"])))
    assert done.text == "a"
    assert left.code == "batch.cancelled"
    assert provider.sent == [["a", "b"]]
