"""Neyman's rule item by item: chances, sums and floors, the estimate that undoes them, and one that does not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.engine.cascade.draw import Draw, choose, draw_keys
from assay.engine.cascade.estimate import tiered_estimate
from assay.engine.cascade.policy import Policy, budget_optimal, fixed_shares
from assay.engine.cascade.simulate import draws, replay
from assay.engine.cascade.verdicts import TierVerdicts, prepare
from assay.stats.prediction.residual_curve import ResidualCurve, fit_residual_curve
from assay.stats.prediction.twophase import two_phase_replays

pytestmark = pytest.mark.slow

Floats = npt.NDArray[np.float64]
N = 400


def world(seed: int = 3) -> tuple[Floats, Floats, ResidualCurve]:
    """A map's predictions, labels it is off by more (and too low) where they are high, and the curve of another set."""
    rng = np.random.default_rng(seed)
    predicted = np.tile(rng.uniform(1.0, 5.0, size=N), 2)
    labels = predicted + (0.05 + 0.08 * (predicted - 1.0) ** 2) * (0.5 + rng.standard_normal(2 * N))
    return predicted[:N], labels[:N], fit_residual_curve(predicted[N:], labels[N:])


def tiers(predicted: Floats, labels: Floats) -> list[TierVerdicts]:
    return [
        TierVerdicts(name="free", values=predicted, prediction=predicted, asked=np.ones(N, dtype=bool)),
        TierVerdicts(name="people", values=labels, asked=np.ones(N, dtype=bool)),
    ]


@given(
    edges=st.lists(st.floats(-3, 3), max_size=6, unique=True).map(sorted),
    data=st.data(),
    fast=st.floats(0.2, 1.0),
    share=st.floats(0.02, 1.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_every_chance_keeps_three_quarters_of_the_equal_one_and_they_add_up(
    edges: list[float], data: st.DataObject, fast: float, share: float, seed: int
) -> None:
    sizes = data.draw(st.lists(st.floats(1e-3, 1e3), min_size=len(edges) + 1, max_size=len(edges) + 1))
    curve = ResidualCurve(edges=tuple(edges), sizes=tuple(sizes))
    rng, ids = np.random.default_rng(seed), [f"q{k}" for k in range(200)]
    policy = budget_optimal((fast, fast * share), sizes=curve.at(rng.normal(size=200)))
    draw = Draw(ids, seed=seed, certain=np.arange(200) < 5)
    below = draw.above(draw.everything(), tier="fast", rate=policy.rate(0, reached=np.ones(200, dtype=bool)))
    certain = below.asked & (np.arange(200) < 5)
    top = draw.above(below, tier="top", rate=policy.rate(1, reached=below.asked, certain=certain))
    lots = below.asked & ~certain
    chance = top.conditional[lots]
    expected = max(share * lots.sum(), 1.0)
    assert chance.sum() == pytest.approx(expected, rel=1e-6)
    assert chance.min() >= 0.75 * expected / lots.sum() * (1 - 1e-6)
    assert chance.max() <= 1.0
    assert top.probability[lots] == pytest.approx(below.probability[lots] * chance)


def test_the_draw_of_a_run_and_its_replay_give_one_estimate() -> None:
    """As a run draws (hashed ids, item by item) and as ``cascade simulate`` reckons (batches of draws)."""
    predicted, labels, curve = world()
    policy = budget_optimal((0.2,), sizes=curve.at(predicted))
    ids = [f"q{k}" for k in range(N)]
    draw = Draw(ids, seed=5)
    rung = draw.above(draw.everything(), tier="people", rate=policy.rate(0, reached=np.ones(N, dtype=bool)))
    free = tiers(predicted, labels)[0]
    live = tiered_estimate([free, TierVerdicts.of(rung, np.where(rung.asked, labels, np.nan))]).estimate
    ready = prepare(tiers(predicted, labels))
    asked, chance = choose(
        draw_keys(ids, seed=5, tier="people")[None],
        reached=np.ones(N, dtype=bool),
        certain=np.zeros(N, dtype=bool),
        rate=policy.rate(0, reached=np.ones(N, dtype=bool)),
    )
    again = two_phase_replays(
        ready.labels, ready.proxies, asked=asked[:, None], probabilities=[chance], weights=ready.weights
    )
    assert live.value == pytest.approx(again.value[0], abs=1e-12)
    assert (live.low, live.high) == pytest.approx((again.low[0], again.high[0]), abs=1e-12)


def values(policy: Policy, *, weighed: bool, replays: int = 2_000) -> Floats:
    """Estimates over many draws; unweighed, every item drawn counts alike."""
    predicted, labels, _ = world()
    ready, found = prepare(tiers(predicted, labels)), []
    nobody = [np.zeros(N, dtype=bool)] * 2
    for asked, chance, _ in draws(policy, nobody, n=N, replays=replays, seed=1):
        equal = asked.mean(axis=2, keepdims=True) * np.ones(N)
        chances = chance if weighed else equal
        found.append(
            two_phase_replays(
                ready.labels, ready.proxies, asked=asked, probabilities=[chances[:, 0]], weights="fixed"
            ).value
        )
    return np.concatenate(found)


def test_unequal_chances_that_the_estimate_ignores_are_caught() -> None:
    predicted, labels, curve = world()
    policy, truth = budget_optimal((0.15,), sizes=curve.at(predicted)), labels.mean()

    def z(found: Floats) -> float:
        return float((found.mean() - truth) / (found.std(ddof=1) / np.sqrt(found.size)))

    assert abs(z(values(policy, weighed=True))) < 3.5
    assert z(values(policy, weighed=False)) > 20.0


def test_it_is_narrower_than_equal_chances_and_covers() -> None:
    predicted, labels, curve = world()
    ready = tiers(predicted, labels)
    equal = replay(ready, fixed_shares(1, (0.15,)), replays=2_000, seed=2)
    ours = replay(ready, budget_optimal((0.15,), sizes=curve.at(predicted)), replays=2_000, seed=2)
    assert ours.half_width < 0.9 * equal.half_width
    assert ours.coverage > 0.93


@pytest.mark.slow
def test_asked_in_batches_until_it_is_narrow_it_covers() -> None:
    """The beginnings of a Poisson draw, as ``until:`` uses them: weights are near enough for the interval."""
    predicted, labels, curve = world()
    free, truth = tiers(predicted, labels)[0], labels.mean()
    policy = budget_optimal((0.6,), sizes=curve.at(predicted))
    ids, errors, covered = [f"q{k}" for k in range(N)], [], 0
    for seed in range(600):
        draw = Draw(ids, seed=seed)
        whole = draw.above(draw.everything(), tier="people", rate=policy.rate(0, reached=np.ones(N, dtype=bool)))
        for take in range(30, N, 10):
            rung = whole.first(take)
            found = tiered_estimate([free, TierVerdicts.of(rung, np.where(rung.asked, labels, np.nan))]).estimate
            assert found.value is not None and found.low is not None and found.high is not None
            if (found.high - found.low) / 2.0 < 0.12:
                break
        covered += found.low <= truth <= found.high
        errors.append(found.value - truth)
    assert covered / 600 > 0.92
    assert abs(np.mean(errors)) < 3.5 * np.std(errors) / np.sqrt(600)
