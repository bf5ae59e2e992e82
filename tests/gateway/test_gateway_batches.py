"""Requests that go through a provider's batches: together, each answered once, none paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_fakes import MODEL, USAGE, Provider, batch_config, fails
from gateway_fakes import FakeTime, MemoryJournal, chat_request

from assay.core.errors import BudgetExhaustedError, ProviderError
from assay.core.protocols import BatchWait, Journal, PendingBatch, PendingBatches
from assay.core.records import Reply
from assay.gateway import Gateway, GatewayConfig, ModelConfig
from assay.gateway.remembered import RememberedBatches
from assay.gateway.under_way import GONE_LOOKS, PATIENCE_S, SENDING_S
from assay.stores import open_store

Make = Callable[..., Gateway]
COST_USD = (1000 * 1.0 + 100 * 2.0) / 1e6


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Journal]:
    with open_store(tmp_path / "store") as store:
        yield store.journal


async def ask(gateway: Gateway, texts: list[str], *, run_id: str = "run_a", **client: Any) -> list[Any]:
    made = gateway.client(run_id=run_id, **client)
    calls = [made.generate(chat_request(text, model=MODEL)) for text in texts]
    return await asyncio.gather(*calls, return_exceptions=True)


def texts(count: int) -> list[str]:
    return [f"q{number}" for number in range(count)]


def pending(journal: PendingBatches, gateway: Gateway, text: str) -> tuple[PendingBatch, str] | None:
    client = gateway.client(run_id="run_a")
    return journal.pending_batch(client._keys.key(chat_request(text, model=MODEL), identity=None))


def test_requests_go_in_one_batch_and_each_gets_its_own_answer(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    gateway = make_gateway(batch_config(provider))
    replies = asyncio.run(fake_time.run(ask(gateway, texts(300))))
    assert [reply.text for reply in replies] == [f"re {text}" for text in texts(300)]
    assert provider.sent == [texts(300)]
    assert not provider.single
    assert [reply.cost_usd for reply in replies] == [pytest.approx(COST_USD)] * 300
    assert {reply.latency_s for reply in replies} == {None}


def test_the_books_have_the_batch_price_and_a_repeat_costs_nothing(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    gateway = make_gateway(batch_config(provider))
    client = gateway.client(run_id="run_a")

    async def go() -> None:
        await asyncio.gather(*(client.generate(chat_request(text, model=MODEL)) for text in ("a", "b", "a")))
        await client.generate(chat_request("b", model=MODEL))

    asyncio.run(fake_time.run(go()))
    usage = client.usage()
    assert (usage.requests, usage.cached, usage.retries) == (2, 2, 0)
    assert usage.cost_usd == pytest.approx(2 * COST_USD)
    assert gateway.journal.spent_usd("run_a") == pytest.approx(2 * COST_USD)
    assert provider.sent == [["a", "b"]]


def test_a_full_batch_is_sent_at_once_and_the_rest_when_it_is_quiet(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    gateway = make_gateway(batch_config(provider, batching={"max_requests": 4}))
    asyncio.run(fake_time.run(ask(gateway, texts(10))))
    assert provider.sent == [texts(10)[:4], texts(10)[4:8], texts(10)[8:]]


def test_a_batch_holds_one_path_and_no_more_bytes_than_the_provider_takes(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    gateway = make_gateway(batch_config(provider))
    provider.max_bytes = 140
    asyncio.run(fake_time.run(ask(gateway, ["a", "long b", "c", "d", "long e"])))
    assert sorted(provider.sent) == [["a", "c"], ["d"], ["long b"], ["long e"]]


def test_a_batch_waits_for_single_calls_that_may_bring_more(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    other = Provider()
    config = batch_config(provider)
    config = GatewayConfig(
        models={**config.models, "slow/m": ModelConfig(batch=False)},
        providers={**config.providers, "slow": lambda: other},
        environ={},
    )
    gateway = make_gateway(config)

    async def go() -> None:
        other.gate = asyncio.Event()
        client = gateway.client(run_id="run_a")

        async def chain() -> None:
            await client.generate(chat_request("first", model="slow/m"))
            await client.generate(chat_request("second", model=MODEL))

        tasks = [asyncio.ensure_future(chain()), asyncio.ensure_future(ask(gateway, ["early"]))]
        while fake_time.now < 1005.0:
            await asyncio.sleep(0)
        assert not provider.tries
        other.gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(fake_time.run(go()))
    assert provider.sent == [["early", "second"]]


def test_a_batch_does_not_wait_for_ever_for_single_calls(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    gateway = make_gateway(batch_config(provider))

    async def go() -> None:
        assert gateway.places is not None
        async with gateway.places:
            await ask(gateway, ["a"])

    asyncio.run(fake_time.run(go()))
    assert provider.sent == [["a"]]
    assert 1060.0 <= fake_time.now <= 1070.0


def test_looks_come_slower_until_the_longest_pause(make_gateway: Make, provider: Provider, fake_time: FakeTime) -> None:
    provider.looks_needed = 7
    gateway = make_gateway(batch_config(provider))
    heard: list[BatchWait] = []
    gateway.watchers.append(heard.append)
    asyncio.run(fake_time.run(ask(gateway, ["a", "b"])))
    pauses = [pause for pause in fake_time.slept if pause > 1.0]
    assert pauses == [2.0, 3.0, 4.5, 6.75, 10.0, 10.0, 10.0]
    assert [(wait.batch, wait.requests, wait.answered) for wait in heard] == [
        ("", 2, 0),
        ("b0", 2, 0),
        *[("b0", 2, look) for look in range(1, 7)],
        ("b0", 0, 0),
    ]


def test_a_request_that_failed_is_tried_again_in_the_next_batch_where_that_may_help(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    faults = {
        "late": fails(kind="timeout", code="batch.expired"),
        "bad": fails(retryable=False, kind="content_filter"),
    }
    provider.answer = lambda text: faults.get(text if len(provider.sent) == 1 else "") or Reply(text=text, usage=USAGE)
    gateway = make_gateway(batch_config(provider))
    client = gateway.client(run_id="run_a")

    async def go() -> list[Any]:
        calls = [client.generate(chat_request(text, model=MODEL)) for text in ("fine", "late", "bad")]
        return await asyncio.gather(*calls, return_exceptions=True)

    fine, late, bad = asyncio.run(fake_time.run(go()))
    assert (fine.text, fine.retries, late.text, late.retries) == ("fine", 0, "late", 1)
    assert isinstance(bad, ProviderError)
    assert bad.kind == "content_filter"
    assert client.usage().retries == 1
    assert provider.sent == [["fine", "late", "bad"], ["late"]]


def test_what_the_batch_has_no_result_for_is_asked_again(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    missing = {"b"}

    def answer(text: str) -> Reply | None:
        if text in missing and len(provider.sent) == 1:
            return None
        return Reply(text=text, usage=USAGE)

    provider.answer = answer
    gateway = make_gateway(batch_config(provider))
    replies = asyncio.run(fake_time.run(ask(gateway, ["a", "b"])))
    assert [reply.text for reply in replies] == ["a", "b"]
    assert provider.sent == [["a", "b"], ["b"]]


def test_a_429_on_sending_is_waited_for(make_gateway: Make, provider: Provider, fake_time: FakeTime) -> None:
    provider.refuses = [fails(kind="rate_limited", status=429, retry_after_s=33.0)]
    gateway = make_gateway(batch_config(provider))
    replies = asyncio.run(fake_time.run(ask(gateway, ["a"])))
    assert replies[0].text == "re a"
    assert any(33.0 <= pause <= 33.5 for pause in fake_time.slept)
    assert provider.sent == [["a"]]


@pytest.mark.parametrize(
    ("refusal", "kind", "tries"),
    [
        (fails(retryable=False, kind="bad_request", status=400), "bad_request", 1),
        (fails(retryable=False, status=401, code="provider.unauthorized"), "provider_error", 1),
        (fails(status=503), "unavailable", 3),
        (fails(kind="rate_limited", status=429), "rate_limited", 3),
    ],
)
def test_a_batch_the_provider_refuses_fails_every_request_once(
    make_gateway: Make,
    provider: Provider,
    fake_time: FakeTime,
    sqlite: PendingBatches,
    refusal: ProviderError,
    kind: str,
    tries: int,
) -> None:
    provider.refuses = [refusal] * 10
    gateway = make_gateway(batch_config(provider), journal=sqlite)
    errors = asyncio.run(fake_time.run(ask(gateway, ["a", "b"])))
    assert [error.kind for error in errors] == [kind, kind]
    assert provider.tries == tries
    assert pending(sqlite, gateway, "a") is None


def test_a_batch_that_was_taken_though_no_answer_came_is_found_and_not_sent_twice(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    provider.swallows = 1
    gateway = make_gateway(batch_config(provider))
    replies = asyncio.run(fake_time.run(ask(gateway, ["a", "b"])))
    assert [reply.text for reply in replies] == ["re a", "re b"]
    assert (len(provider.sent), provider.finds) == (1, 1)


@pytest.mark.parametrize("same_process", [True, False])
def test_after_the_last_attempt_too_a_batch_that_may_have_been_taken_is_looked_for_first(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, sqlite: Journal, *, same_process: bool
) -> None:
    provider.refuses, provider.swallows = [fails(status=503), fails(status=503)], 1
    gateway = make_gateway(batch_config(provider), journal=sqlite)
    (error,) = asyncio.run(fake_time.run(ask(gateway, ["a"])))
    assert error.kind == "unavailable"
    if not same_process:
        gateway = make_gateway(batch_config(provider), journal=sqlite)
    (reply,) = asyncio.run(fake_time.run(ask(gateway, ["a"])))
    assert reply.text == "re a"
    assert provider.sent == [["a"]]
    assert same_process is (fake_time.now < 1000.0 + SENDING_S), "another process is given time to be done sending"


def test_a_provider_that_cannot_be_seen_for_a_while_is_waited_for(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    provider.unseen = [fails(status=503, retry_after_s=120.0), fails(), fails()]
    gateway = make_gateway(batch_config(provider))
    replies = asyncio.run(fake_time.run(ask(gateway, ["a"])))
    assert replies[0].text == "re a"
    assert 120.0 in fake_time.slept


def test_a_provider_that_stays_out_of_sight_ends_the_waiting_and_the_batch_stays_known(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, sqlite: PendingBatches
) -> None:
    provider.unseen = [fails() for _ in range(1000)]
    gateway = make_gateway(batch_config(provider), journal=sqlite)
    errors = asyncio.run(fake_time.run(ask(gateway, ["a"])))
    assert (errors[0].kind, errors[0].code) == ("unavailable", "provider.unavailable")
    assert PATIENCE_S < fake_time.now - 1000.0 < PATIENCE_S + 60.0
    provider.unseen = []
    again = make_gateway(batch_config(provider), journal=sqlite)
    replies = asyncio.run(fake_time.run(ask(again, ["a"])))
    assert replies[0].text == "re a"
    assert len(provider.sent) == 1


def test_a_batch_the_provider_does_not_know_any_more_is_sent_again(
    make_gateway: Make, provider: Provider, fake_time: FakeTime
) -> None:
    provider.unseen = [fails(retryable=False, status=404) for _ in range(GONE_LOOKS)]
    gateway = make_gateway(batch_config(provider))
    replies = asyncio.run(fake_time.run(ask(gateway, ["a"])))
    assert replies[0].text == "re a"
    assert provider.sent == [["a"], ["a"]]


async def killed(gateway: Gateway, asked: list[str], *, until: Callable[[], bool], run_id: str = "run_a") -> None:
    """Ask, and let go of everything as if the process had died at that moment."""
    waiting = asyncio.ensure_future(ask(gateway, asked, run_id=run_id))
    while not until():
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if task.get_coro().__qualname__ != "FakeTime.run":  # type: ignore[union-attr]
            task.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


def test_a_run_that_was_killed_fetches_the_batch_instead_of_sending_it_again(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, sqlite: Journal
) -> None:
    provider.looks_needed = 5
    first = make_gateway(batch_config(provider), journal=sqlite)
    asyncio.run(fake_time.run(killed(first, ["a", "b"], until=lambda: provider.looks > 1)))
    again = make_gateway(batch_config(provider), journal=sqlite)
    client = again.client(run_id="run_a", budget_usd=1.0)

    async def go() -> list[Reply]:
        return await asyncio.gather(*(client.generate(chat_request(text, model=MODEL)) for text in ("b", "a", "c")))

    replies = asyncio.run(fake_time.run(go()))
    assert [(reply.text, reply.cached) for reply in replies] == [("re b", False), ("re a", False), ("re c", False)]
    assert provider.sent == [["a", "b"], ["c"]]
    assert client.usage().requests == 3
    assert sqlite.spent_usd("run_a") == pytest.approx(3 * COST_USD)


def test_what_only_the_dead_run_asked_for_stays_to_be_fetched(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, sqlite: PendingBatches
) -> None:
    provider.looks_needed = 5
    first = make_gateway(batch_config(provider), journal=sqlite)
    asyncio.run(fake_time.run(killed(first, ["a", "b"], until=lambda: provider.looks > 1)))
    for text in ("a", "b"):
        again = make_gateway(batch_config(provider), journal=sqlite)
        assert pending(sqlite, again, text) is not None
        assert asyncio.run(fake_time.run(ask(again, [text])))[0].text == f"re {text}"
        assert pending(sqlite, again, text) is None
    assert len(provider.sent) == 1


def dies(journal: Journal, token: str, name: str) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(("knows_tokens", "sent"), [(True, 1), (False, 2)])
def test_a_batch_whose_name_nobody_wrote_down_is_looked_for(
    make_gateway: Make,
    provider: Provider,
    fake_time: FakeTime,
    sqlite: Journal,
    monkeypatch: pytest.MonkeyPatch,
    *,
    knows_tokens: bool,
    sent: int,
) -> None:
    provider.knows_tokens = knows_tokens
    first = make_gateway(batch_config(provider), journal=sqlite)
    monkeypatch.setattr(type(sqlite), "name_batch", dies)
    asyncio.run(fake_time.run(killed(first, ["a"], until=lambda: bool(provider.sent))))
    monkeypatch.undo()
    monkeypatch.setattr("assay.stores.sqlite.batches.Process.alive", lambda self: False)
    again = make_gateway(batch_config(provider), journal=sqlite)
    assert asyncio.run(fake_time.run(ask(again, ["a"])))[0].text == "re a"
    assert len(provider.sent) == sent


def test_a_batch_that_another_process_is_sending_is_waited_for(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, sqlite: PendingBatches
) -> None:
    first, second = (make_gateway(batch_config(provider), journal=sqlite) for _ in range(2))

    async def go() -> list[Any]:
        provider.gate = asyncio.Event()
        sending = asyncio.ensure_future(ask(first, ["a"]))
        while not provider.tries:
            await asyncio.sleep(0)
        beside = asyncio.ensure_future(ask(second, ["a"], run_id="run_b"))
        while len([pause for pause in fake_time.slept if pause == 2.0]) < 3:
            await asyncio.sleep(0)
        provider.gate.set()
        return [*await sending, *await beside]

    mine, others = asyncio.run(fake_time.run(go()))
    assert (mine.text, mine.cached, others.text, others.cached) == ("re a", False, "re a", True)
    assert len(provider.sent) == 1


def test_two_runs_side_by_side_share_a_batch_and_the_one_that_sent_it_pays(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, tmp_path: Path
) -> None:
    provider.looks_needed = 4
    with open_store(tmp_path / "s") as store_a, open_store(tmp_path / "s") as store_b:
        gateways = [make_gateway(batch_config(provider), journal=store.journal) for store in (store_a, store_b)]
        clients = [
            gateway.client(run_id=run_id, budget_usd=1.0)
            for gateway, run_id in zip(gateways, ("run_a", "run_b"), strict=True)
        ]

        async def ask_all(client: Any, asked: str) -> None:
            await asyncio.gather(*(client.generate(chat_request(text, model=MODEL)) for text in asked))

        async def go() -> None:
            begun = asyncio.ensure_future(ask_all(clients[0], "abc"))
            while not provider.looks:
                await asyncio.sleep(0)
            await asyncio.gather(begun, ask_all(clients[1], "bcd"))

        asyncio.run(fake_time.run(go()))
        assert provider.sent == [["a", "b", "c"], ["d"]]
        counts = [(client.usage().requests, client.usage().cached) for client in clients]
        assert counts == [(3, 0), (1, 2)]
        spent = [store_a.journal.spent_usd(run_id) for run_id in ("run_a", "run_b")]
        assert spent == [pytest.approx(3 * COST_USD), pytest.approx(COST_USD)]
        assert [client._budget and client._budget.spent_usd for client in clients] == spent


def test_two_processes_that_gather_the_same_request_send_it_once(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, tmp_path: Path
) -> None:
    with open_store(tmp_path / "s") as store_a, open_store(tmp_path / "s") as store_b:
        gateways = [make_gateway(batch_config(provider), journal=store.journal) for store in (store_a, store_b)]

        async def go() -> list[Any]:
            runs = [ask(gateway, ["a", own], run_id=own) for gateway, own in zip(gateways, "xy", strict=True)]
            return [reply for replies in await asyncio.gather(*runs) for reply in replies]

        replies = asyncio.run(fake_time.run(go()))
    assert [reply.text for reply in replies] == ["re a", "re x", "re a", "re y"]
    assert sorted(text for batch in provider.sent for text in batch) == ["a", "x", "y"]


def test_what_another_process_was_answered_meanwhile_is_not_sent(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, tmp_path: Path
) -> None:
    with open_store(tmp_path / "s") as store_a, open_store(tmp_path / "s") as store_b:
        store_b.journal.reply(b"opens the table")
        gateways = [make_gateway(batch_config(provider), journal=store.journal) for store in (store_a, store_b)]
        asyncio.run(fake_time.run(ask(gateways[0], ["a"])))
        (reply,) = asyncio.run(fake_time.run(ask(gateways[1], ["a"], run_id="run_b")))
        assert (reply.text, reply.cached) == ("re a", True)
        assert len(provider.sent) == 1
        assert store_b.journal.spent_usd("run_b") == 0.0


def test_a_batch_at_an_address_that_is_not_configured_any_more_is_not_waited_for(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, sqlite: PendingBatches
) -> None:
    provider.looks_needed = 5
    first = make_gateway(batch_config(provider), journal=sqlite)
    asyncio.run(fake_time.run(killed(first, ["a"], until=lambda: provider.looks > 1)))
    config = batch_config(provider)
    model = config.models[MODEL]
    moved = GatewayConfig(
        models={MODEL: ModelConfig(base_url="http://elsewhere", price=model.price, batch=model.batch)},
        providers=config.providers,
        environ={},
    )
    assert asyncio.run(fake_time.run(ask(make_gateway(moved, journal=sqlite), ["a"])))[0].text == "re a"
    assert len(provider.sent) == 2


def test_the_budget_sets_the_batch_price_aside(make_gateway: Make, provider: Provider, fake_time: FakeTime) -> None:
    gateway = make_gateway(batch_config(provider))
    worst_usd = (16 + 16 + 2 + 5 * 2.0) / 1e6  # about: bytes of the prompt at $1, five tokens of reply at $2
    fits = asyncio.run(fake_time.run(ask(gateway, ["aa"], budget_usd=worst_usd * 1.05)))
    assert fits[0].text == "re aa"
    (refused,) = asyncio.run(fake_time.run(ask(gateway, ["bb"], run_id="run_b", budget_usd=worst_usd * 0.9)))
    assert isinstance(refused, BudgetExhaustedError)
    assert provider.sent == [["aa"]]


def test_closing_waits_until_the_name_of_what_is_being_sent_is_known(
    make_gateway: Make, provider: Provider, fake_time: FakeTime, sqlite: PendingBatches
) -> None:
    gateway = make_gateway(batch_config(provider), journal=sqlite)

    async def go() -> None:
        provider.gate = asyncio.Event()
        waiting = asyncio.ensure_future(ask(gateway, ["a"]))
        while not provider.tries:
            await asyncio.sleep(0)
        waiting.cancel()
        closing = asyncio.ensure_future(gateway.close())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not closing.done()
        provider.gate.set()
        await closing

    asyncio.run(fake_time.run(go()))
    found = pending(sqlite, gateway, "a")
    assert found is not None
    assert found[0].provider_id == "b0"


def test_nothing_is_sent_for_callers_who_have_left(make_gateway: Make, provider: Provider, fake_time: FakeTime) -> None:
    gateway = make_gateway(batch_config(provider))

    async def go() -> None:
        leaving = asyncio.ensure_future(ask(gateway, ["a"]))
        staying = asyncio.ensure_future(ask(gateway, ["b"]))
        for _ in range(3):
            await asyncio.sleep(0)
        leaving.cancel()
        await staying

    asyncio.run(fake_time.run(go()))
    assert provider.sent == [["b"]]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_every_journal_of_batches_keeps_one_contract(kind: str, sqlite: Any) -> None:
    kept: PendingBatches = sqlite if kind == "sqlite" else RememberedBatches(MemoryJournal())  # type: ignore[arg-type]
    assert isinstance(kept, PendingBatches)
    batch = PendingBatch(
        token="t1", provider_id="", model=MODEL, base_url="http://x", since="2025-01-01T00:00:00+00:00"
    )
    assert kept.pending_batch(b"k1") is None
    assert kept.intend_batch(batch, {b"k1": "run_a", b"k2": "run_b"}) == {b"k1", b"k2"}
    assert kept.intend_batch(batch._replace(token="t2"), {b"k2": "run_c", b"k3": "run_c"}) == {b"k3"}
    assert kept.pending_batch(b"k2") == (batch._replace(sending=True), "run_b")
    kept.name_batch("t1", "batch_9")
    assert kept.pending_batch(b"k1") == (batch._replace(provider_id="batch_9"), "run_a")
    kept.release_from_batch("t2", [b"k1", b"k3"])
    assert kept.pending_batch(b"k3") is None
    assert kept.pending_batch(b"k1") is not None, "another batch's release took it"
    kept.collect_reply(b"k1", b"{}", run_id="run_a", cost_usd=0.5)
    assert kept.pending_batch(b"k1") is None
    assert kept.intend_batch(batch._replace(token="t3"), {b"k1": "run_c"}) == set(), "it has been answered"


def test_a_reply_is_collected_once_over_all_processes(tmp_path: Path) -> None:
    batch = PendingBatch(token="t", provider_id="b", model=MODEL, base_url="", since="2025-01-01T00:00:00+00:00")
    with open_store(tmp_path / "s") as one, open_store(tmp_path / "s") as other:
        for journal in (one.journal, other.journal):
            assert isinstance(journal, PendingBatches)
        one.journal.intend_batch(batch, {b"key-of-20-bytes-long": "run_a"})  # type: ignore[attr-defined]
        for journal, payload in ((other.journal, b"first"), (one.journal, b"second")):
            journal.collect_reply(b"key-of-20-bytes-long", payload, run_id="run_a", cost_usd=0.25)  # type: ignore[attr-defined]
        assert one.journal.spent_usd("run_a") == 0.25
        found = one.journal.reply(b"key-of-20-bytes-long")
        assert found is not None
        assert found.payload == b"first"
