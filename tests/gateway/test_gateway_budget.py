"""The budget holds in every order of events, and nothing stays reserved."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from gateway_fakes import FakeTime, MemoryJournal, ScriptedTransport, chat_ok, chat_request, config_for, http
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import BudgetExhaustedError, ConfigError, ProviderError
from assay.core.records import GenerateParams, ModelRequest
from assay.gateway import Gateway, ModelConfig, Price
from assay.gateway.budget import DEFAULT_OUTPUT_TOKENS, IMAGE_TOKENS, Budget, worst_case_usd

Make = Callable[..., Gateway]
PRICE = Price(input=1.0, output=2.0)


@given(
    limit=st.floats(0.0, 5.0),
    calls=st.lists(
        st.tuples(
            st.floats(0.0, 2.0), st.floats(0.0, 1.0), st.integers(0, 5), st.sampled_from(["ok", "fail", "cancel"])
        ),
        max_size=25,
    ),
    spent=st.floats(0.0, 1.0),
)
def test_no_order_of_events_overspends(limit: float, calls: list[tuple[float, float, int, str]], spent: float) -> None:
    budget = Budget(limit_usd=limit, spent_usd=min(spent, limit))
    paid = [budget.spent_usd]

    async def call(worst: float, share: float, turns: int, end: str) -> None:
        await budget.reserve(worst)
        assert budget.spent_usd + budget.reserved_usd <= limit + 1e-9
        cost = 0.0
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
            if end == "fail":
                raise ProviderError("down")
            cost = worst * share
            paid.append(cost)
        finally:
            budget.settle(worst, cost_usd=cost)

    async def go() -> list[Any]:
        tasks = [asyncio.ensure_future(call(*one)) for one in calls]
        await asyncio.sleep(0)
        for task, one in zip(tasks, calls, strict=True):
            if one[3] == "cancel":
                task.cancel()
        return await asyncio.wait_for(
            asyncio.gather(*tasks, return_exceptions=True), timeout=5
        )  # nobody waits for ever

    results = asyncio.run(go())
    assert sum(paid) <= limit + 1e-9
    assert budget.spent_usd == pytest.approx(sum(paid))
    assert budget.reserved_usd == 0.0
    refused = [result for result in results if isinstance(result, BudgetExhaustedError)]
    assert len(refused) + sum(not isinstance(result, BudgetExhaustedError) for result in results) == len(calls)


def test_a_call_waits_for_those_in_flight_before_it_is_refused() -> None:
    budget = Budget(limit_usd=1.0)

    async def go() -> list[str]:
        events: list[str] = []
        await budget.reserve(0.9)

        async def second() -> None:
            await budget.reserve(0.9)
            events.append("second sent")

        waiting = asyncio.ensure_future(second())
        await asyncio.sleep(0.01)
        assert events == []
        budget.settle(0.9, cost_usd=0.05)
        await waiting
        return events

    assert asyncio.run(go()) == ["second sent"]


def test_a_waiting_call_cancelled_in_its_turn_passes_the_turn_on() -> None:
    budget = Budget(limit_usd=1.0)

    async def go() -> None:
        await budget.reserve(0.9)
        first, second = (asyncio.ensure_future(budget.reserve(0.5)) for _ in range(2))
        await asyncio.sleep(0.01)
        budget.settle(0.9, cost_usd=0.0)  # wakes the first …
        first.cancel()  # … which goes before it has looked
        await asyncio.wait_for(second, timeout=2)
        assert budget.reserved_usd == pytest.approx(0.5)

    asyncio.run(go())


def test_a_call_that_can_never_fit_is_refused_at_once_with_what_to_do() -> None:
    budget = Budget(limit_usd=1.0, spent_usd=0.5, run_id="run_x")
    with pytest.raises(BudgetExhaustedError, match=r"\$0\.50 of \$1\.00") as caught:
        asyncio.run(budget.reserve(0.6))
    assert "assay resume run_x --budget-usd" in caught.value.hint


def test_the_worst_case_bounds_tokens_by_bytes_and_the_reply_by_max_tokens() -> None:
    request = chat_request("é" * 100, params=GenerateParams(max_tokens=10))
    worst = worst_case_usd(request, PRICE)
    assert worst >= (200 * 1.0 + 10 * 2.0) / 1e6
    assert worst < (300 * 1.0 + 10 * 2.0) / 1e6
    unbounded = chat_request(params=GenerateParams(seed=1))
    assert worst_case_usd(unbounded, PRICE) >= DEFAULT_OUTPUT_TOKENS * 2.0 / 1e6
    assert worst_case_usd(unbounded, Price(input=1.0, output=2.0, max_output_tokens=100)) < 1e-3


def test_options_images_tools_and_schemas_count_in_the_worst_case() -> None:
    plain = worst_case_usd(chat_request(), PRICE)
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
    with_image = ModelRequest(model="openai/test", messages=image, params=GenerateParams(max_tokens=5))
    assert worst_case_usd(with_image, PRICE) >= IMAGE_TOKENS / 1e6
    assert (
        worst_case_usd(chat_request(tools=[{"type": "function", "function": {"name": "x" * 500}}]), PRICE)
        > plain + 5e-4
    )
    schema = GenerateParams(max_tokens=5, json_schema={"title": "x" * 500})
    assert worst_case_usd(chat_request(params=schema), PRICE) > plain + 4e-4
    options = ModelRequest(model="vllm/m", prompt="p" * 100, options=[" a", " b", " c"])
    assert worst_case_usd(options, PRICE) >= 3 * 102 / 1e6


def test_a_run_stops_before_its_limit_and_keeps_what_it_paid(make_gateway: Make, fake_time: FakeTime) -> None:
    transport = ScriptedTransport()
    gateway = make_gateway(transport=transport)
    client = gateway.client(run_id="run_a", budget_usd=100e-6)

    async def go() -> list[Any]:
        calls = [client.generate(chat_request(f"q{number}")) for number in range(20)]
        return await asyncio.gather(*calls, return_exceptions=True)

    results = asyncio.run(fake_time.run(go()))
    answered = [result for result in results if not isinstance(result, BaseException)]
    refused = [result for result in results if isinstance(result, BudgetExhaustedError)]
    assert answered and refused and len(answered) + len(refused) == 20
    cost = client.usage().cost_usd
    assert cost is not None and cost <= 100e-6
    assert len(transport.sent) == len(answered)


def test_a_resumed_run_starts_from_what_it_has_spent(
    make_gateway: Make, fake_time: FakeTime, journal: MemoryJournal
) -> None:
    journal.spent["run_a"] = 0.9
    client = make_gateway(transport=ScriptedTransport()).client(run_id="run_a", budget_usd=0.9)
    with pytest.raises(BudgetExhaustedError):
        asyncio.run(fake_time.run(client.generate(chat_request())))


def test_a_table_hit_needs_no_budget(make_gateway: Make, fake_time: FakeTime) -> None:
    gateway = make_gateway(transport=ScriptedTransport())
    asyncio.run(fake_time.run(gateway.client(run_id="run_a").generate(chat_request())))
    reply = asyncio.run(fake_time.run(gateway.client(run_id="run_b", budget_usd=0.0).generate(chat_request())))
    assert reply.cached


def test_a_budget_without_a_price_is_refused_before_the_first_call(make_gateway: Make, fake_time: FakeTime) -> None:
    transport = ScriptedTransport()
    config = config_for(models={"openai/test": ModelConfig(base_url="http://127.0.0.1:9/v1")})
    client = make_gateway(config, transport=transport).client(run_id="run_a", budget_usd=1.0)
    with pytest.raises(ConfigError) as caught:
        asyncio.run(fake_time.run(client.generate(chat_request())))
    assert caught.value.code == "budget.unpriced"
    assert transport.sent == []


def test_cancelled_and_failed_calls_leave_no_reservation(make_gateway: Make) -> None:
    transport = ScriptedTransport(lambda body: chat_ok(sent=1, got=1))
    gateway = make_gateway(transport=transport, rng=random.Random(1))
    client = gateway.client(run_id="run_a", budget_usd=60e-6)

    async def go() -> Any:
        transport.gate = asyncio.Event()
        hanging = asyncio.ensure_future(client.generate(chat_request("a")))
        waiting = asyncio.ensure_future(client.generate(chat_request("b")))
        await asyncio.sleep(0.01)
        assert len(transport.sent) == 1  # the second waits for its budget
        hanging.cancel()
        transport.gate.set()
        return await waiting

    assert asyncio.run(go()).text == "hello"
    transport.answer = lambda body: http({"error": {"message": "no"}}, status=400)
    with pytest.raises(ProviderError):
        asyncio.run(client.generate(chat_request("c")))
    transport.answer = lambda body: chat_ok(sent=1, got=1)
    assert asyncio.run(client.generate(chat_request("d"))).text == "hello"
