"""Hierarchical rates against a published example and direct integration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from assay.core.errors import InvalidInputError
from assay.stats.bayes.shrinkage import shrunken_rates

# Gelman et al. (2013), Bayesian Data Analysis, table 5.1: tumours and rats in 70 historical groups and the current one
TUMOURS = [0] * 14 + [1] * 8 + [2] * 9 + [1, 5, 2, 5, 3, 2, 7, 7, 3, 3, 2, 9, 10] + [4] * 7 + [10, 4, 4, 4, 5, 11, 12]
TUMOURS += [5, 5, 6, 5, 6, 6, 6, 6, 16, 15, 15, 9, 4]
RATS = [20] * 7 + [19] * 4 + [18] * 2 + [17] + [20] * 4 + [19] * 2 + [18] * 2 + [25, 24, 23] + [20] * 6
RATS += [10, 49, 19, 46, 27, 17, 49, 47, 20, 20, 13, 48, 50] + [20] * 7 + [48, 19, 19, 19, 22, 46, 49]
RATS += [20, 20, 23, 19, 22, 20, 20, 20, 52, 47, 46, 24, 14]


def test_the_rat_tumour_example() -> None:
    found = shrunken_rates({str(i): pair for i, pair in enumerate(zip(TUMOURS, RATS, strict=True))})
    # published posterior means of (α, β): (2.4, 14.3), so α + β = 16.7 and a population mean of .14
    assert found.mean.value == pytest.approx(2.4 / 16.7, abs=0.005)
    assert found.concentration.value == pytest.approx(16.0, abs=1.5)
    current = found.groups["70"]
    assert current.value == pytest.approx((2.4 + 4) / (16.7 + 14), abs=0.006)
    assert found.raw["70"] == pytest.approx(4 / 14)
    assert current.n == 14 and current.method == "hierarchical-beta-binomial"


def test_group_posteriors_agree_with_a_fine_grid() -> None:
    pairs = np.array([[0, 6], [3, 8], [7, 9], [2, 12]], dtype=float)
    logit, log_size = (g.ravel() for g in np.meshgrid(np.linspace(-8, 8, 241), np.linspace(-5, 18, 241), indexing="ij"))
    mean, size = special.expit(logit), np.exp(log_size)
    a, b = mean * size, (1 - mean) * size
    log_density = np.log(mean * (1 - mean)) + log_size - 1.5 * np.log1p(size)
    for hits, trials in pairs:
        log_density += special.betaln(a + hits, b + trials - hits) - special.betaln(a, b)
    weights = np.exp(log_density - log_density.max())
    weights /= weights.sum()
    found = shrunken_rates({str(i): (int(k), int(n)) for i, (k, n) in enumerate(pairs)})
    for index, (hits, trials) in enumerate(pairs):
        one = found.groups[str(index)]
        assert one.value == pytest.approx(float(weights @ ((a + hits) / (size + trials))), abs=2e-3)
        for bound, level in ((one.low, 0.025), (one.high, 0.975)):
            assert float(weights @ special.betainc(a + hits, b + trials - hits, bound)) == pytest.approx(
                level, abs=2e-3
            )


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=3, max_size=6))
def test_estimates_are_ordered_and_equal_counts_share_one(pairs: list[tuple[int, int]]) -> None:
    counts = {str(i): (hits, hits + misses) for i, (hits, misses) in enumerate(pairs)}
    if sum(trials for _, trials in counts.values()) == 0:
        return
    found = shrunken_rates({**counts, "again": counts["0"]})
    for one in found.groups.values():
        assert 0.0 <= one.low <= one.value <= one.high <= 1.0  # type: ignore[operator]
    assert found.groups["again"] == found.groups["0"]


def test_small_groups_move_further_than_large_ones() -> None:
    found = shrunken_rates({"small": (4, 4), "large": (400, 400), "b": (30, 100), "c": (35, 100), "d": (33, 100)})
    assert found.groups["small"].value < 0.95 < found.groups["large"].value  # type: ignore[operator]


def test_a_group_without_trials_gets_what_a_new_group_would() -> None:
    found = shrunken_rates({"none": (0, 0), "a": (50, 100), "b": (52, 100), "c": (49, 100)})
    assert found.raw["none"] is None
    assert found.groups["none"].value == pytest.approx(0.5, abs=0.03)
    assert found.groups["none"].high - found.groups["none"].low > found.groups["a"].high - found.groups["a"].low  # type: ignore[operator]


@pytest.mark.parametrize(
    "counts",
    [{"a": (1, 2), "b": (1, 2)}, {"a": (3, 2), "b": (1, 2), "c": (1, 2)}, {"a": (0, 0), "b": (0, 0), "c": (0, 0)},
     {"a": (0.5, 2), "b": (1, 2), "c": (1, 2)}, {"a": (-1, 2), "b": (1, 2), "c": (1, 2)}],
)  # fmt: skip
def test_what_are_no_groups_is_refused(counts: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(InvalidInputError):
        shrunken_rates(counts)
