"""Draws: exact sizes, nested tiers, stated probabilities, the same items whenever asked again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.engine.cascade.draw import Draw, choose, conditional_rates, draw_keys

IDS = [f"q{k}" for k in range(400)]


def _three(seed: int, ids: list[str], failed: np.ndarray | None = None) -> list:
    draw = Draw(ids, seed=seed)
    fast = draw.above(draw.everything(), tier="fast", rate=0.25)
    return [fast, draw.above(fast, tier="strong", rate=0.2, failed=failed)]


@given(seed=st.integers(0, 10_000), n=st.integers(2, 300), rate=st.floats(0.01, 1.0))
@settings(max_examples=60, deadline=None)
def test_sizes_are_exact_and_tiers_are_nested(seed: int, n: int, rate: float) -> None:
    draw = Draw(IDS[:n], seed=seed)
    fast = draw.above(draw.everything(), tier="fast", rate=rate)
    wanted = min(max(int(n * rate + 0.5), 1), n)
    assert fast.asked.sum() == wanted
    assert fast.probability == pytest.approx(wanted / n)
    strong = draw.above(fast, tier="strong", rate=0.5)
    assert not (strong.asked & ~fast.asked).any()
    assert np.isnan(strong.probability[~fast.asked]).all()
    assert (strong.probability[fast.asked] > 0.0).all()


def test_the_smallest_keys_are_drawn() -> None:
    fast, _ = _three(3, IDS)
    keys = draw_keys(IDS, seed=3, tier="fast")
    assert set(np.flatnonzero(fast.asked)) == set(np.argsort(keys)[:100])
    assert list(fast.rows()) == list(np.argsort(keys)[:100])


def test_keys_depend_on_seed_tier_and_id_and_look_uniform() -> None:
    base = draw_keys(IDS, seed=0, tier="fast")
    for other in (draw_keys(IDS, seed=1, tier="fast"), draw_keys(IDS, seed=0, tier="strong")):
        assert abs(np.corrcoef(base, other)[0, 1]) < 0.2
    many = np.sort(draw_keys([str(k) for k in range(20_000)], seed=5, tier="x"))
    assert many[0] > 0.0 and many[-1] < 1.0
    assert np.abs(many - (np.arange(20_000) + 0.5) / 20_000).max() < 1.63 / np.sqrt(20_000)  # Kolmogorov, 1 %


def test_a_resume_and_another_order_pick_the_same_items() -> None:
    failed = np.zeros(400, dtype=bool)
    failed[np.flatnonzero(_three(9, IDS)[0].asked)[:5]] = True
    shuffled = np.random.default_rng(1).permutation(400)
    for one, other in zip(_three(9, IDS, failed), _three(9, [IDS[k] for k in shuffled], failed[shuffled]), strict=True):
        assert (one.asked[shuffled] == other.asked).all()
        np.testing.assert_allclose(one.probability[shuffled], other.probability)


def test_added_items_move_few_and_a_poisson_draw_none() -> None:
    more = [*IDS, *(f"new{k}" for k in range(40))]
    before, after = _three(2, IDS)[0].asked, _three(2, more)[0].asked[:400]
    assert (before ^ after).sum() <= 12
    fixed = np.full(440, 0.25)
    small, large = Draw(IDS, seed=2), Draw(more, seed=2)
    one = small.above(small.everything(), tier="fast", rate=fixed[:400]).asked
    assert (one == large.above(large.everything(), tier="fast", rate=fixed).asked[:400]).all()


def test_failures_go_up_for_certain_and_probabilities_multiply() -> None:
    fast, plain = _three(4, IDS)
    failed = np.zeros(400, dtype=bool)
    lost = [row for row in np.flatnonzero(fast.asked) if not plain.asked[row]][:7]
    failed[lost] = True
    failed[np.flatnonzero(~fast.asked)[0]] = True  # never asked, so it cannot have failed there
    _, strong = _three(4, IDS, failed)
    assert strong.asked[lost].all() and strong.certain[lost].all()
    assert strong.probability[lost] == pytest.approx(fast.probability[lost])
    assert strong.asked.sum() == 7 + round(93 * 0.2)
    others = strong.asked & ~strong.certain
    assert strong.probability[others] == pytest.approx(0.25 * 19 / 93)


@pytest.mark.slow
def test_items_that_came_for_certain_are_drawn_at_the_next_tier_by_their_own_key() -> None:
    critical = np.arange(400) < 200
    hits = np.zeros(400)
    for seed in range(300):
        draw = Draw(IDS, seed=seed)
        everything = draw.everything()
        keys = draw_keys(IDS, seed=seed, tier="fast")
        asked, _ = choose(keys, reached=everything.asked, certain=critical, rate=0.1)
        rung = draw.above(everything, tier="fast", rate=0.1, failed=critical)
        assert (rung.asked == asked).all()
        hits += draw.above(rung, tier="strong", rate=0.3).asked
    assert hits[critical].mean() / 300 == pytest.approx(0.3, abs=0.01)
    assert hits[~critical].mean() / 300 == pytest.approx(0.03, abs=0.004)


@pytest.mark.parametrize("unequal", [False, True])
def test_items_are_drawn_as_often_as_their_probability_says(unequal: bool) -> None:
    rng = np.random.default_rng(7)
    n, turns = 60, 6_000
    rate = rng.uniform(0.05, 0.9, size=n) if unequal else 0.3
    certain = np.arange(n) < 4
    asked, probability = choose(rng.random((turns, n)), reached=np.ones(n, dtype=bool), certain=certain, rate=rate)
    stated = probability.mean(axis=0)
    error = np.sqrt(stated * (1 - stated) / turns)
    assert (np.abs(asked.mean(axis=0) - stated) <= 4.5 * error).all()
    assert (np.abs(asked.mean(axis=0) - np.roll(stated, 7)) > 4.5 * error).any()  # the test can fail


def test_a_beginning_of_the_rows_is_a_draw_of_its_own() -> None:
    draw = Draw(IDS, seed=11, certain=np.arange(400) < 10)
    rung = draw.above(draw.everything(), tier="top", rate=0.2)
    first = rung.first(20)
    assert first.asked.sum() == 30 and first.asked[:10].all()
    assert first.probability[~rung.certain] == pytest.approx(20 / 390)
    assert not (first.asked & ~rung.asked).any()
    assert rung.first(10_000) is rung
    with pytest.raises(InvalidInputError, match="no item"):
        rung.first(0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Draw(["a", "a"], seed=0), "one id"),
        (lambda: Draw(["a", "b"], seed=0, certain=[True]), "certain has shape"),
        (lambda: Draw(["a"], seed=0).above(Draw(["a"], seed=0).everything(), tier="t", rate=0.0), "outside"),
        (lambda: Draw(["a"], seed=0).above(Draw(["a"], seed=0).everything(), tier="t", rate=float("nan")), "outside"),
        (lambda: Draw(["a"], seed=0).above(Draw(["a"], seed=0).everything(), tier="t", rate=[np.nan]), "probability"),
        (lambda: conditional_rates([0.1, 0.2]), "rise"),
    ],
)
def test_draws_that_cannot_be_are_refused(make, says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        make()
    assert says in f"{caught.value} {caught.value.hint}"
