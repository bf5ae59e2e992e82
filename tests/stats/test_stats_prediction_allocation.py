"""Budgets over tiers: optimal against a search, the advice against the rule, the forecast against a simulation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.prediction.allocation import allocate_tiers
from assay.stats.prediction.twophase import two_phase_replays
from assay.stats.special import t_quantile

NAMES = ["free", "fast", "strong", "people"]


def _variance(counts: list[float], r2: list[float], n_items: int) -> float:
    """Σ S²(residual of the tier below) (1/n_t - 1/n_(t-1)), in units of S²."""
    sizes = [float(n_items), *counts]
    return sum((1.0 - r2[t]) * (1 / sizes[t + 1] - 1 / sizes[t]) for t in range(len(counts)))


@pytest.mark.parametrize("with_without", [(0.18, 0.49, 5.7), (0.0, 0.9, 17.3)])
def test_two_tiers_follow_the_square_root_rule(with_without: tuple[float, float, float]) -> None:
    """n_g / n_e = √((S1 - S2)/S2 · c_e/c_g)."""
    low, high, _ = with_without
    plan = allocate_tiers(
        ["free", "strong", "people"], prices=[0, 0.003, 0.3], r2=[low, high], std_dev=1.0, n_items=10**6, budget=20.0
    )
    ratio = plan.tiers[1].n / plan.tiers[2].n
    assert ratio == pytest.approx(math.sqrt((high - low) / (1 - high) * 100))
    assert plan.cost == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("r2", "prices", "n_items", "budget"),
    [
        ([0.1, 0.3, 0.6], [0.0, 0.0005, 0.003, 0.3], 600, 12.0),
        ([0.1, 0.15, 0.7], [0.0, 0.05, 0.05, 0.3], 600, 40.0),  # unconstrained, the strong tier would get more
    ],
)
def test_no_other_split_of_the_budget_is_narrower(
    r2: list[float], prices: list[float], n_items: int, budget: float
) -> None:
    plan = allocate_tiers(NAMES, prices=prices, r2=r2, std_dev=2.0, n_items=n_items, budget=budget, keep=NAMES)
    sizes = [tier.n for tier in plan.tiers]
    assert all(before >= after * (1 - 1e-9) for before, after in pairwise(sizes))
    best = plan.std_error**2 / 4.0
    assert _variance([tier.n for tier in plan.tiers[1:]], r2, n_items) == pytest.approx(best)
    rng = np.random.default_rng(1)
    for _ in range(3_000):
        fast, strong = np.sort(rng.uniform(10, n_items, size=2))[::-1]
        people = (budget - fast * prices[1] - strong * prices[2]) / prices[3]
        if 0 < people <= strong:
            assert _variance([fast, strong, people], r2, n_items) >= best * (1 - 1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.0, 0.95), min_size=3, max_size=3),
    st.lists(st.floats(0.0001, 0.5), min_size=2, max_size=2),
    st.floats(12.0, 400.0),
)
def test_plans_are_nested_within_the_items_and_within_the_budget(
    r2: list[float], prices: list[float], budget: float
) -> None:
    plan = allocate_tiers(
        NAMES, prices=[0.0, *prices, 1.0], r2=sorted(r2), std_dev=1.0, n_items=300, budget=budget, min_labels=5
    )
    used = [tier.n for tier in plan.tiers if tier.n > 0]
    assert used[0] == 300 and all(a >= b - 1e-6 for a, b in pairwise(used))
    assert plan.cost <= budget * (1 + 1e-6)
    alone = math.sqrt((1 - min(r2)) * (1 / min(budget, 300.0) - 1 / 300))
    assert plan.std_error <= alone * (1 + 1e-6)  # never worse than the top tier beside the free one
    assert plan.shares == tuple(tier.share for tier in plan.tiers)


@pytest.mark.parametrize(("k", "needed"), [(1 / 6, 0.49), (0.01, 0.04)])
def test_a_tier_is_refused_exactly_below_four_k_over_one_plus_k_squared(k: float, needed: float) -> None:
    """The two published prices: GPT-3.5 for GPT-4 needs r² > .49, GPT-4 for experts r² > .04."""
    advised = "cannot pay at its price"
    for r2, pays in ((needed * 0.9, False), (needed * 1.12, True)):
        plan = allocate_tiers(
            ["free", "fast", "top"], prices=[0, k, 1], r2=[0, r2], std_dev=1.0, n_items=10**7, budget=100.0
        )
        assert plan.tiers[1].needed_r2 == pytest.approx(needed, abs=0.005)
        assert (plan.tiers[1].pays, plan.tiers[1].n > 0, bool(plan.advice)) == (pays, pays, not pays)
        assert pays or advised in plan.advice[0]


def test_the_cap_can_make_a_good_tier_not_pay_and_force_keeps_it() -> None:
    options = {"prices": [0, 1 / 6, 1], "r2": [0.0, 0.52], "std_dev": 1.0, "n_items": 40, "budget": 39.0}
    plan = allocate_tiers(["free", "fast", "top"], **options)
    kept = allocate_tiers(["free", "fast", "top"], keep=["fast"], **options)
    assert plan.tiers[1].n == 0 and "does not pay beside" in plan.advice[0]
    assert kept.tiers[1].n > 0 and not kept.tiers[1].pays and kept.advice
    assert kept.std_error >= plan.std_error


def test_a_tier_beyond_what_the_free_ones_know_is_judged_by_its_partial_share() -> None:
    plan = allocate_tiers(
        ["free", "fast", "top"], prices=[0, 0.1, 1], r2=[0.6, 0.7], std_dev=1.0, n_items=10**6, budget=50.0
    )
    assert plan.tiers[1].partial_r2 == pytest.approx(0.25)
    assert not plan.tiers[1].pays  # .25 < .33, though its plain r² is .7


def test_few_labels_are_kept_at_the_least_number_and_dear_tiers_are_dropped_for_it() -> None:
    options = {"r2": [0.0, 0.95, 0.95], "std_dev": 1.0, "n_items": 300, "budget": 12.0, "min_labels": 5}
    plan = allocate_tiers(NAMES, prices=[0.0, 0.5, 0.5, 1.0], **options)
    assert [tier.n for tier in plan.tiers] == pytest.approx([300, 14, 0, 5])
    dear = allocate_tiers(NAMES, prices=[0.0, 2.0, 2.0, 1.0], **options)
    assert [tier.n for tier in dear.tiers] == pytest.approx([300, 0, 0, 12])


def test_a_half_width_asks_for_the_budget_that_reaches_it() -> None:
    options = {"prices": [0, 0.003, 0.3], "r2": [0.1, 0.5], "std_dev": 0.8, "n_items": 5_000}
    plan = allocate_tiers(["free", "strong", "people"], half_width=0.05, **options)
    again = allocate_tiers(["free", "strong", "people"], budget=plan.cost, **options)
    assert plan.half_width == pytest.approx(0.05, rel=1e-6)
    assert again.half_width == pytest.approx(plan.half_width, rel=1e-6)
    assert plan.cost < plan.top_alone_cost
    df = round(plan.tiers[2].n - 3, 3)  # three weights are fitted: an intercept and one for each lower tier
    assert plan.half_width == pytest.approx(t_quantile(0.975, df) * plan.std_error)


def test_new_inputs_add_the_items_own_variance() -> None:
    options = {"prices": [0, 1], "r2": [0.5], "std_dev": 2.0, "n_items": 200, "budget": 50.0}
    these, new = (allocate_tiers(["free", "people"], new_inputs=flag, **options) for flag in (False, True))
    assert new.std_error**2 - these.std_error**2 == pytest.approx(4.0 / 200)


def test_everything_asked_leaves_no_doubt_about_these_items() -> None:
    plan = allocate_tiers(["free", "people"], prices=[0, 1], r2=[0.2], std_dev=1.0, n_items=50, budget=1_000.0)
    assert (plan.std_error, plan.shares, plan.cost) == (0.0, (1.0, 1.0), 50.0)
    assert plan.effective_n == pytest.approx(50.0)


def test_human_price_a_day_at_volume() -> None:
    """10 M items a day, three raters of $.10 each: $30,000 buy 1 %."""
    plan = allocate_tiers(
        ["free", "people"], prices=[0, 0.3], r2=[0.0], std_dev=0.5, n_items=10_000_000, budget=30_000.0
    )
    assert plan.tiers[1].n == pytest.approx(100_000.0)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"names": ["a"], "prices": [1.0], "r2": []}, "do not fit"),
        ({"prices": [0.0, 0.1]}, "do not fit"),
        ({"names": ["a", "a", "b"]}, "do not fit"),
        ({"prices": [0.0, -1.0, 1.0]}, "price"),
        ({"prices": [0.0, 0.1, 0.0]}, "price"),
        ({"r2": [0.5, 0.4]}, "r2"),
        ({"r2": [0.5, 1.0]}, "r2"),
        ({"std_dev": 0.0}, "std_dev"),
        ({"budget": 1.0}, "buys fewer"),
        ({"budget": None}, "budget or a half-width"),
        ({"half_width": 0.1}, "budget or a half-width"),
        ({"budget": None, "half_width": -1.0}, "half_width"),
        ({"budget": None, "half_width": 1e-4, "new_inputs": True}, "no budget reaches"),
        ({"keep": ["z"]}, "no tier z"),
    ],
)
def test_plans_that_cannot_be_are_refused(changed: dict, says: str) -> None:
    options = {
        "names": ["a", "b", "c"],
        "prices": [0.0, 0.1, 1.0],
        "r2": [0.1, 0.5],
        "std_dev": 1.0,
        "n_items": 100,
        "budget": 30.0,
    } | changed
    with pytest.raises(InvalidInputError, match=says):
        allocate_tiers(options.pop("names"), **options)


@pytest.mark.slow
def test_the_forecast_is_what_a_simulation_finds() -> None:
    rng = np.random.default_rng(5)
    n_items = 2_000
    y = rng.normal(size=n_items)
    free, strong = y + 2.0 * rng.normal(size=n_items), y + 0.8 * rng.normal(size=n_items)
    designs = [np.c_[np.ones(n_items), free], np.c_[np.ones(n_items), free, strong]]
    fits = [design @ np.linalg.lstsq(design, y, rcond=None)[0] for design in designs]
    r2 = [1 - float(np.var(y - fit) / np.var(y)) for fit in fits]
    plan = allocate_tiers(
        ["free", "strong", "people"], prices=[0, 0.01, 0.3], r2=r2, std_dev=float(y.std()), n_items=n_items, budget=20.0
    )
    sizes = [round(tier.n) for tier in plan.tiers[1:]]
    rank = np.argsort(np.argsort(rng.random((3_000, n_items)), axis=1), axis=1)
    asked = np.stack([rank < size for size in sizes], axis=1)
    replays = two_phase_replays(y, fits, asked=asked, weights="fixed")
    assert replays.value.std() == pytest.approx(plan.std_error, rel=0.05)
    assert np.mean(replays.high - replays.low) / 2 == pytest.approx(plan.half_width, rel=0.05)
