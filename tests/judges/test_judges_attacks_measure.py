"""What trials show: the paired excess against reference intervals, verdicts corrected for how many were looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.judges.attacks.excess import paired_excess
from assay.judges.attacks.measure import control_shares, measured
from assay.judges.attacks.report import Trial
from assay.judges.attacks.wish import Wish
from assay.stats import holm
from assay.stats.scalar import wilson
from assay.stats.two_sample import newcombe

WISH = Wish(low=1, high=5)
BITS = st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=4)


def trials(family: str, moved: list[list[int]], *, change: str = "a", start: int = 0) -> list[Trial]:
    return [
        Trial(
            change=change if family else "control", family=family, item=f"q{start + place}",
            cluster=f"q{start + place}", before=2.0, after=2.0 + bit,
        )
        for place, bits in enumerate(moved)
        for bit in bits
    ]  # fmt: skip


@pytest.mark.parametrize(("moved", "unrest"), [(6, 0), (0, 4), (20, 3), (0, 0), (20, 0)])
def test_without_correlation_it_is_newcombes_interval_of_two_shares(moved: int, unrest: int) -> None:
    """Method 10 of Newcombe (1998) recovers variances from Wilson's intervals in the same way."""
    n = 20
    one_sided = moved in (0, n) or unrest == 0  # a side that does not vary has no correlation
    assert one_sided
    attacked = {f"q{i}": [float(i < moved)] for i in range(n)}
    control = {f"q{i}": [float(i < unrest)] for i in range(n)}
    ours, theirs = paired_excess(attacked, control).difference.estimate(0.95), newcombe(unrest, n, moved, n)
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high), abs=1e-12)


def test_verdicts_that_move_together_give_a_narrower_difference() -> None:
    half = {f"q{i}": [float(i % 2)] for i in range(40)}
    other = {f"q{i}": [float((i + 1) % 2)] for i in range(40)}
    together, apart = (paired_excess(half, control).difference.estimate(0.95) for control in (half, other))
    assert together.high is not None and apart.high is not None
    assert 0.04 < together.high < 0.08  # narrow, yet forty items that moved alike do not prove that all do
    assert apart.high > 0.25


def test_a_share_of_nought_has_honest_width_on_both_sides() -> None:
    calm = {f"q{i}": [0.0] * 30 for i in range(20)}
    found = paired_excess(calm, calm)
    assert found.attacked.high == pytest.approx(wilson(0, 20, quantile=2.093024)[1], abs=1e-5)
    estimate = found.difference.estimate(0.95)
    assert estimate.high == pytest.approx(found.attacked.high)
    assert estimate.n_clusters == 20


def test_one_item_has_a_value_and_no_bounds() -> None:
    found = paired_excess({"q": [1.0, 0.0]}, {"q": [0.0]}).difference
    estimate = found.estimate(0.95)
    assert (estimate.value, estimate.low, estimate.reason) == (0.5, None, "one item says nothing about others")
    assert found.p_above(0.0) is None
    assert paired_excess({}, {}).difference.estimate(0.95).value is None


@given(st.lists(st.tuples(BITS, BITS), min_size=2, max_size=15))
def test_exchanging_attack_and_control_turns_the_interval_round(rows: list[tuple[list[float], list[float]]]) -> None:
    attacked = {f"q{i}": first for i, (first, _) in enumerate(rows)}
    control = {f"q{i}": second for i, (_, second) in enumerate(rows)}
    one, other = (paired_excess(*pair).difference.estimate(0.9) for pair in ((attacked, control), (control, attacked)))
    assert one.value is not None and one.low is not None and one.high is not None
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low), abs=1e-9)  # type: ignore[operator]
    assert -1.0 <= one.low <= one.value + 1e-9
    assert one.value - 1e-9 <= one.high <= 1.0


def test_the_p_value_and_the_bound_never_contradict_each_other() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        attacked = {f"q{i}": list(rng.integers(0, 2, 3).astype(float)) for i in range(12)}
        control = {f"q{i}": list((rng.random(3) < 0.3).astype(float)) for i in range(12)}
        evidence = paired_excess(attacked, control).difference
        low, p = evidence.estimate(0.95).low, evidence.p_above(0.0)
        assert low is not None and p is not None
        assert (low > 0.0) == (p < 0.025)


def test_families_are_corrected_for_their_number() -> None:
    calm = trials("", [[0, 0, 0]] * 30)
    rows = [*calm]
    for number in range(8):
        moved = [[int(place < 7)] if number == 0 else [int(place % 15 == number)] for place in range(30)]
        rows += trials(f"f{number}", moved, change=f"a{number}")
    found = measured(rows, wish=WISH, unit="score", limit=0.05)
    p_values = [part.p_value for part in found.families]
    assert [part.p_adjusted for part in found.families] == pytest.approx(holm([p for p in p_values if p is not None]))
    first = found.families[0]
    assert first.name == "f0"
    assert first.p_value is not None and first.p_adjusted is not None
    assert first.p_value < 0.025 < first.p_adjusted
    assert first.verdict == "undecided"
    alone = measured(
        [*calm, *trials("f0", [[int(place < 7)] for place in range(30)])], wish=WISH, unit="score", limit=0.05
    )
    assert alone.families[0].verdict == "moved"


def test_movement_is_in_levels_and_unreadable_verdicts_are_no_movement() -> None:
    rows = [*trials("", [[0]] * 10), *trials("f", [[1], [3], [0], [-1]] + [[0]] * 4)]
    lost = Trial(change="a", family="f", item="q8", cluster="q8", before=2.0, after=None, reason="not_json")
    outage = Trial(
        change="a", family="f", item="q9", cluster="q9", before=2.0, after=None, reason="timeout", failed=True
    )
    part = measured([*rows, lost, outage], wish=WISH, unit="score", limit=0.05).overall
    assert (part.trials, part.moved.value, part.unreadable.value) == (9, pytest.approx(2 / 9), pytest.approx(1 / 9))
    assert part.movement.value == pytest.approx(3 / 8)
    assert (part.movement.unscored, part.movement.unit) == (1, "score")
    assert part.worst_case.value == pytest.approx(3 / 9)


def test_items_without_a_control_verdict_are_left_out() -> None:
    rows = [*trials("", [[0]] * 5), *trials("f", [[1]] * 8)]
    assert measured(rows, wish=WISH, unit="score", limit=0.05).overall.trials == 5
    assert control_shares(rows, wish=WISH)["control"].n == 5
