"""How many independent judges a panel is worth: made panels, another formula, the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats import design_effect, effective_judges


def made(rng: np.random.Generator, *, items: int, judges: int, shared: float) -> tuple[np.ndarray, np.ndarray]:
    truth = rng.normal(size=items)
    errors = math.sqrt(shared) * rng.normal(size=(items, 1)) + math.sqrt(1 - shared) * rng.normal(size=(items, judges))
    return truth[:, None] + errors, truth


def test_the_value_is_that_of_the_formula_with_numpy_correlations() -> None:
    rng = np.random.default_rng(5)
    verdicts, truth = made(rng, items=80, judges=4, shared=0.4)
    verdicts *= [1.0, 2.0, 0.5, 3.0]
    errors = verdicts - truth[:, None]
    mean = np.corrcoef(errors.T)[np.triu_indices(4, 1)].mean()
    assert effective_judges(verdicts, truth).value == pytest.approx(4 / (1 + 3 * mean))


@pytest.mark.parametrize(("judges", "shared", "worth"), [(9, 0.44, 1.99), (3, 0.1, 2.5), (5, 0.8, 1.19)])
def test_a_panel_is_worth_its_number_over_the_design_effect(judges: int, shared: float, worth: float) -> None:
    found = effective_judges(*made(np.random.default_rng(2), items=30_000, judges=judges, shared=shared))
    assert found.value == pytest.approx(worth, rel=0.02)
    assert found.value == pytest.approx(judges / design_effect(cluster_size=judges, icc=shared), rel=0.02)


def test_identical_judges_are_one_and_independent_ones_all() -> None:
    rng = np.random.default_rng(3)
    verdicts, truth = made(rng, items=400, judges=1, shared=0.0)
    same = effective_judges(np.repeat(verdicts, 5, axis=1), truth)
    assert (same.value, same.low, same.reason) == (1.0, None, "all judges make the same errors")
    apart = effective_judges(*made(rng, items=4_000, judges=5, shared=0.0))
    assert apart.value == pytest.approx(5.0, rel=0.05)
    assert apart.low is not None
    assert apart.high is not None
    assert apart.low < 5.0 < apart.high


def test_errors_that_cancel_are_worth_more_than_their_number() -> None:
    errors = np.array([[1.0, -0.9], [-1.0, 1.1], [0.5, -0.4], [-0.5, 0.2]] * 5)
    found = effective_judges(errors, np.zeros(20))
    assert found.value is not None
    assert found.value > 20
    exact = effective_judges(np.array([[1.0, -1.0], [-1.0, 1.0]] * 10), np.zeros(20))
    assert (exact.value, exact.reason) == (None, "the errors cancel exactly")


@given(st.integers(2, 5), st.integers(0, 10_000))
def test_order_scale_and_shift_of_the_judges_do_not_matter(judges: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    verdicts, truth = made(rng, items=30, judges=judges, shared=0.3)
    found = effective_judges(verdicts, truth)
    errors = verdicts - truth[:, None]
    other = effective_judges(7.0 + errors[:, rng.permutation(judges)] * 3.0, np.zeros(30))
    assert (other.value, other.low, other.high) == pytest.approx((found.value, found.low, found.high), rel=1e-6)
    assert found.low is not None
    assert found.value is not None
    assert 1.0 < found.low < found.value


def test_documents_widen_the_interval_and_are_left_out_whole() -> None:
    rng = np.random.default_rng(8)
    shared = np.repeat(rng.normal(size=(30, 1)), 6, axis=0)
    verdicts = shared + rng.normal(size=(180, 4))
    plain = effective_judges(verdicts, np.zeros(180))
    clustered = effective_judges(verdicts, np.zeros(180), clusters=[row // 6 for row in range(180)])
    assert clustered.value == plain.value
    assert (clustered.n_clusters, clustered.method) == (30, "cluster-jackknife-t")
    assert clustered.high - clustered.low > 1.2 * (plain.high - plain.low)  # type: ignore[operator]
    by_hand = effective_judges(verdicts[6:], np.zeros(174)).value
    assert by_hand is not None
    assert by_hand != plain.value


def test_the_jackknife_is_that_of_leaving_each_item_out() -> None:
    verdicts, truth = made(np.random.default_rng(4), items=25, judges=3, shared=0.5)
    found = effective_judges(verdicts, truth)

    def logit(keep: np.ndarray) -> float:
        value = effective_judges(verdicts[keep], truth[keep]).value
        assert value is not None
        return -math.log(value - 1.0)

    everyone = np.arange(25)
    left_out = np.array([logit(everyone[everyone != item]) for item in everyone])
    std_error = math.sqrt(24 / 25 * np.square(left_out - left_out.mean()).sum())
    assert found.value is not None
    assert found.std_error == pytest.approx(std_error * (found.value - 1.0))
    middle = 25 * logit(everyone) - 24 * left_out.mean()
    assert found.low == pytest.approx(1.0 + math.exp(-(middle + 2.063899 * std_error)), rel=1e-5)


def test_items_with_a_gap_are_left_out_and_counted() -> None:
    verdicts, truth = made(np.random.default_rng(6), items=40, judges=3, shared=0.2)
    expected = effective_judges(verdicts[2:], truth[2:])
    verdicts[0, 1], truth[1] = math.nan, math.nan
    found = effective_judges(verdicts, truth)
    assert (found.value, found.low, found.n, found.unscored) == (expected.value, expected.low, 38, 2)


def test_judges_without_varying_errors_and_few_items_have_a_reason() -> None:
    truth = np.array([0.0, 1.0] * 6)
    wrong = np.abs(truth - (np.arange(12) % 3 == 0))
    always_right = effective_judges(np.stack([truth, wrong], axis=1), truth)
    assert always_right.value is None
    assert always_right.reason is not None
    assert "judge 0" in always_right.reason
    once = np.abs(truth - (np.arange(12) == 5))
    lone = effective_judges(np.stack([once, wrong], axis=1), truth)
    assert lone.value is not None
    assert (lone.low, lone.reason) == (
        None,
        "without one of the items a judge's errors do not vary, or all are the same",
    )
    few = effective_judges(*made(np.random.default_rng(1), items=9, judges=2, shared=0.1))
    assert few.value is not None
    assert (few.low, few.reason) == (None, "fewer than 10 items")
    assert effective_judges([[1.0, 2.0]], [1.0]).reason == "fewer than two items with every verdict and the truth"
    assert effective_judges([[math.nan, 2.0]] * 3, [1.0] * 3, clusters="abc").n == 0


@pytest.mark.parametrize(
    ("verdicts", "truth"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([[1.0], [2.0]], [1.0, 2.0]),
        ([[1.0, 2.0]], [1.0, 2.0]),
        ([[1.0, math.inf]], [1.0]),
        ([["good", "bad"]], [1.0]),
    ],
)
def test_what_is_no_panel_is_refused(verdicts: list[object], truth: list[float]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        effective_judges(verdicts, truth)
    assert caught.value.hint


@given(st.integers(0, 100_000), st.integers(2, 4), st.integers(2, 25))
def test_verdicts_of_right_and_wrong_always_give_an_estimate(seed: int, judges: int, items: int) -> None:
    rng = np.random.default_rng(seed)
    verdicts, truth = rng.integers(2, size=(items, judges)), rng.integers(2, size=items)
    found = effective_judges(verdicts, truth)
    assert found.value is None or found.value >= 1.0 - 1e-9
    assert found.low is None or 1.0 <= found.low <= found.high  # type: ignore[operator]
