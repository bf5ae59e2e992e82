"""Balanced accuracy beside scikit-learn and statsmodels, with clusters and without; constants and bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats import balanced_accuracy, wilson


def test_it_is_the_mean_of_both_classes_with_movers_interval() -> None:
    found = balanced_accuracy([1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0])
    assert (found.value, found.n, found.method, found.unit) == (0.75, 6, "wilson-mover", "share")
    (a, b), (c, d) = wilson(2, 4), wilson(2, 2)
    assert found.low == pytest.approx(0.75 - math.hypot(0.5 - a, 1.0 - c) / 2)
    assert found.high == pytest.approx(0.75 + math.hypot(b - 0.5, d - 1.0) / 2)


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_its_value_is_that_of_scikit_learn(rate: float) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    truth = rng.random(300) < rate
    said = truth ^ (rng.random(300) < 0.2)
    expected = metrics.balanced_accuracy_score(truth, said)
    assert balanced_accuracy(said, truth).value == pytest.approx(expected)
    assert balanced_accuracy(said, truth, clusters=np.arange(300) // 5).value == pytest.approx(expected)


@pytest.mark.parametrize("per_cluster", [1, 6])
def test_its_error_over_clusters_is_that_of_statsmodels(per_cluster: int) -> None:
    """Mean of two least-squares coefficients, one a class, with sandwich errors; equal clusters differ by G/(G - 1)."""
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(2)
    groups = 240 // per_cluster
    cluster = np.repeat(np.arange(groups), per_cluster)
    truth = rng.random(240) < 0.4
    said = truth ^ (rng.random(240) < rng.beta(0.5, 2.0, groups)[cluster])
    design = np.column_stack([truth, ~truth]).astype(float)
    fit = api.OLS((said == truth).astype(float), design).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    peer = float(np.array([0.5, 0.5]) @ fit.cov_params() @ np.array([0.5, 0.5]))
    found = balanced_accuracy(said, truth, clusters=cluster)
    assert found.std_error == pytest.approx(math.sqrt(peer * groups / (groups - 1)))
    assert (found.n_clusters, found.method) == (groups, "linearised-CR2-satterthwaite")


@given(st.integers(2, 5), st.integers(0, 1_000))
def test_items_given_again_in_their_clusters_change_nothing(times: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.r_[True, False, rng.random(28) < 0.4]
    said = truth ^ (rng.random(30) < 0.3)
    if said.all() or not said.any():
        return
    once = balanced_accuracy(said, truth, clusters=np.arange(30))
    often = balanced_accuracy(
        *(np.repeat(one, times) for one in (said, truth)), clusters=np.repeat(np.arange(30), times)
    )
    assert often.value == pytest.approx(once.value)
    assert once.low is None or (often.low, often.high) == pytest.approx((once.low, once.high), abs=1e-9)


@given(st.integers(0, 1_000))
def test_the_opposite_verdict_has_the_opposite_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, said = np.r_[True, False, rng.random(18) < 0.5], np.r_[True, False, rng.random(18) < 0.5]
    for clusters in (None, np.arange(20) // 2):
        one, other = (balanced_accuracy(side, truth, clusters=clusters) for side in (said, ~said))
        assert one.value == pytest.approx(1.0 - other.value)
        assert one.low is None or (one.low, one.high) == pytest.approx((1.0 - other.high, 1.0 - other.low))


def test_bounds_stay_shares() -> None:
    truth = np.arange(12) % 2 == 0
    said = truth.copy()
    said[:2] = ~said[:2]
    found = balanced_accuracy(said, truth, clusters=np.arange(12) // 2)
    assert found.value == pytest.approx(10 / 12)
    assert found.high == 1.0


def test_a_constant_has_one_half_by_definition() -> None:
    found = balanced_accuracy([1, 1, 1], [1, 0, 1], clusters=["a", "b", "b"])
    assert (found.value, found.low, found.n) == (0.5, None, 3)
    assert "constant" in (found.reason or "")


@pytest.mark.parametrize("clusters", [["a"] * 6, list("aabbcc")])
def test_one_cluster_and_clusters_that_do_not_differ_have_no_interval(clusters: list[str]) -> None:
    found = balanced_accuracy([1, 0, 1, 0, 1, 0], [1, 0, 1, 0, 1, 0], clusters=clusters)
    assert (found.value, found.low, found.high) == (1.0, None, None)
    assert found.reason


@pytest.mark.parametrize(
    ("said", "truth", "more"),
    [
        ([1, 0], [1, 1], {}),
        ([1, 0, 1], [1, 0], {}),
        ([], [], {}),
        ([1, 2], [1, 0], {}),
        ([1.0, np.nan], [1, 0], {}),
        ([[1, 0]], [[1, 0]], {}),
        ([1, 0], [1, 0], {"clusters": ["a"]}),
        ([1, 0], [1, 0], {"confidence": 1.0}),
    ],
)
def test_bad_input_is_refused(said: list[float], truth: list[float], more: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        balanced_accuracy(said, truth, **more)  # type: ignore[arg-type]
