"""Seeds and items crossed, Holm over a grid, equal compute, scaling laws."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import InvalidInputError
from assay.stats.evaluation.compute import expected_best_of, matched_compute_difference
from assay.stats.evaluation.grid import holm_over_grid
from assay.stats.evaluation.power_law import fit_power_laws
from assay.stats.evaluation.scaling import power_law_fit
from assay.stats.evaluation.seeds import duplicate_seeds, seed_difference, seed_mean

pytestmark = pytest.mark.slow


def _table(seeds: int = 5, items: int = 40, *, seed_sd: float = 0.4, source: int = 3) -> np.ndarray:
    rng = np.random.default_rng(source)
    own = seed_sd * rng.normal(size=seeds)[:, None] + rng.normal(size=(seeds, items))
    return np.asarray(rng.normal(size=items) + own)


def test_fixed_items_or_fixed_seeds_are_plain_t_intervals() -> None:
    table = _table()
    over_seeds = stats.ttest_1samp(table.mean(axis=1), 0).confidence_interval()
    over_items = stats.ttest_1samp(table.mean(axis=0), 0).confidence_interval()
    found = seed_mean(table, estimand="new seeds, these items").estimate
    assert (found.low, found.high) == pytest.approx((over_seeds.low, over_seeds.high))
    found = seed_mean(table, estimand="these seeds, new items").estimate
    assert (found.low, found.high) == pytest.approx((over_items.low, over_items.high))


def test_crossed_components_equal_the_two_way_analysis_of_variance() -> None:
    sm = pytest.importorskip("statsmodels.api")
    table = _table(4, 12)
    seed, item = (index.ravel() for index in np.indices(table.shape))
    dummies = [np.eye(4)[seed][:, 1:], np.eye(12)[item][:, 1:]]
    full = sm.OLS(table.ravel(), np.column_stack([np.ones(48), *dummies])).fit()
    without = [sm.OLS(table.ravel(), np.column_stack([np.ones(48), dummies[1 - k]])).fit() for k in (0, 1)]
    squares = [(without[0].ssr - full.ssr) / 3, (without[1].ssr - full.ssr) / 11, full.ssr / 33]
    found = seed_mean(table)
    assert found.residual_variance == pytest.approx(squares[2])
    assert found.seed_variance == pytest.approx(max(0, squares[0] - squares[2]) / 12)
    assert found.item_variance == pytest.approx(max(0, squares[1] - squares[2]) / 4)
    variance = (squares[0] + squares[1] - squares[2]) / 48
    assert found.estimate.std_error == pytest.approx(math.sqrt(variance))


def test_both_new_is_wider_than_either() -> None:
    table = _table()
    both = seed_mean(table).estimate
    for estimand in ("new seeds, these items", "these seeds, new items"):
        one = seed_mean(table, estimand=estimand).estimate
        assert one.value == both.value
        assert one.std_error < both.std_error


def test_a_seed_counted_twice_is_counted_once_and_named() -> None:
    table = _table(3)
    doubled = np.concatenate([table, table[:2]])
    found, plain = seed_mean(doubled), seed_mean(table)
    assert found.duplicates == ((0, 3), (1, 4))
    assert found.estimate == plain.estimate
    trusting = seed_mean(doubled, duplicates="keep")
    assert trusting.estimate.n_clusters == 5
    narrow = seed_mean(doubled, estimand="new seeds, these items", duplicates="keep").estimate
    assert narrow.std_error < seed_mean(doubled, estimand="new seeds, these items").estimate.std_error


def test_two_copies_of_one_seed_tell_nothing_of_new_seeds() -> None:
    found = seed_mean([[1, 0, 1, 1], [1, 0, 1, 1]])
    assert found.estimate.low is None
    assert found.estimate.reason == "one different seed tells nothing of new seeds"
    assert found.seed_variance is None
    assert seed_mean([[1, 0, 1, 1], [1, 0, 1, 1]], estimand="these seeds, new items").estimate.low is not None


def test_seeds_that_get_everything_right_are_not_suspected() -> None:
    assert duplicate_seeds([[1, 1, 1], [1, 1, 1], [1, 0, 1]]) == ()
    assert duplicate_seeds([[0.0, 1.0], [-0.0, 1.0]]) == ((0, 1),)
    assert seed_mean([[1, 1, 1], [1, 1, 1]]).estimate.reason == "the scores do not vary, so their spread is unknown"
    assert seed_mean([[0.1] * 7, [0.1] * 7]).estimate.low is None
    assert seed_mean([[1.0], [2.0]]).estimate.reason == "one item tells nothing of new items"


def test_difference_over_fixed_items_is_welch_over_seeds() -> None:
    old, new = _table(4), _table(6, source=9)
    expected = stats.ttest_ind(new.mean(axis=1), old.mean(axis=1), equal_var=False)
    found = seed_difference(old, new, estimand="new seeds, these items")
    assert found.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (found.difference.low, found.difference.high) == pytest.approx((interval.low, interval.high))


def test_difference_over_fixed_seeds_is_paired_over_items() -> None:
    old, new = _table(4), _table(6, source=9)
    expected = stats.ttest_rel(new.mean(axis=0), old.mean(axis=0))
    found = seed_difference(old, new, estimand="these seeds, new items")
    assert found.p_value == pytest.approx(expected.pvalue)
    both = seed_difference(old, new)
    assert both.difference.std_error > found.difference.std_error
    assert both.difference.value == pytest.approx(new.mean() - old.mean())


def test_a_cached_baseline_is_named_in_the_comparison() -> None:
    old, new = _table(1), _table(3, source=9)
    found = seed_difference(np.repeat(old, 3, axis=0), new)
    assert found.duplicates == (((0, 1, 2),), ())
    assert found.difference.low is None and found.p_value is None


@given(st.integers(2, 5), st.integers(2, 8), st.floats(-5, 5), st.floats(0.1, 10))
def test_shift_and_scale(seeds: int, items: int, shift: float, scale: float) -> None:
    table = _table(seeds, items, source=seeds * 10 + items)
    found, moved = seed_mean(table).estimate, seed_mean(table * scale + shift).estimate
    assert moved.value == pytest.approx(found.value * scale + shift, abs=1e-9)
    assert moved.high - moved.low == pytest.approx((found.high - found.low) * scale, rel=1e-6)


def test_seeds_refuse() -> None:
    with pytest.raises(InvalidInputError, match="table"):
        seed_mean([1, 2, 3])
    with pytest.raises(InvalidInputError, match="table"):
        seed_mean([[1, math.nan], [1, 2]])
    with pytest.raises(InvalidInputError, match="same items"):
        seed_mean([[1, 2], [1]])
    with pytest.raises(InvalidInputError, match="estimand"):
        seed_mean([[1, 2], [2, 1]], estimand="everything")
    with pytest.raises(InvalidInputError, match="duplicates"):
        seed_mean([[1, 2], [2, 1]], duplicates="merge")
    with pytest.raises(InvalidInputError, match="paired"):
        seed_difference(_table(2, 3), _table(2, 4))


# the grid


def test_holm_counts_every_cell_and_equals_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(4)
    cells = {(b, d, s): float(rng.beta(0.3, 2)) for b in "xyz" for d in "12345" for s in ("7b", "70b")}
    found = holm_over_grid(cells)
    assert found.n_tests == 30 and dict(found.axes) == {"baseline": 3, "dataset": 5, "size": 2}
    expected = multitest.multipletests(list(cells.values()), method="holm")[1]
    assert [found.adjusted[cell] for cell in cells] == pytest.approx(list(expected))
    assert set(found.rejected) == {cell for cell, p in zip(cells, expected, strict=True) if p <= 0.05}


def test_dividing_by_the_baselines_alone_would_reject_what_the_table_does_not() -> None:
    cells: dict[tuple[str, ...], float | None] = {(b, d): 0.5 for b in "xyz" for d in "1234"}
    cells["x", "1"] = 0.014  # below .05 / 3, above .05 / 12
    found = holm_over_grid(cells, axes=("baseline", "dataset"))
    assert found.n_tests == 12 and found.rejected == ()
    assert found.adjusted["x", "1"] == pytest.approx(12 * 0.014)


def test_holes_count_as_tests() -> None:
    cells: dict[tuple[str, ...], float | None] = {("a", "x"): 0.012, ("b", "y"): 0.04, ("a", "y"): None}
    found = holm_over_grid(cells, axes=("baseline", "dataset"))
    assert found.n_tests == 4 and set(found.missing) == {("a", "y"), ("b", "x")}
    assert found.adjusted["a", "x"] == pytest.approx(4 * 0.012)
    assert found.adjusted["b", "y"] == pytest.approx(3 * 0.04)


def test_grid_refuses() -> None:
    for cells, options in (
        ({}, {}),
        ({("a", "b"): 0.1}, {}),
        ({("a", "b", "c"): 0.1}, {"alpha": 1.0}),
        ({("a", "b", "c"): 1.2}, {}),
        ({("a", "b", "c"): math.nan}, {}),
    ):
        with pytest.raises(InvalidInputError):
            holm_over_grid(cells, **options)


# compute


@given(st.lists(st.integers(-20, 20), min_size=3, max_size=8), st.integers(1, 8))
def test_expected_best_is_the_mean_over_all_subsets(scores: list[int], k: int) -> None:
    if k > len(scores):
        return
    found = expected_best_of([float(score) for score in scores], trials=[k])[k]
    assert found.value == pytest.approx(np.mean([max(subset) for subset in combinations(scores, k)]))


def test_best_of_one_is_the_mean_with_its_t_interval() -> None:
    scores = np.random.default_rng(1).normal(size=15)
    found = expected_best_of(scores, trials=[1, 15])
    expected = stats.ttest_1samp(scores, 0).confidence_interval()
    assert (found[1].low, found[1].high) == pytest.approx((expected.low, expected.high))
    assert found[15].value == scores.max() and found[15].low is None


def test_jackknife_of_the_best_equals_leaving_scores_out() -> None:
    scores = np.random.default_rng(2).normal(size=12)
    left = [expected_best_of(np.delete(scores, i), trials=[3])[3].value for i in range(12)]
    expected = math.sqrt(11 / 12 * np.square(np.array(left) - np.mean(left)).sum())
    assert expected_best_of(scores, trials=[3])[3].std_error == pytest.approx(expected)


def test_best_refuses_more_tries_than_there_were() -> None:
    with pytest.raises(InvalidInputError, match="cannot be had"):
        expected_best_of([1.0, 2.0], trials=[3])
    with pytest.raises(InvalidInputError, match="cannot be had"):
        expected_best_of([1.0, 2.0], trials=[])
    assert expected_best_of([1.0] * 9, trials=[2])[2].reason == "the scores do not vary, so their spread is unknown"


def _curves(n: int, lift: float, longest: float = 16.0) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(int(lift * 100) + n)
    x = np.geomspace(1, longest, 5)
    return [(x, 0.1 * np.log2(x) + lift + 0.02 * rng.normal()) for _ in range(n)]


def test_matched_compute_is_welch_on_readings_between_points() -> None:
    old, new = _curves(4, 0.0), _curves(5, 0.1, longest=256.0)
    readings = [[float(y[0] + 0.1 * math.log2(3.0)) for _, y in curves] for curves in (old, new)]
    expected = stats.ttest_ind(readings[1], readings[0], equal_var=False)
    found = matched_compute_difference(old, new, at=[3.0])[0]
    interval = expected.confidence_interval()
    assert (found.difference.low, found.difference.high) == pytest.approx((interval.low, interval.high))
    assert found.p_value == pytest.approx(expected.pvalue)
    several = matched_compute_difference(old, new, at=[2.0, 3.0])[1].difference
    assert several.confidence == pytest.approx(0.975) and several.high > interval.high
    apart = matched_compute_difference(old, new, at=[2.0, 3.0], simultaneous=False)[1].difference
    assert apart.high == pytest.approx(interval.high)


def test_nothing_is_extrapolated() -> None:
    found = matched_compute_difference(_curves(3, 0.0), _curves(3, 0.1, longest=64.0), at=[64.0])[0]
    assert found.difference.value is None and found.p_value is None
    assert found.difference.reason == "3 of 6 curves do not reach this budget"
    at_the_end = matched_compute_difference(_curves(3, 0.0), _curves(3, 0.1, longest=64.0), at=[16.0])[0]
    assert at_the_end.difference.value is not None


def test_matched_compute_refuses() -> None:
    good = _curves(2, 0.0)
    lonely = matched_compute_difference(good[:1], good, at=[2.0])[0].difference
    assert lonely.value is not None and lonely.low is None
    same = matched_compute_difference([good[0], good[0]], [good[0], good[0]], at=[2.0])[0].difference
    assert same.reason == "the seeds do not differ, so their spread is unknown"
    for old, at in ((good, []), (good, [0.0]), ([], [2.0]), ([([2.0, 1.0], [0.1, 0.2])], [1.5])):
        with pytest.raises(InvalidInputError):
            matched_compute_difference(old, good, at=at)


# scaling

SIZES = np.geomspace(1e3, 1.28e5, 8)


def _losses(noise: float = 0.002, source: int = 1) -> np.ndarray:
    return np.asarray(8 * SIZES**-0.5 + 0.1 + noise * np.random.default_rng(source).normal(size=8))


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("offset", [False, True])
def test_fit_and_errors_equal_scipy_curve_fit(offset: bool, known: bool) -> None:
    from scipy.optimize import curve_fit

    y = _losses() - (0.0 if offset else 0.1)
    noise = 0.002 * np.linspace(1, 2, 8) if known else None
    fit = power_law_fit(SIZES, y, std_errors=noise, offset=offset, rng=np.random.default_rng(1), repeats=200)
    unit = fit.x_unit

    def law(x: np.ndarray, b: float, a: float, c: float = 0.0) -> np.ndarray:
        return np.asarray(a * (x / unit) ** -b + c)

    start = [0.5, 0.05, 0.1][: 3 if offset else 2]
    best, covariance = curve_fit(law, SIZES, y, p0=start, sigma=noise, absolute_sigma=known, xtol=1e-14, ftol=1e-14)
    parts = [fit.exponent, fit.scale, fit.floor][: len(best)]
    assert [part.value for part in parts] == pytest.approx(list(best), rel=1e-5)
    assert [part.std_error for part in parts] == pytest.approx(list(np.sqrt(np.diag(covariance))), rel=1e-3)
    quantile = stats.norm.ppf(0.975) if known else stats.t.ppf(0.975, 8 - len(best))
    assert fit.exponent.high - fit.exponent.value == pytest.approx(quantile * fit.exponent.std_error)
    if not offset:
        assert (fit.floor.value, fit.floor.method) == (0.0, "fixed at 0")


def test_an_exact_curve_is_found_and_its_noise_is_unknown() -> None:
    fit = power_law_fit(SIZES, 8 * SIZES**-0.5 + 0.1, rng=np.random.default_rng(1), repeats=100)
    assert fit.exponent.value == pytest.approx(0.5, abs=1e-5)
    assert fit.floor.value == pytest.approx(0.1, abs=1e-6)


def test_prediction_widens_with_distance_and_stops_at_the_limit() -> None:
    fit = power_law_fit(SIZES, _losses(), rng=np.random.default_rng(1), repeats=500)
    inside, near, far = (fit.predict(x) for x in (1e4, 2.56e5, 1.28e6))
    assert inside.high - inside.low < near.high - near.low < far.high - far.low
    assert near.low < 8 * 2.56e5**-0.5 + 0.1 < near.high
    beyond = fit.predict(1.4e6)
    assert beyond.value is not None and beyond.low is None and "limit is 10" in (beyond.reason or "")
    assert fit.predict(1.4e6, limit=20).low is not None
    noisy = fit.predict(1e4, std_error=0.05)
    assert noisy.high - noisy.value == pytest.approx(math.hypot(inside.high - inside.value, 1.959964 * 0.05), rel=1e-4)
    assert fit.predict(50.0).low is None


def test_a_line_in_logarithms_has_no_floor_to_find() -> None:
    y = 2.0 - 0.1 * np.log(SIZES)
    fit = power_law_fit(SIZES, y + 1e-4 * np.random.default_rng(1).normal(size=8), rng=np.random.default_rng(1))
    assert fit.exponent.low is None and "edge of the search" in (fit.exponent.reason or "")
    assert fit.predict(2e5).low is None


def test_many_rows_are_fitted_like_one() -> None:
    rows = np.stack([_losses(source=s) for s in range(5)])
    x = SIZES / 1e4
    weight = np.linspace(1, 3, 8)
    for offset in (True, False):
        together = fit_power_laws(x, rows, weight, offset=offset)
        alone = np.stack([fit_power_laws(x, row[None, :], weight, offset=offset, refine=True)[0] for row in rows])
        assert together == pytest.approx(alone, rel=2e-3, abs=1e-4)


@pytest.mark.parametrize(
    ("x", "y", "options", "what"),
    [
        (SIZES[:5], _losses()[:5], {}, "too few"),
        (np.repeat(SIZES[:4], 2), _losses(), {}, "too few"),
        (SIZES - 2e3, _losses(), {}, "not above 0"),
        (np.linspace(1, 3, 8), _losses(), {}, "factor"),
        (SIZES, np.ones(8), {}, "same at every size"),
        (SIZES, _losses(), {"std_errors": np.zeros(8)}, "not above 0"),
        (SIZES, _losses(), {"repeats": 10}, "bootstrap"),
        (SIZES, _losses()[:7], {}, "paired"),
    ],
)
def test_fits_that_cannot_be_trusted_are_refused(
    x: np.ndarray, y: np.ndarray, options: dict[str, object], what: str
) -> None:
    with pytest.raises(InvalidInputError, match=what):
        power_law_fit(x, y, rng=np.random.default_rng(1), **options)


def test_predictions_refuse() -> None:
    fit = power_law_fit(SIZES, _losses(), rng=np.random.default_rng(1), repeats=100)
    for arguments in ({"x": 0.0}, {"x": 1e4, "std_error": -1.0}, {"x": 1e4, "limit": 0.5}):
        with pytest.raises(InvalidInputError):
            fit.predict(**arguments)
