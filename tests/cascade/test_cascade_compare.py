"""Segments and paired differences: the one estimator on parts, and on two runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.core.errors import InvalidInputError
from assay.engine.cascade.compare import tiered_difference, tiered_segments
from assay.engine.cascade.draw import Draw
from assay.engine.cascade.estimate import tiered_estimate
from assay.engine.cascade.verdicts import Question, TierVerdicts
from assay.stats.scalar import NEW_INPUTS

N = 400
RNG = np.random.default_rng(3)
HARD = RNG.normal(size=N)
PART = np.where(np.arange(N) % 4 == 0, "few", "most")


def run(shift: float, *, seed: int, noise: int = 0, fixed: bool = False, rate: float = 0.4) -> list[TierVerdicts]:
    rng = np.random.default_rng(100 + noise)
    labels = HARD + shift + 0.4 * rng.normal(size=N) + np.where(PART == "few", 0.5, 0.0)
    judge = labels + 0.5 * rng.normal(size=N) + 0.3
    draw = Draw([str(k) for k in range(N)], seed=seed)
    fast = draw.above(draw.everything("free"), tier="judge", rate=0.5)
    top = draw.above(fast, tier="human", rate=rate)
    free = labels + 2.0 * rng.normal(size=N)
    return [
        TierVerdicts(name="free", values=free, prediction=0.2 * free if fixed else None),
        TierVerdicts.of(
            fast, np.where(fast.asked, judge, np.nan), prediction=0.8 * judge if fixed else None, cost_usd=20.0
        ),
        TierVerdicts.of(top, np.where(top.asked, labels, np.nan), cost_usd=80.0),
    ]


def truth(shift: float, *, noise: int = 0) -> float:
    rng = np.random.default_rng(100 + noise)
    labels = HARD + shift + 0.4 * rng.normal(size=N) + np.where(PART == "few", 0.5, 0.0)
    return float(labels.mean())


@pytest.mark.slow
def test_segments_cover_their_own_means_with_weights_from_outside() -> None:
    labels = truth_of_parts()
    inside, turns = {"few": 0, "most": 0}, 150
    for seed in range(turns):
        found = tiered_segments(run(0.0, seed=seed), PART.tolist())
        for name, one in found.items():
            inside[str(name)] += one.estimate.low <= labels[str(name)] <= one.estimate.high
        assert found["few"].start == "map"  # other parts' labels gave the weights
    assert min(inside.values()) / turns > 0.89


def truth_of_parts() -> dict[str, float]:
    rng = np.random.default_rng(100)
    labels = HARD + 0.4 * rng.normal(size=N) + np.where(PART == "few", 0.5, 0.0)
    return {name: float(labels[name == PART].mean()) for name in ("few", "most")}


def test_segments_of_a_map_are_the_estimate_on_the_part_and_costs_are_shared_out() -> None:
    tiers = run(0.0, seed=5, fixed=True)
    found = tiered_segments(tiers, PART.tolist())
    rows = PART == "few"
    part = [
        replace(
            tier,
            values=np.asarray(tier.values)[rows],
            asked=None if tier.asked is None else np.asarray(tier.asked)[rows],
            probability=None if tier.probability is None else np.asarray(tier.probability)[rows],
            prediction=None if tier.prediction is None else np.asarray(tier.prediction)[rows],
        )
        for tier in tiers
    ]
    assert found["few"].estimate == tiered_estimate(part).estimate
    assert found["few"].cost_usd + found["most"].cost_usd == pytest.approx(100.0)
    assert found["few"].tiers[2].asked + found["most"].tiers[2].asked == 80


def test_few_labels_outside_leave_the_part_its_own_weights() -> None:
    found = tiered_segments(run(0.0, seed=1, rate=0.1), ["one"] * 390 + ["two"] * 10)
    assert found["one"].start == "cold"


def test_probabilities_of_a_simple_draw_are_those_of_the_whole() -> None:
    labels = np.where(np.arange(100) < 30, np.arange(100) % 7, np.nan)
    tiers = [TierVerdicts(name="free", values=np.zeros(100)), TierVerdicts(name="human", values=labels)]
    found = tiered_segments(tiers, ["a"] * 20 + ["b"] * 80)
    assert found["a"].tiers[1].asked == 20
    assert found["b"].estimate.value == pytest.approx(np.nanmean(labels[20:]), abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [False, True])
def test_paired_differences_cover_and_are_narrower_than_runs_drawn_apart(fixed: bool) -> None:
    real = truth(0.3, noise=1) - truth(0.0)
    held, shared, apart = 0, [], []
    for seed in range(80):
        before, after = run(0.0, seed=seed, fixed=fixed), run(0.3, seed=seed, noise=1, fixed=fixed)
        paired = tiered_difference(before, after, coordinated=True)
        loose = tiered_difference(before, run(0.3, seed=seed + 999, noise=1, fixed=fixed), coordinated=False)
        held += paired.low <= real <= paired.high
        shared.append(paired.high - paired.low)
        apart.append(loose.high - loose.low)
        assert paired.n == 80
    assert held / 80 > 0.87
    assert np.mean(shared) < np.mean(apart)


def test_swapping_the_runs_negates_the_difference() -> None:
    before, after = run(0.0, seed=2), run(0.3, seed=2, noise=1)
    for coordinated in (True, False):
        one = tiered_difference(before, after, coordinated=coordinated)
        other = tiered_difference(after, before, coordinated=coordinated)
        assert (one.value, one.low) == pytest.approx((-other.value, -other.high))


def test_runs_said_to_be_coordinated_that_share_no_labels_are_subtracted() -> None:
    found = tiered_difference(run(0.0, seed=2, rate=0.1), run(0.3, seed=77, noise=1, rate=0.1), coordinated=True)
    assert found.method == "unpaired-two-phase-t"


def test_a_failure_in_one_run_only_keeps_the_smaller_probability() -> None:
    before, after = run(0.0, seed=4, fixed=True), run(0.3, seed=4, noise=1, fixed=True)
    only = np.flatnonzero(np.asarray(after[1].asked) & ~np.asarray(after[2].asked))[0]
    asked, chance = np.array(after[2].asked), np.array(after[2].probability)
    values = np.array(after[2].values)
    asked[only], chance[only], values[only] = True, np.asarray(after[1].probability)[only], 1.0
    after[2] = replace(after[2], asked=asked, probability=chance, values=values)
    found = tiered_difference(before, after, coordinated=True)
    plain = tiered_difference(before, run(0.3, seed=4, noise=1, fixed=True), coordinated=True)
    assert found.n == plain.n == 80  # the label of one run alone makes no pair
    assert found.value == pytest.approx(plain.value)


def test_new_inputs_take_their_clusters_along() -> None:
    question = Question(estimand=NEW_INPUTS, clusters=np.arange(N) // 8)
    found = tiered_difference(run(0.0, seed=3), run(0.3, seed=3, noise=1), coordinated=True, question=question)
    assert found.n_clusters is not None and found.estimand == NEW_INPUTS
    parts = tiered_segments(run(0.0, seed=3), PART.tolist(), question=question)
    assert parts["few"].estimate.n_clusters is not None


def test_runs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="differ"):
        tiered_difference(run(0.0, seed=1), run(0.0, seed=1)[:2], coordinated=True)
    with pytest.raises(InvalidInputError, match="segments"):
        tiered_segments(run(0.0, seed=1), ["a"])
    other = run(0.0, seed=1)
    other[0] = replace(other[0], values=np.zeros((N, 2)))
    with pytest.raises(InvalidInputError, match="columns"):
        tiered_difference(run(0.0, seed=1), other, coordinated=True)


def test_a_run_without_labels_has_no_difference_and_says_why() -> None:
    empty = run(0.0, seed=1)
    empty[1:] = [replace(tier, values=np.full(N, np.nan)) for tier in empty[1:]]
    found = tiered_difference(run(0.0, seed=1), empty, coordinated=False)
    assert found.value is None and found.reason
