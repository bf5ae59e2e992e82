"""Brier, logarithmic and calibration-in-the-large scores, and the decomposition, against outside references."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.calibration.decomposition import brier_decomposition
from assay.stats.calibration.scores import brier_score, calibration_in_the_large, log_score, spiegelhalter_test

RNG_SEED = 5


def _forecasts(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(RNG_SEED)
    p = rng.beta(2, 3, size=n)
    return p, (rng.random(n) < p).astype(float)


def test_brier_and_log_score_equal_sklearn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    p, y = _forecasts()
    assert brier_score(p, y).value == pytest.approx(metrics.brier_score_loss(y, p), abs=1e-12)
    assert log_score(p, y).value == pytest.approx(metrics.log_loss(y, p), abs=1e-12)


def test_scores_of_several_classes_equal_sklearn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    p = rng.dirichlet([1, 2, 3], size=80)
    labels = rng.integers(3, size=80)
    assert log_score(p, labels).value == pytest.approx(metrics.log_loss(labels, p), abs=1e-12)
    assert brier_score(p, labels).value == pytest.approx(np.square(p - np.eye(3)[labels]).sum(axis=1).mean())


def test_two_classes_have_twice_the_brier_score_of_one_event() -> None:
    p, y = _forecasts(50)
    double = brier_score(np.stack([1 - p, p], axis=1), y).value
    assert double == pytest.approx(2 * brier_score(p, y).value)


def test_interval_is_the_scipy_t_interval_of_the_losses() -> None:
    from scipy import stats

    p, y = _forecasts()
    expected = stats.ttest_1samp((p - y) ** 2, 0).confidence_interval(0.9)
    found = brier_score(p, y, confidence=0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_clusters_widen_the_interval_of_forecasts_that_err_together() -> None:
    rng = np.random.default_rng(1)
    document = np.repeat(np.arange(20), 10)
    y = np.repeat(rng.integers(2, size=20), 10)
    p = np.full(200, 0.7)
    alone, together = brier_score(p, y), brier_score(p, y, clusters=document)
    assert together.n_clusters == 20 and alone.n_clusters is None
    assert together.std_error > 2 * alone.std_error
    assert together.value == alone.value


def test_an_impossible_event_has_no_log_score_but_a_reason_and_a_floor_is_said() -> None:
    found = log_score([0.0, 0.5, 1.0], [1, 1, 0])
    assert found.value is None and found.low is None
    assert found.reason == "2 of 3 forecasts gave probability 0 to what happened"
    assert log_score([0.0, 0.5, 1.0], [1, 1, 0], floor=1e-6).value == pytest.approx(
        (2 * -math.log(1e-6) - math.log(0.5)) / 3, rel=1e-6
    )


def test_calibration_in_the_large_is_the_gap_of_means() -> None:
    p, y = _forecasts()
    assert calibration_in_the_large(p, y).value == pytest.approx(y.mean() - p.mean())
    assert calibration_in_the_large([0.5, 0.5], [0, 1]).value == 0.0


def test_spiegelhalter_z_is_the_standardised_brier_score() -> None:
    p, y = _forecasts()
    score = np.square(p - y)
    expected = p * (1 - p)
    variance = ((1 - 2 * p) ** 2 * p * (1 - p)).sum()
    found = spiegelhalter_test(p, y)
    assert found.z == pytest.approx((score - expected).sum() / math.sqrt(variance))
    assert spiegelhalter_test([0.1] * 50, [1] * 25 + [0] * 25).p_value < 1e-10


def test_spiegelhalter_says_what_it_cannot_judge() -> None:
    with pytest.raises(InvalidInputError, match="cannot judge"):
        spiegelhalter_test([0.5, 1.0], [1, 1])


# decomposition


def test_murphy_parts_of_a_hand_example_add_up() -> None:
    p = [0.1] * 4 + [0.6] * 5 + [0.9] * 3
    y = [0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1]
    d = brier_decomposition(p, y, rng=np.random.default_rng(1), bins=3, bias_corrected=False)
    base = 7 / 12
    assert d.n_bins == 3
    assert d.reliability.value == pytest.approx((4 * 0.15**2 + 5 * 0.0 + 3 * 0.1**2) / 12)
    assert d.resolution.value == pytest.approx(
        (4 * (0.25 - base) ** 2 + 5 * (0.6 - base) ** 2 + 3 * (1 - base) ** 2) / 12
    )
    assert d.uncertainty.value == pytest.approx(base * (1 - base))
    assert d.within_bins == pytest.approx(0.0, abs=1e-12)
    assert d.brier.value == pytest.approx(d.reliability.value - d.resolution.value + d.uncertainty.value)


def test_corrected_reliability_is_unbiased_over_all_outcomes_and_the_plain_one_is_not() -> None:
    truth = np.array([0.2, 0.2, 0.2, 0.7, 0.7, 0.7])
    p = np.array([0.3] * 3 + [0.6] * 3)
    corrected = plain = 0.0
    for outcome in itertools.product([0, 1], repeat=6):
        y = np.array(outcome, dtype=float)
        weight = float(np.prod(np.where(y == 1, truth, 1 - truth)))
        for right in (True, False):
            d = brier_decomposition(p, y, rng=np.random.default_rng(0), bins=2, bias_corrected=right, repeats=100)
            corrected += weight * d.reliability.value * right
            plain += weight * d.reliability.value * (not right)
    assert corrected == pytest.approx(0.01, abs=1e-12)  # both groups are 0.1 away from the truth
    assert plain > 0.05


def test_corrected_uncertainty_is_the_unbiased_variance() -> None:
    p, y = _forecasts(40)
    d = brier_decomposition(p, y, rng=np.random.default_rng(1), bins=4)
    assert d.uncertainty.value == pytest.approx(y.var(ddof=1))
    value = d.reliability.value - d.resolution.value + d.uncertainty.value + d.within_bins
    assert value == pytest.approx(np.square(p - y).mean())


def test_one_bin_has_no_resolution() -> None:
    y = [0, 1, 1, 0, 1]
    d = brier_decomposition([0.4] * 5, y, rng=np.random.default_rng(1), bias_corrected=False)
    assert d.n_bins == 1
    assert d.resolution.value == pytest.approx(0.0)
    assert d.resolution.low is None and d.resolution.reason == "every resample gives the same value"


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=4, max_size=30),
    st.integers(1, 8),
    st.sampled_from(["mass", "width"]),
)
def test_parts_always_add_up_to_the_brier_score(pairs: list[tuple[float, bool]], bins: int, binning: str) -> None:
    p, y = np.array([a for a, _ in pairs]), np.array([float(b) for _, b in pairs])
    for corrected in (True, False):
        d = brier_decomposition(
            p, y, rng=np.random.default_rng(1), bins=bins, binning=binning, bias_corrected=corrected, repeats=100
        )
        whole = d.reliability.value - d.resolution.value + d.uncertainty.value + d.within_bins
        assert whole == pytest.approx(np.square(p - y).mean(), abs=1e-9)


def test_few_different_forecasts_are_drawn_by_kind_with_the_same_law() -> None:
    from assay.stats.calibration.resampling import resampled_totals

    columns = np.repeat(np.array([[1.0, 0.0], [0.0, 1.0]]), [60, 40], axis=0)
    quick = resampled_totals(columns, None, rng=np.random.default_rng(1), repeats=4_000)
    labels = np.arange(100)
    slow = resampled_totals(columns + labels[:, None] * 0, labels, rng=np.random.default_rng(2), repeats=4_000)
    for totals in (quick, slow):
        assert totals.sum(axis=1) == pytest.approx(100.0)
        assert totals[:, 0].mean() == pytest.approx(60, abs=0.4)
        assert totals[:, 0].std() == pytest.approx(math.sqrt(24), abs=0.3)


@pytest.mark.parametrize(
    ("p", "y", "what"),
    [
        ([1.2, 0.5], [1, 0], "reach from"),
        ([0.5, math.nan], [1, 0], "not finite"),
        ([], [], "shape"),
        ([0.5], [0.5], "neither 0 nor 1"),
        ([0.5, 0.5], [1], "come with"),
        ([[0.5, 0.6]], [0], "sum to 1"),
        ([[0.5, 0.5]], [2], "class numbers"),
        ([[1.0]], [0], "shape"),
        (["a"], [1], "not numbers"),
    ],
)
def test_bad_forecasts_are_refused(p: list[float], y: list[float], what: str) -> None:
    with pytest.raises(InvalidInputError, match=what):
        brier_score(p, y)


def test_other_bad_arguments_are_refused() -> None:
    p, y = [0.5, 0.6], [0, 1]
    with pytest.raises(InvalidInputError, match="floor"):
        log_score(p, y, floor=0.7)
    with pytest.raises(InvalidInputError, match="clusters"):
        brier_score(p, y, clusters=["a"])
    with pytest.raises(InvalidInputError, match="one independent group"):
        brier_decomposition(p, y, rng=np.random.default_rng(1), clusters=["a", "a"])
    with pytest.raises(InvalidInputError, match="resamples"):
        brier_decomposition(p, y, rng=np.random.default_rng(1), repeats=10)
    with pytest.raises(InvalidInputError, match="bins"):
        brier_decomposition(p, y, rng=np.random.default_rng(1), bins=0)
    with pytest.raises(InvalidInputError, match="binning"):
        brier_decomposition(p, y, rng=np.random.default_rng(1), binning="heap")
