"""Ridge regression beside scikit-learn and refits by hand: weights, penalties, left-out residuals, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats import Ridge, fit_ridge, fit_tuned_ridge, ridge_left_out_residuals


def test_ridge_is_that_of_scikit_learn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 4)) * [1.0, 10.0, 0.1, 3.0] + 5.0
    y = x @ [1.0, 0.1, -3.0, 0.0] + rng.normal(size=60)
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    for penalty in (0.0, 1.5, 80.0):
        peer = linear.Ridge(alpha=max(penalty, 1e-12)).fit(scaled, y)
        ours = fit_ridge(x, y, penalty=penalty)
        assert ours.weights == pytest.approx(peer.coef_, abs=1e-8)
        assert ours.predict(x) == pytest.approx(peer.predict(scaled), abs=1e-8)


def test_columns_that_repeat_or_do_not_vary_do_no_harm() -> None:
    x = np.column_stack([np.arange(9.0), np.arange(9.0), np.full(9, 7.0)])
    fitted = fit_ridge(x, 2.0 * np.arange(9.0), penalty=0.0)
    assert fitted.predict(x) == pytest.approx(2.0 * np.arange(9.0))
    assert fitted.weights[2] == 0.0


@given(st.floats(-50, 50), st.floats(0.01, 100), st.integers(0, 1_000))
def test_shifting_and_stretching_a_feature_changes_no_prediction(shift: float, factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    moved = x * [1.0, factor, 1.0] + [0.0, shift, 0.0]
    one, other = fit_ridge(x, y, penalty=3.0).predict(x), fit_ridge(moved, y, penalty=3.0).predict(moved)
    assert one == pytest.approx(other, abs=1e-6)


def test_the_penalty_is_chosen_by_held_out_folds() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 30))
    folds = np.arange(80) % 5
    noise = fit_tuned_ridge(x, rng.normal(size=80), folds=folds, penalties=(0.1, 10.0, 1_000.0))
    signal = fit_tuned_ridge(x, x @ rng.normal(size=30), folds=folds, penalties=(0.1, 10.0, 1_000.0))
    assert (noise.penalty, signal.penalty) == (1_000.0, 0.1)


def test_weighted_ridge_is_that_of_scikit_learn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(4)
    x, w = rng.normal(size=(50, 3)) * [1.0, 5.0, 0.2] - 2.0, rng.uniform(0.5, 20.0, 50)
    y = x @ [1.0, -0.2, 2.0] + rng.normal(size=50)
    w = w * 50 / w.sum()
    centre = np.average(x, axis=0, weights=w)
    scaled = (x - centre) / np.sqrt(np.average((x - centre) ** 2, axis=0, weights=w))
    peer = linear.Ridge(alpha=2.0).fit(scaled, y, sample_weight=w)
    ours = fit_ridge(x, y, penalty=2.0, label_weights=7.0 * w)
    assert ours.weights == pytest.approx(peer.coef_, abs=1e-8)
    assert ours.predict(x) == pytest.approx(peer.predict(scaled), abs=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_left_out_residuals_are_those_of_refits_without_the_label(weighted: bool) -> None:
    """By hand, with the columns' scale held: the penalty lies on the slopes, the level is free."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    w = rng.uniform(0.5, 3.0, 12) if weighted else np.ones(12)
    w = w * 12 / w.sum()
    centre = np.average(x, axis=0, weights=w)
    scaled = (x - centre) / np.sqrt(np.average((x - centre) ** 2, axis=0, weights=w))
    design = np.column_stack([np.ones(12), scaled])
    expected = []
    for left in range(12):
        rest = np.arange(12) != left
        gram = (design[rest] * w[rest, None]).T @ design[rest] + np.diag([0.0, 1.5, 1.5])
        beta = np.linalg.solve(gram, (design[rest] * w[rest, None]).T @ y[rest])
        expected.append(y[left] - design[left] @ beta)
    assert ridge_left_out_residuals(x, y, penalty=1.5, label_weights=w) == pytest.approx(expected)


def test_left_out_residuals_of_least_squares_are_the_press_residuals_of_statsmodels() -> None:
    regression = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(6)
    x = rng.normal(size=(30, 3))
    y = x @ [1.0, 0.0, -1.0] + rng.normal(size=30)
    peer = regression.OLS(y, np.column_stack([np.ones(30), x])).fit().get_influence().resid_press
    assert ridge_left_out_residuals(x, y, penalty=0.0) == pytest.approx(peer)


def test_without_columns_the_prediction_is_the_mean_and_a_left_out_one_that_of_the_others() -> None:
    y = [1.0, 2.0, 6.0]
    assert fit_ridge(np.empty((3, 0)), y, penalty=1.0).predict(np.empty((2, 0))).tolist() == [3.0, 3.0]
    assert ridge_left_out_residuals(np.empty((3, 0)), y, penalty=1.0) == pytest.approx([-3.0, -1.5, 4.5])


@given(st.integers(1, 6), st.integers(0, 1_000))
def test_a_whole_number_as_weight_is_a_label_that_stands_so_often(times: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(9, 2)), rng.normal(size=9)
    counts = np.r_[times, np.ones(8, dtype=int)]
    often = fit_ridge(np.repeat(x, counts, axis=0), np.repeat(y, counts), penalty=9.0 + times - 1.0)
    once = fit_ridge(x, y, penalty=9.0, label_weights=counts)  # of nine labels: the penalty counts them
    assert once.predict(x) == pytest.approx(often.predict(x), abs=1e-9)


def test_a_missing_column_has_no_prediction_and_json_gives_the_ridge_back() -> None:
    fitted = fit_ridge([[0.0, 1.0], [1.0, 0.0], [2.0, 5.0]], [1.0, 2.0, 4.0], penalty=0.5)
    assert np.isnan(fitted.predict(np.array([[1.0, np.nan], [1.0, 1.0]]))).tolist() == [True, False]
    assert Ridge.from_dict(fitted.to_dict()) == fitted


@pytest.mark.parametrize(
    ("columns", "labels", "more"),
    [
        ([[1.0], [2.0]], [1.0], {}),
        ([1.0, 2.0], [1.0, 2.0], {}),
        ([], [], {}),
        ([[1.0], [np.nan]], [1.0, 2.0], {}),
        ([[1.0], [2.0]], [1.0, np.inf], {}),
        ([[1.0], [2.0]], [1.0, 2.0], {"penalty": -1.0}),
        ([[1.0], [2.0]], [1.0, 2.0], {"penalty": np.nan}),
        ([[1.0], [2.0]], [1.0, 2.0], {"label_weights": [1.0]}),
        ([[1.0], [2.0]], [1.0, 2.0], {"label_weights": [1.0, 0.0]}),
    ],
)
def test_bad_input_is_refused(columns: list[float], labels: list[float], more: dict[str, object]) -> None:
    for fit in (fit_ridge, ridge_left_out_residuals):
        with pytest.raises(InvalidInputError):
            fit(columns, labels, **({"penalty": 1.0} | more))  # type: ignore[operator]


def test_one_fold_holds_nothing_out() -> None:
    with pytest.raises(InvalidInputError, match="one fold"):
        fit_tuned_ridge([[1.0], [2.0]], [1.0, 2.0], folds=np.zeros(2, dtype=int))
