"""Expected calibration error, reliability curves and the calibration slope."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.calibration.bins import bin_forecasts
from assay.stats.calibration.error import _folded_normal_mean, expected_calibration_error, reliability_curve
from assay.stats.calibration.slope import cox_calibration
from assay.stats.scalar import wilson


def _draw(n: int = 600, *, stretch: float = 1.0, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return 1 / (1 + np.exp(-stretch * x)), (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float)


@pytest.mark.parametrize("binning", ["mass", "width"])
def test_bins_equal_sklearn_calibration_curve(binning: str) -> None:
    calibration = pytest.importorskip("sklearn.calibration")
    p, y = _draw()
    strategy = "quantile" if binning == "mass" else "uniform"
    shares, means = calibration.calibration_curve(y, p, n_bins=8, strategy=strategy)
    curve = reliability_curve(p, y, bins=8, binning=binning)
    assert [row.forecast for row in curve.bins] == pytest.approx(means)
    assert [row.observed.value for row in curve.bins] == pytest.approx(shares)


def test_plain_ece_is_the_weighted_gap_of_guo_et_al() -> None:
    p, y = _draw(stretch=2.0)
    index = np.ceil(p * 15).astype(int)
    expected = sum(abs(p[index == b].sum() - y[index == b].sum()) for b in np.unique(index)) / p.size
    found = expected_calibration_error(p, y, binning="width", debiased=False, rng=np.random.default_rng(1))
    assert found.value == pytest.approx(expected)


def test_debiased_l2_is_unbiased_over_all_outcomes() -> None:
    truth = np.array([0.2, 0.2, 0.2, 0.7, 0.7, 0.7])
    p = np.array([0.3] * 3 + [0.6] * 3)
    from assay.stats.calibration.error import _errors

    mean = {True: 0.0, False: 0.0}
    for outcome in itertools.product([0.0, 1.0], repeat=6):
        y = np.array(outcome)
        weight = float(np.prod(np.where(y == 1, truth, 1 - truth)))
        totals = bin_forecasts(p, y, bins=2, binning="mass").totals(p, y)[None, :]
        for debiased in mean:
            mean[debiased] += weight * float(_errors(totals, norm="l2", debiased=debiased)[0])
    assert mean[True] == pytest.approx(0.01, abs=1e-12)
    assert mean[False] > 0.05


def test_debiased_l1_is_gaussian_resampling_in_closed_form() -> None:
    """Kumar et al. redraw every observed share from a normal and take the average excess off."""
    p, y = _draw(200, stretch=1.5)
    found = expected_calibration_error(p, y, bins=5, rng=np.random.default_rng(1)).value
    grouped = bin_forecasts(p, y, bins=5, binning="mass")
    n, sums, ones = np.split(grouped.totals(p, y), 3)
    share = ones / n
    plain = float((n / 200 * np.abs(sums / n - share)).sum())
    noise = np.random.default_rng(2).normal(size=(200_000, 5)) * np.sqrt(share * (1 - share) / (n - 1))
    redrawn = (n / 200 * np.abs(sums / n - share - noise)).sum(axis=1).mean()
    assert found == pytest.approx(2 * plain - redrawn, abs=3e-4)


def test_folded_normal_mean_equals_scipy() -> None:
    from scipy import stats

    centre, spread = np.array([0.0, 0.1, 0.3]), np.array([0.2, 0.05, 1.0])
    expected = [stats.foldnorm.mean(c / s, scale=s) for c, s in zip(centre, spread, strict=True)]
    assert _folded_normal_mean(centre, spread) == pytest.approx(np.array(expected))
    assert _folded_normal_mean(np.array([0.4]), np.array([0.0])) == pytest.approx(np.array([0.4]))


def test_calibrated_forecasts_have_an_interval_from_zero_and_a_plain_figure_above_it() -> None:
    p, y = _draw(1_000)
    debiased = expected_calibration_error(p, y, rng=np.random.default_rng(1))
    plain = expected_calibration_error(p, y, rng=np.random.default_rng(1), debiased=False)
    assert debiased.low == 0.0
    assert plain.value > debiased.value + 0.01


def test_over_confidence_is_found() -> None:
    p, y = _draw(2_000, stretch=3.0)
    for norm in ("l1", "l2"):
        found = expected_calibration_error(p, y, norm=norm, rng=np.random.default_rng(1))
        assert 0.05 < found.low < found.value < found.high < 0.3


def test_sweep_takes_the_most_bins_whose_shares_rise() -> None:
    p, y = _draw(500)
    grouped = bin_forecasts(p, y, bins=1, binning="sweep")
    shares = np.bincount(grouped.index, weights=y) / np.bincount(grouped.index)
    assert (np.diff(shares) >= 0).all()
    more = bin_forecasts(p, y, bins=grouped.count + 1, binning="mass")
    assert (np.diff(np.bincount(more.index, weights=y) / np.bincount(more.index)) < 0).any()
    assert "bins" in expected_calibration_error(p, y, binning="sweep", rng=np.random.default_rng(1)).method


def test_sweep_ends_when_forecasts_are_few_and_order_everything() -> None:
    grouped = bin_forecasts(np.array([0.1] * 5 + [0.9] * 5), np.array([0.0] * 5 + [1.0] * 5), bins=1, binning="sweep")
    assert grouped.count <= 2


def test_clustered_forecasts_are_drawn_by_cluster() -> None:
    rng = np.random.default_rng(4)
    document = np.repeat(np.arange(30), 10)
    y = np.repeat(rng.integers(2, size=30), 10)
    p = rng.uniform(0.3, 0.7, size=300)
    alone = expected_calibration_error(p, y, bins=5, rng=np.random.default_rng(1))
    together = expected_calibration_error(p, y, bins=5, clusters=document, rng=np.random.default_rng(1))
    assert together.n_clusters == 30
    assert together.high - together.low > alone.high - alone.low


def test_a_certain_forecast_that_is_always_right_has_no_spread() -> None:
    found = expected_calibration_error([1.0] * 5, [1] * 5, rng=np.random.default_rng(1))
    assert found.value == 0.0 and found.low is None and found.reason


def test_curve_intervals_are_wilson_and_wider_together() -> None:
    p, y = _draw()
    single, joint = reliability_curve(p, y, bins=4), reliability_curve(p, y, bins=4, simultaneous=True)
    first = single.bins[0].observed
    assert (first.low, first.high) == pytest.approx(wilson(round(first.value * first.n), first.n))
    assert joint.bins[0].observed.confidence == pytest.approx(1 - 0.05 / 4)
    assert all(b.observed.low < a.observed.low for a, b in zip(single.bins, joint.bins, strict=True))
    assert sum(row.observed.n for row in single.bins) == p.size
    assert (single.bins[0].low, single.bins[-1].high) == (0.0, 1.0)


def test_a_bin_of_one_document_has_no_interval_and_no_opinion() -> None:
    curve = reliability_curve([0.2] * 4 + [0.8] * 4, [0, 1, 0, 1] * 2, bins=2, clusters=list("aaaabcde"))
    assert curve.bins[0].agrees is None and curve.bins[0].observed.reason
    assert curve.bins[1].agrees is True


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=3, max_size=40), st.integers(1, 12))
def test_bins_hold_every_forecast_once_and_equal_ones_together(pairs: list[tuple[float, bool]], bins: int) -> None:
    p, y = np.array([a for a, _ in pairs]), np.array([float(b) for _, b in pairs])
    for binning in ("mass", "width"):
        grouped = bin_forecasts(p, y, bins=bins, binning=binning)
        assert grouped.count <= bins
        assert (np.bincount(grouped.index, minlength=grouped.count) > 0).all()
        assert (np.diff(grouped.index[np.argsort(p, kind="stable")]) >= 0).all()
        for value in np.unique(p):
            assert np.unique(grouped.index[p == value]).size == 1
        assert (p <= grouped.edges[grouped.index + 1]).all()


# slope


def test_slope_and_robust_errors_equal_statsmodels() -> None:
    sm = pytest.importorskip("statsmodels.api")
    p, y = _draw(400, stretch=1.7)
    design = sm.add_constant(np.log(p / (1 - p)))
    expected = sm.Logit(y, design).fit(disp=0, cov_type="HC0", tol=1e-12)
    found = cox_calibration(p, y)
    assert (found.intercept.value, found.slope.value) == pytest.approx(tuple(expected.params), abs=1e-7)
    assert (found.intercept.std_error, found.slope.std_error) == pytest.approx(tuple(expected.bse), rel=1e-6)
    test = expected.wald_test((np.eye(2), np.array([0.0, 1.0])), scalar=True)
    assert found.p_value == pytest.approx(float(test.pvalue), rel=1e-5)


def test_cluster_robust_slope_equals_statsmodels() -> None:
    sm = pytest.importorskip("statsmodels.api")
    p, y = _draw(400)
    groups = np.arange(400) // 8
    options = {"groups": groups, "use_correction": False}
    expected = sm.Logit(y, sm.add_constant(np.log(p / (1 - p)))).fit(disp=0, cov_type="cluster", cov_kwds=options)
    found = cox_calibration(p, y, clusters=groups)
    assert found.slope.std_error == pytest.approx(expected.bse[1] * math.sqrt(50 / 49), rel=1e-6)
    assert found.slope.n_clusters == 50


def test_slope_refuses_what_has_none() -> None:
    with pytest.raises(InvalidInputError, match="separate"):
        cox_calibration([0.2, 0.3, 0.7, 0.8], [0, 0, 1, 1])
    with pytest.raises(InvalidInputError, match="log-odds"):
        cox_calibration([0.0, 0.3, 0.7], [0, 1, 1])
    with pytest.raises(InvalidInputError, match="do not vary"):
        cox_calibration([0.3, 0.3, 0.3], [0, 1, 1])
    with pytest.raises(InvalidInputError, match="independent groups"):
        cox_calibration([0.3, 0.4, 0.3], [0, 1, 1], clusters=["a", "a", "b"])
    assert cox_calibration([0.0, 0.3, 0.7, 0.4], [0, 1, 0, 1], floor=0.01).slope.value is not None


def test_error_refuses_unknown_options() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(InvalidInputError, match="norm"):
        expected_calibration_error([0.5, 0.6], [0, 1], norm="max", rng=rng)
    with pytest.raises(InvalidInputError, match="one independent group"):
        expected_calibration_error([0.5, 0.6], [0, 1], clusters=["a", "a"], rng=rng)
    with pytest.raises(InvalidInputError, match="confidence"):
        expected_calibration_error([0.5, 0.6], [0, 1], confidence=95, rng=rng)
