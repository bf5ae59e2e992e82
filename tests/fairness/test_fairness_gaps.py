"""The largest gap and the smallest ratio: published pairs, every pair by hand, and what must always hold."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_tables import shares

from assay.core.errors import InvalidInputError
from assay.fairness.gaps import group_spread
from assay.stats.comparison.share_scores import risk_ratio
from assay.stats.moments import Moments
from assay.stats.scalar import wilson
from assay.stats.two_sample import difference_of_means, newcombe

counts = st.integers(2, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
tables = st.lists(counts, min_size=2, max_size=6).map(
    lambda rows: shares(**{f"g{i}": row for i, row in enumerate(rows)})
)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((5, 56), (0, 29), 0.0, 0.1926), ((10, 10), (0, 10), 0.6075, 1.0)],
)
def test_two_groups_have_newcombes_published_interval(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe (1998), table II, examples a, d (the lower bound, -.0381, is no gap) and h, method 10."""
    gap = group_spread(shares(a=first, b=second), unit="share").gap
    assert (round(gap.low, 4), round(gap.high, 4)) == (low, high)


def test_many_groups_are_every_pair_at_bonferronis_level() -> None:
    groups = shares(a=(30, 100), b=(45, 90), c=(11, 60), d=(5, 40))
    found = group_spread(groups, confidence=0.95, unit="share")
    pairs = [
        newcombe(x.ones, x.count, y.ones, y.count, confidence=1 - 0.05 / 6)
        for one, other in combinations(groups.values(), 2)
        for x, y in ((one, other), (other, one))
    ]
    assert (found.highest, found.lowest) == ("b", "d")
    assert found.gap.value == pytest.approx(0.5 - 0.125)
    assert found.gap.low == pytest.approx(max(0.0, *(pair.low for pair in pairs)))
    assert found.gap.high == pytest.approx(max(pair.high for pair in pairs))


def test_a_small_group_is_extreme_and_the_sure_gap_is_another() -> None:
    found = group_spread(shares(tiny=(0, 4), low=(300, 1000), high=(500, 1000)), unit="share")
    assert found.lowest == "tiny"
    assert found.gap.low == pytest.approx(newcombe(300, 1000, 500, 1000, confidence=1 - 0.05 / 3).low)


def test_a_ratio_is_near_the_score_interval_and_follows_its_formula() -> None:
    """Against Koopman's score interval (another method), and against the formula written out once more."""
    ours = group_spread(shares(a=(120, 400), b=(160, 400)), unit="share").ratio
    score = risk_ratio(160, 400, 120, 400)
    assert (ours.low, ours.high) == pytest.approx((score.low, score.high), abs=0.01)
    (l1, u1), (l2, u2) = wilson(120, 400), wilson(160, 400)
    p1, p2 = 0.3, 0.4
    product = p1 * p2
    low = (product - (product**2 - l1 * u2 * (2 * p1 - l1) * (2 * p2 - u2)) ** 0.5) / (u2 * (2 * p2 - u2))
    high = (product + (product**2 - u1 * l2 * (2 * p1 - u1) * (2 * p2 - l2)) ** 0.5) / (l2 * (2 * p2 - l2))
    assert (ours.low, ours.high) == pytest.approx((low, high))


def test_ratios_at_the_edges() -> None:
    none = group_spread(shares(a=(0, 50), b=(0, 60)), unit="share")
    assert none.ratio.value is None
    assert none.ratio.reason == "no group has a single one"
    assert (none.gap.value, none.gap.low) == (0.0, 0.0)
    one = group_spread(shares(a=(0, 50), b=(30, 60)), unit="share")
    assert (one.ratio.value, one.ratio.low) == (0.0, 0.0)
    assert 0.0 < one.ratio.high < 0.2
    assert group_spread(shares(a=(50, 50), b=(60, 60)), unit="share").ratio.value == 1.0


def test_means_have_a_gap_and_no_ratio() -> None:
    rng = np.random.default_rng(4)
    groups = {"a": Moments.of(rng.normal(5, 1, 300).tolist()), "b": Moments.of(rng.normal(4, 1, 200).tolist())}
    found = group_spread(groups, unit="s")
    welch = difference_of_means(groups["b"], groups["a"], unit="s")
    assert (found.gap.low, found.gap.high) == pytest.approx((welch.low, welch.high), abs=0.002)
    assert found.ratio is None
    assert found.ratios == {}
    flat = group_spread({**groups, "c": Moments.of([1.0] * 9)}, unit="s")
    assert flat.gap.low is None
    assert flat.gap.reason.startswith("c: all 9 scores do not differ")


@pytest.mark.parametrize("groups", [shares(a=(1, 2)), shares(a=(1, 2), b=(0, 0)), {}])
def test_a_gap_needs_two_groups_with_values(groups: dict[str, Moments]) -> None:
    with pytest.raises(InvalidInputError, match="two groups"):
        group_spread(groups)


@given(tables)
def test_bounds_enclose_what_was_seen(groups: dict[str, Moments]) -> None:
    found = group_spread(groups, unit="share")
    means = [one.mean for one in groups.values()]
    assert 0.0 <= found.gap.low <= found.gap.value + 1e-12 <= found.gap.high + 2e-12 <= 1.0 + 3e-12
    assert found.gap.value == pytest.approx(max(means) - min(means))
    for name, ratio in found.ratios.items():
        if ratio.value is not None:
            assert 0.0 <= ratio.low <= ratio.value + 1e-9 <= ratio.high + 2e-9 <= 1.0 + 3e-9
            assert ratio.value == pytest.approx(groups[name].mean / max(means))


@given(tables)
def test_the_order_of_groups_and_the_side_that_counts_change_no_gap(groups: dict[str, Moments]) -> None:
    found = group_spread(groups, unit="share").gap
    turned = group_spread(dict(reversed(groups.items())), unit="share").gap
    failures = shares(**{name: (one.zeros, one.count) for name, one in groups.items()})
    mirrored = group_spread(failures, unit="share").gap
    for other in (turned, mirrored):
        assert (found.value, found.low, found.high) == pytest.approx((other.value, other.low, other.high), abs=1e-9)
