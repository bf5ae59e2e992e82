"""Curves of how far off a prediction is: hand examples, Neyman's optimum as reference, JSON, and bad input."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.prediction.residual_curve import ResidualCurve, fit_residual_curve
from assay.stats.prediction.sampling import inclusion_probabilities


def test_few_items_make_one_bin_of_their_root_mean_square() -> None:
    """Five residuals of 1 and 3: (5·5 + 5·5) / (5 + 5) = 5, the mean square of all, whatever it is shrunk by."""
    curve = fit_residual_curve([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 6.0, 7.0])
    assert curve.edges == ()
    assert curve.at([2.0, 40.0]) == pytest.approx([math.sqrt(5.0)] * 2)


def test_bins_by_hand() -> None:
    """Thirty items, two bins at the median: squares of 1 and of 9, each as if with five more of their mean, 5."""
    predictions = np.concatenate([np.arange(15.0), 100.0 + np.arange(15.0)])
    labels = predictions + np.repeat([1.0, -3.0], 15)
    curve = fit_residual_curve(predictions, labels)
    assert curve.edges == (57.0,)
    assert curve.sizes == pytest.approx((math.sqrt((15 + 25) / 20), math.sqrt((135 + 25) / 20)))


def test_it_finds_the_spread_that_made_the_labels() -> None:
    rng = np.random.default_rng(2)
    guess = rng.uniform(1.0, 5.0, size=20_000)
    labels = guess + (6.0 - guess) * 0.3 * rng.normal(size=20_000)
    found = fit_residual_curve(guess, labels)
    assert len(found.sizes) == 8
    middles = 1.25 + 0.5 * np.arange(8)
    assert found.at(middles) == pytest.approx((6.0 - middles) * 0.3, rel=0.04)


def test_drawing_by_it_comes_near_to_the_optimum_of_cochran() -> None:
    """Cochran (1977), formula 5.26: at the best the variance of two strata is (Σ W·S)² / n."""
    rng = np.random.default_rng(4)
    guess = np.repeat([1.0, 2.0], 5_000)
    residual = rng.normal(size=10_000) * np.repeat([1.0, 4.0], 5_000)
    chance = inclusion_probabilities(fit_residual_curve(guess, guess + residual).at(guess), expected_n=100, floor=0.0)
    variance = (residual**2 / chance).sum() / 10_000**2
    assert variance == pytest.approx((0.5 * 1.0 + 0.5 * 4.0) ** 2 / 100, rel=0.05)


def test_predictions_that_are_always_right_make_all_items_alike() -> None:
    assert fit_residual_curve([1.0, 2.0], [1.0, 2.0]) == ResidualCurve(edges=(), sizes=(1.0,))
    assert fit_residual_curve([1.0] * 40, [1.0] * 39 + [2.0]).at([0.0, 9.0]).std() == 0.0


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=200),
    st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=9),
)
def test_sizes_are_known_positive_and_survive_json(pairs: list[tuple[float, float]], new: list[float]) -> None:
    predictions, labels = np.array(pairs).T
    curve = fit_residual_curve(predictions, labels)
    sizes = curve.at(new)
    assert (sizes > 0.0).all() and np.isfinite(sizes).all()
    assert sizes.max() <= max(np.abs(labels - predictions).max(), 1.0) * (1 + 1e-9)
    back = ResidualCurve.from_dict(json.loads(json.dumps(curve.to_dict())))
    assert back == curve


@pytest.mark.parametrize(
    ("edges", "sizes"),
    [((1.0,), (1.0,)), ((2.0, 1.0), (1.0,) * 3), ((), (0.0,)), ((), (math.nan,)), ((math.inf,), (1.0, 1.0)), ((), ())],
)
def test_what_is_no_curve_is_refused(edges: tuple[float, ...], sizes: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInputError, match="no curve"):
        ResidualCurve(edges=edges, sizes=sizes)


def test_gaps_and_shapes_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="not there"):
        ResidualCurve(edges=(), sizes=(1.0,)).at([1.0, math.nan])
    for predictions, labels in (([], []), ([1.0], [1.0, 2.0]), ([math.nan], [1.0])):
        with pytest.raises(InvalidInputError):
            fit_residual_curve(predictions, labels)
