"""Retry, limiter and breaker: alone on a fake clock, and against the scripted server, counted there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from gateway_fakes import FakeTime, MemoryJournal, WatchedTransport, chat_request, config_for
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ProviderError
from assay.gateway import Gateway, ModelConfig
from assay.gateway.breaker import COOL_DOWN_S, FAILURES_TO_OPEN, MAX_COOL_DOWN_S, Breaker
from assay.gateway.limiter import Limiter
from assay.gateway.retry import RetryPolicy
from assay.gateway.transport import open_transport
from assay.testing.server import Call, Fault, ModelServer


def against_server(
    faults: Any, *, calls: int, fake_time: FakeTime, timeout_s: float = 5.0, at_once: int = 1000, **model: Any
) -> tuple[list[Any], ModelServer, list[tuple[float, int]]]:
    """Results of ``calls`` different calls, the server, and (fake time, index) of each request it got."""
    arrivals: list[tuple[float, int]] = []

    def noting(call: Call) -> Fault | None:
        arrivals.append((fake_time.now, call.index))
        if callable(faults):
            return faults(call)
        return faults[call.index] if call.index < len(faults) else None

    async def go() -> tuple[list[Any], ModelServer, list[tuple[float, int]]]:
        async with ModelServer(faults=noting) as server:
            transport = WatchedTransport(open_transport("pyreqwest", max_connections=None))
            config = config_for(
                models={"openai/test": ModelConfig(base_url=server.base_url, **model)}, timeout_s=timeout_s
            )
            gateway = Gateway(
                config,
                journal=MemoryJournal(),  # type: ignore[arg-type]
                clock=fake_time.clock,
                sleep=fake_time.sleep,
                rng=random.Random(3),
                transport=transport,
            )
            client = gateway.client(run_id="run_a")
            turn = asyncio.Semaphore(at_once)

            async def one(number: int) -> Any:
                async with turn:
                    return await client.generate(chat_request(f"question {number}"))

            work = asyncio.gather(*[one(number) for number in range(calls)], return_exceptions=True)
            results = await fake_time.run(work, busy=lambda: transport.under_way > 0)
            await gateway.close()
            return list(results), server, arrivals

    return asyncio.run(go())


@pytest.mark.parametrize(
    "fault", [Fault.server_error(), Fault.not_json(), Fault.closes("middle"), Fault.server_error(status=529)]
)
def test_what_may_succeed_again_is_tried_again(fault: Fault, fake_time: FakeTime) -> None:
    (reply,), server, _ = against_server([fault, fault], calls=1, fake_time=fake_time)
    assert reply.text == "question 0"
    assert server.requests == 3


def test_a_hang_ends_in_a_timeout_and_is_tried_again(fake_time: FakeTime) -> None:
    (reply,), server, _ = against_server([Fault.hangs()], calls=1, fake_time=fake_time, timeout_s=0.1)
    assert reply.text == "question 0"
    assert server.requests == 2


def test_retries_are_bounded(fake_time: FakeTime) -> None:
    (error,), server, _ = against_server(lambda call: Fault.not_json(), calls=1, fake_time=fake_time)
    assert isinstance(error, ProviderError)
    assert server.requests <= 6


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (Fault.unauthorized(), "provider_error", "provider.unauthorized"),
        (Fault.context_overflow(), "context_overflow", "provider.context_overflow"),
        (Fault(status=404, body=b'{"error": {"message": "no such model"}}'), "provider_error", "provider.failed"),
    ],
)
def test_what_cannot_succeed_is_sent_once(fault: Fault, kind: str, code: str, fake_time: FakeTime) -> None:
    (error,), server, _ = against_server([fault], calls=1, fake_time=fake_time)
    assert (error.kind, error.code, error.retryable) == (kind, code, False)
    assert server.requests == 1


def test_retry_after_is_obeyed_by_every_call_to_the_endpoint(fake_time: FakeTime) -> None:
    results, server, arrivals = against_server(
        [Fault.rate_limit(retry_after_s=30.0)], calls=5, fake_time=fake_time, at_once=1
    )
    assert [result.text for result in results] == [f"question {number}" for number in range(5)]
    assert server.requests == 6
    first = arrivals[0][0]
    assert all(at >= first + 30.0 for at, _ in arrivals[1:])


def test_a_burst_of_429_loses_no_call_and_slows_down(fake_time: FakeTime) -> None:
    def limited(call: Call) -> Fault | None:
        return Fault.rate_limit(retry_after_s=1.0) if call.index < 20 else None

    results, _, arrivals = against_server(limited, calls=40, fake_time=fake_time)
    assert all(getattr(result, "text", "").startswith("question") for result in results)
    later = sorted(at for at, index in arrivals if index >= 40)
    assert later[-1] - later[0] > 0.5  # the rest comes paced and not in one burst


def test_requests_a_minute_are_kept_to(fake_time: FakeTime) -> None:
    results, _, arrivals = against_server([], calls=130, fake_time=fake_time, rpm=60)
    assert all(result.text for result in results)
    times = sorted(at for at, _ in arrivals)
    for start in times:
        assert sum(start <= at < start + 60.0 for at in times) <= 61


def test_tokens_a_minute_are_kept_to(fake_time: FakeTime) -> None:
    _, _, arrivals = against_server([], calls=30, fake_time=fake_time, tpm=600)  # some ten tokens a call
    times = sorted(at for at, _ in arrivals)
    assert times[-1] - times[0] > 5.0


def test_an_open_breaker_keeps_calls_from_a_dead_endpoint(fake_time: FakeTime) -> None:
    results, server, arrivals = against_server(
        lambda call: Fault.server_error(), calls=300, fake_time=fake_time, at_once=10
    )
    assert all(isinstance(result, ProviderError) for result in results)
    assert server.requests < 60  # 300 calls with six attempts each would be 1,800
    probes = sorted(at for at, index in arrivals if index >= 15)
    assert all(later - earlier >= COOL_DOWN_S - 1e-6 for earlier, later in pairwise(probes))


def test_success_after_a_probe_lets_everything_through(fake_time: FakeTime) -> None:
    started = fake_time.now
    results, _, _ = against_server(
        lambda call: Fault.server_error() if fake_time.now < started + 12.0 else None,
        calls=60,
        fake_time=fake_time,
        at_once=10,
    )
    assert all(getattr(result, "text", None) for result in results)


def test_the_breaker_opens_probes_and_closes() -> None:
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failure()
    assert breaker.closed
    breaker.success()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failure()
    assert breaker.closed  # a success in between: not five in a row
    breaker.failure()
    assert not breaker.closed and breaker.wait_s() == COOL_DOWN_S
    breaker.failure()  # of a call sent before it opened
    assert breaker.wait_s() == COOL_DOWN_S
    now[0] = COOL_DOWN_S
    assert breaker.wait_s() == 0.0
    assert breaker.enter() is True
    assert breaker.wait_s() > 0.0  # one probe at a time
    breaker.failure(probe=True)
    assert breaker.wait_s() == 2 * COOL_DOWN_S
    now[0] += 2 * COOL_DOWN_S
    probe = breaker.enter()
    breaker.leave(probe=probe)  # cancelled: the next call may probe at once
    assert breaker.wait_s() == 0.0
    breaker.enter()
    breaker.success()
    assert breaker.closed and breaker.wait_s() == 0.0


def test_the_cool_down_grows_to_a_minute_and_no_further() -> None:
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    for _ in range(FAILURES_TO_OPEN):
        breaker.failure()
    for _ in range(10):
        now[0] += breaker.wait_s()
        breaker.failure(probe=breaker.enter())
    assert breaker.wait_s() == MAX_COOL_DOWN_S


@given(rpm=st.floats(1.0, 6000.0), gaps=st.lists(st.floats(0.0, 20.0), min_size=1, max_size=60))
def test_no_window_of_a_minute_holds_more_than_the_limit(rpm: float, gaps: list[float]) -> None:
    fake_time, sent = FakeTime(), list[float]()

    async def go() -> None:
        limiter = Limiter(rpm=rpm, tpm=None, clock=fake_time.clock, sleep=_plain_sleep(fake_time))
        for gap in gaps:
            fake_time.now += gap
            await limiter.acquire(1)
            sent.append(fake_time.now)

    asyncio.run(go())
    for index, start in enumerate(sent):
        in_window = sum(start <= at < start + 60.0 for at in sent[index:])
        assert in_window <= rpm + rpm / 60.0 + 1.0 + 1e-6


def _plain_sleep(fake_time: FakeTime) -> Callable[[float], Any]:
    async def sleep(seconds: float) -> None:
        fake_time.now += seconds

    return sleep


def test_a_limiter_halves_on_429_once_a_burst_and_recovers() -> None:
    fake_time = FakeTime()
    limiter = Limiter(rpm=600.0, tpm=None, clock=fake_time.clock, sleep=_plain_sleep(fake_time))

    async def go() -> None:
        tickets = [await limiter.acquire(1) for _ in range(5)]
        for ticket in tickets:
            limiter.on_429(ticket, None)
        assert limiter.rate_per_s == pytest.approx(5.0)
        for _ in range(100):
            await limiter.acquire(1)
            limiter.on_success()
        assert limiter.rate_per_s == pytest.approx(10.0)

    asyncio.run(go())


def test_an_unlimited_limiter_learns_a_rate_and_forgets_it_again() -> None:
    fake_time = FakeTime()
    limiter = Limiter(rpm=None, tpm=None, clock=fake_time.clock, sleep=_plain_sleep(fake_time))

    async def go() -> None:
        for _ in range(100):
            ticket = await limiter.acquire(1)
            fake_time.now += 0.1
        limiter.on_429(ticket, 2.0)
        assert not limiter.free
        assert limiter.rate_per_s == pytest.approx(5.0, rel=0.05)
        before = fake_time.now
        await limiter.acquire(1)
        assert fake_time.now >= before + 2.0
        for _ in range(200):
            limiter.on_success()
        assert limiter.free and limiter.rate_per_s is None

    asyncio.run(go())


def test_calls_waiting_when_a_429_comes_are_paced_anew() -> None:
    fake_time, sent = FakeTime(), list[float]()
    limiter = Limiter(rpm=600.0, tpm=None, clock=fake_time.clock, sleep=fake_time.sleep)

    async def one() -> None:
        ticket = await limiter.acquire(1)
        sent.append(fake_time.now)
        if len(sent) == 15:
            limiter.on_429(ticket, 30.0)

    async def go() -> None:
        await asyncio.gather(*[one() for _ in range(30)])

    asyncio.run(fake_time.run(go()))
    later = sorted(sent)[15:]
    assert later[0] >= sent[14] + 30.0
    assert later[-1] - later[0] >= 1.0  # five a second from then on, not all at once


def test_a_cancelled_wait_gives_its_slot_back() -> None:
    fake_time = FakeTime()
    limiter = Limiter(rpm=60.0, tpm=None, clock=fake_time.clock, sleep=fake_time.sleep)

    async def go() -> None:
        await limiter.acquire(1)
        waiting = asyncio.ensure_future(limiter.acquire(1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        before = fake_time.now
        await fake_time.run(limiter.acquire(1))
        assert fake_time.now - before == pytest.approx(1.0)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("error", "attempt", "low", "high"),
    [
        (ProviderError("x", retryable=True), 0, 0.0, 0.5),
        (ProviderError("x", retryable=True), 3, 0.0, 4.0),
        (ProviderError("x", retryable=True, retry_after_s=7.0), 0, 7.0, 7.5),
    ],
)
def test_pauses_are_jittered_within_their_range(error: ProviderError, attempt: int, low: float, high: float) -> None:
    rng = random.Random(5)
    pauses = [RetryPolicy().pause_s(error, attempt, rng) for _ in range(200)]
    assert all(pause is not None and low <= pause <= high for pause in pauses)
    assert len(set(pauses)) > 100


@pytest.mark.parametrize(
    ("error", "attempt"),
    [
        (ProviderError("x", retryable=False), 0),
        (ProviderError("x", retryable=True), 5),
        (ProviderError("x", retryable=True, kind="unavailable"), 0),
        (ProviderError("x", retryable=True, retry_after_s=3600.0), 0),
    ],
    ids=["not retryable", "attempts used up", "unavailable", "asked to wait an hour"],
)
def test_there_is_no_pause_where_no_further_attempt_is_made(error: ProviderError, attempt: int) -> None:
    assert RetryPolicy().pause_s(error, attempt, random.Random(1)) is None
