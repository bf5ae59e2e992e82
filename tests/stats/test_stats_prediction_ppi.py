"""PPI and PPI++: hand examples, invariances, refusals; ppi-python is asked in the slow suite."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.prediction.cross import cross_ppi_mean
from assay.stats.prediction.mean import ppi_mean, ppi_mean_difference, ppi_win_rate
from assay.stats.prediction.quantile import ppi_quantile
from assay.stats.prediction.regression import ppi_logistic, ppi_ols
from assay.stats.prediction.strata import stratified_ppi_mean
from assay.stats.scalar import wilson
from assay.stats.special import t_quantile


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


def test_least_squares_without_predictions_is_hc3_of_statsmodels() -> None:
    import statsmodels.api as sm

    x, y, f, far, g = _regression(6, binary=False)
    fit = sm.OLS(y, x).fit(cov_type="HC3", use_t=True)
    found = ppi_ols(x, y, f, far, g, lam=0.0).coefficients
    assert [c.std_error for c in found] == pytest.approx(list(fit.bse), rel=1e-9)
    assert [c.low for c in found] == pytest.approx(list(fit.conf_int()[:, 0]), rel=1e-9)


def test_logit_without_predictions_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    x, y, f, far, g = _regression(7, binary=True)
    found = ppi_logistic(x, y, f, far, g, lam=0.0).coefficients
    assert [c.value for c in found] == pytest.approx(list(sm.Logit(y, x).fit(disp=False).params), abs=1e-7)


def test_mean_with_lambda_one_by_hand() -> None:
    y, f, g = np.array([1.0, 2.0, 3.0, 5.0]), np.array([1.5, 1.5, 3.5, 4.5]), np.array([2.0, 3.0, 4.0, 3.0])
    found = ppi_mean(y, f, g, lam=1.0)
    error = math.sqrt((y - f).var(ddof=1) / 4 + g.var(ddof=1) / 4)
    assert (found.value, found.std_error) == pytest.approx((g.mean() + (y - f).mean(), error))
    assert found.high == pytest.approx(found.value + t_quantile(0.975, 3) * error)


def test_each_label_gets_the_weight_of_all_others() -> None:
    y, f, g = _means(9, n=8, size=30)
    weights = []
    for out in range(8):
        keep = np.arange(8) != out
        covariance = np.cov(y[keep], f[keep], ddof=0)[0, 1]
        pooled = np.concatenate([f[keep], g]).var(ddof=1)
        weights.append(min(max(covariance / ((1 + 7 / 30) * pooled), 0.0), 1.0))
    expected = float(np.mean(y - np.array(weights) * (f - g.mean())))
    assert ppi_mean(y, f, g).value == pytest.approx(expected, abs=1e-12)


def test_predictions_off_in_level_are_weighted_by_their_pooled_spread() -> None:
    """Labelled and unlabelled predictions differ in level by 5: the pooled variance has to see it."""
    y, f, g = _means(17, n=8, size=30)
    g = g + 5.0
    weights = []
    for out in range(8):
        keep = np.arange(8) != out
        pooled = np.concatenate([f[keep], g]).var(ddof=1)
        covariance = np.cov(y[keep], f[keep], ddof=0)[0, 1]
        weights.append(min(max(covariance / ((1 + 7 / 30) * pooled), 0.0), 1.0))
    assert ppi_mean(y, f, g).value == pytest.approx(float(np.mean(y - np.array(weights) * (f - g.mean()))), abs=1e-12)
    pooled = np.concatenate([f, g]).var(ddof=1)
    lam = np.cov(y, f, ddof=0)[0, 1] / ((1 + 8 / 30) * pooled)
    expected = y.mean() - lam * (f.mean() - g.mean())
    assert ppi_mean(y, f, g, method="normal").value == pytest.approx(float(expected), abs=1e-12)


def test_tuned_weight_costs_a_degree_of_freedom() -> None:
    y, f, g = _means(18, n=9)
    for lam, df in ((None, 7), (0.5, 8)):
        found = ppi_mean(y, f, g, lam=lam)
        assert found.high - found.value == pytest.approx(t_quantile(0.975, df) * found.std_error)


@pytest.mark.parametrize("lam", [0.3, 1.0])
def test_quantile_by_counting_at_every_value(lam: float) -> None:
    y, f, g = _means(19, n=40, size=60)
    grid = np.sort(np.concatenate([y, f, g]))
    rectified, accepted = [], []
    for x in grid:
        own, far = (y <= x) - lam * (f <= x), lam * (g <= x)
        rectified.append(far.mean() + own.mean())
        error = math.sqrt(far.var() / 60 + own.var() / 40)
        if abs(rectified[-1] - 0.413) < 1.959963984540054 * max(error, 1e-16):
            accepted.append(x)
    found = ppi_quantile(y, f, g, q=0.413, lam=lam)
    assert found.value == grid[np.argmin(np.abs(np.array(rectified) - 0.413))]
    assert (found.low, found.high) == (accepted[0], accepted[-1])


def test_quantile_takes_the_weight_that_is_best_at_the_first_estimate() -> None:
    y, f, g = _means(20, n=60, size=200)
    at = ppi_quantile(y, f, g, q=0.5, lam=1.0).value
    own, near, far = y <= at, f <= at, g <= at
    pooled = np.concatenate([near, far]).astype(float).var(ddof=1)
    lam = min(1.0, float(np.cov(own, near, ddof=0)[0, 1] / ((1 + 60 / 200) * pooled)))
    tuned, given = ppi_quantile(y, f, g, q=0.5), ppi_quantile(y, f, g, q=0.5, lam=lam)
    assert 0.0 < lam < 1.0
    assert (tuned.value, tuned.low, tuned.high) == (given.value, given.low, given.high)


def test_least_squares_on_a_constant_is_the_mean() -> None:
    y, f, g = _means(21, n=30, size=200)
    one, far = np.ones((30, 1)), np.ones((200, 1))
    fit = ppi_ols(one, y, f, far, g, method="normal")
    mean = ppi_mean(y, f, g, method="normal")
    coefficient = fit.coefficients[0]
    assert coefficient.value == pytest.approx(mean.value, abs=1e-12)
    variance = np.var(y - fit.lam * f, ddof=1) / 30 + fit.lam**2 * np.var(g) / 199
    assert coefficient.std_error == pytest.approx(math.sqrt(variance))
    small = ppi_ols(one, y, f, far, g).coefficients[0]
    assert small.high - small.value == pytest.approx(t_quantile(0.975, 28) * small.std_error)


def test_least_squares_tunes_its_weight_at_its_own_estimate() -> None:
    """The gradients at λ = 1 give one weight, those at that weight's estimate another; the second is used."""
    rng = np.random.default_rng(22)
    x, far = (np.c_[np.ones(n), rng.normal(size=n)] for n in (25, 80))
    y, g = x @ [1.0, 2.0] + rng.normal(size=25), far @ [1.0, 0.5] + rng.normal(size=80)
    f = y + x @ [0.0, -1.5] + 0.8 * rng.normal(size=25)

    def best(lam: float) -> float:
        theta = ppi_ols(x, y, f, far, g, lam=lam).coefficients
        beta = np.array([c.value for c in theta])
        own, near, away = (z * (z @ beta - v)[:, None] for z, v in ((x, y), (x, f), (far, g)))
        half = (own - own.mean(0)).T @ (near - near.mean(0)) / 25
        inverse = np.linalg.inv((x.T @ x + far.T @ far) / 105)
        pooled = np.cov(np.concatenate([near, away]).T)
        above = np.trace(inverse @ (half + half.T) @ inverse)
        return float(np.clip(above / (2 * (1 + 25 / 80) * np.trace(inverse @ pooled @ inverse)), 0, 1))

    assert 0.0 < best(1.0) != best(best(1.0)) < 1.0
    assert ppi_ols(x, y, f, far, g).lam == pytest.approx(best(best(1.0)))


def test_cross_prediction_by_hand() -> None:
    y, f = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.5, 1.5, 3.5, 3.0])
    far = np.array([[2.0, 3.0], [3.0, 4.0], [1.0, 0.0]])
    found = cross_ppi_mean(y, f, far)
    error = math.sqrt((y - f).var(ddof=1) / 4 + far.mean(axis=1).var() / 3)
    assert (found.value, found.std_error) == pytest.approx((far.mean() + (y - f).mean(), error))


def test_useless_predictions_leave_the_labels_interval() -> None:
    y, _, g = _means(10)
    found = ppi_mean(y, np.zeros(90), np.zeros_like(g), method="normal")
    assert found.value == pytest.approx(y.mean())
    assert found.std_error == pytest.approx(y.std() / math.sqrt(90))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-100.0, 100.0), st.floats(0.05, 50.0))
def test_moving_and_scaling_everything_moves_and_scales_the_mean(seed: int, shift: float, scale: float) -> None:
    y, f, g = _means(seed, n=12, size=40)
    before, after = ppi_mean(y, f, g), ppi_mean(shift + scale * y, scale * f, scale * g)
    assert after.value == pytest.approx(shift + scale * before.value, rel=1e-7, abs=1e-7)
    assert after.high - after.low == pytest.approx(scale * (before.high - before.low), rel=1e-6)


def test_difference_is_the_mean_of_differences() -> None:
    a, f, g = _means(11)
    b, h, k = a + 0.5 * f, f + 1.0, g + 0.2
    found, expected = ppi_mean_difference(a, b, f, h, g, k), ppi_mean(b - a, h - f, k - g)
    assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)
    back = ppi_mean_difference(b, a, h, f, k, g)
    assert (back.value, back.low) == pytest.approx((-found.value, -found.high))


def test_few_wins_are_wilson_and_many_are_t() -> None:
    rng = np.random.default_rng(12)
    far = rng.random(100)
    none = ppi_win_rate(np.zeros(20), np.full(20, 0.5), far, lam=0.0)
    assert (none.low, none.high) == pytest.approx(wilson(0, 20))
    half = ppi_win_rate(np.arange(60) % 2, np.linspace(0, 1, 60), far)
    assert half.method == "ppi++-t" and 0.0 <= half.low < half.high <= 1.0
    with pytest.raises(InvalidInputError, match="outside"):
        ppi_win_rate([2.0, 0.0, 1.0], [0.0, 0.0, 0.0], far)


def test_strata_add_up_by_their_shares() -> None:
    y, f, g = _means(13, n=60, size=400)
    strata, far = np.where(np.arange(60) < 40, "a", "b"), np.where(np.arange(400) < 100, "a", "b")
    parts = {name: ppi_mean(y[strata == name], f[strata == name], g[far == name]) for name in "ab"}
    found = stratified_ppi_mean(y, f, strata, g, far)
    assert found.value == pytest.approx(0.25 * parts["a"].value + 0.75 * parts["b"].value)
    assert found.std_error == pytest.approx(math.hypot(0.25 * parts["a"].std_error, 0.75 * parts["b"].std_error))
    shares = np.array([0.25, 0.75]) * [parts["a"].std_error, parts["b"].std_error]
    df = np.sum(shares**2) ** 2 / (shares[0] ** 4 / 38 + shares[1] ** 4 / 18)
    assert found.high - found.value == pytest.approx(t_quantile(0.975, float(df)) * found.std_error)
    known = stratified_ppi_mean(y, f, strata, g, far, shares={"a": 0.5, "b": 0.5})
    assert known.value == pytest.approx(0.5 * parts["a"].value + 0.5 * parts["b"].value)


def test_strata_of_two_labels_have_no_interval() -> None:
    y, f, g = _means(14, n=22, size=40)
    found = stratified_ppi_mean(y, f, ["a"] * 20 + ["b"] * 2, g, ["a"] * 20 + ["b"] * 20)
    assert found.value is not None and found.low is None and "stratum b" in (found.reason or "")


def test_tuned_quantile_without_a_link_ignores_the_predictions() -> None:
    rng = np.random.default_rng(15)
    y, f, g = rng.normal(size=400), rng.normal(size=400), rng.normal(size=4_000)
    tuned, plain, full = (ppi_quantile(y, f, g, q=0.5, lam=lam) for lam in (None, 0.0, 1.0))
    assert tuned.high - tuned.low <= 1.1 * (plain.high - plain.low) < full.high - full.low


def test_equal_residuals_are_refused_with_a_reason() -> None:
    flat = ppi_mean([1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0], [2.0, 2.0])
    assert (flat.value, flat.low) == (1.0, None) and "spread" in (flat.reason or "")
    assert ppi_mean([1.0, 2.0], [1.0, 2.0], [1.0, 3.0]).low is None
    assert cross_ppi_mean([1.0, 2.0], [0.0, 1.0], [[1.0, 1.0]]).low is None
    two = stratified_ppi_mean([1.0] * 8, [1.0] * 8, list("aaaabbbb"), [1.0, 1.0], ["a", "b"])
    assert two.low is None
    exact = ppi_ols([[1.0]] * 5, [2.0] * 5, [1.0] * 5, [[1.0]] * 3, [1.0] * 3, lam=0.0).coefficients[0]
    assert (exact.value, exact.low) == (pytest.approx(2.0), None)


def test_an_extreme_quantile_of_few_labels_is_refused() -> None:
    y, f, g = _means(16, n=20)
    assert "quantile" in (ppi_quantile(y, f, g, q=0.95).reason or "")


def test_separated_labels_are_refused() -> None:
    x = np.c_[np.ones(20), np.arange(20.0)]
    y = (np.arange(20) >= 10).astype(float)
    with pytest.raises(InvalidInputError, match="separate"):
        ppi_logistic(x, y, y, x, y)


BAD = [
    (lambda: ppi_mean([1.0, math.nan, 2.0], [1.0, 2.0, 3.0], [1.0]), "not finite"),
    (lambda: ppi_mean([1.0, 2.0], [1.0], [1.0]), "needed"),
    (lambda: ppi_mean([1.0, 2.0], [1.0, 2.0], []), "at least 1"),
    (lambda: ppi_mean([1.0, 2.0], [1.0, 2.0], [1.0], lam=1.5), "lam"),
    (lambda: ppi_mean([1.0, 2.0], [1.0, 2.0], [1.0], method="z"), "method"),
    (lambda: ppi_mean([[1.0, 2.0]], [1.0, 2.0], [1.0]), "shape"),
    (lambda: ppi_mean([1.0, 2.0], [1.0, 2.0], [1.0, math.inf]), "not finite"),
    (lambda: ppi_quantile([1.0, 2.0], [1.0, 2.0], [1.0, 2.0], q=1.0), "q is"),
    (lambda: ppi_ols([[1.0]], [1.0], [1.0], [[1.0]], [1.0]), "coefficients"),
    (lambda: ppi_ols(np.ones((5, 2)), np.ones(5), np.ones(5), np.ones((5, 2)), np.ones(5)), "collinear"),
    (lambda: ppi_ols(np.eye(5, 2), np.ones(5), np.ones(5), np.eye(5, 3), np.ones(5)), "columns"),
    (lambda: ppi_ols(np.eye(5, 2), np.ones(5), np.ones(5), np.eye(5, 2), np.ones(5), coordinate=2), "coordinate"),
    (lambda: ppi_logistic(np.eye(5, 2), [0, 1, 2, 0, 1], [0.5] * 5, np.eye(5, 2), [0.5] * 5), "neither"),
    (lambda: ppi_logistic(np.eye(5, 2), [0, 1, 1, 0, 1], [1.5] * 5, np.eye(5, 2), [0.5] * 5), "outside"),
    (lambda: cross_ppi_mean([1.0, 2.0], [1.0, 2.0], [[1.0], [2.0]]), "one model"),
    (lambda: cross_ppi_mean([1.0, 2.0], [1.0, 2.0], [[1.0, 2.0]], method="x"), "method"),
    (lambda: stratified_ppi_mean([1.0, 2.0], [1.0, 2.0], ["a", "b"], [1.0], ["a"]), "merge|stratum b"),
    (lambda: stratified_ppi_mean([1.0], [1.0], ["a"], [1.0], ["a"], shares={"b": 1.0}), "shares"),
    (lambda: stratified_ppi_mean([1.0], [1.0], ["a", "b"], [1.0], ["a"]), "strata"),
]


@pytest.mark.parametrize(("call", "says"), BAD)
def test_bad_input_is_named_by_ppi(call, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        call()
