"""Assignment: proportional, independent between salts, balanced in blocks, and exclusive where it must be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import ConfigError, InvalidInputError
from assay.experiments.assign import ELSEWHERE, HELD_OUT, Assigner, check_exclusion, position
from assay.experiments.spec import Experiment, Layer, MetricSpec
from assay.stats.health.ratio import srm_test

WON = MetricSpec(name="won", column="won", kind="share", role="primary")
TONE = Experiment(name="tone", arms={"A": 0.5, "B": 0.3, "C": 0.2}, control="A", metrics=[WON])
UNITS = [f"u{number}" for number in range(20_000)]


def test_positions_are_uniform_and_independent_of_other_salts() -> None:
    first, second = (np.array([position(unit, salt) for unit in UNITS]) for salt in ("a", "b"))
    cells = Counter(zip((first * 4).astype(int), (second * 4).astype(int), strict=True))
    expected = len(UNITS) / 16
    chi_square = sum((cells[i, j] - expected) ** 2 / expected for i in range(4) for j in range(4))
    assert chi_square < 37.7  # 99.9 % of chi-square with 15 degrees of freedom


def test_arms_have_their_shares_and_everybody_agrees() -> None:
    arms = [Assigner(TONE).arm(unit) for unit in UNITS]
    assert arms == [Assigner(replace(TONE)).arm(unit) for unit in UNITS]
    found = srm_test(Counter(arms), expected=TONE.arms)
    assert found.p_value is not None and found.p_value > 0.001
    assert arms != [Assigner(replace(TONE, salt="again")).arm(unit) for unit in UNITS]


def test_two_experiments_are_independent_of_each_other() -> None:
    other = Assigner(replace(TONE, name="colour", arms={"A": 0.5, "B": 0.5}))
    pairs = Counter((Assigner(TONE).arm(unit), other.arm(unit)) for unit in UNITS)
    for arm, share in TONE.arms.items():
        assert pairs[arm, "A"] / len(UNITS) == pytest.approx(share / 2, abs=0.012)


def test_held_out_units_are_the_same_for_all_who_share_the_name() -> None:
    one, two = (replace(TONE, name=name, holdout=0.1) for name in ("one", "two"))
    out = [{unit for unit in UNITS if Assigner(given).arm(unit) == HELD_OUT} for given in (one, two)]
    assert out[0] == out[1]
    assert len(out[0]) / len(UNITS) == pytest.approx(0.1, abs=0.01)


def test_experiments_of_one_layer_never_share_a_unit() -> None:
    low = replace(TONE, name="low", layer=Layer(name="prompts", low=0.0, high=0.4))
    high = replace(TONE, name="high", layer=Layer(name="prompts", low=0.4, high=1.0))
    check_exclusion([low, high, TONE])
    for unit in UNITS:
        assert (Assigner(low).arm(unit) == ELSEWHERE) != (Assigner(high).arm(unit) == ELSEWHERE)
    with pytest.raises(ConfigError, match=r"share the part from 0\.3 to 0\.4"):
        check_exclusion([low, replace(high, layer=Layer(name="prompts", low=0.3, high=1.0))])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("xyz"), max_size=60), st.randoms())
def test_blocks_balance_every_stratum_whatever_the_order(strata: list[str], draws: object) -> None:
    units = [f"u{number}" for number in range(len(strata))]
    given_arms = Assigner(TONE).blocked(units, strata)
    for stratum in "xyz":
        members = [arm for arm, own in zip(given_arms, strata, strict=True) if own == stratum]
        for arm, share in TONE.arms.items():
            assert abs(members.count(arm) - share * len(members)) <= 1.0 + 1e-9
    order = list(range(len(units)))
    draws.shuffle(order)  # type: ignore[attr-defined]
    again = Assigner(TONE).blocked([units[k] for k in order], [strata[k] for k in order])
    assert [again[order.index(k)] for k in range(len(units))] == given_arms


def test_strata_of_one_unit_do_not_all_get_the_same_arm() -> None:
    arms = Counter(Assigner(TONE).blocked(UNITS[:3000], UNITS[:3000]))
    assert arms["B"] / 3000 == pytest.approx(0.3, abs=0.04)


def test_what_cannot_be_assigned_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="3 units"):
        Assigner(TONE).blocked(["a", "b", "a"], ["x", "x", "x"])
    for wrong, code in (
        ({"arms": {"A": 0.5, "B": 0.4}}, "experiment.arms"),
        ({"control": "a"}, "experiment.control"),
        ({"holdout": 1.0}, "experiment.holdout"),
        ({"metrics": [WON, WON]}, "experiment.metrics"),
        ({"metrics": [replace(WON, role="guardrail")]}, "experiment.metrics"),
    ):
        with pytest.raises(ConfigError) as caught:
            replace(TONE, **wrong)  # type: ignore[arg-type]
        assert caught.value.code == code
