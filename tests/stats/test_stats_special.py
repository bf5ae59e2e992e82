"""Quantiles and tail probabilities against scipy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import InvalidInputError
from assay.stats.special import (
    beta_cdf,
    beta_quantile,
    binomial_cdf,
    normal_cdf,
    normal_quantile,
    t_cdf,
    t_quantile,
    t_sf,
)

PROBABILITIES = [1e-9, 1e-4, 0.01, 0.025, 0.2, 0.4999, 0.5, 0.6, 0.9, 0.975, 0.995, 0.99999, 1 - 1e-9]


@pytest.mark.parametrize("df", [0.5, 1, 1.7, 2, 3, 5, 9.3, 30, 100, 999, 1000, 1318, 1e4, 1e6])
@pytest.mark.parametrize("p", PROBABILITIES)
def test_t_quantile_is_scipys_to_ten_digits(p: float, df: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("df", [0.5, 1, 3, 30, 500, 99_999, 100_001, 1e7])
@pytest.mark.parametrize("t", [-6.0, -1.0, 0.0, 1e-3, 0.7, 1.96, 4.0, 12.0])
def test_t_tail_is_scipys(t: float, df: float) -> None:
    assert t_sf(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-9)
    assert t_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), rel=1e-9)


@pytest.mark.parametrize("p", [1e-300, 1e-12, *PROBABILITIES])
def test_normal_quantile_is_scipys(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-13, abs=1e-13)


@given(st.floats(1e-6, 1 - 1e-6))
def test_normal_cdf_inverts_the_quantile(p: float) -> None:
    assert normal_cdf(normal_quantile(p)) == pytest.approx(p, rel=1e-12)


@given(st.floats(0.001, 0.999), st.floats(0.05, 3000.0), st.floats(0.05, 3000.0))
def test_incomplete_beta_is_scipys(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-9, abs=1e-290)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (5, 2), (1, 300), (30, 700), (1e5, 1e5)])
def test_beta_quantile_is_scipys(a: float, b: float) -> None:
    for p in (0.025, 0.5, 0.975):
        assert beta_quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-10)


@given(st.integers(1, 2000), st.data())
def test_binomial_cdf_is_scipys(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(-1, n))
    p = data.draw(st.floats(0.01, 0.99))
    assert binomial_cdf(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), rel=1e-9, abs=1e-290)


def test_what_has_no_quantile_is_refused() -> None:
    for wrong in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(InvalidInputError):
            normal_quantile(wrong)
    with pytest.raises(InvalidInputError):
        t_quantile(0.975, 0)
