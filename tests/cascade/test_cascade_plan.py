"""Forecasts: the sums of the day, what people cost, and tiers that cannot pay."""

from __future__ import annotations

import numpy as np
import pytest

from assay.core.errors import ConfigError, InvalidInputError
from assay.engine.cascade.plan import (
    Knowledge,
    TierPrice,
    forecast,
    from_correlations,
    parse_volume,
    pilot_knowledge,
)
from assay.engine.cascade.policy import fixed_shares
from assay.engine.cascade.simulate import replay
from assay.engine.cascade.verdicts import TierVerdicts

FREE, STRONG = TierPrice(name="free", usd=0.0), TierPrice(name="strong", usd=0.003)
DAY = 10_000_000


@pytest.mark.parametrize(
    ("fast", "shares", "tier_costs", "total"),
    [
        (0.0005, (0.1, 0.01), (500.0, 300.0), 800.0),
        (0.0005, (0.1, 0.015), (500.0, 450.0), 950.0),
        (0.001, (0.1, 0.01), (1_000.0, 300.0), 1_300.0),
    ],
)
def test_what_ten_million_items_a_day_cost(fast: float, shares: tuple, tier_costs: tuple, total: float) -> None:
    tiers = [FREE, TierPrice(name="fast", usd=fast), STRONG]
    known = Knowledge(r2=(0.1, 0.3), std_dev=1.0, source="priors")
    found = forecast(tiers, known, n_items=DAY, shares=shares, per="day")
    assert found.allocation.cost == pytest.approx(total)
    assert [plan.cost for plan in found.allocation.tiers[1:]] == pytest.approx(list(tier_costs))
    assert found.whole_usd == pytest.approx(30_000.0)


def test_people_on_one_percent_of_ten_million_are_said_beforehand() -> None:
    people = TierPrice(name="human", usd=0.30, raters=3, hours=24.0, people=True)
    found = forecast([FREE, people], from_correlations([0.4], 1.0), n_items=DAY, shares=(0.01,), per="day")
    assert "300,000 labels a day" in found.warnings[0] and "$30,000 to $150,000 a day" in found.warnings[0]
    assert "24 hours" in found.warnings[1]
    assert found.allocation.cost == pytest.approx(90_000.0)  # all raters count
    few = forecast([FREE, people], from_correlations([0.4], 1.0), n_items=1_000, shares=(0.1,))
    assert all("labels a day" not in one for one in few.warnings)


def test_a_proxy_below_four_k_over_one_plus_k_squared_is_advised_against_and_force_keeps_it() -> None:
    tiers = [FREE, TierPrice(name="fast", usd=0.0005), STRONG]
    weak, good = (Knowledge(r2=(0.0, r2), std_dev=1.0, source="pilot") for r2 in (0.36, 0.85))
    refused = forecast(tiers, weak, n_items=5_000, budget_usd=6.0)
    assert refused.allocation.tiers[1].n == 0.0 and "fast cannot pay" in refused.allocation.advice[0]
    kept = forecast(tiers, weak, n_items=5_000, budget_usd=6.0, force=["fast"])
    assert kept.allocation.tiers[1].n > 0.0 and not kept.allocation.tiers[1].pays
    assert kept.allocation.half_width > refused.allocation.half_width
    assert not forecast(tiers, good, n_items=50_000, budget_usd=20.0).allocation.advice
    shares = forecast(tiers, weak, n_items=5_000, shares=(0.1, 0.05)).allocation
    assert not shares.tiers[1].pays and shares.advice


def test_a_half_width_asks_for_its_budget() -> None:
    tiers = [FREE, STRONG, TierPrice(name="human", usd=0.3)]
    known = Knowledge(r2=(0.1, 0.5), std_dev=0.8, source="priors")
    found = forecast(tiers, known, n_items=10_000, half_width=0.12)
    assert found.allocation.half_width == pytest.approx(0.12, rel=1e-3)
    assert found.allocation.cost < found.allocation.top_alone_cost
    new = forecast(tiers, known, n_items=300, shares=(0.5, 0.3), new_inputs=True)
    assert new.allocation.half_width > forecast(tiers, known, n_items=300, shares=(0.5, 0.3)).allocation.half_width


@pytest.mark.slow
def test_the_forecast_is_what_replays_find() -> None:
    rng = np.random.default_rng(1)
    labels = rng.normal(size=800)
    free, judge = labels + 2 * rng.normal(size=800), labels + 0.7 * rng.normal(size=800)
    known = pilot_knowledge([free, judge], labels)
    assert known.r2 == pytest.approx((0.2, 0.67), abs=0.05)
    tiers = [FREE, STRONG, TierPrice(name="human", usd=0.3)]
    found = forecast(tiers, known, n_items=800, budget_usd=20.0)
    shares = found.allocation.shares[1:]
    replayed = replay(
        [
            TierVerdicts(name="free", values=free),
            TierVerdicts(name="strong", values=judge),
            TierVerdicts(name="human", values=labels),
        ],
        fixed_shares(2, shares),
        replays=400,
        seed=1,
        prices=[0.003, 0.3],
    )
    assert replayed.cost.mean() == pytest.approx(found.allocation.cost, rel=0.03)
    assert replayed.half_width == pytest.approx(found.cold_half_width, rel=0.08)
    assert found.cold_half_width > found.allocation.half_width


@pytest.mark.parametrize(
    ("text", "items", "per"),
    [("10M/day", DAY, "day"), ("600", 600, "run"), ("2k/hour", 48_000, "day"), ("1_500", 1_500, "run"),
     ("3b/month", 100_000_000, "day")],
)  # fmt: skip
def test_volumes_are_read_as_people_write_them(text: str, items: int, per: str) -> None:
    assert parse_volume(text) == (items, per)


@pytest.mark.parametrize("text", ["", "many", "10M/year", "1.2.3", "1", "-5"])
def test_other_words_are_no_volume(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_volume(text)
    assert caught.value.code == "cascade.volume"


def test_plans_that_cannot_be_are_refused() -> None:
    tiers, known = [FREE, STRONG], Knowledge(r2=(0.1,), std_dev=1.0, source="priors")
    with pytest.raises(ConfigError) as caught:
        forecast(tiers, known, n_items=100, shares=(0.1,), budget_usd=1.0)
    assert caught.value.code == "cascade.plan"
    with pytest.raises(ConfigError) as caught:
        forecast(tiers, known, n_items=100, budget_usd=0.001)
    assert caught.value.code == "cascade.budget" and "spend at least" in caught.value.hint
    with pytest.raises(InvalidInputError, match="too few"):
        forecast(tiers, known, n_items=100, shares=(0.01,))
    with pytest.raises(InvalidInputError, match="costs -1"):
        TierPrice(name="x", usd=-1.0)
    with pytest.raises(InvalidInputError, match="correlation"):
        from_correlations([1.0], 1.0)
    with pytest.raises(InvalidInputError, match="pilot of 5 items"):
        pilot_knowledge([np.zeros(5)], np.arange(5.0))
    with pytest.raises(InvalidInputError, match="no budget reaches"):
        forecast(tiers, known, n_items=100, half_width=1e-9, new_inputs=True)


def test_guesses_never_fall_along_the_chain() -> None:
    assert from_correlations([0.5, 0.3], 1.0).r2 == (0.25, 0.25)
