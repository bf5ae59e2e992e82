"""Calibration maps: fits against sklearn and scipy, and the trip to a dict and back."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.calibration.fitting import cross_calibrated, fit_isotonic, fit_platt, fit_temperature
from assay.stats.calibration.maps import IsotonicMap, PlattMap, TemperatureMap, calibration_map_from_dict
from assay.stats.calibration.scores import log_score

pytestmark = pytest.mark.slow


def _scores(n: int = 300, seed: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = 3 * rng.normal(size=n) + 50
    return x, (rng.random(n) < 1 / (1 + np.exp(-(x - 51)))).astype(float)


def test_platt_equals_sklearn_sigmoid_calibration() -> None:
    calibration = pytest.importorskip("sklearn.calibration")
    x, y = _scores()
    expected = calibration._SigmoidCalibration().fit(x, y)
    assert fit_platt(x, y).apply(x) == pytest.approx(expected.predict(x), abs=2e-5)


def test_platt_maximises_the_likelihood_of_smoothed_targets() -> None:
    from scipy.optimize import minimize

    x, y = _scores(80)
    targets = np.where(y == 1, (y.sum() + 1) / (y.sum() + 2), 1 / ((1 - y).sum() + 2))

    def loss(b: np.ndarray) -> float:
        linear = b[0] + b[1] * (x - 50)
        return float((np.logaddexp(0, linear) - targets * linear).sum())

    best = minimize(loss, [0.0, 0.0], method="BFGS", options={"gtol": 1e-9})
    found = fit_platt(x, y)
    assert (found.slope, found.intercept + 50 * found.slope) == pytest.approx((best.x[1], best.x[0]), abs=1e-5)


def test_platt_stays_finite_where_scores_separate() -> None:
    found = fit_platt([0.0, 1.0, 2.0, 3.0], [0, 0, 1, 1])
    assert math.isfinite(found.slope)
    assert found.apply([0.0, 3.0]) == pytest.approx(np.array([1 / 4, 3 / 4]), abs=0.1)


def test_isotonic_equals_sklearn_with_ties_and_weights() -> None:
    isotonic = pytest.importorskip("sklearn.isotonic")
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 12, size=200).astype(float), rng.integers(0, 2, size=200).astype(float)
    weight = rng.uniform(0.5, 2, size=200)
    expected = isotonic.IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=weight)
    at = np.linspace(-1, 13, 57)
    assert fit_isotonic(x, y, weights=weight).apply(at) == pytest.approx(expected.predict(at), abs=1e-9)


def test_isotonic_of_falling_scores_is_the_base_rate() -> None:
    found = fit_isotonic([1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0])
    assert found.apply([-5.0, 2.5, 9.0]).tolist() == [0.5, 0.5, 0.5]
    assert len(found.scores) == 2


@given(st.lists(st.tuples(st.integers(-20, 20), st.booleans()), min_size=4, max_size=60))
def test_isotonic_never_falls_and_keeps_the_mean(pairs: list[tuple[int, bool]]) -> None:
    x, y = np.array([float(a) for a, _ in pairs]), np.array([float(b) for _, b in pairs])
    if y.min() == y.max():
        return
    found = fit_isotonic(x, y)
    assert (np.diff(found.apply(np.linspace(-25, 25, 201))) >= -1e-12).all()
    assert found.apply(x).mean() == pytest.approx(y.mean())


def test_temperature_minimises_the_log_score_of_classes() -> None:
    from scipy.optimize import minimize_scalar

    rng = np.random.default_rng(3)
    logits = rng.normal(size=(400, 4)) * 2
    chance = np.exp(logits / 2.5)
    chance /= chance.sum(axis=1, keepdims=True)
    labels = (rng.random(400)[:, None] > chance.cumsum(axis=1)).sum(axis=1)
    best = minimize_scalar(
        lambda t: log_score(TemperatureMap(temperature=t).apply(logits), labels).value,
        bounds=(0.5, 10),
        method="bounded",
        options={"xatol": 1e-9},
    )
    found = fit_temperature(logits, labels)
    assert found.temperature == pytest.approx(best.x, rel=1e-5)
    assert found.temperature == pytest.approx(2.5, abs=0.5)
    assert (found.apply(logits).argmax(axis=1) == logits.argmax(axis=1)).all()


def test_temperature_of_log_odds_has_a_closed_form_for_one_score() -> None:
    found = fit_temperature([2.0] * 8, [1] * 6 + [0] * 2)
    assert found.temperature == pytest.approx(2.0 / math.log(3.0))
    assert found.apply([2.0]) == pytest.approx(np.array([0.75]))


def test_temperature_says_why_there_is_none() -> None:
    with pytest.raises(InvalidInputError, match="best temperature is 0"):
        fit_temperature([2.0, 1.0, -1.0], [1, 1, 0])
    with pytest.raises(InvalidInputError, match="no likelier"):
        fit_temperature([2.0, 1.0, -1.0], [0, 0, 1])
    with pytest.raises(InvalidInputError, match="no likelier"):
        fit_temperature(np.zeros((3, 2)), [0, 1, 1])


@pytest.mark.parametrize(
    "fitted",
    [
        PlattMap(slope=0.3, intercept=-2.5),
        IsotonicMap(scores=(0.0, 1.0, 4.0), probabilities=(0.1, 0.1, 0.9)),
        TemperatureMap(temperature=1.7),
    ],
    ids=lambda found: type(found).__name__,
)
def test_a_map_survives_json(fitted: PlattMap | IsotonicMap | TemperatureMap) -> None:
    assert calibration_map_from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted


@pytest.mark.parametrize(
    "row",
    [
        {"kind": "spline"},
        {"slope": 1.0},
        {"kind": "platt", "slope": 1.0},
        {"kind": "platt", "slope": math.inf, "intercept": 0.0},
        {"kind": "temperature", "temperature": 0.0},
        {"kind": "temperature", "temperature": "hot"},
        {"kind": "isotonic", "scores": [1.0, 0.0], "probabilities": [0.0, 1.0]},
        {"kind": "isotonic", "scores": [0.0, 1.0, 2.0], "probabilities": [0.0, 0.9, 0.5]},
        {"kind": "isotonic", "scores": [0.0], "probabilities": [0.2, 0.3]},
        {"kind": "isotonic", "scores": [], "probabilities": []},
        {"kind": "isotonic", "scores": [0.0, 1.0], "probabilities": [0.0, 1.5]},
    ],
)
def test_what_is_no_map_is_refused(row: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="calibration map"):
        calibration_map_from_dict(row)


def test_out_of_fold_probabilities_do_not_flatter() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=200), rng.integers(0, 2, size=200).astype(float)  # the score knows nothing
    inside = fit_isotonic(x, y).apply(x)
    outside = cross_calibrated(x, y, fit=fit_isotonic, rng=np.random.default_rng(1))
    assert np.square(inside - y).mean() < 0.25 < np.square(outside - y).mean()


def test_folds_keep_clusters_whole() -> None:
    x, y = _scores(120)
    document = np.arange(120) // 6
    seen = []

    def fit(scores: np.ndarray, outcomes: np.ndarray) -> PlattMap:
        seen.append(set(document[np.isin(x, scores)].tolist()))
        return fit_platt(scores, outcomes)

    found = cross_calibrated(x, y, fit=fit, rng=np.random.default_rng(2), folds=4, clusters=document)
    assert found.shape == (120,) and len(seen) == 4
    assert all(len(kept) == 15 for kept in seen)
    assert set().union(*(set(range(20)) - kept for kept in seen)) == set(range(20))


@pytest.mark.parametrize(
    ("x", "y", "what"),
    [([1.0, 2.0], [1, 1], "every outcome is 1"), ([1.0, 1.0], [0, 1], "equal"), ([1.0, math.inf], [0, 1], "finite")],
)
def test_platt_refuses(x: list[float], y: list[float], what: str) -> None:
    with pytest.raises(InvalidInputError, match=what):
        fit_platt(x, y)


def test_other_fits_refuse() -> None:
    with pytest.raises(InvalidInputError, match="weights"):
        fit_isotonic([1.0, 2.0], [0, 1], weights=[1.0, 0.0])
    with pytest.raises(InvalidInputError, match="shape"):
        fit_temperature(np.zeros((2, 1)), [0, 0])
    with pytest.raises(InvalidInputError, match="finite"):
        fit_temperature([0.0, -math.inf], [0, 1])
    with pytest.raises(InvalidInputError, match="folds"):
        cross_calibrated([1.0, 2.0], [0, 1], fit=fit_platt, rng=np.random.default_rng(1), folds=3)
    with pytest.raises(InvalidInputError, match="outcomes"):
        cross_calibrated([1.0, 2.0], [0], fit=fit_platt, rng=np.random.default_rng(1), folds=2)
