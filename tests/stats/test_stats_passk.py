"""pass@k and pass^k against their definition: the mean over all ways to draw k of the n attempts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.core.protocols import Metric
from assay.stats.passk import Mean, PassAtK, PassHatK


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=9), st.integers(1, 9))
def test_they_are_means_over_all_draws(values: list[float], k: int) -> None:
    draws = list(itertools.combinations(values, k))
    at, hat = PassAtK(k=k).reduce(values), PassHatK(k=k).reduce(values)
    if not draws:
        assert at is None and hat is None
    else:
        assert at == pytest.approx(sum(max(d) for d in draws) / len(draws))
        assert hat == pytest.approx(sum(min(d) for d in draws) / len(draws))


def test_the_published_shape_of_pass_at_k() -> None:
    values = [1.0] * 13 + [0.0] * 187
    expected = 1.0
    for i in range(187 + 1, 200 + 1):  # the product form of Chen et al.'s reference listing
        expected *= 1.0 - 100 / i
    assert PassAtK(k=100).reduce(values) == pytest.approx(1.0 - expected)


@pytest.mark.parametrize("metric", [Mean(), PassAtK(k=5), PassHatK(k=3)], ids=lambda m: m.name)
def test_they_are_metrics(metric: Metric) -> None:
    assert metric.transform == "identity"
    assert metric.reduce([1.0] * 5) == 1.0
    assert metric.name in ("mean", "pass@5", "pass^3")


def test_graded_scores_and_k_below_1_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="0 or 1"):
        PassAtK(k=1).reduce([0.5])
    with pytest.raises(InvalidInputError, match="at least 1"):
        PassHatK(k=0)
    assert Mean().reduce([]) is None
