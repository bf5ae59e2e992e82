"""Evidence put together from strata that were sampled apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.combine import stratified_estimate
from assay.stats.effect import cohens_dz
from assay.stats.evidence import Evidence, difference_evidence
from assay.stats.moments import Moments
from assay.stats.paired import tango, tango_evidence
from assay.stats.ratio import ratio_evidence
from assay.stats.scalar import mean_estimate, wilson
from assay.stats.strata import (
    Stratum,
    inverted_evidence,
    stratified_dz,
    stratified_evidence,
    stratified_mean_evidence,
)

TWO = {"a": [0.1, 0.4, -0.2, 0.3, 0.2], "b": [0.5, 0.1, 0.9]}


def test_one_stratum_is_what_it_is_alone() -> None:
    alone = tango_evidence(40, 9, 2)
    found = stratified_evidence({"all": Stratum(3.0, alone)})
    one, plain = found.estimate(0.9), alone.estimate(0.9)
    assert (one.value, one.low, one.high, one.n) == pytest.approx((plain.value, plain.low, plain.high, plain.n))
    assert found.p_above(0.0) == pytest.approx(alone.p_above(0.0), abs=1e-7)


def test_distances_to_the_bounds_add_in_squares_by_hand() -> None:
    evidence = {name: difference_evidence(Moments.of(values)) for name, values in TWO.items()}
    found = stratified_evidence({"a": Stratum(3.0, evidence["a"]), "b": Stratum(1.0, evidence["b"])}, unscored=4)
    whole = found.estimate(0.95)
    parts = {name: one.estimate(0.95) for name, one in evidence.items()}
    assert whole.value == pytest.approx(0.75 * 0.16 + 0.25 * 0.5)
    half = [share * ((parts[name].high or 0) - (parts[name].value or 0)) for name, share in (("a", 0.75), ("b", 0.25))]
    assert whole.high == pytest.approx((whole.value or 0) + math.hypot(*half))
    assert (whole.n, whole.method, whole.unscored) == (8, "stratified-paired-t", 4)
    errors = [0.75 * np.std(TWO["a"], ddof=1) / 5**0.5, 0.25 * np.std(TWO["b"], ddof=1) / 3**0.5]
    assert whole.std_error == pytest.approx(math.hypot(*errors))
    reaching = stratified_evidence(
        {"a": Stratum(3.0, evidence["a"]), "b": Stratum(1.0, evidence["b"])}, independent=False
    ).estimate(0.95)
    assert reaching.high == pytest.approx((whole.value or 0) + sum(half))


def test_a_stratum_in_which_nothing_moved_still_adds_its_width() -> None:
    quiet, moving = tango_evidence(30, 0, 0), tango_evidence(300, 40, 10)
    found = stratified_evidence({"quiet": Stratum(0.5, quiet), "moving": Stratum(0.5, moving)}).estimate(0.95)
    alone, still = moving.estimate(0.95), quiet.estimate(0.95)
    assert found.low is not None and found.value is not None
    assert alone.low is not None and alone.value is not None and still.low is not None
    assert found.value - found.low == pytest.approx(0.5 * math.hypot(alone.value - alone.low, still.low))


def test_what_one_stratum_lacks_the_whole_lacks_with_the_reason() -> None:
    single, many = (difference_evidence(Moments.of(values)) for values in ([0.3], TWO["a"]))
    found = stratified_evidence({"critical": Stratum(1.0, single), "ordinary": Stratum(9.0, many)})
    assert (found.score, found.estimate(0.95).low) == (None, None)
    assert found.estimate(0.95).value == pytest.approx(0.1 * 0.3 + 0.9 * 0.16)
    assert found.estimate(0.95).reason == "stratum critical: fewer than two paired samples"


@pytest.mark.parametrize("weights", [(), (0.0, 1.0), (-1.0, 2.0)])
def test_weights_are_above_zero(weights: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInputError, match="weights above 0"):
        stratified_evidence({str(at): Stratum(weight, tango_evidence(9, 1, 1)) for at, weight in enumerate(weights)})


def test_a_weighted_mean_has_the_interval_of_stratified_estimate() -> None:
    strata = {"a": Moments.of([0.1, 0.9, 0.4, 0.6]), "b": Moments.of([0.2, 0.0, 0.7])}
    found = stratified_mean_evidence(strata, weights={"a": 8, "b": 2}, unit="score", unscored=2).estimate(0.9)
    plain = stratified_estimate(strata, weights={"a": 8, "b": 2}, unit="score", confidence=0.9)
    assert (found.value, found.low, found.high, found.unscored) == (plain.value, plain.low, plain.high, 2)
    assert found.method == "stratified-t"


def test_a_weighted_share_adds_wilsons_distances_in_squares() -> None:
    """100 of 100 and 10 of 20: the first stratum is not known for certain."""
    strata = {"a": Moments.of([1] * 100), "b": Moments.of([1] * 10 + [0] * 10)}
    found = stratified_mean_evidence(strata, weights={"a": 0.9, "b": 0.1}, unit="share").estimate(0.95)
    below = [0.9 * (1.0 - wilson(100, 100)[0]), 0.1 * (0.5 - wilson(10, 20)[0])]
    assert found.value == pytest.approx(0.95)
    assert found.low == pytest.approx(0.95 - math.hypot(*below))
    assert found.high == pytest.approx(0.95 + 0.1 * (wilson(10, 20)[1] - 0.5))
    assert found.method == "stratified-wilson"
    single = stratified_mean_evidence({**strata, "b": Moments.of([1])}, weights={"a": 0.9, "b": 0.1}, unit="share")
    assert single.estimate(0.95).low is not None


def test_a_share_whose_clusters_reach_over_strata_is_less_certain() -> None:
    rng, widths = np.random.default_rng(9), []
    values = (rng.random((2, 40)) < 0.5).astype(float).tolist()
    for other in ("", "other "):
        strata = {
            "a": Moments.of(values[0], [f"{row % 8}" for row in range(40)]),
            "b": Moments.of(values[1], [f"{other}{row % 8}" for row in range(40)]),
        }
        found = stratified_mean_evidence(strata, weights={"a": 1, "b": 1}, unit="share").estimate(0.95)
        assert found.low is not None and found.high is not None
        widths.append(found.high - found.low)
    assert widths[0] > 1.2 * widths[1]


@pytest.mark.parametrize("repeats", [300, pytest.param(4_000, marks=pytest.mark.slow)])
def test_a_weighted_share_covers_where_one_stratum_is_nearly_always_right(repeats: int) -> None:
    rng, covered, naive = np.random.default_rng(3), 0, 0
    truth, weights = 0.967 * 0.99 + 0.033 * 0.5, {"a": 0.967, "b": 0.033}
    for _ in range(repeats):
        right = [int(rng.binomial(100, 0.99)), int(rng.binomial(20, 0.5))]
        counts = zip("ab", right, (100, 20), strict=True)
        strata = {name: Moments.of([1.0] * ones + [0.0] * (n - ones)) for name, ones, n in counts}
        ours = stratified_mean_evidence(strata, weights=weights, unit="share").estimate(0.95)
        pooled = stratified_estimate(strata, weights=weights, unit="share")
        for found, kept in ((ours, True), (pooled, False)):
            assert found.low is not None and found.high is not None
            hit = found.low <= truth <= found.high
            covered, naive = covered + (hit and kept), naive + (hit and not kept)
    assert covered / repeats == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / repeats) + 0.005)
    assert naive / repeats < 0.85


INTERVALS: dict[str, Callable[[float], Estimate]] = {
    "tango": lambda confidence: tango(60, 14, 5, confidence=confidence),
    "wilson": lambda confidence: mean_estimate(Moments.of([1] * 40 + [0] * 9), confidence=confidence, unit="share"),
    "t": lambda confidence: mean_estimate(Moments.of(TWO["a"]), confidence=confidence),
    "stratified": stratified_evidence(
        {"a": Stratum(0.9, tango_evidence(80, 8, 0)), "b": Stratum(0.1, tango_evidence(20, 0, 10))}
    ).estimate,
}


@pytest.mark.parametrize("name", INTERVALS)
@given(threshold=st.floats(-0.3, 1.2), confidence=st.floats(0.5, 0.999))
def test_p_values_and_bounds_never_contradict_each_other(name: str, threshold: float, confidence: float) -> None:
    found = inverted_evidence(INTERVALS[name])
    estimate, level = found.estimate(confidence), 0.5 * (1.0 - confidence)
    above, below = found.p_above(threshold), found.p_below(threshold)
    assert above is not None and below is not None and estimate.low is not None and estimate.high is not None
    if abs(threshold - estimate.low) > 1e-6 and abs(threshold - estimate.high) > 1e-6:
        assert (above < level) == (estimate.low > threshold)
        assert (below < level) == (estimate.high < threshold)
    assert above + below == pytest.approx(1.0)


def test_inverting_an_interval_gives_back_the_evidence_it_came_from() -> None:
    sources: list[Evidence] = [tango_evidence(60, 14, 5), difference_evidence(Moments.of(TWO["a"]))]
    for source in sources:
        found = inverted_evidence(source.estimate)
        for threshold in (-0.2, 0.0, 0.05, 0.3):
            assert found.p_above(threshold) == pytest.approx(source.p_above(threshold), rel=1e-5)
    assert inverted_evidence(tango_evidence(5_000, 4_000, 0).estimate).p_above(0.0) == pytest.approx(1.28e-12, rel=0.01)
    assert inverted_evidence(sources[0].estimate).p_above(tango(60, 14, 5).value or 0.0) == 0.5


def test_the_weighted_effect_of_one_stratum_is_cohens() -> None:
    ours = stratified_dz({"all": TWO["a"]}, weights={"all": 2.0})
    plain = cohens_dz(TWO["a"])
    assert (ours.value, ours.low, ours.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_the_weighted_effect_by_hand() -> None:
    """Means 0.16 and 0.5, variances s²: the spread between the strata counts as well as that inside."""
    found = stratified_dz(TWO, weights={"a": 3, "b": 1})
    mean = 0.75 * 0.16 + 0.25 * 0.5
    inside = 0.75 * np.var(TWO["a"], ddof=1) + 0.25 * np.var(TWO["b"], ddof=1)
    between = 0.75 * (0.16 - mean) ** 2 + 0.25 * (0.5 - mean) ** 2
    assert found.value == pytest.approx(mean / math.sqrt(inside + between))
    grouped = stratified_dz(TWO, weights={"a": 3, "b": 1}, clusters={"a": ["x", "x", "y", "y", "z"]})
    assert grouped.value == found.value
    assert (grouped.low, grouped.high) != (found.low, found.high)


@pytest.mark.parametrize(
    ("differences", "reason"),
    [
        ({"a": [0.0, 0.0], "b": [0.0]}, "differences do not vary"),
        ({"a": [], "b": [0.1, 0.2]}, "differences do not vary"),
        ({"a": [0.3], "b": [0.1, 0.2]}, "stratum a: fewer than two"),
    ],
)
def test_an_effect_that_cannot_be_told_has_a_reason(differences: dict[str, list[float]], reason: str) -> None:
    found = stratified_dz(differences, weights={"a": 1, "b": 1})
    assert found.low is None
    assert (found.reason or "").startswith(reason)


def test_a_weighted_ratio_is_that_of_the_weighted_means() -> None:
    rng = np.random.default_rng(2)
    old, new = rng.gamma(5.0, size=(2, 40))
    kinds = ["a"] * 10 + ["b"] * 30
    found = ratio_evidence(old, new, strata=kinds, weights={"a": 1.0, "b": 19.0})
    means = [0.05 * side[:10].mean() + 0.95 * side[10:].mean() for side in (old, new)]
    estimate = found.estimate(0.95)
    assert estimate.value == pytest.approx(means[1] / means[0])
    assert (estimate.method, found.df, estimate.n) == ("stratified-fieller", 38, 40)
    gap = new - means[1] / means[0] * old
    errors = [0.05 * gap[:10].std(ddof=1) / 10**0.5, 0.95 * gap[10:].std(ddof=1) / 30**0.5]
    assert found.score is not None
    at_one = (means[1] - means[0]) / math.hypot(
        0.05 * (new - old)[:10].std(ddof=1) / 10**0.5, 0.95 * (new - old)[10:].std(ddof=1) / 30**0.5
    )
    assert found.score(1.0) == pytest.approx(at_one)
    assert estimate.high is not None and estimate.low is not None
    assert estimate.high - estimate.low == pytest.approx(2 * 2.024 * math.hypot(*errors) / means[0], rel=0.05)


def test_in_proportion_strata_do_not_move_a_ratio_and_a_lonely_sample_has_no_spread() -> None:
    rng = np.random.default_rng(8)
    old, new = rng.gamma(5.0, size=(2, 40))
    kinds = ["a"] * 10 + ["b"] * 30
    plain = ratio_evidence(old, new).estimate(0.95).value
    assert ratio_evidence(old, new, strata=kinds, weights={"a": 1, "b": 3}).estimate(0.95).value == pytest.approx(plain)
    lonely = ratio_evidence(old, new, strata=["a"] + ["b"] * 39, weights={"a": 1, "b": 3}).estimate(0.95)
    assert lonely.reason == "fewer than two paired samples in a stratum"


def _coverage(combine: Callable[[int, int, int, int], Estimate], repeats: int) -> float:
    rng, covered = np.random.default_rng(31), 0
    truth = 0.9 * (0.10 - 0.03) + 0.1 * (0.02 - 0.30)
    for _ in range(repeats):
        gained, lost, _ = rng.multinomial(60, [0.10, 0.03, 0.87])
        up, down, _ = rng.multinomial(15, [0.02, 0.30, 0.68])
        found = combine(int(gained), int(lost), int(up), int(down))
        assert found.low is not None and found.high is not None
        covered += found.low <= truth <= found.high
    return covered / repeats


def _ours(gained: int, lost: int, up: int, down: int) -> Estimate:
    parts = {
        "ordinary": Stratum(0.9, tango_evidence(60, gained, lost)),
        "critical": Stratum(0.1, tango_evidence(15, up, down)),
    }
    return stratified_evidence(parts).estimate(0.95)


@pytest.mark.slow
def test_the_weighted_interval_of_few_flips_covers_and_the_pooled_one_does_not() -> None:
    repeats = 4_000
    noise = 4 * math.sqrt(0.95 * 0.05 / repeats)
    assert _coverage(_ours, repeats) == pytest.approx(0.95, abs=noise)
    assert _coverage(lambda gain, loss, up, down: tango(75, gain + up, loss + down), repeats) < 0.93
