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
    part = [tier.at(np.flatnonzero(PART == "few")) for tier in tiers]
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
    with pytest.raises(InvalidInputError, match="differ in items"):
        tiered_difference(run(0.0, seed=1), [tier.at(np.arange(9)) for tier in run(0.0, seed=1)], coordinated=True)
    with pytest.raises(InvalidInputError, match="segments"):
        tiered_segments(run(0.0, seed=1), ["a"])


def test_other_free_metrics_leave_the_pairs_and_predict_nothing() -> None:
    before, after = run(0.0, seed=2), run(0.3, seed=2, noise=1)
    other = replace(after[0], values=np.column_stack([np.asarray(after[0].values), HARD]))
    found = tiered_difference(before, [other, *after[1:]], coordinated=True)
    without = [replace(side[0], values=np.zeros(N)) for side in (before, after)]
    expected = tiered_difference([without[0], *before[1:]], [without[1], *after[1:]], coordinated=True)
    assert found.method == "paired-two-phase-fit-t"
    assert (found.value, found.low) == pytest.approx((expected.value, expected.low))


def test_runs_up_other_tiers_are_subtracted() -> None:
    before, after = run(0.0, seed=2), run(0.3, seed=2, noise=1)
    after = [after[0], replace(after[2], name="people")]
    found = tiered_difference(before, after, coordinated=True)
    one, other = tiered_estimate(before), tiered_estimate(after)
    assert found.method == "unpaired-two-phase-t"
    assert found.value == pytest.approx(other.estimate.value - one.estimate.value)
    assert found.std_error == pytest.approx(np.hypot(one.estimate.std_error, other.estimate.std_error))


def test_estimates_of_different_tiers_have_no_difference() -> None:
    before, after = run(0.0, seed=2), run(0.3, seed=8, noise=1)
    after[2] = replace(after[2], values=np.full(N, np.nan))
    found = tiered_difference(before, after, coordinated=False)
    assert found.value is None and found.reason == "one run speaks of human, the other of judge"


def test_shares_without_a_win_differ_by_no_more_than_their_wilson_intervals_allow() -> None:
    asked = np.arange(N) % 10 == 0
    free = TierVerdicts(name="free", values=np.zeros(N), prediction=np.zeros(N))
    runs = [
        [free, TierVerdicts(name="judge", values=np.where(asked, wins, np.nan), share=True, unit="share")]
        for wins in (np.zeros(N), (np.arange(N) == 20).astype(float))
    ]
    found = tiered_difference(*runs, coordinated=False)
    none, one = (tiered_estimate(run).estimate for run in runs)
    assert (found.method, found.unit) == ("unpaired-two-phase-wilson", "share")
    assert found.high - found.value == pytest.approx(np.hypot(one.high - one.value, none.value - none.low))
    same = tiered_difference(runs[0], runs[0], coordinated=False)
    assert (same.value, same.low) == (0.0, pytest.approx(-none.high))  # two samples without a win are not certainty


def test_a_run_without_labels_has_no_difference_and_says_why() -> None:
    empty = run(0.0, seed=1)
    empty[1:] = [replace(tier, values=np.full(N, np.nan)) for tier in empty[1:]]
    found = tiered_difference(run(0.0, seed=1), empty, coordinated=False)
    assert found.value is None and found.reason
