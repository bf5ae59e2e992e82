"""Correlation coefficients and their intervals against scipy, brute force and published figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import InvalidInputError
from assay.stats.calibration.inputs import cluster_codes
from assay.stats.correlation import influence as influence_module
from assay.stats.correlation.coefficients import (
    kendall_tau_b,
    pearson_correlation,
    spearman_correlation,
)
from assay.stats.correlation.influence import coefficient, coefficient_and_influence
from assay.stats.correlation.weighted import weighted_correlations
from assay.stats.correlation.zscale import correlation_interval, influence_variance

SINGLE = {"pearson": pearson_correlation, "spearman": spearman_correlation, "kendall": kendall_tau_b}
SCIPY = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
KINDS = ["pearson", "spearman", "kendall"]


def _pairs(n: int = 60, *, ties: bool = False, seed: int = 9) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.random.default_rng(seed).normal(size=(2, n))
    y = 0.6 * x + 0.8 * y
    return (np.round(x), np.round(y)) if ties else (x, y)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_values_equal_scipy(kind: str, ties: bool) -> None:
    x, y = _pairs(ties=ties)
    assert SINGLE[kind](x, y).value == pytest.approx(SCIPY[kind](x, y)[0], abs=1e-12)


def test_fisher_interval_equals_scipy() -> None:
    x, y = _pairs(25)
    expected = stats.pearsonr(x, y).confidence_interval(0.9)
    found = pearson_correlation(x, y, confidence=0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.method == "fisher-z"


def test_twenty_models_at_85_mean_65_to_94() -> None:
    found = correlation_interval(0.85, n=20)
    assert (round(found.low, 2), round(found.high, 2)) == (0.65, 0.94)


def test_bonett_wright_example() -> None:
    """z ± 1.96 √((1 + r²/2)/(n - 3)), Bonett & Wright (2000), eq. 3."""
    found = correlation_interval(0.6, n=40, kind="spearman")
    half = 1.959964 * math.sqrt((1 + 0.18) / 37)
    assert (found.low, found.high) == pytest.approx(
        (math.tanh(math.atanh(0.6) - half), math.tanh(math.atanh(0.6) + half)), abs=1e-6
    )
    x, y = _pairs(40)
    direct = spearman_correlation(x, y)
    again = correlation_interval(direct.value, n=40, kind="spearman")
    assert (direct.low, direct.high) == (again.low, again.high)


def test_fieller_interval_of_kendall() -> None:
    x, y = _pairs(40)
    found = kendall_tau_b(x, y, method="analytic")
    half = 1.959964 * math.sqrt(0.437 / 36)
    assert math.atanh(found.high) - math.atanh(found.value) == pytest.approx(half, abs=1e-6)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_delta_variance_equals_the_jackknife(kind: str, ties: bool) -> None:
    x, y = _pairs(120, ties=ties)
    _, pull = coefficient_and_influence(x, y, kind)
    left = np.array([SCIPY[kind](np.delete(x, i), np.delete(y, i))[0] for i in range(120)])
    jackknife = 119 / 120 * np.square(left - left.mean()).sum()
    assert influence_variance(pull, None)[0] == pytest.approx(jackknife, rel=0.06)
    assert pull.mean() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_bootstrap_and_delta_agree(kind: str) -> None:
    x, y = _pairs(200, ties=True)
    drawn = SINGLE[kind](x, y, method="bootstrap", rng=np.random.default_rng(1), repeats=1_500)
    computed = SINGLE[kind](x, y, method="delta")
    assert drawn.std_error == pytest.approx(computed.std_error, rel=0.1)
    assert (drawn.low, drawn.high) == pytest.approx((computed.low, computed.high), abs=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_a_resample_is_counted_as_it_would_be_written_out(kind: str) -> None:
    x, y = _pairs(15, ties=True)
    counts = np.random.default_rng(3).multinomial(15, np.full(15, 1 / 15), size=6).astype(float)
    expected = [SCIPY[kind](np.repeat(x, row.astype(int)), np.repeat(y, row.astype(int)))[0] for row in counts]
    assert weighted_correlations(x, y, counts, kind) == pytest.approx(np.array(expected), abs=1e-9)
    nothing = np.zeros((1, 15))
    nothing[0, 0] = 15
    assert np.isnan(weighted_correlations(x, y, nothing, kind)).all()


def test_the_table_and_the_blocks_of_kendall_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _pairs(80, ties=True)
    by_table = coefficient_and_influence(x, y, "kendall")
    monkeypatch.setattr(influence_module, "TABLE_CELLS", 0)
    by_blocks = coefficient_and_influence(x, y, "kendall")
    assert by_table[0] == pytest.approx(by_blocks[0])
    assert by_table[1] == pytest.approx(by_blocks[1])


@pytest.mark.parametrize("kind", KINDS)
def test_clusters_that_repeat_a_pair_leave_the_doubt_of_one(kind: str) -> None:
    x, y = _pairs(50)
    once = SINGLE[kind](x, y, method="delta")
    again = SINGLE[kind](np.repeat(x, 4), np.repeat(y, 4), clusters=np.repeat(np.arange(50), 4))
    blind = SINGLE[kind](np.repeat(x, 4), np.repeat(y, 4), method="delta")
    assert again.n_clusters == 50
    assert again.std_error == pytest.approx(once.std_error, rel=0.05)
    assert blind.std_error == pytest.approx(once.std_error / 2, rel=0.1)
    drawn = SINGLE[kind](
        np.repeat(x, 4),
        np.repeat(y, 4),
        clusters=np.repeat(np.arange(50), 4),
        method="bootstrap",
        rng=np.random.default_rng(1),
        repeats=800,
    )
    assert drawn.std_error == pytest.approx(once.std_error, rel=0.2)


def test_cluster_variance_is_cr1_of_the_influence_sums() -> None:
    pull, codes = np.array([1.0, -2.0, 0.5, 1.5, -1.0]), np.array([0, 0, 1, 2, 2])
    sums = np.array([-1.0, 0.5, 0.5])
    assert influence_variance(pull, codes) == pytest.approx((3 / 2 * (sums @ sums) / 25, 3))
    assert influence_variance(pull, np.zeros(5, dtype=np.intp)) == (0.0, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_score_has_no_correlation_and_says_so(kind: str) -> None:
    found = SINGLE[kind]([1, 1, 1, 1, 1], [1, 2, 3, 4, 5])
    assert found.value is None and found.reason == "all first scores are equal"
    assert SINGLE[kind]([1.0], [2.0]).reason == "fewer than two pairs"


@pytest.mark.parametrize("kind", KINDS)
def test_perfect_agreement_has_a_value_and_no_bounds(kind: str) -> None:
    x = np.arange(10.0)
    for method in ("analytic", "delta"):
        found = SINGLE[kind](x, 2 * x + 1, method=method)
        assert found.value == pytest.approx(1.0)
        assert found.low is None and "agree perfectly" in (found.reason or "")


def test_too_few_pairs_or_clusters_have_no_bounds() -> None:
    assert "too few" in (pearson_correlation([1, 2, 3], [1, 3, 2]).reason or "")
    assert "too few" in (kendall_tau_b([1, 2, 3, 4], [1, 3, 2, 4]).reason or "")
    x, y = _pairs(20)
    found = spearman_correlation(x, y, clusters=np.arange(20) % 3)
    assert "3 independent clusters" in (found.reason or "") and found.low is None
    assert "too few" in (correlation_interval(0.5, n=4, kind="kendall").reason or "")


finite = st.integers(-50, 50)


@given(st.lists(st.tuples(finite, finite), min_size=6, max_size=30))
def test_symmetry_and_sign(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=float).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return
    for kind in KINDS:
        found, swapped = SINGLE[kind](x, y, method="delta"), SINGLE[kind](y, x, method="delta")
        mirrored = SINGLE[kind](x, -y, method="delta")
        assert found.value == pytest.approx(swapped.value, abs=1e-9)
        assert found.value == pytest.approx(-mirrored.value, abs=1e-9)
        if found.low is not None and mirrored.low is not None:
            assert -1 <= found.low <= found.value + 1e-9 <= found.high + 2e-9 <= 1 + 3e-9
            assert (found.low, found.high) == pytest.approx((-mirrored.high, -mirrored.low), abs=1e-7)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=5, max_size=25))
def test_ranks_do_not_feel_a_rising_map(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=float).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return
    for kind in ("spearman", "kendall"):
        assert coefficient(np.exp(x), y**3, kind) == pytest.approx(coefficient(x, y, kind), abs=1e-9)


def test_bad_arguments_are_refused() -> None:
    x, y = _pairs(20)
    with pytest.raises(InvalidInputError, match="paired"):
        pearson_correlation(x, y[:-1])
    with pytest.raises(InvalidInputError, match="not finite"):
        pearson_correlation(x, np.where(y > 1, np.nan, y))
    with pytest.raises(InvalidInputError, match="independent"):
        pearson_correlation(x, y, method="analytic", clusters=np.arange(20))
    with pytest.raises(InvalidInputError, match="method"):
        pearson_correlation(x, y, method="magic")
    with pytest.raises(InvalidInputError, match="randomness"):
        pearson_correlation(x, y, method="bootstrap")
    with pytest.raises(InvalidInputError, match="resamples"):
        pearson_correlation(x, y, method="bootstrap", rng=np.random.default_rng(1), repeats=5)
    with pytest.raises(InvalidInputError, match="all pairs"):
        many = np.arange(3_001.0)
        kendall_tau_b(many, many[::-1].copy(), method="bootstrap", rng=np.random.default_rng(1))
    with pytest.raises(InvalidInputError, match="no correlation"):
        correlation_interval(1.2, n=10)
    with pytest.raises(InvalidInputError, match="called"):
        correlation_interval(0.2, n=10, kind="tau")
    with pytest.raises(InvalidInputError, match="confidence"):
        pearson_correlation(x, y, confidence=1.0)


@pytest.mark.parametrize("size", [1e300, 1e-300])
@pytest.mark.parametrize("kind", [pearson_correlation, spearman_correlation, kendall_tau_b])
def test_huge_and_tiny_scores_correlate_as_others_do(kind: Any, size: float) -> None:
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, size=40)
    y = x + rng.uniform(-1, 1, size=40)
    plain, scaled = kind(x, y, method="delta"), kind(size * x, y, method="delta")
    assert (scaled.value, scaled.low) == pytest.approx((plain.value, plain.low))


def test_a_value_without_a_cluster_stands_for_itself() -> None:
    assert cluster_codes(["x", None, "x", None], 4).tolist() == [0, 1, 0, 2]  # type: ignore[union-attr]
    x, y = np.random.default_rng(1).normal(size=(2, 60))
    loose = pearson_correlation(x, y, clusters=[None] * 60)
    assert loose.n_clusters == 60
    assert loose.low == pearson_correlation(x, y, clusters=list(range(60))).low
