"""Rates corrected for a classifier's errors, against published figures."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.prediction.prevalence import rogan_gladen, rogan_gladen_known
from assay.stats.special import normal_quantile


def test_known_error_rates_give_the_figures_of_rsurveillance() -> None:
    """RSurveillance 0.1.0, reference manual, example of ``tp``: 20 of 120, Se .9, Sp .99."""
    normal = rogan_gladen_known(20, 120, sensitivity=0.9, specificity=0.99, method="delta")
    assert (normal.value, normal.low, normal.high) == pytest.approx((0.17603, 0.1011094, 0.2509506), abs=5e-6)
    wilson = rogan_gladen_known(20, 120, sensitivity=0.9, specificity=0.99)
    assert (wilson.low, wilson.high) == pytest.approx((0.1129887, 0.2623065), abs=5e-7)


def test_known_error_rates_give_the_figures_of_epir() -> None:
    """epiR, reference manual, examples of ``epi.prev``: brucellosis in cows; and an edge, H. pylori in children."""
    cows = rogan_gladen_known(23, 150, sensitivity=0.96, specificity=0.89)
    assert cows.value == pytest.approx(0.051, abs=5e-4)
    assert (cows.low, round(cows.high, 2)) == (0.0, 0.13)  # the manual: 0 to 13 %
    children = rogan_gladen_known(6, 151, sensitivity=0.964, specificity=0.927)
    assert (children.value, children.low) == (0.0, 0.0)
    assert 0.0 < children.high < 0.03  # the manual's Clopper-Pearson interval ends at .013


def test_lang_reiczigel_by_its_equations() -> None:
    """Equations 6, 7, 4, 16 and 17 for 50 of 3,330, sensitivity 130 of 157, specificity 368 of 371."""
    found = rogan_gladen(50, 3330, true_positives=130, n_positive=157, true_negatives=368, n_negative=371)
    z = normal_quantile(0.975)
    p, se, sp = (50 + z * z / 2) / (3330 + z * z), 131 / 159, 369 / 373
    rate = (p + sp - 1) / (se + sp - 1)
    shift = 2 * z * z * (rate * se * (1 - se) / 159 - (1 - rate) * sp * (1 - sp) / 373)
    variance = p * (1 - p) / (3330 + z * z) + rate**2 * se * (1 - se) / 159 + (1 - rate) ** 2 * sp * (1 - sp) / 373
    error = math.sqrt(variance) / (se + sp - 1)
    assert found.value == pytest.approx((50 / 3330 + 368 / 371 - 1) / (130 / 157 + 368 / 371 - 1))
    assert found.low == max(0.0, rate + shift - z * error)
    assert found.high == pytest.approx(rate + shift + z * error)


def test_delta_by_its_equation() -> None:
    found = rogan_gladen(
        300, 1000, true_positives=90, n_positive=100, true_negatives=160, n_negative=200, method="delta"
    )
    value = (0.3 + 0.8 - 1) / 0.7
    error = math.sqrt(0.21 / 1000 + value**2 * 0.09 / 100 + (1 - value) ** 2 * 0.16 / 200) / 0.7
    assert (found.value, found.std_error) == pytest.approx((value, error))


def test_many_validation_items_turn_into_known_error_rates() -> None:
    measured = rogan_gladen(
        2000, 10_000, true_positives=900_000, n_positive=1_000_000, true_negatives=990_000, n_negative=1_000_000
    )
    known = rogan_gladen_known(2000, 10_000, sensitivity=0.9, specificity=0.99)
    assert (measured.low, measured.high) == pytest.approx((known.low, known.high), abs=2e-4)


def test_a_perfect_classifier_changes_nothing() -> None:
    assert rogan_gladen_known(3, 10, sensitivity=1.0, specificity=1.0).value == pytest.approx(0.3)


@given(st.integers(0, 50), st.integers(26, 50), st.integers(26, 50))
def test_mirroring_the_verdicts_mirrors_the_rate(positives: int, hits: int, clear: int) -> None:
    """Calling negatives positives, and sensitivity specificity, turns the rate into its complement."""
    found = rogan_gladen(positives, 50, true_positives=hits, n_positive=50, true_negatives=clear, n_negative=50)
    other = rogan_gladen(50 - positives, 50, true_positives=clear, n_positive=50, true_negatives=hits, n_negative=50)
    assert 0.0 <= found.low <= found.high <= 1.0
    assert (other.value, other.low, other.high) == pytest.approx((1 - found.value, 1 - found.high, 1 - found.low))


def test_no_better_than_chance_has_no_correction() -> None:
    for found in (
        rogan_gladen(5, 10, true_positives=5, n_positive=10, true_negatives=5, n_negative=10),
        rogan_gladen_known(5, 10, sensitivity=0.4, specificity=0.5),
    ):
        assert found.value is None and "apart" in (found.reason or "")


def test_no_spread_has_no_delta_interval() -> None:
    assert rogan_gladen_known(0, 10, sensitivity=0.9, specificity=0.9, method="delta").low is None
    flat = rogan_gladen(0, 10, true_positives=9, n_positive=9, true_negatives=9, n_negative=9, method="delta")
    assert (flat.value, flat.low) == (0.0, None) and flat.reason


def test_counts_that_do_not_fit_are_refused() -> None:
    good = {"true_positives": 5, "n_positive": 6, "true_negatives": 5, "n_negative": 6}
    for positives, n, changed in ((11, 10, {}), (1, 0, {}), (1, 10, {"true_positives": 7}), (1, 10, {"n_negative": 0})):
        with pytest.raises(InvalidInputError, match="do not fit"):
            rogan_gladen(positives, n, **(good | changed))
    with pytest.raises(InvalidInputError, match="method"):
        rogan_gladen(1, 10, **good, method="wald")
    with pytest.raises(InvalidInputError, match="method"):
        rogan_gladen_known(1, 10, sensitivity=0.9, specificity=0.9, method="wald")
    with pytest.raises(InvalidInputError, match="do not fit"):
        rogan_gladen_known(1, 10, sensitivity=1.9, specificity=0.9)
