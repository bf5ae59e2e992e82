"""Known probabilities, weighted means, and bounds that may be looked at after every label."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.prediction.anytime import aipw_terms, ppi_confidence_sequence
from assay.stats.prediction.sampling import hajek_mean, horvitz_thompson_mean, inclusion_probabilities
from assay.stats.special import t_quantile


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0.0, 100.0), min_size=3, max_size=40),
    st.floats(0.05, 0.95),
    st.floats(0.1, 1.0),
)
def test_probabilities_add_up_keep_the_floor_and_follow_the_score(
    scores: list[float], part: float, floor: float
) -> None:
    n = len(scores) * part
    p = inclusion_probabilities(scores, expected_n=n, floor=floor)
    assert p.sum() == pytest.approx(n, rel=1e-6)
    assert p.min() >= floor * part * (1 - 1e-9) and p.max() <= 1.0 + 1e-12
    order = np.argsort(scores)
    assert np.all(np.diff(p[order]) >= -1e-9)


def test_certain_items_are_drawn_and_the_rest_shares_what_is_left() -> None:
    p = inclusion_probabilities([1.0] * 10, expected_n=4.0, certain=[True, True] + [False] * 8)
    assert p.tolist() == pytest.approx([1.0, 1.0] + [0.25] * 8)
    assert inclusion_probabilities([1.0, 2.0], expected_n=2.0, certain=[True, True]).tolist() == [1.0, 1.0]
    assert inclusion_probabilities([0.0, 0.0], expected_n=1.0).tolist() == [0.5, 0.5]


def test_floor_one_is_uniform() -> None:
    assert inclusion_probabilities([1.0, 5.0, 9.0, 0.0], expected_n=2.0, floor=1.0).tolist() == pytest.approx([0.5] * 4)


@pytest.mark.parametrize(
    ("scores", "options"),
    [
        ([-1.0, 1.0], {"expected_n": 1.0}),
        ([0.0, 1.0], {"expected_n": 0.5, "floor": 0.0}),
        ([1.0, 1.0], {"expected_n": 3.0}),
        ([1.0, 1.0], {"expected_n": 0.0}),
        ([1.0, 1.0], {"expected_n": 1.0, "certain": [True, False]}),
        ([1.0, 1.0], {"expected_n": 1.0, "certain": [True]}),
        ([1.0, 1.0], {"expected_n": 1.0, "floor": 2.0}),
        ([math.nan, 1.0], {"expected_n": 1.0}),
    ],
)
def test_probabilities_that_cannot_be_are_refused(scores: list[float], options: dict) -> None:
    with pytest.raises(InvalidInputError):
        inclusion_probabilities(scores, **options)


def test_horvitz_thompson_is_unbiased_with_an_unbiased_variance_over_every_draw() -> None:
    rng = np.random.default_rng(1)
    y, p = rng.normal(size=6) + 2.0, rng.uniform(0.2, 0.9, size=6)
    mean = variance = square = 0.0
    for drawn in itertools.product([False, True], repeat=6):
        seen = np.array(drawn)
        chance = float(np.prod(np.where(seen, p, 1 - p)))
        value = float((y[seen] / p[seen]).sum()) / 6
        mean, square = mean + chance * value, square + chance * value**2
        if seen.any():
            found = horvitz_thompson_mean(y[seen], p[seen], population=6)
            assert found.value == pytest.approx(value)
            if found.std_error is not None:
                variance += chance * found.std_error**2
            else:
                variance += chance * float(((1 - p[seen]) * (y[seen] / p[seen]) ** 2).sum()) / 36
    assert mean == pytest.approx(y.mean())
    assert variance == pytest.approx(square - mean**2)


def test_equal_probabilities_give_the_plain_mean_and_t_interval() -> None:
    y = np.array([1.0, 2.0, 4.0, 9.0])
    found = hajek_mean(y, np.full(4, 0.1))
    half = t_quantile(0.975, 3) * y.std(ddof=1) / 2
    assert (found.value, found.low, found.high) == pytest.approx((4.0, 4.0 - half, 4.0 + half))
    these = hajek_mean(y, np.full(4, 0.5), population=8)
    assert these.std_error == pytest.approx(y.std(ddof=1) / 2 * math.sqrt(0.5))


def test_all_items_drawn_for_certain_is_a_census() -> None:
    found = hajek_mean([1.0, 3.0], [1.0, 1.0], population=2)
    assert (found.low, found.high, found.method) == (2.0, 2.0, "census")


def test_weighted_means_refuse_what_they_cannot_know() -> None:
    assert "equal" in (hajek_mean([1.0, 1.0, 1.0], [0.5, 0.5, 0.5]).reason or "")
    assert "fewer than two" in (hajek_mean([1.0, 2.0], [0.001, 0.5]).reason or "")
    for values, p, population in (
        ([1.0], [0.0], 3),
        ([1.0], [1.5], 3),
        ([1.0, 2.0], [0.5], 3),
        ([1.0] * 4, [0.5] * 4, 3),
    ):
        with pytest.raises(InvalidInputError):
            horvitz_thompson_mean(values, p, population=population)


def test_terms_by_hand() -> None:
    terms = aipw_terms([1.0, math.nan, 0.0], [0.5, 0.7, 0.2], [0.5, 0.1, 0.25])
    assert terms.tolist() == pytest.approx([1.5, 0.7, -0.6])


def test_sequence_by_hand_and_running() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=120)
    found = ppi_confidence_sequence(x, start=50, tuned_for_n=100)
    alpha = 0.05
    rho = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / 100
    for n in (50, 87, 120):
        half = x[:n].std() * math.sqrt(2 * (n * rho + 1) / (n * n * rho) * math.log(math.sqrt(n * rho + 1) / alpha))
        at = n - 50
        assert (found.low[at], found.high[at]) == pytest.approx((x[:n].mean() - half, x[:n].mean() + half))
    final = found.final()
    assert (final.n, final.low) == (120, found.low[-1])
    assert found.first_excluding(5.0) == 50 and found.first_excluding(float(x.mean())) is None


def test_sequence_is_tightest_near_where_it_was_tuned() -> None:
    terms = np.tile([1.0, -1.0], 500)
    widths = [
        np.ptp([s.low[s.n == 400][0], s.high[s.n == 400][0]])
        for s in (ppi_confidence_sequence(terms, tuned_for_n=n) for n in (50, 400, 4_000))
    ]
    assert widths[1] < widths[0] and widths[1] < widths[2]


def test_sequence_of_equal_terms_has_no_bounds_and_a_reason() -> None:
    final = ppi_confidence_sequence([3.0] * 60).final()
    assert (final.value, final.low) == (3.0, None) and final.reason


def test_sequences_refuse_bad_input() -> None:
    for call in (
        lambda: ppi_confidence_sequence([1.0] * 10),
        lambda: ppi_confidence_sequence([1.0] * 10, start=1),
        lambda: ppi_confidence_sequence([math.nan] * 60),
        lambda: aipw_terms([1.0], [1.0, 2.0], 0.5),
        lambda: aipw_terms([1.0], [1.0], 0.0),
        lambda: aipw_terms([math.inf], [1.0], 0.5),
    ):
        with pytest.raises(InvalidInputError):
            call()
