"""Columns of recorded verdicts: what they refuse, what they keep together, labels from elsewhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError, DataError, InvalidInputError
from assay.judges.judged import Judged, join_human, mean_of_raters


def test_missing_verdicts_are_nan_and_people_are_averaged() -> None:
    judged = Judged(ids=["a", "b", "c"], verdicts=[1, None, 3], raters=[[1, 2], [None, 4], [None, None]])
    assert judged.verdicts[0] == 1.0
    assert math.isnan(judged.verdicts[1])
    assert judged.human.tolist()[:2] == [1.5, 4.0]
    assert math.isnan(judged.human[2])
    assert (judged.seen, judged.ends) == ((1.0, 3.0), None)


def test_pairs_without_a_scale_are_on_0_to_1_or_1_to_2_by_all_their_columns() -> None:
    def ends(verdicts: list[float], **columns: Any) -> tuple[float, float] | None:
        return Judged(ids=[str(k) for k in range(len(verdicts))], verdicts=verdicts, **columns).ends

    assert ends([0.5, 1.0], swapped=[0.5, 0.5]) == (0.0, 1.0)
    assert ends([1, 1], swapped=[0, 1]) == (0.0, 1.0)
    assert ends([1, 1], swapped=[1, 2]) == (1.0, 2.0)
    assert ends([1, 1], a_first=[0, 1]) is None  # wins of A on one scale, of B on the other
    assert ends([1, 5], a_first=[0, 1]) is None
    assert ends([1, 5], a_first=[0, 1], scale=(1, 5)) == (1.0, 5.0)
    assert ends([0, 1]) is None  # of single answers nothing is known of levels that nobody used
    assert ends([0, 1], other_lengths=[3, 4]) == (0.0, 1.0)


def test_an_item_without_a_document_stands_for_itself() -> None:
    judged = Judged(ids=["a", "b", "c", "d"], verdicts=[1, 2, 3, 4], clusters=["x", None, None, "x"])
    assert judged.clusters == ("x", "item b", "item c", "x")
    clash = Judged(ids=["a", "a'", "b"], verdicts=[1, 2, 3], clusters=[None, None, "item a"])
    assert len(set(clash.clusters or ())) == 3


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"ids": ["a", "a"], "verdicts": [1, 2]}, "judge.duplicate_id"),
        ({"ids": [], "verdicts": []}, "input.invalid"),
        ({"ids": ["a", "b"], "verdicts": [1]}, "input.invalid"),
        ({"ids": ["a"], "verdicts": ["good"]}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [math.inf]}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [6], "scale": (1, 5)}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1], "scale": (5, 5)}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [None], "scale": (5, 1)}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1], "scale": (1, math.inf)}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1], "repeats": [6], "scale": (1, 5)}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1e300]}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1], "lengths": [-3]}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1], "cost_usd": [-0.1]}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1], "systems": ["x", "y"]}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1], "raters": [[1], [2]]}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1], "features": {"human": [1]}}, "input.invalid"),
        ({"ids": ["a"], "verdicts": [1], "features": {"x": [1, 2]}}, "input.invalid"),
    ],
)
def test_what_does_not_fit_is_refused(columns: dict[str, Any], code: str) -> None:
    with pytest.raises(AssayError) as caught:
        Judged(**columns)
    assert caught.value.code == code
    assert caught.value.hint


def test_the_ends_of_a_scale_are_named() -> None:
    with pytest.raises(InvalidInputError, match=r"a scale from 5 to 1 has no two ends") as caught:
        Judged(ids=["a"], verdicts=[3], scale=(5, 1))
    assert "low end below the high end" in caught.value.hint


def test_a_part_keeps_every_column_together() -> None:
    judged = Judged(
        ids=["a", "b", "c"],
        verdicts=[1, 2, 3],
        raters=[[1, 1], [2, 2], [3, 3]],
        systems=["x", "y", "z"],
        features={"f": [10, 20, 30]},
        repeats=[1, 2, 4],
        scale=(1, 5),
    )
    part = judged.where([2, 0])
    assert list(part.ids) == ["c", "a"]
    assert part.verdicts.tolist() == part.human.tolist() == [3.0, 1.0]
    assert list(part.systems or ()) == ["z", "x"]
    assert part.column("f").tolist() == [30.0, 10.0]
    assert part.repeats.tolist() == [[4.0], [1.0]]
    assert judged.where(np.array([True, False, False])).ids == ("a",)
    with pytest.raises(InvalidInputError):
        judged.where(np.zeros(3, dtype=bool))
    with pytest.raises(DataError, match="no column 'g'"):
        judged.column("g")


def test_labels_of_their_own_file_are_joined_by_id() -> None:
    judged = Judged(ids=["a", "b"], verdicts=[1, 2])
    joined = join_human(judged, ["b", "a"], [[5, 3], [1, None]])
    assert joined.human.tolist() == [1.0, 4.0]
    with pytest.raises(DataError) as caught:
        join_human(judged, ["a", "B"], [[1], [2]])
    assert caught.value.code == "judge.unknown_item"
    assert "known: a, b" in caught.value.hint
    with pytest.raises(DataError) as twice:
        join_human(judged, ["a", "a"], [[1], [2]])
    assert twice.value.code == "judge.duplicate_id"


def test_the_hash_of_labels_depends_on_who_said_what_and_not_on_the_order() -> None:
    one = Judged(ids=["a", "b"], verdicts=[1, 2], human=[3, None])
    turned = Judged(ids=["b", "a"], verdicts=[9, 9], human=[None, 3])
    other = Judged(ids=["a", "b"], verdicts=[1, 2], human=[3, 3])
    assert one.labels_hash() == turned.labels_hash() != other.labels_hash()
    assert Judged(ids=["a"], verdicts=[1]).labels_hash() is None


@given(st.lists(st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=3, max_size=3), min_size=1, max_size=6))
def test_the_mean_of_raters_is_that_of_those_who_rated(table: list[list[float | None]]) -> None:
    found = mean_of_raters(np.array(table, dtype=float))
    for row, mean in zip(table, found.tolist(), strict=True):
        given_here = [one for one in row if one is not None]
        assert math.isnan(mean) if not given_here else mean == pytest.approx(math.fsum(given_here) / len(given_here))


def test_the_order_of_raters_breaks_no_tie() -> None:
    turned = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2, 0.3, 0.1]])
    assert 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1, "added up as they come they differ"
    assert mean_of_raters(turned).tolist() == [0.2, 0.2, 0.2]
    assert Judged(ids=["a", "b", "c"], verdicts=[1, 2, 3], raters=turned).human.tolist() == [0.2, 0.2, 0.2]
