"""Limits of spending while runs go on: side by side, in other processes, over midnight and on another day."""

from __future__ import annotations

import asyncio
import itertools
from datetime import date
from pathlib import Path

import pytest

from assay.app import limited_budget, spending
from assay.app.cost import cost_report
from assay.app.limited_budget import LimitedBudget
from assay.app.settings import load_settings
from assay.app.spending import Books, book, budget_of, standing_of_limits
from assay.app.wiring import App
from assay.core.errors import BudgetExhaustedError
from assay.core.records import RunRecord

TODAY = date(2026, 3, 5)
KEYS = itertools.count()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    limits(day=10.0)
    on(TODAY, monkeypatch)
    return tmp_path


def limits(**usd: float) -> None:
    lines = "".join(f"  usd_per_{name}: {value}\n" for name, value in usd.items())
    price = "models:\n  python:priced:answer: {price: {input: 1000, output: 1000}}\n"
    Path("assay.yaml").write_text((f"spending:\n{lines}" if lines else "") + price)


def on(day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "today", lambda: day)
    monkeypatch.setattr(limited_budget, "today", lambda: day)


def app() -> App:
    return App(load_settings(environ={}))


def begun(store: App, run_id: str, *, day: str = "2026-03-05") -> str:
    record = RunRecord(
        run_id=run_id, task="t", model="m", status="running", manifest={}, manifest_hash="h", created_at=f"{day}T10:00"
    )
    store.store.metadata.create_run(record)
    return run_id


def pay(store: App, run_id: str, usd: float) -> None:
    store.store.journal.record_reply(str(next(KEYS)).encode(), b"", run_id=run_id, cost_usd=usd)


def budget(store: App, run_id: str, budget_usd: float | None = None) -> LimitedBudget:
    times = itertools.count()
    return LimitedBudget(
        store, budget_usd=budget_usd, spent_usd=0.0, run_ids=[run_id], clock=lambda: next(times) // 2 * 10.0
    )


def test_what_another_process_spends_is_gone_for_this_run_while_it_goes_on() -> None:
    here, there = app(), app()
    mine = budget(here, begun(here, "run_a"))
    other = begun(there, "run_b")
    asyncio.run(mine.reserve(9.0))
    mine.settle(9.0, cost_usd=1.0)
    pay(here, "run_a", 1.0)
    pay(there, other, 7.0)
    with pytest.raises(BudgetExhaustedError):
        asyncio.run(mine.reserve(3.0))
    asyncio.run(mine.reserve(1.5))
    assert mine.limit_usd == pytest.approx(3.0)


def test_a_run_that_begins_later_and_work_outside_of_runs_count_too() -> None:
    here, there = app(), app()
    mine = budget(here, begun(here, "run_a"))
    for number in range(50):
        pay(there, begun(there, f"run_later{number}"), 0.1)
    book(there, "attack_1", work="attack", model="m", evaluator="e")
    pay(there, "attack_1", 2.0)
    with pytest.raises(BudgetExhaustedError):
        asyncio.run(mine.reserve(3.5))
    asyncio.run(mine.reserve(2.5))


def test_its_own_budget_holds_beside_the_limits() -> None:
    here = app()
    mine = budget(here, begun(here, "run_a"), budget_usd=2.0)
    with pytest.raises(BudgetExhaustedError):
        asyncio.run(mine.reserve(2.5))
    assert budget_of(here, None, run_ids=["run_a"]) is not None
    limits()
    assert budget_of(app(), None, run_ids=["run_a"]) is None
    plain = budget_of(app(), 2.0, run_ids=["run_a"])
    assert plain is not None
    assert not isinstance(plain, LimitedBudget)


def test_one_that_waits_for_money_sees_what_others_spent_meanwhile() -> None:
    here, there = app(), app()
    mine = budget(here, begun(here, "run_a"))
    other = begun(there, "run_b")

    async def go() -> None:
        await mine.reserve(8.0)
        waiting = asyncio.ensure_future(mine.reserve(5.0))
        await asyncio.sleep(0)
        pay(there, other, 6.0)
        there.store.journal.flush()
        mine.settle(8.0, cost_usd=1.0)
        pay(here, "run_a", 1.0)
        with pytest.raises(BudgetExhaustedError):
            await waiting

    asyncio.run(go())


def test_looks_cost_a_twentieth_of_the_time_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = app(), app()
    now = [0.0]
    mine = LimitedBudget(here, budget_usd=None, spent_usd=0.0, run_ids=[begun(here, "run_a")], clock=lambda: now[0])
    pay(there, begun(there, "run_b"), 9.5)
    asyncio.run(mine.reserve(5.0))
    now[0] = limited_budget.LOOKS_APART_S
    with pytest.raises(BudgetExhaustedError):
        asyncio.run(mine.reserve(1.0))


def test_what_a_run_spends_on_another_day_counts_on_that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(day=10.0, month=100.0)
    here = app()
    begun(here, "run_a", day="2026-03-04")
    pay(here, "run_a", 9.0)
    spending.count_today(here, "run_a")
    spending.count_today(here, "run_a")
    pay(here, "run_a", 4.0)
    assert Books(here).by_day("run_a") == {"2026-03-04": 9.0, "2026-03-05": 4.0}
    assert [limit["spent_usd"] for limit in standing_of_limits(here)] == [4.0, 13.0]
    mine = budget(here, "run_a")
    assert mine.limit_usd == pytest.approx(6.0)
    on(date(2026, 3, 6), monkeypatch)
    with pytest.raises(BudgetExhaustedError):
        asyncio.run(mine.reserve(11.0))
    pay(here, "run_a", 2.0)
    assert Books(here).by_day("run_a") == {"2026-03-04": 9.0, "2026-03-05": 4.0, "2026-03-06": 2.0}


def test_the_report_shares_a_resumed_runs_cost_out_to_its_days() -> None:
    here = app()
    begun(here, "run_a", day="2026-03-04")
    pay(here, "run_a", 9.0)
    spending.count_today(here, "run_a")
    pay(here, "run_a", 3.0)
    document = cost_report(here, by="day", days=14, today=TODAY)
    assert {row["day"]: row["cost_usd"] for row in document["rows"]} == {"2026-03-04": 9.0, "2026-03-05": 3.0}
    assert document["total_usd"] == 12.0
    assert document["limits"][0]["spent_usd"] == 3.0
