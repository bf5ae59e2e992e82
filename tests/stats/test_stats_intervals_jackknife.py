"""The jackknife beside published figures, scipy, statsmodels and the clustered mean; groups, scales, bad input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats import clustered_mean, deletion_groups, jackknife_error, jackknife_estimate, left_out_values

LSAT = [576, 635, 558, 578, 666, 580, 555, 661, 651, 605, 653, 575, 545, 572, 594]
GPA = [3.39, 3.30, 2.81, 3.03, 3.44, 3.07, 3.00, 3.43, 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96]
"""Efron & Tibshirani (1993), table 3.1: fifteen law schools."""


def test_the_correlation_of_fifteen_law_schools() -> None:
    """MATLAB's manual: .7764, mean without one school .7759; Efron (1982), chapter 3: standard error .142."""
    x, y = np.array(LSAT), np.array(GPA)
    whole, left_out = left_out_values(
        lambda kept: float(np.corrcoef(x[kept], y[kept])[0, 1]), deletion_groups(None, 15)
    )
    assert whole == pytest.approx(0.7764, abs=5e-5)
    known = [one for one in left_out if one is not None]
    assert np.mean(known) == pytest.approx(0.7759, abs=5e-5)
    assert jackknife_error(known) == pytest.approx(0.1425, abs=5e-5)


@given(st.lists(st.floats(-100, 100), min_size=12, max_size=40))
def test_the_jackknife_of_a_mean_is_the_t_interval(values: list[float]) -> None:
    data = np.array(values)
    whole, left_out = left_out_values(lambda kept: float(data[kept].mean()), deletion_groups(None, data.size))
    found = jackknife_estimate(whole, left_out, n=data.size, unit="score", method="mean")
    spread = data.std(ddof=1) / math.sqrt(data.size)
    if found.std_error is not None:
        assert found.std_error == pytest.approx(spread, rel=1e-6, abs=1e-9)


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    tests = pytest.importorskip("scipy.stats")
    data = np.random.default_rng(3).exponential(size=25)
    whole, left_out = left_out_values(lambda kept: float(data[kept].mean()), deletion_groups(None, 25))
    found = jackknife_estimate(whole, left_out, n=25, unit="score", method="mean", confidence=0.9)
    assert (found.low, found.high) == pytest.approx(tuple(tests.ttest_1samp(data, 0.0).confidence_interval(0.9)))
    assert (found.method, found.n_clusters, found.reason) == ("mean-jackknife", None, None)


def test_clusters_of_one_size_give_a_mean_the_clustered_error_of_statsmodels() -> None:
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(4)
    cluster = np.repeat(np.arange(20), 3)
    data = rng.normal(size=20)[cluster] + rng.normal(size=60)
    fit = api.OLS(data, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False})
    _, left_out = left_out_values(lambda kept: float(data[kept].mean()), deletion_groups(cluster.tolist(), 60))
    assert jackknife_error([one or 0.0 for one in left_out]) == pytest.approx(float(fit.bse[0]) * math.sqrt(20 / 19))


def test_leaving_documents_out_gives_the_clustered_interval() -> None:
    rng = np.random.default_rng(5)
    documents = np.repeat(np.arange(30), 4)
    data = rng.normal(size=30)[documents] + rng.normal(size=120)
    whole, left_out = left_out_values(lambda kept: float(data[kept].mean()), deletion_groups(documents.tolist(), 120))
    found = jackknife_estimate(whole, left_out, n=120, unit="score", method="mean", n_clusters=30)
    peer = clustered_mean(data, documents, variance="CR1")
    assert found.low == pytest.approx(peer.low, rel=0.01)


def test_many_documents_are_left_out_several_at_a_time() -> None:
    codes = deletion_groups([f"d{k // 2}" for k in range(1_000)], 1_000, most=40)
    assert int(codes.max()) == 39
    assert (codes[::2] == codes[1::2]).all()
    sizes = np.bincount(codes)
    assert sizes.max() - sizes.min() <= 2


@pytest.mark.parametrize(
    ("whole", "left_out", "reason"),
    [
        (None, [None] * 12, "cannot be computed"),
        (0.5, [0.5] * 9, "too few"),
        (0.5, [0.5] * 11 + [None], "without one"),
        (0.5, [0.5] * 12, "does not change"),
        (1.0, [1.0] * 12, "does not change"),
    ],
)
def test_no_interval_comes_with_its_reason(whole: float | None, left_out: list[Any], reason: str) -> None:
    found = jackknife_estimate(whole, left_out, n=20, unit="agreement", method="alpha", beyond_chance=True)
    assert found.value == whole
    assert found.low is None
    assert reason in (found.reason or "")


def test_what_is_beyond_chance_never_passes_one() -> None:
    left_out = np.random.default_rng(6).uniform(0.97, 0.99, 12)
    low, high = (
        (found.low, found.high)
        for found in (
            jackknife_estimate(0.98, left_out.tolist(), n=12, unit="agreement", method="alpha", beyond_chance=True),
            jackknife_estimate(0.98, left_out.tolist(), n=12, unit="agreement", method="alpha"),
        )
    )
    assert low[1] < 1.0 < high[1]  # type: ignore[operator]
    assert low[0] < high[0]  # type: ignore[operator]


def test_without_an_item_there_is_nothing_to_leave_out() -> None:
    with pytest.raises(InvalidInputError, match="nothing to leave out"):
        deletion_groups(None, 0)
    with pytest.raises(InvalidInputError):
        deletion_groups(["a"], 2)
    with pytest.raises(InvalidInputError):
        jackknife_estimate(0.5, [0.5] * 12, n=12, unit="score", method="mean", confidence=1.5)
