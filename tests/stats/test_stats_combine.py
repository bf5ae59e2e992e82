"""Strata and macro-averages."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.combine import macro_average, stratified_estimate
from assay.stats.moments import Moments
from assay.stats.scalar import THESE_ITEMS, mean_estimate


def test_stratified_value_and_variance_by_hand() -> None:
    strata = {"a": Moments.of([0.1, 0.3, 0.8]), "b": Moments.of([0.5, 0.7])}
    estimate = stratified_estimate(strata, weights={"a": 3.0, "b": 1.0})
    variance = 0.75**2 * np.var([0.1, 0.3, 0.8], ddof=1) / 3 + 0.25**2 * np.var([0.5, 0.7], ddof=1) / 2
    assert estimate.value == pytest.approx(0.75 * 0.4 + 0.25 * 0.6)
    assert estimate.std_error == pytest.approx(math.sqrt(variance))
    assert (estimate.n, estimate.method) == (5, "stratified-t")


def test_one_stratum_is_the_plain_estimate() -> None:
    moments = Moments.of([0.1, 0.3, 0.8, 0.4])
    one, plain = stratified_estimate({"all": moments}), mean_estimate(moments)
    assert (one.value, one.low, one.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_without_weights_a_stratum_weighs_what_it_holds() -> None:
    strata = {"a": Moments.of([1.0] * 30 + [0.0] * 10), "b": Moments.of([0.0] * 10)}
    assert stratified_estimate(strata, unit="share").value == pytest.approx(0.6)


def test_all_right_in_every_stratum_keeps_an_honest_width() -> None:
    strata = {"a": Moments.of([1.0] * 20), "b": Moments.of([1.0] * 20)}
    estimate = stratified_estimate(strata, weights={"a": 1, "b": 1}, unit="share")
    plain = mean_estimate(Moments.of([1.0] * 40), unit="share")
    assert (estimate.low, estimate.high) == pytest.approx((plain.low, plain.high))


def test_a_stratum_seen_whole_adds_no_variance() -> None:
    strata = {"critical": Moments.of([1.0, 0.0, 1.0]), "rest": Moments.of([0.0, 1.0] * 10)}
    populations = {"critical": 3, "rest": 200}
    mixed = stratified_estimate(strata, unit="share", estimand=THESE_ITEMS, populations=populations)
    assert mixed.value == pytest.approx((3 * 2 / 3 + 200 * 0.5) / 203)
    assert mixed.low is not None and mixed.low < 0.5 < (mixed.high or 0.0)
    whole = stratified_estimate(strata, unit="share", estimand=THESE_ITEMS, populations={"critical": 3, "rest": 20})
    assert whole.low == whole.high == whole.value


@pytest.mark.parametrize(
    ("strata", "reason"),
    [
        ({}, "no scored sample in any stratum"),
        ({"a": Moments(), "b": Moments.of([1.0, 0.0])}, "no scored sample in a"),
        ({"a": Moments.of([0.3]), "b": Moments.of([1.0, 0.2])}, "stratum a: fewer than two"),
        ({"a": Moments.of([0.3, 0.3]), "b": Moments.of([0.7, 0.7])}, "the scores within each stratum do not differ"),
    ],
)
def test_what_strata_cannot_tell_has_a_reason(strata: dict[str, Moments], reason: str) -> None:
    estimate = stratified_estimate(strata, weights=dict.fromkeys(strata, 1.0))
    assert estimate.low is None
    assert (estimate.reason or "").startswith(reason)


def test_weights_must_fit_the_strata() -> None:
    moments = Moments.of([1.0, 0.0])
    for weights in ({"a": 1.0, "c": 1.0}, {"a": -1.0, "b": 2.0}, {"a": 0.0, "b": 0.0}):
        with pytest.raises(InvalidInputError, match="weights do not fit"):
            stratified_estimate({"a": moments, "b": moments}, weights=weights)


def test_macro_average_of_t_estimates_adds_variances() -> None:
    first, second = (mean_estimate(Moments.of(v)) for v in ([0.1, 0.4, 0.9], [0.2, 0.3, 0.7, 0.8]))
    average = macro_average([first, second])
    assert average.value == pytest.approx(((first.value or 0) + (second.value or 0)) / 2)
    assert average.std_error == pytest.approx(math.hypot(first.std_error or 0, second.std_error or 0) / 2)
    assert average.n == 7


def test_macro_average_keeps_wilsons_asymmetry() -> None:
    average = macro_average([mean_estimate(Moments.of([1.0] * 20), unit="share")] * 4)
    assert average.high == average.value == 1.0
    assert average.low == pytest.approx(1.0 - 0.1611 / 2, abs=1e-3)


def test_macro_average_says_what_is_missing_and_what_does_not_fit() -> None:
    good, bad = mean_estimate(Moments.of([0.1, 0.5])), mean_estimate(Moments.of([0.3]))
    assert macro_average([good, bad]).reason == (
        "1 of 2 estimates lack a value or a bound: fewer than two scored samples"
    )
    with pytest.raises(InvalidInputError):
        macro_average([])
    with pytest.raises(InvalidInputError, match="one unit"):
        macro_average([good, Estimate(value=1.0, low=0.0, high=2.0, n=2, method="t", unit="s")])
