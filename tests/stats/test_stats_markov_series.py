"""Orders, stationarity, seasons, counts of days, forecasts, backtests and hidden chains."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.markov.backtest import backtest_chain, brier_skill
from assay.stats.markov.counts import TransitionCounts, count_transitions, counts_of_codes
from assay.stats.markov.forecast import forecast_chain
from assay.stats.markov.fourier import fit_fourier_chain
from assay.stats.markov.occupation import occupation_distribution, rain_days
from assay.stats.markov.order import chain_stationarity_test, select_markov_order, transition_homogeneity_test
from assay.stats.markov.seasonal import HomogeneousChain, SeasonalChain, fit_seasonal_chain

KULLBACK = [
    [
        [22, 11, 24, 2, 2, 7],
        [5, 23, 15, 3, 42, 6],
        [4, 21, 190, 25, 20, 34],
        [0, 2, 14, 56, 14, 28],
        [32, 15, 20, 10, 56, 14],
        [5, 22, 31, 18, 13, 134],
    ],
    [
        [3, 6, 9, 3, 0, 8],
        [1, 9, 3, 12, 27, 5],
        [2, 9, 208, 32, 5, 18],
        [0, 14, 32, 108, 40, 40],
        [22, 14, 9, 26, 224, 14],
        [1, 5, 13, 53, 13, 116],
    ],
]
"""Kullback, Kupperman & Ku (1962), Technometrics 4, table 9.2."""


def rain_walk(n: int, *, dry: float = 0.24, wet: float = 0.67, seed: int = 1) -> list[int]:
    walk = [0]
    for u in np.random.default_rng(seed).random(n - 1):
        walk.append(int(u < (wet if walk[-1] else dry)))
    return walk


def seattle(folder: Path) -> tuple[list[int], list[int], list[float]]:
    with (folder / "timeseries" / "seattle_weather.csv").open() as file:
        rows = list(csv.DictReader(file))
    rain = [int(float(row["precipitation"]) > 0) for row in rows]
    months = [int(row["date"][5:7]) for row in rows]
    phases = [(i % 365.25) / 365.25 for i in range(len(rows))]
    return rain, months, phases


# --- order and stationarity


def test_order_one_against_none_is_the_g_test_of_independence() -> None:
    from scipy.stats import chi2_contingency

    walk = np.random.default_rng(2).integers(0, 3, 500)
    fit = select_markov_order(walk.tolist(), max_order=1).fits[1]
    table = count_transitions(walk.tolist()).counts
    expected = chi2_contingency(table, lambda_="log-likelihood", correction=False)
    assert fit.lr_statistic == pytest.approx(expected.statistic)
    assert (fit.df, fit.p_value) == (4, pytest.approx(expected.pvalue))


def test_all_orders_explain_the_same_observations_and_gain_with_each() -> None:
    found = select_markov_order(rain_walk(800), max_order=3)
    likelihoods = [fit.log_likelihood for fit in found.fits]
    assert likelihoods == sorted(likelihoods)
    assert [fit.parameters for fit in found.fits] == [1, 2, 4, 8]
    assert [fit.df for fit in found.fits] == [None, 1, 2, 4]
    assert (found.n, found.by_bic, found.by_tests) == (797, 1, 1)


def test_a_chain_of_order_two_is_recognised() -> None:
    rng, walk = np.random.default_rng(4), [0, 1]
    for u in rng.random(1500):
        walk.append(int(u < (0.85 if walk[-2] else 0.2)))  # the day before yesterday alone decides
    found = select_markov_order(walk, max_order=3)
    assert found.by_bic == 2
    assert found.fits[2].p_value < 1e-20


def test_contexts_that_never_occur_cost_no_degrees_of_freedom() -> None:
    ring = [0, 1, 2] * 30
    fits = select_markov_order(ring, max_order=2).fits
    assert (fits[1].parameters, fits[2].parameters) == (0, 0)
    assert (fits[2].df, fits[2].p_value) == (0, 1.0)


def test_seattle_rain_looks_of_order_two_because_of_its_seasons(real_data: Path) -> None:
    rain, months, _ = seattle(real_data)
    assert select_markov_order(rain).by_bic == 2
    assert chain_stationarity_test(rain, periods=4).p_value > 0.2
    assert chain_stationarity_test(rain, periods=months).p_value < 1e-10


def test_two_tables_differ_as_kullback_printed() -> None:
    found = transition_homogeneity_test(KULLBACK)
    assert found.lr_statistic == pytest.approx(160.961, abs=5e-4)
    assert (found.df, found.periods) == (29, 2)  # printed 30; the step 4 → 1 occurs in neither table


def test_pearsons_statistic_is_that_of_each_row_as_a_contingency_table() -> None:
    from scipy.stats import chi2_contingency

    tables = np.array([[[30, 10, 5], [12, 20, 9], [4, 8, 16]], [[20, 20, 3], [8, 24, 9], [9, 8, 10]]])
    rows = [chi2_contingency(tables[:, i], correction=False) for i in range(3)]
    found = transition_homogeneity_test(tables)
    assert found.statistic == pytest.approx(sum(row.statistic for row in rows))
    assert found.df == sum(row.dof for row in rows)


def test_empty_cells_and_unvisited_rows_cost_no_degrees_of_freedom() -> None:
    """Bickenbach & Bode (2003), equation 9."""
    found = transition_homogeneity_test([[[5, 5, 0], [9, 1, 2], [0, 0, 0]], [[7, 3, 0], [0, 0, 0], [3, 3, 3]]])
    assert found.df == 1  # only the first row is left in both periods, and it has two followers
    nothing = transition_homogeneity_test([[[3, 0], [0, 0]], [[0, 0], [2, 2]]])
    assert (nothing.df, nothing.p_value, nothing.small_cells) == (0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: select_markov_order([0, 1], max_order=3), "no transition"),
        (lambda: select_markov_order([0, 1, 0], max_order=-1), "highest order"),
        (lambda: select_markov_order([0, 1, 0], level=1.0), "level"),
        (lambda: transition_homogeneity_test([[[1, 2], [3, 4]]]), "shape"),
        (lambda: transition_homogeneity_test([[[1, -2]], [[3, 4]]]), "negative"),
        (lambda: chain_stationarity_test([0, 1, 0], periods=1), "1 periods"),
        (lambda: chain_stationarity_test([0, 1, 0], periods=["a"]), "1 periods"),
        (lambda: chain_stationarity_test([0, 1, 0, 1], periods=["a"] * 4), "fewer than two"),
    ],
)
def test_tests_that_cannot_be_made_say_so(call: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call()  # type: ignore[operator]


# --- counts of days


def test_the_number_of_rain_days_is_that_of_every_path_added_up() -> None:
    table = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.25, 0.25, 0.5]])
    chances = np.zeros(6)
    for path in product(range(3), repeat=5):
        chance, now = 1.0, 2
        for state in path:
            chance, now = chance * table[now, state], state
        chances[sum(state != 0 for state in path)] += chance
    found = occupation_distribution(table, 2, n=5, counted=[1, 2])
    np.testing.assert_allclose(found.probabilities, chances, atol=1e-14)


def test_independent_days_give_the_binomial() -> None:
    from scipy.stats import binom

    found = rain_days(20, rain_after_dry=0.3, rain_after_rain=0.3)
    np.testing.assert_allclose(found.probabilities, binom.pmf(range(21), 20, 0.3), atol=1e-13)
    assert (found.mean, found.std) == (pytest.approx(6.0), pytest.approx(np.sqrt(4.2)))


def test_a_week_in_tel_aviv_is_wetter_after_rain() -> None:
    """Gabriel & Neumann (1962): .250 and .662; a wet week by the geometric law of spells: .662^7."""
    wet = rain_days(7, rain_after_dry=0.250, rain_after_rain=0.662, raining_now=True)
    dry = rain_days(7, rain_after_dry=0.250, rain_after_rain=0.662)
    assert wet.at_least(7) == pytest.approx(0.662**7)
    assert dry.at_most(0) == pytest.approx(0.750**7)
    assert wet.mean > dry.mean


def test_no_day_and_sure_rain() -> None:
    assert rain_days(0, rain_after_dry=0.2, rain_after_rain=0.7).probabilities.tolist() == [1.0]
    sure = rain_days(30, rain_after_dry=1.0, rain_after_rain=1.0)
    assert (sure.interval(), sure.std) == ((30, 30), 0.0)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 40))
def test_the_expected_count_is_the_sum_of_the_daily_chances(dry: float, wet: float, n: int) -> None:
    found = rain_days(n, rain_after_dry=dry, rain_after_rain=wet)
    chance, total = 0.0, 0.0
    for _ in range(n):
        chance = (1 - chance) * dry + chance * wet
        total += chance
    assert found.mean == pytest.approx(total, abs=1e-9)
    low, high = found.interval(0.8)
    assert found.probabilities[low : high + 1].sum() >= 0.8 - 1e-9


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rain_days(-1, rain_after_dry=0.2, rain_after_rain=0.7), "number of steps"),
        (lambda: rain_days(5, rain_after_dry=1.2, rain_after_rain=0.7), "probability is 1.2"),
        (lambda: occupation_distribution(np.full((2, 2, 2), 0.5), 0, n=3, counted=[1]), "for 3 steps"),
        (lambda: occupation_distribution([[0.5, 0.5], [0.5, 0.5]], 0, n=3, counted=[2]), "no state number"),
    ],
)
def test_counts_that_cannot_be_made_say_so(call: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call()  # type: ignore[operator]


# --- seasons


def test_a_forecast_across_a_border_multiplies_the_daily_matrices() -> None:
    rng = np.random.default_rng(1)
    summer, winter = rng.dirichlet(np.ones(2), 2) * 400, rng.dirichlet(np.ones(2), 2) * 400
    counts = TransitionCounts(states=(0, 1), order=1, counts=summer + winter, last=0)
    chain = SeasonalChain(counts=counts, seasons=(1, 7), by_season=np.stack([winter, summer]), smoothing=1e-9)
    tables = chain.tables([1, 7])
    product_ = np.linalg.matrix_power(tables[0], 3) @ np.linalg.matrix_power(tables[1], 4)
    (found,) = forecast_chain(chain, horizons=[7], keys=[1] * 3 + [7] * 4, rng=rng, draws=200)
    assert found.probabilities[1].value == pytest.approx(product_[0, 1])
    assert found.probabilities[1].value != pytest.approx(np.linalg.matrix_power(tables[0], 7)[0, 1], abs=1e-3)


def test_a_season_that_saw_nothing_leans_on_the_year() -> None:
    walk = rain_walk(300)
    chain = fit_seasonal_chain(walk, [1] * 299 + [2], smoothing=5.0)
    year = chain.tables([1])[0]
    np.testing.assert_allclose(chain.tables([2])[0], year, atol=0.15)
    with pytest.raises(InvalidInputError, match="season 3"):
        chain.tables([3])


def test_fourier_logits_are_those_of_a_logistic_regression(real_data: Path) -> None:
    import statsmodels.api as sm

    from assay.stats.markov.fourier import fourier_basis

    rain, _, phases = seattle(real_data)
    chain = fit_fourier_chain(rain, phases, harmonics=2)
    before, after = np.array(rain[:-1]), np.array(rain[1:])
    basis = fourier_basis(np.array(phases[1:]), 2)
    total = 0.0
    for state in (0, 1):
        peer = sm.Logit(after[before == state], basis[before == state]).fit(disp=0)
        np.testing.assert_allclose(chain.coefficients[state, 0], peer.params, rtol=1e-5)
        np.testing.assert_allclose(np.sqrt(np.diag(chain.covariance[state])), peer.bse, rtol=1e-4)
        total += peer.llf
    assert chain.log_likelihood == pytest.approx(total)


def test_without_waves_the_logits_are_the_plain_shares() -> None:
    walk = np.random.default_rng(3).integers(0, 3, 400).tolist()
    chain = fit_fourier_chain(walk, np.linspace(0, 1, 400), harmonics=0)
    plain = count_transitions(walk).counts
    np.testing.assert_allclose(chain.tables([0.3])[0], plain / plain.sum(1, keepdims=True), atol=1e-7)


def test_separation_is_said_and_a_penalty_answers_it() -> None:
    ring = [0, 1] * 40
    with pytest.raises(InvalidInputError, match="no finite log-odds"):
        fit_fourier_chain(ring, np.linspace(0, 1, 80))
    chain = fit_fourier_chain(ring, np.linspace(0, 1, 80), ridge=0.5)
    assert chain.tables([0.5])[0][0, 1] > 0.9


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fit_seasonal_chain([0, 1, 0], [1, 2]), "2 seasons"),
        (lambda: fit_seasonal_chain([0, 1, 0], [1, 2, 1], smoothing=0.0), "smoothing"),
        (lambda: fit_fourier_chain([0, 1, 0], [0.1, 0.2]), "phase"),
        (lambda: fit_fourier_chain([0, 1, 0], [0.1, np.nan, 0.2]), "phase"),
        (lambda: fit_fourier_chain([0, 1, 0], [0.1, 0.2, 0.3], harmonics=-1), "harmonics"),
    ],
)
def test_seasons_that_do_not_fit_are_refused(call: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call()  # type: ignore[operator]


# --- forecasts


def test_powers_and_steps_forecast_the_same() -> None:
    chain = HomogeneousChain(counts=count_transitions(rain_walk(500), order=2), smoothing=0.5)
    near = forecast_chain(chain, horizons=[3, 12], rng=np.random.default_rng(1))
    far = forecast_chain(chain, horizons=[3, 12, 10**6], rng=np.random.default_rng(1))
    for one, two in zip(near, far[:2], strict=True):
        for a, b in zip(one.probabilities, two.probabilities, strict=True):
            assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-12)


def test_one_step_ahead_is_the_posterior_of_the_row() -> None:
    from scipy.special import betaincinv

    counts = count_transitions(rain_walk(500))
    (found,) = forecast_chain(
        HomogeneousChain(counts=counts, smoothing=0.5),
        horizons=[1],
        rng=np.random.default_rng(2),
        draws=40_000,
        context=1,
    )
    a, b = counts.counts[1][1] + 0.5, counts.counts[1][0] + 0.5
    assert found.probabilities[1].low == pytest.approx(betaincinv(a, b, 0.025), abs=2e-3)
    assert found.probabilities[1].high == pytest.approx(betaincinv(a, b, 0.975), abs=2e-3)


def test_a_chain_of_order_zero_forecasts_its_shares() -> None:
    chain = HomogeneousChain(counts=count_transitions([0, 1, 1, 1], order=0), smoothing=0.0)
    (found,) = forecast_chain(chain, horizons=[5], rng=np.random.default_rng(1))
    assert found.probabilities[1].value == pytest.approx(0.75)


def test_a_forecast_needs_to_know_where_it_stands() -> None:
    rng = np.random.default_rng(1)
    lost = HomogeneousChain(counts=count_transitions([0, 1, 1, 0, None]))
    with pytest.raises(InvalidInputError, match="present context"):
        forecast_chain(lost, horizons=[1], rng=rng)
    with pytest.raises(InvalidInputError, match="seasons or phases"):
        forecast_chain(fit_seasonal_chain([0, 1, 1, 0], [1] * 4), horizons=[3], keys=[1], rng=rng)
    with pytest.raises(InvalidInputError, match="horizon 0"):
        forecast_chain(lost, horizons=[0], rng=rng, context=0)
    unseen = HomogeneousChain(counts=count_transitions([0, 0, 1]), smoothing=0.0)
    with pytest.raises(InvalidInputError, match="never left"):
        forecast_chain(unseen, horizons=[1], rng=rng)


def test_the_backtest_sees_only_the_past_and_judges_by_hand() -> None:
    walk = np.array(rain_walk(400))
    sizes: list[int] = []

    def fit(size: int) -> HomogeneousChain:
        sizes.append(size)
        return HomogeneousChain(counts=counts_of_codes(walk[:size], (0, 1), order=1), smoothing=0.5)

    (found,) = backtest_chain(walk, states=2, order=1, fit=fit, horizons=[2], first=200, refits=4)
    assert sizes == [200, 250, 300, 350]
    losses, stays = [], []
    for origin in range(199, 398):
        edge = max(size for size in sizes if size <= origin + 1)
        table = fit(edge).tables(0)[0]
        losses.append((np.linalg.matrix_power(table, 2)[walk[origin], 1] - walk[origin + 2]) ** 2)
        stays.append(float(walk[origin] != walk[origin + 2]))
    assert (found.n, found.brier.value) == (199, pytest.approx(np.mean(losses)))
    assert found.persistence.value == pytest.approx(np.mean(stays))
    assert found.skill_over_persistence.value == pytest.approx(1 - np.mean(losses) / np.mean(stays))
    assert found.bias is not None
    assert found.reliability is not None


def test_seattle_rain_can_be_forecast_a_day_ahead_but_not_a_month(real_data: Path) -> None:
    rain, months, _ = seattle(real_data)
    codes = np.array(rain)
    day, month = backtest_chain(
        codes,
        states=2,
        order=1,
        fit=lambda m: fit_seasonal_chain(rain[:m], months[:m], states=(0, 1)),
        horizons=[1, 30],
        keys=months,
        climate=months,
    )
    assert day.skill_over_climatology.low > 0.02
    assert day.skill_over_persistence.low > 0.25
    assert month.skill_over_climatology.high < 0.03


def test_a_reference_without_error_leaves_no_skill_to_speak_of() -> None:
    found = brier_skill([0.1, 0.2, 0.1], [0.0, 0.0, 0.0])
    assert found.value is None
    assert found.reason
    with pytest.raises(InvalidInputError, match="can be judged"):
        walk = np.array(rain_walk(60))
        fit = HomogeneousChain(counts=counts_of_codes(walk, (0, 1), order=1))
        backtest_chain(walk, states=2, order=1, fit=lambda _: fit, horizons=[20])
