"""Post-stratified and stratified differences, and the cells they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.adjustment.cells import StratumTable, label_codes
from assay.stats.adjustment.strata import stratified_difference
from assay.stats.moments import Moments

CELLS = {"iOS": (7_525, 8_750, 2_200, 2_500), "Android": (975, 1_250, 6_000, 7_500)}


def _rows(seed: int, n: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    stratum = rng.choice(["a", "b", "c"], size=n)
    return rng.normal(size=n) + (stratum == "b"), rng.permutation(n) % 2, stratum


def test_known_shares_by_hand() -> None:
    table = StratumTable.of(
        [1.0, 3.0, 4.0, 8.0, 0.0, 2.0, 5.0, 5.0, 8.0], [0, 0, 1, 1, 0, 0, 1, 1, 1], list("aaaabbbbb")
    )
    found = stratified_difference(table, weights={"a": 0.25, "b": 0.75})
    assert found.difference.value == pytest.approx(0.25 * 4.0 + 0.75 * 5.0)
    variances = [1 / 16 * (2.0 / 2 + 8.0 / 2), 9 / 16 * (2.0 / 2 + 3.0 / 3)]
    assert found.difference.std_error == pytest.approx(np.sqrt(sum(variances)))
    assert found.difference.method == "stratified-t"


def test_post_stratification_adds_what_the_sampled_shares_leave_open() -> None:
    found = stratified_difference(StratumTable.from_counts(CELLS))
    known = stratified_difference(StratumTable.from_counts(CELLS), weights={"iOS": 11_250, "Android": 8_750})
    assert found.difference.value == known.difference.value == pytest.approx(0.02)
    assert found.difference.std_error >= known.difference.std_error
    assert found.unadjusted.value == pytest.approx(-0.03)
    effects = np.repeat([0.0, 1.0, 5.0, 6.0, 0.0, 1.0, 1.0, 0.0], 10)  # 5 in one stratum, 0 in the other
    uneven = StratumTable.of(effects, np.tile(np.repeat([0, 1], 20), 2), np.repeat(["x", "y"], 40))
    wide, narrow = (stratified_difference(uneven, weights=w) for w in (None, {"x": 0.5, "y": 0.5}))
    assert wide.difference.value == narrow.difference.value == pytest.approx(2.5)
    noise = 0.5 * 0.5 * narrow.difference.std_error**2 * 4 / 2  # share of the spread that is chance
    added = (2.5**2 - 2 * noise) / 80
    assert wide.difference.std_error**2 == pytest.approx(narrow.difference.std_error**2 + added, rel=1e-3)


def test_one_stratum_is_welch() -> None:
    outcome, treated, _ = _rows(2)
    found = stratified_difference(StratumTable.of(outcome, treated, ["all"] * 90))
    assert (found.difference.low, found.difference.high) == pytest.approx((found.unadjusted.low, found.unadjusted.high))
    assert found.variance_ratio == pytest.approx(1.0) and found.gain == pytest.approx(1.0)


def test_a_stratum_that_foretells_the_outcome_gains() -> None:
    rng = np.random.default_rng(3)
    stratum, treated = rng.integers(0, 4, size=2_000), rng.permutation(2_000) % 2
    found = stratified_difference(StratumTable.of(stratum + rng.normal(size=2_000), treated, stratum))
    assert found.variance_ratio == pytest.approx(1 / 2.25, abs=0.05)  # variance 1.25 between, 1 within


def test_rows_moments_and_counts_make_one_table() -> None:
    outcome, treated, stratum = _rows(4)
    binary = (outcome > 0).astype(float)
    rows = StratumTable.of(binary, treated, stratum.tolist())
    parts = {
        name: tuple(binary[(stratum == name) & (treated == arm)] for arm in (0, 1)) for name in ("a", "b", "c")
    }  # fmt: skip
    moments = StratumTable.from_moments(
        {name: (Moments.of(old.tolist()), Moments.of(new.tolist())) for name, (old, new) in parts.items()}
    )
    counts = StratumTable.from_counts(
        {name: (int(old.sum()), old.size, int(new.sum()), new.size) for name, (old, new) in parts.items()}
    )
    for table in (moments, counts):
        assert table.names == rows.names and table.binary and rows.binary
        assert np.allclose(table.counts, rows.counts) and np.allclose(table.means, rows.means)
        assert np.allclose(table.squares, rows.squares)


def test_joining_strata_is_the_table_of_the_joined_labels() -> None:
    outcome, treated, stratum = _rows(5)
    joined = StratumTable.of(outcome, treated, stratum).grouped(np.array([0, 1, 0]), ["ac", "b"])
    direct = StratumTable.of(outcome, treated, np.where(stratum == "b", "b", "ac"))
    assert np.allclose(joined.means, direct.means) and np.allclose(joined.squares, direct.squares)


def test_small_strata_are_refused_or_merged_and_it_is_said() -> None:
    cells = {**CELLS, "web": (3, 5, 0, 1), "tv": (1, 4, 2, 3)}
    with pytest.raises(InvalidInputError, match="1 strata have fewer than 2 units in an arm: web"):
        stratified_difference(StratumTable.from_counts(cells))
    found = stratified_difference(StratumTable.from_counts(cells), small="merge")
    assert found.warnings == ("2 strata were merged, 1 of them with too few units in an arm: web, tv",)
    assert found.difference.n == 20_013
    by_hand = stratified_difference(StratumTable.from_counts({**CELLS, "(merged)": (4, 9, 2, 4)}))
    assert found.difference == by_hand.difference


def test_nothing_left_to_merge_with_is_refused() -> None:
    table = StratumTable.from_counts({"a": (1, 2, 1, 2), "b": (0, 2, 1, 2)})
    with pytest.raises(InvalidInputError, match="all strata together"):
        stratified_difference(table, small="merge", min_per_arm=5)


def test_outcomes_without_spread_give_a_reason() -> None:
    found = stratified_difference(StratumTable.from_counts({"a": (0, 5, 5, 5), "b": (0, 5, 5, 5)}))
    assert found.difference.value == 1.0 and found.difference.reason and found.variance_ratio is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-100, 100))
def test_an_effect_that_is_added_is_found(seed: int, effect: float) -> None:
    outcome, treated, stratum = _rows(seed)
    plain = stratified_difference(StratumTable.of(outcome, treated, stratum))
    moved = stratified_difference(StratumTable.of(outcome + effect * treated, treated, stratum))
    assert moved.difference.value == pytest.approx((plain.difference.value or 0.0) + effect, abs=1e-8)
    assert moved.difference.std_error == pytest.approx(plain.difference.std_error, rel=1e-6)


def test_labels_of_any_kind_get_numbers() -> None:
    assert label_codes([True, False, True])[0] == ["False", "True"]
    names, codes = label_codes([None, "x", 3, None])
    assert (names, codes.tolist()) == (["3", "None", "x"], [1, 2, 0, 1])
    with pytest.raises(InvalidInputError, match="read the same"):
        label_codes([(1,), "(1,)"])


@pytest.mark.parametrize(
    "more",
    [{"weights": {"iOS": 1.0}}, {"weights": {"iOS": 1.0, "Android": -1.0}}, {"weights": {"iOS": 0.0, "Android": 0.0}},
     {"weights": {"iOS": 1.0, "Android": 1.0, "web": 1.0}}, {"small": "drop"}, {"min_per_arm": 1}, {"confidence": 0.0}],
    ids=["missing", "negative", "zero", "extra", "small", "min", "confidence"],
)  # fmt: skip
def test_bad_settings_are_refused(more: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        stratified_difference(StratumTable.from_counts(CELLS), **more)  # type: ignore[arg-type]


def test_bad_cells_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="more successes"):
        StratumTable.from_counts({"a": (5, 4, 1, 2)})
    with pytest.raises(InvalidInputError, match="clusters"):
        clustered = Moments.of([1.0, 2.0], ["d", "d"])
        StratumTable.from_moments({"a": (clustered, clustered)})
    with pytest.raises(InvalidInputError, match="do not describe"):
        StratumTable.from_counts({})
    with pytest.raises(InvalidInputError, match="negative"):
        one = np.ones((1, 2))
        StratumTable(names=("a",), counts=one, means=one, squares=-one, binary=False)
    with pytest.raises(InvalidInputError, match="two units"):
        stratified_difference(StratumTable.from_counts({"a": (0, 1, 1, 3)}))
