"""Group-sequential boundaries against published tables, scipy, and peeking."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.core.errors import InvalidInputError
from assay.stats.sequential.boundaries import group_sequential_boundaries
from assay.stats.sequential.recursion import exit_probabilities
from assay.stats.sequential.stopped import group_sequential_estimate


@pytest.mark.parametrize(
    "looks, pocock, obrien",
    [(1, 1.960, 1.960), (2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (5, 2.413, 2.040),
     (10, 2.555, 2.087), (20, 2.672, 2.126)],
)  # fmt: skip
def test_constants_of_jennison_and_turnbull(looks: int, pocock: float, obrien: float) -> None:
    # Jennison & Turnbull (2000), tables 2.1 and 2.3, alpha .05
    flat = group_sequential_boundaries(looks, shape="pocock")
    assert flat.upper == pytest.approx([pocock] * looks, abs=6e-4)
    strict = group_sequential_boundaries(looks, shape="obrien-fleming")
    assert strict.upper == pytest.approx([obrien * math.sqrt(looks / (k + 1)) for k in range(looks)], abs=3e-3)
    assert flat.lower == tuple(-z for z in flat.upper)


@pytest.mark.parametrize(
    "shape, published",
    [
        ("spending-obrien-fleming", [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]),
        ("spending-pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_boundaries_of_lan_and_demets(shape: str, published: list[float]) -> None:
    # one-sided .025, five even looks, as tabulated by the programs LD98 and gsDesign
    found = group_sequential_boundaries(5, alpha=0.025, two_sided=False, shape=shape)  # type: ignore[arg-type]
    assert found.upper == pytest.approx(published, abs=1.1e-4)
    assert found.alpha_spent[-1] == pytest.approx(0.025, abs=1e-9)


def test_two_looks_are_the_bivariate_normal_of_scipy() -> None:
    from scipy import stats

    t, bounds, drift = 0.4, (2.5, 2.0), 1.2
    down, up = exit_probabilities((t, 1.0), (-2.5, -2.0), bounds, drift)
    joint = stats.multivariate_normal([drift * math.sqrt(t), drift], [[1, math.sqrt(t)], [math.sqrt(t), 1]])
    stay = joint.cdf([2.5, 2.0], lower_limit=[-2.5, -2.0])
    assert 1.0 - down.sum() - up.sum() == pytest.approx(stay, abs=1e-6)


def test_the_error_is_kept_at_uneven_looks_and_many() -> None:
    for looks in ([0.01, 0.5, 0.51, 1.0], 100):
        for two_sided in (True, False):
            found = group_sequential_boundaries(looks, shape="spending-power", two_sided=two_sided)
            assert found.alpha_spent[-1] == pytest.approx(0.05, abs=1e-8)
            assert all(a <= b for a, b in zip(found.alpha_spent, found.alpha_spent[1:], strict=False))


def test_a_look_too_early_cannot_stop() -> None:
    found = group_sequential_boundaries([0.005, 1.0])
    assert found.upper[0] == math.inf and found.crossed(1, 9.0) is None


def test_futility() -> None:
    found = group_sequential_boundaries(3, alpha=0.025, two_sided=False, futility_power=0.9)
    assert found.drift is not None and found.lower[-1] == found.upper[-1]
    down, up = exit_probabilities(found.information, found.lower, found.upper, found.drift)
    assert (up.sum(), down.sum()) == pytest.approx((0.9, 0.1), abs=1e-8)
    ignored = exit_probabilities(found.information, (-math.inf,) * 3, found.upper, 0.0)[1].sum()
    assert ignored == pytest.approx(0.025, abs=1e-8)  # not binding
    assert found.crossed(1, -2.0) == "futility" and found.crossed(1, 4.0) == "efficacy"
    assert found.crossed(1, 0.5) is None
    fixed = 1.959964 + 1.281552
    assert fixed < found.drift < fixed * 1.1


@pytest.mark.parametrize("looks, fires", [(5, 0.130), (100, 0.311)])
def test_probability_of_being_better_fires_when_peeked(looks: int, fires: float) -> None:
    # P(better) > .95 under a flat prior is Z > 1.645; exact by the same recursion
    information = tuple((np.arange(looks) + 1) / looks)
    _, up = exit_probabilities(information, (-math.inf,) * looks, (1.644854,) * looks, 0.0)
    assert up.sum() == pytest.approx(fires, abs=0.002)


def test_1_96_at_five_looks_is_wrong_14_times_of_100() -> None:
    # Armitage, McPherson & Rowe (1969), table 2: .142 for five looks, .193 for ten
    for looks, wrong in ((5, 0.142), (10, 0.193)):
        information = tuple((np.arange(looks) + 1) / looks)
        down, up = exit_probabilities(information, (-1.959964,) * looks, (1.959964,) * looks, 0.0)
        assert down.sum() + up.sum() == pytest.approx(wrong, abs=6e-4)


def test_without_looks_the_adjusted_estimate_is_the_plain_one() -> None:
    plan = group_sequential_boundaries(1, shape="pocock")
    found = group_sequential_estimate(plan, look=1, estimate=0.3, std_error=0.2, n=100)
    for one in (found.adjusted, found.repeated):
        assert (one.value, one.low, one.high) == pytest.approx((0.3, found.naive.low, found.naive.high), abs=1e-8)
    assert found.p_value == pytest.approx(math.erfc(1.5 / math.sqrt(2)))


def test_an_early_stop_is_shrunk() -> None:
    plan = group_sequential_boundaries(5, shape="pocock")
    found = group_sequential_estimate(plan, look=2, estimate=0.3, std_error=0.1, n=400)
    assert 0 < found.adjusted.value < 0.3  # type: ignore[operator]
    assert found.repeated.low == pytest.approx(0.3 - 2.413 * 0.1, abs=1e-4)
    mirrored = group_sequential_estimate(plan, look=2, estimate=-0.3, std_error=0.1, n=400)
    assert mirrored.adjusted.value == pytest.approx(-found.adjusted.value, abs=1e-7)  # type: ignore[operator]
    assert mirrored.p_value == pytest.approx(found.p_value, abs=1e-9)
    first = group_sequential_estimate(plan, look=1, estimate=0.3, std_error=0.1, n=200)
    assert first.adjusted.value == pytest.approx(0.3, abs=1e-7)  # nothing went before


def test_on_the_boundary_the_p_value_is_what_was_spent() -> None:
    plan = group_sequential_boundaries(4, shape="spending-pocock")
    z = plan.upper[2] + 1e-9
    found = group_sequential_estimate(plan, look=3, estimate=z, std_error=1.0, n=10)
    assert found.p_value == pytest.approx(plan.alpha_spent[2], abs=1e-6)


def test_plans_that_cannot_be_looked_at() -> None:
    plan = group_sequential_boundaries(3)
    for call in (
        lambda: group_sequential_boundaries(0),
        lambda: group_sequential_boundaries([0.5, 0.4, 1.0]),
        lambda: group_sequential_boundaries([0.5, 0.9]),
        lambda: group_sequential_boundaries([0.0, 1.0]),
        lambda: group_sequential_boundaries(1_000),
        lambda: group_sequential_boundaries(3, alpha=0.5),
        lambda: group_sequential_boundaries(3, shape="triangular"),  # type: ignore[arg-type]
        lambda: group_sequential_boundaries(3, shape="spending-power", spending_power=0.0),
        lambda: group_sequential_boundaries(3, futility_power=0.8),
        lambda: group_sequential_boundaries(3, two_sided=False, shape="pocock", futility_power=0.8),
        lambda: group_sequential_boundaries(3, two_sided=False, futility_power=0.01),
        lambda: plan.crossed(4, 1.0),
        lambda: group_sequential_estimate(plan, look=1, estimate=0.1, std_error=0.1, n=10),
        lambda: group_sequential_estimate(plan, look=5, estimate=0.1, std_error=0.1, n=10),
        lambda: group_sequential_estimate(plan, look=3, estimate=0.1, std_error=0.0, n=10),
        lambda: group_sequential_estimate(plan, look=3, estimate=float("nan"), std_error=0.1, n=10),
    ):
        with pytest.raises(InvalidInputError) as caught:
            call()
        assert caught.value.hint
