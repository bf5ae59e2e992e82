"""Win rates: ties, clusters, both orders, and length control."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.ratings.length_control import instruction_difficulty, length_controlled_win_rate
from assay.stats.ratings.win_rate import swapped_win_rate, win_rate
from assay.stats.scalar import wilson

scores = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=40)


def test_wins_and_losses_alone_are_wilsons_published_interval() -> None:
    """Newcombe (1998), table I: 81 of 263, .2553 to .3662; 15 of 148, .0624 to .1605."""
    for won, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        rate = win_rate([1.0] * won + [0.0] * (n - won))
        assert (rate.low, rate.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
        assert rate.method == "wilson"


def test_all_won_keeps_a_width() -> None:
    rate = win_rate([1.0] * 10)
    assert (rate.low, rate.high) == (pytest.approx(wilson(10, 10)[0]), 1.0)
    tied = win_rate([0.5] * 10)
    assert tied.value == 0.5 and (tied.low or 0) < 0.5 < (tied.high or 1)
    assert tied.std_error == 0.0


def test_ties_narrow_the_interval() -> None:
    plain, tied = win_rate([1, 0] * 50), win_rate([1, 0, 0.5, 0.5] * 25)
    assert (tied.high or 0) - (tied.low or 0) < 0.8 * ((plain.high or 0) - (plain.low or 0))
    assert tied.std_error == pytest.approx(np.std([1, 0, 0.5, 0.5] * 25, ddof=1) / 10)


def test_clusters_are_statsmodels_cluster_robust_error() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(12), 6)
    column = np.clip(0.5 + 0.3 * rng.normal(size=12)[group] + 0.2 * rng.normal(size=72), 0, 1)
    fit = sm.OLS(column, np.ones(72)).fit(cov_type="cluster", cov_kwds={"groups": group, "use_correction": False})
    rate = win_rate(column, clusters=group.tolist())
    assert rate.std_error == pytest.approx(math.sqrt(12 / 11) * fit.bse[0])
    assert (rate.n_clusters, rate.method) == (12, "cluster-wilson")


@given(scores)
@settings(max_examples=40, deadline=None)
def test_the_opponent_has_the_mirror_image(column: list[float]) -> None:
    mine, theirs = win_rate(column), win_rate([1 - x for x in column])
    assert (mine.value, mine.low, mine.high) == pytest.approx(
        (1 - (theirs.value or 0), 1 - (theirs.high or 0), 1 - (theirs.low or 0)), abs=1e-9
    )
    assert 0.0 <= (mine.low or 0.0) <= (mine.value or 0.0) <= (mine.high or 0.0) <= 1.0


def test_too_little_has_a_reason() -> None:
    assert win_rate([0.5]).reason == "a single battle"
    assert win_rate([1.0, 0.5], clusters=["p", "p"]).reason == "all battles share one cluster"


@pytest.mark.parametrize("bad", [[], [1.2], [math.nan], [[1.0]]])
def test_bad_scores_are_refused(bad: list) -> None:
    with pytest.raises(InvalidInputError):
        win_rate(bad)
    with pytest.raises(InvalidInputError, match="cluster labels"):
        win_rate([1.0, 0.0], clusters=["p"])


# --- both orders ----------------------------------------------------------------------------------------------------
def test_both_orders_by_hand() -> None:
    first, second = [1, 1, 0, 1, 0.5, 0], [1, 0, 0, 0.5, 0.5, 1]
    both = swapped_win_rate(first, second)
    assert (both.n_flips, both.n_partial, both.n_agreed) == (2, 1, 3)
    assert both.win_rate.value == pytest.approx((1 + 0.5 + 0 + 0.75 + 0.5 + 0.5) / 6)
    assert both.flip_rate.value == pytest.approx(2 / 6)
    assert both.position_bias.value == pytest.approx((0 + 1 + 0 + 0.5 + 0 - 1) / 6)
    agree = swapped_win_rate(first, second, rule="agree")
    assert agree.win_rate.value == pytest.approx((1 + 0.5 + 0 + 0.5 + 0.5 + 0.5) / 6)
    assert both.win_rate.n == 6  # pairs, not verdicts


def test_a_judge_who_always_takes_the_first_has_full_bias_and_says_nothing() -> None:
    both = swapped_win_rate([1.0] * 30, [0.0] * 30)
    assert (both.win_rate.value, both.flip_rate.value, both.position_bias.value) == (0.5, 1.0, 1.0)
    assert both.position_bias.low is not None and 0.7 < both.position_bias.low < 1.0


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=2, max_size=30))
@settings(max_examples=40, deadline=None)
def test_exchanging_the_orders_negates_the_bias_only(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    one, other = swapped_win_rate(first, second), swapped_win_rate(second, first)
    assert one.win_rate == other.win_rate and one.flip_rate == other.flip_rate
    assert one.position_bias.value == pytest.approx(-(other.position_bias.value or 0.0))
    assert one.position_bias.low == pytest.approx(-(other.position_bias.high or 0.0))
    assert one.n_flips + one.n_partial + one.n_agreed == len(pairs)


@pytest.mark.parametrize(
    ("first", "second", "more"), [([1], [1, 0], {}), ([0.7], [1], {}), ([1, 0], [1, 1], {"rule": "first"})]
)
def test_bad_verdicts_are_refused(first: list, second: list, more: dict) -> None:
    with pytest.raises(InvalidInputError):
        swapped_win_rate(first, second, **more)


# --- length control -------------------------------------------------------------------------------------------------
def judged(rng: np.random.Generator, n: int, *, skill: float, length: float, hard: float) -> tuple[np.ndarray, ...]:
    difference = rng.normal(150, 300, size=n)
    difficulty = rng.normal(size=n)
    eta = skill + length * np.tanh(difference / difference.std()) + hard * difficulty
    return (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float), difference, difficulty


def test_length_control_is_statsmodels_logit_averaged_at_equal_length() -> None:
    import statsmodels.api as sm

    won, difference, difficulty = judged(np.random.default_rng(2), 600, skill=-0.4, length=1.5, hard=0.8)
    x = np.column_stack([np.ones(600), np.tanh(difference / difference.std()), difficulty])
    fit = sm.Logit(won, x).fit(disp=0, tol=1e-12, cov_type="HC0")
    ours = length_controlled_win_rate(won, difference, difficulty=difficulty, ridge=0.0)
    level = x * np.array([1.0, 0.0, 1.0])
    assert ours.value == pytest.approx(fit.predict(level).mean(), abs=1e-8)
    # to the delta method at fixed instructions comes the spread of new ones
    pull = (level * (fit.predict(level) * (1 - fit.predict(level)))[:, None]).mean(axis=0)
    delta = math.sqrt(pull @ fit.cov_params() @ pull)
    assert ours.std_error == pytest.approx(math.hypot(delta, fit.predict(level).std() / math.sqrt(600)), rel=0.03)


def test_longer_answers_stop_paying() -> None:
    won, difference, _ = judged(np.random.default_rng(3), 4_000, skill=0.0, length=2.0, hard=0.0)
    controlled = length_controlled_win_rate(won, difference)
    assert won.mean() > 0.6
    assert (controlled.low or 0) < 0.5 < (controlled.high or 0)


def test_the_baseline_against_itself_is_one_half() -> None:
    """Dubois et al. (2024), section 3: identity."""
    rng = np.random.default_rng(4)
    same = length_controlled_win_rate(np.full(200, 0.5), rng.normal(size=200), difficulty=rng.normal(size=200))
    assert same.value == pytest.approx(0.5, abs=1e-9)


def test_exchanging_the_models_gives_the_mirror_image() -> None:
    """Dubois et al. (2024), section 3: symmetry."""
    won, difference, difficulty = judged(np.random.default_rng(5), 500, skill=0.5, length=1.0, hard=0.6)
    one = length_controlled_win_rate(won, difference, difficulty=difficulty)
    other = length_controlled_win_rate(1 - won, -difference, difficulty=-difficulty)
    assert one.value == pytest.approx(1 - (other.value or 0), abs=1e-9)
    assert one.low == pytest.approx(1 - (other.high or 0), abs=1e-9)


def test_difficulty_is_found_again() -> None:
    rng = np.random.default_rng(6)
    gamma, skill = rng.normal(size=150), rng.normal(-0.5, 0.7, size=30)
    model, item = (part.ravel() for part in np.meshgrid(np.arange(30), np.arange(150), indexing="ij"))
    longer = rng.normal(size=model.size)
    eta = skill[model] + 1.2 * np.tanh(longer) + gamma[item]
    won = rng.random(model.size) < 1 / (1 + np.exp(-eta))
    found = instruction_difficulty(won, model=model, item=item.tolist(), length_difference=longer)
    assert list(found) == list(range(150))
    assert np.corrcoef(list(found.values()), gamma)[0, 1] > 0.9


def test_difficulty_is_the_penalised_maximum() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(7)
    model, item = np.repeat(np.arange(3), 8), np.tile(np.arange(8), 3)
    longer, won = rng.normal(size=24), rng.random(24)
    scaled = np.concatenate([np.tanh(longer[model == k] / longer[model == k].std()) for k in range(3)])

    def loss(point: np.ndarray) -> float:
        theta, phi, gamma = point[:3], point[3:6], point[6:]
        eta = theta[model] + phi[model] * scaled + gamma[item]
        return float((np.logaddexp(0, eta) - won * eta).sum() + (gamma @ gamma + phi @ phi) / 2)

    best = minimize(loss, np.zeros(14), method="BFGS", options={"gtol": 1e-8}).x
    found = instruction_difficulty(won, model=model, item=item, length_difference=longer, ridge=1.0)
    assert list(found.values()) == pytest.approx(best[6:], abs=1e-5)


def test_fits_without_a_maximum_have_a_reason() -> None:
    length = np.arange(20.0) - 9.5
    assert "no finite maximum" in (length_controlled_win_rate(np.ones(20), length).reason or "")
    told = length_controlled_win_rate(length > 0, length, ridge=0.0)
    assert told.value is None and "foretold" in (told.reason or "")
    assert length_controlled_win_rate(length > 0, length).value is not None  # the ridge keeps it finite
    one = length_controlled_win_rate((length > 3).astype(float), -length, clusters=["p"] * 20)
    assert one.value is None and "one cluster" in (one.reason or "")


def test_clusters_widen_the_interval() -> None:
    won, difference, _ = judged(np.random.default_rng(8), 300, skill=0.2, length=1.0, hard=0.0)
    twice = [np.repeat(column, 4) for column in (won, difference)]
    single = length_controlled_win_rate(*twice)
    group = length_controlled_win_rate(*twice, clusters=np.repeat(np.arange(300), 4))
    assert (group.std_error or 0) == pytest.approx(2 * (single.std_error or 0), rel=0.02)


@pytest.mark.parametrize(
    ("columns", "more", "says"),
    [
        (([1.0] * 5, [1.0] * 5), {}, "5 instructions"),
        (([1.0, 0.0] * 10, [1.0] * 20), {}, "all equal"),
        (([1.0, 0.0] * 10, [math.nan] * 20), {}, "finite"),
        (([1.0, 0.0] * 10, list(range(19))), {}, "finite"),
        (([1.0, 0.0] * 10, list(range(20))), {"ridge": -1.0}, "ridge"),
        (([1.0, 0.0] * 10, list(range(20))), {"difficulty": [0.0]}, "difficulty"),
    ],
)
def test_bad_length_columns_are_refused(columns: tuple, more: dict, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        length_controlled_win_rate(*columns, **more)


def test_bad_difficulty_data_are_refused() -> None:
    good = {"model": ["m", "m"], "item": [1, 2], "length_difference": [1.0, 2.0]}
    with pytest.raises(InvalidInputError, match="won all or lost all"):
        instruction_difficulty([1.0, 1.0], **good)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="ridge"):
        instruction_difficulty([1.0, 0.0], ridge=0.0, **good)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="differ in length"):
        instruction_difficulty([1.0, 0.0], model=["m"], item=[1, 2], length_difference=[1.0, 2.0])
