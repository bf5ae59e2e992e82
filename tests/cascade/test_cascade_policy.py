"""Which items go up: floors, sums, certain items, and disagreement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.engine.cascade.policy import (
    Policy,
    budget_optimal,
    fixed_shares,
    uncertainty,
)


def test_defaults_are_ten_and_one_percent() -> None:
    assert fixed_shares(2).shares == (0.1, 0.01)
    assert fixed_shares(2, (0.5, 0.2)).rate(1, reached=np.ones(10, dtype=bool)) == pytest.approx(0.4)


@given(
    sizes=st.lists(st.floats(0.0, 100.0), min_size=5, max_size=60),
    share=st.floats(0.05, 0.6),
    floor=st.sampled_from([0.25, 0.75, 1.0]),
)
@settings(max_examples=80, deadline=None)
def test_probabilities_add_up_keep_the_floor_and_rise_with_the_size(
    sizes: list[float], share: float, floor: float
) -> None:
    values = np.array(sizes)
    n = values.size
    p = np.asarray(budget_optimal((share,), sizes=values, floor=floor).rate(0, reached=np.ones(n, dtype=bool)))
    expected = max(share * n, 1.0)
    assert p.sum() == pytest.approx(expected, rel=1e-6)
    assert p.min() >= floor * expected / n * (1 - 1e-6)
    assert p.max() <= 1.0
    order = np.argsort(values)
    assert (np.diff(p[order]) >= -1e-9).all()


def test_under_a_floor_the_larger_of_floor_and_neyman_is_the_narrowest() -> None:
    sizes = np.random.default_rng(1).gamma(0.7, size=200)
    p = np.asarray(budget_optimal((0.2,), sizes=sizes).rate(0, reached=np.ones(200, dtype=bool)))

    def variance(probability: np.ndarray) -> float:
        return float(((1 / probability - 1) * sizes**2).sum())

    uniform = np.full(200, 0.2)
    mixture = 0.75 * 0.2 + 0.25 * 0.2 * 200 * sizes / sizes.sum()
    assert variance(p) < variance(mixture.clip(max=1.0)) < variance(uniform)


def test_certain_and_unreached_items_take_nothing_from_the_others() -> None:
    reached = np.arange(40) < 30
    certain = np.arange(40) < 5
    p = np.asarray(budget_optimal((0.2,), sizes=np.ones(40)).rate(0, reached=reached, certain=certain))
    assert (p[:5] == 1.0).all() and np.isnan(p[30:]).all()
    assert p[5:30] == pytest.approx(0.2)


def test_uncertainty_follows_disagreement_on_each_scale() -> None:
    policy = uncertainty((1.0, 0.5), verdicts=[[1.0, 2.0, 3.0, 3.0], [10.0, 20.0, 30.0, 10.0]])
    assert int(np.argmax(policy.scores[1])) == 3
    with pytest.raises(InvalidInputError, match="disagree"):
        uncertainty((0.5,), verdicts=[[1.0, 2.0]])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: fixed_shares(2, (0.1, 0.2)), "rise"),
        (lambda: fixed_shares(2, (0.1,)), "one for each"),
        (lambda: Policy(name="budget", shares=(0.1,), scores={1: np.ones(3)}), "tiers that are there"),
        (lambda: Policy(name="budget", shares=(0.1,), floor=0.0), "floor"),
    ],
)
def test_policies_that_cannot_be_are_refused(make, says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        make()
    assert says in f"{caught.value} {caught.value.hint}"
