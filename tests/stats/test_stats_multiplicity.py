"""Adjusted p-values, streams and simultaneous intervals against statsmodels, onlineFDR's printed tables and theory."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from assay.core.errors import InvalidInputError
from assay.stats.multiplicity.adjusted import (
    benjamini_hochberg,
    benjamini_yekutieli,
    hochberg,
    holm,
    null_share,
    storey_q,
)
from assay.stats.multiplicity.online import Lond, Saffron, decide_stream
from assay.stats.multiplicity.simultaneous import max_t_intervals, simultaneous_confidence

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)
STREAM = [
    2.90e-08, 0.06743, 0.01514, 0.08174, 0.00171, 3.60e-05, 0.79149, 0.27201, 0.28295, 7.59e-08, 0.69274, 0.30443,
    0.00136, 0.72342, 0.54757,
]  # fmt: skip
"""The example of the R package onlineFDR's manual; the levels below are the ones it prints."""


@given(P_VALUES)
def test_step_up_adjustments_equal_statsmodels(p_values: list[float]) -> None:
    for ours, method in ((hochberg, "simes-hochberg"), (benjamini_yekutieli, "fdr_by")):
        assert ours(p_values) == pytest.approx(multipletests(p_values, method=method)[1].tolist(), abs=1e-12)


@given(P_VALUES)
def test_methods_are_ordered_by_what_they_assume(p_values: list[float]) -> None:
    ladder = [benjamini_hochberg(p_values), hochberg(p_values), holm(p_values)]
    for weak, strong in pairwise(ladder):
        assert all(a <= b + 1e-12 for a, b in zip(weak, strong, strict=True))
    assert all(q <= p + 1e-12 for q, p in zip(storey_q(p_values), ladder[0], strict=True))


def test_benjamini_and_hochbergs_own_fifteen() -> None:
    # The 15 p-values of Benjamini & Hochberg (1995), section 4: four are rejected at .05, Hochberg rejects three.
    given_p = [
        .0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0,
    ]  # fmt: skip
    assert sum(p <= 0.05 for p in benjamini_hochberg(given_p)) == 4
    assert sum(p <= 0.05 for p in hochberg(given_p)) == 3


def test_the_null_share_of_nothing_but_signals_is_its_smallest() -> None:
    assert null_share([0.0] * 100) == pytest.approx(1 / 50)
    assert null_share([0.9]) == 1.0


def test_lond_gives_the_levels_of_onlinefdr() -> None:
    printed = [
        0.0026758385, 0.0011638206, 0.0009912499, 0.0008243606, 0.0006988870, 0.0006045900, 0.0007979166,
        0.0007117838, 0.0006421423, 0.0005847378, 0.0007155186, 0.0006610273, 0.0006141682, 0.0005734509,
        0.0005377472,
    ]  # fmt: skip
    tested = decide_stream(Lond(alpha=0.05), STREAM)
    assert [one.level for one in tested] == pytest.approx(printed, abs=5e-10)
    assert [rank for rank, one in enumerate(tested) if one.rejected] == [0, 5, 9]


def test_saffron_gives_the_levels_of_onlinefdr() -> None:
    printed = [
        0.005468627, 0.010937254, 0.010937254, 0.010937254, 0.010937254, 0.021874508, 0.032811762, 0.010823845,
        0.010823845, 0.010823845, 0.021761099, 0.009265591, 0.009265591, 0.020202846, 0.009064367,
    ]  # fmt: skip
    tested = decide_stream(Saffron(alpha=0.05, wealth=0.025), STREAM)
    assert [one.level for one in tested] == pytest.approx(printed, abs=5e-9)
    assert [rank for rank, one in enumerate(tested) if one.rejected] == [0, 4, 5, 9, 12]


@given(P_VALUES)
def test_a_level_never_depends_on_its_own_or_a_later_p_value(p_values: list[float]) -> None:
    for rule in (Lond, Saffron):
        whole = [one.level for one in decide_stream(rule(), p_values)]
        other = [one.level for one in decide_stream(rule(), [*p_values[:-1], 1.0 - p_values[-1]])]
        assert whole == other


def test_a_stream_refuses_what_is_no_p_value_and_goes_on() -> None:
    stream, plain = Saffron(), Saffron()
    with pytest.raises(InvalidInputError, match="stays as it was"):
        stream.test(float("nan"))
    assert stream.test(0.3) == plain.test(0.3)
    with pytest.raises(InvalidInputError, match="wealth"):
        Saffron(alpha=0.05, wealth=0.05)


def test_max_t_of_independent_estimates_is_sidak_and_of_equal_ones_is_a_single_interval() -> None:
    from scipy import stats

    independent = max_t_intervals([0.0] * 5, np.eye(5), rng=np.random.default_rng(1))[0].high
    assert independent == pytest.approx(
        stats.norm.ppf((1 + simultaneous_confidence(5, independent=True)) / 2), abs=0.02
    )
    equal = max_t_intervals([0.0] * 5, np.ones((5, 5)), rng=np.random.default_rng(1))[0].high
    assert equal == pytest.approx(1.96, abs=0.02)


def test_three_against_one_control_needs_dunnetts_value() -> None:
    # Dunnett (1964), Biometrics 20, table II.B: two-sided, three treatments, correlation 1/2, infinite df: 2.35.
    correlation = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    assert max_t_intervals([0.0] * 3, correlation, rng=np.random.default_rng(2))[0].high == pytest.approx(
        2.35, abs=0.015
    )


def test_what_does_not_fit_is_refused_and_what_has_no_variance_says_so() -> None:
    rng = np.random.default_rng(1)
    for covariance in ([[1.0]], [[1.0, 0.5], [0.4, 1.0]], [[1.0, 2.0], [2.0, 1.0]]):
        with pytest.raises(InvalidInputError):
            max_t_intervals([0.0, 1.0], covariance, rng=rng)
    first, second = max_t_intervals([0.0, 1.0], [[0.0, 0.0], [0.0, 1.0]], rng=rng)
    assert first.low is None and first.reason
    assert second.high == pytest.approx(2.96, abs=0.03)
