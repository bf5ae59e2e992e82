"""Elo and Glicko: published examples, twins, and what they say about themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.ratings.battles import Battles
from assay.stats.ratings.elo import elo_expected_score, elo_over_orders, elo_ratings
from assay.stats.ratings.glicko import glicko_ratings, glicko_update


def some(rng: np.random.Generator, n: int) -> Battles:
    a = rng.integers(4, size=n)
    b = (a + rng.integers(1, 4, size=n)) % 4
    return Battles.of(a, b, rng.choice([1.0, 0.5, 0.0], size=n), names=list("wxyz"))


# --- Elo ------------------------------------------------------------------------------------------------------------
def test_expected_scores_of_the_textbook_tournament() -> None:
    """Rated 1613 against five: .51 + .69 + .79 + .54 + .35 = 2.88 (the worked example on chess rating pages)."""
    expected = [elo_expected_score(1613, other) for other in (1609, 1477, 1388, 1586, 1720)]
    assert expected == pytest.approx([0.506, 0.686, 0.785, 0.539, 0.351], abs=6e-4)
    assert round(1613 + 32 * (2.5 - sum(expected))) == 1601


def test_ten_to_one_is_four_hundred_points() -> None:
    assert elo_expected_score(1400, 1000) == pytest.approx(10 / 11)
    assert elo_expected_score(1000, 1000) == 0.5


def test_online_elo_is_evalica_s() -> None:
    import evalica

    battles = some(np.random.default_rng(1), 200)
    labels = list("wxyz")
    winners = [(evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)[k] for k in battles.outcome]
    theirs = evalica.elo([labels[i] for i in battles.a], [labels[i] for i in battles.b], winners, k=30.0)
    ours = elo_ratings(battles, k_factor=30.0)
    assert [e.value for e in ours] == pytest.approx(theirs.scores.loc[labels].to_list())


@given(st.integers(0, 10_000), st.floats(0.5, 64.0))
@settings(max_examples=25, deadline=None)
def test_points_are_only_passed_on(seed: int, k_factor: float) -> None:
    ratings = elo_ratings(some(np.random.default_rng(seed), 50), k_factor=k_factor, initial=1200.0)
    assert sum(e.value or 0.0 for e in ratings) == pytest.approx(4 * 1200.0)


def test_the_order_matters_and_the_answer_says_so() -> None:
    battles = Battles.of(["x"] * 20, ["y"] * 20, ["a"] * 10 + ["b"] * 10)
    turned = Battles.of(["x"] * 20, ["y"] * 20, ["b"] * 10 + ["a"] * 10)
    late, early = elo_ratings(battles, k_factor=32)[0], elo_ratings(turned, k_factor=32)[0]
    assert (late.value or 0) < 1000 < (early.value or 0)
    assert late.low is None and "order" in (late.reason or "") and late.estimand == "these battles in this order"
    spread = elo_over_orders(battles, rng=np.random.default_rng(2), k_factor=32)[0]
    assert spread.low is not None and spread.high is not None
    assert (late.value or 0) <= spread.low < (spread.value or 0) < spread.high <= (early.value or 0)


def test_one_order_side_by_side_is_the_loop() -> None:
    battles = Battles.of(["x"] * 5, ["y"] * 5, ["a"] * 5, weight=[2.0] * 5)  # every order is the same
    spread, single = elo_over_orders(battles, rng=np.random.default_rng(3), orders=20), elo_ratings(battles)
    for many, one in zip(spread, single, strict=True):
        assert (many.low, many.value, many.high) == pytest.approx((one.value,) * 3)


@pytest.mark.parametrize("bad", [{"k_factor": 0.0}, {"k_factor": math.nan}, {"initial": math.inf}])
def test_bad_elo_arguments_are_refused(bad: dict) -> None:
    battles = some(np.random.default_rng(4), 10)
    with pytest.raises(InvalidInputError):
        elo_ratings(battles, **bad)
    with pytest.raises(InvalidInputError):
        elo_over_orders(battles, rng=np.random.default_rng(1), **bad)
    with pytest.raises(InvalidInputError, match="too few"):
        elo_over_orders(battles, rng=np.random.default_rng(1), orders=5)


# --- Glicko ---------------------------------------------------------------------------------------------------------
def test_glickmans_worked_example() -> None:
    """The Glicko system (Glickman, glicko.net): 1500/200 against 1400/30, 1550/100, 1700/300 gives 1464 and 151.4."""
    after = glicko_update(1500, 200, opponents=[1400, 1550, 1700], opponent_deviations=[30, 100, 300], scores=[1, 0, 0])
    assert round(after.value or 0) == 1464
    assert after.std_error == pytest.approx(151.4, abs=0.05)
    assert (after.value or 0) - (after.low or 0) == pytest.approx(1.959964 * (after.std_error or 0))


def test_no_games_change_nothing_and_an_exact_opponent_is_elo_with_a_small_step() -> None:
    idle = glicko_update(1500, 200, opponents=[], opponent_deviations=[], scores=[])
    assert (idle.value, idle.std_error) == (pytest.approx(1500), pytest.approx(200))
    sure = glicko_update(1500, 20, opponents=[1700], opponent_deviations=[0], scores=[1])
    step = math.log(10) / 400 * (sure.std_error or 0) ** 2
    assert (sure.value or 0) - 1500 == pytest.approx(step * (1 - elo_expected_score(1500, 1700)))


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_all_players_at_once_are_the_single_updates(seed: int) -> None:
    battles = some(np.random.default_rng(seed), 12)
    score = np.array([1.0, 0.0, 0.5])[battles.outcome]
    for player, after in enumerate(glicko_ratings(battles)):
        mine = (battles.a == player) | (battles.b == player)
        won = np.where(battles.a == player, score, 1.0 - score)[mine]
        alone = glicko_update(
            1500, 350, opponents=np.full(mine.sum(), 1500), opponent_deviations=np.full(mine.sum(), 350), scores=won
        )
        assert (after.value, after.std_error) == (pytest.approx(alone.value), pytest.approx(alone.std_error))
        assert after.n == mine.sum()


def test_deviation_shrinks_with_play_and_grows_with_time_up_to_the_first() -> None:
    battles = Battles.of(["x", "x"], ["y", "y"], ["a", "a"])
    near, far, never = (
        glicko_ratings(battles, period=when, growth=60.0)[0].std_error or 0.0 for when in ([0, 1], [0, 5], [0, 10_000])
    )
    assert near < far < never < 350
    still = glicko_ratings(battles, period=[0, 5])[0].std_error
    assert still == glicko_ratings(battles, period=[0, 1])[0].std_error


@pytest.mark.parametrize(
    "bad", [{"period": [1, 0]}, {"period": [0.0, 1.0]}, {"period": [0]}, {"initial_deviation": 0.0}, {"growth": -1.0}]
)
def test_bad_glicko_arguments_are_refused(bad: dict) -> None:
    with pytest.raises(InvalidInputError):
        glicko_ratings(Battles.of(["x", "x"], ["y", "y"], ["a", "a"]), **bad)


@pytest.mark.parametrize(
    ("deviation", "games"),
    [(0.0, [[1], [1], [1]]), (200.0, [[1], [1, 2], [1]]), (200.0, [[1], [1], [2]]), (200.0, [[math.nan], [1], [1]])],
)
def test_bad_games_are_refused(deviation: float, games: list) -> None:
    with pytest.raises(InvalidInputError):
        glicko_update(1500, deviation, opponents=games[0], opponent_deviations=games[1], scores=games[2])
