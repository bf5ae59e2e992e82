"""PPI, PPI++ and cross-PPI give what ppi-python gives, wherever that publishes a formula."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from assay.stats.prediction.cross import cross_ppi_mean
from assay.stats.prediction.mean import ppi_mean
from assay.stats.prediction.quantile import ppi_quantile
from assay.stats.prediction.regression import ppi_logistic, ppi_ols

pytestmark = pytest.mark.slow  # ppi-python compiles itself when first used
LAMBDAS = [None, 0.0, 0.4, 1.0]


@pytest.fixture(scope="module")
def ppi_py() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("ppi_py")


def _means(seed: int, n: int = 90, size: int = 700) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    f = rng.normal(size=n)
    return 0.7 * f + rng.normal(size=n) + 0.3, f, rng.normal(size=size) + 0.1


def _regression(seed: int, *, binary: bool) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x, far = (np.c_[np.ones(n), rng.normal(size=(n, 2))] for n in (120, 800))
    beta = np.array([0.2, 0.5, -1.0])
    if not binary:
        y = x @ beta + rng.normal(size=120)
        return x, y, y + rng.normal(size=120), far, far @ beta + 1.4 * rng.normal(size=800)
    p, q = (1 / (1 + np.exp(-z @ beta)) for z in (x, far))
    y = (rng.random(120) < p).astype(float)
    return x, y, 0.5 * p + 0.5 * y, far, 0.5 * q + 0.5 * (rng.random(800) < q)


@pytest.mark.parametrize("lam", LAMBDAS)
def test_mean_equals_ppi_python(ppi_py: Any, lam: float | None) -> None:
    y, f, g = _means(1)
    low, high = ppi_py.ppi_mean_ci(y, f, g, alpha=0.05, lam=lam)
    found = ppi_mean(y, f, g, lam=lam, method="normal")
    assert (found.low, found.high) == pytest.approx((float(low[0]), float(high[0])), abs=1e-9)
    assert found.value == pytest.approx(float(ppi_py.ppi_mean_pointestimate(y, f, g, lam=lam)[0]), abs=1e-9)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.75])
def test_quantile_equals_ppi_python(ppi_py: Any, q: float) -> None:
    y, f, g = _means(2)
    low, high = ppi_py.ppi_quantile_ci(y, f, g, q, alpha=0.05, exact_grid=True)
    found = ppi_quantile(y, f, g, q=q, lam=1.0)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.value == pytest.approx(ppi_py.ppi_quantile_pointestimate(y, f, g, q, exact_grid=True), abs=1e-12)


@pytest.mark.parametrize("lam", LAMBDAS)
def test_least_squares_equals_ppi_python(ppi_py: Any, lam: float | None) -> None:
    data = _regression(3, binary=False)
    low, high = ppi_py.ppi_ols_ci(*data, alpha=0.05, lam=lam)
    found = ppi_ols(*data, lam=lam, method="normal").coefficients
    assert [c.low for c in found] == pytest.approx(list(low), abs=1e-6)
    assert [c.high for c in found] == pytest.approx(list(high), abs=1e-6)


def test_least_squares_tuned_for_one_coordinate_equals_ppi_python(ppi_py: Any) -> None:
    data = _regression(4, binary=False)
    low, high = ppi_py.ppi_ols_ci(*data, alpha=0.05, coord=1)
    found = ppi_ols(*data, coordinate=1, method="normal").coefficients[1]
    assert (found.low, found.high) == pytest.approx((low[1], high[1]), abs=1e-6)


@pytest.mark.parametrize("lam", LAMBDAS)
def test_logit_equals_ppi_python(ppi_py: Any, lam: float | None) -> None:
    data = _regression(5, binary=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        low, high = ppi_py.ppi_logistic_ci(*data, alpha=0.05, lam=lam)
    found = ppi_logistic(*data, lam=lam, method="normal").coefficients
    assert [c.low for c in found] == pytest.approx(list(low), abs=1e-6)
    assert [c.high for c in found] == pytest.approx(list(high), abs=1e-6)


def test_cross_prediction_equals_ppi_python(ppi_py: Any) -> None:
    rng = np.random.default_rng(8)
    y, f, far = rng.normal(size=50), rng.normal(size=50), rng.normal(size=(300, 5))
    low, high = ppi_py.crossppi_mean_ci(y, f, far, alpha=0.05)
    found = cross_ppi_mean(y, f, far, method="normal")
    assert (found.low, found.high) == pytest.approx((float(low[0]), float(high[0])), abs=1e-9)
    wider = cross_ppi_mean(y, f, far)
    assert wider.high - wider.low > found.high - found.low
